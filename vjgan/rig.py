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

    [display]           # where the light comes out, see ``vjgan.screen.layout``
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from vjgan.assets import config_folder
from vjgan.errors import VjganError
from vjgan.files import read_text, read_toml, write_text
from vjgan.gestures import read_buttons
from vjgan.types import Command

KEYS = ("offset_ms", "input_ms", "link", "commands", "controllers", "display")
LARGEST_MS = 2000.0


@dataclass(frozen=True)
class Rig:
    """A checked rig: ``offset`` and ``latency`` in seconds, ``commands`` by MIDI source."""

    offset: float = 0.0
    latency: float = 0.0
    commands: Mapping[str, Command] = field(default_factory=dict)
    link: bool = False
    controllers: Mapping[str, Any] = field(default_factory=dict)  # see ``vjgan.bindings``
    display: Mapping[str, Any] = field(default_factory=dict)  # see ``vjgan.screen.layout``


def rig_file() -> Path:
    """Where the rig is described; the file need not be there."""
    return config_folder() / "rig.toml"


def load_rig() -> Rig:
    """The performer's rig, or a plain one where there is no file.

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
    display = data.get("display", {})
    if not isinstance(display, dict):
        raise VjganError(f"rig '{path}': display must be a table")
    if not isinstance(data.get("link", False), bool):
        raise VjganError(f"rig '{path}': link {data['link']!r} must be true or false")
    return Rig(
        _milliseconds(path, data, "offset_ms") / 1e3,
        _milliseconds(path, data, "input_ms") / 1e3,
        read_buttons(f"rig '{path}': commands", table),
        data.get("link", False),
        controllers,
        display,
    )


def keep_in_rig(name: str, value: float) -> Path:
    """Set one number of the rig's file, which keeps all else, comments too; where it is.

    Raises VjganError when it cannot be written."""
    path = rig_file()
    _read(path)
    line = f"{name} = {value:.1f}"
    try:
        text = read_text(path) if path.exists() else ""
        end, lines = "\r\n" if "\r\n" in text else "\n", text.splitlines()
        tables = [at for at, one in enumerate(lines) if one.lstrip().startswith("[")]
        top = lines[: tables[0]] if tables else lines
        known = [at for at, one in enumerate(top) if re.match(rf"\s*{name}\s*=", one)]
        if known:
            lines[known[0]] = line
        else:
            lines.insert(len(top), line)
        _write(path, end.join([*lines, ""]))
    except OSError as error:
        raise VjganError(f"rig '{path}' cannot be written: {error.strerror}") from None
    return path


@dataclass(frozen=True)
class Change:
    """A file before and after something was kept in it."""

    path: Path
    before: str
    after: str
    kind: str = "rig"


Edit = Callable[[Any], None]  # of a document of TOML


def binding_edit(
    port: str, source: str, row: str | Mapping[str, str], kind: str = "controls"
) -> Edit:
    """What lets a ``source`` of a MIDI port do what ``row`` says, in the file of a rig or a preset.
    ``kind`` is "controls" or "commands". The table is that whose name is a part of the port's, or
    a new one; what it said of that source before is gone."""

    def change(document: Any) -> None:
        controllers = document.setdefault("controllers", tomlkit.table(is_super_table=True))
        name = next((name for name in controllers if name.lower() in port.lower()), port)
        controller = controllers.setdefault(name, tomlkit.table())
        for other in ("controls", "commands"):
            for key in (source, source.rpartition(".")[2]):
                controller.get(other, {}).pop(key, None)
        value = row
        if not isinstance(row, str):
            value = tomlkit.inline_table()
            value.update(row)
        controller.setdefault(kind, tomlkit.table())[source] = value

    return change


def keep_binding(
    port: str, source: str, row: str | Mapping[str, str], kind: str = "controls"
) -> Change:
    """Keep a binding, see `binding_edit`, in the rig's file, which keeps all else, comments too.

    Raises VjganError when it cannot be written."""
    edit = binding_edit(port, source, row, kind)
    return _edit(edit, "controllers must be a table of MIDI controllers")


def take_back(kept: Change) -> None:
    """Make a file what it was before. Raises VjganError where it has been changed since, or cannot
    be written."""
    try:
        if read_text(kept.path) != kept.after:
            raise VjganError(f"{kept.kind} '{kept.path}' has been changed since; it stays as it is")
        _write(kept.path, kept.before)
    except OSError as error:
        raise VjganError(f"{kept.kind} '{kept.path}' cannot be written: {error.strerror}") from None


def keep_display(values: Mapping[str, Any], output: str = "") -> Path:
    """Set values of ``[display]``, or of one of its outputs, in the rig's file, which keeps all
    else, comments too; where it is. A value of None is taken out.

    Raises VjganError when it cannot be written."""

    def change(document: Any) -> None:
        table = document.setdefault("display", tomlkit.table())
        if output:
            outputs = table.setdefault("outputs", tomlkit.table(is_super_table=True))
            table = outputs.setdefault(output, tomlkit.table())
        for name, value in values.items():
            if value is not None:
                table[name] = value
            elif name in table:
                del table[name]

    return _edit(change, "display must be a table, and its outputs tables").path


def _edit(change: Edit, allowed: str) -> Change:
    """Change the rig's file, which keeps all else, comments too; ``allowed`` says how what is
    changed has to be."""
    path = rig_file()
    _read(path)
    try:
        before = read_text(path) if path.exists() else ""
        document = tomlkit.parse(before)
        change(document)
        after = tomlkit.dumps(document)
        _write(path, after)
    except OSError as error:
        raise VjganError(f"rig '{path}' cannot be written: {error.strerror}") from None
    except (TOMLKitError, TypeError, AttributeError):
        raise VjganError(f"rig '{path}': {allowed}") from None
    return Change(path, before, after)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _read(path: Path) -> dict[str, Any]:
    return read_toml(path, "rig") if path.exists() else {}


def _milliseconds(path: Path, data: Mapping[str, Any], name: str) -> float:
    value = data.get(name, 0.0)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not -LARGEST_MS <= value <= LARGEST_MS:
        raise VjganError(
            f"rig '{path}': {name} {value!r} must be a number, {-LARGEST_MS:g}..{LARGEST_MS:g}"
        )
    return float(value)
