"""The states of the bar-pointer model: where in a bar, at which tempo, in which rhythm.

Every tempo has as many states as its bar has frames (Krebs, Böck and Widmer, "An efficient state
space model for joint tempo and meter tracking", 2015), and what is to be heard in each comes from a
rhythm (Krebs, Böck and Widmer, "Rhythmic pattern modeling for beat and downbeat tracking in musical
audio", 2013).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.novelty import BANDS, FRAMES
from vjgan.rhythms import RHYTHMS, Rhythm
from vjgan.types import FloatArray

STRIDE = 2  # frames of the ear to one of the filter
RATE = FRAMES // STRIDE
BEATS = 4  # to a bar, usually; some rhythms have three
USUAL = 120.0  # bpm, for which the rhythms' own tempi hold
TEMPO_STEP = 1.025  # from one tempo to the next
TEMPO_LOYALTY = 40.0  # a change of the tempo by a share x costs a factor exp(-40 x)
PRIOR_RATE = 1.0  # nats a second, by which a tempo one such deviation away becomes unlikelier
PRIOR_OCTAVES = 0.4  # standard deviation of the tempo about that usual in its rhythm
RHYTHM_CHANGE = 0.02  # from one beat to the next
METRE_CHANGE = 0.3  # of those, between bars of three beats and of four
SHARPNESS = 0.2  # exponent of the likelihood: neighbouring frames and bands say the same
WIDTH, WIDTH_BEATS = 0.75, 0.015  # of an event: in frames, and in beats
BASE = 0.35  # strength where nothing is expected
BAND_WEIGHTS = np.array((2.2, 1.0, 0.8, 0.9, 0.3))
# By band, what a strength says for a beat here rather than half a beat away, and for one to come in
# a quarter of a beat rather than one gone by: rhythms alone cannot tell a beat from an off-beat.
# In nats; learnt by logistic regression, and scaled.
ON_BEAT = np.array((0.036, 0.034, -0.003, 0.050, 0.007))
PICKUP = np.array((-0.024, 0.041, 0.017, 0.033, 0.046))
DOWNBEAT = 1.25  # by which a bar begins louder than its rhythm says, which is a mean
ALIKE = 8  # neighbouring tempi in which the same is to be heard

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]


class Bank:
    """The states of all ``rhythms`` with bars of so many ``beats``: a row for each frame of a bar,
    tempo by tempo, and a column a rhythm.

    ``edges`` [tempi + 1], the first row of each tempo and the end; ``turn`` [rows], 0..1 of the
    bar; ``leave`` and ``enter`` [tempi, beats], the last row before each beat and its own first
    one; ``cell`` [rows], rows in which the same is to be heard, and ``sizes`` [groups of tempi],
    how many of them a bar has."""

    def __init__(self, bars: Indices, rhythms: list[Rhythm]) -> None:
        """``bars`` [tempi] are the frames of a bar of BEATS."""
        self.rhythms = rhythms
        self.beats = beats = rhythms[0].beats
        self.lengths = lengths = np.round(bars * beats / BEATS).astype(np.int64)
        tempo = np.repeat(np.arange(len(bars)), lengths)
        self.edges = np.append(0, np.cumsum(lengths))
        self.turn = (np.arange(len(tempo)) - self.edges[tempo]) / lengths[tempo]
        starts = np.round(np.arange(beats) * lengths[:, None] / beats).astype(np.int64)
        self.enter = self.edges[:-1, None] + starts
        self.leave = self.edges[:-1, None] + (starts - 1) % lengths[:, None]
        # As many cells for ``ALIKE`` tempi as the middle one of them has rows.
        group = np.arange(len(bars)) // ALIKE
        self.sizes = np.array(
            [lengths[group == k][(group == k).sum() // 2] for k in range(group[-1] + 1)]
        )
        size = self.sizes[group[tempo]]
        near = np.floor(self.turn * size + 0.5).astype(np.int64) % size
        self.cell: Indices = (np.cumsum(self.sizes) - self.sizes)[group[tempo]] + near

    def spread(self, values: Reals) -> Reals:
        """What holds for the tempi, [tempi, rhythms], by row: [rows, rhythms]."""
        return np.asarray(np.repeat(values, self.lengths, axis=0))

    def expected(self) -> Reals:
        """The mean strength in the cells, which over a bar is 1: [BANDS, cells * rhythms]."""
        means = [
            np.stack([_expected(one, size) for one in self.rhythms], axis=2) for size in self.sizes
        ]
        return np.asarray(np.concatenate(means, axis=1).reshape(BANDS, -1))

    def lean(self) -> Reals:
        """What a strength says for the cells besides their rhythms: [BANDS, cells * rhythms]."""
        turn = np.concatenate([np.arange(size) / size for size in self.sizes])
        angle = 2.0 * np.pi * self.beats * np.repeat(turn, len(self.rhythms))
        return np.asarray(ON_BEAT[:, None] * np.cos(angle) - PICKUP[:, None] * np.sin(angle))


class Meter:
    """All states, in ``banks`` by the length of their bars, the usual one first.

    ``bpms`` [tempi]; ``priors`` [rows, rhythms] of each bank. A gate is a beat of a rhythm, bank by
    bank, beat by beat: mass that leaves before it, [tempi, gates], becomes ``moves`` [tempi, tempi]
    @ mass @ ``exchange`` [gates, gates] * ``doubt`` [tempi, gates]. ``slope`` [BANDS, all cells *
    rhythms] and ``offset`` [all cells * rhythms] make the log-likelihood of a strength; ``shares``
    [all cells * rhythms] are those of the prior."""

    def __init__(
        self, slowest: float, fastest: float, usual: float, rhythms: tuple[Rhythm, ...] = RHYTHMS
    ) -> None:
        shortest, longest = (BEATS * 60.0 * RATE / bpm for bpm in (fastest, slowest))
        count = round(math.log(longest / shortest) / math.log(TEMPO_STEP)) + 1
        bars = np.unique(np.round(np.geomspace(shortest, longest, count))).astype(np.int64)
        self.bpms = BEATS * 60.0 * RATE / bars
        self.banks = [
            Bank(bars, [rhythm for rhythm in rhythms if rhythm.beats == beats])
            for beats in sorted({rhythm.beats for rhythm in rhythms}, reverse=True)
        ]
        self.moves = _moves(bars)
        self.exchange = _exchange(self.banks)
        self._doubt(usual)
        mean = np.concatenate([bank.expected() for bank in self.banks], axis=1)
        # A strength is exponentially distributed about its mean.
        weights = SHARPNESS * BAND_WEIGHTS[:, None]
        lean = np.concatenate([bank.lean() for bank in self.banks], axis=1)
        self.slope: FloatArray = (lean - weights / mean).astype(np.float32)
        self.offset: FloatArray = (-weights * np.log(mean)).sum(axis=0).astype(np.float32)

    def _doubt(self, usual: float) -> None:
        """Fill what depends on how usual the tempi are in the rhythms."""
        bpms = self.bpms[:, None]
        doubts, priors = [], []
        for bank in self.banks:
            centres = np.array([rhythm.bpm for rhythm in bank.rhythms]) * usual / USUAL
            octaves = np.log2(bpms / centres) / PRIOR_OCTAVES  # [tempi, rhythms]
            doubts.append(np.tile(np.exp(-PRIOR_RATE * octaves**2 * 60.0 / bpms), bank.beats))
            weights = np.array([rhythm.weight for rhythm in bank.rhythms])
            weight = np.exp(-0.5 * octaves**2) * weights / bank.lengths[:, None]
            priors.append(bank.spread(weight))
        whole = sum(float(prior.sum()) for prior in priors)
        self.doubt: FloatArray = np.concatenate(doubts, axis=1).astype(np.float32)
        self.priors: list[FloatArray] = [(prior / whole).astype(np.float32) for prior in priors]
        shares = []
        for bank, prior in zip(self.banks, priors, strict=True):
            share = np.zeros((bank.sizes.sum(), len(bank.rhythms)))
            np.add.at(share, bank.cell, prior / whole)
            shares.append(share.ravel())
        self.shares: FloatArray = np.concatenate(shares).astype(np.float32)


def _expected(rhythm: Rhythm, size: int) -> Reals:
    """The strength in the frames of a bar of ``size``: [BANDS, size]."""
    accents = rhythm.accents
    accents[:, 0] *= DOWNBEAT
    steps = accents.shape[1]
    width = np.hypot(WIDTH, WIDTH_BEATS * size / rhythm.beats)
    mean = np.full((BANDS, size), BASE)
    for k in range(steps):
        away = (np.arange(size) / size - k / steps + 0.5) % 1.0 - 0.5
        mean += accents[:, k, None] * np.exp(-0.5 * (away * size / width) ** 2)
    mean /= mean.mean(axis=1, keepdims=True)
    return mean


def _moves(bars: Indices) -> FloatArray:
    """From each tempo (second) to each (first) at a beat."""
    moves = np.exp(-TEMPO_LOYALTY * np.abs(bars[:, None] / bars - 1.0))
    return np.asarray(moves / moves.sum(axis=0), np.float32)


def _exchange(banks: list[Bank]) -> FloatArray:
    """From each gate (first) to each (second): the same beat of another rhythm, and at the first
    one of a bar of another length, too."""
    gates = [
        (bank.beats, beat, rhythm.weight)
        for bank in banks
        for beat in range(bank.beats)
        for rhythm in bank.rhythms
    ]
    beats, beat, weight = np.array(gates).T
    alike = np.where(beats[:, None] == beats, 1.0, METRE_CHANGE * (beat == 0))
    exchange = RHYTHM_CHANGE * weight * alike * (beat[:, None] == beat)
    np.fill_diagonal(exchange, 1.0 - RHYTHM_CHANGE)
    return np.asarray(exchange / exchange.sum(axis=1, keepdims=True), np.float32)
