"""Builds scenes off the loop and hands over finished ones; watches the files they come from."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from vjgan.errors import VjganError
from vjgan.stage import Scene

log = logging.getLogger("vjgan")

LOOK_SECONDS = 0.25  # how often the file on stage is looked at
SAVED_CROSSFADE_BEATS = 1.0  # an edit shows at once, without a jump


class Loader:
    """A thread that turns preset files into scenes. The newest request wins; a broken file is
    logged once and what is on stage stays."""

    def __init__(
        self,
        build: Callable[[Path], Scene],
        presets: Callable[[], Sequence[Path]],
        current: Path,
    ) -> None:
        self._build = build
        self._presets = presets
        self._current = current
        self._changed = _modified(current)
        self._aim = current  # what was asked for last
        self._wanted: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[Scene] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self._thread.start()

    def request(self, number: int) -> None:
        """Ask for the preset of a number, counted from 1; others are ignored."""
        presets = self._presets()
        if 1 <= number <= len(presets):
            self._ask(presets[number - 1])

    def request_step(self, step: int) -> None:
        """Ask for the preset ``step`` places further, around the end."""
        presets = list(self._presets())
        here = presets.index(self._aim) if self._aim in presets else -min(step, 0)
        if presets:
            self._ask(presets[(here + step) % len(presets)])

    def finished(self) -> Scene | None:
        """A scene that is ready to enter, once; None when there is none."""
        return _newest(self._finished)

    def close(self) -> None:
        """End the thread."""
        self._wanted.put(None)
        self._thread.join(timeout=2.0)

    def _ask(self, path: Path) -> None:
        self._aim = path
        self._wanted.put(path)

    def _run(self) -> None:
        while True:
            try:
                path = self._wanted.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if _modified(self._current) not in (self._changed, 0):
                    self._make(self._current, saved=True)
                continue
            if path is None:
                return
            if self._wanted.empty():
                self._make(path, saved=False)

    def _make(self, path: Path, saved: bool) -> None:
        changed = _modified(path)
        if path == self._current:
            self._changed = changed
        try:
            scene = self._build(path)
        except VjganError as error:
            log.error("%s", error)
            return
        except Exception:
            log.exception("preset '%s' could not be built", path)
            return
        self._current, self._changed = path, changed
        if saved:
            scene = replace(scene, crossfade_beats=SAVED_CROSSFADE_BEATS)
        self._finished.put(scene)


T = TypeVar("T")


def _newest(mailbox: queue.SimpleQueue[T]) -> T | None:
    """The last of what is waiting, the rest dropped."""
    newest = None
    while not mailbox.empty():
        newest = mailbox.get()
    return newest


def _modified(path: Path) -> int:
    """When a file was last saved, in ns; 0 while it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
