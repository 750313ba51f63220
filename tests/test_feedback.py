"""What controllers show: from how the show stands to a controller in another process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Venue, wait_until
from standings import standing_of
from test_midi import listen  # noqa: F401

from vjgan import midi
from vjgan.bindings import Controller, map_names, read_controllers, read_own
from vjgan.bound import Bound
from vjgan.controls import CONTROLS
from vjgan.feedback import Feedback
from vjgan.lamps import EVERY_SECONDS, MOST, Lamps, Outlets
from vjgan.mapping import Router
from vjgan.render import Nobody
from vjgan.standing import Standing
from vjgan.types import Beat, ControlEvent, Setting

# A controller of another program, with knobs to hear and lamps to light; it tells each message.
CONTROLLER = """
import sys, json, time, rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="pads")
out.open_virtual_port("out")
lamps = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="pads")
lamps.ignore_types(sysex=False)
lamps.set_callback(lambda item, _: print(json.dumps(item[0]), flush=True))
lamps.open_virtual_port("lamps")
print("ready", flush=True)
for line in sys.stdin:
    out.send_message(json.loads(line))
    time.sleep(0.01)
lamps.delete()
out.delete()
"""


class Pads:
    """A controller with lamps in a process of its own, and what it was told."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: list[list[int]] = []
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        assert self.stdout.readline() == "ready\n"
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def send(self, *messages: list[int]) -> None:
        """Send messages a hundredth of a second apart."""
        assert self.process.stdin is not None
        for message in messages:
            self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def lamps(self) -> dict[tuple[int, int], int]:
        """What each lamp shows now."""
        return {(status, number): level for status, number, level in self.told}

    def unplug(self) -> None:
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(10)
            self.reader.join(5)
            self.stdout.close()

    def _read(self) -> None:
        self.told += map(json.loads, self.stdout)


@pytest.fixture
def plug(venue: Venue) -> Iterator[Callable[[], Pads]]:
    plugged: list[Pads] = []

    def one() -> Pads:
        plugged.append(Pads())
        return plugged[-1]

    yield one
    for pads in plugged:
        pads.unplug()


def read(**table: Any) -> Controller:
    return read_controllers("rig 'r'", {"pads": table}, CONTROLS)[0]


class Lit:
    """Feedback of one controller, looked at by hand: what its lamps show by source."""

    def __init__(self, **table: Any) -> None:
        self.shows: dict[str, list[list[int]]] = {}
        self.router = Router(CONTROLS, {})
        self.more: dict[str, Any] = {}
        self.time = 1.0
        self.of_presets: dict[Path, list[Controller]] = {}
        self.bound = Bound(Nobody(), [read(**table)], self.standing, own=self.of_presets)
        self.feedback = Feedback(
            lambda name, lamps: self.shows.update(lamps),
            self.bound,
            self.standing,
            lambda: self.time,
            {"a": 1, "b": 2}.__getitem__,
        )

    def standing(self) -> Standing:
        return replace(standing_of(self.router), **self.more)

    def after(self, **more: Any) -> dict[str, int]:
        """The level of each lamp while the show stands so."""
        self.more = more
        self.feedback.look()
        return {key: messages[-1][-1] for key, messages in self.shows.items()}


def test_lamps_show_what_their_buttons_are_bound_to() -> None:
    table = {"note1": "preset 1", "note2": "preset 2", "note3": "freeze", "note4": "go"}
    rows = {f"note{k}": {"levels": [1, 21]} for k in range(1, 5)}
    pads = Lit(commands=table, feedback=rows)
    assert pads.after() == {"note1": 21, "note2": 1, "note3": 1, "note4": 1}
    shown = pads.after(preset="b", frozen=True)
    assert shown == {"note1": 1, "note2": 21, "note3": 21, "note4": 1}


