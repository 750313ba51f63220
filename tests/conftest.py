"""The venue: a real X server, a real sound server with a null sink, a real MIDI transport.

It must come up; a machine where it cannot (no Xvfb, no PulseAudio, no jackd) fails the tests
rather than skipping them. ``make test`` installs what it needs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

VENUE = Path(__file__).with_name("venue.sh")

MOST_WORKERS = 4  # sound and servers, which tests wait for, need cores as well
WORKER_BYTES = 2e9  # what a worker takes at most, with its venue and the programs it starts

# torch's threads wait for each other without sleeping: on busy cores, twenty times the work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are taken: what can be done in one thread is
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers ``pytest -n auto`` starts: one a core, as far as memory goes."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(len(os.sched_getaffinity(0)), MOST_WORKERS, int(memory / WORKER_BYTES)))


class Venue:
    """The running venue and what can be done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str) -> str:
        """``venue.sh WORDS``, for this venue; what it prints."""
        done = subprocess.run(
            [str(VENUE), *words, str(self.folder)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"venue.sh {words}: {done.stderr}"
        return done.stdout

    def play(self, wav: Path) -> subprocess.Popen[bytes]:
        """Play a sound file into the sink, as another program would."""
        return subprocess.Popen(["paplay", "--device=venue", str(wav)])


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """Screen, sound and MIDI of this test run; its environment is exported to the process."""
    place = Venue(tmp_path_factory.mktemp("venue"))
    before = dict(os.environ)
    for line in place.run("up").splitlines():
        for word in shlex.split(line.removeprefix("export ")):
            name, _, value = word.partition("=")
            os.environ[name] = value
    try:
        yield place
    finally:
        place.run("down")
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that are marked ``alone`` claim something about real time: while one runs, the other
    workers wait between two of their tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    place = Path(tempfile.gettempdir(), f"vjgan-turn-{run}")
    with place.with_suffix(".door").open("w") as door, place.with_suffix(".room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)  # whoever waits for the room keeps others from entering
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@pytest.fixture(autouse=True)
def own_priority() -> Iterator[None]:
    """A test that lets its sound go first does so for itself, not for all that follow it."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    yield
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, before)


def free_port() -> int:
    """A TCP port of this machine for a program to listen at; another worker is told another."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float = 100.0, what: str = "") -> None:
    """Wait for something that other threads or processes bring about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        time.sleep(0.01)
