"""3x3 convolutions of many feature maps on a processor, with four times fewer products.

On tiles of 4x4 pixels (Winograd 1980; Lavin and Gray 2016): the way into 36 points a tile, one
matrix of weights a point, and the way back. It is done in strips of the picture that stay in the
cache, channels last, in memory taken once. fp32 errs some ten times as far as by the definition,
1e-5 of the largest value.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.stylegan2 import SLOPE, StyleConv, StyleGAN2
from vjgan.generator.winograd import INTO, KERNEL, OUT_OF, POINTS, SIDE, Memory

# Pixels along a side, and the least number of feature maps with which tiles have measured faster.
WORTHWHILE = {32: 256, 64: 256, 128: 128, 256: 128}
TILES = 64  # worked on together: enough for the products to be fast, few enough for the cache

Course = Callable[..., Tensor]


def worthwhile(network: StyleGAN2) -> list[int]:
    """The indexes of the convolutions that are faster on tiles."""
    return [
        2 * k
        for k, side in enumerate(network.config.sizes)
        if network.config.channels(side) >= WORTHWHILE.get(side, 2**16)
    ]


class Tiled:
    """A convolution that keeps the resolution, with its noise, bias and leaky ReLU, for one picture
    at a time. ``source`` [side, side, in] is where its modulated feature maps belong, ``result``
    [side, side, out] where to find what comes of them."""

    def __init__(self, layer: StyleConv, side: int, memory: Memory) -> None:
        n_out, n_in = layer.weight.shape[:2]
        self._memory, self._side, self._bound = memory, side, layer.bound
        kernel = torch.einsum("pi,qj,onij->pqno", KERNEL, KERNEL, layer.weight.cpu().double())
        self._weight = kernel.flatten(0, 1).float().contiguous()  # [36, in, out]
        self._into = torch.kron(INTO, INTO).float()  # [36, 36]
        self._out_of = torch.kron(OUT_OF, OUT_OF).float()  # [16, 36]
        self._bias = layer.bias.detach() * layer.gain  # [out]
        self._noise = torch.zeros(side, side)
        if layer.noise is not None and layer.noise_strength is not None:
            self._noise = layer.noise * (layer.noise_strength.detach() * layer.gain)
        # A row of zeros above the picture and one below, and a pixel before and after those.
        self._framed = torch.zeros((side + 2) * side + 2, n_in)
        first = 1 + side
        self.source = self._framed[first : first + side * side].view(side, side, n_in)
        self.result = torch.zeros(side, side, n_out)
        self._run = self._traced(n_in, n_out)

    def draw(self, demod: Tensor, noise: Tensor) -> None:
        """``source`` -> ``result``, by the demodulation [out], gain included, and the strength of
        the noise []."""
        self._run(self._framed, demod, noise, self.result, *self._pieces())

    def _pieces(self) -> list[Tensor]:
        """Memory for a strip: windows, points, products and results."""
        tiles, (_, n_in, n_out) = self._rows * self._count, self._weight.shape
        shapes = {"windows": (36, n_in), "points": (36, n_in), "product": (36, n_out)}
        shapes["tiles"] = (SIDE**2, n_out)
        return [self._memory.take(name, k, tiles, n) for name, (k, n) in shapes.items()]

    @property
    def _count(self) -> int:
        return self._side // SIDE  # tiles along a side

    @property
    def _rows(self) -> int:
        return max(1, min(self._count, TILES // self._count))  # of tiles in a strip

    def _traced(self, n_in: int, n_out: int) -> Course:
        # Operation by operation each would ask for the interpreter's lock, see `runtime.Traced`.
        trace: Callable[..., Course] = torch.jit.trace
        given = torch.ones(n_out), torch.tensor(1.0), self.result, *self._pieces()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of what is constant by intent
            return trace(self._strips, (self._framed, *given), check_trace=False)

    def _strips(
        self,
        framed: Tensor,
        demod: Tensor,
        noise: Tensor,
        result: Tensor,
        windows: Tensor,
        points: Tensor,
        product: Tensor,
        tiles: Tensor,
    ) -> Tensor:
        side, n, rows, c = self._side, self._count, self._rows, framed.shape[1]
        strides = (side * c, c, SIDE * side * c, SIDE * c, 1)
        lines = result.view(n // rows, rows, SIDE, n, SIDE, -1)
        noises = (self._noise * noise).view(n // rows, rows, SIDE, n, SIDE, 1)
        w = windows.view(POINTS, POINTS, rows, n, c)
        for k in range(n // rows):
            # Every tile's pixels, and one around them; beside the picture there are none.
            at = SIDE * rows * k * side * c
            w.copy_(framed.as_strided(w.shape, strides, at))  # [6, 6, rows, n, in]
            w[:, 0, :, 0].zero_()
            w[:, -1, :, -1].zero_()
            torch.mm(self._into, windows.flatten(1), out=points.flatten(1))
            torch.bmm(points, self._weight, out=product)  # [36, rows * n, out]
            torch.mm(self._out_of, product.flatten(1), out=tiles.flatten(1))
            pixels = tiles.view(SIDE, SIDE, rows, n, -1).permute(2, 0, 3, 1, 4)
            y = lines[k]  # [rows, 4, n, 4, out]
            torch.addcmul(self._bias, pixels, demod, out=y)
            y.add_(noises[k])
            F.leaky_relu_(y, SLOPE)
            if self._bound:
                y.clamp_(-self._bound, self._bound)
        return result
