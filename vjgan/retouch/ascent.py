"""Gradient ascent on what a network sees in a picture (Mordvintsev, Olah and Tyka 2015,
"Inceptionism"): the picture changes so that the network sees more of it.

The steps of several sizes of the picture are taken at once, from the steepness of each pixel, so
that one step a frame is enough. Of large pictures each part is looked at alone, with as much around
it as the network can see from there, so that no seam shows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

TILE = 512  # pixels, the side of the largest part that is looked at in one go
GRID = 32  # pixels to which parts are laid: whatever halves the picture falls on the same places
LEAST = 32  # pixels, the side of the smallest picture that is looked at
TYPICAL = 128  # pixels, the side of the picture by which layers are weighed against one another


class Eye(Protocol):
    """A network that looks at pictures."""

    name: str
    layers: int  # how many maps it has
    reach: int  # pixels, how far from a place it sees at most

    def maps(self, x: Tensor, depth: int) -> list[Tensor]:
        """x [n, 3, h, w] in -1..1 -> its first ``depth`` maps [n, c, h', w']."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted to be seen more of: ``layer`` counted from 0, between two both; ``channel`` 0
    for whatever is there, from 1 on one map of the layer alone."""

    layer: float
    channel: int = 0


class Ascent:
    """The way up for one network, on the processor."""

    def __init__(self, eye: Eye) -> None:
        self.eye = eye
        self._weights: dict[tuple[int, int], float] = {}

    def slope(self, x: Tensor, wish: Wish, scales: Sequence[float]) -> Tensor:
        """Where pixels of x [1, 3, h, w] in 0..1 should go [1, 3, h, w], about 1 each; ``scales``
        are the sizes at which the picture is looked at, 1 its own, the mean of which it is."""
        size = list(x.shape[2:])
        total = torch.zeros_like(x)
        for scale in scales:
            small = resized(x, [max(LEAST, round(n * scale)) for n in size])
            slope = self._steep(small, wish)
            slope = slope / slope.square().mean().sqrt().clamp_min(1e-12)
            total += resized(slope, size)
        return total / len(scales)

    def excitement(self, x: Tensor, wish: Wish) -> float:
        """How much of what is wanted is seen in x [1, 3, h, w] in 0..1."""
        with torch.no_grad():
            return float(self._seen(x * 2.0 - 1.0, wish)) / x[0, 0].numel()

    def _steep(self, x: Tensor, wish: Wish) -> Tensor:
        """How what is seen changes with each pixel, part by part."""
        if max(x.shape[2:]) <= TILE:
            return self._slope(x, wish)
        slope = torch.empty_like(x)
        around = -(-self.eye.reach // GRID) * GRID
        height, width = x.shape[2:]
        for top, left in itertools.product(range(0, height, TILE), range(0, width, TILE)):
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            y0, x0 = max(0, top - around), max(0, left - around)
            part = x[:, :, y0 : bottom + around, x0 : right + around]
            found = self._slope(part, wish)
            slope[:, :, top:bottom, left:right] = found[
                :, :, top - y0 : bottom - y0, left - x0 : right - x0
            ]
        return slope

    def _slope(self, x: Tensor, wish: Wish) -> Tensor:
        with torch.enable_grad():
            leaf = (x * 2.0 - 1.0).detach().requires_grad_()
            (slope,) = torch.autograd.grad(self._seen(leaf, wish), leaf)
        return slope

    def _seen(self, x: Tensor, wish: Wish) -> Tensor:
        """The sum over all places, so that parts add up."""
        last = self.eye.layers - 1
        layer = min(max(wish.layer, 0.0), float(last))
        low, share = int(layer), layer - int(layer)
        maps = self.eye.maps(x, low + (2 if share else 1))
        total = (1.0 - share) * self._weight(low, wish.channel) * liked(maps[low], wish.channel)
        if share:
            weight = self._weight(low + 1, wish.channel)
            total = total + share * weight * liked(maps[low + 1], wish.channel)
        return total

    def _weight(self, layer: int, channel: int) -> float:
        """What makes the slopes of all layers alike, by a picture of noise."""
        key = layer, min(channel, 1)
        if key not in self._weights:
            noise = torch.randn(1, 3, TYPICAL, TYPICAL, generator=torch.Generator().manual_seed(0))
            noise = F.avg_pool2d(noise, 5, 1, 2)
            with torch.enable_grad():
                leaf = (noise / noise.std() * 0.4).requires_grad_()
                told = liked(self.eye.maps(leaf, layer + 1)[layer], channel)
                (slope,) = torch.autograd.grad(told, leaf)
            self._weights[key] = 1.0 / max(1e-12, float(slope.square().mean().sqrt()))
        return self._weights[key]


def liked(seen: Tensor, channel: int) -> Tensor:
    """How strong a layer's maps [1, c, h, w] are, or how much one of them stands out."""
    if not channel:
        return 0.5 * seen.square().sum()
    return seen.log_softmax(1)[:, (channel - 1) % seen.shape[1]].sum()


def resized(x: Tensor, size: list[int]) -> Tensor:
    """x [n, c, h, w] in another size (height, width)."""
    if size == list(x.shape[2:]):
        return x
    shrinks = size[0] < x.shape[2]
    return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=shrinks)
