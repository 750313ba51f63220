"""StyleGAN3 from its own PyTorch code (Karras et al. 2021), whose checkpoints hold modules rather
than tensors: ``mapping.fc0``, ``synthesis.input``, ``synthesis.L0_36_512``, ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vjgan.generator.official import setting
from vjgan.generator.records import RefusedError, quoted
from vjgan.generator.stylegan3 import LayerShape, StyleGAN3, StyleGAN3Config

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Settings = Mapping[str, Mapping[str, Any]]  # by the name of the module, "" for the whole

LAYER = re.compile(r"synthesis\.(L(\d{1,3})_\d+_\d+)\.weight")
RESOLUTIONS = [2**k for k in range(4, 12)]
# What a layer says of itself, and what we say; a difference is a network of another design.
TOLD = {
    "in_sampling_rate": "rate_in", "out_sampling_rate": "rate_out", "tmp_sampling_rate": "rate_act",
    "in_cutoff": "cutoff_in", "out_cutoff": "cutoff_out", "in_size": "size_in",
    "out_size": "size_out", "up_taps": "up_taps", "down_taps": "down_taps",
    "conv_kernel": "kernel",
}  # fmt: skip


def is_stylegan3(arrays: Arrays) -> bool:
    """Whether these are a StyleGAN3's tensors."""
    return "synthesis.input.freqs" in arrays


def convert(arrays: Arrays, settings: Settings) -> tuple[StyleGAN3Config, dict[str, Array]]:
    """The config and our tensors of a generator. Raises RefusedError."""
    names = {int(match[2]): match[1] for name in arrays if (match := LAYER.fullmatch(name))}
    config = _config(arrays, settings, names)
    shapes = config.layers()
    if sorted(names) != list(range(len(shapes))):
        raise RefusedError(f"has {len(names)} layers, where its settings want {len(shapes)}")
    for k, shape in enumerate(shapes):
        _check(settings.get(f"synthesis.{names[k]}", {}), shape, names[k])
    with torch.device("meta"):
        wanted = StyleGAN3(config).state_dict()
    gathered = {}
    for ours, value in wanted.items():
        theirs = _theirs(ours, names)
        array = arrays.get(theirs)
        if array is None and ours == "mapping.w_mean":  # a generator that never kept one
            array = np.zeros(config.w_dim, np.float32)
        if array is None:
            raise RefusedError(f"lacks the tensor {quoted(theirs)} of a StyleGAN3")
        if array.shape != tuple(value.shape):
            raise RefusedError(
                f"has a tensor {quoted(theirs)} of shape {list(array.shape)}, "
                f"where its settings want {list(value.shape)}"
            )
        gathered[ours] = np.ascontiguousarray(array, np.float32).reshape(array.shape)
    return config, gathered


def _theirs(ours: str, names: Mapping[int, str]) -> str:
    if ours == "mapping.w_mean":
        return "mapping.w_avg"
    ours = re.sub(r"^mapping\.layers\.(\d+)", r"mapping.fc\1", ours)
    ours = re.sub(r"^synthesis\.layers\.(\d+)", lambda m: f"synthesis.{names[int(m[1])]}", ours)
    return re.sub(r"\.magnitude$", ".magnitude_ema", ours)


