"""Controllers by their own names: which knob sets which control, and which button does what.

In the rig's file, by a part of the port's name:

    [controllers.nanoKONTROL2]
    map = "nanokontrol2"          # one of vjgan/maps, if there is one
    takeover = "scale"            # or "pickup", or "jump" for motor faders
    [controllers.nanoKONTROL2.controls]
    cc0 = "speed"
    cc16 = { control = "hue", low = 90, high = -90, curve = "smooth" }
    note36 = { control = "flash.amount", mode = "momentary" }
    [controllers.nanoKONTROL2.commands]
    cc41 = "go"
    [controllers.nanoKONTROL2.banks.inside]
    button = "cc46"
    controls = { cc0 = "bend.turn" }
    [controllers.nanoKONTROL2.feedback]
    cc41 = {}

A binding sets a control's own value, as a fader of the page does. What they do is in
``vjgan.bound``, what is sent back in ``vjgan.feedback``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vjgan.controls import Control
from vjgan.errors import VjganError
from vjgan.files import read_toml
from vjgan.gestures import BUTTON, MIDI_SOURCE, read_buttons, read_command
from vjgan.mapping import CURVES
from vjgan.types import Command

MAPS = Path(__file__).parent / "maps"
ONE_SHOT_SECONDS = 0.5
BISECTIONS = 20  # a millionth of a knob's way
LEVEL = -1  # in a lamp's message

Mode = Literal[
    "knob", "momentary", "latch", "one-shot", "toggle",
    "relative-complement", "relative-offset", "relative-sign",
]  # fmt: skip
Takeover = Literal["pickup", "scale", "jump"]
SHOWS = ("beat", "bar")  # lamps may show these besides commands; ``bank NAME`` too
_TABLE = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
_MESSAGE = re.compile(r"(?:[0-9a-fA-F]{2} +)+vv(?: +[0-9a-fA-F]{2})*")


class BindingTable(BaseModel):
    """One knob or button; ``low`` and ``high`` are the control's values at its ends."""

    model_config = _TABLE
    control: str
    low: float | None = None
    high: float | None = None
    curve: Literal[*CURVES] = "linear"  # type: ignore[valid-type]
    mode: Mode | None = None  # a pad's is momentary
    seconds: float = Field(default=ONE_SHOT_SECONDS, gt=0.0, le=3600.0)  # of a one-shot


class LampTable(BaseModel):
    """A lamp, ring or motor fader: what is sent to it."""

    model_config = _TABLE
    of: str = ""  # what it shows; as it stands, what the knob or button of that number is bound to
    levels: list[Annotated[int, Field(ge=0, le=127)]] = Field(default_factory=list, max_length=128)
    message: str = ""


class BankTable(BaseModel):
    """What knobs do while ``button`` is held, or after it was pressed."""

    model_config = _TABLE
    button: str
    hold: bool = False
    controls: dict[str, str | BindingTable] = Field(default_factory=dict)
    commands: dict[str, str] = Field(default_factory=dict)


class OwnTable(BaseModel):
    """What a preset has for one controller."""

    model_config = _TABLE
    takeover: Takeover | None = None
    controls: dict[str, str | BindingTable] = Field(default_factory=dict)
    commands: dict[str, str] = Field(default_factory=dict)


class ControllerTable(OwnTable):
    """One controller."""

    map: str = ""
    banks: dict[str, BankTable] = Field(default_factory=dict)
    feedback: dict[str, str | LampTable] = Field(default_factory=dict)


Table = TypeVar("Table", bound=OwnTable)


@dataclass(frozen=True)
class Binding:
    """A checked binding of a control, within ``low``..``high``; ``low`` may be the larger."""

    control: str
    low: float
    high: float
    curve: str = "linear"
    mode: str = "knob"
    seconds: float = ONE_SHOT_SECONDS

    def value(self, x: float) -> float:
        """The control's value where the knob stands at ``x`` 0..1."""
        return self.low + (self.high - self.low) * CURVES[self.curve](x)

    def position(self, value: float) -> float:
        """Where a knob stands, 0..1, that has set the control to ``value``, or the nearer end."""
        if self.low == self.high:
            return 0.0
        wanted = (value - self.low) / (self.high - self.low)
        curve = CURVES[self.curve]
        falls = curve(1.0) < curve(0.0)
        left, right = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = 0.5 * (left + right)
            if (curve(middle) < wanted) != falls:
                left = middle
            else:
                right = middle
        return 0.5 * (left + right)


