"""The pickle machine: an own loop over the few instructions that checkpoints need.

Nothing real is ever called or looked up: a class or a function is a ``Name``, and only what the
``calls`` table knows by that name makes something of it, out of plain values. Instructions that no
checkpoint of the known kinds uses are refused. (Python's pickletools describes the instructions.)
"""

from __future__ import annotations

import codecs
import struct
import sys
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from vjgan.generator.arrays import Empty, filled
from vjgan.generator.records import STEPS, Meter, Name, Record, RefusedError, quoted

Call = Callable[[Meter, tuple[object, ...]], object]

INT_BYTES = 32  # the longest whole number; the mark of torch.save has 10
LINE_BYTES = 200  # the longest module or class name
INLINE_BYTES = 4096  # longer byte strings stay where they are in the file
PIECE_BYTES = 2**14  # of a long text that stands for bytes
ENCODE = Name("_codecs.encode")  # which is called with such a text
INT_KEYS = 100_000  # the largest number for a key, but for a few
LARGE_KEYS = 5_000
KEY_LIMIT = 2**60
KEY_LENGTH = 1000
WIDTHS = ((0x7F, 1), (0xC3, 2), (0xEF, 3), (0xFF, 6))  # largest byte of UTF-8 -> bytes to decode it
DICT_COST, ITEM_COST, LIST_COST, SLOT_COST = 250, 110, 130, 20


