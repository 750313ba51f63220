"""What comes from outside: odd files of pictures, films and sounds, and shaders of one's own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import wave
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from conftest import Venue
from pictures import light, ramp, still, tick
from PIL import Image

from vjgan.assets import folder
from vjgan.bank import Bank
from vjgan.bank.portrait import Portrait
from vjgan.camera.align import Placement, _reduced
from vjgan.errors import BankError, MediaError, ModelError, PresetError, ShaderError
from vjgan.film import FilmSettings, film
from vjgan.gallery.sheet import Sample, Sheet
from vjgan.generator.checkpoint import find_model
from vjgan.media.sounds import open_sound
from vjgan.pictures import open_picture
from vjgan.screen.isf.header import read_isf
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.sitting import Sitting
from vjgan.sources import Wish, open_source
from vjgan.stage import Stage
from vjgan.stock import make_library

BEAT: Any = SimpleNamespace(position=0.0)


def quiet(total: int, name: str) -> Any:
    return nullcontext(lambda done: None)


def picture_of(path: Path) -> np.ndarray:
    """What a layer shows of a file, [h, w, 3]."""
    source = open_source(Wish("image", str(path)), live=False)
    frame = source.read(BEAT, SimpleNamespace(dt=0.0, time=0.0), 1.0)  # type: ignore[arg-type]
    assert frame is not None
    return np.asarray(frame.image[..., :3])


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int32])
def test_a_layer_of_many_bits_keeps_its_greys(tmp_path: Path, dtype: type) -> None:
    most = 1.0 if dtype is np.float32 else 65535
    grey = np.linspace(0, most, 4096).reshape(64, 64).astype(dtype)
    Image.fromarray(grey).save(tmp_path / "a.tiff")
    seen = picture_of(tmp_path / "a.tiff")
    assert seen.mean() == pytest.approx(127.5, abs=1.0) and len(np.unique(seen)) > 250


def test_no_picture_runs_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, gs = tmp_path / "ran", tmp_path / "gs"
    gs.write_text(f"#!/bin/sh\ntouch {ran}\n")
    gs.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(MediaError, match="it is no picture that can be read"):
        picture_of(tmp_path / "a.png")
    with pytest.raises(OSError, match="cannot identify"):
        open_picture(str(tmp_path / "a.png"))
    assert not ran.exists()


def clip(path: Path, first: int = 0, **options: Any) -> Path:
    """Ten frames, each brighter than the one before, of which the first is number ``first``."""
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for k in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * k, np.uint8))
            frame.pts, frame.time_base = k + first, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "first", "options"),
    [
        ("late.mkv", 3000, {}),
        ("untold.mkv", 0, {"container_options": {"live": "1"}}),
        ("raw.h264", 0, {}),
    ],
)
def test_a_video_goes_round_whatever_its_file_tells(
    tmp_path: Path, name: str, first: int, options: dict[str, Any]
) -> None:
    source = open_source(Wish("video", str(clip(tmp_path / name, first, **options))), live=False)
    seen = []
    for _ in range(25):
        frame = source.read(BEAT, SimpleNamespace(dt=1 / 30, time=0.0), 1.0)  # type: ignore[arg-type]
        assert frame is not None
        seen.append(float(frame.image[..., :3].mean()))
    source.close()
    falls = [k for k in range(1, 25) if seen[k] < seen[k - 1] - 100]
    assert len(falls) == 2 and 9 <= falls[1] - falls[0] <= 12  # raw ones are taken for 25 a second


def test_no_film_takes_the_place_of_a_clip_in_it(tmp_path: Path) -> None:
    before = clip(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "p.toml").write_text('model = "none"\n[layers.one]\nsource = "video:a.mp4"\n')
    settings = FilmSettings(
        "demo", tmp_path / "a.mp4", str(tmp_path / "p.toml"), size=(64, 64), end=Fraction(1, 5)
    )
    with pytest.raises(MediaError, match=r"a\.mp4' is the very file that is read"):
        film(settings, quiet)
    assert (tmp_path / "a.mp4").read_bytes() == before


def test_a_sound_of_hardly_any_samples_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 1, 0, "NONE", ""))
        file.writeframes(bytes(10))
    with pytest.raises(MediaError, match=r"1 samples a second are outside 1000\.\.1536000"):
        open_sound(tmp_path / "a.wav")


def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path: Path) -> None:
    library, preset = make_library(), tmp_path / "p.toml"
    for place in ("~nobody-is-called-so/a.png", "x" * 300, f"{'y' * 300}.png"):
        preset.write_text(f'model = "none"\n[layers.one]\nsource = "image:{place}"\n')
        with pytest.raises(PresetError, match="there is no file"):
            library.preset(preset)
    for name in ("~nobody-is-called-so/a", "x" * 300):
        with pytest.raises(ModelError, match="is neither a file nor a bundled model"):
            find_model(name, folder("models"))
    name, bank = "\U00020000" * 64, Bank(tmp_path / "bank")
    with pytest.raises(BankError, match="is not in the bank"):
        bank.get(name)
    with pytest.raises(BankError, match="1 to 64 letters"):
        bank.add(Portrait(name, np.zeros(8, np.float32), "alive", "0" * 64, "projected"))


def test_an_isf_file_whose_progress_is_a_picture_is_no_transition(tmp_path: Path) -> None:
    inputs = ", ".join(
        f'{{"NAME": "{name}", "TYPE": "image"}}' for name in ("progress", "startImage", "endImage")
    )
    (tmp_path / "a.fs").write_text(f'/*{{"INPUTS": [{inputs}]}}*/\nvoid main() {{}}\n')
    assert read_isf(tmp_path / "a.fs").kind != "transition"


def test_a_strip_of_a_picture_is_no_error() -> None:
    strip = np.zeros((3000, 1, 3), np.uint8)
    near, _ = _reduced(strip, Placement(0.5, 1500.0, 3000.0, 0.0), 23)
    assert near.shape[2] == 3 and near.size


# The gallery's sheet.


def sample(seed: int) -> Sample:
    return Sample(seed, 1.5, 0.9, np.zeros(768, np.float32))


def test_a_sample_that_is_drawn_again_keeps_what_hands_have_made_of_it(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path / "a.sheet")
    one = sample(7)
    sheet.add(one, b"first")
    sheet.mark(replace(one, rejected=True, tags=("friday",), name="nora"))
    sheet.add(sample(7), b"second")
    (kept,) = sheet.samples()
    assert (kept.rejected, kept.tags, kept.name) == (True, ("friday",), "nora")
    assert sheet.picture(7) == b"second"


def test_a_sheet_with_a_damaged_row_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.sheet"
    sheet = Sheet(path)
    sheet.add(sample(7), b"first")
    sheet.close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE samples SET tags = CAST(x'ff' AS TEXT)")
    file.close()
    assert Sheet(path).samples() == [] and "is set aside" in caplog.text


# Shaders of one's own.


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder("shaders"), tmp_path / "shaders"))


@pytest.mark.parametrize("declared", ["vec3 tint", "int tint", "float tint[4]"])
def test_a_uniform_that_is_no_number_is_refused(venue: Venue, copied: Path, declared: str) -> None:
    use = "float(tint)" if "int " in declared else "tint[1]"
    text = f"uniform {declared};\nvec4 effect(vec2 uv) {{ return vec4({use}); }}\n"
    (copied / "mine.frag").write_text(text)
    with pytest.raises(ShaderError, match=r"mine\.frag': uniform 'tint.*' must be a float"):
        OffscreenScreen((160, 90), shader_dir=copied)


def test_what_is_no_number_does_not_outlast_its_shader(venue: Venue, copied: Path) -> None:
    path = copied / "posterise.frag"
    good = path.read_text()
    screen = OffscreenScreen((160, 90), live=True, shader_dir=copied, flash_limit=False)
    clock = 0.0

    def save(text: str, frames: int) -> np.ndarray:
        nonlocal clock
        path.write_text(text)
        clock += 1.0
        os.utime(path, (clock, clock))
        for _ in range(frames):
            clock += 1.0
            controls = light("posterise", "melt", "bloom", time=clock)
            screen.show(still(ramp(160, 90)), controls, tick(clock, 1.0))
        return np.asarray(screen.image())

    before = save(good, 5)
    bad = save("vec4 effect(vec2 uv) { return vec4(sqrt(-1.0 - uv.x)); }", 5)
    after = save(good, 40)
    screen.close()
    assert bad.mean() < 20.0 and after.mean() > 0.8 * before.mean()


# A sitter before the camera.


class Nobody:
    """A camera that sees nothing more, and what would improve on it."""

    looks = True

    def look(self, looks: bool) -> None:
        self.looks = looks

    def want(self, wish: object) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to end."""


def test_a_sitter_is_forgotten_whose_portrait_is_still_being_kept(tmp_path: Path) -> None:
    library, bank = make_library(), Bank(tmp_path / "bank")
    stage = Stage(library.scene(library.find("00-sitters")))
    nobody: Any = Nobody()
    sitting = Sitting(nobody, None, nobody, stage, bank, lambda scene: None)
    sitting._scene, sitting._path = stage.scene, folder("models") / "portraits.safetensors"
    sitting._w = stage.scene.generator.space.w_mean.copy()
    for again in (False, True):
        sitting.do("capture")
        if again:
            sitting._keeping[-1].join(60.0)
            assert bank.get("sitter").verdict == "kept"
        sitting.do("forget")
        for keeping in sitting._keeping:
            keeping.join(60.0)
        assert bank.names() == []
    sitting.close()
    stage.close()
