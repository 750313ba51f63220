"""The bank: portraits kept by name. One safe file a portrait, and a small picture beside it."""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PIL import Image

from vjgan.assets import own_folder
from vjgan.bank.portrait import SUFFIX, Portrait, check_name, is_name, read, write
from vjgan.errors import BankError
from vjgan.files import is_file, replacing, saved_at
from vjgan.types import ByteArray, FloatArray, LatentSpace

__all__ = ["Bank", "BankError", "Portrait", "bank_folder", "check_name"]

THUMBNAIL = 256  # pixels, the longest side
MOST_LISTED = 40  # names in a message

log = logging.getLogger("vjgan")


def bank_folder() -> Path:
    """Where the performer's portraits lie: VJGAN_BANK, or beside their own presets; it need not be
    there yet."""
    chosen = os.environ.get("VJGAN_BANK", "")
    return Path(chosen).expanduser() if chosen else own_folder("bank")


class Bank:
    """A folder of portraits. What stands in it is the truth: several programs may use it at once,
    and files may be copied into it. Safe to call from any thread."""

    def __init__(self, folder: Path) -> None:
        """Raises BankError for what is no folder."""
        if folder.exists() and not folder.is_dir():
            raise BankError(f"bank '{folder}' is no folder")
        self.folder = folder
        self._lock = threading.RLock()
        self._known: dict[str, tuple[int, Portrait]] = {}  # when saved
        self._told: set[str] = set()

    def names(self) -> list[str]:
        """The names of all portraits, damaged ones too, in order."""
        found = self.folder.glob(f"*{SUFFIX}")
        return sorted(path.stem for path in found if is_name(path.stem))

    def get(self, name: str) -> Portrait:
        """A portrait by its name. Raises BankError where there is none, or its file is damaged."""
        path = self._there(name)
        saved = saved_at(path)
        with self._lock:
            known = self._known.get(name)
            if known is None or known[0] != saved:
                known = self._known[name] = (saved, read(path))
        return known[1]

    def portraits(self) -> list[Portrait]:
        """All portraits in order; damaged files are told once and left out."""
        found = []
        for name in self.names():
            try:
                found.append(self.get(name))
            except BankError as error:
                if str(error) not in self._told:
                    self._told.add(str(error))
                    log.warning("%s; it is left out", error)
        return found

    def add(self, portrait: Portrait, picture: ByteArray | None = None) -> Portrait:
        """Keep a portrait, with its ``picture`` uint8 [h, w, 3]; it comes back with the name it
        has now: a number is put behind one that is taken. Raises BankError."""
        check_name(portrait.name)
        with self._lock:
            portrait = replace(portrait, name=self._free(portrait.name))
            path = self._file(portrait.name)
            write(path, portrait)  # first, as it may be refused
            try:
                if picture is not None:
                    self._draw(path.with_suffix(".png"), picture)
            except BankError:
                path.unlink(missing_ok=True)
                raise
            return portrait

    def change(
        self,
        name: str,
        *,
        tags: Iterable[str] | None = None,
        verdict: str | None = None,
        name_: str | None = None,
    ) -> Portrait:
        """Give a portrait other tags, another verdict, another name; as it is then. Raises
        BankError where it is not there, or the new name is taken."""
        with self._lock:
            new = old = self.get(name)
            if tags is not None:
                new = replace(new, tags=tuple(dict.fromkeys(tags)))
            if verdict is not None:
                new = replace(new, verdict=verdict)
            if name_ is not None and name_ != name:
                new = replace(new, name=name_)
                if is_name(name_) and self._file(name_).exists():
                    raise BankError(f"portrait '{name}': the name '{name_}' is taken")
            if new != old:
                write(self._file(new.name), new)
            if new.name != name:
                self._follow(name, new.name)
            return new

    def remove(self, name: str) -> None:
        """Take a portrait away, a damaged one too. Raises BankError where there is none."""
        path = self._there(name)
        try:
            with self._lock:
                path.unlink()
                path.with_suffix(".png").unlink(missing_ok=True)
                self._known.pop(name, None)
        except OSError as error:
            raise BankError(f"portrait '{name}' cannot be removed: {error.strerror}") from None

    def thumbnail(self, name: str) -> bytes | None:
        """A portrait's small picture as PNG, if it has one."""
        try:
            return self._there(name).with_suffix(".png").read_bytes()
        except (OSError, BankError):
            return None

    def fits(self, portrait: Portrait, space: LatentSpace, model: str) -> bool:
        """Whether a portrait is of the model of that name, with that latent space."""
        shapes = ((space.w_dim,), (space.num_ws, space.w_dim))
        return portrait.model == model and portrait.w.shape in shapes

    def find(self, name: str, space: LatentSpace, model: str) -> FloatArray:
        """The w of a portrait that fits. Raises BankError where it is not there or does not."""
        portrait = self.get(name)
        if portrait.model != model:
            raise BankError(f"portrait '{name}' is of model '{portrait.model}', not of '{model}'")
        if not self.fits(portrait, space, model):
            raise BankError(
                f"portrait '{name}' is of another model '{model}': its w {list(portrait.w.shape)} "
                f"should be [{space.w_dim}] or [{space.num_ws}, {space.w_dim}]"
            )
        return portrait.w

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _there(self, name: str) -> Path:
        """The file of a portrait that is in the bank. Raises BankError."""
        if not is_name(name) or not is_file(self._file(name)):
            raise BankError(f"portrait '{name}' is not in the bank; there are: {self._listed()}")
        return self._file(name)

    def _listed(self) -> str:
        names = self.names()
        more = len(names) - MOST_LISTED
        words = names[:MOST_LISTED] + ([f"and {more} more"] if more > 0 else [])
        return ", ".join(words) or f"none yet in {self.folder}"

    def _free(self, name: str) -> str:
        """The name, or with the first number behind it that makes it one of its own."""
        if not is_name(name) or not self._file(name).exists():
            return name
        number, stem = 2, name[: 58 if name.isascii() else 40]
        while self._file(f"{stem}-{number}").exists():
            number += 1
        return f"{stem}-{number}"

    def _draw(self, path: Path, picture: ByteArray) -> None:
        image = Image.fromarray(picture)
        image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        data = io.BytesIO()
        image.save(data, "PNG", optimize=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                part.write_bytes(data.getvalue())
        except OSError as error:
            raise BankError(f"picture '{path}' cannot be written: {error.strerror}") from None

    def _follow(self, old: str, new: str) -> None:
        """What belongs to a portrait goes where its name went: its picture, and its children."""
        with suppress(OSError):
            os.replace(self._file(old).with_suffix(".png"), self._file(new).with_suffix(".png"))
        for child in self.portraits():
            if old in child.parents:
                parents = tuple(new if parent == old else parent for parent in child.parents)
                write(self._file(child.name), replace(child, parents=parents))
        self._file(old).unlink(missing_ok=True)
        self._known.pop(old, None)
