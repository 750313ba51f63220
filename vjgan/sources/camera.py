"""A camera as a layer: its newest picture, from a thread of its own."""

from __future__ import annotations

import logging
import threading

from vjgan.errors import DeviceError
from vjgan.latest import Latest
from vjgan.priority import step_back
from vjgan.sources.decoder import Converter, GoneError, Opener, find_camera, grabbed
from vjgan.types import Beat, Frame, Tick

log = logging.getLogger("vjgan")

NICENESS = 5
FIRST_SECONDS = 5.0  # in which a camera must show something
AGAIN_SECONDS = 2.0  # until one that is gone is looked for again


class Camera:
    """What a camera sees now. One that is unplugged leaves its last picture, is told of once, and
    is there again when it is plugged in again."""

    def __init__(self, name: str, channels: int, open_: Opener | None = None) -> None:
        """``open_`` stands in for the camera of that ``name``. Raises DeviceError when it is not
        there or shows nothing."""
        self._name = name
        self._open = open_ or find_camera(name)
        self._convert = Converter(channels)
        self._seen: Latest[Frame | None] = Latest(None)
        self._there = threading.Event()
        self._closed = threading.Event()
        self._reason = "it shows nothing"
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)
        self._thread.start()
        if not self._there.wait(FIRST_SECONDS) or self._seen.get() is None:
            self.close()
            raise DeviceError(f"camera '{name}' cannot be used: {self._reason}")

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
                for count, frame in enumerate(grabbed(self._open)):
                    self._seen.put(Frame(float(count), self._convert(frame)))
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
                    log.error("camera '%s': %s; its last picture stays", self._name, reason)
                told = True
            self._closed.wait(AGAIN_SECONDS)
