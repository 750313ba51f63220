"""Models in files: vjgan's own, which are safetensors, and those of other programs.

The metadata of an own file (all strings): ``format`` "vjgan", ``version``, ``architecture``,
``config`` (JSON), ``name``, ``licence``, ``origin``, ``trained`` ("true" or "false"),
``description``, and of a converted one ``code`` and ``training_set``. Beside the network's tensors
it may hold a ruler (``space.root``, ``space.slope``) and directions of w (``direction.NAME``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from vjgan.errors import ModelError
from vjgan.files import check_place, from_home, in_utf8, is_file, replacing
from vjgan.generator import metadata as about_file
from vjgan.generator.about import ModelInfo
from vjgan.generator.faults import MemoryShortageError
from vjgan.generator.foreign import open_foreign
from vjgan.generator.metadata import DIRECTION, Config, Network, decibels, text
from vjgan.generator.space import Ruler
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3
from vjgan.types import FloatArray

SUFFIX = ".safetensors"
HALF_MAX = 65504.0  # the largest number that fp16 holds
FOREIGN_ROOM = 1.5  # memory that another program's file needs while it is read, in its own size


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded file: the network on the CPU in fp32, its ruler where the file holds one, and its
    named directions of w, each [w_dim] or [num_ws, w_dim]."""

    info: ModelInfo
    network: Network
    ruler: Ruler | None
    directions: dict[str, FloatArray] = field(default_factory=dict)


def find_model(name_or_path: str, folder: Path) -> Path:
    """The file of a model: a path, or the name of one in ``folder``. Raises ModelError."""
    path = from_home(name_or_path)
    if is_file(path):
        return path
    named = folder / f"{name_or_path}{SUFFIX}"
    if path.name == name_or_path and is_file(named):
        return named
    have = ", ".join(sorted(p.stem for p in folder.glob(f"*{SUFFIX}"))) or "none"
    raise ModelError(f"model '{name_or_path}' is neither a file nor a bundled model ({have})")


def save(
    path: Path,
    network: Network,
    *,
    name: str,
    licence: str,
    origin: str,
    trained: bool,
    description: str = "",
    code: str = "",
    training_set: str = "",
    ruler: Ruler | None = None,
    directions: Mapping[str, FloatArray] | None = None,
    half: bool = True,
    bf16_db: float = 0.0,
) -> None:
    """Write a network; ``half`` stores fp16 wherever a tensor's range allows, otherwise only where
    nothing is lost by it. The file appears under its name only when whole. Raises ModelError."""
    tensors = {key: _stored(value, half) for key, value in network.state_dict().items()}
    if ruler is not None:
        tensors["space.root"] = torch.from_numpy(ruler.root).float().contiguous()
        tensors["space.slope"] = torch.from_numpy(ruler.slope).float().contiguous()
    for key, direction in (directions or {}).items():
        tensors[_direction_key(path, key)] = torch.from_numpy(direction).float().contiguous()
    about_file.check_tensors(path, _shapes(tensors), network.config)
    metadata = {
        "format": about_file.FORMAT,
        "version": about_file.VERSION,
        "architecture": about_file.architecture(network.config),
        "config": about_file.dump(network.config),
        "name": name,
        "licence": licence,
        "origin": origin,
        "trained": "true" if trained else "false",
        "description": description,
    }
    metadata |= {"code": code} if code else {}
    metadata |= {"training_set": training_set} if training_set else {}
    metadata |= {"bf16_db": f"{bf16_db:.1f}"} if bf16_db else {}
    words = {key: in_utf8(text) for key, text in metadata.items()}
    try:
        with replacing(path) as part:
            part.write_bytes(to_bytes(tensors, words))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"model '{path}' cannot be written: {error}") from None


def model_file(path: Path) -> Path:
    """``path``, if it is a name for a model of ours. Raises ModelError."""
    check_place("model", path, SUFFIX, ModelError)
    return path


def save_again(
    path: Path,
    checkpoint: Checkpoint,
    directions: Mapping[str, FloatArray],
    half: bool = False,
) -> None:
    """Write a loaded model, of whatever kind its file was, with ``directions`` as its own. Raises
    ModelError."""
    about = checkpoint.info
    save(
        model_file(path),
        checkpoint.network,
        name=about.name,
        licence=about.licence,
        origin=about.origin or f"converted from {about.path.name}, SHA-256 {about.sha256}",
        trained=about.trained,
        description=about.description,
        code=about.code,
        training_set=about.training_set,
        ruler=checkpoint.ruler,
        directions=directions,
        half=half,
        bf16_db=about.bf16_db,
    )


def info(path: Path) -> ModelInfo:
    """What a file says of itself; an own file's tensors are hashed, not loaded.
    Raises ModelError."""
    return _foreign(path)[0] if _is_foreign(path) else _own(path)


