"""The loop with plain stages; the real ones meet in test_show.py."""

import logging
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from vjgan.clock import FixedClock
from vjgan.controls import CONTROLS
from vjgan.engine import Engine
from vjgan.generator.worker import Job, Playout
from vjgan.mapping import Route, Router
from vjgan.stage import Scene, Stage
from vjgan.stats import Stats
from vjgan.types import (
    Beat,
    Command,
    ControlEvent,
    Controls,
    Event,
    Features,
    Frame,
    LatentState,
    Picture,
    Pulse,
    TempoHint,
    Tick,
)


class Plain:
    """Every stage in its simplest form; events are given by frame number."""

    def __init__(self, script: dict[int, list[Event]]) -> None:
        self.script = script
        self.frame = -1
        self.shown: list[Controls] = []
        self.latents: list[LatentState] = []
        self.said: list[Sequence[str]] = []
        self.asked: list[object] = []
        self.fail_at: set[int] = set()
        self.cues: dict[int, list[Event]] = {}

    def read(self, tick: Tick | None = None):
        if tick is None:  # hands
            self.frame += 1
            return self.script.get(self.frame, [])
        if self.frame in self.fail_at:
            raise RuntimeError("the ear fell off")
        return Features(time=tick.time, alive=True)

    def events(self) -> Sequence[Event]:
        return []

    def step(self, *words) -> Beat | LatentState:
        if len(words) == 2:  # tempo
            return Beat(words[1].time * 2)
        return LatentState(0.0, np.full((1, 1), len(self.latents), np.float32))

    lag = 0.0  # of the painter

    def line(self) -> str:
        return "free, 120.0 bpm, 0% sure"

    def tap(self, time: float) -> None:
        self.asked.append(("tap", time))

    def one(self, *time: float) -> None:  # without a time: of the score
        self.asked.append(("one", *time))

    def pulse(self, pulse: Pulse, time: float) -> None:
        self.asked.append(("pulse", time))

    def multiply(self, factor: float) -> None:
        self.asked.append(("multiply", factor))

    def nudge(self, steps: int) -> None:
        self.asked.append(("nudge", steps))

    def hold(self, number: int) -> None:
        self.asked.append(("hold", number))

    def hint(self, hint: TempoHint) -> None: ...

    def play(self, beat: Beat, tick: Tick) -> list[Event]:
        return self.cues.get(self.frame, [])

    def go(self, step: int) -> None:
        self.asked.append(("go", step))

    def jump(self, number: int) -> None:
        self.asked.append(("jump", number))

    def request(self, number: int) -> None:
        self.asked.append(number)

    def request_step(self, step: int) -> None:
        self.asked.append(("step", step))

    def finished(self) -> None:
        return None

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        self.latents.append(latent)
        frame = Frame(latent.time, np.zeros((1, 1, 3), np.uint8))
        return Picture(frame, frame)

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        self.shown.append(controls)

    def say(self, lines: Sequence[str]) -> None:
        self.said.append(tuple(lines))


def play(
    script: dict[int, list[Event]],
    frames: int = 30,
    live: bool = True,
    fail_at: int | None = None,
    routes: tuple[Route, ...] = (Route("midi.cc1", "hue", 100.0),),
    lag: float = 0.0,
) -> tuple[Plain, Engine]:
    plain = Plain(script)
    plain.lag = lag
    plain.fail_at = set() if fail_at is None else {fail_at}
    router = Router(CONTROLS, {}, routes)
    stage = Stage(Scene("a", "a", router, plain, plain, ()))  # type: ignore[arg-type]
    stages = [plain] * 4
    engine = Engine(
        FixedClock(Fraction(60), frames), *stages, stage, plain, plain, Stats(60.0),  # type: ignore
        now=(lambda: 0.0) if live else None,
        notice=["untrained"],
    )  # fmt: skip
    engine.run()
    return plain, engine


def test_every_tick_becomes_a_shown_frame() -> None:
    plain, engine = play({})
    assert len(plain.shown) == 30
    assert engine.stats.summary(0, [])["frames"] == 30


def test_quit_ends_the_show_after_this_frame() -> None:
    assert len(play({4: [Command("quit")]})[0].shown) == 5


def test_a_knob_moves_its_control_and_stays() -> None:
    plain, _ = play({3: [ControlEvent("cc1", 0.5, channel=2)]})
    assert [controls["hue"] for controls in plain.shown[2:5]] == [0.0, 50.0, 50.0]


def test_freeze_holds_the_latent_and_lets_it_go() -> None:
    plain, _ = play({5: [Command("freeze")], 8: [Command("freeze")]})
    places = [int(latent.w[0, 0]) for latent in plain.latents]
    assert places[:9] == [0, 1, 2, 3, 4, 4, 4, 4, 8]


def test_blackout_dims_any_preset_and_comes_back() -> None:
    plain, _ = play({5: [Command("blackout")], 60: [Command("blackout")]}, frames=120)
    light = [controls["brightness"] for controls in plain.shown]
    assert light[4] == 1.0
    assert light[59] < 1e-3
    assert light[119] > 0.999


