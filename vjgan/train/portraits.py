"""Train the default model on pairs: ``python -m vjgan.train.portraits``; run again to go on.

Because every picture's vector is known, the generator is trained on pairs: z in, its portrait out.
The network grows from 16 to 128 pixels. The state, the sheets and the curve lie in training/run.
"""

from __future__ import annotations

import argparse
import copy
import csv
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from vjgan.files import replacing
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config, Synthesis, double
from vjgan.train.features import Features
from vjgan.train.mapping import CONFIG, TAUGHT, teach
from vjgan.train.pairs import Pairs, attention

RUN, DATA = Path("training/run"), Path("training/data")
RATE = 1.2e-2  # of Adam; falls with the square root of the pictures seen
SLOWING = 60_000  # pictures after which the rate has fallen by sqrt(2)
EMA_SHARE = 0.04  # half-life of the averaged weights, in pictures seen so far
TEACH_STEPS = 7_000
FEATURE_WEIGHT = 0.25
GRADIENT_WEIGHT = 0.5
WINDOW = 64  # pixels of a picture that the judge of details sees at a time


@dataclass(frozen=True, slots=True)
class Stage:
    """A resolution, how many pictures a step, and up to how many pictures seen."""

    resolution: int
    batch: int
    until: float


STAGES = (
    Stage(16, 16, 12_000),
    Stage(32, 16, 30_000),
    Stage(64, 16, 90_000),
    Stage(128, 8, float("inf")),
)


def paint(synthesis: Synthesis, w: Tensor, resolution: int, dtype: torch.dtype) -> Tensor:
    """w [n, w_dim] -> image [n, 3, resolution, resolution] of a network that is still growing."""
    x = synthesis.const.to(dtype).expand(len(w), -1, -1, -1)  # [n, c, 4, 4]
    x = x.contiguous(memory_format=torch.channels_last)
    image = w.new_zeros([])
    for k, to_rgb in enumerate(synthesis.to_rgb):
        for j in (2 * k - 1, 2 * k) if k else (0,):
            x = synthesis.convs[j](x, w, 0.0, False)  # [n, c, r, r]
        colour = to_rgb(x, w)  # [n, 3, r, r]
        image = double(image) + colour if k else colour  # [n, 3, r, r]
        if 4 << k == resolution:
            break
    return image


