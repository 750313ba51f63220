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
from scipy.ndimage import map_coordinates, uniform_filter

from bench.inbetween import FPS, play
from vjgan.controls import CONTROLS
from vjgan.errors import RetouchError
from vjgan.generator.steady import hold
from vjgan.retouch.style import Styles
from vjgan.stock import make_library
from vjgan.styles import open_styles
from vjgan.types import ByteArray, LatentState

MODEL, PRESET = "portraits@2x", "sitters"
SECONDS, RATE = 1, 15  # of the walk
STEADY = (0.0, 0.6, 0.85)
REACH, BLOCK = 5, 9  # pixels, of the search
FAR = (
    2.0  # squared levels, by which a pixel of way must be worth it: where it is flat, all is alike
)
FOUND = 4.0  # of 255: a block that differs by more is not seen again
TURNS = 15
Plane = NDArray[np.float32]
Motion = tuple[Plane, Plane, NDArray[np.bool_]]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Costs and shimmer of our own network, and of the package's where it is installed."""
    torch.set_num_threads(1)
    frames = [frame.image for frame in play(MODEL, PRESET, SECONDS).frames_[:: FPS // RATE]]
    moves = [find_motion(one, two) for one, two in pairwise(frames)]
    names = ["", "multistyle26#7,14,19,24"]
    rows: dict[str, Any] = {"cost": costs(names, frames)}
    moved, left = style(names[0]), style(names[0], moving=False)
    for k in range(1, 5):
        films = {"no style": frames}
        films |= {f"steady {steady}": painted(moved, frames, k, steady) for steady in STEADY}
        films[f"steady {STEADY[-1]}, without motion"] = painted(left, frames, k, STEADY[-1])
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


def find_motion(one: ByteArray, two: ByteArray) -> Motion:
    """Where in ``one`` lies what is seen at each place of ``two``: rows, columns, and whether it is
    there at all. By an exhaustive search for blocks, and between pixels by a parabola."""
    a, b = one.astype(np.float32), two.astype(np.float32)
    side = range(-REACH, REACH + 1)
    found = np.stack([
        [uniform_filter(np.square(np.roll(a, (dy, dx), (0, 1)) - b).mean(2), BLOCK)
         + FAR * np.hypot(dy, dx) for dx in side]
        for dy in side
    ])  # fmt: skip  # [dy, dx, h, w]
    inner = found[1:-1, 1:-1].reshape(-1, *b.shape[:2]).argmin(0)
    dy, dx = inner // (2 * REACH - 1) + 1, inner % (2 * REACH - 1) + 1
    y, x = np.mgrid[0 : b.shape[0], 0 : b.shape[1]]
    best = found[dy, dx, y, x]
    row, column = (
        slope(*(found[dy + k * down, dx + k * right, y, x] for k in (-1, 0, 1)))
        for down, right in ((1, 0), (0, 1))
    )
    rows, columns = y - (dy - REACH + row), x - (dx - REACH + column)
    inside = (rows >= 0) & (columns >= 0) & (rows < len(b) - 1) & (columns < len(b[0]) - 1)
    return rows, columns, inside & (np.sqrt(best) < FOUND)


def slope(left: Plane, middle: Plane, right: Plane) -> Plane:
    """Where between -0.5 and 0.5 the parabola through three values is least."""
    bend = left + right - 2.0 * middle
    return np.clip(0.5 * (left - right) / np.maximum(bend, 1e-6), -0.5, 0.5)


def shimmer(film: list[ByteArray], moves: list[Motion]) -> float:
    """The mean change 0..255 of what is seen again, along its way."""
    changes = []
    for (one, two), (rows, columns, seen) in zip(pairwise(film), moves, strict=True):
        planes = np.moveaxis(one.astype(np.float32), 2, 0)
        moved = np.stack([map_coordinates(p, [rows, columns], order=3) for p in planes], 2)
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
