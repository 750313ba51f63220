"""How near a network's pictures in bfloat16 are to those in fp32."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vjgan.generator.checkpoint import Checkpoint
from vjgan.generator.openvino import OpenVINO, has_bf16
from vjgan.generator.player import make_space
from vjgan.generator.space import Space
from vjgan.generator.stylegan2 import StyleGAN2

log = logging.getLogger("vjgan")

PICTURES = 64
PSI = (0.5, 1.0)  # the truncation under which models usually play


def closeness(network: StyleGAN2, space: Space, pictures: int = PICTURES) -> float:
    """The PSNR in dB of the worst of some random pictures as the processor draws them in bf16,
    against fp32; 0 where it does not multiply in bf16."""
    if not has_bf16():
        return 0.0
    # A thread of its own: Ctrl-C was seen to crash a process whose main thread had drawn in bf16.
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(_closeness, network, space, pictures).result()


@torch.inference_mode()
def _closeness(network: StyleGAN2, space: Space, pictures: int) -> float:
    exact, quick = (OpenVINO(network, precision) for precision in ("fp32", "bf16"))
    random = np.random.default_rng(3)
    labels = random.integers(space.classes, size=pictures) if space.classes else None
    z = random.standard_normal((pictures, space.z_dim)).astype(np.float32)
    psi = random.uniform(*PSI, (pictures, 1)).astype(np.float32)
    mapped = space.w_mean + psi * (space.map(z, labels) - space.w_mean)  # [pictures, w_dim]
    worst = 0.0
    for w in mapped:
        ws = np.tile(w, (space.num_ws, 1))  # [num_ws, w_dim]
        a, b = (way.draw(ws, 1.0, {}).clamp(-1.0, 1.0).clone() for way in (exact, quick))
        worst = max(worst, _error(a, b))
    return float(-10.0 * np.log10(max(worst, 1e-15)))


def measured(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its closeness known; as it was where that cannot be measured."""
    network = checkpoint.network
    if not isinstance(network, StyleGAN2):
        return checkpoint
    try:
        near = closeness(network, make_space(network))
    except RuntimeError as error:
        log.warning("bf16 is not measured: %s", str(error).strip())
        return checkpoint
    return replace(checkpoint, info=replace(checkpoint.info, bf16_db=near))


def _error(a: Tensor, b: Tensor) -> float:
    """The mean squared difference of pictures in -1..1, as a share of their range."""
    return float(((a - b) / 2.0).square().mean())
