"""Currents: abstract pictures of silk, oil, aurora and pearl, each drawn from 16 named numbers.

A picture's vector is its latent, as with ``sitter``: N(0, 1), brought to length sqrt(16). Six
landscapes, bent by waves (domain warping) and always the same, are added up by six of the numbers;
waves run along what comes of it, and four ways of lighting them are blended. Everything is smooth
in every number, and sums of fields are what a generator of styles is made of, so it learns them
fast. CC0-1.0.

    python -m vjgan.train.currents sheet.png
"""

from __future__ import annotations

import math
import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

FIELDS = ("stream", "rings", "curl", "braid", "sway", "swirl")
NAMES = (
    *("hue_x", "hue_y", "accent", "dusk"),  # colours: the main hue, how far the others lie off
    *("kind_x", "kind_y"),  # silk above, aurora below, oil to the right, pearl to the left
    *FIELDS,  # how much of each landscape
    *("folds", "flow", "veil", "gleam"),  # how many waves, where they are; shade; highlights
)
INDEX = {name: i for i, name in enumerate(NAMES)}
KINDS = {"silk": (0.0, 1.4), "oil": (1.4, 0.0), "aurora": (0.0, -1.4), "pearl": (-1.4, 0.0)}
# How each kind is lit: shade, glow of the crests and how sharp it is, gleam, ground, how far the
# hue turns along the waves, chroma, and how much the slow second field darkens.
LOOKS = (
    (0.30, 0.10, 1.5, 0.26, 0.50, 0.22, 0.15, 0.10),
    (0.10, 0.16, 1.0, 0.14, 0.56, 1.00, 0.17, 0.10),
    (0.05, 0.58, 3.0, 0.06, 0.24, 0.45, 0.19, 0.10),
    (0.12, -0.50, 2.5, 0.12, 0.84, 0.45, 0.12, 0.08),
)
LIGHT, HALF = (-0.50, -0.60, 0.62), (-0.29, -0.35, 0.89)  # toward the light; half-way to the eye


def draw(seed: int, count: int) -> NDArray[np.float32]:
    """``count`` vectors [count, 16] of length sqrt(16), the same for the same seed."""
    z = np.random.default_rng(seed).standard_normal((count, len(NAMES)))
    return np.asarray(z / np.sqrt((z**2).mean(1, keepdims=True)), np.float32)


def describe(p: Tensor) -> dict[str, Tensor]:
    """What vectors [n, 16] mean, each [n]; ``looks`` is [n, 8], ``kinds`` [n, 4] and ``fields``
    [n, 6]."""
    q = {name: p[:, i] for name, i in INDEX.items()}
    squared = q["hue_x"] ** 2 + q["hue_y"] ** 2
    colour = torch.sqrt((1.0 - torch.exp(-4.0 * squared)) / (squared + 1e-3))
    kx, ky = q["kind_x"], q["kind_y"]
    kinds = torch.softmax(3.0 * torch.stack([ky, kx, -ky, -kx], 1), 1)
    first = INDEX[FIELDS[0]]
    return {
        "folds": 0.27 * torch.exp(0.4 * torch.tanh(q["folds"])),
        "flow": 0.45 * torch.tanh(0.8 * q["flow"]),
        "accent": math.pi * (0.45 + 0.25 * torch.tanh(q["accent"])),
        "dusk": 0.07 * torch.tanh(q["dusk"]),
        "veil": 1.0 + 0.8 * torch.tanh(q["veil"]),
        "gleam": 1.0 + 0.7 * torch.tanh(q["gleam"]),
        "hue_x": q["hue_x"] * colour,
        "hue_y": q["hue_y"] * colour,
        "kinds": kinds,
        "looks": kinds @ torch.tensor(LOOKS, dtype=p.dtype),
        "fields": p[:, first : first + len(FIELDS)],
    }


def paint(p: Tensor, size: int) -> Tensor:
    """Vectors [n, 16] -> pictures [n, 3, size, size] in -1..1, sRGB."""
    colours = shade(p, landscapes(size).flatten(1), slopes(size).flatten(2))
    return colours.reshape(len(p), 3, size, size)


def shade(p: Tensor, plain: Tensor, steep: Tensor) -> Tensor:
    """Vectors [n, 16] -> colours [n, 3, k] in -1..1, sRGB, of k points where the landscapes are as
    high as ``plain`` [6, k] and as ``steep`` [2, 6, k], across and down."""
    described = describe(p)
    d = {key: v[:, None] for key, v in described.items() if v.ndim == 1}  # each [n, 1]
    shades, glow, sharp, gleam, ground, spin, chroma, veil = described["looks"].T[:, :, None]
    gleam, veil = gleam * d["gleam"], veil * d["veil"]
    much = described["fields"]  # [n, 6]
    other = 0.4 * much.roll(2, 1)
    t = d["folds"] * (much @ plain) + d["flow"]  # [n, k], in waves
    slow = torch.tanh(other @ plain)  # [n, k]
    wave = torch.cos(math.tau * t)
    along = -0.5 * math.tau * d["folds"] * torch.sin(math.tau * t)
    aside = 0.25 * (1.0 - slow * slow)
    diffuse, shine = _lit(*(along * (much @ g) + aside * (other @ g) for g in steep))
    crest = torch.exp(sharp * (wave - 1.0))
    light = ground + d["dusk"] + shades * (diffuse - 0.35) + glow * crest * (0.62 + 0.38 * slow)
    light = light + gleam * shine + veil * slow
    turn = d["accent"] * slow + spin * math.pi * 0.5 * t + 1.1 * (crest - 0.4)
    strong = chroma * (0.75 + 0.5 * crest) * (1.0 - gleam * shine)
    a = strong * (d["hue_x"] * turn.cos() - d["hue_y"] * turn.sin())
    b = strong * (d["hue_x"] * turn.sin() + d["hue_y"] * turn.cos())
    # Yellow is light and blue is dark, else the one is mud and the other milk.
    light = (light + 0.5 * b - 0.25 * a).clamp(0.02, 1.05)
    return 2.0 * srgb(light, a, b) - 1.0


