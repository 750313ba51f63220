"""Adaptive discriminator augmentation (Karras et al. 2020b): what the discriminator sees, real or
not, is turned, moved, stretched and coloured by chance, so that it cannot learn few by heart.

The pipeline "bgc": blits, geometry and colour, each done to a picture with the probability p. All
of a picture's geometry is one resampling, at twice the resolution between two low-pass filters
(the symlet of 12 taps; Daubechies 1992).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.train.fir import blur, linear

SYMLET = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
TAPS = len(SYMLET)
NUMBERS = 40  # uniform numbers that a picture takes
SCALE_DEVIATION = 0.2  # log2
MOVE_DEVIATION = 0.125  # of the picture's side
MOST_MOVE = 0.125  # of a move by whole pixels
BRIGHTNESS_DEVIATION, CONTRAST_DEVIATION, SATURATION_DEVIATION = 0.2, 0.5, 1.0

TARGET = 0.6  # of r_t, where neither overfitting nor needless augmentation is
FULL_KIMG = 500.0  # thousand pictures in which p can go from 0 to 1
TAKEN_OVER_KIMG = 100.0  # the same where the networks are taken from another training
EVERY = 4  # steps between two changes of p


def adapt(p: float, r_t: float, pictures: int, kimg: float = FULL_KIMG) -> float:
    """The next p, ``pictures`` after the last: more where the discriminator is too sure of real
    ones, ``r_t`` being the mean sign of what it says of them."""
    step = pictures / (kimg * 1000.0)
    return min(1.0, max(0.0, p + math.copysign(step, r_t - TARGET)))


def augment(images: Tensor, chance: Tensor, p: float) -> Tensor:
    """images [n, 3, r, r] about -1..1, ``chance`` [n, NUMBERS] in 0..1 -> the same shape."""
    if p <= 0.0:
        return images
    draw = _Draw(chance, p)
    move = _geometry(draw, images.shape[-1])  # [n, 3, 3]
    still = torch.eye(3, device=images.device)
    moved = (move - still).abs().amax((1, 2)) > 1e-6  # [n]
    if bool(moved.any()):
        which = moved.nonzero()[:, 0]
        images = images.index_copy(0, which, _resample(images[which], move[which]))
    return _apply_colour(images, _colour(draw))


class _Draw:
    """Deals out a picture's numbers, a column at a time."""

    def __init__(self, chance: Tensor, p: float) -> None:
        self._chance, self._p, self._next = chance, p, 0

    def uniform(self) -> Tensor:
        """[n], 0..1."""
        self._next += 1
        return self._chance[:, self._next - 1]

    def normal(self) -> Tensor:
        """[n], standard normal (Box and Muller 1958)."""
        radius = (-2.0 * (1.0 - self.uniform()).clamp(min=1e-7).log()).sqrt()
        return radius * (2.0 * math.pi * self.uniform()).cos()

    def perhaps(self, value: Tensor, otherwise: float, p: float | None = None) -> Tensor:
        """``value`` [n] with the probability p, else what changes nothing."""
        p = self._p if p is None else p
        return torch.where(self.uniform() < p, value, torch.full_like(value, otherwise))

    @property
    def p_turn(self) -> float:
        """For each of two turns, so that either happens with the probability p."""
        return 1.0 - math.sqrt(1.0 - self._p)


def _geometry(draw: _Draw, side: int) -> Tensor:
    """From where in a picture each point of the new one comes: [n, 3, 3], coordinates in halves of
    the side, the middle being 0."""
    flip = draw.perhaps((draw.uniform() * 2.0).floor(), 0.0)
    move = _scaled(1.0 - 2.0 * flip, torch.ones_like(flip))
    move = move @ _turned(draw.perhaps((draw.uniform() * 4.0).floor(), 0.0) * (-math.pi / 2.0))
    whole = [((draw.uniform() * 2.0 - 1.0) * MOST_MOVE * side).round() * 2.0 / side for _ in "xy"]
    gate = draw.perhaps(torch.ones_like(flip), 0.0)
    move = move @ _shifted(whole[0] * gate, whole[1] * gate)
    size = draw.perhaps(torch.exp2(draw.normal() * SCALE_DEVIATION), 1.0)
    move = move @ _scaled(size, size)
    angle = (draw.uniform() * 2.0 - 1.0) * math.pi
    move = move @ _turned(draw.perhaps(angle, 0.0, draw.p_turn))
    stretch = draw.perhaps(torch.exp2(draw.normal() * SCALE_DEVIATION), 1.0)
    move = move @ _scaled(stretch, 1.0 / stretch)
    angle = (draw.uniform() * 2.0 - 1.0) * math.pi
    move = move @ _turned(draw.perhaps(angle, 0.0, draw.p_turn))
    shift = [draw.normal() * (2.0 * MOVE_DEVIATION) for _ in "xy"]
    gate = draw.perhaps(torch.ones_like(flip), 0.0)
    return move @ _shifted(shift[0] * gate, shift[1] * gate)


def _matrix(*rows: tuple[Tensor | float, ...]) -> Tensor:
    like = next(value for row in rows for value in row if isinstance(value, Tensor))
    full = [
        value if isinstance(value, Tensor) else torch.full_like(like, value)
        for row in rows
        for value in row
    ]
    return torch.stack(full, -1).reshape(-1, len(rows), len(rows[0]))


def _scaled(x: Tensor, y: Tensor) -> Tensor:
    return _matrix((1.0 / x, 0.0, 0.0), (0.0, 1.0 / y, 0.0), (0.0, 0.0, 1.0))


def _turned(angle: Tensor) -> Tensor:
    c, s = angle.cos(), angle.sin()
    return _matrix((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0))


