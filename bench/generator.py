"""The default model, ms a frame, beside the same arithmetic written plainly."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch

from vjgan.assets import folder
from vjgan.generator.checkpoint import find_model, load
from vjgan.generator.player import open_model
from vjgan.stock import DEFAULT_MODEL
from vjgan.types import LatentState

ROUNDS = 20


def run(options: argparse.Namespace) -> dict[str, Any]:
    """ms a frame when playing, and of the network as it is trained (not frozen), in turn."""
    path = find_model(DEFAULT_MODEL, folder("models"))
    player = open_model(path)
    network = load(path).network.eval()
    w = np.repeat(player.space.w_mean[None], player.space.num_ws, axis=0)
    ws = torch.from_numpy(w)[None]
    played, plain = [], []
    with torch.no_grad():
        for index in range(ROUNDS):
            latent = LatentState(0.0, w + np.float32(0.01 * index))
            played.append(_ms(lambda latent=latent: player.generate(latent)))
            plain.append(_ms(lambda: network.synthesis(ws)))
    ratio = np.array(plain) / np.array(played)
    return {
        "model": f"{path.stem} {player.resolution[1]}x{player.resolution[0]}",
        "threads": torch.get_num_threads(),
        "played: ms a frame p50": float(np.median(played)),
        "as trained: ms a frame p50": float(np.median(plain)),
        "as trained / played, p50": float(np.median(ratio)),
    }


def _ms(work) -> float:  # type: ignore[no-untyped-def]
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1e3
