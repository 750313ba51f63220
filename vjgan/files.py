"""What every room needs of files: put one in place whole, see when it was saved, read one of TOML
that a person wrote."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vjgan.errors import VjganError

MAX_BYTES = 1_000_000  # text that a person wrote


def part_of(path: Path) -> Path:
    """What a file is called while it is being written."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` when all went well and vanishes when not."""
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def saved_at(path: Path) -> int:
    """When a file was last saved, in ns; 0 while it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def read_toml(path: Path, kind: str, error: type[VjganError] = VjganError) -> dict[str, Any]:
    """What a TOML file says. Raises ``error``: one sentence with the ``kind`` of file it is, its
    path and the reason."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error(f"{kind} '{path}' is larger than {MAX_BYTES} bytes")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise error(f"{kind} '{path}' cannot be read: {reason.strerror}") from None
    except UnicodeDecodeError:
        raise error(f"{kind} '{path}' is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{kind} '{path}' is not valid TOML: {reason}") from None


def flat(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """``bloom.amount = 1`` is a table inside a table to TOML; one name to us."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{head}{name}.")
        else:
            found[f"{head}{name}"] = value
    return found


def in_words(about: Mapping[str, str]) -> str:
    """What a file says of itself, in one line."""
    return "; ".join(f"{key}: {text}" for key, text in about.items())
