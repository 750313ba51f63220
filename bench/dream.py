"""What a dream costs: milliseconds of the processor for a picture, live and in its own size.

One thread looks at pictures of 256 pixels with one step each, as the preset `dream` does between
two kicks; each way in turn, so that a busy machine is busy for all; the least of the turns is told,
and the median. Beside it what the model itself takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from vjgan.assets import folder
from vjgan.controls import CONTROLS
from vjgan.dreams import CLASSIFIER, open_eye
from vjgan.errors import RetouchError
from vjgan.generator.checkpoint import find_model
from vjgan.generator.player import open_model
from vjgan.retouch.ascent import Eye
from vjgan.retouch.dream import SIDE, Dream
from vjgan.types import LatentState

MODEL = "portraits@2x"
TURNS = 12
FRAME = 0.1  # seconds from one picture to the next: ten a second
VALUES = {name: CONTROLS[name].default for name in Dream.controls} | {"dream.amount": 1.0}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """For each way: the least and the median, and how many pictures a second one core could do."""
    player = open_model(find_model(MODEL, folder("models")))
    torch.set_num_threads(1)
    w = np.tile(player.space.w_mean, (player.space.num_ws, 1))
    image = np.asarray(player.generate(LatentState(0.0, w)).image)
    ways: dict[str, Callable[[float], object]] = {
        f"the model {MODEL}": lambda time: player.generate(LatentState(time, w))
    }
    for name, eye in _eyes().items():
        for octaves in (1, 3):
            for size, side in (("live", SIDE), ("film, 256", 0)):
                dream = Dream(eye, side)
                values = VALUES | {"dream.octaves": float(octaves)}
                ways[f"{name}, {octaves} octaves, {size}"] = (
                    lambda time, dream=dream, values=values: dream.apply(image, values, time)  # type: ignore[misc]
                )
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS):
        for name, way in ways.items():
            start = time.process_time()
            way(turn * FRAME)
            taken[name].append(1e3 * (time.process_time() - start))
    return {
        name: {
            "ms, least": min(times[1:]),
            "ms, median": float(np.median(times[1:])),
            "a second": 1e3 / min(times[1:]),
        }
        for name, times in taken.items()
    }


def _eyes() -> dict[str, Eye]:
    eyes = {"our own eye": open_eye("")}
    with suppress(RetouchError):  # the extra is not installed
        eyes["classifier"] = open_eye(CLASSIFIER)
    return eyes
