"""The part of the control page with the people of the show: what each page is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from vjgan.remote.words import Adopt, Breed, Throw

FACE = b"\x03"  # a binary message with a small picture: its number in four bytes, then JPEG

Say = Callable[[Mapping[str, Any]], None]
Send = Callable[[bytes], None]


class Relatives(Protocol):
    """What is needed of ``vjgan.kin``; ``told`` is replaced when it changes."""

    @property
    def told(self) -> Mapping[str, Any]: ...

    @property
    def faces(self) -> Mapping[int, bytes]: ...

    def obey(self, word: Breed | Throw | Adopt) -> bool: ...


class Album:
    """What one page has been told of the people, and which faces it has."""

    def __init__(self) -> None:
        self.open = False  # the page wants to see them
        self._told: object = None
        self._has: set[int] = set()
        self._owed: list[int] = []

    def show(self, kin: Relatives, say: Say) -> None:
        """Tell the page what is new."""
        told = kin.told
        if not self.open or told is self._told:
            return
        self._told = told
        say(told)
        rooms = ("children", "night", "elders", "portraits")
        shown = [one for room in rooms for one in told.get(room, ())]
        faces = dict.fromkeys(one["face"] for one in shown if one["face"] is not None)
        self._owed = [number for number in faces if number not in self._has]

    def send(self, kin: Relatives, send: Send, ready: Callable[[], bool]) -> None:
        """Send faces for as long as the page's network is ``ready`` for more."""
        while self._owed and ready():
            number = self._owed.pop(0)
            if (face := kin.faces.get(number)) is not None:
                self._has.add(number)
                send(FACE + number.to_bytes(4, "big") + face)
