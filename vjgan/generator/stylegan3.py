"""StyleGAN3 (T and R) in torch, from the paper: Karras et al. 2021, "Alias-Free Generative
Adversarial Networks". z -> w -> waves -> layers that treat the picture as a continuous signal.

One set of weights, two ways through the layers: `Layer.forward`, in batches, on any device and
with gradients; and one picture at a time on a CPU, see `vjgan.generator.winograd`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.generator.filters import downsampling, lowpass, radial, upsampling
from vjgan.generator.stylegan2 import (
    EPSILON,
    GAIN,
    HALF_RESOLUTIONS,
    SLOPE,
    Linear,
    Mapping,
    StyleGAN2Config,
)
from vjgan.generator.winograd import Course


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What one layer takes and gives; rates and frequencies in samples and cycles a picture."""

    n_in: int
    n_out: int
    size_in: int  # pixels along a side, margins included
    size_out: int
    rate_in: int
    rate_out: int
    rate_act: int  # at which the leaky ReLU acts
    cutoff_in: float
    cutoff_out: float
    width_in: float  # of the whole transition band
    width_out: float
    kernel: int
    up_taps: int  # 1: no filter
    down_taps: int
    radial: bool  # the down-filter is a plane rather than a row
    last: bool  # gives colour: no demodulation, no leaky ReLU

    @property
    def up(self) -> int:
        """Samples at the leaky ReLU for each that comes in."""
        return self.rate_act // self.rate_in

    @property
    def down(self) -> int:
        """Samples at the leaky ReLU for each that goes out."""
        return self.rate_act // self.rate_out

    @property
    def size_conv(self) -> int:
        """Pixels along a side after the convolution, which sees zeros around the picture."""
        return self.size_in + self.kernel - 1

    @property
    def size_act(self) -> int:
        """Pixels along a side at the leaky ReLU."""
        return (self.size_out - 1) * self.down + self.down_taps

    @property
    def pad(self) -> int:
        """Zeros before the first sample at the leaky ReLU's rate, so that both pictures share
        their centre; negative: samples dropped."""
        total = self.size_act + self.up_taps - 1 - self.size_conv * self.up
        return (total + self.up) // 2

    @property
    def gflop(self) -> float:
        """Arithmetic of the convolution, in 1e9 operations."""
        return 2e-9 * self.n_in * self.n_out * (self.kernel * self.size_conv) ** 2


@dataclass(frozen=True, slots=True)
class StyleGAN3Config:
    """The shape of a network, as it was trained; the defaults are StyleGAN3-T's.

    Cutoff and stopband grow geometrically from ``first_cutoff`` and ``first_stopband`` (cycles a
    picture) until the last ``num_critical`` layers; the rest follows from them (the paper's
    appendix C.3)."""

    resolution: int = 256
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    img_channels: int = 3
    mapping_layers: int = 2
    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2.0**2.1
    last_stopband_rel: float = 2.0**0.3
    margin_size: int = 10
    output_scale: float = 0.25
    conv_kernel: int = 3
    use_radial_filters: bool = False
    filter_size: int = 6
    lrelu_upsampling: int = 2
    conv_clamp: float | None = 256.0
    mapping_lr: float = 0.01  # learning-rate multiplier of the mapping network

    @property
    def num_ws(self) -> int:
        """How many w vectors the synthesis takes: the input's, one a layer, and the colour's."""
        return self.num_layers + 2

    @property
    def gflop(self) -> float:
        """Arithmetic in the convolutions of one picture, in 1e9 operations."""
        return sum(shape.gflop for shape in self.layers())

    def band(self, index: int) -> tuple[float, float, int, float, int, int]:
        """Cutoff, stopband, rate, half the transition band, size and channels of what the layer
        ``index`` gives (0: also of the input)."""
        last_cutoff = self.resolution / 2
        last_stopband = last_cutoff * self.last_stopband_rel
        way = min(index / (self.num_layers - self.num_critical), 1.0)
        cutoff = self.first_cutoff * (last_cutoff / self.first_cutoff) ** way
        stopband = self.first_stopband * (last_stopband / self.first_stopband) ** way
        rate = 2 ** math.ceil(math.log2(min(stopband * 2, self.resolution)))
        half = max(stopband, rate / 2) - cutoff
        ends = index >= self.num_layers - 1
        size = self.resolution if ends else rate + 2 * self.margin_size
        # Python rounds halves to even, as numpy does.
        channels = round(min(self.channel_base / 2 / cutoff, self.channel_max))
        return cutoff, stopband, rate, half, size, channels

    def layers(self) -> list[LayerShape]:
        """Every layer from the first behind the waves to the one that gives colour."""
        return [self._layer(index) for index in range(self.num_layers + 1)]

    def _layer(self, index: int) -> LayerShape:
        last = index == self.num_layers
        cutoff_in, _, rate_in, half_in, size_in, n_in = self.band(max(index - 1, 0))
        cutoff_out, _, rate_out, half_out, size_out, n_out = self.band(index)
        rate_act = max(rate_in, rate_out) * (1 if last else self.lrelu_upsampling)
        up, down = rate_act // rate_in, rate_act // rate_out
        return LayerShape(
            n_in=n_in, n_out=self.img_channels if last else n_out,
            size_in=size_in, size_out=size_out,
            rate_in=rate_in, rate_out=rate_out, rate_act=rate_act,
            cutoff_in=cutoff_in, cutoff_out=cutoff_out,
            width_in=2 * half_in, width_out=2 * half_out,
            kernel=1 if last else self.conv_kernel,
            up_taps=self.filter_size * up if up > 1 and not last else 1,
            down_taps=self.filter_size * down if down > 1 and not last else 1,
            radial=self.use_radial_filters and index < self.num_layers - self.num_critical,
            last=last,
        )  # fmt: skip


