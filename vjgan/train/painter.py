"""What learns pairs: a growing generator that is shown z and the picture that belongs to it.

``portraits`` and ``abstract`` are two of them. The state, the sheets and the curve lie in a folder.
"""

from __future__ import annotations

import copy
import csv
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import ModelError
from vjgan.files import replacing
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config, Synthesis, double
from vjgan.train.mapping import Known, Subject

SLOWING = 60_000  # pictures after which the rate has fallen to a half
WARMING = 2_000  # pictures until a new optimiser goes at it
GRADIENT_WEIGHT = 0.5
DISTILLED = "distilled.pt"  # the mapping network that is taught what is known, beside the state


@dataclass(frozen=True, slots=True)
class Stage:
    """A resolution, how many pictures a step, and up to how many pictures seen."""

    resolution: int
    batch: int
    until: float


class Supply(Protocol):
    """Where pairs come from: what it is made of just now, so that training resumes exactly."""

    @property
    def shards(self) -> list[str]:
        """The names of it."""

    def keep(self, shards: list[str]) -> None:
        """Go back to these, in this order."""

    def read_new(self) -> None:
        """Take in what has appeared since."""


def restore(module: torch.nn.Module, rows: dict[str, Tensor], path: Path) -> None:
    """Give a module the weights of a state's file. Raises ModelError where they are another's."""
    try:
        module.load_state_dict(rows)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: it was trained with another network, or when other things were known of a "
            "vector; move it away, and begin anew or from a written model (--model)"
        ) from error


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


class Painter(ABC):
    """The network, its average and everything needed to go on exactly where it stopped."""

    rate: float  # of Adam
    ema_share: float  # half-life of the averaged weights, in pictures seen so far
    subject: Subject  # what is known of a vector

    def __init__(
        self,
        run: Path,
        config: StyleGAN2Config,
        supply: Supply,
        colour: Tensor,
    ) -> None:
        """``colour`` [3] is the mean of all pictures, from which the network begins."""
        self.run, self.supply = run, supply
        self.network = StyleGAN2(config)
        cast(Any, self.network).mapping = Known(self.subject, config.w_dim)
        for to_rgb in self.network.synthesis.to_rgb:
            torch.nn.init.zeros_(cast(Tensor, to_rgb.weight))  # a resolution fades in from nothing
        with torch.no_grad():
            cast(Tensor, self.network.synthesis.to_rgb[0].bias).copy_(colour)
        self.seen, self.minutes = 0, 0.0
        self.began = 0  # pictures seen before this optimiser
        self.random = torch.Generator().manual_seed(1)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = self._optimiser()
        if (run / "state.pt").exists():
            self._resume()

    def begin(self, model: Path, seen: int) -> None:
        """Start from a written model that has ``seen`` so many pictures, where its state is lost:
        what is known of a vector is fitted to its mapping network. Raises ModelError."""
        network = checkpoint.load(model).network
        ours = self.network.config
        if not isinstance(network, StyleGAN2) or network.config != ours:
            raise ModelError(f"{model}: its network is none that this trains; it wants {ours}")
        self.network.synthesis.load_state_dict(network.synthesis.state_dict())
        left = cast(Known, self.network.mapping).fit(network.mapping)
        print(f"what is known leaves {left:.4f} of the variance of w", flush=True)
        self.average.load_state_dict(self.network.state_dict())
        with replacing(self.run / DISTILLED) as part:
            torch.save(network.mapping.state_dict(), part)
        self.seen = self.began = seen

    @property
    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """The way the network grows."""

    @abstractmethod
    def step(self) -> float:
        """One batch; the loss."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """How near held-out pictures come, in dB among others; a sheet."""

    def _optimiser(self) -> torch.optim.Optimizer:
        groups = [
            {"params": list(self.network.synthesis.parameters()), "scale": 1.0},
            {"params": list(self.network.mapping.parameters()), "scale": 0.3},
        ]
        return torch.optim.Adam(groups, self.rate, betas=(0.9, 0.99), foreach=True)

    def _resume(self) -> None:
        path = self.run / "state.pt"
        state = torch.load(path, weights_only=True)
        restore(self.network, state["network"], path)
        restore(self.average, state["average"], path)
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.set_state(state["random"])
        self.seen, self.minutes = state["seen"], state["minutes"]
        self.began = state.get("began", 0)
        self.supply.keep(state["shards"])

    def save(self) -> None:
        """Write the state; the file appears under its name only when whole."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.get_state(),
            "seen": self.seen,
            "began": self.began,
            "minutes": self.minutes,
            "shards": self.supply.shards,
        }
        with replacing(self.run / "state.pt") as part:
            torch.save(state, part)
        self.supply.read_new()

    @property
    def stage(self) -> Stage:
        """Where the training stands."""
        return next(stage for stage in self.stages if self.seen < stage.until)

    def pace(self) -> float:
        """The share 0..1 of ``rate`` that is gone at just now."""
        return min(1.0, (self.seen - self.began + 1) / WARMING) / (1 + self.seen / SLOWING)

    def update(self, loss: Tensor, count: int) -> None:
        """One step of the optimiser, and of the averaged weights, after so many pictures."""
        rate = self.rate * self.pace()
        for group in self.optimiser.param_groups:
            group["lr"] = group["scale"] * rate
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        self.seen += count
        keep = 0.5 ** (count / (self.ema_share * self.seen + 100))
        with torch.no_grad():
            average: list[Tensor] = list(self.average.parameters())
            new: list[Tensor] = list(self.network.parameters())
            torch._foreach_lerp_(average, new, 1 - keep)


def save_sheet(path: Path, image: Tensor, target: Tensor) -> None:
    """Rows of 12: target, generated, target, generated ..., shown at 128 pixels."""
    shape = (-1, 12, *image.shape[1:])
    whole = len(image) // 12 * 12
    image, target = image[:whole], target[:whole]
    both = torch.stack([target.reshape(shape), image.reshape(shape)], 1)
    tiles = F.interpolate(both.flatten(0, 2), size=128, mode="nearest")  # [rows * 12, 3, 128, 128]
    grid = tiles.reshape(-1, 12, 3, 128, 128).permute(0, 3, 1, 4, 2)  # [rows, 128, 12, 128, 3]
    grid = grid.reshape(-1, 12 * 128, 3)
    Image.fromarray(((grid + 1) * 127.5 + 0.5).clamp(0, 255).byte().numpy()).save(path)


def train(trainer: Painter, until: float, every: float) -> None:
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


def report(trainer: Painter, losses: list[float]) -> None:
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
