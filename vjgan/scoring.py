"""A score written by ear: the parts of a track, and for each the pictures and the look."""

from __future__ import annotations

import math
import os
import re
import tomllib
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from vjgan.analysis import STEP, Analysis, analyse, track_sound
from vjgan.bank import Bank, BankError, Portrait
from vjgan.errors import ScoreError
from vjgan.files import check_place, write_text
from vjgan.grid import BEATS, Grid, find_grid
from vjgan.licence import about_model
from vjgan.sections import Part, find_parts
from vjgan.stock import make_library
from vjgan.types import FloatArray

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # characters that TOML has only as numbers
CURVES = ("low", "mid", "high", *(f"band{k}" for k in range(1, 9)), "noisiness")
DRUMS = ("kicks", "snares", "hats")
LEAST = 0.01  # of a curve: softer is not told apart
LOUDER = 3.0  # how much more the intensity counts than a doubling of a band
EARLY = 0.05  # s by which a drum may come before its bar
LAST_BAR = 0.25  # of a bar that the track must at least fill to be one
LOUD = 0.8  # energy from which the pictures change twice as often
PHRASE = 4  # bars, about
SEEDS = 10_000
PRESET = "phrases"

Progress = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]

# From the softest to the loudest part: the controls of preset `phrases`.
ERAS = {
    "oil": {"oil.amount": 0.9},
    "marble": {"direction.marble": 1.1},
    "charcoal": {"charcoal.amount": 0.9},
    "skin": {"psi": 0.75},
    "chrome": {"direction.chrome": 1.5},
    "neon": {"direction.neon": 1.15, "bloom.amount": 0.5},
}
HEAD = """\
# A score: what vjgan shows when in this track. Change it as you like: `vjgan render --score` plays
# it. Bars are counted from 1; an anchor is the picture of a seed, or a portrait of the bank by its
# name, and one is reached every `phrase` bars, the first where the section starts. Sections that
# sound alike have the same name. An era is a look: values for controls (`vjgan controls` lists
# them).
"""