def load(path: Path) -> Checkpoint:
    """A file's network in fp32 on the CPU, every tensor checked, whatever program wrote it: its
    content decides, not its name. Nothing in it is ever run. Raises ModelError."""
    try:
        if _is_foreign(path):
            about, tensors = _foreign(path)
        else:
            about = _own(path)
            check_room(path, 4 * sum(v.numel() for v in _meta(about.config).values()))
            # Copies: a view of a file that is cut short later on would end the whole show.
            tensors = {k: v.to(torch.float32, copy=True) for k, v in load_file(path).items()}
        return _checkpoint(about, tensors)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"model '{path}' cannot be read: {error}") from None
    except (MemoryError, torch.OutOfMemoryError):
        raise MemoryShortageError(f"model '{path}' needs more memory than there is") from None


def check_room(path: Path, nbytes: float) -> None:
    """Refuse a model that needs more memory than is free, before it takes it.
    Raises ModelError."""
    free = _free_bytes()
    if free is not None and nbytes > free:
        raise MemoryShortageError(
            f"model '{path}' needs {nbytes / 1e9:.1f} GB of memory, of which {free / 1e9:.1f} GB "
            "are free"
        )


def _free_bytes() -> float | None:
    """Memory that can be taken without swapping, None where the system does not tell."""
    try:
        rows = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(row.split()[1]) for row in rows if row.startswith("MemAvail"))
    except (OSError, StopIteration, ValueError):
        return None


def _checkpoint(about: ModelInfo, tensors: dict[str, Tensor]) -> Checkpoint:
    for key, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise ModelError(
                f"model '{about.path}': tensor '{key}' holds numbers that are not finite"
            )
    ruler = None
    if "space.root" in tensors:
        ruler = Ruler(tensors.pop("space.root").numpy(), tensors.pop("space.slope").numpy())
    keys = [key for key in tensors if DIRECTION.fullmatch(key)]
    directions = {key.removeprefix("direction."): tensors.pop(key).numpy() for key in keys}
    config = about.config
    network = (
        StyleGAN2.of(config, tensors)
        if isinstance(config, StyleGAN2Config)
        else StyleGAN3.of(config, tensors)
    )
    return Checkpoint(about, network, ruler, directions)


def _is_foreign(path: Path) -> bool:
    """Whether a file begins as pickles and zip archives do, and not as safetensors."""
    try:
        with path.open("rb") as file:
            first = file.read(9)
    except OSError as error:
        raise ModelError(f"model '{path}' cannot be read: {error.strerror}") from None
    return first[8:] != b"{" and first.startswith((b"\x80", b"PK\x03\x04"))


def _own(path: Path) -> ModelInfo:
    metadata, tensors = about_file.read_header(path)
    config = about_file.read_config(path, metadata)
    about_file.check_tensors(path, tensors, config)
    return ModelInfo(
        path=path,
        name=text(metadata, "name") or path.stem,
        config=config,
        trained=metadata.get("trained") == "true",
        licence=text(metadata, "licence"),
        origin=text(metadata, "origin"),
        description=text(metadata, "description"),
        parameters=about_file.parameters(config),
        size_bytes=path.stat().st_size,
        sha256=_sha256(path),
        code=text(metadata, "code") or "vjgan",
        training_set=text(metadata, "training_set"),
        directions=tuple(sorted(m[1] for key in tensors if (m := DIRECTION.fullmatch(key)))),
        bf16_db=decibels(metadata, "bf16_db"),
    )


def _foreign(path: Path) -> tuple[ModelInfo, dict[str, Tensor]]:
    size = path.stat().st_size
    check_room(path, FOREIGN_ROOM * size)
    foreign = open_foreign(path)
    config = about_file.check_config(path, type(foreign.config), asdict(foreign.config))
    check_room(path, 4 * sum(value.numel() for value in _meta(config).values()))
    about = ModelInfo(
        path=path,
        name=path.stem,
        config=config,
        trained=True,
        licence="",
        origin="",
        description="",
        parameters=about_file.parameters(config),
        size_bytes=size,
        sha256=_sha256(path),
        code=foreign.code,
        training_set=foreign.training_set,
    )
    # What is a view of the file's bytes, and perhaps not aligned, is copied.
    tensors = {
        key: torch.from_numpy(np.require(value, np.float32, ["C", "A", "W"]))
        for key, value in foreign.tensors.items()
    }
    return about, tensors


def _meta(config: Config) -> dict[str, Tensor]:
    return about_file.skeleton(config).state_dict()


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in tensors.items()}


def _direction_key(path: Path, name: str) -> str:
    key = f"direction.{name}"
    if not DIRECTION.fullmatch(key):
        raise ModelError(
            f"model '{path}': direction {name[:80]!r} must be up to 64 letters, digits, _ or -"
        )
    return key


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    small = value.half()
    if half:
        fits = value.numel() == 0 or float(value.abs().max()) <= HALF_MAX
    else:
        fits = torch.equal(small.to(value.dtype), value)
    return small if fits else value.float()
