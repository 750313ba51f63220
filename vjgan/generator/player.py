"""A StyleGAN2 that can be played, on the processor or a graphics card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.checkpoint import load
from vjgan.generator.device import find_device, set_threads
from vjgan.generator.measure import measure, remembered
from vjgan.generator.runtime import Runtime, make_runtime
from vjgan.generator.space import Space
from vjgan.generator.stylegan2 import Linear, StyleGAN2, normalise
from vjgan.types import ByteArray, FloatArray, Frame, LatentState

SEEN = 64  # pixels, the side to which pictures are brought before they are compared
MEASURE_GFLOP = 80.0  # spent on measuring a model that has no ruler: about 2 s on two cores
MEASURE_PICTURES = (8, 128)  # at least, at most
GPU_SPEED = 20.0  # how much more a graphics card does in that time


class Player:
    """A ``Generator``: a network at work in a runtime, its latent space and what it is called."""

    def __init__(
        self,
        runtime: Runtime,
        space: Space,
        name: str,
        trained: bool,
        resolution: tuple[int, int],
    ) -> None:
        self.name = name
        self.trained = trained
        self.space = space
        self.resolution = resolution
        self.runtime = runtime

    @torch.inference_mode()
    def generate(self, latent: LatentState) -> Frame:
        """The picture of ``latent.w`` [num_ws, w_dim]."""
        image = self.runtime.draw(latent.w, latent.noise, latent.inside)  # [img, r, r]
        return Frame(latent.time, to_bytes(image))

    @torch.inference_mode()
    def glimpse(self, w: FloatArray) -> FloatArray:
        """The picture of w [w_dim] made small: [img, 64, 64] in -1..1, for comparing."""
        image = self.runtime.draw(np.tile(w, (self.space.num_ws, 1)), 1.0, {})  # [img, r, r]
        small = F.adaptive_avg_pool2d(image.clamp(-1.0, 1.0), min(SEEN, len(image[0])))
        array: FloatArray = small.cpu().numpy()  # [img, 64, 64]
        return array


def open_model(path: Path, device: str = "auto", live: bool = True) -> Player:
    """The model of a file, warmed up. Live, a core is left to sound and screen.

    Raises ModelError, and DeviceError when ``device`` is not there."""
    where = find_device(device)
    set_threads(live)
    checkpoint = load(path)
    about, network = checkpoint.info, checkpoint.network
    space = make_space(network)
    player = make_player(network, space, about.name, about.trained, where)
    if checkpoint.ruler is not None:
        space.ruler = checkpoint.ruler
        player.glimpse(space.w_mean)
    else:
        pictures = _affordable(network, where)
        space.ruler = remembered(about.sha256, lambda: measure(space, player.glimpse, pictures))
    return player


def make_player(
    network: StyleGAN2,
    space: Space,
    name: str,
    trained: bool,
    device: torch.device | None = None,
) -> Player:
    """A player of ``network``, which must not change afterwards."""
    side = network.config.resolution
    return Player(
        make_runtime(network, device or torch.device("cpu")), space, name, trained, (side, side)
    )


def make_space(network: StyleGAN2) -> Space:
    """The latent space of a network, in numpy, without a ruler yet. Where there are classes it is
    that of none."""
    mapping = network.mapping
    linears = [layer for layer in mapping.layers if isinstance(layer, Linear)]
    layers = [
        (_array(layer.weight * layer.weight_gain), _array(layer.bias * layer.bias_gain))
        for layer in linears
    ]
    if mapping.embed is not None:
        # The embedding of no class is its bias; its part of the first layer is a constant.
        none = _array(normalise(mapping.embed.bias[None])[0])  # [w_dim]
        weight, bias = layers[0]
        z_dim = network.config.z_dim
        layers[0] = weight[:, :z_dim].copy(), bias + weight[:, z_dim:] @ none
    return Space(layers, _array(mapping.w_mean), network.config.num_ws)


def to_bytes(image: Tensor) -> ByteArray:
    """A picture [1, 3 or 4, h, w] in -1..1 -> uint8 [h, w, 3]; grey fills all three."""
    levels = (image * 127.5 + 128.0).clamp_(0.0, 255.0).to(torch.uint8)  # [img, h, w]
    rgb = levels[:3] if len(levels) >= 3 else levels[:1].expand(3, -1, -1)  # [3, h, w]
    array: ByteArray = rgb.permute(1, 2, 0).contiguous().cpu().numpy()  # [h, w, 3]
    return array


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().cpu().float().numpy().copy()
    return array


def _affordable(network: StyleGAN2, device: torch.device) -> int:
    speed = 1.0 if device.type == "cpu" else GPU_SPEED
    least, most = MEASURE_PICTURES
    return int(min(most, max(least, MEASURE_GFLOP * speed / network.config.gflop)))
