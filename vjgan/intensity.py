"""How far the music has risen, against the minutes before: intro, build, drop, breakdown."""

from __future__ import annotations

import math

from vjgan.smooth import approach

SECONDS = 2.5  # time constant: a drop is there within a bar or two
WIDEN_SECONDS = 1.5  # in which the range takes in what is louder or softer than all before
NARROW_SECONDS = 150.0  # in which it forgets
LEAST = 0.6  # doublings of loudness (6 dB) that the range spans at least


class Intensity:
    """``value`` 0..1: 0 the softest of the last minutes, 1 the loudest; 0.5 where all is alike."""

    def __init__(self) -> None:
        self.value = 0.0
        self._loudness = self._low = self._high = 0.0
        self._heard = 0.0  # seconds

    def step(self, loudness: float, silent: bool, dt: float) -> None:
        """Go on by ``dt`` seconds with a ``loudness`` (linear, as heard); silence falls to 0."""
        if silent:
            self.value = approach(self.value, 0.0, dt, SECONDS)
            return
        self._heard += dt
        self._loudness = approach(self._loudness, loudness, dt, min(self._heard, SECONDS))
        now = math.log2(max(self._loudness, 1e-9))
        if self._heard < SECONDS:
            self._low = self._high = now
        wider = min(self._heard, WIDEN_SECONDS)
        self._high = approach(self._high, now, dt, wider if now > self._high else NARROW_SECONDS)
        self._low = approach(self._low, now, dt, wider if now < self._low else NARROW_SECONDS)
        span = max(LEAST, self._high - self._low)
        place = 0.5 + (now - 0.5 * (self._high + self._low)) / span
        self.value = approach(self.value, min(1.0, max(0.0, place)), dt, min(self._heard, 0.5))