@dataclass(frozen=True)
class Lamp:
    """What is sent to a lamp, ring or fader of ``source``, and what it shows: a command's state, a
    control, "beat", "bar", "bank NAME", or as it stands empty, what its own source is bound to."""

    source: str
    channel: int = 1
    of: str = ""
    levels: tuple[int, ...] = ()
    message: tuple[int, ...] = ()  # the level stands where LEVEL does

    @property
    def is_lamp(self) -> bool:
        """Whether it is dark at 0, and not a fader that stands there."""
        return bool(self.levels or self.message) or self.source.startswith("note")

    def messages(self, x: float) -> list[list[int]]:
        """The MIDI messages by which it shows ``x`` 0..1."""
        level = round(127 * x)
        if self.levels:
            level = self.levels[round(x * (len(self.levels) - 1))]
        if self.message:
            return [[level if byte == LEVEL else byte for byte in self.message]]
        status, wide = self.channel - 1, round(16383 * x)
        if self.source == "pitch":
            return [[0xE0 | status, wide & 127, wide >> 7]]
        kind, number = re.split(r"(?=\d)", self.source, maxsplit=1)
        if kind == "fine":
            pair = (int(number), wide >> 7), (int(number) + 32, wide & 127)
            return [[0xB0 | status, *half] for half in pair]
        return [[(0x90 if kind == "note" else 0xB0) | status, int(number), level]]


@dataclass(frozen=True)
class Bank:
    """What a controller does while a bank of it is chosen: its own, and what it leaves as it is."""

    button: str
    hold: bool
    controls: Mapping[str, Binding]
    commands: Mapping[str, Command]


@dataclass(frozen=True)
class Controller:
    """What the sources of a port do whose name contains ``name``; all ports' does an empty one."""

    name: str
    controls: Mapping[str, Binding]
    commands: Mapping[str, Command]
    takeover: str = "pickup"  # of a preset's, empty: as the rig has it
    banks: Mapping[str, Bank] = field(default_factory=dict)
    lamps: Mapping[str, Lamp] = field(default_factory=dict)

    def plays(self, port: str) -> bool:
        """Whether a port is of this controller."""
        return self.name.lower() in port.lower()

    def says(self, here: str, source: str) -> bool:
        """Whether it has something for a source, ``here`` with its channel."""
        return any(key in rows for rows in (self.controls, self.commands) for key in (here, source))


def read_controllers(
    where: str,
    tables: Mapping[str, Any],
    controls: Mapping[str, Control],
) -> list[Controller]:
    """The controllers of a rig. ``where`` is its file, ``controls`` are those known.

    Raises VjganError: one sentence with the file, the table, the key, the value and what is
    allowed."""
    read = []
    for name, table in tables.items():
        place = f"{where}: controllers.{name}"
        own, ready = _table(place, table, ControllerTable), ControllerTable()
        if own.map:
            ready = _table(f"map '{own.map}'", _map(place, own.map), ControllerTable)
        bound, words = _over(ready, own)
        banks = {
            key: _bank(f"{place}.banks.{key}", bound, words, bank, controls)
            for key, bank in {**ready.banks, **own.banks}.items()
        }
        rows = {**ready.feedback, **own.feedback}
        read.append(
            Controller(
                name,
                _bindings(place, bound, controls),
                read_buttons(f"{place}.commands", words),
                own.takeover or ready.takeover or "pickup",
                banks,
                {key: _lamp(place, key, row, controls, banks) for key, row in rows.items()},
            )
        )
    return read


def read_own(
    where: str, tables: Mapping[str, Any], controls: Mapping[str, Control]
) -> list[Controller]:
    """What a preset, which is ``where``, has for controllers: it goes before what the rig says of
    the same sources. Without a ``takeover`` of its own it is the rig's.

    Raises VjganError, as `read_controllers` does."""
    read = []
    for name, written in tables.items():
        place = f"{where}: controllers.{name}"
        table = _table(place, written, OwnTable)
        bound = _bindings(place, table.controls, controls)
        words = read_buttons(f"{place}.commands", table.commands)
        read.append(Controller(name, bound, words, table.takeover or ""))
    return read


def map_names() -> list[str]:
    """The controllers for which a map is ready."""
    return sorted(path.stem for path in MAPS.glob("*.toml"))


def _map(place: str, name: str) -> Mapping[str, Any]:
    if name not in map_names():
        raise VjganError(f"{place}.map '{name}' is unknown; there are: {', '.join(map_names())}")
    return read_toml(MAPS / f"{name}.toml", "map")


