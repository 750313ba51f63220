"""What controllers do that a rig knows by name, and soft takeover."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import wait_until
from standings import standing_of
from test_midi import Controller as Player
from test_midi import knock, listen, plug  # noqa: F401

from vjgan import midi
from vjgan.bindings import Binding, Controller, map_names, read_controllers, read_own
from vjgan.bound import Bound
from vjgan.controls import CONTROLS
from vjgan.errors import VjganError
from vjgan.mapping import CURVES, Router
from vjgan.types import Command, ControlEvent, Event, Setting


class Knobs:
    """Hands that say what they are given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def read(self) -> Sequence[Event]:
        events, self.events = self.events, []
        return events

    def close(self) -> None: ...


class Rig:
    """A controller named nano, bound by a table, in a show where hue stands at 0."""

    def __init__(self, controls: dict[str, Any], **more: Any) -> None:
        tables = {"nano": {"controls": controls, **more}}
        self.knobs, self.time = Knobs(), 0.0
        self.router = Router(CONTROLS, {})
        self.preset = "a"
        controllers = read_controllers("rig 'r'", tables, CONTROLS)
        self.of_presets: dict[Path, list[Controller]] = {}
        self.bound = Bound(
            self.knobs,
            controllers,
            lambda: replace(standing_of(self.router), preset=self.preset, source=Path(self.preset)),
            lambda: self.time,
            self.of_presets,
        )

    def move(self, source: str, *values: float, port: str = "NanoThing 1") -> list[object]:
        """What each move does: settings are done, and told as values."""
        done: list[object] = []
        for value in values:
            self.knobs.events.append(ControlEvent(source, value, 1, port))
            done += self.wait(0.02)
        return done

    def wait(self, seconds: float) -> list[object]:
        """What is done after so long."""
        done: list[object] = []
        self.time += seconds
        for event in self.bound.read():
            if isinstance(event, Setting):
                self.router.set(event.name, event.value)
                done.append(event.value)
            elif isinstance(event, Command):
                done.append(event.name)
        return done


def test_a_knob_does_nothing_until_it_passes_its_control() -> None:
    rig = Rig({"cc1": "hue"})
    assert rig.move("cc1", 0.1, 0.3) == []
    assert rig.move("cc1", 0.6, 0.75) == [pytest.approx(36.0), pytest.approx(90.0)]


def test_a_knob_that_stands_where_its_control_is_has_it_at_once() -> None:
    assert Rig({"cc1": "hue"}).move("cc1", 0.49) == [pytest.approx(-3.6)]


def test_after_a_preset_change_it_must_be_fetched_again() -> None:
    rig = Rig({"cc1": "hue"})
    assert rig.move("cc1", 0.5, 1.0) == [0.0, 180.0]
    rig.preset, rig.router = "b", Router(CONTROLS, {"hue": -90.0})
    assert rig.move("cc1", 0.9, 0.6) == []
    assert rig.move("cc1", 0.2, 0.25) == [pytest.approx(-108.0), pytest.approx(-90.0)]


def test_a_value_outside_its_reach_is_fetched_at_the_nearer_end() -> None:
    rig = Rig({"cc1": {"control": "hue", "low": 90, "high": 180}})
    assert rig.move("cc1", 0.5, 0.0, 0.5) == [90.0, 135.0]


def test_range_inversion_and_curve() -> None:
    rig = Rig({"cc1": {"control": "hue", "low": 90, "high": -90, "curve": "square"}})
    assert rig.move("cc1", 0.0, 0.8, 0.5, 1.0) == pytest.approx([-25.2, 45.0, -90.0])


def test_a_knob_lets_go_of_what_another_hand_has_moved() -> None:
    rig = Rig({"cc1": "hue"})
    assert rig.move("cc1", 0.5, 0.6) == [0.0, pytest.approx(36.0)]
    rig.router.set("hue", -90.0)
    rig.wait(1.0)
    assert rig.move("cc1", 0.7) == []
    assert rig.move("cc1", 0.2) == [pytest.approx(-108.0)]


