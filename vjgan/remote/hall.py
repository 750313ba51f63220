"""The pages that are there: they come in by the door, are paired, and are let go when they stay
behind."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from vjgan.remote.door import Door
from vjgan.remote.files import Files
from vjgan.remote.pairing import Pairing
from vjgan.remote.words import Hello, Pair

WAITS = 6000  # looks, five minutes, in which to type the code


@dataclass(frozen=True, slots=True)
class Manners:
    """What is suffered of a page: so many ``words`` of so many ``bytes`` from one look to the next,
    ``behind`` bytes unsent until it gets no pictures, ``lost`` until it is let go, and comes back
    by itself."""

    words: int
    bytes: int
    behind: int
    lost: int


class Guest:
    """A page that is connected."""

    def __init__(self, connection: ServerConnection, local: bool, manners: Manners) -> None:
        self.connection = connection
        self.local = local
        self.manners = manners
        self.joined = False
        self.fresh = True  # has not yet been told everything
        self.words = 0  # since the last look
        self.waits = 0  # looks for which it has not joined
        self.owed: list[str] = []  # names of pictures

    def unsent(self) -> int:
        """Bytes that wait for its network."""
        return self.connection.transport.get_write_buffer_size()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message without waiting."""
        broadcast([self.connection], text(message))

    def send(self, data: bytes) -> None:
        """Send a binary message without waiting."""
        broadcast([self.connection], data)

    def keeps_up(self) -> bool:
        """Whether its network takes more."""
        return self.unsent() < self.manners.behind


SomeGuest = TypeVar("SomeGuest", bound=Guest)
Word = TypeVar("Word")


class Hall(Generic[SomeGuest, Word]):
    """Everybody who is there. Pages on other machines need to be paired before they are heard.

    ``receive`` makes a guest of a connection, ``understand`` reads a message, ``obey`` does what a
    guest who has joined asks for, and is False where it must not, or cannot be."""

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        pairing: Pairing | None,
        files: Files,
        manners: Manners,
        receive: Callable[[ServerConnection, bool, Manners], SomeGuest],
        understand: Callable[[str | bytes], Word | None],
        obey: Callable[[SomeGuest, Word], bool],
    ) -> None:
        self.dropped = 0  # messages that were malformed, unknown or too many
        self._guests: set[SomeGuest] = set()
        self._manners = manners
        self._receive, self._understand, self._obey = receive, understand, obey
        self._door = Door(
            sock, host, pairing, files, lambda local: sum(g.local == local for g in self._guests)
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The server at work."""
        async with self._door.open(self._welcome, self._manners.bytes):
            yield

    def look(self) -> list[SomeGuest]:
        """Those who have joined; a look is over, and whoever stays behind is let go."""
        for guest in self._guests:
            guest.words = 0
            guest.waits += not guest.joined
            if guest.unsent() > self._manners.lost or guest.waits > WAITS:
                guest.connection.transport.abort()
        return [guest for guest in self._guests if guest.joined]

    async def _welcome(self, connection: ServerConnection) -> None:
        """Listen to a page for as long as it is there."""
        guest = self._receive(connection, self._door.is_local(connection), self._manners)
        self._guests.add(guest)
        try:
            async for message in connection:
                guest.words += 1
                known = guest.words <= self._manners.words
                word = self._understand(message) if known else None
                if word is None or not self._answer(guest, word):
                    self.dropped += 1
        except ConnectionClosed:
            pass
        finally:
            self._guests.discard(guest)

    def _answer(self, guest: SomeGuest, word: Word) -> bool:
        match word:
            case Hello(token=token):
                guest.joined = guest.local or self._door.knows(token)
                guest.tell({"say": "welcome" if guest.joined else "pair"})
                return True
            case Pair(code=code):
                token = self._door.pair(code)
                guest.joined = guest.joined or bool(token)
                guest.tell({"say": "paired" if token else "refused", "token": token})
                return bool(token)
        return guest.joined and self._obey(guest, word)


def text(message: Mapping[str, Any]) -> str:
    """A message as it is sent."""
    return json.dumps(message, separators=(",", ":"))
