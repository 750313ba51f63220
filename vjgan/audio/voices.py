"""The instruments of the demo track: each makes one sound, float32 at RATE.

Additive, subtractive and noise synthesis in numpy alone. All noise is seeded: the same call gives
the same samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vjgan.types import FloatArray

RATE = 44100  # Hz
VOWELS = {  # formants of a sung vowel: frequency in Hz, bandwidth in Hz, gain
    "ah": ((650, 80, 1.0), (1080, 90, 0.5), (2650, 120, 0.45), (2900, 130, 0.4), (3250, 140, 0.1)),
    "oh": ((400, 60, 1.0), (750, 80, 0.35), (2400, 110, 0.18), (2600, 120, 0.2), (2900, 130, 0.05)),
}


def seconds(duration: float) -> FloatArray:
    """The times 0, 1/RATE, ... below ``duration``."""
    return np.arange(round(duration * RATE), dtype=np.float32) / np.float32(RATE)


def single(sound: ArrayLike) -> FloatArray:
    """A sound in single precision."""
    return np.asarray(sound, np.float32)


def hertz(note: float) -> float:
    """The frequency of a MIDI note number, equally tempered, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def noise(count: int, seed: int) -> FloatArray:
    """White noise of standard deviation 1."""
    return np.random.default_rng(seed).standard_normal(count, dtype=np.float32)


