"""Train the default model on pairs: ``python -m vjgan.train.portraits``; run again to go on.

Because every picture's vector is known, the generator is trained on pairs: z in, its portrait out.
The synthesis is given w straight from what the vector says (see ``mapping.Known``); the mapping
network that says the same is made when the model is written. The network grows from 16 to 128
pixels. The state, the sheets and the curve lie in training/run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import told
from vjgan.generator.stylegan2 import StyleGAN2Config
from vjgan.train import products
from vjgan.train.features import Features
from vjgan.train.mapping import CONFIG
from vjgan.train.painter import Painter, Stage, likeness, paint, save_sheet, train
from vjgan.train.pairs import Pairs, attention

RUN, DATA = Path("training/run"), Path("training/data")
RATE = 1.2e-2  # of Adam; falls with the square root of the pictures seen
EMA_SHARE = 0.025  # half-life of the averaged weights, in pictures seen so far
FEATURE_WEIGHT = 0.25
WINDOW = 64  # pixels of a picture that the judge of details sees at a time

STAGES = (
    Stage(16, 16, 12_000),
    Stage(32, 16, 30_000),
    Stage(64, 16, 90_000),
    Stage(128, 8, float("inf")),
)
# So many of the steps at 128 are taken at 64: most of what is wrong is seen there too.
COARSE, COARSE_SHARE = Stage(64, 16, 0.0), 0.6


def unlikeness(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """The distance of feature maps; the first of each list is the picture itself."""
    pairs = zip((1, 1, 1, 0.5), ours[1:], theirs[1:], strict=True)
    return torch.stack([scale * (a - b).abs().mean() for scale, a, b in pairs]).sum()


class Trainer(Painter):
    """Learns portraits from the renderer's shards."""

    rate, ema_share = RATE, EMA_SHARE
    subject = products

    def __init__(self, run: Path, data: Path, config: StyleGAN2Config = CONFIG) -> None:
        self.pairs, self.held = Pairs(data), Pairs(data, held=True)
        super().__init__(run, config, self.pairs, self._typical().mean((0, 2, 3)))

    @property
    def stages(self) -> Sequence[Stage]:
        """From 16 to 128 pixels."""
        return STAGES

    def _typical(self) -> Tensor:
        return self._held(64)[1]

    def _held(self, most: int) -> tuple[Tensor, Tensor, Tensor]:
        n = min(most, len(self.held))
        return self.held.get(torch.arange(n), torch.zeros(n, dtype=torch.bool))

    @cached_property
    def features(self) -> Features:
        """The judge of details; loaded when the pictures are large enough for it."""
        features = Features()
        features.calibrate(self._typical())
        return features

    def step(self) -> float:
        """One batch; the loss."""
        p, x, marks = self.draw()
        image = paint(self.network.synthesis, self.network.mapping(p), len(x[0, 0]), torch.bfloat16)
        loss = likeness(image, x, attention(marks, len(x[0, 0])))
        if len(x[0, 0]) >= WINDOW:
            ours, theirs = self.look(image, x)
            loss = loss + FEATURE_WEIGHT * unlikeness(ours, theirs)
        self.update(loss, len(p))
        return loss.item()

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """A batch at this stage's resolution: vectors, pictures [n, 3, r, r], marks."""
        stage = self.stage
        if stage.resolution > COARSE.resolution:
            coarse = float(torch.rand((), generator=self.random)) < COARSE_SHARE
            stage = COARSE if coarse else stage
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

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """PSNR of held-out pictures, over all and around the eyes and the mouth; a sheet."""
        size = self.stage.resolution
        p, x, marks = self._held(128)
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


def main(words: Sequence[str] | None = None) -> None:
    """Start or go on with the training of the default model."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.portraits", description=__doc__)
    arguments.add_argument("--run", type=Path, default=RUN, help="where the state lies")
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--kimg", type=float, default=2000.0, help="stop after so many thousand")
    arguments.add_argument("--every", type=float, default=4.0, help="minutes between checkpoints")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--model", type=Path, help="start from it where there is no state")
    arguments.add_argument("--seen", type=float, default=0.0, help="thousand pictures it has seen")
    options = arguments.parse_args(words)
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options.run, options.data)
    if options.model and not trainer.seen:
        trainer.begin(options.model, int(options.seen * 1000))
    train(trainer, options.kimg * 1000, options.every * 60)


if __name__ == "__main__":
    with told():
        main()
