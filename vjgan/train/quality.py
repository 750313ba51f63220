"""How good pictures are, by an ImageNet network's eyes: KID, FID, path length, nearest neighbours.

The published measures use Inception's or VGG's features; these use EfficientNet-Lite0's, which come
in a package. So the numbers compare models measured here, and never with numbers from papers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vjgan.train.features import Features

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Draw = Callable[[Tensor], Tensor]

SIDE = 128  # pixels, to which pictures are brought unless a caller wants finer details to count
BATCH = 16
EPSILON = 1e-3  # the step along a path


class Kid(NamedTuple):
    """The kernel distance of two sets, and its standard deviation over subsets."""

    mean: float
    deviation: float


class Neighbours(NamedTuple):
    """For each picture its nearest one of another set, and how far it is."""

    which: NDArray[np.int64]  # [n]
    distance: Floats  # [n]


@cache
def _network() -> Features:
    return Features(deep=True)


@torch.inference_mode()
def embed(images: Bytes, side: int = SIDE) -> Floats:
    """What the network's last 1280 features say of pictures [n, h, w, 3] brought to ``side``
    pixels: float32 [n, 1280]. Raises ModelError without the package that holds the network."""
    rows = []
    for batch in np.split(images, range(BATCH, len(images), BATCH)):
        x = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1  # [n, 3, h, w]
        if x.shape[-2:] != (side, side):
            x = F.interpolate(x, (side, side), mode="bilinear", antialias=True)  # [n, 3, s, s]
        rows.append(_network().summary(x.contiguous(memory_format=torch.channels_last)))
    return np.asarray(torch.cat(rows).numpy(), np.float32)


def kid(a: Floats, b: Floats, subsets: int = 100, size: int = 256, seed: int = 0) -> Kid:
    """The squared MMD of embeddings a [n, d], b [m, d] under the kernel (x.y / d + 1)^3: unbiased,
    so around 0 for two sets of one kind. The mean over ``subsets`` random subsets of ``size`` (at
    most all). Binkowski et al. 2018."""
    random = np.random.default_rng(seed)
    size = min(size, len(a), len(b))
    estimates = [
        _mmd(a[random.choice(len(a), size, False)], b[random.choice(len(b), size, False)])
        for _ in range(subsets)
    ]
    return Kid(float(np.mean(estimates)), float(np.std(estimates)))


def _mmd(a: Floats, b: Floats) -> float:
    x, y, n = a.astype(np.float64), b.astype(np.float64), len(a)
    within_x, within_y, across = (
        (p @ q.T / a.shape[1] + 1) ** 3 for p, q in ((x, x), (y, y), (x, y))
    )
    within = within_x.sum() - within_x.trace() + within_y.sum() - within_y.trace()
    return float(within / (n * (n - 1)) - 2 * across.mean())


def fid(a: Floats, b: Floats) -> float:
    """The Frechet distance of Gaussians fitted to embeddings a [n, d] and b [m, d]: 0 for equal
    ones. It is biased upward by few pictures, so compare only equal numbers. Heusel et al. 2017."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    shift = x.mean(0) - y.mean(0)
    # The trace of sqrt(A B) is the sum of the singular values of the centred rows' product:
    # A = X'X and B = Y'Y have the eigenvalues of A B in common with (Y X')(Y X')'.
    x, y = ((rows - rows.mean(0)) / np.sqrt(len(rows) - 1) for rows in (x, y))
    common = np.linalg.svd(y @ x.T, compute_uv=False).sum()
    return float(shift @ shift + (x**2).sum() + (y**2).sum() - 2 * common)


def path_length(draw: Draw, w: Tensor, seed: int = 0) -> float:
    """How far the picture moves, as the network sees it, a step in w squared: the mean over
    straight paths between neighbouring rows of w [n, w_dim], at a random place of each; low is
    smooth. ``draw`` takes w [k, w_dim] to pictures [k, 3, h, w] in -1..1, with gradients or not.
    Karras et al. 2019, without their cut-off of the worst."""
    at = torch.rand(len(w) // 2, 1, generator=torch.Generator().manual_seed(seed))
    starts, ends = w[0::2][: len(at)], w[1::2]
    moved = []
    with torch.inference_mode():
        for i in range(0, len(at), BATCH):
            start, end, t = (x[i : i + BATCH] for x in (starts, ends, at))
            here = _network().raw(draw(start.lerp(end, t)))
            there = _network().raw(draw(start.lerp(end, t + EPSILON)))
            moved.append(_unlikeness(here, there) / EPSILON**2)
    return float(torch.cat(moved).mean())


def _unlikeness(here: list[Tensor], there: list[Tensor]) -> Tensor:
    """[n]: the squared distance of feature maps, each place's features scaled to length 1, its mean
    over the places, summed over the maps (Zhang et al. 2018, with all channels alike)."""
    maps = [F.normalize(a) - F.normalize(b) for a, b in zip(here, there, strict=True)]
    return torch.stack([m.square().sum(1).mean((1, 2)) for m in maps]).sum(0)


def nearest(a: Floats, b: Floats) -> Neighbours:
    """For each embedding of a [n, d] the most alike of b [m, d], by 1 - cosine. A model copies if
    its pictures are much nearer to those it learned from than other true pictures are."""
    x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (a, b))
    distance = 1.0 - x @ y.T  # [n, m]
    which = distance.argmin(1)
    return Neighbours(which, np.asarray(distance[np.arange(len(a)), which], np.float32))
