"""Builds scenes off the loop and hands over finished ones; watches the files they come from."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from vjgan.errors import VjganError
from vjgan.files import saved_at
from vjgan.priority import step_back
from vjgan.stage import Scene

log = logging.getLogger("vjgan")

NICENESS = 6  # of the thread: the show on stage goes first
LOOK_SECONDS = 0.25  # how often the file on stage is looked at
SAVED_CROSSFADE_BEATS = 1.0  # an edit shows at once, without a jump


class Loader:
    """A thread that turns preset files into scenes. The newest request wins; a broken file is
    logged once and what is on stage stays. What is on stage is built anew when its file is saved,
    and when what ``known`` tells, by which presets are checked, changes. While there is nothing to
    do it lets ``prepare`` look at the presets on either side, so that what they need is at hand.
    """

    def __init__(
        self,
        build: Callable[[Path], Scene],
        presets: Callable[[], Sequence[Path]],
        current: Path,
        prepare: Callable[[Path], None] | None = None,
        known: Callable[[], object] = lambda: None,
    ) -> None:
        self._build = build
        self._presets = presets
        self._current = current
        self._changed = saved_at(current)
        self._prepare = prepare
        self._expected: Sequence[Path] = ()  # instead of the neighbours, by a set list
        self._known, self._built_with = known, known()
        self._ahead = self._neighbours() if prepare is not None else []  # yet to be prepared
        self._refused: Path | None = None  # what was asked for, and could not be built
        self._aim = current  # what was asked for last
        self._saving = False  # what is on stage is being saved
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

    def bring(self, path: Path) -> None:
        """Ask for the preset of a file."""
        self._ask(path)

    def expect(self, paths: Sequence[Path]) -> None:
        """From now on prepare these, in order, instead of the presets on either side."""
        self._expected, self._ahead = tuple(paths), list(paths)

    @contextmanager
    def saving(self, before: Path, path: Path) -> Iterator[None]:
        """While what is on stage, of the file ``before``, is being written to ``path``, the same or
        a copy: what is on stage is it, so that it need not be built anew."""
        self._saving = True
        try:
            yield
            if self._current == before:
                self._current, self._changed = path, saved_at(path)
            if self._aim == before:
                self._aim = path
        finally:
            self._saving = False

    def refused(self) -> Path | None:
        """What was asked for last, if it could not be built."""
        return self._refused

    def finished(self) -> Scene | None:
        """A scene that is ready to enter, once; None when there is none."""
        return _newest(self._finished)

    def close(self) -> None:
        """End the thread."""
        self._wanted.put(None)
        self._thread.join(timeout=2.0)

    def _ask(self, path: Path) -> None:
        self._aim, self._refused = path, None
        self._wanted.put(path)

    def _run(self) -> None:
        step_back(NICENESS)
        while True:
            try:
                path = self._wanted.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if self._outdated():
                    self._make(self._current, saved=True)
                else:
                    self._look_ahead()
                continue
            if path is None:
                return
            if self._wanted.empty():
                self._make(path, saved=False)

    def _outdated(self) -> bool:
        """Whether what is on stage would be another one if it were built now."""
        if self._saving:
            return False
        saved = saved_at(self._current) not in (self._changed, 0)
        return saved or self._known() != self._built_with

    def _make(self, path: Path, saved: bool) -> None:
        changed, self._built_with = saved_at(path), self._known()
        if path == self._current:
            self._changed = changed
        try:
            scene = self._build(path)
        except VjganError as error:
            log.error("%s", error)
            self._refused = path
            return
        except Exception:
            log.exception("preset '%s' could not be built", path)
            self._refused = path
            return
        self._current, self._changed = path, changed
        if saved:
            scene = replace(scene, crossfade_beats=SAVED_CROSSFADE_BEATS)
        self._finished.put(scene)
        self._ahead = self._neighbours()

    def _look_ahead(self) -> None:
        """Prepare one neighbour: a request that comes meanwhile waits for no more than that."""
        if self._prepare is None or not self._ahead:
            return
        try:
            self._prepare(self._ahead.pop(0))
        except Exception as error:  # it is told when the preset is asked for
            log.debug("not prepared: %s", error)

    def _neighbours(self) -> list[Path]:
        """What a set list expects, or the next preset and the previous one, around the end."""
        if self._expected:
            return [path for path in self._expected if path != self._current]
        presets = list(self._presets())
        if self._current not in presets:
            return presets[:1]
        here = presets.index(self._current)
        around = (presets[(here + step) % len(presets)] for step in (1, -1))
        return [path for path in dict.fromkeys(around) if path != self._current]


T = TypeVar("T")


def _newest(mailbox: queue.SimpleQueue[T]) -> T | None:
    """The last of what is waiting, the rest dropped."""
    newest = None
    while not mailbox.empty():
        newest = mailbox.get()
    return newest
