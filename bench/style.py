"""What a style costs, and how much of its shimmer is held still.

Cost: milliseconds of the processor for a picture of 256 pixels, each way in turn, so that a busy
machine is busy for all; the least of the turns is told, and the median.

Shimmer: the default portraits' walk, 15 pictures a second, is painted with and without
``style.steady``. Each painting is compared with the one before, moved as the model's own pictures
did by an exhaustive search for blocks, where that finds what is seen again. What is left is the
model's own change and the shimmer. Held still by blurring would be no art: the strength of edges is
told beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from bench.inbetween import FPS, play
from vjgan.controls import CONTROLS
from vjgan.errors import RetouchError
from vjgan.generator.steady import hold
from vjgan.retouch.style import Styles
from vjgan.stock import make_library
from vjgan.styles import open_styles
from vjgan.types import ByteArray, LatentState

MODEL, PRESET = "portraits@2x", "sitters"
SECONDS, RATE = 2, 15  # of the walk
STEADY = (0.0, 0.6, 0.85)
REACH, BLOCK = 6, 9  # pixels, of the search
FOUND = 4.0  # of 255: a block that differs by more is not seen again
TURNS = 15
Plane = NDArray[np.float32]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Costs and shimmer of our own network, and of the package's where it is installed."""
    torch.set_num_threads(1)
    frames = [frame.image for frame in play(MODEL, PRESET, SECONDS).frames_[:: FPS // RATE]]
    moves = [find_motion(one, two) for one, two in pairwise(frames)]
    names = ["", "multistyle26#7,14,19,24"]
    rows: dict[str, Any] = {"cost": costs(names, frames)}
    for k in range(1, 5):
        films = {"no style": frames}
        for steady in STEADY:
            films[f"steady {steady}"] = painted(style(names[0]), frames, k, steady)
        films["steady 0.85, without motion"] = painted(
            style(names[0], moving=False), frames, k, STEADY[-1]
        )
        rows[f"style {k}"] = {
            name: {"shimmer": shimmer(film, moves), "edges": edges(film)}
            for name, film in films.items()
        }
    return rows


def style(place: str, moving: bool = True) -> Styles:
    """A layer; ``moving``: what is held is moved along."""
    layer = open_styles([place], "")
    assert layer is not None
    if not moving:  # nothing is seen to move from a picture to itself
        layer._hold = lambda before, after, *rest: hold(after, after, *rest)
    return layer


def painted(layer: Styles, frames: list[ByteArray], number: int, steady: float) -> list[ByteArray]:
    """A film in one style."""
    values = dict.fromkeys(layer.controls, 0.0)
    values |= {"style.amount": 1.0, "style.steady": steady, f"style.{number}": 1.0}
    return [layer.apply(frame, values, k / RATE) for k, frame in enumerate(frames)]


def find_motion(one: ByteArray, two: ByteArray) -> tuple[Plane, Plane, NDArray[np.bool_]]:
    """Where in ``one`` lies what is seen at each place of ``two``: rows, columns, and whether it is
    there at all."""
    a, b = one.astype(np.float32), two.astype(np.float32)
    best = np.full(a.shape[:2], np.inf, np.float32)
    rows, columns = np.zeros_like(best), np.zeros_like(best)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            apart = np.abs(np.roll(a, (dy, dx), (0, 1)) - b).mean(2)
            apart = uniform_filter(apart, BLOCK) + 0.02 * np.hypot(dy, dx)
            nearer = apart < best
            best = np.where(nearer, apart, best)
            rows, columns = np.where(nearer, dy, rows), np.where(nearer, dx, columns)
    y, x = np.mgrid[0 : len(best), 0 : len(best[0])]
    y, x = y - rows, x - columns
    inside = (y >= 0) & (x >= 0) & (y < len(best)) & (x < len(best[0]))
    return y.clip(0, len(best) - 1), x.clip(0, len(best[0]) - 1), inside & (best < FOUND)


def shimmer(film: list[ByteArray], moves: list[tuple[Plane, Plane, NDArray[np.bool_]]]) -> float:
    """The mean change 0..255 of what is seen again, along its way."""
    changes = []
    for (one, two), (y, x, seen) in zip(pairwise(film), moves, strict=True):
        moved = one[y.astype(int), x.astype(int)].astype(np.float32)
        changes.append(np.abs(moved - two)[seen].mean())
    return float(np.mean(changes))


def edges(film: list[ByteArray]) -> float:
    """The mean step 0..255 from pixel to pixel."""
    stack = np.stack(film).astype(np.float32)
    return float(
        0.5 * (np.abs(np.diff(stack, axis=1)).mean() + np.abs(np.diff(stack, axis=2)).mean())
    )


def costs(names: list[str], frames: list[ByteArray]) -> dict[str, Any]:
    """For each way: the least and the median."""
    model = make_library(MODEL).load(MODEL)
    w = np.tile(model.space.w_mean, (model.space.num_ws, 1))
    ways: dict[str, Callable[[int], object]] = {
        f"the model {MODEL}": lambda turn: model.generate(LatentState(turn / RATE, w))
    }
    for name in names:
        try:
            layers = [(style(name), 0.0, "plain"), (style(name), 0.6, "steady")]
        except RetouchError as error:  # the package is not installed
            print(error)
            continue
        for layer, steady, how in layers:
            values = {key: CONTROLS[key].default for key in layer.controls}
            values |= {"style.amount": 1.0, "style.steady": steady, "style.2": 0.5}
            ways[f"{name or 'our own'}, {how}"] = lambda turn, layer=layer, values=values: (
                layer.apply(  # type: ignore[misc]
                    frames[turn % len(frames)], values, turn / RATE
                )
            )
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS):
        for name, way in ways.items():
            start = time.process_time()
            way(turn)
            taken[name].append(1e3 * (time.process_time() - start))
    return {
        name: {"ms, least": min(times[2:]), "ms, median": float(np.median(times[2:]))}
        for name, times in taken.items()
    }
