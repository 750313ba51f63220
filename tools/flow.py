"""Trains the network that tells how the picture moves between two frames of a model.

    python -m tools.flow --minutes 60      writes vjgan/generator/flow.npz
    python -m tools.flow --start FILE      goes on from such a file

It learns from in-betweens that the default model draws itself, in other parts of the demo track and
with other seeds than `bench/inbetween.py` judges it by: two frames, two to five sixtieths of a
second apart, moved by what it says and mixed, must be the one that was drawn between them.
"""

from __future__ import annotations

import argparse
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.inbetween import FPS, play
from vjgan.generator.flow import SEEN, WEIGHTS, FlowNet, warped
from vjgan.generator.trail import Trail
from vjgan.types import ByteArray, FloatArray

MODEL, SIDE = "portraits", 128
PRESETS = ("sitters", "journey", "drift", "tide", "eras", "phrases")
CLIPS = [(preset, start) for start in (3, 26, 60) for preset in PRESETS]
CLIP_SECONDS = 8
STEPS = (2, 3, 4, 5)  # frames from one model frame to the next
CUTS, CUT_WEIGHT = 4, 0.05  # of a batch besides
LEAST = 0.6  # of 255: pictures that differ by less teach nothing
BATCH, RATE, KEPT = 16, 1.2e-3, 0.998
FLOOR = 2e-4  # squared error of a fade that is good enough


class Trio(NamedTuple):
    """Two frames, the one between them, and how much of the way it is."""

    before: ByteArray
    after: ByteArray
    between: ByteArray
    share: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    clips = []
    for seed, (preset, start) in enumerate(CLIPS, start=101):
        witness = play(MODEL, preset, CLIP_SECONDS, Fraction(start), seed)
        clips.append(([frame.image for frame in witness.frames_], witness.places))
    net = FlowNet()
    if options.start:
        with np.load(options.start) as held:
            net.load_state_dict({name: torch.from_numpy(held[name]) for name in held.files})
    save(train(net, clips, rng, 60.0 * options.minutes), options.output)


def train(
    net: FlowNet,
    clips: list[tuple[list[ByteArray], list[FloatArray]]],
    rng: np.random.Generator,
    seconds: float,
) -> dict[str, Tensor]:
    """The running mean of the network's numbers after so long."""
    pairs, chances = listed(clips)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    mean = {name: value.clone() for name, value in net.state_dict().items()}
    begin, done = time.monotonic(), 0
    while (gone := (time.monotonic() - begin) / seconds) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, done / 200) * max(0.02, 1.0 - gone)
        chosen = rng.choice(len(pairs), BATCH, p=chances)
        trios = [varied(trio(clips, *pairs[k], rng), rng) for k in chosen]
        loss, gain = judged(net, [torch.stack(list(rows)) for rows in zip(*trios, strict=True)])
        loss = loss + CUT_WEIGHT * moved(net, [cut(clips, rng) for _ in range(CUTS)])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        done += 1
        keep = min(KEPT, done / (done + 20))
        for name, value in net.state_dict().items():
            mean[name].lerp_(value, 1.0 - keep)
        if done % 100 == 0:
            print(f"{done} steps, {gone:.0%}: {float(loss):.3f}, {gain:.2f} dB over the fade")
    return mean


def listed(
    clips: list[tuple[list[ByteArray], list[FloatArray]]],
) -> tuple[list[tuple[int, int, int]], np.ndarray]:
    """Pairs as (clip, first, step), and how often each shall be taken: more where more moves."""
    pairs, weights = [], []
    for number, (images, _) in enumerate(clips):
        for step in STEPS:
            for first in range(len(images) - step):
                one, two = (images[k][::4, ::4].astype(int) for k in (first, first + step))
                apart = float(np.abs(one - two).mean())
                if apart > LEAST:
                    pairs.append((number, first, step))
                    weights.append(apart**0.5)
    return pairs, np.array(weights) / sum(weights)


