"""``vjgan project``: a picture brought into a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import progress


def project(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture of somebody.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The portrait to write: .png.")
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME|FILE", help="Whose picture it becomes.")
    ] = "portraits",
    keep: Annotated[
        str, typer.Option(metavar="NAME", help="Keep it in the bank under this name.")
    ] = "",
    steps: Annotated[
        int, typer.Option(min=0, max=10_000, help="Of improvement; 0: as the encoder sees it.")
    ] = 300,
) -> None:
    """Bring a picture into a model: the portrait that is most like it.

    The face is found and cut out where the camera's face detector is installed (see
    docs/camera.md); else the middle of the picture is taken. Nothing is stored but what is written.

    Examples:

    - `vjgan project me.jpg -o portrait.png`
    - `vjgan project me.jpg --model faces.safetensors -o portrait.png --keep me`
    """
    from vjgan.projecting import project as project_picture

    with progress(steps, "improving") as moved:
        lines = project_picture(picture, output, model, keep, steps, moved)
    typer.echo("\n".join(lines))