def test_a_scaled_knob_moves_its_control_at_once_and_meets_it_at_the_end() -> None:
    rig = Rig({"cc1": "hue"}, takeover="scale")  # at 0, the middle
    assert rig.move("cc1", 0.2) == []  # where it came from is not known
    assert rig.move("cc1", 0.6, 1.0) == pytest.approx([90.0, 180.0])
    rig.preset, rig.router = "b", Router(CONTROLS, {"hue": 0.0})
    assert rig.move("cc1", 0.5, 0.0, 0.25) == pytest.approx([-90.0, -180.0, -90.0])


def test_motor_faders_need_no_takeover() -> None:
    assert Rig({"cc1": "hue"}, takeover="jump").move("cc1", 0.0, 1.0) == [-180.0, 180.0]


@pytest.mark.parametrize("curve", CURVES)
def test_where_a_knob_stands_is_found_for_every_curve(curve: str) -> None:
    for low, high in ((-90.0, 90.0), (90.0, -90.0)):
        binding = Binding("hue", low, high, curve)
        for x in (0.0, 0.1, 0.5, 0.9, 1.0):
            assert binding.position(binding.value(x)) == pytest.approx(x, abs=2e-3)


def test_pads_latch_or_go_back_by_themselves() -> None:
    one_shot = {"control": "hue", "mode": "one-shot", "low": 0, "seconds": 2}
    rig = Rig({"note1": {"control": "hue", "mode": "latch", "low": 0}, "note2": one_shot})
    assert rig.move("note1", 0.25, 0.0, 0.5, 0.0, 0.5) == [45.0, None, 90.0]
    rig.router.set("hue", 10.0)  # by another hand: it must be struck anew
    rig.wait(1.0)
    assert rig.move("note1", 0.0, 0.25) == [45.0]
    assert rig.move("note2", 1.0, 0.0) == [180.0]
    assert (rig.wait(1.9), rig.wait(0.1), rig.wait(9.0)) == ([], [None], [])


def test_a_pad_is_momentary_unless_it_is_told_otherwise() -> None:
    assert Rig({"1.note1": "hue"}).move("note1", 1.0, 0.0) == [180.0, None]


def test_a_button_shifts_what_the_knobs_do() -> None:
    bank = {"button": "cc46", "controls": {"cc1": "psi"}, "commands": {"cc41": "panic"}}
    rig = Rig({"cc1": "hue", "cc2": "hue"}, commands={"cc41": "go"}, banks={"inside": bank})
    assert rig.move("cc1", 0.5) == [0.0]
    assert rig.move("cc46", 1.0, 0.0) == []
    assert rig.move("cc1", 0.4, 0.54) == [pytest.approx(0.81)]  # psi stands at 0.8
    assert rig.move("cc41", 1.0, 0.0) == ["panic"]
    assert rig.move("cc2", 0.5) == [0.0]  # what the bank leaves as it is
    assert rig.move("cc46", 1.0, 0.0) == []
    assert rig.move("cc1", 0.6, 0.5) == [0.0]  # to be fetched again
    assert rig.move("cc41", 1.0, 0.0) == ["go"]


def test_a_bank_may_last_only_while_its_button_is_held() -> None:
    bank = {"button": "cc46", "hold": True, "commands": {"cc41": "panic"}}
    rig = Rig({}, commands={"cc41": "go"}, banks={"inside": bank})
    assert rig.move("cc46", 1.0) + rig.move("cc41", 1.0, 0.0) == ["panic"]
    assert rig.move("cc46", 0.0) + rig.move("cc41", 1.0, 0.0) == ["go"]


def test_what_a_rig_says_of_a_button_is_all_that_it_does() -> None:
    table = {"map": "apc-mini-mk2", "controls": {"1.note56": "hue"}, "commands": {"cc48": "go"}}
    (one,) = read_controllers("rig 'r'", {"x": table}, CONTROLS)
    assert "note56" not in one.commands and "cc48" not in one.controls
    assert one.commands["note57"] == Command("preset", 2)


def test_buttons_are_momentary_or_toggle() -> None:
    rig = Rig({"note1": {"control": "hue", "mode": "momentary", "low": 0},
               "note2": {"control": "hue", "mode": "toggle", "low": 0, "high": 60}})  # fmt: skip
    assert rig.move("note1", 0.5, 0.0) == [90.0, None]  # as hard as it is struck
    assert rig.move("note2", 1.0, 0.0, 1.0, 0.0, 1.0) == [60.0, 0.0, 60.0]


