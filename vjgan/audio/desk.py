"""The mixing desk of the demo track: places sounds in time, adds space, and masters the mix."""

from __future__ import annotations

import numpy as np

from vjgan.audio import voices
from vjgan.audio.voices import RATE
from vjgan.types import FloatArray

PEAK = 10.0 ** (-1.0 / 20.0)  # -1 dB of full scale


class Desk:
    """Four busses that instruments are played into, [2, n] or [n] samples long."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.drums = np.zeros((2, count), np.float32)
        self.music = np.zeros((2, count), np.float32)  # gives way to the kick
        self.room = np.zeros(count, np.float32)  # into the reverberation
        self.echo = np.zeros(count, np.float32)  # into the delay

    def play(
        self,
        bus: FloatArray,
        sound: FloatArray,
        time: float,
        gain: float,
        pan: float = 0.0,
        room: float = 0.0,
        echo: float = 0.0,
    ) -> None:
        """Add a sound [n] or [2, n] to a bus at a time in seconds, and parts of it to room and
        echo. ``pan`` is -1 (left) to 1."""
        start = round(time * RATE)
        left, right = np.broadcast_to(sound, (2, sound.shape[-1]))[:, : self.count - start]
        span = slice(start, start + len(left))
        bus[0, span] += np.float32(gain * (1.0 - pan)) * left
        bus[1, span] += np.float32(gain * (1.0 + pan)) * right
        if room:
            self.room[span] += np.float32(0.5 * gain * room) * (left + right)
        if echo:
            self.echo[span] += np.float32(0.5 * gain * echo) * (left + right)

    def master(self, kicks: list[float], fader: FloatArray, beat: float) -> FloatArray:
        """The finished stereo sound [n, 2]: the music ducking under the ``kicks`` (seconds), all of
        it through the ``fader`` [n], gently saturated, its peak 1 dB below full scale."""
        self.music += delay(self.echo, 0.75 * beat)
        self.music += reverberation(self.room + np.float32(0.25) * self.echo)
        self.music *= ducking(self.count, kicks)
        mix = np.tanh(np.float32(0.9) * fader * (self.drums + self.music))
        mix *= np.float32(PEAK / np.abs(mix).max())
        return np.ascontiguousarray(mix.T)


def ducking(count: int, kicks: list[float]) -> FloatArray:
    """How far the music gives way to each kick: [n], 0..1."""
    gain = np.ones(count, np.float32)
    back = np.clip((voices.seconds(0.36) - 0.05) / 0.31, 0.0, 1.0)
    dip = 1.0 - 0.4 * (1.0 + np.cos(np.pi * back))
    for kick in kicks:
        span = gain[round(kick * RATE) :][: len(dip)]
        np.minimum(span, dip[: len(span)], out=span)
    return gain


def delay(sound: FloatArray, seconds: float) -> FloatArray:
    """Five echoes of a sound [n], darker and darker, from side to side: [2, n]."""
    echoes = np.zeros((2, len(sound)), np.float32)
    for count in range(1, 6):
        sound = np.float32(0.14) * (sound[:-2] + np.float32(2.0) * sound[1:-1] + sound[2:])
        start = round(count * seconds * RATE) + count  # each smoothing took a sample off the front
        late = sound[: echoes.shape[1] - start]
        echoes[count % 2, start : start + len(late)] += late
        echoes[1 - count % 2, start : start + len(late)] += np.float32(0.3) * late
    return echoes


def reverberation(sound: FloatArray) -> FloatArray:
    """The answer of a hall to a sound [n]: [2, n], by convolution with fading noise, in blocks.

    At half the rate, since the hall swallows what is above 5 kHz."""
    count, size = len(sound) // 2, 1 << 17
    time = voices.seconds(1.1) * np.float32(2.0)  # of 2.2 s, every second sample
    fade = np.exp(time / -0.42) * np.minimum(1.0, np.minimum(time / 0.012, (2.2 - time) / 0.2))
    block = size - len(time)
    blocks = np.zeros((-(-count // block), block), np.float32)
    blocks.reshape(-1)[:count] = sound[0 : 2 * count : 2] + sound[1 : 2 * count : 2]
    spectra = np.fft.rfft(blocks, size)
    answer = np.zeros((2, len(sound)), np.float32)
    for side in (0, 1):
        hall = voices.band(voices.noise(len(time), 40 + side), 440.0, 10400.0) * fade
        half = np.zeros(blocks.size + size, np.float32)
        for k, part in enumerate(np.fft.irfft(spectra * np.fft.rfft(hall, size), size)):
            half[k * block : k * block + size] += part
        answer[side, 0 : 2 * count : 2] = half[:count]
        answer[side, 1 : 2 * count : 2] = 0.5 * (half[:count] + half[1 : count + 1])
    return np.float32(0.012) * answer
