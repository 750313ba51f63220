"""``vjgan model``: look at checkpoints, convert, sample, check, find directions, blend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import AnyModel

app = typer.Typer(
    no_args_is_help=True,
    help="Look at models (checkpoints), of any StyleGAN2 or 3; nothing in them is ever run.",
)


@app.command("info")
def model_info(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE")] = "",
) -> None:
    """Say what a model is: kind, size, parameters, classes, training, licence, SHA-256."""
    from vjgan.stock import describe_model

    typer.echo("\n".join(describe_model(model)))


@app.command("convert")
def model_convert(
    model: AnyModel,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write: .safetensors.")
    ],
    half: Annotated[
        bool, typer.Option("--half", help="fp16: half as large, no longer the same to the bit.")
    ] = False,
    bf16: Annotated[
        bool,
        typer.Option(
            "--bf16",
            help="Measure how near bf16 comes, and write it down: where nobody can tell the "
            "pictures apart, processors that multiply in bf16 will play in it, much faster.",
        ),
    ] = False,
) -> None:
    """Write any StyleGAN as a model of vjgan's, which holds numbers only and loads at once."""
    from vjgan.models import convert

    typer.echo("\n".join(convert(model, output, half=half, bf16=bf16)))


@app.command("sample")
def model_sample(
    model: AnyModel,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The sheet to write: .png.")
    ],
    seeds: Annotated[
        str, typer.Option(metavar="N-N,N", help="One picture each, as in the original programs.")
    ] = "0-15",
    psi: Annotated[
        float, typer.Option(min=-2.0, max=2.0, help="Truncation: 0 the mean picture, 1 none.")
    ] = 0.7,
    class_: Annotated[
        int | None, typer.Option("--class", metavar="N", help="Of conditional models, from 0.")
    ] = None,
) -> None:
    """Draw a sheet of a model's pictures."""
    from vjgan.models import parse_seeds, sample

    typer.echo("\n".join(sample(model, output, parse_seeds(seeds), psi, class_)))


@app.command("check")
def model_check(
    model: AnyModel,
    against: Annotated[
        Path | None,
        typer.Option(metavar="REF.npz", help="Compare with what another program drew."),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where it draws: auto, cpu, cuda or mps.")
    ] = "auto",
) -> None:
    """Load a model, draw with it, and say how long a picture takes and how much memory.

    With `--against` also the largest relative errors, max|ours - theirs| / max|theirs|, of w and
    of the image on the processor; exit status 1 above 1e-5 or 1e-4."""
    from vjgan.models import check

    verdict = check(model, against, device)
    typer.echo("\n".join(verdict.lines))
    raise typer.Exit(0 if verdict.good else 1)


@app.command("directions")
def model_directions(
    model: AnyModel,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the model with them: .safetensors."
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(metavar="NAME", help="sefa (of the weights) or pca (of the latents)."),
    ] = "sefa",
    count: Annotated[int, typer.Option(metavar="N", help="How many.")] = 10,
    layers: Annotated[
        str, typer.Option(metavar="N-N", help="Only in these layers: 0-3 shapes, 8-17 colours.")
    ] = "",
    names: Annotated[
        str, typer.Option(metavar="A,B", help="What they are called: direction.A, direction.B.")
    ] = "",
) -> None:
    """Find the directions of w that change a model's pictures most, for direction.1 to .8."""
    from vjgan.explore import add_directions

    typer.echo("\n".join(add_directions(model, output, method, count, layers, names)))


@app.command("blend")
def model_blend(
    low: Annotated[str, typer.Argument(metavar="A", help="Gives the shapes.")],
    high: Annotated[str, typer.Argument(metavar="B", help="Gives the surfaces; of A's shape.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write: .safetensors.")
    ],
    resolution: Annotated[
        int, typer.Option("--from-resolution", metavar="N", help="Where B begins: 4, 8, 16, ...")
    ] = 32,
    width: Annotated[
        float, typer.Option(min=0.0, max=16.0, help="Octaves over which A gives way to B.")
    ] = 0.0,
) -> None:
    """Make one model of the layers of two."""
    from vjgan.explore import blend_models

    typer.echo("\n".join(blend_models(low, high, resolution, output, width)))
