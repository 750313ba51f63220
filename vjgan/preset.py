"""A preset file: TOML in, a checked Preset out. Presets are data; nothing in them is executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vjgan.bindings import Controller, read_own
from vjgan.controls import CONTROLS, LAYERS, Control
from vjgan.errors import BankError, PresetError, ShaderError, VjganError
from vjgan.files import flat, from_home, is_file, read_toml
from vjgan.gestures import MIDI_SOURCE
from vjgan.mapping import CURVES, SHAPES, SIGNALS, Lfo, Route
from vjgan.types import NO_HINT, PassWeight, TempoHint

FORMAT = 2  # of the files; one that does not say is of the first
# What a file of an older format says, in the next one's words. The first knew neither [tempo] nor
# [controllers]; all else is the same.
MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda written: {**written, "format": 2},
}
SOURCES = ("image", "video", "camera", "ndi")
RETOUCHES = ("style", "dream")

# Which there are is known to the model that will be on stage, see `Library.scene`.
DIRECTION = re.compile(r"direction\.(?=.*[^\d.])([\w-]{1,64})", re.ASCII)
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Bpm = Annotated[float, Field(ge=20, le=400)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KeyframeTable(_Table):
    """One stop of a journey: the picture of ``seed``, or a ``portrait`` of the bank by its name,
    and the bars until the next one."""

    seed: Seed | None = None
    portrait: str = ""
    bars: float = Field(default=4.0, ge=0.25, le=64)


class MotionTable(_Table):
    """How the latent moves; see ``vjgan.motion``."""

    kind: Literal["wander", "loop", "keyframes", "kin"] = "wander"
    seed: Seed = 1
    bars: int = Field(default=8, ge=1, le=64)
    anchors: int = Field(default=6, ge=3, le=64)
    keyframes: tuple[KeyframeTable, ...] = ()
    classes: tuple[Annotated[int, Field(ge=0, lt=10_000)], ...] = ()
    mix_model: str = ""  # through which the walk for style mixing goes; empty: the same


class RouteTable(_Table):
    """One patch cord; see ``vjgan.mapping``."""

    source: str
    target: str
    amount: float
    curve: Literal[*CURVES] = "linear"  # type: ignore[valid-type]
    attack: float = Field(default=0.0, ge=0, le=60)
    release: float = Field(default=0.0, ge=0, le=60)


class LfoTable(_Table):
    """One wave; see ``vjgan.mapping``."""

    shape: Literal[*SHAPES] = "sine"  # type: ignore[valid-type]
    beats: float = Field(default=16.0, ge=0.125, le=1024)
    phase: float = Field(default=0.0, ge=0, le=1)


class LayerTable(_Table):
    """A second picture, which passes may read; see ``vjgan.sources``."""

    source: str
    beats: float | None = Field(default=None, ge=0.25, le=1024)


class TempoTable(_Table):
    """What is known of the tempo, in bpm; see ``TempoHint``."""

    bpm: Bpm | None = None
    slowest: Bpm | None = None
    fastest: Bpm | None = None


class PresetTable(_Table):
    """The file as a whole."""

    format: Literal[2] = 2
    name: str = ""
    description: str = ""
    model: str = ""
    crossfade_beats: float = Field(default=8.0, ge=0, le=256)
    passes: tuple[str, ...] = ()
    motion: MotionTable = MotionTable()
    controls: dict[str, Any] = Field(default_factory=dict)
    routes: tuple[RouteTable, ...] = ()
    lfo: dict[str, LfoTable] = Field(default_factory=dict)
    layers: dict[str, LayerTable] = Field(default_factory=dict)
    retouch: tuple[str, ...] = ()
    tempo: TempoTable = TempoTable()
    controllers: dict[str, Any] = Field(default_factory=dict)  # see ``vjgan.bindings``


@dataclass(frozen=True)
class RetouchRow:
    """What draws the model's pictures anew: ``kind`` "style" or "dream", and ``place``, a file, a
    name or nothing."""

    kind: str
    place: str = ""


@dataclass(frozen=True)
class Layer:
    """A checked layer: ``kind`` of ``SOURCES``, ``place`` a file, or the name of what is live."""

    name: str
    kind: str
    place: str
    beats: float | None = None


@dataclass(frozen=True)
class Preset:
    """A checked preset: every name in it exists and every value is in range."""

    key: str  # the file's name without .toml, such as 03-tide
    name: str
    description: str
    model: str  # empty: whatever is loaded
    crossfade_beats: float
    passes: tuple[PassWeight, ...]
    motion: MotionTable
    values: Mapping[str, float]
    routes: tuple[Route, ...]
    lfos: Mapping[str, Lfo]
    table: Mapping[str, Control]
    layers: tuple[Layer, ...] = ()
    retouch: tuple[RetouchRow, ...] = ()
    hint: TempoHint = NO_HINT
    controllers: tuple[Controller, ...] = ()  # that go before the rig's

    @property
    def steers(self) -> set[str]:
        """The controls that it sets or routes to."""
        return {*self.values, *(route.target for route in self.routes)}


# What opens the pass that is a file of its own: its path as written and the preset's folder in, the
# pass and its controls out.
OpenPass = Callable[[str, Path], tuple[PassWeight, Mapping[str, Control]]]
ISF = "isf:"
# What finds a portrait of the bank by its name; raises BankError.
FindPortrait = Callable[[str], object]


def load_preset(
    path: Path,
    passes: Mapping[str, Mapping[str, Control]],
    fixed: Collection[str] = (),
    open_pass: OpenPass | None = None,
    find_portrait: FindPortrait | None = None,
) -> Preset:
    """The preset in a file. ``passes`` are the shader passes that exist, with their controls; those
    in ``fixed`` are always drawn, so that presets steer but do not name them; ``open_pass`` opens
    those that are files of their own, ``find_portrait`` looks for those that it names.

    Raises PresetError: one sentence with the file, the key, the value and what is allowed."""
    key = path.stem
    table = {**CONTROLS, **{name: row for rows in passes.values() for name, row in rows.items()}}
    try:
        data = PresetTable.model_validate(_current(path, read_toml(path, "preset", PresetError)))
    except ValidationError as error:
        raise PresetError(f"preset '{key}' ({path}): {_sentence(error)}") from None
    values = flat(data.controls)
    opened = _opened(path, data, open_pass) if open_pass is not None else {}
    table |= {name: row for _, rows in opened.values() for name, row in rows.items()}
    table |= {
        name: replace(CONTROLS["direction.1"], name=name)
        for name in (*values, *(route.target for route in data.routes))
        if DIRECTION.fullmatch(name) and name not in table
    }
    free = {name: rows for name, rows in passes.items() if name not in fixed} | opened
    layers = tuple(_layer(name, layer, path.parent) for name, layer in data.layers.items())
    retouch = tuple(_retouch(row, path.parent) for row in data.retouch)
    for problem in (
        *_problems(data, values, free, table),
        *_layer_problems(layers),
        *_retouch_problems(retouch),
        *_keyframe_problems(data.motion.keyframes, find_portrait),
    ):
        raise PresetError(f"preset '{key}' ({path}): {problem}")
    return Preset(
        key=key,
        name=data.name or key,
        description=data.description,
        model=data.model,
        crossfade_beats=data.crossfade_beats,
        passes=tuple(opened[n][0] if n in opened else PassWeight(n) for n in data.passes),
        motion=data.motion,
        values={name: float(value) for name, value in values.items()},
        routes=tuple(Route(**route.model_dump()) for route in data.routes),
        lfos={name: Lfo(**lfo.model_dump()) for name, lfo in data.lfo.items()},
        table=table,
        layers=layers,
        retouch=retouch,
        hint=TempoHint(**{key: bpm or 0.0 for key, bpm in data.tempo.model_dump().items()}),
        controllers=_controllers(path, data, table),
    )


def _controllers(
    path: Path, data: PresetTable, table: Mapping[str, Control]
) -> tuple[Controller, ...]:
    """Bindings of its own. Raises PresetError."""
    try:
        return tuple(read_own(f"preset '{path.stem}' ({path})", data.controllers, table))
    except VjganError as error:
        raise PresetError(str(error)) from None


def _opened(
    path: Path, data: PresetTable, open_pass: OpenPass
) -> dict[str, tuple[PassWeight, Mapping[str, Control]]]:
    """The passes that are files of their own, as the preset writes them. Raises PresetError."""
    opened: dict[str, tuple[PassWeight, Mapping[str, Control]]] = {}
    for name in data.passes:
        if name.startswith(ISF):
            try:
                opened[name] = open_pass(name.removeprefix(ISF), path.parent)
            except ShaderError as error:
                raise PresetError(f"preset '{path.stem}' ({path}): {error}") from None
    known: dict[str, PassWeight] = {}
    for row, _ in opened.values():
        if known.setdefault(row.name, row).source != row.source:
            raise PresetError(
                f"preset '{path.stem}' ({path}): passes '{known[row.name].source}' and "
                f"'{row.source}' would both be called {row.name}; rename one"
            )
    return opened


def _current(path: Path, written: dict[str, Any]) -> dict[str, Any]:
    """What a file says, as of the format of today. Raises PresetError for a later one."""
    version = written.get("format", 1)
    if isinstance(version, int) and version > FORMAT:
        raise PresetError(
            f"preset '{path.stem}' ({path}): format {version} is of a later vjgan; "
            f"this one reads 1 to {FORMAT}"
        )
    while isinstance(version, int) and version in MIGRATIONS:
        written, version = MIGRATIONS[version](written), version + 1
    return written


def _layer(name: str, table: LayerTable, folder: Path) -> Layer:
    kind, _, place = table.source.partition(":")
    if kind in ("image", "video") and place:
        place = str(folder / from_home(place))
    return Layer(name, kind, place, table.beats)


def _layer_problems(layers: Sequence[Layer]) -> Iterable[str]:
    if len(layers) > len(LAYERS):
        yield f"layers has {len(layers)} entries; at most {len(LAYERS)} are allowed"
    for one in layers:
        if one.kind not in SOURCES or not one.place:
            yield (
                f"layers.{one.name}.source must be image:PATH, video:PATH, camera:NAME or "
                f"ndi:NAME, not '{one.kind}{':' * bool(one.place)}{one.place}'"
            )
        elif one.kind in ("image", "video") and not is_file(Path(one.place)):
            yield f"layers.{one.name}.source: there is no file '{one.place}'"
        elif one.beats is not None and one.kind != "video":
            yield f"layers.{one.name}.beats is for videos, not for '{one.kind}:'"


def _retouch(written: str, folder: Path) -> RetouchRow:
    kind, _, place = written.partition(":")
    if is_file_name(place):
        place = str(folder / from_home(place))
    return RetouchRow(kind, place)


def is_file_name(place: str) -> bool:
    """Whether what stands behind ``style:`` is a file rather than a name; a choice of its styles,
    such as ``#3,7``, may follow."""
    place = place.partition("#")[0]
    return "/" in place or place.endswith(".onnx")


