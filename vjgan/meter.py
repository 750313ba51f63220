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
DOWNBEAT = 1.25  # by which a bar begins louder than its rhythm says, which is a mean
ALIKE = 8  # neighbouring tempi in which the same is to be heard

Indices = NDArray[np.int64]


class Meter:
    """All states in a row: tempo by tempo, rhythm by rhythm, frame by frame of a bar.

    A gate is a beat of a rhythm, a cell what is to be heard in a few states that are alike.
    ``bpms`` [tempi]; ``edges`` [tempi + 1], the first state of each and the end; ``turn`` and
    ``beats`` [states], 0..1 of the bar and its length; ``leave`` and ``enter`` [gates, tempi], the
    last state before each beat and its own first one; ``exchange`` [gates, gates], ``moves``
    [tempi, tempi] and ``doubt`` [gates, tempi], by which the mass that leaves arrives; ``prior``
    [states] and ``cell_prior`` [cells]; ``cell`` [states]; ``slope`` [BANDS, cells] and ``offset``
    [cells], which make the log-likelihood of a strength."""

    def __init__(
        self, slowest: float, fastest: float, usual: float, rhythms: tuple[Rhythm, ...] = RHYTHMS
    ) -> None:
        shortest, longest = (BEATS * 60.0 * RATE / bpm for bpm in (fastest, slowest))
        count = round(math.log(longest / shortest) / math.log(TEMPO_STEP)) + 1
        bars = np.unique(np.round(np.geomspace(shortest, longest, count))).astype(np.int64)
        beats = np.array([rhythm.beats for rhythm in rhythms])
        weights = np.array([rhythm.weight for rhythm in rhythms])
        centres = np.array([rhythm.bpm for rhythm in rhythms]) * usual / USUAL
        self.bpms = BEATS * 60.0 * RATE / bars
        lengths = np.round(bars[:, None] * beats / BEATS).astype(np.int64)  # [tempi, rhythms]
        firsts = np.cumsum(lengths).reshape(lengths.shape) - lengths
        self.edges = np.append(firsts[:, 0], lengths.sum())
        tempo, which = (
            np.repeat(index.ravel(), lengths.ravel()) for index in np.indices(lengths.shape)
        )
        self.turn = (np.arange(len(tempo)) - firsts[tempo, which]) / lengths[tempo, which]
        self.beats = beats[which]
        gates = [(k, beat) for k in range(len(rhythms)) for beat in range(beats[k])]
        self._open(gates, firsts, lengths, beats)
        self.exchange = _exchange(gates, beats, weights)
        self.moves = _moves(bars)
        octaves = np.log2(self.bpms / centres[:, None]) / PRIOR_OCTAVES  # [rhythms, tempi]
        cost = PRIOR_RATE * octaves**2 * 60.0 / self.bpms
        self.doubt: FloatArray = np.exp(-cost)[[k for k, _ in gates]].astype(np.float32)
        weight = np.exp(-0.5 * octaves**2) * weights[:, None]
        share = (weight / weight.sum()).T / lengths
        self.prior: FloatArray = share[tempo, which].astype(np.float32)
        self._expect(rhythms, lengths, tempo, which)

    def _open(
        self, gates: list[tuple[int, int]], firsts: Indices, lengths: Indices, beats: Indices
    ) -> None:
        starts = [np.round(beat * lengths[:, k] / beats[k]).astype(np.int64) for k, beat in gates]
        rows = list(zip(gates, starts, strict=True))
        self.enter = np.array([firsts[:, k] + start for (k, _), start in rows])
        self.leave = np.array(
            [firsts[:, k] + (start - 1) % lengths[:, k] for (k, _), start in rows]
        )

    def _expect(
        self, rhythms: tuple[Rhythm, ...], lengths: Indices, tempo: Indices, which: Indices
    ) -> None:
        """Fill the cells: as many for ``ALIKE`` tempi as the middle one of them has states."""
        group = np.arange(len(lengths)) // ALIKE
        sizes = np.array(
            [lengths[group == k][(group == k).sum() // 2] for k in range(group[-1] + 1)]
        )
        firsts = np.cumsum(sizes).reshape(sizes.shape) - sizes
        size = sizes[group[tempo], which]
        self.cell = (
            firsts[group[tempo], which] + np.floor(self.turn * size + 0.5).astype(np.int64) % size
        )
        mean = np.concatenate(
            [_expected(rhythms[k], size) for row in sizes for k, size in enumerate(row)], axis=1
        )
        # A strength is exponentially distributed about its mean, which over a bar is 1.
        weights = SHARPNESS * BAND_WEIGHTS[:, None]
        self.slope: FloatArray = (-weights / mean).astype(np.float32)
        self.offset: FloatArray = (-weights * np.log(mean)).sum(axis=0).astype(np.float32)
        self.cell_prior = np.bincount(self.cell, self.prior).astype(np.float32)


def _expected(rhythm: Rhythm, size: int) -> NDArray[np.float64]:
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
    """From each tempo (first) to each (second) at a beat."""
    moves = np.exp(-TEMPO_LOYALTY * np.abs(bars / bars[:, None] - 1.0))
    return np.asarray(moves / moves.sum(axis=1, keepdims=True), np.float32)


def _exchange(
    gates: list[tuple[int, int]], beats: Indices, weights: NDArray[np.float64]
) -> FloatArray:
    """From each gate (second) to each (first): the same beat of another rhythm, and at the first
    beat one of another length, too."""
    exchange = np.zeros((len(gates), len(gates)))
    for source, (k, beat) in enumerate(gates):
        for goal, (other, there) in enumerate(gates):
            if beat != there:
                continue
            if k == other:
                exchange[goal, source] = 1.0 - RHYTHM_CHANGE
            elif beats[k] == beats[other]:
                exchange[goal, source] = RHYTHM_CHANGE * weights[other]
            elif beat == 0:
                exchange[goal, source] = METRE_CHANGE * RHYTHM_CHANGE * weights[other]
    return np.asarray(exchange / exchange.sum(axis=0), np.float32)
