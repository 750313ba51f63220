"""A generator's synthesis as training needs it: in batches, in 16 bits, each picture with noise of
its own, and with few passes over the feature maps.

The activations are modulated rather than the weights, so a batch is one convolution; gain,
demodulation and bias are one pass (a leaky ReLU keeps a positive factor). What it computes is what
``Synthesis`` computes, and a test holds it to that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.stylegan2 import EPSILON, SLOPE, StyleConv, Synthesis, ToRGB, double
from vjgan.train.fir import smooth
from vjgan.train.precision import Precision


def noise_shapes(synthesis: Synthesis) -> list[int]:
    """How many numbers of noise a picture takes at each convolution, 0 where there is none."""
    return [0 if conv.noise is None else conv.noise.numel() for conv in _convs(synthesis)]


def kept_noise(synthesis: Synthesis, count: int) -> Tensor | None:
    """The noise that the network is kept with, for so many pictures: [count, sum of
    `noise_shapes`]; None without any."""
    fields = [conv.noise.flatten() for conv in _convs(synthesis) if conv.noise is not None]
    return torch.cat(fields).expand(count, -1) if fields else None


def paint(synthesis: Synthesis, ws: Tensor, noise: Tensor | None, precision: Precision) -> Tensor:
    """ws [n, num_ws, w_dim] -> image [n, img_channels, r, r], fp32, about -1..1.

    ``noise`` is [n, sum of `noise_shapes`], standard normal; None leaves it out."""
    fields = _fields(synthesis, noise)
    convs, to_rgb = _convs(synthesis), synthesis.to_rgb
    x = synthesis.const.expand(len(ws), -1, -1, -1)  # [n, c, 4, 4]
    x = x.contiguous(memory_format=torch.channels_last)
    x = _convolve(convs[0], x, ws[:, 0], fields[0], precision)  # [n, c, 4, 4]
    last = (len(convs) - 1) // 2
    first_colour = last + 1 - len(to_rgb)
    image: Tensor | None = None
    for k in range(last + 1):
        if k:
            a, b = 2 * k - 1, 2 * k
            x = x.to(precision.at(4 << k))  # [n, in, r, r]
            y = _convolve(convs[a], x, ws[:, a], fields[a], precision)  # [n, out, 2r, 2r]
            y = _convolve(convs[b], y, ws[:, b], fields[b], precision)  # [n, out, 2r, 2r]
            x = y + synthesis.shortcuts[k - 1](x) if len(synthesis.shortcuts) else y
        if k >= first_colour:
            colour = _colour(to_rgb[k - first_colour], x, ws[:, 2 * k + 1], precision)
            image = colour if image is None else double(image, synthesis.taps) + colour
    assert image is not None
    return image  # [n, img_channels, r, r]


def _convs(synthesis: Synthesis) -> list[StyleConv]:
    return [conv for conv in synthesis.convs if isinstance(conv, StyleConv)]


def _fields(synthesis: Synthesis, noise: Tensor | None) -> Sequence[Tensor | None]:
    sizes = noise_shapes(synthesis)
    if noise is None:
        return [None] * len(sizes)
    sides = [math.isqrt(size) for size in sizes]
    parts = zip(torch.split(noise, sizes, 1), sides, strict=True)
    return [part.reshape(-1, 1, side, side) if side else None for part, side in parts]


def _convolve(
    conv: StyleConv, x: Tensor, w: Tensor, noise: Tensor | None, precision: Precision
) -> Tensor:
    """x [n, in, r, r], w [n, w_dim] -> [n, out, r, r], or [n, out, 2r, 2r] where it doubles."""
    style = conv.affine(w)  # [n, in]
    squares = conv.weight.square().sum((2, 3))  # [out, in]
    demod = (style.square() @ squares.T + EPSILON).rsqrt()  # [n, out]
    # Kept near 1 for fp16's sake: the demodulation makes up for any factor.
    most = style.detach().abs().amax(1, keepdim=True) + EPSILON  # [n, 1]
    small = 1.0 / math.sqrt(conv.weight[0].numel())
    scale = demod * most * (conv.gain / small)  # [n, out]
    x = x * (style / most)[:, :, None, None].to(x.dtype)  # [n, in, r, r]
    weight = (conv.weight * small).to(x.dtype)  # [out, in, 3, 3]
    if conv.filter is None:
        x = F.conv2d(x, weight, padding=1)  # [n, out, r, r]
    else:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # [n, out, 2r+1, 2r+1]
        x = smooth(x, conv.filter)  # [n, out, 2r, 2r]
    bias = (conv.bias * conv.gain)[None, :, None, None].to(x.dtype)  # [1, out, 1, 1]
    if noise is not None and conv.noise_strength is not None:
        bias = bias + (noise * (conv.noise_strength * conv.gain)).to(x.dtype)  # [n, out, r, r]
    x = torch.addcmul(bias, x, scale[:, :, None, None].to(x.dtype))  # [n, out, r, r]
    x = F.leaky_relu(x, SLOPE)  # [n, out, r, r]
    bound = conv.bound or precision.clamp * conv.gain / math.sqrt(2.0)
    return x.clamp(-bound, bound) if bound else x


def _colour(layer: torch.nn.Module, x: Tensor, w: Tensor, precision: Precision) -> Tensor:
    """x [n, in, r, r], w [n, w_dim] -> colour [n, img_channels, r, r], fp32."""
    assert isinstance(layer, ToRGB)
    style = layer.affine(w) * layer.gain  # [n, in]
    x = x * style[:, :, None, None].to(x.dtype)  # [n, in, r, r]
    image = F.conv2d(x, layer.weight.to(x.dtype)).float() + layer.bias[:, None, None]
    bound = layer.bound or precision.clamp
    return image.clamp(-bound, bound) if bound else image
