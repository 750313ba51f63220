"""What a model file of vjgan's says of itself: the header of its safetensors, and the config in it.

All of it is checked before any tensor is read, so that a wrong or forged file costs neither time
nor memory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from vjgan.errors import ModelError
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config

Config = StyleGAN2Config | StyleGAN3Config
Network = StyleGAN2 | StyleGAN3

FORMAT = "vjgan"
UPSCALER_FORMAT = "vjgan up-resolution"
VERSION = "1"
ARCHITECTURES: dict[str, tuple[type[Config], type[Network]]] = {
    "stylegan2": (StyleGAN2Config, StyleGAN2),
    "stylegan3": (StyleGAN3Config, StyleGAN3),
}
HEADER_BYTES = 4_000_000  # a header longer than this is not one of ours
TEXT_LENGTH = 500  # of a name, a licence, ...
ITEM_BYTES = {"F16": 2, "F32": 4}
DIRECTION = re.compile(r"direction\.([\w-]{1,64})", re.ASCII)
DIRECTIONS = 1000  # at most
DECIBELS = re.compile(r"\d{1,3}(\.\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one value of a config may be; it bounds the memory that a forged one could ask for."""

    allowed: str
    fits: Callable[[Any], bool]


def _whole(low: int, high: int) -> Rule:
    return Rule(f"{low}..{high}", lambda value: type(value) is int and low <= value <= high)


