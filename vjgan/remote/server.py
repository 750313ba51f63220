"""The control page's server: a few files by HTTP, everything else by one WebSocket."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast

from vjgan.remote.cards import Cards
from vjgan.remote.desk import LOOK_SECONDS, Desk
from vjgan.remote.files import FILES
from vjgan.remote.hall import Guest, Hall, Manners, text
from vjgan.remote.pairing import Pairing
from vjgan.remote.pictures import jpeg
from vjgan.remote.relatives import Album, Relatives
from vjgan.remote.report import Report, tell_cards, tell_table
from vjgan.remote.words import (
    MOST_BYTES,
    Adopt,
    Ask,
    Breed,
    Look,
    People,
    Set,
    Throw,
    Word,
    understand,
)
from vjgan.standing import Standing

log = logging.getLogger("vjgan")

CARDS_SECONDS = 2.0  # from one look at the preset files to the next
STATS_EVERY = 10
WORDS_A_LOOK = 200  # of one page; more are dropped
MANNERS = Manners(words=WORDS_A_LOOK, bytes=MOST_BYTES, behind=64_000, lost=1_000_000)
LIGHT, THUMBNAIL = b"\x01", b"\x02"  # what a binary message holds


class Viewer(Guest):
    """A page that plays."""

    def __init__(self, connection: ServerConnection, local: bool, manners: Manners) -> None:
        super().__init__(connection, local, manners)
        self.looks = False  # wants to see the light
        self.album = Album()


class Server:
    """Serves pages; what they say goes to the desk. Pages on other machines need to be paired."""

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        desk: Desk,
        cards: Cards,
        pairing: Pairing | None,
        stats: Callable[[], Mapping[str, Any]],
        illustrate: Callable[[Sequence[Path]], None] = lambda presets: None,
        kin: Relatives | None = None,
    ) -> None:
        """``host`` is the name by which it is called, besides localhost and addresses in numbers;
        ``stats`` gives figures of the last second; ``illustrate`` is told which presets lack a
        picture; ``kin`` knows the people of the show."""
        self._desk = desk
        self._cards = cards
        self._stats = stats
        self._illustrate = illustrate
        self._kin = kin
        self._figures: Mapping[str, Any] = {}
        self._report = Report()
        self._hall: Hall[Viewer, Word] = Hall(
            sock, host, pairing, FILES, MANNERS, Viewer, understand, self._obey
        )
        self._viewers: list[Viewer] = []
        self._table: object = None  # the one that pages were told
        self._told_cards: object = None
        self._light: object = None  # the last picture sent
        self._looks = 0
        self._complaints: set[str] = set()

    @property
    def dropped(self) -> int:
        """Messages that were malformed, unknown or too many."""
        return self._hall.dropped

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self._hall.open():
            await asyncio.gather(self._keep_looking(), self._keep_cards())

    def _obey(self, guest: Viewer, word: Word) -> bool:
        """Do what a page asks for; False where it cannot be."""
        match word:
            case Set(control=control, value=value):
                return self._desk.set(control, value)
            case Ask(name=name, value=value):
                return self._desk.command(name, value)
            case Look(on=on):
                guest.looks = on
            case People(on=on):
                guest.album.open = on
            case Breed() | Throw() | Adopt():
                return self._kin is not None and self._kin.obey(word)
        return True

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self._look()
            except Exception as error:
                self._complain(error)

    async def _keep_cards(self) -> None:
        while True:
            try:
                drawn = await self._cards.refresh()
                for guest in self._viewers:
                    guest.owed += drawn
                self._illustrate(self._cards.lacking)
            except Exception as error:
                self._complain(error)
            await asyncio.sleep(CARDS_SECONDS)

    def _complain(self, error: Exception) -> None:
        """Say what went wrong, once; the next look may be better."""
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            log.error("control page: %s", error, exc_info=error)

    def _look(self) -> None:
        """Tell every page what is new on stage."""
        self._looks += 1
        guests = self._viewers = self._hall.look()
        standing = self._desk.standing()
        if standing is None:
            return
        self._look_at_light(standing, guests)
        if not guests:
            return
        self._tell_lists(standing, guests)
        if self._looks % STATS_EVERY == 1 or not self._figures:
            self._figures = {**self._stats(), "pages": len(guests), "dropped": self.dropped}
        changes = self._report.changes(standing, self._figures)
        broadcast([guest.connection for guest in guests if not guest.fresh], text(changes))
        for guest in guests:
            if guest.fresh:
                guest.tell(self._report.full())
                guest.fresh = False
            self._send_owed(guest)
            if self._kin is not None:
                guest.album.show(self._kin, guest.tell)
                guest.album.send(self._kin, guest.send, guest.keeps_up)

    def _tell_lists(self, standing: Standing, guests: list[Viewer]) -> None:
        """The table and the preset grid, to those who do not have them yet."""
        new_table = standing.table is not self._table
        new_cards = self._cards.cards is not self._told_cards
        self._table, self._told_cards = standing.table, self._cards.cards
        for guest in guests:
            if guest.fresh or new_table:
                guest.tell(tell_table(standing.table))
            if guest.fresh or new_cards:
                guest.tell(tell_cards(self._cards.cards))
                guest.owed = [card.thumbnail for card in self._cards.cards]

    def _look_at_light(self, standing: Standing, guests: list[Viewer]) -> None:
        """Have the light looked at while a page looks or a preset lacks its picture."""
        wanted = self._cards.wants(standing)
        lookers = [guest for guest in guests if guest.looks]
        self._desk.glancing = wanted or bool(lookers)
        light = self._desk.glance()
        if light is None or light is self._light:
            return
        self._light = light
        if wanted and (name := self._cards.take(standing, light)):
            for guest in guests:
                guest.owed.append(name)
        ready = [guest.connection for guest in lookers if guest.keeps_up()]
        if ready:
            broadcast(ready, LIGHT + jpeg(light))

    def _send_owed(self, guest: Viewer) -> None:
        while guest.owed and guest.keeps_up():
            name = guest.owed.pop(0)
            if picture := self._cards.pictures.get(name):
                letters = name.encode()
                head = THUMBNAIL + bytes([len(letters)]) + letters
                guest.send(head + picture)