def trio(
    clips: list[tuple[list[ByteArray], list[FloatArray]]],
    number: int,
    first: int,
    step: int,
    rng: np.random.Generator,
) -> Trio:
    """One of the frames between a pair, which is as often taken backwards."""
    images, places = clips[number]
    trail, middle = Trail(), first + int(rng.integers(1, step))
    for k in range(first, first + step + 1):
        trail.note(k / FPS, places[k])
    share = trail.share(places[first], places[first + step], first / FPS, middle / FPS)
    share = (middle - first) / step if share is None else share
    if rng.random() < 0.5:
        return Trio(images[first], images[first + step], images[middle], share)
    return Trio(images[first + step], images[first], images[middle], 1.0 - share)


def varied(one: Trio, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The three pictures [3, 128, 128] in 0..1, mirrored, turned, cut or coloured alike."""
    x = np.stack([one.before, one.after, one.between])
    x = x[:, :, ::-1] if rng.random() < 0.5 else x
    x = x[:, ::-1] if rng.random() < 0.2 else x
    x = x.transpose(0, 2, 1, 3) if rng.random() < 0.2 else x
    x = x[..., rng.permutation(3)] if rng.random() < 0.3 else x
    pictures = torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2).float() / 255.0
    if rng.random() < 0.3:
        side = int(rng.integers(80, SIDE))
        y, x0 = rng.integers(0, SIDE + 1 - side, 2)
        pictures = F.interpolate(
            pictures[:, :, y : y + side, x0 : x0 + side], (SIDE, SIDE), mode="bilinear"
        )
    if rng.random() < 0.3:
        turned = -1.0 if rng.random() < 0.3 else 1.0
        pictures = (pictures - 0.5) * float(rng.uniform(0.6, 1.3)) * turned + 0.5
    return pictures[0], pictures[1], pictures[2], torch.tensor(one.share).float()


def cut(
    clips: list[tuple[list[ByteArray], list[FloatArray]]], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Two pictures [3, 64, 64] in 0..1 that have nothing to do with each other: frames of two
    clips, or clouds."""
    if rng.random() < 0.5:
        chosen = rng.choice(len(clips), 2, replace=False)
        frames = [clips[k][0][rng.integers(len(clips[k][0]))] for k in chosen]
        pair = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255.0
    else:
        coarse = int(rng.integers(4, SEEN // 2))
        clouds = torch.from_numpy(rng.normal(0.5, 0.5, (2, 3, coarse, coarse)))
        pair = F.interpolate(clouds.float(), (SEEN, SEEN), mode="bicubic").clamp(0.0, 1.0)
    one, two = F.adaptive_avg_pool2d(pair, SEEN)
    return one, two


def moved(net: FlowNet, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """By how many of 128 pixels, on average, what should not be moved is."""
    before, after = (torch.stack(list(side)) for side in zip(*pairs, strict=True))
    found: Tensor = net(before, after)
    return 128.0 * found.abs().mean()


def judged(net: FlowNet, rows: list[Tensor]) -> tuple[Tensor, float]:
    """How far it is from what was drawn, beside the fade, and the gain over that in dB."""
    before, after, truth = rows[:3]  # [n, 3, 128, 128]
    share = rows[3][:, None, None, None]
    small = [F.adaptive_avg_pool2d(x, SEEN) for x in (before, after)]
    motion = F.interpolate(net(*small), (SIDE, SIDE), mode="bilinear")  # [n, 4, 128, 128]
    one = warped(before, -share * motion[:, :2])
    two = warped(after, (1.0 - share) * motion[:, 2:])
    off, faded = torch.lerp(one, two, share) - truth, torch.lerp(before, after, share) - truth
    error, usual = ((x**2).mean((1, 2, 3)) for x in (off, faded))
    plain = off.abs().mean((1, 2, 3)) / (faded.abs().mean((1, 2, 3)) + 2e-3)
    loss = (error / (usual + FLOOR)).mean() + 0.3 * plain.mean()
    return loss, float(10.0 * torch.log10(usual.sum() / error.sum()).detach())


def save(state: dict[str, Tensor], path: Path) -> None:
    """Write the numbers, in half precision."""
    halves = {name: value.numpy().astype(np.float16) for name, value in state.items()}
    beside = path.with_name(f".{path.stem}.npz")
    np.savez_compressed(beside, **halves)
    os.replace(beside, path)


if __name__ == "__main__":
    main()
