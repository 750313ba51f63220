"""The sitter of a portrait: 32 named numbers, each N(0, 1), and what they mean physically.

A portrait's vector is its latent: z drawn from a normal distribution and scaled to length
sqrt(32), as StyleGAN2's mapping network does to its input, so that a picture and its z belong
together exactly. ``describe`` turns vectors into the values a renderer needs; ``embed`` lays the
same values out as numbers of about unit variance, which a network learns pictures from about four
times faster than from the raw vector.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NAMES = (
    *("origin_x", "origin_y", "sex", "age", "weight"),
    *("shape0", "shape1", "shape2", "shape3", "shape4"),
    *("smile", "jaw", "blink", "brow", "curl", "gaze", "turn", "nod"),
    *("hair", "hair_length", "hair_top", "hair_shade", "hair_dye"),
    *("material_x", "material_y"),
    *("key", "rim", "hue_x", "hue_y", "accent", "backdrop", "parting"),
)
INDEX = {name: i for i, name in enumerate(NAMES)}
MIRRORED = ("gaze", "turn", "key", "parting")  # change sign when the picture is mirrored
SHAPES = 5

SKIN = ([0.085, 0.27, 0.55, 0.74], [0.038, 0.13, 0.32, 0.48], [0.020, 0.062, 0.19, 0.34])
HAIR = (
    [0.008, 0.035, 0.16, 0.42, 0.55],
    [0.008, 0.017, 0.055, 0.25, 0.52],
    [0.010, 0.010, 0.018, 0.09, 0.48],
)


def draw(seed: int, count: int) -> NDArray[np.float32]:
    """``count`` vectors [count, 32] of length sqrt(32), the same for the same seed."""
    z = np.random.default_rng(seed).standard_normal((count, len(NAMES)))
    return normalise(z)


def normalise(z: NDArray[np.floating]) -> NDArray[np.float32]:
    """z [n, 32] scaled to length sqrt(32): what StyleGAN2's mapping network sees."""
    return np.asarray(z / np.sqrt((z**2).mean(1, keepdims=True)), np.float32)


