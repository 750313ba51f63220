"""Pictures of presets that were never played."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import wait_until
from PIL import Image

from vjgan.remote.pictures import Thumbnails
from vjgan.thumbnails import BEGIN_SECONDS, Illustrator


def preset(folder: Path) -> Path:
    """A preset of a picture alone: red above, blue below."""
    pixels = np.zeros((36, 64, 3), np.uint8)
    pixels[:18, :, 0] = pixels[18:, :, 2] = 220
    Image.fromarray(pixels).save(folder / "flag.png")
    path = folder / "01-flag.toml"
    path.write_text('model = "none"\n[layers.flag]\nsource = "image:flag.png"\n')
    return path


def test_a_preset_that_was_never_played_gets_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)  # it draws without one as well
    path, broken = preset(tmp_path), tmp_path / "02-broken.toml"
    broken.write_text('model = "no such"\n')
    thumbnails = Thumbnails(tmp_path / "cache")
    began = time.monotonic()
    illustrator = Illustrator(
        tmp_path / "cache", now=lambda: BEGIN_SECONDS * 2 * (time.monotonic() > began + 0.2)
    )
    illustrator.wish([path])
    assert illustrator._process is None  # the show is just beginning
    time.sleep(0.3)
    illustrator.wish([path, broken])
    first = illustrator._process
    assert first is not None
    illustrator.wish([path])
    assert illustrator._process is first  # one at a time
    wait_until(lambda: first.poll() is not None, 120.0, "the pictures")
    data = thumbnails.read(thumbnails.name(path))
    assert data is not None and thumbnails.read(thumbnails.name(broken)) is None
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)
    assert picture.shape == (180, 320, 3)
    assert picture[20, 160] == pytest.approx((220, 0, 0), abs=12)
    assert picture[160, 160] == pytest.approx((0, 0, 220), abs=12)
    illustrator.wish([broken])
    assert illustrator._process is first  # it has been tried
    illustrator.close()


def test_the_process_ends_with_the_show(tmp_path: Path) -> None:
    times = iter((0.0, BEGIN_SECONDS * 2))
    illustrator = Illustrator(tmp_path / "cache", now=lambda: next(times))
    illustrator.wish([preset(tmp_path)])
    assert illustrator._process is not None
    illustrator.close()
    assert illustrator._process.poll() is not None
