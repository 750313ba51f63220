"""A score: what is shown when in a track. TOML in, checked chapters out. It is data; nothing in it
is executed. ``vjgan score`` writes one, and people change it.

track = "song.flac"      # beside the score, or "demo"
preset = "phrases"       # whose mapping and passes are played
bpm = 124.0
first = 0.02             # where bar 1 begins, in seconds

[eras.marble]            # a look: controls
direction.marble = 1.2

[[sections]]
name = "A"
start = 1                # bars, counted from 1
end = 9
era = "marble"
anchors = [21, "nora"]   # seeds, or portraits of the bank: one is reached every `phrase` bars,
                         # the first at the start
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from vjgan.controls import Control
from vjgan.errors import BankError, PresetError, ScoreError
from vjgan.files import flat, read_toml
from vjgan.grid import Grid

MOST_SEED = 2**31 - 1
Stops = tuple[tuple[float, int | str], ...]  # bar, counted from 0, and seed or portrait's name


def _anchor(value: object) -> int | str:
    if isinstance(value, str) or (type(value) is int and 0 <= value <= MOST_SEED):
        return value
    raise PydanticCustomError(
        "anchor", f"Input should be a seed, 0 to {MOST_SEED}, or the name of a portrait"
    )


Anchor = Annotated[int | str, PlainValidator(_anchor)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SectionTable(_Table):
    """A part of the track, from the bar ``start`` to where the bar ``end`` begins."""

    start: int = Field(ge=1, le=100_000)
    end: int = Field(ge=2, le=100_000)
    anchors: tuple[Anchor, ...] = Field(min_length=1, max_length=1000)
    phrase: float = Field(default=4.0, ge=0.25, le=64)
    name: str = Field(default="", max_length=100)
    era: str = ""
    energy: float = Field(default=0.5, ge=0, le=1)
    preset: str = ""
    controls: dict[str, Any] = Field(default_factory=dict)


class ScoreTable(_Table):
    """The file as a whole."""

    track: str = Field(min_length=1)
    preset: str = Field(min_length=1)
    bpm: float = Field(ge=20, le=400)
    first: float = Field(default=0.0, ge=-60, le=36_000)
    bars: tuple[float, ...] = ()
    crossfade_beats: float = Field(default=4.0, ge=0, le=64)
    eras: dict[str, dict[str, Any]] = Field(default_factory=dict)
    sections: tuple[SectionTable, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A section at work: the preset of a file with ``values`` for some controls, from the bar
    ``start`` on, counted from 0."""

    start: float
    name: str
    preset: Path
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Score:
    """A checked score: every preset and control in it exists. ``stops`` are all anchors and when
    they are reached."""

    path: Path
    track: str  # a file, or "demo"
    grid: Grid
    crossfade_beats: float
    chapters: tuple[Chapter, ...]
    stops: Stops


def read_score(
    path: Path,
    find: Callable[[str], Path],
    controls: Callable[[Path], Mapping[str, Control]],
    find_portrait: Callable[[str], object],
) -> Score:
    """The score in a file. ``find`` gives a preset's file by name or number, ``controls`` what can
    be set in one; ``find_portrait`` finds one of the bank, or raises BankError.

    Raises ScoreError: one sentence with the file, the key, the value and what is allowed."""
    return check_score(path, read_toml(path, "score", ScoreError), find, controls, find_portrait)


def check_score(
    path: Path,
    table: Mapping[str, Any],
    find: Callable[[str], Path],
    controls: Callable[[Path], Mapping[str, Control]],
    find_portrait: Callable[[str], object],
) -> Score:
    """The same of what a score says, as if it were in a file. Raises ScoreError."""
    try:
        data = ScoreTable.model_validate(table)
    except ValidationError as error:
        raise ScoreError(f"score '{path}': {_sentence(error)}") from None
    reader = _Reader(path, data, find, controls, find_portrait)
    track = data.track if data.track == "demo" else str(path.parent / data.track)
    return Score(
        path=path,
        track=track,
        grid=Grid(data.first, data.bpm, reader.bars()),
        crossfade_beats=data.crossfade_beats,
        chapters=tuple(reader.chapters()),
        stops=tuple(reader.stops()),
    )


