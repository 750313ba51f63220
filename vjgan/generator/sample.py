"""Single pictures of a network, by seed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from vjgan.errors import ModelError
from vjgan.generator.handover import HandOver
from vjgan.generator.metadata import Network
from vjgan.generator.reference import draw
from vjgan.generator.upscale import Upscaler
from vjgan.types import ByteArray, FloatArray


@torch.inference_mode()
def draw_seeds(
    network: Network,
    seeds: Iterable[int],
    psi: float = 1.0,
    label: int | None = None,
    upscaler: Upscaler | None = None,
) -> list[ByteArray]:
    """The picture uint8 [r, r, 3] of each seed, truncated to ``psi``, of the class ``label`` (None:
    of no class), doubled by the ``upscaler`` if there is one. The same seed is the same z as in the
    original programs. Raises ModelError."""
    c, to_bytes = _one_hot(network, label), HandOver(pinned=False)
    pictures = []
    for seed in seeds:
        z = np.random.RandomState(seed).randn(1, network.config.z_dim)  # [1, z_dim]
        w = network.mapping(torch.from_numpy(z).float(), c)  # [1, w_dim]
        image = draw(network, network.truncate(w, psi))  # [1, img_channels, r, r]
        pictures.append(to_bytes((image if upscaler is None else upscaler(image))[0]))
    return pictures


@torch.inference_mode()
def draw_w(network: Network, w: FloatArray) -> ByteArray:
    """The picture uint8 [r, r, 3] of w [w_dim] or [num_ws, w_dim], not truncated."""
    ws = torch.from_numpy(np.asarray(w, np.float32)).expand(1, network.config.num_ws, -1)
    return HandOver(pinned=False)(draw(network, ws)[0])


def _one_hot(network: Network, label: int | None) -> Tensor | None:
    classes = network.config.c_dim
    if label is None:
        return None
    if not 0 <= label < classes:
        allowed = f"0..{classes - 1}" if classes else "no class: the model has none"
        raise ModelError(f"class {label} is outside {allowed}")
    c = torch.zeros(1, classes)
    c[0, label] = 1.0
    return c
