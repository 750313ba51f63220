"""A way with an end: through chosen pictures, each at its bar of a track."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vjgan.motion.curve import Anchor, Array, is_same, make_ring
from vjgan.motion.glide import Cast
from vjgan.motion.pace import BAR, RETURN, Push, between, quintic
from vjgan.types import Beat, Controls, LatentSpace

SEEDS = 2**32


def seed_of(anchor: Anchor) -> int:
    """The anchor's seed, or one of its own for a known w."""
    return anchor if isinstance(anchor, int) else zlib.crc32(anchor.tobytes())


class Way:
    """A curve through pictures and when each is reached. ``bars`` rise, counted from 0; between
    two arrivals the speed is even (in perceptual length) but for the passing from one to another;
    before the first and after the last it rests."""

    def __init__(
        self, bars: Sequence[float], anchors: Sequence[Anchor], space: LatentSpace, cast: Cast
    ) -> None:
        moves = [True, *(not is_same(a, b) for a, b in pairwise(anchors))]
        places = [anchor for anchor, moved in zip(anchors, moves, strict=True) if moved]
        # The ring is closed by a way back that is never gone. Fewer than three make no ring.
        last = seed_of(places[-1])
        closing = [(last + k) % SEEDS for k in range(1, max(2, 4 - len(places)))]
        self._ring = make_ring([*places, *closing], space, cast)
        self._bars = list(bars)
        self._far = [self._ring.passed(int(place)) for place in np.cumsum(moves) - 1]
        rates = [
            (end - start) / (last - first)
            for (start, end), (first, last) in zip(
                pairwise(self._far), pairwise(self._bars), strict=True
            )
        ]
        inner = [between(one, other) for one, other in pairwise(rates)]
        self._rates = [0.0, *inner, 0.0]  # units a bar, at each arrival

    def at(self, bar: float, ahead: float, cast: Cast) -> Array:
        """w [w_dim] or [num_ws, w_dim] at a place of the track, ``ahead`` units further."""
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
    """The pictures of ``stops`` (bar, anchor), in their order; onsets push it ahead for a moment,
    ``speed`` and ``energy`` do nothing. The beat's position counts from the track's first bar."""

    def __init__(
        self, stops: Sequence[tuple[float, Anchor]], space: LatentSpace, cast: Cast
    ) -> None:
        bars, anchors = [bar for bar, _ in stops], [anchor for _, anchor in stops]
        self._way = Way(bars, anchors, space, cast)
        others = [(seed_of(anchor) + SEEDS // 2) % SEEDS for anchor in anchors]
        self._style = Way(bars, others, space, cast)
        self._push = Push(1.0 / RETURN)

    def step(
        self, controls: Controls, beat: Beat, ages: Sequence[float], dt: float, cast: Cast
    ) -> tuple[Array, Array]:
        """Both walks' w [w_dim], the first perhaps [num_ws, w_dim]."""
        bar = (beat.position - beat.downbeat) / BAR
        ahead = self._push.step(controls["kick"], ages, dt)
        return self._way.at(bar, ahead, cast), self._style.at(bar, ahead, cast)
