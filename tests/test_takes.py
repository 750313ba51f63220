"""Takes: written while a show is played, read back, and played again at other frame rates."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vjgan.audio.demo import demo
from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.chapters import Chapters, GridTempo
from vjgan.clock import FixedClock
from vjgan.engine import Engine
from vjgan.errors import MediaError
from vjgan.features import Analyser
from vjgan.keeper import About, Analysis, Keeper
from vjgan.libretto import read_told, told
from vjgan.listener import SteppedEar
from vjgan.refilm import scene_builder
from vjgan.render import Nobody
from vjgan.stage import Scene, Stage
from vjgan.stats import Stats
from vjgan.stock import demo_sound, make_library
from vjgan.takes.columns import FEATURES, Packer, row, steps
from vjgan.takes.ledger import Ledger
from vjgan.takes.replay import TakeBeat, TakeClock, TakeEar, TakeHands, TakeScenes
from vjgan.takes.take import read_take
from vjgan.takes.writer import FLUSH_SECONDS, Entrance, TakeWriter, _told
from vjgan.types import (
    Beat,
    Clock,
    Command,
    ControlEvent,
    Controls,
    Ear,
    Event,
    Features,
    Frame,
    Hands,
    LatentState,
    Picture,
    Setting,
    Tick,
    Visit,
)

SECONDS = 9.0
SECOND_PRESET_AT = 4.5
LIBRARY = make_library()


class JitteryClock:
    """About 40 frames a second, none as long as the other, from 0.3 s on; without a live show's
    latency, which a film of it does not have either."""

    def __iter__(self) -> Iterator[Tick]:
        chance, before, time = np.random.default_rng(4), 0.3, 0.3
        for index in itertools.count():
            yield Tick(index, time, time - before, time)
            before, time = time, time + chance.uniform(0.015, 0.035)
            if time > SECONDS:
                return

    def stop(self) -> None: ...


class Watching:
    """Painter and screen that keep the way of the latent and the controls, by tick."""

    lag = 0.0
    size = (16, 16)

    def __init__(self) -> None:
        self.times: list[float] = []
        self.way: list[np.ndarray] = []
        self.hue: list[float] = []

    def use(self, generator: object) -> None: ...

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        self.times.append(tick.time)
        self.way.append(latent.w[0].astype(np.float64))
        frame = Frame(tick.time, np.zeros((1, 1, 3), np.uint8))
        return Picture(frame, frame)

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        self.hue.append(controls["hue"])

    def events(self) -> Sequence[Event]:
        return ()

    def say(self, lines: Sequence[str]) -> None: ...

    def close(self) -> None: ...


class Performer:
    """Hands with a plan, and the presets that they call."""

    def __init__(self, plan: list[tuple[float, Event]], scenes: list[tuple[float, Scene]]) -> None:
        self.plan, self.scenes, self.now = plan, scenes, 0.0

    def read(self) -> Sequence[Event]:
        due = [event for time, event in self.plan if time <= self.now]
        self.plan = [one for one in self.plan if one[0] > self.now]
        return due

    def finished(self) -> Scene | None:
        return self.scenes.pop()[1] if self.scenes and self.scenes[-1][0] <= self.now else None

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...

    def close(self) -> None: ...


class Told:
    """A clock that tells a performer what time it is."""

    def __init__(self, clock: Clock, performer: Performer) -> None:
        self.clock, self.performer = clock, performer

    def __iter__(self) -> Iterator[Tick]:
        for tick in self.clock:
            self.performer.now = tick.time
            yield tick

    def stop(self) -> None: ...


class Silence:
    """An ear that hears nothing."""

    def read(self, tick: Tick) -> Features:
        return Features(time=tick.time)

    def close(self) -> None: ...


GESTURES: list[tuple[float, Event]] = [
    (1.0, Setting("hue", 90.0)),
    (1.5, ControlEvent("cc1", 0.75, 2, "box")),
    (2.0, Command("freeze")),
    (3.5, Command("freeze")),
    (4.0, Command("help")),
    (7.0, Setting("psi", 0.7)),
]


def played(
    clock: Clock, ear: Ear, hands: Hands, tempo: object, scenes: object, scene: Scene,
    keeper: Keeper | None = None,
) -> Watching:  # fmt: skip
    seen = Watching()
    Engine(
        clock, ear, hands, tempo, scenes, Stage(scene), seen, seen, Stats(30.0),  # type: ignore
        witness=keeper,
    ).run()  # fmt: skip
    return seen


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Watching]:
    """A take, and what was seen of the show while it was recorded."""
    path = tmp_path_factory.mktemp("takes") / "show.take"
    track = demo()
    first, second = (LIBRARY.scene(LIBRARY.find(name)) for name in ("drift", "journey"))
    about = About(seed=0, input="demo", track=True)
    keeper = Keeper(about, first, path)
    analysis = Analysis(Analyser(track.sample_rate).analyse, keeper)
    ear = SteppedEar(Track(demo_sound()), analysis)
    performer = Performer([*GESTURES], [(SECOND_PRESET_AT, second)])
    clock = Told(JitteryClock(), performer)
    seen = played(clock, ear, performer, BeatClock(), performer, first, keeper)
    keeper.close()
    return path, seen


def again(path: Path, fps: int, gestures: bool = True) -> Watching:
    take = read_take(path)
    take = take if gestures else replace(take, events=())
    frames = int((take.end - take.start) * fps)
    clock = TakeClock(take, Fraction(fps), frames)

    def build(entrance: Entrance) -> Scene:
        assert entrance.text == LIBRARY.find(entrance.key).read_text()
        return LIBRARY.scene(LIBRARY.find(entrance.key))

    scenes = TakeScenes(take, clock, build)
    hands = TakeHands(take, clock)
    return played(clock, TakeEar(take), hands, TakeBeat(take), scenes, scenes.first)


def apart(live: Watching, film: Watching) -> tuple[float, float]:
    """How far a film's latents are from the show's at the same times, rms and at most, as shares of
    how far the show's go from their mean (rms)."""
    times, way = np.array(live.times), np.array(live.way)
    keep = np.array(film.times) <= times[-1]
    wanted = np.array([np.interp(film.times, times, one) for one in way.T]).T[keep]
    distance = np.linalg.norm(np.array(film.way)[keep] - wanted, axis=1)
    size = np.sqrt((np.linalg.norm(way - way.mean(0), axis=1) ** 2).mean())
    return float(np.sqrt((distance**2).mean()) / size), float(distance.max() / size)


