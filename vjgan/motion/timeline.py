"""A way with an end: through chosen pictures, each at its bar of a track."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vjgan.motion.curve import Array, Ring, seeded
from vjgan.motion.glide import Cast
from vjgan.motion.pace import BAR, RETURN, Push, between, quintic
from vjgan.types import Beat, Controls, LatentSpace

SEEDS = 2**32


class Way:
    """A curve through pictures and when each is reached. ``bars`` rise, counted from 0; between
    two arrivals the speed is even (in perceptual length) but for the passing from one to another;
    before the first and after the last it rests."""

    def __init__(
        self, bars: Sequence[float], seeds: Sequence[int], space: LatentSpace, cast: Cast
    ) -> None:
        moves = [True, *(a != b for a, b in pairwise(seeds))]
        anchors = [seed for seed, moved in zip(seeds, moves, strict=True) if moved]
        # The ring is closed by a way back that is never gone. Fewer than three make no ring.
        closing = [(anchors[-1] + k) % SEEDS for k in range(1, max(2, 4 - len(anchors)))]
        z = np.concatenate([seeded(seed, 1, space.z_dim) for seed in (*anchors, *closing)])
        self._ring = Ring(z, space, cast)
        self._bars = list(bars)
        places = np.cumsum(moves) - 1
        self._far = [self._ring.passed(int(place)) for place in places]
        rates = [
            (end - start) / (last - first)
            for (start, end), (first, last) in zip(
                pairwise(self._far), pairwise(self._bars), strict=True
            )
        ]
        inner = [between(one, other) for one, other in pairwise(rates)]
        self._rates = [0.0, *inner, 0.0]  # units a bar, at each arrival

    def at(self, bar: float, ahead: float, cast: Cast) -> Array:
        """w [w_dim] at a place of the track, ``ahead`` units further."""
        return self._ring.along(self.length(bar) + ahead, cast)

    def length(self, bar: float) -> float:
        """The units gone by ``bar``: C2, rising."""
        if bar <= self._bars[0] or len(self._bars) == 1:
            return self._far[0]
        if bar >= self._bars[-1]:
            return self._far[-1]
        i = bisect_right(self._bars, bar) - 1
        span = self._bars[i + 1] - self._bars[i]
        return quintic(
            (bar - self._bars[i]) / span,
            self._far[i],
            self._far[i + 1],
            self._rates[i] * span,
            self._rates[i + 1] * span,
        )


class Timeline:
    """The pictures of ``stops`` (bar, seed), in their order; onsets push it ahead for a moment,
    ``speed`` and ``energy`` do nothing. The beat's position counts from the track's first bar."""

    def __init__(self, stops: Sequence[tuple[float, int]], space: LatentSpace, cast: Cast) -> None:
        bars, seeds = [bar for bar, _ in stops], [seed for _, seed in stops]
        self._way = Way(bars, seeds, space, cast)
        self._style = Way(bars, [(seed + SEEDS // 2) % SEEDS for seed in seeds], space, cast)
        self._push = Push(1.0 / RETURN)

    def step(
        self, controls: Controls, beat: Beat, ages: Sequence[float], dt: float, cast: Cast
    ) -> tuple[Array, Array]:
        """Both walks' w [w_dim]."""
        bar = (beat.position - beat.downbeat) / BAR
        ahead = self._push.step(controls["kick"], ages, dt)
        return self._way.at(bar, ahead, cast), self._style.at(bar, ahead, cast)