def bars_of(analysis: Analysis, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """What is heard in each bar of a track [bars, features], and how loud it is [bars]."""
    times = STEP * np.arange(1, len(analysis.curves["level"]) + 1)
    place = np.array([grid.bar(float(time)) for time in times])
    count = max(1, math.floor(grid.bar(analysis.seconds) + 1.0 - LAST_BAR))
    which = np.clip(np.floor(place), 0, count - 1).astype(int)
    filled = np.maximum(1, np.bincount(which, minlength=count))
    columns = [np.log2(np.maximum(analysis.curves[name], LEAST)) for name in CURVES]
    columns.append(LOUDER * analysis.curves["intensity"])
    heard = [np.bincount(which, column, count) / filled for column in columns]
    for name in DRUMS:
        bars = [grid.bar(time + EARLY) for time in analysis.events[name]]
        inside = [math.floor(bar) for bar in bars if 0.0 <= bar < count]
        heard.append(np.sqrt(np.bincount(np.array(inside, int), minlength=count)))
    amplitude = 10.0 ** (analysis.curves["peak_db"] / 20.0)
    loudness = np.bincount(which, amplitude, count) / filled
    return np.stack(heard, axis=1), np.asarray(loudness)


def compose(analysis: Analysis, track: str, portraits: Sequence[Portrait] = ()) -> str:
    """The score of a track as TOML; ``track`` is what it is called there: a file beside it, or
    "demo". Where there are ``portraits`` they are the anchors: in an era those that are tagged with
    its name, if some are."""
    grid = find_grid(
        analysis.events["beats"],
        analysis.events["downbeats"],
        analysis.tempo_bpm,
        analysis.seconds,
    )
    parts = find_parts(*bars_of(analysis, grid))
    looks = _looks(parts)
    lines = [HEAD, f"track = {_quoted(track)}", f'preset = "{PRESET}"']
    lines += [f"bpm = {grid.bpm:.4f}", f"first = {grid.first:.4f}  # seconds, where bar 1 begins"]
    if grid.times:
        lines.append(f"bars = {list(grid.times)}  # seconds, where each begins: the tempo changes")
    if not analysis.tempo_bpm:
        lines.insert(1, "# No tempo was heard: bars are counted as if it were this one.")
    lines.append(f"crossfade_beats = {2 * BEATS}")
    for era in dict.fromkeys(looks.values()):
        lines += ["", f"[eras.{era}]", *(f"{name} = {value}" for name, value in ERAS[era].items())]
    for part in parts:
        lines += ["", *_section(part, looks[part.letter], track, portraits)]
    return "\n".join(lines) + "\n"


def _section(part: Part, era: str, track: str, portraits: Sequence[Portrait]) -> list[str]:
    bars = part.end - part.start
    count = max(1, round(bars / PHRASE) * (2 if part.energy >= LOUD else 1))
    while bars % count:  # arrivals fall on bars, as far apart as one another
        count -= 1
    # Parts that sound alike meet the same faces.
    chance = np.random.RandomState(zlib.crc32(f"{Path(track).name} {part.letter}".encode()))
    if portraits:
        tagged = [one.name for one in portraits if era in one.tags]
        names = tagged or [one.name for one in portraits]
        anchors = ", ".join(map(_quoted, _dealt(names, count, chance)))
    else:
        anchors = ", ".join(map(str, chance.randint(SEEDS, size=64)[:count]))
    return [
        "[[sections]]",
        f'name = "{part.letter}"',
        f"start = {part.start + 1}",
        f"end = {part.end + 1}",
        f"energy = {part.energy}",
        f'era = "{era}"',
        f"phrase = {bars // count}",
        f"anchors = [{anchors}]",
    ]


def _dealt(names: Sequence[str], count: int, chance: np.random.RandomState) -> list[str]:
    """So many of the names, shuffled, and round again where there are fewer."""
    order = chance.permutation(len(names))
    return [names[order[k % len(names)]] for k in range(count)]


def _looks(parts: list[Part]) -> dict[str, str]:
    """An era for each letter, by how loud its parts are in the mean."""
    letters = sorted({part.letter for part in parts})
    energy = {
        letter: float(np.mean([part.energy for part in parts if part.letter == letter]))
        for letter in letters
    }
    eras = list(ERAS)
    looks = {}
    for rank, letter in enumerate(sorted(letters, key=lambda one: energy[one])):
        place = rank * (len(eras) - 1) / max(1, len(letters) - 1)
        looks[letter] = eras[round(place)]
    return looks


def _quoted(text: str) -> str:
    """A string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _CONTROL.sub(lambda found: rf"\u{ord(found[0]):04x}", escaped) + '"'


def write_score(track: str, path: Path, progress: Progress, bank: Bank | None = None) -> list[str]:
    """Hear a track, write its score to a file, and say what is in it; the portraits that are kept
    in a ``bank`` are its anchors. Raises MediaError when the track cannot be read, ScoreError when
    the file is no .toml or cannot be written, BankError when no portrait is kept."""
    check_place("score", path, ".toml", ScoreError)
    portraits = [] if bank is None else kept_portraits(bank)
    sound = track_sound(track)
    with progress(int(sound.seconds), "score") as shown:
        analysis = analyse(track, sound, shown)
    name = track if track == "demo" else os.path.relpath(track, path.parent)
    text = compose(analysis, name, portraits)
    try:
        write_text(path, text)
    except OSError as error:
        raise ScoreError(f"score '{path}' cannot be written: {error.strerror}") from None
    found = tomllib.loads(text)
    parts = [
        f"  bars {one['start']}-{one['end'] - 1}: {one['name']}, {one['era']}, "
        f"{len(one['anchors'])} pictures"
        for one in found["sections"]
    ]
    tempo = f"{found['bpm']:.1f} bpm" if analysis.tempo_bpm else "no tempo was heard"
    return [f"{path}: {tempo}, {len(parts)} sections", *parts]


def kept_portraits(bank: Bank) -> list[Portrait]:
    """What is kept of the model that the score's preset is played on. Raises BankError."""
    library = make_library(live=False)
    model = library.model_of(library.preset(library.find(PRESET)))
    name = about_model(model).name
    kept = [one for one in bank.portraits() if one.verdict == "kept" and one.model == name]
    if not kept:
        raise BankError(
            f"no portrait of model '{name}' is kept in the bank {bank.folder}; "
            f"`vjgan gallery --model {model}` finds some"
        )
    return kept
