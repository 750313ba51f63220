"""What is measured of a portrait: how sharp, how typical of its model, and what it is like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vjgan.types import ByteArray, FloatArray, LatentSpace

SIDE = 16  # of the small pictures that are compared
COARSE = 4  # of those that are compared first
# Two pictures whose small ones differ by less (rms, 0..1) are taken for the same one.
ALIKE = 0.045
SAMPLES = 4096  # of w, by which its usual spread is known
SLOPE = 0.2  # of the leaky ReLU at the end of mapping networks
LEAST = 1e-4  # of the largest variance; dimensions that hardly vary say nothing
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def sharpness(image: ByteArray) -> float:
    """The logarithm (base 10) of the variance of the Laplacian of uint8 [h, w, 3] (Pech-Pacheco et
    al. 2000) against that of the picture, so that dark and pale ones are measured alike."""
    grey = image.astype(np.float32) @ GREY  # [h, w]
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.log10(((4.0 * inner - around).var() + 1e-3) / (inner.var() + 1.0)))


def likeness(image: ByteArray) -> FloatArray:
    """What a picture uint8 [h, w, 3] is like, to be compared: a small one [768], 0..1."""
    small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    return (np.asarray(small, np.float32) / 255.0).ravel()


class Typicality:
    """How usual a w is among those of its model: the distance from their mean where the leaky ReLU
    is undone and every direction is as wide as the others (P_N space: Zhu et al. 2020)."""

    def __init__(self, space: LatentSpace, label: int | None = None) -> None:
        z = np.random.RandomState(0).standard_normal((SAMPLES, space.z_dim)).astype(np.float32)
        points = _unbent(space.map(z, label).astype(np.float64))  # [SAMPLES, w_dim]
        self._mean = points.mean(0)
        spread, axes = np.linalg.eigh(np.cov(points.T))
        wide = spread > LEAST * spread[-1]
        self._whiten = axes[:, wide] / np.sqrt(spread[wide])  # [w_dim, n]

    def strangeness(self, w: FloatArray) -> float:
        """About 1 for w [w_dim] as they usually are, above for strange ones."""
        far = (_unbent(w.astype(np.float64)) - self._mean) @ self._whiten
        return float(np.sqrt(np.square(far).mean()))


def _unbent(w: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(w < 0.0, w / SLOPE, w)


class Groups:
    """Near-duplicates, each group by its first member: whoever comes joins the nearest first one
    that is alike, so that no chain leads from one picture to quite another."""

    def __init__(self) -> None:
        self._firsts: list[str] = []
        self._rows = np.zeros((0, 3 * SIDE * SIDE), np.float32)
        self._coarse = np.zeros((0, 3 * COARSE * COARSE), np.float32)

    def join(self, member: str, like: FloatArray) -> str:
        """The group of a new member: its first one, perhaps itself."""
        count, coarse = len(self._firsts), _coarse(like)
        # Means over blocks differ by no more than the pictures do, and few pass this test.
        far = np.square(self._coarse[:count] - coarse).mean(1)
        near = np.flatnonzero(far < ALIKE**2)
        if len(near):
            rms = np.sqrt(np.square(self._rows[near] - like).mean(1))
            if rms.min() < ALIKE:
                return self._firsts[int(near[rms.argmin()])]
        if count == len(self._rows):
            room = max(256, count)
            self._rows = np.concatenate([self._rows, np.zeros((room, len(like)), np.float32)])
            self._coarse = np.concatenate([self._coarse, np.zeros((room, len(coarse)), np.float32)])
        self._rows[count], self._coarse[count] = like, coarse
        self._firsts.append(member)
        return member


def _coarse(like: FloatArray) -> FloatArray:
    """[768] -> [48], the means over blocks."""
    step = SIDE // COARSE
    return np.asarray(like.reshape(COARSE, step, COARSE, step, 3).mean((1, 3)).ravel())
