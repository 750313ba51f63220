"""Finds the track to which the last seconds of sound belong: pairs of peaks vote for a speed and a
place, and the places with the most votes are then compared peak by peak."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vjgan.recognition.landmarks import FARTHEST, Integers, Table, cells, pairs
from vjgan.recognition.peaks import BINS_AN_OCTAVE, HOP, FloatRows

SPEEDS = np.linspace(0.93, 1.07, 15, dtype=np.float64)
MEMORY = 8.0  # seconds of sound that are compared
BIN = 3.0 * HOP  # seconds of places that vote together
APART = 30.0  # seconds between two tracks on the axis, more than MEMORY
CHOICES = 6  # places that are compared peak by peak
NEAR = (1.6 * HOP, 0.8)  # seconds and bins by which peaks that are the same may differ
LEAST_PEAKS = 24


@dataclass(frozen=True, slots=True)
class Match:
    """Track number ``track`` is at ``position`` seconds at ``time`` and goes at ``speed``.
    ``share`` 0..1 is how many of the peaks heard are where they are in the track, beyond chance;
    ``heard`` how many were there to compare."""

    time: float
    track: int
    position: float
    speed: float
    share: float
    heard: int


class Matcher:
    """Compares what is heard with tracks, each peaks [n, 2] of a duration in seconds."""

    def __init__(self, tracks: Sequence[FloatRows], durations: Sequence[float]) -> None:
        self._tracks = tracks
        lengths = np.array([seconds + APART for seconds in durations])
        self._begins = np.cumsum(lengths) - lengths
        self._table = Table(tracks, self._begins)
        self._bins = max(1, int(np.ceil(lengths.sum() / BIN)))
        self._votes = np.zeros((len(SPEEDS), self._bins), np.int32)
        self._cast: deque[tuple[float, Integers]] = deque()  # when, and where in the votes
        self._peaks: FloatRows = np.zeros((0, 2))

    def forget(self) -> None:
        """Begin anew, as after a gap in the sound."""
        self._votes[:] = 0
        self._cast.clear()
        self._peaks = np.zeros((0, 2))

    def hear(self, peaks: FloatRows) -> None:
        """Take in new peaks [n, 2], which come in order of time."""
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

    def look(self) -> list[Match]:
        """The best match of each track that comes into question, the best first."""
        if len(self._peaks) < LEAST_PEAKS:
            return []
        best: dict[int, Match] = {}
        for speed, place in self._places():
            match = self._compare(speed, place)
            if match is not None and match.share > best.get(match.track, match).share - 1e-9:
                best[match.track] = match
        return sorted(best.values(), key=lambda match: -match.share)

    def _places(self) -> list[tuple[int, int]]:
        """The speeds and bins with the most votes, with no two beside each other."""
        top = self._votes.max(axis=0)  # [bins]
        few = np.argpartition(top, -min(len(top), 8 * CHOICES))[-8 * CHOICES :]
        chosen: list[int] = []
        for place in few[np.argsort(-top[few])].tolist():
            if len(chosen) < CHOICES and all(abs(place - other) > 2 for other in chosen):
                chosen.append(place)
        return [(int(self._votes[:, place].argmax()), place) for place in chosen if top[place]]

    def _compare(self, speed_at: int, place: int) -> Match | None:
        """How well what is heard fits at a speed and a bin of the axis."""
        speed = float(SPEEDS[speed_at])
        now = float(self._peaks[-1, 0])
        axis = self._bins * BIN
        begin = ((place + 1.0) * BIN + now * speed) % axis  # where on the axis now is
        track = int(np.searchsorted(self._begins, begin, side="right")) - 1
        position = begin - float(self._begins[track])
        heard = self._peaks[self._peaks[:, 0] >= now - MEMORY]
        known = self._tracks[track]
        span = np.searchsorted(known[:, 0], (position - (MEMORY + 1.0) * speed, position + 1.0))
        known = known[span[0] : span[1]]
        if not len(known) or not len(heard):
            return None
        ago = heard[:, 0] - now
        pitch = heard[:, 1]
        for close in (2.0, 1.0):  # roughly, then finely
            down = BINS_AN_OCTAVE * np.log2(speed)
            apart = known[:, 0] - (position + speed * ago)[:, None]  # [heard, known]
            higher = known[:, 1] - (pitch - down)[:, None]
            alike = np.abs(higher) <= NEAR[1]
            same = alike & (np.abs(apart) <= close * NEAR[0])
            one, other = np.nonzero(same)
            if len(np.unique(one)) < 8:
                return None
            slope, position = np.polyfit(ago[one], known[other, 0], 1)
            speed = float(slope)
            if not SPEEDS[0] - 0.01 < speed < SPEEDS[-1] + 0.01:
                return None
        chance = alike.sum() * 2.0 * NEAR[0] / (known[-1, 0] - known[0, 0] + HOP)
        hits = len(np.unique(one))
        share = (hits - chance) / max(1.0, len(heard) - chance)
        return Match(now, track, float(position), speed, float(max(0.0, share)), len(heard))
