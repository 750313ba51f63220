"""What every room needs of files: put one in place whole, see when it was saved, read one of TOML
that a person wrote."""

from __future__ import annotations

import errno
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from vjgan.errors import VjganError
from vjgan.locks import LOCKS, hold

MAX_BYTES = 1_000_000  # text that a person wrote


def check_place(
    kind: str, path: Path, suffix: str = "", error: type[VjganError] = VjganError
) -> None:
    """Refuse at the door a place to which what takes long to make could not be written. Raises
    ``error``: one sentence with the ``kind`` of file, its path and what is wrong with it."""
    if suffix and path.suffix.lower() != suffix:
        raise error(f"{kind} '{path}': the name must end in {suffix}")
    if problem := _problem(path):
        raise error(f"{kind} '{path}' cannot be written: {problem}")


def _problem(path: Path) -> str | None:
    """Why nothing can be written there, if so."""
    try:
        if path.is_dir():
            return "there is a folder of that name"
        folder = Path(os.path.realpath(path)).parent
        if not path.exists() and not folder.is_dir():
            return f"there is no folder '{folder if path.is_symlink() else path.parent}'"
        allowed = os.access(path if _is_special(path) else folder, os.W_OK)
    except OSError as reason:  # such as a name that is too long
        return reason.strerror
    return None if allowed else os.strerror(errno.EACCES)


def check_apart(
    kind: str, path: Path, sources: Iterable[Path], error: type[VjganError] = VjganError
) -> None:
    """Refuse at the door to write over one of the ``sources``. Raises ``error``: one sentence."""
    for source in sources:
        with suppress(OSError):  # one of them is not there
            if path.samefile(source):
                raise error(f"{kind} '{path}' is the very file that is read")


class Part:
    """A file while it is being written: at ``path``, beside its place, and where a link leads to.
    Nobody else writes there until it is put or closed; what a killed program left is used again."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._place = Path(os.path.realpath(path))
        self._held: int | None = None
        if not LOCKS:
            self.path = self._place.with_name(f".{self._place.name}.{os.getpid()}.part")
            return
        for number in count():
            mark = f".{number}" if number else ""
            self.path = self._place.with_name(f".{self._place.name}{mark}.part")
            self._held = hold(self.path, os.O_RDWR | os.O_CREAT)
            if self._held is not None:
                return

    def put(self) -> None:
        """Let what was written become the file. A link to it stays, and who may read it. Raises
        OSError."""
        with suppress(OSError):
            shutil.copymode(self._place, self.path)
        os.replace(self.path, self._place)
        self._let_go()

    def close(self) -> None:
        """Let what was written vanish, unless it was put."""
        if self._held is not None or not LOCKS:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` when all went well and vanishes when not. What is
    no file, such as /dev/stdout, is written to as it is. Raises OSError."""
    if _is_special(path):
        yield path
        return
    part = Part(path)
    try:
        yield part.path
        part.put()
    finally:
        part.close()


def _is_special(path: Path) -> bool:
    """Whether it is there and neither a file nor a folder."""
    return path.exists() and not (path.is_file() or path.is_dir())


def from_home(text: str) -> Path:
    """A path as a person writes it: ``~`` is their home, where that is known."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def is_file(path: Path) -> bool:
    """Whether there is such a file, and not if its name cannot be one."""
    try:
        return path.is_file()
    except OSError:
        return False


def saved_at(path: Path) -> int:
    """When a file was last saved, in ns; 0 while it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def read_text(path: Path) -> str:
    """Text as it stands there, ends of lines too, without the mark that some editors put first.
    Raises OSError and UnicodeDecodeError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return file.read()


def write_text(path: Path, text: str) -> None:
    """Put a text in place as it is, all of it or nothing. Raises OSError."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.write(text)


def read_toml(path: Path, kind: str, error: type[VjganError] = VjganError) -> dict[str, Any]:
    """What a TOML file says. Raises ``error``: one sentence with the ``kind`` of file it is, its
    path and the reason."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error(f"{kind} '{path}' is larger than {MAX_BYTES} bytes")
        return tomllib.loads(read_text(path))
    except OSError as reason:
        raise error(f"{kind} '{path}' cannot be read: {reason.strerror}") from None
    except UnicodeDecodeError:
        raise error(f"{kind} '{path}' is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{kind} '{path}' is not valid TOML: {reason}") from None


def flat(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """``bloom.amount = 1`` is a table inside a table to TOML; one name to us."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{head}{name}.")
        else:
            found[f"{head}{name}"] = value
    return found


def in_utf8(text: str) -> str:
    """A text that may have been a file's name, which need not be letters, so that it can be
    written: what is none becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def in_words(about: Mapping[str, str]) -> str:
    """What a file says of itself, in one line."""
    return "; ".join(f"{key}: {text}" for key, text in about.items())
