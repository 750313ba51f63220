"""What controllers show: values on motor faders and rings, how the show stands on pads.

A thread of its own looks at the newest standing thirty times a second and tells the MIDI process
what has changed; the loop knows nothing of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import is_not

from vjgan.bindings import Bank, Binding, Controller, Lamp
from vjgan.bound import Bound
from vjgan.gestures import read_command
from vjgan.lamps import EVERY_SECONDS, Messages
from vjgan.standing import Standing
from vjgan.types import Beat, Command

log = logging.getLogger("vjgan")

FLASH = 0.2  # of a beat, in which a lamp is lit that flashes with it
LONGEST_SECONDS = 1.0  # for which the beat is foretold
CLOCKS = ("link", "midi", "tracker", "tap", "free")

Send = Callable[[str, Mapping[str, Messages]], None]


@dataclass(frozen=True, slots=True)
class View:
    """What lamps may show: how the show stands, the beat of this moment, the number of the preset
    and the name of the bank."""

    standing: Standing
    beat: Beat
    number: int
    bank: str


Look = Callable[[View], float]  # 0..1, what a lamp shows
Layers = Sequence[Controller | Bank]  # that say what knobs and buttons do; the first that does


class Feedback:
    """Keeps lamps as the show stands, from ``start`` to ``close``. ``send`` takes what to tell the
    lamps of a controller; ``now`` is the show's clock; ``number`` finds that of a preset."""

    def __init__(
        self,
        send: Send,
        bound: Bound,
        standing: Callable[[], Standing | None],
        now: Callable[[], float],
        number: Callable[[str], int],
    ) -> None:
        self._send = send
        self._bound = bound
        self._standing = standing
        self._now = now
        self._find_number = number
        self._numbered = ("", 0)  # the last preset, and its number
        self._looks: dict[str, tuple[Layers, dict[str, tuple[Lamp, Look]]]] = {}
        self._shown: dict[tuple[str, str], float] = {}
        self._closed = threading.Event()
        self._failed = ""
        self._thread = threading.Thread(target=self._run, name="feedback", daemon=True)

    def start(self) -> None:
        """Look at the show in a thread of its own from now on."""
        self._thread.start()

    def close(self) -> None:
        """Darken the lamps, and leave faders where they are."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)
        for one in self._bound.controllers:
            lit = {k: lamp.messages(0.0) for k, lamp in one.lamps.items() if lamp.is_lamp}
            if lit:
                self._send(one.name, lit)

    def _run(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            try:
                self.look()
            except Exception as error:
                if self._failed != str(error):
                    self._failed = str(error)
                    log.error("lamps of controllers: %s", error, exc_info=error)

    def look(self) -> None:
        """Tell the lamps what is new on stage."""
        standing = self._standing()
        if standing is None:
            return
        passed = min(LONGEST_SECONDS, max(0.0, self._now() - standing.time))
        if standing.preset != self._numbered[0]:
            self._numbered = standing.preset, self._find_number(standing.preset)
        for one in self._bound.controllers:
            if not one.lamps:
                continue
            bank = self._bound.bank(one)
            view = View(standing, standing.beat.after(passed), self._numbered[1], bank)
            news = {}
            for key, (lamp, look) in self._looks_of(one, standing).items():
                x = look(view)
                if self._shown.get((one.name, key)) != x:
                    self._shown[one.name, key] = x
                    news[key] = lamp.messages(x)
            if news:
                self._send(one.name, news)

    def _looks_of(self, one: Controller, standing: Standing) -> Mapping[str, tuple[Lamp, Look]]:
        layers = (*self._own(one, standing), self._bound.layer(one))
        known = self._looks.get(one.name)
        if known is None or len(known[0]) != len(layers) or any(map(is_not, known[0], layers)):
            known = (
                layers,
                {key: (lamp, _look(lamp, one, layers)) for key, lamp in one.lamps.items()},
            )
            self._looks[one.name] = known
        return known[1]

    def _own(self, one: Controller, standing: Standing) -> Sequence[Controller]:
        """What the preset on stage has of its own for a controller of the rig."""
        presets = self._bound.own(standing)
        return [own for own in presets if own.plays(one.name) or one.plays(own.name)]


def _look(lamp: Lamp, one: Controller, layers: Layers) -> Look:
    """What a lamp shows, while its controller's knobs and buttons do what ``layers`` say."""
    if not lamp.of:
        return _look_as_bound(lamp.source, one, layers)
    kind, _, name = lamp.of.partition(" ")
    if kind == "bank":
        return _look_at_bank(name)
    if lamp.of == "beat":
        return _beat
    if lamp.of == "bar":
        return _bar
    try:
        return _look_at_command(read_command(lamp.of))
    except ValueError:
        return _look_at_control(lamp.of)


def _look_as_bound(source: str, one: Controller, layers: Layers) -> Look:
    def is_here(key: str) -> bool:
        return key.rpartition(".")[2] == source

    for layer in layers:
        if layer is layers[-1]:  # the rig's, whose banks come first
            for name, bank in one.banks.items():
                if is_here(bank.button):
                    return _look_at_bank(name)
        for key, binding in layer.controls.items():
            if is_here(key):
                return _look_at_binding(binding)
        for key, command in layer.commands.items():
            if is_here(key):
                return _look_at_command(command)
    return lambda view: 0.0


def _look_at_bank(name: str) -> Look:
    return lambda view: float(view.bank == name)


def _look_at_binding(binding: Binding) -> Look:
    name = binding.control

    def place(view: View) -> float:
        own = view.standing.own.get(name)
        return 0.0 if own is None else round(binding.position(own), 4)

    def high(view: View) -> float:
        return float(place(view) > 0.5)

    def changed(view: View) -> float:
        return float(view.standing.own.get(name) != view.standing.given.get(name))

    modes = {"toggle": high, "latch": changed, "momentary": changed, "one-shot": changed}
    return modes.get(binding.mode, place)


def _look_at_control(name: str) -> Look:
    def look(view: View) -> float:
        row, own = view.standing.table.get(name), view.standing.own.get(name)
        if row is None or own is None:
            return 0.0
        return (own - row.minimum) / (row.maximum - row.minimum)

    return look


def _look_at_command(command: Command) -> Look:
    looks: dict[str, Look] = {
        "preset": lambda view: float(view.number == command.value),
        "freeze": lambda view: float(view.standing.frozen),
        "blackout": lambda view: float(view.standing.black),
        "panic": lambda view: float(view.standing.panic),
        "strobe_kill": lambda view: float(view.standing.strobe_killed),
        "learn": lambda view: float(view.standing.lesson),
        "learn_preset": lambda view: float(view.standing.lesson_here),
        "clock": lambda view: float(view.beat.source in CLOCKS[command.value - 1 : command.value]),
        "tap": _beat,
        "one": _bar,
    }
    return looks.get(command.name, lambda view: 0.0)


def _beat(view: View) -> float:
    return float(view.beat.position % 1.0 < FLASH)


def _bar(view: View) -> float:
    return float(view.beat.bar % 1.0 < FLASH / 4.0)
