"""3x3 convolutions of many feature maps on a processor, with fewer products.

On tiles of 4x4 pixels (Winograd 1980; Lavin and Gray 2016): the way into points, one matrix of
weights a point, and the way back. Where the resolution stays, 36 points stand for the 144 products
of a tile; where it doubles, 81 do. It is done in strips of the picture that stay in the cache,
channels last, in memory taken once. fp32 errs some ten times as far as by the definition, 1e-5 of
the largest value.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.stylegan2 import SLOPE, StyleConv, StyleGAN2
from vjgan.generator.winograd import INTO, KERNEL, OUT_OF, SIDE, Memory

# Pixels along a side, and the least number of feature maps with which tiles have measured faster:
# where the resolution stays, and where it doubles (pixels and maps that go in).
WORTHWHILE = {32: 256, 64: 256, 128: 128, 256: 128}
WORTH_DOUBLING = {32: 512, 64: 512}
TOGETHER = 2**15  # feature maps times tiles in a strip: the products are fast, the cache holds it

# A doubled line is x_i w_0 + x_(i-1) w_2 at 2i, and x_i w_1 at 2i + 1. Five points (0, 1, -1, 2 and
# infinity) give four of the former, the pixels themselves the others.
INTO_DOUBLE = torch.tensor([
    [2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1],
    [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1],
], dtype=torch.float64)  # fmt: skip
OUT_OF_DOUBLE = torch.tensor([
    [1, 1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0, 0, 0],
    [0, 1, -1, 2, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 0, 0],
    [0, 1, 1, 4, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0, 1, -1, 8, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 1],
], dtype=torch.float64)  # fmt: skip
KERNEL_DOUBLE = torch.tensor([
    [0, 0, 1 / 2], [-1 / 2, 0, -1 / 2], [1 / 6, 0, -1 / 6], [1 / 3, 0, 1 / 6], [1, 0, 0],
    [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0],
], dtype=torch.float64)  # fmt: skip

Course = Callable[..., Tensor]


def worthwhile(network: StyleGAN2) -> list[int]:
    """The indexes of the convolutions that are faster on tiles, in order."""
    taken, before = [], 4
    for k, side in enumerate(network.config.sizes):
        if k and network.config.channels(before) >= WORTH_DOUBLING.get(before, 2**16):
            taken.append(2 * k - 1)
        if network.config.channels(side) >= WORTHWHILE.get(side, 2**16):
            taken.append(2 * k)
        before = side
    return taken


class Tiled(ABC):
    """A convolution for one picture at a time. ``source`` [side, side, in] is where its modulated
    feature maps belong, ``result`` [r, r, out] where to find what comes of them. ``into`` [p, n],
    ``kernel`` [p, 3] and ``out_of`` [m, p] lead n pixels of a line to p points and back to m."""

    def __init__(
        self, layer: StyleConv, side: int, memory: Memory, into: Tensor, kernel: Tensor, out: Tensor
    ) -> None:
        n_out, n_in = layer.weight.shape[:2]
        self._memory, self._side = memory, side
        self._count = side // SIDE  # tiles along a side
        self._rows = max(1, min(self._count, TOGETHER // n_in // self._count))  # a strip
        points = torch.einsum("pi,qj,onij->pqno", kernel, kernel, layer.weight.cpu().double())
        self._weight = points.flatten(0, 1).float().contiguous()  # [p * p, in, out]
        self._into = torch.kron(into, into).float()  # [p * p, n * n]
        self._out_of = torch.kron(out, out).float()  # [m * m, p * p]
        self._window, self._made = into.shape[1], out.shape[0]
        # A row of zeros above the picture and one below, and a pixel before and after those.
        self._framed = torch.zeros((side + 2) * side + 2, n_in)
        self.source = self._picture(self._framed)
        self.result = self._nothing(n_out)

    def _picture(self, framed: Tensor) -> Tensor:
        side = self._side
        return framed[1 + side : 1 + side + side * side].view(side, side, -1)

    @abstractmethod
    def _nothing(self, n_out: int) -> Tensor:
        """Memory for the result."""

    @abstractmethod
    def _leave(self, strip: int, tiles: Tensor, result: Tensor, *given: Tensor) -> None:
        """What a strip gave, tiles [m, m, rows, count, out], to where it belongs."""

    @abstractmethod
    def _end(self, picture: Tensor, result: Tensor) -> None:
        """Fill in what no tile of a picture [side, side, in] holds."""

    def draw(self, *given: Tensor) -> None:
        """``source`` -> ``result``, by what the convolution is given."""
        self._run(self._framed, self.result, *self._pieces(), *given)

    def _trace(self, *given: Tensor) -> None:
        # Operation by operation each would ask for the interpreter's lock, see `runtime.Traced`.
        # What changes must come in: what is not given is a constant, which may be folded.
        trace: Callable[..., Course] = torch.jit.trace
        inputs = self._framed, self.result, *self._pieces(), *given
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of what is constant by intent
            self._run = trace(self._strips, inputs, check_trace=False)

    def _pieces(self) -> list[Tensor]:
        """Memory for a strip: windows, points, products and results."""
        tiles, (points, n_in, n_out) = self._rows * self._count, self._weight.shape
        shapes = {
            "windows": (self._window**2, n_in),
            "points": (points, n_in),
            "product": (points, n_out),
            "tiles": (self._made**2, n_out),
        }
        return [self._memory.take(name, k, tiles, n) for name, (k, n) in shapes.items()]

    def _strips(
        self,
        framed: Tensor,
        result: Tensor,
        windows: Tensor,
        points: Tensor,
        product: Tensor,
        tiles: Tensor,
        *given: Tensor,
    ) -> Tensor:
        side, n, rows, c = self._side, self._count, self._rows, framed.shape[1]
        strides = (side * c, c, SIDE * side * c, SIDE * c, 1)
        w = windows.view(self._window, self._window, rows, n, c)
        for k in range(n // rows):
            # Every tile's pixels, and one around them; beside the picture there are none.
            w.copy_(framed.as_strided(w.shape, strides, SIDE * rows * k * side * c))
            w[:, 0, :, 0].zero_()
            w[:, SIDE + 1 :, :, -1].zero_()
            torch.mm(self._into, windows.flatten(1), out=points.flatten(1))
            torch.bmm(points, self._weight, out=product)  # [p * p, rows * n, out]
            torch.mm(self._out_of, product.flatten(1), out=tiles.flatten(1))
            self._leave(k, tiles.view(self._made, self._made, rows, n, -1), result, *given)
        self._end(self._picture(framed), result)
        return result


class Kept(Tiled):
    """A convolution that keeps the resolution, with its noise, bias and leaky ReLU. It is given the
    demodulation [out], gain included, and the strength of the noise []."""

    def __init__(self, layer: StyleConv, side: int, memory: Memory) -> None:
        super().__init__(layer, side, memory, INTO, KERNEL, OUT_OF)
        self._bound = layer.bound
        self._bias = layer.bias.detach() * layer.gain  # [out]
        self._noise = torch.zeros(side, side)
        if layer.noise is not None and layer.noise_strength is not None:
            self._noise = layer.noise * (layer.noise_strength.detach() * layer.gain)
        self._trace(torch.ones(len(self._bias)), torch.tensor(1.0))

    def _nothing(self, n_out: int) -> Tensor:
        return torch.zeros(self._side, self._side, n_out)

    def _leave(self, strip: int, tiles: Tensor, result: Tensor, *given: Tensor) -> None:
        demod, noise = given
        rows, n = tiles.shape[2:4]
        y = result.view(n // rows, rows, SIDE, n, SIDE, -1)[strip]  # [rows, 4, n, 4, out]
        torch.addcmul(self._bias, tiles.permute(2, 0, 3, 1, 4), demod, out=y)
        y.add_((self._noise * noise).view(n // rows, rows, SIDE, n, SIDE, 1)[strip])
        F.leaky_relu_(y, SLOPE)
        if self._bound:
            y.clamp_(-self._bound, self._bound)

    def _end(self, picture: Tensor, result: Tensor) -> None: ...


class Doubled(Tiled):
    """A transposed convolution by 2, and nothing else: side pixels become 2 side + 1."""

    def __init__(self, layer: StyleConv, side: int, memory: Memory) -> None:
        super().__init__(layer, side, memory, INTO_DOUBLE, KERNEL_DOUBLE, OUT_OF_DOUBLE)
        weight = layer.weight.detach().permute(1, 2, 3, 0)  # [in, 3, 3, out]
        self._last_row = weight[:, 2].flatten(1).contiguous()  # [in, 3 * out]
        self._last_column = weight[:, :, 2].flatten(1).contiguous()  # [in, 3 * out]
        self._trace()

    def _nothing(self, n_out: int) -> Tensor:
        return torch.zeros(2 * self._side + 1, 2 * self._side + 1, n_out)

    def _leave(self, strip: int, tiles: Tensor, result: Tensor, *given: Tensor) -> None:
        m, _, rows, n, c = tiles.shape
        line = result.shape[1] * c
        shape, strides = (rows, m, n, m, c), (m * line, line, m * c, c, 1)
        y = result.as_strided(shape, strides, m * rows * strip * line)
        y.copy_(tiles.permute(2, 0, 3, 1, 4))

    def _end(self, picture: Tensor, result: Tensor) -> None:
        # The last row and column are behind all tiles: lines, doubled by the definition.
        for weight, pixels, line in (
            (self._last_row, picture[-1], result[-1]),
            (self._last_column, picture[:, -1], result[:, -1]),
        ):
            taps = torch.mm(pixels, weight).view(self._side, 3, -1)  # [side, 3, out]
            line[1::2] = taps[:, 1]
            line[:-1:2] = taps[:, 0]
            line[-1] = 0.0
            line[2::2] += taps[:, 2]
