"""Four surfaces to paint like: oil in swirls, hatched ink, leaded glass, marbled paper.

Each is drawn from a seed by rule; none ever saw a picture. ``tools/style.py`` learns from them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

Plane = NDArray[np.float32]  # [side, side]
Picture = NDArray[np.float32]  # [side, side, 3] in 0..1
Rng = np.random.Generator
STROKE = 14  # pixels to either side, along which paint is drawn out


def noise(side: int, wide: float, rng: Rng) -> Plane:
    """Soft noise of mean 0 and deviation 1; a hill is about ``wide`` pixels across."""
    field = gaussian_filter(rng.standard_normal((side, side)), 0.4 * wide, mode="wrap")
    return ((field - field.mean()) / field.std()).astype(np.float32)


def read(plane: NDArray[np.float32], y: Plane, x: Plane) -> Plane:
    """A plane read between its pixels, around its edges."""
    return map_coordinates(plane, [y, x], order=1, mode="grid-wrap").astype(np.float32)


def drawn_out(grain: Plane, angle: Plane, reach: int = STROKE) -> Plane:
    """Noise smeared along a field of directions (Cabral and Leedom 1993)."""
    side = len(grain)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    total = grain.copy()
    for sign in (1.0, -1.0):
        y, x = rows.copy(), columns.copy()
        for _ in range(reach):
            way = read(angle, y, x)
            y, x = y + sign * np.sin(way), x + sign * np.cos(way)
            total += read(grain, y, x)
    return (total - total.mean()) / total.std()


def coloured(height: Plane, stops: list[tuple[int, int, int]]) -> Picture:
    """A plane through a palette, whose colours it has in equal parts."""
    ranks = height.ravel().argsort().argsort().reshape(height.shape) / (height.size - 1)
    palette = np.array(stops, np.float32) / 255.0
    places = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(ranks, places, palette[:, k]) for k in range(3)], -1).astype("f")


def relief(picture: Picture, height: Plane, deep: float) -> Picture:
    """Lit from above left."""
    dy, dx = np.gradient(height)
    return (picture * (1.0 - deep * np.tanh(dx + dy))[..., None]).clip(0.0, 1.0)


def oil(side: int, rng: Rng) -> Picture:
    """Thick short strokes that swirl, night blue to yellow."""
    stream = noise(side, 130, rng) * 40.0
    dy, dx = np.gradient(stream)
    strokes = drawn_out(noise(side, 3.5, rng), np.arctan2(dx, -dy).astype(np.float32))
    stops = [(12, 18, 58), (24, 52, 118), (42, 104, 168), (126, 176, 190), (238, 214, 120),
             (247, 178, 50)]  # fmt: skip
    picture = coloured(noise(side, 70, rng) + 0.75 * strokes, stops)
    return relief(picture, 2.2 * strokes, 0.35)


def ink(side: int, rng: Rng) -> Picture:
    """Hatching in black on warm paper, crossed where it is dark."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    bend = 9.0 * noise(side, 120, rng)
    tone = 0.5 + 0.32 * noise(side, 90, rng)
    paper = np.full((side, side), 1.0, np.float32)
    for turn, least in ((0.7, 0.15), (2.2, 0.5), (1.45, 0.8)):
        along = columns * np.cos(turn) + rows * np.sin(turn) + bend
        wave = 0.5 + 0.5 * np.sin(along * 2.0 * np.pi / 7.0 + 0.6 * noise(side, 8, rng))
        width = np.clip((tone - least) * 1.3, 0.0, 0.75)
        paper *= 1.0 - np.clip((width - wave) * 9.0, 0.0, 1.0)
    edge = np.abs(tone - 0.5)
    paper *= np.clip(edge * 90.0, 0.0, 1.0)
    light, dark = np.array([0.96, 0.91, 0.80]), np.array([0.07, 0.06, 0.10])
    return (dark + paper[..., None] * (light - dark)).astype(np.float32)


def glass(side: int, rng: Rng) -> Picture:
    """Pieces of glowing glass between dark lead."""
    count = side * side // 620
    seeds = rng.uniform(0, side, (count, 2)).astype(np.float32)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    y, x = rows + 3.0 * noise(side, 50, rng), columns + 3.0 * noise(side, 50, rng)
    near = np.full((side, side), 1e9, np.float32)
    next_ = near.copy()
    owner = np.zeros((side, side), np.int64)
    for k, (sy, sx) in enumerate(seeds):
        away = np.hypot(y - sy, x - sx)
        closer = away < near
        next_ = np.where(closer, near, np.minimum(next_, away))
        owner, near = np.where(closer, k, owner), np.where(closer, away, near)
    palette = np.array([(196, 24, 40), (236, 120, 24), (250, 204, 60), (24, 120, 84), (20, 72, 168),
                        (108, 32, 128), (64, 180, 206), (244, 236, 204)]) / 255.0  # fmt: skip
    colours = palette[rng.integers(0, len(palette), count)] * rng.uniform(0.75, 1.1, (count, 1))
    glow = 0.8 + 0.2 * np.clip((next_ - near) / 16.0, 0.0, 1.0) + 0.05 * noise(side, 4, rng)
    lead = np.clip((next_ - near - 1.6) / 1.6, 0.0, 1.0)
    return np.clip(colours[owner] * (glow * lead)[..., None] + 0.03, 0.0, 1.0).astype(np.float32)


def marble(side: int, rng: Rng) -> Picture:
    """Paper marbled in indigo, teal, coral and cream, with thin lines of gold."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    y, x = rows, columns
    for wide, far in ((160, 50.0), (70, 18.0), (34, 6.0)):
        y, x = y + far * noise(side, wide, rng), x + far * noise(side, wide, rng)
    height = (y * 0.9 + 0.35 * x) / 19.0
    band = np.floor(height).astype(np.int64)
    palette = np.array([(24, 28, 84), (14, 116, 132), (240, 108, 92), (250, 232, 204),
                        (96, 190, 180), (250, 232, 204)]) / 255.0  # fmt: skip
    picture = palette[band % len(palette)]
    into = height - band
    line = np.clip((0.5 - np.abs(into - 0.5)) * 19.0 / 1.9 - 0.2, 0.0, 1.0)[..., None]
    shade = (0.88 + 0.12 * np.sin(into * np.pi))[..., None]
    gold = np.array([0.80, 0.62, 0.22])
    return np.clip(picture * shade * line + gold * (1.0 - line), 0.0, 1.0).astype(np.float32)


SURFACES: dict[str, Callable[[int, Rng], Picture]] = {
    "oil": oil,
    "ink": ink,
    "glass": glass,
    "marble": marble,
}
