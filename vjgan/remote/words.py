"""What a page may say: checked at the door, and nothing else gets through."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MOST_BYTES = 16_384  # of a message
MOST_PARENTS, MOST_GENES = 64, 64
Key = Annotated[str, Field(max_length=80)]  # by which somebody is called
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Kind = TypeVar("Kind")


class Message(BaseModel):
    """What every word has in common: nothing but what is named, and numbers that are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Hello(Message):
    """The first word: a pass from an earlier pairing, or none."""

    do: Literal["hello"]
    token: Annotated[str, Field(max_length=64)] = ""


class Pair(Message):
    """The code that the operator's terminal shows."""

    do: Literal["pair"]
    code: Annotated[str, Field(max_length=32)]


class Set(Message):
    """A control's own value; None: the preset's."""

    do: Literal["set"]
    control: Annotated[str, Field(max_length=96)]
    value: float | None


class Ask(Message):
    """A command; see ``vjgan.gestures.COMMANDS``."""

    do: Literal["command"]
    name: Annotated[str, Field(max_length=32)]
    value: Annotated[int, Field(ge=-100_000, le=100_000)] = 0


class Look(Message):
    """Whether this page wants to see the light."""

    do: Literal["look"]
    on: bool


class People(Message):
    """Whether this page wants to see the people of the show."""

    do: Literal["people"]
    on: bool


class Breed(Message):
    """Children of ``parents``, of each a share of structure, features and colour, with so many
    standard deviations of ``genes``."""

    do: Literal["breed"]
    parents: Annotated[tuple[Key, ...], Field(min_length=1, max_length=MOST_PARENTS)]
    shares: Annotated[tuple[tuple[Share, Share, Share], ...], Field(max_length=MOST_PARENTS)]
    genes: Annotated[
        dict[Key, Annotated[float, Field(ge=-4.0, le=4.0)]], Field(max_length=MOST_GENES)
    ] = {}
    mutation: Share = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class Throw(Message):
    """Somebody is to come onto the screen, when presets called by hand do."""

    do: Literal["throw"]
    who: Key


class Adopt(Message):
    """Somebody is to be kept in the bank."""

    do: Literal["adopt"]
    who: Key


Word = Hello | Pair | Set | Ask | Look | People | Breed | Throw | Adopt
_WORD: TypeAdapter[Word] = TypeAdapter(Annotated[Word, Field(discriminator="do")])


def understand(message: str | bytes) -> Word | None:
    """What a message says; None where it is malformed, too long or not text."""
    return said(message, _WORD, MOST_BYTES)


def said(message: str | bytes, words: TypeAdapter[Kind], most: int) -> Kind | None:
    """Which of some ``words`` a message of at most so many characters is; None where it is none."""
    if not isinstance(message, str) or len(message) > most:
        return None
    try:
        return words.validate_json(message)
    except ValidationError:
        return None
