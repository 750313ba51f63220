"""The encoder: what its networks learn from is cut out as what they are shown, they play as they
were taught, and teaching stops and resumes exactly."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vjgan.assets import folder
from vjgan.camera.align import Placement, cut, strip
from vjgan.camera.geometry import MEASURES
from vjgan.camera.reader import Reader, expand
from vjgan.errors import ModelError, VjganError
from vjgan.train import sitter
from vjgan.train.encoder import Trainer, look
from vjgan.train.encoding import EYES, FACE, PARTS, Encoder, Part, export
from vjgan.train.joined import find_share, taught
from vjgan.train.places import find_places, fit_places
from vjgan.train.shards import Shard, write_shard
from vjgan.train.sightings import Sightings, placements

MODEL = folder("models") / "portraits.safetensors"
needs_engine = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="networks are run by openvino"
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pictures of coarse noise and four held out, with marks and vectors."""
    root = tmp_path_factory.mktemp("shards")
    chance = np.random.default_rng(8)
    for first, count in ((0, 16), (900000, 4)):
        coarse = chance.integers(0, 255, (count, 12, 12, 3), np.uint8)
        pictures = [Image.fromarray(x).resize((128, 128), Image.Resampling.BICUBIC) for x in coarse]
        marks = np.array([[0.62, 0.46], [0.38, 0.48], [0.51, 0.75]], np.float32)
        marks = marks + chance.normal(0, 0.02, (count, 3, 2)).astype(np.float32)
        shard = Shard(sitter.draw(first, count), np.stack([np.asarray(x) for x in pictures]), marks)
        write_shard(root / f"{first:06d}.npz", shard)
    return root


def test_a_strip_holds_eyes_and_brows_however_a_head_is_tilted() -> None:
    face = Placement(100.0, 80.0, 64.0, 0.4)
    eyes = strip(face)
    assert eyes.side == 32.0
    assert eyes.angle == 0.4
    way = np.array([eyes.x - face.x, eyes.y - face.y])
    up = np.array([np.sin(0.4), -np.cos(0.4)])
    assert way @ up == pytest.approx(0.05 * 64.0)
    assert way @ np.array([np.cos(0.4), np.sin(0.4)]) == pytest.approx(0.0, abs=1e-9)


def test_rows_are_the_middle_of_the_square() -> None:
    chance = np.random.default_rng(2)
    coarse = Image.fromarray(chance.integers(0, 255, (12, 16, 3), np.uint8))
    image = np.array(coarse.resize((320, 240), Image.Resampling.BICUBIC))
    place = Placement(150.0, 110.0, 90.0, 0.2)
    assert np.array_equal(cut(image, place, 80, 32), cut(image, place, 80)[24:56])


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_what_a_part_learns_from_is_what_the_camera_cuts_out(part: Part, shards: Path) -> None:
    sightings = Sightings(shards, part)
    x, _ = sightings.get(torch.arange(16))
    learnt = sightings.cut(x, sightings.straight(16)).permute(0, 2, 3, 1).numpy()
    with np.load(shards / "000000.npz") as shard:
        pictures, places = shard["pictures"], placements(shard["marks"])
    for k in range(16):
        face = Placement(*(128 * float(v) for v in places[k, :3]), float(places[k, 3]))
        place = strip(face) if part is EYES else face
        seen = cut(pictures[k], place, part.width, part.height) / 255
        assert learnt[k].shape == seen.shape == (part.height, part.width, 3)
        # Twice resampled against once: softer, and at the same places.
        assert np.abs(learnt[k] - seen).mean() < 0.02
        assert np.corrcoef(learnt[k].ravel(), seen.ravel())[0, 1] > 0.99


def made(out: Path) -> list[Encoder]:
    """An encoder of networks that were taught nothing, written to ``out``."""
    torch.manual_seed(4)
    networks = [Encoder(part).eval() for part in PARTS.values()]
    for network in networks:
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0.0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    n = len(sitter.NAMES)
    geometry = {
        "canonical": np.zeros((468, 3), np.float32),
        "mean": np.zeros(MEASURES, np.float32),
        "spread": np.ones(MEASURES, np.float32),
        "weight": np.zeros((n, len(expand(np.zeros(MEASURES, np.float32)))), np.float32),
        "bias": np.zeros(n, np.float32),
        "share": np.zeros(n, np.float32),
        "eyes_share": np.zeros(n, np.float32),
        "places": np.zeros((1, 6), np.float32),
    }
    geometry["eyes_share"][EYES.numbers] = 0.75
    export(networks, geometry, MODEL, out, 0)
    return networks


