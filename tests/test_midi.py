"""MIDI from other processes, over the venue's JACK server, into ``MidiIn.read``."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Venue, wait_until

from vjgan import midi
from vjgan.beat import BeatClock
from vjgan.errors import DeviceError
from vjgan.midi.joined import Joined
from vjgan.types import Beat, Command, ControlEvent, Event, Features, Pulse, Tick

# Another program: a controller with an output of its own, or, with a second argument, one that
# connects to an input of ours. It sends each line's messages a millisecond apart, then says so.
CONTROLLER = """
import json, sys, time, rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=sys.argv[1])
if len(sys.argv) == 2:
    out.open_virtual_port("out")
else:
    out.open_port(out.get_ports().index(sys.argv[2]))
print("ready", flush=True)
for line in sys.stdin:
    for message in json.loads(line):
        out.send_message(message)
        time.sleep(0.001)
    print("sent", flush=True)
out.delete()
"""

# A show whose MIDI server dies under it; in a process of its own, as JACK never forgets that.
WIDOW = """
import os, signal, sys, time
from vjgan.midi import MidiIn
hands = MidiIn(api="jack")
os.kill(int(sys.argv[1]), signal.SIGTERM)
for _ in range(60):
    time.sleep(0.01)
    assert hands.read() == []
hands.close()
print("survived")
"""


class Controller:
    """A MIDI controller in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLER, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def send(self, *messages: list[int]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(messages) + "\n")
        self.process.stdin.flush()
        self._expect("sent")

    def _expect(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def unplug(self) -> None:
        """Take the controller's port away; a program killed under jackd would upset jackd."""
        self.process.communicate(timeout=10)


@pytest.fixture
def plug(venue: Venue) -> Iterator[Callable[..., Controller]]:
    """Plugs controllers in by name; all are pulled at the end."""
    plugged: list[Controller] = []

    def one(*words: str) -> Controller:
        plugged.append(Controller(*words))
        return plugged[-1]

    yield one
    for controller in plugged:
        controller.unplug()


@pytest.fixture
def listen(venue: Venue) -> Iterator[Callable[..., midi.MidiIn]]:
    """Opens ``MidiIn``s on JACK; all are closed at the end."""
    opened: list[midi.MidiIn] = []

    def one(name: str | None = None) -> midi.MidiIn:
        opened.append(midi.MidiIn(name, "jack"))
        return opened[-1]

    yield one
    for hands in opened:
        hands.close()


KNOCK = ControlEvent("cc119", 0.0)


def knock(hands: midi.MidiIn, controller: Controller) -> None:
    """Wait until messages pass: JACK carries none for a cycle or two after connecting."""
    wait_until(lambda: controller.send([0xB0, 119, 0]) or KNOCK in hands.read(), what="a knock")


def heard(hands: midi.MidiIn, count: int) -> list[Event]:
    """The next ``count`` events, knocks apart."""
    events: list[Event] = []

    def enough() -> bool:
        events.extend(event for event in hands.read() if event != KNOCK)
        return len(events) >= count

    wait_until(enough, what=f"{count} events")
    return events


def test_messages_of_another_process_arrive_as_events(
    plug: Callable[..., Controller], listen: Callable[..., midi.MidiIn]
) -> None:
    controller = plug("nanoKONTROL")
    hands = listen()
    knock(hands, controller)
    controller.send([0xB0, 74, 127], [0x9F, 36, 127], [0x8F, 36, 64], [0xE0, 0, 64], [0xC0, 2])
    assert heard(hands, 5) == [
        ControlEvent("cc74", 1.0, 1),
        ControlEvent("note36", 1.0, 16),
        ControlEvent("note36", 0.0, 16),
        ControlEvent("pitch", 0.5, 1),
        Command("preset", 3),
    ]
    assert hands.read() == []


def test_a_thousand_messages_between_two_reads_lose_nothing(
    plug: Callable[..., Controller], listen: Callable[..., midi.MidiIn]
) -> None:
    controller = plug("knobs")
    hands = listen("knobs")
    knock(hands, controller)
    sent = [[0xB0, 1 + i // 128, i % 128] for i in range(1000)]
    controller.send(*sent, [0xC0, 0])  # takes a second, in which nobody reads
    events = heard(hands, 1001)
    assert events == [ControlEvent(f"cc{m[1]}", m[2] / 127) for m in sent] + [Command("preset", 1)]


def test_a_controller_that_vanishes_comes_back_by_name(
    plug: Callable[..., Controller],
    listen: Callable[..., midi.MidiIn],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "vjgan")
    controller = plug("faders")
    hands = listen("FADERS")
    controller.unplug()
    wait_until(lambda: not hands.names(), what="the loss is noticed")
    assert hands.read() == []
    controller = plug("faders")
    wait_until(hands.names, what="the return is noticed")
    knock(hands, controller)
    controller.send([0xB0, 7, 127])
    assert heard(hands, 1) == [ControlEvent("cc7", 1.0)]
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "MIDI: 'faders:out' is here",
        "MIDI: 'faders:out' is gone; waiting for it",
        "MIDI: 'faders:out' is back",
    ]


def test_every_port_whose_name_matches_is_heard_and_no_other(
    plug: Callable[..., Controller], listen: Callable[..., midi.MidiIn]
) -> None:
    left, right, other = plug("pads left"), plug("pads right"), plug("keys")
    hands = listen("pads")
    assert sorted(hands.names()) == ["pads left:out", "pads right:out"]
    knock(hands, left)
    knock(hands, right)
    other.send([0xB0, 3, 127])
    left.send([0xB0, 1, 127])
    right.send([0xB0, 2, 127])
    assert {event.source for event in heard(hands, 2)} == {"cc1", "cc2"}


def test_a_controller_plugged_after_the_start_is_heard(
    plug: Callable[..., Controller], listen: Callable[..., midi.MidiIn]
) -> None:
    hands = listen("late")
    assert hands.names() == []
    controller = plug("late")
    wait_until(hands.names)
    knock(hands, controller)
    controller.send([0xB0, 1, 127])
    assert heard(hands, 1) == [ControlEvent("cc1", 1.0)]


def test_another_program_may_connect_to_our_input(
    plug: Callable[..., Controller], listen: Callable[..., midi.MidiIn]
) -> None:
    hands = listen("no such controller")
    sequencer = plug("sequencer", "vjgan:in")
    knock(hands, sequencer)
    sequencer.send([0xB0, 9, 127])
    assert heard(hands, 1) == [ControlEvent("cc9", 1.0)]


def test_a_name_that_matches_nothing_is_refused_with_what_is_there(
    plug: Callable[..., Controller], listen: Callable[..., midi.MidiIn]
) -> None:
    plug("nanoKONTROL")
    with pytest.raises(DeviceError, match=r"'nano9'; there are: 'nanoKONTROL:out'$"):
        listen("nano9").check()
    listen("nanokontrol").check()
    assert midi.ports("jack") == ["nanoKONTROL:out"]


def test_an_unknown_api_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(DeviceError, match=r"MIDI API 'oss' is not here; allowed: .*jack"):
        midi.ports("oss")


def test_no_midi_at_all_is_fine_and_quiet(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO, "vjgan")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    hands = midi.MidiIn(api="jack")
    assert hands.read() == [] and hands.names() == [] and midi.ports("jack") == []
    hands.check()
    hands.close()
    with pytest.raises(DeviceError, match="there are: none"):
        midi.MidiIn("nano", "jack").check()
    assert [record.getMessage() for record in caplog.records] == ["MIDI: none here (no jack)"] * 2
    assert capfd.readouterr().err == ""


def test_a_midi_server_that_dies_does_not_take_the_show_with_it(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", f"mortal{os.getpid()}")
    jackd = ["jackd", "--no-realtime", "-n", f"mortal{os.getpid()}", "-d", "dummy", "-p", "256"]
    with (tmp_path / "jack.log").open("w") as log, subprocess.Popen(jackd, stdout=log) as server:
        try:
            wait_until(lambda: subprocess.run(["jack_lsp"], capture_output=True).returncode == 0)
            done = subprocess.run(
                [sys.executable, "-c", WIDOW, str(server.pid)],
                capture_output=True,
                text=True,
                timeout=30,
            )
        finally:
            server.terminate()
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["survived"]), done.stderr


def test_controllers_are_heard_again_when_the_midi_server_comes_back(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vjgan")
    name = f"phoenix{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)

    def serve() -> subprocess.Popen[bytes]:
        words = ["jackd", "--no-realtime", "-n", name, "-d", "dummy", "-p", "256"]
        with (tmp_path / "jack.log").open("w") as log:
            server = subprocess.Popen(words, stdout=log, stderr=log)
        wait_until(lambda: subprocess.run(["jack_lsp"], capture_output=True).returncode == 0)
        return server

    server = serve()
    hands = midi.MidiIn("pads", "jack")
    try:
        for life in range(2):
            controller = Controller("pads")
            wait_until(hands.names, what=f"the controller is there in life {life}")
            knock(hands, controller)
            server.terminate()
            server.wait()
            controller.process.kill()
            controller.process.communicate()
            if life == 0:
                wait_until(lambda: not hands.names(), what="the loss is noticed")
                assert [
                    event for event in hands.read() if event != KNOCK
                ] == []  # some were on the way
                server = serve()
    finally:
        hands.close()
        server.terminate()  # a server killed would keep its seat: JACK has eight
        server.wait()
    told = [record.getMessage() for record in caplog.records]
    assert told[:3] == [
        "MIDI: 'pads:out' is here",
        "MIDI: the jack server is gone; waiting for it",
        "MIDI: 'pads:out' is back",
    ]


# A drum machine on its own clock; it says when its first beat was meant to be.
DRUM_MACHINE = """
import json, random, sys, time, rtmidi
bpm, jitter = float(sys.argv[1]), float(sys.argv[2])
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="drums")
out.open_virtual_port("out")
period = 60 / bpm / 24
print("ready", flush=True)
for line in sys.stdin:
    pulses, *messages = json.loads(line)
    for message in messages:
        out.send_message(message)
    start = time.perf_counter() + 0.01
    print(start, flush=True)
    for k in range(pulses):
        due = start + k * period + random.uniform(-jitter, jitter)
        time.sleep(max(0, due - time.perf_counter()))
        out.send_message([0xF8])
    print("done", flush=True)
out.delete()
"""


def follow(
    clock: BeatClock, hands: midi.MidiIn, until: Callable[[], bool]
) -> list[tuple[float, Beat]]:
    """Present times and beats of a show of 60 frames a second."""
    frames = []
    while not until():
        now = time.perf_counter()
        for event in hands.read():
            if isinstance(event, Pulse):
                clock.pulse(event, now - event.age)
        frames.append((now, clock.step(Features(now), Tick(len(frames), now, 1 / 60, now))))
        time.sleep(1 / 60)
    return frames


@pytest.mark.alone
def test_a_midi_clock_of_another_process_is_followed_with_start_stop_and_song_position(
    listen: Callable[..., midi.MidiIn],
) -> None:
    bpm, bar = 128.0, 4 * 60 / 128
    hands, clock = listen("drums"), BeatClock()

    def late(frames: list[tuple[float, Beat]], start: float, beat: float) -> float:
        """Seconds by which the bar comes late, in the mean of the last half a bar."""
        errors = [
            ((time_ - start) * bpm / 60 + beat - 4 * one.bar + 2) % 4 - 2
            for time_, one in frames
            if time_ > frames[-1][0] - bar / 2
        ]
        return sum(errors) / len(errors) * 60 / bpm

    with subprocess.Popen(
        [sys.executable, "-c", DRUM_MACHINE, str(bpm), "0.002"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as drums:
        stdin, stdout = drums.stdin, drums.stdout
        assert stdin is not None and stdout is not None

        def play(bars: float, *messages: list[int]) -> tuple[float, list[tuple[float, Beat]]]:
            """When its first pulse was meant, and the frames while it played."""
            stdin.write(json.dumps([round(bars * 96), *messages]) + "\n")
            stdin.flush()
            start = float(stdout.readline())
            frames = follow(clock, hands, lambda: time.perf_counter() > start + bars * bar)
            assert stdout.readline() == "done\n"
            return start, frames

        assert stdout.readline() == "ready\n"
        wait_until(hands.names)
        time.sleep(0.3)  # JACK carries nothing for a cycle or two after connecting
        start, frames = play(2.3, [0xFA])
        assert frames[-1][1].source == "midi"
        assert frames[-1][1].bpm == pytest.approx(bpm, rel=0.005)
        assert abs(late(frames, start, 0.0)) < 0.010
        _, frames = play(0.7, [0xFC])  # stopped, while the clock goes on
        assert frames[-1][1].source == "free"
        assert frames[-1][1].bpm == pytest.approx(bpm, rel=0.005)
        start, frames = play(2.3, [0xF2, 6, 0], [0xFB])  # goes on half through the second beat
        assert frames[-1][1].source == "midi"
        assert abs(late(frames, start, 1.5)) < 0.010
        stdin.close()


def test_reading_after_close_is_empty(listen: Callable[..., midi.MidiIn]) -> None:
    hands = listen()
    hands.close()
    assert hands.read() == []
    hands.close()


@pytest.mark.parametrize(
    ("data", "value"), [([0xE0, 0, 0], 0.0), ([0xE0, 0, 64], 0.5), ([0xE0, 127, 127], 1.0)]
)
def test_the_pitch_wheel_reaches_both_ends_and_rests_in_the_middle(
    data: list[int], value: float
) -> None:
    assert midi.parse(data) == ControlEvent("pitch", value)


def test_aftertouch_is_of_a_channel_or_of_a_note() -> None:
    assert midi.parse([0xD2, 127]) == ControlEvent("touch", 1.0, 3)
    assert midi.parse([0xA0, 36, 127]) == ControlEvent("touch36", 1.0, 1)


def said(*reads: list[list[int]], every: float = 0.001) -> list[object]:
    """What ports that send this between reads are joined to: values by source, programs."""
    joined, time_, told = Joined(), 0.0, []
    for messages in reads:
        for data in messages:
            time_ += every
            told += joined.take("p", data, time_)
            if data[0] == 0xC0:
                told.append(joined.program("p", data, time_))
        told += [value for _, _, value in joined.overdue()]
    return told


def test_a_controller_of_14_bits_is_read_whole_and_without_a_step_back() -> None:
    def sent(value: int) -> list[list[int]]:
        return [[0xB0, 1, value >> 7], [0xB0, 33, value & 127]]

    told = said(*(sent(value) for value in range(8100, 8300)))
    assert told == [("fine1", value / 16383) for value in range(8100, 8300)]
    assert said([[0xB0, 1, 64], [0xB0, 33, 3], [0xB0, 33, 4]]) == [  # the fine part alone
        ("fine1", (64 * 128 + fine) / 16383) for fine in (3, 4)
    ]


def test_a_coarse_part_whose_fine_one_does_not_come_stands_for_itself() -> None:
    pair = [[0xB0, 1, 64], [0xB0, 33, 3]]
    told = said(pair, [[0xB0, 1, 65]], [], [], [])
    assert told[1:] == [("fine1", 65 * 128 / 16383)]
    split = said(pair, [[0xB0, 1, 65]], [[0xB0, 33, 9]], [], [])  # by the end of a frame
    assert split[1:] == [("fine1", (65 * 128 + 9) / 16383)]
    assert said([[0xB0, 1, 64]], [], [], []) == []  # a controller of 7 bits is only that


def test_parameters_that_are_not_registered() -> None:
    choose = [[0xB0, 99, 2], [0xB0, 98, 44]]  # 300
    assert said([*choose, [0xB0, 6, 127], [0xB0, 6, 0]]) == [("nrpn300", 1.0), ("nrpn300", 0.0)]
    fine = [[0xB0, 6, 1], [0xB0, 38, 2], [0xB0, 6, 1], [0xB0, 38, 3]]
    assert said([*choose, *fine])[1:] == [("nrpn300", 130 / 16383), ("nrpn300", 131 / 16383)]
    registered = [[0xB0, 101, 0], [0xB0, 100, 0]]
    assert said([*choose, *registered, [0xB0, 6, 2]]) == []
    assert said([[0xB0, 6, 2]]) == []  # none was chosen
    assert said([*choose, [0xB1, 6, 2]]) == []  # not on that channel


def test_banks_of_programs() -> None:
    coarse, fine = [0xB0, 0, 1], [0xB0, 32, 2]
    assert said([[0xC0, 5]]) == [5]
    assert said([coarse, [0xB0, 32, 0], [0xC0, 5], [0xC0, 6]]) == [("fine0", 128 / 16383), 133, 134]
    assert said([[0xB0, 0, 0], fine, [0xC0, 5]])[-1] == 261
    assert said([coarse, fine, [0xC0, 5]])[-1] == 130 * 128 + 5
    assert said([coarse, [0xC0, 5]], every=1.0) == [5]  # a knob, long before


@pytest.mark.parametrize(
    "data", [[0xFE], [0xF6], [0xB0, 7], [0xB0, 200, 0], [], [12, 13], [0xF0, 1, 2, 0xF7]]
)
def test_what_steers_nothing_and_what_is_malformed_is_ignored(data: list[int]) -> None:
    assert midi.parse(data) is None
