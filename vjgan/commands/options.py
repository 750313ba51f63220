"""What several commands share: options, and what is read from their texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from vjgan.errors import VjganError

Preset = Annotated[
    str,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME|PATH",
        help="A name, number or file; see `presets`.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="NAME|PATH",
        help="Play this model whatever the preset asks for: a bundled name, or the file of any "
        "StyleGAN2 or 3 (.safetensors, .pkl, .pt).",
    ),
]  # fmt: skip
AnyModel = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model of any kind.")]
Seed = Annotated[
    int, typer.Option(min=0, max=2**31 - 1, help="Shifts every seed: another night, same preset.")
]

FlashLimit = Annotated[
    bool,
    typer.Option(
        "--flash-limit/--no-flash-limit",
        help="Ease more than three flashes a second, which can cause seizures.",
    ),
]
Device = Annotated[
    str, typer.Option(metavar="NAME", help="Where the model runs: auto, cpu, cuda or mps.")
]
Codec = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Of films: h264, hevc, prores or vp9, or an encoder such as hevc_nvenc. Default: "
        "h264, in .webm vp9.",
    ),
]
Alpha = Annotated[
    bool,
    typer.Option("--alpha", help="Keep what is clear: in stills, .mov (prores), .webm (vp9), NDI."),
]


@contextmanager
def progress(total: int, name: str) -> Iterator[Callable[[int], None]]:
    """A bar with frames done, speed and time left; the function given moves it."""
    columns = (
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)


def picture_size(text: str, option: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if width.isdecimal() and height.isdecimal():
        size = int(width), int(height)
        if all(16 <= side <= 16384 for side in size):
            return size
    raise VjganError(f"{option} '{text}' is not a size; write WIDTHxHEIGHT, each 16 to 16384")


def frame_rate(text: str) -> Fraction:
    from vjgan.render import frame_rate as read_rate

    rate = read_rate(text)
    if rate is None:
        raise VjganError(f"--fps '{text}' is not a frame rate from 1 to 240, such as 30 or 29.97")
    return rate


LONGEST_SECONDS = 10**9


def seconds_of(text: str, option: str) -> Fraction:
    from vjgan.render import exact

    seconds = exact(text)
    if seconds is None or seconds > LONGEST_SECONDS:
        raise VjganError(f"{option} '{text}' is not a number of seconds, 0 to {LONGEST_SECONDS}")
    return seconds
