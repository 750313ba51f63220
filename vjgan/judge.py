"""Which reading of a pulse is right: how fast the beat is, and where the bar begins.

The bar-pointer filter knows the pulse, but takes the beat for its half or its double, or an
off-beat for the beat. A small network looks at what was heard in the last beats, folded into one
bar, and gives every way to read it a mark; ``python -m bench.judging`` taught it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vjgan.novelty import BANDS, FRAMES
from vjgan.types import FloatArray

WEIGHTS = Path(__file__).with_suffix(".npz")
SPAN, LEAST = 16, 6.0  # beats of the clock that are looked back on, and that there must be
SLOTS = 24  # to a beat of the clock
LEVELS = (0.5, 1.0, 2.0)  # beats of the clock to a beat of a reading
BEATS = 4  # to a bar of a reading
OFFSETS = 16  # places in the bar where it may begin
CELLS = 48  # to a bar, in what the network sees
READINGS = len(LEVELS) * OFFSETS
INPUTS = CELLS * BANDS + 2
QUIET = 0.15  # of the mean strength, that is nothing
CENTRE = 120.0  # bpm
WIDER = 1.06  # than the range of tempi, are those of readings
WORST = 8.0  # nats by which a reading is less likely than the best, at most
SLOWEST_CLOCK = 55.0  # bpm


class Judge:
    """Remembers what was heard by the clock of the tracker. ``marks`` [LEVELS, OFFSETS] are the
    log-probabilities of the readings against the best of them, of no worth until ``ready``."""

    def __init__(self, slowest: float, fastest: float, usual: float) -> None:
        """Readings are from ``slowest`` to ``fastest`` bpm; ``usual`` is what is usual."""
        self.ready = False
        self.marks: FloatArray = np.zeros((len(LEVELS), OFFSETS), np.float32)
        self._range, self._usual = (slowest / WIDER, fastest * WIDER), usual
        count = round(SPAN * 60.0 / SLOWEST_CLOCK * FRAMES)
        self._sound = np.zeros((count, BANDS), np.float32)
        self._when = np.full(count, -np.inf)  # in beats of the clock
        self._next = 0
        with np.load(WEIGHTS) as file:
            self._layers = [
                (file[f"w{k}"].astype(np.float32), file[f"b{k}"])
                for k in range(len(file.files) // 2)
            ]

    def hear(self, strength: FloatArray, clock: float) -> None:
        """Remember the onset ``strength`` [BANDS] of a frame that began at ``clock``, in beats."""
        self._sound[self._next] = strength
        self._when[self._next] = clock
        self._next = (self._next + 1) % len(self._when)

    def retime(self, origin: float, ratio: float) -> None:
        """What was at ``clock`` was at (``clock`` - ``origin``) * ``ratio``."""
        self._when -= origin
        self._when *= ratio

    def forget(self) -> None:
        """Begin anew."""
        self._when[:] = -np.inf
        self.ready = False

    def recent(self, clock: float) -> tuple[NDArray[np.float64], FloatArray]:
        """When the frames of the last SPAN beats were, [n] in beats, and their strengths,
        [n, BANDS]; the clock stands at ``clock`` beats."""
        near = self._when > clock - SPAN
        return self._when[near], self._sound[near]

    def judge(self, clock: float, bpm: float) -> None:
        """Renew the marks; the clock stands at ``clock`` beats and goes at ``bpm``."""
        when, sound = self.recent(clock)
        self.ready = clock - float(when.min(initial=clock)) >= LEAST
        if not self.ready:
            return
        slot = np.floor(when * SLOTS).astype(np.intp) % (SPAN * SLOTS)
        heard = seen(slot, sound, bpm * CENTRE / self._usual)
        for k, (weight, bias) in enumerate(self._layers):
            # Not a product of matrices, which would wake the threads of BLAS.
            heard = np.einsum("ri,oi->ro", heard if k == 0 else np.maximum(heard, 0.0), weight)
            heard += bias
        tempi = np.repeat(bpm / np.array(LEVELS), OFFSETS)
        wrong = (tempi < self._range[0]) | (tempi > self._range[1])
        marks = np.where(wrong, -np.inf, heard[:, 0])
        marks = np.maximum(marks - marks.max(), -WORST)
        self.marks = marks.reshape(len(LEVELS), OFFSETS).astype(np.float32)


def seen(slot: NDArray[np.intp], sound: FloatArray, bpm: float) -> FloatArray:
    """What the network sees of every reading, [READINGS, INPUTS]: the strengths ``sound``
    [n, BANDS], each in its ``slot`` [n] of the last SPAN beats of a clock at ``bpm``, folded into
    the bar of the reading, as logarithms against their mean; and the reading's tempo."""
    size = SPAN * SLOTS
    sums = np.empty((size, BANDS + 1))
    for band in range(BANDS):
        sums[:, band] = np.bincount(slot, sound[:, band], size)
    sums[:, BANDS] = np.bincount(slot, minlength=size)
    mean = sums.sum(axis=0)
    mean = np.maximum(mean[:BANDS] / max(mean[BANDS], 1.0), 0.05)
    bars = np.concatenate([_bars(sums, level) for level in LEVELS])  # [READINGS, CELLS, BANDS + 1]
    # A cell in which nothing was measured is a mean one.
    cells = (bars[..., :BANDS] + 1e-3 * mean) / (bars[..., BANDS:] + 1e-3)
    octaves = np.repeat(np.log2(bpm / np.array(LEVELS) / CENTRE), OFFSETS)[:, None]
    flat = np.log(QUIET + cells / mean).reshape(READINGS, -1)
    return np.concatenate((flat, octaves, octaves**2), axis=1).astype(np.float32)


def _bars(sums: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Sums by slot, folded into the bars of the readings of one level: [OFFSETS, CELLS, bands]."""
    bar = round(BEATS * level * SLOTS)
    folded = sums.reshape(-1, bar, BANDS + 1).sum(axis=0)
    starts = np.arange(OFFSETS)[:, None] * (bar // OFFSETS)
    turned = folded[(starts + np.arange(bar)) % bar]
    return np.asarray(turned.reshape(OFFSETS, CELLS, -1, BANDS + 1).sum(axis=2))
