"""Trains the network whose features dreams are made of.

    python -m tools.dreamer --minutes 15      writes vjgan/generator/dreamer.npz

It learns to tell drawn motifs apart (`tools/motifs.py`) while each picture is pushed, by a step of
random length, towards what it would be mistaken for. Minutes are those of the processor.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tools.motifs import draw
from vjgan.files import replacing
from vjgan.generator.dreamer import MOTIFS, WEIGHTS, WIDTHS, Dreamer

SIDE, SEEN = 80, 48  # pixels: of what is drawn, of the parts that are learned from
EACH, HELD = 320, 24  # pictures of a motif to learn from, and to judge by
BATCH, RATE, KEPT = 48, 3e-3, 0.997
PUSH = 1.6  # the longest step, root of the sum of squares over a picture in 0..1
DECAY = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    pictures, kinds = album(EACH, np.random.default_rng(0))
    held = album(HELD, np.random.default_rng(1))
    save(train(pictures, kinds, held, 60.0 * options.minutes), options.output)


def album(each: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """So many pictures of each motif uint8 [n, 3, SIDE, SIDE], and which it is [n]."""
    drawn = np.stack([draw(kind, SIDE, rng) for kind in MOTIFS for _ in range(each)])
    kinds = torch.arange(len(MOTIFS)).repeat_interleave(each)
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous(), kinds


class Student(nn.Module):
    """The network while it learns: its layers' outputs are brought to one scale, which goes into
    the layers in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Dreamer()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in WIDTHS)

    def forward(self, x: Tensor) -> Tensor:
        for k, (conv, norm) in enumerate(zip(self.net.convs, self.norms, strict=True)):
            x = F.relu(norm(conv(F.avg_pool2d(x, 2) if k else x)))
        return self.net.head(x).mean((2, 3))


def folded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The numbers of the network, of those of the student."""
    net = {k.removeprefix("net."): v.clone() for k, v in state.items() if k.startswith("net.")}
    for k in range(len(WIDTHS)):
        weight, bias, mean, var = (
            state[f"norms.{k}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
        )
        gain = weight * (var + 1e-5).rsqrt()
        net[f"convs.{k}.weight"] *= gain[:, None, None, None]
        net[f"convs.{k}.bias"] = (net[f"convs.{k}.bias"] - mean) * gain + bias
    return net


def train(
    pictures: Tensor, kinds: Tensor, held: tuple[Tensor, Tensor], seconds: float
) -> dict[str, Tensor]:
    """The running mean of the network's numbers after so long."""
    net = Student()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    mean = {name: value.clone() for name, value in net.state_dict().items()}
    begin, done = time.process_time(), 0
    while (gone := (time.process_time() - begin) / seconds) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (done + 1) / 200) * max(0.02, 1.0 - gone)
        chosen = torch.randint(len(pictures), (BATCH,))
        x, wanted = varied(pictures[chosen]), kinds[chosen]
        x = pushed(net, x, wanted, PUSH * min(1.0, 2.0 * gone))
        loss = F.cross_entropy(net(x), wanted, label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        done += 1
        kept = min(KEPT, done / (done + 10))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                mean[name].lerp_(value, 1.0 - kept)
        if done % 200 == 0:
            told = f"{100 * gone:.0f} %, {done} steps, loss {float(loss.detach()):.2f}"
            print(f"{told}, right {judged(folded(mean), held):.2f}", flush=True)
        if done % 400 == 0:
            save(folded(mean), Path("out/dreamer.npz"))
    return folded(mean)


def varied(pictures: Tensor) -> Tensor:
    """Parts of pictures in -1..1, mirrored and turned by quarters."""
    top, left = torch.randint(SIDE - SEEN + 1, (2,)).tolist()
    x = pictures[:, :, top : top + SEEN, left : left + SEEN].float() / 127.5 - 1.0
    x = x.rot90(int(torch.randint(4, ())), (2, 3))
    gain = 0.6 + 0.5 * torch.rand(len(x), 1, 1, 1)
    return (x * gain).contiguous(memory_format=torch.channels_last)


def pushed(net: Student, x: Tensor, wanted: Tensor, most: float) -> Tensor:
    """Pictures a step in the direction in which the network knows them least."""
    x = x.requires_grad_()
    loss = F.cross_entropy(net(x), wanted, reduction="sum")
    (slope,) = torch.autograd.grad(loss, x)
    length = slope.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
    step = 2.0 * most * torch.rand(len(x), 1, 1, 1)  # twice: -1..1 is two units
    return (x + step * slope / length).clamp(-1.0, 1.0).detach()


@torch.no_grad()
def judged(state: dict[str, Tensor], held: tuple[Tensor, Tensor]) -> float:
    """How many of the pictures that it never saw it names rightly."""
    net = Dreamer()
    net.load_state_dict(state)
    pictures, kinds = held
    inner = pictures[:, :, 16 : 16 + SEEN, 16 : 16 + SEEN].float() / 127.5 - 1.0
    return float((net(inner).argmax(1) == kinds).float().mean())


def save(state: dict[str, Tensor], path: Path) -> None:
    """Write the numbers, in fp16."""
    arrays = {name: value.half().numpy() for name, value in state.items()}
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    print(f"written: {path}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
