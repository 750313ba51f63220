"""The noise inputs of a network: which, and how much of it at which resolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vjgan.generator.stylegan2 import StyleConv

GROUPS = {"coarse": 8, "middle": 32, "fine": 1 << 30}  # up to which resolution


class Fields:
    """The noise inputs of all layers in one tensor, lowest resolution first."""

    def __init__(self, synthesis: nn.Module) -> None:
        own = [layer.noise for layer in noisy(synthesis) if layer.noise is not None]
        self.sizes = [field.numel() for field in own]
        flat = [field.detach().float().cpu().ravel() for field in own]
        self._own = torch.cat([*flat, torch.zeros(0)])  # [sum r * r]
        self._ends = [sum(n for n in self.sizes if n <= side * side) for side in GROUPS.values()]
        self._kept: dict[int, Tensor] = {}
        self._last: tuple[tuple[float, ...], Tensor] | None = None

    def at(self, inside: Mapping[str, float]) -> Tensor:
        """The noise [sum r * r] of a seed, between two whole ones a blend of theirs with the
        variance of either, and scaled by group."""
        strengths = [inside.get(f"noise.{group}", 1.0) for group in GROUPS]
        key = (inside.get("noise.seed", 0.0), *strengths)
        if self._last is None or self._last[0] != key:
            self._last = key, self._make(key[0], strengths)
        return self._last[1]

    def _make(self, seed: float, strengths: list[float]) -> Tensor:
        turn = seed % 1.0 * math.pi / 2.0
        fields = math.cos(turn) * self._field(int(seed))  # [sum r * r]
        if turn > 0.0:
            fields += math.sin(turn) * self._field(int(seed) + 1)
        for begin, end, strength in zip([0, *self._ends], self._ends, strengths, strict=False):
            fields[begin:end] *= strength
        return fields

    def _field(self, seed: int) -> Tensor:
        """Seed 0 is the noise that the model came with."""
        if seed == 0:
            return self._own
        if seed not in self._kept:
            random = torch.Generator().manual_seed(seed)
            fresh = torch.randn(len(self._own), generator=random)  # [sum r * r]
            near = {k: field for k, field in self._kept.items() if abs(k - seed) <= 1}
            self._kept = near | {seed: fresh}
        return self._kept[seed]


def noisy(synthesis: nn.Module) -> list[StyleConv]:
    """The layers of a network that have a noise input, in order."""
    return [
        layer
        for layer in synthesis.modules()
        if isinstance(layer, StyleConv) and layer.noise is not None
    ]
