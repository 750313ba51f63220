"""Models in files: safetensors, which hold numbers only, with what they are in the metadata.

The metadata (all strings): ``format`` "vjgan", ``version``, ``architecture``, ``config`` (JSON),
``name``, ``licence``, ``origin``, ``trained`` ("true" or "false"), ``description``. The header is
checked before any tensor is read, so that a wrong or forged file costs neither time nor memory.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from vjgan.errors import ModelError
from vjgan.generator.space import Ruler
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config

FORMAT = "vjgan"
VERSION = "1"
ARCHITECTURE = "stylegan2"
SUFFIX = ".safetensors"
HEADER_BYTES = 4_000_000  # a header longer than this is not one of ours
TEXT_LENGTH = 500  # of a name, a licence, ...
ITEM_BYTES = {"F16": 2, "F32": 4}
HALF_MAX = 65504.0  # the largest number that fp16 holds

# What each number of a config may be; it bounds the memory that a forged one could ask for.
LIMITS = {
    "resolution": (8, 2048),
    "z_dim": (1, 2048),
    "w_dim": (1, 2048),
    "c_dim": (0, 10_000),
    "channel_base": (8, 262_144),
    "channel_max": (1, 2048),
    "img_channels": (1, 4),
    "mapping_layers": (1, 32),
}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a file says of itself, read without its tensors."""

    path: Path
    name: str
    config: StyleGAN2Config
    trained: bool
    licence: str
    origin: str
    description: str
    parameters: int
    size_bytes: int
    sha256: str

    def lines(self) -> list[str]:
        """For people: kind, size, parameters, training, licence, origin, SHA-256."""
        c = self.config
        kind = f"StyleGAN2, {c.resolution}x{c.resolution}, "
        kind += {1: "grey", 3: "RGB"}.get(c.img_channels, f"{c.img_channels} channels")
        rows = {
            "name": self.name,
            "kind": kind + (f", {c.c_dim} classes" if c.c_dim else ""),
            "latent": f"z {c.z_dim}, w {c.w_dim}, {c.num_ws} layers",
            "width": f"channel base {c.channel_base}, at most {c.channel_max}",
            "parameters": f"{self.parameters:,}",
            "size": f"{self.size_bytes / 1e6:.1f} MB",
            "trained": "yes" if self.trained else "no: seeded weights that never saw a picture",
            "licence": self.licence,
            "origin": self.origin,
            "description": self.description,
            "SHA-256": self.sha256,
            "file": str(self.path),
        }
        return [f"{key:<12}{value}" for key, value in rows.items() if value]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded file: the network on the CPU in fp32, and its ruler where the file holds one."""

    info: ModelInfo
    network: StyleGAN2
    ruler: Ruler | None


def find_model(name_or_path: str, folder: Path) -> Path:
    """The file of a model: a path, or the name of one in ``folder``. Raises ModelError."""
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    named = folder / f"{name_or_path}{SUFFIX}"
    if path.name == name_or_path and named.is_file():
        return named
    have = ", ".join(sorted(p.stem for p in folder.glob(f"*{SUFFIX}"))) or "none"
    raise ModelError(f"model '{name_or_path}' is neither a file nor a bundled model ({have})")


def save(
    path: Path,
    network: StyleGAN2,
    *,
    name: str,
    licence: str,
    origin: str,
    trained: bool,
    description: str = "",
    ruler: Ruler | None = None,
    half: bool = True,
) -> None:
    """Write a network; ``half`` stores fp16 wherever a tensor's range allows. The file appears
    under its name only when whole. Raises ModelError."""
    tensors = {key: _stored(value, half) for key, value in network.state_dict().items()}
    if ruler is not None:
        tensors["space.root"] = torch.from_numpy(ruler.root).float().contiguous()
        tensors["space.slope"] = torch.from_numpy(ruler.slope).float().contiguous()
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": ARCHITECTURE,
        "config": json.dumps(asdict(network.config)),
        "name": name,
        "licence": licence,
        "origin": origin,
        "trained": "true" if trained else "false",
        "description": description,
    }
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(to_bytes(tensors, metadata))
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise ModelError(f"model '{path}' cannot be written: {error}") from None


def info(path: Path) -> ModelInfo:
    """What a file says of itself; its tensors are hashed, not loaded. Raises ModelError."""
    metadata, tensors = _read_header(path)
    config = _read_config(path, metadata)
    _check_tensors(path, tensors, config)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    learned = {key for key, _ in _skeleton(config).named_parameters()}
    return ModelInfo(
        path=path,
        name=_text(metadata, "name") or path.stem,
        config=config,
        trained=metadata.get("trained") == "true",
        licence=_text(metadata, "licence"),
        origin=_text(metadata, "origin"),
        description=_text(metadata, "description"),
        parameters=sum(math.prod(tensors[key]) for key in learned),
        size_bytes=path.stat().st_size,
        sha256=sha256,
    )


def load(path: Path) -> Checkpoint:
    """A file's network in fp32 on the CPU, every tensor checked. Raises ModelError."""
    about = info(path)
    try:
        tensors = {key: value.float() for key, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"model '{path}' cannot be read: {error}") from None
    for key, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise ModelError(f"model '{path}': tensor '{key}' holds numbers that are not finite")
    ruler = None
    if "space.root" in tensors:
        ruler = Ruler(tensors.pop("space.root").numpy(), tensors.pop("space.slope").numpy())
    return Checkpoint(about, StyleGAN2.of(about.config, tensors), ruler)


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    fits = value.numel() == 0 or float(value.abs().max()) <= HALF_MAX
    return value.to(torch.float16 if half and fits else torch.float32).contiguous()