@dataclass(frozen=True)
class _Reader:
    """What only the tables of presets and controls know."""

    path: Path
    data: ScoreTable
    find: Callable[[str], Path]
    controls: Callable[[Path], Mapping[str, Control]]
    find_portrait: Callable[[str], object]

    def bars(self) -> tuple[float, ...]:
        times = self.data.bars
        if len(times) == 1 or any(b <= a for a, b in pairwise(times)):
            raise self.wrong("bars must be two or more seconds that rise")
        return times

    def stops(self) -> list[tuple[float, int | str]]:
        """Every anchor's bar; after the last section the picture of the beginning comes back."""
        stops: list[tuple[float, int | str]] = []
        for number, section in enumerate(self.data.sections, start=1):
            if section.end <= section.start:
                raise self.wrong(f"sections.{number}.end {section.end} must be above its start")
            if stops and section.start - 1 <= stops[-1][0]:
                raise self.wrong(
                    f"sections.{number}.start {section.start} is not after the last anchor of the "
                    f"section before, at bar {stops[-1][0] + 1:g}"
                )
            last = section.start - 1 + (len(section.anchors) - 1) * section.phrase
            if last >= section.end - 1:
                raise self.wrong(
                    f"sections.{number}.anchors: the last of {len(section.anchors)}, one every "
                    f"{section.phrase:g} bars, comes at bar {last + 1:g}, not before the end "
                    f"{section.end}"
                )
            for k, anchor in enumerate(section.anchors):
                self.check(f"sections.{number}.anchors", anchor)
                stops.append((section.start - 1 + k * section.phrase, anchor))
        return [*stops, (self.data.sections[-1].end - 1.0, stops[0][1])]

    def check(self, where: str, anchor: int | str) -> None:
        if isinstance(anchor, str):
            try:
                self.find_portrait(anchor)
            except BankError as error:
                raise self.wrong(f"{where}: {error}") from None

    def chapters(self) -> list[Chapter]:
        return [
            self.chapter(f"sections.{number}", section)
            for number, section in enumerate(self.data.sections, start=1)
        ]

    def chapter(self, where: str, section: SectionTable) -> Chapter:
        if section.era and section.era not in self.data.eras:
            known = ", ".join(self.data.eras) or "none"
            raise self.wrong(f"{where}.era '{section.era}' is unknown; there are: {known}")
        preset = self.preset(f"{where}.preset" if section.preset else "preset", section.preset)
        era = self.values(f"eras.{section.era}", self.data.eras.get(section.era, {}), preset)
        own = self.values(f"{where}.controls", section.controls, preset)
        return Chapter(section.start - 1.0, section.name, preset, era | own)

    def preset(self, where: str, name: str) -> Path:
        """A preset's file: one beside the score, or one that is known."""
        name = name or self.data.preset
        beside = self.path.parent / name
        try:
            file = beside if beside.suffix == ".toml" and beside.is_file() else self.find(name)
            self.controls(file)
        except PresetError as error:
            raise self.wrong(f"{where}: {error}") from None
        return file

    def values(self, where: str, values: Mapping[str, Any], preset: Path) -> dict[str, float]:
        table, read = self.controls(preset), {}
        for name, value in flat(values).items():
            row = table.get(name)
            if row is None:
                raise self.wrong(
                    f"{where}: '{name}' is not a control of preset '{preset.stem}'; there are: "
                    f"{', '.join(sorted(table))}"
                )
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not row.minimum <= value <= row.maximum:
                raise self.wrong(
                    f"{where}: {name} {value!r} must be a number, {row.minimum:g}..{row.maximum:g}"
                )
            read[name] = float(value)
        return read

    def wrong(self, what: str) -> ScoreError:
        return ScoreError(f"score '{self.path}': {what}")


def _sentence(error: ValidationError) -> str:
    """The first of pydantic's findings as: table and key, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        table: type[_Table] = SectionTable if first["loc"][0] == "sections" else ScoreTable
        return f"{key} is unknown; there are: {', '.join(table.model_fields)}"
    if first["type"] == "missing":
        return f"{key} is missing"
    allowed = first["msg"].replace("Input should be ", "it must be ", 1)
    return f"{key} {first['input']!r} is not allowed; {allowed}"
