"""StyleGAN2 from rosinality's PyTorch code, and the many that grew out of it: a dict with
``latent_avg`` and the tensors ``g_ema`` (``style.1.weight``, ``convs.0.conv.weight``, ...)."""

from __future__ import annotations

import re

import numpy as np
import torch

from vjgan.generator.layout import (
    Array,
    Arrays,
    Layer,
    Source,
    gather,
    layers,
    plane,
    resolution,
    shape,
    taps,
    width,
)
from vjgan.generator.stylegan2 import BILINEAR, Mapping, StyleGAN2Config

DRAWS = 10_000  # of w, whose mean takes the place of one that a file lacks
MEAN = "latent_avg"


def is_generator(arrays: Arrays) -> bool:
    """Whether tensors are named as this code names those of a generator."""
    return "input.input" in arrays and "style.1.weight" in arrays


def _first(array: Array) -> Array:
    """[1, ...] -> [...]."""
    return array.reshape(array.shape[1:])


def _flat(array: Array) -> Array:
    return array.reshape(-1)


def _scalar(array: Array) -> Array:
    return array.reshape(())


def convert(arrays: Arrays, mean: Array | None) -> tuple[StyleGAN2Config, dict[str, Array]]:
    """The config and our tensors of a generator; ``mean`` [w_dim] is the mean of w, found anew
    without one. Raises RefusedError."""
    config = _config(arrays)
    arrays = {**_noises(config), **arrays}
    arrays[MEAN] = np.zeros(config.w_dim, np.float32) if mean is None else mean.reshape(-1)
    sources = {"mapping.w_mean": Source(MEAN), "synthesis.const": Source("input.input", _first)}
    for k in range(config.mapping_layers):
        for leaf in ("weight", "bias"):
            sources[f"mapping.layers.{k}.{leaf}"] = Source(f"style.{k + 1}.{leaf}")
    for layer in layers(config):
        theirs = _name(layer)
        for leaf in ("weight", "bias"):
            modulation = Source(f"{theirs}.conv.modulation.{leaf}")
            sources[f"{layer.name}.affine.{leaf}"] = modulation
        sources[f"{layer.name}.weight"] = Source(f"{theirs}.conv.weight", _first)
        if layer.kind == "rgb":
            sources[f"{layer.name}.bias"] = Source(f"{theirs}.bias", _flat)
            continue
        sources[f"{layer.name}.bias"] = Source(f"{theirs}.activate.bias")
        sources[f"{layer.name}.noise"] = Source(f"noises.noise_{layer.number}", plane)
        sources[f"{layer.name}.noise_strength"] = Source(f"{theirs}.noise.weight", _scalar)
    tensors = gather(config, arrays, sources, ignored=(".kernel",))
    if mean is None:
        tensors["mapping.w_mean"] = _mean(config, tensors)
    return config, tensors


def _name(layer: Layer) -> str:
    if layer.kind == "rgb":
        return f"to_rgbs.{layer.number - 1}" if layer.number else "to_rgb1"
    return f"convs.{layer.number - 1}" if layer.number else "conv1"


def _config(arrays: Arrays) -> StyleGAN2Config:
    colours = [int(m[1]) for name in arrays if (m := re.fullmatch(r"to_rgbs\.(\d+)\.bias", name))]
    side = resolution([4, *(2 ** min(k + 3, 30) for k in colours)])
    sizes = [2**k for k in range(2, side.bit_length())]
    depth = sum(bool(re.fullmatch(r"style\.\d+\.weight", name)) for name in arrays)
    w_dim, z_dim = shape(arrays, "style.1.weight", 2)
    convs = ["conv1", *(f"convs.{2 * k + 1}" for k in range(len(sizes) - 1))]
    return StyleGAN2Config(
        resolution=side,
        z_dim=z_dim,
        w_dim=w_dim,
        img_channels=shape(arrays, "to_rgb1.bias", 4)[1],
        mapping_layers=depth,
        filter=taps(arrays.get("convs.0.conv.blur.kernel", np.array(BILINEAR))),
        **width(sizes, (shape(arrays, f"{name}.conv.weight", 5)[1] for name in convs)),
    )


def _noises(config: StyleGAN2Config) -> dict[str, Array]:
    """Seeded noise, for the files of early versions that hold none."""
    random = np.random.default_rng(0)
    return {
        f"noises.noise_{layer.number}": random.standard_normal(
            (1, 1, layer.size, layer.size), np.float32
        )
        for layer in layers(config)
        if layer.kind != "rgb"
    }


@torch.no_grad()
def _mean(config: StyleGAN2Config, tensors: dict[str, Array]) -> Array:
    mapping = Mapping(config)
    own = {key.removeprefix("mapping."): value for key, value in tensors.items()}
    mapping.load_state_dict(
        {key: torch.from_numpy(own[key].copy()) for key in mapping.state_dict()}
    )
    z = np.random.default_rng(0).standard_normal((DRAWS, config.z_dim), np.float32)
    mean: Array = mapping(torch.from_numpy(z)).mean(0).numpy()
    return mean
