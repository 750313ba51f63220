"""Hands whose knobs and buttons do what they are bound to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from vjgan.bindings import Bank, Binding, Controller
from vjgan.gestures import PRESSED
from vjgan.standing import Standing
from vjgan.takeover import Knob, turned
from vjgan.types import ControlEvent, Event, Hands, Setting

TURN = 128  # steps of a relative encoder through the whole range
# How far an encoder was turned, from the 7 bits that it sends: two's complement, an offset of 64,
# or a sign in the highest bit and the steps below.
STEPS: dict[str, Callable[[int], int]] = {
    "relative-complement": lambda raw: raw if raw < 64 else raw - 128,
    "relative-offset": lambda raw: raw - 64,
    "relative-sign": lambda raw: raw if raw < 64 else 64 - raw,
}


class Bound:
    """Hands whose knobs and buttons also do what they are bound to. ``standing`` tells how the show
    stands, which may be some frames old. What the preset on stage has of its ``own``, by its file,
    goes before what the ``controllers`` of the rig say of the same sources."""

    def __init__(
        self,
        hands: Hands,
        controllers: Sequence[Controller],
        standing: Callable[[], Standing | None],
        now: Callable[[], float] = time.monotonic,
        own: Mapping[Path, Sequence[Controller]] | None = None,
    ) -> None:
        self.controllers = tuple(controllers)  # may be replaced at any time
        self.quiet = False  # gestures are only passed on: someone is learning from them
        self._hands = hands
        self._standing = standing
        self._of_presets: Mapping[Path, Sequence[Controller]] = {} if own is None else own
        self._now = now
        self._knobs: dict[str, Knob] = {}  # by port and source
        self._banks: dict[str, str] = {}  # which one is chosen, by controller
        self._ends: dict[str, float] = {}  # when one-shots give their controls back
        self._told = ""  # the preset for which knobs have their controls

    def read(self) -> Sequence[Event]:
        """All gestures since the last call, and what they mean."""
        events: list[Event] = []
        for event in self._hands.read():
            events.append(event)
            if isinstance(event, ControlEvent) and not self.quiet:
                events += self._meant(event)
        now = self._now()
        for name in [name for name, end in self._ends.items() if end <= now]:
            del self._ends[name]
            events.append(Setting(name, None))
        return events

    def close(self) -> None:
        """Let the hands go."""
        self._hands.close()

    def bank(self, controller: Controller) -> str:
        """The name of the bank that is chosen, empty for none."""
        return self._banks.get(controller.name, "")

    def layer(self, controller: Controller) -> Controller | Bank:
        """What the controller's knobs and buttons do now."""
        return controller.banks.get(self.bank(controller), controller)

    def own(self, standing: Standing | None) -> Sequence[Controller]:
        """What the preset on stage has of its own."""
        if standing is None or standing.source is None:
            return ()
        return self._of_presets.get(standing.source, ())

    def _meant(self, event: ControlEvent) -> Iterator[Event]:
        here = f"{event.channel}.{event.source}"
        knob = self._knobs.setdefault(f"{event.port}/{here}", Knob())
        standing = self._standing()
        if standing is not None and standing.preset != self._told:
            self._told = standing.preset
            self._let_go("")
        pressed = event.value >= PRESSED and (knob.at or 0.0) < PRESSED
        rig = [one for one in self.controllers if one.plays(event.port)]
        own = [
            one
            for one in self.own(standing)
            if one.plays(event.port) and one.says(here, event.source)
        ]
        named = [one.takeover for one in rig if one.name]
        for one in own or rig:
            if not own and self._shifts(one, event, pressed):
                continue
            layer = self.layer(one)
            command = layer.commands.get(here) or layer.commands.get(event.source)
            if command is not None and pressed:
                yield command
            binding = layer.controls.get(here) or layer.controls.get(event.source)
            if binding is not None and standing is not None:
                takeover = one.takeover or (named or ["pickup"])[0]
                yield from self._set(knob, binding, takeover, event.value, standing)
        knob.at = event.value

    def _let_go(self, port: str) -> None:
        """Let the knobs of a port fetch their controls again."""
        for key, knob in self._knobs.items():
            if key.startswith(port):
                knob.value = None

    def _shifts(self, one: Controller, event: ControlEvent, pressed: bool) -> bool:
        """Choose a bank, where the gesture is at the button of one."""
        buttons = (event.source, f"{event.channel}.{event.source}")
        for name, bank in one.banks.items():
            if bank.button not in buttons:
                continue
            before = self.bank(one)
            if pressed:
                self._banks[one.name] = "" if before == name and not bank.hold else name
            elif bank.hold and before == name and event.value < PRESSED:
                self._banks[one.name] = ""
            if self.bank(one) != before:
                self._let_go(f"{event.port}/")
            return True
        return False

    def _set(
        self, knob: Knob, binding: Binding, takeover: str, x: float, standing: Standing
    ) -> Iterator[Setting]:
        own, name, now = standing.own.get(binding.control), binding.control, self._now()
        if own is None:  # of a pass that has gone
            return
        holds = knob.holds(binding, own, now)
        touched = x > 0.0 and not knob.at
        match binding.mode:
            case "momentary":
                yield Setting(name, binding.value(x) if x > 0.0 else None)
            case "one-shot" if touched:
                self._ends[name] = now + binding.seconds
                yield Setting(name, binding.value(x))
            case "latch" if touched and holds:
                knob.value = None
                yield Setting(name, None)
            case "latch" if touched:
                yield Setting(name, knob.keep(binding.value(x), now))
            case "toggle" if x >= PRESSED and (knob.at or 0.0) < PRESSED:
                on = knob.value if holds and knob.value is not None else own
                middle = 0.5 * (binding.low + binding.high)
                is_high = (on > middle) == (binding.high > binding.low)
                yield Setting(name, knob.keep(binding.low if is_high else binding.high, now))
            case "knob":
                value = turned(knob, binding, takeover, x, own, now)
                if value is not None:
                    yield Setting(name, value)
            case mode if mode in STEPS:
                steps = STEPS[mode](round(x * 127))
                bottom, top = sorted((binding.low, binding.high))
                on = knob.value if holds and knob.value is not None else own
                wanted = on + (binding.high - binding.low) * steps / TURN
                yield Setting(name, knob.keep(min(top, max(bottom, wanted)), now))
