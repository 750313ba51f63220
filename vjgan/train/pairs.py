"""Pairs of a sitter's vector and its picture, in memory, out of the renderer's shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vjgan.train import sitter
from vjgan.train.shards import read_shard, shard_paths

EYE_SIZE, MOUTH_SIZE = 0.055, 0.085  # deviations of the weight around a mark, share of the picture
WEIGHT = 5.0  # of an eye's or mouth's centre over the rest
RIM_WEIGHT = 6.0  # of the outermost pixels over the rest


class Pairs:
    """Shards of ``folder``; ``held`` keeps only those that training never sees. Raises VjganError
    where there are none, or they are of other sitters."""

    def __init__(self, folder: Path, held: bool = False) -> None:
        self._folder, self._held = folder, held
        self.shards: list[str] = []
        self._p: list[NDArray[np.float32]] = []
        self._pictures: list[NDArray[np.uint8]] = []
        self._marks: list[NDArray[np.float32]] = []
        self.read_new()

    def __len__(self) -> int:
        return sum(len(p) for p in self._p)

    def keep(self, shards: list[str]) -> None:
        """Go back to these shards, in this order: training resumes exactly."""
        self.shards, self._p, self._pictures, self._marks = [], [], [], []
        self._read(shards)

    def read_new(self) -> None:
        """Read the shards that have appeared since."""
        self._read([path.name for path in shard_paths(self._folder, self._held)])

    def _read(self, names: list[str]) -> None:
        for name in names:
            if name in self.shards:
                continue
            shard = read_shard(self._folder / name)
            self._p.append(shard.p)
            self._pictures.append(shard.pictures)
            self._marks.append(shard.marks)
            self.shards.append(name)

    def get(self, index: Tensor, flip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors [n, 32], pictures [n, 3, 128, 128] in -1..1 and marks [n, 3, 2] of the pairs at
        ``index`` [n]; those with ``flip`` [n] are mirrored."""
        size = len(self._p[0])
        where = [divmod(int(i), size) for i in index]
        p = np.stack([self._p[a][b] for a, b in where])
        pictures = np.stack([self._pictures[a][b] for a, b in where])
        marks = np.stack([self._marks[a][b] for a, b in where])
        turned = flip.numpy()
        p = np.where(turned[:, None], sitter.mirror(p), p)
        pictures = np.where(turned[:, None, None, None], pictures[:, :, ::-1], pictures)
        swapped = marks[:, [1, 0, 2]] * [-1, 1] + [1, 0]
        marks = np.where(turned[:, None, None], swapped, marks)
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        return torch.from_numpy(p), x, torch.from_numpy(marks.astype(np.float32))


def attention(marks: Tensor, size: int, rim: float = RIM_WEIGHT) -> Tensor:
    """Weights [n, 1, size, size] of mean 1, higher around the eyes and mouth of ``marks``
    [n, 3, 2], and by ``rim`` at the outermost pixels."""
    at = (torch.arange(size) + 0.5) / size
    dx = at[None, None, None, :] - marks[:, :, 0, None, None]  # [n, 3, 1, size]
    dy = at[None, None, :, None] - marks[:, :, 1, None, None]  # [n, 3, size, 1]
    spread = torch.tensor([EYE_SIZE, EYE_SIZE, MOUTH_SIZE])[None, :, None, None]
    near = torch.exp(-(dx.square() + dy.square()) / (2 * spread.square()))  # [n, 3, size, size]
    weight = 1 + WEIGHT * near.amax(1, keepdim=True)  # [n, 1, size, size]
    # What is doubled fades at the rim, and has to be made up for there.
    for line in (weight[..., :1], weight[..., -1:], weight[..., :1, :], weight[..., -1:, :]):
        line += rim
    return weight / weight.mean((2, 3), keepdim=True)
