"""When scenes enter, and what cues do, on a beat clock at 120 bpm and 60 frames a second."""

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from vjgan.conductor import Conductor
from vjgan.setlist import Cue, Setlist, Track
from vjgan.stage import Scene
from vjgan.types import Beat, Command, Event, Setting, Tick, Visit

A, B, C, D = (Path(f"{name}.toml") for name in "abcd")
FPS, BPS = 60, 2.0


class Bringer:
    """A loader that has every scene ready three frames after it is asked for."""

    def __init__(self, *broken: Path) -> None:
        self.broken = broken
        self.asked: list[Path] = []
        self.expected: Sequence[Path] = ()
        self._left = 0

    def request(self, number: int) -> None:
        self.bring((A, B, C, D)[number - 1])

    def request_step(self, step: int) -> None:
        self.request(1 + step)

    def bring(self, path: Path) -> None:
        self.asked.append(path)
        self._left = 3

    def expect(self, paths: Sequence[Path]) -> None:
        self.expected = paths

    def refused(self) -> Path | None:
        gone = self.asked and self.asked[-1] in self.broken and self._left == 0
        return self.asked[-1] if gone else None

    def finished(self) -> Scene | None:
        self._left = max(-1, self._left - 1)
        if self._left != 0 or self.asked[-1] in self.broken:
            return None
        return scene(self.asked[-1])


def scene(path: Path) -> Scene:
    return Scene(path.stem, path.stem, None, None, None, (), source=path)  # type: ignore[arg-type]


class Night:
    """Frames of a show: ``at(beats, do)`` is called at the first frame from that beat on."""

    def __init__(
        self, *tracks: Track, by_hand: str = "now", broken: tuple[Path, ...] = (), starts: float = 0
    ) -> None:
        self.loader = Bringer(*broken)
        self.tempi: list[float] = []
        setlist = Setlist(Path("night.toml"), "night", tracks) if tracks else None
        self.conductor = Conductor(self.loader, A, by_hand, setlist, self.tempi.append)
        self.entered: list[tuple[str, float]] = []  # and at which beat
        self.events: list[tuple[Event, float]] = []
        self.downbeat = 0.0
        self._frame = round(starts / BPS * FPS)

    def play(self, until: float) -> None:
        while self._frame / FPS * BPS < until:
            time = self._frame / FPS
            beat = Beat(time * BPS, 60 * BPS, 1.0, "link", self.downbeat)
            events = self.conductor.play(beat, Tick(self._frame, time, 1 / FPS, time))
            self.events += [(event, beat.position) for event in events]
            entering = self.conductor.finished()
            if entering is not None:
                self.entered.append((entering.key, beat.position))
            self._frame += 1


def entered(night: Night) -> list[tuple[str, float]]:
    return [(key, pytest.approx(at, abs=BPS / FPS)) for key, at in night.entered]  # type: ignore


@pytest.mark.parametrize(
    ("unit", "expected"), [("beat", 6.0), ("bar", 8.0), ("4 bars", 16.0), ("16 bars", 64.0)]
)
def test_a_track_enters_on_the_next_of_its_unit(unit: str, expected: float) -> None:
    night = Night(Track("one", A), Track("two", B, quantise=unit))
    night.play(5.2)
    night.conductor.go(1)
    night.play(70.0)
    assert entered(night) == [("b", expected)]
    assert night.conductor.line() == "2 of 2, two"


def test_now_is_as_soon_as_the_scene_is_ready() -> None:
    night = Night(Track("one", A), Track("two", B, quantise="now"))
    night.play(5.2)
    night.conductor.go(1)
    night.play(7.0)
    assert entered(night) == [("b", 5.2 + 3 * BPS / FPS)]


def test_a_preset_called_by_hand_waits_for_its_own_unit_and_the_newest_wins() -> None:
    night = Night(by_hand="bar")
    night.play(5.0)
    night.conductor.request(2)
    night.play(6.0)
    night.conductor.request(3)
    night.play(20.0)
    assert entered(night) == [("c", 8.0)]


def test_who_is_invited_comes_when_presets_called_by_hand_do() -> None:
    night = Night(by_hand="bar")
    night.play(5.0)
    night.conductor.invite(Visit(1, "one", quantised=True))
    night.conductor.invite(Visit(2, "two", quantised=True))
    night.play(20.0)
    [(event, at)] = night.events
    assert isinstance(event, Visit) and event.name == "two" and not event.quantised
    assert at == pytest.approx(8.0, abs=BPS / FPS)
    night.conductor.quantise(0)
    night.conductor.invite(Visit(3, "three", quantised=True))
    night.play(20.1)
    assert night.events[-1][1] == pytest.approx(20.0, abs=BPS / FPS)


def test_what_is_saved_on_stage_enters_at_once() -> None:
    night = Night(by_hand="16 bars")
    night.play(5.0)
    night.loader.bring(A)  # the loader does so when the file was saved
    night.play(6.0)
    assert entered(night) == [("a", 5.0 + 3 * BPS / FPS)]


