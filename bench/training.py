"""Training against the published method done plainly: pictures a second, on the same machine and
pictures, with the same networks, losses and schedule.

The plain way: weights of its own for every picture in a grouped convolution; filter, noise, bias,
leaky ReLU and gain as operations of their own; feature maps outermost; fp32. Each way is a process
of its own; they take turns, and of each part of a step the least time counts.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing as mp
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.plain import modulated, style, upfirdn
from vjgan.generator.allocator import keep_memory
from vjgan.generator.stylegan2 import StyleGAN2, Synthesis
from vjgan.train.discriminator import Discriminator
from vjgan.train.paint import noise_shapes
from vjgan.train.peers import Peers
from vjgan.train.settings import Settings, shape
from vjgan.train.supply import Part, Use
from vjgan.train.trainer import PATH_EVERY, R1_EVERY, Trainer

SIDE, BATCH, WIDTH, PICTURES = 64, 16, 4096, 64
ROUNDS = 4  # turns of each way
# Parts of a step, and how often each is due.
PARTS = {"paint": 1.0, "tell": 1.0, "paths": 1.0 / PATH_EVERY, "slope": 1.0 / R1_EVERY}


def plain_paint(synthesis: Synthesis, ws: Tensor, noise: Tensor) -> Tensor:
    """ws [n, num_ws, w_dim], noise [n, sum of r * r] -> image [n, img, r, r]."""
    net: Any = synthesis
    sizes = noise_shapes(synthesis)
    parts = torch.split(noise, sizes, 1)
    fields = [
        p.reshape(-1, 1, math.isqrt(n), math.isqrt(n)) for p, n in zip(parts, sizes, strict=True)
    ]
    taps = smooth_taps()
    x = net.const[None].repeat(len(ws), 1, 1, 1)  # [n, c, 4, 4]
    x = _plain_layer(net.convs[0], x, ws[:, 0], fields[0], taps)
    image = _plain_colour(net.to_rgb[0], x, ws[:, 1])  # [n, img, 4, 4]
    for k in range(1, len(net.to_rgb)):
        for j in (2 * k - 1, 2 * k):
            x = _plain_layer(net.convs[j], x, ws[:, j], fields[j], taps)  # [n, c, r, r]
        image = upfirdn(image, taps * 4.0, up=2, pad=(2, 1))  # [n, img, r, r]
        image = image + _plain_colour(net.to_rgb[k], x, ws[:, 2 * k + 1])  # [n, img, r, r]
    return image


def smooth_taps() -> Tensor:
    """The published filter [4, 4], of sum 1."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) / row.sum() ** 2


def _plain_layer(layer: Any, x: Tensor, w: Tensor, noise: Tensor, taps: Tensor) -> Tensor:
    up = layer.filter is not None
    x = modulated(x, layer.weight, style(layer.affine, w), True, up)  # [n, out, ...]
    if up:
        x = upfirdn(x, taps * 4.0, up=1, pad=(1, 1))  # [n, out, 2r, 2r]
    x = x + noise * layer.noise_strength  # [n, out, r, r]
    x = x + layer.bias[None, :, None, None]  # [n, out, r, r]
    return F.leaky_relu(x, 0.2) * math.sqrt(2.0)  # [n, out, r, r]


def _plain_colour(layer: Any, x: Tensor, w: Tensor) -> Tensor:
    styles = style(layer.affine, w) / math.sqrt(x.shape[1])  # [n, in]
    return modulated(x, layer.weight, styles, False, False) + layer.bias[None, :, None, None]


