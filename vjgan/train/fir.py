"""Filters over feature maps, whose gradients are filters again, to any order.

torch's own gradient of a depthwise convolution takes several times as long as the convolution, and
has none at all of ``grid_sample``'s gradient, which R1 needs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def linear(function: type[torch.autograd.Function], *arguments: object) -> Tensor:
    """A function whose gradient is another such function, applied."""
    result: Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return result


class _Filter(torch.autograd.Function):
    """A depthwise convolution by constant taps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, pad: tuple[int, int], stride: int) -> Tensor:
        ctx.save_for_backward(taps)
        ctx.pad, ctx.stride, ctx.shape = pad, stride, x.shape
        before, after = pad
        if before != after:
            x = F.pad(x, (before, after, before, after))
        return F.conv2d(
            x, taps, stride=stride, padding=before if before == after else 0, groups=x.shape[1]
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (taps,) = ctx.saved_tensors
        return linear(_Spread, grads[0], taps, ctx.pad, ctx.stride, ctx.shape), None, None, None


class _Spread(torch.autograd.Function):
    """What the transpose of `_Filter` does."""

    @staticmethod
    def forward(
        ctx: Any, g: Tensor, taps: Tensor, pad: tuple[int, int], stride: int, shape: torch.Size
    ) -> Tensor:
        ctx.save_for_backward(taps)
        ctx.pad, ctx.stride = pad, stride
        n, (before, after) = taps.shape[-1], pad
        if stride > 1:
            # In fp32, for on a processor torch takes thirty times as long for this one in bf16.
            exact = g.float() if g.dtype == torch.bfloat16 else g
            x = F.conv_transpose2d(exact, taps.to(exact.dtype), stride=stride, groups=g.shape[1])
            return x[..., before : before + shape[2], before : before + shape[3]].to(g.dtype)
        edges = (n - 1 - before, n - 1 - after)
        if edges[0] != edges[1]:
            g = F.pad(g, (*edges, *edges))
        padding = edges[0] if edges[0] == edges[1] else 0
        return F.conv2d(g, taps.flip(2, 3), padding=padding, groups=g.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (taps,) = ctx.saved_tensors
        return linear(_Filter, grads[0], taps, ctx.pad, ctx.stride), None, None, None, None


def smooth(x: Tensor, taps: Tensor) -> Tensor:
    """x [n, c, 2r+1, 2r+1] of a transposed convolution -> [n, c, 2r, 2r], by taps [c, 1, k, k]."""
    k = taps.shape[-1]
    return linear(_Filter, x, taps.to(x.dtype), ((k - 1) // 2, k // 2 - 1), 1)


def blur(x: Tensor, taps: Tensor, pad: tuple[int, int], stride: int = 1) -> Tensor:
    """x [n, c, h, w] padded with zeros before and after, filtered by taps [c, 1, k, k], every
    ``stride``-th kept."""
    return linear(_Filter, x, taps.to(x.dtype), pad, stride)
