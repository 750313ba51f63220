"""A set list: TOML in, the checked tracks of a night out. It is data; nothing in it is executed.

name = "Friday"
quantise = "bar"      # when a track enters: now, beat, bar, 4 bars or 16 bars

[[tracks]]
title = "Opening"
preset = "tide"       # a name, a number or a file beside the set list
bpm = 122             # a hint to the beat clock
file = "opening.flac" # as `vjgan learn` was given it: it comes in when it is heard
[[tracks.cues]]
bar = 17              # or seconds, since the track came in
set = { bloom.amount = 0.8 }   # or preset = "mandala", or command = "strobe_kill"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vjgan.controls import Control
from vjgan.errors import PresetError, SetlistError
from vjgan.files import flat, read_toml
from vjgan.gestures import read_command
from vjgan.types import Command, Event, Setting

UNITS = ("now", "beat", "bar", "4 bars", "16 bars")  # at the next of which a scene enters
Unit = Literal["now", "beat", "bar", "4 bars", "16 bars"]
_TRACKS = re.compile(r"^\s*(\[\[\s*tracks\s*\]\]|tracks\s*=)", re.MULTILINE)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CueTable(_Table):
    """Something to do at a place of a track: ``bar`` 1 is the one in which it came in."""

    bar: float | None = Field(default=None, ge=1, le=10_000)
    seconds: float | None = Field(default=None, ge=0, le=36_000)
    preset: str = ""
    command: str = ""
    set: dict[str, Any] = Field(default_factory=dict)


class TrackTable(_Table):
    """One track."""

    title: str = Field(min_length=1, max_length=200)
    preset: str = Field(min_length=1)
    bpm: float | None = Field(default=None, ge=30, le=300)
    notes: str = Field(default="", max_length=2000)
    quantise: Unit | None = None
    file: str = ""
    cues: tuple[CueTable, ...] = ()


class SetlistTable(_Table):
    """The file as a whole."""

    name: str = ""
    quantise: Unit = "bar"
    tracks: tuple[TrackTable, ...]


@dataclass(frozen=True)
class Cue:
    """What is done ``at`` a place, in bars counted from 1 or in seconds from 0: a preset is
    faded to, or gestures are made."""

    at: float
    in_bars: bool
    preset: Path | None = None
    events: tuple[Event, ...] = ()

    def missed(self, since: float) -> bool:
        """Whether it is to be done late, where the preset of ``since`` seconds is on stage: a
        toggle would do harm by then."""
        if self.preset is not None:
            return self.at > since
        return self.at >= since and all(isinstance(event, Setting) for event in self.events)


@dataclass(frozen=True)
class Track:
    """A checked track; ``bpm`` is 0 where it is not known, ``quantise`` one of UNITS; ``file`` is
    the name of its sound file, by which it is recognised, empty if it is not."""

    title: str
    preset: Path
    bpm: float = 0.0
    notes: str = ""
    quantise: str = "bar"
    cues: tuple[Cue, ...] = ()
    file: str = ""

    def at(self, place: float) -> tuple[Path, float]:
        """Which preset belongs at so many seconds into the track, and since when."""
        past = [cue for cue in self.cues if not cue.in_bars and cue.at <= place]
        presets = [(cue.preset, cue.at) for cue in past if cue.preset is not None]
        return max(presets, key=lambda row: row[1], default=(self.preset, 0.0))

    def left(self, since: float, place: float) -> list[Cue]:
        """What is still to be done at ``place``, where the preset of ``since`` is on stage, both in
        seconds: what comes later, and of what was missed all but commands."""
        return [cue for cue in self.cues if cue.in_bars or cue.at > place or cue.missed(since)]

    def presets(self) -> list[Path]:
        """Its preset and those of its cues, each once."""
        return list(dict.fromkeys([self.preset, *(cue.preset for cue in self.cues if cue.preset)]))


@dataclass(frozen=True)
class Setlist:
    """A checked set list: every preset, command and control in it exists."""

    path: Path
    name: str
    tracks: tuple[Track, ...]

    def files(self) -> list[str]:
        """The names of the sound files in it, each once."""
        return list(dict.fromkeys(track.file for track in self.tracks if track.file))

    def presets(self) -> list[Path]:
        """All preset files in it, each once, in the order of the night."""
        return list(dict.fromkeys(path for track in self.tracks for path in track.presets()))


def read_setlist(
    path: Path,
    find: Callable[[str], Path],
    controls: Callable[[Path], Mapping[str, Control]],
) -> Setlist:
    """The set list in a file. ``find`` gives a preset's file by its name, ``controls`` the table of
    what a preset's file may steer, both raising PresetError.

    Raises SetlistError: one sentence with the file, the table, the key, the value and what is
    allowed."""
    try:
        data = SetlistTable.model_validate(read_toml(path, "setlist", SetlistError))
    except ValidationError as error:
        raise SetlistError(f"setlist '{path}': {_sentence(error)}") from None
    if not data.tracks:
        raise SetlistError(f"setlist '{path}': tracks is empty; one is the least")
    reader = _Reader(path, find, controls)
    tracks = tuple(
        reader.track(f"tracks.{number}", table, data.quantise)
        for number, table in enumerate(data.tracks, start=1)
    )
    return Setlist(path, data.name or path.stem, tracks)


def is_setlist(path: Path) -> bool:
    """Whether a file looks like a set list, rather than a preset."""
    try:
        text = path.read_text("utf-8-sig", errors="replace") if path.suffix == ".toml" else ""
        return bool(_TRACKS.search(text))
    except OSError:
        return False


def named_presets(path: Path) -> list[str]:
    """The presets that a set list names, each once, as far as it can be understood."""
    try:
        data = SetlistTable.model_validate(read_toml(path, "setlist", SetlistError))
    except (SetlistError, ValidationError):
        return []
    names = [name for track in data.tracks for name in (track.preset, *_called(track))]
    return list(dict.fromkeys(str(_beside(path, name) or name) for name in names))


def _called(track: TrackTable) -> list[str]:
    return [cue.preset for cue in track.cues if cue.preset]


def _beside(path: Path, name: str) -> Path | None:
    """The preset's file of that name beside the set list, if there is one."""
    beside = path.parent / name
    return beside if beside.suffix == ".toml" and beside.is_file() else None


