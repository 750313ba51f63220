"""What is particular to one performer's machine: latencies, and what pads and keys do.

``~/.config/vjgan/rig.toml``, or wherever XDG_CONFIG_HOME points:

    offset_ms = 0.0   # light earlier by so much (below 0: later); `vjgan calibrate --by-hand`
    input_ms = 12.5   # sound is heard so late; `vjgan calibrate`
    link = true       # always join Ableton Link on the local network

    [commands]        # MIDI notes and controllers, of any channel or of one (10.note36)
    note36 = "tap"
    note37 = "one"
    cc64 = "double"
    note38 = "nudge -1"

    [controllers.NAME]  # knobs that set controls, see ``vjgan.bindings``
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from vjgan.errors import VjganError
from vjgan.types import Command, ControlEvent, Event, Hands

KEYS = ("offset_ms", "input_ms", "link", "commands", "controllers")
LARGEST_MS = 2000.0
PRESSED = 0.5  # a controller's value from which a pad is pressed
_SOURCE = re.compile(r"(?:(?:[1-9]|1[0-6])\.)?(?:cc|note)(?:\d{1,2}|1[01]\d|12[0-7])")


@dataclass(frozen=True)
class Rig:
    """A checked rig: ``offset`` and ``latency`` in seconds, ``commands`` by MIDI source."""

    offset: float = 0.0
    latency: float = 0.0
    commands: Mapping[str, Command] = field(default_factory=dict)
    link: bool = False
    controllers: Mapping[str, Any] = field(default_factory=dict)  # see ``vjgan.bindings``


def rig_file() -> Path:
    """Where the rig is described; the file need not be there."""
    place = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (place if place.is_absolute() else Path.home() / ".config") / "vjgan" / "rig.toml"


def load_rig(commands: Collection[str]) -> Rig:
    """The performer's rig, or a plain one where there is no file. ``commands`` are those known.

    Raises VjganError: one sentence with the file, the key, the value and what is allowed."""
    path = rig_file()
    data = _read(path)
    if unknown := set(data) - set(KEYS):
        raise VjganError(f"rig '{path}': {min(unknown)} is unknown; there are: {', '.join(KEYS)}")
    table = data.get("commands", {})
    if not isinstance(table, dict):
        raise VjganError(f"rig '{path}': commands must be a table of MIDI sources")
    controllers = data.get("controllers", {})
    if not isinstance(controllers, dict):
        raise VjganError(f"rig '{path}': controllers must be a table of MIDI controllers")
    if not isinstance(data.get("link", False), bool):
        raise VjganError(f"rig '{path}': link {data['link']!r} must be true or false")
    return Rig(
        _milliseconds(path, data, "offset_ms") / 1e3,
        _milliseconds(path, data, "input_ms") / 1e3,
        {source: _command(path, source, words, commands) for source, words in table.items()},
        data.get("link", False),
        controllers,
    )


def keep_in_rig(name: str, value: float) -> Path:
    """Set one number of the rig's file, which keeps all else, comments too; where it is.

    Raises VjganError when it cannot be written."""
    path = rig_file()
    _read(path)
    line = f"{name} = {value:.1f}"
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        tables = [at for at, text in enumerate(lines) if text.lstrip().startswith("[")]
        top = lines[: tables[0]] if tables else lines
        known = [at for at, text in enumerate(top) if re.match(rf"\s*{name}\s*=", text)]
        if known:
            lines[known[0]] = line
        else:
            lines.insert(len(top), line)
        _write(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise VjganError(f"rig '{path}' cannot be written: {error.strerror}") from None
    return path


def keep_binding(port: str, source: str, control: str) -> Path:
    """Let a ``source`` of a MIDI port set ``control``, in the rig's file, which keeps all else,
    comments too; where it is. The table is that whose name is a part of the port's, or a new one.

    Raises VjganError when it cannot be written."""
    path = rig_file()
    _read(path)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        document: Any = tomlkit.parse(text)
        controllers = document.setdefault("controllers", tomlkit.table(is_super_table=True))
        name = next((name for name in controllers if name.lower() in port.lower()), port)
        controller = controllers.setdefault(name, tomlkit.table())
        controller.setdefault("controls", tomlkit.table())[source] = control
        _write(path, tomlkit.dumps(document))
    except OSError as error:
        raise VjganError(f"rig '{path}' cannot be written: {error.strerror}") from None
    except (TOMLKitError, TypeError, AttributeError):
        raise VjganError(f"rig '{path}': controllers must be a table of MIDI controllers") from None
    return path


class Pads:
    """Hands whose pads and buttons also do what the rig binds them to, when they are pressed."""

    def __init__(self, hands: Hands, commands: Mapping[str, Command]) -> None:
        self._hands = hands
        self._commands = commands
        self._pressed: set[str] = set()

    def read(self) -> Sequence[Event]:
        """All gestures since the last call, and the commands they mean."""
        events: list[Event] = []
        for event in self._hands.read():
            events.append(event)
            if isinstance(event, ControlEvent):
                events += self._meant(event)
        return events

    def close(self) -> None:
        """Let the hands go."""
        self._hands.close()

    def _meant(self, event: ControlEvent) -> list[Command]:
        here = f"{event.channel}.{event.source}"
        was = here in self._pressed
        (self._pressed.add if event.value >= PRESSED else self._pressed.discard)(here)
        command = self._commands.get(here) or self._commands.get(event.source)
        return [command] if command and event.value >= PRESSED and not was else []


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise VjganError(f"rig '{path}' cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise VjganError(f"rig '{path}' is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise VjganError(f"rig '{path}' is not valid TOML: {error}") from None


def _milliseconds(path: Path, data: Mapping[str, Any], name: str) -> float:
    value = data.get(name, 0.0)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not -LARGEST_MS <= value <= LARGEST_MS:
        raise VjganError(
            f"rig '{path}': {name} {value!r} must be a number, {-LARGEST_MS:g}..{LARGEST_MS:g}"
        )
    return float(value)


def _command(path: Path, source: str, words: object, known: Collection[str]) -> Command:
    if not _SOURCE.fullmatch(source):
        raise VjganError(f"rig '{path}': commands.{source} is not ccN, noteN or CHANNEL.noteN")
    name, _, value = str(words).partition(" ")
    if name not in known or (value and not re.fullmatch(r"-?\d{1,4}", value)):
        raise VjganError(
            f"rig '{path}': commands.{source} {words!r} is not a command, if need be with a "
            f"number; there are: {', '.join(known)}"
        )
    return Command(name, int(value or 0))
