"""A file that grows by whole records and survives a crash: what was written can be read.

``vjtake`` and the version, then records: length and CRC-32 of what follows (two little-endian
uint32), then so many bytes: a piece of one zlib stream, flushed after each record. Unpacked it is
the length of a part of JSON (uint32), that, and numbers. A record that is cut off, or of which a
bit has turned, ends what can be read.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from vjgan.errors import MediaError

VERSION = 1
MAGIC = b"vjtake"
_START = struct.Struct("<6sH")  # MAGIC, version
_HEAD = struct.Struct("<II")  # length, CRC-32
_WORDS = struct.Struct("<I")  # length of the JSON
MOST_BYTES = 16_000_000  # of a record, packed
MOST_UNPACKED = 64_000_000


class TapeWriter:
    """A file that is being appended to; each record is on the disk when ``append`` returns."""

    def __init__(self, path: Path) -> None:
        """Raises MediaError when the file exists already or cannot be made."""
        self.path = path
        self.bytes = _START.size  # written so far
        self._zip = zlib.compressobj(9)
        try:
            self._file: BinaryIO = path.open("xb")
            self._file.write(_START.pack(MAGIC, VERSION))
        except FileExistsError:
            raise MediaError(f"take '{path}' exists already; give another name") from None
        except OSError as error:
            raise _failed(path, error) from None

    def append(self, words: dict[str, Any], numbers: bytes = b"") -> None:
        """Write one record. Raises MediaError, as of a full disk."""
        text = json.dumps(words, separators=(",", ":")).encode()
        data = self._zip.compress(_WORDS.pack(len(text)) + text + numbers)
        data += self._zip.flush(zlib.Z_SYNC_FLUSH)
        try:
            self._put(_HEAD.pack(len(data), zlib.crc32(data)) + data)
        except OSError as error:
            raise _failed(self.path, error) from None

    def close(self) -> None:
        """End the file."""
        with suppress(OSError):
            self._file.close()

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.bytes += len(data)


class TapeReader:
    """The records of a file; ``damage`` tells afterwards what could not be read, if anything."""

    def __init__(self, path: Path) -> None:
        """Raises MediaError when it is not such a file, or of a later version."""
        self.path = path
        self.damage = ""
        self._unzip = zlib.decompressobj()
        try:
            self._data = path.read_bytes()
        except OSError as error:
            raise MediaError(f"take '{path}' cannot be read: {error.strerror}") from None
        if len(self._data) < _START.size or not self._data.startswith(MAGIC):
            raise MediaError(f"take '{path}' cannot be read: it is not a take of vjgan's")
        version = _START.unpack_from(self._data)[1]
        if version != VERSION:
            raise MediaError(
                f"take '{path}' is of version {version}; this vjgan reads version {VERSION}"
            )

    def __iter__(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        at = _START.size
        while at < len(self._data):
            found = self._record(at)
            if found is None:
                left = len(self._data) - at
                self.damage = f"the last {left} of {len(self._data)} bytes are damaged or cut off"
                return
            at, words, numbers = found
            yield words, numbers

    def _record(self, at: int) -> tuple[int, dict[str, Any], bytes] | None:
        """The place after a record, and what is in it; None where it is not whole."""
        if at + _HEAD.size > len(self._data):
            return None
        length, sum_ = _HEAD.unpack_from(self._data, at)
        at += _HEAD.size
        data = self._data[at : at + length]
        if length > MOST_BYTES or len(data) < length or zlib.crc32(data) != sum_:
            return None
        try:
            plain = self._unzip.decompress(data, MOST_UNPACKED)
            end = _WORDS.size + _WORDS.unpack_from(plain)[0]
            words = json.loads(plain[_WORDS.size : end])
        except (zlib.error, struct.error, ValueError, RecursionError):
            return None  # whole, but not what a writer makes
        return (at + length, words, plain[end:]) if isinstance(words, dict) else None


def _failed(path: Path, error: OSError) -> MediaError:
    return MediaError(f"take '{path}' cannot be written: {error.strerror}")
