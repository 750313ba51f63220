"""What a vector means, given to the synthesis exactly, and distilled into a mapping network.

A mapping network that must find out from pictures what its z means leaves much of it out of w, and
no synthesis can paint that. So w is a linear map of the known values while the synthesis learns,
and the mapping network learns that w afterwards, from vectors alone.
"""

from __future__ import annotations

import math
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from vjgan.generator.stylegan2 import Linear, Mapping, StyleGAN2Config, Synthesis
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
BATCH = 256
DISTILLED = 400_000  # vectors, at most, that a mapping network is distilled from
FITTED = 32_768  # vectors that a mapping network is asked about to find what it knows
RIDGE = 1e-4
DISTIL_RATE = 4.0  # of Adam; the mapping's weights are scaled by 0.01 when used


class Subject(Protocol):
    """What pictures are of: vectors [n, z_dim] by seed, and the physical values behind them."""

    def draw(self, seed: int, count: int) -> FloatArray:
        """Vectors [count, z_dim] of length sqrt(z_dim), the same for the same seed."""

    def embed(self, p: FloatArray) -> FloatArray:
        """Values [n, k] of mean 0 and deviation 1."""


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

    @torch.no_grad()
    def fit(self, mapping: Mapping) -> float:
        """Take over, by least squares, what a mapping network says: the undoing of `distil`. The
        share of the variance of w that is left, of vectors that were not fitted to."""
        z, fresh = (torch.from_numpy(self.draw(70_000_000 + k, FITTED)) for k in (0, 1))
        rows = torch.cat([self.values(z), torch.ones(len(z), 1)], 1).double()  # [n, k + 1]
        w = mapping(z).double()  # [n, w_dim]
        square = rows.T @ rows / len(z)
        square += RIDGE * torch.eye(len(square))  # some values say what others said together
        solved = torch.linalg.solve(square, rows.T @ w / len(z)).float()  # [k + 1, w_dim]
        self.linear.weight.copy_(solved[:-1].T)
        self.linear.bias.copy_(solved[-1])
        wanted = mapping(fresh)
        left = (self(fresh) - wanted).square().sum(1).mean()
        return float(left / (wanted - wanted.mean(0)).square().sum(1).mean())

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
    count = min(DISTILLED, BATCH * max(1, steps))
    vectors = torch.from_numpy(known.draw(50_000_000 + seed, count))
    with torch.no_grad():
        wanted = known(vectors)  # [count, w_dim]
        variance = ((wanted - wanted.mean(0)) @ heed).square().sum(1).mean()
    parameters = [p for layer in mapping.layers for p in layer.parameters()]
    optimiser = torch.optim.Adam(parameters, betas=(0.9, 0.99), foreach=True)
    chance = torch.Generator().manual_seed(seed)
    for step in range(steps):
        done = step / steps
        for group in optimiser.param_groups:
            warm, fall = min(1.0, 30.0 * done), 0.5 + 0.5 * math.cos(math.pi * done)
            group["lr"] = DISTIL_RATE * warm * fall
        rows = torch.randint(count, (BATCH,), generator=chance)
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