def _real(low: float, high: float) -> Rule:
    def fits(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high

    return Rule(f"{low:g}..{high:g}", fits)


def _any_of(*values: object) -> Rule:
    def fits(value: Any) -> bool:
        return any(type(value) is type(one) and value == one for one in values)

    return Rule(", ".join(map(str, values)), fits)


def _row(rule: Rule, most: int) -> Rule:
    def fits(value: Any) -> bool:
        return isinstance(value, tuple) and len(value) <= most and all(map(rule.fits, value))

    return Rule(f"up to {most} numbers in {rule.allowed}", fits)


BOTH = {
    "z_dim": _whole(1, 2048),
    "w_dim": _whole(1, 2048),
    "c_dim": _whole(0, 10_000),
    "channel_base": _whole(8, 262_144),
    "channel_max": _whole(1, 2048),
    "img_channels": _whole(1, 4),
    "mapping_layers": _whole(1, 32),
}
RULES: dict[type[Config], dict[str, Rule]] = {
    StyleGAN2Config: {
        "resolution": _whole(4, 2048),
        **BOTH,
        "mapping_width": _whole(0, 2048),
        "mapping_lr": _real(1e-6, 1e6),
        "embed_dim": _whole(0, 2048),
        "architecture": _any_of("orig", "resnet", "skip"),
        "widths": _row(_whole(1, 2048), 10),
        "noise": _any_of(False, True),
        "clamp": _real(0.0, 1e9),
        "filter": _row(_real(-1e6, 1e6), 12),
    },
    StyleGAN3Config: {
        "resolution": _whole(16, 2048),
        **BOTH,
        "num_layers": _whole(2, 64),
        "num_critical": _whole(0, 63),
        "first_cutoff": _real(0.1, 1024.0),
        "first_stopband": _real(0.1, 1024.0),
        "last_stopband_rel": _real(1.0, 4.0),
        "margin_size": _whole(0, 256),
        "output_scale": _real(1e-6, 1e6),
        "conv_kernel": _whole(1, 7),
        "use_radial_filters": _any_of(False, True),
        "filter_size": _whole(1, 16),
        "lrelu_upsampling": _whole(1, 4),
        "mapping_lr": _real(1e-6, 1e6),
        "conv_clamp": Rule("0..1e+09, null", lambda v: v is None or _real(0.0, 1e9).fits(v)),
    },
}
# Every file has these; what came later is written where it differs from its default.
REQUIRED = ("resolution", *BOTH)


def architecture(config: Config) -> str:
    """The name of a config's architecture in files."""
    return next(name for name, (kind, _) in ARCHITECTURES.items() if isinstance(config, kind))


def dump(config: Config) -> str:
    """A config as JSON, without what is as it is by default."""
    values = asdict(config)
    usual = {field.name: _default(field) for field in fields(config)}
    kept = {k: v for k, v in values.items() if k in REQUIRED or v != usual[k]}
    return json.dumps(kept)


def _default(field: Field[Any]) -> object:
    assert field.default is not MISSING
    return field.default


def read_header(path: Path) -> tuple[dict[str, str], dict[str, list[int]]]:
    """The metadata, and the shape of each tensor, every length checked against the file's.
    Raises ModelError."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(length) if 2 <= length <= min(size - 8, HEADER_BYTES) else b""
    except OSError as error:
        raise ModelError(f"model '{path}' cannot be read: {error.strerror}") from None
    try:
        header = json.loads(text)
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise TypeError
        shapes = {key: _shape(row, size - 8 - length) for key, row in header.items()}
    except EOFError:
        raise ModelError(f"model '{path}' is cut short: it ends before its tensors do") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ModelError(
            f"model '{path}' is not a safetensors file with F16 or F32, a pickle or a .pt file"
        ) from None
    return metadata, shapes


def _shape(row: Mapping[str, Any], room: int) -> list[int]:
    """The shape of one tensor of the header. EOFError when it ends beyond ``room`` bytes."""
    shape, (begin, end) = row["shape"], row["data_offsets"]
    if len(shape) > 4 or not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
        raise ValueError
    if math.prod(shape) * ITEM_BYTES[row["dtype"]] != end - begin:
        raise ValueError
    if end > room:
        raise EOFError
    return list(shape)


def read_config(path: Path, metadata: Mapping[str, str]) -> Config:
    """The network's shape out of the metadata, each value as its rule wants it.
    Raises ModelError."""
    if metadata.get("format") == UPSCALER_FORMAT:
        raise ModelError(
            f"model '{path}' only enlarges the pictures of "
            f"'{path.stem.partition('@')[0]}'; give that"
        )
    if metadata.get("format") != FORMAT:
        raise ModelError(
            f"model '{path}' is a safetensors file, but not a vjgan model: "
            f"its metadata says format {metadata.get('format', '')[:40]!r}"
        )
    name = metadata.get("architecture", "")
    if metadata.get("version") != VERSION or name not in ARCHITECTURES:
        raise ModelError(
            f"model '{path}' is of version {metadata.get('version', '')[:40]!r}, architecture "
            f"{name[:40]!r}; this vjgan plays {VERSION}, {' or '.join(ARCHITECTURES)}"
        )
    kind = ARCHITECTURES[name][0]
    try:
        values = dict(json.loads(metadata.get("config", "")))
    except (ValueError, TypeError, RecursionError):
        raise ModelError(f"model '{path}': its config is not a JSON object") from None
    if not set(REQUIRED) <= set(values) <= set(RULES[kind]):
        has = ", ".join(sorted(map(repr, values)))[:200] or "nothing"
        raise ModelError(
            f"model '{path}': its config has {has}; it must have {', '.join(sorted(REQUIRED))}"
        )
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return check_config(path, kind, given)


def check_config(path: Path, kind: type[Config], values: Mapping[str, Any]) -> Config:
    """A config of ``values``, each as its rule wants it. Raises ModelError."""
    for key, value in values.items():
        rule = RULES[kind][key]
        if not rule.fits(value):
            raise ModelError(f"model '{path}': {key} {value!r:.40} is outside {rule.allowed}")
    config = kind(**values)
    if config.resolution & (config.resolution - 1):
        raise ModelError(f"model '{path}': resolution {config.resolution} is not a power of two")
    if isinstance(config, StyleGAN2Config):
        _check_stylegan2(path, config)
    else:
        _check_stylegan3(path, config)
    return config


def _check_stylegan2(path: Path, config: StyleGAN2Config) -> None:
    if config.widths and len(config.widths) != len(config.sizes):
        raise ModelError(
            f"model '{path}': widths has {len(config.widths)} numbers for {config.sizes} pixels"
        )
    if config.channels(config.resolution) < 1:
        raise ModelError(f"model '{path}': channel_base is less than the resolution")
    if not config.filter or not sum(config.filter):
        raise ModelError(f"model '{path}': filter {config.filter} adds up to nothing")


def _check_stylegan3(path: Path, config: StyleGAN3Config) -> None:
    try:
        if all(min(layer.size_in, layer.size_out, layer.n_in) > 0 for layer in config.layers()):
            skeleton(config)
            return
    except (ArithmeticError, TypeError, ValueError, RuntimeError):
        pass
    raise ModelError(f"model '{path}': its config makes no StyleGAN3; its numbers do not go along")


def skeleton(config: Config) -> Network:
    """The network without memory for its tensors: names and shapes only."""
    with torch.device("meta"):
        return StyleGAN2(config) if isinstance(config, StyleGAN2Config) else StyleGAN3(config)


def parameters(config: Config) -> int:
    """How many numbers training found."""
    return sum(value.numel() for value in skeleton(config).parameters())


def check_tensors(path: Path, got: Mapping[str, list[int]], config: Config) -> None:
    """Every tensor that the config asks for is there, in its shape, and nothing else but a ruler
    and directions. Raises ModelError."""
    wanted = {key: list(value.shape) for key, value in skeleton(config).state_dict().items()}
    if "space.root" in got or "space.slope" in got:
        wanted |= {"space.root": [config.w_dim, config.w_dim], "space.slope": [config.w_dim]}
    for key in wanted:
        if key not in got:
            raise ModelError(f"model '{path}': tensor '{key}' {wanted[key]} is missing")
    for key, shape in got.items():
        if key in wanted and shape != wanted[key]:
            raise ModelError(
                f"model '{path}': tensor '{key}' is {shape}, but its config wants {wanted[key]}"
            )
        if key not in wanted and not DIRECTION.fullmatch(key):
            raise ModelError(f"model '{path}': tensor {key[:80]!r} does not belong in it")
        if key not in wanted and shape not in direction_shapes(config):
            raise ModelError(
                f"model '{path}': tensor '{key}' is {shape}; a direction is "
                + " or ".join(map(str, direction_shapes(config)))
            )
    if len(got) - len(wanted) > DIRECTIONS:
        raise ModelError(f"model '{path}': it has more than {DIRECTIONS} directions")


def direction_shapes(config: Config) -> tuple[list[int], list[int]]:
    """Those that a direction may have: the same in every layer, or its own in each."""
    return [config.w_dim], [config.num_ws, config.w_dim]


def decibels(metadata: Mapping[str, str], key: str) -> float:
    """A number of metadata, such as 52.5; 0 where there is none."""
    value = metadata.get(key, "")
    return float(value) if DECIBELS.fullmatch(value) else 0.0


def text(metadata: Mapping[str, str], key: str) -> str:
    """One line of metadata, fit for a terminal."""
    return "".join(c for c in metadata.get(key, "")[:TEXT_LENGTH] if c.isprintable())
