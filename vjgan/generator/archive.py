"""Files of torch.save: the zip of torch 1.6 and later, and the stream of pickles before it.

Sources: PKWARE APPNOTE 6.3.9 (zip); torch's serialization notes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from vjgan.generator.arrays import storage
from vjgan.generator.calls import CALLS, TENSORS
from vjgan.generator.opcodes import Call, Machine
from vjgan.generator.records import Meter, Name, RefusedError, quoted

ZIP_MARK = b"PK\x03\x04"
STREAM_MARK = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
STREAM_VERSION = 1001
ENTRIES = 20_000
ENTRY_COST = 2000
NAME_BYTES, EXTRA_BYTES = 500, 500  # of one row of a zip's directory; torch needs a tenth
FULL = 0xFFFFFFFF  # a 32-bit field that says: look in the 64-bit one


@dataclass(frozen=True, slots=True)
class Declared:
    """A storage that a pickle refers to: what it holds, under which key, how many."""

    kind: Name
    key: str
    count: int


def declared(what: tuple[object, ...]) -> Declared:
    """What torch.save writes for a storage: ("storage", class, key, place, count[, view])."""
    match what:
        case (str("storage"), Name() as kind, str(key), str(), int(count), *view):
            if all(part is None for part in view):
                return Declared(kind, key, count)
    raise RefusedError("refers to data that is no storage of torch")


def read_stream(data: memoryview, meter: Meter) -> object:
    """What torch.save wrote before torch 1.6: a pickle, then its storages. Raises RefusedError.

    The pickle comes before the numbers that it shapes, so it is read twice: to learn what storages
    to expect, and, when they are found, to shape them.
    """
    if bytes(data[: len(STREAM_MARK)]) != STREAM_MARK:
        raise RefusedError("holds tensors that torch.save did not write")
    at = len(STREAM_MARK)
    version, at = _next(data, meter, at)
    machine, at = _next(data, meter, at)
    if version != STREAM_VERSION or not isinstance(machine, dict):
        raise RefusedError("is of an unknown version of torch.save")
    if machine.get("little_endian") is not True:
        raise RefusedError("was written on a big-endian machine")
    expected: dict[str, Declared] = {}

    def expect(meter: Meter, what: tuple[object, ...]) -> object:
        found = declared(what)
        if expected.setdefault(found.key, found) != found:
            raise RefusedError(f"declares its storage {quoted(found.key)} twice")
        return found

    shapeless: dict[str, Call | None] = dict.fromkeys(TENSORS, lambda meter, args: None)
    first = Machine(data, meter, {**CALLS, **shapeless}, expect, at)
    root = first.run()
    keys, at_numbers = _next(data, meter, first.at)
    found = _stream_storages(data, at_numbers, keys, expected)
    if isinstance(root, Declared):  # a storage by itself, as plain pickles nest them
        return found[root.key]
    return Machine(data, meter, CALLS, lambda _, what: found[declared(what).key], at).run()


def _next(data: memoryview, meter: Meter, at: int) -> tuple[object, int]:
    machine = Machine(data, meter, {}, None, at)
    return machine.run(), machine.at


def _stream_storages(
    data: memoryview, at: int, keys: object, expected: dict[str, Declared]
) -> dict[str, np.ndarray]:
    """The numbers behind the pickles: of each key in turn, how many, then themselves."""
    if not isinstance(keys, list) or not all(type(key) is str for key in keys):
        raise RefusedError("lists storages whose names are no texts")
    if set(keys) != set(expected):
        raise RefusedError("lists other storages than it declares")
    found: dict[str, np.ndarray] = {}
    for key in keys:
        if len(data) < at + 8:
            raise RefusedError("is cut short")
        (count,) = struct.unpack_from("<q", data, at)
        if count != expected[key].count or key in found:
            raise RefusedError(f"declares another size for its storage {quoted(key)}")
        found[key] = storage(expected[key].kind, data[at + 8 :], count)
        at += 8 + found[key].nbytes
    return found


def read_zip(data: memoryview, meter: Meter) -> object:
    """What torch.save writes since torch 1.6: a zip, not compressed. Raises RefusedError."""
    entries = _entries(data, meter)
    roots = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise RefusedError("is a zip, but none that torch.save wrote")
    root = roots[0].removesuffix("data.pkl")
    if bytes(entries.get(root + "byteorder", b"little")[:10]) != b"little":
        raise RefusedError("was written on a big-endian machine")
    found: dict[str, tuple[Declared, np.ndarray]] = {}

    def find(meter: Meter, what: tuple[object, ...]) -> object:
        wanted = declared(what)
        if wanted.key not in found:
            if (numbers := entries.get(f"{root}data/{wanted.key}")) is None:
                raise RefusedError(f"lacks its storage {quoted(wanted.key)}")
            found[wanted.key] = wanted, storage(wanted.kind, numbers, wanted.count)
        if found[wanted.key][0] != wanted:
            raise RefusedError(f"declares its storage {quoted(wanted.key)} twice")
        return found[wanted.key][1]

    return Machine(entries[roots[0]], meter, CALLS, find).run()


def _entries(data: memoryview, meter: Meter) -> dict[str, memoryview]:
    """Name -> bytes of each file in a zip, all of them apart and inside, none compressed."""
    count, at, end = _directory(data)
    if count > ENTRIES:
        raise RefusedError(f"is a zip of {count:,} files; at most {ENTRIES:,} are read")
    places: list[tuple[int, int, str]] = []
    names: set[str] = set()
    for _ in range(count):
        meter.charge(ENTRY_COST)
        place, size, name, at = _entry(data, at, end)
        if name in names:
            raise RefusedError(f"is a zip that holds {quoted(name)} twice")
        names.add(name)
        places.append((place, size, name))
    places.sort()
    entries: dict[str, memoryview] = {}
    free = 0
    for place, size, name in places:
        start = _start(data, place, name)
        if place < free or start + size > at:
            raise RefusedError(
                f"is a zip whose file {quoted(name)} overlaps another or lies outside"
            )
        free = start + size
        entries[name] = data[start:free]
    return entries


def _directory(data: memoryview) -> tuple[int, int, int]:
    """How many files a zip lists, and from where to where."""
    tail = max(0, len(data) - 65_557)
    at = bytes(data[tail:]).rfind(b"PK\x05\x06")
    if at < 0 or tail + at + 22 > len(data):
        raise RefusedError("is a zip that is cut short")
    at += tail
    count, size, offset = struct.unpack_from("<HII", data, at + 10)
    if at >= 20 and bytes(data[at - 20 : at - 16]) == b"PK\x06\x07":  # zip64, as torch writes
        (far,) = struct.unpack_from("<Q", data, at - 12)
        if far + 56 > at or bytes(data[far : far + 4]) != b"PK\x06\x06":
            raise RefusedError("is a zip whose directory is damaged")
        count, size, offset = struct.unpack_from("<QQQ", data, far + 32)
    if offset + size > at:
        raise RefusedError("is a zip whose directory is damaged")
    return count, offset, offset + size


def _entry(data: memoryview, at: int, end: int) -> tuple[int, int, str, int]:
    """Of the directory's row at ``at``: the file's place, size and name, and the next row."""
    if at + 46 > end or bytes(data[at : at + 4]) != b"PK\x01\x02":
        raise RefusedError("is a zip whose directory is damaged")
    flags, method = struct.unpack_from("<HH", data, at + 8)
    packed, size, name_size, extra_size, comment_size = struct.unpack_from("<IIHHH", data, at + 20)
    (place,) = struct.unpack_from("<I", data, at + 42)
    after = at + 46 + name_size + extra_size + comment_size
    if after > end or name_size > NAME_BYTES or extra_size > EXTRA_BYTES:
        raise RefusedError("is a zip whose directory is damaged")
    name = bytes(data[at + 46 : at + 46 + name_size]).decode()
    if name.startswith("/") or ".." in name.split("/") or set(name) & set("\\:\0"):
        raise RefusedError(f"is a zip with a file that would lie outside of it, {quoted(name)}")
    wide = _wide(bytes(data[at + 46 + name_size : after - comment_size]))
    size, packed, place = (
        wide.pop(0) if field == FULL and wide else field for field in (size, packed, place)
    )
    if flags & 1 or method or packed != size:
        raise RefusedError(f"is a zip whose file {quoted(name)} is packed; torch.save never packs")
    return place, size, name, after


def _wide(extra: bytes) -> list[int]:
    """The 64-bit numbers among a row's extra fields."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 1:
            count = min(size, len(extra) - 4) // 8
            return list(struct.unpack_from(f"<{count}Q", extra, 4))
        extra = extra[4 + size :]
    return []


def _start(data: memoryview, place: int, name: str) -> int:
    """Where a file's bytes begin, behind a header of its own that must tell the same name."""
    if place + 30 > len(data) or bytes(data[place : place + 4]) != ZIP_MARK:
        raise RefusedError(f"is a zip without its file {quoted(name)}")
    name_size, extra_size = struct.unpack_from("<HH", data, place + 26)
    if bytes(data[place + 30 : place + 30 + name_size]) != name.encode():
        raise RefusedError(f"is a zip that gives its file {quoted(name)} two names")
    return place + 30 + int(name_size) + int(extra_size)