@pytest.mark.parametrize("name", map_names())
def test_lamps_follow_what_a_preset_binds_and_the_map_again_after_it(name: str) -> None:
    fader = {"note1": {"control": "hue", "mode": "knob"}}
    pads = Lit(map=name, controls=fader, feedback={"note1": {"levels": [1, 2, 3]}})
    before = pads.after()
    assert before["note1"] == 2  # hue at 0 of -180..180
    table = {"controls": {"1.note1": {"control": "zoom", "low": 1.0, "mode": "toggle"}}}
    pads.of_presets[Path("b")] = read_own("preset 'b'", {"pads:out": table}, CONTROLS)
    pads.router.set("zoom", 4.0)
    assert pads.after(source=Path("b")) == {**before, "note1": 3}
    assert pads.after(source=Path("c")) == before


def test_rings_and_faders_show_where_a_knob_would_stand() -> None:
    inverted = {"control": "hue", "low": 180, "high": -180}
    rows: dict[str, Any] = {"cc1": {}, "pitch": {}, "cc2": "psi", "3.fine4": {"of": "hue"}}
    pads = Lit(controls={"cc1": inverted, "pitch": "hue"}, feedback=rows)
    pads.router.set("hue", 90.0)
    pads.router.set("psi", 1.5)
    pads.after()
    assert pads.shows["cc1"] == [[0xB0, 1, 32]] and pads.shows["cc2"] == [[0xB0, 2, 127]]
    wide = round(0.75 * 16383)
    assert pads.shows["pitch"] == [[0xE0, wide & 127, wide >> 7]]
    assert pads.shows["3.fine4"] == [[0xB2, 4, wide >> 7], [0xB2, 36, wide & 127]]


def test_pads_show_whether_they_have_changed_something() -> None:
    controls = {"note1": {"control": "hue", "mode": "latch"},
                "note2": {"control": "psi", "mode": "toggle", "low": 0.1, "high": 1}}  # fmt: skip
    pads = Lit(controls=controls, feedback={"note1": {}, "note2": {}})
    assert pads.after() == {"note1": 0, "note2": 127}
    pads.router.set("hue", 1.0)
    pads.router.set("psi", 0.1)
    assert pads.after() == {"note1": 127, "note2": 0}


def test_lamps_flash_with_the_beat_wherever_the_clock_is_by_now() -> None:
    pads = Lit(commands={"cc1": "tap"}, feedback={"cc1": {}, "cc2": "bar"})
    assert pads.after(beat=Beat(4.0, 120.0)) == {"cc1": 127, "cc2": 127}
    pads.time += 0.25
    assert pads.after(beat=Beat(4.0, 120.0)) == {"cc1": 0, "cc2": 0}
    pads.time += 0.25
    assert pads.after(beat=Beat(4.0, 120.0)) == {"cc1": 127, "cc2": 0}


def test_the_lamps_of_a_bank_are_its_own() -> None:
    bank = {"button": "note9", "controls": {"cc1": "psi"}}
    pads = Lit(controls={"cc1": "hue"}, banks={"in": bank}, feedback={"cc1": {}, "note9": {}})
    assert pads.after() == {"cc1": 64, "note9": 0}
    pads.bound._banks["pads"] = "in"
    assert pads.after() == {"cc1": round(127 * 0.8 / 1.5), "note9": 127}


def test_lamps_are_dark_in_the_end_and_faders_stay() -> None:
    rows = {"note1": {"levels": [0, 5]}, "cc1": {}}
    pads = Lit(commands={"note1": "freeze"}, controls={"cc1": "hue"}, feedback=rows)
    pads.after(frozen=True)
    pads.feedback.close()
    assert pads.shows == {"note1": [[0x90, 1, 0]], "cc1": [[0xB0, 1, 64]]}


def test_a_lamp_may_be_told_by_a_message_of_its_own() -> None:
    lamp = read(feedback={"cc13": {"message": "F0 00 20 vv F7", "levels": [12, 60]}}).lamps["cc13"]
    assert lamp.messages(1.0) == [[0xF0, 0, 0x20, 60, 0xF7]]


@pytest.mark.parametrize("name", map_names())
def test_what_ready_maps_send_is_midi(name: str) -> None:
    for lamp in read(map=name).lamps.values():
        for x in (0.0, 0.3, 1.0):
            for message in lamp.messages(x):
                assert midi.mido.Message.from_bytes(message)


