"""``vjgan check``: what a set list or presets are like on this machine, before the show."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vjgan.commands.options import Device, Model, picture_size

if TYPE_CHECKING:
    from vjgan.preflight import Finding

COLUMNS = ("", "preset", "model", "start s", "frame ms", "model ms", "memory MB", "licence")

PAPER = 110  # characters in a line of a file or a pipe


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SETLIST|PRESET...", help="Files or names. Default: every preset there is."
        ),
    ] = None,
    window: Annotated[
        str, typer.Option(metavar="WxH", help="Draw at this size, as the show will.")
    ] = "1280x720",
    model: Model = "",
    device: Device = "auto",
) -> None:
    """Load every preset, model and shader of a set list, play a second of each, and say how it was.

    `start` is the time until the first picture, `frame` and `model` the slowest but one of a
    hundred to draw the light and to run the model, `memory` the most that was held. Exit status 1
    if anything is wrong.

    Examples:

    - `vjgan check friday.toml`
    - `vjgan check tide mandala --window 1920x1080`
    """
    from vjgan.preflight import preflight

    size = picture_size(window, "--window")
    console = Console(stderr=True)
    found: list[Finding] = []
    with console.status("check") as status:
        for finding in preflight(names or [], size, model, device):
            found.append(finding)
            status.update(f"check: {len(found)} done, {finding.name}")
    _print(found)
    raise typer.Exit(1 if any(finding.wrong for finding in found) else 0)


def _print(found: list[Finding]) -> None:
    """The table, and below it in full what is wrong or worth knowing."""
    console = Console(width=None if sys.stdout.isatty() else PAPER)
    table = Table(*COLUMNS, box=box.SIMPLE_HEAD)
    for column in table.columns[3:7]:
        column.justify = "right"
    for one in found:
        times = (one.start_s, one.frame_ms, one.model_ms, one.memory_mb)
        digits = (1, 1, 1, 0)
        table.add_row(
            "[bold red]WRONG[/]" if one.wrong else "[green]ok[/]",
            escape(one.name),
            escape(one.model),
            *("" if t is None else f"{t:.{d}f}" for t, d in zip(times, digits, strict=True)),
            escape(one.licence),
        )
    console.print(table)
    for one in found:
        lines = [f"[bold red]WRONG[/] {escape(one.wrong)}"] if one.wrong else []
        for line in (*lines, *map(escape, one.notes)):
            console.print(f"{escape(one.name)}: {line}", soft_wrap=True, highlight=False)
