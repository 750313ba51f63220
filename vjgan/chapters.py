"""A score at work: its scenes, each from its bar on, and the beat that its track has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from vjgan.grid import BEATS, Grid
from vjgan.roles import Unmoved
from vjgan.smooth import approach
from vjgan.stage import Scene
from vjgan.types import Beat, Features, Tick

log = logging.getLogger("vjgan")

# Seconds into the track at a tick's present time, None while it does not play.
Where = Callable[[Features, Tick], float | None]

STEADY_SECONDS = 1.0  # time constant: the stamps of blocks tremble
SOUGHT = 0.1  # s: who is further off is elsewhere, and not trembling


def in_film(features: Features, tick: Tick) -> float:
    """Where a film is in its track: its clock is the track's."""
    return tick.present_time


class Played:
    """Where a track is that is being played from its beginning, in blocks of so many seconds."""

    def __init__(self, block: float) -> None:
        self._block = block
        self._begin: float | None = None  # of the track, on the show's clock

    def __call__(self, features: Features, tick: Tick) -> float | None:
        """Seconds into the track, going on when it begins again; None while nothing is heard."""
        if not features.alive or not features.blocks_read:
            return None
        begin = features.time - features.blocks_read * self._block
        if self._begin is None or abs(begin - self._begin) > SOUGHT:
            self._begin = begin
        self._begin = approach(self._begin, begin, tick.dt, STEADY_SECONDS)
        return tick.present_time - self._begin


class GridTempo(Unmoved):
    """The beat of a track whose bars are known, and ``where`` it is; while it does not play, the
    tempo goes on. A track of ``loop`` bars begins again after them."""

    def __init__(self, grid: Grid, where: Where = in_film, loop: int = 0) -> None:
        self._grid = grid
        self._where = where
        self._loop = loop
        self.beat = Beat(BEATS * grid.bar(0.0), grid.bpm, 0.0, "score")

    def step(self, features: Features, tick: Tick) -> Beat:
        """The beat at a tick's present time."""
        place = self._where(features, tick)
        if place is None:
            beats = self.beat.bpm / 60.0 * tick.dt
            self.beat = replace(self.beat, position=self.beat.position + beats, confidence=0.0)
            return self.beat
        seconds = self._grid.seconds(self._loop) - self._grid.seconds(0.0) if self._loop else 0.0
        turns = max(0, int((place - self._grid.first) // seconds)) if seconds else 0
        place -= turns * seconds
        begin = float(BEATS * self._loop * turns)
        position = begin + BEATS * self._grid.bar(place)
        self.beat = Beat(position, self._grid.bpm_at(place), 1.0, "score", begin)
        return self.beat

    def line(self) -> str:
        """For the help: what leads."""
        return f"score, {self.beat.bpm:.1f} bpm, bar {int(self.beat.bar) + 1}"


class Chapters:
    """Hands over each scene at its bar (counted from 0) by the ``tempo``: what an engine asks of
    scenes. The first is on stage; hands change nothing."""

    def __init__(self, scenes: Sequence[tuple[float, Scene]], tempo: GridTempo) -> None:
        self._scenes = scenes
        self.first = scenes[0][1]
        self.tempo = tempo
        self._shown = 0

    def finished(self) -> Scene | None:
        """The scene that enters at this frame, once."""
        due = sum(bar <= self.tempo.beat.bar for bar, _ in self._scenes[1:])
        if due == self._shown:
            return None
        self._shown = due
        scene = self._scenes[due][1]
        log.info("score: section %d of %d, %s", due + 1, len(self._scenes), scene.title)
        return scene

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...
