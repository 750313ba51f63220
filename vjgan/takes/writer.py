"""Records a take while it is played: the loop and the ear leave what they know, a thread writes."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vjgan.errors import MediaError
from vjgan.files import read_text
from vjgan.priority import step_back
from vjgan.takes.columns import FEATURES, FRAMES, Packer, in_letters, row
from vjgan.takes.tape import TapeWriter
from vjgan.types import Beat, Command, ControlEvent, Event, Features, Setting, Tick, Visit

log = logging.getLogger("vjgan")

FLUSH_SECONDS = 1.0  # as much is lost in a crash
NICENESS = 10
MOST_WAITING = 100_000  # of each, if the disk takes nothing: minutes
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entrance:
    """A preset that enters at ``time``: its key, the file it was read from and what that said. Of
    a score, which ``chapter`` it is."""

    time: float
    key: str
    source: Path | None
    crossfade_beats: float
    text: str = ""
    chapter: int | None = None


class TakeWriter:
    """A take on its way to a file. All but `flush` and `close` return at once; what fails is logged
    once, and ``failed`` is true from then on."""

    def __init__(self, path: Path, about: Mapping[str, Any], made: Callable[[], str]) -> None:
        """``about`` says what is played (seed, model, input), ``made`` when. Raises MediaError."""
        self.path = path
        self.failed = False
        self.bytes = 0
        self._tape = TapeWriter(path)
        self._heard, self._seen = Packer(FEATURES), Packer(FRAMES)
        self._clocks: list[str] = []
        self._features: deque[Features] = deque(maxlen=MOST_WAITING)
        self._places: deque[tuple[float, float]] = deque(maxlen=MOST_WAITING)
        self._frames: deque[tuple[Tick, Beat]] = deque(maxlen=MOST_WAITING)
        self._events: deque[tuple[float, Event]] = deque(maxlen=MOST_WAITING)
        self._entrances: deque[Entrance] = deque(maxlen=MOST_WAITING)
        self._over = threading.Event()
        self._about = {"made": made(), **about, "features": FEATURES, "frames": FRAMES}
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="take", daemon=True)
        self._thread.start()

    def hear(self, features: Features, place: float | None) -> None:
        """What the ear knows; ``place`` is where in the track that was (s), if it is one."""
        self._features.append(features)
        if place is not None:
            self._places.append((features.time, place))

    def gesture(self, event: Event, tick: Tick) -> None:
        """What a hand did. The pulses of a clock are in the beat; a face without a name, as a
        camera sees it, is nobody's to keep."""
        named = isinstance(event, Visit) and event.name
        if isinstance(event, ControlEvent | Setting | Command) or named:
            self._events.append((tick.time, event))

    def enter(self, entrance: Entrance) -> None:
        """A preset enters."""
        self._entrances.append(entrance)

    def frame(self, tick: Tick, beat: Beat) -> None:
        """A frame was shown."""
        self._frames.append((tick, beat))

    def flush(self) -> None:
        """Write what waits, as the thread does each second; nothing where nothing waits."""
        with self._writing:
            if self._about:
                self._put(self._about)
                self._about = {}
            if self._features or self._frames or self._events or self._entrances:
                self._record()

    def close(self) -> None:
        """Write what is left, and end."""
        self._over.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        step_back(NICENESS)
        self.flush()
        while not self._over.wait(FLUSH_SECONDS):
            self.flush()
        self.flush()
        self._tape.close()

    def _record(self) -> None:
        features, frames = drained(self._features), drained(self._frames)
        heard = self._heard.pack([row(one) for one in features])
        words: dict[str, Any] = {
            "events": [as_list(time, event) for time, event in drained(self._events)],
            "entrances": [_told(one) for one in drained(self._entrances)],
            "places": drained(self._places)[-1:],
            "heard": len(heard),
        }
        seen = self._seen.pack([self._row(*one) for one in frames])
        self._put({"clocks": self._clocks, **words}, heard + seen)

    def _row(self, tick: Tick, beat: Beat) -> tuple[float, ...]:
        if beat.source not in self._clocks:
            self._clocks.append(beat.source)
        source = self._clocks.index(beat.source)
        delay = tick.present_time - tick.time
        return tick.time, delay, beat.position, beat.bpm, beat.confidence, beat.downbeat, source

    def _put(self, words: dict[str, Any], numbers: bytes = b"") -> None:
        if self.failed:
            return
        try:
            self._tape.append(words, numbers)
        except MediaError as error:
            self.failed = True
            log.error("%s; the show goes on without", error)
        self.bytes = self._tape.bytes


def as_list(time: float, event: Event) -> list[Any]:
    """A gesture as JSON has it: kind, time, and what there is to say."""
    match event:
        case ControlEvent():
            return ["control", time, event.source, event.value, event.channel, event.port]
        case Setting():
            return ["set", time, event.name, event.value]
        case Command():
            return ["command", time, event.name, event.value]
        case Visit():
            return ["visit", time, event.name, in_letters(event.w)]
        case _:
            raise TypeError(f"a {type(event).__name__} is not kept in takes")


def _told(entrance: Entrance) -> dict[str, Any]:
    try:
        text = read_text(entrance.source) if entrance.source else ""
    except (OSError, UnicodeDecodeError):  # taken away in this second
        text = ""
    return {
        "time": entrance.time,
        "key": entrance.key,
        "source": str(entrance.source or ""),
        "crossfade_beats": entrance.crossfade_beats,
        "text": text,
        "chapter": entrance.chapter,
    }


def drained(waiting: deque[T]) -> list[T]:
    """All that waits, oldest first."""
    return [waiting.popleft() for _ in range(len(waiting))]
