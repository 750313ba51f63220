"""The landmarks of a sound: peaks of its spectrogram, on an axis of pitch, along which a change of
speed only moves them (A. Wang, "An Industrial-Strength Audio Search Algorithm", ISMIR 2003)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vjgan.types import FloatArray

FloatRows = NDArray[np.float64]

HOP = 1024 / 44100  # seconds from one spectrum to the next, at any rate
WINDOW = 8.0 * HOP  # seconds of sound in a spectrum: a low note is told from its neighbours
LOWEST_HZ, OCTAVES = 125.0, 5.25
BINS_AN_OCTAVE = 36
BINS = round(OCTAVES * BINS_AN_OCTAVE)
AROUND = (5, 9)  # hops and bins within which there is no higher one
CLEAR_DB = 3.0  # by which it stands above the mean around it
QUIET_DB = -75.0  # of full scale: below is silence
RELIEF_DB = (-6.0, 12.0)  # no place counts for more


class Peaks:
    """Steps through sound at one rate, in blocks of any length. ``relief`` [n, BINS] is by how many
    dB each level stands above the mean around it, of the spectra that the last step was done with;
    the first of all is that of spectrum AROUND[0]."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._size = round(sample_rate * WINDOW)
        window = np.hanning(self._size + 1)[:-1]
        self._window = (2.0 * window / window.sum()).astype(np.float32)
        self._pitches = _pitches(sample_rate, self._size)  # [bins of the spectrum, BINS]
        self._waiting: FloatArray = np.zeros(0, np.float32)
        self._dropped = 0  # samples before those that wait
        self._spectra = 0  # so far
        self._levels: FloatArray = np.zeros((0, BINS), np.float32)  # in dB, of the last spectra
        self.relief: FloatArray = np.zeros((0, BINS), np.float32)

    def step(self, block: FloatArray) -> FloatRows:
        """The peaks found with ``block`` [n], in order of time: [peaks, 2], seconds since the
        beginning and pitch in bins above LOWEST_HZ, both finer than the grid."""
        self._waiting = np.concatenate((self._waiting, block))
        starts = []
        while (start := self._start(self._spectra)) + self._size <= len(self._waiting):
            starts.append(start)
            self._spectra += 1
        self.relief = self.relief[:0]
        if not starts:
            return np.zeros((0, 2))
        first = self._spectra - len(starts)
        sound = np.stack([self._waiting[start : start + self._size] for start in starts])
        keep = self._start(self._spectra)
        self._waiting, self._dropped = self._waiting[keep:], self._dropped + keep
        self._levels = np.concatenate((self._levels, self._spectrogram(sound)))
        origin = first + len(starts) - len(self._levels)
        found, self.relief = _highest(self._levels)
        self._levels = self._levels[-2 * AROUND[0] :]
        found[:, 0] = (found[:, 0] + origin) * HOP + 0.5 * WINDOW
        return found

    def _start(self, index: int) -> int:
        """Where in the samples that wait a spectrum begins."""
        return round(index * HOP * self._rate) - self._dropped

    def _spectrogram(self, sound: FloatArray) -> FloatArray:
        """Levels [spectra, BINS] in dB of sound [spectra, size]."""
        spectra = np.fft.rfft(sound * self._window)[:, : len(self._pitches)]
        power = np.asarray(spectra.real**2 + spectra.imag**2, np.float32)
        levels = 10.0 * np.log10(power @ self._pitches + 1e-12)
        return np.asarray(levels, np.float32)


def _pitches(sample_rate: int, size: int) -> FloatArray:
    """How much each bin of a spectrum counts for each of pitch [used, BINS]: a bell as wide as a
    bin of either kind, whichever is wider."""
    hertz = np.arange(size // 2 + 1) * sample_rate / size  # [all]
    centres = LOWEST_HZ * 2.0 ** (np.arange(BINS) / BINS_AN_OCTAVE)  # [BINS]
    widths = np.maximum(centres * (2.0 ** (0.5 / BINS_AN_OCTAVE) - 1.0), 0.7 * sample_rate / size)
    bells = np.exp(-0.5 * ((hertz[:, None] - centres) / widths) ** 2)
    used = int(np.searchsorted(hertz, centres[-1] * 1.03)) + 1
    return np.asarray((bells / bells.sum(axis=0))[:used], np.float32)


def _highest(levels: FloatArray) -> tuple[FloatRows, FloatArray]:
    """Peaks of levels [hops, BINS]: [peaks, 2], hop and bin; and the relief [hops - 2 * AROUND[0],
    BINS], where all around is known."""
    late, wide = AROUND
    if len(levels) <= 2 * late:
        return np.zeros((0, 2)), levels[:0]
    centre = levels[late:-late]
    padded = np.pad(levels, ((0, 0), (wide, wide)), constant_values=-np.inf)
    top = _sliding_max(_sliding_max(padded, 2 * wide + 1, 1), 2 * late + 1, 0)
    mean = _sliding_mean(
        _sliding_mean(np.pad(levels, ((0, 0), (wide, wide)), "edge"), 2 * wide + 1, 1),
        2 * late + 1,
        0,
    )
    relief = centre - mean
    is_peak = (centre >= top) & (relief > CLEAR_DB) & (centre > QUIET_DB)
    is_peak[:, [0, -1]] = False
    hops, bins = np.nonzero(is_peak)
    hops = hops + late
    here = levels[hops, bins]
    found = np.empty((len(hops), 2))
    found[:, 0] = hops + _between(levels[hops - 1, bins], here, levels[hops + 1, bins])
    found[:, 1] = bins + _between(levels[hops, bins - 1], here, levels[hops, bins + 1])
    return found, relief.clip(*RELIEF_DB)


def _between(before: FloatArray, here: FloatArray, after: FloatArray) -> FloatArray:
    """Where the top of a parabola through three neighbours is, -0.5..0.5 of the middle one."""
    bend = before + after - 2.0 * here
    return np.asarray(0.5 * (before - after) / np.minimum(bend, -1e-6), np.float32).clip(-0.5, 0.5)


def _sliding_max(values: FloatArray, width: int, axis: int) -> FloatArray:
    """The maximum of every ``width`` neighbours along an axis, by doubling."""
    values, done = np.moveaxis(values, axis, 0), 1
    while done < width:
        step = min(done, width - done)
        values = np.maximum(values[:-step], values[step:])
        done += step
    return np.moveaxis(values, 0, axis)


def _sliding_mean(values: FloatArray, width: int, axis: int) -> FloatArray:
    sums = np.cumsum(np.insert(values, 0, 0.0, axis=axis), axis=axis, dtype=np.float64)
    sums = np.moveaxis(sums, axis, 0)
    return np.asarray(np.moveaxis((sums[width:] - sums[:-width]) / width, 0, axis), np.float32)
