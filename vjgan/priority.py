"""Letting sound and screen go first where cores are few: they are late at once, others are not."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def step_ahead(steps: int) -> None:
    """Raise the priority of the thread that calls; without effect where that is not allowed."""
    step_back(-steps)


def step_back(niceness: int) -> None:
    """Lower the priority of the thread that calls; without effect where only processes have one."""
    with contextlib.suppress(AttributeError, OSError):  # a thread's own priority is Linux's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def behind(niceness: int, work: Callable[[], T]) -> T:
    """What ``work`` gives, done in a thread that stepped back so far: threads that a library starts
    meanwhile, and keeps, have its priority. What it raises is raised."""
    with ThreadPoolExecutor(1, "behind", step_back, (niceness,)) as thread:
        return thread.submit(work).result()
