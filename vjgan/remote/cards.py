"""The preset grid: a card for each preset, with its picture as soon as there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vjgan.errors import VjganError
from vjgan.files import saved_at
from vjgan.preset import Preset
from vjgan.remote.pictures import Thumbnails
from vjgan.standing import Standing
from vjgan.types import ByteArray

AGAIN_SECONDS = 20.0  # until the next try, where the light was dark
SETTLED_SECONDS = 4.0  # a preset has entered by then, and shows what it is


@dataclass(frozen=True, slots=True)
class Card:
    """A preset, ``number`` counted from 1, and the name of its thumbnail; ``broken`` says what is
    wrong with its file."""

    number: int
    key: str
    name: str
    description: str
    thumbnail: str
    broken: str = ""


class Cards:
    """Those of the presets that ``paths`` tells; ``load`` checks a file. Only files that changed
    are read again."""

    def __init__(
        self,
        paths: Callable[[], Sequence[Path]],
        load: Callable[[Path], Preset],
        thumbnails: Thumbnails,
    ) -> None:
        self.cards: tuple[Card, ...] = ()
        self.pictures: dict[str, bytes] = {}  # JPEG by name
        self.lacking: tuple[Path, ...] = ()  # presets without one
        self._paths = paths
        self._load = load
        self._thumbnails = thumbnails
        self._read: dict[Path, tuple[int, Card]] = {}
        self._not_before = 0.0
        self._playing: tuple[Path | None, float] = (None, 0.0)  # and since when

    async def refresh(self) -> list[str]:
        """Take what changed on disk, one file at a time, off this thread; the names of thumbnails
        that somebody else has drawn since."""
        cards = []
        for number, path in enumerate(await asyncio.to_thread(self._paths), start=1):
            changed = saved_at(path)
            known, card = self._read.get(path, (-1, None))
            if card is None or known != changed or card.number != number:
                card = await asyncio.to_thread(self._card, number, path)
                self._read[path] = changed, card
            cards.append(card)
        if tuple(cards) != self.cards:
            self.cards = tuple(cards)
        return await asyncio.to_thread(self._look_for_pictures)

    def _look_for_pictures(self) -> list[str]:
        found, lacking = [], []
        for path, (_, card) in list(self._read.items()):
            if card not in self.cards or card.broken or card.thumbnail in self.pictures:
                continue
            picture = self._thumbnails.read(card.thumbnail)
            if picture is None:
                lacking.append(path)
            else:
                self.pictures[card.thumbnail] = picture
                found.append(card.thumbnail)
        self.lacking = tuple(lacking)
        return found

    def wants(self, standing: Standing) -> bool:
        """Whether what is on stage still lacks a picture and shows itself now."""
        if standing.source != self._playing[0]:
            self._playing = standing.source, standing.time
        if standing.source not in self._read or standing.black:
            return False
        settled = standing.time >= max(self._playing[1] + SETTLED_SECONDS, self._not_before)
        return settled and self._read[standing.source][1].thumbnail not in self.pictures

    def take(self, standing: Standing, image: ByteArray) -> str:
        """Keep a picture of the preset on stage; its name, empty where it could not be kept."""
        if standing.source not in self._read:
            return ""
        name = self._read[standing.source][1].thumbnail
        data = self._thumbnails.keep(name, image)
        if data is None:
            self._not_before = standing.time + AGAIN_SECONDS
            return ""
        self.pictures[name] = data
        return name

    def _card(self, number: int, path: Path) -> Card:
        name = self._thumbnails.name(path)
        picture = self._thumbnails.read(name)
        if picture is not None:
            self.pictures[name] = picture
        try:
            preset = self._load(path)
        except VjganError as error:
            return Card(number, path.stem, path.stem, "", name, broken=str(error))
        return Card(number, path.stem, preset.name, preset.description, name)