@cache
def landscapes(size: int) -> Tensor:
    """The heights [6, size, size] that FIELDS name, of mean about 0 and deviation about 0.7."""
    c = (torch.arange(size) + 0.5) / size * 2.0 - 1.0
    v, u = torch.meshgrid(c, c, indexing="ij")  # [r, r]
    u1, v1 = u + 0.40 * torch.sin(1.9 * v + 0.6), v + 0.40 * torch.sin(1.7 * u - 0.4)
    u2, v2 = u1 + 0.24 * torch.sin(2.9 * v1 + 1.9), v1 + 0.24 * torch.sin(3.1 * u1 + 0.7)
    u3, v3 = u1 - 0.30 * torch.sin(2.6 * v2 - 0.8), v1 + 0.30 * torch.sin(2.3 * u2 + 2.1)
    return torch.stack(
        [
            1.2 * torch.sin(0.8 * u2 + 0.35 * v2),
            1.3 * torch.sqrt((u2 - 0.1) ** 2 + (v2 + 0.1) ** 2 + 0.06) - 1.2,
            torch.sin(2.3 * v3 + 0.5),
            torch.sin(2.0 * u3 - 1.0),
            torch.sin(1.7 * (u2 + v3)),
            torch.sin(1.9 * (u3 - v2) + 2.0),
        ]
    )


@cache
def slopes(size: int) -> Tensor:
    """How fast the landscapes rise across and down, [2, 6, size, size], a unit half a picture."""
    down, across = torch.gradient(landscapes(size), dim=(1, 2))
    return torch.stack([across, down]) * (size / 2)


def _lit(across: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
    """How bright a relief is in the light, and how much it gleams, by its slopes."""
    x, y = -0.5 * across, -0.5 * down
    z = torch.rsqrt(1.0 + x * x + y * y)
    x, y = x * z, y * z
    diffuse, toward = (x * ax + y * ay + z * az for ax, ay, az in (LIGHT, HALF))
    return diffuse, toward.clamp_min(0.0) ** 14


def srgb(light: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """OKLab (Ottosson 2020), each [n, ...] -> [n, 3, ...] in 0..1, bent softly into the gamut."""
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = torch.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        1,
    )
    rgb = 0.5 * (rgb + torch.sqrt(rgb * rgb + 4e-5))
    squared = rgb * rgb
    return torch.pow(rgb / (1.0 + squared * squared).sqrt().sqrt() + 1e-4, 1 / 2.2)


def features(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a picture depends on, as numbers [n, k]: the described values and the products that
    the eye sees."""
    d = describe(torch.from_numpy(p))
    plain = [v[:, None] for v in d.values() if v.ndim == 1]
    hue = torch.stack([d["hue_x"], d["hue_y"]], 1)  # [n, 2]
    turns = torch.stack([f(d["accent"]) for f in (torch.cos, torch.sin)], 1)
    waves = torch.stack([f(math.tau * d["flow"]) for f in (torch.cos, torch.sin)], 1)  # [n, 2]
    pairs = [(hue, d["kinds"]), (hue, turns), (waves, hue), (d["folds"][:, None], d["fields"])]
    products = [(one[:, :, None] * other[:, None]).flatten(1) for one, other in pairs]
    return torch.cat([*plain, d["kinds"], d["fields"], turns, waves, *products], 1).numpy()


_REFERENCE = features(draw(42, 20_000))
_MEAN, _SPREAD = _REFERENCE.mean(0), _REFERENCE.std(0) + 1e-3


def embed(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """``features`` with mean 0 and deviation 1 over all pictures, [n, k]."""
    return np.asarray(np.clip((features(p) - _MEAN) / _SPREAD, -5, 5), np.float32)


def sheet(path: Path, seed: int = 1, count: int = 60, size: int = 128, across: int = 12) -> None:
    """Write a contact sheet of so many pictures."""
    p = torch.from_numpy(draw(seed, count))
    image = torch.cat([paint(some, size) for some in torch.split(p, 12)])  # [n, 3, r, r]
    rows = image.reshape(-1, across, 3, size, size).permute(0, 3, 1, 4, 2)
    picture = ((rows.reshape(-1, across * size, 3) + 1) * 127.5 + 0.5).clamp(0, 255).byte()
    Image.fromarray(picture.numpy()).save(path)


if __name__ == "__main__":
    sheet(Path(sys.argv[1]))
