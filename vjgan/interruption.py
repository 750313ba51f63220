"""Being asked to end: by Ctrl-C, by the system, or because the terminal was closed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


def ends() -> list[signal.Signals]:
    """What asks this program to end: not a closed terminal that it was started to outlast, and
    Windows has none."""
    names = "SIGINT", "SIGTERM", "SIGHUP"
    known = [signal.Signals[name] for name in names if hasattr(signal, name)]
    return [
        number
        for number in known
        if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN
    ]


@contextmanager
def ending_by(handler: Handler) -> Iterator[None]:
    """Let ``handler`` be called whenever somebody asks; for the main thread."""
    before = {number: signal.signal(number, handler) for number in ends()}
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt if somebody asked for it since: between two frames.
    Wherever else it came, it could be lost inside a library, or leave one in the middle of things.
    """
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        asked = True

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    with ending_by(ask):
        yield check
