"""MIDI clock: 24 pulses a beat and a song position (MIDI 1.0 Detailed Specification), jitter taken
out."""

from __future__ import annotations

from collections import deque

import numpy as np

from vjgan.beat.lead import BAR, Lead
from vjgan.types import Features, Pulse

PULSES = 24  # a beat
SONG_PULSES = 6  # a sixteenth, in which song positions are told
KEPT = 4 * PULSES  # pulses through which the line is laid
FEWEST = 18
GAP = 0.5  # seconds without a pulse after which a clock is gone
LEAP = 0.6  # pulses by which they must be off the line to be elsewhere,
LEAPS = 18, 4  # and how many in a row, later or sooner
SAME_TEMPO = 0.04  # share by which it may differ if they were only lost
EARLY = 0.1  # share of the pulses that came sooner than the line: a cable delays, none hurries
UNKNOWN = 0.7  # confidence where nobody told where the song begins


class PulseClock:
    """Follows the MIDI clock that came first, until it falls silent: a straight line through when
    its last pulses came, along the earliest of them, tells tempo and place."""

    def __init__(self) -> None:
        self._pulses: deque[tuple[int, float]] = deque(maxlen=KEPT)  # number, time
        self._number = 0  # of the newest pulse
        self._port = ""
        self._begin = 0  # the number at which the song's beat 0 is, or was
        self._known = False  # the song position was told
        self._song = 0  # pulses into the song at which it will go on
        self._waiting = False  # for the pulse from which it goes on
        self._stopped = False
        self._line: tuple[float, float] | None = None  # seconds a pulse, time of pulse 0
        self._off = 0  # pulses in a row that were late by LEAP; below 0: early

    def take(self, pulse: Pulse, time: float) -> None:
        """A message that came at ``time``."""
        silent = not self._pulses or time - self._pulses[-1][1] > GAP
        if pulse.port != self._port and not silent:
            return
        self._port = pulse.port
        match pulse.kind:
            case "clock":
                self._count(time, silent)
            case "start":
                self._song, self._waiting, self._stopped = 0, True, False
            case "continue":
                self._waiting, self._stopped = True, False
            case "stop":
                self._song = self._number + 1 - self._begin if self._known else 0
                self._stopped = True
            case "song":
                self._song = pulse.value * SONG_PULSES

    def lead(self, time: float, features: Features) -> Lead | None:
        """Where the song is, while the clock runs."""
        if len(self._pulses) < FEWEST or time - self._pulses[-1][1] > GAP or self._stopped:
            return None
        if self._line is None:
            self._line = _laid(np.array(self._pulses))
        period, start = self._line
        beats = ((time - start) / period - self._begin) / PULSES
        if self._known:
            return Lead(60.0 / (PULSES * period), beats, BAR, exact=True)
        return Lead(60.0 / (PULSES * period), beats, 1.0 / PULSES, UNKNOWN, exact=True)

    def one(self, time: float) -> None:
        """A bar begins at ``time``, if nobody told yet where the song is."""
        if not self._known and self._line is not None:
            period, start = self._line
            self._begin, self._known = round((time - start) / period), True

    def _count(self, time: float, silent: bool) -> None:
        if silent:
            self._pulses.clear()
        self._number += 1
        if self._waiting:
            self._begin, self._known = self._number - self._song, True
            self._waiting = False
            self._begin_anew(time)
        self._leap(time)
        self._pulses.append((self._number, time))
        self._line = None

    def _begin_anew(self, time: float) -> None:
        """Lay the line through the song's first pulse: with a start, a clock may begin anew."""
        if len(self._pulses) < FEWEST:
            return
        period, start = self._line or _laid(np.array(self._pulses))
        late = time - start - period * self._number
        if abs(late) > LEAP * period:
            self._pulses = deque(((number, past + late) for number, past in self._pulses), KEPT)
            self._line, self._off = (period, start + late), 0

    def _leap(self, time: float) -> None:
        """Note when pulses keep away from the line: one is delayed; many of the same tempo, and
        some before them were lost; of another, and the line begins anew."""
        if self._line is None or len(self._pulses) < FEWEST:
            return
        period, start = self._line
        late = (time - start) / period - self._number
        side = 0 if abs(late) < LEAP else 1 if late > 0.0 else -1
        self._off = self._off + side if side * self._off > 0 else side
        if -LEAPS[1] < self._off < LEAPS[0]:
            return
        newest = list(self._pulses)[1 - FEWEST :]
        if self._off > 0 and abs(_laid(np.array(newest))[0] / period - 1.0) < SAME_TEMPO:
            lost = round(late)
            self._number += lost
            newest = [(number + lost, time) for number, time in newest]
        self._pulses = deque(newest, KEPT)
        self._off = 0


def _laid(pulses: np.ndarray) -> tuple[float, float]:
    """The line along the earliest of ``pulses`` [n, 2] (number, time): seconds a pulse, and the
    time of pulse 0."""
    number, time = pulses.T
    period, start = _straight(number, time)
    late = time - start - period * number
    soon = late <= np.median(late)
    period, _ = _straight(number[soon], time[soon])
    return period, float(np.quantile(time - period * number, EARLY))


def _straight(number: np.ndarray, time: np.ndarray) -> tuple[float, float]:
    """The line of least squares."""
    away = number - number.mean()
    period = float(away @ time / (away @ away))
    return period, float(time.mean() - period * number.mean())