def words_of(path: Path) -> dict[str, str]:
    """What a file says of itself."""
    with safe_open(path, "np") as file:
        return dict(file.metadata())


@needs_engine
def test_networks_play_as_they_were_taught(shards: Path, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    face, eyes = made(path)
    reader = Reader(path)
    image = np.random.default_rng(1).integers(0, 255, (96, 96, 3), np.uint8)
    square = Placement(50.0, 47.0, 64.0)
    told = reader.look(image, square)
    wanted = []
    for network, place in ((face, square), (eyes, strip(square))):
        part = network.part
        picture = cut(image, place, part.width, part.height).transpose(2, 0, 1)
        with torch.no_grad():
            wanted.append(network(torch.from_numpy(picture[None].copy()) / 255)[0].numpy())
    expected = wanted[0].copy()
    expected[EYES.numbers] += 0.75 * (wanted[1] - expected[EYES.numbers])
    assert np.abs(told - expected).max() < 0.01 * np.abs(expected).max()  # half precision


@needs_engine
def test_an_encoder_without_eyes_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    made(path)
    about = words_of(path)
    weights = {k: v for k, v in load_file(path).items() if not k.startswith("eyes.")}
    save_file(weights, path, about)
    with pytest.raises(ModelError, match=r"lacks the weights 'eyes\."):
        Reader(path)
    save_file(weights, path, {k: v for k, v in about.items() if k != "eyes_size"})
    with pytest.raises(ModelError, match="lacks the weights 'eyes_size'"):
        Reader(path)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_teaching_resumes_exactly(part: Part, shards: Path, tmp_path: Path) -> None:
    def trainer(name: str) -> Trainer:
        (tmp_path / name).mkdir(exist_ok=True)
        return Trainer(tmp_path / name, shards, shards, MODEL, 4, part)

    whole, parts = trainer("whole"), trainer("parts")
    for _ in range(4):
        whole.step()
    for _ in range(2):
        parts.step()
    parts.save()
    again = trainer("parts")
    assert again.steps == 2
    for _ in range(2):
        again.step()
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[name]), name
    r2, distance = again.judge()
    assert r2.shape == (len(part.tells),)
    assert (distance is None) == (part is EYES)


def test_places_follow_the_head(shards: Path) -> None:
    """Marks that are made as the renderer makes them, linear in what ``embed`` tells, come back."""
    p = sitter.draw(12, 600)
    values = sitter.embed(p)
    chance = np.random.default_rng(3)
    marks = 0.5 + values @ chance.normal(0, 0.02, (values.shape[1], 6))
    marks = marks.reshape(-1, 3, 2).astype(np.float32)
    blank = np.zeros((len(p), 8, 8, 3), np.uint8)
    there = shards / "places"
    there.mkdir()
    write_shard(there / "000000.npz", Shard(p, blank, marks))
    weight = fit_places(there)
    assert find_places(weight, p[:9]) == pytest.approx(marks[:9], abs=1e-3)


def test_what_was_never_taught_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(VjganError, match=r"is not there; python -m .*encoder --part eyes makes it"):
        taught(tmp_path, EYES)


def test_a_network_learns_and_is_judged_by_its_own_numbers(shards: Path) -> None:
    network = Encoder(EYES)
    told, p = look(network, Sightings(shards, EYES), torch.arange(16))
    assert told.shape == (16, len(EYES.tells))
    assert p.shape == (16, len(FACE.tells))
    assert [sitter.NAMES[k] for k in EYES.numbers] == list(EYES.tells)


def test_a_share_is_what_errs_least() -> None:
    chance = np.random.default_rng(6)
    p = chance.normal(size=(4000, 2)).astype(np.float32)
    noise = chance.normal(size=(2, 4000, 2)).astype(np.float32)
    first, second = p + noise[0], p + noise[1] * np.array([0.5, 5.0], np.float32)
    share = find_share(first, second, p)
    # Of independent errors of variance a and b the best share is a / (a + b).
    assert share == pytest.approx([0.8, 1 / 26], abs=0.02)


@needs_engine
def test_an_encoder_that_lies_about_itself_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    made(path)
    about = words_of(path)
    for more in ({"eyes_size": "32"}, {"face_size": "64xwide"}, {"eyes_names": "gaze elbow"}):
        save_file(load_file(path), path, about | more)
        with pytest.raises(ModelError, match=r"encoder '.*' is not what it says it is: "):
            Reader(path)
