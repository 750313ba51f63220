"""Lines to other programs: the kinds there are, and what feeds one while the show runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vjgan import ndi
from vjgan.errors import DeviceError
from vjgan.media.packed import Yuyv, rgba
from vjgan.output import spout, syphon
from vjgan.output.loopback import Loopback, check_loopback
from vjgan.output.rate import Rate
from vjgan.priority import step_back
from vjgan.types import AudioFrame, ByteArray

log = logging.getLogger("vjgan")

NICENESS = 5
MOST_FPS = 60
AGAIN_SECONDS = 2.0  # until one that is gone is looked for again
END_SECONDS = 5.0  # that its thread may take to end


class Line(Protocol):
    """Opened by a name and the size of its pictures; all calls come from one thread."""

    def send(self, image: ByteArray) -> None:
        """Show a picture uint8 [height, width, 3 or 4] of that size. Raises DeviceError."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Kind:
    """A way to other programs: ``check`` refuses at the door, ``open`` takes name and size; whether
    it has ``alpha``."""

    place: str  # as it is written, for people
    check: Callable[[str], object]
    open: Callable[[str, tuple[int, int]], Line]
    alpha: bool = True


KINDS = {
    "ndi": Kind("NAME", lambda place: ndi.library(), lambda place, size: ndi.Sender(place, rgba)),
    "v4l2": Kind(
        "/dev/videoN",
        check_loopback,
        lambda place, size: Loopback(place, even(size), Yuyv(even(size))),
        alpha=False,
    ),
    "spout": Kind(
        "NAME", lambda place: spout.library(), lambda place, size: spout.SpoutSender(place)
    ),
    "syphon": Kind("NAME", lambda place: syphon.library(), syphon.SyphonServer),
}


def even(size: tuple[int, int]) -> tuple[int, int]:
    """A size whose width two pixels can share a colour in."""
    return max(2, size[0] // 2 * 2), size[1]


def check_line(text: str) -> tuple[Kind, str]:
    """What is written ``KIND:PLACE``. Raises DeviceError for what there is not: one sentence."""
    name, _, place = text.partition(":")
    kind = KINDS.get(name)
    if kind is None or not place:
        there = ", ".join(f"{name}:{kind.place}" for name, kind in KINDS.items())
        raise DeviceError(f"--output '{text}' is none of {there}")
    kind.check(place)
    return kind, place


def open_line(text: str, width: int, alpha: bool = False) -> LineOutput:
    """An output of that text, for light so wide at most in pixels. Raises DeviceError."""
    kind, place = check_line(text)
    return LineOutput(text, width, alpha and kind.alpha, lambda size: kind.open(place, size))


class LineOutput:
    """Sends the newest of the light, from a thread of its own. A line that is gone is told of once
    and looked for again."""

    def __init__(
        self, text: str, width: int, alpha: bool, open_: Callable[[tuple[int, int]], Line]
    ) -> None:
        """``open_`` makes the line for pictures of a size in pixels; it is called in the thread,
        again when the size changes or the line was lost."""
        self.text, self.width, self.alpha = text, width, alpha
        self.sent = 0
        self._open = open_
        self._line: Line | None = None
        self._size = (0, 0)
        self._rate = Rate(MOST_FPS)
        self._newest: ByteArray | None = None
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=text, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """It is never over: what is lost is looked for again."""
        return False

    def due(self, time: float) -> bool:
        """Whether another picture can be sent, at most ``MOST_FPS`` a second."""
        return self._rate.due(time)

    def show(self, image: ByteArray, time: float) -> None:
        """Have a picture sent; one that still waits is left out."""
        self._newest = image
        self._news.set()

    def hear(self, block: AudioFrame) -> None:
        """It is silent."""

    def close(self) -> None:
        """End the line."""
        self._closed.set()
        self._news.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        step_back(NICENESS)
        lost = False
        while not self._closed.is_set():
            self._news.wait()
            self._news.clear()
            image = self._newest
            if image is None or self._closed.is_set():
                continue
            try:
                self._send(image)
            except Exception as error:  # of a library of others, whatever it is
                if not lost:
                    log.error("output '%s': %s; it is looked for again", self.text, error)
                lost = True
                self._end()
                self._closed.wait(AGAIN_SECONDS)
            else:
                if lost:
                    log.info("output '%s' is there again", self.text)
                lost = False
        self._end()

    def _send(self, image: ByteArray) -> None:
        size = image.shape[1], image.shape[0]
        if self._line is None or size != self._size:
            self._end()
            self._line, self._size = self._open(size), size
            log.info("output '%s' begins: %dx%d", self.text, *size)
        self._line.send(image)
        self.sent += 1

    def _end(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        try:
            line.close()
        except Exception as error:  # it is gone anyhow
            log.debug("output '%s': %s", self.text, error)
