"""What is wrong with a picture as something to learn from: soft, made larger, seen before."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vjgan.types import ByteArray

Plane = NDArray[np.float64]  # luma [h, w], 0..255

BLANK = 2.0  # deviation of luma, of 255, below which there is nothing to see
BLURRED = 0.006  # variance of the Laplacian over the picture's own, below which it is soft
WINDOW = 1024  # pixels of a side whose spectrum is looked at
MOST_BANDS = 64  # of the spectrum, from 0 to half a cycle a pixel
FALL = 2.0  # the power of the world's pictures falls as 1 / f to this
CLIFF = 1.7  # how much faster, as a logarithm, it falls where a picture ends
HASH_SIDE, HASH_KEPT = 32, 8
HASH_NEAR = 6  # of 64 bits
THUMBNAIL_NEAR = 6.0  # mean difference of luma, of 255, of two pictures that are the same


def luma(picture: ByteArray) -> Plane:
    """uint8 [h, w, 3] -> [h, w], 0..255 (Rec. 601)."""
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114]), np.float64)


def softness(plane: Plane) -> float:
    """The variance of the Laplacian over that of the picture: about 0.01 to 1 where it is sharp.

    After Pech-Pacheco et al. 2000, made independent of contrast."""
    centre = plane[1:-1, 1:-1]
    laplacian = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:] - 4 * centre
    return float(laplacian.var() / max(plane.var(), 1e-9))


def reach(plane: Plane) -> float:
    """Up to which part 0..1 of its spectrum a picture holds anything: one that was made larger by
    a factor k is empty above 1 / k, and falls there as no picture of the world does.

    Those have a power that falls smoothly, as 1 / f^2 (Field 1987), so the sign is a cliff: the
    bands below a frequency far stronger than those above, whatever noise lies under both."""
    h, w = (min(side, WINDOW) for side in plane.shape)
    top, left = (plane.shape[0] - h) // 2, (plane.shape[1] - w) // 2
    cut = plane[top : top + h, left : left + w]
    window = np.outer(np.hanning(h), np.hanning(w))
    power = np.abs(np.fft.rfft2((cut - cut.mean()) * window)) ** 2  # [h, w / 2 + 1]
    n = min(MOST_BANDS, h // 4, w // 4)
    # Along each axis alone, for enlarging works along each.
    f = np.maximum(np.abs(np.fft.fftfreq(h))[:, None], np.fft.rfftfreq(w)[None])
    bands = np.minimum((f * 2 * n).astype(np.int64), n - 1)
    counts = np.maximum(np.bincount(bands.ravel(), minlength=n), 1)
    strength = np.log(np.bincount(bands.ravel(), power.ravel(), n) / counts + 1.0)
    strength += FALL * np.log(np.arange(n) + 0.5)
    best, at = CLIFF, n
    for k in range(max(3, n // 8), n * 7 // 8):
        below = strength[int(k * 0.7) : k - k // 16].mean()
        above = strength[k + 1 + k // 16 : int(k * 1.4) + 2].mean()
        if below - above > best:
            best, at = below - above, k
    return float(at / n)


def _cosines() -> Plane:
    k, x = np.mgrid[:HASH_KEPT, :HASH_SIDE]
    return np.asarray(np.cos(math.pi * k * (2 * x + 1) / (2 * HASH_SIDE)), np.float64)


COSINES = _cosines()  # [8, 32]


def shrink(plane: Plane, side: int = HASH_SIDE) -> Plane:
    """A square plane by the means of its blocks: [side, side]."""
    if len(plane) < side:
        times = -(-side // len(plane))
        plane = plane.repeat(times, 0).repeat(times, 1)
    edges = np.linspace(0, len(plane), side + 1).astype(np.int64)[:-1]
    sums = np.add.reduceat(np.add.reduceat(plane, edges, 0), edges, 1)
    counts = np.diff(np.append(edges, len(plane)))
    return np.asarray(sums / np.outer(counts, counts), np.float64)


def perceptual_hash(thumbnail: Plane) -> int:
    """64 bits of the lowest cosines of a thumbnail [32, 32], which survive another size, format or
    brightness (Zauner 2010)."""
    low = COSINES @ thumbnail @ COSINES.T  # [8, 8]
    bits = low.ravel() > np.median(low.ravel()[1:])
    return int.from_bytes(np.packbits(bits).tobytes())


@dataclass(slots=True)
class Seen:
    """The pictures that were kept so far, to find the next one among."""

    names: list[str]
    hashes: NDArray[np.uint64]
    thumbnails: ByteArray  # [room, 32, 32]

    @classmethod
    def none(cls) -> Seen:
        """Nothing seen yet."""
        side = HASH_SIDE
        return cls([], np.zeros(256, np.uint64), np.zeros((256, side, side), np.uint8))

    def find(self, thumbnail: Plane, code: int) -> str:
        """The name of the one that looks the same, "" for none."""
        known = len(self.names)
        distance = np.bitwise_count(self.hashes[:known] ^ np.uint64(code))
        near = np.flatnonzero(distance <= HASH_NEAR)
        if not len(near):
            return ""
        gap = np.abs(self.thumbnails[near] - thumbnail).mean((1, 2))
        best = int(gap.argmin())
        return self.names[near[best]] if gap[best] < THUMBNAIL_NEAR else ""

    def add(self, name: str, thumbnail: Plane, code: int) -> None:
        """Remember one that is kept."""
        known = len(self.names)
        if known == len(self.hashes):
            self.hashes = np.concatenate([self.hashes, np.zeros_like(self.hashes)])
            self.thumbnails = np.concatenate([self.thumbnails, np.zeros_like(self.thumbnails)])
        self.names.append(name)
        self.hashes[known] = code
        self.thumbnails[known] = thumbnail.round()
