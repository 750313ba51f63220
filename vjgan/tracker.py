"""Where in the bar the music is: a Bayesian filter over tempo and position, and a clock led by it.

The bar-pointer model (Whiteley, Cemgil and Godsill, "Bayesian modelling of temporal structure in
musical audio", 2006), filtered forward only, so that it never looks ahead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.meter import BEATS, RHYTHMS, Meter
from vjgan.novelty import FRAMES
from vjgan.smooth import approach
from vjgan.types import FloatArray

RESTART = 2e-5  # probability in a frame that the music begins anew
DELAY = 0.022  # seconds by which strength comes late; measured
NEAR_TEMPI = 2  # that count as one
TEMPO_SWITCH = 2.0  # by how much another tempo must be likelier
SAME_TEMPO = 0.08  # share beyond which it leaps
TEMPO_SECONDS = 1.5  # time constant in which it moves
SLOTS = 48  # to a beat, of a reading
NEAR_SLOTS = 6  # that count as one place
READ_FRAMES = 3  # from one reading to the next
PULL_SECONDS = 0.2  # time constant in which the clock follows the readings
FAR = 0.15  # beats between clock and reading, beyond which it leaps
PATIENCE = 0.4  # seconds for which it must have been so
NOTHING = 0.5  # strength that is no event
IDLE_SECONDS = 0.5  # without an event, after which there is nothing to learn from
GAIN_SECONDS = 3.0  # time constant of the confidence
GAIN_NONE, GAIN_SURE = 0.02, 0.1  # nats a frame by which the beat foretells the sound
BAR_SECONDS = 5.0  # time constant of the votes for the first beat of a bar


class Tracker:
    """After each step: ``bpm`` (0 not known yet), ``phase`` 0..1 of the beat and ``bar`` 0..1 of
    the bar at the end of that frame, and how sure these are, ``confidence`` and
    ``bar_confidence`` 0..1."""

    def __init__(self, slowest: float = 60.0, fastest: float = 200.0, usual: float = 120.0) -> None:
        """Tempi from ``slowest`` to ``fastest`` bpm; of two octaves the one nearer ``usual``."""
        self.bpm = self.confidence = self.bar_confidence = 0.0
        self._meter = Meter(slowest, fastest, usual)
        self._mass = self._meter.prior.copy()
        self._slot = (self._meter.turn * BEATS * SLOTS).astype(np.intp)
        self._tempo = usual
        self._clock = 0.0  # beats
        self._votes = np.zeros(BEATS)  # for how many beats the clock is behind the bar
        self._apart = 0.0  # seconds that readings have been far from the clock
        self._elsewhere = 0.0  # seconds that another tempo has been likelier
        self._gain = 0.0
        self._share = 0.0  # of the mass that is where the clock is led
        self._idle = 0  # frames in which nothing has begun
        self._frames = 0

    @property
    def phase(self) -> float:
        """0..1 since the last beat."""
        return self._clock % 1.0

    @property
    def bar(self) -> float:
        """0..1 since the last bar began."""
        return (self._clock + int(self._votes.argmax())) / BEATS % 1.0

    def step(self, strength: FloatArray | None) -> None:
        """Go on by a frame and take in its onset ``strength`` [BANDS]; None is silence, in which
        everything runs on as it was."""
        self._clock += self._tempo / 60.0 / FRAMES
        self._idle = 0 if strength is None or strength.max() > NOTHING else self._idle + 1
        idle = self._idle > IDLE_SECONDS * FRAMES
        self._mass = self._moved(strength is None or idle)
        if idle:
            self._gain = approach(self._gain, 0.0, 1.0 / FRAMES, GAIN_SECONDS)
            self._rate_confidence()
        if strength is None or idle:
            return
        self._weigh(strength)
        self._frames += 1
        if self._frames % READ_FRAMES == 0:
            self._read()

    def _moved(self, steady: bool) -> FloatArray:
        """The mass of all states a frame later; ``steady`` without a change of tempo."""
        meter, mass = self._meter, self._mass
        leaving = mass[meter.leave]  # [rows, BEATS]
        moved: FloatArray = np.empty_like(mass)
        moved[1:] = mass[:-1]
        moved[meter.enter] = leaving if steady else meter.moves @ leaving
        return moved

    def _weigh(self, strength: FloatArray) -> None:
        """Bayes' rule, and how much better the filter foretold the sound than no knowledge."""
        meter, mass = self._meter, self._mass
        # Not a product of matrices, which would wake the threads of BLAS a hundred times a second.
        likelihood = np.einsum("b,bs->s", strength, meter.slope)  # [states]
        likelihood += meter.offset
        np.exp(likelihood, out=likelihood)
        blind = float(likelihood @ meter.prior)
        mass += np.float32(RESTART) * meter.prior
        mass *= likelihood
        total = float(mass.sum())
        mass *= np.float32(1.0 / total)
        seconds = min(GAIN_SECONDS, (self._frames + 1) / FRAMES + 1.0)
        self._gain = approach(self._gain, math.log(total / blind), 1.0 / FRAMES, seconds)

    def _read(self) -> None:
        """Let the clock follow the likeliest tempo and place."""
        dt = READ_FRAMES / FRAMES
        bars = self._likeliest()  # [BEATS * SLOTS]
        fold = bars.reshape(BEATS, SLOTS).sum(axis=0)
        near = np.arange(-NEAR_SLOTS, NEAR_SLOTS + 1)
        ring = np.concatenate((fold[-NEAR_SLOTS:], fold, fold[:NEAR_SLOTS]))
        top = int(np.convolve(ring, np.hanning(2 * NEAR_SLOTS + 3)[1:-1], "valid").argmax())
        weight = fold[(top + near) % SLOTS]
        share = float(weight.sum())
        place = (top + 0.5 + float(weight @ near) / max(share, 1e-9)) / SLOTS
        place += DELAY * self._tempo / 60.0
        self._follow((place - self._clock + 0.5) % 1.0 - 0.5, dt)
        beats = bars[(top + near + SLOTS * np.arange(BEATS)[:, None]) % len(bars)].sum(axis=1)
        self._vote(np.roll(beats, round(place - self._clock) % BEATS), dt)
        self._share = min(1.0, share)
        self._rate_confidence()
        if self.confidence > 0.0 or self.bpm > 0.0:
            self.bpm = self._tempo

    def _rate_confidence(self) -> None:
        sure = (self._gain - GAIN_NONE) / (GAIN_SURE - GAIN_NONE)
        self.confidence = min(1.0, max(0.0, sure)) * self._share

    def _likeliest(self) -> NDArray[np.float64]:
        """Choose the tempo; the mass at it by place in the bar, [BEATS * SLOTS]."""
        meter = self._meter
        rows = np.add.reduceat(self._mass, meter.firsts)
        tempi = rows.reshape(len(RHYTHMS), -1).sum(axis=0)
        wide = np.convolve(tempi, np.ones(2 * NEAR_TEMPI + 1), "same")
        best = int(wide.argmax())
        here = int(np.abs(meter.bpms - self._tempo).argmin())
        first = max(0, here - NEAR_TEMPI)
        better = abs(best - here) > NEAR_TEMPI and wide[best] >= TEMPO_SWITCH * wide[here]
        self._elsewhere = self._elsewhere + READ_FRAMES / FRAMES if better else 0.0
        if self._elsewhere < PATIENCE:
            best = first + int(wide[first : here + NEAR_TEMPI + 1].argmax())
        first, last = max(0, best - NEAR_TEMPI), min(len(tempi), best + NEAR_TEMPI + 1)
        share = tempi[first:last]
        tempo = float(share @ meter.bpms[first:last] / max(float(share.sum()), 1e-9))
        same = abs(math.log(tempo / self._tempo)) < SAME_TEMPO
        self._tempo = approach(self._tempo, tempo, READ_FRAMES / FRAMES, TEMPO_SECONDS * same)
        bars = np.zeros(BEATS * SLOTS)
        for row in range(0, len(rows), len(tempi)):
            begin = meter.firsts[row + first]
            end = meter.firsts[row + last - 1] + meter.lengths[row + last - 1]
            bars += np.bincount(self._slot[begin:end], self._mass[begin:end], len(bars))
        return bars

    def _follow(self, ahead: float, dt: float) -> None:
        """Pull the clock to a reading ``ahead`` beats of it; leap if that stays far."""
        self._apart = self._apart + dt if abs(ahead) > FAR else 0.0
        if self._apart == 0.0:
            self._clock += ahead * -math.expm1(-dt / PULL_SECONDS)
        elif self._apart > PATIENCE:
            self._clock += ahead
            self._apart = 0.0

    def _vote(self, beats: NDArray[np.float64], dt: float) -> None:
        """``beats`` [BEATS]: how likely it is that the bar is so many beats ahead of the clock."""
        self._votes += (beats - self._votes) * -math.expm1(-dt / BAR_SECONDS)
        second, first = np.sort(self._votes)[-2:]
        self.bar_confidence = self.confidence * float((first - second) / max(first, 1e-9))
