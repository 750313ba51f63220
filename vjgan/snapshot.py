"""Keeping how the show stands as a new preset: the one on stage, with what hands changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from vjgan.errors import PresetError
from vjgan.files import in_words, read_text, replacing
from vjgan.standing import Standing

_NUMBER = re.compile(r"(\d+)-?")
DIGITS = 5
SHOWN = "# Shown with"  # begins the line that says with what


def keep_snapshot(
    standing: Standing,
    folder: Path,
    presets: Iterable[Path],
    check: Callable[[Path], object],
    model: str = "",
    seed: int = 0,
    about: Mapping[str, str] | None = None,
) -> Path:
    """The file of a new preset in ``folder``: the text of the one on stage, comments and all, with
    the controls' own values of now. Its number comes after those of all ``presets``.

    ``model``, if any, is played whatever presets ask for, ``seed`` shifts their seeds; the new
    preset says so itself; ``about`` is what pictures of it say, such as the licence of its model,
    and stands at its top. ``check`` must accept the file before it gets its name. Raises
    PresetError when it does not, or when the disk does not take it."""
    if standing.source is None:
        raise PresetError(f"preset '{standing.preset}' has no file to make another one of")
    base = _NUMBER.sub("", standing.source.stem, count=1) or standing.source.stem
    stems = [path.stem for path in (*presets, *folder.glob("*.toml"))]
    number = 1 + max([0, *(int(match[1]) for stem in stems if (match := _NUMBER.match(stem)))])
    path = folder / f"{number:02}-{base}.toml"
    try:
        text = _headed(_written(standing, number, model, seed), about or {})
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_bytes(text.encode())
            check(part)
    except (OSError, TOMLKitError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PresetError(f"preset '{path}' cannot be written: {reason}") from None
    return path


def save_changes(standing: Standing, check: Callable[[Path], object]) -> Path:
    """The preset's own file, into which the controls' own values of now are written where hands
    changed them; all else in it, comments too, stays as it is now on the disk.

    Raises PresetError when ``check`` does not accept it, or the disk does not take it."""
    if standing.source is None:
        raise PresetError(f"preset '{standing.preset}' has no file to be written to")
    edit_preset(standing.source, lambda document: _put_changes(document, standing), check)
    return standing.source


def edit_preset(
    path: Path, change: Callable[[Any], None], check: Callable[[Path], object]
) -> tuple[str, str]:
    """The text of a preset's file before and after a ``change`` of its document was written to it;
    all else in it, comments too, stays as it is now on the disk.

    Raises PresetError when ``check`` does not accept it, or the disk does not take it."""
    try:
        before = read_text(path)
        document = tomlkit.parse(before)
        change(document)
        after = tomlkit.dumps(document)
        with replacing(path) as part:
            part.write_bytes(after.encode())
            check(part)
    except (OSError, TOMLKitError, ValueError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PresetError(f"preset '{path}' cannot be written: {reason}") from None
    return before, after


def rooted(text: str, folder: Path) -> str:
    """The text of a preset that lay in ``folder``, with the files beside it named from the root; as
    it is where it cannot be read."""
    try:
        document = tomlkit.parse(text)
        _find_files(document, folder)
    except (TOMLKitError, ValueError, TypeError, KeyError, AttributeError):
        return text  # whoever reads it then tells what is wrong
    return tomlkit.dumps(document)


def _written(standing: Standing, number: int, model: str, seed: int) -> str:
    """The new preset's text."""
    assert standing.source is not None
    document = tomlkit.parse(read_text(standing.source))
    document["name"] = f"{_NUMBER_AT_END.sub('', standing.title)} {number}"
    if model:
        document["model"] = model
    if seed:
        _shift_seeds(document, seed)
    _put_changes(document, standing)
    _find_files(document, standing.source.parent)
    return tomlkit.dumps(document)


def _headed(text: str, about: Mapping[str, str]) -> str:
    """A preset's text under a line with what its pictures say of themselves, in place of an older
    such line."""
    lines = text.splitlines(keepends=True)
    if lines and lines[0].startswith(SHOWN):
        del lines[0]
    head = [f"{SHOWN} {' '.join(in_words(about).split())}\n"] if about else []
    return "".join(head + lines)


def _put_changes(document: Any, standing: Standing) -> None:
    controls: Any = document.setdefault("controls", tomlkit.table())
    for name, value in standing.own.items():
        if value != standing.given[name]:
            _put(controls, name, float(f"{value:.{DIGITS}g}"))


def _find_files(document: Any, folder: Path) -> None:
    """What the preset has beside itself is named from the root: the copy lies elsewhere."""

    def found(kind: str, place: str) -> str:
        return f"{kind}:{(folder / Path(place).expanduser()).resolve()}"

    for layer in document.get("layers", {}).values():
        kind, _, place = layer["source"].partition(":")
        if kind in ("image", "video"):
            layer["source"] = found(kind, place)
    for index, name in enumerate(document.get("retouch", ())):
        kind, _, place = name.partition(":")
        file, choice, styles = place.partition("#")
        if file and (folder / Path(file).expanduser()).is_file():
            document["retouch"][index] = found(kind, file) + choice + styles
    for index, name in enumerate(document.get("passes", ())):
        place = name.removeprefix("isf:")
        if place != name and any((folder / f"{place}{end}").is_file() for end in ("", ".fs")):
            document["passes"][index] = found("isf", place)


_NUMBER_AT_END = re.compile(r"\s+\d+$")


def _put(controls: Any, name: str, value: float) -> None:
    """Set ``bloom.amount`` as the file writes such names: quoted, in a table, or with a dot."""
    head, _, inner = name.partition(".")
    if name in controls or not inner:
        controls[name] = value
    elif head in controls:
        controls[head][inner] = value
    else:
        controls.append(tomlkit.key([head, inner]), value)


def _shift_seeds(document: Any, seed: int) -> None:
    motion = document.setdefault("motion", tomlkit.table())
    motion["seed"] = (motion.get("seed", 1) + seed) % 2**31
    for stop in (one for one in motion.get("keyframes", ()) if "seed" in one):
        stop["seed"] = (stop["seed"] + seed) % 2**31
