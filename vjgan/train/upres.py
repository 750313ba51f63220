"""Teach the default model's up-resolution: ``python -m vjgan.train.upres``; run again to go on.

The generator's own pictures go in, as soft as they are; what should come out are larger renders of
the same sitters. As in the finish, likeness and feature maps keep every part in its place and a
projected judge asks for pictures as crisp as renders.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import told
from vjgan.files import replacing
from vjgan.generator import checkpoint
from vjgan.generator.metadata import UPSCALER_FORMAT
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.upscale import (
    FACTOR,
    MARK,
    Upscaler,
    find_reach,
    read_upscaler,
    write_upscaler,
)
from vjgan.train import sitter
from vjgan.train.features import Features
from vjgan.train.judge import Judge, fool_loss, judge_loss
from vjgan.train.painter import likeness, paint
from vjgan.train.pairs import attention
from vjgan.train.portraits import unlikeness
from vjgan.train.shards import RENDERER, read_shard, shard_paths

RUN, DATA = Path("training/upres"), Path("training/large")
MODEL = Path("models/portraits.safetensors")
LARGER = f"{RENDERER} --size 256"
BATCH = 2  # whole pictures: it must learn what their rims are like
WINDOWS, WINDOW = 2, 96  # windows a step that the judge sees, and pixels of their sides
RATE, JUDGE_RATE = 1e-3, 1e-3
FEATURE_WEIGHT, FOOL_WEIGHT, GAMMA = 0.5, 0.1, 0.01
LAZY = 4  # steps from one penalty to the next, as it costs more than all else
ALONE = 150  # steps that the judge learns alone
HALF_LIFE = 50  # steps of the averaged weights
REACHED = 128  # pictures by which it is known how far feature maps reach
AROUND = 0.5  # how far about a mark the middles of windows lie, as a share of the picture


class Enlargements:
    """The model's pictures x [n, 3, r, r] of sitters, their renders y [n, 3, 2r, 2r], uint8, and
    where eyes and mouth are in them [n, 3, 2]."""

    def __init__(self, folder: Path, network: StyleGAN2, held: bool = False) -> None:
        paths = shard_paths(folder, held, LARGER)
        read: list[tuple[Tensor, Tensor, Tensor]] = []
        for path in paths:
            shard = read_shard(path)
            p, y, marks = map(torch.from_numpy, (shard.p, shard.pictures, shard.marks))
            side = FACTOR * network.config.resolution
            step = y.shape[1] // side
            blocks = y.reshape(len(y), side, step, side, step, 3).float().mean((2, 4))
            y = blocks.add_(0.5).byte().permute(0, 3, 1, 2).contiguous()  # [n, 3, 2r, 2r]
            read.append((draw(network, p), y, marks))
            if not held:  # mirrored sitters are other sitters to the model
                other = torch.from_numpy(sitter.mirror(p.numpy()))
                turned = marks * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
                read.append((draw(network, other), y.flip(-1), turned[:, [1, 0, 2]]))
        self.x, self.y, self.marks = (torch.cat(rows) for rows in zip(*read, strict=True))

    def __len__(self) -> int:
        return len(self.x)

    def get(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures in -1..1, their renders and marks."""
        return self.x[index].float(), self.y[index].float() / 127.5 - 1, self.marks[index].float()


@torch.no_grad()
def draw(network: StyleGAN2, p: Tensor) -> Tensor:
    """What the network makes of p [n, z_dim]: [n, 3, r, r], fp16, as it lies on the stage."""
    side = network.config.resolution
    chunks = [
        paint(network.synthesis, network.mapping(z), side, torch.bfloat16).clamp(-1, 1).half()
        for z in torch.split(p, 16)
    ]
    return torch.cat(chunks)


