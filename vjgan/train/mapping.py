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

from vjgan.generator.stylegan2 import GAIN, SLOPE, Linear, Mapping, StyleGAN2Config, Synthesis
from vjgan.train import sitter
from vjgan.types import FloatArray

CONFIG = StyleGAN2Config(
    resolution=128,
    z_dim=len(sitter.NAMES),
    w_dim=256,
    channel_base=4096,
    channel_max=128,
    mapping_layers=8,
    mapping_width=512,
)
TAUGHT = 4  # layers that learn the physical values
BATCH = 256
POOL = 16384  # vectors drawn at a time
DISTILLED = 400_000  # vectors that a mapping network is distilled from
DISTIL_RATE = 4.0  # of Adam; the mapping's weights are scaled by 0.01 when used


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


class Known(nn.Module):
    """w straight from the physical values behind a vector, which are exact: what a synthesis learns
    best from. `distil` then teaches a mapping network to say the same."""

    def __init__(self, subject: Subject, w_dim: int) -> None:
        super().__init__()
        self.draw, self._embed = subject.draw, subject.embed
        z = subject.draw(0, 1)
        self.linear = nn.Linear(z.shape[1] + subject.embed(z).shape[1], w_dim)
        nn.init.normal_(self.linear.weight, std=self.linear.in_features**-0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, z: Tensor) -> Tensor:
        """z [n, z_dim] -> w [n, w_dim]."""
        w: Tensor = self.linear(self.values(z))
        return w

    def values(self, z: Tensor) -> Tensor:
        """The physical values, and z itself: [n, k]."""
        return torch.cat([torch.from_numpy(self._embed(z.numpy())), z], 1)


def distil(
    known: Known, synthesis: Synthesis, mapping: Mapping, steps: int, seed: int = 0
) -> float:
    """Teach ``mapping`` the w of ``known``, as far as the ``synthesis`` heeds them: what counts is
    how far its styles are off. The share of their variance that is left unexplained, of vectors
    that were not learned from."""
    heed = _heed(synthesis)  # [w_dim, w_dim]
    vectors = torch.from_numpy(known.draw(50_000_000 + seed, DISTILLED))
    with torch.no_grad():
        wanted = known(vectors)  # [DISTILLED, w_dim]
        variance = ((wanted - wanted.mean(0)) @ heed).square().sum(1).mean()
    parameters = [p for layer in mapping.layers for p in layer.parameters()]
    optimiser = torch.optim.Adam(parameters, betas=(0.9, 0.99), foreach=True)
    chance = torch.Generator().manual_seed(seed)
    for step in range(steps):
        done = step / steps
        for group in optimiser.param_groups:
            warm, fall = min(1.0, 30.0 * done), 0.5 + 0.5 * math.cos(math.pi * done)
            group["lr"] = DISTIL_RATE * warm * fall
        rows = torch.randint(DISTILLED, (BATCH,), generator=chance)
        off = (mapping(vectors[rows]) - wanted[rows]) @ heed  # [BATCH, w_dim]
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(off.square().sum(1).mean() / variance)
        optimiser.step()
    with torch.no_grad():
        fresh = torch.from_numpy(known.draw(60_000_000, 4096))
        off = (mapping(fresh) - known(fresh)) @ heed
    return float(off.square().sum(1).mean() / variance)


@torch.no_grad()
def _heed(synthesis: Synthesis) -> Tensor:
    """A square root [w_dim, w_dim] of how much styles change along each way through w."""
    affines = [layer.affine for layer in (*synthesis.convs, *synthesis.to_rgb)]
    ways = [layer.weight * layer.weight_gain for layer in cast("list[Linear]", affines)]
    metric = torch.stack([way.T @ way / len(way) for way in ways]).sum(0)  # [w_dim, w_dim]
    least = 1e-4 * metric.diagonal().mean()
    root: Tensor = torch.linalg.cholesky(metric + least * torch.eye(len(metric)))
    return root
