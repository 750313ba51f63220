"""StyleGAN3 for one picture on a CPU: everything as products of small matrices, channels last.

A 3x3 convolution is done on tiles of 4x4 pixels (Winograd 1980; Lavin and Gray 2016): four times
fewer products than by its definition. The way into tiles, the way out of them and both low-pass
filters are linear along each axis, so what lies between a convolution and the leaky ReLU is one
banded matrix an axis, and so is what lies between the leaky ReLU and the next convolution. Bands
are applied block by block, in strips of rows that stay in the cache. A radial filter is a sum of
such pairs of bands. Memory is taken once and used again for each picture.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.filters import downsampling

if TYPE_CHECKING:
    from vjgan.generator.stylegan3 import Layer

SLOPE, GAIN = 0.2, math.sqrt(2.0)  # of the leaky ReLU
SIDE, POINTS = 4, 6  # pixels along a tile, and what the transform makes of them
STRIP = 16  # rows at the leaky ReLU that are worked on together
DROPPED = 1e-6  # singular values of a radial filter below this share of the largest
INTO = torch.tensor([
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
], dtype=torch.float64)  # fmt: skip
OUT_OF = torch.tensor([
    [1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1],
], dtype=torch.float64)  # fmt: skip
KERNEL = torch.tensor([
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
], dtype=torch.float64)  # fmt: skip
ONE = 1  # the point that alone makes a tile of ones: where a bias is added


class Tiling:
    """How a convolution sees one axis: in tiles of `SIDE` results (3x3) or pixel by pixel (1x1)."""

    def __init__(self, size_in: int, kernel: int) -> None:
        self.side, self.points = (SIDE, POINTS) if kernel == 3 else (1, 1)
        self.size_in, self.size_conv = size_in, size_in + kernel - 1
        self.count = -(-self.size_conv // self.side)
        self.length = self.count * self.points

    def into(self) -> Tensor:
        """The matrix [length, size_in] from pixels to points."""
        if self.points == 1:
            return torch.eye(self.size_in, dtype=torch.float64)
        matrix = torch.zeros(self.length, SIDE * self.count + 2, dtype=torch.float64)
        for k in range(self.count):
            matrix[POINTS * k : POINTS * (k + 1), SIDE * k : SIDE * k + POINTS] = INTO
        return matrix[:, 2 : 2 + self.size_in]  # two zeros around the picture

    def out_of(self) -> Tensor:
        """The matrix [size_conv, length] from points to the convolution's results."""
        if self.points == 1:
            return torch.eye(self.size_conv, dtype=torch.float64)
        return torch.kron(torch.eye(self.count, dtype=torch.float64), OUT_OF)[: self.size_conv]


class Rows:
    """A banded matrix [n_out, n_in] as blocks, each with the first column that it needs."""

    def __init__(self, matrix: Tensor, height: int) -> None:
        self.blocks: list[tuple[int, Tensor]] = []
        for block in torch.split(matrix, height):
            first, last = span(block)
            self.blocks.append((first, block[:, first:last].float().contiguous()))


class Columns:
    """Banded matrices [n_out, n_in] of one shape as blocks that begin at even distances: all of
    them are one product."""

    def __init__(self, matrices: Sequence[Tensor], height: int, step: int) -> None:
        pieces = torch.split(
            torch.stack(list(matrices)), height, dim=1
        )  # [term, height, n_in] each
        spans = [span(piece.flatten(0, 1)) for piece in pieces]
        first = min(low - step * k for k, (low, _) in enumerate(spans))
        last = max(high - step * k for k, (_, high) in enumerate(spans))
        count, n_in = len(pieces), pieces[0].shape[2]
        blocks = torch.zeros(count, len(matrices), height, last - first)
        for k, piece in enumerate(pieces):
            low, high = max(0, first + step * k), min(n_in, last + step * k)
            at = low - first - step * k
            blocks[k, :, : piece.shape[1], at : at + high - low] = piece[:, :, low:high].float()
        self.blocks = blocks.flatten(1, 2)  # [block, term * height, window]
        self.terms, self.n_out, self.step = len(matrices), count * height, step
        self.front = max(0, -first)  # samples read before the first
        self._first = self.front + first
        self._length = self._first + step * (count - 1) + last - first  # samples read in all

    def source(self, memory: Memory, name: str, filled: int, width: int) -> Tensor:
        """Memory [any, width], the samples to be put at ``front`` : ``front`` + ``filled``."""
        source = memory.take(name, max(self._length, self.front + filled), width)
        # What lies around the samples is multiplied by 0, and must be finite for that.
        source[: self.front] = 0.0
        source[self.front + filled :] = 0.0
        return source

    def apply(self, source: Tensor, out: Tensor) -> None:
        """``source`` as given by `source` -> ``out`` [block * term * height, width]."""
        width, (count, height, length) = source.shape[1], self.blocks.shape
        windows = source.as_strided(
            (count, length, width),
            (self.step * width, width, 1),
            source.storage_offset() + self._first * width,
        )
        torch.bmm(self.blocks, windows, out=out.view(count, height, width))


