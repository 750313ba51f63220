"""The gallery's server: the page by HTTP, everything else by one WebSocket."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

from websockets.asyncio.server import broadcast

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
from vjgan.remote.files import FILES as CONTROL_FILES
from vjgan.remote.files import files_of
from vjgan.remote.hall import Guest, Hall, Manners, text
from vjgan.remote.pairing import Pairing
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
MANNERS = Manners(words=100, bytes=MOST_BYTES, behind=256_000, lost=4_000_000)
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
        self._curator = curator
        self._sampler = sampler
        self._hall: Hall[Guest, Word] = Hall(
            sock, host, pairing, FILES, MANNERS, Guest, understand, self._obey
        )
        self._looks = 0
        self._told: object = None  # the pace that pages were told

    @property
    def dropped(self) -> int:
        """Messages that were malformed, unknown or too many."""
        return self._hall.dropped

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self._hall.open():
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    self._look()
                except Exception as error:
                    log.error("gallery: %s", error, exc_info=error)

    def _obey(self, guest: Guest, word: Word) -> bool:
        """Do what a page asks for."""
        match word:
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
        guests = self._hall.look()
        news = self._curator.news()
        known = [guest.connection for guest in guests if not guest.fresh]
        if known and news:
            broadcast(known, text({"say": "items", "items": news}))
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
            broadcast([guest.connection for guest in guests], text(pace))

    def _pace(self) -> Item:
        sampler = self._sampler
        return {"say": "pace", "drawn": sampler.drawn, "count": sampler.count,
                "rate": round(sampler.rate, 1)}  # fmt: skip

    def _send_owed(self, guest: Guest) -> None:
        while guest.owed and guest.keeps_up():
            one = guest.owed.pop(0)
            if picture := self._curator.picture(one):
                guest.send(SMALL_PICTURE + _named(one) + picture)


def _named(one: str) -> bytes:
    letters = one.encode()
    return len(letters).to_bytes(2, "big") + letters
