"""Where the bars of a track are: its beats, as they were heard, made a ruler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BEATS = 4  # a bar
DEFAULT_BPM = 120.0  # where none was heard
FEWEST = 8  # beats, of which a ruler is made
STEADY, MOST = 0.06, 0.9  # s by which so many of the beats may be off a steady ruler
EARLY = 0.1  # s by which the first bar may begin before the track


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars of four beats, ``first`` (s) being where bar 0 begins. ``times`` are where every bar
    begins, in a track whose tempo changes; empty: they are even at ``bpm``."""

    first: float
    bpm: float
    times: tuple[float, ...] = ()

    def bar(self, time: float) -> float:
        """The place at ``time`` seconds, in bars from the first; below 0 before it."""
        if not self.times:
            return (time - self.first) * self.bpm / 60.0 / BEATS
        first, last = self.times[0], self.times[-1]
        if first <= time <= last:
            return float(np.interp(time, self.times, np.arange(len(self.times))))
        edge = 0 if time < first else len(self.times) - 1
        return edge + (time - self.times[edge]) * self.bpm_at(time) / 60.0 / BEATS

    def seconds(self, bar: float) -> float:
        """When the track is at a place in bars."""
        if not self.times:
            return self.first + bar * BEATS * 60.0 / self.bpm
        last = len(self.times) - 1
        if 0.0 <= bar <= last:
            return float(np.interp(bar, np.arange(last + 1), self.times))
        edge = 0 if bar < 0.0 else last
        return self.times[edge] + (bar - edge) * BEATS * 60.0 / self.bpm_at(self.times[edge])

    def bpm_at(self, time: float) -> float:
        """The tempo there."""
        if not self.times:
            return self.bpm
        i = int(np.searchsorted(self.times, time, side="right")) - 1
        i = min(max(i, 0), len(self.times) - 2)
        return 60.0 * BEATS / (self.times[i + 1] - self.times[i])


def find_grid(
    beats: Sequence[float], downbeats: Sequence[float], bpm: float, seconds: float
) -> Grid:
    """The bars of a track of a length in seconds. Beats may be missing or off: a steady tempo goes
    on where none was heard. Without a tempo, bars of 120 bpm from the beginning."""
    if bpm <= 0.0 or len(beats) < FEWEST:
        return Grid(0.0, DEFAULT_BPM)
    times = np.asarray(beats, np.float64)
    steps = np.maximum(1, np.round(np.diff(times) * bpm / 60.0))
    numbers = np.concatenate([[0.0], steps.cumsum()])
    period, start = _line(numbers, times)
    firsts = [int(numbers[np.abs(times - one).argmin()]) % BEATS for one in downbeats]
    one = max(range(BEATS), key=firsts.count)  # the beat of a bar that is its first
    off = np.abs(times - start - period * numbers)
    if np.mean(off < STEADY) >= MOST:
        first = start + period * one
        bar = BEATS * period
        first -= bar * np.floor((first + EARLY) / bar)
        return Grid(round(float(first), 4), round(60.0 / period, 4))
    return _uneven(numbers, times, one, seconds)


def _line(numbers: Array, times: Array) -> tuple[float, float]:
    """Seconds a beat and the time of beat 0: a straight line, laid again without what is off it."""
    kept = np.ones(len(times), bool)
    for _ in range(4):
        period, start = np.polyfit(numbers[kept], times[kept], 1)
        off = np.abs(times - start - period * numbers)
        kept = off <= max(0.5 * STEADY, 2.0 * float(np.median(off)))
    return float(period), float(start)


def _uneven(numbers: Array, times: Array, one: int, seconds: float) -> Grid:
    """A bar wherever the beats had it, going on at the tempo of the edges."""
    periods = np.diff(times) / np.diff(numbers)
    before, after = np.median(periods[:FEWEST]), np.median(periods[-FEWEST:])
    low = numbers[0] - np.floor((times[0] + EARLY) / before)
    high = numbers[-1] + np.ceil(max(0.0, seconds - times[-1]) / after)
    starts = np.arange(low + (one - low) % BEATS, high + BEATS, BEATS)
    inside = np.interp(starts, numbers, times)
    inside = np.where(starts < numbers[0], times[0] - (numbers[0] - starts) * before, inside)
    inside = np.where(starts > numbers[-1], times[-1] + (starts - numbers[-1]) * after, inside)
    bpm = 60.0 / float(np.median(periods))
    return Grid(round(float(inside[0]), 4), round(bpm, 2), tuple(np.round(inside, 3).tolist()))
