"""Albums of pictures to train on, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vjgan.types import ByteArray


def scene(seed: int, width: int = 64, height: int = 64) -> ByteArray:
    """Discs on a ground with some grain: sharp, and never the same twice."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / min(width, height)
    image = np.full((height, width, 3), rng.uniform(30, 220, 3))
    for _ in range(6):
        cx, cy, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.05, 0.3)
        image[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = rng.uniform(0, 255, 3)
    grain = rng.normal(0, 3, (height, width, 1))
    return (image + grain).clip(0, 255).astype(np.uint8)


def fill(folder: Path, count: int, side: int = 64, first: int = 0) -> Path:
    """A folder of so many pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(first, first + count):
        Image.fromarray(scene(k, side, side)).save(folder / f"{k:04d}.png")
    return folder
