"""The one spectrum that levels, bands and onsets are all taken from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vjgan.types import FloatArray

HOP = 256 / 44100  # one hop in seconds, at any rate
WINDOW = 4.0 * HOP  # seconds of sound in a spectrum, or up to 4 % more
PRIMES = (2, 3, 5)  # lengths made of these are transformed quickly


class Spectrum:
    """Steps through sound in blocks of ``hop`` samples, which last ``dt`` seconds, and looks at the
    last WINDOW seconds, so that a spectrum means the same at every rate."""

    def __init__(self, sample_rate: int) -> None:
        self.hop = round(sample_rate * HOP)
        self.dt = self.hop / sample_rate
        size = _quick(round(sample_rate * WINDOW))
        # Blackman's: a bass a few bins below the edge of the middle must not leak across it.
        window = np.blackman(size + 1)[:-1]
        self._window = (window / window.sum()).astype(np.float32)
        # From squared magnitudes to the mean square of the sound (Parseval).
        self.scale = 2.0 / (size * float(np.sum(self._window.astype(np.float64) ** 2)))
        bins_hz = np.fft.rfftfreq(size, 1.0 / sample_rate)[1:]
        self.bins_hz: NDArray[np.float64] = np.asarray(bins_hz, np.float64)
        self._recent: FloatArray = np.zeros(size, np.float32)

    def step(self, block: FloatArray) -> FloatArray:
        """Squared magnitudes [bins] after ``block`` [hop]: of a sine of amplitude a it is a²/4 at
        its peak. Bin 0 is left out: an offset is no sound."""
        self._recent[: -self.hop] = self._recent[self.hop :]
        self._recent[-self.hop :] = block
        bins = np.fft.rfft(self._recent * self._window)[1:]
        squares = np.asarray(bins.real * bins.real, np.float32)
        squares += bins.imag * bins.imag
        return squares


def _quick(count: int) -> int:
    """The next even number from ``count`` on that is a product of PRIMES."""
    size = count + count % 2
    while not _divides(size):
        size += 2
    return size


def _divides(size: int) -> bool:
    for prime in PRIMES:
        while size % prime == 0:
            size //= prime
    return size == 1
