"""The beat clock: one steady musical position, whoever gives the tempo; see docs/clock.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from vjgan.beat.follower import Follower, Multiplier, wrap
from vjgan.beat.lead import Lead, Source, Taps, Tracked
from vjgan.beat.pulse import PulseClock
from vjgan.errors import VjganError
from vjgan.smooth import approach
from vjgan.types import Beat, Features, Pulse, TempoHint, Tick

CLOCKS = ("auto", "link", "midi", "tracker", "tap", "free")  # from the best to the last resort
OCTAVE_SECONDS = 10.0  # time constant of the tempo that decides on the octave
SAME_TEMPO = 0.04  # share by which a tracker that agrees with the taps may be off
SAME_PHASE = 0.15  # and beats
NUDGE = 0.010  # seconds
LARGEST_FACTOR = 8.0
FORGET_SECONDS = 10.0  # without a lead, after which the performer's bars are an ear's again


class Session(Source, Protocol):
    """What the clock needs of ``vjgan.beat.link``."""

    @property
    def peers(self) -> int: ...

    def offer(self, time: float, bpm: float, beats: float) -> None: ...


@dataclass(slots=True)
class _Turn:
    """How the performer has turned a source: kept while it leads, and when it comes back."""

    factor: float = 1.0
    nudge: float = 0.0  # seconds by which the light comes earlier


class BeatClock:
    """Counts beats up to each frame's present time: a phase-locked loop.

    The best source that is there leads: Link, MIDI clock, the tracker, taps; or the one held.
    Taps take the lead from the tracker until that agrees, or is sure anew after having been
    unsure. Without a lead the clock runs on at its last tempo."""

    def __init__(
        self,
        slowest: float = 70.0,
        fastest: float = 180.0,
        hold: str = "auto",
        link: Session | None = None,
        latency: float = 0.0,
        offset: float = 0.0,
    ) -> None:
        """What is heard and tapped is taken octaves up or down into ``slowest``..``fastest`` bpm
        (more than an octave, so that a tempo near its ends need not flip). ``hold`` is one of
        CLOCKS. Sound is stamped ``latency`` seconds late; light is wanted ``offset`` earlier.

        Raises VjganError when there is no such clock."""
        self.slowest = slowest
        self.fastest = fastest
        self.offset = offset
        check_clock(hold)
        self.held = hold
        self._taps = Taps()
        self._pulses = PulseClock()
        self._sources: dict[str, Source] = {
            "midi": self._pulses,
            "tracker": Tracked(latency),
            "tap": self._taps,
        }
        self._link = link
        if link is not None:
            self._sources["link"] = link
        self._follower = Follower()
        self._multiplier = Multiplier()
        self._expected = 0.0  # bpm that a set list tells; 0: none
        self._hint = TempoHint()  # the preset's
        self._usual: float | None = None  # bpm as led of late, which decides on the octave
        self._time: float | None = None  # of the last step
        self._tapped = False  # the taps lead
        self._doubt = False  # the tracker has been unsure since
        self._source = self._led = "free"  # who leads, and who led last
        self._alone = 0.0  # seconds without a lead
        self._turns = {name: _Turn() for name in CLOCKS}
        self._lead: Lead | None = None

    def hold(self, number: int) -> None:
        """Hold the source of that number, its place in CLOCKS; 0 takes the best, -1 the next one
        of them. Any other is no clock, and nothing changes."""
        if number == -1:
            number = (CLOCKS.index(self.held) + 1) % len(CLOCKS)
        if 0 <= number < len(CLOCKS):
            self.held = CLOCKS[number]

    def expect(self, bpm: float) -> None:
        """The tempo to come, 0 where it is not known: of the octaves of what is heard, the nearest
        to it is taken, even if it is outside slowest..fastest."""
        self._expected = bpm

    def hint(self, hint: TempoHint) -> None:
        """What a preset that enters knows of the tempo. What a set list expects goes before it."""
        self._hint = hint

    def tap(self, time: float) -> None:
        """A beat by hand at ``time``."""
        self._taps.usual_bpm = self._follower.bpm
        self._taps.tap(time)
        self._tapped, self._doubt = True, False

    def pulse(self, pulse: Pulse, time: float) -> None:
        """A message of a MIDI clock, which came at ``time``."""
        self._pulses.take(pulse, time)

    def multiply(self, factor: float) -> None:
        """Count ``factor`` times as fast as until now, a power of two; within 1/8 to 8."""
        wanted = self._turns[self._led].factor * factor
        if 1.0 / LARGEST_FACTOR <= wanted <= LARGEST_FACTOR:
            self._turns[self._led].factor = wanted

    def nudge(self, steps: int) -> None:
        """Bring the light ``steps`` of NUDGE seconds earlier, or later, from now on."""
        self._turns[self._led].nudge += steps * NUDGE
        self._follower.error += steps * NUDGE * self._follower.bpm / 60.0

    def one(self, time: float) -> None:
        """A bar begins at ``time``. A lead that knows its beats keeps them, and the nearest is
        meant."""
        if self._source != "free":
            self._sources[self._source].one(time)
        told = self._lead if self._source in ("link", "midi", "tracker") else None
        if told is not None and told.cycle < 0.5:  # a clock of which nobody knew the beat
            told = None
        now = time if self._time is None else self._time
        self._follower.one(now - time, told)

    def step(self, features: Features, tick: Tick) -> Beat:
        """The position at ``tick.present_time``; it never falls and never jumps."""
        time = tick.present_time + self.offset
        dt = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time
        self._source, lead = self._choose(time, features)
        self._take(lead, dt)
        lead = self._lead = None if lead is None else self._folded(lead)
        beats = self._follower.step(lead, dt)
        self._multiplier.step(self._follower, beats, self._turns[self._led].factor, dt)
        if self._link is not None:
            count = self._follower
            self._link.offer(time, count.bpm, count.position - count.downbeat)
        return Beat(
            self._multiplier.position,
            self._follower.bpm * self._multiplier.speed,
            0.0 if lead is None else lead.confidence,
            self._source,
            self._multiplier.downbeat,
        )

    def line(self) -> str:
        """The clock in a few words, for the screen."""
        sure = 0.0 if self._lead is None else self._lead.confidence
        bpm = self._follower.bpm * self._turns[self._led].factor
        peers = f" with {self._link.peers}" if self._link and self._source == "link" else ""
        held = "" if self.held == "auto" else f", {self.held} held"
        return f"{self._source}{peers}, {bpm:.1f} bpm, {sure:.0%} sure{held}"

    def _take(self, lead: Lead | None, dt: float) -> None:
        """Note who leads."""
        self._alone = self._alone + dt if lead is None else 0.0
        if self._alone > FORGET_SECONDS:
            self._follower.counting = False
        if lead is None:
            return
        if self._source != self._led:
            self._led = self._source
            self._follower.shift, self._follower.counting = 0, False
        if self._usual is None:
            self._usual = self._folded(lead).bpm
        self._usual = approach(self._usual, lead.bpm, dt, OCTAVE_SECONDS)

    def _choose(self, time: float, features: Features) -> tuple[str, Lead | None]:
        """Who leads, and where."""
        leads = {
            name: lead
            for name, source in self._sources.items()
            if (lead := source.lead(time + self._turns[name].nudge, features)) is not None
        }
        if self.held != "auto":
            lead = leads.get(self.held)
            return (self.held, lead) if lead is not None else ("free", None)
        for name in ("link", "midi"):
            if name in leads:
                self._tapped = False
                return name, leads[name]
        heard = leads.get("tracker")
        if self._tapped and heard and (self._doubt or self._agree(heard, leads["tap"])):
            self._tapped = False
        self._doubt |= heard is None
        if self._tapped:
            return "tap", leads["tap"]
        return ("free", None) if heard is None else ("tracker", heard)

    def _folded(self, lead: Lead) -> Lead:
        """What a machine tells, as it is; other tempi in the octave that is in range, and of two
        the one nearer to the usual."""
        if lead.exact:
            return lead
        octaves = [2.0**k for k in range(-6, 7)]
        expected = self._expected or self._hint.bpm
        slowest, fastest = self._hint.slowest, self._hint.fastest
        slowest = slowest or min(self.slowest, 0.5 * fastest or self.slowest)
        fastest = fastest or max(self.fastest, 2.0 * slowest)
        slowest = min(slowest, 0.9 * expected or slowest)
        fastest = max(fastest, 1.1 * expected)
        fitting = [one for one in octaves if slowest <= one * lead.bpm <= fastest]
        # Less than an octave may hold none of them: then the nearest.
        near = (self._usual or lead.bpm) if fitting else math.sqrt(slowest * fastest)
        usual = expected or near
        return lead.times(
            min(fitting or octaves, key=lambda one: abs(math.log(one * lead.bpm / usual)))
        )

    def _agree(self, heard: Lead, tapped: Lead) -> bool:
        heard, tapped = self._folded(heard), self._folded(tapped)
        phase = wrap(heard.beats - tapped.beats, min(1.0, heard.cycle, tapped.cycle))
        return abs(heard.bpm / tapped.bpm - 1.0) < SAME_TEMPO and abs(phase) < SAME_PHASE


def check_clock(hold: str) -> None:
    """Raise VjganError, naming what is allowed, when there is no such clock."""
    if hold not in CLOCKS:
        raise VjganError(f"clock '{hold}' is not one of {', '.join(CLOCKS)}")
