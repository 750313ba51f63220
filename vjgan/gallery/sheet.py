"""The sheet: what was drawn and rated of one model, in one file (SQLite), so that a gallery goes on
where it was left. It can be made again; what was kept lies in the bank."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vjgan.errors import BankError
from vjgan.types import FloatArray

VERSION = 1
TABLE = """CREATE TABLE IF NOT EXISTS samples (
    seed INTEGER PRIMARY KEY, sharpness REAL NOT NULL, strangeness REAL NOT NULL,
    likeness BLOB NOT NULL, picture BLOB NOT NULL,
    rejected INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '[]',
    name TEXT NOT NULL DEFAULT '') STRICT"""

log = logging.getLogger("vjgan")


@dataclass(frozen=True, slots=True)
class Sample:
    """The portrait of a seed, as it was rated; ``name`` is that by which it was last kept."""

    seed: int
    sharpness: float
    strangeness: float
    likeness: FloatArray = field(compare=False)
    rejected: bool = False
    tags: tuple[str, ...] = ()
    name: str = ""


class Sheet:
    """Samples by seed. Safe to call from any thread; what was written stays, whatever ends the
    program."""

    def __init__(self, path: Path) -> None:
        """Raises BankError where the file cannot be made; a damaged one is set aside."""
        self._lock = threading.Lock()
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._file = _opened(path)
            except (sqlite3.DatabaseError, ValueError) as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                aside = path.with_suffix(".damaged")
                os.replace(path, aside)
                log.warning("gallery '%s' is damaged; it is set aside as '%s'", path, aside.name)
                self._file = _opened(path)
        except (OSError, sqlite3.Error) as error:
            raise BankError(f"gallery '{path}' cannot be opened: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._file.close()

    def samples(self) -> list[Sample]:
        """All of them, by seed."""
        with self._lock:
            return _samples(self._file)

    def add(self, sample: Sample, picture: bytes) -> None:
        """Keep a sample with its picture (JPEG). Raises BankError if it cannot."""
        row = (
            sample.seed,
            sample.sharpness,
            sample.strangeness,
            sample.likeness.tobytes(),
            picture,
        )
        with self._writing():
            self._file.execute(
                "INSERT INTO samples (seed, sharpness, strangeness, likeness, picture)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (seed) DO UPDATE SET sharpness ="
                " excluded.sharpness, strangeness = excluded.strangeness,"
                " likeness = excluded.likeness, picture = excluded.picture",
                row,
            )

    def mark(self, sample: Sample) -> None:
        """Keep what hands have made of a sample. Raises BankError as above."""
        row = (sample.rejected, json.dumps(sample.tags), sample.name, sample.seed)
        with self._writing():
            self._file.execute(
                "UPDATE samples SET rejected = ?, tags = ?, name = ? WHERE seed = ?", row
            )

    def picture(self, seed: int) -> bytes | None:
        """A sample's picture as JPEG."""
        with self._lock:
            row = self._file.execute(
                "SELECT picture FROM samples WHERE seed = ?", (seed,)
            ).fetchone()
        return None if row is None else bytes(row[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._lock, self._file:
                yield
        except sqlite3.Error as error:
            raise BankError(f"gallery '{self._path}' cannot be written: {error}") from None


def _samples(file: sqlite3.Connection) -> list[Sample]:
    """What a file holds. Raises sqlite3.Error and ValueError for a damaged one."""
    columns = "seed, sharpness, strangeness, likeness, rejected, tags, name"
    rows = file.execute(f"SELECT {columns} FROM samples ORDER BY seed").fetchall()
    return [
        Sample(
            seed,
            sharp,
            strange,
            np.frombuffer(like, np.float32),
            bool(rejected),
            tuple(json.loads(tags)),
            name,
        )
        for seed, sharp, strange, like, rejected, tags, name in rows
    ]


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False)
    try:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        (version,) = file.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError("another version")
        file.execute(TABLE)
        file.execute(f"PRAGMA user_version = {VERSION}")
        file.execute("SELECT COUNT(picture) FROM samples").fetchone()
        file.commit()
        if file.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        try:
            _samples(file)
        except (sqlite3.OperationalError, TypeError) as error:  # of what stands in it
            raise ValueError(str(error)) from None
    except (sqlite3.Error, ValueError):
        file.close()
        raise
    return file