def _shifted(x: Tensor, y: Tensor) -> Tensor:
    return _matrix((1.0, 0.0, -x), (0.0, 1.0, -y), (0.0, 0.0, 1.0))


def _resample(images: Tensor, move: Tensor) -> Tensor:
    """images [n, 3, r, r] seen through ``move`` [n, 3, 3], mirrored at the edges."""
    channels, side, half = images.shape[1], images.shape[-1], TAPS // 2
    row = images.new_tensor(SYMLET) / sum(SYMLET)
    taps = torch.outer(row, row).expand(channels, 1, -1, -1)  # [3, 1, 12, 12]
    x = F.pad(images, (half,) * 4, mode="reflect")  # [n, 3, r + 2 * half, ...]
    # The doubled picture without the rim, where the filter saw nothing but zeros.
    x = blur(_doubled(x), taps.flip(2, 3) * 4.0, (half, half - 1))  # [n, 3, 2r + 4 * half, ...]
    x = x[..., half:-half, half:-half]  # [n, 3, 2r + 2 * half, ...]; the rim had zeros beside it
    x = warp(x, _grid(move, side, half / 2))  # [n, 3, 2r + 10, 2r + 10]
    return blur(x, taps, (0, 0), 2)  # [n, 3, r, r]


def _doubled(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c, 2h, 2w], zeros after each."""
    x = torch.stack([x, torch.zeros_like(x)], -1).flatten(-2)  # [n, c, h, 2w]
    return torch.stack([x, torch.zeros_like(x)], -2).flatten(-3, -2)  # [n, c, 2h, 2w]


def _grid(move: Tensor, side: int, edge: float) -> Tensor:
    """Where the points of the doubled picture, with what the last filter needs around, come from:
    [n, 2r + 10, 2r + 10, 2], in halves of the doubled and padded side."""
    reach = TAPS // 2 - 1
    at = torch.arange(-reach, 2 * side + reach, device=move.device, dtype=move.dtype)
    at = (at + 0.5) / side - 1.0
    y, x = torch.meshgrid(at, at, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1)  # [h, w, 3]
    found = torch.einsum("hwk,njk->nhwj", points, move)[..., :2]  # [n, h, w, 2]
    return found * (side / (side + 2 * edge))


class _Warp(torch.autograd.Function):
    """Bilinear sampling, linear in the picture; its gradient is `_Unwarp`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return F.grid_sample(x, grid, "bilinear", "reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return linear(_Unwarp, grads[0], ctx.saved_tensors[0], ctx.shape), None


class _Unwarp(torch.autograd.Function):
    """The transpose of `_Warp`."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        empty = g.new_empty(1).expand(shape)  # only its shape is looked at
        found = torch.ops.aten.grid_sampler_2d_backward(
            g.contiguous(), empty, grid, 0, 2, False, [True, False]
        )
        pictures: Tensor = found[0]
        return pictures

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return linear(_Warp, grads[0], ctx.saved_tensors[0]), None, None


def warp(x: Tensor, grid: Tensor) -> Tensor:
    """x [n, c, h, w], grid [n, h', w', 2] in -1..1 -> [n, c, h', w'], with gradients of any order
    to x and none to the grid."""
    return linear(_Warp, x, grid)


GREY = 1.0 / math.sqrt(3.0)  # each component of the unit vector of luma


def _colour(draw: _Draw) -> Tensor:
    """What happens to colours: [n, 4, 4], to (r, g, b, 1)."""
    light = draw.perhaps(draw.normal() * BRIGHTNESS_DEVIATION, 0.0)
    change = _matrix(
        (1.0, 0.0, 0.0, light), (0.0, 1.0, 0.0, light), (0.0, 0.0, 1.0, light), (0.0, 0.0, 0.0, 1.0)
    )
    contrast = draw.perhaps(torch.exp2(draw.normal() * CONTRAST_DEVIATION), 1.0)
    change = _around_grey(contrast, contrast) @ change
    flip = draw.perhaps((draw.uniform() * 2.0).floor(), 0.0)
    change = _around_grey(1.0 - 2.0 * flip, torch.ones_like(flip)) @ change
    angle = draw.perhaps((draw.uniform() * 2.0 - 1.0) * math.pi, 0.0)
    change = _hue(angle) @ change
    saturation = draw.perhaps(torch.exp2(draw.normal() * SATURATION_DEVIATION), 1.0)
    return _around_grey(torch.ones_like(flip), saturation) @ change


def _around_grey(along: Tensor, across: Tensor) -> Tensor:
    """Colours scaled along the axis of greys and across it: [n, 4, 4]."""
    axis = along.new_tensor([GREY, GREY, GREY, 0.0])
    luma = torch.outer(axis, axis)  # [4, 4]
    rest = torch.diag(along.new_tensor([1.0, 1.0, 1.0, 0.0])) - luma
    corner = torch.diag(along.new_tensor([0.0, 0.0, 0.0, 1.0]))
    return along[:, None, None] * luma + across[:, None, None] * rest + corner


def _hue(angle: Tensor) -> Tensor:
    """Colours turned around the axis of greys (Rodrigues): [n, 4, 4]."""
    c, s, k = angle.cos(), angle.sin() * GREY, (1.0 - angle.cos()) / 3.0
    return _matrix(
        (c + k, k - s, k + s, 0.0),
        (k + s, c + k, k - s, 0.0),
        (k - s, k + s, c + k, 0.0),
        (0.0, 0.0, 0.0, 1.0),
    )


def _apply_colour(images: Tensor, change: Tensor) -> Tensor:
    n, _, side, _ = images.shape
    flat = change[:, :3, :3] @ images.reshape(n, 3, -1) + change[:, :3, 3:]
    return flat.reshape(n, 3, side, side)
