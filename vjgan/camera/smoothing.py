"""A sitter's numbers smoothed over time: who somebody is slowly, what the face does at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vjgan.types import FloatArray

# What a face does, and how it is turned, follows at once; the rest is who somebody is.
DOES = ("smile", "jaw", "blink", "brow", "gaze", "turn", "nod")
REST_HZ = 1.2  # cutoff of what rests
PER_SPEED = 1.5  # by which it rises, in Hz for a standard deviation a second
SPEED_HZ = 1.0  # cutoff of the speed
WHO_SECONDS = 3.0  # time constant of who somebody is, in the end


def does(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the numbers tell what a face does, not who somebody is: [n]."""
    return np.array([name in DOES for name in names], np.bool_)


class OneEuro:
    """A low-pass whose cutoff rises with speed: still where nothing moves, close where something
    does (Casiez, Roussel and Vogel 2012), for arrays."""

    def __init__(self, rest_hz: float = REST_HZ, per_speed: float = PER_SPEED) -> None:
        self._rest_hz, self._per_speed = rest_hz, per_speed
        self._value: FloatArray | None = None
        self._last: FloatArray | None = None
        self._speed: FloatArray | float = 0.0

    def step(self, target: FloatArray, dt: float) -> FloatArray:
        """The smoothed value ``dt`` seconds after the last one."""
        if self._value is None or self._last is None or dt <= 0.0:
            self._value = self._last = target
            return target
        share = 1 - math.exp(-2 * math.pi * SPEED_HZ * dt)
        self._speed = self._speed + share * ((target - self._last) / dt - self._speed)
        cutoff = self._rest_hz + self._per_speed * np.abs(self._speed)
        self._value = self._value + (1 - np.exp(-2 * math.pi * cutoff * dt)) * (
            target - self._value
        )
        self._last = target
        return np.asarray(self._value, np.float32)


class Smoother:
    """The numbers of one sitter; a new one needs a new smoother."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._does = does(names)
        self._quick = OneEuro()
        self._who: FloatArray | None = None
        self._age = 0.0  # seconds of which who somebody is, is the mean

    def step(self, z: FloatArray, dt: float) -> FloatArray:
        """z [32], smoothed: who somebody is, is the mean of all at first, and later that of the
        last seconds."""
        if self._who is None:
            self._who = z
        else:
            self._age += dt
            seconds = min(self._age, WHO_SECONDS)
            self._who = self._who + (z - self._who) * (1 - math.exp(-dt / max(seconds, 1e-3)))
        return np.where(self._does, self._quick.step(z, dt), self._who).astype(np.float32)
