"""Models of other programs: what their files hold, found and brought into vjgan's own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from vjgan.errors import ModelError
from vjgan.generator import legacy, official, official3, rosinality
from vjgan.generator.arrays import widened
from vjgan.generator.layout import Array
from vjgan.generator.pickles import read
from vjgan.generator.records import Record, RefusedError, quoted
from vjgan.generator.stylegan2 import StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3Config

GENERATORS = ("G_ema", "G", "g_ema", "g")  # the averaged one first
DISCRIMINATORS = ("D", "d")
ONLY_D = "holds only a discriminator; what can be played is a generator"
CRITIC_MARKS = ("fromrgb", "FromRGB", "final_linear", "mbstd", "b4.out")  # in names of tensors


@dataclass(frozen=True, slots=True)
class Foreign:
    """A generator out of another program's file: ``tensors`` in vjgan's naming, fp32; ``code``
    names the program, ``training_set`` is "" where the file does not tell."""

    config: StyleGAN2Config | StyleGAN3Config
    tensors: dict[str, Array]
    code: str
    training_set: str = ""


def open_foreign(path: Path) -> Foreign:
    """The generator in a pickle or a .pt file, whose code is never run. Raises ModelError."""
    tree = read(path)
    try:
        return convert(tree)
    except RefusedError as refused:
        raise ModelError(f"model '{path}' {refused}") from None
    except MemoryError:
        raise ModelError(f"model '{path}' needs more memory than there is") from None


def convert(tree: object) -> Foreign:
    """The generator in what `pickles.read` gave. Raises RefusedError."""
    if networks := _networks(tree):
        return _from_tensorflow(networks)
    generator = _generator(tree)
    if isinstance(generator, Record):
        arrays, settings = official.flatten(generator)
    else:
        arrays, settings = _tensors(generator), {}
    if "synthesis.b4.const" in arrays:
        made = official.convert(arrays, settings)
        return Foreign(*made, code=_code(settings), training_set=_training_set(tree))
    if official3.is_stylegan3(arrays):
        made3 = official3.convert(arrays, settings)
        return Foreign(*made3, code="StyleGAN3's, PyTorch", training_set=_training_set(tree))
    if rosinality.is_generator(arrays):
        mean = tree.get(rosinality.MEAN) if isinstance(tree, dict) else None
        mean = widened(mean) if isinstance(mean, np.ndarray) else None
        return Foreign(*rosinality.convert(arrays, mean), code="rosinality's, PyTorch")
    raise RefusedError(_refusal(tree, arrays))


def _networks(tree: object) -> list[Record]:
    """The networks of the TensorFlow code: (G, D, Gs), or one of them alone."""
    parts = tree if isinstance(tree, tuple | list) else [tree]
    return [part for part in parts if isinstance(part, Record) and legacy.is_network(part)]


def _from_tensorflow(networks: list[Record]) -> Foreign:
    flat = [legacy.flatten(network) for network in networks]
    for arrays, arguments in reversed(flat):  # Gs, the averaged one, is the last
        if "synthesis/4x4/Const/const" in arrays and any("mod_weight" in name for name in arrays):
            return Foreign(*legacy.convert(arrays, arguments), code="StyleGAN2's, TensorFlow")
    raise RefusedError(_refusal(None, flat[-1][0]))


def _generator(tree: object) -> object:
    if not isinstance(tree, dict):
        return tree
    for key in GENERATORS:
        if isinstance(tree.get(key), Record | dict):
            return tree[key]
    return tree


def _tensors(values: object) -> dict[str, Array]:
    """A dict's arrays by name, as of a state dict; a wrapper for several devices adds "module."."""
    if not isinstance(values, dict):
        return {}
    return {
        name.removeprefix("module."): widened(value)
        for name, value in values.items()
        if isinstance(name, str) and isinstance(value, np.ndarray)
    }


def _refusal(tree: object, arrays: Mapping[str, Array]) -> str:
    keys = [key for key in tree if isinstance(key, str)] if isinstance(tree, dict) else []
    if any(key in keys for key in DISCRIMINATORS) and not any(key in keys for key in GENERATORS):
        return ONLY_D
    if any(mark in name for name in arrays for mark in CRITIC_MARKS):
        return ONLY_D
    names = list(arrays) or keys
    told = f", but {', '.join(map(quoted, names[:3]))}" if names else ""
    return f"holds no generator of StyleGAN2 or StyleGAN3{told}"


def _code(settings: official.Settings) -> str:
    """Which code wrote a StyleGAN2: that of StyleGAN3 keeps the layers' widths in them."""
    later = "in_features" in settings.get("mapping.fc0", {})
    return "StyleGAN3's, PyTorch" if later else "StyleGAN2-ADA's, PyTorch"


def _training_set(tree: object) -> str:
    """The name and size of what a model was trained with, "" where that is not kept."""
    told = tree.get("training_set_kwargs") if isinstance(tree, dict) else None
    if not isinstance(told, dict) or not isinstance(told.get("path"), str):
        return ""
    name = PurePosixPath(told["path"].replace("\\", "/")).name  # no folder of somebody's machine
    most = told.get("max_size")
    return name + (f", {most:,} pictures" if type(most) is int else "")
