"""What the gallery's page may say: checked at the door, and nothing else gets through."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from vjgan.remote.words import Hello, Look, Message, Pair, said

MOST_BYTES = 16_384  # of a message
MOST_SEEN = 200  # pictures asked for at once


Id = Annotated[str, Field(min_length=1, max_length=65)]


class See(Message):
    """The small pictures that are in view."""

    do: Literal["see"]
    ids: Annotated[list[Id], Field(max_length=MOST_SEEN)]


class Full(Message):
    """One picture as large as the model draws it."""

    do: Literal["full"]
    id: Id


class Judge(Message):
    """Keep or reject, or neither."""

    do: Literal["judge"]
    id: Id
    verdict: Literal["", "kept", "rejected"]


class Tag(Message):
    """All tags that one is to have."""

    do: Literal["tag"]
    id: Id
    tags: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)]


class Call(Message):
    """A name."""

    do: Literal["call"]
    id: Id
    name: Annotated[str, Field(max_length=128)]


Word = Hello | Pair | Look | See | Full | Judge | Tag | Call
_WORD: TypeAdapter[Word] = TypeAdapter(Annotated[Word, Field(discriminator="do")])


def understand(message: str | bytes) -> Word | None:
    """What a message says; None where it is malformed, too long or not text."""
    return said(message, _WORD, MOST_BYTES)
