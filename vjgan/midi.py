"""MIDI controllers in: every matching port, drained without waiting, followed when replugged.

RtMidi's own thread fills a queue per port and the frame loop empties it. No Python callback is set:
under JACK it would run in the real-time thread and wait there for the interpreter.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mido
import rtmidi

from vjgan.errors import DeviceError
from vjgan.types import Command, ControlEvent, Event

LOG = logging.getLogger("vjgan")

APIS = {
    "alsa": rtmidi.API_LINUX_ALSA,
    "jack": rtmidi.API_UNIX_JACK,
    "coremidi": rtmidi.API_MACOSX_CORE,
    "winmm": rtmidi.API_WINDOWS_MM,
}

# Unplugging raises nothing and leaves the port "open": only the list of ports tells. Listing takes
# 0.1 ms, and a controller put back within one round would not be noticed, so rounds are short.
ROUND = 0.25  # seconds
QUEUE_LENGTH = 4096  # messages a port keeps while the loop is held up: 4 s of a full MIDI cable

# The kernel's loop-back port is always there and is nobody's controller.
_THROUGH = "midi through"
# ALSA ends a name with client:port numbers, which change when a controller is plugged again.
_ALSA_NUMBERS = re.compile(r"\s+\d+:\d+$")

# What each type of MIDI message means here (MIDI 1.0 Detailed Specification); others are ignored.
_MEANINGS: dict[str, Callable[[Any], Event]] = {
    "control_change": lambda m: ControlEvent(f"cc{m.control}", m.value / 127, m.channel + 1),
    "note_on": lambda m: ControlEvent(f"note{m.note}", m.velocity / 127, m.channel + 1),
    "note_off": lambda m: ControlEvent(f"note{m.note}", 0.0, m.channel + 1),
    "pitchwheel": lambda m: ControlEvent("pitch", _bend(m.pitch), m.channel + 1),
    "program_change": lambda m: Command("preset", m.program + 1),
}


def _bend(pitch: int) -> float:
    """A pitch wheel's -8192..8191 as 0..1, with its resting place at exactly 0.5."""
    return 0.5 + pitch / (16384 if pitch < 0 else 16382)


def parse(data: Sequence[int]) -> Event | None:
    """The event that a MIDI message (its bytes) stands for; None for a type that steers nothing
    and for a malformed message."""
    try:
        message = mido.Message.from_bytes(data)
    except ValueError:
        return None
    meaning = _MEANINGS.get(message.type)
    return meaning(message) if meaning else None


def ports(api: str | None = None) -> list[str]:
    """The names of the MIDI inputs that are there now, "Midi Through" left out; none where MIDI
    does not answer. ``api`` is alsa, jack, coremidi or winmm; None takes what has controllers.

    Raises DeviceError when ``api`` is not one that is compiled in."""
    client = _connect(api)
    if client is None:
        return []
    try:
        return _real(client)
    finally:
        client.delete()


