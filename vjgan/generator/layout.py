"""How other code names and shapes the tensors of a StyleGAN2, brought into vjgan's own naming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vjgan.generator.records import RefusedError, quoted
from vjgan.generator.stylegan2 import BILINEAR, StyleGAN2, StyleGAN2Config

Array = NDArray[Any]
Arrays = Mapping[str, Array]

SIDES = range(2, 12)  # log2 of the resolutions: 4 to 2048
MOST_TAPS = 12  # of a resampling filter


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor comes from: its name in the file, and what makes it ours."""

    name: str
    make: Callable[[Array], Array] = np.asarray


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the synthesis: our name for it, its kind ("up", "conv", "rgb" or "shortcut"), the
    resolution that it gives, and its number among the convolutions or the colours."""

    name: str
    kind: str
    size: int
    number: int


def layers(config: StyleGAN2Config) -> list[Layer]:
    """The layers of a synthesis, from 4x4 up."""
    found = []
    for k, size in enumerate(config.sizes):
        if k:
            found.append(Layer(f"synthesis.convs.{2 * k - 1}", "up", size, 2 * k - 1))
        found.append(Layer(f"synthesis.convs.{2 * k}", "conv", size, 2 * k))
        if k and config.architecture == "resnet":
            found.append(Layer(f"synthesis.shortcuts.{k - 1}", "shortcut", size, k - 1))
        if config.architecture == "skip":
            found.append(Layer(f"synthesis.to_rgb.{k}", "rgb", size, k))
    if config.architecture != "skip":
        found.append(Layer("synthesis.to_rgb.0", "rgb", config.resolution, 0))
    return found


def gather(
    config: StyleGAN2Config,
    arrays: Arrays,
    sources: Mapping[str, Source],
    ignored: Iterable[str] = (),
) -> dict[str, Array]:
    """Our tensors out of a file's ``arrays``; ``ignored`` ends the names of what has no use here.
    Raises RefusedError for what is missing, of another shape, or unknown."""
    with torch.device("meta"):
        wanted = StyleGAN2(config).state_dict()
    gathered = {}
    for ours, value in wanted.items():
        source = sources[ours]
        if source.name not in arrays:
            raise RefusedError(f"lacks the tensor {quoted(source.name)} of a StyleGAN2")
        array = _made(source, arrays[source.name])
        if array.shape != tuple(value.shape):
            raise RefusedError(
                f"has a tensor {quoted(source.name)} of shape {list(array.shape)}, "
                f"where its other tensors want {list(value.shape)}"
            )
        gathered[ours] = np.asarray(array, np.float32)
    known = {source.name for source in sources.values()}
    for name in arrays:
        if name not in known and not name.endswith(tuple(ignored)):
            raise RefusedError(f"has a tensor {quoted(name)}, which no StyleGAN2 has")
    return gathered


def _made(source: Source, array: Array) -> Array:
    try:
        return source.make(array)
    except (ValueError, IndexError):
        shape = list(array.shape)
        raise RefusedError(f"has a tensor {quoted(source.name)} of shape {shape}") from None


def plane(array: Array) -> Array:
    """[1, 1, r, r] -> [r, r]."""
    first: Array = array[0, 0]
    return first


def shape(arrays: Arrays, name: str, dims: int) -> tuple[int, ...]:
    """The shape of a tensor of so many dimensions. Raises RefusedError."""
    if name not in arrays:
        raise RefusedError(f"lacks the tensor {quoted(name)} of a StyleGAN2")
    found = arrays[name].shape
    if len(found) != dims or 0 in found:
        raise RefusedError(f"has a tensor {quoted(name)} of shape {list(found)}")
    return found


def resolution(sides: Iterable[int]) -> int:
    """The largest of a synthesis' resolutions, which must be 4, 8, 16, ... Raises RefusedError."""
    found = sorted(set(sides))
    if found not in [[2**k for k in range(2, top + 1)] for top in SIDES]:
        listed = ", ".join(map(str, found[:12])) or "none"
        raise RefusedError(
            f"has layers at {listed} pixels; a StyleGAN2 has them at each power of two from 4 to "
            f"{2 ** SIDES[0]}..{2 ** SIDES[-1]}"
        )
    return found[-1]


def width(config_sizes: Iterable[int], channels: Iterable[int]) -> dict[str, Any]:
    """What a config says of the ``channels`` at each size: a base and a bound where they follow
    that rule, else a list."""
    sizes, widths = list(config_sizes), tuple(channels)
    base, most = sizes[-1] * widths[-1], max(widths)
    if widths == tuple(min(base // size, most) for size in sizes):
        return {"channel_base": base, "channel_max": most}
    return {"channel_base": base, "channel_max": most, "widths": widths}


def taps(filter_: Array) -> tuple[float, ...]:
    """A resampling filter [n] or [n, n] as one for each axis. Raises RefusedError."""
    row = np.asarray(filter_, np.float64)
    if row.ndim == 2 and row.shape[0] == row.shape[1]:
        plane, row = row, row.sum(0)
        if not np.allclose(np.outer(row, row) / (row.sum() or 1.0), plane, atol=1e-6):
            raise RefusedError("smooths by a filter that differs along its two axes")
    total = row.sum()
    if row.ndim != 1 or not 1 <= len(row) <= MOST_TAPS or not np.isfinite(total) or total == 0.0:
        raise RefusedError(f"smooths by a filter of shape {list(filter_.shape)}")
    row = row * (8.0 / total)
    if len(row) == 4 and np.allclose(row, BILINEAR, atol=1e-5):
        return BILINEAR
    return tuple(float(value) for value in row)
