"""Where in the bar the music is: a Bayesian filter over tempo and position, and a clock led by it.

The bar-pointer model (Whiteley, Cemgil and Godsill, "Bayesian modelling of temporal structure in
musical audio", 2006), filtered forward only, so that it never looks ahead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vjgan.belt import SLOTS, Belt
from vjgan.judge import LEVELS, OFFSETS, Judge
from vjgan.meter import BEATS, RATE, STRIDE, USUAL, Meter
from vjgan.novelty import FRAMES
from vjgan.recurrence import recurs
from vjgan.smooth import approach
from vjgan.types import FloatArray

RESTART, RESTART_FRAMES = 4e-4, 10  # probability in so many frames that the music begins anew
DELAY = 0.028  # seconds by which strength comes late; measured
NEAR_TEMPI = 2  # that count as one
TEMPO_SWITCH = 2.0  # by how much another tempo must be likelier
SAME_TEMPO = 0.08  # share beyond which it leaps
TEMPO_SECONDS = 1.5  # time constant in which it moves
NEAR_SLOTS = 6  # that count as one place
NEAR = np.arange(-NEAR_SLOTS, NEAR_SLOTS + 1)
NEARNESS = np.hanning(len(NEAR) + 2)[1:-1]
READ_FRAMES = 4  # from one reading to the next
PULL_SECONDS = 0.2  # time constant in which the clock follows the readings
RATE_SECONDS = 8.0  # time constant in which its own tempo does
GRID = 0.016  # share by which that may be off the filter's, which knows a few tempi only
FAR = 0.15  # beats between clock and reading, beyond which it leaps
PATIENCE = 0.4  # seconds for which it must have been so
LOST, LEAST_TRUST = 0.2, 0.05  # confidence below which readings count for less; at least so much
NOTHING = 0.5  # strength that is no event
IDLE_SECONDS = 0.5  # without an event, after which there is nothing to learn from
GAIN_SECONDS = 3.0  # time constant of the confidence
GAIN_NONE, GAIN_SURE = 0.024, 0.13  # nats a frame by which the beat foretells the sound
BAR_SECONDS = 5.0  # time constant of the votes for the first beat of a bar
BAR_LENGTHS = (BEATS, 3)  # beats
THREE = 3.0  # by how much three must be likelier
LAGS = {BEATS: (2, 4), 3: (3,)}  # beats after which music comes again, by the bar's length
OCTAVES = (0.5, 1.0, 2.0)  # beats of the filter to one of the clock
QUARTERS = OFFSETS // BEATS  # places of a reading to its beat
MARK_BEATS = 5.0  # time constant of the judge's marks
SURE_PATIENCE = 1.0  # more of it, for the tempo, once a reading has stood for MARGIN_BEATS
MARGIN = 1.0  # nats by which a reading at another tempo must be better
SHIFT_MARGIN = 2.0  # and one at the same tempo, after so many beats; less before
MARGIN_BEATS = 16
LOYALTY = 1.0  # nats for the one at the same tempo that has its beats where the filter has
VOTE = 0.5  # nats of a mark, that a nat of the filter's votes for a beat is worth


class Tracker:
    """After each step: ``bpm`` (0 not known yet), ``phase`` 0..1 of the beat and ``bar`` 0..1 of
    the bar of ``beats`` (four or three) at the end of that frame, and how sure these are,
    ``confidence`` and ``bar_confidence`` 0..1."""

    def __init__(self, slowest: float = 60.0, fastest: float = 200.0, usual: float = USUAL) -> None:
        """Tempi from ``slowest`` to ``fastest`` bpm; of two octaves the one nearer ``usual``."""
        self.bpm = self.confidence = self.bar_confidence = 0.0
        self.beats = BEATS
        self._meter = meter = Meter(slowest, fastest, usual)
        self._belts = [Belt(*both) for both in zip(meter.banks, meter.priors, strict=True)]
        self._total = 1.0  # of the masses
        self._pulse = usual  # bpm of the filter
        self._octave = 1.0  # beats of the filter to one of the clock
        self._tempo = usual  # of the filter, in beats of the clock
        self._rate = usual  # bpm at which the clock goes
        self._settled = 0.0  # seconds for which it has been led at about that tempo
        self._clock = 0.0  # beats
        # For how many beats the clock is behind the bar, by its length.
        self._votes = {bank.beats: np.zeros(bank.beats) for bank in meter.banks}
        self._judge = Judge(slowest, fastest, usual)
        self._marks = np.zeros((len(LEVELS), OFFSETS))
        self._judged = 0  # beats
        self._beat = 0  # of the clock, the last one that was judged
        self._first = 0  # for how many beats the clock is behind the bar
        self._apart = 0.0  # seconds that readings have been far from the clock
        self._elsewhere = 0.0  # seconds that another tempo has been likelier
        self._gain = 0.0
        self._foretold = 0.0  # 0..1, how surely the filter foretells the sound
        self._recurs = 0.0  # 0..1, how surely it comes again with the bar
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
        return (self._clock + self._first) / self.beats % 1.0

    @property
    def _late(self) -> float:
        """What the clock was when that sounded which is heard now."""
        return self._clock - DELAY * self._tempo / 60.0

    def step(self, strength: FloatArray | None) -> None:
        """Go on by a frame of the ear and take in its onset ``strength`` [BANDS]; None is silence,
        in which everything runs on as it was."""
        self._clock += self._rate / 60.0 / FRAMES
        self._heard.append(strength)
        if strength is not None:
            self._judge.hear(strength, self._late)
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
            self._recurs = approach(self._recurs, 0.0, 1.0 / RATE, GAIN_SECONDS)
            self._rate_confidence()
        if strength is None or idle:
            return
        self._weigh(strength)
        self._frames += 1
        if self._frames % READ_FRAMES == 0:
            self._read()
        if self._frames % RESTART_FRAMES == 0:
            for belt, prior in zip(self._belts, self._meter.priors, strict=True):
                belt.masses += np.float32(RESTART * self._total) * prior

    def _move(self, steady: bool) -> None:
        """Let all states go on by a frame; ``steady`` without a change of tempo or rhythm."""
        meter = self._meter
        leaving = np.concatenate([belt.leaving() for belt in self._belts], axis=1)
        if not steady:
            leaving = meter.moves @ (leaving @ meter.exchange) * meter.doubt
        first = 0
        for belt in self._belts:
            belt.move(leaving[:, first : first + belt.gates])
            first += belt.gates

    def _weigh(self, strength: FloatArray) -> None:
        """Bayes' rule, and how much better the filter foretold the sound than no knowledge."""
        meter = self._meter
        # Not a product of matrices, which would wake the threads of BLAS fifty times a second.
        likelihood = np.einsum("b,bc->c", strength, meter.slope)
        likelihood += meter.offset
        np.exp(likelihood, out=likelihood)
        blind = float(np.einsum("c,c->", likelihood, meter.shares))
        likelihood *= np.float32(1.0 / self._total)  # cheaper than to divide the masses
        total, first = 0.0, 0
        for belt in self._belts:
            total += belt.weigh(likelihood[first : first + belt.cells])
            first += belt.cells
        self._total = total
        seconds = min(GAIN_SECONDS, (self._frames + 1) / RATE + 1.0)
        self._gain = approach(self._gain, math.log(total / blind), 1.0 / RATE, seconds)

    def _read(self) -> None:
        """Let the clock follow the likeliest tempo and place."""
        dt = READ_FRAMES / RATE
        bars = self._likeliest()
        fold = np.concatenate([places.reshape(-1, SLOTS) for places in bars]).sum(axis=0)
        ring = np.concatenate((fold[-NEAR_SLOTS:], fold, fold[:NEAR_SLOTS]))
        top = int(np.convolve(ring, NEARNESS, "valid").argmax())
        weight = ring[top : top + len(NEAR)]
        share = float(weight.sum())
        place = (top + 0.5 + float(weight @ NEAR) / max(share, 1e-9)) / SLOTS
        # Of a pulse that was judged, only the judge says what is a beat and what an off-beat.
        part = 0.5 if self._judge.ready else 1.0
        ahead = (place - self._late * self._octave + 0.5 * part) % part - 0.5 * part
        self._follow(ahead / self._octave, dt)
        self._vote(bars, top + NEAR, round(place - self._late), dt)
        if math.floor(self._clock) != self._beat:
            self._beat = math.floor(self._clock)
            self._hear_judge(place)
        self._share = min(1.0, share / self._total)
        self._rate_confidence()
        if self.confidence > 0.0 or self.bpm > 0.0:
            self.bpm = self._rate

    def _rate_confidence(self) -> None:
        sure = (self._gain - GAIN_NONE) / (GAIN_SURE - GAIN_NONE)
        self._foretold = min(1.0, max(0.0, sure)) * self._share
        self.confidence = max(self._foretold, self._recurs * self._share)

    def _likeliest(self) -> list[NDArray[np.float64]]:
        """Choose the tempo; for each bank the mass at it by place in the bar, [beats * SLOTS]."""
        meter = self._meter
        tempi = np.sum([belt.tempi() for belt in self._belts], axis=0)
        wide = np.convolve(tempi, np.ones(2 * NEAR_TEMPI + 1), "same")
        best = int(wide.argmax())
        here = int(np.abs(meter.bpms - self._pulse).argmin())
        first = max(0, here - NEAR_TEMPI)
        better = abs(best - here) > NEAR_TEMPI and wide[best] >= TEMPO_SWITCH * wide[here]
        self._elsewhere = self._elsewhere + READ_FRAMES / RATE if better else 0.0
        if self._elsewhere < PATIENCE + SURE_PATIENCE * (self._judged >= MARGIN_BEATS):
            best = first + int(wide[first : here + NEAR_TEMPI + 1].argmax())
        first, last = max(0, best - NEAR_TEMPI), min(len(tempi), best + NEAR_TEMPI + 1)
        share = tempi[first:last]
        tempo = float(share @ meter.bpms[first:last] / max(float(share.sum()), 1e-9))
        same = abs(math.log(tempo / self._pulse)) < SAME_TEMPO
        if not same:
            self._leap(tempo / self._pulse)
        self._pulse = approach(self._pulse, tempo, READ_FRAMES / RATE, TEMPO_SECONDS * same)
        self._tempo = self._pulse / self._octave
        self._keep_rate()
        return [belt.places(first, last) for belt in self._belts]

    def _keep_rate(self) -> None:
        """Let the clock go at about the filter's tempo, or at once at another one."""
        off = self._rate / self._tempo - 1.0
        if abs(off) > SAME_TEMPO:
            self._rate, self._settled = self._tempo, 0.0
        self._rate = self._tempo * (1.0 + min(GRID, max(-GRID, self._rate / self._tempo - 1.0)))

    def _leap(self, ratio: float) -> None:
        """The filter goes at another tempo. The clock goes with it, but not to another octave."""
        wanted = self._octave * ratio
        octave = min(OCTAVES, key=lambda one: abs(math.log(one / wanted)))
        if self._judge.ready and abs(math.log(octave / wanted)) < SAME_TEMPO:
            self._octave = octave
            return
        self._octave = 1.0
        self._judge.forget()
        self._marks[:] = 0.0
        self._judged = 0

    def _hear_judge(self, place: float) -> None:
        """After a beat of the clock: where the bar begins, and whether the pulse, of which the
        filter is at ``place``, is to be read in another way."""
        self._judge.judge(self._late, self._tempo)
        heard = self._judge.recent(self._late) if self._judge.ready else None
        self._recurs = recurs(*heard, LAGS[self.beats]) if heard else 0.0
        votes = self._votes[self.beats]
        if not self._judge.ready or self.beats != BEATS:
            self._first = int(votes.argmax())
            return
        self._judged += 1
        self._marks += (self._judge.marks - self._marks) / min(MARK_BEATS, self._judged)
        bars = self._marks.reshape(len(LEVELS), BEATS, QUARTERS)
        beats = np.log(np.exp(bars).sum(axis=1))  # whichever beat the bar begins on
        gains = self._gains(beats, place)
        level, quarter = np.unravel_index(int(gains.argmax()), gains.shape)
        if gains.max() >= 0.0:
            first = int(bars[level, :, quarter].argmax()) + float(quarter) / QUARTERS
            self._read_anew(LEVELS[level], first)
        else:
            firsts = bars[LEVELS.index(1.0), :, 0]
            share = votes / max(float(votes.sum()), 1e-9)
            weight = VOTE * (self._octave == 1.0)
            self._first = int((firsts[-np.arange(BEATS)] + weight * np.log(share + 1e-3)).argmax())

    def _gains(self, beats: NDArray[np.float64], place: float) -> NDArray[np.float64]:
        """By how much more than they must readings are better than the clock's own, by their
        log-probabilities ``beats`` [LEVELS, QUARTERS]; the filter is at ``place``."""
        own = LEVELS.index(1.0)
        gains: NDArray[np.float64] = beats - beats[own, 0] - MARGIN
        shifted = beats[own].copy()
        if self._octave == 1.0:
            shifted[round((self._late - place) * QUARTERS) % QUARTERS] += LOYALTY
        gains[own] = shifted - shifted[0] - SHIFT_MARGIN * min(1.0, self._judged / MARGIN_BEATS)
        gains[own, 0] = -np.inf
        # The filter is often twice too fast, and hardly ever too slow.
        octaves = self._octave * np.array(LEVELS)
        gains[(octaves < 1.0) | (octaves > max(OCTAVES))] = -np.inf
        return gains

    def _read_anew(self, level: float, first: float) -> None:
        """Let a beat of the clock last ``level`` beats, and a bar begin on its ``first``."""
        origin = first * level
        late = self._late
        self._judge.retime(origin, 1.0 / level)
        self._octave *= level
        self._tempo /= level
        self._rate /= level
        self._clock = (late - origin) / level + DELAY * self._tempo / 60.0
        self._marks[:] = 0.0
        self._judged = self._first = 0
        self._beat = math.floor(self._clock)

    def _follow(self, ahead: float, dt: float) -> None:
        """Pull the clock to a reading ``ahead`` beats of it; leap if that stays far. Where nothing
        tells of the beat any more, as in a breakdown, the one that was sure runs on."""
        sure = self._judged >= MARGIN_BEATS
        trust = max(LEAST_TRUST, min(1.0, self._foretold / LOST) ** 2) if sure else 1.0
        self._apart = self._apart + dt if abs(ahead) > FAR else 0.0
        if self._apart == 0.0:
            pulled = trust * ahead * -math.expm1(-dt / PULL_SECONDS)  # beats
            self._clock += pulled
            # The clock's beats are where the music's are: what it was pulled is what its tempo
            # was off by.
            self._settled += dt
            self._rate += 60.0 * pulled / min(RATE_SECONDS, max(1.0, self._settled))
        elif self._apart > PATIENCE / trust:
            self._clock += ahead
            self._judge.retime(-ahead, 1.0)
            self._apart = 0.0

    def _vote(
        self, bars: list[NDArray[np.float64]], near: NDArray[np.int64], ahead: int, dt: float
    ) -> None:
        """For each length of a bar and each of its beats, the mass ``near`` the place of the clock,
        which is so many beats ``ahead``."""
        share = -math.expm1(-dt / BAR_SECONDS)
        for (beats, votes), places in zip(self._votes.items(), bars, strict=True):
            starts = SLOTS * ((np.arange(beats) - ahead) % beats)
            found = places[(near + starts[:, None]) % len(places)].sum(axis=1)
            votes += (found - votes) * share
        four, three = (float(self._votes[beats].sum()) for beats in BAR_LENGTHS)
        self.beats = 3 if three > THREE * four else BEATS
        second, best = np.sort(self._votes[self.beats])[-2:]
        self.bar_confidence = self.confidence * float((best - second) / max(best, 1e-9))
