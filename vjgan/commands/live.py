"""``vjgan live``: the show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vjgan.commands.options import (
    Alpha,
    Codec,
    Device,
    FlashLimit,
    Model,
    Preset,
    Seed,
    picture_size,
    progress,
)


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
    device: Device = "auto",
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
        typer.Option(metavar="FILE", help="Record the show as a film: .mp4, .mov, .mkv or .webm."),
    ] = None,
    codec: Codec = "",
    alpha: Alpha = False,
    output: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:PLACE",
            help="Show it to other programs too: ndi:NAME, v4l2:/dev/videoN, spout:NAME or "
            "syphon:NAME; as often as wanted.",
        ),
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
    - `vjgan live --input demo --output ndi:vjgan --record friday.mp4 --codec hevc`
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
            codec=codec,
            alpha=alpha,
            outputs=tuple(output or ()),
            upscale=upscale,
        ),
        say=typer.echo,
        progress=progress,
    )
