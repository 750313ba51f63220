"""Sound in which nothing begins: noise, hum, applause."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.music.render import RATE

Sound = NDArray[np.float64]


def white(random: np.random.Generator, seconds: float) -> Sound:
    """White noise."""
    return random.standard_normal(round(seconds * RATE))


def pink(random: np.random.Generator, seconds: float) -> Sound:
    """Noise that falls by 3 dB an octave."""
    spectrum = np.fft.rfft(white(random, seconds))
    spectrum /= np.sqrt(np.arange(len(spectrum)) + 20.0)
    return np.fft.irfft(spectrum, round(seconds * RATE))


def hum(random: np.random.Generator, seconds: float, hertz: float, noise: float) -> Sound:
    """A mains hum with its harmonics, in some noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = [np.sin(2.0 * np.pi * hertz * k * time) / k**1.5 for k in range(1, 20)]
    return np.sum(tones, axis=0) + noise * white(random, seconds)


def applause(random: np.random.Generator, seconds: float, claps: float) -> Sound:
    """So many ``claps`` a second, each a short burst of noise in a hall."""
    count = round(seconds * RATE)
    hits = np.zeros(count)
    places = random.integers(0, count, round(claps * seconds))
    np.add.at(hits, places, random.uniform(0.1, 1.0, len(places)))
    length = np.arange(round(0.3 * RATE)) / RATE
    fade = np.exp(-length / 0.006) + 0.05 * np.exp(-length / 0.1)
    one = random.standard_normal(len(length)) * fade
    size = 1 << (count + len(one)).bit_length()
    return np.fft.irfft(np.fft.rfft(hits, size) * np.fft.rfft(one, size), size)[:count]
