"""What hands set, panic and home, in the loop with plain stages."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from test_engine import Plain, play

from vjgan.clock import FixedClock
from vjgan.controls import CONTROLS
from vjgan.engine import Engine
from vjgan.home import GO_SECONDS, LEAVE_SECONDS, Home
from vjgan.mapping import Route, Router
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stage import Scene, Stage
from vjgan.stats import Stats
from vjgan.types import (
    Command,
    Controls,
    Event,
    Frame,
    PassWeight,
    Picture,
    Setting,
    Tick,
)


def test_a_hand_sets_a_controls_own_value_and_routes_add_to_it() -> None:
    router = Router(CONTROLS, {"hue": 10.0}, (Route("level", "hue", 40.0),))
    assert router.step({"level": 1.0}, {}, 0.01)["hue"] == 50.0
    router.set("hue", 100.0)
    assert router.own["hue"] == 100.0
    for _ in range(60):
        values = router.step({"level": 1.0}, {}, 1 / 60)
    assert values["hue"] == 140.0
    router.set("hue", 170.0)
    for _ in range(60):
        values = router.step({"level": 1.0}, {}, 1 / 60)
    assert values["hue"] == 180.0  # the sum is clamped
    router.set("hue", 1e9)
    assert router.own["hue"] == 180.0
    router.set("hue", None)
    assert router.own["hue"] == 10.0
    router.set("speed", 3.0)
    router.reset()
    assert dict(router.own) == dict(router.given)
    router.set("nonsense", 1.0)
    assert "nonsense" not in router.own


def test_a_fader_moves_the_light_at_the_next_frame_and_without_a_step() -> None:
    router = Router(CONTROLS, {})
    router.set("brightness", 0.0)
    way = [router.step({}, {}, 1 / 60)["brightness"] for _ in range(20)]
    assert way[0] < 0.5
    assert all(after <= before for before, after in itertools.pairwise(way))
    assert way[-1] == 0.0


def test_a_setting_reaches_the_stage_and_ends_with_the_preset() -> None:
    plain, engine = play({3: [Setting("hue", 90.0)], 20: [Setting("hue")]}, frames=60)
    hues = [controls["hue"] for controls in plain.shown]
    assert hues[2] == 0.0
    assert hues[15] == pytest.approx(90.0, abs=0.5)
    assert hues[-1] == 0.0
    _, engine = play({3: [Setting("hue", 90.0), Setting("speed", 2.0)], 9: [Command("reset")]})
    router = engine.stage.scene.router
    assert dict(router.own) == dict(router.given)
    engine.stage.set(Setting("hue", 90.0))
    engine.stage.enter(replace(engine.stage.scene, router=Router(CONTROLS, {})), 0.0)
    assert engine.stage.scene.router.own["hue"] == 0.0


def test_panic_is_black_calm_and_home_and_comes_back_gently() -> None:
    flicker = Scene(
        "a", "a", Router(CONTROLS, {}), Plain({}), None, (PassWeight("flash"), PassWeight("bloom"))
    )  # type: ignore
    script: dict[int, list[Event]] = {10: [Command("panic")], 100: [Command("panic")]}
    plain = Plain(script)
    flicker = replace(flicker, motion=plain, generator=plain)  # type: ignore[arg-type]
    stages = [plain] * 4
    engine = Engine(
        FixedClock(Fraction(60), 700), *stages, Stage(flicker), plain, plain, Stats(60.0)
    )  # type: ignore[arg-type]
    engine.run()
    light = [controls["brightness"] for controls in plain.shown]
    calm = [controls.calm for controls in plain.shown]
    places = [float(latent.w[0, 0]) for latent in plain.latents]
    assert light[9] == 1.0 and not calm[9]
    assert light[99] < 1e-3 and calm[99]
    assert places[9] == 9.0 and abs(places[60]) < 1e-6  # the walk's first place
    assert 0.01 < light[110] < 0.3  # a second panic lets the light come in seconds, not at once
    assert light[-1] == 1.0 and not calm[-1]
    assert places[-1] == 699.0  # the walk has gone on all the while
    assert max(np.diff(light)) < 0.03


def test_blackout_ends_a_panic_too_and_strobe_kill_stays() -> None:
    script: dict[int, list[Event]] = {
        5: [Command("strobe_kill")],
        10: [Command("panic")],
        40: [Command("blackout")],
    }
    plain, engine = play(script, frames=400)
    assert plain.shown[39]["brightness"] < 0.01
    assert plain.shown[-1]["brightness"] > 0.99
    assert (
        plain.shown[-1].calm
        and engine.performer.strobe_killed
        and not engine.performer.panic
        and not engine.stage.home.held
    )


def test_home_is_gone_to_and_left_without_a_jump() -> None:
    home, w0 = Home(), np.zeros((1, 2), np.float32)
    away = np.full((1, 2), 8.0, np.float32)
    assert home.bring(away, w0, 1 / 60) is away
    home.call()
    way = [float(home.bring(away, w0, 1 / 60)[0, 0]) for _ in range(60 * 6)]
    arrived = round(60 * GO_SECONDS)
    assert way[arrived] == pytest.approx(0.0, abs=0.01)
    assert way[-1] == 8.0
    assert np.abs(np.diff(way)).max() < 8.0 * 1.6 / arrived
    assert np.abs(np.diff(way[arrived:])).max() < 8.0 * 1.6 / (60 * LEAVE_SECONDS)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_glance_is_small_and_from_a_gpu_one_call_old(at_once: bool) -> None:
    screen = OffscreenScreen((640, 360))
    screen.canvas.software = at_once
    seen: list[float | None] = []
    for shade in (50, 200, 120):
        frame = Frame(0.0, np.full((16, 16, 3), shade, np.uint8))
        screen.show(Picture(frame, frame), Controls(0.0, {}), Tick(0, 0.0, 0.0, 0.0))
        picture = screen.glance()
        assert picture is None or picture.shape == (180, 320, 3)
        seen.append(None if picture is None else round(float(picture.mean())))
    screen.close()
    assert seen == ([50, 200, 120] if at_once else [None, 50, 200])
