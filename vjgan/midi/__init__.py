"""MIDI controllers in: every matching port, drained without waiting, followed when replugged, and
taken up again when the MIDI server itself comes back. The ports are in ``inlet.py``."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import mido

from vjgan.errors import DeviceError
from vjgan.lamps import Messages
from vjgan.midi import inlet
from vjgan.midi.joined import PROGRAM, Joined
from vjgan.priority import step_ahead
from vjgan.types import Command, ControlEvent, Event, Pulse

LOG = logging.getLogger("vjgan")

PATIENCE = 5.0  # seconds to wait for the first word of the MIDI system
QUEUE_LENGTH = 65536  # messages kept while the loop is held up

# What each type of MIDI message means here (MIDI 1.0 Detailed Specification); others are ignored.
_MEANINGS: dict[str, Callable[[Any], Event]] = {
    "control_change": lambda m: ControlEvent(f"cc{m.control}", m.value / 127, m.channel + 1),
    "note_on": lambda m: ControlEvent(f"note{m.note}", m.velocity / 127, m.channel + 1),
    "note_off": lambda m: ControlEvent(f"note{m.note}", 0.0, m.channel + 1),
    "pitchwheel": lambda m: ControlEvent("pitch", _bend(m.pitch), m.channel + 1),
    "aftertouch": lambda m: ControlEvent("touch", m.value / 127, m.channel + 1),
    "polytouch": lambda m: ControlEvent(f"touch{m.note}", m.value / 127, m.channel + 1),
    "program_change": lambda m: Command("preset", m.program + 1),
    "clock": lambda m: Pulse("clock"),
    "start": lambda m: Pulse("start"),
    "continue": lambda m: Pulse("continue"),
    "stop": lambda m: Pulse("stop"),
    "songpos": lambda m: Pulse("song", value=m.pos),
}


def _bend(pitch: int) -> float:
    """A pitch wheel's -8192..8191 as 0..1, with its resting place at exactly 0.5."""
    return 0.5 + pitch / (16384 if pitch < 0 else 16382)


def parse(data: Sequence[int], age: float = 0.0, port: str = "") -> Event | None:
    """The event that a MIDI message (its bytes) stands for, which came ``age`` seconds ago from
    ``port``; None for a type that steers nothing and for a malformed message."""
    try:
        message = mido.Message.from_bytes(data)
    except ValueError:
        return None
    meaning = _MEANINGS.get(message.type)
    event = meaning(message) if meaning else None
    if isinstance(event, Pulse):
        return Pulse(event.kind, age, event.value, port)
    if isinstance(event, ControlEvent):
        return ControlEvent(event.source, event.value, event.channel, port)
    return event


def ports(api: str | None = None) -> list[str]:
    """The names of the MIDI inputs that are there now, "Midi Through" left out; none where MIDI
    does not answer. ``api`` is alsa, jack, coremidi or winmm; None takes what has controllers.

    Raises DeviceError when ``api`` is not one that is compiled in."""
    _check_api(api)
    return inlet.listed(api)