@pytest.mark.parametrize(
    ("mode", "up", "down"),
    [("relative-complement", 2, 126), ("relative-offset", 66, 62), ("relative-sign", 2, 66)],
)
def test_endless_encoders_in_their_three_encodings(mode: str, up: int, down: int) -> None:
    rig = Rig({"cc1": {"control": "hue", "mode": mode}})
    step = 2 * 360 / 128
    assert rig.move("cc1", up / 127, up / 127, down / 127) == pytest.approx([step, 2 * step, step])
    rig.router.set("hue", 179.0)
    rig.preset = "b"
    assert rig.move("cc1", up / 127) == [180.0]


def test_buttons_give_commands_once_and_other_ports_are_not_meant() -> None:
    rig = Rig({"cc1": "hue"}, commands={"cc41": "go", "1.note3": "track 7"})
    assert rig.move("cc41", 1.0, 1.0, 0.0, 1.0) == ["go", "go"]
    assert rig.move("note3", 0.9) == ["track"]
    assert rig.move("cc1", 0.5, port="Other") == rig.move("cc41", 1.0, port="Other") == []


def test_the_gesture_itself_still_reaches_the_routes_of_presets() -> None:
    rig = Rig({"cc1": "hue"})
    rig.knobs.events.append(ControlEvent("cc1", 0.5, 1, "NanoThing 1"))
    assert rig.bound.read()[0] == ControlEvent("cc1", 0.5)


