"""What steps back, and that libraries' threads do not stay ahead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from vjgan.priority import behind

linux = pytest.mark.skipif(sys.platform != "linux", reason="a thread's priority is Linux's")


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def of_a_child() -> int:
    found: list[int] = []
    child = threading.Thread(target=lambda: found.append(priority()))
    child.start()
    child.join()
    return found[0]


@linux
def test_what_is_started_behind_stays_behind() -> None:
    before = priority()
    assert behind(before + 7, of_a_child) == before + 7
    assert priority() == before


def test_what_is_raised_behind_is_raised() -> None:
    with pytest.raises(KeyError, match="portraits"):
        behind(3, lambda: {}["portraits"])


NUMPY = """
import os
import vjgan
import numpy as np
np.ones((600, 600)) @ np.ones((600, 600))
print(len(os.listdir("/proc/self/task")))
"""


@linux
def test_numpy_starts_no_helpers_ahead_of_the_show() -> None:
    asked = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", NUMPY], capture_output=True, text=True, env=asked, check=True
    )
    assert done.stdout.split() == ["1"], done.stdout
