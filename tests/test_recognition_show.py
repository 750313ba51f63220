"""What a show makes of a track that is recognised, at 120 bpm and 60 frames a second."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import wait_until
from test_conductor import BPS, FPS, A, B, Bringer, C, D
from test_recognition import RATE, learnt, tune

from vjgan.conductor import Conductor
from vjgan.media import Sound, write_wav
from vjgan.recognition import catalogue
from vjgan.recognition.recogniser import Hearing, Recogniser
from vjgan.setlist import Cue, Setlist, Track
from vjgan.types import (
    AudioFrame,
    Beat,
    Command,
    Event,
    Features,
    FloatArray,
    Recognition,
    Setting,
    Tick,
)

HUE, TAP = Setting("hue", 30.0), Command("tap")


class Night:
    """Frames of a show to whose conductor ``hears`` says what is heard."""

    def __init__(self, *tracks: Track) -> None:
        self.loader = Bringer()
        self.heard: Recognition | None = None
        setlist = Setlist(Path("night.toml"), "night", tracks)
        self.conductor = Conductor(self.loader, A, setlist=setlist, heard=lambda: self.heard)
        self.entered: list[tuple[str, float]] = []
        self.events: list[tuple[Event, float]] = []
        self._frame = 0

    def hears(self, file: str, position: float, speed: float = 1.0, sure: bool = True) -> None:
        time = self._frame / FPS
        self.heard = Recognition(time, Path(file).stem, file, position, speed, 0.9, sure)

    def play(self, until: float) -> None:
        """Until so many seconds."""
        while self._frame / FPS < until - 1e-9:
            time = self._frame / FPS
            beat = Beat(time * BPS, 60 * BPS, 1.0, "link")
            events = self.conductor.play(beat, Tick(self._frame, time, 1 / FPS, time))
            self.events += [(event, pytest.approx(time, abs=1.5 / FPS)) for event in events]
            entering = self.conductor.finished()
            if entering is not None:
                self.entered.append((entering.key, pytest.approx(time, abs=1.5 / FPS)))
            self._frame += 1


def test_a_track_that_is_recognised_enters_on_the_next_of_its_unit() -> None:
    night = Night(Track("one", A), Track("two", B, file="two.flac"), Track("three", C))
    night.play(3.1)
    night.hears("two.flac", 30.0)
    night.play(9.0)
    assert night.entered == [("b", 4.0)]  # a bar lasts two seconds
    assert night.conductor.line() == "2 of 3, two; hears two at 0:35, +0.0%"


def test_its_cues_are_where_it_is_heard_to_be_at_its_speed() -> None:
    cues = (
        Cue(40.0, False, events=(HUE,)),
        Cue(50.0, False, preset=D),
        Cue(3.0, True, None, (TAP,)),
    )
    night = Night(Track("one", A), Track("two", B, file="two.flac", quantise="beat", cues=cues))
    night.play(3.1)
    night.hears("two.flac", 30.0, speed=1.05)
    night.play(30.0)
    begun = 3.1 - 30.0 / 1.05
    assert night.entered == [("b", 3.5), ("d", begun + 50.0 / 1.05)]
    assert night.events == [(TAP, 8.0), (HUE, begun + 40.0 / 1.05)]  # bars count from its entrance


def test_what_was_missed_is_made_up_for_but_no_command_is_given_late() -> None:
    cues = (
        Cue(5.0, False, events=(Setting("hue", 1.0),)),
        Cue(10.0, False, preset=C),
        Cue(12.0, False, events=(HUE,)),
        Cue(14.0, False, events=(TAP,)),
        Cue(20.0, False, preset=D),
    )
    night = Night(Track("one", A), Track("two", B, file="two.flac", quantise="now", cues=cues))
    night.play(1.0)
    night.hears("two.flac", 15.0)
    night.play(10.0)
    assert night.entered == [("c", 1.0 + 2 / FPS), ("d", 6.0)]
    assert [event for event, _ in night.events] == [HUE]


def test_the_track_on_stage_is_moved_to_where_it_is_heard_to_be() -> None:
    cue = Cue(31.0, False, events=(HUE,))
    night = Night(Track("one", A, file="one.flac", cues=(cue,)), Track("two", B))
    night.play(2.0)
    night.hears("one.flac", 30.0)
    night.play(4.0)
    night.hears("one.flac", 32.01)  # a little off: nothing comes twice
    night.play(6.0)
    night.hears("one.flac", 30.5)  # the needle is put back
    night.play(8.0)
    assert night.events == [(HUE, 3.0), (HUE, 6.5)] and night.entered == []


def test_a_guess_and_a_track_of_another_night_only_are_told() -> None:
    night = Night(Track("one", A), Track("two", B, file="two.flac"))
    night.play(1.0)
    night.hears("two.flac", 30.0, sure=False)
    night.play(2.0)
    assert night.conductor.line() == "1 of 2, one; may be two at 0:30, +0.0%"
    night.play(20.0)
    assert night.conductor.line() == "1 of 2, one"
    night.hears("other.flac", 30.0)
    night.play(30.0)
    assert night.entered == [] and night.events == []


def test_hands_may_go_elsewhere_while_a_track_is_heard() -> None:
    tracks = (Track("one", A, file="1.flac"), Track("two", B, file="2.flac"), Track("three", C))
    night = Night(*tracks)
    for second in range(40):
        night.play(float(second))
        if second == 10:
            night.conductor.go(2)
        night.hears("1.flac" if second < 20 else "2.flac", 10.0 + second)
    assert night.entered == [("c", 12.0), ("b", 22.0)]


def frames(samples: FloatArray, begin: float, rate: int = RATE) -> list[AudioFrame]:
    ends = range(512, len(samples), 512)
    return [AudioFrame(begin + end / rate, samples[end - 512 : end], rate) for end in ends]


def test_it_is_sure_within_eight_seconds_and_says_where_on_the_show_s_clock() -> None:
    hearing = Hearing([learnt(seed) for seed in range(3)])
    found = [hearing.hear([frame]) for frame in frames(tune(1, 30.0)[12 * RATE : 20 * RATE], 100.0)]
    sure = [one for one in found if one is not None and one.sure]
    assert sure and {one.file for one in found if one is not None} == {"1.wav"}
    assert sure[0].at(107.0) == pytest.approx(19.0, abs=0.03)
    assert sure[0].confidence >= 0.89 and sure[0].speed == pytest.approx(1.0, abs=0.003)


def test_a_stranger_is_not_taken_for_a_track_and_broken_sound_harms_nothing() -> None:
    hearing = Hearing([learnt(seed) for seed in range(3)])
    broken = [AudioFrame(0.1, np.full(2205, np.nan, np.float32), RATE)]
    assert hearing.hear(broken) is None
    for frame in frames(tune(7, 15.0), 0.1):
        found = hearing.hear([frame])
        assert found is None or not found.sure


def test_after_a_gap_and_at_another_rate_it_listens_anew() -> None:
    hearing = Hearing([learnt(seed) for seed in range(3)])
    hearing.hear(frames(tune(0, 30.0)[: 7 * RATE], 0.0))
    other = frames(tune(2, 30.0, rate=48000)[: 8 * 48000], 50.0, 48000)
    found = [one for frame in other if (one := hearing.hear([frame])) is not None]
    assert {one.file for one in found} == {"2.wav"} and found[-1].sure
    assert found[-1].at(58.0) == pytest.approx(8.0, abs=0.03)


def test_the_thread_hears_beside_the_ear() -> None:
    recogniser = Recogniser([learnt(seed) for seed in range(3)])
    analyse = recogniser.overhearing(lambda frame: Features(frame.time))
    try:
        for frame in frames(tune(1, 30.0)[: 6 * RATE], 0.0):
            assert analyse(frame).time == frame.time
        wait_until(recogniser.read, what="a track")
    finally:
        recogniser.close()
    found = recogniser.read()
    assert found is not None and found.title == "1"


@pytest.mark.alone
def test_a_live_show_goes_to_the_track_that_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    catalogue.save(catalogue.catalogue_file(), [learnt(1), learnt(2)])
    write_wav(tmp_path / "playing.wav", Sound(tune(2, 30.0)[:, None], RATE))
    (tmp_path / "night.toml").write_text(
        """quantise = "now"
        [[tracks]]
        title = "Opening"
        preset = "drift"
        file = "1.wav"
        [[tracks]]
        title = "Second"
        preset = "drift"
        file = "music/2.wav"
        """
    )
    words = ["--headless", "--window", "64x64", "--mute", "--no-control", "--osc-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vjgan", "live", *words, "--seconds", "60",
         "--input", str(tmp_path / "playing.wav"), "--setlist", str(tmp_path / "night.toml")],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("track 2 of 2, Second; hears 2 at 0:" in line for line in lines)
    finally:
        process.terminate()
        process.communicate(timeout=30)
