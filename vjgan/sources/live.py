"""What is seen now, elsewhere, as a layer: its newest picture, from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from vjgan.errors import DeviceError
from vjgan.latest import Latest
from vjgan.priority import step_back
from vjgan.sources.decoder import GoneError
from vjgan.types import Beat, ByteArray, Frame, Tick

log = logging.getLogger("vjgan")

NICENESS = 5
FIRST_SECONDS = 5.0  # in which it must show something
AGAIN_SECONDS = 2.0  # until one that is gone is looked for again


class Live:
    """The newest of ``pictures``. One that is gone leaves its last picture, is told of once, and
    is there again when it comes back."""

    def __init__(self, called: str, pictures: Callable[[], Iterator[ByteArray]]) -> None:
        """``called`` is what it is, for people; ``pictures`` opens it, and raises DeviceError or
        GoneError where it is not there. Raises DeviceError when it shows nothing."""
        self._called = called
        self._open = pictures
        self._seen: Latest[Frame | None] = Latest(None)
        self._there = threading.Event()
        self._closed = threading.Event()
        self._reason = "it shows nothing"
        self._thread = threading.Thread(target=self._run, name=called, daemon=True)
        self._thread.start()
        if not self._there.wait(FIRST_SECONDS) or self._seen.get() is None:
            self.close()
            raise DeviceError(f"{called} cannot be used: {self._reason}")

    def read(self, beat: Beat, tick: Tick, speed: float) -> Frame:
        """Its newest picture; a ``speed`` of 0 holds none back: what is live has no pace."""
        frame = self._seen.get()
        assert frame is not None  # or it could not have been made
        return frame

    def close(self) -> None:
        """Tell the thread to end."""
        self._closed.set()

    def _run(self) -> None:
        step_back(NICENESS)
        told = False
        while not self._closed.is_set():
            try:
                for count, image in enumerate(self._open()):
                    self._seen.put(Frame(float(count), image))
                    self._there.set()
                    told = told and count == 0
                    if self._closed.is_set():
                        return
            except (GoneError, DeviceError) as reason:
                self._reason = str(reason)
                if self._seen.get() is None:
                    self._there.set()
                    return
                if not told:
                    log.error("%s: %s; its last picture stays", self._called, reason)
                told = True
            self._closed.wait(AGAIN_SECONDS)
