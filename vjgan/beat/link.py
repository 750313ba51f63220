"""Ableton Link: a tempo and a bar shared over the network. The only file that knows the library."""

from __future__ import annotations

from collections.abc import Callable

from link import Link

from vjgan.beat.lead import BAR, Lead
from vjgan.types import Features

OFFER_SECONDS = 1.0  # from one offer to the next
SAME_BPM = 0.05
SAME_BEATS = 0.02


class LinkSession:
    """A seat in the Link session of the local network. It follows and never asks others to: only
    while it is alone does it keep the session at what vjgan hears, so that who comes later does
    not find a tempo that nobody plays."""

    def __init__(self, clock_time: Callable[[], float], bpm: float = 120.0) -> None:
        """Joins, or opens, the session; ``clock_time`` is the show's clock in seconds."""
        self._clock_time = clock_time
        self._link = Link(bpm)
        self._link.enabled = True
        self._offered = -OFFER_SECONDS

    @property
    def peers(self) -> int:
        """How many others there are."""
        return int(self._link.numPeers())

    def lead(self, time: float, features: Features) -> Lead | None:
        """Where the session is, while anyone else is in it."""
        if not self.peers:
            return None
        state = self._link.captureAppSessionState()
        return Lead(state.tempo(), state.phaseAtTime(self._micros(time), BAR), BAR, exact=True)

    def offer(self, time: float, bpm: float, beats: float) -> None:
        """While alone: ``beats`` of the bar are passed at ``time``. Twice in a second is once."""
        if self.peers or abs(time - self._offered) < OFFER_SECONDS:
            return
        self._offered = time
        state = self._link.captureAppSessionState()
        micros = self._micros(time)
        apart = (beats - state.beatAtTime(micros, BAR) + BAR / 2) % BAR - BAR / 2
        if abs(bpm - state.tempo()) < SAME_BPM and abs(apart) < SAME_BEATS:
            return
        state.setTempo(bpm, micros)
        state.requestBeatAtTime(beats % BAR, micros, BAR)
        self._link.commitAppSessionState(state)

    def one(self, time: float) -> None:
        """Nothing: the session's bar belongs to all; ours is kept by the clock."""

    def close(self) -> None:
        """Leave."""
        self._link.enabled = False

    def _micros(self, time: float) -> int:
        """A time of the show on Link's own clock."""
        return self._link.clock().micros() + round((time - self._clock_time()) * 1e6)
