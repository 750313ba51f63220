"""Write presets/layers/ink.mp4: ink that curls in water, in a loop, drawn from a seed by rule.

Three fields of noise, periodic in time and in both directions; two of them bend the third, twice,
as currents do. It never saw a picture. CC0-1.0.

    python tools/make_ink.py presets/layers/ink.mp4
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from vjgan.media import FilmWriter

SEED = 4021
FRAMES, HEIGHT, WIDTH = 240, 216, 384
FPS = Fraction(30)
CRF = 29


def field(rng: np.random.Generator, wide: float, slow: float, steep: float) -> NDArray[np.float32]:
    """Noise [frames, height, width], periodic, of mean 0 and deviation 1; ``wide`` 0..1 is its
    largest wave as a share of the width, ``slow`` how many of those pass in the loop."""
    t, y, x = (np.fft.fftfreq(n) * n for n in (FRAMES, HEIGHT, WIDTH))
    space = np.hypot(y[:, None] * WIDTH / HEIGHT, x[None, :]) * wide  # 1: the largest wave
    power = np.where(space >= 0.5, (1.0 + space) ** -steep, 0.0)
    # Small curls live shorter than large ones.
    time = np.exp(-0.5 * (t[:, None, None] / (slow * (1.0 + 0.4 * space[None]))) ** 2)
    white = rng.standard_normal((FRAMES, HEIGHT, WIDTH), np.float32)
    noise = np.fft.ifftn(np.fft.fftn(white) * power[None] * time).real
    return np.asarray(noise / noise.std(), np.float32)


def ink() -> NDArray[np.uint8]:
    """The loop: uint8 [frames, height, width]."""
    rng = np.random.default_rng(SEED)
    right, down = (field(rng, 0.55, 1.1, 3.8) for _ in range(2))
    dye = field(rng, 0.5, 0.8, 3.1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    frames = np.empty((FRAMES, HEIGHT, WIDTH), np.float32)
    for index in range(FRAMES):
        far_x, far_y = 34.0 * right[index], 34.0 * down[index]
        once = [read(one[index], y + far_y, x + far_x) for one in (right, down)]
        v = read(dye[index], y + 0.6 * far_y + 30.0 * once[1], x + 0.6 * far_x + 30.0 * once[0])
        folds = np.exp(-((read(dye[index], y + 42.0 * once[0], x - 42.0 * once[1]) / 0.26) ** 2))
        frames[index] = 0.5 + 0.5 * np.tanh(1.5 * v) + 0.28 * folds
    low, high = np.percentile(frames, (2, 99))
    return (np.clip((frames - low) / (high - low), 0.0, 1.0) * 255).astype(np.uint8)


def read(
    plane: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A plane at places between its pixels, around its edges."""
    places = np.stack([y, x])
    return np.asarray(map_coordinates(plane, places, order=1, mode="grid-wrap"), np.float32)


def main() -> None:
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with FilmWriter(path, (WIDTH, HEIGHT), FPS, crf=CRF, preset="veryslow") as film:
        for plane in ink():
            film.write(np.repeat(plane[..., None], 3, axis=2))


if __name__ == "__main__":
    main()
