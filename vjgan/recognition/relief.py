"""How well a place of a track fits the spectrogram itself. Noise drowns peaks, so that they are no
longer the highest around; but where they should be the level still stands out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.recognition.peaks import AROUND, BINS, HOP, WINDOW, FloatRows
from vjgan.types import FloatArray

ROWS = math.ceil(9.0 / HOP)  # that are kept
FEWEST = 20  # places from which there is something to compare
# Bins and hops to which the same pattern is moved, to see how it would fit by accident: another
# pitch fits as well where there are only drums, another time where a sound is only held.
PITCHES = np.array([-17, -13, -11, -8, -7, -5, -4, 4, 5, 7, 8, 11, 13, 17])
TIMES = np.array([-41, -31, -23, -17, -11, -7, 7, 11, 17, 23, 31, 41])


class Relief:
    """The last seconds of a spectrogram: by how many dB each level stands above those around."""

    def __init__(self) -> None:
        self._rows: FloatArray = np.zeros((0, BINS), np.float32)
        self._first = AROUND[0]  # which spectrum the first row is

    def add(self, rows: FloatArray) -> None:
        """Take in the next rows [n, BINS]."""
        together = np.concatenate((self._rows, rows))
        self._rows = together[-ROWS:]
        self._first += len(together) - len(self._rows)

    def fit(self, peaks: FloatRows) -> float:
        """How much higher it is at ``peaks`` [n, 2], seconds and bins, than at the same ones moved
        in pitch, or in time, whichever is higher for each: in standard errors of the mean. 0 where
        too few of them are within what is kept."""
        hops = np.rint((peaks[:, 0] - 0.5 * WINDOW) / HOP).astype(np.int64) - self._first
        bins = np.rint(peaks[:, 1]).astype(np.int64)
        there = (hops >= 0) & (hops < len(self._rows)) & (bins >= 0) & (bins < BINS)
        hops, bins = hops[there], bins[there]
        if len(hops) < FEWEST:
            return 0.0
        higher = self._at(hops, bins + PITCHES[:, None])  # [shifts, n]
        later = self._at(hops + TIMES[:, None], bins)
        by_accident = np.fmax(_mean(higher), _mean(later))
        gain = float(np.mean(self._rows[hops, bins] - by_accident))
        return gain * math.sqrt(len(hops)) / max(1e-3, float(np.nanstd(later)))

    def _at(self, hops: NDArray[np.int64], bins: NDArray[np.int64]) -> FloatArray:
        """The level at each place; NaN outside."""
        hops, bins = np.broadcast_arrays(hops, bins)
        inside = (hops >= 0) & (hops < len(self._rows)) & (bins >= 0) & (bins < BINS)
        levels = self._rows[hops.clip(0, len(self._rows) - 1), bins.clip(0, BINS - 1)]
        return np.where(inside, levels, np.float32(np.nan))


def _mean(levels: FloatArray) -> FloatArray:
    """The mean of each column [shifts, n] over what is there; 0, as high as all around, where
    nothing is."""
    count = np.isfinite(levels).sum(axis=0)
    return np.asarray(np.nansum(levels, axis=0) / np.maximum(1, count), np.float32)
