"""What a training starts from: new networks, a model of any kind, or another training."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vjgan.errors import ModelError
from vjgan.generator.checkpoint import load
from vjgan.generator.official import flatten
from vjgan.generator.pickles import read
from vjgan.generator.records import Record, RefusedError
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.train import state
from vjgan.train.discriminator import Discriminator
from vjgan.train.kept import STATE, Kept
from vjgan.train.settings import shape

log = logging.getLogger("vjgan")


@dataclass(frozen=True, slots=True)
class Start:
    """The networks to begin with: the generator, a discriminator where there is one, and the
    averaged weights where they differ."""

    network: StyleGAN2
    discriminator: Discriminator | None
    average: dict[str, Tensor] | None
    origin: str
    licence: str = ""  # of the model that it begins with

    def fit(self, size: int, classes: int) -> Start:
        """This, if it is for pictures of that ``size`` and so many ``classes``.
        Raises ModelError."""
        config = self.network.config
        if config.resolution != size:
            raise ModelError(
                f"the model makes pictures of {config.resolution} pixels, not of {size}; "
                f"give --size {config.resolution}"
            )
        if config.c_dim != classes:
            raise ModelError(
                f"the model has {config.c_dim or 'no'} classes, the pictures {classes or 'none'}; "
                "they must agree (--classes, --no-classes)"
            )
        if config.img_channels != 3:
            raise ModelError(f"the model has {config.img_channels} colour channels, not 3")
        return self


def fresh_start(size: int, width: int, classes: int, seed: int) -> Start:
    """New networks with random weights. Raises VjganError."""
    torch.manual_seed(seed)
    config = shape(size, width, classes)
    network = StyleGAN2(config)
    return Start(network, Discriminator(config), None, "Trained from the beginning by vjgan.")


def start_from(path: Path) -> Start:
    """The networks of a model, or of a training: its folder or its state. Raises ModelError."""
    training = path / STATE if path.is_dir() else path
    if path.is_dir() and not training.is_file():
        raise ModelError(f"'{path}' holds no training ({STATE})")
    if training.name.endswith(STATE):
        return _training(training)
    loaded = load(path)
    if not isinstance(loaded.network, StyleGAN2):
        raise ModelError(f"model '{path}' is a StyleGAN3; a training starts from a StyleGAN2")
    theirs = None if loaded.info.code == "vjgan" else _their_discriminator(path, loaded.network)
    origin = f"Trained by vjgan from {loaded.info.name}."
    return Start(loaded.network, theirs, None, origin, loaded.info.licence)


def _their_discriminator(path: Path, generator: StyleGAN2) -> Discriminator | None:
    """The discriminator in a file of StyleGAN2-ADA's or StyleGAN3's, whose names differ; None
    where there is none, or of another architecture than the residual one."""
    tree = read(path)
    record = tree.get("D") if isinstance(tree, dict) else None
    if not isinstance(record, Record):
        return None
    try:
        arrays, _ = flatten(record)
        own = Discriminator(generator.config)
        names = {key: _their_name(key, own) for key in own.state_dict()}
        own.load_state_dict(
            {key: torch.from_numpy(np.array(arrays[n], np.float32)) for key, n in names.items()}
        )
        return own
    except (RefusedError, KeyError, RuntimeError, ValueError):
        log.warning("the discriminator in '%s' is of another kind; a new one begins", path)
        return None


def _their_name(ours: str, network: Discriminator) -> str:
    part, _, leaf = ours.rpartition(".")
    words = part.split(".")
    if words[0] == "blocks":
        return f"b{network.sizes[int(words[1])]}.{words[2]}.{leaf}"
    if words[0] == "class_map":
        return f"mapping.{'embed' if words[1] == 'embed' else f'fc{words[2]}'}.{leaf}"
    names = {"from_rgb": f"b{network.sizes[0]}.fromrgb", "dense": "b4.fc"}
    return f"{names.get(part, f'b4.{part}')}.{leaf}"


def _training(path: Path) -> Start:
    tensors, about = state.read(path)
    kept = Kept.of(path, about)
    config = kept.config
    try:
        network, discriminator = StyleGAN2(config), Discriminator(config)
        network.load_state_dict(state.unpack("network", tensors))
        discriminator.load_state_dict(state.unpack("discriminator", tensors))
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"'{path}' is not the state of a training: {error}") from None
    average = state.unpack("average", tensors)
    origin = f"Trained by vjgan on from {path.parent.name}."
    return Start(network, discriminator, average, origin, kept.licence)
