"""A sitter brought into w of any model, better and better, in a thread beside the show."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from vjgan.errors import VjganError
from vjgan.generator import checkpoint
from vjgan.latest import Latest
from vjgan.priority import step_back
from vjgan.types import ByteArray, FloatArray

log = logging.getLogger("vjgan")

NICENESS = 15
AIM_SECONDS = 4.0  # between new aims: who moves is caught up with
PATIENCE_SECONDS = 5.0  # until whoever ends the show goes on without it
SHOWN_EVERY = 6  # steps


@dataclass(frozen=True, slots=True, eq=False)
class Improved:
    """A w [w_dim] of the model of a ``path``, the likest so far."""

    path: Path
    w: FloatArray


class Improver:
    """Goes on improving for as long as there is somebody to be like. ``improved`` is the newest."""

    def __init__(self) -> None:
        self.improved: Latest[Improved | None] = Latest(None)
        self._wanted: Latest[tuple[Path, ByteArray] | None] = Latest(None)
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._failed: set[Path] = set()

    def want(self, path: Path, picture: ByteArray | None) -> None:
        """Be like an aligned ``picture``, with the model of ``path``; None: nobody is there."""
        self._wanted.put(None if picture is None else (path, picture))
        if picture is None:
            self.improved.put(None)
            return
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="improver", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._wanted.put(None)
        self._wake.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        step_back(NICENESS)
        while not self._closed:
            wanted = self._wanted.get()
            if wanted is None or wanted[0] in self._failed:
                self._wake.wait(0.5)
                self._wake.clear()
                continue
            try:
                self._improve(wanted[0])
            except (VjganError, RuntimeError, MemoryError) as error:
                self._failed.add(wanted[0])
                log.error("camera: '%s' cannot be brought near: %s", wanted[0], error)

    def _improve(self, path: Path) -> None:
        """As long as the same model is wanted."""
        from vjgan.train.projection import Projection  # most shows need none

        projection = Projection(checkpoint.load(path).network)
        aimed = -AIM_SECONDS
        steps = 0
        while (wanted := self._wanted.get()) is not None and wanted[0] == path:
            if time.monotonic() - aimed >= AIM_SECONDS:
                projection.aim(wanted[1])
                aimed = time.monotonic()
                if not steps:  # the likest of those that were tried is there at once
                    self.improved.put(Improved(path, projection.w))
            projection.step()
            steps += 1
            if steps % SHOWN_EVERY == 0 and self._wanted.get() is not None:
                self.improved.put(Improved(path, projection.w))