class Machine:
    """Reads one pickle out of ``data``, from ``at`` on; afterwards ``at`` is where it ended."""

    def __init__(
        self,
        data: memoryview,
        meter: Meter,
        calls: Mapping[str, Call | None],
        storage: Call | None = None,
        at: int = 0,
    ) -> None:
        self.data = data
        self.at = at
        self.meter = meter
        self.calls = calls
        self.storage = storage
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        """The object that the pickle holds. Raises RefusedError, IndexError or ValueError."""
        meter = self.meter
        while True:
            code = self.data[self.at]
            self.at += 1
            rule = RULES.get(code)
            if rule is None:
                raise RefusedError(self._unknown(code))
            do, cost = rule
            meter.steps += 1
            meter.spent += cost
            if meter.steps > STEPS or meter.spent > meter.allowed:
                meter.refuse()
            if do is None:
                return self.stack.pop()
            do(self)

    def _unknown(self, code: int) -> str:
        named = UNUSED.get(code, f"0x{code:02x}")
        return f"uses the pickle instruction '{named}', which no checkpoint needs; nothing was run"

    # what the instructions are made of

    def take(self, length: int) -> memoryview:
        start, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise RefusedError("is cut short")
        return self.data[start : self.at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def items(self) -> list[object]:
        """What lies above the last mark, taken off."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def known(self, text: str) -> Name:
        if text not in self.calls:
            raise RefusedError(
                f"asks for {quoted(text)}, which no checkpoint needs; nothing was run"
            )
        return Name(text)

    def line(self) -> str:
        near = bytes(self.data[self.at : self.at + LINE_BYTES])
        end = near.find(b"\n")
        if end < 0:
            raise RefusedError("holds a name that does not end")
        self.at += end + 1
        return near[:end].decode()

    # numbers and texts

    def proto(self) -> None:
        if (version := self.number(1)) > 5:
            raise RefusedError(f"is a pickle of protocol {version}; 2 to 5 can be read")

    def small_int(self) -> None:
        self.stack.append(self.number(1))

    def short_int(self) -> None:
        self.stack.append(self.number(2))

    def int32(self) -> None:
        self.stack.append(int.from_bytes(self.take(4), "little", signed=True))

    def long(self) -> None:
        if (length := self.number(1)) > INT_BYTES:
            raise RefusedError(
                f"holds a whole number of {length} bytes; at most {INT_BYTES} are read"
            )
        self.stack.append(int.from_bytes(self.take(length), "little", signed=True))

    def float64(self) -> None:
        self.stack.append(struct.unpack(">d", self.take(8))[0])

    def text(self, width: int) -> None:
        data = self.take(self.number(width))
        if len(data) <= INLINE_BYTES:
            text = str(data, "utf-8")
            self.meter.charge(sys.getsizeof(text))
        elif self.next_to_encode():
            self.meter.charge(len(data))
            self.stack.append(_latin1(data))
            return
        else:  # while it decodes, Python holds a text twice when it meets a wider letter
            widest = int(np.frombuffer(data, np.uint8).max())
            worst = len(data) * next(n for top, n in WIDTHS if widest <= top)
            self.meter.charge(worst)
            text = str(data, "utf-8")
            self.meter.spent += sys.getsizeof(text) - worst
        self.stack.append(text)

    def next_to_encode(self) -> bool:
        """Whether a text comes as protocol 2 writes bytes: behind the name of what makes them."""
        above = self.stack[-1] if self.stack else None
        return isinstance(above, Name) and above == ENCODE

    def bytes_(self, width: int) -> None:
        data = self.take(self.number(width))
        if len(data) <= INLINE_BYTES:
            self.meter.charge(len(data))
            self.stack.append(bytes(data))
        else:
            self.stack.append(data)

    # containers

    def tuple_(self, length: int) -> None:
        start = len(self.stack) - length
        if start < 0:
            raise IndexError
        self.stack[start:] = [tuple(self.stack[start:])]

    def marked_tuple(self) -> None:
        items = self.items()
        self.meter.charge(SLOT_COST * len(items))
        self.stack.append(tuple(items))

    def extend(self, items: list[object]) -> None:
        self.meter.charge(SLOT_COST * len(items))
        into = self.stack[-1]
        if not isinstance(into, list):
            raise RefusedError("appends to what is no list")
        into.extend(items)

    def set_items(self, items: list[object]) -> None:
        self.meter.charge(ITEM_COST * len(items))
        into = self.stack[-1]
        if not isinstance(into, dict):
            raise RefusedError("sets entries of what is no dict")
        if len(items) % 2:
            raise RefusedError("sets a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            check_key(self.meter, key)
            into[key] = value

    def add_items(self) -> None:
        items = self.items()
        self.meter.charge(ITEM_COST * len(items))
        into = self.stack[-1]
        if not isinstance(into, set):
            raise RefusedError("adds to what is no set")
        for key in items:
            check_key(self.meter, key)
            into.add(key)

    # the memo, names and objects

    def put(self, place: int) -> None:
        value = self.stack[-1]
        self.memo[place] = value
        if isinstance(value, Empty):
            value.places.append(place)

    def get(self, width: int) -> None:
        self.stack.append(self.memo[self.number(width)])

    def global_(self) -> None:
        module = self.line()
        self.stack.append(self.known(f"{module}.{self.line()}"))

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise RefusedError("asks for a class whose name is no text")
        self.stack.append(self.known(f"{module[:LINE_BYTES]}.{name[:LINE_BYTES]}"))

    def reduce(self) -> None:
        args, name = self.stack.pop(), self.stack.pop()
        call = self.calls.get(name.text) if isinstance(name, Name) else None
        if call is None or not isinstance(args, tuple):
            what = quoted(name.text) if isinstance(name, Name) else "what is no function"
            raise RefusedError(f"calls {what}; nothing was run")
        self.stack.append(call(self.meter, args))

    def build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, Empty):  # a pickle makes an array first and gives its numbers later
            self.stack[-1] = array = filled(self.meter, state)
            for place in made.places:
                self.memo[place] = array
        elif isinstance(made, Record) and made.state is None:
            made.state = state
        elif not isinstance(made, dict):  # a dict's attributes tell nothing that is needed
            raise RefusedError("sets the state of what has none")

    def persistent(self) -> None:
        what = self.stack.pop()
        if self.storage is None or not isinstance(what, tuple):
            raise RefusedError("refers to data outside of itself")
        self.stack.append(self.storage(self.meter, what))


def _latin1(text: memoryview) -> memoryview:
    """The bytes that a long text in UTF-8 stands for, made piece by piece: all of a model's numbers
    as a text and as bytes at once would take more memory than they may."""
    pieces = [text[at : at + PIECE_BYTES] for at in range(0, len(text), PIECE_BYTES)]
    made, at = bytearray(sum(map(_letters, pieces))), 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in pieces:
        part = decoder.decode(piece).encode("latin1")
        made[at : at + len(part)] = part
        at += len(part)
    decoder.decode(b"", final=True)
    return memoryview(made).toreadonly()


def _letters(text: memoryview) -> int:
    """How many letters begin in a piece of UTF-8."""
    return int(np.count_nonzero((np.frombuffer(text, np.uint8) & 0xC0) != 0x80))


def check_key(meter: Meter, key: object) -> None:
    """Only keys that hash fast and seldom collide, whoever chose them. Raises RefusedError."""
    if isinstance(key, (str, bytes)):
        if len(key) > KEY_LENGTH:
            raise RefusedError(f"has a key of {len(key):,} letters; at most {KEY_LENGTH} are read")
    elif type(key) is int:
        if not 0 <= key <= INT_KEYS:  # old optimisers use addresses
            meter.large_keys += 1
            if meter.large_keys > LARGE_KEYS or not 0 <= key < KEY_LIMIT:
                raise RefusedError("has too many or too large numbers for keys")
    elif key is not None and type(key) is not bool:
        raise RefusedError(f"has a key of kind '{type(key).__name__}'; texts and numbers are read")


Rule = tuple[Callable[[Machine], None] | None, int]


def _rules() -> dict[int, Rule]:
    """Instruction -> what it does and the bytes that it may take."""
    m = Machine
    table: dict[bytes, tuple[Callable[[Machine], object] | None, int]] = {
        b"\x80": (m.proto, 8),
        b"\x95": (lambda s: s.take(8), 8),
        b".": (None, 8),
        b"N": (lambda s: s.stack.append(None), 16),
        b"\x88": (lambda s: s.stack.append(True), 16),
        b"\x89": (lambda s: s.stack.append(False), 16),
        b"K": (m.small_int, 16),
        b"M": (m.short_int, 48),
        b"J": (m.int32, 48),
        b"\x8a": (m.long, 80),
        b"G": (m.float64, 40),
        b"\x8c": (lambda s: s.text(1), 80),
        b"X": (lambda s: s.text(4), 80),
        b"\x8d": (lambda s: s.text(8), 80),
        b"C": (lambda s: s.bytes_(1), 60),
        b"B": (lambda s: s.bytes_(4), 250),
        b"\x8e": (lambda s: s.bytes_(8), 250),
        b"\x96": (lambda s: s.bytes_(8), 250),
        b"(": (lambda s: s.marks.append(len(s.stack)), 48),
        b")": (lambda s: s.stack.append(()), 16),
        b"\x85": (lambda s: s.tuple_(1), 72),
        b"\x86": (lambda s: s.tuple_(2), 80),
        b"\x87": (lambda s: s.tuple_(3), 88),
        b"t": (m.marked_tuple, 64),
        b"]": (lambda s: s.stack.append([]), LIST_COST),
        b"a": (lambda s: s.extend([s.stack.pop()]), 16),
        b"e": (lambda s: s.extend(s.items()), 16),
        b"}": (lambda s: s.stack.append({}), DICT_COST),
        b"s": (lambda s: s.set_items([s.stack.pop(-2), s.stack.pop()]), 16),
        b"u": (lambda s: s.set_items(s.items()), 16),
        b"\x8f": (lambda s: s.stack.append(set()), DICT_COST),
        b"\x90": (m.add_items, 16),
        b"\x94": (lambda s: s.put(len(s.memo)), 140),
        b"q": (lambda s: s.put(s.number(1)), 140),
        b"r": (lambda s: s.put(s.number(4)), 140),
        b"h": (lambda s: s.get(1), 16),
        b"j": (lambda s: s.get(4), 16),
        b"c": (m.global_, 80),
        b"\x93": (m.stack_global, 80),
        b"R": (m.reduce, 350),
        b"\x81": (m.reduce, 350),
        b"b": (m.build, 16),
        b"Q": (m.persistent, 350),
    }
    return {code[0]: cast(Rule, rule) for code, rule in table.items()}


RULES = _rules()

# What pickles can also do; the names serve the message.
UNUSED = {
    ord(code): name
    for code, name in {
        "0": "POP", "1": "POP_MARK", "2": "DUP", "F": "FLOAT", "I": "INT", "L": "LONG",
        "P": "PERSID", "S": "STRING", "T": "BINSTRING", "U": "SHORT_BINSTRING", "V": "UNICODE",
        "d": "DICT", "l": "LIST", "g": "GET", "p": "PUT", "i": "INST", "o": "OBJ",
        "\x82": "EXT1", "\x83": "EXT2", "\x84": "EXT4", "\x8b": "LONG4", "\x91": "FROZENSET",
        "\x92": "NEWOBJ_EX", "\x97": "NEXT_BUFFER", "\x98": "READONLY_BUFFER",
    }.items()
}  # fmt: skip
