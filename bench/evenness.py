"""How evenly the picture of a composed score's film moves: each step from frame to frame, in
pixels, against the median of its section.

What nobody hears has the beat and the score alone: no kick, and no route from a sound.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vjgan.audio.track import Track
from vjgan.chapters import Chapters, GridTempo
from vjgan.clock import FixedClock
from vjgan.engine import Engine
from vjgan.features import Analyser
from vjgan.generator.worker import Direct
from vjgan.library import Library
from vjgan.listener import SteppedEar
from vjgan.render import Nobody
from vjgan.score import Score
from vjgan.scoring import write_score
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stage import Stage
from vjgan.stats import Stats
from vjgan.stock import demo_sound, make_library
from vjgan.types import (
    ByteArray,
    Controls,
    Ear,
    Features,
    Generator,
    LatentState,
    Picture,
    Tick,
)

FPS = 30
SIZE = (256, 144)
QUICK = 15  # frames from one pair that is drawn to the next


@dataclass(frozen=True)
class Section:
    """The steps of a section: their ``median``, mean absolute difference of 8 bits, and the
    ``largest`` as a multiple of it, which comes at ``second``."""

    median: float
    largest: float
    second: float


class Deaf:
    """An ear that hears nothing."""

    def read(self, tick: Tick) -> Features:
        return Features(tick.time)


class Paired(OffscreenScreen):
    """A screen that draws two frames of every ``every``, one after the other, and notes how far
    apart they are: ``steps`` by the second one's number. Of all, with the flash limit, where
    ``every`` is 2 or less."""

    def __init__(self, size: tuple[int, int], every: int) -> None:
        super().__init__(size, flash_limit=every <= 2)
        self.steps: dict[int, float] = {}
        self._every = every
        self._last: tuple[int, ByteArray] | None = None

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        if tick.index % self._every > 1:
            return
        super().show(picture, controls, tick)
        image = self.image()[..., :3]
        if self._last is not None and self._last[0] == tick.index - 1:
            apart = np.abs(image.astype(np.int16) - self._last[1])
            self.steps[tick.index] = float(apart.mean())
        self._last = tick.index, image.copy()


class Spared(Direct):
    """A painter of those frames alone."""

    def __init__(self, generator: Generator, every: int) -> None:
        super().__init__(generator)
        self._every = every
        self._shown: Picture | None = None

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        if self._shown is None or tick.index % self._every <= 1:
            self._shown = super().paint(latent, tick)
        return self._shown


def sections(library: Library, score: Score, ear: Ear, every: int = 1) -> list[Section]:
    """How even each section of a score's film is, at 30 frames a second; of ``every`` so many
    frames two neighbours are drawn."""
    chapters = Chapters(library.chapters(score), GridTempo(score.grid))
    bars = [chapter.start for chapter in score.chapters] + [score.stops[-1][0]]
    ends = [score.grid.seconds(bar) for bar in bars]
    first, nobody = chapters.first, Nobody()
    with closing(Paired(SIZE, every)) as screen:
        Engine(
            FixedClock(Fraction(FPS), int(ends[-1] * FPS)), ear, nobody, chapters.tempo, chapters,
            Stage(first), Spared(first.generator, every), screen, Stats(float(FPS)),
        ).run()  # fmt: skip
        return [_section(screen.steps, span) for span in pairwise(ends)]


def _section(steps: dict[int, float], span: tuple[float, float]) -> Section:
    inside = {k: step for k, step in steps.items() if span[0] < k / FPS <= span[1]}
    median = float(np.median(list(inside.values())))
    where = max(inside, key=lambda k: inside[k])
    return Section(median, inside[where] / median, where / FPS)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The sections of the demo track's film at 256x144, deaf and with its music; ``--quick`` draws
    two frames of every fifteen, by the model that is not doubled."""
    library = make_library("portraits" if options.quick else "", live=False)
    every = QUICK if options.quick else 1
    sound = demo_sound()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.toml"
        write_score("demo", path, lambda total, name: nullcontext(lambda done: None))
        score = library.score(path)
    ears: dict[str, Ear] = {
        "deaf": Deaf(),
        "with its music": SteppedEar(Track(sound), Analyser(sound.sample_rate)),
    }
    return {name: _told(score, sections(library, score, ear, every)) for name, ear in ears.items()}


def _told(score: Score, found: Sequence[Section]) -> dict[str, str]:
    return {
        f"bar {chapter.start + 1:g}, {chapter.name}": f"{one.largest:.2f} x the median "
        f"{one.median:.2f}, at {one.second:.1f} s"
        for chapter, one in zip(score.chapters, found, strict=True)
    }
