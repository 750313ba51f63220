"""Writes models/alive.safetensors: a StyleGAN2 that never saw a picture, yet looks alive.

Its weights are drawn from a seed, but not blindly. The constant is pairs of waves a quarter of a
turn apart, so that styles move them along. Channels come in pairs of opposite sign, so that the
leaky ReLU folds a field over itself, layer by layer, as one folds paint. The last layer cuts two
fields into steps, which the RGB layer joins into a ramp of colours and fine bright lines. The
statistics of every layer are measured and set on the way.

    python tools/make_alive.py [FILE]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.checkpoint import save
from vjgan.generator.device import set_threads
from vjgan.generator.measure import measure
from vjgan.generator.player import make_player, make_space
from vjgan.generator.stylegan2 import GAIN, SLOPE, Linear, StyleConv, StyleGAN2, StyleGAN2Config

SEED = 21
CONFIG = StyleGAN2Config(
    resolution=256, z_dim=64, w_dim=64, channel_base=4096, channel_max=64, mapping_layers=2
)
PICTURES = 48  # that statistics are taken of
RULER_PICTURES = 1200

# By resolution, 4 to 256: how much w sways a layer, how even (folding) its sums over pairs are,
# how much of it is slope rather than level, and how wide its kernels are (0 a point, 1 a blur).
SWAY = (1.3, 0.9, 0.6, 0.45, 0.35, 0.25, 0.2)
FOLD = (0.3, 0.9, 0.9, 0.85, 0.75, 0.5, 0.25)
SLOPES = (0.0, 0.1, 0.2, 0.3, 0.3, 0.2, 0.1)
BLUR = (0.0, 0.0, 0.3, 0.5, 1.0, 1.0, 1.0)
BLUR_UP = (0.0, 0.0, 0.0, 0.3, 1.0, 1.0, 1.0)
SPREAD = 0.3  # of the biases, in standard deviations
GRAIN = 0.025  # strength of the noise, likewise, from 32x32 on
SWAY_LAST, SWAY_RGB, TINT = 0.2, 0.04, 0.16

# The ramp along the first field: fire on one side of the dark, ice on the other.
RAMP = [
    "b01a50",
    "ff7a34",
    "ffd878",
    "f0483a",
    "960f5e",
    "240a44",
    "04062c",
    "0a4490",
    "14a8c4",
    "80f8d4",
    "64a8ff",
    "5a30d0",
]
REACH = 2.8  # standard deviations from end to end of the ramp, each way
STEPS = 11  # channels for the ramp; 3 for the lines, 2 for the shade
CONTRAST = 1.4
LINE_AT, LINE_WIDTH, LINE_COLOUR = 0.3, 0.3, (0.45, 0.34, 0.22)
SHADE_AT, SHADE = 0.2, 0.2

TAP = torch.tensor([1.0, 2.0, 1.0]) / 4.0
WIDE = torch.outer(TAP, TAP)  # [3, 3]
POINT = F.pad(torch.ones(1, 1), (1, 1, 1, 1))  # [3, 3]
ACROSS = torch.outer(TAP, torch.tensor([-0.5, 0.0, 0.5]))  # [3, 3]


def opposed(weight: Tensor) -> Tensor:
    """Every second output channel made the negative of the one before."""
    weight = weight.clone()
    weight[1::2] = -weight[0::2]
    return weight


class Maker:
    """Sets a network's weights layer by layer, carrying pictures along to measure them."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = StyleGAN2(CONFIG).requires_grad_(False)
        mapping = self.network.mapping
        w = mapping(torch.randn(20_000, CONFIG.z_dim))  # [n, w_dim]
        mapping.w_mean.copy_(w.mean(0))
        self.spread = (w - w.mean(0)).std()
        self.w = w[:PICTURES]
        const = self.network.synthesis.const
        const.copy_(waves(len(const)))
        self.x = const.expand(PICTURES, -1, -1, -1)  # [n, c, 4, 4]
        self.mean = torch.zeros(len(const))  # [c]
        self.scale = 1.0 / self.x.std((0, 2, 3)).clamp_min(0.2)  # [c], brings x to unit variance

    def make(self) -> StyleGAN2:
        """The finished network."""
        convs = [c for c in self.network.synthesis.convs if isinstance(c, StyleConv)]
        for index, conv in enumerate(convs[:-1]):
            self.middle(conv, (index + 1) // 2, paired=index > 0)
        self.last(convs[-1])
        return self.network

    def sway(self, affine: Linear, amount: float, scale: Tensor, paired: bool) -> None:
        """Let w move the styles by ``amount`` around ``scale``, pairs mostly together."""
        a = torch.randn(affine.weight.shape)  # [c, w_dim]
        if paired:
            a[1::2] = 0.9 * a[0::2] + 0.45 * a[1::2]
        a *= amount / self.spread
        affine.weight.copy_(a * scale[:, None])
        middle = a @ self.network.mapping.w_mean / math.sqrt(CONFIG.w_dim)  # [c]
        affine.bias.copy_(scale * (1.0 - middle))

    def sums(self, count: int, n_in: int, fold: float) -> Tensor:
        """Random sums over channels [count, in], by pairs: even ones fold, odd ones keep. They are
        blind to the channels' means, so that the padding at the border shows little."""
        even, odd = torch.randn(2, count, n_in // 2)
        pair = [fold * even + 0.7 * (1.0 - fold) * odd, fold * even - 0.7 * (1.0 - fold) * odd]
        sums = torch.stack(pair, 2).reshape(count, n_in)
        mean = self.mean * self.scale  # [in]
        return sums - torch.outer(sums @ mean, mean) / (mean @ mean).clamp_min(1e-6)

    def respond(self, conv: StyleConv) -> tuple[Tensor, Tensor, Tensor]:
        """What a layer gives before its bias [n, out, r, r], with mean and deviation [out] taken
        away from the border."""
        conv.bias.zero_()
        conv.noise_strength.zero_()
        y = conv(self.x, self.w, 0.0, False) / GAIN  # [n, out, r, r]
        y = torch.where(y < 0.0, y / SLOPE, y)  # the leaky ReLU undone
        rim = y.shape[-1] // 16
        inner = y[:, :, rim : y.shape[-2] - rim, rim : y.shape[-1] - rim]
        return y, inner.mean((0, 2, 3)), inner.std((0, 2, 3))

    def middle(self, conv: StyleConv, level: int, paired: bool) -> None:
        """A layer that folds."""
        n_out, n_in = conv.weight.shape[:2]
        sums = self.sums(n_out, n_in, FOLD[level]) if paired else torch.randn(n_out, n_in)
        blur = (BLUR if conv.filter is None else BLUR_UP)[level]
        weight = sums[:, :, None, None] * ((1.0 - blur) * POINT + blur * WIDE)  # [out, in, 3, 3]
        for kernel in (ACROSS, ACROSS.T):
            weight += SLOPES[level] * torch.randn(n_out, n_in, 1, 1) * kernel
        conv.weight.copy_(opposed(weight))
        self.sway(conv.affine, SWAY[level], self.scale, paired)
        y, mean, deviation = self.respond(conv)
        conv.bias.copy_(deviation * opposed(torch.randn(n_out) * SPREAD) - mean)
        conv.noise_strength.fill_(GRAIN * float(deviation.mean()) if level >= 3 else 0.0)
        self.x = F.leaky_relu(y + conv.bias[:, None, None], SLOPE) * GAIN  # [n, out, r, r]
        self.mean = self.x.mean((0, 2, 3))
        self.scale = 1.0 / self.x.std((0, 2, 3)).clamp_min(0.02)

    def last(self, conv: StyleConv) -> None:
        """The layer of steps, and the colours."""
        counts = torch.tensor([STEPS, 3, 2])
        fields = self.sums(3, conv.weight.shape[1], FOLD[-1]).repeat_interleave(counts, 0)
        conv.weight.copy_(fields[:, :, None, None] * WIDE)
        self.sway(conv.affine, SWAY_LAST, self.scale, paired=True)
        _, mean, deviation = self.respond(conv)
        deviation /= CONTRAST
        steps = [
            torch.linspace(-REACH, REACH, STEPS),
            torch.tensor([-LINE_WIDTH, 0.0, LINE_WIDTH]) + LINE_AT,
            torch.tensor([-3.0, 0.0]) + SHADE_AT,
        ]
        conv.bias.copy_(-mean - torch.cat(steps) * deviation)
        conv.noise_strength.fill_(GRAIN * float(deviation[0]) / 2.0)
        t = torch.linspace(-3.5, 3.5, 600)  # a field, in standard deviations
        line = (1.0 - (t - LINE_AT).abs() / LINE_WIDTH).clamp_min(0.0)
        shade = -SHADE * (t - SHADE_AT).clamp_min(0.0)
        colours = [
            ramp(t),
            line[:, None] * torch.tensor(LINE_COLOUR),
            shade[:, None].expand(-1, 3),
        ]
        parts = [join(t, at, colour) for at, colour in zip(steps, colours, strict=True)]
        rgb = torch.cat([part[:-1] for part in parts]) / deviation[:, None]  # [16, 3]
        self.colour(rgb, sum(part[-1] for part in parts))

    def colour(self, rgb: Tensor, bias: Tensor) -> None:
        """The RGB layers: the last one as given, a tint that changes with w, nothing else."""
        layers = self.network.synthesis.to_rgb
        for layer in layers:
            layer.weight.zero_()
            layer.affine.weight.zero_()
        layers[-1].weight.copy_((rgb.T / layers[-1].gain)[:, :, None, None])
        layers[-1].bias.copy_(bias)
        self.sway(layers[-1].affine, SWAY_RGB, torch.ones(len(rgb)), paired=False)
        tint = torch.randn(layers[1].weight.shape) * TINT
        layers[1].weight.copy_(tint - tint.mean(0))
        self.sway(layers[1].affine, 1.0, torch.ones(tint.shape[1]), paired=False)
        layers[1].affine.bias.sub_(1.0)


def waves(channels: int) -> Tensor:
    """Pairs of plane waves [channels, 4, 4], a quarter of a turn apart."""
    along = (torch.arange(4) + 0.5) / 4.0 - 0.5
    y, x = torch.meshgrid(along, along, indexing="ij")  # [4, 4]
    rows = []
    for _ in range(channels // 2):
        cycles = 0.3 + 0.9 * float(torch.rand(()))
        angle, phase = (float(v) * math.tau for v in torch.rand(2))
        turn = math.tau * cycles * (math.cos(angle) * x + math.sin(angle) * y) + phase
        rows += [turn.sin() * GAIN, turn.cos() * GAIN]
    return torch.stack(rows)


def ramp(t: Tensor) -> Tensor:
    """The colours [n, 3] along a field [n], in -1..1, smooth from stop to stop."""
    stops = torch.tensor(
        [[int(stop[k : k + 2], 16) / 127.5 - 1.0 for k in (0, 2, 4)] for stop in RAMP]
    )
    place = ((t + REACH) / (2.0 * REACH)).clamp(0.0, 1.0) * (len(stops) - 1)
    low = place.long().clamp_max(len(stops) - 2)
    part = (place - low)[:, None]
    part = part * part * (3.0 - 2.0 * part)
    return stops[low].lerp(stops[low + 1], part) * 1.02


def join(t: Tensor, at: Tensor, wanted: Tensor) -> Tensor:
    """How to sum leaky ReLUs that bend ``at`` [k] to get ``wanted`` [n, 3] along t: weights and a
    constant [k + 1, 3], by least squares."""
    bends = F.leaky_relu(t[:, None] - at, SLOPE) * GAIN  # [n, k]
    basis = torch.cat([bends, torch.ones(len(t), 1)], 1)  # [n, k + 1]
    weight = torch.exp(-t.square() / 8.0)[:, None]
    return torch.linalg.lstsq(basis * weight, wanted * weight).solution


def main(path: Path) -> None:
    """Make the network, measure it, write it."""
    set_threads(live=True)
    network = Maker(SEED).make()
    player = make_player(network, make_space(network), "alive", False)
    ruler = measure(player.space, player.glimpse, RULER_PICTURES)
    save(
        path,
        network,
        name="alive",
        licence="CC0-1.0",
        origin=f"vjgan, tools/make_alive.py, seed {SEED}",
        trained=False,
        description="Liquid light: weights drawn from a seed by rule. It never saw a picture.",
        ruler=ruler,
    )
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("models/alive.safetensors"))
