"""``vjgan analyze``: what the ear makes of a track."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import progress


def analyze(
    track: Annotated[str, typer.Argument(metavar="TRACK", help="A sound file, or `demo`.")],
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write tempo, beats, onsets and curves."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw them: .png.")
    ] = None,
) -> None:
    """Hear a track as a show would, and say, write or draw what is heard.

    It is the very same chain as during a show, so that what is missed here is missed there.

    Examples:

    - `vjgan analyze set.flac --json set.json --plot set.png`
    - `vjgan analyze demo --plot demo.png`
    """
    from vjgan.analysis import analyse, summary, track_sound, write_json
    from vjgan.chart import draw
    from vjgan.files import check_place
    from vjgan.media import save_image

    if plot is not None:
        check_place("picture", plot, ".png")
    if json is not None:
        check_place("file", json)
    sound = track_sound(track)
    with progress(int(sound.seconds), "analyze") as shown:
        analysis = analyse(track, sound, shown)
    if json is not None:
        write_json(json, analysis)
    if plot is not None:
        save_image(plot, draw(analysis, sound))
    typer.echo("\n".join(summary(analysis)))