def _table(place: str, table: object, kind: type[Table]) -> Table:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = max(error.errors(include_url=False), key=lambda one: len(one["loc"]))
        shapes = ("BindingTable", "LampTable", "str")
        key = ".".join(map(str, (place, *(k for k in first["loc"] if k not in shapes))))
        raise VjganError(f"{key} {first['input']!r}: {first['msg']}") from None


def _over(
    below: ControllerTable | BankTable, above: ControllerTable | BankTable
) -> tuple[dict[str, str | BindingTable], dict[str, str]]:
    """The controls and commands of two tables; what the one above says of a source, of whatever
    channel, is all that is said of it."""
    said = {_bare(source) for source in (*above.controls, *above.commands)}
    controls = {key: row for key, row in below.controls.items() if _bare(key) not in said}
    commands = {key: row for key, row in below.commands.items() if _bare(key) not in said}
    return controls | above.controls, commands | above.commands


def _bare(source: str) -> str:
    return source.rpartition(".")[2]


def _bank(
    place: str,
    bound: Mapping[str, str | BindingTable],
    words: Mapping[str, str],
    table: BankTable,
    controls: Mapping[str, Control],
) -> Bank:
    if not BUTTON.fullmatch(table.button):
        raise VjganError(f"{place}.button '{table.button}' is not ccN, noteN or CHANNEL.noteN")
    base = ControllerTable(controls=dict(bound), commands=dict(words))
    bound, words = _over(base, table)
    return Bank(
        table.button,
        table.hold,
        _bindings(place, bound, controls),
        read_buttons(f"{place}.commands", words),
    )


def _bindings(
    place: str, rows: Mapping[str, str | BindingTable], controls: Mapping[str, Control]
) -> dict[str, Binding]:
    return {
        source: _binding(f"{place}.controls.{source}", source, row, controls)
        for source, row in rows.items()
    }


def _binding(
    place: str, source: str, row: str | BindingTable, controls: Mapping[str, Control]
) -> Binding:
    if not MIDI_SOURCE.fullmatch(source):
        raise VjganError(
            f"{place} is not ccN, noteN, pitch, fineN, nrpnN, touch, touchN, or one of a channel "
            "such as 10.cc1"
        )
    table = BindingTable(control=row) if isinstance(row, str) else row
    known = controls.get(table.control)
    if known is None:
        raise VjganError(
            f"{place} '{table.control}' is not a control; there are: {', '.join(controls)}"
        )
    low = known.minimum if table.low is None else table.low
    high = known.maximum if table.high is None else table.high
    for key, value in (("low", low), ("high", high)):
        if not known.minimum <= value <= known.maximum:
            raise VjganError(
                f"{place}.{key} {value:g} is outside {known.minimum:g}..{known.maximum:g}"
            )
    mode = table.mode or ("momentary" if _bare(source).startswith("note") else "knob")
    return Binding(table.control, low, high, table.curve, mode, table.seconds)


def _lamp(
    place: str,
    key: str,
    row: str | LampTable,
    controls: Mapping[str, Control],
    banks: Mapping[str, Bank],
) -> Lamp:
    place = f"{place}.feedback.{key}"
    table = LampTable(of=row) if isinstance(row, str) else row
    source = _bare(key)
    if not MIDI_SOURCE.fullmatch(key) or source.startswith(("nrpn", "touch")):
        raise VjganError(f"{place} is not ccN, noteN, pitch, fineN, or one of a channel")
    kind, _, name = table.of.partition(" ")
    is_bank = kind == "bank" and name in banks
    if table.of and not is_bank and table.of not in SHOWS and table.of not in controls:
        try:
            read_command(table.of)
        except ValueError:
            raise VjganError(
                f"{place}.of '{table.of}' is not a command such as 'preset 1', a control, "
                f"{', '.join(SHOWS)} or 'bank NAME'"
            ) from None
    channel = int(key.partition(".")[0]) if "." in key else 1
    return Lamp(source, channel, table.of, tuple(table.levels), _bytes(place, table.message))


def _bytes(place: str, text: str) -> tuple[int, ...]:
    """A MIDI message written in hexadecimal, with LEVEL where ``vv`` stands."""
    if not text:
        return ()
    if _MESSAGE.fullmatch(text):
        read = tuple(LEVEL if word == "vv" else int(word, 16) for word in text.split())
        inner = read[1:-1] if read[0] == 0xF0 else read[1:]
        ends = read[-1] == 0xF7 if read[0] == 0xF0 else 0x80 <= read[0] < 0xF0 and len(read) <= 3
        if ends and all(byte < 0x80 for byte in inner):
            return read
    raise VjganError(
        f"{place}.message '{text}' is not a MIDI message in hexadecimal with vv for the level, "
        "such as '96 38 vv'"
    )