def plain_tell(net: Discriminator, image: Tensor) -> Tensor:
    """image [n, img, r, r] -> what the discriminator says of it [n]."""
    blocks: Any = net.blocks
    taps = smooth_taps()
    x = _plain_conv(net.from_rgb, image)  # [n, c, r, r]
    for block in blocks:
        y = _plain_conv(block.conv0, x)  # [n, c, r, r]
        y = _plain_conv(block.conv1, y, upfirdn(y, taps, 1, (2, 2))) * math.sqrt(0.5)
        around = upfirdn(x, taps, 1, (1, 1))[:, :, ::2, ::2]  # [n, c, r / 2, r / 2]
        weight = block.skip.weight / math.sqrt(x.shape[1])
        x = y + F.conv2d(around, weight) * math.sqrt(0.5)  # [n, out, r / 2, r / 2]
    n = len(x)
    groups = x.reshape(n // min(4, n), min(4, n), *x.shape[1:])  # [m, 4, c, 4, 4]
    deviation = (groups - groups.mean(1, keepdim=True)).square().mean(1).add(1e-8).sqrt()
    told = deviation.mean((1, 2, 3)).repeat_interleave(min(4, n))  # [n]
    told = told[:, None, None, None].repeat(1, 1, 4, 4)  # [n, 1, 4, 4]
    x = _plain_conv(net.conv, torch.cat([x, told], 1)).flatten(1)  # [n, 16 c]
    x = F.leaky_relu(style(net.dense, x), 0.2) * math.sqrt(2.0)  # [n, c]
    return style(net.out, x)[:, 0]


def _plain_conv(layer: Any, x: Tensor, smoothed: Tensor | None = None) -> Tensor:
    weight = layer.weight / math.sqrt(layer.weight[0].numel())
    if smoothed is None:
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)  # [n, out, r, r]
    else:
        x = F.conv2d(smoothed, weight, stride=2)  # [n, out, r / 2, r / 2]
    x = x + layer.bias[None, :, None, None]
    return F.leaky_relu(x, 0.2) * math.sqrt(2.0)


class PlainTrainer(Trainer):
    """The same training with the networks done plainly."""

    def _paint(self, ws: Tensor, part: Part, samples: list[int]) -> Tensor:
        count = sum(noise_shapes(self.network.synthesis))
        noise = self.supply.normal(part, Use.NOISE, samples, count)
        return plain_paint(self.network.synthesis, ws, noise)

    def _tell(
        self, images: Tensor, c: Tensor | None, part: Part, use: Use, samples: list[int]
    ) -> Tensor:
        return plain_tell(self.discriminator, images)


WAYS: dict[str, tuple[type[Trainer], str]] = {
    "plain": (PlainTrainer, "fp32"),
    "vjgan, fp32": (Trainer, "fp32"),
    "vjgan": (Trainer, "auto"),
}


def make_trainer(
    kind: type[Trainer], side: int, precision: str, width: int = WIDTH, batch: int = BATCH
) -> Trainer:
    """A training of random pictures."""
    torch.manual_seed(0)
    pictures = np.random.default_rng(0).integers(0, 256, (PICTURES, side, side, 3), np.uint8)
    settings = Settings(batch=batch, precision=precision)
    peers = Peers(torch.device("cpu"))
    return kind(StyleGAN2(shape(side, width, 0)), pictures, [], settings, peers)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Pictures a second of each way, by the clock and by the time that it had a core."""
    context = mp.get_context("spawn")
    ways, processes = {}, []
    for way in WAYS:
        here, there = context.Pipe()
        processes.append(context.Process(target=_work, args=(there, way, SIDE), daemon=True))
        processes[-1].start()
        ways[way] = here
    took = {way: {part: list[tuple[float, float]]() for part in PARTS} for way in ways}
    for _ in range(ROUNDS):
        for part in PARTS:
            for way, pipe in ways.items():
                pipe.send(part)
                took[way][part].append(pipe.recv())
    for pipe in ways.values():
        pipe.send(None)
    for process in processes:
        process.join()
    wall, core = ({way: _speed(parts, k) for way, parts in took.items()} for k in range(2))
    return {
        way: {
            "pictures a second": wall[way],
            "times plain": wall[way] / wall["plain"],
            "pictures a second of a core's time": core[way],
            "times plain, of that": core[way] / core["plain"],
        }
        for way in WAYS
    }


def _speed(parts: dict[str, list[tuple[float, float]]], clock: int) -> float:
    """Pictures a second, of the least time of each part by one of the two clocks."""
    least = {part: min(row[clock] for row in rows) for part, rows in parts.items()}
    return BATCH / sum(PARTS[part] * seconds for part, seconds in least.items())


def _work(pipe: Connection, way: str, side: int) -> None:
    torch.set_num_threads(1)
    if way != "plain":
        keep_memory()
    kind, precision = WAYS[way]
    trainer: Any = make_trainer(kind, side, precision)
    samples, half = list(range(BATCH)), list(range(BATCH // 2))
    parts = {
        "paint": lambda: trainer._learn_to_paint(samples),
        "tell": lambda: trainer._learn_to_tell(samples),
        "paths": lambda: trainer._even_paths(half),
        "slope": lambda: trainer._flatten(samples),
    }
    while (part := pipe.recv()) is not None:
        begin, worked = time.perf_counter(), time.process_time()
        parts[part]()
        pipe.send((time.perf_counter() - begin, time.process_time() - worked))
