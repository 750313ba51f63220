"""The beat clock: one steady musical position, whoever gives the tempo."""

from __future__ import annotations

import itertools
import math
from collections import deque
from statistics import median

from vjgan.smooth import approach
from vjgan.types import Beat, Features, Tick

DEFAULT_BPM = 120.0
CONFIDENT = 0.1  # the tracker is followed from here on
STALE = 3.0  # seconds after its last beat for which the tracker is followed
PULL = (
    0.6  # how much of the phase error goes in a beat (1 / time constant): in two bars, nearly all
)
TEMPO_SECONDS = 1.0  # time constant of a change of tempo
OCTAVE_SECONDS = 10.0  # time constant of the tempo that decides on the octave
TAP_PAUSE = 2.0  # seconds after which a tap begins anew
TAP_COUNT = 9  # taps that are remembered
SAME_TEMPO = 0.04  # share by which a tracker that agrees with the taps may be off
SAME_PHASE = 0.15  # and beats


class BeatClock:
    """Counts beats up to each frame's present time: a phase-locked loop.

    The tracker leads while it hears and is sure. Taps take the lead until the tracker agrees, or
    is sure anew after having been unsure. Without a lead the clock runs on at its last tempo."""

    def __init__(self, slowest: float = 70.0, fastest: float = 180.0) -> None:
        """Tempi are taken octaves up or down into ``slowest``..``fastest`` bpm (more than an
        octave, so that a tempo near its ends need not flip)."""
        self.slowest = slowest
        self.fastest = fastest
        self._bpm = DEFAULT_BPM
        self._usual: float | None = None  # bpm as led of late, which decides on the octave
        self._position = 0.0
        self._time: float | None = None  # present time of the last step
        self._taps: deque[float] = deque(maxlen=TAP_COUNT)
        self._tapped = False  # the taps lead
        self._doubt = False  # the tracker has been unsure since

    def tap(self, time: float) -> None:
        """A beat by hand at ``time``: the first sets the phase, the next the tempo."""
        if self._taps and time - self._taps[-1] > TAP_PAUSE:
            self._taps.clear()
        self._taps.append(time)
        self._tapped, self._doubt = True, False

    def step(self, features: Features, tick: Tick) -> Beat:
        """The position at ``tick.present_time``; it never falls and never jumps."""
        time = tick.present_time
        dt = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time
        sure = _sure(features, time)
        if self._tapped and sure and (self._doubt or self._agrees(features, time)):
            self._tapped = False
        self._doubt |= not sure
        if self._tapped:
            self._follow(self._tapped_bpm(), self._taps[-1], time, dt)
            return Beat(self._position, self._bpm, 1.0, "tap")
        if sure:
            self._follow(features.bpm, features.beat_time, time, dt)
            return Beat(self._position, self._bpm, features.confidence, "tracker")
        self._run(dt)
        return Beat(self._position, self._bpm, 0.0, "free")

    def _follow(self, bpm: float, beat_time: float, time: float, dt: float) -> None:
        target = self._fold(bpm)
        if self._usual is None:
            self._usual = self._bpm = target
        self._usual = approach(self._usual, bpm, dt, OCTAVE_SECONDS)
        self._bpm = approach(self._bpm, target, dt, TEMPO_SECONDS)
        beats = self._run(dt)
        self._position += self._error(bpm, beat_time, time) * (1.0 - math.exp(-PULL * beats))

    def _run(self, dt: float) -> float:
        """Go on for ``dt``; so many beats."""
        beats = self._bpm / 60.0 * dt
        self._position += beats
        return beats

    def _fold(self, bpm: float) -> float:
        """``bpm`` in the octave that is in range, and of two the one nearer to the usual."""
        octaves = [bpm * 2.0**k for k in range(-6, 7)]
        fitting = [one for one in octaves if self.slowest <= one <= self.fastest] or [bpm]
        usual = self._usual or bpm
        return min(fitting, key=lambda one: abs(math.log(one / usual)))

    def _error(self, bpm: float, beat_time: float, time: float) -> float:
        """Beats from the position to the lead's beat. Of a lead that beats twice as fast as the
        clock, any beat will do."""
        target = self._fold(bpm)
        period = min(1.0, target / bpm)
        ahead = (time - beat_time) * target / 60.0 - self._position
        return (ahead + period / 2.0) % period - period / 2.0

    def _tapped_bpm(self) -> float:
        intervals = [after - before for before, after in itertools.pairwise(self._taps)]
        return 60.0 / median(intervals) if intervals else self._bpm

    def _agrees(self, features: Features, time: float) -> bool:
        tempo = self._fold(features.bpm) / self._fold(self._tapped_bpm())
        phase = self._error(features.bpm, features.beat_time, time)
        return abs(tempo - 1.0) < SAME_TEMPO and abs(phase) < SAME_PHASE


def _sure(features: Features, time: float) -> bool:
    return (
        features.alive
        and not features.silent
        and features.bpm > 0.0
        and features.confidence >= CONFIDENT
        and time - features.beat_time < STALE
    )
