"""Networks as graphs for an engine that lays weights out for its kernels once: they are constants.

A style scales the feature maps before a convolution and its demodulation those after it (Karras et
al. 2020a, section 2.2, which is the same by linearity). What lies between two convolutions -
demodulation, noise, bias, leaky ReLU, the next style - becomes one pass over the memory. Where a
convolution is done elsewhere (see ``tiles``) the graph is cut, and goes on in another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vjgan.generator.stylegan2 import EPSILON, SLOPE, StyleGAN2

Operations = Any  # the engine's, an ONNX-like set whose functions have no types
Node = Any  # what they make
Layer = Any  # of the network: torch keeps its own lists as plain modules
Parts = tuple[list[Node], list[Node]]  # results and parameters


class Graph:
    """The synthesis of a frozen network, made of ``ops``: every node holds a batch of one picture.
    The convolutions of the indexes ``elsewhere`` are not in it."""

    def __init__(
        self, network: StyleGAN2, ops: Operations, elsewhere: Collection[int] = ()
    ) -> None:
        self._ops = ops
        self._net, self._config, self._elsewhere = network.synthesis, network.config, elsewhere
        self._done: list[Parts] = []
        self._begin()

    def _begin(self) -> None:
        self._w = self._ops.parameter([self._config.num_ws, self._config.w_dim], np.float32)
        self._noise = self._ops.parameter([1, 1, 1, 1], np.float32)
        self._parameters = [self._w, self._noise]

    def parts(self) -> list[Parts]:
        """Results and parameters of one graph after the other, with a convolution done elsewhere
        between two of them. Parameters: w [num_ws, w_dim], noise [1, 1, 1, 1], then all but the
        first take what the convolution makes, [1, r, r, out] or [1, 2r+1, 2r+1, out], and perhaps
        what the graph before had as its second result. Results: of the last one the image
        [1, r, r, img], of the others the modulated feature maps [1, r, r, in], perhaps what goes on
        to the next graph, and, where the resolution stays, the demodulation [1, out]."""
        net, ops = self._net, self._ops
        x = self._conv(net.convs[0], self._constant(net.const[None]), 0)  # [1, c, 4, 4]
        resolutions = len(self._config.sizes)
        uncoloured = resolutions - len(net.to_rgb)  # resolutions without a colour
        image = None
        for k in range(resolutions):
            if k:
                x, image = self._grow(k, x, image)  # [1, c, r, r]
            if k >= uncoloured:
                colour = self._rgb(net.to_rgb[k - uncoloured], x, 2 * k + 1)  # [1, img, r, r]
                image = colour if image is None else ops.add(self._double(image), colour)
        return [*self._done, ([self._last(image)], self._parameters)]

    def _grow(self, k: int, x: Node, image: Node) -> tuple[Node, Node]:
        """x [1, in, r, r] -> [1, out, 2r, 2r]: the two convolutions of resolution ``k``; and the
        image as it was."""
        net, ops = self._net, self._ops
        residual = len(net.shortcuts) > 0  # then there is no image until the last resolution
        y, aside = x, image
        if residual:
            shortcut: Layer = net.shortcuts[k - 1]
            aside = self._convolve(x, shortcut.weight * shortcut.gain)  # [1, out, r, r]
        for index in (2 * k - 1, 2 * k):
            layer: Layer = net.convs[index]
            if index in self._elsewhere:
                y, aside = self._cut(layer, y, index, aside)  # [1, out, 2r, 2r]
            else:
                y = self._conv(layer, y, index)  # [1, out, 2r, 2r]
        return (ops.add(y, self._double(aside)), None) if residual else (y, aside)

    def _cut(self, layer: Layer, x: Node, index: int, aside: Node) -> tuple[Node, Node]:
        """Where the next graph finds what the convolution ``index`` makes of x [1, in, r, r], and
        ``aside``, if there is anything."""
        ops, doubles = self._ops, layer.filter is not None
        kept = [] if aside is None else [aside]
        needed = [] if doubles else [self._demod(layer, index)]
        source = self._last(self._modulated(layer, x, index))  # [1, r, r, in]
        self._done.append(([source, *kept, *needed], self._parameters))
        sides = [2 * side + 1 if doubles else side for side in x.shape[2:]]
        self._begin()
        y = ops.parameter([1, *sides, layer.weight.shape[0]], np.float32)
        again = [ops.parameter(list(node.shape), np.float32) for node in kept]
        self._parameters += [y, *again]
        y = ops.transpose(y, ops.constant(np.array([0, 3, 1, 2])))  # [1, out, r, r]
        if doubles:
            y = self._finish(layer, self._smooth(y, layer.filter), index)  # [1, out, 2r, 2r]
        else:
            y = self._entered(y)
        return y, again[0] if again else None

    def _entered(self, x: Node) -> Node:
        """x [1, c, r, r], which stays as it lies in memory, channels last, and all that follows
        with it: a filter of one tap makes sure. Turned alone it would be copied twice."""
        none, ones = [0, 0], [1, 1]
        kernel = self._constant(torch.ones(x.shape[1], 1, 1, 1, 1))
        return self._ops.group_convolution(x, kernel, ones, none, none, ones)

    def _last(self, x: Node) -> Node:
        """[1, c, r, r] -> [1, r, r, c]. So it lies in memory already: feature maps innermost."""
        return self._ops.transpose(x, self._ops.constant(np.array([0, 2, 3, 1])))

    def _modulated(self, layer: Layer, x: Node, index: int) -> Node:
        """x [1, in, r, r] by what one w makes of a layer: its style."""
        return self._ops.multiply(x, self._channels(self._style(layer, index)))

    def _demod(self, layer: Layer, index: int) -> Node:
        """The demodulation that one w makes of a layer, gain included: [1, out]."""
        ops = self._ops
        style = self._style(layer, index)  # [1, in]
        squares = self._constant(layer.squares)  # [out, in]
        power = ops.matmul(ops.multiply(style, style), squares, False, True)  # [1, out]
        root = ops.sqrt(ops.add(power, self._constant(EPSILON)))
        return ops.divide(self._constant(layer.gain), root)  # [1, out]

    def _conv(self, layer: Layer, x: Node, index: int) -> Node:
        """x [1, in, r, r] -> [1, out, r, r] or [1, out, 2r, 2r]."""
        x = self._modulated(layer, x, index)  # [1, in, r, r]
        if layer.filter is None:
            x = self._convolve(x, layer.weight, 1)  # [1, out, r, r]
        else:
            x = self._smooth(self._transposed(x, layer.weight), layer.filter)  # [1, out, 2r, 2r]
        return self._finish(layer, x, index)

    def _finish(self, layer: Layer, x: Node, index: int) -> Node:
        """x [1, out, r, r], demodulated, with noise and bias, through the leaky ReLU."""
        ops = self._ops
        # Before anything else: behind noise that differs from pixel to pixel it would be copied.
        x = ops.multiply(x, self._channels(self._demod(layer, index)))  # [1, out, r, r]
        if layer.noise is not None:
            strength = layer.noise_strength * layer.gain  # []
            noise = self._constant((layer.noise * strength)[None, None])  # [1, 1, r, r]
            x = ops.add(x, ops.multiply(noise, self._noise))  # [1, out, r, r]
        x = ops.add(x, self._constant((layer.bias * layer.gain)[None, :, None, None]))
        return self._clamp(ops.prelu(x, self._constant([SLOPE])), layer.bound)

    def _rgb(self, layer: Layer, x: Node, index: int) -> Node:
        """x [1, in, r, r] -> [1, img, r, r]."""
        ops = self._ops
        x = self._modulated(layer, x, index)  # [1, in, r, r]
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


def enlarging(
    net: Layer, size: tuple[int, int], ops: Operations, reach: Sequence[float] = ()
) -> tuple[list[Node], list[Node]]:
    """An up-resolution as ``Upscaler.forward`` does it, its results and parameters: image
    [1, 2h, 2w, 3]; image [1, 3, h, w] of ``size`` h, w. Where it is known how far what goes into
    the convolutions of its body reaches, these multiply in 8 bits."""

    def conv(layer: Layer, x: Node, most: float = 0.0) -> Node:
        ones, pads = [1, 1], list(layer.padding)
        weight, bias = layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()
        held = ops.constant(weight)
        if most:
            x = levels(x, np.full((1, 1, 1, 1), most, np.float32), 256)
            held = levels(held, abs(weight).max((1, 2, 3), keepdims=True), 255)
        x = ops.convolution(x, held, ones, pads, pads, ones)
        return ops.add(x, ops.constant(bias[None, :, None, None]))

    def levels(x: Node, most: np.ndarray, count: int) -> Node:
        """x brought to so many levels from -most to most; an even count has one more below."""
        low, high = ops.constant(-most * (1 if count % 2 else 128 / 127)), ops.constant(most)
        return ops.fake_quantize(x, low, high, low, high, count)

    def bend(x: Node) -> Node:
        return ops.prelu(x, ops.constant(np.array([SLOPE], np.float32)))

    image = ops.parameter([1, 3, *size], np.float32)
    x = bend(conv(net.enter, ops.space_to_depth(image, "depth_first", 2)))
    steps = list(zip(net.body, reach or [0.0] * len(net.body), strict=True))
    for first, second in zip(steps[0::2], steps[1::2], strict=True):
        y = conv(second[0], bend(conv(first[0], x, first[1])), second[1])
        x = ops.add(x, y)  # [1, width, h/2, w/2]
    x = ops.depth_to_space(conv(net.rise, x), "depth_first", 2)  # [1, near, h, w]
    x = bend(conv(net.mix, bend(ops.add(x, conv(net.near, image)))))  # [1, near, h, w]
    x = ops.depth_to_space(conv(net.leave, x), "depth_first", 2)  # [1, 3, 2h, 2w]
    sides = ops.constant(np.array(x.shape)[2:])
    axes = ops.constant(np.array([2, 3]))
    plain = ops.interpolate(image, sides, "linear_onnx", "sizes", axes=axes)
    # So it lies in memory already: feature maps innermost.
    result = ops.transpose(ops.add(plain, x), ops.constant(np.array([0, 2, 3, 1])))
    return [result], [image]