def mirror(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors [n, 32] of the mirrored pictures."""
    sign = np.ones(len(NAMES), np.float32)
    sign[[INDEX[name] for name in MIRRORED]] = -1
    return p * sign


def gate(x: Array, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t: Array = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))


def colour(x: Array, y: Array, value: Array | float) -> Array:
    """Linear-light RGB [n, 3]: the angle of (x, y) is the hue, its length the saturation."""
    squared = x * x + y * y
    radius = np.sqrt(squared) + 1e-6
    saturation = 0.95 * (1 - np.exp(-squared / 0.8))
    angles = np.arange(3) * 2 * np.pi / 3
    wave = 0.5 - 0.5 * (np.outer(x / radius, np.cos(angles)) + np.outer(y / radius, np.sin(angles)))
    rgb = (1 - saturation[:, None] * wave) ** 2.2
    return np.asarray(np.asarray(value).reshape(-1, 1) * rgb)


def mix(a: Array, b: Array, weight: Array) -> Array:
    """a + (b - a) * weight for rows of colours [n, 3] and weights [n]."""
    return a + (b - a) * weight[:, None]


def ramp(x: Array, stops: list[float], rgb: tuple[list[float], ...]) -> Array:
    """A colour [n, 3] from a table over ``stops``."""
    return np.stack([np.interp(x, stops, channel) for channel in rgb], 1)


def describe(p: NDArray[np.floating]) -> dict[str, Array]:
    """Physical values of vectors p [n, 32]: name -> [n] or [n, k]. Angles in radians, colours in
    linear light, everything else 0..1 or -1..1."""
    q = {name: p[:, i].astype(np.float64) for name, i in INDEX.items()}
    return _body(q) | _face(q) | _hair(q) | _material(q) | _light(q)


def _male(q: dict[str, Array]) -> Array:
    return np.asarray(1 / (1 + np.exp(-q["sex"] / 0.3)))


def _body(q: dict[str, Array]) -> dict[str, Array]:
    angles = np.arange(3) * 2 * np.pi / 3 + 0.5
    logits = 1.5 * (
        np.outer(q["origin_x"], np.cos(angles)) + np.outer(q["origin_y"], np.sin(angles))
    )
    origin = np.exp(logits)
    origin /= origin.sum(1, keepdims=True)  # [n, 3] caucasian, african, asian
    return {
        "origin": origin,
        "male": _male(q),
        "old": 0.9 * gate(q["age"], 0.3, 2.0),
        "child": 0.5 * gate(-q["age"], 0.8, 2.2),
        "weight": 0.95 * np.tanh(0.75 * q["weight"]),
        "shape": np.tanh(0.7 * np.stack([q[f"shape{i}"] for i in range(SHAPES)], 1)),
    }


def _face(q: dict[str, Array]) -> dict[str, Array]:
    return {
        "smile": np.tanh(0.8 * q["smile"]),
        "jaw": gate(q["jaw"], -0.3, 1.7),
        "blink": gate(q["blink"], 0.45, 1.25),
        "wide": gate(-q["blink"], 0.3, 1.8),
        "brow": np.tanh(0.8 * q["brow"]),
        "paint": gate(-q["sex"], 0.3, 1.6),
        "gaze": 0.34 * np.tanh(0.8 * q["gaze"]),
        "turn": 0.62 * np.tanh(0.75 * q["turn"]),
        "nod": 0.03 + 0.20 * np.tanh(0.6 * q["nod"]),
    }


def _hair(q: dict[str, Array]) -> dict[str, Array]:
    volume = gate(q["hair"], -1.3, -1.0)
    receding = gate(-q["hair"], -0.1, 0.8) * (0.2 + 0.8 * _male(q))
    return {
        "hair": volume,
        "fringe": gate(q["hair"], 0.1, 1.5) - receding,
        "curl": gate(q["curl"], -0.2, 1.6),
        "parting": np.tanh(0.9 * q["parting"]),
        "beard": gate(q["sex"], 0.4, 1.5) * gate(q["age"], -1.4, -0.4),
        "length": volume * gate(q["hair_length"], -0.3, 1.5),
        "top": volume * gate(q["hair_top"], -0.8, 2.0),
    }


def _material(q: dict[str, Array]) -> dict[str, Array]:
    x, y = q["material_x"], q["material_y"]
    logits = 6.0 * np.stack([0.45 + 0 * x, y - 0.35, -0.8 * y + x - 0.75, -0.8 * y - x - 0.75], 1)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    return {"material": weights}


def _light(q: dict[str, Array]) -> dict[str, Array]:
    hx, hy = q["hue_x"], q["hue_y"]
    turn = np.pi * (0.75 + 0.25 * np.tanh(q["accent"]))  # the accent's hue: 90 to 180 degrees off
    ax, ay = (
        1.6 * (hx * np.cos(turn) - hy * np.sin(turn)),
        1.6 * (hx * np.sin(turn) + hy * np.cos(turn)),
    )
    azimuth, height = 0.95 * np.tanh(0.9 * q["key"]), 0.5
    key = np.stack(
        [
            np.sin(azimuth) * np.cos(height),
            0 * azimuth + np.sin(height),
            np.cos(azimuth) * np.cos(height),
        ],
        1,
    )
    rim = np.stack([-np.tanh(2.2 * q["key"]), 0 * azimuth + 0.45, 0 * azimuth - 0.55], 1)
    one = np.ones_like(hx)
    body = _body(q)
    accent = colour(ax, ay, one)
    tone = np.clip(body["origin"] @ np.array([0.84, 0.10, 0.58]), 0.03, 0.97)
    shade = np.clip(q["hair_shade"] + 1.6 * (body["old"] - 0.05), -2, 2.2)
    hair = ramp(shade, [-0.9, -0.1, 0.6, 1.3, 2.1], HAIR)
    warm = np.array([[1.0, 0.90, 0.78]]) * one[:, None]
    return {
        "key": key,
        "key_colour": 2.1 * mix(warm, colour(0.8 * hx, 0.8 * hy, one), 0.22 * one),
        "rim": rim / np.linalg.norm(rim, axis=1, keepdims=True),
        "rim_colour": colour(ax, ay, 4.5 * gate(q["rim"], -1.8, 1.8)),
        "accent": accent,
        "backdrop": colour(hx, hy, 0.03 + 0.42 * gate(q["backdrop"], -1.2, 2.2)),
        "ambient": colour(0.8 * hx, 0.8 * hy, 0.13 + 0.20 * gate(q["backdrop"], -1.2, 2.2)),
        "skin": ramp(tone, [0, 0.3, 0.7, 1], SKIN),
        "hair_colour": mix(
            hair, mix(accent, 0 * accent + 0.5, 0.1 * one) * 0.6, gate(q["hair_dye"], 0.3, 1.2)
        ),
        "iris": ramp(
            shade + 0.5 * (tone - 0.5),
            [-1, 0, 0.7, 2],
            ([0.06, 0.12, 0.12, 0.12], [0.03, 0.07, 0.2, 0.3], [0.02, 0.03, 0.1, 0.45]),
        ),
        "lips": mix(
            np.array([[0.55, 0.09, 0.10]]) * one[:, None],
            accent * 0.6,
            0.5 * gate(q["hair_dye"], 0.3, 1.2),
        ),
    }


def features(p: NDArray[np.floating]) -> NDArray[np.float32]:
    """What a picture depends on, as numbers [n, k]: the described values, colours in gamma space,
    sines of the angles, and the products of light and surface that the eye sees."""
    d = describe(p)
    signed = ("male", "old", "child", "weight", "shape", "smile", "jaw", "blink", "wide", "brow")
    worn = ("hair", "length", "top", "fringe", "curl", "parting", "beard", "paint")
    plain = (*signed, "gaze", "turn", "nod", *worn, "material")
    columns = [d[name].reshape(len(p), -1) for name in (*plain, "origin", "key", "rim")]
    turn, azimuth = d["turn"], np.arctan2(d["key"][:, 0], d["key"][:, 2])
    columns.append(np.stack([np.cos(turn) * 3, np.sin(2 * turn), np.sin(azimuth - turn)], 1))
    columns.append(np.stack([np.cos(azimuth - turn), turn * d["nod"], turn * d["gaze"]], 1))
    columns.append(
        np.stack([d["old"] * d["male"], d["jaw"] * d["smile"], d["top"] * d["length"]], 1)
    )
    for name in (
        "key_colour",
        "rim_colour",
        "accent",
        "backdrop",
        "ambient",
        "skin",
        "hair_colour",
        "lips",
    ):
        columns.append(d[name] ** (1 / 2.2))
    skin, marble, chrome, neon = d["material"].T[:, :, None]
    for light in ("key_colour", "ambient"):
        columns.append((d["skin"] * d[light] * skin + d[light] * 0.7 * marble) ** (1 / 2.2))
        columns.append((d["hair_colour"] * d[light] * skin * d["hair"][:, None]) ** (1 / 2.2))
    columns.append((d["accent"] * neon) ** (1 / 2.2))
    columns.append((d["backdrop"] * chrome) ** (1 / 2.2))
    columns.append((d["rim_colour"] * chrome) ** (1 / 2.2))
    return np.concatenate(columns, 1).astype(np.float32)


_REFERENCE = features(draw(42, 20000))
_MEAN, _SPREAD = _REFERENCE.mean(0), _REFERENCE.std(0) + 1e-3


def embed(p: NDArray[np.floating]) -> NDArray[np.float32]:
    """``features`` with mean 0 and deviation 1 over all sitters, [n, k]."""
    return np.asarray(np.clip((features(p) - _MEAN) / _SPREAD, -5, 5), np.float32)
