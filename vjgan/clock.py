"""The loop's own clock: one Tick an iteration, paced by the wall or stepped exactly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

from vjgan.types import Tick

# A frame later than this many frame times is not caught up: the pace starts anew from it.
CATCH_UP_FRAMES = 2


class WallClock:
    """Real time. Sleeps to keep ``fps``; a late frame shortens the next wait, a very late one
    (a laptop lid, a debugger) starts the pace anew rather than rushing."""

    def __init__(
        self,
        fps: float = 60.0,
        seconds: float | None = None,
        now: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.period = 1.0 / fps
        self.seconds = seconds
        self._now = now
        self._sleep = sleep
        self._start = now()
        self._running = True

    def time(self) -> float:
        """Seconds since the clock was made; callable from any thread."""
        return self._now() - self._start

    def stop(self) -> None:
        """End the iteration after the frame under way."""
        self._running = False

    def __iter__(self) -> Iterator[Tick]:
        index, last, due = 0, self.time() - self.period, self.time()
        while self._running:
            self._wait(due)
            time_ = self.time()
            if self.seconds is not None and time_ >= self.seconds:
                return
            yield Tick(index, time_, time_ - last, time_ + self.period)
            index, last = index + 1, time_
            due += self.period
            if self.time() > due + CATCH_UP_FRAMES * self.period:
                due = self.time()

    def _wait(self, due: float) -> None:
        remaining = due - self.time()
        if remaining > 0.0:
            self._sleep(remaining)


class FixedClock:
    """Exact time for films: frame k is at ``start + k / fps`` in rational arithmetic, so that
    29.97 (30000/1001) does not drift over an hour."""

    def __init__(self, fps: Fraction, frames: int, start: Fraction = Fraction(0)) -> None:
        self.fps = fps
        self.frames = frames
        self.start = start
        self._running = True

    def stop(self) -> None:
        """End the iteration after the frame under way."""
        self._running = False

    def __iter__(self) -> Iterator[Tick]:
        dt = float(1 / self.fps)
        for index in range(self.frames):
            if not self._running:
                return
            time_ = float(self.start + index / self.fps)
            yield Tick(index, time_, dt, time_)
