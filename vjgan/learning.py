"""Learning what a knob or pad does, before the show and in it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from vjgan.bindings import Controller, read_controllers
from vjgan.bound import Bound
from vjgan.errors import DeviceError, VjganError
from vjgan.midi import MidiIn
from vjgan.moves import Move, Moves
from vjgan.rig import Change, Edit, Rig, binding_edit, keep_binding, load_rig, rig_file, take_back
from vjgan.stock import all_controls
from vjgan.types import Command, ControlEvent, Event, Setting

log = logging.getLogger("vjgan")

LOOK_SECONDS = 0.02
LESSON_SECONDS = 30.0
TOLD_SECONDS = 5.0
ALWAYS = ("panic",)  # done even where it is only to be learnt
NEVER = ("quit", "help")


def learn(control: str, midi: str, api: str, seconds: float) -> str:
    """What has been bound and where that is kept. Raises VjganError for an unknown control, and
    DeviceError when nothing is moved in time."""
    known = all_controls()
    if control not in known:
        raise VjganError(f"control '{control}' is unknown; there are: {', '.join(sorted(known))}")
    hands = MidiIn(midi or None, api or None)
    try:
        hands.check()
        moved = _moved(hands, seconds)
    finally:
        hands.close()
    kept = keep_binding(moved.port, moved.key, moved.row(control))
    return f"{_words(moved)}, channel {moved.channel}, sets {control} ({kept.path})"


def controllers_of(rig: Rig) -> list[Controller]:
    """What the rig's controllers do: all of them alike, and each by its name. Raises VjganError:
    one sentence with the file, the key, the value and what is allowed."""
    named = read_controllers(f"rig '{rig_file()}'", rig.controllers, all_controls())
    return [Controller("", {}, rig.commands), *named]


def _moved(hands: MidiIn, seconds: float) -> Move:
    moves = Moves()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in hands.read():
            if isinstance(event, ControlEvent) and (move := moves.hear(event)):
                return move
        time.sleep(LOOK_SECONDS)
    there = ", ".join(f"'{name}'" for name in hands.names()) or "none"
    raise DeviceError(f"no knob was moved for {seconds:g} s; MIDI inputs that are heard: {there}")


def _words(move: Move) -> str:
    return f"{move.source} of '{move.port}'"


class Pen(Protocol):
    """Writes into the preset on stage; see ``vjgan.control``."""

    def edit(self, change: Edit) -> Change:
        """What has been written. Raises VjganError."""

    def take_back(self, kept: Change) -> None:
        """Undo that. Raises VjganError."""


class Lesson:
    """Learning in the show: the command ``learn``, then a control or another command, then a knob
    or pad, which does that from then on, and in every show to come. ``learn_preset`` does so for
    the preset on stage alone, where there is a ``pen`` for it. ``unlearn`` takes the last one back.
    Files are written beside the loop."""

    def __init__(
        self, bound: Bound, now: Callable[[], float] = time.monotonic, pen: Pen | None = None
    ) -> None:
        self._bound = bound
        self._now = now
        self._pen = pen
        self.here = False  # what is being learnt goes for the preset on stage alone
        self._target: Setting | Command | None = None
        self._moves = Moves()
        self._ends = 0.0  # when it is given up; 0: nothing is being learnt
        self._told = ""
        self._told_until = 0.0
        self._kept: list[Change] = []
        self._thread = threading.Thread()

    def takes(self, event: Event) -> bool:
        """Whether a gesture is for the lesson only, and not to be done."""
        match event:
            case Command("learn"):
                self._begin(0.0 if self._ends else self._now() + LESSON_SECONDS)
                return True
            case Command("learn_preset"):
                if self._ends:
                    self.here = not self.here and self._pen is not None
                else:
                    self._begin(self._now() + LESSON_SECONDS, self._pen is not None)
                return True
            case Command("unlearn"):
                self._begin(0.0)
                self._work(self._take_back)
                return True
            case _ if not self._ends:
                return False
            case ControlEvent() if self._target is not None:
                move = self._moves.hear(event)
                if move is not None:
                    target, here = self._target, self.here
                    self._begin(0.0)
                    self._work(lambda: self._keep(move, target, here))
            case Setting(name=name, value=value) if name and value is not None:
                self._target, self._moves = event, Moves()
                return True
            case Command(name=name) if name not in NEVER:
                self._target, self._moves = event, Moves()
                return name not in ALWAYS
        return False

    @property
    def learns(self) -> bool:
        """Whether gestures are for the lesson."""
        return bool(self._ends)

    def line(self) -> str:
        """How far it is, in words; empty where nothing is being learnt."""
        now = self._now()
        if self._ends and now > self._ends:
            self._begin(0.0)
            self._tell("learn: nothing was moved")
        if not self._ends:
            return self._told if now < self._told_until else ""
        where = " for this preset" if self.here else ""
        if self._target is None:
            return f"learn{where}: touch a control, or press what a pad shall do"
        return f"learn {_target_words(self._target)}{where}: move a knob or strike a pad"

    def close(self) -> None:
        """Wait for what is being written."""
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _begin(self, ends: float, here: bool = False) -> None:
        self._ends, self._target, self.here = ends, None, here
        self._bound.quiet = bool(ends)

    def _tell(self, words: str) -> None:
        self._told, self._told_until = words, self._now() + TOLD_SECONDS

    def _work(self, job: Callable[[], str]) -> None:
        def run() -> None:
            try:
                words = job()
                self._bound.controllers = tuple(controllers_of(load_rig()))
                log.info("%s", words)
            except VjganError as error:
                words = str(error)
                log.error("learn: %s", error)
            self._tell(words)

        self.close()
        self._thread = threading.Thread(target=run, name="lesson", daemon=True)
        self._thread.start()

    def _keep(self, move: Move, target: Setting | Command, here: bool) -> str:
        row, kind = (
            (move.row(target.name), "controls")
            if isinstance(target, Setting)
            else (_target_words(target), "commands")
        )
        words = f"{_words(move)}: {_target_words(target)}"
        if not here or self._pen is None:
            self._kept.append(keep_binding(move.port, move.key, row, kind))
            return words
        kept = self._pen.edit(binding_edit(move.port, move.key, row, kind))
        self._kept.append(kept)
        return f"{words} in preset '{kept.path.stem}'"

    def _take_back(self) -> str:
        if not self._kept:
            return "nothing was learnt in this show"
        kept = self._kept.pop()
        if kept.kind == "rig" or self._pen is None:
            take_back(kept)
        else:
            self._pen.take_back(kept)
        return "what was learnt last is forgotten"


def _target_words(target: Setting | Command) -> str:
    """A control's name, or a command as files write it."""
    if isinstance(target, Setting):
        return target.name
    return f"{target.name} {target.value}" if target.value else target.name
