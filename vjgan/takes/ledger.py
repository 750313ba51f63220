"""How hands have left things, so that a take can begin in the middle of a show."""

from __future__ import annotations

from dataclasses import replace

from vjgan.takes.writer import Entrance
from vjgan.types import Command, ControlEvent, Event, Setting, Visit

TOGGLES = ("freeze", "blackout", "panic", "strobe_kill")


class Ledger:
    """The preset on stage, and the gestures that lead from its beginning to where things stand."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._knobs: dict[tuple[str, int, str], ControlEvent] = {}
        self._settings: dict[str, Setting] = {}
        self._toggled: list[Command] = []
        self._visit: Visit | None = None  # of who is on

    def note(self, event: Event) -> None:
        """A gesture was made."""
        if isinstance(event, ControlEvent):
            self._knobs[event.source, event.channel, event.port] = event
        elif isinstance(event, Setting):
            self._set(event)
        elif isinstance(event, Command) and event.name in TOGGLES:
            self._toggle(event)
        elif event == Command("reset"):
            self._settings.clear()
        elif isinstance(event, Visit):
            self._visit = event if event.name else None
        elif event == Command("walk"):
            self._visit = None

    def enter(self, entrance: Entrance) -> None:
        """A preset entered, with its own settings."""
        self._entrance = entrance
        self._settings.clear()

    def standing(self, time: float) -> tuple[Entrance, list[Event]]:
        """The preset and the gestures, as if it began at ``time``."""
        events: list[Event] = [*self._knobs.values(), *self._settings.values(), *self._toggled]
        events += [] if self._visit is None else [self._visit]
        return replace(self._entrance, time=time), events

    def _set(self, setting: Setting) -> None:
        if not setting.name:
            self._settings.clear()
        elif setting.value is None:
            self._settings.pop(setting.name, None)
        else:
            self._settings[setting.name] = setting

    def _toggle(self, command: Command) -> None:
        if command in self._toggled:
            self._toggled.remove(command)
        else:
            self._toggled.append(command)
