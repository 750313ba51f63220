"""How loud the sound is, band by band, against its own running mean: nobody sets a level."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vjgan.smooth import approach
from vjgan.types import OCTAVES, FloatArray

OCTAVE_EDGES_HZ = (80.0, 150.0, 350.0, 850.0, 2000.0, 4000.0, 8000.0)  # between the eight bands
THREE = (0, 2, 5)  # where low, mid and high begin among the eight
BANDS = 4 + OCTAVES  # the whole, low, mid, high, and the eight

ATTACK, RELEASE = 0.005, 0.10  # seconds
MEAN_SECONDS = 8.0  # time constant of the running mean
RECENT_SECONDS = 1.0  # time constant of what is compared with it
FAR, NEAR = 0.5, 0.05  # nepers (4.3 and 0.4 dB): differing so much, the mean hurries until so near
HURRY_SECONDS = 0.8  # time constant in which it does
HIGHEST = 8.0  # times the mean
EMPTY = 0.03  # of the whole: a band below has nothing in it that could be brought up
COLOUR_SECONDS = 0.03  # time constant of centroid and flatness
FLAT_HZ = (100.0, 10000.0)  # where flatness is measured
FLAT_NOISE = math.exp(-0.5772156649)  # that of white noise, whose squares are exponential
SONE = 0.3  # loudness grows with this power of the sound's power (Stevens)

LOOK = 0.02  # seconds from one look at all that changes slowly to the next
EARLY = 0.1  # or this share of what has been heard, where that is less

SILENCE = 1e-3  # -60 dB of full scale, RMS
HYSTERESIS = 1.4  # what ends a silence is louder than what keeps it
SILENCE_SECONDS = 1.0  # longer than from one beat to the next


@dataclass(frozen=True, slots=True)
class Heard:
    """``level low mid high`` and ``bands`` 0..8, where 1.0 is the running mean; ``flatness`` 0 a
    tone, 1 noise; ``loudness`` doubles every 10 dB, not against any mean."""

    level: float
    low: float
    mid: float
    high: float
    bands: tuple[float, ...]
    centroid_hz: float
    flatness: float
    loudness: float
    silent: bool


class Levels:
    """Steps through spectra, one every ``dt`` seconds."""

    def __init__(self, bins_hz: NDArray[np.float64], scale: float, dt: float) -> None:
        """``bins_hz`` [bins] are those of the spectra, whose squared magnitudes times ``scale`` sum
        up to the mean square of the sound."""
        self._dt = dt
        firsts = [0, *np.searchsorted(bins_hz, OCTAVE_EDGES_HZ, side="right")]
        self._firsts = [first for first in firsts if first < len(bins_hz)]
        self._sums = scale * _sums()[:, : len(self._firsts)]  # [BANDS, of the eight]
        self._floors = np.array([1.0] + [EMPTY] * (BANDS - 1))
        self._values = np.zeros(BANDS)  # amplitudes, followed
        self._means = np.zeros(BANDS)
        self._first_moments = np.stack((np.ones_like(bins_hz), bins_hz)).astype(np.float32)
        self._flat = slice(*np.searchsorted(bins_hz, FLAT_HZ))
        self._attack, self._release = (-math.expm1(-dt / one) for one in (ATTACK, RELEASE))
        self._recent = 0.0
        self._hurry = False
        self._since = 0.0  # seconds without a look
        self._gains = np.full(BANDS, 1.0 / SILENCE)
        self._heard = 0.0  # seconds of sound
        self._quiet = math.inf  # seconds of silence
        self._centroid_hz = self._flatness = self._loudness = 0.0

    def step(self, squares: FloatArray) -> Heard:
        """What is heard after a spectrum's ``squares`` [bins], all finite."""
        powers = self._sums @ np.add.reduceat(squares, self._firsts)  # [BANDS]
        silent = self._gate(math.sqrt(powers[0]))
        away = np.sqrt(powers) - self._values
        # The attack is the quicker: up it is the larger of the two steps, down the smaller.
        self._values += np.maximum(away * self._attack, away * self._release)
        if not silent:
            self._heard += self._dt
            self._since += self._dt
            if self._since >= min(LOOK, EARLY * self._heard):
                self._look(squares, powers, self._since)
                self._since = 0.0
        over = np.minimum(HIGHEST, self._values * self._gains)
        level, low, mid, high, *bands = over.tolist()
        return Heard(
            level=level,
            low=low,
            mid=mid,
            high=high,
            bands=tuple(bands),
            centroid_hz=self._centroid_hz,
            flatness=self._flatness,
            loudness=self._loudness,
            silent=silent,
        )

    @property
    def mean(self) -> float:
        """The running mean of the whole, RMS: what counts as 1.0."""
        return float(self._means[0])

    def _gate(self, whole: float) -> bool:
        """Whether it is silent: at once not when there is sound, and after a moment without."""
        silent = self._quiet >= SILENCE_SECONDS
        quiet = whole < SILENCE * (HYSTERESIS if silent else 1.0)
        self._quiet = self._quiet + self._dt if quiet else 0.0
        return self._quiet >= SILENCE_SECONDS

    def _look(self, squares: FloatArray, powers: NDArray[np.float64], dt: float) -> None:
        """Go on by ``dt`` seconds with all that changes slowly."""
        self._colour(squares, powers, dt)
        if not self._quiet:
            self._lead(dt)
        floors = self._floors * max(self.mean, SILENCE)
        self._gains = 1.0 / np.maximum(self._means, floors)

    def _lead(self, dt: float) -> None:
        """Let the means follow: slowly, so that they do not pump, but at once and all together when
        the whole has become louder or softer for a second, as when somebody turns a knob."""
        heard = self._heard
        # The mean of what has been heard so far, until that is long enough.
        self._means += (self._values - self._means) * -math.expm1(-dt / min(heard, MEAN_SECONDS))
        whole = float(self._values[0])
        self._recent = approach(self._recent, whole, dt, min(heard, RECENT_SECONDS))
        gap = math.log(max(self._recent, 1e-9) / max(self._means[0], 1e-9))
        self._hurry = abs(gap) > (NEAR if self._hurry else FAR)
        if self._hurry:
            self._means *= math.exp(gap * -math.expm1(-dt / HURRY_SECONDS))

    def _colour(self, squares: FloatArray, powers: NDArray[np.float64], dt: float) -> None:
        """Spectral centroid, the mean frequency weighted by magnitude; flatness, the geometric by
        the arithmetic mean of the squares (Gray and Markel, 1974); loudness."""
        seconds = min(self._heard, COLOUR_SECONDS)
        whole, moment = (self._first_moments @ np.sqrt(squares)).tolist()
        self._centroid_hz = approach(self._centroid_hz, moment / max(whole, 1e-9), dt, seconds)
        part = squares[self._flat]
        mean = float(np.add.reduce(part)) / len(part) + 1e-20
        logs = np.log(part + np.float32(1e-6 * mean + 1e-30))
        flat = math.exp(float(np.add.reduce(logs)) / len(part)) / mean
        self._flatness = approach(self._flatness, min(1.0, flat / FLAT_NOISE), dt, seconds)
        self._loudness = float(np.add.reduce(powers[4:] ** SONE))


def _sums() -> NDArray[np.float64]:
    """Which of the eight bands make the whole, low, mid, high and each of them: [BANDS, 8]."""
    eight = np.eye(OCTAVES)
    three = np.add.reduceat(eight, THREE)
    return np.concatenate((three.sum(axis=0)[None], three, eight))
