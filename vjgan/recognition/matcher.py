"""Finds the track to which the last seconds of sound belong: pairs of peaks vote for a speed and a
place, and the places with the most votes are then compared peak by peak."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vjgan.recognition.landmarks import FARTHEST, Integers, Table, cells, pairs
from vjgan.recognition.peaks import BINS_AN_OCTAVE, HOP, FloatRows
from vjgan.recognition.relief import Relief
from vjgan.types import FloatArray

SPEEDS = np.linspace(0.928, 1.072, 13, dtype=np.float64)
MEMORY = 8.0  # seconds of sound that are compared
BIN = 3.0 * HOP  # seconds of places that vote together
APART = 30.0  # seconds between two tracks on the axis, more than MEMORY
CHOICES = 6  # places that are compared peak by peak,
LEAST = 0.4  # of the most votes that any has
ROUGHLY, FINELY = (3.2 * HOP, 0.8), (HOP, 0.5)  # seconds and bins by which the same may differ
FEWEST = 8  # peaks in common from which there is something to compare
VARIED = 24  # pitches in common: with fewer it may be the drums only
MANY = 80  # peaks heard: fewer may agree by accident
EVIDENT = 0.5  # share that agrees, from which the rest need not be there;
DROWNED = 2.0  # how well that must fit, else
SCALE = 0.27  # score at which confidence is 1 - 1/e


@dataclass(frozen=True, slots=True)
class Match:
    """Track number ``track`` is at ``position`` seconds at ``time`` and goes at ``speed``. The
    ``score`` is how much of what is heard is in the track there and the other way round, 0..1
    beyond chance and less where there is little to compare, times how well the track fits the
    spectrogram, see ``Relief.fit``."""

    time: float
    track: int
    position: float
    speed: float
    score: float

    @property
    def confidence(self) -> float:
        """0..1, from the score."""
        return 1.0 - math.exp(-self.score / SCALE)

    def at(self, time: float) -> float:
        """Where in the track it is at another time."""
        return self.position + self.speed * (time - self.time)


class Matcher:
    """Compares what is heard with tracks, each peaks [n, 2] of a duration in seconds."""

    def __init__(self, tracks: Sequence[FloatRows], durations: Sequence[float]) -> None:
        self._tracks = [peaks[np.argsort(peaks[:, 0])] for peaks in tracks]
        lengths = np.array([seconds + APART for seconds in durations])
        self._begins = np.cumsum(lengths) - lengths
        self._table = Table(tracks, self._begins)
        self._bins = max(1, int(np.ceil(lengths.sum() / BIN)))
        self._votes = np.zeros((len(SPEEDS), self._bins), np.int16)
        self._cast: deque[tuple[float, Integers]] = deque()  # when, and where in the votes
        self._peaks: FloatRows = np.zeros((0, 2))
        self._relief = Relief()

    def forget(self) -> None:
        """Begin anew, as after a gap in the sound."""
        self._votes[:] = 0
        self._cast.clear()
        self._peaks = np.zeros((0, 2))
        self._relief = Relief()

    def hear(self, peaks: FloatRows, relief: FloatArray) -> None:
        """Take in new peaks [n, 2], which come in order of time, and the relief [hops, BINS] in
        which they were found."""
        self._relief.add(relief)
        if not len(peaks):
            return
        first = len(self._peaks)
        self._peaks = np.concatenate((self._peaks, peaks))
        self._vote(first)
        now = self._peaks[-1, 0]
        while self._cast and self._cast[0][0] < now - MEMORY:
            np.subtract.at(self._votes.reshape(-1), self._cast.popleft()[1], 1)
        self._peaks = self._peaks[self._peaks[:, 0] >= now - MEMORY - FARTHEST]

    def _vote(self, first: int) -> None:
        both = pairs(self._peaks, first)
        earlier, later = self._peaks[both[:, 0]], self._peaks[both[:, 1]]
        kinds = cells(earlier, later, SPEEDS)  # [pairs, speeds]
        pair, speed = np.nonzero(kinds >= 0)
        which, places = self._table.find(kinds[pair, speed])
        pair, speed = pair[which], speed[which]
        offset = (places - earlier[pair, 0] * SPEEDS[speed]) / BIN
        low = np.floor(offset - 0.5).astype(np.int64)  # it counts for the two bins nearest to it
        votes = np.concatenate((low, low + 1)) % self._bins + np.tile(speed * self._bins, 2)
        np.add.at(self._votes.reshape(-1), votes, 1)
        self._cast.append((float(self._peaks[-1, 0]), votes))

    def look(self, expected: Match | None = None) -> list[Match]:
        """The places that come into question, the best first; and where a match of before leads, as
        far as that still holds."""
        if len(self._peaks) < FEWEST:
            return []
        now = float(self._peaks[-1, 0])
        heard = self._peaks[self._peaks[:, 0] >= now - MEMORY] - (now, 0.0)
        places = [self._place(*row, now) for row in self._best()]
        if expected is not None:
            places.append((expected.track, expected.at(now), expected.speed))
        found = [self._compare(heard, *place, now) for place in places]
        return sorted(filter(None, found), key=lambda match: -match.score)

    def _best(self) -> list[tuple[int, int]]:
        """The speeds and bins with the most votes, no two of them beside each other."""
        top = self._votes.max(axis=0)  # [bins]
        few = np.flatnonzero(top >= max(2, LEAST * top.max()))
        few = few[np.argsort(-top[few], kind="stable")][: 8 * CHOICES]
        chosen: list[int] = []
        for place in few.tolist():
            if len(chosen) < CHOICES and all(abs(place - other) > 2 for other in chosen):
                chosen.append(place)
        return [(int(self._votes[:, place].argmax()), place) for place in chosen]

    def _place(self, speed_at: int, place: int, now: float) -> tuple[int, float, float]:
        """Track, position now and speed of a speed and a bin of the axis."""
        speed = float(SPEEDS[speed_at])
        on_axis = ((place + 1.0) * BIN + now * speed) % (self._bins * BIN)
        track = int(np.searchsorted(self._begins, on_axis, side="right")) - 1
        return track, on_axis - float(self._begins[track]), speed

    def _compare(
        self, heard: FloatRows, track: int, position: float, speed: float, now: float
    ) -> Match | None:
        """How well what is ``heard``, seconds from now, fits a place of a track, after that and
        the speed are set right."""
        known = self._tracks[track]
        first, last = np.searchsorted(
            known[:, 0], (position - (MEMORY + 1.0) * speed, position + 1.0)
        )
        known = known[first:last]
        for near in (ROUGHLY, FINELY):
            one, other = np.nonzero(_same(heard, known, position, speed, near))
            if len(np.unique(one)) < FEWEST:
                return None
            slope, place = np.polyfit(heard[one, 0], known[other, 0], 1)
            position, speed = float(place), float(slope)
            if not SPEEDS[0] < speed < SPEEDS[-1]:
                return None
        began = position + speed * heard[0, 0]
        known = known[(known[:, 0] >= began) & (known[:, 0] <= position)]
        agreed = _agreed(heard, known, position, speed)
        score = agreed * self._fit(heard, known, position, speed, now, agreed) if agreed else 0.0
        return Match(now, track, position, speed, score)

    def _fit(
        self,
        heard: FloatRows,
        known: FloatRows,
        position: float,
        speed: float,
        now: float,
        agreed: float,
    ) -> float:
        """How well a place fits the spectrogram. What was not heard of the track must fit, too: a
        crowd drowns it, but in a stranger that shares its beat or its chords it is not there."""
        expected = (known - (position, 0.0)) / (speed, 1.0)
        expected += (now, BINS_AN_OCTAVE * math.log2(speed))
        fit = max(0.0, self._relief.fit(expected))
        if agreed >= EVIDENT:
            return fit
        drowned = ~_same(heard, known, position, speed, FINELY).any(axis=0)
        return fit * min(1.0, max(0.0, self._relief.fit(expected[drowned]) / DROWNED))


def _same(
    heard: FloatRows, known: FloatRows, position: float, speed: float, near: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which peaks [heard, known] are the same, if they are so near."""
    later = known[:, 0] - (position + speed * heard[:, 0])[:, None]
    return _alike(heard, known, speed, near) & (np.abs(later) <= near[0])


def _alike(
    heard: FloatRows, known: FloatRows, speed: float, near: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which peaks [heard, known] have the same pitch, at whatever time."""
    higher = known[:, 1] - (heard[:, 1] - BINS_AN_OCTAVE * math.log2(speed))[:, None]
    return np.abs(higher) <= near[1]


def _agreed(heard: FloatRows, known: FloatRows, position: float, speed: float) -> float:
    """How much of what is heard is known and the other way round, 0..1, see Match."""
    if not len(known):
        return 0.0
    same = _same(heard, known, position, speed, FINELY)
    chance = (
        _alike(heard, known, speed, FINELY).sum() * 2.0 * FINELY[0] / (np.ptp(known[:, 0]) + HOP)
    )
    there = _beyond(float(same.any(axis=1).sum()), chance, len(heard))
    back = _beyond(float(same.any(axis=0).sum()), chance, len(known))
    pitches = len(np.unique(np.rint(heard[same.any(axis=1), 1])))
    return math.sqrt(there * back) * min(1.0, pitches / VARIED) * min(1.0, len(heard) / MANY)


def _beyond(hits: float, chance: float, count: int) -> float:
    return max(0.0, (hits - chance) / max(1.0, count - chance))