@pytest.mark.parametrize("fps", [30, 60])
def test_a_take_gives_the_same_motion_at_another_rate(
    recorded: tuple[Path, Watching], fps: int
) -> None:
    path, live = recorded
    film = again(path, fps)
    assert len(film.times) == int((live.times[-1] - live.times[0]) * fps)
    usual, most = apart(live, film)
    assert usual < 0.01
    assert most < 0.05  # at a fader's step, which the show may have had half a frame earlier


SCORE = """track = "demo"
preset = "own.toml"
bpm = 124.0
[[sections]]
name = "A"
start = 1
end = 3
anchors = [21, 5]
phrase = 1
[[sections]]
start = 3
end = 9
preset = "journey"
anchors = [7, 9, 2]
phrase = 1.5
controls = { hue = 40 }
"""


def test_the_take_of_a_score_gives_the_same_motion_when_the_score_is_gone(tmp_path: Path) -> None:
    own, written = tmp_path / "own.toml", tmp_path / "set.toml"
    own.write_text(LIBRARY.find("drift").read_text())
    written.write_text(SCORE)
    score = LIBRARY.score(written)
    tempo = GridTempo(score.grid)
    chapters = Chapters(LIBRARY.chapters(score), tempo)
    path = tmp_path / "show.take"
    keeper = Keeper(About(input="demo", track=True, score=told(score)), chapters.first, path)
    performer = Performer([(2.0, Setting("psi", 0.6))], [])
    clock = Told(JitteryClock(), performer)
    live = played(clock, Silence(), performer, tempo, chapters, chapters.first, keeper)
    keeper.close()
    own.unlink(), written.unlink()
    take = read_take(path)
    assert [(one.key, one.chapter) for one in take.entrances] == [("own", 0), ("08-journey", 1)]
    assert take.entrances[1].time == pytest.approx(score.grid.seconds(2.0), abs=0.03)
    assert f"score     {written}" in take.lines()
    again = read_told(take.score, tmp_path, LIBRARY)
    assert (again.grid, again.stops) == (score.grid, score.stops)
    clock = TakeClock(take, Fraction(30), int((take.end - take.start) * 30))
    scenes = TakeScenes(take, clock, scene_builder(LIBRARY, tmp_path, again))
    film = played(
        clock, TakeEar(take), TakeHands(take, clock), TakeBeat(take), scenes, scenes.first
    )
    usual, most = apart(live, film)
    assert usual < 0.01 and most < 0.05
    assert film.hue[-1] == 40.0


def test_a_score_that_is_not_whole_is_one_sentence(tmp_path: Path) -> None:
    for words in ({"path": "a"}, {"path": "a", "table": 3, "presets": []}, {"presets": [3]}):
        with pytest.raises(MediaError, match="does not hold its score as vjgan writes it"):
            read_told(words, tmp_path, LIBRARY)


def test_gestures_are_made_at_their_times(recorded: tuple[Path, Watching]) -> None:
    path, live = recorded
    film = again(path, 30)
    wanted = np.interp(film.times, live.times, live.hue)
    assert np.abs(np.array(film.hue) - wanted).mean() < 0.5  # of a jump of 90
    assert max(film.hue) > 80.0
    assert apart(live, again(path, 30, gestures=False))[0] > 0.1