@pytest.mark.parametrize("name", map_names())
def test_every_ready_map_is_a_map(name: str) -> None:
    own = {"map": name, "controls": {"cc127": "hue"}}
    (one,) = read_controllers("rig 'r'", {"x": own}, CONTROLS)
    assert len(one.controls) > 8 and one.commands and one.controls["cc127"].control == "hue"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"map": "moog"}, "controllers.x.map 'moog' is unknown; there are: apc-mini-mk2, generic"),
        ({"controls": {"cc1": "hoe"}}, "controllers.x.controls.cc1 'hoe' is not a control; there"),
        ({"controls": {"cc128": "hue"}}, "controllers.x.controls.cc128 is not ccN, noteN, pitch"),
        ({"controls": {"cc1": {"control": "hue", "low": -500}}}, "cc1.low -500 is outside -180.."),
        ({"controls": {"cc1": {"control": "hue", "mode": "wild"}}}, "'wild'"),
        ({"controls": {"nrpn16383": "hue"}}, "controls.nrpn16383 is not ccN, noteN, pitch, fineN"),
        ({"takeover": "grab"}, "controllers.x.takeover 'grab': Input should be 'pickup', 'scale'"),
        ({"banks": {"b": {"button": "pitch"}}}, "banks.b.button 'pitch' is not ccN, noteN or CH"),
        ({"feedback": {"cc1": "wink"}}, "feedback.cc1.of 'wink' is not a command such as 'preset"),
        ({"feedback": {"cc1": "bank b"}}, "feedback.cc1.of 'bank b' is not a command"),
        ({"feedback": {"touch": {}}}, "feedback.touch is not ccN, noteN, pitch, fineN"),
        ({"feedback": {"cc1": {"levels": [128]}}}, "feedback.cc1.levels.0 128: Input should be"),
        ({"feedback": {"cc1": {"message": "96 vv 38 07"}}}, "'96 vv 38 07' is not a MIDI message"),
        ({"commands": {"cc1": "explode"}}, "commands.cc1 'explode' is not a command, if need be"),
        ({"knobs": 1}, "controllers.x.knobs 1: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_one_sentence(table: dict[str, Any], told: str) -> None:
    with pytest.raises(VjganError) as caught:
        read_controllers("rig 'r'", {"x": table}, CONTROLS)
    assert str(caught.value).startswith("rig 'r': controllers.x") and told in str(caught.value)


def test_a_controller_is_known_by_its_port(
    listen: Callable[..., midi.MidiIn],  # noqa: F811
    plug: Callable[..., Player],  # noqa: F811
) -> None:
    player = plug("nano")
    hands = listen()
    knock(hands, player)
    router = Router(CONTROLS, {})
    rows = {"controls": {"cc1": "hue"}, "commands": {"note5": "go"}}
    controllers = read_controllers("rig 'r'", {"nano": rows, "other": rows}, CONTROLS)
    bound = Bound(hands, controllers, lambda: standing_of(router))
    player.send([0xB0, 1, 127], [0xB0, 1, 0], [0xB0, 1, 127], [0x90, 5, 127])
    events: list[Event] = []
    wait_until(lambda: events.extend(bound.read()) or Command("go") in events, what="go")
    meant = [event for event in events if not isinstance(event, ControlEvent)]
    assert meant == [Setting("hue", -180.0), Setting("hue", 180.0), Command("go")]


def own(name: str, **table: Any) -> dict[Path, list[Controller]]:
    """What preset b has for a controller."""
    return {Path("b"): read_own("preset 'b'", {name: table}, CONTROLS)}


def test_a_presets_own_bindings_go_before_the_rigs_while_it_is_on_stage() -> None:
    rig = Rig({"cc1": "hue", "cc2": "zoom"}, takeover="jump", commands={"cc3": "go"})
    rig.of_presets |= own("nanothing", controls={"1.cc1": "speed"}, commands={"cc3": "freeze"})
    assert rig.move("cc1", 1.0) == [180.0] and rig.move("cc3", 1.0, 0.0) == ["go"]
    rig.preset = "b"
    assert rig.move("cc1", 0.5) == [CONTROLS["speed"].maximum / 2]  # takes over as the rig says
    assert rig.router.own["hue"] == 180.0  # and no longer sets what the rig says
    assert rig.move("cc3", 1.0, 0.0) == ["freeze"]
    assert rig.move("cc2", 1.0) == [CONTROLS["zoom"].maximum]  # of which it says nothing
    assert rig.move("cc1", 1.0, port="other") == []
    rig.preset = "c"
    assert rig.move("cc1", 0.5) == [0.0] and rig.move("cc3", 1.0) == ["go"]


def test_a_knob_that_a_preset_has_bound_is_fetched_there_and_back() -> None:
    rig = Rig({"cc1": "hue"})
    rig.of_presets |= own("nano", controls={"cc1": {"control": "hue", "low": 180, "high": -180}})
    assert rig.move("cc1", 0.5, 0.75) == pytest.approx([0.0, 90.0])
    rig.preset = "b"  # hue stands at 90, where the inverted knob would be at 0.25
    assert rig.move("cc1", 0.8, 0.6) == []
    assert rig.move("cc1", 0.2) == [pytest.approx(108.0)]
    rig.preset = "c"
    assert rig.move("cc1", 0.3) == []
    assert rig.move("cc1", 0.9) == [pytest.approx(144.0)]


@pytest.mark.parametrize("name", map_names())
def test_ready_maps_keep_banks_and_latches_under_a_preset(name: str) -> None:
    bank = {"button": "cc118", "controls": {"cc115": "zoom"}}
    latch = {"control": "hue", "mode": "latch", "high": 90, "low": 90}
    rig = Rig({"cc117": latch, "cc115": "hue"}, map=name, banks={"b": bank}, takeover="jump")
    rig.of_presets |= own("nano", controls={"cc116": latch}, commands={"cc114": "freeze"})
    rig.preset = "b"
    for pad in ("cc116", "cc117"):  # the preset's, and the rig's
        assert rig.move(pad, 1.0, 0.0, 1.0, 0.0) == [90.0, None]
    assert rig.move("cc118", 1.0, 0.0) == []
    assert rig.move("cc115", 1.0) == [CONTROLS["zoom"].maximum]
    assert rig.move("cc114", 1.0, 0.0) == ["freeze"]
    assert rig.move("cc118", 1.0, 0.0) == [] and rig.move("cc115", 1.0) == [180.0]
    (controller,) = rig.bound.controllers
    keys = [key for key in controller.controls if key.rpartition(".")[2][:2] == "cc"]
    for key in keys:  # all else is as the map says
        channel, _, source = key.rpartition(".")
        if controller.controls[key].mode == "knob":
            rig.knobs.events.append(ControlEvent(source, 1.0, int(channel or 1), "Nano"))
            assert rig.wait(0.02) == [controller.controls[key].high]