def fft_size(count: int) -> int:
    """The next size after ``count`` that a Fourier transform is quick at: m 2^k with m <= 16."""
    unit = 1 << max(0, count.bit_length() - 4)
    return -(-count // unit) * unit


def filtered(sound: FloatArray, gains: list[FloatArray]) -> list[FloatArray]:
    """A sound [n] through filters without delay, each a gain at the frequencies of a spectrum of
    ``fft_size(n)`` samples."""
    size = fft_size(len(sound))
    spectrum = np.fft.rfft(sound, size)
    return [single(np.fft.irfft(spectrum * gain, size)[: len(sound)]) for gain in gains]


def frequencies(count: int) -> FloatArray:
    """The frequencies in Hz of a spectrum of ``fft_size(count)`` samples."""
    return np.fft.rfftfreq(fft_size(count), 1.0 / RATE).astype(np.float32)


def between(count: int, low: float, high: float) -> FloatArray:
    """The gain of a band-pass with Butterworth slopes of 24 dB an octave."""
    frequency = frequencies(count)
    below, above = (frequency / np.float32(low)) ** 4, (frequency / np.float32(high)) ** 4
    return single(below / np.sqrt((1.0 + below**2) * (1.0 + above**2)))


def band(sound: FloatArray, low: float, high: float) -> FloatArray:
    """What of a sound [n] lies between two frequencies in Hz."""
    return filtered(sound, [between(len(sound), low, high)])[0]


def decay(time: FloatArray, length: float, attack: float = 0.0005) -> FloatArray:
    """An envelope that rises in ``attack`` seconds and falls by 1/e every ``length``."""
    return single(np.minimum(1.0, time / attack) * np.exp(time / -length))


def phase(frequency: FloatArray) -> FloatArray:
    """The angle in radians of an oscillator that follows a frequency in Hz, from 0."""
    turns = np.cumsum(frequency, dtype=np.float64) * (1.0 / RATE)
    turns -= np.floor(turns)
    return turns.astype(np.float32) * np.float32(2.0 * np.pi)


def saw(angle: FloatArray, softness: FloatArray | float) -> FloatArray:
    """A sawtooth whose harmonic h has the strength exp(-softness h) / h, in closed form: a low-pass
    that can move with every sample (Moorer, "Synthesis of complex audio spectra by means of
    discrete summation formulas", 1976)."""
    radius = np.exp(-single(softness))
    return single(np.arctan2(radius * np.sin(angle), 1.0 - radius * np.cos(angle)))


def players(count: int, seed: int) -> NDArray[np.complex64]:
    """Random phases for ``ensemble``, left and right: [2, count // 2 + 1]."""
    turns = np.random.default_rng(seed).uniform(0.0, 1.0, (2, count // 2 + 1))
    turns[1] = turns[0] + 0.3 * (turns[1] - 0.5)  # alike enough for mono
    return np.asarray(np.exp(2j * np.pi * turns), np.complex64)


def ensemble(
    notes: tuple[float, ...], tones: list[FloatArray], phases: NDArray[np.complex64], cents: float
) -> list[FloatArray]:
    """Many detuned players on each note, through each of the tones: [2, count], without an end, as
    it runs in a circle.

    A tone [count // 2 + 1] is a strength by frequency; every harmonic is a band ``cents`` wide of
    random phase (Nasca, "PADsynth algorithm", 2003)."""
    bins = phases.shape[1]
    count = 2 * (bins - 1)
    strength = np.zeros(bins, np.float32)
    for note in notes:
        for harmonic in range(1, int(9000.0 / hertz(note)) + 1):
            centre = hertz(note) * harmonic * count / RATE
            width = centre * (2.0 ** (cents / 1200.0) - 1.0)
            first, last = int(centre - 2.5 * width), int(centre + 2.5 * width) + 2
            bell = np.exp(-(((np.arange(first, last) - centre) / width) ** 2))
            strength[first:last] += bell / (harmonic * np.sqrt(width))
    strength *= count / np.sqrt(2.0 * np.sum(strength**2))  # to a standard deviation of 1
    return [single(np.fft.irfft(phases * (strength * tone), count)) for tone in tones]


def low_pass(count: int, cutoff: float, resonance: float = 1.0) -> FloatArray:
    """The gain of a two-pole low-pass at the frequencies of a spectrum of ``count`` samples."""
    ratio = frequencies(count) / np.float32(cutoff)
    return single(1.0 / np.sqrt((1.0 - ratio**2) ** 2 + (ratio / resonance) ** 2))


def formants(count: int, vowel: str) -> FloatArray:
    """The gain of a mouth that sings a vowel, at the frequencies of a spectrum of ``count``."""
    frequency = frequencies(count)
    peaks = [
        gain / np.sqrt(1.0 + ((frequency - centre) / (0.5 * width)) ** 2)
        for centre, width, gain in VOWELS[vowel]
    ]
    return single(np.sum(peaks, axis=0))


def centred(sound: FloatArray) -> FloatArray:
    """A sound [n] without its constant part; its ends stay where they are."""
    window = single(np.hanning(len(sound)))
    return single(sound - window * (sound.sum() / window.sum()))


def kick() -> FloatArray:
    """A kick on F: a sine that falls from 370 Hz to 44 Hz, driven, and a click before it."""
    time = seconds(0.42)
    angle = phase(43.65 + 56.0 * np.exp(time / -0.040) + 270.0 * np.exp(time / -0.0075))
    body = np.tanh(2.2 * np.sin(angle) * decay(time, 0.15)) * np.minimum(1.0, (0.42 - time) / 0.12)
    click = band(noise(len(time), 1), 1500.0, 9000.0) * decay(time, 0.003, 0.0001)
    return centred(body + 0.45 * click)


def metal(time: FloatArray) -> FloatArray:
    """The clang of a cymbal: six square waves out of tune, as in the drum machines of 1980."""
    tones = single((605.0, 920.0, 968.0, 1090.0, 1350.0, 1944.0)) * np.float32(2.0 * np.pi)
    return single(np.sign(np.sin(tones[:, None] * time)).mean(axis=0))


def hat(length: float, duration: float, low: float, seed: int) -> FloatArray:
    """A hi-hat: ``length`` of its decay and ``duration`` in seconds; above ``low`` Hz."""
    time = seconds(duration)
    hiss = band(0.6 * noise(len(time), seed) + 0.9 * metal(time), low, 13000.0)
    end = np.minimum(1.0, (duration - time) / 0.02)
    return single(hiss * decay(time, length, 0.0008) * end)


def clap() -> FloatArray:
    """Hands: three slaps and a room of a few early reflections, [2, n]."""
    time = seconds(0.34)
    slaps = sum(
        np.where(time >= start, np.exp((start - time) / length), 0.0)
        for start, length in ((0.0, 0.003), (0.010, 0.003), (0.021, 0.045))
    )
    dry = band(noise(len(time), 5), 850.0, 6500.0) * slaps
    wet = np.stack([dry, dry])
    for side, late, gain in ((0, 0.013, 0.4), (1, 0.019, 0.4), (0, 0.031, 0.25), (1, 0.037, 0.25)):
        shift = round(late * RATE)
        wet[side, shift:] += gain * dry[:-shift]
    return single(wet)


def snare(pitch: float) -> FloatArray:
    """A snare for rolls; ``pitch`` multiplies its tone."""
    time = seconds(0.16)
    tone = np.sin(phase(pitch * (180.0 + 120.0 * np.exp(time / -0.02)))) * decay(time, 0.045)
    hiss = band(noise(len(time), 6), 1300.0 * pitch, 9500.0) * decay(time, 0.050)
    return 0.6 * tone + 0.6 * hiss


def conga(pitch: float) -> FloatArray:
    """A hand drum at ``pitch`` Hz."""
    time = seconds(0.22)
    skin = np.sin(phase(pitch * (1.0 + 0.35 * np.exp(time / -0.012)))) * decay(time, 0.055)
    return skin + 0.25 * band(noise(len(time), 7), 900.0, 5000.0) * decay(time, 0.006)


def bass(note: float, duration: float) -> FloatArray:
    """A short, round bass note whose low-pass snaps shut, over its sub."""
    time, frequency = seconds(duration), hertz(note)
    angle = phase(np.full(len(time), frequency))
    cutoff = 130.0 + 950.0 * np.exp(time / -0.045)
    tone = 0.8 * saw(angle, frequency / cutoff) + 0.55 * np.sin(angle)
    end = np.minimum(1.0, (duration - time) / 0.025)
    return centred(np.tanh(1.5 * tone * decay(time, 0.30, 0.003)) * end)


def pluck(note: float, cutoff: float) -> FloatArray:
    """A plucked synthesiser [2, n] whose low-pass falls from ``cutoff`` Hz."""
    time, sides = seconds(0.60), []
    for cents in (-5.0, 5.0):
        frequency = hertz(note + cents / 100.0)
        softness = frequency / (220.0 + cutoff * np.exp(time / -0.085))
        tone = saw(phase(np.full(len(time), frequency)), softness)
        sides.append(tone * decay(time, 0.17, 0.002) * np.minimum(1.0, (0.60 - time) / 0.05))
    return np.stack(sides)


def crash(duration: float, seed: int) -> FloatArray:
    """A cymbal that rings, [2, n]."""
    time = seconds(duration)
    clang = metal(time)
    ring = [band(noise(len(time), seed + k) + clang, 3500.0, 14000.0) for k in (0, 1)]
    fall = 0.7 * decay(time, duration / 5.0) + 0.3 * decay(time, 0.08)
    return single(np.stack(ring) * fall * np.minimum(1.0, (duration - time) / 0.3))


def boom() -> FloatArray:
    """A blow that shakes the floor: a sine sinking to 30 Hz under a burst of dull noise."""
    time = seconds(2.6)
    sub = np.sin(phase(30.0 + 45.0 * np.exp(time / -0.25))) * decay(time, 0.8, 0.002)
    dust = band(noise(len(time), 8), 60.0, 900.0) * decay(time, 0.35)
    return centred(np.tanh(1.4 * sub + 0.5 * dust) * np.minimum(1.0, (2.6 - time) / 0.5))
