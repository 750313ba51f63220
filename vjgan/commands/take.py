"""``vjgan take``: performances that were recorded as control data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Takes: performances recorded as control data.")


@app.callback()
def _takes() -> None:
    """With a callback, the one command keeps its name."""


@app.command("info")
def take_info(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A .take file.")],
) -> None:
    """Say what a take holds: when, how long, which presets, and whether it is whole."""
    from vjgan.refilm import describe_take

    typer.echo("\n".join(describe_take(path)))