def _read_header(path: Path) -> tuple[dict[str, str], dict[str, list[int]]]:
    """The metadata, and the shape of each tensor, every length checked against the file's."""
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
        raise ModelError(f"model '{path}' is not a safetensors file with F16 or F32") from None
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


def _read_config(path: Path, metadata: Mapping[str, str]) -> StyleGAN2Config:
    """The network's shape out of the metadata, each number inside its limits."""
    if metadata.get("format") != FORMAT:
        raise ModelError(
            f"model '{path}' is a safetensors file, but not a vjgan model: "
            f"its metadata says format {metadata.get('format', '')[:40]!r}"
        )
    if metadata.get("version") != VERSION or metadata.get("architecture") != ARCHITECTURE:
        raise ModelError(
            f"model '{path}' is of version {metadata.get('version', '')[:40]!r}, architecture "
            f"{metadata.get('architecture', '')[:40]!r}; this vjgan plays {VERSION}, {ARCHITECTURE}"
        )
    try:
        values = dict(json.loads(metadata.get("config", "")))
    except (ValueError, TypeError, RecursionError):
        raise ModelError(f"model '{path}': its config is not a JSON object") from None
    if set(values) != {field.name for field in fields(StyleGAN2Config)}:
        has = ", ".join(sorted(map(repr, values)))[:200] or "nothing"
        raise ModelError(
            f"model '{path}': its config has {has}; it must have {', '.join(sorted(LIMITS))}"
        )
    for key, (low, high) in LIMITS.items():
        value = values[key]
        if type(value) is not int or not low <= value <= high:
            raise ModelError(f"model '{path}': {key} {value!r:.40} is outside {low}..{high}")
    config = StyleGAN2Config(**values)
    if config.resolution & (config.resolution - 1):
        raise ModelError(f"model '{path}': resolution {config.resolution} is not a power of two")
    if config.channels(config.resolution) < 1:
        raise ModelError(f"model '{path}': channel_base is less than the resolution")
    return config


def _text(metadata: Mapping[str, str], key: str) -> str:
    """One line of metadata, fit for a terminal."""
    return "".join(c for c in metadata.get(key, "")[:TEXT_LENGTH] if c.isprintable())


def _skeleton(config: StyleGAN2Config) -> StyleGAN2:
    """The network without memory for its tensors: names and shapes only."""
    with torch.device("meta"):
        return StyleGAN2(config)


def _check_tensors(path: Path, got: Mapping[str, list[int]], config: StyleGAN2Config) -> None:
    """Every tensor that the config asks for is there, in its shape, and nothing else."""
    wanted = {key: list(value.shape) for key, value in _skeleton(config).state_dict().items()}
    if "space.root" in got or "space.slope" in got:
        wanted |= {"space.root": [config.w_dim, config.w_dim], "space.slope": [config.w_dim]}
    for key in wanted:
        if key not in got:
            raise ModelError(f"model '{path}': tensor '{key}' {wanted[key]} is missing")
    for key in got:
        if key not in wanted:
            raise ModelError(f"model '{path}': tensor {key[:80]!r} does not belong in it")
        if got[key] != wanted[key]:
            raise ModelError(
                f"model '{path}': tensor '{key}' is {got[key]}, but its config wants {wanted[key]}"
            )
