"""Onset strength: how much begins, band by band, a hundred times a second.

The rise of a compressed mel spectrum (Klapuri, "Sound onset detection by applying psychoacoustic
knowledge", 1999), against the neighbouring bands too, so that vibrato is no onset (Böck and Widmer,
"Maximum filter vibrato suppression for onset detection", 2013).
"""

from __future__ import annotations

import math

import numpy as np

from vjgan.smooth import approach
from vjgan.types import FloatArray

FRAMES = 100  # a second
WINDOW = 0.024  # seconds
LAG = 2  # frames over which the spectrum is compared
BAND_EDGES_HZ = (140.0, 500.0, 2000.0, 6000.0)  # kick and bass | | snare, tune | | hats
BANDS = len(BAND_EDGES_HZ) + 1
MELS = 40
PARTS = 4  # in which they are taken
LOWEST_HZ, HIGHEST_HZ = 30.0, 16000.0
COMPRESSION = 20.0  # a spectrum of the mean level counts so much before the logarithm
MEAN_SECONDS = 5.0  # time constant of the mean strength, which is 1
LEVEL_SECONDS = 5.0
STRONGEST = 12.0
QUIET = 1e-4  # RMS that counts as nothing


class Novelty:
    """Steps through sound in blocks of ``hop`` samples, FRAMES of them a second."""

    def __init__(self, sample_rate: int) -> None:
        self.hop = round(sample_rate / FRAMES)
        self._dt = self.hop / sample_rate
        count = round(WINDOW * sample_rate)
        self._size = 2 ** math.ceil(math.log2(count))
        self._window = (np.hanning(count) / np.hanning(count).sum()).astype(np.float32)
        self._recent: FloatArray = np.zeros(count, np.float32)
        mels, self._groups = _mels(sample_rate, self._size)
        self._bins = int(np.flatnonzero(mels.any(axis=0))[-1]) + 1
        # A product with all of it would wake the threads of BLAS a hundred times a second.
        self._mels = mels[:, : self._bins].reshape(PARTS, MELS // PARTS, -1)
        self._past = [np.zeros(MELS, np.float32)] * LAG
        self._level = 0.0
        self._mean = np.ones(BANDS, np.float32)
        self._heard = 0.0  # seconds of sound

    def step(self, block: FloatArray) -> FloatArray:
        """Onset strength [BANDS] after ``block`` [hop]; 1 is the running mean, 0..STRONGEST."""
        self._recent = np.concatenate((self._recent, block))[-len(self._recent) :]
        power = float(np.dot(block, block)) / len(block)
        self._heard += self._dt
        seconds = min(self._heard, LEVEL_SECONDS)
        self._level = approach(self._level, power, self._dt, seconds)
        spectrum = np.abs(np.fft.rfft(self._recent * self._window, self._size)[: self._bins])
        gain = COMPRESSION / max(math.sqrt(self._level), QUIET)
        mels = (self._mels @ spectrum).ravel()  # [MELS]
        mels *= np.float32(gain)
        np.log1p(mels, out=mels)
        before = self._past.pop(0)
        self._past.append(mels)
        wide = before.copy()
        np.maximum(wide[1:], before[:-1], out=wide[1:])
        np.maximum(wide[:-1], before[1:], out=wide[:-1])
        rise = self._groups @ np.maximum(0.0, mels - wide)  # [BANDS]
        share = -math.expm1(-self._dt / min(self._heard, MEAN_SECONDS))
        self._mean += np.float32(share) * (rise - self._mean)
        strength = rise / np.maximum(self._mean, 1e-3)
        return np.asarray(np.minimum(strength, STRONGEST), np.float32)


def _mels(sample_rate: int, size: int) -> tuple[FloatArray, FloatArray]:
    """Triangles over the bins [MELS, bins], and which of them make a band [BANDS, MELS]."""
    bins_hz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    top = min(HIGHEST_HZ, 0.5 * sample_rate)
    mel = np.linspace(_mel(LOWEST_HZ), _mel(top), MELS + 2)
    edges = 700.0 * np.expm1(mel / 1127.0)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise = np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre))
    mels = np.maximum(0.0, rise)
    mels /= np.maximum(mels.sum(axis=1, keepdims=True), 1e-6)
    which = np.searchsorted(BAND_EDGES_HZ, edges[1:-1])
    groups = (which[None] == np.arange(BANDS)[:, None]).astype(np.float32)
    groups /= np.maximum(groups.sum(axis=1, keepdims=True), 1.0)
    return mels.astype(np.float32), groups


def _mel(hertz: float) -> float:
    return 1127.0 * math.log1p(hertz / 700.0)
