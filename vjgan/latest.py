"""Newest value wins, nobody waits."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """A mailbox of one: a writer replaces, a reader looks. Both are single attribute accesses,
    atomic in CPython, so neither thread can hold up the other."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def put(self, value: T) -> None:
        """Replace the value."""
        self._value = value

    def get(self) -> T:
        """The newest value."""
        return self._value
