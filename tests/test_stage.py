from collections.abc import Sequence

import numpy as np
import pytest

from vjgan.controls import CONTROLS
from vjgan.mapping import Router
from vjgan.stage import Scene, Stage
from vjgan.types import Beat, Controls, Features, Frame, LatentState, PassWeight, Picture, Tick


class Still:
    """A motion that stands at one value and notes the onsets it was given."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.onsets: list[float] = []

    def step(
        self, controls: Controls, beat: Beat, onsets: Sequence[float], tick: Tick
    ) -> LatentState:
        self.onsets += onsets
        return LatentState(tick.time, np.full((4, 8), self.value, np.float32), self.value)


MODEL = object()


def scene(key: str, value: float, passes: str = "", model: object = MODEL) -> Scene:
    return Scene(
        key=key,
        title=key,
        router=Router(CONTROLS, {"hue": value}),
        motion=Still(value),
        generator=model,  # type: ignore[arg-type]
        passes=tuple(PassWeight(name) for name in passes.split()),
        crossfade_beats=4.0,
    )


def at(stage: Stage, position: float, **features: float) -> tuple[Controls, LatentState]:
    tick = Tick(0, position / 2, 1 / 60, position / 2)
    heard = Features(**features)  # type: ignore[arg-type]
    controls = stage.control(heard, Beat(position), {}, tick)
    latent = stage.move(heard, Beat(position), tick)
    assert latent is not None
    return controls, latent


def test_a_crossfade_moves_controls_latent_and_passes_together() -> None:
    stage = Stage(scene("a", 0.0, "bloom glitch"))
    stage.enter(scene("b", 1.0, "bloom vignette"), position=8.0)
    controls, latent = at(stage, 10.0)  # half of 4 beats
    assert controls["hue"] == pytest.approx(0.5)
    assert latent.w == pytest.approx(0.5)
    assert latent.noise == pytest.approx(0.5)
    weights = {row.name: row.weight for row in controls.passes}
    assert weights == pytest.approx({"glitch": 0.0, "bloom": 1.0, "vignette": 0.0})
    controls, latent = at(stage, 12.0)
    assert controls["hue"] == 1.0
    assert [row.name for row in controls.passes] == ["bloom", "vignette"]


def test_a_crossfade_is_hardly_faster_amid_and_neither_speed_nor_its_change_jumps() -> None:
    stage, count = Stage(scene("a", 0.0)), 400
    stage.enter(scene("b", 1.0), position=0.0)
    places = [
        at(stage, 4.0 * k / count)[0]["hue"] for k in range(-count // 4, count + count // 4 + 1)
    ]
    speed = np.diff(places) * count  # 1 is that of a straight line
    change = np.diff(speed) * count
    assert speed.min() >= 0.0
    assert speed.max() < 1.3
    assert np.abs(np.diff(change)).max() < 1.0  # a smoothstep's leaps by 6 where it begins


def test_a_crossfade_draws_hardly_more_than_the_richer_scene_and_moves_no_pass_with_a_jump() -> (
    None
):
    stage = Stage(scene("a", 0.0, "bloom glitch mirror ripple"))
    stage.enter(scene("b", 1.0, "ripple vignette grain"), position=0.0)
    rows = []
    for position in np.linspace(0.0, 4.0, 400):
        weights = {row.name: row.weight for row in at(stage, float(position))[0].passes}
        rows.append([weights.get(name, 0.0) for name in
                     ("bloom", "glitch", "mirror", "ripple", "vignette", "grain")])  # fmt: skip
    drawn = np.count_nonzero(rows, axis=1)
    assert drawn[0] == 4 and drawn[-1] == 3
    assert drawn.max() <= 4
    assert np.abs(np.diff(rows, axis=0)).max() < 0.04
    assert np.min(np.array(rows)[:, 3]) == 1.0


def test_nothing_jumps_when_a_third_scene_enters_in_the_middle() -> None:
    stage = Stage(scene("a", 0.0))
    stage.enter(scene("b", 1.0), position=0.0)
    entered, before, steps = False, None, []
    for position in np.arange(0.0, 8.0, 0.02):
        if position > 2.0 and not entered:
            stage.enter(scene("c", -1.0), float(position))
            entered = True
        controls, latent = at(stage, float(position))
        now = np.array([controls["hue"], latent.w[0, 0]])
        steps += [np.abs(now - before).max()] if before is not None else []
        before = now
    assert max(steps) < 0.02
    assert before == pytest.approx(-1.0)
    assert len(stage._entries) == 1


def test_each_onset_reaches_the_motion_once_and_none_is_lost_while_frozen() -> None:
    stage = Stage(scene("a", 0.0))
    at(stage, 0.0, onset_count=1, onset_time=0.1)
    at(stage, 0.1, onset_count=1, onset_time=0.1)
    at(stage, 0.2, onset_count=3, onset_time=0.2)
    tick = Tick(3, 1.0, 0.01, 1.0)
    assert stage.move(Features(onset_count=9), Beat(), tick, frozen=True) is None
    at(stage, 0.4, onset_count=9, onset_time=0.3)
    assert stage.scene.motion.onsets == [0.1, 0.2, 0.2]  # type: ignore[attr-defined]


def test_the_latent_carries_the_time_of_its_sound() -> None:
    stage = Stage(scene("a", 0.0))
    assert at(stage, 8.0, time=3.25)[1].time == 3.25


def test_another_generator_is_faded_in_over_the_last_picture_of_the_old() -> None:
    def picture(value: int) -> Picture:
        frame = Frame(0.0, np.full((2, 2, 3), value, np.uint8))
        return Picture(frame, frame)

    stage = Stage(scene("a", 0.0))
    old = stage.picture(picture(10))
    assert stage.enter(scene("b", 1.0, model=object()), position=0.0)
    _, latent = at(stage, 2.0)
    assert latent.w == pytest.approx(1.0)  # spaces of two models cannot be mixed
    mixed = stage.picture(picture(200))
    assert mixed.before is old.after
    assert mixed.blend == pytest.approx(0.5)
    at(stage, 4.0)
    last = picture(220)
    assert stage.picture(last) is last