def _retouch_problems(retouch: Sequence[RetouchRow]) -> Iterable[str]:
    for row in retouch:
        if row.kind not in RETOUCHES:
            allowed = ", ".join(f"{kind}, {kind}:NAME" for kind in RETOUCHES)
            yield f"retouch '{row.kind}' is unknown; there are: {allowed}, style:PATH"
        elif is_file_name(row.place) and not is_file(Path(file := row.place.partition("#")[0])):
            yield f"retouch '{row.kind}:': there is no file '{file}'"
    if len([row for row in retouch if row.kind == "dream"]) > 1:
        yield "retouch 'dream' is there twice; it dreams only once"


def _keyframe_problems(
    keyframes: Sequence[KeyframeTable], find: FindPortrait | None
) -> Iterable[str]:
    for number, one in enumerate(keyframes, start=1):
        where = f"motion.keyframes.{number}"
        if (one.seed is None) == (not one.portrait):
            yield f"{where} needs a seed or a portrait, and not both"
        elif one.portrait and find is not None:
            try:
                find(one.portrait)
            except BankError as error:
                yield f"{where}: {error}"


def find_presets(*folders: Path) -> list[Path]:
    """The preset files of folders, one folder after the other, in the order of their names: number
    N is the Nth of them."""
    return [
        path
        for folder in folders
        for path in sorted(path for path in folder.glob("*.toml") if path.is_file())
    ]


