"""How near the general super-resolution comes to models' own pictures that were made small, beside
plain enlargement, and whether it flickers.

A walk of a model is drawn, each frame made half as large by the mean of its blocks, and enlarged
again. Told in dB (PSNR, of a range of 1): the frames; their changes from one to the next against
those of the frames as they were drawn, and against those of the small ones, for what changes in
large that did not in small is flicker. No picture of these walks was taught.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.assets import folder
from vjgan.generator.checkpoint import find_model
from vjgan.generator.device import set_threads
from vjgan.generator.player import open_model
from vjgan.generator.superres import WEIGHTS, SuperResolution, read_superres
from vjgan.generator.upscale import FACTOR
from vjgan.types import LatentState

MODELS = ("alive", "currents", "portraits", "portraits@2x")
WALKS, FRAMES, STEP = 4, 6, 1 / 60  # frames of a walk, and the way between two of them
PSI, SEED = 0.7, 2026


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The three figures of each way, of every model."""
    set_threads(live=False)
    enlarger = SuperResolution(read_superres(WEIGHTS))
    ways = {
        "network": lambda x: enlarger.enlarge(x).clamp(-1.0, 1.0),
        "bicubic": lambda x: _plainly(x, "bicubic"),
        "bilinear": lambda x: _plainly(x, "bilinear"),
    }
    return {
        name: {way: measure(walks, enlarge) for way, enlarge in ways.items()}
        for name, walks in ((name, walk(name)) for name in MODELS)
    }


def walk(name: str) -> list[list[Tensor]]:
    """Frames [3, h, w] in -1..1 of some walks of a model, each on its way to another picture."""
    player = open_model(find_model(name, folder("models")), "cpu", live=False)
    space = player.space
    z = np.random.default_rng(SEED).standard_normal((WALKS, 2, space.z_dim)).astype(np.float32)
    walks = []
    for first, last in z:
        ends = space.map(np.stack([first, last]))  # [2, w_dim]
        ends = space.w_mean + PSI * (ends - space.w_mean)
        ways = [ends[0] + k * STEP * (ends[1] - ends[0]) for k in range(FRAMES)]
        states = [
            LatentState(k / 30, np.tile(w, (space.num_ws, 1)).astype(np.float32))
            for k, w in enumerate(ways)
        ]
        images = [player.generate(state).image.copy() for state in states]
        walks.append([torch.from_numpy(x).permute(2, 0, 1).float() / 127.5 - 1.0 for x in images])
    return walks


def measure(walks: list[list[Tensor]], enlarge: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """What one way of enlarging leaves, in dB, the mean over all frames."""
    frames, changes, flicker = [], [], []
    for walked in walks:
        small = [F.avg_pool2d(frame[None], FACTOR)[0] for frame in walked]
        large = [enlarge(frame) for frame in small]
        frames += [_psnr(one, other) for one, other in zip(large, walked, strict=True)]
        for k in range(1, len(walked)):
            change = large[k] - large[k - 1]
            changes.append(_psnr(change, walked[k] - walked[k - 1]))
            shrunk = F.avg_pool2d(change[None], FACTOR)[0]
            flicker.append(_psnr(shrunk, small[k] - small[k - 1]))
    rows = {"frames": frames, "changes": changes, "changes, small": flicker}
    return {name: float(np.mean(row)) for name, row in rows.items()}


def _plainly(image: Tensor, mode: str) -> Tensor:
    large = F.interpolate(image[None], scale_factor=FACTOR, mode=mode)[0]
    return large.clamp(-1.0, 1.0)


def _psnr(one: Tensor, other: Tensor) -> float:
    return float(-10.0 * (((one - other) / 2.0).square().mean() + 1e-10).log10())
