"""Layers between a model and the passes: in their order, by their amounts, without a jump."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standings import standing_of

from vjgan.controls import CONTROLS
from vjgan.errors import PresetError, RetouchError
from vjgan.generator.worker import Direct, Job, Playout
from vjgan.library import Library
from vjgan.mapping import Router
from vjgan.motion import MotionSettings, make_motion
from vjgan.retouch import Retouched
from vjgan.snapshot import keep_snapshot, rooted
from vjgan.sources.blank import Blank
from vjgan.stage import Scene, Stage
from vjgan.stock import make_library
from vjgan.types import (
    Beat,
    ByteArray,
    Features,
    Frame,
    Generator,
    LatentState,
    Picture,
    Tick,
    model_of,
)


class Add:
    """Adds to the picture, or fails."""

    controls: Sequence[str] = ("style.amount", "style.1")

    def __init__(self, value: int, error: Exception | None = None) -> None:
        self.value = value
        self.error = error
        self.times: list[float] = []
        self.values: Mapping[str, float] = {}

    def apply(self, image: ByteArray, values: Mapping[str, float], time: float) -> ByteArray:
        self.times.append(time)
        self.values = values
        if self.error is not None:
            raise self.error
        return image * 2 + np.uint8(self.value)


class Grey(Blank):
    def generate(self, latent: LatentState) -> Frame:
        return Frame(latent.time, np.full((8, 8, 3), 10, np.uint8))


def latent(time: float = 0.0, **inside: float) -> LatentState:
    return LatentState(time, np.zeros((1, 2), np.float32), inside={
        name.replace("_", "."): value for name, value in inside.items()})  # fmt: skip


def test_layers_draw_one_after_the_other_with_their_values_and_the_time() -> None:
    first, second = Add(1), Add(5)
    retouched = Retouched(Grey(), [first, second])
    frame = retouched.generate(latent(2.5, style_amount=0.5))
    assert (frame.image == (10 * 2 + 1) * 2 + 5).all()
    assert frame.time == 2.5
    assert first.times == second.times == [2.5]
    assert first.values == {"style.amount": 0.5, "style.1": 1.0}


def test_retouched_is_its_model_in_all_but_the_picture() -> None:
    model = Grey()
    retouched = Retouched(model, [])
    said = (retouched.name, retouched.trained, retouched.resolution, retouched.space)
    assert said == (model.name, model.trained, model.resolution, model.space)
    assert model_of(retouched) is model_of(model) is model


def test_amount_of_nothing_costs_nothing() -> None:
    layer = Add(1)
    retouched = Retouched(Grey(), [layer])
    assert (retouched.generate(latent()).image == 10).all()
    assert layer.times == []


def test_failing_layer_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    broken, sound = Add(1, ValueError("ink is out")), Add(3)
    retouched = Retouched(Grey(), [broken, sound])
    with caplog.at_level(logging.ERROR, "vjgan"):
        frames = [retouched.generate(latent(time, style_amount=1.0)) for time in (0.0, 0.1)]
    assert all((frame.image == 10 * 2 + 3).all() for frame in frames)
    assert [record.message for record in caplog.records] == [
        "style fails and is left out: ink is out"
    ]
    assert broken.times == [0.0]


MODEL = Grey()


def scene(generator: Generator, amount: float, key: str = "a") -> Scene:
    return Scene(
        key,
        key,
        Router(CONTROLS, {"style.amount": amount, "speed": 0.0}),
        make_motion(MotionSettings(), MODEL.space),
        generator,
        (),
        crossfade_beats=4.0,
    )


def at(stage: Stage, position: float) -> LatentState:
    tick = Tick(0, position / 2, 1 / 60, position / 2)
    stage.control(Features(), Beat(position), {}, tick)
    latent = stage.move(Features(), Beat(position), tick)
    assert latent is not None
    return latent


def still(value: int) -> Picture:
    frame = Frame(0.0, np.full((8, 8, 3), value, np.uint8))
    return Picture(frame, frame)


def test_layers_come_and_go_over_the_same_model_by_their_amount() -> None:
    retouched = Retouched(MODEL, [Add(1)])
    stage = Stage(scene(MODEL, 0.0))
    at(stage, 1.0)
    assert stage.enter(scene(retouched, 1.0), 8.0)  # the painter needs it
    amounts = [at(stage, 8.0 + beats).inside.get("style.amount", 0.0) for beats in (0, 1, 2, 4)]
    assert amounts == pytest.approx([0.0, 0.1875, 0.5, 1.0])
    assert stage.picture(still(7)).after.image.max() == 7  # live, nothing is held
    assert not stage.enter(scene(MODEL, 0.0), 16.0)  # the painter goes on with it
    assert at(stage, 18.0).inside["style.amount"] == pytest.approx(0.5)
    assert "style.amount" not in at(stage, 20.0).inside
    assert not stage.enter(scene(retouched, 1.0), 24.0)  # which it still has


def test_other_layers_fade_in_over_the_last_picture() -> None:
    one, other = Retouched(MODEL, [Add(1)]), Retouched(MODEL, [Add(2)])
    stage = Stage(scene(one, 1.0))
    at(stage, 1.0)
    stage.picture(still(7))
    assert stage.enter(scene(other, 1.0), 8.0)
    at(stage, 10.0)
    picture = stage.picture(still(9))
    assert (picture.before.image == 7).all()
    assert (picture.after.image == 9).all()
    assert picture.blend == pytest.approx(0.5)


def test_picture_moves_on_from_a_bare_frame_to_a_retouched_one() -> None:
    playout = Playout()
    for moment, generator in ((0.0, MODEL), (0.1, Retouched(MODEL, [])), (0.2, Blank())):
        playout.take(Job(latent(), generator, moment, Grey().generate(latent())), moment + 0.05)
        assert playout.after is not None
        expected = MODEL if moment < 0.2 else generator
        assert playout.after.generator is expected  # a frame of the same model waits its turn


def test_film_draws_anew_when_an_amount_changes() -> None:
    painter = Direct(Retouched(Grey(), [Add(1)]))
    tick = Tick(0, 0.0, 0.1, 0.0)
    plain = painter.paint(latent(), tick).after.image
    assert (plain == 10).all()
    assert (painter.paint(latent(style_amount=1.0), tick).after.image == 21).all()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    def opening(places: Sequence[str], model: str) -> Add:
        if "broken" in places:
            raise RetouchError("style 'broken': is broken")
        return Add(1)

    stock = make_library(device="cpu")
    return replace(stock, presets_folder=tmp_path, load=lambda name: MODEL,
                   retouches={"style": opening})  # fmt: skip


def written(folder: Path, text: str, name: str = "one") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_preset_names_its_layers_and_the_same_ones_stay(library: Library, tmp_path: Path) -> None:
    path = written(tmp_path, "retouch = ['style']\n[controls]\nstyle.amount = 0.5")
    one, again = library.scene(path), library.scene(path)
    assert isinstance(one.generator, Retouched)
    assert one.generator is again.generator
    assert one.generator.under is MODEL
    assert library.scene(written(tmp_path, "", "two")).generator is MODEL


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("paint", "retouch 'paint' is unknown; there are: style, style:NAME, dream, dream:NAME, "
                  "style:PATH"),
        ("style:there/is none.onnx", "retouch 'style:': there is no file"),
        ("style:broken", "preset 'one': retouch: style 'broken': is broken"),
    ],
)  # fmt: skip
def test_preset_with_wrong_layers_is_told(
    library: Library, tmp_path: Path, row: str, told: str
) -> None:
    with pytest.raises(PresetError) as caught:
        library.scene(written(tmp_path, f"retouch = ['{row}']"))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_snapshot_finds_the_files_of_its_layers(library: Library, tmp_path: Path) -> None:
    (tmp_path / "ink.onnx").write_bytes(b"")
    path = written(tmp_path, "retouch = ['style:ink.onnx', 'style']")
    standing = standing_of(Router(CONTROLS, {}), source=path)
    kept = keep_snapshot(standing, tmp_path / "own", [path], library.preset)
    assert f"retouch = ['style:{tmp_path / 'ink.onnx'}', 'style']" in kept.read_text().replace(
        '"', "'"
    )


def test_text_that_goes_elsewhere_names_its_files_from_the_root(tmp_path: Path) -> None:
    for name in ("ink.onnx", "ink.mp4"):
        (tmp_path / name).write_bytes(b"")
    text = (
        'retouch = ["style:ink.onnx#2", "dream"] # both\n[layers.ink]\nsource = "video:ink.mp4"\n'
    )
    assert rooted(text, tmp_path) == text.replace(":ink", f":{tmp_path}/ink")
    assert rooted("retouch = [", tmp_path) == "retouch = ["
    assert rooted("retouch = 7", tmp_path) == "retouch = 7"
