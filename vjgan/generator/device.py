"""Where a model runs, on how many cores, and with how much memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vjgan.errors import DeviceError
from vjgan.generator.allocator import taken_bytes

MOST_THREADS = 8  # one picture at a time has no work for more
WARM_SHARE = 0.5  # of the free memory, for models kept warm
GIGABYTE = 1_000_000_000
UNKNOWN_FREE = 4 * GIGABYTE  # taken to be free where the system does not tell


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


def set_threads(live: bool, processes: int = 1) -> int:
    """Give torch the machine's cores, all but one in a live show, where sound and screen need it,
    and its part of them where several ``processes`` draw; how many it got."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    threads = min(MOST_THREADS, max(1, cores // processes - live))
    torch.set_num_threads(threads)
    return threads


def free_bytes(device: torch.device) -> int:
    """The memory that a device has left for us."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return UNKNOWN_FREE


def used_bytes(device: torch.device) -> int:
    """The memory that we have taken on a device; 0 where the system does not tell. Takes a moment
    on a graphics card: only to be asked beside the loading of a model."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what is only kept for later would be taken for in use
        return torch.cuda.memory_reserved(device)  # with the memory of graphs
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return taken_bytes() or 0


def warm_budget(text: str, device: torch.device) -> int:
    """The bytes that warm models may take: ``text`` in GB (the variable VJGAN_WARM_GB), or a share
    of what is free. Raises DeviceError."""
    if not text:
        return int(WARM_SHARE * free_bytes(device))
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = -1.0
    if not 0.0 <= gigabytes <= 10_000.0:
        raise DeviceError(f"VJGAN_WARM_GB '{text}' is not a number of gigabytes, 0 to 10000")
    return int(gigabytes * GIGABYTE)
