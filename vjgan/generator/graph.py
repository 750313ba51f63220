"""Networks as graphs for an engine that lays weights out for its kernels once: they are constants.

A style scales the feature maps before a convolution and its demodulation those after it (Karras et
al. 2020a, section 2.2, which is the same by linearity). What lies between two convolutions -
demodulation, noise, bias, leaky ReLU, the next style - becomes one pass over the memory. Where
feature maps are small and many, a convolution is done on tiles of 4x4 pixels, with four times fewer
products than by its definition (Winograd 1980; Lavin and Gray 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vjgan.generator.stylegan2 import EPSILON, SLOPE, StyleGAN2
from vjgan.generator.winograd import INTO, KERNEL, OUT_OF, POINTS, SIDE

TILED_SIDES = (32, 64)  # pixels: below, the transformed weights take longer to read than they save
TILED_MAPS = 256  # at least; with fewer the way into tiles and out of them costs more

Operations = Any  # the engine's, an ONNX-like set whose functions have no types
Node = Any  # what they make
Layer = Any  # of the network: torch keeps its own lists as plain modules


class Graph:
    """The synthesis of a frozen network, made of ``ops``: every node holds a batch of one picture.
    ``tiles`` allows what needs the precision of fp32."""

    def __init__(self, network: StyleGAN2, ops: Operations, tiles: bool = True) -> None:
        self._ops = ops
        self._net, self._config, self._tiles = network.synthesis, network.config, tiles
        self._w = self._ops.parameter([self._config.num_ws, self._config.w_dim], np.float32)
        self._noise = self._ops.parameter([1, 1, 1, 1], np.float32)

    def parts(self) -> tuple[list[Node], list[Node]]:
        """Results and parameters: image [1, r, r, img]; w [num_ws, w_dim], noise [1, 1, 1, 1]."""
        net, ops = self._net, self._ops
        x = self._conv(net.convs[0], self._constant(net.const[None]), 0)  # [1, c, 4, 4]
        resolutions = len(self._config.sizes)
        uncoloured = resolutions - len(net.to_rgb)  # resolutions without a colour
        image = None
        for k in range(resolutions):
            if k:
                x = self._grow(k, x)  # [1, c, r, r]
            if k >= uncoloured:
                colour = self._rgb(net.to_rgb[k - uncoloured], x, 2 * k + 1)  # [1, img, r, r]
                image = colour if image is None else ops.add(self._double(image), colour)
        # So it lies in memory already: feature maps innermost.
        image = ops.transpose(image, ops.constant(np.array([0, 2, 3, 1])))  # [1, r, r, img]
        return [image], [self._w, self._noise]

    def _grow(self, k: int, x: Node) -> Node:
        """x [1, in, r, r] -> [1, out, 2r, 2r]: the two convolutions of resolution ``k``."""
        net, ops = self._net, self._ops
        y = self._conv(net.convs[2 * k - 1], x, 2 * k - 1)  # [1, out, 2r, 2r]
        y = self._conv(net.convs[2 * k], y, 2 * k)  # [1, out, 2r, 2r]
        if not len(net.shortcuts):
            return y
        shortcut: Layer = net.shortcuts[k - 1]
        x = self._convolve(x, shortcut.weight * shortcut.gain)  # [1, out, r, r]
        return ops.add(y, self._double(x))

    def _conv(self, layer: Layer, x: Node, index: int) -> Node:
        """x [1, in, r, r] -> [1, out, r, r] or [1, out, 2r, 2r]."""
        ops = self._ops
        style = self._style(layer, index)  # [1, in]
        squares = self._constant(layer.squares)  # [out, in]
        power = ops.matmul(ops.multiply(style, style), squares, False, True)  # [1, out]
        root = ops.sqrt(ops.add(power, self._constant(EPSILON)))
        demod = ops.divide(self._constant(layer.gain), root)  # [1, out]
        x = ops.multiply(x, self._channels(style))  # [1, in, r, r]
        if layer.filter is None:
            fit = x.shape[2] in TILED_SIDES and x.shape[1] >= TILED_MAPS
            convolve = self._convolve_tiles if fit and self._tiles else self._convolve
            x = convolve(x, layer.weight, 1)  # [1, out, r, r]
        else:
            x = self._smooth(self._transposed(x, layer.weight), layer.filter)  # [1, out, 2r, 2r]
        x = ops.multiply(x, self._channels(demod))  # [1, out, r, r]
        if layer.noise is not None:
            strength = layer.noise_strength * layer.gain  # []
            noise = self._constant((layer.noise * strength)[None, None])  # [1, 1, r, r]
            x = ops.add(x, ops.multiply(noise, self._noise))  # [1, out, r, r]
        x = ops.add(x, self._constant((layer.bias * layer.gain)[None, :, None, None]))
        return self._clamp(ops.prelu(x, self._constant([SLOPE])), layer.bound)

    def _rgb(self, layer: Layer, x: Node, index: int) -> Node:
        """x [1, in, r, r] -> [1, img, r, r]."""
        ops = self._ops
        x = ops.multiply(x, self._channels(self._style(layer, index)))  # [1, in, r, r]
        x = self._convolve(x, layer.weight * layer.gain)  # [1, img, r, r]
        x = ops.add(x, self._constant(layer.bias[None, :, None, None]))  # [1, img, r, r]
        return self._clamp(x, layer.bound)

    def _style(self, layer: Layer, index: int) -> Node:
        """What one w makes of a layer's feature maps: [1, in]."""
        ops, affine = self._ops, layer.affine
        w = ops.gather(self._w, ops.constant(np.array([index])), ops.constant(0))  # [1, w_dim]
        weight = self._constant(affine.weight * affine.weight_gain)  # [in, w_dim]
        style = ops.matmul(w, weight, False, True)  # [1, in]
        return ops.add(style, self._constant(affine.bias[None] * affine.bias_gain))

    def _convolve(self, x: Node, weight: Tensor, pad: int = 0) -> Node:
        ones, pads = [1, 1], [pad, pad]
        return self._ops.convolution(x, self._constant(weight), ones, pads, pads, ones)

    def _convolve_tiles(self, x: Node, weight: Tensor, pad: int) -> Node:
        """As ``_convolve``, of 3x3: along each axis one product into tiles, and one out of them."""
        ops, reshape, r = self._ops, self._reshape, int(x.shape[2])
        n_out, n_in = weight.shape[:2]
        count = r // SIDE
        into, out_of = (self._constant(matrix[None]) for matrix in bands(r, pad))  # [1, p*t, r]
        kernel = torch.einsum("pi,qj,onij->pqno", KERNEL, KERNEL, weight.cpu().double())
        kernel = kernel.reshape(POINTS**2, n_in, n_out)
        across = ops.constant(np.array([0, 2, 1, 3, 4]))
        x = reshape(ops.transpose(x, ops.constant(np.array([0, 2, 3, 1]))), 1, r, r * n_in)
        x = reshape(ops.matmul(into, x, False, False), POINTS * count, r, n_in)
        x = ops.matmul(into, x, False, False)  # [p*t, p*t, in], points outside, tiles inside
        x = ops.transpose(reshape(x, POINTS, count, POINTS, count, n_in), across)
        x = reshape(x, POINTS**2, count**2, n_in)
        x = ops.matmul(x, self._constant(kernel), False, False)  # [p*p, t*t, out]
        x = ops.transpose(reshape(x, POINTS, POINTS, count, count, n_out), across)
        x = reshape(x, POINTS * count, POINTS * count, n_out)  # [p*t, p*t, out]
        x = reshape(ops.matmul(out_of, x, False, False), 1, POINTS * count, r * n_out)
        x = reshape(ops.matmul(out_of, x, False, False), 1, r, r, n_out)
        return ops.transpose(x, ops.constant(np.array([0, 3, 1, 2])))  # [1, out, r, r]

    def _transposed(self, x: Node, weight: Tensor) -> Node:
        """x [1, in, r, r], weight [out, in, 3, 3] -> [1, out, 2r+1, 2r+1]."""
        kernel = self._constant(weight.transpose(0, 1))  # [in, out, 3, 3]
        return self._ops.convolution_backprop_data(
            x, kernel, strides=[2, 2], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1]
        )

    def _smooth(self, x: Node, taps: Tensor) -> Node:
        """x [1, c, 2r+1, 2r+1], taps [c, 1, n, n] -> [1, c, 2r, 2r]."""
        n = taps.shape[-1]
        if n < 2:
            raise RuntimeError(f"it smooths by {n} tap, and the engine needs 2 or more")
        before, after, ones = [(n - 1) // 2] * 2, [n // 2 - 1] * 2, [1, 1]
        kernel = self._constant(taps[:, None])  # [c, 1, 1, n, n]
        return self._ops.group_convolution(x, kernel, ones, before, after, ones)

    def _double(self, image: Node) -> Node:
        """[1, c, r, r] -> [1, c, 2r, 2r], as ``stylegan2.double`` does it."""
        n = len(self._config.filter)
        row = torch.tensor(self._config.filter)  # [n]
        row = row * (2.0 / row.sum())  # [n], sums to 2: every other pixel is empty
        kernel = torch.outer(row, row).expand(image.shape[1], 1, 1, n, n)  # [c, 1, 1, n, n]
        return self._ops.group_convolution_backprop_data(
            image,
            self._constant(kernel),
            [2, 2],
            pads_begin=[n - 1 - (n + 1) // 2] * 2,  # cut off, so that 2r are left
            pads_end=[n - 1 - n // 2] * 2,
            dilations=[1, 1],
        )

    def _clamp(self, x: Node, bound: float) -> Node:
        return self._ops.clamp(x, -bound, bound) if bound else x

    def _channels(self, scales: Node) -> Node:
        """[1, c] -> [1, c, 1, 1]."""
        return self._reshape(scales, 1, -1, 1, 1)

    def _reshape(self, x: Node, *shape: int) -> Node:
        return self._ops.reshape(x, self._ops.constant(np.array(shape)), False)

    def _constant(self, value: Tensor | float | Sequence[float]) -> Node:
        array = torch.as_tensor(value).detach().cpu().float().contiguous().numpy()
        return self._ops.constant(array, dtype=np.float32)


def enlarging(net: Layer, size: tuple[int, int], ops: Operations) -> tuple[list[Node], list[Node]]:
    """An up-resolution as ``Upscaler.forward`` does it, its results and parameters: image
    [1, 2h, 2w, 3]; image [1, 3, h, w] of ``size`` h, w."""

    def conv(layer: Layer, x: Node) -> Node:
        ones, pads = [1, 1], list(layer.padding)
        weight, bias = layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()
        x = ops.convolution(x, ops.constant(weight), ones, pads, pads, ones)
        return ops.add(x, ops.constant(bias[None, :, None, None]))

    def bend(x: Node) -> Node:
        return ops.prelu(x, ops.constant(np.array([SLOPE], np.float32)))

    image = ops.parameter([1, 3, *size], np.float32)
    x = bend(conv(net.enter, ops.space_to_depth(image, "depth_first", 2)))
    for first, second in zip(net.body[0::2], net.body[1::2], strict=True):
        x = ops.add(x, conv(second, bend(conv(first, x))))  # [1, width, h/2, w/2]
    x = ops.depth_to_space(conv(net.rise, x), "depth_first", 2)  # [1, near, h, w]
    x = bend(conv(net.mix, bend(ops.add(x, conv(net.near, image)))))  # [1, near, h, w]
    x = ops.depth_to_space(conv(net.leave, x), "depth_first", 2)  # [1, 3, 2h, 2w]
    sides = ops.constant(np.array(x.shape)[2:])
    axes = ops.constant(np.array([2, 3]))
    plain = ops.interpolate(image, sides, "linear_onnx", "sizes", axes=axes)
    # So it lies in memory already: feature maps innermost.
    result = ops.transpose(ops.add(plain, x), ops.constant(np.array([0, 2, 3, 1])))
    return [result], [image]


def bands(side: int, pad: int) -> tuple[Tensor, Tensor]:
    """The matrices from a line of pixels to the points of its tiles [points * tiles, side], zeros
    around it, and from there to the line's convolution [side, points * tiles]."""
    count = side // SIDE
    into = torch.zeros(POINTS, count, side + 2 * pad, dtype=torch.float64)
    out_of = torch.zeros(count, SIDE, POINTS, count, dtype=torch.float64)
    for tile in range(count):
        into[:, tile, SIDE * tile : SIDE * tile + POINTS] = INTO
        out_of[tile, :, :, tile] = OUT_OF
    into = into[:, :, pad : pad + side].reshape(POINTS * count, side)
    return into, out_of.reshape(side, POINTS * count)
