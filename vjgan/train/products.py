"""What a portrait depends on beyond each value on its own: where a turned head puts its features,
and what light makes of what it falls on. A network finds such products slowly by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vjgan.train import sitter
from vjgan.train.sitter import Array

draw = sitter.draw
GAMMA = 1 / 2.2
BRIGHTNESS = (1.0, 0.7, 0.4)  # of skin's own colour, of marble's and chrome's white


def products(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """Products [n, k] of what vectors p [n, 32] say."""
    d = sitter.describe(p)
    return np.concatenate([_places(d), _lights(d)], 1)


def _places(d: dict[str, Array]) -> Array:
    """The pose times everything that has a place in the face."""
    built = ("weight", "male", "old", "child", "jaw", "smile", "gaze")
    worn = ("hair", "length", "top", "fringe", "curl", "parting", "beard")
    names = (*built, *worn)
    face = np.stack([d[name] for name in (*names, "turn", "nod")], 1)
    face = np.concatenate([face, d["origin"], d["shape"]], 1)
    turn, nod = d["turn"][:, None], d["nod"][:, None]
    return np.concatenate([turn * face, nod * face, np.sin(3 * turn), np.cos(2 * turn)], 1)


def _lights(d: dict[str, Array]) -> Array:
    """Where lights fall on the face, times their colours and its own."""
    turn, rim = d["turn"][:, None], d["rim"][:, :1]
    azimuth = np.arctan2(d["key"][:, 0], d["key"][:, 2])[:, None]
    across, along = np.sin(azimuth - turn), np.cos(azimuth - turn)
    seen = {name: d[name] ** GAMMA for name in ("key_colour", "rim_colour", "accent", "ambient")}
    backdrop, hair = d["backdrop"] ** GAMMA, d["hair_colour"] ** GAMMA
    skin, marble, chrome = (
        share * d["material"][:, k : k + 1] for k, share in enumerate(BRIGHTNESS)
    )
    surface = d["skin"] * skin + marble + chrome
    lit = (surface * d["key_colour"]) ** GAMMA
    columns = [
        rows * colour
        for rows in (across, along, across**2, np.sin(azimuth))
        for colour in (lit, seen["key_colour"])
    ]
    columns += [
        seen["rim_colour"] * rim,
        (surface * d["rim_colour"]) ** GAMMA * rim,
        hair * d["length"][:, None],
        hair * d["top"][:, None],
        hair * d["fringe"][:, None],
        hair * d["beard"][:, None],
        hair * d["curl"][:, None],
        backdrop * turn,
        lit * turn,
    ]
    materials = d["material"][:, :, None]  # [n, 4, 1]
    for colour in (*seen.values(), backdrop):
        columns.append((materials * colour[:, None, :]).reshape(len(colour), -1))
    return np.concatenate(columns, 1)


_REFERENCE = products(sitter.draw(43, 20000))
_MEAN, _SPREAD = _REFERENCE.mean(0), _REFERENCE.std(0) + 1e-3


def embed(p: NDArray[np.floating]) -> NDArray[np.float32]:
    """``sitter.embed`` and `products` with mean 0 and deviation 1 over all sitters, [n, k]."""
    standard = np.clip((products(p) - _MEAN) / _SPREAD, -5, 5)
    return np.concatenate([sitter.embed(p), standard], 1).astype(np.float32)