class MidiIn:
    """All MIDI inputs whose name contains ``name`` (case does not count; None takes every one but
    "Midi Through"), and an input of our own, ``vjgan``, to which other programs may connect.

    Controllers that appear, vanish and come back are followed, and so is the MIDI server. Raises
    DeviceError when ``api`` is not compiled in; no MIDI at all is fine, and ``check`` tells whether
    ``name`` is there."""

    def __init__(self, name: str | None = None, api: str | None = None) -> None:
        _check_api(api)
        self.name = name
        self._api = api
        self._messages: deque[tuple[float, str, list[int]]] = deque(maxlen=QUEUE_LENGTH)
        self._joined = Joined()
        self._open: list[str] = []
        self._there: list[str] = []
        self._lost: set[str] = set()
        self._told = threading.Event()  # the MIDI system has said its first word
        self._closed = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._lamps: dict[str, dict[str, Messages]] = {}  # what they show, by controller
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._listen, name="midi", daemon=True)
        self._thread.start()
        self._told.wait(PATIENCE)

    def check(self) -> None:
        """Raise DeviceError, listing what is there, when no input matches the name asked for."""
        if self.name is None or self._open:
            return
        names = ", ".join(f"'{name}'" for name in self._there) or "none"
        raise DeviceError(f"no MIDI input matches '{self.name}'; there are: {names}")

    def names(self) -> list[str]:
        """The inputs that are open now."""
        return list(self._open)

    def read(self) -> list[Event]:
        """What came in since the last call, in order; never waits."""
        now = time.perf_counter()
        events: list[Event] = []
        while self._messages:
            stamp, port, data = self._messages.popleft()
            event = parse(data, max(0.0, now - stamp), port)
            if event is None:
                continue
            if data[0] & 0xF0 == PROGRAM:
                event = Command("preset", self._joined.program(port, data, stamp) + 1)
            events.append(event)
            if isinstance(event, ControlEvent):
                for source, value in self._joined.take(port, data, stamp):
                    events.append(ControlEvent(source, value, event.channel, port))
        for port, channel, (source, value) in self._joined.overdue():
            events.append(ControlEvent(source, value, channel, port))
        return events

    def light(self, controller: str, lamps: Mapping[str, Messages]) -> None:
        """Let lamps, by names of their own, show what these messages say, on all ports whose name
        contains that of the ``controller``, now and whenever they come. Not for the loop: it may
        wait. A port is told 16 lamps at once, thirty times a second, the newest message of each."""
        with self._writing:
            self._lamps.setdefault(controller, {}).update(lamps)
            self._write({controller: lamps})

    def close(self) -> None:
        """Close every port; ``read`` is empty from then on."""
        self._closed.set()
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(timeout=2.0)
            except subprocess.TimeoutExpired:  # stuck in the MIDI system
                process.kill()
        self._thread.join(timeout=2.0)
        self._messages.clear()
        self._open = []

    def _listen(self) -> None:
        step_ahead(inlet.STEPS)
        while not self._closed.is_set():
            try:
                self._hear()
            except OSError as error:
                LOG.error("MIDI: controllers are not heard: %s", error)
            self._told.set()
            if not self._closed.is_set() and self._api:
                if self._open or not self._lost:
                    LOG.warning("MIDI: the %s server is gone; waiting for it", self._api)
                self._lost |= set(map(inlet.plain, self._open)) | {""}
                self._open, self._there = [], []
            self._closed.wait(inlet.RETRY)

    def _hear(self) -> None:
        """Listen by a process of its own, until it ends."""
        program = [sys.executable, "-P", inlet.__file__, self._api or "", self.name or ""]
        with subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            with self._writing:
                self._process = process
                self._write(self._lamps)
            if self._closed.is_set() and process.stdin is not None:
                process.stdin.close()
            assert process.stdout is not None
            for line in process.stdout:
                with suppress(ValueError):  # of a line that was cut off
                    self._take(json.loads(line))

    def _write(self, words: Mapping[str, Mapping[str, Messages]]) -> None:
        process = self._process
        if words and process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):  # it has ended, and the next one is told all
                process.stdin.write(json.dumps(words) + "\n")
                process.stdin.flush()

    def _take(self, word: Any) -> None:
        if isinstance(word, list):
            self._messages.append((word[0], word[1], word[2]))
            return
        if not word["api"]:
            LOG.info("MIDI: none here (no %s)", self._api or "MIDI system answers")
        self._api = word["api"] or self._api
        before, self._open, self._there = self._open, word["open"], word["there"]
        self._tell(set(before) - set(self._open), sorted(set(self._open) - set(before)))
        if not self._pending():
            self._told.set()

    def _pending(self) -> bool:
        """Whether a port that is there, and asked for, is not open yet."""
        wanted = {name for name in self._there if inlet.matches(name, self.name)}
        return not wanted <= set(self._open)

    def _tell(self, gone: Iterable[str], come: Iterable[str]) -> None:
        for name in map(inlet.plain, gone):
            LOG.warning("MIDI: '%s' is gone; waiting for it", name)
            self._lost.add(name)
        for name in map(inlet.plain, come):
            LOG.info("MIDI: '%s' is %s", name, "back" if name in self._lost else "here")
            self._lost.discard(name)


def _check_api(api: str | None) -> None:
    try:
        inlet.candidates(api)
    except ValueError as error:
        raise DeviceError(str(error)) from None
