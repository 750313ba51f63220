"""Train the encoder of the default model: ``python -m vjgan.train.encoder``; run again to go on.

A small network learns from renders and from the model's own pictures, each with its vector, to tell
the 32 numbers of whoever it is shown. What it is judged by is how far its numbers are off, and how
far the model's picture of them would be, by the model's own ruler of its latent space. ``--part
eyes`` teaches the second one, which is shown the eyes alone and tells what they do.
"""

from __future__ import annotations

import argparse
import copy
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vjgan.errors import told
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import Mapping, StyleGAN2
from vjgan.train import sitter
from vjgan.train.encoding import FACE, PARTS, Encoder, Part
from vjgan.train.own import OWN
from vjgan.train.sightings import Sightings, disturb
from vjgan.train.state import momenta, pack, read, remember, unpack, write

RUN, DATA = Path("training/encoder"), Path("training/data")  # a folder in RUN for each part
MODEL = Path("models/portraits.safetensors")
OUT = Path("models/encoders/portraits.safetensors")
BATCH = 64
RATE = 2e-3  # of Adam; falls as a cosine to the end
OWN_SHARE = 0.25  # of the pictures that are the model's own
WARM = 200  # steps in which the rate rises
KEEP = 0.998  # of the averaged weights a step
PICTURE_WEIGHT = 0.5  # of the picture's distance over the numbers'
FAR = 10.0  # units of the ruler between two random pictures


