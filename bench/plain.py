"""StyleGAN2's synthesis done plainly, in the manner that was published: the measure of speed.

Every picture gets weights of its own, in a grouped convolution; the smoothing filter, noise, bias,
leaky ReLU and gain are operations of their own; feature maps outermost; fp32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.stylegan2 import StyleGAN2


class Plain:
    """A ``Runtime`` for the "skip" architecture and the published filter."""

    name = "plain torch, fp32, cpu"

    def __init__(self, network: StyleGAN2) -> None:
        self._net: Any = network.eval().requires_grad_(False).synthesis
        row = torch.tensor(network.config.filter)  # [4]
        self._filter = torch.outer(row, row) / row.sum() ** 2  # [4, 4]

    @torch.inference_mode()
    def draw(self, w: np.ndarray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        net, ws = self._net, torch.from_numpy(w)[None]  # [1, num_ws, w_dim]
        x = net.const[None]  # [1, c, 4, 4]
        x = self._layer(net.convs[0], x, ws[:, 0], noise)  # [1, c, 4, 4]
        image = self._colour(net.to_rgb[0], x, ws[:, 1])  # [1, img, 4, 4]
        for k in range(1, len(net.to_rgb)):
            x = self._layer(net.convs[2 * k - 1], x, ws[:, 2 * k - 1], noise)  # [1, c, r, r]
            x = self._layer(net.convs[2 * k], x, ws[:, 2 * k], noise)  # [1, c, r, r]
            image = upfirdn(image, self._filter * 4.0, up=2, pad=(2, 1))  # [1, img, r, r]
            image = image + self._colour(net.to_rgb[k], x, ws[:, 2 * k + 1])  # [1, img, r, r]
        return image[0]

    def _layer(self, layer: Any, x: Tensor, w: Tensor, noise: float) -> Tensor:
        up = layer.filter is not None
        x = modulated(x, layer.weight, style(layer.affine, w), True, up)  # [n, out, ...]
        if up:
            x = upfirdn(x, self._filter * 4.0, up=1, pad=(1, 1))  # [n, out, 2r, 2r]
        x = x + layer.noise * (layer.noise_strength * noise)  # [n, out, r, r]
        x = x + layer.bias[None, :, None, None]  # [n, out, r, r]
        return F.leaky_relu(x, 0.2) * math.sqrt(2.0)  # [n, out, r, r]

    def _colour(self, layer: Any, x: Tensor, w: Tensor) -> Tensor:
        styles = style(layer.affine, w) / math.sqrt(x.shape[1])  # [n, in]
        colour = modulated(x, layer.weight, styles, False, False)  # [n, img, r, r]
        return colour + layer.bias[None, :, None, None]  # [n, img, r, r]


def style(affine: Any, w: Tensor) -> Tensor:
    """w [n, w_dim] -> [n, in]; the weights are scaled in each call."""
    return torch.addmm(affine.bias[None], w, (affine.weight * affine.weight_gain).T)


def modulated(x: Tensor, weight: Tensor, styles: Tensor, demodulate: bool, up: bool) -> Tensor:
    """x [n, in, r, r], weight [out, in, k, k] -> [n, out, r, r], or [n, out, 2r+1, 2r+1]."""
    n, n_in, height, width = x.shape
    n_out, _, k, _ = weight.shape
    own = weight[None] * styles[:, None, :, None, None]  # [n, out, in, k, k]
    if demodulate:
        own = own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, n * n_in, height, width)  # one group a picture
    if up:
        own = own.transpose(1, 2).reshape(n * n_in, n_out, k, k)
        x = F.conv_transpose2d(x, own, stride=2, groups=n)  # [1, n * out, 2r+1, 2r+1]
    else:
        x = F.conv2d(x, own.reshape(n * n_out, n_in, k, k), padding=k // 2, groups=n)
    return x.reshape(n, n_out, *x.shape[2:])


def upfirdn(x: Tensor, taps: Tensor, up: int, pad: tuple[int, int]) -> Tensor:
    """x [n, c, h, w] with ``up`` - 1 zeros after each pixel, padded, filtered by taps [k, k]."""
    n, channels, height, width = x.shape
    x = F.pad(x.reshape(n, channels, height, 1, width, 1), (0, up - 1, 0, 0, 0, up - 1))
    x = x.reshape(n, channels, height * up, width * up)
    x = F.pad(x, (*pad, *pad))  # [n, c, h * up + ..., w * up + ...]
    kernel = taps.flip(0, 1)[None, None].repeat(channels, 1, 1, 1)  # [c, 1, k, k]
    return F.conv2d(x, kernel, groups=channels)
