"""Who may lead the beat clock: each source says where in the bar the music is, or that it is not
there."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, replace
from statistics import median
from typing import Protocol

from vjgan.types import Features

BAR = 4.0  # beats
CONFIDENT = 0.1  # the tracker is followed from here on
BAR_CONFIDENT = 0.2  # and its bars
STALE = 3.0  # seconds after its last beat for which the tracker is followed
TAP_PAUSE = 2.0  # seconds after which a tap begins anew
TAP_COUNT = 9  # taps that are remembered


@dataclass(frozen=True, slots=True)
class Lead:
    """A place in the music: ``beats`` counted modulo ``cycle``, in which a bar begins at 0. A
    ``cycle`` of 4 knows the bar, one of 1 the beat alone. ``exact`` is told by a machine rather
    than made out by ear. ``confidence`` 0..1."""

    bpm: float
    beats: float
    cycle: float
    confidence: float = 1.0
    exact: bool = False

    def times(self, factor: float) -> Lead:
        """The same place counted ``factor`` times as fast."""
        return replace(
            self, bpm=self.bpm * factor, beats=self.beats * factor, cycle=self.cycle * factor
        )


class Source(Protocol):
    """One rung of the ladder."""

    def lead(self, time: float, features: Features) -> Lead | None:
        """Where the music is at ``time``; None while the source is not there."""

    def one(self, time: float) -> None:
        """A bar begins at ``time``, says the performer, who knows what the source does not."""


class Tracked:
    """The ear's own tracker. Its sound was in the air ``latency`` seconds before its stamps."""

    def __init__(self, latency: float = 0.0) -> None:
        self._latency = latency

    def lead(self, time: float, features: Features) -> Lead | None:
        """Where the music is, while the tracker hears and is sure."""
        if (
            not features.alive
            or features.silent
            or features.bpm <= 0.0
            or features.confidence < CONFIDENT
            or time - features.beat_time >= STALE
        ):
            return None
        beats = (time - features.beat_time + self._latency) * features.bpm / 60.0
        if features.bar_confidence < BAR_CONFIDENT or features.bar_beats != BAR:
            return Lead(features.bpm, beats, 1.0, features.confidence)
        since = (features.time - features.beat_time) * features.bpm / 60.0
        beat = round(features.bar_phase * BAR - since)  # of the bar, the newest one
        return Lead(features.bpm, beat + beats, BAR, features.confidence)

    def one(self, time: float) -> None:
        """Nothing: which beat is meant is kept by the clock."""


class Taps:
    """Beats by hand: the first sets the phase, the next the tempo."""

    def __init__(self) -> None:
        self._taps: deque[float] = deque(maxlen=TAP_COUNT)
        self._anchor = 0.0
        self.usual_bpm = 120.0  # where a single tap leaves the tempo

    def tap(self, time: float) -> None:
        """A beat at ``time``."""
        if self._taps and time - self._taps[-1] > TAP_PAUSE:
            self._taps.clear()
        self._taps.append(time)
        self._anchor = time

    def lead(self, time: float, features: Features) -> Lead | None:
        """The tapped beat, once there was a tap."""
        if not self._taps:
            return None
        gaps = [after - before for before, after in itertools.pairwise(self._taps)]
        bpm = 60.0 / median(gaps) if gaps and median(gaps) > 0.0 else self.usual_bpm
        return Lead(bpm, (time - self._anchor) * bpm / 60.0, 1.0)

    def one(self, time: float) -> None:
        """A beat is there, at the same tempo."""
        self._anchor = time