class MidiIn:
    """All MIDI inputs whose name contains ``name`` (case does not count; None takes every one but
    "Midi Through"), and an input of our own, ``vjgan``, to which other programs may connect.

    Controllers that appear, vanish and come back are followed. Raises DeviceError when ``api`` is
    not compiled in; no MIDI at all is fine, and ``check`` tells whether ``name`` is there."""

    def __init__(self, name: str | None = None, api: str | None = None) -> None:
        self.name = name
        self._open: dict[str, rtmidi.MidiIn] = {}
        self._lost: set[str] = set()
        self._listed: set[str] = set()  # in the round before this one
        self._swap = threading.Lock()  # held to exchange or drain _open, never to open a port
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._client = _connect(api)
        if self._client is None:
            LOG.info("MIDI: none here (no %s)", api or "MIDI system answers")
            return
        self._listed = set(self._client.get_ports())
        self._follow(self._client)
        self._thread = threading.Thread(
            target=self._watch, args=(self._client,), name="midi-watch", daemon=True
        )
        self._thread.start()

    def check(self) -> None:
        """Raise DeviceError, listing what is there, when no input matches the name asked for."""
        if self.name is None or self._open:
            return
        there = _real(self._client) if self._client else []
        names = ", ".join(f"'{name}'" for name in there) or "none"
        raise DeviceError(f"no MIDI input matches '{self.name}'; there are: {names}")

    def names(self) -> list[str]:
        """The inputs that are open now."""
        return list(self._open)

    def read(self) -> list[Event]:
        """What came in since the last call, port by port, in order; never waits."""
        with self._swap:
            messages = [data for port in self._open.values() for data in _drain(port)]
            if self._client is not None:
                messages += _drain(self._client)
        return [event for event in map(parse, messages) if event is not None]

    def close(self) -> None:
        """Close every port; ``read`` is empty from then on."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
            if self._thread.is_alive():  # stuck in the MIDI system: the process's end frees it
                return
        with self._swap:
            clients = [*self._open.values(), self._client]
            self._open, self._client = {}, None
        for client in clients:
            if client is not None:
                client.delete()

    def _watch(self, client: rtmidi.MidiIn) -> None:
        while not self._stopped.wait(ROUND):
            try:
                self._follow(client)
            except Exception:  # whatever the driver says, the show goes on
                LOG.exception("MIDI: controllers are no longer followed")
                return

    def _follow(self, client: rtmidi.MidiIn) -> None:
        """Open what has come and drop what has gone since the last round."""
        listed = set(client.get_ports())
        wanted = {name for name in listed if name and self._matches(name)}
        gone = self._open.keys() - wanted
        # A port listed for the first time may not take connections yet: it is opened a round later.
        come = (wanted & self._listed) - self._open.keys()
        self._listed = listed
        if not gone and not come:
            return
        api = client.get_current_api()
        opened = {name: port for name in sorted(come) if (port := _open_port(name, api))}
        kept = {name: port for name, port in self._open.items() if name not in gone}
        dropped = [self._open[name] for name in gone]
        with self._swap:
            self._open = kept | opened
        for port in dropped:
            port.delete()
        self._tell(gone, opened)

    def _tell(self, gone: Iterable[str], come: Iterable[str]) -> None:
        for name in map(_plain, gone):
            LOG.warning("MIDI: '%s' is gone; waiting for it", name)
            self._lost.add(name)
        for name in map(_plain, come):
            LOG.info("MIDI: '%s' is %s", name, "back" if name in self._lost else "here")
            self._lost.discard(name)

    def _matches(self, name: str) -> bool:
        if self.name is None:
            return _THROUGH not in name.lower()
        return _plain(self.name).lower() in name.lower()


def _plain(name: str) -> str:
    return _ALSA_NUMBERS.sub("", name)


def _open_port(name: str, api: int) -> rtmidi.MidiIn | None:
    """A client listening to the port ``name``, or None if it has gone again."""
    port = rtmidi.MidiIn(api, "vjgan", QUEUE_LENGTH)
    try:
        port.open_port(port.get_ports().index(name), "in")
    except (ValueError, rtmidi.RtMidiError):
        port.delete()
        return None
    return port


def _drain(port: rtmidi.MidiIn) -> Iterator[list[int]]:
    for _ in range(QUEUE_LENGTH):  # a port that floods must not hold the frame for ever
        item = port.get_message()
        if item is None:
            return
        yield item[0]


def _real(client: rtmidi.MidiIn) -> list[str]:
    return [name for name in client.get_ports() if name and _THROUGH not in name.lower()]


def _connect(api: str | None) -> rtmidi.MidiIn | None:
    """A client of the API asked for, or of the first one that lists a controller, or of the first
    that answers; it holds our own input. None when nothing answers."""
    answering: list[rtmidi.MidiIn] = []
    with _hushed():
        for candidate in _candidates(api):
            try:
                client = rtmidi.MidiIn(candidate, "vjgan", QUEUE_LENGTH)
            except rtmidi.RtMidiError:
                continue
            answering.append(client)
    if not answering:
        return None
    chosen = next((client for client in answering if _real(client)), answering[0])
    for client in answering:
        if client is not chosen:
            client.delete()
    if chosen.get_current_api() != rtmidi.API_WINDOWS_MM:  # which cannot have ports of our own
        chosen.open_virtual_port("in")
    return chosen


def _candidates(api: str | None) -> list[int]:
    compiled = {name: id_ for name, id_ in APIS.items() if id_ in rtmidi.get_compiled_api()}
    if api is None:
        return list(compiled.values())
    if api not in compiled:
        raise DeviceError(f"MIDI API '{api}' is not here; allowed: {', '.join(compiled)}")
    return [compiled[api]]


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what ALSA and JACK write to standard error, when they are merely absent, off it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