class Teacher:
    """The network, its average, its judge, and all that is needed to go on where it stopped."""

    def __init__(self, run: Path, pairs: Enlargements, start: Path | None = None) -> None:
        """Where ``run`` has no state, it begins from the weights of ``start``, a written file.
        Raises ModelError when that cannot be read."""
        torch.manual_seed(3)
        self.run, self.pairs = run, pairs
        self.network = Upscaler()
        if start is None:
            torch.nn.init.zeros_(self.network.leave.weight)  # it begins as plain enlargement
        else:
            self.network.load_state_dict(read_upscaler(start).state_dict())
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.judge = Judge()
        self.features = Features()
        self.features.calibrate(pairs.get(torch.arange(min(64, len(pairs))))[1])
        self.optimiser = torch.optim.Adam(self.network.parameters(), RATE, betas=(0.9, 0.99))
        self.judging = torch.optim.Adam(self.judge.parameters(), JUDGE_RATE, betas=(0.0, 0.99))
        self.random = torch.Generator().manual_seed(4)
        self.steps = 0
        if (run / "state.pt").exists():
            state = torch.load(run / "state.pt", weights_only=True)
            for name in ("network", "average", "judge", "optimiser", "judging"):
                getattr(self, name).load_state_dict(state[name])
            self.random.set_state(state["random"])
            self.steps = state["steps"]

    def save(self) -> None:
        """Write the state; the file appears under its name only when whole."""
        names = ("network", "average", "judge", "optimiser", "judging")
        state = {name: getattr(self, name).state_dict() for name in names}
        state |= {"random": self.random.get_state(), "steps": self.steps}
        with replacing(self.run / "state.pt") as part:
            torch.save(state, part)

    def step(self) -> float:
        """One batch for the judge, and the same for the network; the loss."""
        index = torch.randint(len(self.pairs), (BATCH,), generator=self.random)
        x, y, marks = self.pairs.get(index)
        with torch.autocast("cpu", torch.bfloat16):
            image = self.network(x.contiguous(memory_format=torch.channels_last)).float()
            ours, theirs = self._look(image, y, marks)
            self.judging.zero_grad(set_to_none=True)
            gamma = 0.0 if self.steps % LAZY else LAZY * GAMMA
            opinion = judge_loss(self.judge, theirs, ours, gamma)
        torch.autograd.backward(opinion)
        self.judging.step()
        loss = likeness(image, y, attention(marks, len(y[0, 0])))
        loss = loss + FEATURE_WEIGHT * unlikeness(ours, theirs)
        if self.steps >= ALONE:
            self.judge.requires_grad_(False)
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss + FOOL_WEIGHT * fool_loss(self.judge, theirs, ours)
            self.judge.requires_grad_(True)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        self.steps += 1
        keep = 0.5 ** (1 / min(HALF_LIFE, 1 + self.steps / 8))
        with torch.no_grad():
            for average, new in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                average.lerp_(new, 1 - keep)
        return loss.item()

    def _look(self, image: Tensor, y: Tensor, marks: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Feature maps of windows of pictures and of their renders, each near an eye or mouth."""
        side = image.shape[-1]
        cut = []
        for k in range(WINDOWS):
            which = int(torch.randint(marks.shape[1], (), generator=self.random))
            at = marks[k % BATCH, which] + AROUND * (torch.rand(2, generator=self.random) - 0.5)
            j, i = (at * side - WINDOW / 2).clamp(0, side - WINDOW).long().tolist()
            cut.append((k % BATCH, slice(None), slice(i, i + WINDOW), slice(j, j + WINDOW)))
        ours, theirs = (
            torch.stack([z[c] for c in cut])
            .to(torch.bfloat16)
            .contiguous(memory_format=torch.channels_last)
            for z in (image, y)
        )
        with torch.no_grad():
            wanted = self.features(theirs)
        return [ours, *self.features(ours)], [theirs, *wanted]


@torch.no_grad()
def report(teacher: Teacher, held: Enlargements, losses: list[float]) -> None:
    """Save the state, print how near it comes, and write a sheet: bicubic, ours, render."""
    teacher.save()
    x, y, _ = held.get(torch.arange(min(32, len(held))))
    plain = F.interpolate(x, scale_factor=FACTOR, mode="bicubic").clamp(-1, 1)
    image = torch.cat([teacher.average(z) for z in torch.split(x, 8)]).clamp(-1, 1)
    psnr, base = (
        float((-10 * ((z - y) / 2).square().mean((1, 2, 3)).log10()).mean()) for z in (image, plain)
    )
    print(
        f"steps {teacher.steps}  loss {np.mean(losses):.4f}  psnr {psnr:.2f}  bicubic {base:.2f}",
        flush=True,
    )
    shown = torch.stack([plain, image, y], 1)[:8]  # [8, 3, 3, s, s]
    rows = [torch.cat(list(half.flatten(0, 1)), 2) for half in torch.split(shown, 2)]
    grid = torch.cat(rows, 1).permute(1, 2, 0)  # [4 s, 6 s, 3]
    picture = ((grid + 1) * 127.5 + 0.5).clamp(0, 255).byte().numpy()
    Image.fromarray(picture).save(teacher.run / "sheet.png")


def export(teacher: Teacher, model: Path, folder: Path) -> Path:
    """Write the averaged weights, as those that belong to ``model``, into a folder."""
    out = folder / f"{model.stem}{MARK}{model.suffix}"
    shown = torch.split(teacher.pairs.x[:REACHED].float(), 16)
    teacher.average.reach = find_reach(teacher.average, shown)
    write_upscaler(
        out,
        teacher.average,
        format=UPSCALER_FORMAT,
        licence="CC0-1.0",
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        steps=str(teacher.steps),
    )
    return out


def main(words: Sequence[str] | None = None) -> None:
    """Start or go on; the weights lie beside the state, and at the end beside the model."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.upres", description=__doc__)
    arguments.add_argument("--run", type=Path, default=RUN, help="where the state lies")
    arguments.add_argument("--data", type=Path, default=DATA, help="large shards of the renderer")
    arguments.add_argument("--model", type=Path, default=MODEL, help="whose pictures are enlarged")
    arguments.add_argument("--start", type=Path, help="a written up-resolution to begin from")
    arguments.add_argument("--steps", type=int, default=10_000, help="how many more")
    arguments.add_argument("--every", type=float, default=4.0, help="minutes between checkpoints")
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    options.run.mkdir(parents=True, exist_ok=True)
    network = checkpoint.load(options.model).network
    assert isinstance(network, StyleGAN2)
    held = Enlargements(options.data, network, held=True)
    teacher = Teacher(options.run, Enlargements(options.data, network), options.start)
    until, last, losses = teacher.steps + options.steps, time.monotonic(), list[float]()
    while teacher.steps < until:
        losses.append(teacher.step())
        if time.monotonic() - last > 60 * options.every or teacher.steps == until:
            report(teacher, held, losses)
            export(teacher, options.model, options.run)
            losses, last = [], time.monotonic()
    print(export(teacher, options.model, options.model.parent))


if __name__ == "__main__":
    with told():
        main()
