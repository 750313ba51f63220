"""The gallery's server: the page by HTTP, everything else by one WebSocket."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from vjgan.bank import BankError
from vjgan.gallery.curator import Curator, Item, packed
from vjgan.gallery.sampler import Sampler
from vjgan.gallery.words import (
    MOST_BYTES,
    Call,
    Full,
    Judge,
    See,
    Tag,
    Word,
    understand,
)
from vjgan.remote.door import Door
from vjgan.remote.files import FILES as CONTROL_FILES
from vjgan.remote.files import files_of
from vjgan.remote.pairing import Pairing
from vjgan.remote.server import BEHIND_BYTES, LOST_BYTES, WAITS, Guest
from vjgan.remote.words import Hello, Pair
from vjgan.types import ByteArray

log = logging.getLogger("vjgan")

PAGE = Path(__file__).with_name("page")
SHARED = ("/style.css", "/icon.svg", "/line.js", "/state.js")
FILES = {
    **{name: CONTROL_FILES[name] for name in SHARED},
    **files_of(PAGE, ("index.html", *(f"{n}.js" for n in ("gallery", "wall", "desk")), "wall.css")),
}
LOOK_SECONDS = 0.05
BANK_EVERY, PACE_EVERY = 40, 10  # looks
WORDS_A_LOOK = 100  # of one page; more are dropped
CHUNK = 500  # items in one message
LARGE = 1024  # pixels, the longest side of a picture asked for alone
SMALL_PICTURE, LARGE_PICTURE = b"\x01", b"\x02"  # what a binary message holds
MOST_OWED = 1000


class GalleryServer:
    """Serves pages; what they say goes to the curator."""

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        curator: Curator,
        sampler: Sampler,
        pairing: Pairing | None,
    ) -> None:
        self.dropped = 0  # messages that were malformed, unknown or too many
        self._curator = curator
        self._sampler = sampler
        self._guests: set[Guest] = set()
        self._door = Door(
            sock,
            host,
            pairing,
            FILES,
            lambda local: sum(guest.local == local for guest in self._guests),
        )
        self._looks = 0
        self._told: object = None  # the pace that pages were told

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self._door.open(self._welcome, MOST_BYTES):
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    self._look()
                except Exception as error:
                    log.error("gallery: %s", error, exc_info=error)

    async def _welcome(self, connection: ServerConnection) -> None:
        """Listen to a page for as long as it is there."""
        guest = Guest(connection, self._door.is_local(connection))
        self._guests.add(guest)
        try:
            async for message in connection:
                guest.words += 1
                word = understand(message) if guest.words <= WORDS_A_LOOK else None
                if word is None or not self._obey(guest, word):
                    self.dropped += 1
        except ConnectionClosed:
            pass
        finally:
            self._guests.discard(guest)

    def _obey(self, guest: Guest, word: Word) -> bool:
        """Do what a page asks for; False where it must not."""
        match word:
            case Hello(token=token):
                guest.joined = guest.local or self._door.knows(token)
                guest.tell({"say": "welcome" if guest.joined else "pair"})
            case Pair(code=code):
                token = self._door.pair(code)
                guest.joined = guest.joined or bool(token)
                guest.tell({"say": "paired" if token else "refused", "token": token})
                return bool(token)
            case _ if not guest.joined:
                return False
            case See(ids=ids):
                guest.owed = [*ids, *(one for one in guest.owed if one not in ids)][:MOST_OWED]
            case Full(id=one):
                self._draw(guest, one)
            case Judge() | Tag() | Call():
                self._work(guest, word)
        return True

    def _work(self, guest: Guest, word: Judge | Tag | Call) -> None:
        try:
            match word:
                case Judge(id=one, verdict=verdict):
                    self._curator.judge(one, verdict)
                case Tag(id=one, tags=tags):
                    self._curator.tag(one, tags)
                case Call(id=one, name=name):
                    self._curator.call(one, name)
        except BankError as error:
            guest.tell({"say": "trouble", "text": str(error)})

    def _draw(self, guest: Guest, one: str) -> None:
        w = self._curator.w_of(one)
        if w is None:
            return
        loop = asyncio.get_running_loop()

        def take(image: ByteArray) -> None:
            data = LARGE_PICTURE + _named(one) + packed(image, LARGE)
            loop.call_soon_threadsafe(broadcast, [guest.connection], data)

        self._sampler.ask(w, take)

    def _look(self) -> None:
        """Tell every page what is new."""
        self._looks += 1
        if self._looks % BANK_EVERY == 0 and self._curator.is_stale():
            self._curator.refresh()
        for guest in self._guests:
            guest.words = 0
            guest.waits += not guest.joined
            if guest.unsent() > LOST_BYTES * 4 or guest.waits > WAITS:
                guest.connection.transport.abort()
        guests = [guest for guest in self._guests if guest.joined]
        news = self._curator.news()
        known = [guest.connection for guest in guests if not guest.fresh]
        if known and news:
            broadcast(known, _text({"say": "items", "items": news}))
        for guest in guests:
            if guest.fresh:
                self._introduce(guest)
            self._send_owed(guest)
        self._tell_pace(guests)

    def _introduce(self, guest: Guest) -> None:
        about, items = self._curator.subject, self._curator.items()
        guest.tell({"say": "about", "model": about.model, "psi": about.psi, "label": about.label})
        guest.tell(self._pace())
        for start in range(0, len(items), CHUNK):
            guest.tell({"say": "items", "items": items[start : start + CHUNK]})
        guest.tell({"say": "whole"})
        guest.fresh = False

    def _tell_pace(self, guests: list[Guest]) -> None:
        if self._looks % PACE_EVERY == 0 and (pace := self._pace()) != self._told:
            self._told = pace
            broadcast([guest.connection for guest in guests], _text(pace))

    def _pace(self) -> Item:
        sampler = self._sampler
        return {"say": "pace", "drawn": sampler.drawn, "count": sampler.count,
                "rate": round(sampler.rate, 1)}  # fmt: skip

    def _send_owed(self, guest: Guest) -> None:
        while guest.owed and guest.unsent() < BEHIND_BYTES * 4:
            one = guest.owed.pop(0)
            if picture := self._curator.picture(one):
                broadcast([guest.connection], SMALL_PICTURE + _named(one) + picture)


def _named(one: str) -> bytes:
    letters = one.encode()
    return len(letters).to_bytes(2, "big") + letters


def _text(message: Item) -> str:
    return json.dumps(message, separators=(",", ":"))
