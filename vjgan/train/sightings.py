"""Renders and the model's own pictures as a camera might see them: cut out a little askew, in
another light, before another wall, unsharp and noisy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vjgan.camera.align import place, strip
from vjgan.train.encoding import EYES, FACE, Part
from vjgan.train.shards import RENDERER, read_shard, shard_paths

ROOM = {FACE: 1.25, EYES: 1.5}  # how much larger the pictures are that are kept, for going askew
CLEAN = 0.35  # share of the pictures that stay as they are, but for their placement
WALL = 0.5  # share of the others that get another wall behind the head
SPREAD = {"scale": 0.06, "shift": 0.03, "angle": 0.05}  # deviations; shares of a face, radians
NOISE = 0.05  # at most: deviation of a pixel, of a range of 1
HEAD = (0.40, 0.50)  # half width and height of the ellipse that holds a head and its hair


class Sightings:
    """Pictures with their vectors, cut out where the face or its eyes are, with room around."""

    def __init__(
        self, folder: Path, part: Part = FACE, held: bool = False, maker: str = RENDERER
    ) -> None:
        """The shards of a ``folder``, which the ``maker`` makes; ``held`` takes only those that
        training never sees. Raises VjganError where there are none, or they are of other
        sitters."""
        self.part = part
        vectors, pictures = [], []
        for path in shard_paths(folder, held, maker):
            shard = read_shard(path)
            vectors.append(shard.p)
            pictures.append(self._cut(shard.pictures, shard.marks))
        self.p = torch.from_numpy(np.concatenate(vectors))  # [n, 32]
        self.pictures = torch.cat(pictures)  # [n, 3, height, width] with room, uint8

    def __len__(self) -> int:
        return len(self.p)

    def get(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [n, 3, height, width] with room, in 0..1, and vectors [n, 32]."""
        return self.pictures[index].float() / 255, self.p[index]

    def straight(self, n: int) -> Tensor:
        """The placements [n, 4] in what ``get`` gives, where nothing is askew."""
        return torch.tensor([[0.5, 0.5, 1 / ROOM[self.part], 0.0]]).repeat(n, 1)

    def jitter(self, n: int, chance: np.random.Generator) -> Tensor:
        """The placements as a detector might find them."""
        noise = torch.from_numpy(chance.standard_normal((n, 4), np.float32))
        places = self.straight(n)
        # Of the width of what is kept, and of its height.
        shift = torch.tensor([1.0, self.part.width / self.part.height]) * SPREAD["shift"]
        shift = shift / (self.part.span * ROOM[self.part])
        places[:, :2] += noise[:, :2] * shift
        places[:, 2] *= torch.exp(SPREAD["scale"] * noise[:, 2])
        places[:, 3] += SPREAD["angle"] * noise[:, 3]
        return places

    def cut(self, x: Tensor, places: Tensor) -> Tensor:
        """What the part's network is shown [n, 3, height, width] of pictures of ``get``."""
        return cut(x, places, self.part.height, self.part.width)

    def _cut(self, pictures: NDArray[np.uint8], marks: NDArray[np.float32]) -> Tensor:
        """Pictures [n, h, h, 3] and marks [n, 3, 2] -> [n, 3, height, width] with room."""
        places = torch.from_numpy(placements(marks, self.part))
        places[:, 2] *= ROOM[self.part]
        height, width = (
            round(ROOM[self.part] * length) for length in (self.part.height, self.part.width)
        )
        parts = []
        for k in range(0, len(pictures), 64):
            x = torch.from_numpy(pictures[k : k + 64]).permute(0, 3, 1, 2).float()
            parts.append(cut(x, places[k : k + 64], height, width).add(0.5).byte())
        return torch.cat(parts)


def placements(marks: NDArray[np.float32], part: Part = FACE) -> NDArray[np.float32]:
    """Where the part is of faces with marks [n, 3, 2]: [n, 4]."""
    rows = [place(m) for m in marks]
    if part is EYES:
        rows = [strip(row) for row in rows]
    return np.array([[r.x, r.y, r.side, r.angle] for r in rows], np.float32)


def cut(x: Tensor, places: Tensor, height: int, width: int) -> Tensor:
    """Pictures [n, 3, height, width] out of others [n, 3, h, w] at ``places`` [n, 4]: the middle
    and the width in shares, the angle."""
    side, angle = places[:, 2], places[:, 3]
    ours, theirs = height / width, x.shape[2] / x.shape[3]
    cosine, sine = side * angle.cos(), side * angle.sin()
    across = [cosine, -sine * ours, 2 * places[:, 0] - 1]
    down = [sine / theirs, cosine * ours / theirs, 2 * places[:, 1] - 1]
    theta = torch.stack([*across, *down], 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, [len(x), 3, height, width], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def disturb(x: Tensor, part: Part, chance: np.random.Generator) -> Tensor:
    """Pictures [n, 3, height, width] in 0..1 in another light, before another wall where there is
    one in them, unsharp and noisy; a share of them stays as it is."""
    touched = torch.from_numpy(chance.random(len(x)) >= CLEAN)
    y = x[touched]
    if part is FACE:
        y = _walled(y, chance)
    y = _unsharp(_lit(y, chance), chance)
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
    n, height, width = len(x), *x.shape[2:]
    gamma = torch.exp(_uniform(chance, n, -0.4, 0.4))
    tint = torch.exp(_uniform(chance, n, -0.12, 0.12, 3))
    across, down = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)
    slope = _uniform(chance, n, -0.3, 0.3) * across[None, None, None, :]
    slope = slope + _uniform(chance, n, -0.2, 0.2) * down[None, None, :, None]
    lit = x.clamp(1e-4, 1).pow(gamma) * tint * (1 + slope) * _uniform(chance, n, 0.7, 1.2)
    grey = lit.mean(1, keepdim=True)
    return grey + (lit - grey) * _uniform(chance, n, 0.5, 1.15)


def _unsharp(x: Tensor, chance: np.random.Generator) -> Tensor:
    """As if it were smaller and enlarged."""
    height, width = x.shape[2:]
    share = chance.uniform(0.35, 1.0)
    small = (int(height * share), int(width * share))
    less = F.interpolate(x, size=small, mode="bilinear", antialias=True)
    less = F.interpolate(less, size=(height, width), mode="bilinear", align_corners=False)
    return x + (less - x) * _uniform(chance, len(x), 0, 1)
