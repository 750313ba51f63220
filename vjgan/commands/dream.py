"""``vjgan dream``: a still that is dreamed into."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import progress

LARGEST = 16384  # pixels a side


def dream(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="Any picture's file.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write: .png.")
    ],
    eye: Annotated[
        str,
        typer.Option(
            "--eye",
            metavar="NAME|FILE",
            help="Who looks: vjgan's own eye, `classifier` (the extra `dream`), or the "
            "discriminator in the file of a model (.pkl).",
        ),
    ] = "",
    layer: Annotated[
        float, typer.Option(min=0.0, max=8.0, help="0 strokes, the last forms.")
    ] = 1.5,
    motif: Annotated[
        int, typer.Option(min=0, max=64, help="Of the layer one feature map alone, from 1 on.")
    ] = 0,
    octaves: Annotated[
        int, typer.Option(min=1, max=10, help="On how many sizes of the picture, smallest first.")
    ] = 4,
    steps: Annotated[int, typer.Option(min=1, max=200, help="At each size.")] = 12,
    size: Annotated[
        int, typer.Option(min=0, max=LARGEST, help="Its longer side in pixels; 0 as it is.")
    ] = 0,
) -> None:
    """Draw into a picture what a network sees in it, in any size.

    Examples:

    - `vjgan dream face.jpg -o dream.png`
    - `vjgan dream face.jpg -o dream.png --eye classifier --layer 3 --size 2048`
    """
    from vjgan.dreams import dream_picture
    from vjgan.retouch.still import StillSettings

    settings = StillSettings(octaves, steps, layer, motif, size)
    with progress(octaves * steps, output.name) as told:
        line = dream_picture(picture, output, eye, settings, told)
    typer.echo(line)
