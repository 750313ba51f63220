"""Second pictures: stills, videos and cameras, and how they come onto the stage."""

from __future__ import annotations

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import wait_until
from PIL import Image

from vjgan.errors import DeviceError, MediaError
from vjgan.media import FilmWriter
from vjgan.sources import Source, Wish, open_source
from vjgan.sources.camera import Camera
from vjgan.types import Beat, Frame, Tick

FPS, FRAMES = 25, 50
SECONDS = FRAMES / FPS


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, each frame a grey of its own."""
    path = tmp_path_factory.mktemp("film") / "greys.mp4"
    with FilmWriter(path, (64, 48), Fraction(FPS), crf=0) as writer:
        for index in range(FRAMES):
            writer.write(np.full((48, 64, 3), 5 * index + 2, np.uint8))
    return path


def number(frame: Frame) -> int:
    """Which frame of the film a picture is."""
    return round(float(frame.image[..., :3].mean()) / 5 - 0.2)


def tick(index: int, fps: float = 60.0) -> Tick:
    return Tick(index, index / fps, 1 / fps, (index + 1) / fps)


def run(source: Source, frames: int, bpm: float = 120.0, speed: float = 1.0) -> list[Frame]:
    beats = bpm / 60.0 / 60.0
    return [source.read(Beat(k * beats, bpm), tick(k), speed) for k in range(frames)]


@pytest.mark.parametrize("speed", [1.0, 0.5, 2.0, 0.0])
def test_a_video_runs_by_time_and_around(film: Path, speed: float) -> None:
    shown = run(open_source(Wish("video", str(film)), live=False), 300, speed=speed)
    want = [int(k / 60 * speed * FPS + 1e-3) % FRAMES for k in range(300)]
    assert [number(frame) for frame in shown] == want


def test_a_video_runs_by_the_beat(film: Path) -> None:
    shown = run(open_source(Wish("video", str(film), beats=8.0), live=False), 480, bpm=120.0)
    assert [number(shown[k]) for k in (0, 60, 120, 180, 241)] == [0, 12, 25, 37, 0]


def test_offline_the_same_frames_come_twice_bit_for_bit(film: Path) -> None:
    one, two = (run(open_source(Wish("video", str(film)), live=False), 200) for _ in range(2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one, two, strict=True))
    assert len({id(frame) for frame in one}) < 100  # one that stays is the same object


def test_live_a_video_is_decoded_ahead_and_few_pictures_are_held(film: Path) -> None:
    source = open_source(Wish("video", str(film)), live=True)
    for index in range(FRAMES + 10):
        source.read(Beat(), tick(index, FPS), 1.0)
        now = replace(tick(index, FPS), dt=0.0)
        wait_until(lambda now=now: number(source.read(Beat(), now, 1.0)) == now.index % FRAMES)
        assert len(source._feed._ready) <= 3  # type: ignore[attr-defined]
    source.close()


def test_a_video_that_is_gone_leaves_its_last_picture(
    film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "gone.mp4"
    path.write_bytes(film.read_bytes())
    source = open_source(Wish("video", str(path)), live=True)
    path.unlink()
    source.read(Beat(), tick(0), 1.0)
    wait_until(lambda: "its last picture stays" in caplog.text)
    assert number(source.read(Beat(), tick(1), 1.0)) == 0
    path.write_bytes(film.read_bytes())
    index = iter(range(2, 100_000))
    wait_until(lambda: number(source.read(Beat(), tick(next(index), 30), 1.0)) > 2)
    source.close()
    assert caplog.text.count("its last picture stays") == 1


def test_a_still_keeps_its_alpha_without_a_fringe(tmp_path: Path) -> None:
    pixels = np.full((4, 6, 4), 200, np.uint8)
    pixels[:, :3, 3] = 0
    pixels[:, 3:, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    source = open_source(Wish("image", str(tmp_path / "cut.png")), live=True)
    image = source.read(Beat(), tick(0), 1.0).image
    assert image.shape == (4, 6, 4)
    assert image[0, 0].tolist() == [0, 0, 0, 0] and image[0, 5].tolist() == [200, 200, 200, 255]
    assert source.read(Beat(), tick(1), 1.0) is source.read(Beat(), tick(2), 1.0)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path: Path, kind: str) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"nothing of the kind" * 99)
    for place, reason in ((tmp_path / "no", "No such file"), (broken, "cannot be read")):
        with pytest.raises(MediaError, match=reason) as told:
            open_source(Wish(kind, str(place)), live=True)
        assert str(place) in str(told.value) and "\n" not in str(told.value)


def test_a_camera_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(DeviceError, match="camera 'no such' is not there; there are: "):
        open_source(Wish("camera", "no such"), live=True)
    with pytest.raises(DeviceError, match="a film is made without one"):
        open_source(Wish("camera", "0"), live=False)


def test_a_camera_pulled_out_leaves_its_last_picture_and_comes_back(
    film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = []

    def plug() -> av.container.InputContainer:
        opened.append(1)
        if len(opened) == 2:
            raise OSError("No such device")
        return av.open(str(film))

    with caplog.at_level(logging.ERROR):
        camera = Camera("stand-in", 4, plug)
        wait_until(lambda: "its last picture stays" in caplog.text)
        last = camera.read(Beat(), tick(0), 1.0)
        assert number(last) == FRAMES - 1  # the film ends as a pulled plug does
        wait_until(lambda: camera.read(Beat(), tick(0), 1.0) is not last, 8.0)
    camera.close()
    assert len(opened) >= 3
