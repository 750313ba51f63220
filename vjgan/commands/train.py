"""``vjgan train``: a model of one's own pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vjgan.errors import DeviceError, VjganError

if TYPE_CHECKING:
    from vjgan.train.options import Pulse, Watch
    from vjgan.train.prepare import Crop


def train(
    source: Annotated[Path, typer.Argument(metavar="DATA", help="A folder or a zip of pictures.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Where all of it lies; run again to go on."
        ),
    ],
    size: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Pixels, a power of two. Default: what most pictures have, up to 256."
        ),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL", help="Begin with a model of any kind, or with another training's DIR."
        ),
    ] = None,
    kimg: Annotated[
        float, typer.Option(min=0.0, max=1e9, help="Stop after so many thousand pictures.")
    ] = 5000.0,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only look at the pictures, and report.")
    ] = False,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="FAULTS", help="Train on these too: blurred, upscaled, duplicate; by commas."
        ),
    ] = None,
    faces: Annotated[
        bool | None,
        typer.Option(
            "--faces/--no-faces", help="Find faces, and train on them: cropped and upright."
        ),
    ] = None,
    classes: Annotated[
        bool | None, typer.Option("--classes/--no-classes", help="Each subfolder is a class.")
    ] = None,
    mirror: Annotated[
        bool | None, typer.Option("--mirror/--no-mirror", help="Show pictures both ways round.")
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Channel base of a new network: 4096 plays live on a processor and is the default "
            "there; 16384 on a graphics card.",
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", help="Pictures a step, of all processes. [16]")
    ] = None,
    gamma: Annotated[
        float | None,
        typer.Option(metavar="X", help="Weight of R1. Default: 0.0002 size^2 / batch."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="X", help="Adam's learning rate. [0.0025]")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=2**31 - 1, help="Of all that is random. [0]"),
    ] = None,
    no_augment: Annotated[
        bool, typer.Option("--no-augment", help="Without adaptive discriminator augmentation.")
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="MINUTES", min=0.0, help="Between two checkpoints.")
    ] = 10.0,
    measure: Annotated[
        float,
        typer.Option(metavar="KIMG", min=0.0, help="Between two of KID, FID and PPL; 0 never."),
    ] = 20.0,
    precision: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="auto, fp32, bf16 or (graphics cards) fp16. [auto]"),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = "auto",
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The model's licence, written into its file. Default: that of the --init model.",
        ),
    ] = None,
) -> None:
    """Train a model on your own pictures.

    First the pictures are looked at: what is unreadable, tiny, blank, blurred, enlarged or there
    twice is listed in DIR/data/report.txt and left out; DATA itself is never touched. Then the
    training goes on until --kimg or Ctrl-C: run it again and it goes on exactly where it stopped.
    DIR/model.safetensors can be played at any time.

    Examples:

    - `vjgan train paintings/ -o training/paintings --prepare`
    - `vjgan train paintings/ -o training/paintings --size 128`
    - `vjgan train portraits/ -o training/portraits --faces`
    - `vjgan train faces.zip -o training/faces --init portraits`
    - `torchrun --nproc-per-node 2 -m vjgan train paintings/ -o training/paintings`
    - `vjgan live --input demo --model training/paintings/model.safetensors`
    """
    from vjgan.assets import folder
    from vjgan.generator.checkpoint import find_model
    from vjgan.train.options import Options
    from vjgan.train.session import DATA, look
    from vjgan.train.session import train as run
    from vjgan.train.settings import check_size

    if size is not None:
        check_size(size)
    asked: dict[str, Any] = {
        "batch": batch,
        "gamma": gamma,
        "rate": rate,
        "seed": seed,
        "mirror": mirror,
        "precision": precision,
        "augment_kimg": 0.0 if no_augment else None,
    }
    if init is not None and not init.is_dir():
        init = find_model(str(init), folder("models"))
    options = Options(
        source=source,
        output=output,
        size=size,
        init=init,
        width=width,
        kimg=kimg,
        classes=classes,
        keep=None if keep is None else _faults(keep),
        faces=faces,
        cropper=_cropper,
        every=every,
        measure=measure,
        device=device,
        licence=licence,
        asked=tuple((key, value) for key, value in asked.items() if value is not None),
    )
    if prepare:
        with _counting() as tell:
            found = look(options, tell)
        typer.echo("\n".join([*found.lines(), f"in full: {output / DATA / 'report.txt'}"]))
        return
    if int(os.environ.get("RANK", "0")):  # of several processes the first one speaks
        run(options, lambda pulse: None)
        return
    with _bar() as watch, _counting() as tell:
        run(options, watch, tell)
    typer.echo(f"done; play it: vjgan live --input demo --model {output / 'model.safetensors'}")


def _faults(text: str) -> frozenset[str]:
    from vjgan.train.prepare import FORGIVABLE

    faults = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := faults - set(FORGIVABLE):
        raise VjganError(f"--keep '{min(unknown)}' is not one of {', '.join(FORGIVABLE)}")
    return faults


@cache
def _cropper() -> Crop:
    from vjgan.camera.crops import Cropper

    try:
        return Cropper()
    except DeviceError as error:
        raise DeviceError(f"--faces: {error}") from None


@contextmanager
def _counting() -> Iterator[Any]:
    """Pictures that were looked at, on a line of its own."""
    console = Console(stderr=True)

    def tell(done: int, total: int) -> None:
        if done == total or done % 100 == 0:
            console.print(f"looked at {done:,} of {total:,} pictures", end="\r")
            if done == total:
                console.print()

    yield tell


@contextmanager
def _bar() -> Iterator[Watch]:
    """A bar with thousands of pictures, speed, time left and memory."""
    columns = (
        TextColumn("{task.fields[kimg]}"),
        BarColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[rest]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, kimg="", speed="", left="", rest="")

        def watch(pulse: Pulse) -> None:
            if pulse.news:
                bar.console.print(pulse.news)
            bar.update(
                task,
                total=pulse.total,
                completed=pulse.seen,
                kimg=f"{pulse.seen / 1000:.1f}/{pulse.total / 1000:g} kimg",
                speed=f"{pulse.speed:.1f} img/s",
                left=f"{duration(pulse.left)} left",
                rest=f"{pulse.memory / 1e9:.1f} GB  r_t {pulse.r_t:+.2f}  p {pulse.p:.2f}",
            )

        yield watch


def duration(seconds: float) -> str:
    """For people: 40 s, 12 min, 5.5 h, 3.1 days."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} days" if seconds < 1e9 else "?"
