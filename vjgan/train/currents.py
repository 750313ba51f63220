"""Currents: abstract pictures of silk, oil, aurora and pearl, each drawn from 16 named numbers.

A picture's vector is its latent, as with ``sitter``: N(0, 1), brought to length sqrt(16). A plane
is bent by waves three times over (domain warping), waves run along what comes of it, and four ways
of lighting them are blended. Everything is smooth in every number. CC0-1.0.

    python -m vjgan.train.currents sheet.png
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

NAMES = (
    *("hue_x", "hue_y", "accent", "dusk"),  # colours: the main hue, how far the others lie off
    *("kind_x", "kind_y"),  # silk above, aurora below, oil to the right, pearl to the left
    *("drift_x", "drift_y", "turn", "zoom"),  # where one looks
    *("stir_x", "stir_y", "warp", "folds"),  # how the plane is bent, how many folds it has
    *("flow", "bloom"),  # where the waves are; from streams to rings
)
INDEX = {name: i for i, name in enumerate(NAMES)}
KINDS = {"silk": (0.0, 1.4), "oil": (1.4, 0.0), "aurora": (0.0, -1.4), "pearl": (-1.4, 0.0)}
# How each kind is lit: shade, glow of the crests and how sharp it is, gleam, ground, how far the
# hue turns along the waves, chroma, and how much the slow second field darkens.
LOOKS = (
    (0.30, 0.10, 1.5, 0.26, 0.50, 0.22, 0.15, 0.05),
    (0.10, 0.16, 1.0, 0.14, 0.56, 1.00, 0.17, 0.05),
    (0.05, 0.58, 3.0, 0.06, 0.24, 0.45, 0.19, 0.08),
    (0.12, -0.50, 2.5, 0.12, 0.84, 0.45, 0.12, 0.04),
)
LIGHT, HALF = (-0.50, -0.60, 0.62), (-0.29, -0.35, 0.89)  # toward the light; half-way to the eye


def draw(seed: int, count: int) -> NDArray[np.float32]:
    """``count`` vectors [count, 16] of length sqrt(16), the same for the same seed."""
    z = np.random.default_rng(seed).standard_normal((count, len(NAMES)))
    return np.asarray(z / np.sqrt((z**2).mean(1, keepdims=True)), np.float32)


def describe(p: Tensor) -> dict[str, Tensor]:
    """What vectors [n, 16] mean, each [n]; ``looks`` is [n, 8] and ``kinds`` [n, 4]."""
    q = {name: p[:, i] for name, i in INDEX.items()}
    angle = 0.9 * torch.tanh(0.7 * q["turn"])
    zoom = 1.1 * torch.exp(0.22 * torch.tanh(q["zoom"]))
    squared = q["hue_x"] ** 2 + q["hue_y"] ** 2
    colour = torch.sqrt((1.0 - torch.exp(-4.0 * squared)) / (squared + 1e-3))
    kx, ky = q["kind_x"], q["kind_y"]
    kinds = torch.softmax(3.0 * torch.stack([ky, kx, -ky, -kx], 1), 1)
    d = {
        "across": zoom * angle.cos(),
        "along": zoom * angle.sin(),
        "warp": 0.37 + 0.13 * torch.tanh(q["warp"]),
        "rings": torch.sigmoid(2.2 * q["bloom"] - 1.2),
        "folds": torch.exp(0.33 * torch.tanh(q["folds"])),
        "flow": 0.5 * torch.tanh(0.8 * q["flow"]),
        "accent": math.pi * (0.45 + 0.25 * torch.tanh(q["accent"])),
        "dusk": 0.07 * torch.tanh(q["dusk"]),
        "hue_x": q["hue_x"] * colour,
        "hue_y": q["hue_y"] * colour,
        "kinds": kinds,
        "looks": kinds @ torch.tensor(LOOKS, dtype=p.dtype),
    }
    for name, most in (("drift_x", 0.45), ("drift_y", 0.45), ("stir_x", 0.9), ("stir_y", 0.9)):
        d[name] = most * torch.tanh(0.8 * q[name])
    return d


def paint(p: Tensor, size: int) -> Tensor:
    """Vectors [n, 16] -> pictures [n, 3, size, size] in -1..1, sRGB."""
    d = {k: v[:, None, None] for k, v in describe(p).items() if v.ndim == 1}
    looks = describe(p)["looks"][:, :, None, None].unbind(1)
    shade, glow, sharp, gleam, ground, spin, chroma, veil = looks
    h, slow, centre = _plane(d, size)  # [n, r, r], [n, r, r], [r, r]
    t = d["folds"] * h + d["flow"]  # [n, r, r], in waves
    wave = torch.cos(math.tau * t)
    diffuse, shine = _lit(0.5 * wave + 0.25 * slow)
    crest = torch.exp(sharp * (wave - 1.0))
    light = ground + d["dusk"] + shade * (diffuse - 0.35) + glow * crest * (0.62 + 0.38 * slow)
    light = light + gleam * shine + veil * slow - 0.1 * (centre - 0.5)
    turn = d["accent"] * slow + spin * math.pi * (t - 0.5 * h) + 1.1 * (crest - 0.4)
    strong = chroma * (0.75 + 0.5 * crest) * (1.0 - gleam * shine)
    a = strong * (d["hue_x"] * turn.cos() - d["hue_y"] * turn.sin())
    b = strong * (d["hue_x"] * turn.sin() + d["hue_y"] * turn.cos())
    # Yellow is light and blue is dark, else the one is mud and the other milk.
    light = (light + 0.5 * b - 0.25 * a).clamp(0.02, 1.05)
    return 2.0 * srgb(light, a, b) - 1.0


def _plane(d: dict[str, Tensor], size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The bent plane: heights of the waves, a second, slow field, squared distances from the
    middle."""
    c = (torch.arange(size) + 0.5) / size * 2.0 - 1.0
    y, x = torch.meshgrid(c, c, indexing="ij")  # [r, r]
    u = d["across"] * x - d["along"] * y + d["drift_x"]
    v = d["along"] * x + d["across"] * y + d["drift_y"]
    far, a, b = d["warp"], d["stir_x"], d["stir_y"]
    u1 = u + far * torch.sin(1.9 * v + 0.6 + 1.2 * a)
    v1 = v + far * torch.sin(1.7 * u - 0.4 + 1.2 * b)
    u2 = u1 + 0.6 * far * torch.sin(2.9 * v1 + 1.9 - 1.6 * b)
    v2 = v1 + 0.6 * far * torch.sin(3.1 * u1 + 0.7 + 1.6 * a)
    u3 = u2 + 0.3 * far * torch.sin(5.1 * v2 + a)
    v3 = v2 + 0.3 * far * torch.sin(4.7 * u2 - b)
    stream = 0.85 * u3 + 0.35 * torch.sin(2.3 * v3)
    ring = 1.25 * torch.sqrt(u3 * u3 + v3 * v3 + 0.05)
    h = torch.lerp(stream, ring, d["rings"].expand_as(ring))
    return h, torch.sin(1.3 * v3 + 0.8 * u2 + a), x * x + y * y


