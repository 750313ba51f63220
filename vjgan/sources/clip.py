"""A video as a layer: paced by time or by the beat, looped, decoded ahead in a thread of its own;
or, for films, in step."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from vjgan.errors import MediaError
from vjgan.priority import step_back
from vjgan.sources.decoder import Converter, GoneError, Reel, Shot
from vjgan.types import Beat, Frame, Tick

log = logging.getLogger("vjgan")

ROUNDING = 1e-4  # seconds, within which a picture is due: sums of times are not exact
AHEAD = 3  # pictures decoded and not yet shown
MOST_SKIPPED = 6  # in a row, where decoding is too slow: then a late one is better than none
NICENESS = 10
AGAIN_SECONDS = 2.0  # until a file that is gone is tried again


class Pace:
    """How far a video of so many ``seconds`` has run: by time, or through it in ``beats``."""

    def __init__(self, seconds: float, beats: float | None) -> None:
        self._seconds = seconds
        self._beats = beats
        self._position: float | None = None  # in beats, at the last step
        self._run = 0.0

    def step(self, beat: Beat, tick: Tick, speed: float) -> float:
        """Seconds of video run through so far; begins at 0, or where the beat is in its loop."""
        first, last = self._position is None, self._position or 0.0
        self._position = beat.position
        if self._beats is None:
            self._run += 0.0 if first else tick.dt * speed
        elif first:
            self._run = beat.position / self._beats % 1.0 * self._seconds
        else:
            self._run += (beat.position - last) / self._beats * self._seconds * speed
        return self._run


class Clip:
    """A video file's picture of the moment."""

    def __init__(self, path: Path, beats: float | None, live: bool, channels: int) -> None:
        """Raises MediaError when the file is missing or holds no video."""
        reel = Reel(path)
        self._pace = Pace(reel.seconds, beats)
        self._feed = Ahead(reel, channels) if live else InStep(reel, channels)

    def read(self, beat: Beat, tick: Tick, speed: float) -> Frame:
        """The picture that its pace has come to."""
        return self._feed.at(self._pace.step(beat, tick, speed))

    def close(self) -> None:
        """End the thread, if there is one, without waiting for it."""
        self._feed.close()


class InStep:
    """Decodes to just the picture that is wanted."""

    def __init__(self, reel: Reel, channels: int) -> None:
        self._path = reel.path
        self._convert = Converter(channels)
        self._shots = reel.shots()
        self._next = self._decoded()
        self._shown = self._frame(self._next)

    def at(self, seconds: float) -> Frame:
        """The picture at ``seconds``, which never go back. Raises MediaError without one."""
        newest: Shot | None = None
        while self._next.start <= seconds + ROUNDING:
            newest, self._next = self._next, self._decoded()
        if newest is not None:
            self._shown = self._frame(newest)
        return self._shown

    def close(self) -> None:
        """Nothing to end."""

    def _decoded(self) -> Shot:
        try:
            return next(self._shots)
        except GoneError as reason:
            raise MediaError(f"video '{self._path}' cannot be read: {reason}") from None

    def _frame(self, shot: Shot) -> Frame:
        return Frame(shot.start, self._convert(shot.frame))


class Ahead:
    """Decodes a few pictures ahead, in a thread that begins with the first question. A file that
    cannot be read any more is told of once; the last picture stays, and it is tried again."""

    def __init__(self, reel: Reel, channels: int) -> None:
        self._reel = reel
        self._convert = Converter(channels)
        self._shown = Frame(0.0, self._convert(next(reel.shots()).frame))
        self._ready: deque[Frame] = deque()
        self._aim = 0.0
        self._closed = self._told = False
        self._room = threading.Event()
        self._thread: threading.Thread | None = None

    def at(self, seconds: float) -> Frame:
        """The newest picture that is there and due at ``seconds``, which never goes back."""
        self._aim = seconds
        if self._thread is None:
            name = f"video {self._reel.path.name}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()
        while self._ready and self._ready[0].time <= seconds + ROUNDING:
            self._shown = self._ready.popleft()
            self._room.set()
        return self._shown

    def close(self) -> None:
        """Tell the thread to end."""
        self._closed = True
        self._room.set()

    def _run(self) -> None:
        step_back(NICENESS)
        while not self._closed:
            began = time.monotonic()
            try:
                self._fill(self._reel.shots(lambda: self._aim))
            except GoneError as reason:
                if not self._told:
                    self._told = True
                    log.error("video '%s': %s; its last picture stays", self._reel.path, reason)
                while not self._closed and time.monotonic() < began + AGAIN_SECONDS:
                    time.sleep(0.1)

    def _fill(self, shots: Iterator[Shot]) -> None:
        skipped = 0
        for shot in shots:
            while len(self._ready) >= AHEAD and not self._closed:
                self._room.wait(0.5)
                self._room.clear()
            if self._closed:
                return
            if shot.end <= self._aim and skipped < MOST_SKIPPED:
                skipped += 1
                continue
            skipped = 0
            self._ready.append(Frame(shot.start, self._convert(shot.frame)))