def charbonnier(difference: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """A smooth absolute value, averaged."""
    return ((difference.square() + 1e-4).sqrt() * weight).mean()


def likeness(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """How far images [n, 3, r, r] are from their targets, at every scale and in their edges."""
    difference = image - target
    loss = charbonnier(difference, weight)
    across = difference[..., 1:] - difference[..., :-1]
    down = difference[..., 1:, :] - difference[..., :-1, :]
    loss = loss + GRADIENT_WEIGHT * charbonnier(across, weight[..., 1:])
    loss = loss + GRADIENT_WEIGHT * charbonnier(down, weight[..., 1:, :])
    while difference.shape[-1] > 8:
        difference = F.avg_pool2d(difference, 2)
        loss = loss + 0.5 * charbonnier(difference)
    return loss


def unlikeness(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """The distance of feature maps; the first of each list is the picture itself."""
    pairs = zip((1, 1, 1, 0.5), ours[1:], theirs[1:], strict=True)
    return torch.stack([scale * (a - b).abs().mean() for scale, a, b in pairs]).sum()


class Trainer:
    """The network, its average and everything needed to go on exactly where it stopped."""

    rate, ema_share = RATE, EMA_SHARE

    def __init__(self, run: Path, data: Path, config: StyleGAN2Config = CONFIG) -> None:
        self.run = run
        self.pairs, self.held = Pairs(data), Pairs(data, held=True)
        self.network = StyleGAN2(config)
        for to_rgb in self.network.synthesis.to_rgb:
            torch.nn.init.zeros_(cast(Tensor, to_rgb.weight))  # a resolution fades in from nothing
        with torch.no_grad():
            cast(Tensor, self.network.synthesis.to_rgb[0].bias).copy_(
                self._typical().mean((0, 2, 3))
            )
        self.seen, self.minutes = 0, 0.0
        self.random = torch.Generator().manual_seed(1)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = self._optimiser()
        if (run / "state.pt").exists():
            self._resume()
        else:
            self._teach()

    def _typical(self) -> Tensor:
        return self.held.get(torch.arange(64), torch.zeros(64, dtype=torch.bool))[1]

    @cached_property
    def features(self) -> Features:
        """The judge of details; loaded when the pictures are large enough for it."""
        features = Features()
        features.calibrate(self._typical())
        return features

    def _optimiser(self) -> torch.optim.Optimizer:
        layers = list(self.network.mapping.layers)
        groups = [  # the mapping's weights are scaled by 0.01 when used
            {"params": list(self.network.synthesis.parameters()), "scale": 1.0},
            {"params": [p for m in layers[:TAUGHT] for p in m.parameters()], "scale": 2.0},
            {"params": [p for m in layers[TAUGHT:] for p in m.parameters()], "scale": 20.0},
        ]
        return torch.optim.Adam(groups, self.rate, betas=(0.9, 0.99), foreach=True)

    def _teach(self) -> None:
        path = self.run / "mapping.pt"
        if path.exists():
            state = torch.load(path, weights_only=True)
        else:
            mapping, explained = teach(self.network.config, TEACH_STEPS)
            print(f"mapping explains {explained:.3f} of the physical values", flush=True)
            state = mapping.state_dict()
            torch.save(state, path)
        self.network.mapping.load_state_dict(state)
        self.average.mapping.load_state_dict(state)

    def _resume(self) -> None:
        state = torch.load(self.run / "state.pt", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.set_state(state["random"])
        self.seen, self.minutes = state["seen"], state["minutes"]
        self.pairs.keep(state["shards"])

    def save(self) -> None:
        """Write the state; the file appears under its name only when whole."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.get_state(),
            "seen": self.seen,
            "minutes": self.minutes,
            "shards": self.pairs.shards,
        }
        with replacing(self.run / "state.pt") as part:
            torch.save(state, part)
        self.pairs.read_new()

    @property
    def stage(self) -> Stage:
        """Where the training stands."""
        return next(stage for stage in STAGES if self.seen < stage.until)

    def step(self) -> float:
        """One batch; the loss."""
        p, x, marks = self.draw()
        image = paint(self.network.synthesis, self.network.mapping(p), len(x[0, 0]), torch.bfloat16)
        loss = likeness(image, x, attention(marks, len(x[0, 0])))
        if len(x[0, 0]) >= WINDOW:
            ours, theirs = self.look(image, x)
            loss = loss + FEATURE_WEIGHT * unlikeness(ours, theirs)
        self.update(loss)
        return loss.item()

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """A batch at this stage's resolution: vectors, pictures [n, 3, r, r], marks."""
        stage = self.stage
        index = torch.randint(len(self.pairs), (stage.batch,), generator=self.random)
        flip = torch.rand(stage.batch, generator=self.random) < 0.5
        p, x, marks = self.pairs.get(index, flip)
        return p, F.avg_pool2d(x, 128 // stage.resolution), marks

    def look(self, image: Tensor, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Feature maps of half of a batch and of its targets, in a random window."""
        n, room = len(image) // 2, (image.shape[-1] - WINDOW) // 8
        i, j = (8 * int(torch.randint(room + 1, (), generator=self.random)) for _ in "yx")
        window = (slice(0, n), slice(None), slice(i, i + WINDOW), slice(j, j + WINDOW))
        ours = image[window].contiguous(memory_format=torch.channels_last)
        theirs = x[window].contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            wanted = self.features(theirs)
        return [ours, *self.features(ours)], [theirs, *wanted]

    def update(self, loss: Tensor) -> None:
        """One step of the optimiser, and of the averaged weights."""
        rate = self.rate * min(1, (self.seen + 1) / 2000) / (1 + self.seen / SLOWING) ** 0.5
        for group in self.optimiser.param_groups:
            group["lr"] = group["scale"] * rate
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        batch = self.stage.batch
        self.seen += batch
        keep = 0.5 ** (batch / (self.ema_share * self.seen + 100))
        with torch.no_grad():
            average: list[Tensor] = list(self.average.parameters())
            new: list[Tensor] = list(self.network.parameters())
            torch._foreach_lerp_(average, new, 1 - keep)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """PSNR of held-out pictures, over all and around the eyes and the mouth; a sheet."""
        n, size = 128, self.stage.resolution
        p, x, marks = self.held.get(torch.arange(n), torch.zeros(n, dtype=torch.bool))
        x = F.avg_pool2d(x, 128 // size)
        w = self.average.mapping(p)
        chunks = [paint(self.average.synthesis, c, size, torch.bfloat16) for c in w.split(32)]
        image = torch.cat(chunks).clamp(-1, 1)
        error = ((image - x) / 2).square().mean(1, keepdim=True)  # [n, 1, r, r]
        near = attention(marks, size, rim=0.0)
        near = near - near.amin((2, 3), keepdim=True)
        local = (error * near).sum((1, 2, 3)) / near.sum((1, 2, 3))
        save_sheet(self.run / f"sheet{size}.png", image[:36], x[:36])
        return {
            "kimg": self.seen / 1000,
            "minutes": self.minutes,
            "resolution": size,
            "pairs": len(self.pairs),
            "psnr": float((-10 * error.mean((1, 2, 3)).log10()).mean()),
            "psnr_features": float((-10 * local.log10()).mean()),
        }


def save_sheet(path: Path, image: Tensor, target: Tensor) -> None:
    """Rows of 12: target, generated, target, generated ..., shown at 128 pixels."""
    shape = (-1, 12, *image.shape[1:])
    both = torch.stack([target.reshape(shape), image.reshape(shape)], 1)
    tiles = F.interpolate(both.flatten(0, 2), size=128, mode="nearest")  # [rows * 12, 3, 128, 128]
    grid = tiles.reshape(-1, 12, 3, 128, 128).permute(0, 3, 1, 4, 2)  # [rows, 128, 12, 128, 3]
    grid = grid.reshape(-1, 12 * 128, 3)
    Image.fromarray(((grid + 1) * 127.5 + 0.5).clamp(0, 255).byte().numpy()).save(path)


def main() -> None:
    """Start or go on with the training of the default model."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.portraits", description=__doc__)
    arguments.add_argument("--run", type=Path, default=RUN, help="where the state lies")
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--kimg", type=float, default=2000.0, help="stop after so many thousand")
    arguments.add_argument("--every", type=float, default=4.0, help="minutes between checkpoints")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options.run, options.data)
    train(trainer, options.kimg * 1000, options.every * 60)


def train(trainer: Trainer, until: float, every: float) -> None:
    """Train until that many pictures are seen; a report ``every`` so many seconds."""
    started = last = time.monotonic()
    before, losses = trainer.minutes, list[float]()
    while trainer.seen < until:
        losses.append(trainer.step())
        trainer.minutes = before + (time.monotonic() - started) / 60
        if time.monotonic() - last > every:
            report(trainer, losses)
            losses, last = [], time.monotonic()
    report(trainer, losses)


def report(trainer: Trainer, losses: list[float]) -> None:
    """Save the state, and add a line to the curve."""
    row = trainer.evaluate() | {"loss": float(np.mean(losses)) if losses else float("nan")}
    trainer.save()
    print("  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    path = trainer.run / "curve.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
