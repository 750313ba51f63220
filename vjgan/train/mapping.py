"""Teach a mapping network what its z means, before it has seen a picture.

The first layers learn a subject's ``embed``, the physical values behind a vector; a random linear
map hands them on, so that what follows is an ordinary StyleGAN2 mapping network. It costs no
pictures and lets the synthesis learn from physical values rather than from raw normal numbers.
"""

from __future__ import annotations

import math
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.generator.stylegan2 import GAIN, SLOPE, Linear, Mapping, StyleGAN2Config
from vjgan.train import sitter
from vjgan.types import FloatArray

CONFIG = StyleGAN2Config(
    resolution=128,
    z_dim=len(sitter.NAMES),
    w_dim=256,
    channel_base=4096,
    channel_max=128,
    mapping_layers=7,
)
TAUGHT = 4  # layers that learn the physical values
BATCH = 256
POOL = 16384  # vectors drawn at a time


class Subject(Protocol):
    """What pictures are of: vectors [n, z_dim] by seed, and the physical values behind them."""

    def draw(self, seed: int, count: int) -> FloatArray:
        """Vectors [count, z_dim] of length sqrt(z_dim), the same for the same seed."""

    def embed(self, p: FloatArray) -> FloatArray:
        """Values [n, k] of mean 0 and deviation 1."""


def hidden(mapping: Mapping, p: Tensor) -> Tensor:
    """The activations [n, w_dim] after the taught layers."""
    x = p
    for layer in mapping.layers[:TAUGHT]:
        x = F.leaky_relu(layer(x), SLOPE) * GAIN  # [n, w_dim]
    return x


def teach(
    config: StyleGAN2Config, steps: int, subject: Subject = sitter, seed: int = 0
) -> tuple[Mapping, float]:
    """A mapping network that knows the subject, and the share of variance that it explains."""
    torch.manual_seed(seed)
    mapping = Mapping(config)
    outputs = subject.embed(subject.draw(0, 1)).shape[1]
    readout = nn.Linear(config.w_dim, outputs)
    taught = list(mapping.layers[:TAUGHT])
    groups = [
        {"params": [x for layer in taught for x in layer.parameters()], "scale": 100.0},
        {"params": readout.parameters(), "scale": 1.0},
    ]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99), foreach=True)
    for step in range(steps):
        at = step % (POOL // BATCH)
        if at == 0:
            vectors = subject.draw(10_000_000 + step, POOL)
            p, target = torch.from_numpy(vectors), torch.from_numpy(subject.embed(vectors))
        for group in optimiser.param_groups:
            group["lr"] = group["scale"] * 2e-3 * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        rows = slice(at * BATCH, (at + 1) * BATCH)
        loss = F.smooth_l1_loss(readout(hidden(mapping, p[rows])), target[rows], beta=0.3)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    _hand_on(mapping, readout)
    return mapping, _explained(mapping, readout, subject)


@torch.no_grad()
def _hand_on(mapping: Mapping, readout: nn.Linear) -> None:
    """Fold the readout into the next layer, behind a random map of the physical values."""
    layer = cast(Linear, mapping.layers[TAUGHT])
    spread = torch.randn(len(layer.weight), len(readout.weight)) / math.sqrt(len(readout.weight))
    layer.weight.copy_(spread @ readout.weight / layer.weight_gain)
    layer.bias.copy_(spread @ readout.bias / layer.bias_gain)


@torch.no_grad()
def _explained(mapping: Mapping, readout: nn.Linear, subject: Subject) -> float:
    vectors = subject.draw(20_000_000, 4096)
    error = readout(hidden(mapping, torch.from_numpy(vectors))) - torch.from_numpy(
        subject.embed(vectors)
    )
    return float(1 - error.square().mean())
