"""A network against pictures that another program drew with the same weights: cases in a .npz.

``n`` tells how many; case k has ``k{k}_z`` [1, z_dim], ``k{k}_c`` [1, c_dim], ``k{k}_psi``,
``k{k}_cutoff`` (-1: all layers), ``k{k}_noise_mode`` ("const" or "none"), ``k{k}_w`` [1, num_ws,
w_dim] after truncation, ``k{k}_image`` [1, channels, r, r], and for a StyleGAN3 perhaps
``k{k}_transform`` [3, 3].
"""

from __future__ import annotations

import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vjgan.errors import ModelError
from vjgan.generator.metadata import Config, Network
from vjgan.generator.runtime import Runtime
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config

MOST_CASES = 1000
MOST_BYTES = 2 * 2**30  # of all arrays of a file, unpacked
UNREADABLE = (
    ValueError, TypeError, EOFError, MemoryError, RuntimeError, SyntaxError, zlib.error,
    zipfile.BadZipFile, lzma.LZMAError, tokenize.TokenError,
)  # fmt: skip
NOISE = {"const": 1.0, "none": 0.0}

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Case:
    """What went in, and what came out: w [1, num_ws, w_dim] after truncation and the image."""

    z: Tensor  # [1, z_dim]
    c: Tensor  # [1, c_dim]
    psi: float
    cutoff: int | None
    noise: float
    transform: Tensor | None  # [3, 3]
    w: Array
    image: Array


@dataclass(frozen=True, slots=True)
class Errors:
    """The largest relative errors max|ours - theirs| / max|theirs| of w and of the image."""

    w: float
    image: float


@torch.inference_mode()
def compare(network: Network, case: Case) -> Errors:
    """How far a network is from what another program drew."""
    classes = case.c if network.config.c_dim else None
    ws = network.truncate(network.mapping(case.z, classes), case.psi, case.cutoff)
    image = draw(network, ws, case.noise, case.transform)  # [1, img, r, r]
    return Errors(_relative(ws.numpy(), case.w), _relative(image.numpy(), case.image))


@torch.inference_mode()
def compare_played(runtime: Runtime, case: Case) -> float:
    """The relative error of the image as it is played, from the other program's w on; 0 for a case
    with a transform, which is drawn in another way."""
    if case.transform is not None:
        return 0.0
    image = runtime.draw(case.w[0], case.noise, {})  # [img, r, r]
    return _relative(image.cpu().numpy(), case.image[0])


def draw(
    network: Network, ws: Tensor, noise: float = 1.0, transform: Tensor | None = None
) -> Tensor:
    """ws [n, num_ws, w_dim] -> image [n, img, r, r], about -1..1; a StyleGAN3 has no noise inputs,
    and only it takes a ``transform``."""
    synthesis = network.synthesis
    drawn: Tensor = (
        synthesis(ws, transform) if isinstance(network, StyleGAN3) else synthesis(ws, noise=noise)
    )
    return drawn


def _relative(ours: Array, theirs: Array) -> float:
    return float(np.abs(ours - theirs).max() / max(1e-30, float(np.abs(theirs).max())))


def read_cases(path: Path, config: Config) -> list[Case]:
    """The cases of a file for a network of that config. Nothing in it is ever run.
    Raises ModelError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                raise ModelError(f"reference '{path}' unpacks to more than 2 GiB")
        with np.load(path, allow_pickle=False) as arrays:
            return _cases(path, arrays, config)
    except KeyError as error:
        raise ModelError(f"reference '{path}' lacks {error.args[0]!s:.80}") from None
    except OSError as error:
        raise ModelError(f"reference '{path}' cannot be read: {error.strerror or error}") from None
    except UNREADABLE:
        raise ModelError(f"reference '{path}' is not a .npz file of numbers, or damaged") from None


def _cases(path: Path, arrays: Mapping[str, Array], config: Config) -> list[Case]:
    count = _number(arrays["n"])
    if not 1 <= count <= MOST_CASES:
        raise ModelError(f"reference '{path}': n {count:g} is outside 1..{MOST_CASES}")
    return [_case(path, arrays, f"k{k}_", config) for k in range(int(count))]


def _case(path: Path, arrays: Mapping[str, Array], key: str, config: Config) -> Case:
    side = config.resolution
    shapes = {
        "z": (1, config.z_dim),
        "c": (1, config.c_dim),
        "w": (1, config.num_ws, config.w_dim),
        "image": (1, config.img_channels, side, side),
        "transform": (3, 3),
    }
    given = {}
    for name, shape in shapes.items():
        if name == "transform" and key + name not in arrays:
            continue
        array = np.asarray(arrays[key + name], np.float32)
        if array.shape != shape:
            raise ModelError(
                f"reference '{path}': {key}{name} is {list(array.shape)}, "
                f"but the model wants {list(shape)}"
            )
        if not np.isfinite(array).all():
            raise ModelError(f"reference '{path}': {key}{name} holds numbers that are not finite")
        given[name] = array
    mode = str(arrays[key + "noise_mode"])
    if mode not in NOISE:
        raise ModelError(f"reference '{path}': {key}noise_mode {mode!r:.40} is not const or none")
    if "transform" in given and not isinstance(config, StyleGAN3Config):
        raise ModelError(f"reference '{path}': {key}transform is for a StyleGAN3")
    cutoff = int(_number(arrays[key + "cutoff"]))
    return Case(
        z=torch.from_numpy(given["z"]),
        c=torch.from_numpy(given["c"]),
        psi=_number(arrays[key + "psi"]),
        cutoff=None if cutoff < 0 else cutoff,
        noise=NOISE[mode],
        transform=torch.from_numpy(given["transform"]) if "transform" in given else None,
        w=given["w"],
        image=given["image"],
    )


def _number(array: Array) -> float:
    value = float(array.item())
    if not np.isfinite(value):
        raise ValueError
    return value
