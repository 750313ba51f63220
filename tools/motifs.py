"""Draws the motifs that the dreamer learns to tell apart: spirals, eyes, scales, feathers ...

Each is a height over a plane, made of a few numbers drawn by chance; a palette colours it and a
lamp from one side gives it relief. Nothing else goes in: no photograph, nobody's picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]  # [side, side]
Rng = np.random.Generator
TAU = 2.0 * np.pi


def draw(kind: str, side: int, rng: Rng) -> NDArray[np.uint8]:
    """A picture uint8 [side, side, 3] of a motif."""
    x, y = plane(side, rng)
    height = MOTIFS[kind](x, y, rng).astype(np.float32)
    height = (height - height.min()) / max(1e-6, float(np.ptp(height)))
    return coloured(height, rng)


def plane(side: int, rng: Rng) -> tuple[Plane, Plane]:
    """Where each pixel lies: turned, shifted, and bent a little; one unit is half the picture."""
    line = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    turn, scale = rng.uniform(0, TAU), rng.uniform(0.75, 1.5)
    sx, sy = rng.uniform(-0.35, 0.35, 2)
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    x, y = c * x - s * y + sx, s * x + c * y + sy
    bend = rng.uniform(0, 0.15)
    fx, fy, px, py = rng.uniform(1, 4, 4)
    return x + bend * np.sin(fy * y + py), y + bend * np.sin(fx * x + px)


def coloured(height: Plane, rng: Rng) -> NDArray[np.uint8]:
    """A height 0..1 in a palette of cosines, lit from one side."""
    phase = rng.uniform(0, 1, 3)
    often = rng.choice([0.5, 1.0, 1.0, 1.5], 3)
    wide = rng.uniform(0.25, 0.5, 3)
    colour = 0.5 + wide * np.cos(TAU * (often * height[..., None] + phase))
    dy, dx = np.gradient(height, 2.0 / len(height))
    angle, relief = rng.uniform(0, TAU), rng.uniform(0.0, 0.25)
    shade = 1.0 + np.tanh(relief * (np.cos(angle) * dx + np.sin(angle) * dy))
    picture = colour * shade[..., None] * rng.uniform(0.7, 1.1)
    return (picture.clip(0.0, 1.0) * 255).astype(np.uint8)


def smooth(side: int, waves: float, rng: Rng, often: int = 12) -> Callable[[Plane, Plane], Plane]:
    """A smooth random field of a plane, about ``waves`` hills across."""
    angle, phase = rng.uniform(0, TAU, (2, often))
    much = waves * rng.uniform(0.6, 1.4, often) * np.pi

    def field(x: Plane, y: Plane) -> Plane:
        arg = x[..., None] * (np.cos(angle) * much) + y[..., None] * (np.sin(angle) * much) + phase
        return (np.sin(arg).sum(-1) / np.sqrt(often / 2)).astype(np.float32)

    return field


def fold(x: Plane, size: float) -> Plane:
    """Repeats of -0.5..0.5."""
    return (x / size) - np.floor(x / size) - 0.5


def spirals(x: Plane, y: Plane, rng: Rng) -> Plane:
    r, a = np.hypot(x, y) + 0.03, np.arctan2(y, x)
    arms, tight = rng.integers(1, 5), rng.uniform(3, 8) * rng.choice([-1, 1])
    return np.sin(arms * a + tight * np.log(r))


def eyes(x: Plane, y: Plane, rng: Rng) -> Plane:
    if rng.random() < 0.5:
        size = rng.uniform(0.7, 1.2)
        x, y = fold(x + 0.5 * size * (np.floor(y / size) % 2), size) * 2.2, fold(y, size) * 2.2
    r, a = np.hypot(x, y), np.arctan2(y, x)
    lid = 0.75 - np.abs(x) ** 2 * 0.7 - np.abs(y) * rng.uniform(1.1, 1.6)
    iris, pupil = rng.uniform(0.38, 0.5), rng.uniform(0.12, 0.22)
    fibres = 0.12 * np.sin(rng.integers(14, 30) * a) * (r > pupil)
    eye = np.where(r < pupil, 0.0, np.where(r < iris, 0.45 + fibres, 1.0))
    spark = np.hypot(x - 0.1, y + 0.1) < 0.07
    eye = np.where(spark, 1.0, eye)
    lashes = 0.25 + 0.1 * np.sin(8 * lid)
    return np.where(lid > 0, eye, lashes)


def scales(x: Plane, y: Plane, rng: Rng) -> Plane:
    size = rng.uniform(0.4, 0.9)
    best = np.zeros_like(x)
    for row in range(4):  # the lower lie on the upper
        v = y / size * 2 + row
        line = np.floor(v)
        u = fold(x + 0.5 * size * (line % 2), size)
        w = v - line + (3 - row) - 1.0
        d = np.hypot(u * 2, w * 0.75)
        best = np.where((d < 1.02), 1.0 - 0.7 * d**4 + 0.15 * np.cos(12 * u), best)
    return best


def cells(x: Plane, y: Plane, rng: Rng) -> Plane:
    points = rng.uniform(-2.2, 2.2, (rng.integers(30, 90), 2))
    d = np.hypot(x[..., None] - points[:, 0], y[..., None] - points[:, 1])
    near = np.partition(d, 1, axis=-1)
    edge = near[..., 1] - near[..., 0]
    return np.minimum(edge * rng.uniform(3, 8), 1.0) - rng.uniform(0, 0.6) * near[..., 0]


def petals(x: Plane, y: Plane, rng: Rng) -> Plane:
    if rng.random() < 0.4:
        size = rng.uniform(0.9, 1.3)
        x, y = fold(x, size) * 2.2, fold(y, size) * 2.2
    r, a = np.hypot(x, y), np.arctan2(y, x)
    n = rng.integers(5, 12)
    height = np.zeros_like(x)
    for ring in range(4):
        reach = 1.05 - 0.25 * ring
        form = np.abs(np.cos(0.5 * n * a + ring * np.pi / 2)) ** 0.6 * reach
        vein = 0.15 * np.cos(4 * n * a)
        height = np.where(r < form, 0.3 + 0.6 * r / reach + vein + 0.12 * ring, height)
    return np.where(r < 0.16, 0.9 + 0.1 * np.sin(60 * x) * np.sin(60 * y), height)


def feathers(x: Plane, y: Plane, rng: Rng) -> Plane:
    size, slope = rng.uniform(0.5, 1.0), rng.uniform(0.6, 1.4)
    u = fold(x + 0.5 * size * (np.floor(y / (size * 1.8)) % 2), size)
    v = fold(y, size * 1.8)
    barbs = 0.5 + 0.5 * np.sin(rng.uniform(30, 50) * (v + slope * np.abs(u)))
    outline = np.clip((0.42 - np.hypot(u, v * 0.85)) * 8, 0, 1)
    spot = np.hypot(u * 1.3, v - 0.2)
    peacock = np.where(spot < 0.09, 0.1, np.where(spot < 0.17, 1.0, 0.5))
    ribbed = np.where(spot < 0.24, peacock, 0.3 + 0.5 * barbs)
    return np.where(np.abs(u) < 0.025, 1.0, ribbed * outline)


def arches(x: Plane, y: Plane, rng: Rng) -> Plane:
    size, tall = rng.uniform(0.5, 0.9), rng.uniform(1.0, 1.6)
    line = np.floor(y / (size * tall))
    u, v = fold(x, size) * 2, fold(y, size * tall)
    ring = np.hypot(np.abs(u) + 0.45, (v + 0.05) * 2.2) / 1.35
    wall = np.where(v < -0.05, ring, np.abs(u))
    steps = 0.5 + 0.5 * np.cos(wall * rng.uniform(18, 26))
    return np.where(wall < 0.5, 0.1 + 0.2 * (v + 0.5), 0.4 + 0.6 * steps) - 0.05 * (line % 2)


def fans(x: Plane, y: Plane, rng: Rng) -> Plane:
    size, rings = rng.uniform(0.7, 1.3), rng.uniform(18, 30)
    best = np.zeros_like(x)
    for row in range(4):
        v = y / size * 2 + row
        line = np.floor(v)
        u = fold(x + 0.5 * size * (line % 2), size)
        d = np.hypot(u, (v - line + (3 - row) - 1.0) * 0.5)
        best = np.where(d < 0.51, 0.5 + 0.5 * np.cos(rings * d), best)
    return best


def branches(x: Plane, y: Plane, rng: Rng) -> Plane:
    height = np.zeros_like(x)
    for octave in range(4):
        field = smooth(0, 1.6 * 1.9**octave, rng, 10)
        ridge = 1.0 - np.minimum(1.0, np.abs(field(x, y)) * rng.uniform(2.0, 3.0))
        height = np.maximum(height, ridge * 0.8**octave)
    return height


def fur(x: Plane, y: Plane, rng: Rng) -> Plane:
    bend = smooth(0, 0.8, rng)
    along = bend(x, y) * rng.uniform(0.3, 0.8)
    across = smooth(0, 1.5, rng)
    strands = np.sin(rng.uniform(30, 55) * (x + along) + 3 * across(x, y))
    return strands + 0.6 * np.sin(17 * (x + along) + 5) + 0.5 * across(0.3 * y, x)


def stars(x: Plane, y: Plane, rng: Rng) -> Plane:
    r, a = np.hypot(x, y), np.arctan2(y, x)
    n = rng.integers(4, 13)
    wedge = np.abs(((a * n / TAU) % 1.0) - 0.5) * 2
    u, v = r * np.cos(wedge * np.pi / n), r * np.sin(wedge * np.pi / n)
    f, p = rng.uniform(5, 14, 2), rng.uniform(0, TAU, 2)
    return np.sin(f[0] * u + p[0]) + np.sin(f[1] * v * 2 + p[1]) + 0.7 * np.sin(9 * (u + wedge))


def bricks(x: Plane, y: Plane, rng: Rng) -> Plane:
    tall, wide = rng.uniform(0.15, 0.35), rng.uniform(0.3, 0.7)
    line = np.floor(y / tall)
    shifted = x + 0.5 * wide * (line % 2)
    column = np.floor(shifted / wide)
    u, v = np.abs(fold(shifted, wide)), np.abs(fold(y, tall))
    shade = np.abs(np.sin(line * 12.9 + column * 78.2) * 43758.5) % 1.0
    joint = np.minimum((0.5 - u) * wide, (0.5 - v) * tall) < rng.uniform(0.015, 0.035)
    return np.where(joint, 0.0, 0.45 + 0.55 * shade)


def marble(x: Plane, y: Plane, rng: Rng) -> Plane:
    one, two = smooth(0, 1.0, rng), smooth(0, 1.2, rng)
    for _ in range(2):
        x, y = x + 0.45 * one(x, y), y + 0.45 * two(x, y)
    return np.sin(rng.uniform(4, 9) * x + 2 * one(x, y))


def bubbles(x: Plane, y: Plane, rng: Rng) -> Plane:
    height = np.zeros_like(x)
    for _ in range(rng.integers(12, 40)):
        size = rng.uniform(0.12, 0.45)
        cx, cy = rng.uniform(-1.8, 1.8, 2)
        d = np.hypot(x - cx, y - cy) / size
        ball = 0.35 + 0.5 * np.sqrt(np.maximum(0.0, 1.0 - d**2))
        ball = np.where(
            np.hypot(x - cx + 0.35 * size, y - cy + 0.35 * size) < 0.2 * size, 1.0, ball
        )
        height = np.where(d < 1.0, np.where(d > 0.9, 0.9, ball), height)
    return height


def labyrinth(x: Plane, y: Plane, rng: Rng) -> Plane:
    field = np.zeros_like(x)
    much = rng.uniform(10, 18)
    for _ in range(14):
        a, p = rng.uniform(0, TAU, 2)
        field += np.sin(much * (np.cos(a) * x + np.sin(a) * y) + p)
    return np.tanh(field * rng.uniform(0.6, 1.5))


def shells(x: Plane, y: Plane, rng: Rng) -> Plane:
    r, a = np.hypot(x, y) + 0.02, np.arctan2(y, x) * rng.choice([-1, 1])
    turn = np.log(r) * rng.uniform(1.0, 1.6) + a / TAU
    inside = turn - np.floor(turn)
    ribs = 0.5 + 0.5 * np.cos(rng.integers(14, 26) * a)
    return np.sin(np.pi * inside) ** 0.5 * (0.6 + 0.4 * ribs)


MOTIFS: dict[str, Callable[[Plane, Plane, Rng], Plane]] = {
    f.__name__: f
    for f in (
        *(spirals, eyes, scales, cells, petals, feathers, arches, fans, branches, fur, stars),
        *(bricks, marble, bubbles, labyrinth, shells),
    )
}
