"""How far along its curve the motion is: speeds, pushes and the beat, exact in time.

Everything here is the closed solution of a linear system over the step, so that 30 and 60 frames
a second give the same path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vjgan.types import Beat

LAG = 0.05  # s, each of two poles: a push is fastest after 50 ms, 99.7 % done after 400 ms
RETURN = 0.4  # s, in which a push on a beat-locked curve falls back (to 37 %)
CATCH_UP = 0.5  # s, each of two poles: how the beat is rejoined after a pause
JUMP_BEATS = 0.5  # a beat position that moves by this much more than its tempo was not shown
BAR = 4  # beats

State = tuple[float, float, float]  # drive, velocity, position


def coast(state: State, dt: float, leak: float = 0.0) -> State:
    """``state`` after ``dt`` seconds left alone: drive -> lag -> velocity -> lag -> position, which
    falls back at ``leak`` per second (below 1 / LAG)."""
    drive, velocity, position = state
    fade, hold = math.exp(-dt / LAG), math.exp(-dt * leak)
    gap = 1.0 / LAG - leak
    moved = velocity * (hold - fade) / gap
    moved += drive / LAG * (hold - (1.0 + gap * dt) * fade) / gap**2
    return drive * fade, (velocity + drive * dt / LAG) * fade, position * hold + moved


def quintic(t: float, start: float, end: float, rate0: float, rate1: float) -> float:
    """From ``start`` at ``t`` 0 to ``end`` at 1, leaving and arriving at these rates and without
    acceleration (quintic Hermite), so that pieces of it join C2. It rises where no rate is above
    twice the mean one."""
    cube = t**3
    return (
        start
        + (end - start) * cube * (10 + t * (6 * t - 15))
        + rate0 * (t + cube * (-6 + t * (8 - 3 * t)))
        + rate1 * cube * (-4 + t * (7 - 3 * t))
    )


def between(rate0: float, rate1: float) -> float:
    """The harmonic mean: at most twice the smaller, and 0 beside a hold (Fritsch and Butland)."""
    return 2 * rate0 * rate1 / (rate0 + rate1) if rate0 and rate1 else 0.0


class Push:
    """The way that pushes have made: each starts from rest and ends at rest, ``amount`` further
    (less as it falls back at ``leak`` per second)."""

    def __init__(self, leak: float = 0.0) -> None:
        self._leak = leak
        self._state: State = (0.0, 0.0, 0.0)

    def step(self, amount: float, ages: Sequence[float], dt: float) -> float:
        """Units ahead after ``dt`` seconds in which a push of ``amount`` units began at each of
        ``ages`` seconds before their end."""
        drive, velocity, position = coast(self._state, dt, self._leak)
        for age in ages:
            more = coast((amount / LAG, 0.0, 0.0), age, self._leak)
            drive, velocity, position = drive + more[0], velocity + more[1], position + more[2]
        self._state = (drive, velocity, position)
        return position


class Pace:
    """The way made at a rate, which is taken as straight between steps and then smoothed by two
    poles of LAG, so that the velocity never jumps. Starts at rest."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._state: State = (0.0, 0.0, 0.0)

    def step(self, rate: float, dt: float) -> float:
        """Units made so far, ``dt`` seconds after the last step, at ``rate`` units/s by now."""
        drive, velocity, position = self._state
        if dt <= 0.0:
            self._rate = rate
            return position
        lag = (rate - self._rate) / dt * LAG  # a pole follows a ramp this far behind
        state = (drive - self._rate + lag, velocity - self._rate + 2 * lag, position)
        drive, velocity, position = coast(state, dt)
        position += ((self._rate + rate) / 2 - 2 * lag) * dt
        self._rate = rate
        self._state = (drive + rate - lag, velocity + rate - 2 * lag, position)
        return position


class BeatLock:
    """The musical position that the motion follows, counted from a bar's beginning: the beat's own,
    except that after a pause, or when the bar turns out to begin elsewhere, it goes on from where
    it stood, eases to the nearest place in the bar, and stays whole bars
    behind."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._behind = 0
        self._drive = self._lag = 0.0

    def step(self, beat: Beat, dt: float) -> float:
        """The position in beats, ``dt`` seconds after the last step."""
        fade = math.exp(-dt / CATCH_UP)
        self._lag = (self._lag + self._drive * dt / CATCH_UP) * fade
        self._drive *= fade
        position = beat.position - beat.downbeat
        last = position if self._last is None else self._last
        missed = position - last - beat.bpm / 60.0 * dt
        if self._last is not None and abs(missed) > JUMP_BEATS:
            whole = BAR * round((missed + self._lag) / BAR)
            self._behind += whole
            self._lag += missed - whole
            self._drive += missed - whole
        self._last = position
        return position - self._behind - self._lag
