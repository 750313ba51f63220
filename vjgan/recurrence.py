"""Whether what is heard comes again with the bar: in any rhythm it does, in noise and applause it
does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vjgan.novelty import BANDS
from vjgan.types import FloatArray

SLOTS = 12  # to a beat
QUIET = 0.15  # strength that is nothing
DEVIATIONS = 3.0  # by which a correlation may be chance
SURE = 0.25  # correlation above that, that is sure


def recurs(when: NDArray[np.float64], sound: FloatArray, lags: tuple[int, ...]) -> float:
    """How surely the strengths ``sound`` [n, BANDS], heard at the beats ``when`` [n] of a clock,
    are alike those a lag later, by the best of ``lags`` in beats: 0..1."""
    slot = np.floor((when - when.min()) * SLOTS).astype(np.intp)
    size = (int(slot.max()) // SLOTS + 1) * SLOTS
    count = np.bincount(slot, minlength=size)
    logs = np.log(QUIET + sound)
    sums = np.stack([np.bincount(slot, logs[:, band], size) for band in range(BANDS)], axis=1)
    mean = sums / np.maximum(count, 1)[:, None]
    # Only how it goes within a beat: that sound comes or goes in the course of a bar is not rhythm.
    heard = np.maximum(count.reshape(-1, SLOTS, 1).sum(axis=1), 1)  # in silence nothing is
    mean -= np.repeat(sums.reshape(-1, SLOTS, BANDS).sum(axis=1) / heard, SLOTS, axis=0)
    best = 0.0
    for lag in lags:
        both = (count[lag * SLOTS :] > 0) & (count[: -lag * SLOTS] > 0)
        if both.sum() < SLOTS:
            continue
        one, other = mean[lag * SLOTS :][both], mean[: -lag * SLOTS][both]
        one, other = one - one.mean(axis=0), other - other.mean(axis=0)
        alike = np.einsum("sb,sb->", one, other)
        alike /= np.sqrt(np.einsum("sb,sb->", one, one) * np.einsum("sb,sb->", other, other) + 1e-9)
        best = max(best, float(alike) - DEVIATIONS / float(both.sum()) ** 0.5)
    return min(1.0, best / SURE)
