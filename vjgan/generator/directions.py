"""Ways through w that mean something, found without labels.

SeFa: the directions in which the styles change most, the eigenvectors of the style weights (Shen
and Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs"). PCA: those in which w
itself varies most (Haerkoenen et al. 2020, "GANSpace").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from vjgan.errors import ModelError
from vjgan.generator.space import Space
from vjgan.types import FloatArray

Array = NDArray[np.float64]

COUNT = 8  # found for a model that has none stored: as many as there are controls
SAMPLES = {"sefa": 1024, "pca": 8192}  # of w; SeFa needs them for the standard deviation only
BATCHES = 8  # of samples, each of another class
METHODS = tuple(SAMPLES)


def find_directions(
    method: str,
    network: nn.Module,
    space: Space,
    count: int = COUNT,
    layers: range | None = None,
) -> Mapping[str, FloatArray]:
    """The ``count`` strongest directions by ``sefa`` or ``pca`` as ``sefa1``, ``sefa2``, ...: each
    [w_dim], one standard deviation of w long; with ``layers`` [num_ws, w_dim], zero elsewhere, and
    SeFa then looks at the weights of these layers only."""
    w = sample(space, SAMPLES[method])  # [samples, w_dim]
    rows = w if method == "pca" else style_weights(network, layers)
    axes = (pca if method == "pca" else sefa)(rows, count)  # [count, w_dim]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    axes *= ((w - w.mean(0)) @ axes.T).std(0)[:, None]
    found = axes.astype(np.float32)
    return {f"{method}{k}": _spread(axis, space, layers) for k, axis in enumerate(found, 1)}


def in_order(directions: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
    """Directions by name, with ``pca2`` before ``pca10``: files do not keep their order."""
    return {name: directions[name] for name in sorted(directions, key=_natural)}


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def sefa(weights: Array, count: int) -> Array:
    """The unit vectors n [count, w_dim] that make |weights @ n| largest, each at right angles to
    those before it; ``weights`` [styles, w_dim]."""
    _, vectors = np.linalg.eigh(weights.T @ weights)  # ascending
    return np.ascontiguousarray(vectors.T[::-1][:count])


def pca(w: Array, count: int) -> Array:
    """The principal axes [count, w_dim] of w [n, w_dim], unit vectors, the widest first."""
    centred = w - w.mean(0)
    _, vectors = np.linalg.eigh(centred.T @ centred)  # ascending
    return np.ascontiguousarray(vectors.T[::-1][:count])


def sample(space: Space, count: int) -> Array:
    """Random w [count, w_dim], spread over the classes where there are some."""
    z = np.random.RandomState(0).standard_normal((count, space.z_dim)).astype(np.float32)
    labels = np.linspace(0, space.classes - 1, BATCHES).astype(int).tolist()
    parts = [
        space.map(part, label if space.classes else None)
        for part, label in zip(np.array_split(z, BATCHES), labels, strict=True)
    ]
    return np.concatenate(parts).astype(np.float64)


def style_weights(network: nn.Module, layers: range | None = None) -> Array:
    """The weights that make the convolutions' styles from w, all below each other [styles,
    w_dim]; with ``layers`` only those that take the w of these."""
    synthesis: Any = network.synthesis
    # In a StyleGAN3 the first w goes to the input waves.
    first, convs = (0, synthesis.convs) if hasattr(synthesis, "convs") else (1, synthesis.layers)
    affines = [conv.affine for k, conv in enumerate(convs, first) if layers is None or k in layers]
    if not affines:
        asked, last = ", ".join(map(str, layers or ())), first + len(convs) - 1
        raise ModelError(f"these layers have no convolution: {asked}; {first}-{last} have")
    rows = [(one.weight * one.weight_gain).detach().cpu().double().numpy() for one in affines]
    return np.concatenate(rows)


def _spread(axis: FloatArray, space: Space, layers: range | None) -> FloatArray:
    if layers is None:
        return axis
    ways = np.zeros((space.num_ws, space.w_dim), np.float32)
    ways[layers.start : layers.stop] = axis
    return ways
