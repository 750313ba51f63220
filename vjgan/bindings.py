"""Controllers by their own names: which knob sets which control, and which button does what.

In the rig's file, by a part of the port's name:

    [controllers.nanoKONTROL2]
    map = "nanokontrol2"          # one of vjgan/maps, if there is one
    [controllers.nanoKONTROL2.controls]
    cc0 = "speed"
    cc16 = { control = "hue", low = 90, high = -90, curve = "smooth" }
    note36 = { control = "flash.amount", mode = "momentary" }
    [controllers.nanoKONTROL2.commands]
    cc41 = "go"

A binding sets a control's own value, as a fader of the page does. Soft takeover: a knob that stands
elsewhere than its control, since the preset or another hand has changed it, does nothing until it
passes the control's value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vjgan.controls import Control
from vjgan.errors import VjganError
from vjgan.files import read_toml
from vjgan.gestures import MIDI_SOURCE, PRESSED, read_buttons
from vjgan.mapping import CURVES
from vjgan.standing import Standing
from vjgan.types import Command, ControlEvent, Event, Hands, Setting

MAPS = Path(__file__).parent / "maps"
NEAR = 0.03  # share of the range within which a knob is where its control is
TURN = 128  # steps of a relative encoder through the whole range
Mode = Literal[
    "knob", "momentary", "toggle", "relative-complement", "relative-offset", "relative-sign"
]
# How far an encoder was turned, from the 7 bits that it sends: two's complement, an offset of 64,
# or a sign in the highest bit and the steps below.
_STEPS: dict[str, Callable[[int], int]] = {
    "relative-complement": lambda raw: raw if raw < 64 else raw - 128,
    "relative-offset": lambda raw: raw - 64,
    "relative-sign": lambda raw: raw if raw < 64 else 64 - raw,
}


class BindingTable(BaseModel):
    """One knob or button; ``low`` and ``high`` are the control's values at its ends."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    control: str
    low: float | None = None
    high: float | None = None
    curve: Literal[*CURVES] = "linear"  # type: ignore[valid-type]
    mode: Mode = "knob"


class ControllerTable(BaseModel):
    """One controller."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    map: str = ""
    controls: dict[str, str | BindingTable] = Field(default_factory=dict)
    commands: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Binding:
    """A checked binding of a control, within ``low``..``high``; ``low`` may be the larger."""

    control: str
    low: float
    high: float
    curve: str = "linear"
    mode: str = "knob"

    def value(self, x: float) -> float:
        """The control's value where the knob stands at ``x`` 0..1."""
        return self.low + (self.high - self.low) * CURVES[self.curve](x)


@dataclass(frozen=True)
class Controller:
    """What the sources of a port do whose name contains ``name``; all ports' does an empty one."""

    name: str
    controls: Mapping[str, Binding]
    commands: Mapping[str, Command]


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
        own = _table(place, table)
        ready = _table(f"map '{own.map}'", _map(place, own.map)) if own.map else ControllerTable()
        bound = {**ready.controls, **own.controls}
        words = {**ready.commands, **own.commands}
        read.append(
            Controller(
                name,
                {source: _binding(place, source, row, controls) for source, row in bound.items()},
                read_buttons(f"{place}.commands", words),
            )
        )
    return read


def map_names() -> list[str]:
    """The controllers for which a map is ready."""
    return sorted(path.stem for path in MAPS.glob("*.toml"))


def _map(place: str, name: str) -> Mapping[str, Any]:
    if name not in map_names():
        raise VjganError(f"{place}.map '{name}' is unknown; there are: {', '.join(map_names())}")
    return read_toml(MAPS / f"{name}.toml", "map")


def _table(place: str, table: object) -> ControllerTable:
    try:
        return ControllerTable.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, (place, *(k for k in first["loc"] if k != "BindingTable"))))
        raise VjganError(f"{key} {first['input']!r}: {first['msg']}") from None


