"""Mutated checkpoints against the reader of foreign files: ``python -m bench.fuzz [--count N]``.

Small checkpoints of every kind are damaged with a mind for their structure: bits flipped, parts
spliced, cut, repeated, instructions inserted, lengths forged. Each file must be read or refused in
one sentence, within 2 s, within twice its size in memory (and the reader's constant; of every tenth
file to the byte, of the others by the system's limit), without an import, a process or a file.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import math
import pickletools
import random
import resource
import struct
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.seeds import SEEDS, WRAPS
from vjgan.errors import ModelError
from vjgan.generator.pickles import read
from vjgan.generator.records import FLOOR_BYTES

SECONDS = 2.0
TRACED = 10  # one in so many, for tracing takes most of the time
SLACK_BYTES = 32_000_000  # of address space, with what Python and malloc keep in reserve
REFERENCE = Path(__file__).parent.parent.parent / "shared" / "reference"


GADGETS = ["os.system", "builtins.eval", "subprocess.Popen", "builtins.getattr", "torch.load"]
SNIPPETS = [
    *(bytes([code]) for code in range(256)),
    *(f"c{g.rpartition('.')[0]}\n{g.rpartition('.')[2]}\n".encode() for g in GADGETS),
    *(b"\x8c" + bytes([len(w)]) + w for w in (b"os", b"system", b"touch trace", b"eval", b"a")),
    b"cos\nsystem\nX\x0b\0\0\0touch trace\x85R", b"\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R",
    b"(X\x0b\0\0\0touch traceios\nsystem\n", b"\x82\x01", b"\x83\x01\0", b"Ppid\n", b"NQ", b"2" * 9,
    b"}\x8c\x09__class__Nsb", b"}\x8c\x0c__setstate__Nsb", b")\x81", b")R", b"Nb", b"}b", b")}\x92",
    b"ccollections\nOrderedDict\n)R", b"ctorch.storage\n_load_from_bytes\nC\x01x\x85R",
    b"cnumpy\nndarray\n", b"cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R", b"ctorch\nFloatStorage\n",
    b"c_codecs\nencode\nX\x02\0\0\0abX\x06\0\0\0latin1\x86R", b"cbuiltins\nset\n]\x85R",
    b"\x8e" + b"\xff" * 8, b"\x8d\0\0\0\0\0\0\0\x10", b"\x8a\xff" + b"\x7f" * 255, b"B\0\0\0\x7f",
    b"]" * 500, b"\x85" * 500, b"(" * 300, b"}\x94" * 300, b"N" * 3000, b"\x94h\0h\0\x86" * 30,
    b"h\0h\0h\0a", b"(h\0h\0h\0e", b"(h\0t", b"j\0\0\0\0", b"q\0", b"r\xff\xff\xff\xff",
]  # fmt: skip
LENGTHS = [0, 1, 2, 127, 128, 255, 256, 4096, 4097, 65535, 2**16, 2**31 - 1, 2**31, 2**32 - 1,
           2**40, 2**60, 2**63 - 1, 2**63, 2**64 - 1]  # fmt: skip


def _places(data: bytes) -> list[int]:
    """Where the instructions of every pickle in a file begin."""
    places, at = [], data.find(b"\x80")
    while at >= 0:
        end = at
        try:
            for _, _, place in pickletools.genops(io.BytesIO(data[at:])):
                places.append(end := at + (place or 0))
        except ValueError:
            pass
        at = data.find(b"\x80", end + 1)
    return places or [0]


class Mutator:
    """An endless supply of damaged checkpoints, the same for the same seed."""

    def __init__(self, seed: int, seeds: dict[str, bytes]) -> None:
        self.random = random.Random(seed)
        self.names = list(seeds)
        self.seeds = list(seeds.values())
        self.places = [_places(data) for data in self.seeds]
        self.ways = [self.flip, self.poke, self.cut, self.drop, self.repeat, self.splice,
                     self.insert, self.insert, self.forge, self.forge, self.move]  # fmt: skip

    def next(self) -> bytes:
        """A checkpoint with one to four faults, or a soup of instructions."""
        if self.random.random() < 0.05:
            soup = self.random.choices(SNIPPETS, k=self.random.randrange(1, 60))
            return b"\x80\x04" + b"".join(soup) + b"."
        which = self.random.randrange(len(self.seeds))
        data = bytearray(self.seeds[which])
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 4))):
            self.random.choice(self.ways)(data, self.places[which])
        return WRAPS.get(self.names[which], bytes)(bytes(data))

    def place(self, data: bytearray, places: list[int]) -> int:
        """Mostly where an instruction begins."""
        at = (
            self.random.choice(places)
            if self.random.random() < 0.8
            else self.random.randrange(2**20)
        )
        return min(at, len(data))

    def flip(self, data: bytearray, places: list[int]) -> None:
        for _ in range(self.random.choice((1, 1, 2, 8)) if data else 0):
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)

    def poke(self, data: bytearray, places: list[int]) -> None:
        at = self.place(data, places)
        data[at : at + 1] = bytes([self.random.randrange(256)])

    def cut(self, data: bytearray, places: list[int]) -> None:
        del data[self.random.randrange(len(data) + 1) :]

    def drop(self, data: bytearray, places: list[int]) -> None:
        at = self.place(data, places)
        del data[at : at + self.random.choice((1, 1, 2, 9, 100))]

    def repeat(self, data: bytearray, places: list[int]) -> None:
        at = self.place(data, places)
        part = data[at : at + self.random.choice((1, 2, 5, 20, 100))]
        data[at:at] = part * self.random.choice((1, 1, 2, 10, 200))

    def move(self, data: bytearray, places: list[int]) -> None:
        start, end = sorted((self.place(data, places), self.place(data, places)))
        part = data[start:end]
        del data[start:end]
        at = self.place(data, places)
        data[at:at] = part

    def splice(self, data: bytearray, places: list[int]) -> None:
        which = self.random.randrange(len(self.seeds))
        at, start = self.place(data, places), self.random.choice(self.places[which])
        data[at : at + self.random.choice((0, 0, 20, 10**6))] = self.seeds[which][start:][
            : self.random.choice((1, 10, 100, 10**6))
        ]

    def insert(self, data: bytearray, places: list[int]) -> None:
        at = self.place(data, places)
        data[at:at] = self.random.choice(SNIPPETS)

    def forge(self, data: bytearray, places: list[int]) -> None:
        """Another number where an instruction, or a zip's directory, keeps a length."""
        marks = [self.place(data, places) + 1]
        for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"):
            if (at := data.find(mark, self.random.randrange(len(data) + 1))) >= 0:
                marks.append(at + self.random.randrange(4, 56))
        at = self.random.choice(marks)
        width = self.random.choice((1, 2, 4, 8))
        length = self.random.choice(LENGTHS) + self.random.choice((0, 0, 1, -1))
        if at + width <= len(data):
            data[at : at + width] = struct.pack("<Q", length % 2**64)[:width]


