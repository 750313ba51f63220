"""Where in the bar the music is: a Bayesian filter over tempo and position, and a clock led by it.

The bar-pointer model (Whiteley, Cemgil and Godsill, "Bayesian modelling of temporal structure in
musical audio", 2006), filtered forward only, so that it never looks ahead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.meter import BEATS, RATE, STRIDE, USUAL, Meter
from vjgan.novelty import FRAMES
from vjgan.smooth import approach
from vjgan.types import FloatArray

RESTART, RESTART_FRAMES = 4e-4, 10  # probability in so many frames that the music begins anew
DELAY = 0.028  # seconds by which strength comes late; measured
NEAR_TEMPI = 2  # that count as one
TEMPO_SWITCH = 2.0  # by how much another tempo must be likelier
SAME_TEMPO = 0.08  # share beyond which it leaps
TEMPO_SECONDS = 1.5  # time constant in which it moves
SLOTS = 48  # to a beat, of a reading
NEAR_SLOTS = 6  # that count as one place
READ_FRAMES = 2  # from one reading to the next
PULL_SECONDS = 0.2  # time constant in which the clock follows the readings
FAR = 0.15  # beats between clock and reading, beyond which it leaps
PATIENCE = 0.4  # seconds for which it must have been so
NOTHING = 0.5  # strength that is no event
IDLE_SECONDS = 0.5  # without an event, after which there is nothing to learn from
GAIN_SECONDS = 3.0  # time constant of the confidence
GAIN_NONE, GAIN_SURE = 0.024, 0.13  # nats a frame by which the beat foretells the sound
BAR_SECONDS = 5.0  # time constant of the votes for the first beat of a bar
BAR_LENGTHS = (BEATS, 3)  # beats
THREE = 3.0  # by how much three must be likelier


class Tracker:
    """After each step: ``bpm`` (0 not known yet), ``phase`` 0..1 of the beat and ``bar`` 0..1 of
    the bar of ``beats`` (four or three) at the end of that frame, and how sure these are,
    ``confidence`` and ``bar_confidence`` 0..1."""

    def __init__(self, slowest: float = 60.0, fastest: float = 200.0, usual: float = USUAL) -> None:
        """Tempi from ``slowest`` to ``fastest`` bpm; of two octaves the one nearer ``usual``."""
        self.bpm = self.confidence = self.bar_confidence = 0.0
        self.beats = BEATS
        self._meter = meter = Meter(slowest, fastest, usual)
        self._mass = meter.prior.copy()
        self._other = np.empty_like(self._mass)  # a second buffer, to move into
        self._total = 1.0  # of the masses
        self._restart = np.float32(RESTART) * meter.prior
        # Places in a bar of four beats come first, then those in a bar of three.
        slot = (meter.turn * meter.beats * SLOTS).astype(np.intp)
        self._slot = slot + np.where(meter.beats == BEATS, 0, BEATS * SLOTS)
        self._tempo = usual
        self._clock = 0.0  # beats
        # For how many beats the clock is behind the bar, by its length.
        self._votes = {beats: np.zeros(beats) for beats in BAR_LENGTHS}
        self._apart = 0.0  # seconds that readings have been far from the clock
        self._elsewhere = 0.0  # seconds that another tempo has been likelier
        self._gain = 0.0
        self._share = 0.0  # of the mass that is where the clock is led
        self._idle = 0  # frames in which nothing has begun
        self._frames = 0
        self._heard: list[FloatArray | None] = []  # strengths that make a frame

    @property
    def phase(self) -> float:
        """0..1 since the last beat."""
        return self._clock % 1.0

    @property
    def bar(self) -> float:
        """0..1 since the last bar began."""
        return (self._clock + int(self._votes[self.beats].argmax())) / self.beats % 1.0

    def step(self, strength: FloatArray | None) -> None:
        """Go on by a frame of the ear and take in its onset ``strength`` [BANDS]; None is silence,
        in which everything runs on as it was."""
        self._clock += self._tempo / 60.0 / FRAMES
        self._heard.append(strength)
        if len(self._heard) < STRIDE:
            return
        sounds = [one for one in self._heard if one is not None]
        silent = len(sounds) < STRIDE
        self._heard.clear()
        self._filter(None if silent else np.add(*sounds) * np.float32(1.0 / STRIDE))

    def _filter(self, strength: FloatArray | None) -> None:
        """Go on by a frame of the filter."""
        self._idle = 0 if strength is None or strength.max() > NOTHING else self._idle + 1
        idle = self._idle > IDLE_SECONDS * RATE
        self._move(strength is None or idle)
        if idle:
            self._gain = approach(self._gain, 0.0, 1.0 / RATE, GAIN_SECONDS)
            self._rate_confidence()
        if strength is None or idle:
            return
        self._weigh(strength)
        self._frames += 1
        if self._frames % READ_FRAMES == 0:
            self._read()
        if self._frames % RESTART_FRAMES == 0:
            self._mass += np.float32(self._total) * self._restart

    def _move(self, steady: bool) -> None:
        """Let all states go on by a frame; ``steady`` without a change of tempo or rhythm."""
        meter, mass, moved = self._meter, self._mass, self._other
        leaving = mass[meter.leave]  # [gates, tempi]
        if not steady:
            leaving = meter.exchange @ leaving @ meter.moves * meter.doubt
        moved[1:] = mass[:-1]
        moved[meter.enter] = leaving
        self._mass, self._other = moved, mass

    def _weigh(self, strength: FloatArray) -> None:
        """Bayes' rule, and how much better the filter foretold the sound than no knowledge."""
        meter, mass = self._meter, self._mass
        # Not a product of matrices, which would wake the threads of BLAS fifty times a second.
        likelihood = np.einsum("b,bc->c", strength, meter.slope)  # [cells]
        likelihood += meter.offset
        np.exp(likelihood, out=likelihood)
        blind = float(np.einsum("c,c->", likelihood, meter.cell_prior))
        likelihood *= np.float32(1.0 / self._total)  # cheaper than to divide the masses
        mass *= likelihood[meter.cell]
        self._total = float(mass.sum())
        seconds = min(GAIN_SECONDS, (self._frames + 1) / RATE + 1.0)
        self._gain = approach(self._gain, math.log(self._total / blind), 1.0 / RATE, seconds)

    def _read(self) -> None:
        """Let the clock follow the likeliest tempo and place."""
        dt = READ_FRAMES / RATE
        places = self._likeliest()  # [all BAR_LENGTHS * SLOTS]
        fold = places.reshape(-1, SLOTS).sum(axis=0)
        near = np.arange(-NEAR_SLOTS, NEAR_SLOTS + 1)
        ring = np.concatenate((fold[-NEAR_SLOTS:], fold, fold[:NEAR_SLOTS]))
        top = int(np.convolve(ring, np.hanning(2 * NEAR_SLOTS + 3)[1:-1], "valid").argmax())
        weight = fold[(top + near) % SLOTS]
        share = float(weight.sum())
        place = (top + 0.5 + float(weight @ near) / max(share, 1e-9)) / SLOTS
        place += DELAY * self._tempo / 60.0
        self._follow((place - self._clock + 0.5) % 1.0 - 0.5, dt)
        self._vote(places, top + near, round(place - self._clock), dt)
        self._share = min(1.0, share / self._total)
        self._rate_confidence()
        if self.confidence > 0.0 or self.bpm > 0.0:
            self.bpm = self._tempo

    def _rate_confidence(self) -> None:
        sure = (self._gain - GAIN_NONE) / (GAIN_SURE - GAIN_NONE)
        self.confidence = min(1.0, max(0.0, sure)) * self._share

    def _likeliest(self) -> NDArray[np.float64]:
        """Choose the tempo; the mass at it by place in the bars, [all BAR_LENGTHS * SLOTS]."""
        meter = self._meter
        tempi = np.add.reduceat(self._mass, meter.edges[:-1])
        wide = np.convolve(tempi, np.ones(2 * NEAR_TEMPI + 1), "same")
        best = int(wide.argmax())
        here = int(np.abs(meter.bpms - self._tempo).argmin())
        first = max(0, here - NEAR_TEMPI)
        better = abs(best - here) > NEAR_TEMPI and wide[best] >= TEMPO_SWITCH * wide[here]
        self._elsewhere = self._elsewhere + READ_FRAMES / RATE if better else 0.0
        if self._elsewhere < PATIENCE:
            best = first + int(wide[first : here + NEAR_TEMPI + 1].argmax())
        first, last = max(0, best - NEAR_TEMPI), min(len(tempi), best + NEAR_TEMPI + 1)
        share = tempi[first:last]
        tempo = float(share @ meter.bpms[first:last] / max(float(share.sum()), 1e-9))
        same = abs(math.log(tempo / self._tempo)) < SAME_TEMPO
        self._tempo = approach(self._tempo, tempo, READ_FRAMES / RATE, TEMPO_SECONDS * same)
        mine = slice(meter.edges[first], meter.edges[last])
        count = sum(BAR_LENGTHS) * SLOTS
        return np.bincount(self._slot[mine], self._mass[mine], count).astype(np.float64)

    def _follow(self, ahead: float, dt: float) -> None:
        """Pull the clock to a reading ``ahead`` beats of it; leap if that stays far."""
        self._apart = self._apart + dt if abs(ahead) > FAR else 0.0
        if self._apart == 0.0:
            self._clock += ahead * -math.expm1(-dt / PULL_SECONDS)
        elif self._apart > PATIENCE:
            self._clock += ahead
            self._apart = 0.0

    def _vote(
        self, places: NDArray[np.float64], near: NDArray[np.int64], ahead: int, dt: float
    ) -> None:
        """For each length of a bar and each of its beats, the mass ``near`` the place of the clock,
        which is so many beats ``ahead``."""
        share = -math.expm1(-dt / BAR_SECONDS)
        first = 0
        for beats, votes in self._votes.items():
            bar = places[first : first + beats * SLOTS]
            first += beats * SLOTS
            found = bar[(near + SLOTS * np.arange(beats)[:, None]) % len(bar)].sum(axis=1)
            votes += (np.roll(found, ahead % beats) - votes) * share
        four, three = (float(self._votes[beats].sum()) for beats in BAR_LENGTHS)
        self.beats = 3 if three > THREE * four else BEATS
        second, best = np.sort(self._votes[self.beats])[-2:]
        self.bar_confidence = self.confidence * float((best - second) / max(best, 1e-9))
