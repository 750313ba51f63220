"""The phase-locked loops of the beat clock: one that follows a lead, one that counts faster."""

from __future__ import annotations

import math

from vjgan.beat.lead import BAR, Lead
from vjgan.smooth import approach

DEFAULT_BPM = 120.0
PULL = 0.6  # share of the phase error that goes in a beat (1 / time constant): two bars leave 1 %
NEAR, NEAR_PULL = 0.2, 1.5  # beats from which on more of it goes, up to so much
TEMPO_SECONDS = 0.25  # time constant of a change of tempo
SETTLED = 0.25  # beats; a loop that is nearer has found the lead's beat
PATIENCE = 4  # beats for which an ear must say that the bar begins elsewhere
UNSURE = 0.5  # confidence below which an ear that is suddenly elsewhere is not believed,
ELSEWHERE, DOUBT_SECONDS = 0.12, 4.0  # beats; until it has been there for so long
STEADY_SECONDS = 4.0  # time constant of the tempo at which it runs on without a lead
STEADY = 0.02  # share by which that may differ from the last


class Follower:
    """Counts a lead's beats: ``position`` never falls and never jumps, a bar begins at
    ``downbeat``, and ``error`` is how many beats ahead the lead was when last heard."""

    def __init__(self) -> None:
        self.bpm = self.wanted_bpm = DEFAULT_BPM
        self.position = self.downbeat = self.error = 0.0
        self.shift = 0  # beats by which bars begin after the lead's
        self.counting = False  # bars go on as they are, whatever an ear says
        self._steady_bpm = DEFAULT_BPM
        self._heard = False  # the last step had an ear to follow
        self._settled = False  # the lead's beat has been found
        self._doubted = 0.0  # seconds for which an ear has been elsewhere
        self._led = False
        self._elsewhere = 0  # beats for which the lead's bar has begun elsewhere

    def step(self, lead: Lead | None, dt: float) -> float:
        """Go on for ``dt`` seconds, toward the lead where there is one; so many beats."""
        if lead is not None and not self._believed(lead, dt):
            lead = None
        self._take_tempo(lead, dt)
        self.bpm = approach(self.bpm, self.wanted_bpm, dt, TEMPO_SECONDS)
        beats = self.bpm / 60.0 * dt
        if lead is not None:
            self.error = wrap(lead.beats - self.position - beats, min(1.0, lead.cycle))
        pulled = self.error * pull(beats, self.error)
        self.error -= pulled
        before, self.position = math.floor(self.position), self.position + beats + pulled
        if lead is not None and math.floor(self.position) > before:
            self._count_bar(lead)
        return beats + pulled

    def _believed(self, lead: Lead, dt: float) -> bool:
        """Whether a lead is to be followed: an ear that loses its way is not, for a while."""
        away = wrap(lead.beats - self.position - self.bpm / 60.0 * dt, min(1.0, lead.cycle))
        if abs(away) < ELSEWHERE:
            self._settled = True
        elsewhere = abs(away) >= ELSEWHERE and not lead.exact and lead.confidence < UNSURE
        self._doubted = self._doubted + dt if elsewhere and self._settled else 0.0
        if self._doubted > DOUBT_SECONDS:
            self._settled = False
        return self._doubted == 0.0

    def _take_tempo(self, lead: Lead | None, dt: float) -> None:
        """The lead's tempo; without one, what it was in the mean, and what an ear said last of the
        phase is forgotten."""
        if lead is None:
            if abs(self._steady_bpm / self.wanted_bpm - 1.0) < STEADY:
                self.wanted_bpm = self._steady_bpm
            if self._heard:
                self.error, self._heard = 0.0, False
            return
        self._heard = not lead.exact
        self.wanted_bpm = lead.bpm
        if not self._led or abs(self._steady_bpm / lead.bpm - 1.0) > STEADY:
            self._steady_bpm = lead.bpm
        if not self._led:
            self._led, self.bpm = True, lead.bpm
        seconds = 0.0 if lead.exact else STEADY_SECONDS / max(lead.confidence, 0.01)
        self._steady_bpm = approach(self._steady_bpm, lead.bpm, dt, seconds)

    def one(self, ago: float, lead: Lead | None) -> None:
        """A bar began ``ago`` seconds before now. Of a lead that knows its beats, the nearest one
        is meant; otherwise it was a beat there."""
        place = self.position + self.error - self.bpm / 60.0 * ago
        if lead is None:
            self.error += round(place) - place
        self.downbeat -= (self.downbeat - round(place)) % BAR
        self.counting = True
        if lead is not None:
            self.shift = round(lead.beats - (self.position + self.error - self.downbeat))

    def _count_bar(self, lead: Lead) -> None:
        """Let bars begin where the lead has them; ``downbeat`` only falls, so that no bar is
        counted twice."""
        if lead.cycle < 2.0 or abs(self.error) > SETTLED or (self.counting and not lead.exact):
            return
        beats = lead.beats - self.shift - (self.position + self.error - self.downbeat)
        behind = round(beats) % min(BAR, lead.cycle)
        self._elsewhere = self._elsewhere + 1 if behind else 0
        if behind and (lead.exact or self._elsewhere >= PATIENCE):
            self.downbeat -= behind
            self._elsewhere = 0


class Multiplier:
    """Counts another count's beats ``factor`` times as fast, a power of two, and as smoothly."""

    def __init__(self) -> None:
        self.position = self.downbeat = 0.0
        self.speed = 1.0  # the factor, on its way

    def step(self, count: Follower, beats: float, factor: float, dt: float) -> None:
        """Go on by ``beats`` of ``count``, which has made them."""
        self.speed = approach(self.speed, factor, dt, TEMPO_SECONDS)
        more = beats * self.speed
        ahead = factor * (count.position - count.downbeat) - (self.position - self.downbeat) - more
        error = wrap(ahead, 1.0)
        before = math.floor(self.position)
        self.position += more + error * pull(more, error)
        if math.floor(self.position) > before and abs(error) < SETTLED:
            self.downbeat -= round(ahead - error) % BAR


def pull(beats: float, error: float) -> float:
    """The share of an error (beats) that goes in so many beats: most of a small one."""
    near = max(0.0, 1.0 - abs(error) / NEAR)
    return -math.expm1(-(PULL + (NEAR_PULL - PULL) * near) * beats)


def wrap(beats: float, cycle: float) -> float:
    """``beats`` to the nearest one of every ``cycle``: -cycle/2..cycle/2."""
    return (beats + cycle / 2.0) % cycle - cycle / 2.0
