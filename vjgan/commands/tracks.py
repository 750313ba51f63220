"""``vjgan learn``: tracks are listened to, so that a show knows which one is playing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vjgan.commands.options import progress
from vjgan.errors import MediaError, VjganError

if TYPE_CHECKING:
    from vjgan.recognition.catalogue import Learnt


def learn(
    tracks: Annotated[
        list[Path] | None, typer.Argument(metavar="TRACK...", help="Sound files.")
    ] = None,
    forget: Annotated[
        str, typer.Option(metavar="TITLE", help="Forget the track of this title instead.")
    ] = "",
) -> None:
    """Learn how tracks sound, so that a show with a set list knows which of them is playing.

    Without a TRACK, list what is known. A track learnt again, or another file of the same name,
    takes the place of what was known. A set list names the file: `file = "opening.flac"`.

    Examples:

    - `vjgan learn set/*.flac`
    - `vjgan learn --forget opening`
    """
    from vjgan.recognition.catalogue import add, catalogue_file, load, save

    place = catalogue_file()
    known = load(place)
    if forget:
        kept = [one for one in known if forget not in (one.title, one.name)]
        if len(kept) == len(known):
            there = ", ".join(one.title for one in known) or "none"
            raise VjganError(
                f"--forget '{forget}' is not a track that was learnt; there are: {there}"
            )
        save(place, kept)
        return
    if not tracks:
        typer.echo("\n".join(map(_line, known)) or "no track was learnt yet")
        return
    wrong = False
    with progress(len(tracks), "learn") as shown:
        for number, path in enumerate(tracks, start=1):
            try:
                known = add(known, _listen(path))
                save(place, known)  # after each one: what was learnt stays, whatever comes
            except MediaError as error:
                typer.echo(f"vjgan: {error}", err=True)
                wrong = True
            shown(number)
    if wrong:
        raise typer.Exit(1)


def _listen(path: Path) -> Learnt:
    from vjgan.media import open_recording
    from vjgan.recognition.catalogue import learn as learn_sound

    sound = open_recording(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return learn_sound(path, sha256, sound.blocks(), sound.sample_rate)


def _line(one: Learnt) -> str:
    minutes, seconds = divmod(round(one.seconds), 60)
    return f"{minutes:3d}:{seconds:02d}  {one.title}  ({one.name}, {one.sha256[:8]})"