def test_a_take_says_what_it_holds(recorded: tuple[Path, Watching]) -> None:
    path, live = recorded
    take = read_take(path)
    assert [(round(one.time, 1), one.key) for one in take.entrances] == [
        (0.0, "01-drift"),
        (SECOND_PRESET_AT, "08-journey"),
    ]
    assert [event for _, event in take.events] == [event for _, event in GESTURES]
    assert take.events[1][1].port == "box"  # type: ignore[union-attr]
    assert len(take.frames["time"]) == len(live.times)
    assert np.abs(take.frames["time"] - live.times).max() < 1e-5
    text = "\n".join(take.lines())
    assert "MB an hour" in text and "08-journey" in text
    # Where in the track each moment was: a block of the ear ends there.
    assert abs(take.place(7.0) - 7.0) < 0.01
    assert take.time(take.place(7.0)) == pytest.approx(7.0)


def test_features_come_back_as_they_were(recorded: tuple[Path, Watching]) -> None:
    track = demo()
    source, analyser = Track(demo_sound()), Analyser(track.sample_rate)
    take = read_take(recorded[0])
    loose = {"centroid_hz": 5.0, "peak_db": 0.5, "bpm": 0.005}
    for index in range(700):
        frame = source.read()
        assert frame is not None
        told, kept = analyser.analyse(frame), take.heard(index)
        for one in fields(Features):
            near = loose.get(one.name, 1e-5 if "time" in one.name else 1 / 128)
            assert getattr(kept, one.name) == pytest.approx(getattr(told, one.name), abs=near)


def test_numbers_of_any_sign_and_size_come_back() -> None:
    values = np.random.default_rng(0).integers(-(2**52), 2**52, (50, len(FEATURES)))
    packer = Packer(dict.fromkeys(FEATURES, 1.0))
    parts = [packer.pack(part.tolist()) for part in (values[:7], values[7:7], values[7:])]
    found = np.cumsum(np.concatenate([steps(part, len(FEATURES)) for part in parts]), axis=0)
    assert np.array_equal(found, values)
    assert len(row(Features())) == len(FEATURES)


