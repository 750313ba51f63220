"""What ``vjgan model`` finds in models and makes of them: directions, and blends of two."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vjgan.assets import folder
from vjgan.errors import ModelError, VjganError
from vjgan.files import check_apart
from vjgan.generator.blend import blend
from vjgan.generator.checkpoint import find_model, info, load, model_file, save, save_again
from vjgan.generator.directions import METHODS, SAMPLES, find_directions, sample
from vjgan.generator.metadata import DIRECTION
from vjgan.generator.player import make_space

MOST = 100  # directions found at once


def add_directions(
    model: str,
    output: Path | None,
    method: str = "sefa",
    count: int = 10,
    layers: str = "",
    names: str = "",
) -> list[str]:
    """Find directions, write the model with them to ``output`` if there is one, and say what was
    found. ``layers`` such as 4-7 restricts them; ``names``, with commas, are theirs in order
    (else sefa1, sefa2, ...). Those that the model has under other names stay. Raises VjganError."""
    if method not in METHODS:
        raise VjganError(f"--method '{method}' is not one of {', '.join(METHODS)}")
    if not 1 <= count <= MOST:
        raise VjganError(f"--count {count} is outside 1..{MOST}")
    checkpoint = load(find_model(model, folder("models")))
    space = make_space(checkpoint.network)
    chosen = _layers(layers, space.num_ws)
    found = find_directions(method, checkpoint.network, space, count, chosen)
    given = [name.strip() for name in names.split(",")] if names else []
    if len(given) > len(found):
        raise VjganError(f"--names has {len(given)} names, but there are {len(found)} directions")
    if wrong := [name for name in given if not DIRECTION.fullmatch(f"direction.{name}")]:
        raise VjganError(f"--names '{wrong[0]}' must be up to 64 letters, digits, _ or -")
    if len(set(given)) < len(given):
        raise VjganError(f"--names '{names}' names one twice; each direction needs its own")
    labels = [*given, *list(found)[len(given) :]]
    named = dict(zip(labels, found.values(), strict=True))
    if output is not None:
        save_again(output, checkpoint, {**checkpoint.directions, **named})
    whole = float(sample(space, SAMPLES[method]).var(0).sum())
    return [
        f"direction.{name:<20} {np.square(way).sum(-1).max() / whole:6.2%} of the variance of w"
        for name, way in named.items()
    ]


def blend_models(
    low: str, high: str, resolution: int, output: Path, octaves: float = 0.0
) -> list[str]:
    """Write the blend of two models' layers, and say what it is. Raises ModelError."""
    model_file(output)
    one, other = (load(find_model(name, folder("models"))) for name in (low, high))
    check_apart("model", output, [one.info.path, other.info.path], ModelError)
    network = blend(one.network, other.network, resolution, octaves)
    licences = dict.fromkeys(c.info.licence or "not recorded" for c in (one, other))
    save(
        model_file(output),
        network,
        name=output.stem,
        licence="; ".join(licences),
        origin=f"{one.info.name}, from {resolution} pixels on {other.info.name} "
        f"(SHA-256 {one.info.sha256[:16]}, {other.info.sha256[:16]})",
        trained=one.info.trained and other.info.trained,
        description=f"The layers of {one.info.name} and {other.info.name}, blended.",
        directions=one.directions,
        half=False,
    )
    return info(output).lines()


def _layers(text: str, num_ws: int) -> range | None:
    """The layers that ``4-7`` or ``4`` names; None for all."""
    if not text:
        return None
    first, _, last = text.partition("-")
    if first.isdecimal() and (last or first).isdecimal():
        layers = range(int(first), int(last or first) + 1)
        if len(layers) and layers[-1] < num_ws:
            return layers
    raise VjganError(f"--layers '{text}' is not a range such as 4-7 within 0-{num_ws - 1}")
