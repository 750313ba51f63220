"""One network of the layers of two (Pinkney and Adler 2020, "Resolution Dependent GAN
Interpolation"): the shapes of the one, the surfaces of the other."""

from __future__ import annotations

import math
import re
from dataclasses import fields

import torch

from vjgan.errors import ModelError
from vjgan.generator.metadata import Network
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.stylegan3 import StyleGAN3

# What may differ: the mapping is not blended.
OF_MAPPING = {"z_dim", "c_dim", "mapping_layers", "mapping_width", "mapping_lr", "embed_dim"}
_PLACE = re.compile(r"synthesis\.(\w+)(?:\.(\d+))?\.?")


def blend(low: Network, high: Network, resolution: int, octaves: float = 0.0) -> Network:
    """The network ``low``, its mapping too, with the layers of ``high`` from ``resolution`` on.

    ``octaves`` is how wide the passage is; with 2, the layers on either side of it are a quarter
    and three quarters ``high``. Raises ModelError when their shapes differ."""
    _check_alike(low, high)
    own, theirs = low.state_dict(), high.state_dict()
    sizes = sorted({size(low, key) for key in own} - {0})
    if resolution not in sizes:
        listed = ", ".join(map(str, sizes))
        raise ModelError(f"resolution {resolution} is not one of the models'; there are: {listed}")
    tensors = {}
    for key, value in own.items():
        part = share(size(low, key), resolution, octaves)
        mixed = torch.lerp(value.float(), theirs[key].float(), part) if part else value.float()
        tensors[key] = mixed
    if isinstance(low, StyleGAN2):
        return StyleGAN2.of(low.config, tensors)
    return StyleGAN3.of(low.config, tensors)


def share(size: int, resolution: int, octaves: float) -> float:
    """How much of the second network is taken at a resolution, 0..1: none of it below
    ``resolution`` and all from there on, or a rise around that place, ``octaves`` wide."""
    if size == 0:
        return 0.0
    above = math.log2(size / resolution) + 0.5  # octaves above the place between two layers
    return min(1.0, max(0.0, above / max(octaves, 0.5) + 0.5))


def size(network: Network, key: str) -> int:
    """The resolution at which a tensor of the state dict works; 0 for the mapping's."""
    found = _PLACE.match(key)
    if found is None:
        return 0
    part, number = found[1], int(found[2] or 0)
    if isinstance(network, StyleGAN3):
        # The waves work at the first layer's.
        return network.config.layers()[number].rate_out
    sizes = network.config.sizes
    if part == "convs":
        return sizes[(number + 1) // 2]
    if part == "shortcuts":
        return sizes[number + 1]
    if part == "to_rgb":
        return sizes[number - len(network.synthesis.to_rgb)]
    return sizes[0]


def _check_alike(low: Network, high: Network) -> None:
    if type(low) is not type(high):
        kinds = f"{type(low).__name__} and {type(high).__name__}"
        raise ModelError(f"models of different kinds have no layers to exchange: {kinds}")
    differ = [
        f"{field.name} {one!r} and {other!r}"
        for field in fields(low.config)
        if field.name not in OF_MAPPING
        and (one := getattr(low.config, field.name)) != (other := getattr(high.config, field.name))
    ]
    if differ:
        raise ModelError(f"models of different shapes have no layers to exchange: {differ[0]}")
