"""``vjgan score``: a journey locked to a track, written by ear."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import progress


def score(
    track: Annotated[str, typer.Argument(metavar="TRACK", help="A sound file, or `demo`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="SCORE", help="Where to write it: .toml.")
    ],
    bank: Annotated[
        bool,
        typer.Option(
            "--bank",
            help="Meet the portraits that are kept, see `gallery`; in an era those that are tagged "
            "with its name.",
        ),
    ] = False,
) -> None:
    """Write a score of a track: its parts, with pictures and a look for each.

    Beats, bars and parts are heard; parts that sound alike meet the same faces, and the louder a
    part, the later its era. The file is TOML to be changed by hand, and played by
    `vjgan render --score`.

    Examples:

    - `vjgan score set.flac -o set.toml`
    - `vjgan score demo -o demo.toml && vjgan render --score demo.toml -o demo.mp4`
    """
    from vjgan.bank import Bank, bank_folder
    from vjgan.scoring import write_score

    kept = Bank(bank_folder()) if bank else None
    typer.echo("\n".join(write_score(track, output, progress, kept)))
