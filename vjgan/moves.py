"""Which knob, fader, pad or encoder a hand means: the first one that is moved far enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vjgan.types import ControlEvent

FAR = 0.2  # of a knob's way: more than one that trembles goes
TURNS = 8  # messages by which an encoder is known
REPEATS = 3  # of the same value one after the other, which no knob sends
QUICK = 20  # steps that an encoder sends at once at most
COARSE, FINE = range(32), range(32, 64)  # controllers of 14 bits send both parts


@dataclass(frozen=True)
class Move:
    """What was moved: a ``source`` of a ``port`` and ``channel``; ``mode`` as bindings have it,
    empty where it needs none."""

    port: str
    channel: int
    source: str
    mode: str = ""

    @property
    def key(self) -> str:
        """The source as rigs write it."""
        return f"{self.channel}.{self.source}"

    def row(self, control: str) -> str | Mapping[str, str]:
        """A binding of it, as rigs write it."""
        return {"control": control, "mode": self.mode} if self.mode else control


class Moves:
    """Listens to gestures until it is clear which one is meant. Aftertouch never is: it comes with
    the pads that are struck."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, int], dict[str, list[float]]] = {}  # by port and channel

    def hear(self, event: ControlEvent) -> Move | None:
        """What is meant, once it is clear."""
        heard = self._heard.setdefault((event.port, event.channel), {})
        values = heard.setdefault(event.source, [])
        values.append(event.value)
        source = event.source
        mode: str | None = None
        if source.startswith("note"):
            # When it is let go: a fader's cap may send a note while it is touched.
            mode = "" if event.value == 0.0 and max(values) > 0.0 else None
        elif source.startswith("cc"):
            mode = _mode_of_cc(int(source[2:]), heard)
        elif not source.startswith("touch"):
            mode = "" if max(values) - min(values) >= FAR else None
        return None if mode is None else Move(event.port, event.channel, source, mode)


def _mode_of_cc(number: int, heard: Mapping[str, Sequence[float]]) -> str | None:
    """What a controller of 7 bits is, if it is what was meant and not a part of a longer number."""
    raw = [round(127 * value) for value in heard[f"cc{number}"]]
    if set(raw) == {0, 127} and len(raw) <= 3:
        return "momentary"
    if number in (6, 38, 98, 99) and any(name.startswith("nrpn") for name in heard):
        return None
    if number in COARSE and len(heard.get(f"cc{number + 32}", ())) > 1:
        return None
    if number in FINE and f"fine{number - 32}" in heard:
        return None
    if encoding := _encoding(raw):
        return encoding
    if len(raw) < TURNS and all(min(v, 128 - v, abs(v - 64)) <= QUICK for v in raw):
        return None  # it may be an encoder
    return "" if max(raw) - min(raw) >= 127 * FAR else None


def _encoding(raw: Sequence[int]) -> str:
    """How an encoder says its steps; empty for what is none. One that was only turned to the right
    is taken for the more usual of those that it may be."""
    if len(raw) < TURNS or sum(a == b for a, b in pairwise(raw)) < REPEATS:
        return ""
    up = all(value <= QUICK for value in raw if value < 64)
    if all(abs(value - 64) <= QUICK for value in raw):
        return "relative-offset"
    if up and all(value <= 64 + QUICK for value in raw):
        complement = all(value < 64 for value in raw)
        return "relative-complement" if complement else "relative-sign"
    if up and all(value >= 128 - QUICK for value in raw if value >= 64):
        return "relative-complement"
    return ""
