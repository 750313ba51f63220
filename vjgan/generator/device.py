"""Where a model runs, and on how many cores."""

from __future__ import annotations

import os

import torch

from vjgan.errors import DeviceError

MOST_THREADS = 8  # one picture at a time has no work for more


def devices() -> list[str]:
    """Where a model can run, the fastest first."""
    cuda = ["cuda"] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def find_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, ``mps``, or for ``auto`` the fastest there is. Raises DeviceError."""
    there = devices()
    if name == "auto":
        return torch.device(there[0])
    if name not in there:
        raise DeviceError(f"compute device '{name}' is not here; there is {', '.join(there)}")
    return torch.device(name)


def set_threads(live: bool) -> int:
    """Give torch the machine's cores, all but one in a live show, where sound and screen need it;
    how many it got."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    threads = min(MOST_THREADS, max(1, cores - live))
    torch.set_num_threads(threads)
    return threads
