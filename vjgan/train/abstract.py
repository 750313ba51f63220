"""Make the abstract model: ``python -m vjgan.train.abstract``; run again to go on.

Pairs as with the portraits, but of ``currents``, whose pictures are drawn as they are needed. The
network grows from 32 to 128 pixels, and at last the model is written. The state, the
sheets and the curve lie in training/currents.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from vjgan.errors import told
from vjgan.generator import checkpoint
from vjgan.generator.closeness import closeness
from vjgan.generator.measure import measure
from vjgan.generator.player import make_player, make_space
from vjgan.generator.stylegan2 import StyleConv, StyleGAN2Config, Synthesis
from vjgan.train import currents
from vjgan.train.export import CENTRE, MEASURED, TEACHING, direction, distilled, way
from vjgan.train.painter import (
    Painter,
    Stage,
    likeness,
    paint,
    save_sheet,
    train,
)

RUN, MODEL = Path("training/currents"), Path("models/currents.safetensors")
CONFIG = StyleGAN2Config(
    resolution=128,
    z_dim=len(currents.NAMES),
    w_dim=128,
    channel_base=4096,
    channel_max=64,
    mapping_layers=6,
)
KIMG = 120.0
LAST_RATE = 0.05  # of the rate at the end, lest raw weights stay behind the averaged ones
WARMING = 1000  # pictures until the rate is reached
BATCH = 16
POOL = 1024  # pictures in memory
RENEWED = 0.25  # of a batch, pictures that are new
HELD = 90_000_000  # seeds from here on are never trained on
SHARES = (0.5, 0.85)  # of all pictures, after which the network grows
SHOWN = 48  # held-out pictures that are measured
LAID, LAYING = 16, 200  # pixels at which the landscapes are laid out, and steps that it takes
RIM_WEIGHT = 3.0  # of the outermost pixels, which doubling fades
DIRECTIONS = tuple(name for name in currents.NAMES if not name.startswith("kind"))
ORIGIN = (
    "Trained by vjgan.train.abstract on pictures that vjgan.train.currents draws by formula from "
    "seeds; no picture of anybody else was used."
)
DESCRIPTION = (
    "Abstract currents of silk, oil, aurora and pearl, with named directions for their colours, "
    "fields, folds and flow. {kimg:.0f} thousand pictures seen."
)


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
        self,
        run: Path,
        until: float,
        pool: int = POOL,
        config: StyleGAN2Config = CONFIG,
        laying: int = LAYING,
    ) -> None:
        self.until, self._config = until, config
        self.pool = Pool(pool, self.stages[0].resolution)
        z = torch.from_numpy(currents.draw(HELD, 64))
        colour = currents.paint(z, 16).mean((0, 2, 3))  # [3]
        super().__init__(run, config, self.pool, colour)
        self.pool.grow(self.stage.resolution)
        if not self.seen:
            error = lay(self.network.synthesis, laying)
            print(f"landscapes are laid out, {error:.3f} of their variance missing", flush=True)
            self.average.load_state_dict(self.network.state_dict())

    @property
    def stages(self) -> Sequence[Stage]:
        """From 32 pixels up; small ones are cheap and teach most."""
        sizes = [r for r in self._config.sizes if r >= 32]
        shares = [*SHARES[: len(sizes) - 1], math.inf]
        return [Stage(r, BATCH, share * self.until) for r, share in zip(sizes, shares, strict=True)]

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
        self.update(loss, stage.batch)
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


def lay(synthesis: Synthesis, steps: int = LAYING) -> float:
    """Let the lowest layers hold the landscapes, whatever w is, before they have seen a picture:
    all pictures are sums of those. The share of their variance that is missing in the end."""
    torch.manual_seed(2)
    fields = currents.landscapes(LAID)  # [6, 16, 16]
    wanted = torch.cat([fields, *(0.5 * LAID / 2 * g for g in torch.gradient(fields, dim=(1, 2)))])
    layers = list(synthesis.convs[: 2 * LAID.bit_length() - 5])
    for conv in layers:
        torch.nn.init.zeros_(cast(StyleConv, conv).affine.weight)
    channels = cast(Tensor, layers[-1].weight).shape[0]
    readout = torch.nn.Conv2d(channels, len(wanted), 1)
    weights = [synthesis.const, *(p for conv in layers for p in conv.parameters())]
    optimiser = torch.optim.Adam([*weights, *readout.parameters()], 1e-2, betas=(0.9, 0.99))
    w = torch.zeros(1, cast(StyleConv, layers[0]).affine.weight.shape[1])
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        x = synthesis.const[None]  # [1, c, 4, 4]
        for conv in layers:
            x = conv(x, w, 0.0, False)  # [1, c, 16, 16] in the end
        loss = (readout(x)[0] - wanted).square().mean() / wanted.square().mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return float(loss.detach())


def rim(size: int) -> Tensor:
    """Weights [1, 1, size, size] of mean 1, higher at the outermost pixels."""
    weight = torch.ones(1, 1, size, size)
    for line in (weight[..., :1], weight[..., -1:], weight[..., :1, :], weight[..., -1:, :]):
        line += RIM_WEIGHT
    return weight / weight.mean()


def export(
    state: Path,
    out: Path,
    measured: int = MEASURED,
    config: StyleGAN2Config = CONFIG,
    teaching: int = TEACHING,
) -> None:
    """Write the averaged weights of a training's state as a plain StyleGAN2. Raises ModelError."""
    saved = torch.load(state, weights_only=True)
    network = distilled(state, saved["average"], config, currents, teaching)
    with torch.no_grad():
        z = torch.from_numpy(currents.draw(HELD + 2, CENTRE))
        network.mapping.w_mean.copy_(network.mapping(z).mean(0))
        directions = {name: direction(network, z, currents.INDEX[name]) for name in DIRECTIONS}
        kind = [currents.INDEX[name] for name in ("kind_x", "kind_y")]
        for name, place in currents.KINDS.items():
            directions[name] = way(network, z, kind, (0.0, 0.0), place)
    space = make_space(network)
    player = make_player(network, space, "currents", True)
    checkpoint.save(
        out,
        network,
        name="currents",
        licence="CC0-1.0",
        origin=ORIGIN,
        trained=True,
        description=DESCRIPTION.format(kimg=saved["seen"] / 1000),
        ruler=measure(space, player.glimpse, measured),
        directions=directions,
        bf16_db=closeness(network, space),
    )


def main(words: Sequence[str] | None = None) -> None:
    """Start or go on with the training of the abstract model, and write it."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.abstract", description=__doc__)
    arguments.add_argument("--run", type=Path, default=RUN, help="where the state lies")
    arguments.add_argument("--out", type=Path, default=MODEL)
    arguments.add_argument("--kimg", type=float, default=KIMG, help="thousand pictures in all")
    arguments.add_argument("--every", type=float, default=4.0, help="minutes between checkpoints")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args(words)
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options.run, options.kimg * 1000)
    train(trainer, options.kimg * 1000, options.every * 60)
    export(options.run / "state.pt", options.out)
    print("\n".join(checkpoint.info(options.out).lines()))


if __name__ == "__main__":
    with told():
        main()
