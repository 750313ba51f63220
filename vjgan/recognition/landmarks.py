"""Pairs of peaks, and the table in which they are looked up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vjgan.recognition.peaks import BINS, BINS_AN_OCTAVE, HOP, FloatRows

Integers = NDArray[np.int64]

NEAREST, FARTHEST = 4.5 * HOP, 1.6  # seconds between the two peaks of a pair
WIDEST = 24  # bins between them
PARTNERS = 5  # of a peak, among those before it
LOOK_BACK = 120  # peaks, among which its partners are
CELL = 2.0 * HOP  # seconds of the distance that count as the same
COARSE = 2.0  # bins of the pitch that do
COMMON = 6.0  # times as frequent as others: such pairs tell little, and cost the most;
FEW = 64  # of a kind are none too many: music repeats itself
_GAPS = int(FARTHEST / CELL) + 2
_HEIGHTS = int(BINS / COARSE) + 1
_LEAPS = 2 * WIDEST + 1
CELLS = _HEIGHTS * _LEAPS * _GAPS


def pairs(peaks: FloatRows, first: int = 0) -> Integers:
    """Which peaks [n, 2] go together: [pairs, 2], the earlier and the later one, where the later
    is ``first`` or after it. Each goes with the PARTNERS nearest before it in time."""
    found = []
    later = np.arange(first, len(peaks))
    taken = np.zeros(len(later), np.int64)
    for back in range(1, min(LOOK_BACK, len(peaks) - 1) + 1):
        earlier = later - back
        gap = peaks[later, 0] - peaks[earlier, 0]
        good = (earlier >= 0) & (gap >= NEAREST) & (gap <= FARTHEST) & (taken < PARTNERS)
        good &= np.abs(peaks[later, 1] - peaks[earlier, 1]) <= WIDEST
        taken += good
        found.append(np.stack((earlier[good], later[good]), axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def cells(earlier: FloatRows, later: FloatRows, speeds: FloatRows) -> Integers:
    """In which cell of a table pairs [n, 2] each lie as they are at speed 1, heard at each of
    ``speeds`` [m]: [n, m], below 0 outside the table."""
    down = BINS_AN_OCTAVE * np.log2(speeds)  # [m]
    height = np.rint((earlier[:, 1, None] - down) / COARSE).astype(np.int64)  # [n, m]
    leap = np.rint(later[:, 1] - earlier[:, 1]).astype(np.int64) + WIDEST  # [n]
    gap = np.rint((later[:, 0] - earlier[:, 0])[:, None] * speeds / CELL).astype(np.int64)
    cell = (height * _LEAPS + leap[:, None]) * _GAPS + gap
    outside = (height < 0) | (height >= _HEIGHTS) | (gap < 0) | (gap >= _GAPS)
    return np.where(outside, -1, cell)


class Table:
    """Where each kind of pair is, on one long axis of time on which the tracks lie in a row."""

    def __init__(self, tracks: Sequence[FloatRows], begins: Sequence[float]) -> None:
        """``tracks`` are peaks [n, 2] each, ``begins`` where on the axis they begin, seconds."""
        one = np.ones(1)
        kinds, places = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for peaks, begin in zip(tracks, begins, strict=True):
            both = pairs(peaks)
            kind = cells(peaks[both[:, 0]], peaks[both[:, 1]], one)[:, 0]
            kinds.append(kind[kind >= 0])
            places.append((peaks[both[:, 0], 0][kind >= 0] + begin).astype(np.float32))
        kind = np.concatenate(kinds)
        order = np.argsort(kind, kind="stable")
        self._places = np.concatenate(places)[order]
        counts = np.bincount(kind, minlength=CELLS)
        self._ends = np.concatenate(([0], np.cumsum(counts)))  # [CELLS + 1]
        self._most = max(FEW, COMMON * len(kind) / max(1, int(np.count_nonzero(counts))))

    def find(self, kinds: Integers) -> tuple[Integers, FloatRows]:
        """All pairs of these kinds [n], but of the commonest: for each which of them it was, and
        its place (seconds)."""
        start, count = self._ends[kinds], self._ends[kinds + 1] - self._ends[kinds]
        count = np.where(count > self._most, 0, count)
        which = np.repeat(np.arange(len(kinds)), count)
        inside = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        return which, self._places[start[which] + inside].astype(np.float64)
