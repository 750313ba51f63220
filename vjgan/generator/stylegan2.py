"""StyleGAN2 in torch, from the papers: a mapping network z -> w and a synthesis network w -> image.

Karras et al. 2019 (styles, truncation), 2020a (weight demodulation; the skip, residual and plain
architectures), 2020b (fp16 with clamping). One set of weights, two ways through a layer: in batches
with gradients for training, and one picture at a time with everything folded into the convolution's
weights for playing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2  # of the leaky ReLU
GAIN = math.sqrt(2.0)  # keeps the variance through the leaky ReLU
MEET = math.sqrt(0.5)  # keeps it where a residual branch and its shortcut are added
EPSILON = 1e-8
HALF_RESOLUTIONS = 4  # how many of the highest resolutions run in fp16, as published
HALF_CLAMP = 256.0  # bound on fp16 activations, as published
BILINEAR = (1.0, 3.0, 3.0, 1.0)  # the published filter; away from the edges it interpolates so


@dataclass(frozen=True, slots=True)
class StyleGAN2Config:
    """The shape of a network. A layer at resolution r has min(channel_base // r, channel_max)
    channels, unless ``widths`` gives those at 4, 8, ...; ``c_dim`` is the number of classes, 0 for
    none. ``architecture`` is "skip" (every resolution adds its colour), "resnet" (residual) or
    "orig" (neither); ``clamp`` bounds the activations, 0 for not at all."""

    resolution: int = 256
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    img_channels: int = 3
    mapping_layers: int = 8
    mapping_width: int = 0  # features between the mapping layers, 0: w_dim
    mapping_lr: float = 0.01  # learning-rate multiplier of the mapping network
    embed_dim: int = 0  # features of a class, 0: w_dim
    architecture: str = "skip"
    widths: tuple[int, ...] = ()
    noise: bool = True  # whether there are noise inputs
    clamp: float = 0.0
    filter: tuple[float, ...] = BILINEAR  # smooths what is doubled, along each axis

    def channels(self, resolution: int) -> int:
        """Feature maps of the layers at a resolution."""
        if self.widths:
            return self.widths[resolution.bit_length() - 3]
        return min(self.channel_base // resolution, self.channel_max)

    @property
    def sizes(self) -> list[int]:
        """The resolutions that the synthesis goes through: 4, 8, ..."""
        return [2**k for k in range(2, self.resolution.bit_length())]

    @property
    def num_ws(self) -> int:
        """How many w vectors the synthesis takes: one a convolution, one for the last RGB."""
        return 2 * int(math.log2(self.resolution)) - 2

    @property
    def gflop(self) -> float:
        """Arithmetic in the 3x3 convolutions of one picture, in 1e9 operations."""
        pairs = [(self.channels(4), self.channels(4), 4)]  # in, out, pixels along a side
        size = 8
        while size <= self.resolution:
            n_in, n = self.channels(size // 2), self.channels(size)
            pairs += [(n_in, n, size // 2), (n, n, size)]
            size *= 2
        return sum(2 * 9 * n_in * n * side * side for n_in, n, side in pairs) / 1e9


class Linear(nn.Module):
    """A fully connected layer whose weights are scaled when used (equalised learning rate)."""

    def __init__(self, n_in: int, n_out: int, lr: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        # In place, for on the meta device torch would load its compiler to divide: seconds.
        self.weight = nn.Parameter(torch.randn(n_out, n_in).mul_(1.0 / lr))
        self.bias = nn.Parameter(torch.full([n_out], bias))
        self.weight_gain = lr / math.sqrt(n_in)
        self.bias_gain = lr

    def forward(self, x: Tensor) -> Tensor:
        """x [n, in] -> [n, out]."""
        # The input is scaled rather than the weights: it is so much smaller.
        return F.linear(x * self.weight_gain, self.weight, self.bias * self.bias_gain)


def normalise(x: Tensor) -> Tensor:
    """Each row [n, dim] brought to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


class Mapping(nn.Module):
    """z, and a class where there are some, -> w."""

    w_mean: Tensor  # [w_dim], a running mean of w: the centre of truncation

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        embed_dim = (config.embed_dim or config.w_dim) if config.c_dim else 0
        between = [config.mapping_width or config.w_dim] * (config.mapping_layers - 1)
        dims = [config.z_dim + embed_dim, *between, config.w_dim]
        self.embed = Linear(config.c_dim, embed_dim) if config.c_dim else None
        self.layers = nn.ModuleList(
            Linear(n_in, n, lr=config.mapping_lr) for n_in, n in pairwise(dims)
        )
        self.register_buffer("w_mean", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """z [n, z_dim], c [n, c_dim] one-hot -> w [n, w_dim], not truncated."""
        x = normalise(z)  # [n, z_dim]
        if self.embed is not None:
            if c is None:
                c = z.new_zeros(len(z), self.embed.weight.shape[1])  # [n, c_dim]
            x = torch.cat([x, normalise(self.embed(c))], dim=1)  # [n, z_dim + embed_dim]
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE) * GAIN  # [n, mapping_width], at last [n, w_dim]
        return x

    def truncate(self, w: Tensor, num_ws: int, psi: float, cutoff: int | None) -> Tensor:
        """w [n, w_dim] -> ws [n, num_ws, w_dim], the first ``cutoff`` of them (None: all) moved
        toward ``w_mean`` so that ``psi`` of their distance is left."""
        ws = w[:, None].repeat(1, num_ws, 1)  # [n, num_ws, w_dim]
        if psi != 1.0:
            ws[:, :cutoff] = self.w_mean.lerp(ws[:, :cutoff], psi)
        return ws

    @torch.no_grad()
    def track(self, w: Tensor, beta: float = 0.998) -> None:
        """Let the mean of a training batch w [n, w_dim] into ``w_mean``."""
        self.w_mean.lerp_(w.detach().mean(0), 1.0 - beta)


def smoothing(channels: int, taps: tuple[float, ...] = BILINEAR) -> Tensor:
    """A filter both ways, for a depthwise convolution of n taps: [channels, 1, n, n], never on the
    meta device."""
    # Turned around: torch's convolutions are correlations.
    row = torch.tensor(taps[::-1], device="cpu")  # [n]
    row = row * (2.0 / row.sum())  # [n], sums to 2: every other pixel is empty
    return torch.outer(row, row).expand(channels, 1, -1, -1).contiguous()


class StyleConv(nn.Module):
    """A 3x3 convolution modulated by a style and demodulated, with noise, bias and leaky ReLU;
    ``up`` doubles the resolution first, smoothed by the config's filter. ``share`` scales what
    comes out, where a shortcut is added to it."""

    noise: Tensor | None  # [resolution, resolution], fixed
    noise_strength: Tensor | None  # []
    filter: Tensor | None  # [out, 1, taps, taps]
    squares: Tensor | None  # [out, in], see `freeze`

    def __init__(
        self, config: StyleGAN2Config, n_in: int, resolution: int, up: bool, share: float = 1.0
    ) -> None:
        super().__init__()
        n_out = config.channels(resolution)
        self.affine = Linear(config.w_dim, n_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(n_out, n_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(n_out))
        noisy, filter_ = config.noise, smoothing(n_out, config.filter) if up else None
        self.noise_strength = nn.Parameter(torch.zeros([])) if noisy else None
        self.register_buffer("noise", torch.randn(resolution, resolution) if noisy else None)
        self.register_buffer("squares", None, persistent=False)
        self.register_buffer("filter", filter_, persistent=False)
        self.gain = GAIN * share
        self.bound = config.clamp * share  # of the activations, 0: none

    def freeze(self) -> None:
        """Keep the sums of squared weights, which demodulation needs, from now on."""
        self.weight.data = self.weight.data.contiguous(memory_format=torch.channels_last)
        self.squares = self.weight.detach().square().sum((2, 3))  # [out, in]

    def forward(self, x: Tensor, w: Tensor, noise: float, fresh: bool) -> Tensor:
        """x [n, in, r, r], w [n, w_dim] -> [n, out, r, r], or [n, out, 2r, 2r] with ``up``."""
        style = self.affine(w)  # [n, in]
        squares = self.weight.square().sum((2, 3)) if self.squares is None else self.squares
        demod = (style.square() @ squares.T + EPSILON).rsqrt()  # [n, out]
        if len(x) == 1 and not torch.is_grad_enabled():
            return self._play(x, style, demod, noise, fresh)
        return self._train(x, style, demod, noise, fresh)

    def _train(self, x: Tensor, style: Tensor, demod: Tensor, noise: float, fresh: bool) -> Tensor:
        # The activations are modulated rather than the weights: one convolution for the batch.
        x = x * style[:, :, None, None].to(x.dtype)  # [n, in, r, r]
        x = self._convolve(x, self.weight.to(x.dtype), None)  # [n, out, r, r]
        x = x * demod[:, :, None, None].to(x.dtype)  # [n, out, r, r]
        if noise and self.noise is not None:
            x = x + self._noise(x, noise, fresh)  # [n, out, r, r]
        x = x + self.bias[:, None, None].to(x.dtype)  # [n, out, r, r]
        x = F.leaky_relu(x, SLOPE) * self.gain  # [n, out, r, r]
        return x.clamp(-self.bound, self.bound) if self.bound else x

    def _play(self, x: Tensor, style: Tensor, demod: Tensor, noise: float, fresh: bool) -> Tensor:
        # For one picture the weights are modulated: they are smaller than the activations. The gain
        # goes in with them (a leaky ReLU keeps a positive factor), and what is left is in place.
        weight = self.weight * style[0, None, :, None, None]  # [out, in, 3, 3]
        weight = weight * (demod[0, :, None, None, None] * self.gain)  # [out, in, 3, 3]
        x = self._convolve(x, weight.to(x.dtype), (self.bias * self.gain).to(x.dtype))
        if noise and self.noise is not None:
            x.add_(self._noise(x, noise * self.gain, fresh))  # [1, out, r, r]
        F.leaky_relu_(x, SLOPE)  # [1, out, r, r]
        return x.clamp_(-self.bound, self.bound) if self.bound else x

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.filter is None:
            return F.conv2d(x, weight, bias, padding=1)  # [n, out, r, r]
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # [n, out, 2r+1, 2r+1]
        filter_ = self.filter.to(x.dtype)  # [out, 1, taps, taps]
        before, after = (filter_.shape[-1] - 1) // 2, filter_.shape[-1] // 2 - 1
        if before != after:
            x, before = F.pad(x, (before, after, before, after)), 0
        return F.conv2d(x, filter_, bias, padding=before, groups=x.shape[1])  # [n, out, 2r, 2r]

    def _noise(self, x: Tensor, strength: float, fresh: bool) -> Tensor:
        assert self.noise is not None and self.noise_strength is not None
        noise = torch.randn_like(x[:, :1]) if fresh else self.noise[None, None]  # [n or 1, 1, r, r]
        return (noise * (self.noise_strength * strength)).to(x.dtype)  # [n or 1, 1, r, r]


class ToRGB(nn.Module):
    """Feature maps to colour: a modulated 1x1 convolution without demodulation."""

    def __init__(self, config: StyleGAN2Config, resolution: int) -> None:
        super().__init__()
        n_in = config.channels(resolution)
        self.affine = Linear(config.w_dim, n_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(config.img_channels, n_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))
        self.gain = 1.0 / math.sqrt(n_in)
        self.bound = config.clamp

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [n, in, r, r], w [n, w_dim] -> colour [n, img_channels, r, r], fp32."""
        style = self.affine(w) * self.gain  # [n, in]
        if len(x) == 1 and not torch.is_grad_enabled():
            weight = (self.weight * style[0, None, :, None, None]).to(x.dtype)  # [img, in, 1, 1]
        else:
            x = x * style[:, :, None, None].to(x.dtype)  # [n, in, r, r]
            weight = self.weight.to(x.dtype)  # [img, in, 1, 1]
        image = F.conv2d(x, weight).float() + self.bias[:, None, None]  # [n, img, r, r]
        return image.clamp(-self.bound, self.bound) if self.bound else image


class Shortcut(nn.Module):
    """The way around the two convolutions of a residual resolution: a 1x1 convolution, doubled."""

    def __init__(self, config: StyleGAN2Config, n_in: int, resolution: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(config.channels(resolution), n_in, 1, 1))
        self.gain = MEET / math.sqrt(n_in)
        self.taps = config.filter

    def forward(self, x: Tensor) -> Tensor:
        """x [n, in, r, r] -> [n, out, 2r, 2r]."""
        return double(F.conv2d(x, (self.weight * self.gain).to(x.dtype)), self.taps)


def double(image: Tensor, taps: tuple[float, ...] = BILINEAR) -> Tensor:
    """[n, c, r, r] -> [n, c, 2r, 2r] smoothed by a filter, zero outside the picture."""
    if taps != BILINEAR:
        return _double_by(image, taps)
    padded = F.pad(image, (1, 1, 1, 1))  # [n, img, r+2, r+2]
    image = F.interpolate(padded, scale_factor=2.0, mode="bilinear")  # [n, img, 2r+4, 2r+4]
    return image[:, :, 2:-2, 2:-2]  # [n, img, 2r, 2r]


def _double_by(image: Tensor, taps: tuple[float, ...]) -> Tensor:
    channels, n = image.shape[1], len(taps)
    kernel = smoothing(channels, taps[::-1]).to(image)  # [c, 1, n, n], as a transpose wants it
    image = F.conv_transpose2d(image, kernel, stride=2, groups=channels)  # [n, c, 2r-2+n, ...]
    before, after = n - 1 - (n + 1) // 2, n - 1 - n // 2  # cut off, so that 2r are left
    return F.pad(image, (-before, -after, -before, -after))  # [n, c, 2r, 2r]


class Synthesis(nn.Module):
    """w -> image: a learned constant 4x4, then two convolutions a resolution. With "skip" each
    resolution adds its colour to the doubled picture of the one below; with the others only the
    last one has a colour, and with "resnet" a shortcut leads around each resolution."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        sizes, n = config.sizes, config.channels(4)
        residual = config.architecture == "resnet"
        share = MEET if residual else 1.0
        self.const = nn.Parameter(torch.randn(n, 4, 4))
        convs, shortcuts = [StyleConv(config, n, 4, up=False)], []
        for size in sizes[1:]:
            n_in, n = n, config.channels(size)
            convs += [StyleConv(config, n_in, size, up=True)]
            convs += [StyleConv(config, n, size, up=False, share=share)]
            shortcuts += [Shortcut(config, n_in, size)] if residual else []
        self.convs = nn.ModuleList(convs)
        self.shortcuts = nn.ModuleList(shortcuts)
        coloured = sizes if config.architecture == "skip" else sizes[-1:]
        self.to_rgb = nn.ModuleList(ToRGB(config, size) for size in coloured)
        self.taps = config.filter
        self.half_from = len(sizes)  # the index of the first resolution in fp16

    def forward(self, ws: Tensor, noise: float = 1.0, fresh: bool = False) -> Tensor:
        """ws [n, num_ws, w_dim] -> image [n, img_channels, resolution, resolution], about -1..1.

        ``noise`` scales the noise inputs (0 leaves them out); ``fresh`` draws new noise for each
        picture, as training needs, instead of the fixed one."""
        x = self.const.expand(len(ws), -1, -1, -1)  # [n, c, 4, 4]
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.convs[0](x, ws[:, 0], noise, fresh)  # [n, c, 4, 4]
        uncoloured = (len(self.convs) + 1) // 2 - len(self.to_rgb)  # resolutions without a colour
        image: Tensor | None = None
        for k in range((len(self.convs) + 1) // 2):
            if k == self.half_from:
                x = x.half()  # [n, c, r, r]
            if k:
                x = self._grow(k, x, ws, noise, fresh)  # [n, c, r, r]
            if k >= uncoloured:
                # The RGB layer shares its w with the next resolution's first convolution.
                colour = self.to_rgb[k - uncoloured](x, ws[:, 2 * k + 1])  # [n, img_channels, r, r]
                image = colour if image is None else double(image, self.taps) + colour
        assert image is not None
        return image  # [n, img_channels, resolution, resolution]

    def _grow(self, k: int, x: Tensor, ws: Tensor, noise: float, fresh: bool) -> Tensor:
        """x [n, in, r, r] -> [n, out, 2r, 2r]: the two convolutions of resolution ``k``."""
        y: Tensor = self.convs[2 * k - 1](x, ws[:, 2 * k - 1], noise, fresh)  # [n, out, 2r, 2r]
        y = self.convs[2 * k](y, ws[:, 2 * k], noise, fresh)  # [n, out, 2r, 2r]
        return y + self.shortcuts[k - 1](x) if len(self.shortcuts) else y


class StyleGAN2(nn.Module):
    """The whole generator."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)

    @classmethod
    def of(cls, config: StyleGAN2Config, tensors: dict[str, Tensor]) -> StyleGAN2:
        """The network whose state dict ``tensors`` is, without drawing random weights first."""
        with torch.device("meta"):
            network = cls(config)
        network.load_state_dict(tensors, assign=True)
        return network

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise: float = 1.0,
        fresh: bool = False,
    ) -> Tensor:
        """z [n, z_dim] -> image [n, img_channels, resolution, resolution], about -1..1."""
        image: Tensor = self.synthesis(
            self.truncate(self.mapping(z, c), psi, cutoff), noise=noise, fresh=fresh
        )
        return image

    def truncate(self, w: Tensor, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """w [n, w_dim] -> ws [n, num_ws, w_dim]; see ``Mapping.truncate``."""
        return self.mapping.truncate(w, self.config.num_ws, psi, cutoff)

    def freeze(self, half: bool = False) -> StyleGAN2:
        """This network made ready for playing: no gradients, sums of squared weights kept, and
        with ``half`` the highest resolutions in fp16. Its weights must not change afterwards."""
        self.eval().requires_grad_(False)
        for conv in self.modules():
            if isinstance(conv, StyleConv):
                conv.freeze()
        if half:
            self._halve()
        return self

    def _halve(self) -> None:
        net = self.synthesis
        net.half_from = max(0, len(self.config.sizes) - HALF_RESOLUTIONS)
        for conv in net.convs[max(0, 2 * net.half_from - 1) :]:
            assert isinstance(conv, StyleConv)
            conv.bound = conv.bound or HALF_CLAMP * conv.gain / GAIN
