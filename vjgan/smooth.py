"""Smoothing by a time constant in seconds, so that 30 and 60 frames a second move alike."""

from __future__ import annotations

import math


def approach(value: float, target: float, dt: float, seconds: float) -> float:
    """``value`` moved toward ``target`` for ``dt`` seconds by a one-pole filter whose time constant
    is ``seconds`` (63 % of the way in that time; 0 jumps there). Exact for a held target."""
    if seconds <= 0.0:
        return target
    return target + (value - target) * math.exp(-dt / seconds)


def follow(value: float, last: float, target: float, dt: float, seconds: float) -> float:
    """``value`` after ``dt`` seconds behind a target that went straight from ``last`` to ``target``
    in them: the same filter, exact for such a way, so that the frame rate does not show."""
    if dt <= 0.0:
        return value
    behind = (target - last) / dt * seconds
    return approach(value - last + target, target - behind, dt, seconds)


class Envelope:
    """Follows a value with one time constant on the way up and another on the way down."""

    __slots__ = ("attack", "release", "value")

    def __init__(self, attack: float, release: float, value: float = 0.0) -> None:
        self.attack = attack
        self.release = release
        self.value = value

    def step(self, target: float, dt: float) -> float:
        """The followed value after ``dt`` seconds."""
        seconds = self.attack if target > self.value else self.release
        self.value = approach(self.value, target, dt, seconds)
        return self.value
