"""The noise inputs of a network: which, and how much of it in which layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vjgan.generator.stylegan2 import StyleConv

Amount = tuple[float, float]  # seed, strength
GROUPS = {"coarse": 8, "middle": 32, "fine": 1 << 30}  # up to which resolution


class Fields:
    """The noise inputs of all layers in one tensor, lowest resolution first."""

    def __init__(self, synthesis: nn.Module) -> None:
        own = [layer.noise for layer in noisy(synthesis) if layer.noise is not None]
        self.sizes = [field.numel() for field in own]
        self._sides = [math.isqrt(size) for size in self.sizes]
        flat = [field.detach().float().cpu().ravel() for field in own]
        self._own = torch.cat([*flat, torch.zeros(0)])  # [sum r * r]
        self._kept: dict[int, Tensor] = {}
        self._last: tuple[list[Amount], Tensor] | None = None

    def at(self, inside: Mapping[str, float]) -> Tensor:
        """The noise [sum r * r] of each layer's seed, between two whole ones a blend of theirs with
        the variance of either, and scaled by group and layer."""
        amounts = [_amount(inside, side) for side in self._sides]
        if self._last is None or self._last[0] != amounts:
            self._last = amounts, self._make(amounts)
        return self._last[1]

    def _make(self, amounts: Sequence[Amount]) -> Tensor:
        wanted = {n for seed, _ in amounts for n in (int(seed), math.ceil(seed))}
        self._kept = {n: field for n, field in self._kept.items() if n in wanted}
        fields = torch.empty_like(self._own)  # [sum r * r]
        parts = torch.split(fields, self.sizes)
        for k, (part, (seed, strength)) in enumerate(zip(parts, amounts, strict=True)):
            turn = seed % 1.0 * math.pi / 2.0
            torch.mul(self._layer(k, int(seed)), strength * math.cos(turn), out=part)
            if turn > 0.0:
                part += strength * math.sin(turn) * self._layer(k, int(seed) + 1)
        return fields

    def _layer(self, k: int, seed: int) -> Tensor:
        return torch.split(self._field(seed), self.sizes)[k]  # [r * r]

    def _field(self, seed: int) -> Tensor:
        """Seed 0 is the noise that the model came with."""
        if seed == 0:
            return self._own
        if seed not in self._kept:
            random = torch.Generator().manual_seed(seed)
            self._kept[seed] = torch.randn(len(self._own), generator=random)  # [sum r * r]
        return self._kept[seed]


def _amount(inside: Mapping[str, float], side: int) -> Amount:
    """Which noise the layers of ``side`` pixels get, and how much of it."""
    group = next(name for name, most in GROUPS.items() if side <= most)
    strength = inside.get(f"noise.{group}", 1.0) * inside.get(f"noise.{side}", 1.0)
    return inside.get("noise.seed", 0.0) + inside.get(f"noise.seed.{side}", 0.0), strength


def noisy(synthesis: nn.Module) -> list[StyleConv]:
    """The layers of a network that have a noise input, in order."""
    return [
        layer
        for layer in synthesis.modules()
        if isinstance(layer, StyleConv) and layer.noise is not None
    ]
