"""A painter of plain pictures, for the processes of ``test_workers``: light to import."""

from __future__ import annotations

import time

import numpy as np

from vjgan.errors import ModelError
from vjgan.types import Frame, LatentState

W_DIM = 6


class Space:
    """As much of a latent space as workers need."""

    z_dim = w_dim = W_DIM
    num_ws = 2
    classes = 0
    w_mean = np.zeros(W_DIM, np.float32)


class Painted:
    """A slow generator whose picture tells its latent; ``wrong`` draws another one."""

    name, trained, resolution, space = "painted", True, (4, 4), Space()

    def __init__(self, seconds: float = 0.0, wrong: bool = False) -> None:
        self.seconds, self.wrong = seconds, wrong

    def prepare(self) -> None: ...

    def generate(self, latent: LatentState) -> Frame:
        time.sleep(self.seconds)
        level = np.uint8(abs(latent.w).sum() % 251) + np.uint8(self.wrong)
        return Frame(latent.time, np.full((4, 4, 3), level, np.uint8))


def open_painted(seconds: float, model: str) -> Painted:
    """What the processes open."""
    if model == "missing":
        raise ModelError("model 'missing' is nowhere")
    return Painted(seconds, wrong=model == "wrong")
