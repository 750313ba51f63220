"""Where in its period the beat falls: what is new in the sound, folded at the tempo.

A tempo tracker often sits on the off-beat, because an open hi-hat brings more new spectrum than a
kick. Folded over some bars, and with the weight on what is low, the kick stands out.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.smooth import approach

SLOTS = 96  # to a period
MEMORY = 8.0  # seconds after which a beat counts 1/e
PRIOR = 2.0  # seconds of even sound that are assumed before anything is heard
WIDTH = 0.06  # half width, in periods, of what counts as one beat
LOYALTY = 0.15  # by how much another place must be better than the present one
SAME_TEMPO = 0.04  # share by which the tempo may wander without a new count
LOOK = 8  # steps between two looks at the fold
FLAT, CLEAR = 1.5, 5.0  # peak over mean of a fold that says nothing, and of one beyond doubt


def _window() -> NDArray[np.float64]:
    """[SLOTS], a raised beat around slot 0, of sum 1."""
    away = np.minimum(np.arange(SLOTS), SLOTS - np.arange(SLOTS)) / SLOTS
    shape = np.where(away < WIDTH, np.cos(np.pi / 2.0 * away / WIDTH), 0.0)
    window: NDArray[np.float64] = shape / shape.sum()
    return window


_WINDOW = _window()
_SMOOTH = np.fft.rfft(_WINDOW)


class Pulse:
    """``phase`` 0..1 since the last beat, and how sure that is, ``confidence`` 0..1."""

    def __init__(self) -> None:
        self.phase = 0.0
        self.confidence = 0.0
        self._slots = np.zeros(SLOTS)
        self._usual = 0.0  # novelty in a second
        self._heard = 0.0  # seconds
        self._bpm = 0.0
        self._cycle = 0.0  # 0..1
        self._beat = 0.0  # where in the cycle the beat falls
        self._steps = 0

    def step(self, novelty: float | None, bpm: float, dt: float, late: float) -> None:
        """Go on by ``dt`` and take in ``novelty`` >= 0, of sound that was in the air ``late``
        seconds ago; None is silence, in which the phase runs on. ``bpm`` 0 is not known."""
        if novelty is not None:
            self._heard += dt
            self._usual = approach(self._usual, novelty / dt, dt, min(self._heard, MEMORY))
        if bpm <= 0.0:
            return
        if not math.isclose(bpm, self._bpm, rel_tol=SAME_TEMPO):
            self._slots[:] = self._usual * PRIOR / SLOTS
            self.confidence = 0.0
        self._bpm = bpm
        self._cycle = (self._cycle + bpm / 60.0 * dt) % 1.0
        if novelty is not None:
            self._slots *= math.exp(-dt / MEMORY)
            self._slots[int((self._cycle - late * bpm / 60.0) % 1.0 * SLOTS) % SLOTS] += novelty
            self._steps += 1
            if self._steps % LOOK == 0:
                self._look()
        self.phase = (self._cycle - self._beat) % 1.0

    def _look(self) -> None:
        """Find the place with the most that is new."""
        fold = np.fft.irfft(np.fft.rfft(self._slots) * _SMOOTH, SLOTS)  # [SLOTS]
        here = round(self._beat * SLOTS) % SLOTS
        loyal = fold * (1.0 + LOYALTY * np.roll(_WINDOW, here) / _WINDOW[0])
        place = int(loyal.argmax())
        self._beat = (place + 0.5 + _summit(fold, place)) / SLOTS % 1.0
        contrast = float(fold[place]) / max(float(fold.mean()), 1e-12)
        self.confidence = min(1.0, max(0.0, (contrast - FLAT) / (CLEAR - FLAT)))


def _summit(values: NDArray[np.float64], place: int) -> float:
    """How far the top of a parabola through the neighbours of a maximum lies from it, -0.5..0.5."""
    before, here, after = (float(values[(place + k) % SLOTS]) for k in (-1, 0, 1))
    curve = before - 2.0 * here + after
    return min(0.5, max(-0.5, (before - after) / (2.0 * curve))) if curve < 0.0 else 0.0
