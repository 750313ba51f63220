"""Who takes part in the loop, besides its stages: what each of them is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vjgan.stage import Scene
from vjgan.standing import Standing
from vjgan.types import Beat, Event, Features, PassWeight, Pulse, Screen, TempoHint, Tick, Visit


class Tempo(Protocol):
    """What is needed of ``vjgan.beat``."""

    def step(self, features: Features, tick: Tick) -> Beat: ...

    def tap(self, time: float) -> None: ...

    def pulse(self, pulse: Pulse, time: float) -> None: ...

    def one(self, time: float) -> None: ...

    def multiply(self, factor: float) -> None: ...

    def nudge(self, steps: int) -> None: ...

    def hold(self, number: int) -> None: ...

    def hint(self, hint: TempoHint) -> None: ...

    def line(self) -> str: ...


class Unmoved:
    """The hands of a ``Tempo`` whose beat is known: they change nothing."""

    def tap(self, time: float) -> None: ...

    def pulse(self, pulse: Pulse, time: float) -> None: ...

    def one(self, time: float) -> None: ...

    def multiply(self, factor: float) -> None: ...

    def nudge(self, steps: int) -> None: ...

    def hold(self, number: int) -> None: ...

    def hint(self, hint: TempoHint) -> None: ...


class Scenes(Protocol):
    """What is needed of ``vjgan.loader``."""

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...

    def finished(self) -> Scene | None: ...


class Score(Protocol):
    """What is needed of ``vjgan.conductor``, besides Scenes."""

    def play(self, beat: Beat, tick: Tick) -> Sequence[Event]: ...

    def go(self, step: int) -> None: ...

    def jump(self, number: int) -> None: ...

    def one(self) -> None: ...

    def quantise(self, number: int) -> None: ...

    def invite(self, visit: Visit) -> None: ...

    @property
    def quantised(self) -> int: ...

    def line(self) -> str: ...


class Onlooker(Protocol):
    """Who watches the show from outside the loop; see ``vjgan.remote.desk``."""

    def due(self, time: float) -> bool:
        """Whether it wants to look now."""

    def look(self, standing: Standing, screen: Screen) -> None:
        """Take how the show stands, at once."""

    def keep(self) -> None:
        """Make a new preset of how the show stands, soon."""

    def save(self) -> None:
        """Write what hands set into the preset's own file, soon."""

    def wish(self, name: str) -> None:
        """Do what ``child`` or ``keep`` asks for, soon."""


class Witness(Protocol):
    """Who keeps the show, as a take, a film or stills; see ``vjgan.keeper``."""

    def obeyed(self, event: Event, tick: Tick) -> None:
        """A gesture was taken at a frame."""

    def entered(self, scene: Scene, tick: Tick) -> None:
        """A scene began to enter at a frame."""

    def shown(self, beat: Beat, screen: Screen, tick: Tick) -> None:
        """A frame is on the screen."""


class Pupil(Protocol):
    """Who learns what knobs do; see ``vjgan.learning``."""

    @property
    def learns(self) -> bool: ...

    @property
    def here(self) -> bool: ...

    def takes(self, event: Event) -> bool:
        """Whether a gesture is for it only, and not to be done."""

    def line(self) -> str: ...


class Mirror(Protocol):
    """Who sits before the camera; see ``vjgan.sitting``."""

    def do(self, name: str) -> None:
        """ "look" or look away, "capture" or "forget"; at once."""


class Budget(Protocol):
    """What is needed of ``vjgan.budget``."""

    def foresee(self, passes: Sequence[PassWeight], presets: Sequence[str], tick: Tick) -> None: ...

    def spend(self, took: float, tick: Tick) -> None: ...

    def words(self) -> str: ...