def test_a_lamp_that_changes_too_fast_is_told_the_newest() -> None:
    lamps, sent = Lamps(0.0), []
    for k in range(1000):  # a second
        lamps.want({"fast": [[0xB0, 1, k % 128]], f"slow{k % 40}": [[0x90, k % 40, 1]]})
        sent += [(k, message) for message in lamps.due(k / 1000)]
    fast = [(k, message[2]) for k, message in sent if message[0] == 0xB0]
    assert len(fast) <= 1 / EVERY_SECONDS + 1 and all(level == k % 128 for k, level in fast)
    assert sorted(m[1] for _, m in sent if m[0] == 0x90) == list(range(40))  # once each
    assert sum(len(lamps.due(5.0 + k / 20)) for k in range(4)) == 41  # all, again
    lamps = Lamps(0.0)
    lamps.want({str(k): [[0x90, k, 1]] for k in range(100)})
    assert len(lamps.due(9.0)) == MOST and lamps.due(9.001) == []
    assert len(lamps.rest()) == 100 - MOST


class Wire:
    def __init__(self) -> None:
        self.sent: list[list[int]] = []

    def send_message(self, message: list[int]) -> None:
        self.sent.append(message)

    def delete(self) -> None: ...


def test_a_port_that_comes_back_is_told_everything_anew() -> None:
    there, wires = ["my Pads 1", "other"], []

    def open_(name: str) -> Wire:
        wires.append((name, Wire()))
        return wires[-1][1]

    outlets = Outlets(lambda: there, open_)
    outlets.want({"pads": {"a": [[0x90, 1, 1]], "b": [[0x90, 2, 1]]}})
    outlets.want({"pads": {"b": [[0x90, 2, 5]]}})
    for k, ports in enumerate((["my Pads 1", "other"], ["my Pads 1"], [], ["my Pads 1"])):
        there[:] = ports
        outlets.follow(k)
        outlets.follow(k)
        outlets.send(k)
    assert [name for name, _ in wires] == ["my Pads 1", "my Pads 1"]
    assert wires[0][1].sent == wires[1][1].sent == [[0x90, 1, 1], [0x90, 2, 5]]


def test_a_controller_in_another_process_shows_how_the_show_stands(
    plug: Callable[[], Pads],
    listen: Callable[..., midi.MidiIn],  # noqa: F811
) -> None:
    pads, hands = plug(), listen("pads")
    router, more = Router(CONTROLS, {}), {"black": False}
    controller = read(
        controls={"cc1": "hue"},
        commands={"note1": "preset 1", "note2": "blackout"},
        feedback={"7.note1": {"levels": [1, 21]}, "note2": {}, "cc1": {}},
    )

    def standing() -> Standing:
        return replace(standing_of(router), **more)

    bound = Bound(hands, [controller], standing)
    feedback = Feedback(hands.light, bound, standing, lambda: 1.0, lambda key: 1)
    feedback.start()
    dark = {(0x96, 1): 21, (0x90, 2): 0, (0xB0, 1): 64}
    try:
        wait_until(lambda: pads.lamps() == dark, what="all that is to be seen")
        more["black"] = True
        wait_until(lambda: pads.lamps() == {**dark, (0x90, 2): 127}, what="blackout")
        pads.unplug()
        wait_until(lambda: not hands.names(), what="the loss is noticed")
        router.set("hue", 180.0)
        pads = plug()
        wanted = {**dark, (0x90, 2): 127, (0xB0, 1): 127}
        wait_until(lambda: pads.lamps() == wanted, what="all of it anew")
        events: list[object] = []

        def turned() -> bool:
            pads.send([0xB0, 1, 127])
            events.extend(bound.read())
            return Setting("hue", 180.0) in events

        wait_until(turned, what="the knob is still heard")
        assert ControlEvent("cc1", 1.0) in events
        assert hands.names() == ["pads:out"]  # and not what we tell it by
    finally:
        feedback.close()
        hands.close()
    wait_until(lambda: pads.lamps()[0x96, 1] == 1, what="darkness in the end")
    assert pads.lamps()[0x90, 2] == 0 and pads.lamps()[0xB0, 1] == 127