def _lit(height: Tensor) -> tuple[Tensor, Tensor]:
    """How bright a relief [n, r, r] is in the light, and how much it gleams."""
    down, right = torch.gradient(height, dim=(1, 2))
    scale = 0.25 * height.shape[-1]
    x, y = -scale * right, -scale * down
    z = torch.rsqrt(1.0 + x * x + y * y)
    x, y = x * z, y * z
    diffuse, toward = (x * ax + y * ay + z * az for ax, ay, az in (LIGHT, HALF))
    return diffuse, toward.clamp_min(0.0) ** 14


def srgb(light: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """OKLab (Ottosson 2020), each [n, r, r] -> [n, 3, r, r] in 0..1, bent softly into the gamut."""
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
    turns = [torch.stack([f(k * d["accent"]) for f in (torch.cos, torch.sin)], 1) for k in (1, 2)]
    waves = torch.stack([f(math.tau * d["flow"]) for f in (torch.cos, torch.sin)], 1)  # [n, 2]
    pairs = [(hue, d["kinds"]), (hue, turns[0]), (waves, d["folds"][:, None]), (waves, hue)]
    products = [(one[:, :, None] * other[:, None]).flatten(1) for one, other in pairs]
    phases = torch.stack([d["stir_x"], d["stir_y"]], 1)
    swings = [f(k * phases) for f in (torch.cos, torch.sin) for k in (1.2, 2.0)]
    return torch.cat([*plain, d["kinds"], *turns, waves, *products, *swings], 1).numpy()


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
