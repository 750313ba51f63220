"""Make the abstract model: ``python -m vjgan.train.abstract``; run again to go on.

Pairs as with the portraits, but of ``currents``, whose pictures are drawn as they are needed. The
network grows from 32 to 256 pixels; the last thing it does is to write the model. The state, the
sheets and the curve lie in training/currents.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vjgan.generator.stylegan2 import StyleGAN2Config
from vjgan.train import currents
from vjgan.train.painter import WARMING, Painter, Stage, likeness, paint, save_sheet, train

RUN = Path("training/currents")
CONFIG = StyleGAN2Config(
    resolution=256,
    z_dim=len(currents.NAMES),
    w_dim=128,
    channel_base=4096,
    channel_max=64,
    mapping_layers=6,
)
KIMG = 160.0
LAST_RATE = 0.05  # what is left of the rate at the end: raw weights are worth as much as averaged
POOL = 2048  # pictures in memory
RENEWED = 0.25  # of a batch, pictures that are new
HELD = 90_000_000  # seeds from here on are never trained on
SHARES = (0.45, 0.72, 0.94)  # of all pictures, after which the network grows
SHOWN = 48  # held-out pictures that are measured
RIM_WEIGHT = 3.0  # of the outermost pixels, which doubling fades


class Pool:
    """The newest pictures, each known by its seed: a window that moves on, so that it can be made
    again for training to resume exactly."""

    def __init__(self, count: int, size: int) -> None:
        self.size, self.first = size, 0
        self._z = torch.empty(count, len(currents.NAMES))
        self._pictures = torch.empty(count, 3, size, size, dtype=torch.uint8)
        self._fill(0, count)

    def __len__(self) -> int:
        return len(self._z)

    @property
    def shards(self) -> list[str]:
        """The first seed of the window."""
        return [str(self.first)]

    def keep(self, shards: list[str]) -> None:
        """Go back to the window that begins at this seed."""
        self.first = int(shards[0])
        self._fill(self.first, len(self._z))

    def read_new(self) -> None:
        """Nothing appears on a disk here."""

    def grow(self, size: int) -> None:
        """The same window at another size."""
        if size != self.size:
            self.size = size
            self._pictures = torch.empty(len(self._z), 3, size, size, dtype=torch.uint8)
            self._fill(self.first, len(self._z))

    def renew(self, count: int) -> None:
        """Let so many new pictures take the place of the oldest."""
        self.first += count
        self._fill(self.first + len(self._z) - count, count)

    def get(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [n, 16] and pictures [n, 3, size, size] in -1..1."""
        return self._z[index], self._pictures[index].float() / 127.5 - 1.0

    @torch.no_grad()
    def _fill(self, first: int, count: int) -> None:
        seeds = torch.arange(first, first + count)
        for some in torch.split(seeds, 16):
            z = torch.cat([torch.from_numpy(currents.draw(int(seed), 1)) for seed in some])
            at = some % len(self._z)
            self._z[at] = z
            picture = currents.paint(z, self.size)  # [n, 3, size, size]
            self._pictures[at] = ((picture + 1.0) * 127.5 + 0.5).clamp(0, 255).byte()


class Trainer(Painter):
    """Learns currents, up to so many pictures."""

    rate, ema_share = 1.2e-2, 0.02
    subject = currents

    def __init__(
        self, run: Path, until: float, pool: int = POOL, config: StyleGAN2Config = CONFIG
    ) -> None:
        self.until, self._config = until, config
        self.pool = Pool(pool, self.stages[0].resolution)
        z = torch.from_numpy(currents.draw(HELD, 64))
        super().__init__(run, config, self.pool, currents.paint(z, 16).mean((0, 2, 3)))
        self.pool.grow(self.stage.resolution)

    @property
    def stages(self) -> Sequence[Stage]:
        """From 32 pixels up; small ones are cheap and teach most."""
        sizes = [r for r in self._config.sizes if r >= 32]
        shares = [*SHARES[: len(sizes) - 1], math.inf]
        return [Stage(r, 16, share * self.until) for r, share in zip(sizes, shares, strict=True)]

    def pace(self) -> float:
        """Up at first, then down along a cosine to LAST_RATE."""
        done = min(1.0, self.seen / self.until)
        down = LAST_RATE + (1.0 - LAST_RATE) * (0.5 + 0.5 * math.cos(math.pi * done))
        return min(1.0, (self.seen + 1) / WARMING) * down

    def step(self) -> float:
        """One batch, a part of it new; the loss."""
        stage = self.stage
        self.pool.grow(stage.resolution)
        self.pool.renew(int(RENEWED * stage.batch))
        z, x = self.pool.get(torch.randint(len(self.pool), (stage.batch,), generator=self.random))
        image = paint(
            self.network.synthesis, self.network.mapping(z), stage.resolution, torch.bfloat16
        )
        loss = likeness(image, x, rim(stage.resolution))
        self.update(loss)
        return loss.item()

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """PSNR of held-out pictures, of the averaged weights and of the raw ones; a sheet."""
        size = self.stage.resolution
        z = torch.from_numpy(currents.draw(HELD + 1, SHOWN))
        x = torch.cat([currents.paint(some, size) for some in torch.split(z, 12)])
        images = []
        for network in (self.average, self.network):
            ws = torch.split(network.mapping(z), 12)
            chunks = [paint(network.synthesis, w, size, torch.bfloat16) for w in ws]
            images.append(torch.cat(chunks).clamp(-1, 1))
        error = [((image - x) / 2).square().mean((1, 2, 3)) for image in images]
        save_sheet(self.run / f"sheet{size}.png", images[0][:36], x[:36])
        return {
            "kimg": self.seen / 1000,
            "minutes": self.minutes,
            "resolution": size,
            "psnr": float((-10 * error[0].log10()).mean()),
            "psnr_raw": float((-10 * error[1].log10()).mean()),
        }


def rim(size: int) -> Tensor:
    """Weights [1, 1, size, size] of mean 1, higher at the outermost pixels."""
    weight = torch.ones(1, 1, size, size)
    for line in (weight[..., :1], weight[..., -1:], weight[..., :1, :], weight[..., -1:, :]):
        line += RIM_WEIGHT
    return weight / weight.mean()


def main() -> None:
    """Start or go on with the training of the abstract model, and write it."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.abstract", description=__doc__)
    arguments.add_argument("--run", type=Path, default=RUN, help="where the state lies")
    arguments.add_argument("--kimg", type=float, default=KIMG, help="thousand pictures in all")
    arguments.add_argument("--every", type=float, default=4.0, help="minutes between checkpoints")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options.run, options.kimg * 1000)
    train(trainer, options.kimg * 1000, options.every * 60)


if __name__ == "__main__":
    main()