def transform(x: float = 0.0, y: float = 0.0, turn: float = 0.0) -> Tensor:
    """The matrix [3, 3] that turns the picture by ``turn`` degrees, clockwise as seen, about its
    centre and then moves it right by ``x`` and down by ``y`` of its width, for `Synthesis`."""
    a = math.radians(turn)
    cos, sin = math.cos(a), math.sin(a)
    # The waves are asked where each pixel comes from: the inverse of the movement.
    back = [[cos, sin, -cos * x - sin * y], [-sin, cos, sin * x - cos * y], [0.0, 0.0, 1.0]]
    return torch.tensor(back)


class Waves(nn.Module):
    """The input: sines of fixed frequencies, turned and moved by w and by `transform`, mixed."""

    freqs: Tensor  # [channels, 2], cycles a picture
    phases: Tensor  # [channels], in turns
    transform: Tensor  # [3, 3]

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.bandwidth, _, self.rate, _, self.size, n = config.band(0)
        self.affine = Linear(config.w_dim, 4)
        self.affine.weight.data.zero_()
        self.affine.bias.data.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        self.weight = nn.Parameter(torch.randn(n, n))
        with torch.device("cpu"):  # as in `design`
            angle = torch.rand(n) * 2 * math.pi
            radius = torch.rand(n).sqrt() * self.bandwidth  # evenly over the disc
            freqs = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
            phases, still = torch.rand(n) - 0.5, torch.eye(3)
        self.register_buffer("freqs", freqs)
        self.register_buffer("phases", phases)
        self.register_buffer("transform", still)

    def forward(self, w: Tensor, transform: Tensor | None = None) -> Tensor:
        """w [n, w_dim] -> [n, size, size, channels], channels last."""
        freqs, phases = self._move(w, self.transform if transform is None else transform)
        nyquist = self.rate / 2
        # Waves that were turned or stretched beyond what the rate can carry are faded out.
        fade = (freqs.norm(dim=2) - self.bandwidth) / (nyquist - self.bandwidth)  # [n, c]
        at = (torch.arange(self.size, device=w.device) + 0.5 - self.size / 2) / self.rate  # [size]
        across = at[None, :, None] * freqs[:, None, :, 0]  # [n, size, c]
        along = at[None, :, None] * freqs[:, None, :, 1] + phases[:, None]  # [n, size, c]
        x = torch.sin((across[:, None] + along[:, :, None]) * (2 * math.pi))  # [n, size, size, c]
        x = x * (1.0 - fade).clamp(0.0, 1.0)[:, None, None]  # [n, size, size, c]
        return F.linear(x, self.weight / math.sqrt(len(self.weight)))  # [n, size, size, c]

    def _move(self, w: Tensor, transform: Tensor) -> tuple[Tensor, Tensor]:
        t = self.affine(w)  # [n, 4]: cosine, sine, x, y
        t = t / t[:, :2].norm(dim=1, keepdim=True)  # [n, 4]
        cos, sin, x, y = t.unbind(1)  # [n] each
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1)  # [n, 9]
        move = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1)  # [n, 9]
        m = turn.view(-1, 3, 3) @ move.view(-1, 3, 3) @ transform.to(w)  # [n, 3, 3]
        phases = self.phases + (self.freqs @ m[:, :2, 2:]).squeeze(2)  # [n, c]
        return self.freqs @ m[:, :2, :2], phases


