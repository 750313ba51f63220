"""Somebody new at a touch: the walk's picture turns into a person's, into another's, and back."""

from __future__ import annotations

import math

import numpy as np

from vjgan.motion.curve import Array, seeded
from vjgan.motion.glide import Cast
from vjgan.smooth import approach
from vjgan.types import FloatArray, LatentSpace

LAG = 0.22  # s, each of two poles: half of the way after 0.37 s, 99 % after 1.5 s
CLOSE_LAG = 0.06  # behind somebody who moves: a blink is not lost
CLOSING = 0.5  # s, time constant from one to the other
MOVES = 0.3  # s; who is met again so soon is followed


class Guest:
    """Whoever is on instead of the walk: the picture of a seed or a w, met and left without a
    corner, and the same at any frame rate. One met again and again is followed closely."""

    def __init__(self, space: LatentSpace) -> None:
        self._space = space
        self._who: int | FloatArray | None = None
        self._there: Array | None = None  # w [w_dim] or [num_ws, w_dim] of the guest
        self._cast: Cast = {}
        self._place: Array | None = None  # w on the way from guest to guest, its speed
        self._speed: Array = np.zeros(0)
        self._share = self._rise = 0.0  # of the guest in the picture, and its speed
        self._lag = LAG
        self._moves = False
        self._since = MOVES  # seconds since a w was met

    def meet(self, guest: int | FloatArray | None) -> None:
        """From now on be the picture of a seed, or of a w [w_dim] or [num_ws, w_dim] before
        truncation; None: walk on."""
        if isinstance(guest, np.ndarray):
            self._there, self._cast = guest.astype(np.float64), {}
            self._moves, self._since = self._since < MOVES, 0.0
        elif isinstance(self._who, np.ndarray) or guest != self._who:
            self._cast = {}
        self._who = guest

    def step(self, walk: Array, dt: float, cast: Cast, likeness: float = 1.0) -> Array:
        """w [w_dim] or [num_ws, w_dim] for the ``walk``'s [w_dim], ``dt`` seconds after the last
        step; ``likeness`` 0..1 goes from the walk to the guest."""
        self._since += dt
        if self._who is None and self._share < 1e-6:
            self._place, self._share, self._rise, self._lag = None, 0.0, 0.0, LAG
            return walk
        if isinstance(self._who, int) and self._cast != cast:
            z = seeded(self._who, 1, self._space.z_dim).astype(np.float32)
            mapped = [share * self._space.map(z, label)[0] for label, share in cast.items()]
            self._there, self._cast = np.sum(mapped, axis=0).astype(np.float64), dict(cast)
        there = walk if self._there is None else self._there
        if self._place is None:
            self._place, self._speed = there.copy(), np.zeros_like(there)
        close = self._moves and self._since < MOVES
        self._lag = approach(self._lag, CLOSE_LAG if close else LAG, dt, CLOSING)
        self._place, self._speed = _settled(self._place, self._speed, there, dt, self._lag)
        wanted = float(self._who is not None)
        away, rise = self._share - wanted, self._rise
        fade = math.exp(-dt / LAG)
        self._share = wanted + (away + (rise + away / LAG) * dt) * fade
        self._rise = (rise - (rise + away / LAG) * dt / LAG) * fade
        return np.asarray(walk + likeness * self._share * (self._place - walk))


def _settled(
    place: Array, speed: Array, there: Array, dt: float, lag: float
) -> tuple[Array, Array]:
    """Two poles of ``lag`` toward ``there``: the place and its speed after ``dt`` seconds."""
    fade = math.exp(-dt / lag)
    away = place - there
    pull = speed + away / lag
    return there + (away + pull * dt) * fade, (speed - pull * dt / lag) * fade