def test_go_back_and_numbers_move_through_the_set() -> None:
    night = Night(*(Track(name, path) for name, path in zip("wxyz", (A, B, C, D), strict=True)))
    night.conductor.go(-1)  # nothing before the first
    night.play(1.0)
    night.conductor.go(1)
    night.conductor.go(1)  # two on
    night.play(9.0)
    night.conductor.go(-1)
    night.play(13.0)
    night.conductor.jump(4)
    night.play(17.0)
    night.conductor.go(1)  # nothing after the last
    night.conductor.jump(5)
    night.play(30.0)
    assert [key for key, _ in night.entered] == ["c", "b", "d"]


def test_coming_back_before_it_has_entered_stays() -> None:
    night = Night(Track("one", A), Track("two", B))
    night.play(1.0)
    night.conductor.go(1)
    night.play(2.0)
    assert night.conductor.line() == "1 of 2, one; then two"
    night.conductor.go(-1)
    night.play(12.0)
    assert night.entered == [] and night.conductor.line() == "1 of 2, one"


def test_the_next_track_is_expected_with_its_cues_and_the_tempo_told() -> None:
    second = Track("two", B, 174.0, cues=(Cue(9.0, True, preset=C),))
    night = Night(Track("one", A, 122.0), second, Track("three", D))
    night.play(1.0)
    assert list(night.loader.expected) == [B, C, A] and night.tempi == [122.0]
    night.conductor.go(1)
    night.play(5.0)
    assert list(night.loader.expected) == [D, B, C, A] and night.tempi == [122.0, 174.0]


def test_cues_come_once_at_their_bars_and_seconds_since_the_track_came_in() -> None:
    hue, tap = Setting("hue", 30.0), Command("tap")
    cues = (Cue(1.0, True, events=(hue,)), Cue(3.5, True, events=(tap,)), Cue(9.0, False, D))
    second = Track("two", B, quantise="bar", cues=cues)
    night = Night(Track("one", A), second)
    night.play(5.0)
    night.conductor.go(1)
    night.play(60.0)
    at = [(event, pytest.approx(beat, abs=0.1)) for event, beat in night.events]
    assert at == [(hue, 8.0), (tap, 18.0)]  # it came in at beat 8, and a bar has four
    assert entered(night) == [("b", 8.0), ("d", 8.0 + 9.0 * BPS)]


def test_bar_one_is_at_the_bar_line_nearest_to_the_entrance() -> None:
    cue = Cue(2.0, True, events=(Command("tap"),))
    night = Night(Track("one", A), Track("two", B, quantise="now", cues=(cue,)))
    night.play(7.5)  # half a beat early
    night.conductor.go(1)
    night.play(20.0)
    assert [round(beat) for _, beat in night.events] == [12]


def test_a_track_that_is_asked_for_is_not_lost_to_a_cue() -> None:
    cue = Cue(3.0, True, preset=D)
    night = Night(Track("one", A, cues=(cue,)), Track("two", B, quantise="4 bars"))
    night.play(1.0)
    night.conductor.go(1)
    night.play(20.0)
    assert entered(night) == [("b", 16.0)]


def test_a_phrase_begins_where_somebody_says_so() -> None:
    night = Night(Track("one", A), Track("two", B, quantise="4 bars"))
    night.play(24.2)
    night.conductor.one()
    night.downbeat = 24.0 - 24  # it is a bar already, the seventh
    night.play(25.0)
    night.conductor.go(1)
    night.play(50.0)
    assert entered(night) == [("b", 40.0)]


def test_a_track_that_cannot_be_built_holds_nothing_up() -> None:
    cue = Cue(9.0, True, preset=D)
    night = Night(Track("one", A, cues=(cue,)), Track("two", B), Track("three", C), broken=(B,))
    night.play(1.0)
    night.conductor.go(1)
    night.play(34.0)
    assert [key for key, _ in night.entered] == ["d"]
    night.conductor.go(1)
    night.play(40.0)
    assert [key for key, _ in night.entered] == ["d", "c"]


def test_the_show_plays_a_set_list_and_is_told_to_go_from_afar(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(
        """quantise = "beat"
        [[tracks]]
        title = "Opening"
        preset = "drift"
        [[tracks]]
        title = "Second"
        preset = "tide"
        notes = "hands up"
        """
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    words = ["--headless", "--window", "64x64", "--input", "demo", "--mute", "--no-control"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vjgan", "live", *words, "--osc-port", str(port), "--seconds", "40",
         "--setlist", str(tmp_path / "night.toml")],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("track 1 of 2, Opening" in line for line in lines)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(6):  # before the first frame nobody hears it
                sock.sendto(b"/vjgan/go\0\0\0,\0\0\0", ("127.0.0.1", port))
                time.sleep(0.5)
        assert any("track 2 of 2, Second; hands up" in line for line in lines)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_without_a_set_list_there_is_nothing_to_go_to() -> None:
    night = Night()
    night.conductor.go(1)
    night.conductor.jump(1)
    night.play(20.0)
    assert night.entered == [] and night.conductor.line() == ""
