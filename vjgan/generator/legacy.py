"""StyleGAN2 from the TensorFlow code (Karras et al. 2020a, 2020b): networks of named variables,
such as ``64x64/Conv0_up/mod_weight``, in a pickle of ``dnnlib.tflib.network.Network`` records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vjgan.generator.layout import (
    Array,
    Arrays,
    Source,
    gather,
    layers,
    plane,
    resolution,
    shape,
    taps,
    width,
)
from vjgan.generator.official import setting
from vjgan.generator.records import Record, RefusedError, quoted
from vjgan.generator.stylegan2 import StyleGAN2Config

CONV = re.compile(r"synthesis/(\d{1,5})x(\d{1,5})/Conv[1]?/weight")
LRELU = ("nonlinearity", "mapping_nonlinearity", "act", "activation")
USELESS = ("lod", "pl_mean_var")  # of training


def _turned(array: Array) -> Array:
    """[in, out] -> [out, in]."""
    return np.transpose(array, (1, 0))


def _kernel(array: Array) -> Array:
    """[height, width, in, out] -> [out, in, height, width]."""
    return np.transpose(array, (3, 2, 0, 1))


def _up_kernel(array: Array) -> Array:
    """The same turned around: there doubling is a convolution over zeros, here its transpose."""
    return _kernel(array)[:, :, ::-1, ::-1]


def _one_more(array: Array) -> Array:
    """Styles are stored there without the 1 around which they lie."""
    return np.add(array, 1.0, dtype=np.float32)


KINDS: Mapping[str, Callable[[Array], Array]] = {
    "up": _up_kernel, "conv": _kernel, "rgb": _kernel, "shortcut": _up_kernel,
}  # fmt: skip


def is_network(value: object) -> bool:
    """Whether a record stands for a network of the TensorFlow code."""
    return (
        isinstance(value, Record)
        and value.name == "Network"
        and value.module.endswith("tflib.network")
    )


def flatten(network: Record) -> tuple[dict[str, Array], dict[str, Any]]:
    """The variables of a network and of its components, by ``component/name``, and the arguments
    that they were built with. Raises RefusedError."""
    arrays: dict[str, Array] = {}
    arguments: dict[str, Any] = {}
    components = network.get("components")
    parts = {"": network}
    if isinstance(components, dict):
        parts |= {
            f"{name}/": part
            for name, part in components.items()
            if isinstance(part, Record) and isinstance(name, str)
        }
    for prefix, part in parts.items():
        given = part.get("static_kwargs")
        if isinstance(given, dict):
            arguments |= {key: value for key, value in given.items() if isinstance(key, str)}
        arrays |= {prefix + name: value for name, value in _variables(part)}
    return arrays, arguments


def _variables(part: Record) -> list[tuple[str, Array]]:
    rows = part.get("variables")
    if not isinstance(rows, list):
        raise RefusedError("has a TensorFlow network without variables")
    found = []
    for row in rows:
        if not (isinstance(row, tuple) and len(row) == 2 and isinstance(row[0], str)):
            raise RefusedError("has a TensorFlow network whose variables have no names")
        found.append((row[0], np.asarray(row[1], np.float32)))
    return found


def convert(
    arrays: Arrays, arguments: Mapping[str, Any]
) -> tuple[StyleGAN2Config, dict[str, Array]]:
    """The config and our tensors of a generator. Raises RefusedError."""
    config = _config(arrays, arguments)
    sources = {"mapping.w_mean": Source("dlatent_avg")}
    sources["mapping.embed.weight"] = Source("mapping/LabelEmbed/weight", _turned)
    sources["mapping.embed.bias"] = Source("mapping/LabelEmbed/bias")
    for k in range(config.mapping_layers):
        sources[f"mapping.layers.{k}.weight"] = Source(f"mapping/Dense{k}/weight", _turned)
        sources[f"mapping.layers.{k}.bias"] = Source(f"mapping/Dense{k}/bias")
    sources["synthesis.const"] = Source("synthesis/4x4/Const/const", lambda array: array[0])
    for layer in layers(config):
        conv = "Conv" if layer.size == 4 else "Conv1"
        name = {"up": "Conv0_up", "conv": conv, "rgb": "ToRGB", "shortcut": "Skip"}[layer.kind]
        theirs = f"synthesis/{layer.size}x{layer.size}/{name}"
        sources[f"{layer.name}.weight"] = Source(f"{theirs}/weight", KINDS[layer.kind])
        if layer.kind == "shortcut":
            continue
        sources[f"{layer.name}.bias"] = Source(f"{theirs}/bias")
        sources[f"{layer.name}.affine.weight"] = Source(f"{theirs}/mod_weight", _turned)
        sources[f"{layer.name}.affine.bias"] = Source(f"{theirs}/mod_bias", _one_more)
        if config.noise and layer.kind != "rgb":
            sources[f"{layer.name}.noise"] = Source(f"synthesis/noise{layer.number}", plane)
            sources[f"{layer.name}.noise_strength"] = Source(f"{theirs}/noise_strength")
    noise = () if config.noise else tuple(f"noise{k}" for k in range(2 * len(config.sizes)))
    return config, gather(config, arrays, sources, ignored=(*USELESS, *noise))


def _config(arrays: Arrays, arguments: Mapping[str, Any]) -> StyleGAN2Config:
    if "mapping/LabelConcat/weight" in arrays:
        raise RefusedError("joins classes and z in the way of StyleGAN1, which is not known here")
    side = resolution(int(match[1]) for name in arrays if (match := CONV.fullmatch(name)))
    sizes = [2**k for k in range(2, side.bit_length())]
    depth = sum(bool(re.fullmatch(r"mapping/Dense\d+/weight", name)) for name in arrays)
    first, last = (shape(arrays, f"mapping/Dense{k}/weight", 2) for k in (0, max(0, depth - 1)))
    label = "mapping/LabelEmbed/weight"
    embed = shape(arrays, label, 2) if label in arrays else (0, 0)  # classes, features
    _check(arguments)
    convs = [f"synthesis/{r}x{r}/Conv{1 if r > 4 else ''}/weight" for r in sizes]
    everything = {"": dict(arguments)}
    return StyleGAN2Config(
        resolution=side,
        z_dim=first[0] - embed[1],
        w_dim=last[1],
        c_dim=embed[0],
        img_channels=shape(arrays, f"synthesis/{side}x{side}/ToRGB/weight", 4)[3],
        mapping_layers=depth,
        mapping_width=first[1] if depth > 1 and first[1] != last[1] else 0,
        mapping_lr=setting(everything, "", "mapping_lrmul", 0.01),
        embed_dim=embed[1] if embed[1] != last[1] else 0,
        architecture=_architecture(arrays),
        noise="synthesis/4x4/Conv/noise_strength" in arrays,
        clamp=setting(everything, "", "conv_clamp", 0.0),
        filter=taps(np.asarray(arguments.get("resample_kernel") or [1, 3, 3, 1], np.float64)),
        **width(sizes, (shape(arrays, name, 4)[3] for name in convs)),
    )


def _architecture(arrays: Arrays) -> str:
    if "synthesis/8x8/Skip/weight" in arrays:
        return "resnet"
    return "skip" if "synthesis/4x4/ToRGB/weight" in arrays else "orig"


def _check(arguments: Mapping[str, Any]) -> None:
    for key in LRELU:
        if arguments.get(key, "lrelu") != "lrelu":
            raise RefusedError(f"has the {key} {quoted(arguments[key])}; 'lrelu' is known")
    for key in ("normalize_latents", "normalize_z"):
        if arguments.get(key, True) is not True:
            raise RefusedError("does not normalise z, which every known StyleGAN2 does")
