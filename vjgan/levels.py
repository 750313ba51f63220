"""How loud the sound is, band by band, against its own running mean: nobody sets a level."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vjgan.smooth import Envelope, approach
from vjgan.types import FloatArray

BAND_EDGES_HZ = (150.0, 2000.0)  # low | mid | high

ATTACK, RELEASE = 0.005, 0.10  # seconds
MEAN_SECONDS = 8.0  # time constant of the running mean
HIGHEST = 8.0  # times the mean
EMPTY = 0.03  # of the whole: a band below has nothing in it that could be brought up
CENTROID_SECONDS = 0.03

SILENCE = 1e-3  # -60 dB of full scale, RMS
HYSTERESIS = 1.4  # what ends a silence is louder than what keeps it
SILENCE_SECONDS = 1.0  # longer than from one beat to the next

LEAP_STEPS = 2  # in which a kick rises
THUMP_STEPS = 12  # over which a kick is louder than all that was low,
THUMP_RATIO = 1.5  # by this factor


@dataclass(frozen=True, slots=True)
class Heard:
    """``level low mid high`` 0..8, where 1.0 is the running mean; ``mean`` that of the whole, RMS;
    ``thump``: the low band leaps up."""

    level: float
    low: float
    mid: float
    high: float
    mean: float
    centroid_hz: float
    thump: bool
    silent: bool


class Levels:
    """Steps through sound in blocks, and looks at the last ``size`` samples."""

    def __init__(self, sample_rate: int, size: int) -> None:
        self._recent: FloatArray = np.zeros(size, np.float32)
        # Blackman's: a bass a few bins below the edge of the middle must not leak across it.
        self._window = np.blackman(size + 1)[:size]
        self._bins_hz = np.fft.rfftfreq(size, 1.0 / sample_rate)[1:]  # bin 0 is an offset, no sound
        self._firsts = [0, *np.searchsorted(self._bins_hz, BAND_EDGES_HZ, side="right")]
        # From squared magnitudes to the mean square of the sound (Parseval).
        self._scale = 2.0 / (size * float(np.sum(self._window**2)))
        self._whole = _Level()
        self._bands = (_Level(), _Level(), _Level())
        self._past: deque[NDArray[np.float64]] = deque(maxlen=THUMP_STEPS + 1)  # bands, over mean
        self._heard = 0.0  # seconds of sound
        self._quiet = math.inf  # seconds of silence
        self._centroid_hz = 0.0

    def step(self, block: FloatArray, dt: float) -> Heard:
        """What is heard after ``block`` [n] of finite samples, which lasts ``dt``."""
        self._recent = np.concatenate((self._recent, block))[len(block) :]
        magnitudes = np.abs(np.fft.rfft(self._recent * self._window))[1:]  # [bins]
        squares = np.add.reduceat(magnitudes**2, self._firsts) * self._scale  # [3]
        whole, bands = math.sqrt(squares.sum()), np.sqrt(squares)
        silent = self._gate(whole, dt)
        if not silent:
            self._heard += dt
            self._centre(magnitudes, dt)
        # The mean of what has been heard so far, until that is long enough.
        seconds = 0.0 if silent else min(self._heard, MEAN_SECONDS)
        level = self._whole.step(whole, dt, seconds, SILENCE)
        floor = EMPTY * max(self._whole.mean, SILENCE)
        low, mid, high = (
            one.step(float(band), dt, seconds, floor)
            for one, band in zip(self._bands, bands, strict=True)
        )
        self._past.append(self._over_mean(bands, floor))
        return Heard(
            level=level,
            low=low,
            mid=mid,
            high=high,
            mean=self._whole.mean,
            centroid_hz=self._centroid_hz,
            thump=self._thump(),
            silent=silent,
        )

    def _gate(self, whole: float, dt: float) -> bool:
        """Whether it is silent: at once not when there is sound, and after a moment without."""
        silent = self._quiet >= SILENCE_SECONDS
        self._quiet = self._quiet + dt if whole < SILENCE * (HYSTERESIS if silent else 1.0) else 0.0
        return self._quiet >= SILENCE_SECONDS

    def _centre(self, magnitudes: NDArray[np.float64], dt: float) -> None:
        """Spectral centroid: the mean frequency, weighted by magnitude."""
        centroid_hz = float(magnitudes @ self._bins_hz / max(magnitudes.sum(), 1e-12))
        seconds = min(self._heard, CENTROID_SECONDS)
        self._centroid_hz = approach(self._centroid_hz, centroid_hz, dt, seconds)

    def _over_mean(self, bands: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
        means = np.array([max(one.mean, floor) for one in self._bands])
        over: NDArray[np.float64] = np.minimum(HIGHEST, bands / means)  # [3]
        return over

    def _thump(self) -> bool:
        """A kick, which a dense mix hides from the spectral flux: louder than all that was low a
        moment ago, and than the mean."""
        low = [float(bands[0]) for bands in self._past]
        before = max(low[:-LEAP_STEPS], default=HIGHEST)
        return low[-1] > max(1.0, THUMP_RATIO * before)


class _Level:
    """One amplitude against its running mean."""

    def __init__(self) -> None:
        self.mean = 0.0
        self._envelope = Envelope(ATTACK, RELEASE)

    def step(self, amplitude: float, dt: float, seconds: float, floor: float) -> float:
        """0..8 after ``dt``; the mean is taken over ``seconds``, 0 leaves it."""
        value = self._envelope.step(amplitude, dt)
        if seconds > 0.0:
            self.mean = approach(self.mean, value, dt, seconds)
        return min(HIGHEST, value / max(self.mean, floor))
