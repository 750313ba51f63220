"""Files and folders that one program at a time may write to. Who holds one lets go of it by ending,
however it ends. Where the system or its disk knows no such locks, nobody is kept away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

LOCKS = sys.platform != "win32"


def hold(path: Path, flags: int = os.O_RDONLY) -> int | None:
    """Hold what is at ``path`` for as long as the descriptor that this gives is open; None while
    another one holds it. Raises OSError."""
    while True:
        held = os.open(path, flags, 0o666)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return None
        except OSError:  # such as a disk in the network that knows no locks
            return held
        if _is_at(path, held):
            return held
        os.close(held)  # it was put elsewhere or removed while we came


def _is_at(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(os.fstat(held), path.stat())
    except OSError:
        return False


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else holds a folder, which is held as long as this lasts. Raises OSError."""
    if not LOCKS:
        yield True
        return
    held = hold(folder)
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)
