"""StyleGAN3 as the paper writes it down: the plain implementation that speed is measured against.

Weights of their own for each picture in a grouped convolution; the filtered leaky ReLU as separate
steps: zeros between the samples, padding, a depthwise FIR over all of them, the leaky ReLU,
another FIR, every second sample kept. NCHW, fp32.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.stylegan3 import Layer, StyleGAN3, StyleGAN3Config

SLOPE, GAIN = 0.2, math.sqrt(2.0)
TRANSLATION = StyleGAN3Config(resolution=256)
ROTATION = replace(
    TRANSLATION, channel_base=65536, channel_max=1024, conv_kernel=1, use_radial_filters=True
)


def synthesis(network: StyleGAN3, ws: Tensor, transform: Tensor | None = None) -> Tensor:
    """ws [n, num_ws, w_dim] -> image [n, img_channels, resolution, resolution]."""
    x = network.synthesis.input(ws[:, 0], transform).permute(0, 3, 1, 2).contiguous()
    for k, layer in enumerate(network.synthesis.stack()):
        x = play(layer, x, ws[:, k + 1])
    return x * network.config.output_scale


def play(layer: Layer, x: Tensor, w: Tensor) -> Tensor:
    """One layer: x [n, in, size, size], w [n, w_dim] -> [n, out, size_out, size_out]."""
    s = layer.shape
    style = layer.affine(w)
    weight = layer.weight
    if s.last:
        style = style / math.sqrt(s.n_in * s.kernel**2)
        weight = weight[None] * style[:, None, :, None, None]
    else:
        weight = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
        style = style * style.square().mean().rsqrt()
        weight = weight[None] * style[:, None, :, None, None]
        weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    weight = weight * layer.magnitude.rsqrt()
    n = len(x)
    x = F.conv2d(
        x.reshape(1, -1, *x.shape[2:]), weight.flatten(0, 1), padding=s.kernel - 1, groups=n
    )
    x = x.view(n, s.n_out, *x.shape[2:]) + layer.bias[:, None, None]
    pad = (s.pad, s.size_act + s.up_taps - 1 - s.size_conv * s.up - s.pad)
    x = fir(insert(x, s.up, pad), layer.up_filter, s.up**2)
    if not s.last:
        x = F.leaky_relu(x, SLOPE) * GAIN
    if layer.clamp is not None:
        x = x.clamp(-layer.clamp, layer.clamp)
    return fir(x, layer.down_filter, 1.0)[:, :, :: s.down, :: s.down]


def insert(x: Tensor, up: int, pad: tuple[int, int]) -> Tensor:
    """Zeros behind each sample and around the picture; negative ``pad`` crops."""
    n, c, height, width = x.shape
    x = F.pad(x.view(n, c, height, 1, width, 1), (0, up - 1, 0, 0, 0, up - 1))
    return F.pad(x.view(n, c, height * up, width * up), pad * 2)


def fir(x: Tensor, taps: Tensor | None, gain: float) -> Tensor:
    """Each channel filtered, by a row both ways or by a plane."""
    if taps is None:
        return x
    c = x.shape[1]
    if taps.ndim == 2:
        return F.conv2d(x, (taps.flip((0, 1)) * gain).expand(c, 1, -1, -1), groups=c)
    row = (taps.flip(0) * math.sqrt(gain)).expand(c, 1, 1, -1)
    return F.conv2d(F.conv2d(x, row, groups=c), row.transpose(2, 3), groups=c)


@torch.no_grad()
def measure(config: StyleGAN3Config, rounds: int = 3) -> dict[str, Any]:
    """ms a frame of the plain way and of vjgan's, in turn (the least of each), their ratio, and
    the largest relative difference of their pictures."""
    torch.manual_seed(0)
    plain = StyleGAN3(config).eval()
    for layer in plain.synthesis.stack():
        layer.bias.normal_()
    played = StyleGAN3(config)
    played.load_state_dict(plain.state_dict())
    played.freeze()
    ws = plain.truncate(plain.mapping(torch.randn(1, config.z_dim)))
    times: dict[str, list[float]] = {"plain": [], "played": []}
    error = 0.0
    played.synthesis(ws)
    for k in range(rounds):
        begin = time.perf_counter()
        wanted = synthesis(plain, ws + 0.01 * k)
        middle = time.perf_counter()
        image = played.synthesis(ws + 0.01 * k)
        times["plain"].append(middle - begin)
        times["played"].append(time.perf_counter() - middle)
        error = max(error, float((image - wanted).abs().max() / wanted.abs().max()))
    least = {name: 1e3 * min(found) for name, found in times.items()}
    return {
        "threads": torch.get_num_threads(),
        "GFLOP a frame": config.gflop,
        "played: ms a frame": least["played"],
        "plain: ms a frame": least["plain"],
        "plain / played": least["plain"] / least["played"],
        "largest relative difference": error,
    }


def run(options: argparse.Namespace) -> dict[str, Any]:
    """StyleGAN3-T and -R at 256 pixels and full width, in a fresh process."""
    with get_context("spawn").Pool(1) as pool:
        return {
            "T, 256": pool.apply(measure, (TRANSLATION,)),
            "R, 256": pool.apply(measure, (ROTATION, 1)),
        }
