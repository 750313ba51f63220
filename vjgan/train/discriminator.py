"""StyleGAN2's residual discriminator (Karras et al. 2020a), with the deviation over small groups of
a batch (2018) and a projection for classes (Miyato and Koyama 2018, as in Karras et al. 2020b)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.generator.stylegan2 import (
    EPSILON,
    GAIN,
    MEET,
    SLOPE,
    Linear,
    StyleGAN2Config,
    normalise,
    smoothing,
)
from vjgan.train.fir import blur
from vjgan.train.precision import Precision

GROUP = 4  # neighbours in a batch whose deviation a picture is told
CLASS_LAYERS, CLASS_RATE = 8, 0.01  # of the network that maps a class


class Conv(nn.Module):
    """A convolution whose weights are scaled when used, with bias, leaky ReLU and ``gain``;
    ``down`` halves the resolution, smoothed. Without ``act`` there is neither bias nor ReLU."""

    filter: Tensor | None  # [in, 1, taps, taps]

    def __init__(
        self, n_in: int, n_out: int, k: int, down: bool = False, act: bool = True, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, k, k))
        self.bias = nn.Parameter(torch.zeros(n_out)) if act else None
        self.register_buffer("filter", smoothing(n_in) / 4.0 if down else None, persistent=False)
        self.gain = gain * (GAIN if act else 1.0)
        self.small = 1.0 / math.sqrt(n_in * k * k)
        self.k = k

    def forward(self, x: Tensor, clamp: float) -> Tensor:
        """x [n, in, r, r] -> [n, out, r, r], or [n, out, r / 2, r / 2] with ``down``."""
        # The gain goes in with the weights: a leaky ReLU keeps a positive factor.
        weight = (self.weight * (self.small * self.gain)).to(x.dtype)  # [out, in, k, k]
        bias = None if self.bias is None else (self.bias * self.gain).to(x.dtype)  # [out]
        if self.filter is None:
            x = F.conv2d(x, weight, bias, padding=self.k // 2)  # [n, out, r, r]
        elif self.k == 1:
            x = F.conv2d(blur(x, self.filter, (1, 1), 2), weight, bias)  # [n, out, r/2, r/2]
        else:
            x = F.conv2d(blur(x, self.filter, (2, 2)), weight, bias, stride=2)
        if bias is None:
            return x
        x = F.leaky_relu(x, SLOPE)
        bound = clamp * self.gain / GAIN
        return x.clamp(-bound, bound) if bound else x


class Block(nn.Module):
    """Two convolutions that halve the resolution, and a shortcut around them."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv0 = Conv(n_in, n_in, 3)
        self.conv1 = Conv(n_in, n_out, 3, down=True, gain=MEET)
        self.skip = Conv(n_in, n_out, 1, down=True, act=False, gain=MEET)

    def forward(self, x: Tensor, clamp: float) -> Tensor:
        """x [n, in, r, r] -> [n, out, r / 2, r / 2]."""
        y: Tensor = self.conv1(self.conv0(x, clamp), clamp)
        around: Tensor = self.skip(x, clamp)
        return y + around


class ClassMap(nn.Module):
    """A class -> the direction in which the last features of its pictures should lie."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.embed = Linear(classes, width)
        self.layers = nn.ModuleList(
            Linear(width, width, lr=CLASS_RATE) for _ in range(CLASS_LAYERS)
        )

    def forward(self, c: Tensor) -> Tensor:
        """c [n, classes] one-hot -> [n, width]."""
        x = normalise(self.embed(c))
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE) * GAIN
        return x


class Discriminator(nn.Module):
    """Tells how much a picture looks like one of the artist's rather than like a generator's."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        sizes = config.sizes[::-1]  # the highest first
        wide = [config.channels(size) for size in sizes]
        last = wide[-1]
        self.sizes = sizes
        self.from_rgb = Conv(config.img_channels, wide[0], 1)
        self.blocks = nn.ModuleList(Block(n_in, n_out) for n_in, n_out in pairwise(wide))
        self.conv = Conv(last + 1, last, 3)
        self.dense = Linear(last * 16, last)
        self.class_map = ClassMap(config.c_dim, last) if config.c_dim else None
        self.out = Linear(last, last if config.c_dim else 1)

    def forward(self, image: Tensor, c: Tensor | None, precision: Precision) -> Tensor:
        """image [n, img_channels, r, r], n a multiple of GROUP or less than it -> [n], positive for
        a real one."""
        clamp = precision.clamp
        x = image.to(precision.at(self.sizes[0]), memory_format=torch.channels_last)
        x = self.from_rgb(x, clamp)  # [n, c, r, r]
        for size, block in zip(self.sizes, self.blocks, strict=False):
            x = block(x.to(precision.at(size)), clamp)  # [n, c, r / 2, r / 2]
        x = self.conv(told_of_neighbours(x.float()), clamp)  # [n, c, 4, 4]
        x = F.leaky_relu(self.dense(x.flatten(1)), SLOPE) * GAIN  # [n, c]
        said: Tensor = self.out(x)  # [n, 1], or [n, c] with classes
        if self.class_map is None or c is None:
            return said[:, 0]
        wanted: Tensor = self.class_map(c)  # [n, c]
        return (said * wanted).sum(1) / math.sqrt(said.shape[1])


def told_of_neighbours(x: Tensor) -> Tensor:
    """x [n, c, h, w] -> [n, c + 1, h, w]: the last map is the mean deviation within each group.

    Groups are neighbours in the batch, so that a batch can be shared out between processes without
    another result."""
    n, _, h, w = x.shape
    group = min(GROUP, n)
    y = x.reshape(n // group, group, -1)  # [n / group, group, c * h * w]
    deviation = (y.var(1, unbiased=False) + EPSILON).sqrt().mean(1)  # [n / group]
    told = deviation.repeat_interleave(group)[:, None, None, None].expand(-1, 1, h, w)
    return torch.cat([x, told], 1)