def test_counters_go_on_where_the_sound_was_opened_again(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.take", ABOUT, str)
    for k, count in enumerate((3, 5, 0, 1, 4)):
        writer.hear(Features(time=k / 100, onset_count=count), None)
    finish(writer)
    assert read_take(tmp_path / "a.take").features["onset_count"].tolist() == [3, 5, 5, 6, 9]


ABOUT = {"program": "vjgan", "seed": 0, "model": "", "input": ""}


def finish(writer: TakeWriter) -> None:
    """With one preset and one frame."""
    writer.enter(Entrance(0.0, "01-drift", None, 8.0))
    writer.frame(Tick(0, 0.0, 0.01, 0.0), Beat())
    writer.close()


@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_a_damaged_take_is_read_up_to_its_last_whole_record(
    recorded: tuple[Path, Watching], tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "slow.take"
    slow(path)
    whole = read_take(path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-40]
    else:
        data[-40] ^= 4
    path.write_bytes(data)
    take = read_take(path)
    assert len(caplog.records) == 1
    assert f"take '{path}' is read up to" in caplog.text
    assert 0 < len(take.frames["time"]) < len(whole.frames["time"])
    assert any("damaged or cut off" in line for line in take.lines())


def slow(path: Path) -> None:
    """A take of several records."""
    writer = TakeWriter(path, ABOUT, str)
    writer.enter(Entrance(0.0, "01-drift", None, 8.0))
    for second in range(3):
        for k in range(20):
            time = second + k / 20
            writer.hear(Features(time=time, level=1.0 + k / 20), None)
            writer.frame(Tick(k, time, 0.05, time), Beat(position=2 * time))
        writer.flush()
    writer.close()


@pytest.mark.parametrize("at", range(0, 200, 7))
def test_no_flipped_bit_is_more_than_a_sentence(tmp_path: Path, at: int) -> None:
    path = tmp_path / "a.take"
    slow(path)
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << at % 8
    path.write_bytes(data)
    try:
        assert read_take(path).damage
    except MediaError as error:
        assert str(path) in str(error)


CRASH = """
import os, sys, threading, time
from pathlib import Path
from vjgan.takes.writer import Entrance, TakeWriter
from vjgan.types import Beat, Features, Tick
about = {"program": "vjgan", "seed": 0, "model": "", "input": ""}
writer = TakeWriter(Path(sys.argv[1]), about, str)
writer.enter(Entrance(0.0, "01-drift", None, 8.0))
begin = time.perf_counter()
while (now := time.perf_counter() - begin) < 3.3:
    writer.frame(Tick(0, now, 0.01, now), Beat(position=2 * now))
    time.sleep(0.01)
os._exit(9)
"""


def test_a_crash_loses_a_second_at_most(tmp_path: Path) -> None:
    path = tmp_path / "a.take"
    done = subprocess.run([sys.executable, "-c", CRASH, str(path)], timeout=60)
    assert done.returncode == 9
    assert read_take(path).end > 3.3 - 1.2 * FLUSH_SECONDS


def test_a_take_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.take").write_bytes(b"the last show")
    with pytest.raises(MediaError, match=r"a\.take' exists already"):
        TakeWriter(tmp_path / "a.take", ABOUT, str)
    with pytest.raises(MediaError, match="is not a take"):
        read_take(tmp_path / "a.take")
    with pytest.raises(MediaError, match="cannot be read: No such file"):
        read_take(tmp_path / "b.take")


FULL = """
import logging, resource, sys
from pathlib import Path
from vjgan.takes.writer import TakeWriter
from vjgan.types import Features
logging.basicConfig(format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
writer = TakeWriter(Path(sys.argv[1]), {}, str)
for second in range(5):
    for k in range(200):
        writer.hear(Features(time=k * k * 0.001, level=k * k % 77), None)
    writer.flush()
writer.close()
print(writer.failed)
"""


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.take"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"take '{path}' cannot be written: File too large; the show goes on without",
        "True",
    ]


def test_a_take_begins_in_the_middle_as_hands_have_left_things() -> None:
    ledger = Ledger(Entrance(0.0, "01-drift", None, 8.0))
    for event in (
        ControlEvent("cc1", 0.1), ControlEvent("cc1", 0.2),
        Setting("hue", 1.0), Setting("zoom", 2.0), Setting("hue"),
        Command("freeze"), Command("blackout"), Command("freeze"), Command("tap"),
    ):  # fmt: skip
        ledger.note(event)
    entrance, events = ledger.standing(5.0)
    assert entrance == Entrance(5.0, "01-drift", None, 8.0)
    assert events == [ControlEvent("cc1", 0.2), Setting("zoom", 2.0), Command("blackout")]
    ledger.enter(Entrance(6.0, "08-journey", None, 8.0))
    assert ledger.standing(7.0)[1] == [ControlEvent("cc1", 0.2), Command("blackout")]


def test_a_take_begins_and_ends_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scene = LIBRARY.scene(LIBRARY.find("drift"))
    keeper = Keeper(About(input="demo", track=True), scene)
    performer = Performer([(1.0, Command("take")), (2.0, Command("take"))], [])
    clock = Told(FixedClock(Fraction(30), 90), performer)
    played(clock, Hum(), performer, BeatClock(), Nobody(), scene, keeper)
    keeper.close()
    (path,) = (tmp_path / "out" / "takes").iterdir()
    take = read_take(path)
    assert (take.start, take.end) == (pytest.approx(1.0), pytest.approx(2.0, abs=0.05))
    assert take.entrances[0].key == "01-drift"


class Hum:
    """An ear that hears something steady."""

    def read(self, tick: Tick) -> Features:
        return Features(time=tick.time, level=1.0, alive=True, silent=False)

    def close(self) -> None: ...


def test_who_comes_by_name_is_kept_and_comes_again(tmp_path: Path) -> None:
    w = np.random.default_rng(1).normal(size=(12, 16)).astype(np.float32)
    tape = TakeWriter(
        tmp_path / "a.take",
        {"seed": 0, "model": "", "input": "", "program": "vjgan"},
        lambda: "now",
    )
    for time, visit in enumerate((Visit(7, "seed-7"), Visit(w, "ada"), Visit(w[0]))):
        tape.gesture(visit, Tick(time, time, 0.1, time))
    tape.frame(Tick(0, 0.0, 0.1, 0.0), Beat())
    tape.close()
    kept = [event for _, event in read_take(tmp_path / "a.take").events]
    assert [one.name for one in kept] == ["seed-7", "ada"]  # a face without a name is nobody's
    assert kept[0].w == 7 and np.array_equal(kept[1].w, w)


def test_a_take_that_begins_while_somebody_is_on_begins_with_them() -> None:
    ledger = Ledger(Entrance(0.0, "a", None, 8.0))
    ledger.note(Visit(7, "seed-7"))
    assert [event.name for event in ledger.standing(5.0)[1]] == ["seed-7"]
    ledger.note(Command("walk"))
    assert ledger.standing(6.0)[1] == []


def test_a_preset_of_an_editor_on_windows_is_kept_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes('name = "Mine"\r\n'.encode("utf-8-sig"))
    text = _told(Entrance(0.0, "mine", path, 0.0))["text"]
    assert tomllib.loads(text) == {"name": "Mine"}
