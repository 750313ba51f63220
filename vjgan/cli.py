"""The command line: ``vjgan --help`` reads like a manual page."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NoReturn

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

import vjgan
from vjgan.errors import VjganError

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
model_app = typer.Typer(
    no_args_is_help=True,
    help="Look at models (checkpoints), of any StyleGAN2 or 3; nothing in them is ever run.",
)
app.add_typer(model_app, name="model")

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


@app.command()
def live(
    input_: Annotated[
        str,
        typer.Option(
            "--input",
            "-i",
            metavar="NAME|FILE|demo",
            help="A sound input by a part of its name (see `devices`), a sound file played in "
            "real time, or `demo`, the bundled track. Default: the system's sound input.",
        ),
    ] = "",
    preset: Preset = "",
    model: Model = "",
    midi: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Only MIDI ports whose name contains this. Default: all of them."
        ),
    ] = "",
    midi_api: Annotated[
        str, typer.Option(metavar="API", help="alsa, jack, coremidi or winmm. Default: the first.")
    ] = "",
    channel: Annotated[
        int, typer.Option(min=0, help="Listen to this channel of the input, from 1; 0 mixes all.")
    ] = 0,
    display: Annotated[
        int | None, typer.Option(metavar="N", help="Full screen on display N (see `devices`).")
    ] = None,
    window: Annotated[
        str, typer.Option(metavar="WxH", help="A window of this size. Default: 1280x720.")
    ] = "",
    headless: Annotated[
        bool, typer.Option("--headless", help="Perform in real time without a window.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="Leave after this many seconds.")
    ] = None,
    stats: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write statistics as JSON at the end.")
    ] = None,
    seed: Seed = 0,
    quiet_sound: Annotated[
        bool, typer.Option("--mute", help="Do not play a sound file aloud.")
    ] = False,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where the model runs: auto, cpu, cuda or mps.")
    ] = "auto",
) -> None:
    """Perform: hear, move, show.

    Without a display, a performance of a sound file or the demo becomes a short film instead:
    20 seconds in out/show.mp4, and a picture in out/show.png.

    Examples:

    - `vjgan live --input demo`
    - `vjgan live --input "USB Audio" --midi nanoKONTROL --display 2 --preset tide`
    - `vjgan live --input set.flac --window 1920x1080 --stats stats.json`
    """
    from vjgan.show import LiveSettings, perform

    perform(
        LiveSettings(
            input=input_,
            preset=preset,
            model=model,
            midi=midi,
            midi_api=midi_api,
            channel=channel,
            display=display,
            window=_size(window, "--window") if window else None,
            headless=headless,
            seconds=seconds,
            stats=stats,
            seed=seed,
            mute=quiet_sound,
            device=device,
        ),
        say=typer.echo,
        progress=progress,
    )


@app.command()
def render(
    track: Annotated[str, typer.Argument(metavar="TRACK", help="A sound file, or `demo`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The film: .mp4, .mov or .mkv.")
    ],
    preset: Preset = "",
    model: Model = "",
    size: Annotated[str, typer.Option(metavar="WxH", help="Even numbers.")] = "1280x720",
    fps: Annotated[
        str, typer.Option(metavar="N", help="1 to 240; 23.976, 29.97 and 30000/1001 are exact.")
    ] = "30",
    seed: Seed = 0,
    from_: Annotated[
        str, typer.Option("--from", metavar="S", help="Begin so many seconds into the track.")
    ] = "0",
    to: Annotated[
        str, typer.Option("--to", metavar="S", help="End there. Default: the track's end.")
    ] = "",
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where the model runs: auto, cpu, cuda or mps.")
    ] = "auto",
) -> None:
    """Render a film locked to a track: the same show, frame by frame, with the track's own sound.

    The same seed on the same machine gives the same frames, bit for bit. An interrupted film
    leaves nothing under the final name.

    Examples:

    - `vjgan render track.flac -o film.mp4 --preset journey`
    - `vjgan render demo -o clip.mp4 --size 1920x1080 --fps 29.97 --from 30 --to 45`
    """
    from vjgan.film import FilmSettings, film

    film(
        FilmSettings(
            track=track,
            output=output,
            preset=preset,
            model=model,
            size=_size(size, "--size"),
            fps=_rate(fps),
            seed=seed,
            start=_seconds(from_, "--from"),
            end=_seconds(to, "--to") if to else None,
            device=device,
        ),
        progress,
    )


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
def controls() -> None:
    """List everything that presets, routes and controllers can steer."""
    from vjgan.stock import list_controls

    typer.echo("\n".join(list_controls()))


@model_app.command("info")
def model_info(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE")] = "",
) -> None:
    """Say what a model is: kind, size, parameters, classes, training, licence, SHA-256."""
    from vjgan.stock import describe_model

    typer.echo("\n".join(describe_model(model)))


@model_app.command("convert")
def model_convert(
    model: AnyModel,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write: .safetensors.")
    ],
    fp32: Annotated[
        bool, typer.Option("--fp32", help="Keep fp32; otherwise fp16, half as large.")
    ] = False,
) -> None:
    """Write any StyleGAN as a model of vjgan's, which holds numbers only and loads at once."""
    from vjgan.models import convert

    typer.echo("\n".join(convert(model, output, half=not fp32)))


@model_app.command("sample")
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


@model_app.command("check")
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


@model_app.command("directions")
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


@model_app.command("blend")
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


def _size(text: str, option: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if width.isdecimal() and height.isdecimal():
        size = int(width), int(height)
        if all(16 <= side <= 16384 for side in size):
            return size
    raise VjganError(f"{option} '{text}' is not a size; write WIDTHxHEIGHT, each 16 to 16384")


def _rate(text: str) -> Fraction:
    from vjgan.render import frame_rate

    rate = frame_rate(text)
    if rate is None:
        raise VjganError(f"--fps '{text}' is not a frame rate from 1 to 240, such as 30 or 29.97")
    return rate


def _seconds(text: str, option: str) -> Fraction:
    try:
        seconds = Fraction(text)
    except (ValueError, ZeroDivisionError):
        seconds = Fraction(-1)
    if seconds < 0:
        raise VjganError(f"{option} '{text}' is not a number of seconds, 0 or more")
    return seconds


def main() -> NoReturn:
    """Run the command line. A user's mistake is one sentence and exit status 1, never a
    traceback; an interruption ends cleanly with 130."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        app(standalone_mode=True)
    except VjganError as error:
        sys.exit(f"vjgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
