"""A score at work: its scenes, each from its bar on, and the beat that its track has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from vjgan.grid import BEATS, Grid
from vjgan.stage import Scene
from vjgan.types import Beat, Features, Pulse, Tick

log = logging.getLogger("vjgan")

Where = Callable[[float], float | None]  # a time of the clock -> of the track, if it plays


class GridTempo:
    """The beat of a track whose bars are known; ``where`` tells its place at a time of the clock,
    None while it does not play: then the tempo goes on. What hands would change, stays."""

    def __init__(self, grid: Grid, where: Where = lambda time: time) -> None:
        self._grid = grid
        self._where = where
        self.beat = Beat(BEATS * grid.bar(0.0), grid.bpm, 0.0, "score")

    def step(self, features: Features, tick: Tick) -> Beat:
        """The beat at a tick's present time."""
        place = self._where(tick.present_time)
        if place is None:
            self.beat = self.beat.after(tick.dt)
        else:
            position, bpm = BEATS * self._grid.bar(place), self._grid.bpm_at(place)
            self.beat = Beat(position, bpm, 1.0, "score")
        return self.beat

    def tap(self, time: float) -> None: ...

    def pulse(self, pulse: Pulse, time: float) -> None: ...

    def one(self, time: float) -> None: ...

    def multiply(self, factor: float) -> None: ...

    def nudge(self, steps: int) -> None: ...

    def hold(self, number: int) -> None: ...

    def line(self) -> str:
        """For the help: what leads."""
        return f"score, {self.beat.bpm:.1f} bpm, bar {int(self.beat.bar) + 1}"


class Chapters:
    """Hands over each scene at its bar (counted from 0) by the ``tempo``: what an engine asks of
    scenes. The first is on stage; hands change nothing."""

    def __init__(self, scenes: Sequence[tuple[float, Scene]], tempo: GridTempo) -> None:
        self._scenes = scenes
        self._tempo = tempo
        self._shown = 0

    def finished(self) -> Scene | None:
        """The scene that enters at this frame, once."""
        due = sum(bar <= self._tempo.beat.bar for bar, _ in self._scenes[1:])
        if due == self._shown:
            return None
        self._shown = due
        scene = self._scenes[due][1]
        log.info("score: section %d of %d, %s", due + 1, len(self._scenes), scene.title)
        return scene

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...