def test_commands_reach_their_stage() -> None:
    plain, _ = play({2: [Command("preset", 3), Command("next"), Command("previous")]})
    assert plain.asked == [3, ("step", 1), ("step", -1)]
    plain, _ = play({30: [], 6: [Command("tap")]})
    assert plain.asked == [("tap", pytest.approx(0.1))]
    beats = [Command(name) for name in ("one", "double", "halve", "nudge")]
    plain, _ = play({6: [*beats, Command("nudge", -1), Command("clock", 2), Pulse("clock", 0.05)]})
    assert plain.asked == [
        ("one", pytest.approx(0.1)),
        ("multiply", 2.0),
        ("multiply", 0.5),
        ("nudge", 1),
        ("nudge", -1),
        ("hold", 2),
        ("pulse", pytest.approx(0.05)),
    ]


def test_a_score_is_reached_by_commands_and_makes_gestures_of_its_own() -> None:
    words = [Command("go"), Command("back"), Command("track", 7), Command("one")]
    plain, engine = play({2: words}, frames=0)
    plain.cues = {5: [Command("tap"), ControlEvent("cc1", 0.5)]}
    clock, stages = FixedClock(Fraction(60), 30), [plain] * 4
    Engine(clock, *stages, engine.stage, plain, plain, Stats(60.0), score=plain).run()  # type: ignore[arg-type]
    assert plain.asked == [
        ("go", 1), ("go", -1), ("jump", 7), ("one", pytest.approx(2 / 60)), ("one",),
        ("tap", pytest.approx(5 / 60)),
    ]  # fmt: skip
    assert [controls["hue"] for controls in plain.shown[4:7]] == [0.0, 50.0, 50.0]


def test_what_goes_through_the_model_is_foretold_by_its_lag() -> None:
    pulse = (Route("beat_phase", "hue", 1.0), Route("beat_phase", "direction.1", 1.0))
    plain, _ = play({}, frames=120, routes=pulse, lag=0.1)
    behind = [controls["direction.1"] - controls["hue"] for controls in plain.shown]
    assert behind[0] == pytest.approx(2 * (0.02 + 0.5 / 60), abs=1e-6)
    # Two beats a second, a lag of 0.1 s and 0.02 s until motion has followed.
    assert behind[100] % 1.0 == pytest.approx(2 * 0.12, abs=1e-6)
    places = [controls["direction.1"] for controls in plain.shown[:20]]
    assert places == sorted(places)  # on its way there it does not fall


def test_the_notice_and_the_help_are_shown_and_taken_away() -> None:
    plain, _ = play({400: [Command("help")], 410: [Command("help")]}, frames=500)
    assert plain.said[0] == ("untrained",)
    assert plain.said[1] == ()
    assert any("blackout" in line for line in plain.said[2])
    assert plain.said[2][-1] == "Clock      free, 120.0 bpm, 0% sure"
    assert plain.said[3] == ()


def test_a_failing_frame_is_said_once_and_the_show_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "vjgan"):
        plain, _ = play({}, fail_at=7)
    assert len(plain.shown) == 29
    assert len(caplog.records) == 1
    assert "the ear fell off" in caplog.text


def test_offline_a_failing_frame_ends_the_film() -> None:
    with pytest.raises(RuntimeError, match="fell off"):
        play({}, fail_at=7, live=False)


class Slow(Plain):
    """A painter whose model takes a tenth of a second, as `Worker` plays its frames; a frame's time
    is the beat that its latent was for."""

    def __init__(self) -> None:
        super().__init__({})
        self.playout = Playout()
        self.job: Job | None = None
        self.due = 0.0
        self.late: list[float] = []

    @property
    def lag(self) -> float:
        return self.playout.lag

    @lag.setter
    def lag(self, value: float) -> None: ...

    def step(self, *words) -> Beat | LatentState:
        if len(words) == 2:
            return Beat(2.0 * words[1].present_time)
        return LatentState(0.0, np.full((1, 1), words[1].position, np.float32))

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        if self.job is not None and tick.time >= self.due:
            self.playout.take(self.job, tick.present_time)
            self.job = None
        if self.job is None:
            self.job, self.due = Job(latent, None, tick.present_time), tick.time + 0.1  # type: ignore
            self.job.frame = Frame(float(latent.w[0, 0]), np.zeros((1, 1, 3), np.uint8))
        picture = self.playout.show(tick.present_time)
        if picture is not None:
            before, after = picture.before.time, picture.after.time
            shown = before + picture.blend * (after - before)
            self.late.append(2.0 * tick.present_time - shown)
        return picture or Picture(self.job.frame, self.job.frame)


def test_motion_through_a_slow_model_lands_on_the_beat() -> None:
    slow = Slow()
    router = Router(CONTROLS, {}, ())
    stage = Stage(Scene("a", "a", router, slow, slow, ()))  # type: ignore[arg-type]
    Engine(
        FixedClock(Fraction(60), 600),
        slow,
        slow,
        slow,
        slow,
        stage,
        slow,
        slow,
        Stats(60.0),  # type: ignore
    ).run()
    assert slow.lag > 0.15
    assert abs(float(np.median(slow.late[300:]))) < 0.01  # beats, of half a second
    assert max(map(abs, slow.late[300:])) < 2 * 0.1  # a model's frame
