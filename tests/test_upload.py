"""Pictures on their way to the GPU: each way brings what it was given."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import moderngl
import numpy as np
import pytest

from vjgan.errors import DeviceError
from vjgan.screen import upload
from vjgan.screen.frames import Frames
from vjgan.screen.offscreen import _standalone
from vjgan.screen.upload import WAYS, Buffers, open_upload
from vjgan.types import Frame, Picture


@pytest.fixture(scope="module")
def context() -> Iterator[moderngl.Context]:
    made = _standalone()
    yield made
    made.release()


@pytest.mark.parametrize("way", WAYS)
def test_every_picture_arrives(context: moderngl.Context, way: str) -> None:
    """Two sizes in turn, more often than there are buffers."""
    chance = np.random.default_rng(1)
    with context:
        send = open_upload(context, way)
        assert type(send) is WAYS[way]  # OpenGL 4.5 is here
        textures = {side: context.texture((side, side), 3, alignment=1) for side in (33, 64)}
        for _ in range(5):
            for side, texture in textures.items():
                image = chance.integers(0, 256, (side, side, 3), np.uint8)
                send.write(texture, image)
                seen = np.frombuffer(texture.read(alignment=1), np.uint8).reshape(image.shape)
                assert np.array_equal(seen, image)
        assert context.error == "GL_NO_ERROR"
        send.release()
        assert context.error == "GL_NO_ERROR"


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_in_flight_is_not_written_over(context: moderngl.Context, way: str) -> None:
    """Many are sent before the first is looked at."""
    with context:
        send = open_upload(context, way)
        textures = [context.texture((512, 512), 3, alignment=1) for _ in range(8)]
        for level, texture in enumerate(textures):
            send.write(texture, np.full((512, 512, 3), level, np.uint8))
        for level, texture in enumerate(textures):
            assert set(texture.read(alignment=1)) == {level}
        send.release()


def test_the_show_takes_the_way_it_is_told(
    context: moderngl.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Frame(0.0, np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setenv("VJGAN_UPLOAD", "buffers")
    with context:
        frames = Frames(context)
        frames.uploaded(Picture(picture, picture))
        assert isinstance(frames._upload, Buffers)
        frames.release()
        monkeypatch.setenv("VJGAN_UPLOAD", "teleport")
        with pytest.raises(DeviceError, match="'teleport' is none of direct, buffers, mapped"):
            Frames(context)


def test_what_is_not_possible_is_told(
    context: moderngl.Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> None:
        raise OSError("it has no glBufferStorage")

    caplog.set_level(logging.WARNING, "vjgan")
    with context:
        monkeypatch.setattr(upload, "_finder", none)
        assert isinstance(open_upload(context, "mapped"), Buffers)
    (said,) = caplog.records
    assert said.getMessage() == (
        "upload 'mapped' is not possible: it has no glBufferStorage; 'buffers' is taken"
    )
