"""Memory that a picture gives back is kept for the next one; and how much is in use."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
NEVER = 2**31 - 1  # bytes


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def taken_bytes() -> int | None:
    """The memory that is in use of all that was asked for: what the process holds says little when
    it gives nothing back. None without glibc 2.33."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None) if sys.platform == "linux" else None
    if mallinfo is None:
        return None
    mallinfo.restype = _Mallinfo2
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


def keep_memory() -> bool:
    """Tell glibc not to give large blocks back to the system, for the whole process; whether it
    could be told. A fresh page costs more than what a convolution does with it: feature maps asked
    for anew in every picture make it a third slower. What is held at the peak is then held on."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    # One arena: those of threads are of 64 MB, and are given back when empty.
    wanted = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER, M_ARENA_MAX: 1}
    return all(mallopt(option, value) for option, value in wanted.items())
