"""A small network of our own that sees spirals, eyes, scales, feathers: what dreams are made of.

It was taught to tell sixteen drawn motifs apart (`tools/dreamer.py`), on pictures that were pushed
the wrong way meanwhile: what excites a network trained so looks like what it means (Engstrom et al.
2019, "Adversarial Robustness as a Prior for Learned Representations"). CC0 1.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHTS = Path(__file__).with_name("dreamer.npz")
MOTIFS = (
    *("spirals", "eyes", "scales", "cells", "petals", "feathers", "arches", "fans", "branches"),
    *("fur", "stars", "bricks", "marble", "bubbles", "labyrinth", "shells"),
)
WIDTHS = (24, 40, 64, 96, 128)  # channels of its layers; each sees half as fine as the one before


class Dreamer(nn.Module):
    """Pictures to feature maps, and to how much of each motif is in them. ``reach`` is how many
    pixels from a place it sees at most."""

    name = "vjgan's dreamer"
    layers = len(WIDTHS) + 1
    reach = 64

    def __init__(self) -> None:
        super().__init__()
        ends = (3, *WIDTHS)
        self.convs = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode="replicate")
            for n_in, n_out in zip(ends, WIDTHS, strict=False)
        )
        self.head = nn.Conv2d(WIDTHS[-1], len(MOTIFS), 1)

    def maps(self, x: Tensor, depth: int) -> list[Tensor]:
        """x [n, 3, h, w] in -1..1 -> the maps of the first ``depth`` layers, the last of which is
        that of the motifs: [n, c, h / 2^k, w / 2^k], k from 0."""
        found: list[Tensor] = []
        for k, conv in enumerate(self.convs):
            if k == depth:
                return found
            x = F.relu(conv(F.avg_pool2d(x, 2) if k else x))
            found.append(x)
        if depth > len(WIDTHS):
            found.append(self.head(x))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """x [n, 3, h, w] in -1..1 -> [n, motifs], before the softmax."""
        told: Tensor = self.maps(x, len(WIDTHS) + 1)[-1].mean((2, 3))
        return told


def load_dreamer(path: Path = WEIGHTS) -> Dreamer:
    """The trained one, on the processor."""
    net = Dreamer()
    with np.load(path, allow_pickle=False) as file:
        state = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    net.load_state_dict(state)
    return net.requires_grad_(False).eval()