def check_unit(option: str, unit: str) -> None:
    """Raise SetlistError, naming what is allowed, when ``unit`` is none of UNITS."""
    if unit not in UNITS:
        raise SetlistError(f"{option} '{unit}' is not one of: {', '.join(UNITS)}")


@dataclass(frozen=True)
class _Reader:
    """What only the tables of presets, controls and commands know."""

    path: Path
    find: Callable[[str], Path]
    controls: Callable[[Path], Mapping[str, Control]]

    def track(self, where: str, table: TrackTable, quantise: str) -> Track:
        preset = self.preset(where, table.preset)
        cues, on_stage = [], preset
        numbered = [(f"{where}.cues.{n}", cue) for n, cue in enumerate(table.cues, start=1)]
        for place, cue in numbered:
            cues.append(self.cue(place, cue, on_stage))
            on_stage = cues[-1].preset or on_stage
        unit = table.quantise or quantise
        file = Path(table.file).name
        return Track(table.title, preset, table.bpm or 0.0, table.notes, unit, tuple(cues), file)

    def cue(self, where: str, table: CueTable, on_stage: Path) -> Cue:
        if (table.bar is None) == (table.seconds is None):
            raise self.wrong(f"{where} must have either bar or seconds")
        if sum(map(bool, (table.preset, table.command, table.set))) != 1:
            raise self.wrong(f"{where} must have one of preset, command and set")
        in_bars = table.bar is not None
        at = table.bar if table.bar is not None else table.seconds or 0.0
        if table.preset:
            return Cue(at, in_bars, self.preset(where, table.preset))
        if table.command:
            return Cue(at, in_bars, events=(self.command(where, table.command),))
        return Cue(at, in_bars, events=tuple(self.settings(where, table.set, on_stage)))

    def preset(self, where: str, name: str) -> Path:
        """A preset's file: one beside the set list, or one that is known."""
        try:
            file = _beside(self.path, name) or self.find(name)
            self.controls(file)
        except PresetError as error:
            raise self.wrong(f"{where}.preset: {error}") from None
        return file

    def command(self, where: str, words: str) -> Command:
        try:
            return read_command(words)
        except ValueError as reason:
            raise self.wrong(f"{where}.command {reason}") from None

    def settings(self, where: str, values: Mapping[str, Any], preset: Path) -> Iterator[Setting]:
        table = self.controls(preset)
        for name, value in flat(values).items():
            if name not in table:
                raise self.wrong(
                    f"{where}.set: '{name}' is not a control; there are: {', '.join(table)}"
                )
            row = table[name]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not row.minimum <= value <= row.maximum:
                raise self.wrong(
                    f"{where}.set: {name} {value!r} must be a number, "
                    f"{row.minimum:g}..{row.maximum:g}"
                )
            yield Setting(name, float(value))

    def wrong(self, what: str) -> SetlistError:
        return SetlistError(f"setlist '{self.path}': {what}")


def _sentence(error: ValidationError) -> str:
    """The first of pydantic's findings as: table and key, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    place = first["loc"]
    key = ".".join(str(part + 1 if isinstance(part, int) else part) for part in place)
    if first["type"] == "extra_forbidden":
        tables: dict[int, type[_Table]] = {1: SetlistTable, 3: TrackTable}
        table = tables.get(len(place), CueTable)
        return f"{key} is unknown; there are: {', '.join(table.model_fields)}"
    if first["type"] == "missing":
        return f"{key} is missing"
    told = first["msg"]
    allowed = told.replace("Input should be ", "it must be ", 1).replace("String", "it", 1)
    return f"{key} {first['input']!r} is not allowed; {allowed}"