def find_preset(name: str, *folders: Path) -> Path:
    """A preset by path, by name (``03-tide``, ``tide``) or by number, counted from 1."""
    path = Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise PresetError(f"preset '{name}': no such file")
    known = find_presets(*folders)
    for candidate in known:
        if name in (candidate.stem, re.sub(r"^\d+-", "", candidate.stem)):
            return candidate
    if name.isdecimal() and 1 <= int(name) <= len(known):
        return known[int(name) - 1]
    listed = ", ".join(path.stem for path in known) or f"none in {folders[0]}"
    raise PresetError(f"preset '{name}' is unknown; there are: {listed}")


def _problems(
    data: PresetTable,
    values: Mapping[str, Any],
    passes: Mapping[str, object],
    table: Mapping[str, Control],
) -> Iterable[str]:
    """What is wrong with the names and ranges that only the tables know, worst first."""
    for name in data.passes:
        if name not in passes:
            yield f"passes '{name}' is unknown; there are: {', '.join(sorted(passes))}"
    for name, value in values.items():
        yield from _control_problems(name, value, table)
    for index, route in enumerate(data.routes, start=1):
        if not _is_source(route.source, data.lfo):
            yield (
                f"route {index}: source '{route.source}' is unknown; there are: "
                f"{', '.join(SIGNALS)}, lfo.NAME, midi.ccN, midi.noteN, midi.pitch"
            )
        if route.target not in table:
            yield f"route {index}: target '{route.target}' is unknown; {_known(table)}"
    slowest, fastest = data.tempo.slowest, data.tempo.fastest
    if slowest and fastest and slowest >= fastest:
        yield f"tempo.slowest {slowest:g} must be below fastest, {fastest:g}"
    if data.motion.kind == "keyframes" and len(data.motion.keyframes) < 2:
        yield f"motion.keyframes has {len(data.motion.keyframes)} entries; at least 2 are needed"


