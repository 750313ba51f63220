"""Somebody new at a touch: the walk's picture turns into a person's, into another's, and back."""

from __future__ import annotations

import math

import numpy as np

from vjgan.motion.curve import Array, seeded
from vjgan.motion.glide import Cast
from vjgan.types import LatentSpace

LAG = 0.22  # s, each of two poles: half of the way after 0.37 s, 99 % after 1.5 s


class Guest:
    """Whoever is on instead of the walk: the picture of a seed, met and left without a corner,
    and the same at any frame rate."""

    def __init__(self, space: LatentSpace) -> None:
        self._space = space
        self._seed: int | None = None
        self._there: Array | None = None  # w [w_dim] of the guest
        self._cast: Cast = {}
        self._place: Array | None = None  # w [w_dim] on the way from guest to guest, its speed
        self._speed: Array = np.zeros(0)
        self._share = self._rise = 0.0  # of the guest in the picture, and its speed

    def meet(self, seed: int | None) -> None:
        """From now on be the picture of a ``seed``; None: walk on."""
        if seed != self._seed:
            self._seed, self._cast = seed, {}

    def step(self, walk: Array, dt: float, cast: Cast) -> Array:
        """w [w_dim] for the ``walk``'s, ``dt`` seconds after the last step."""
        if self._seed is None and self._share < 1e-6:
            self._place, self._share, self._rise = None, 0.0, 0.0
            return walk
        if self._seed is not None and self._cast != cast:
            z = seeded(self._seed, 1, self._space.z_dim).astype(np.float32)
            mapped = [share * self._space.map(z, label)[0] for label, share in cast.items()]
            self._there, self._cast = np.sum(mapped, axis=0).astype(np.float64), dict(cast)
        there = walk if self._there is None else self._there
        if self._place is None:
            self._place, self._speed = there.copy(), np.zeros_like(there)
        fade = math.exp(-dt / LAG)
        self._place, self._speed = _settled(self._place, self._speed, there, dt, fade)
        wanted = float(self._seed is not None)
        away, rise = self._share - wanted, self._rise
        self._share = wanted + (away + (rise + away / LAG) * dt) * fade
        self._rise = (rise - (rise + away / LAG) * dt / LAG) * fade
        return walk + self._share * (self._place - walk)


def _settled(
    place: Array, speed: Array, there: Array, dt: float, fade: float
) -> tuple[Array, Array]:
    """Two poles of LAG toward ``there``: the place and its speed after ``dt`` seconds."""
    away = place - there
    pull = speed + away / LAG
    return there + (away + pull * dt) * fade, (speed - pull * dt / LAG) * fade