class Trainer:
    """The network, its average, and all that is needed to go on exactly where it stopped."""

    def __init__(
        self, run: Path, data: Path, own: Path, model: Path, steps: int, part: Part = FACE
    ) -> None:
        torch.manual_seed(5)
        self.run, self.until, self.part = run, steps, part
        self.renders, self.held = Sightings(data, part), Sightings(data, part, held=True)
        self.own = Sightings(own, part, maker="vjgan.train.own --folder")
        loaded = checkpoint.load(model)
        assert isinstance(loaded.network, StyleGAN2) and loaded.ruler is not None
        self.mapping: Mapping = loaded.network.mapping.requires_grad_(False)
        self.root = torch.from_numpy(loaded.ruler.root)  # [w_dim, w_dim]
        self.network = Encoder(part)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.network.parameters(), RATE, foreach=True)
        self.steps, self.minutes = 0, 0.0
        if (run / "state.safetensors").exists():
            self._resume()

    def step(self) -> float:
        """One batch; the loss."""
        chance = np.random.default_rng([11, self.steps])
        x, p = self._batch(chance)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            told = self.network(x.contiguous(memory_format=torch.channels_last)).float()
        loss = (told - p[:, self.part.numbers]).square().mean()
        if self.part is FACE:  # a picture needs all numbers
            loss = loss + PICTURE_WEIGHT * self.distance(told, p).square().mean() / FAR**2
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.steps += 1
        keep = min(KEEP, self.steps / (self.steps + 10))
        with torch.no_grad():
            new = self.network.state_dict()
            for name, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(new[name], 1 - keep)
        return float(loss.item())

    def distance(self, told: Tensor, p: Tensor) -> Tensor:
        """How far the model's pictures of vectors [n, 32] are, in units of its ruler: [n]."""
        step = self.mapping(told) - self.mapping(p)  # [n, w_dim]
        length: Tensor = (step @ self.root.T).square().sum(1).add(1e-6).sqrt()
        return length

    @torch.no_grad()
    def judge(self) -> tuple[NDArray[np.float64], float | None]:
        """On renders that were never trained on: R2 of each number, and the mean distance of the
        pictures where the part tells all numbers."""
        told, p = look(self.average, self.held, torch.arange(len(self.held)))
        known = p[:, self.part.numbers]
        left = (told - known).square().sum(0) / (known - known.mean(0)).square().sum(0)
        distance = float(self.distance(told, p).mean()) if self.part is FACE else None
        return 1 - left.double().numpy(), distance

    def save(self) -> None:
        """Write the state, whole or not at all."""
        tensors = pack("network", self.network.state_dict())
        tensors |= pack("average", self.average.state_dict())
        tensors |= pack("momenta", momenta(self.network, self.optimiser))
        write(
            self.run / "state.safetensors",
            tensors,
            {"steps": self.steps, "until": self.until, "minutes": self.minutes},
        )

    def _batch(self, chance: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Pictures [n, 3, height, width] as a camera might see them, and vectors [n, 32]."""
        own = round(OWN_SHARE * BATCH)
        parts = []
        for source, n in ((self.renders, BATCH - own), (self.own, own)):
            x, p = source.get(torch.from_numpy(chance.integers(len(source), size=n)))
            parts.append((source.cut(x, source.jitter(n, chance)), p))
        x, p = (torch.cat(rows) for rows in zip(*parts, strict=True))
        flip = torch.from_numpy(chance.random(BATCH) < 0.5)
        x = torch.where(flip[:, None, None, None], x.flip(3), x)
        p = torch.where(flip[:, None], torch.from_numpy(sitter.mirror(p.numpy())), p)
        return disturb(x, self.part, chance), p

    def _rate(self) -> float:
        rising = min(1.0, (self.steps + 1) / WARM)
        done = min(1.0, self.steps / self.until)
        return float(RATE * rising * (0.02 + 0.98 * (0.5 + 0.5 * np.cos(np.pi * done))))

    def _resume(self) -> None:
        tensors, about = read(self.run / "state.safetensors")
        self.network.load_state_dict(unpack("network", tensors))
        self.average.load_state_dict(unpack("average", tensors))
        remember(self.network, self.optimiser, unpack("momenta", tensors))
        self.steps, self.minutes = int(about["steps"]), float(about["minutes"])


@torch.no_grad()
def look(network: Encoder, sightings: Sightings, which: Tensor) -> tuple[Tensor, Tensor]:
    """What a network says of these pictures, and their vectors: [n, numbers], [n, 32]."""
    network.eval()
    x, p = sightings.get(which)
    x = sightings.cut(x, sightings.straight(len(x)))
    return torch.cat([network(part) for part in torch.split(x, BATCH)]).float(), p


def report(trainer: Trainer, losses: list[float]) -> None:
    """Save the state, and say how well it does."""
    trainer.save()
    r2, distance = trainer.judge()
    row: dict[str, Any] = {"steps": trainer.steps, "minutes": round(trainer.minutes, 2)}
    row |= {"loss": round(float(np.mean(losses)), 4)}
    if distance is not None:
        row |= {"distance": round(distance, 3)}
    row |= {"r2": round(float(r2.mean()), 4)}
    print("  ".join(f"{k} {v}" for k, v in row.items()), flush=True)
    print(
        "  " + " ".join(f"{n} {v:.2f}" for n, v in zip(trainer.part.tells, r2, strict=True)),
        flush=True,
    )
    table = trainer.run / "curve.csv"
    new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def main() -> None:
    """Start or go on, until the steps are done; ``vjgan.train.joined`` makes the file."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.encoder", description=__doc__)
    arguments.add_argument("--part", choices=PARTS, default="face", help="whose network")
    arguments.add_argument("--run", type=Path, default=RUN, help="where the states lie")
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--own", type=Path, default=OWN, help="shards of vjgan.train.own")
    arguments.add_argument("--model", type=Path, default=MODEL, help="whose sitters they are")
    arguments.add_argument("--steps", type=int, default=7000, help="in all")
    arguments.add_argument("--every", type=float, default=3.0, help="minutes between checkpoints")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    run: Path = options.run / options.part
    run.mkdir(parents=True, exist_ok=True)
    part = PARTS[options.part]
    trainer = Trainer(run, options.data, options.own, options.model, options.steps, part)
    last, losses = time.monotonic(), list[float]()
    while trainer.steps < options.steps:
        losses.append(trainer.step())
        passed = time.monotonic() - last
        if passed > 60 * options.every or trainer.steps == options.steps:
            trainer.minutes += passed / 60
            report(trainer, losses)
            last, losses = time.monotonic(), []


if __name__ == "__main__":
    with told():
        main()
