"""Plays bursts of bass, or the demo track, into the sound card and says when they leave it.

``python -m bench.aloud bursts|demo SECONDS`` prints, for bursts, a line with the system-wide
monotonic time (s) at which each one leaves the loudspeaker.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from vjgan.audio.demo import demo
from vjgan.audio.soundcard import Speaker

RATE = 44100
BLOCK = 256
EVERY_S, LONG_S, HZ = 0.6, 0.08, 70.0


def bursts(seconds: float) -> None:
    """A burst every EVERY_S, at a moment of its own in the block."""
    speaker = Speaker(RATE, 2)
    every = int(EVERY_S * RATE)
    try:
        for start in range(0, int(seconds * RATE), BLOCK):
            n = np.arange(start, start + BLOCK)
            since = n % every
            wave = np.where(since < LONG_S * RATE, np.sin(2 * np.pi * HZ * since / RATE), 0.0)
            leaves = speaker.write(np.stack([0.7 * wave] * 2, axis=1).astype(np.float32))
            begins = np.flatnonzero(since == 0)
            for first in begins:
                print(leaves - (BLOCK - int(first)) / RATE, flush=True)
    finally:
        speaker.close()


def track(seconds: float) -> None:
    """The demo track, from its beginning."""
    sound = demo()
    speaker = Speaker(sound.sample_rate, 2)
    try:
        for start in range(0, min(len(sound.samples), int(seconds * RATE)), BLOCK):
            speaker.write(sound.samples[start : start + BLOCK])
    finally:
        speaker.close()


if __name__ == "__main__":
    {"bursts": bursts, "demo": track}[sys.argv[1]](float(sys.argv[2]))
    time.sleep(0.2)