WATCHED: list[str] | None = None  # what happens while a file is read


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if WATCHED is not None and event != "builtins.id":
        WATCHED.append(f"{event} {args[:1]}")


sys.addaudithook(_hear)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Python's own list of what is done meanwhile: imports, processes, files opened, code run."""
    global WATCHED
    WATCHED = events = []
    try:
        yield events
    finally:
        WATCHED = None


def attempt(path: Path, data: bytes) -> str:
    """Read one file: "read", "refused", or what went wrong."""
    path.write_bytes(data)
    begun = time.thread_time()  # of this thread alone: the machine may be busy
    with watched() as events:
        try:
            read(path)
            end = "read"
        except ModelError as error:
            end = "refused" if str(error).isprintable() else "not one sentence"
            end = "memory" if "more memory" in str(error) else end
        except Exception as error:
            end = f"crash: {type(error).__name__}"
    if time.thread_time() - begun > SECONDS:
        end = "hang"
    odd = [event for event in events if not (event.startswith("open ") and str(path) in event)]
    return f"trace: {odd[0]}" if odd else end


def traced(path: Path, data: bytes) -> str:
    """The same, its memory counted to the byte."""
    tracemalloc.start()
    try:
        end = attempt(path, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return "memory" if peak > 2 * len(data) + FLOOR_BYTES else end


@contextmanager
def bounded(nbytes: int) -> Iterator[None]:
    """No more address space than now and ``nbytes``."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + nbytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def fuzz(
    count: int, seed: int, seeds: dict[str, bytes] = SEEDS
) -> tuple[Counter[str], list[bytes]]:
    """How many files of ``count`` ended how, and those that ended badly."""
    mutator = Mutator(seed, seeds)
    ends: Counter[str] = Counter()
    bad = []
    memory = Path("/dev/shm")  # a disk would take most of the time
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        path = Path(folder) / "x.pkl"
        attempt(path, next(iter(seeds.values())))  # what numpy imports at first use
        with bounded(SLACK_BYTES + 4 * max(map(len, seeds.values()))):
            for number in range(count):
                data = mutator.next()
                end = (attempt if number % TRACED else traced)(path, data)
                ends[end] += 1
                if end not in ("read", "refused"):
                    bad.append(data)
        ends["trace: a file"] += len(list(Path(folder).iterdir())) - 1
    return +ends, bad


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--large", type=int, default=1000, help="how many of the size of a model")
    parser.add_argument("--bad", type=Path, default=Path("out/fuzz"), help="folder for findings")
    options = parser.parse_args()
    large = {path.name: path.read_bytes() for path in sorted(REFERENCE.glob("*.pkl"))}
    batches = [(10_000, SEEDS)] * math.ceil(options.count / 10_000)
    batches += [(100, large)] * math.ceil(options.large / 100) if large else []
    total: Counter[str] = Counter()
    begun = time.perf_counter()
    for number, (count, seeds) in enumerate(batches):
        faulthandler.dump_traceback_later(600, exit=True)  # an input that never ends
        ends, bad = fuzz(count, options.seed + number, seeds)
        total += ends
        for index, data in enumerate(bad):
            options.bad.mkdir(parents=True, exist_ok=True)
            (options.bad / f"{number}-{index}.bin").write_bytes(data)
        rate = total.total() / (time.perf_counter() - begun)
        print(f"{total.total():>9,} inputs, {rate:,.0f} a second: {dict(total)}", flush=True)
    sys.exit(total.total() != total["read"] + total["refused"])


if __name__ == "__main__":
    main()
