"""The states of the bar-pointer model: where in a bar, at which tempo, in which rhythm.

Every tempo has as many states as its bar has frames (Krebs, Böck and Widmer, "An efficient state
space model for joint tempo and meter tracking", 2015), and what is to be heard in each comes from a
rhythm (Krebs, Böck and Widmer, "Rhythmic pattern modeling for beat and downbeat tracking in musical
audio", 2013), drawn here by hand so that it belongs to no style.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.novelty import BANDS, FRAMES
from vjgan.types import FloatArray

BEATS = 4  # to a bar
TEMPO_STEP = 1.025  # from one tempo to the next
TEMPO_LOYALTY = 40.0  # a change of the tempo by a share x costs a factor exp(-40 x)
PRIOR_RATE = 2.0  # nats a second, by which a tempo one such deviation away becomes unlikelier
PRIOR_OCTAVES = 0.5  # standard deviation of the tempo about the usual one
SHARPNESS = 0.12  # exponent of the likelihood: neighbouring frames and bands say the same
WIDTH, WIDTH_BEATS = 1.3, 0.015  # of an event: in frames, and in beats
BASE = 0.35  # strength where nothing is expected
BAND_WEIGHTS = np.array((2.2, 1.0, 0.8, 0.9, 0.3))
RHYTHMS = (  # how much begins at each step of a bar, by band: in sixteenths, in triplets, and
    # where the kick is broken and the snare keeps the beat
    np.array((
        (5.5, 0.4, 1.2, 1.2, 3.8, 0.4, 2.3, 0.9, 4.7, 0.5, 2.2, 1.0, 4.0, 0.6, 2.2, 1.0),
        (5.0, 0.3, 1.7, 1.2, 4.0, 0.4, 2.5, 0.9, 4.6, 0.5, 2.2, 1.0, 4.2, 0.5, 2.4, 1.0),
        (4.6, 0.3, 2.2, 1.2, 4.2, 0.4, 2.6, 0.8, 4.0, 0.5, 2.4, 0.9, 4.2, 0.5, 2.4, 0.9),
        (4.0, 0.3, 2.2, 1.0, 5.4, 0.4, 2.5, 0.8, 4.0, 0.4, 2.5, 0.8, 5.4, 0.5, 2.4, 1.0),
        (3.8, 0.3, 3.4, 0.9, 4.2, 0.3, 3.6, 0.8, 3.8, 0.4, 3.6, 0.8, 4.2, 0.4, 3.5, 1.0),
    )),
    np.array((
        (5.5, 0.6, 1.6, 4.4, 0.5, 2.2, 5.0, 0.5, 1.6, 4.4, 0.6, 2.2),
        (4.6, 0.6, 1.5, 4.6, 0.5, 2.0, 4.4, 0.5, 1.5, 4.6, 0.6, 2.0),
        (4.4, 0.5, 1.5, 4.6, 0.5, 2.2, 4.0, 0.5, 1.5, 4.6, 0.6, 1.8),
        (4.4, 0.6, 1.6, 4.8, 0.6, 2.0, 4.4, 0.6, 1.6, 4.8, 0.7, 2.2),
        (4.2, 1.0, 2.8, 4.6, 1.0, 3.4, 4.2, 1.0, 2.8, 4.6, 1.0, 3.4),
    )),
    np.array((
        (6.0, 0.4, 1.5, 1.2, 1.5, 0.4, 3.0, 1.2, 2.5, 0.4, 3.5, 1.0, 1.5, 0.5, 2.0, 1.0),
        (5.0, 0.3, 1.7, 1.0, 4.5, 0.4, 2.5, 1.0, 3.0, 0.5, 2.7, 1.0, 4.5, 0.5, 2.2, 1.0),
        (4.0, 0.3, 1.7, 0.8, 5.5, 0.4, 2.2, 0.8, 3.0, 0.5, 2.4, 0.8, 5.5, 0.5, 2.0, 0.9),
        (3.5, 0.3, 1.8, 0.8, 6.0, 0.4, 2.0, 0.8, 3.2, 0.4, 2.2, 0.8, 6.0, 0.5, 2.0, 1.0),
        (3.8, 0.3, 3.0, 0.9, 4.6, 0.3, 3.2, 0.8, 3.8, 0.4, 3.2, 0.8, 4.6, 0.4, 3.2, 1.0),
    )),
)  # fmt: skip
RHYTHM_WEIGHTS = np.array((0.6, 0.15, 0.25))
RHYTHM_DOUBT = np.array((0.0, 1.0, 0.0))  # by which a rhythm becomes unlikelier, likewise
RHYTHM_CHANGE = 0.02  # from one beat to the next


class Meter:
    """All states in a row: rhythm by rhythm, tempo by tempo (a ``row``), frame by frame of a bar.

    ``bpms`` [tempi]; ``firsts`` and ``lengths`` [rows] of the rows' states; ``turn`` [states] 0..1
    of the bar; ``leave`` and ``enter`` [rows, BEATS], the last state of the beat before each beat
    and its own first one; ``moves`` [rows, rows], the probability of the second becoming the first
    there; ``prior`` [states]; ``slope`` [BANDS, states] and ``offset`` [states], which make the
    log-likelihood of a strength."""

    def __init__(self, slowest: float, fastest: float, usual: float) -> None:
        shortest, longest = (BEATS * 60.0 * FRAMES / bpm for bpm in (fastest, slowest))
        count = round(math.log(longest / shortest) / math.log(TEMPO_STEP)) + 1
        frames = np.unique(np.round(np.geomspace(shortest, longest, count))).astype(np.int64)
        self.bpms = BEATS * 60.0 * FRAMES / frames
        self.lengths = np.tile(frames, len(RHYTHMS))
        self.firsts = np.concatenate(([0], np.cumsum(self.lengths)[:-1]))
        rhythm = np.repeat(np.arange(len(RHYTHMS)), len(frames))  # [rows]
        row = np.repeat(np.arange(len(self.lengths)), self.lengths)  # [states]
        self.turn = (np.arange(len(row)) - self.firsts[row]) / self.lengths[row]
        starts = np.round(np.arange(BEATS) * self.lengths[:, None] / BEATS).astype(np.int64)
        self.enter = self.firsts[:, None] + starts
        self.leave = self.firsts[:, None] + (starts - 1) % self.lengths[:, None]
        self.moves = _moves(self.lengths, rhythm)
        octaves = np.log2(np.tile(self.bpms, len(RHYTHMS)) / usual) / PRIOR_OCTAVES
        doubt = octaves**2 + RHYTHM_DOUBT[rhythm]
        weight = np.exp(-0.5 * octaves**2) * RHYTHM_WEIGHTS[rhythm]
        self.prior = (weight / weight.sum() / self.lengths)[row].astype(np.float32)
        mean = np.concatenate(
            [self._expected(which, rhythm[row] == which, row) for which in range(len(RHYTHMS))],
            axis=1,
        )
        # A strength is exponentially distributed about its mean, which over a bar is 1.
        mean /= (np.add.reduceat(mean, self.firsts, axis=1) / self.lengths)[:, row]
        weights = SHARPNESS * BAND_WEIGHTS[:, None]
        self.slope: FloatArray = (-weights / mean).astype(np.float32)
        offset = (-weights * np.log(mean)).sum(axis=0) - PRIOR_RATE / FRAMES * doubt[row]
        self.offset: FloatArray = offset.astype(np.float32)

    def _expected(
        self, which: int, mine: NDArray[np.bool_], row: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The strength in the states of one rhythm: [BANDS, states]."""
        accents, length = RHYTHMS[which], self.lengths[row][mine]
        steps = accents.shape[1]
        width = np.hypot(WIDTH, WIDTH_BEATS * length / BEATS)
        mean = np.full((BANDS, len(length)), BASE)
        for k in range(steps):
            away = (self.turn[mine] - k / steps + 0.5) % 1.0 - 0.5
            mean += accents[:, k, None] * np.exp(-0.5 * (away * length / width) ** 2)
        return mean


def _moves(lengths: NDArray[np.int64], rhythm: NDArray[np.int64]) -> FloatArray:
    """From each row (second) to each (first), at a beat."""
    change = lengths[None] / lengths[:, None] - 1.0
    moves = np.exp(-TEMPO_LOYALTY * np.abs(change))
    moves *= np.where(rhythm[:, None] == rhythm, 1.0 - RHYTHM_CHANGE, RHYTHM_CHANGE)
    return np.asarray((moves / moves.sum(axis=1, keepdims=True)).T, np.float32)
