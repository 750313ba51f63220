"""``vjgan render``: a film locked to a track."""

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
    frame_rate,
    picture_size,
    progress,
    seconds_of,
)
from vjgan.errors import VjganError


def render(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The film: .mp4, .mov, .mkv or .webm."),
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
    device: Device = "auto",
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
    codec: Codec = "",
    alpha: Alpha = False,
) -> None:
    """Render a film locked to a track: the same show, frame by frame, with the track's own sound.

    The same seed on the same machine gives the same frames, bit for bit, with however many
    workers. An interrupted film leaves nothing under the final name; with workers, the same command
    then goes on from what they had done.

    Examples:

    - `vjgan render track.flac -o film.mp4 --preset journey`
    - `vjgan render demo -o clip.mp4 --size 1920x1080 --fps 29.97 --from 30 --to 45`
    - `vjgan render demo -o overlay.mov --preset drift --alpha`
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
        codec=codec,
        alpha=alpha,
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