def _control_problems(name: str, value: object, table: Mapping[str, Control]) -> Iterable[str]:
    if name not in table:
        yield f"controls.{name} is unknown; {_known(table)}"
        return
    row = table[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"controls.{name} must be a number, not {value!r}"
    elif not row.minimum <= value <= row.maximum:
        yield f"controls.{name} {value} is outside {row.minimum:g}..{row.maximum:g}"


def _known(table: Mapping[str, Control]) -> str:
    return f"there are: {', '.join(sorted(table))}"


def _is_source(name: str, lfos: Mapping[str, object]) -> bool:
    kind, _, rest = name.partition(".")
    if kind == "lfo":
        return rest in lfos
    if kind == "midi":
        return MIDI_SOURCE.fullmatch(rest) is not None
    return name in SIGNALS


def _sentence(error: ValidationError) -> str:
    """The first of pydantic's findings as: key, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key} is unknown; there are: {', '.join(_fields(first['loc']))}"
    if first["type"] == "missing":
        return f"{key} is missing"
    allowed = first["msg"].removeprefix("Input should be ")
    return f"{key} {first['input']!r} is not allowed; it must be {allowed}"


def _fields(location: tuple[int | str, ...]) -> Iterable[str]:
    """The keys that the table at a location may have."""
    if "keyframes" in location[:-1]:
        return KeyframeTable.model_fields
    tables: dict[str, type[_Table]] = {"motion": MotionTable, "routes": RouteTable, "lfo": LfoTable,
                                      "layers": LayerTable, "tempo": TempoTable}  # fmt: skip
    table = tables.get(str(location[0])) if len(location) > 1 else None
    return (table or PresetTable).model_fields
