"""What the loop itself costs: every room but the model and the screen."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from vjgan.beat import BeatClock
from vjgan.clock import FixedClock
from vjgan.engine import Engine
from vjgan.render import Nobody
from vjgan.stage import Stage
from vjgan.stats import Stats
from vjgan.stock import make_library
from vjgan.types import Controls, Event, Features, Frame, LatentState, Picture, Tick

FRAMES = 3000


class Stopwatch(FixedClock):
    """A fixed clock that notes how long each frame took."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        self.took_ms: list[float] = []
        for tick in super().__iter__():
            begin = time.perf_counter()
            yield tick
            self.took_ms.append((time.perf_counter() - begin) * 1e3)


class Void:
    """A lively ear, a painter without a model and a screen without light."""

    size = (1, 1)
    frame = Frame(0.0, np.zeros((1, 1, 3), np.uint8))
    lag = 0.0

    def read(self, tick: Tick) -> Features:
        beat = int(tick.time * 2)
        return Features(
            tick.time, 1.0, 1.2, 0.8, 1.1, centroid_hz=900.0, bpm=120.0, confidence=0.9,
            onset_count=beat, onset_time=beat / 2, beat_count=beat, beat_time=beat / 2,
            silent=False, alive=True,
        )  # fmt: skip

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        return Picture(self.frame, self.frame)

    def use(self, generator: object) -> None: ...

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None: ...

    def events(self) -> Sequence[Event]:
        return ()

    def say(self, lines: Sequence[str]) -> None: ...


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The loop's own ms a frame, for the simplest and the richest preset."""
    library = make_library()
    rows = {}
    for name in ("drift", "journey"):
        scene = library.scene(library.find(name))
        clock, void = Stopwatch(Fraction(60), FRAMES), Void()
        nobody = Nobody()
        Engine(
            clock, void, nobody, BeatClock(), nobody, Stage(scene), void, void, Stats(60.0),  # type: ignore[arg-type]
        ).run()  # fmt: skip
        took = np.array(clock.took_ms)
        rows[f"{name}: ms a frame p50"] = float(np.percentile(took, 50))
        rows[f"{name}: ms a frame p99"] = float(np.percentile(took, 99))
    return rows