def _config(arrays: Arrays, settings: Settings, names: Mapping[int, str]) -> StyleGAN3Config:
    given = _told(arrays, names)
    given |= _mapping(settings.get("", {}).get("_init_kwargs"))
    given |= _mapping(given.pop("synthesis_kwargs", None))
    given |= _mapping(settings.get("synthesis", {}).get("_init_kwargs"))
    given |= {k: v for k, v in settings.get("synthesis", {}).items() if not k.startswith("_")}
    number = _Numbers(given)
    depth = sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in arrays)
    embed = arrays["mapping.embed.weight"].shape if "mapping.embed.weight" in arrays else (0, 0)
    first, affine = arrays.get("mapping.fc0.weight"), arrays.get("synthesis.input.affine.weight")
    if first is None or affine is None or not len(embed) == first.ndim == affine.ndim == 2:
        raise RefusedError("has not the mapping and the input of a StyleGAN3")
    num_layers = number.whole("num_layers", 2, 64)
    return StyleGAN3Config(
        resolution=number.whole("img_resolution", RESOLUTIONS[0], RESOLUTIONS[-1]),
        z_dim=first.shape[1] - embed[0],
        w_dim=affine.shape[1],
        c_dim=embed[1],
        channel_base=number.whole("channel_base", 1, 2**20),
        channel_max=number.whole("channel_max", 1, 8192),
        img_channels=number.whole("img_channels", 1, 16),
        mapping_layers=depth,
        num_layers=num_layers,
        num_critical=number.whole("num_critical", 0, num_layers - 1, 2),
        first_cutoff=number.real("first_cutoff", 0.1, 1024.0, 2.0),
        first_stopband=number.real("first_stopband", 0.1, 1024.0, 2.0**2.1),
        last_stopband_rel=number.real("last_stopband_rel", 1.0, 4.0, 2.0**0.3),
        margin_size=number.whole("margin_size", 0, 256, 10),
        output_scale=number.real("output_scale", 1e-6, 1e6, 0.25),
        conv_kernel=number.whole("conv_kernel", 1, 7),
        use_radial_filters=bool(number.whole("use_radial_filters", 0, 1)),
        filter_size=number.whole("filter_size", 1, 16, 6),
        lrelu_upsampling=number.whole("lrelu_upsampling", 1, 4, 2),
        conv_clamp=_clamp(settings, names),
        mapping_lr=setting(settings, "mapping.fc0", "bias_gain", 0.01),
    )


def _told(arrays: Arrays, names: Mapping[int, str]) -> dict[str, Any]:
    """What the tensors and the layers' names tell by themselves, for want of settings."""
    last = max(names, default=0)
    if sorted(names) != list(range(last + 1)) or last < 2:
        raise RefusedError(f"lacks layers of a StyleGAN3: it has {len(names)}, up to L{last}")
    _, size, colours = names[last].split("_")
    shapes = [arrays[f"synthesis.{names[k]}.weight"].shape for k in (0, last - 1)]
    if any(len(dims) != 4 for dims in shapes):
        raise RefusedError("has weights of other dimensions than a StyleGAN3's")
    radial = arrays.get(f"synthesis.{names[0]}.down_filter", np.zeros(1)).ndim == 2
    return {
        "img_resolution": int(size), "img_channels": int(colours), "num_layers": last,
        "channel_max": shapes[0][0], "channel_base": shapes[1][0] * int(size),
        "conv_kernel": shapes[0][2], "use_radial_filters": radial,
    }  # fmt: skip


def _clamp(settings: Settings, names: Mapping[int, str]) -> float | None:
    """The bound on activations on which all layers agree, None for none."""
    layers = [settings.get(f"synthesis.{name}", {}) for name in names.values()]
    bounds = {_item(layer.get("conv_clamp", 256.0)) for layer in layers}
    if len(bounds) > 1:
        raise RefusedError("bounds the activations of its layers differently")
    bound = bounds.pop()
    return None if bound is None else _Numbers({"conv_clamp": bound}).real("conv_clamp", 0, 1e9)


def _check(told: Mapping[str, Any], shape: LayerShape, name: str) -> None:
    for theirs, ours in TOLD.items():
        value, expected = _item(told.get(theirs)), getattr(shape, ours)
        if value is None:
            continue
        if not isinstance(value, int | float):
            raise RefusedError(f"has {theirs} {quoted(value)} in {name}, which is not a number")
        if not abs(value - expected) <= 1e-6 * abs(expected):
            raise RefusedError(f"has {theirs} {value:g} in {name}, where {expected:g} follows")
    pad = told.get("padding")
    if isinstance(pad, list) and shape.up_taps > 1 and pad[:1] != [shape.pad]:
        raise RefusedError(f"has another padding in {name} than {shape.pad}, which follows")


def _item(value: object) -> Any:
    """A number out of a number, or out of an array whose entries are all the same."""
    if isinstance(value, np.ndarray | np.generic) and value.size and np.all(value == value.flat[0]):
        return value.flat[0].item()
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class _Numbers:
    """Numbers out of settings, each within its range."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def real(self, name: str, least: float, most: float, default: float | None = None) -> float:
        value = _item(self._given.get(name, default))
        if not isinstance(value, int | float):
            raise RefusedError(f"has {name} {quoted(value)}, which is not a number")
        if not least <= value <= most:
            raise RefusedError(f"has {name} {value:g}, which is not within {least:g}..{most:g}")
        return float(value)

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self.real(name, least, most, default)
        if value != int(value):
            raise RefusedError(f"has {name} {value:g}, which is not a whole number")
        return int(value)
