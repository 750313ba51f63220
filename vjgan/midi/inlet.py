"""Every matching MIDI port, listened to and told what to show by a process of its own: the only
file that knows rtmidi.

Opening a port takes up to a tenth of a second, in which rtmidi holds the interpreter's lock, and a
client whose MIDI server has died crashes who closes it. Neither must touch a show, so this file is
also a program, which needs nothing of vjgan that takes time to load and ends when its standard
input does.

What it hears it writes as lines of JSON: ``[time, port, bytes]`` for a message, and an object with
``api``, ``open`` and ``there`` whenever ports have come or gone. What lamps shall show it reads:
``{part of a port's name: {lamp: [bytes, ...]}}``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import rtmidi

from vjgan.lamps import Outlets, Words
from vjgan.priority import step_ahead

APIS = {
    "alsa": rtmidi.API_LINUX_ALSA,
    "jack": rtmidi.API_UNIX_JACK,
    "coremidi": rtmidi.API_MACOSX_CORE,
    "winmm": rtmidi.API_WINDOWS_MM,
}

# Unplugging raises nothing and leaves the port "open": only the list of ports tells. Listing takes
# 0.1 ms, and a controller put back within one round would not be noticed, so rounds are short.
ROUND = 0.25  # seconds
LOOK = 0.004  # seconds between two looks into the queues
RETRY = 1.0  # seconds between two attempts to reach a MIDI system
QUEUE_LENGTH = 4096  # messages a port keeps while nobody looks: 4 s of a full MIDI cable
MISSED = 14  # rounds in which our own message did not come back: the server is dead, or hangs
LEAVE_SECONDS = 0.05  # in which what was sent last leaves
STEPS = 5  # of priority: it takes little time, and a hand sees at once what comes late
DRIFT = 1e-4  # seconds a second, by which two clocks may part

# The kernel's loop-back port is always there and is nobody's controller.
THROUGH = "midi through"
OURS = "vjgan"
WATCH = "vjgan-watch"
# ALSA ends a name with client:port numbers, which change when a controller is plugged again.
_ALSA_NUMBERS = re.compile(r"\s+\d+:\d+$")


def plain(name: str) -> str:
    """A port's name without what changes when it is plugged again."""
    return _ALSA_NUMBERS.sub("", name)


def matches(name: str, wanted: str | None) -> bool:
    """Whether a port is one of those asked for (case does not count; None: any controller), and
    not of a program such as this one."""
    if not name or name.startswith(OURS) or WATCH in name:
        return False
    if wanted is None:
        return THROUGH not in name.lower()
    return plain(wanted).lower() in name.lower()


def candidates(api: str | None) -> list[int]:
    """The APIs to try. Raises ValueError, naming those compiled in, when ``api`` is not."""
    compiled = {name: id_ for name, id_ in APIS.items() if id_ in rtmidi.get_compiled_api()}
    if api is None:
        return list(compiled.values())
    if api not in compiled:
        raise ValueError(f"MIDI API '{api}' is not here; allowed: {', '.join(compiled)}")
    return [compiled[api]]


def listed(api: str | None) -> list[str]:
    """The controllers that are there now; none where MIDI does not answer."""
    with _hushed():
        client = connect(api)
        if client is None:
            return []
        try:
            return controllers(client)
        finally:
            client.delete()


def connect(api: str | None) -> rtmidi.MidiIn | None:
    """A client of the API asked for, or of the first one that lists a controller, or of the first
    that answers; it holds our own input. None when nothing answers."""
    answering: list[rtmidi.MidiIn] = []
    for candidate in candidates(api):
        with suppress(rtmidi.RtMidiError):
            answering.append(rtmidi.MidiIn(candidate, "vjgan", QUEUE_LENGTH))
    if not answering:
        return None
    chosen = next((client for client in answering if controllers(client)), answering[0])
    for client in answering:
        if client is not chosen:
            client.delete()
    if _virtual(chosen):
        chosen.open_virtual_port("in")
    return chosen


def controllers(client: rtmidi.MidiIn) -> list[str]:
    """The ports that are somebody's."""
    return [name for name in client.get_ports() if matches(name, None)]


def _virtual(client: rtmidi.MidiIn) -> bool:
    return bool(client.get_current_api() != rtmidi.API_WINDOWS_MM)  # has no ports of our own


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


class _Port:
    """An open port, and when its messages came on this process's clock. The driver tells the time
    between messages; the soonest that one was ever found in the queue tells the rest."""

    def __init__(self, client: rtmidi.MidiIn, name: str) -> None:
        self.client = client
        self.name = name
        self._stamp = self._looked = 0.0
        self._offset: float | None = None
        client.ignore_types(sysex=True, timing=False, active_sense=True)

    def drain(self) -> list[tuple[float, str, list[int]]]:
        """What came since the last call."""
        found = []
        for _ in range(QUEUE_LENGTH):
            item = self.client.get_message()
            if item is None:
                break
            self._stamp += item[1]
            found.append((self._stamp, item[0]))
        if not found:
            return []
        now = time.perf_counter()
        latest = now - self._stamp
        drifted = latest if self._offset is None else self._offset + DRIFT * (now - self._looked)
        self._offset, self._looked = min(drifted, latest), now
        return [(stamp + self._offset, self.name, data) for stamp, data in found]


