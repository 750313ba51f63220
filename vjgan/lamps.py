"""What lamps, rings and motor faders of controllers have been told, and what they are told next.

Belongs to the process that speaks to MIDI ports, and needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

EVERY_SECONDS = 1 / 30  # from one round to the next
MOST = 16  # lamps a round: half of what a MIDI cable carries
AGAIN_SECONDS = 2.0  # after which all are told again: some controllers forget, cables lose

Messages = list[list[int]]
Words = dict[str, dict[str, Messages]]  # what lamps shall show, by controller and lamp


class Outlet(Protocol):
    """An open port."""

    def send_message(self, message: list[int]) -> None: ...

    def delete(self) -> None: ...


class Lamps:
    """The lamps of one port, dark until ``start``. What changes faster than it can be told is told
    as it stands last; who has waited longest goes first."""

    def __init__(self, start: float) -> None:
        self._due = start
        self._again = start + AGAIN_SECONDS
        self._told: dict[str, Messages] = {}
        self._waiting: dict[str, Messages] = {}  # in the order in which they began to

    def want(self, lamps: Mapping[str, Messages]) -> None:
        """Let lamps, by any name of theirs, be told these messages."""
        for name, messages in lamps.items():
            if messages != self._told.get(name):
                self._waiting[name] = messages
            else:
                self._waiting.pop(name, None)

    def due(self, time: float) -> Messages:
        """What to send now."""
        if time < self._due:
            return []
        if time >= self._again:
            self._again = time + AGAIN_SECONDS
            self._waiting |= {k: v for k, v in self._told.items() if k not in self._waiting}
        if not self._waiting:
            return []
        self._due = time + EVERY_SECONDS
        return self._take(MOST)

    def rest(self) -> Messages:
        """All that has not been sent, for the end."""
        return self._take(len(self._waiting))

    def _take(self, count: int) -> Messages:
        names = list(self._waiting)[:count]
        for name in names:
            self._told[name] = self._waiting.pop(name)
        return [message for name in names for message in self._told[name]]


class Outlets:
    """The ports of controllers that show something. One that comes back is told all of it anew.
    ``names`` lists the ports that are there, ``open_`` opens one, if it still is."""

    def __init__(
        self, names: Callable[[], Sequence[str]], open_: Callable[[str], Outlet | None]
    ) -> None:
        self._names = names
        self._open_one = open_
        self._wanted: Words = {}
        self._open: dict[str, tuple[Outlet, Lamps]] = {}
        self._listed: set[str] = set()

    def want(self, words: Words) -> None:
        """Let the lamps of controllers, by a part of their ports' names, show something else."""
        for name, lamps in words.items():
            self._wanted.setdefault(name, {}).update(lamps)
            for port, (_, told) in self._open.items():
                if name.lower() in port.lower():
                    told.want(lamps)

    def send(self, time: float) -> None:
        """Send what is due."""
        for outlet, lamps in self._open.values():
            for message in lamps.due(time):
                outlet.send_message(message)

    def follow(self, start: float) -> None:
        """Open what has come and drop what has gone since the last time. A new port is told nothing
        before ``start``: what is sent before its cable is laid would be lost."""
        if not self._wanted:
            return
        there = {name for name in self._names() if self._lamps_of(name)}
        for name in self._open.keys() - there:
            self._open.pop(name)[0].delete()
        for name in sorted((there & self._listed) - self._open.keys()):
            outlet = self._open_one(name)
            if outlet is not None:
                self._open[name] = outlet, Lamps(start)
                self._open[name][1].want(self._lamps_of(name))
        self._listed = there

    def finish(self) -> None:
        """Send all that waits."""
        for outlet, lamps in self._open.values():
            for message in lamps.rest():
                outlet.send_message(message)

    def close(self) -> None:
        """Let the ports go."""
        for outlet, _ in self._open.values():
            outlet.delete()
        self._open = {}

    def _lamps_of(self, port: str) -> dict[str, Messages]:
        """What a port shall show, by the names of all controllers that it is."""
        found: dict[str, Messages] = {}
        for name, lamps in self._wanted.items():
            if name.lower() in port.lower():
                found |= lamps
        return found
