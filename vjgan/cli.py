"""The command line: ``vjgan --help`` reads like a manual page."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
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
from vjgan.commands.model import app as model_app
from vjgan.commands.options import (
    FlashLimit,
    Model,
    Preset,
    Seed,
    frame_rate,
    picture_size,
    progress,
    seconds_of,
)
from vjgan.commands.project import project
from vjgan.commands.score import score as score_command
from vjgan.commands.take import app as take_app
from vjgan.commands.tracks import learn
from vjgan.commands.train import train as train_command
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
    setlist: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play a set list: tracks, their presets and cues."),
    ] = None,
    quantise: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="When presets called by hand enter: now, beat, bar, '4 bars' or '16 bars'.",
        ),
    ] = "now",
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
        str,
        typer.Option(
            metavar="N|NAME",
            help="Full screen on a display by its number or a part of its name (see `devices`), "
            "and so from now on; `none`: in a window again.",
        ),
    ] = "",
    layout: Annotated[
        str,
        typer.Option(
            metavar="WAY", help="full, borderless, span (all displays as one) or mirror (each)."
        ),
    ] = "",
    operator: Annotated[
        bool, typer.Option("--operator", help="Menus and messages in a window of your own.")
    ] = False,
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
    clock: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Hold one: link, midi, tracker, tap or free. Default: the best that is there.",
        ),
    ] = "auto",
    link: Annotated[
        bool, typer.Option("--link", help="Join Ableton Link on the local network.")
    ] = False,
    offset: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            min=-2000.0,
            max=2000.0,
            help="Light earlier by so much, or later below 0. Default: as `calibrate` found.",
        ),
    ] = None,
    control: Annotated[bool, typer.Option(help="Serve the control page.")] = True,
    control_host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where: 0.0.0.0 for all networks, with a code."),
    ] = "127.0.0.1",
    control_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where; the next ones, if it is busy.")
    ] = 8765,
    osc_host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Take OSC here; 0.0.0.0 from all networks.")
    ] = "127.0.0.1",
    osc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="At this UDP port; 0 for no OSC.")
    ] = 9000,
    flash_limit: FlashLimit = True,
    take: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Record what is played, to be rendered later; see docs/takes.md."
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record the show as a film: .mp4, .mov or .mkv."),
    ] = None,
    upscale: Annotated[
        int,
        typer.Option(
            metavar="1|2|4",
            help="Models' pictures so many times larger, as far as the machine can.",
        ),
    ] = 1,
    score: Annotated[
        Path | None,
        typer.Option(metavar="SCORE", help="Play a score on its track, see `score`."),
    ] = None,
    camera: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="Who sits before this camera, or in this video, is the guest; see docs/camera.md.",
        ),
    ] = "",
) -> None:
    """Perform: hear, move, show.

    A page with all controls is at http://127.0.0.1:8765, OSC comes in at port 9000; `--control-host
    0.0.0.0` opens the page to the room, for those with the code that is then shown here.

    Without a display, a performance of a sound file or the demo becomes a short film instead:
    20 seconds in out/show.mp4, and a picture in out/show.png.

    Examples:

    - `vjgan live --input demo`
    - `vjgan live --input "USB Audio" --midi nanoKONTROL --display 2 --preset tide`
    - `vjgan live --input set.flac --window 1920x1080 --stats stats.json`
    - `vjgan live --input "USB Audio" --setlist friday.toml`
    """
    from vjgan.control import ControlSettings
    from vjgan.settings import LiveSettings
    from vjgan.show import perform

    perform(
        LiveSettings(
            input=input_,
            preset=preset,
            model=model,
            midi=midi,
            midi_api=midi_api,
            channel=channel,
            display=display,
            layout=layout,
            operator=operator,
            window=picture_size(window, "--window") if window else None,
            headless=headless,
            seconds=seconds,
            stats=stats,
            seed=seed,
            mute=quiet_sound,
            device=device,
            control=ControlSettings(control, control_host, control_port, osc_host, osc_port),
            clock=clock,
            link=link,
            offset_ms=offset,
            setlist=setlist,
            quantise=quantise,
            score=score,
            camera=camera,
            flash_limit=flash_limit,
            take=take,
            record=record,
            upscale=upscale,
        ),
        say=typer.echo,
        progress=progress,
    )


@app.command()
def render(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The film: .mp4, .mov or .mkv.")
    ],
    track: Annotated[
        str, typer.Argument(metavar="TRACK", help="A sound file, or `demo`.", show_default=False)
    ] = "",
    take: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Render a take, with its own presets and gestures."),
    ] = None,
    audio: Annotated[
        str, typer.Option(metavar="TRACK", help="Of a take. Default: the track it was played to.")
    ] = "",
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
    score: Annotated[
        Path | None,
        typer.Option(metavar="SCORE", help="Play a score, see `score`; it names the track."),
    ] = None,
    workers: Annotated[
        str,
        typer.Option(
            metavar="N|ray",
            help="Let so many processes, or a Ray cluster, draw the model's pictures.",
        ),
    ] = "",
    upscale: Annotated[
        int,
        typer.Option(
            metavar="1|2|4",
            help="Draw the light so many times smaller, and bring it to --size by a network.",
        ),
    ] = 1,
    flash_limit: FlashLimit = True,
) -> None:
    """Render a film locked to a track: the same show, frame by frame, with the track's own sound.

    The same seed on the same machine gives the same frames, bit for bit, with however many
    workers. An interrupted film leaves nothing under the final name; with workers, the same command
    then goes on from what they had done.

    Examples:

    - `vjgan render track.flac -o film.mp4 --preset journey`
    - `vjgan render demo -o clip.mp4 --size 1920x1080 --fps 29.97 --from 30 --to 45`
    - `vjgan score track.flac -o track.toml && vjgan render --score track.toml -o film.mp4`
    - `vjgan render --take night.take --audio set.flac -o night.mp4 --size 3840x2160 --upscale 2`
    """
    from vjgan.film import FilmSettings, film
    from vjgan.refilm import refilm

    settings = FilmSettings(
        track=audio or track,
        output=output,
        preset=preset,
        model=model,
        size=picture_size(size, "--size"),
        fps=frame_rate(fps),
        seed=seed,
        start=seconds_of(from_, "--from"),
        end=seconds_of(to, "--to") if to else None,
        device=device,
        flash_limit=flash_limit,
        score=score,
        workers=workers,
        upscale=upscale,
    )
    if take is not None:
        if preset or seed or settings.start or to:
            raise VjganError("--take: preset, seed and span are the take's own; leave them out")
        refilm(settings, take, progress)
    elif audio or not (track or score):
        raise VjganError(
            "what is rendered is a TRACK, --score SCORE, or --take FILE with --audio TRACK"
        )
    elif score is not None and preset:
        raise VjganError(f"--preset '{preset}': the score '{score}' says what is played")
    else:
        film(settings, progress)


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also where SIGINT is ignored
    try:
        app(standalone_mode=True)
    except VjganError as error:
        sys.exit(f"vjgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
