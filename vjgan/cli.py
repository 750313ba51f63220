"""The command line: ``vjgan --help`` reads like a manual page."""

from __future__ import annotations

import io
import logging
import signal
import sys
from typing import Annotated, NoReturn

import typer

import vjgan
from vjgan.commands.analyze import analyze
from vjgan.commands.calibrate import calibrate
from vjgan.commands.check import check
from vjgan.commands.dream import dream
from vjgan.commands.gallery import app as bank_app
from vjgan.commands.gallery import gallery
from vjgan.commands.learn import learn_midi
from vjgan.commands.live import live
from vjgan.commands.model import app as model_app
from vjgan.commands.project import project
from vjgan.commands.render import render
from vjgan.commands.score import score as score_command
from vjgan.commands.take import app as take_app
from vjgan.commands.tracks import learn
from vjgan.commands.train import train as train_command
from vjgan.errors import told
from vjgan.interruption import ends

log = logging.getLogger("vjgan")

app = typer.Typer(
    name="vjgan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "A real-time, audio-reactive instrument that plays a StyleGAN on stage.\n\n"
        "vjgan hears the room, finds onsets, tempo and energy, mixes them with your MIDI "
        "controller into the motion of a generator's latent, and shows it full screen through "
        "shaders. The same engine renders a film locked to a track.\n\n"
        "Start with `vjgan live --input demo`. Keys during a show: H shows them all."
    ),
)
app.command()(live)
app.command()(render)
app.add_typer(model_app, name="model")
app.add_typer(take_app, name="take")
app.add_typer(bank_app, name="bank")
app.command("train")(train_command)
app.command()(analyze)
app.command()(calibrate)
app.command()(gallery)
app.command()(check)
app.command()(dream)
app.command()(project)
app.command("learn-midi")(learn_midi)
app.command()(learn)
app.command("score")(score_command)


@app.command()
def devices() -> None:
    """List sound inputs, MIDI ports, displays and compute devices."""
    from vjgan.doctor import list_devices

    typer.echo(list_devices())


@app.command()
def doctor() -> None:
    """Check everything that a show needs, and say what to do about what is missing."""
    from vjgan.doctor import examine

    healthy = True
    for finding in examine():
        typer.echo(finding.line())
        healthy = healthy and finding.state != "bad"
    raise typer.Exit(0 if healthy else 1)


@app.command()
def presets() -> None:
    """List the presets, and check each."""
    from vjgan.stock import list_presets

    lines, good = list_presets()
    typer.echo("\n".join(lines))
    raise typer.Exit(0 if good else 1)


@app.command()
def controls(
    osc: Annotated[bool, typer.Option("--osc", help="List the OSC addresses instead.")] = False,
) -> None:
    """List everything that presets, routes and controllers can steer."""
    from vjgan.control import list_addresses
    from vjgan.stock import list_controls

    typer.echo("\n".join(list_addresses() if osc else list_controls()))


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more of what is going on.")
    ] = False,
) -> None:
    logging.basicConfig(format="vjgan: %(message)s", stream=sys.stderr)
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    if version:
        typer.echo(vjgan.__version__)
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line. A user's mistake is one sentence and exit status 1, never a
    traceback; an interruption ends cleanly with 130."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    for number in ends():
        if number is not signal.SIGINT:  # which may be ignored, in the background
            signal.signal(number, signal.default_int_handler)
    with told():
        app(standalone_mode=True)
    sys.exit(0)
