"""Teach the general super-resolution to double any picture of a show.

It sees pictures made small, and shall give them back: renders of sitters, models' own pictures and
what the shaders draw, all of them vjgan's own, so that its weights are free. There is no judge in
it: what a judge asks for is detail that was not there, which flickers.

    python -m tools.portraits shards training/large --size 512
    python -m tools.textures training/textures
    python -m vjgan.train.superres training/large training/textures
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import VjganError, told
from vjgan.files import replacing
from vjgan.generator.superres import BLOCKS, NEAR, WEIGHTS, WIDTH, read_superres
from vjgan.generator.upscale import FACTOR, Upscaler, write_upscaler

log = logging.getLogger("vjgan")

RUN = Path("training/superres")
BATCH, WINDOW = 8, 96  # windows a step, and pixels of their sides in the large pictures
RATE, LEAST_RATE = 1.5e-3, 5e-5
HALF_LIFE = 400  # steps of the averaged weights
SHARD_MOST = 60  # pictures of a shard of renders
HELD = 16  # one picture in so many is not learnt
SOFT = 1e-3  # of the loss |x|, at its foot


class Pictures:
    """Large pictures, uint8 [h, w, 3] each, of shards (.npz) and files (.png) in folders."""

    def __init__(self, folders: list[Path]) -> None:
        every: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = []
        for folder in folders:
            for path in sorted(folder.glob("*.npz")):
                with np.load(path) as shard:
                    every += list(shard["pictures"][:SHARD_MOST])
            for path in sorted(folder.glob("*.png")):
                with Image.open(path) as file:
                    every.append(np.asarray(file.convert("RGB")))
        if len(every) < HELD:
            raise VjganError(f"fewer than {HELD} pictures in {', '.join(map(str, folders))}")
        self.held = every[::HELD]
        self.learnt = [image for k, image in enumerate(every) if k % HELD]

    def windows(self, random: np.random.Generator, count: int) -> Tensor:
        """Windows [n, 3, s, s] in -1..1, turned and mirrored."""
        cut = []
        for _ in range(count):
            image = self.learnt[random.integers(len(self.learnt))]
            i, j = (int(random.integers((n - WINDOW) // 2 + 1)) * 2 for n in image.shape[:2])
            window = np.rot90(image[i : i + WINDOW, j : j + WINDOW], int(random.integers(4)))
            cut.append(window[:, ::-1] if random.integers(2) else window)
        batch = torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).contiguous()
        return batch.float() / 127.5 - 1.0


def shrink(image: Tensor, way: int) -> Tensor:
    """image [n, 3, 2h, 2w] -> [n, 3, h, w] by one of three ways, as models and shaders differ in
    how sharp they draw, in 256 levels."""
    if way == 0:
        small = F.avg_pool2d(image, FACTOR)
    else:
        mode = "bicubic" if way == 1 else "bilinear"
        small = F.interpolate(image, scale_factor=1 / FACTOR, mode=mode, antialias=True)
    return ((small.clamp(-1.0, 1.0) + 1.0) * 127.5).round() / 127.5 - 1.0


def psnr(network: Upscaler | None, pictures: Pictures) -> float:
    """How near held pictures come, in dB; bicubic without a network."""
    found = []
    for image in pictures.held[:24]:
        middle = [(n // 2 - 96) // 4 * 4 for n in image.shape[:2]]
        part = image[middle[0] : middle[0] + 192, middle[1] : middle[1] + 192]
        y = torch.from_numpy(part.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        x = shrink(y, 0)
        with torch.no_grad():
            large = network(x) if network else F.interpolate(x, scale_factor=2, mode="bicubic")
        error = ((large.clamp(-1.0, 1.0) - y) / 2.0).square().mean()
        found.append(float(-10.0 * (error + 1e-6).log10()))
    return float(np.mean(found))


def main() -> None:
    """Start or go on, for some minutes; the weights are written at the end."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.superres", description=__doc__)
    arguments.add_argument("folders", type=Path, nargs="+", help="shards and pictures")
    arguments.add_argument("--run", type=Path, default=RUN, help="where the state lies")
    arguments.add_argument("--out", type=Path, default=WEIGHTS, help="the weights")
    arguments.add_argument("--minutes", type=float, default=20.0, help="how long")
    arguments.add_argument("--start", type=Path, help="weights to begin with, without a state")
    options = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(5)
    options.run.mkdir(parents=True, exist_ok=True)
    pictures, seconds = Pictures(options.folders), 60.0 * options.minutes
    teach(pictures, options.run, options.out, seconds, options.start)


def teach(
    pictures: Pictures, run: Path, out: Path, seconds: float, start: Path | None = None
) -> None:
    """Learn for so long, from the state in ``run`` if there is one or else from the weights of
    ``start``, and write the average."""
    network = Upscaler(WIDTH, NEAR, BLOCKS)
    if start is None:
        torch.nn.init.zeros_(network.leave.weight)  # it begins as plain enlargement
    else:
        network.load_state_dict(read_superres(start).state_dict())
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.Adam(network.parameters(), RATE, betas=(0.9, 0.99))
    steps = 0
    if (run / "state.pt").exists():
        state = torch.load(run / "state.pt", weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        steps = state["steps"]
    random = np.random.default_rng(steps)
    begun = told = time.monotonic()
    log.info("%d pictures, bicubic %.2f dB", len(pictures.learnt), psnr(None, pictures))
    while (gone := (time.monotonic() - begun) / seconds) < 1.0:
        for group in optimiser.param_groups:  # the rate falls with the time that is left
            group["lr"] = LEAST_RATE + 0.5 * (RATE - LEAST_RATE) * (1.0 + math.cos(math.pi * gone))
        y = pictures.windows(random, BATCH)  # [n, 3, 2s, 2s]
        x = shrink(y, int(random.choice(3, p=(0.5, 0.3, 0.2))))  # [n, 3, s, s]
        with torch.autocast("cpu", torch.bfloat16):
            large = network(x.contiguous(memory_format=torch.channels_last)).float()
        loss = ((large - y).square() + SOFT**2).sqrt().mean()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        steps += 1
        keep = 0.5 ** (1 / min(HALF_LIFE, 1 + steps / 8))
        with torch.no_grad():
            pairs = zip(average.parameters(), network.parameters(), strict=True)
            for old, new in pairs:
                old.lerp_(new, 1 - keep)
        if time.monotonic() - told > 60.0:
            told = time.monotonic()
            near = psnr(average, pictures)
            log.info("steps %d  loss %.4f  held %.2f dB", steps, loss.item(), near)
            save(run, network, average, optimiser, steps)
    save(run, network, average, optimiser, steps)
    about = {"licence": "CC0-1.0", "steps": str(steps), "held": f"{psnr(average, pictures):.2f}"}
    write_upscaler(out, average, format="vjgan super-resolution", **about)


def save(
    run: Path, network: Upscaler, average: Upscaler, optimiser: torch.optim.Adam, steps: int
) -> None:
    """All that is needed to go on; it appears under its name only when whole."""
    state = {name: x.state_dict() for name, x in
             (("network", network), ("average", average), ("optimiser", optimiser))}  # fmt: skip
    with replacing(run / "state.pt") as part:
        torch.save({**state, "steps": steps}, part)


if __name__ == "__main__":
    with told():
        main()
