"""Renders and the model's own pictures as a camera might see them: cut out a little askew, in
another light, before another wall, unsharp and noisy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vjgan.camera.align import place
from vjgan.train.shards import RENDERER, read_shard, shard_paths

ROOM = 1.25  # how much larger than the face's square the pictures are that are kept
ROOMY = 80  # pixels of a side of those
CLEAN = 0.35  # share of the pictures that stay as they are, but for their placement
WALL = 0.5  # share of the others that get another wall behind the head
SPREAD = {"scale": 0.06, "shift": 0.03, "angle": 0.05}  # deviations; shares of the side, radians
NOISE = 0.05  # at most: deviation of a pixel, of a range of 1
HEAD = (0.40, 0.50)  # half width and height of the ellipse that holds a head and its hair


class Sightings:
    """Pictures with their vectors, cut out where the face is, with room around."""

    def __init__(self, folder: Path, held: bool = False, maker: str = RENDERER) -> None:
        """The shards of a ``folder``, which the ``maker`` makes; ``held`` takes only those that
        training never sees. Raises VjganError where there are none, or they are of other
        sitters."""
        vectors, pictures = [], []
        for path in shard_paths(folder, held, maker):
            shard = read_shard(path)
            vectors.append(shard.p)
            pictures.append(_cut_shard(shard.pictures, shard.marks))
        self.p = torch.from_numpy(np.concatenate(vectors))  # [n, 32]
        self.pictures = torch.cat(pictures)  # [n, 3, ROOMY, ROOMY], uint8

    def __len__(self) -> int:
        return len(self.p)

    def get(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [n, 3, ROOMY, ROOMY] in 0..1 and vectors [n, 32]."""
        return self.pictures[index].float() / 255, self.p[index]


def _cut_shard(pictures: NDArray[np.uint8], marks: NDArray[np.float32]) -> Tensor:
    """Pictures [n, h, h, 3] and marks [n, 3, 2] -> [n, 3, ROOMY, ROOMY]."""
    places = torch.from_numpy(placements(marks))
    places[:, 2] *= ROOM
    parts = []
    for k in range(0, len(pictures), 64):
        x = torch.from_numpy(pictures[k : k + 64]).permute(0, 3, 1, 2).float()
        parts.append(cut(x, places[k : k + 64], ROOMY).add(0.5).byte())
    return torch.cat(parts)


def placements(marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The squares [n, 4] for marks [n, 3, 2]."""
    rows = [place(m) for m in marks]
    return np.array([[r.x, r.y, r.side, r.angle] for r in rows], np.float32)


def cut(x: Tensor, places: Tensor, size: int) -> Tensor:
    """Squares [n, 3, size, size] of pictures [n, 3, h, h] at ``places`` [n, 4], in shares."""
    side, angle = places[:, 2], places[:, 3]
    cosine, sine = side * angle.cos(), side * angle.sin()
    rows = [cosine, -sine, 2 * places[:, 0] - 1, sine, cosine, 2 * places[:, 1] - 1]
    theta = torch.stack(rows, 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, [len(x), 3, size, size], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def straight(n: int) -> Tensor:
    """The placements [n, 4] in what ``get`` gives, where nothing is askew."""
    return torch.tensor([[0.5, 0.5, 1 / ROOM, 0.0]]).repeat(n, 1)


def jitter(n: int, chance: np.random.Generator) -> Tensor:
    """The placements as a detector might find them."""
    noise = torch.from_numpy(chance.standard_normal((n, 4), np.float32))
    places = straight(n)
    places[:, :2] += noise[:, :2] * SPREAD["shift"] / ROOM
    places[:, 2] *= torch.exp(SPREAD["scale"] * noise[:, 2])
    places[:, 3] += SPREAD["angle"] * noise[:, 3]
    return places


def disturb(x: Tensor, chance: np.random.Generator) -> Tensor:
    """Pictures [n, 3, s, s] in 0..1 in another light, before another wall, unsharp and noisy; a
    share of them stays as it is."""
    touched = torch.from_numpy(chance.random(len(x)) >= CLEAN)
    y = _unsharp(_lit(_walled(x[touched], chance), chance), chance)
    noise = torch.from_numpy(chance.standard_normal(tuple(y.shape), np.float32))
    x = x.clone()
    x[touched] = (y + noise * NOISE * _uniform(chance, len(y), 0.0, 1.0).square()).clamp(0, 1)
    return x


def _uniform(chance: np.random.Generator, n: int, low: float, high: float, k: int = 1) -> Tensor:
    return torch.from_numpy(chance.uniform(low, high, (n, k, 1, 1)).astype(np.float32))


def _walled(x: Tensor, chance: np.random.Generator) -> Tensor:
    """Another wall: a colour, a coarse pattern, or what is behind somebody else."""
    n, size = len(x), x.shape[-1]
    cells = int(chance.integers(2, 9))
    coarse = torch.from_numpy(chance.random((n, 3, cells, cells), np.float32))
    wall = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    wall = wall.lerp(_uniform(chance, n, 0, 1, 3), _uniform(chance, n, 0, 1))
    other = torch.roll(x, 1, 0).roll(int(chance.integers(size)), 3)
    wall = torch.where(_uniform(chance, n, 0, 1) < 0.3, other, wall)
    at = (torch.arange(size) + 0.5) / size - 0.5
    wide, high = (scale * _uniform(chance, n, 0.9, 1.25) for scale in HEAD)
    radius = (at[None, None, None, :] / wide).square() + (at[None, None, :, None] / high).square()
    mask = ((radius.sqrt() - 1) / 0.12 + 0.5).clamp(0, 1)  # [n, 1, s, s]
    mask = mask * (_uniform(chance, n, 0, 1) < WALL)
    return x + mask * (wall - x)


def _lit(x: Tensor, chance: np.random.Generator) -> Tensor:
    """Exposure, contrast, colour of the light, and light from one side."""
    n, size = len(x), x.shape[-1]
    gamma = torch.exp(_uniform(chance, n, -0.4, 0.4))
    tint = torch.exp(_uniform(chance, n, -0.12, 0.12, 3))
    at = torch.linspace(-1, 1, size)
    slope = _uniform(chance, n, -0.3, 0.3) * at[None, None, None, :]
    slope = slope + _uniform(chance, n, -0.2, 0.2) * at[None, None, :, None]
    lit = x.clamp(1e-4, 1).pow(gamma) * tint * (1 + slope) * _uniform(chance, n, 0.7, 1.2)
    grey = lit.mean(1, keepdim=True)
    return grey + (lit - grey) * _uniform(chance, n, 0.5, 1.15)


def _unsharp(x: Tensor, chance: np.random.Generator) -> Tensor:
    """As if it were smaller and enlarged."""
    size = x.shape[-1]
    small = int(size * chance.uniform(0.35, 1.0))
    less = F.interpolate(x, size=(small, small), mode="bilinear", antialias=True)
    less = F.interpolate(less, size=(size, size), mode="bilinear", align_corners=False)
    return x + (less - x) * _uniform(chance, len(x), 0, 1)
