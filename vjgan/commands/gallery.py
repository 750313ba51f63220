"""``vjgan gallery`` and ``vjgan bank``: portraits found, kept, exported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import Device, Model

BankFolder = Annotated[
    Path | None,
    typer.Option(
        "--bank",
        metavar="DIR",
        help="The bank of portraits. Default: VJGAN_BANK, or bank beside your own presets.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A portrait; see `bank list`.")]

app = typer.Typer(no_args_is_help=True, help="The bank: portraits that were kept by name.")


def gallery(
    model: Model = "",
    count: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="Draw seeds 0 to N - 1.")
    ] = 2000,
    psi: Annotated[
        float, typer.Option(min=0.0, max=2.0, help="Truncation: how strange they may be.")
    ] = 0.7,
    class_: Annotated[
        int | None, typer.Option("--class", metavar="K", help="Of a model that has classes.")
    ] = None,
    bank: BankFolder = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where; the next ones, if it is busy.")
    ] = 8775,
    control_host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where: 0.0.0.0 for all networks, with a code."),
    ] = "127.0.0.1",
    device: Device = "auto",
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="Leave after this many seconds.")
    ] = None,
) -> None:
    """Look through thousands of a model's portraits, and keep those that you want to meet again.

    They are drawn beside the page, rated by sharpness and by how usual they are, and those that
    look the same are put together; what was drawn is there again the next time. Arrows move, K
    keeps, R rejects, T tags, C compares two, N names. What is kept is an anchor of scores and a
    keyframe of presets by its name.

    Examples:

    - `vjgan gallery`
    - `vjgan gallery --model faces.pkl --count 5000 --psi 0.8`
    - `vjgan gallery --control-host 0.0.0.0`, to look through them on a telephone
    """
    from vjgan.bank import bank_folder
    from vjgan.curation import GallerySettings, serve_gallery

    serve_gallery(
        GallerySettings(
            bank=bank or bank_folder(),
            model=model,
            count=count,
            psi=psi,
            label=class_,
            host=control_host,
            port=port,
            device=device,
            seconds=seconds,
        ),
        typer.echo,
    )


@app.command("list")
def list_(bank: BankFolder = None) -> None:
    """List the portraits: name, verdict, model, where they come from, tags."""
    from vjgan.bank import Bank, bank_folder
    from vjgan.curation import list_portraits

    typer.echo("\n".join(list_portraits(Bank(bank or bank_folder()))))


@app.command()
def show(name: Name, bank: BankFolder = None) -> None:
    """Say what is known of a portrait."""
    from vjgan.bank import Bank, bank_folder
    from vjgan.curation import describe

    typer.echo("\n".join(describe(Bank(bank or bank_folder()), name)))


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Portraits. Default: all that are kept."),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME|PATH", help="Of models that you brought."),
    ] = "",
    bank: BankFolder = None,
) -> None:
    """Write portraits as PNG, with credits, and beside each the latent, which `import` reads."""
    from vjgan.bank import Bank, bank_folder
    from vjgan.curation import export_portraits

    chosen = Bank(bank or bank_folder())
    typer.echo("\n".join(export_portraits(chosen, names or [], output, model)))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors of `export`.")],
    bank: BankFolder = None,
) -> None:
    """Put an exported portrait into the bank, with the picture beside it."""
    from vjgan.bank import Bank, bank_folder
    from vjgan.curation import import_portrait

    typer.echo("\n".join(import_portrait(Bank(bank or bank_folder()), file)))


@app.command()
def remove(name: Name, bank: BankFolder = None) -> None:
    """Take a portrait out of the bank."""
    from vjgan.bank import Bank, bank_folder

    Bank(bank or bank_folder()).remove(name)
