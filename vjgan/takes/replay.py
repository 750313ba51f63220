"""A take as the stages of a film: its clock, ear, hands, beat and presets, at any frame rate.

Time is the show's. What took time live takes none here: a frame is made of what was heard, done and
counted up to its own moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from vjgan.listener import STALL, unheard
from vjgan.roles import Unmoved
from vjgan.stage import Scene
from vjgan.takes.take import Take
from vjgan.takes.writer import Entrance
from vjgan.types import Beat, Command, Event, Features, Tick

# What concerned the machine or the operator rather than the light.
NOT_PLAYED = ("quit", "help", "snapshot", "still", "record", "take")


class TakeClock:
    """Frame k of a film at k / fps after its first, by the track's own time where there is one."""

    def __init__(self, take: Take, fps: Fraction, frames: int) -> None:
        self.now = take.start
        self.due = -np.inf  # what was done by then belongs to the present frame: the nearest
        self.frames = frames
        self._take = take
        self._fps = fps
        self._running = True

    @property
    def place(self) -> float:
        """Where in the track the film begins, in seconds; below 0: before it."""
        return self._take.place(self._take.start)

    def stop(self) -> None:
        """End the iteration after the frame under way."""
        self._running = False

    def __iter__(self) -> Iterator[Tick]:
        begin = self.place
        for index in range(self.frames):
            if not self._running:
                return
            before, self.now = self.now, self._take.time(begin + float(index / self._fps))
            self.due = self.now + 0.5 * float(1 / self._fps)
            dt = self.now - before if index else float(1 / self._fps)
            yield Tick(index, self.now, dt, self.now)


class TakeEar:
    """The newest features that were heard by a tick."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._times = np.asarray(take.features["time"])

    def read(self, tick: Tick) -> Features:
        """As a listener would tell them; without sound they are silent and not alive."""
        index = int(np.searchsorted(self._times, tick.time, "right")) - 1
        if index < 0:
            return Features()
        features = self._take.heard(index)
        return unheard(features, tick.time) if tick.time - features.time > STALL else features

    def close(self) -> None:
        """Nothing is held."""


class TakeHands:
    """The gestures that were made, each at the nearest frame of the clock."""

    def __init__(self, take: Take, clock: TakeClock) -> None:
        self._clock = clock
        self._times = [time for time, _ in take.events]
        self._events = [event for _, event in take.events]
        self._done = 0

    def read(self) -> Sequence[Event]:
        """Those since the last call."""
        first, self._done = self._done, bisect_right(self._times, self._clock.due)
        return [event for event in self._events[first : self._done] if _is_played(event)]

    def close(self) -> None:
        """Nothing is held."""


class TakeBeat(Unmoved):
    """The beat as it was counted; whatever moved it is in it already."""

    def __init__(self, take: Take) -> None:
        self._take = take

    def step(self, features: Features, tick: Tick) -> Beat:
        """The position at ``tick.present_time``."""
        return self._take.beat(tick.present_time)

    def line(self) -> str:
        """The clock in a few words."""
        return "as it was"


class TakeScenes:
    """The presets that entered, each at its frame; ``build`` makes a scene of one."""

    def __init__(self, take: Take, clock: TakeClock, build: Callable[[Entrance], Scene]) -> None:
        """Raises what ``build`` raises."""
        self._clock = clock
        first, *self._coming = take.entrances
        self._build = build
        self.first = self._scene(first)

    def finished(self) -> Scene | None:
        """The newest that has come by now, once."""
        scene = None
        while self._coming and self._coming[0].time <= self._clock.due:
            scene = self._scene(self._coming.pop(0))
        return scene

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...

    def _scene(self, entrance: Entrance) -> Scene:
        return replace(self._build(entrance), crossfade_beats=entrance.crossfade_beats)


def _is_played(event: Event) -> bool:
    return not (isinstance(event, Command) and event.name in NOT_PLAYED)
