"""The score that a show plays, as its take has it: the text of the score and of its presets."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vjgan.errors import MediaError
from vjgan.files import read_text
from vjgan.library import Library
from vjgan.score import Score
from vjgan.snapshot import rooted

Words = Mapping[str, Any]


def told(score: Score) -> Words:
    """What a take keeps of a score: its ``path``, what it says (``table``, its sections with the
    numbers of their presets instead of names) and the ``presets``: of each its key and text."""
    files = list(dict.fromkeys(chapter.preset for chapter in score.chapters))
    table = tomllib.loads(read_text(score.path))
    for section, chapter in zip(table["sections"], score.chapters, strict=True):
        section["preset"] = _name(files.index(chapter.preset), chapter.preset.stem)
    table["preset"] = table["sections"][0]["preset"]
    texts = [(one.stem, rooted(read_text(one), one.parent)) for one in files]
    return {"path": str(score.path), "table": table, "presets": texts}


def read_told(words: Words, folder: Path, library: Library) -> Score:
    """The score of a take, whatever has become of its files since; the presets are written to a
    ``folder``. Raises MediaError where it is not whole, and ScoreError as reading a score does."""
    try:
        for number, (key, text) in enumerate(words["presets"]):
            path = folder / _name(number, Path(key).name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return library.score_of(folder / Path(words["path"]).name, dict(words["table"]))
    except (KeyError, TypeError, ValueError) as error:
        raise MediaError(
            f"the take does not hold its score as vjgan writes it: {error!r}"
        ) from None


def _name(number: int, key: str) -> str:
    return f"{number}/{key}.toml"