def span(block: Tensor) -> tuple[int, int]:
    """The columns of a matrix from the first to behind the last that is not empty."""
    used = block.abs().amax(0).nonzero()
    return (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)


class Memory:
    """Named pieces of memory that grow to the largest use and then stay."""

    def __init__(self) -> None:
        self._pieces: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """A tensor of a shape; what was taken under this name before is overwritten."""
        count = math.prod(shape)
        if name not in self._pieces or self._pieces[name].numel() < count:
            self._pieces.pop(name, None)
            self._pieces[name] = torch.empty(count)
        return self._pieces[name][:count].view(shape)


class Raise:
    """From a convolution's points to strips at the leaky ReLU."""

    def __init__(self, layer: Layer, tiling: Tiling) -> None:
        per_tile = tiling.side * layer.shape.up
        tiles = max(1, STRIP // per_tile)
        # The leaky ReLU keeps positive factors, so its gain may go before it.
        up = resampling(layer.up, layer.shape.size_conv) @ tiling.out_of()  # [size_act, length]
        self.rows = Rows(up * GAIN, STRIP)
        self.columns = Columns([up], per_tile * tiles, tiling.points * tiles)
        self.n_out, self.length = self.columns.n_out, tiling.length

    def strip(self, points: Tensor, block: tuple[int, Tensor], act: Tensor, memory: Memory) -> None:
        """points [length, length, c] -> some rows of them, act [n_out, rows * c]."""
        first, matrix = block
        lines = self.columns.source(memory, "lines", self.length, act.shape[1])
        windows = points[first : first + matrix.shape[1]].transpose(0, 1)  # [length, window, c]
        out = lines[self.columns.front :][: self.length].view(self.length, len(matrix), -1)
        torch.bmm(matrix.expand(self.length, -1, -1), windows, out=out)
        self.columns.apply(lines, act)


class Lower:
    """From strips at the leaky ReLU, or from pixels, to the next convolution's points; ``terms``
    are pairs of matrices [tiling.size_in, size], along and across, whose sum does it."""

    def __init__(self, terms: Sequence[tuple[Tensor, Tensor]], tiling: Tiling, down: int) -> None:
        into = tiling.into()
        along, across = ([into @ pair[k] for pair in terms] for k in range(2))
        tiles = max(1, STRIP // down // tiling.side)
        self.rows = Rows(torch.stack(along, dim=2).flatten(1), tiles * tiling.points)
        self.columns = Columns(across, tiles * tiling.points, tiles * tiling.side * down)
        self.terms, self.size, self.tiling = len(terms), along[0].shape[1], tiling

    def begin(self, memory: Memory, c: int) -> Tensor:
        """Memory [across, along, term, c] for what the strips give."""
        return memory.take("lowered", self.columns.n_out, self.size, self.terms, c)

    def strip(self, act: Tensor, first: int, lowered: Tensor, memory: Memory) -> None:
        """act, of `Columns.source`, holding rows from ``first`` on -> their part of ``lowered``."""
        n_out, _, terms, c = lowered.shape
        count = len(self.columns.blocks)
        out = memory.take("lines", n_out * terms, act.shape[1])
        self.columns.apply(act, out)
        rows = act.shape[1] // c
        target = lowered.view(count, n_out // count, self.size, terms, c)[
            :, :, first : first + rows
        ]
        target.copy_(out.view(count, terms, n_out // count, rows, c).permute(0, 2, 3, 1, 4))

    def end(self, lowered: Tensor, style: Tensor, memory: Memory) -> Tensor:
        """lowered, style [c] -> points [points^2, tiles^2, c], scaled."""
        n, p, c = self.tiling.count, self.tiling.points, lowered.shape[3]
        lowered = lowered[: n * p].view(n * p, -1, c)  # [across, along * term, c]
        points = memory.take("points", p, p, n, n, c)
        at = 0
        for first, matrix in self.rows.blocks:
            windows = lowered[:, first : first + matrix.shape[1]]  # [across, window, c]
            out = memory.take("lines", n * p, len(matrix), c)
            torch.bmm(matrix.expand(n * p, -1, -1), windows, out=out)
            tiles = len(matrix) // p
            target = points[:, :, at : at + tiles].permute(3, 1, 2, 0, 4)
            torch.mul(out.view(n, p, tiles, p, c), style, out=target)
            at += tiles
        return points.view(p * p, n * n, c)


class Conv:
    """A layer's modulated convolution, from points to points."""

    def __init__(self, layer: Layer, tiling: Tiling) -> None:
        self.layer, self.tiling = layer, tiling
        weight = layer.weight.detach().permute(2, 3, 1, 0).flatten(0, 1)  # [k * k, in, out]
        if tiling.points > 1:
            both = torch.kron(KERNEL, KERNEL).float()  # [36, 9]
            weight = (both @ weight.flatten(1)).view(-1, *weight.shape[1:])  # [36, in, out]
        self.weight = weight.contiguous()

    def apply(self, points: Tensor, demod: Tensor, memory: Memory) -> Tensor:
        """points [points^2, tiles^2, in], demod [out] -> [length, length, out]."""
        n, p, c = self.tiling.count, self.tiling.points, len(demod)
        product = memory.take("product", p * p, n * n, c)
        torch.bmm(points, self.weight, out=product)
        tiles = memory.take("points", n, p, n, p, c)  # the points that came in are used up
        torch.mul(product.view(p, p, n, n, c).permute(2, 0, 3, 1, 4), demod, out=tiles)
        one = min(ONE, p - 1)
        tiles[:, one, :, one] += self.layer.bias
        return tiles.view(n * p, n * p, c)


class Course:
    """The way through all layers of a frozen network, for one picture at a time."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._lock = threading.Lock()
        self._memory = Memory()
        tilings = [Tiling(layer.shape.size_in, layer.shape.kernel) for layer in layers]
        start = torch.eye(tilings[0].size_in, dtype=torch.float64)
        self._start = Lower([(start, start)], tilings[0], 1)
        self._stages = [
            (
                Conv(layer, here),
                Raise(layer, here),
                Lower(pairs(layer), following, layer.shape.down),
            )
            for layer, here, following in zip(layers, tilings, tilings[1:], strict=False)
        ]
        self._last = layers[-1]

    def run(self, x: Tensor, ws: Tensor) -> Tensor:
        """x [size, size, c], ws [layers, w_dim] -> [img_channels, resolution, resolution]."""
        layers = [conv.layer for conv, _, _ in self._stages] + [self._last]
        factors = [layer.factors(ws[k : k + 1]) for k, layer in enumerate(layers)]
        with self._lock:
            points = self._enter(x, factors[0][0][0])
            for k, (conv, up, down) in enumerate(self._stages):
                points = conv.apply(points, factors[k][1][0], self._memory)
                points = self._filter(points, up, down, conv.layer.clamp, factors[k + 1][0][0])
            weight = self._last.weight.flatten(1).T  # [c, img_channels]
            image = torch.addmm(self._last.bias, points[0], weight)  # [pixels, img_channels]
        if self._last.clamp is not None:
            image = image.clamp(-self._last.clamp, self._last.clamp)
        size = self._last.shape.size_out
        return image.T.reshape(-1, size, size)

    def _enter(self, x: Tensor, style: Tensor) -> Tensor:
        start, (size, _, c) = self._start, x.shape
        lowered = start.begin(self._memory, c)
        act = start.columns.source(self._memory, "act", size, size * c)
        act[start.columns.front :][:size] = x.transpose(0, 1).flatten(1)
        start.strip(act, 0, lowered, self._memory)
        return start.end(lowered, style, self._memory)

    def _filter(
        self, points: Tensor, up: Raise, down: Lower, clamp: float | None, style: Tensor
    ) -> Tensor:
        c, first = points.shape[2], 0
        lowered = down.begin(self._memory, c)
        for block in up.rows.blocks:
            rows = len(block[1])
            source = down.columns.source(self._memory, "act", up.n_out, rows * c)
            act = source[down.columns.front :][: up.n_out]  # [across, rows * c]
            up.strip(points, block, act, self._memory)
            F.leaky_relu_(act, SLOPE)
            if clamp is not None:
                act.clamp_(-clamp, clamp)
            down.strip(source, first, lowered, self._memory)
            first += rows
        return down.end(lowered, style, self._memory)


def pairs(layer: Layer) -> list[tuple[Tensor, Tensor]]:
    """What a layer does behind its leaky ReLU, as pairs of matrices [size_out, size_act]."""
    shape = layer.shape
    if not shape.radial or layer.down_filter is None:
        down = resampling(layer.down, shape.size_act)
        return [(down, down)]
    sizes = (shape.size_act, shape.size_out, shape.down)
    u, strengths, v = torch.linalg.svd(layer.down_filter.double())
    return [
        (downsampling(*sizes, strength * along), downsampling(*sizes, across))
        for along, strength, across in zip(u.T, strengths, v, strict=True)
        if strength > DROPPED * strengths[0]
    ]


def resampling(matrix: Tensor | None, size: int) -> Tensor:
    """A layer's matrix in float64; None stands for nothing to do."""
    return torch.eye(size, dtype=torch.float64) if matrix is None else matrix.double()