def _binding(
    place: str, source: str, row: str | BindingTable, controls: Mapping[str, Control]
) -> Binding:
    if not MIDI_SOURCE.fullmatch(source):
        raise VjganError(
            f"{place}.controls.{source} is not ccN, noteN, pitch, or one of a channel such as "
            "10.cc1"
        )
    table = BindingTable(control=row) if isinstance(row, str) else row
    known = controls.get(table.control)
    if known is None:
        raise VjganError(
            f"{place}.controls.{source} '{table.control}' is not a control; there are: "
            f"{', '.join(controls)}"
        )
    low = known.minimum if table.low is None else table.low
    high = known.maximum if table.high is None else table.high
    for key, value in (("low", low), ("high", high)):
        if not known.minimum <= value <= known.maximum:
            raise VjganError(
                f"{place}.controls.{source}.{key} {value:g} is outside "
                f"{known.minimum:g}..{known.maximum:g}"
            )
    return Binding(table.control, low, high, table.curve, table.mode)


class Bound:
    """Hands whose knobs and buttons also do what they are bound to. ``standing`` tells how the show
    stands, which may be some frames old."""

    def __init__(
        self,
        hands: Hands,
        controllers: Sequence[Controller],
        standing: Callable[[], Standing | None],
    ) -> None:
        self._hands = hands
        self._controllers = controllers
        self._standing = standing
        self._at: dict[str, float] = {}  # where each knob stands, by port and source
        self._held: dict[str, float] = {}  # the value last set by each that has its control
        self._told = ""  # the preset for which that holds

    def read(self) -> Sequence[Event]:
        """All gestures since the last call, and what they mean."""
        events: list[Event] = []
        for event in self._hands.read():
            events.append(event)
            if isinstance(event, ControlEvent):
                events += self._meant(event)
        return events

    def close(self) -> None:
        """Let the hands go."""
        self._hands.close()

    def _meant(self, event: ControlEvent) -> Iterator[Event]:
        here = f"{event.channel}.{event.source}"
        key = f"{event.port}/{here}"
        before = self._at.get(key)
        self._at[key] = event.value
        standing = self._standing()
        if standing is not None and standing.preset != self._told:
            self._told = standing.preset
            self._held.clear()
        pressed = event.value >= PRESSED and (before or 0.0) < PRESSED
        for one in self._controllers:
            if one.name.lower() not in event.port.lower():
                continue
            command = one.commands.get(here) or one.commands.get(event.source)
            if command is not None and pressed:
                yield command
            binding = one.controls.get(here) or one.controls.get(event.source)
            if binding is not None and standing is not None:
                yield from self._set(key, binding, before, event.value, standing)

    def _set(
        self, key: str, binding: Binding, before: float | None, x: float, standing: Standing
    ) -> Iterator[Setting]:
        own = standing.own.get(binding.control)
        if own is None:  # of a pass that has gone
            return
        name, held = binding.control, self._held.get(key)
        if binding.mode == "momentary":
            yield Setting(name, binding.value(x) if x > 0.0 else None)
        elif binding.mode == "toggle":
            if x >= PRESSED and (before or 0.0) < PRESSED:
                on = own if held is None else held
                middle = 0.5 * (binding.low + binding.high)
                is_high = (on > middle) == (binding.high > binding.low)
                self._held[key] = binding.low if is_high else binding.high
                yield Setting(name, self._held[key])
        elif binding.mode in _STEPS:
            steps = _STEPS[binding.mode](round(x * 127))
            bottom, top = sorted((binding.low, binding.high))
            wanted = (own if held is None else held) + (
                binding.high - binding.low
            ) * steps / TURN  # fmt: skip
            self._held[key] = min(top, max(bottom, wanted))
            yield Setting(name, self._held[key])
        elif held is not None or _reaches(binding, before, x, own):
            self._held[key] = binding.value(x)
            yield Setting(name, self._held[key])


def _reaches(binding: Binding, before: float | None, x: float, own: float) -> bool:
    """Whether a knob that goes from ``before`` to ``x`` meets its control's value, or a value
    outside what it can reach has to be fetched."""
    now = binding.value(x)
    near = NEAR * abs(binding.high - binding.low)
    bottom, top = sorted((binding.low, binding.high))
    own = min(top, max(bottom, own))
    if abs(now - own) <= near:
        return True
    return before is not None and (binding.value(before) - own) * (now - own) <= 0.0
