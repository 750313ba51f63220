"""What a restricted reading is made of: inert records, names, refusals, the meter of its cost."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NoReturn

FLOOR_BYTES = 12_000_000  # of objects that a file of any size may hold; real trees take 3
STEPS = 200_000  # instructions in one file; a whole training state at 1024 takes 70,000
TEXT_LENGTH = 60  # of what a message quotes from a file


class RefusedError(Exception):
    """Why a file is not read, as the end of a sentence that begins with the file's name."""


@dataclass(slots=True, eq=False)
class Record:
    """What stands in place of an instance of a class: its names and its numbers, and no behaviour.

    ``module`` and ``name`` are the class's (of an object that carries its source along, the name
    that the file gives), ``args`` what it was made from, ``state`` mostly a dict; ``source`` is the
    text that came along, never run.
    """

    module: str
    name: str
    args: tuple[object, ...] = ()
    state: object = None
    source: str = ""

    def get(self, key: str, default: object = None) -> object:
        """One entry of the state, or ``default`` where there is none."""
        return self.state.get(key, default) if isinstance(self.state, dict) else default

    @property
    def source_sha256(self) -> str:
        """Hex digest of the source text, which tells the code base; "" without one."""
        return hashlib.sha256(self.source.encode()).hexdigest() if self.source else ""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that a file asks for, kept as the words ``module.name``."""

    text: str


class Meter:
    """What one file may cost: steps, bytes of objects beside its own, and bytes of tensors."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.allowed = size_bytes + FLOOR_BYTES
        self.spent = 0
        self.steps = 0
        self.large_keys = 0
        self._tensor_bytes = 0

    def charge(self, nbytes: int) -> None:
        """Count memory before it is taken. Raises RefusedError."""
        self.spent += nbytes
        if self.spent > self.allowed:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Say which bound is passed. Raises RefusedError."""
        if self.steps > STEPS:
            raise RefusedError(f"takes more than {STEPS:,} steps to read")
        raise RefusedError("holds more objects than a file of its size may")

    def tensor(self, nbytes: int) -> None:
        """Count a tensor, whose bytes lie in the file and may be shared. Raises RefusedError."""
        self._tensor_bytes += nbytes
        if self._tensor_bytes > 2 * self.size_bytes:
            raise RefusedError("holds tensors that repeat the same bytes over and over")


def quoted(value: object) -> str:
    """A text from the file, short and fit for a terminal; of another thing its kind alone, since
    the text of what is nested could be without end."""
    plain = value if isinstance(value, str) else f"({type(value).__name__})"
    text = "".join(c if c.isprintable() else "?" for c in plain[: TEXT_LENGTH + 1])
    return f"'{text[:TEXT_LENGTH]}...'" if len(text) > TEXT_LENGTH else f"'{text}'"
