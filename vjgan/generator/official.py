"""StyleGAN2 from the PyTorch code of StyleGAN2-ADA (Karras et al. 2020b) and of StyleGAN3 (2021),
whose checkpoints hold modules rather than tensors: ``mapping.fc0``, ``synthesis.b4.conv1``, ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from vjgan.generator.arrays import widened
from vjgan.generator.layout import (
    Array,
    Arrays,
    Source,
    gather,
    layers,
    resolution,
    shape,
    taps,
    width,
)
from vjgan.generator.records import Record, RefusedError, quoted
from vjgan.generator.stylegan2 import BILINEAR, StyleGAN2Config

BLOCK = re.compile(r"synthesis\.b(\d{1,5})\.conv1\.weight")
LAYERS = {"up": "conv0", "conv": "conv1", "rgb": "torgb", "shortcut": "skip"}
LEAVES = {
    "up": ("affine.weight", "affine.bias", "weight", "bias"),
    "conv": ("affine.weight", "affine.bias", "weight", "bias"),
    "rgb": ("affine.weight", "affine.bias", "weight", "bias"),
    "shortcut": ("weight",),
}
DEPTH = 12  # of modules in modules

Settings = Mapping[str, Mapping[str, Any]]  # by the name of the module, "" for the whole


def flatten(module: Record) -> tuple[dict[str, Array], dict[str, dict[str, Any]]]:
    """The tensors of a module and of all in it by their dotted names, and what else each module
    has, by its own. Raises RefusedError."""
    arrays: dict[str, Array] = {}
    settings: dict[str, dict[str, Any]] = {}
    _walk(module, "", arrays, settings)
    return arrays, settings


def _walk(
    module: Record, name: str, arrays: dict[str, Array], settings: dict[str, dict[str, Any]]
) -> None:
    if name.count(".") > DEPTH:
        raise RefusedError(f"has modules in modules, {DEPTH} deep")
    state = module.state if isinstance(module.state, dict) else {}
    settings[name] = {key: value for key, value in state.items() if isinstance(key, str)}
    for kind in ("_parameters", "_buffers"):
        for key, value in _entries(module, kind):
            if isinstance(value, np.ndarray):
                arrays[_join(name, key)] = widened(value)
    for key, value in _entries(module, "_modules"):
        if isinstance(value, Record):
            _walk(value, _join(name, key), arrays, settings)


def _entries(module: Record, kind: str) -> list[tuple[str, object]]:
    entries = module.get(kind)
    if not isinstance(entries, dict):
        return []
    return [(key, value) for key, value in entries.items() if isinstance(key, str)]


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def convert(arrays: Arrays, settings: Settings) -> tuple[StyleGAN2Config, dict[str, Array]]:
    """The config and our tensors of a generator. Raises RefusedError."""
    config = _config(arrays, settings)
    if "mapping.w_avg" not in arrays:  # a generator that never kept one
        arrays = {**arrays, "mapping.w_avg": np.zeros(config.w_dim, np.float32)}
    sources = {"mapping.w_mean": Source("mapping.w_avg")}
    for leaf in ("weight", "bias"):
        sources[f"mapping.embed.{leaf}"] = Source(f"mapping.embed.{leaf}")
        for k in range(config.mapping_layers):
            sources[f"mapping.layers.{k}.{leaf}"] = Source(f"mapping.fc{k}.{leaf}")
    for layer in layers(config):
        theirs = f"synthesis.b{layer.size}.{LAYERS[layer.kind]}"
        for leaf in LEAVES[layer.kind]:
            sources[f"{layer.name}.{leaf}"] = Source(f"{theirs}.{leaf}")
        if config.noise and layer.kind in ("up", "conv"):
            sources[f"{layer.name}.noise"] = Source(f"{theirs}.noise_const")
            sources[f"{layer.name}.noise_strength"] = Source(f"{theirs}.noise_strength")
    sources["synthesis.const"] = Source("synthesis.b4.const")
    return config, gather(config, arrays, sources, ignored=("resample_filter",))


def _config(arrays: Arrays, settings: Settings) -> StyleGAN2Config:
    side = resolution(int(match[1]) for name in arrays if (match := BLOCK.fullmatch(name)))
    sizes = [2**k for k in range(2, side.bit_length())]
    depth = sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in arrays)
    first, last = (shape(arrays, f"mapping.fc{k}.weight", 2) for k in (0, max(0, depth - 1)))
    embed = shape(arrays, "mapping.embed.weight", 2) if "mapping.embed.weight" in arrays else (0, 0)
    return StyleGAN2Config(
        resolution=side,
        z_dim=first[1] - embed[0],
        w_dim=last[0],
        c_dim=embed[1],
        img_channels=shape(arrays, f"synthesis.b{side}.torgb.weight", 4)[0],
        mapping_layers=depth,
        mapping_width=first[0] if depth > 1 and first[0] != last[0] else 0,
        mapping_lr=float(setting(settings, "mapping.fc0", "bias_gain", 0.01)),
        embed_dim=embed[0] if embed[0] != last[0] else 0,
        architecture=_architecture(arrays),
        noise="synthesis.b4.conv1.noise_strength" in arrays,
        clamp=_checked(settings),
        filter=taps(arrays.get("synthesis.b8.conv0.resample_filter", np.array(BILINEAR))),
        **width(sizes, (shape(arrays, f"synthesis.b{r}.conv1.weight", 4)[0] for r in sizes)),
    )


def _architecture(arrays: Arrays) -> str:
    if "synthesis.b8.skip.weight" in arrays:
        return "resnet"
    return "skip" if "synthesis.b4.torgb.weight" in arrays else "orig"


def _checked(settings: Settings) -> float:
    """The bound on activations, 0 for none, where all layers agree on it and on leaky ReLUs."""
    bounds = set()
    for name, state in settings.items():
        if not re.fullmatch(r"synthesis\.b\d+\.conv[01]|mapping\.fc\d+", name):
            continue
        activation = state.get("activation", "lrelu")
        if activation != "lrelu":
            raise RefusedError(f"has the activation {quoted(activation)}; 'lrelu' is known")
        if name.startswith("synthesis."):
            bounds.add(setting(settings, name, "conv_clamp", 0.0))
    if len(bounds) > 1:
        raise RefusedError("bounds the activations of its layers differently")
    return bounds.pop() if bounds else 0.0


def setting(settings: Settings, module: str, key: str, default: float) -> float:
    """One number of a module's, ``default`` where it has none. Raises RefusedError."""
    value = settings.get(module, {}).get(key)
    if value is None:
        return default
    if isinstance(value, np.ndarray | np.generic) and value.size == 1:
        value = value.item()
    if type(value) not in (int, float) or not np.isfinite(value):
        raise RefusedError(f"has {key} {quoted(value)} in '{module}', which is not a number")
    return float(value)
