"""Learning which knob sets a control: the first one that is moved far enough."""

from __future__ import annotations

import time

from vjgan.errors import DeviceError, VjganError
from vjgan.midi import MidiIn
from vjgan.rig import keep_binding
from vjgan.stock import all_controls
from vjgan.types import ControlEvent

FAR = 0.2  # of a knob's way: more than one that trembles goes
LOOK_SECONDS = 0.02


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
    path = keep_binding(moved.port, f"{moved.channel}.{moved.source}", control)
    return f"{moved.source} of '{moved.port}', channel {moved.channel}, sets {control} ({path})"


def _moved(hands: MidiIn, seconds: float) -> ControlEvent:
    """The first knob that is moved far, or the first pad that is struck."""
    spans: dict[tuple[str, int, str], tuple[float, float]] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in hands.read():
            if not isinstance(event, ControlEvent):
                continue
            key = (event.port, event.channel, event.source)
            low, high = spans.get(key, (event.value, event.value))
            low, high = spans[key] = min(low, event.value), max(high, event.value)
            struck = event.source.startswith("note") and event.value > 0.0
            if struck or high - low >= FAR:
                return event
        time.sleep(LOOK_SECONDS)
    there = ", ".join(f"'{name}'" for name in hands.names()) or "none"
    raise DeviceError(f"no knob was moved for {seconds:g} s; MIDI inputs that are heard: {there}")