class _Speakers:
    """The outputs of a MIDI system, by name."""

    def __init__(self, api: int) -> None:
        self._api = api
        self._lister: rtmidi.MidiOut | None = None

    def names(self) -> list[str]:
        """Those of somebody's controllers."""
        if self._lister is None:
            self._lister = rtmidi.MidiOut(self._api, "vjgan")
        return [name for name in self._lister.get_ports() if matches(name, None)]

    def open(self, name: str) -> rtmidi.MidiOut | None:
        """A client that speaks to an output, or None if it has gone again."""
        client = rtmidi.MidiOut(self._api, "vjgan")
        try:
            client.open_port(client.get_ports().index(name), "out")
        except (ValueError, rtmidi.RtMidiError):
            client.delete()
            return None
        return client

    def close(self) -> None:
        """Leave the MIDI system in order."""
        if self._lister is not None:
            self._lister.delete()


class Inlet:
    """The ports that match a name, and ``vjgan:in``, to which other programs may connect."""

    def __init__(self, client: rtmidi.MidiIn, wanted: str | None, words: deque[Words]) -> None:
        self._client = client
        self._wanted = wanted
        self._words = words
        self._api: int = client.get_current_api()
        self._own = _Port(client, "vjgan")
        self._open: dict[str, _Port] = {}
        self._listed: set[str] = set(client.get_ports())
        self._said = ""
        self._missed = 0
        self._watcher: rtmidi.MidiOut | None = None
        self._watched: rtmidi.MidiIn | None = None
        self._speakers = _Speakers(self._api)
        self._outlets = Outlets(self._speakers.names, self._speakers.open)
        if _virtual(client):
            self._watch()

    def run(self, ended: threading.Event) -> None:
        """Say what is heard, until ``ended``."""
        due = time.perf_counter()
        while not ended.is_set():
            for port in (self._own, *self._open.values()):
                for stamp, name, data in port.drain():
                    _say([round(stamp, 6), name, data])
            sys.stdout.flush()
            while self._words:
                self._outlets.want(self._words.popleft())
            self._outlets.send(time.perf_counter())
            if time.perf_counter() >= due:
                due = time.perf_counter() + ROUND
                self._follow()
                self._outlets.follow(due)
                self._check()
            time.sleep(LOOK)

    def close(self) -> None:
        """Leave the MIDI system in order."""
        while self._words:
            self._outlets.want(self._words.popleft())
        self._outlets.finish()
        time.sleep(LEAVE_SECONDS)
        self._outlets.close()
        self._speakers.close()
        for port in self._open.values():
            port.client.delete()
        for client in (self._watched, self._watcher, self._client):
            if client is not None:
                client.delete()

    def _follow(self) -> None:
        """Open what has come and drop what has gone since the last round."""
        there = set(self._client.get_ports())
        wanted = {name for name in there if matches(name, self._wanted)}
        for name in self._open.keys() - wanted:
            self._open.pop(name).client.delete()
        # A port listed for the first time may not take connections yet: it is opened a round later.
        for name in sorted((wanted & self._listed) - self._open.keys()):
            client = self._opened(name)
            if client is not None:
                self._open[name] = _Port(client, plain(name))
        self._listed = there
        api = next(name for name, id_ in APIS.items() if id_ == self._api)
        state = {"api": api, "open": list(self._open), "there": controllers(self._client)}
        if self._said != str(state):
            self._said = str(state)
            _say(state)

    def _opened(self, name: str) -> rtmidi.MidiIn | None:
        """A client listening to the port ``name``, or None if it has gone again."""
        client = rtmidi.MidiIn(self._api, "vjgan", QUEUE_LENGTH)
        try:
            client.open_port(client.get_ports().index(name), "in")
        except (ValueError, rtmidi.RtMidiError):
            client.delete()
            return None
        return client

    def _watch(self) -> None:
        """Lay a cable from us to us: a list of ports stays as it was when its server dies."""
        name = f"{WATCH}-{os.getpid()}"
        self._watcher = rtmidi.MidiOut(self._api, "vjgan")
        self._watcher.open_virtual_port(name)
        for _ in range(20):
            found = [port for port in self._client.get_ports() if name in port]
            self._watched = self._opened(found[0]) if found else None
            if self._watched is not None:
                return
            time.sleep(0.02)

    def _check(self) -> None:
        """End at once, leaving all as it is, when the MIDI server does not carry messages."""
        if self._watcher is None or self._watched is None:
            return
        self._missed += 1
        while self._watched.get_message() is not None:
            self._missed = 0
        if self._missed > MISSED:
            sys.stdout.flush()
            os._exit(1)
        self._watcher.send_message([0xB0, 0, 0])


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")


def main(api: str | None, wanted: str | None) -> None:
    """Listen until standard input ends."""
    step_ahead(STEPS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the show that ends, and then we do
    ended = threading.Event()
    words: deque[Words] = deque()

    def wait() -> None:
        for line in sys.stdin:
            words.append(json.loads(line))
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    said = False
    while not ended.is_set():
        client = connect(api)
        if client is not None:
            inlet = Inlet(client, wanted, words)
            inlet.run(ended)
            inlet.close()
        elif not said:
            said = True
            _say({"api": "", "open": [], "there": []})
            sys.stdout.flush()
        ended.wait(RETRY)


if __name__ == "__main__":
    main(*(word or None for word in sys.argv[1:3]))
