"""A training's state in a file: numbers only (safetensors), whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from vjgan.errors import ModelError
from vjgan.files import replacing

FORMAT = "vjgan training"
VERSION = "1"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def pack(prefix: str, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with their part's name before their own."""
    return {f"{prefix}.{key}": value for key, value in values.items()}


def unpack(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one part by their own names."""
    start = f"{prefix}."
    return {key.removeprefix(start): v for key, v in tensors.items() if key.startswith(start)}


def momenta(network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What Adam remembers, by the names of the network's parameters."""
    found = {}
    for name, parameter in network.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            found[f"{name}.{key}"] = value
    return found


def remember(
    network: nn.Module, optimiser: torch.optim.Optimizer, values: dict[str, Tensor]
) -> None:
    """Give Adam back what `momenta` found."""
    for name, parameter in network.named_parameters():
        kept = {key: values[f"{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{name}.{key}" in values}  # fmt: skip
        if kept:
            on_device = {k: v.to(parameter.device) if k != "step" else v for k, v in kept.items()}
            optimiser.state[parameter] = on_device


def write(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write a state; until all of it is on the disk, the last one stays. Raises ModelError."""
    metadata = {"format": FORMAT, "version": VERSION, "about": json.dumps(about)}
    # Copies, for tensors that share memory are refused.
    kept = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    replace(path, to_bytes(kept, metadata))


def write_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write weights for others to read. Raises ModelError."""
    replace(path, to_bytes({key: value.contiguous() for key, value in tensors.items()}, metadata))


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """What ``write_weights`` wrote. Raises ModelError."""
    try:
        with safe_open(path, "np") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"'{path}' cannot be read: {error}") from None


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of a file, whole or not at all. Raises ModelError."""
    try:
        with replacing(path) as part, part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        stays = "; the last good one stays" if path.exists() else ""
        if error.errno in FULL:
            raise ModelError(
                f"'{path}' of {len(data) / 1e6:.0f} MB does not fit on the disk{stays}"
            ) from None
        raise ModelError(f"'{path}' cannot be written: {error.strerror}{stays}") from None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the rest of a state. Raises ModelError."""
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, _about(path, file)  # noqa: SIM118


def read_about(path: Path) -> dict[str, Any]:
    """A state without its tensors. Raises ModelError."""
    with _opened(path) as file:
        return _about(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"'{path}' cannot be read: {error}") from None


def _about(path: Path, file: Any) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if metadata.get("format") != FORMAT:
        raise ModelError(f"'{path}' is not the state of a training")
    if metadata.get("version") != VERSION:
        raise ModelError(f"'{path}' is of another version of vjgan, which this one cannot go on")
    about = json.loads(metadata["about"])
    if not isinstance(about, dict):
        raise ModelError(f"'{path}' is not the state of a training")
    return about