class Layer(nn.Module):
    """A modulated convolution, then a leaky ReLU at a higher rate between two low-pass filters."""

    magnitude: Tensor  # [], a running mean of the input's square
    up_filter: Tensor | None  # [up_taps]
    down_filter: Tensor | None  # [down_taps], or [down_taps, down_taps]
    up: Tensor | None  # [size_act, size_conv], see `prepare`
    down: Tensor | None  # [size_out, size_act]
    squares: Tensor | None  # [out, in], see `freeze`

    def __init__(self, shape: LayerShape, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.shape, self.clamp = shape, clamp
        self.affine = Linear(w_dim, shape.n_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(shape.n_out, shape.n_in, shape.kernel, shape.kernel))
        self.bias = nn.Parameter(torch.zeros(shape.n_out))
        self.register_buffer("magnitude", torch.ones([]))
        up, down = design(shape)
        self.register_buffer("up_filter", up)
        self.register_buffer("down_filter", down)
        for name in ("up", "down", "squares"):
            self.register_buffer(name, None, persistent=False)
        if not self.weight.is_meta:
            self.prepare()

    def prepare(self) -> None:
        """Make the resampling matrices from the filters."""
        s, one = self.shape, torch.ones(1)  # no filter is one that changes nothing
        if s.up_taps > 1 or s.size_act != s.size_conv:
            row = one if self.up_filter is None else self.up_filter  # [up_taps]
            self.up = upsampling(s.size_conv, s.size_act, s.up, s.pad, row).float()
        if not s.radial and (s.down_taps > 1 or s.size_act != s.size_out):
            row = one if self.down_filter is None else self.down_filter  # [down_taps]
            self.down = downsampling(s.size_act, s.size_out, s.down, row).float()

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [n, in, size_in, size_in], w [n, w_dim] -> [n, out, size_out, size_out]."""
        weight, (style, demod) = (
            self._normal(),
            self.factors(w),
        )  # [out, in, k, k], [n, in], [n, out]
        x = x * style[:, :, None, None].to(x.dtype)  # [n, in, size_in, size_in]
        x = F.conv2d(x, weight.to(x.dtype), padding=self.shape.kernel - 1)  # [n, out, conv, conv]
        x = x * demod[:, :, None, None].to(x.dtype) + self.bias[:, None, None].to(x.dtype)
        if self.up is not None:
            up = self.up.to(x.dtype)
            x = up @ x @ up.T  # [n, out, size_act, size_act]
        if not self.shape.last:
            x = F.leaky_relu(x, SLOPE) * GAIN  # [n, out, size_act, size_act]
        if self.clamp is not None:
            x = x.clamp(-self.clamp, self.clamp)
        return self._lower(x)  # [n, out, size_out, size_out]

    def freeze(self) -> None:
        """Compute what modulation needs of the weights from now on."""
        if not self.shape.last and self.squares is None:
            self.weight.data = self._normal()
            self.squares = self.weight.detach().square().sum((2, 3))  # [out, in]

    def factors(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """w [n, w_dim] -> the input's factors [n, in] and the output's [n, out]."""
        style, gain = self.affine(w), self.magnitude.rsqrt()  # [n, in], []
        if self.shape.last:
            style = style * (gain / math.sqrt(self.shape.n_in * self.shape.kernel**2))  # [n, in]
            return style, style.new_ones(len(w), self.shape.n_out)
        style = style * style.square().mean(1, keepdim=True).rsqrt()  # [n, in]
        squares = self._normal().square().sum((2, 3)) if self.squares is None else self.squares
        demod = (style.square() @ squares.T + EPSILON).rsqrt()  # [n, out]
        return style * gain, demod

    def _normal(self) -> Tensor:
        if self.shape.last or self.squares is not None:
            return self.weight
        return self.weight * self.weight.square().mean((1, 2, 3), keepdim=True).rsqrt()

    def _lower(self, x: Tensor) -> Tensor:
        if self.down is not None:
            down = self.down.to(x.dtype)
            return down @ x @ down.T  # [n, out, size_out, size_out]
        if not self.shape.radial or self.down_filter is None:
            return x
        plane = self.down_filter.flip((0, 1)).to(x.dtype)[None, None]  # [1, 1, taps, taps]
        y = F.conv2d(x.flatten(0, 1)[:, None], plane, stride=self.shape.down)
        return y.view(*x.shape[:2], self.shape.size_out, self.shape.size_out)


def design(shape: LayerShape) -> tuple[Tensor | None, Tensor | None]:
    """A layer's filters before and behind its leaky ReLU, never on the meta device: there torch
    would load its compiler to calculate, which takes seconds."""
    s, up, down = shape, None, None
    with torch.device("cpu"):
        if s.up_taps > 1:
            up = lowpass(s.up_taps, s.cutoff_in, s.width_in, s.rate_act)  # [up_taps]
        if s.down_taps > 1:
            make = radial if s.radial else lowpass
            down = make(s.down_taps, s.cutoff_out, s.width_out, s.rate_act)
    return up, down


class Synthesis(nn.Module):
    """w -> image."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.input = Waves(config)
        shapes = config.layers()
        self.layers = nn.ModuleList(Layer(s, config.w_dim, config.conv_clamp) for s in shapes)
        self.half_from = config.resolution + 1  # the rate from which layers run in fp16
        self.course: Course | None = None  # the way of one picture on a CPU, see `freeze`

    def forward(self, ws: Tensor, transform: Tensor | None = None) -> Tensor:
        """ws [n, num_ws, w_dim] -> image [n, img_channels, resolution, resolution], about -1..1.

        ``transform`` [3, 3] moves and turns the picture, see `transform`."""
        x: Tensor = self.input(ws[:, 0], transform)  # [n, size, size, c]
        learning = torch.is_grad_enabled() and x.requires_grad
        if self.course is not None and x.device.type == "cpu" and not learning:
            pictures = [self.course.run(x[k], ws[k, 1:]) for k in range(len(x))]
            x = torch.stack(pictures)  # [n, img_channels, resolution, resolution]
        else:
            x = x.permute(0, 3, 1, 2)  # [n, c, size, size]
            for k, layer in enumerate(self.stack()):
                half = layer.shape.rate_out >= self.half_from
                x = layer(x.half() if half else x.float(), ws[:, k + 1])
        return x.float() * self.config.output_scale

    def __getstate__(self) -> dict[str, Any]:
        # A copy is for changing: its weights are their own way until it is frozen itself.
        return {**self.__dict__, "course": None}

    def stack(self) -> list[Layer]:
        """The layers."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]


class StyleGAN3(nn.Module):
    """The whole generator."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(
            StyleGAN2Config(
                z_dim=config.z_dim, w_dim=config.w_dim, c_dim=config.c_dim,
                mapping_layers=config.mapping_layers, mapping_lr=config.mapping_lr,
            )
        )  # fmt: skip
        self.synthesis = Synthesis(config)

    @classmethod
    def of(cls, config: StyleGAN3Config, tensors: dict[str, Tensor]) -> StyleGAN3:
        """The network whose state dict ``tensors`` is, without drawing random weights first."""
        with torch.device("meta"):
            network = cls(config)
        network.load_state_dict(tensors, assign=True)
        for layer in network.synthesis.stack():
            layer.prepare()
        return network

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        psi: float = 1.0,
        cutoff: int | None = None,
        transform: Tensor | None = None,
    ) -> Tensor:
        """z [n, z_dim] -> image [n, img_channels, resolution, resolution], about -1..1."""
        ws = self.truncate(self.mapping(z, c), psi, cutoff)  # [n, num_ws, w_dim]
        image: Tensor = self.synthesis(ws, transform)
        return image

    def truncate(self, w: Tensor, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """w [n, w_dim] -> ws [n, num_ws, w_dim]; see ``Mapping.truncate``."""
        return self.mapping.truncate(w, self.config.num_ws, psi, cutoff)

    def freeze(self, half: bool = False) -> StyleGAN3:
        """This network made ready for playing: no gradients, everything that the weights alone
        decide computed, and with ``half`` the highest rates in fp16. Its weights must not change
        afterwards."""
        self.eval().requires_grad_(False)
        layers = self.synthesis.stack()
        for layer in layers:
            layer.freeze()
        on_cpu = all(parameter.device.type == "cpu" for parameter in self.parameters())
        if on_cpu and all(layer.shape.kernel in (1, 3) for layer in layers):
            self.synthesis.course = Course(layers)
        if half:
            self.synthesis.half_from = self.config.resolution >> (HALF_RESOLUTIONS - 1)
        return self
