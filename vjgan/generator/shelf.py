"""Models kept warm within a budget of memory, so that presets can change without waiting."""

from __future__ import annotations

import hashlib
import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from vjgan.errors import ModelError
from vjgan.generator.faults import MemoryShortageError

log = logging.getLogger("vjgan")

UNPACKED = 2.0  # memory of a model never seen before, in sizes of its file: fp16 becomes fp32

Model = TypeVar("Model")
Stamp = tuple[int, int]  # of a file: when it was saved (ns), bytes


@dataclass(slots=True)
class _Entry(Generic[Model]):
    model: Model | None
    stamp: Stamp
    sha256: str
    size_bytes: int
    refused: Stamp | None = None  # of a later version that could not be loaded


class Shelf(Generic[Model]):
    """Opened models by file. The least recently used go when the budget is spent, but none that
    anyone still holds: on stage, in a crossfade, on its way there. ``open_`` makes a model,
    ``find`` tells the file of a name, ``budget`` the bytes to spend and ``used`` those that are
    taken on the models' device.

    A file that has changed since is loaded anew when asked for again; whoever plays the old one
    goes on with it, and it stays if the new one is broken. Safe to call from any thread."""

    def __init__(
        self,
        find: Callable[[str], Path],
        open_: Callable[[Path], Model],
        budget: Callable[[], int],
        used: Callable[[], int] = lambda: 0,
    ) -> None:
        self._budget = budget
        self._budget_bytes: int | None = None  # asked for before the first model is opened
        self._find = find
        self._open = open_
        self._used = used
        self._warm: OrderedDict[Path, _Entry[Model]] = OrderedDict()  # the most recent last
        self._paths: dict[str, Path] = {}
        self._sizes: dict[Path, int] = {}  # of all that were ever loaded
        self._ahead: set[Path] = set()  # prefetched since the last `get`
        self._told: set[str] = set()
        self._lock = threading.RLock()  # for the tables; never held while a model is opened
        self._opening = threading.Lock()

    def get(self, name: str) -> Model:
        """The model of a name or path, opened and warm. Raises ModelError."""
        path = self._path(name)
        self._ahead.clear()
        return self._warmed(path) or self._load(path)

    def prefetch(self, name: str) -> None:
        """Warm the model of a name that may be asked for next, if it fits in beside those in use
        and those prefetched since the last ``get``. Its errors are told when it is asked for."""
        try:
            path = self._path(name)
            if self._warmed(path) is None and self._make_room(self._expected(path), self._ahead):
                self._load(path)
            self._ahead.add(path)
        except ModelError as error:
            log.debug("not warmed ahead: %s", error)

    def spare(self) -> Sequence[str]:
        """Put out every model that nobody holds, and tell which."""
        with self._lock:
            return [path.stem for path in list(self._warm) if self._put_out(path)]

    @property
    def warm(self) -> Sequence[str]:
        """What is warm, the least recently used first."""
        with self._lock:
            return [path.stem for path in self._warm]

    @property
    def budget_bytes(self) -> int:
        """The memory that warm models may take."""
        if self._budget_bytes is None:
            self._budget_bytes = self._budget()
        return self._budget_bytes

    @property
    def size_bytes(self) -> int:
        """The memory of all that is warm."""
        with self._lock:
            return sum(entry.size_bytes for entry in self._warm.values())

    def _path(self, name: str) -> Path:
        try:
            self._paths[name] = self._find(name).resolve()
        except ModelError as error:
            if self._paths.get(name) not in self._warm:
                raise
            self._tell(f"{error}; the loaded one stays")
        return self._paths[name]

    def _warmed(self, path: Path) -> Model | None:
        """The model if it is warm and its file is the one that it came from, or no better."""
        stamp = _stamp(path)
        with self._lock:
            entry = self._warm.get(path)
            if entry is None or (stamp is not None and stamp not in (entry.stamp, entry.refused)):
                return None
            self._warm.move_to_end(path)
            return entry.model

    def _load(self, path: Path) -> Model:
        with self._opening:
            ready = self._warmed(path)  # another thread may have been quicker
            if ready is not None:
                return ready
            old = self._warm.get(path)
            stamp, sha256 = _stamp(path), _hash(path)
            if stamp is None:
                raise ModelError(f"model '{path}' is gone")
            if old is not None and old.model is not None and old.sha256 == sha256:
                old.stamp = stamp  # saved again, but the same
                return old.model
            self._make_room(self._expected(path), ())
            before = self._used()
            try:
                model = self._open_in_need(path)
            except ModelError as error:
                if old is None or old.model is None:
                    raise
                old.refused = stamp
                self._tell(f"model '{path.stem}' has changed, but the loaded one stays: {error}")
                return old.model
            size = max(self._used() - before, int(path.stat().st_size * UNPACKED))
            if old is not None:
                log.info("model '%s' has changed on disk, and was loaded anew", path.stem)
            with self._lock:
                self._sizes[path] = size
                self._warm[path] = _Entry(model, stamp, sha256, size)
                self._warm.move_to_end(path)
            self._make_room(0, ())
            return model

    def _open_in_need(self, path: Path) -> Model:
        """Open a model; if there is no memory for it, once more without the others."""
        try:
            return self._open(path)
        except MemoryShortageError as error:
            spared = self.spare()
            if not spared:
                raise
            log.warning("%s; put out for it: %s", error, ", ".join(spared))
        return self._open(path)

    def _make_room(self, wanted: int, kept: Collection[Path]) -> bool:
        """Put out the least recently used until ``wanted`` bytes fit in; whether they do."""
        with self._lock:
            for path in list(self._warm):
                if self.size_bytes + wanted <= self.budget_bytes:
                    break
                if path not in kept and self._put_out(path):
                    log.debug("model '%s' is put out, to stay within the budget", path.stem)
            return self.size_bytes + wanted <= self.budget_bytes

    def _put_out(self, path: Path) -> bool:
        """Let go of a model and see whether it is gone; if not, someone plays it: keep it."""
        entry = self._warm[path]
        assert entry.model is not None
        watched = weakref.ref(entry.model)
        entry.model = None
        entry.model = watched()
        if entry.model is None:
            del self._warm[path]
        return entry.model is None

    def _expected(self, path: Path) -> int:
        stamp = _stamp(path)
        return self._sizes.get(path) or int(UNPACKED * (stamp[1] if stamp else 0))

    def _tell(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s", what)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"model '{path}' cannot be read: {error.strerror}") from None
