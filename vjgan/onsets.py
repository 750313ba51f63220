"""Where something begins, and whether it is a kick, a snare or a hat: a small network that looks at
the last tenth of a second, band by band.

Trained on music composed in code, whose notes are known (``bench/listening.py``), after Eyben,
Böck, Schuller and Graves, "Universal onset detection with bidirectional LSTM neural networks",
2010, but forward only and without recurrence, so that a step takes microseconds.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vjgan.smooth import approach
from vjgan.types import FloatArray

NAMES = ("onset", "kick", "snare", "hat")  # what the network tells apart
WEIGHTS = Path(__file__).with_suffix(".npz")

MELS = 36
LOWEST_HZ, HIGHEST_HZ = 30.0, 16000.0
PAST = (0, 1, 2, 3, 4, 6, 8, 11, 15)  # hops ago that the network looks at
COMPRESSION = 20.0  # a spectrum of the mean level counts so much before the logarithm
LEVEL_SECONDS = 5.0  # time constant of the mean level
QUIET = 1e-4  # RMS that counts as nothing

THRESHOLDS = (0.6, 0.7, 0.7, 0.7)
REARM = 0.6  # share of the threshold below which the next may come
GAP = 0.03  # seconds; closer ones are one
DELAYS = (0.011, 0.022, 0.023, 0.015)  # seconds by which they are found late; measured


class Bands:
    """What the network hears: compressed mel bands against the mean level."""

    def __init__(self, bins_hz: NDArray[np.float64]) -> None:
        """``bins_hz`` [bins] are those of the spectra."""
        self._bins = int(np.searchsorted(bins_hz, HIGHEST_HZ))
        self._mels = _halved(_mels(bins_hz[: self._bins]))
        self._power = 0.0
        self._heard = 0.0  # seconds

    def step(self, squares: FloatArray, power: float, dt: float) -> FloatArray:
        """[MELS] from squared magnitudes [bins] and the mean square of the last ``dt`` seconds."""
        self._heard += dt
        self._power = approach(self._power, power, dt, min(self._heard, LEVEL_SECONDS))
        gain = COMPRESSION / max(math.sqrt(self._power), QUIET)
        mels: FloatArray = (self._mels @ np.sqrt(squares[: self._bins])).ravel()
        mels *= np.float32(gain)
        return np.log1p(mels, out=mels)


class Onsets:
    """Steps through bands, one hop after another."""

    def __init__(self) -> None:
        with np.load(WEIGHTS) as file:
            self._layers = [
                (_halved(file[f"w{k}"].astype(np.float32)), file[f"b{k}"])
                for k in range(len(file.files) // 2)
            ]
        self._past = np.zeros((max(PAST) + 1, MELS), np.float32)
        self._rows = np.array(PAST)
        self._since = [math.inf] * len(NAMES)
        self._armed = [True] * len(NAMES)

    def step(self, bands: FloatArray, dt: float) -> list[bool]:
        """Which of NAMES began DELAYS seconds before the end of this hop of ``dt`` seconds."""
        sure = self.sureness(bands).tolist()
        began = []
        for k, threshold in enumerate(THRESHOLDS):
            self._since[k] += dt
            new = sure[k] > threshold and self._armed[k] and self._since[k] > GAP
            if new:
                self._since[k] = 0.0
            self._armed[k] = not new and (self._armed[k] or sure[k] < REARM * threshold)
            began.append(new)
        return began

    def sureness(self, bands: FloatArray) -> FloatArray:
        """How likely it is that each of NAMES has begun just now, [4], 0..1."""
        self._past[1:] = self._past[:-1]
        self._past[0] = bands
        x: FloatArray = self._past.take(self._rows, axis=0).ravel()
        for k, (weight, bias) in enumerate(self._layers):
            x = (weight @ (x if k == 0 else np.maximum(x, 0.0))).ravel() + bias
        # The logistic function by tanh, which cannot overflow.
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x))


def _halved(matrix: FloatArray) -> FloatArray:
    """[m, n] -> [2, m / 2, n]: a product so large would wake the threads of BLAS at every hop."""
    return matrix.reshape(2, len(matrix) // 2, -1)


def _mels(bins_hz: NDArray[np.float64]) -> FloatArray:
    """Triangles over the bins, each with sum 1: [MELS, bins]. One too narrow for any bin takes its
    share of the two that it lies between."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), MELS + 2)
    edges = 700.0 * np.expm1(mel / 1127.0)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    step = bins_hz[1] - bins_hz[0]
    low, high = np.minimum(low, centre - step), np.maximum(high, centre + step)
    rise = np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre))
    mels = np.maximum(0.0, rise)
    within = edges[1:-1, None] < bins_hz[-1]
    mels *= within / np.maximum(mels.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(mels, np.float32)


def _mel(hertz: float) -> float:
    return 1127.0 * math.log1p(hertz / 700.0)
