"""A training in miniature, whole: it learns, stops, goes on exactly, shares its work, and plays."""

from __future__ import annotations

import csv
import importlib.util
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from albums import fill
from conftest import Venue
from PIL import Image
from torch import Tensor

from vjgan.errors import DeviceError, ModelError, VjganError
from vjgan.generator import official, pickles
from vjgan.generator.checkpoint import load, save
from vjgan.generator.openvino import has_bf16
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.train import state
from vjgan.train.curve import plot, read_curve, write_curve
from vjgan.train.features import PACKAGE
from vjgan.train.indicators import Easel, Indicators
from vjgan.train.options import Options, Pulse, out_of_memory_words
from vjgan.train.origin import start_from
from vjgan.train.precision import Precision
from vjgan.train.prepare import pictures_of, read
from vjgan.train.session import look, train

SETTINGS: tuple[tuple[str, Any], ...] = (("batch", 8), ("precision", "fp32"), ("gamma", 0.02))


def quiet(pulse: Pulse) -> None:
    pass


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("train") / "art", 24, 32)


def options(art: Path, output: Path, **changes: Any) -> Options:
    usual = Options(art, output, size=16, width=128, kimg=0.16, measure=0.0, asked=SETTINGS)
    return replace(usual, **changes)


def kept(output: Path) -> dict[str, Tensor]:
    return state.read(output / "state.safetensors")[0]


@pytest.fixture(scope="module")
def whole(art: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of twenty steps, not interrupted."""
    torch.set_num_threads(1)
    output = tmp_path_factory.mktemp("whole")
    train(options(art, output), quiet)
    return output


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_an_interrupted_training_goes_on_exactly(art: Path, whole: Path, tmp_path: Path) -> None:
    def interrupt(pulse: Pulse) -> None:
        if pulse.seen == 72:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(options(art, tmp_path), interrupt)
    about = state.read(tmp_path / "state.safetensors")[1]
    assert about["progress"]["seen"] == 80  # the step in hand is finished, and kept
    assert not same(kept(tmp_path), kept(whole))
    train(options(art, tmp_path), quiet)
    assert same(kept(tmp_path), kept(whole))
    assert [row["kimg"] for row in read_curve(tmp_path / "curve.csv", 1.0)] == [0.08, 0.16]


def test_two_processes_learn_what_one_does(art: Path, whole: Path, tmp_path: Path) -> None:
    words = (
        *("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"),
        *("--standalone", "-m", "vjgan", "train", art, "-o", tmp_path, "--size", 16),
        *("--width", 128, "--kimg", 0.16, "--measure", 0, "--batch", 8),
        *("--precision", "fp32", "--gamma", 0.02),
    )
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, timeout=220
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours, alone = kept(tmp_path), kept(whole)
    assert ours.keys() == alone.keys()
    for key in ours:
        if key.startswith(("network", "average", "discriminator")):
            assert torch.allclose(ours[key], alone[key], atol=2e-3, rtol=1e-2), key
    weights = [key for key in ours if key.startswith("network") and key.endswith("weight")]
    apart = sum(float((ours[key] - alone[key]).square().sum()) for key in weights)
    torch.manual_seed(0)
    first = StyleGAN2(start_from(whole).network.config).state_dict()
    moved = sum(
        float((alone[key] - first[key.removeprefix("network.")]).square().sum()) for key in weights
    )
    assert apart < 1e-4 * moved


def test_a_miniature_learns_the_colours_of_its_pictures(art: Path, tmp_path: Path) -> None:
    lost: list[float] = []
    torch.manual_seed(0)
    sunsets = tmp_path / "sunsets"
    sunsets.mkdir()
    for k, path in enumerate(sorted(art.iterdir())):
        picture = np.asarray(Image.open(path)).astype(float)
        warm = picture * [0.5, 0.25, 0.1] + [120, 40, 0]
        Image.fromarray(warm.clip(0, 255).astype(np.uint8)).save(sunsets / f"{k}.png")
    output = tmp_path / "out"

    def watch(pulse: Pulse) -> None:
        lost.append(pulse.loss)

    begin = options(sunsets, output, kimg=0.008, every=0.0)
    train(begin, watch)
    before = np.asarray(Image.open(output / "sheets" / "000000.png")).astype(float)
    train(replace(begin, kimg=1.2, every=60.0), watch)
    after = np.asarray(Image.open(output / "sheets" / "000001.png")).astype(float)
    prepared = read(output / "data")
    assert prepared is not None
    wanted = pictures_of(output / "data", prepared).mean((0, 1, 2))
    far, near = (np.abs(sheet.mean((0, 1)) - wanted).mean() for sheet in (before, after))
    assert near < 0.6 * far
    assert np.mean(lost[6:9]) < np.mean(lost[:3])  # the discriminator's falls before they struggle


def test_a_model_of_another_training_is_taken_over(art: Path, whole: Path, tmp_path: Path) -> None:
    start = start_from(whole)
    assert start.discriminator is not None and start.average is not None
    train(options(art, tmp_path / "on", init=whole, size=None, kimg=0.008), quiet)
    about = state.read(tmp_path / "on" / "state.safetensors")[1]
    assert about["settings"]["augment_kimg"] == 100.0
    train(options(art, tmp_path / "model", init=whole / "model.safetensors", kimg=0.0), quiet)
    with pytest.raises(ModelError, match=r"16 pixels, not of 32; give --size 16"):
        train(options(art, tmp_path / "large", init=whole, size=32), quiet)
    with pytest.raises(ModelError, match="holds no training"):
        start_from(tmp_path)


def test_subfolders_become_classes_that_can_be_played(art: Path, tmp_path: Path) -> None:
    fill(tmp_path / "art" / "a", 6, 32)
    fill(tmp_path / "art" / "b", 6, 32, first=40)
    output = tmp_path / "out"
    train(options(tmp_path / "art", output, classes=True, kimg=0.016), quiet)
    assert load(output / "model.safetensors").info.config.c_dim == 2
    with pytest.raises(VjganError, match="with --size 16, not --size 32"):
        train(options(tmp_path / "art", output, classes=True, size=32), quiet)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"asked": (("batch", 4),)}, "with --batch 8, not --batch 4"),
        ({"asked": (("augment_kimg", 0.0),)}, "with augmentation, not --no-augment"),
        ({"asked": (("mirror", True),)}, "with --no-mirror, not --mirror"),
        ({"width": 256}, "with --width 128, not --width 256"),
        ({"size": 32}, "with --size 16, not --size 32"),
        ({"init": Path("other.safetensors")}, "with no --init, not --init other.safetensors"),
        ({"classes": True}, "holds a training without classes"),
    ],
)
def test_settings_cannot_change_under_way(
    art: Path, whole: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(VjganError, match=re.escape(said)):
        train(options(art, whole, kimg=1.0, **changes), quiet)


def test_what_was_chosen_stays_when_it_goes_on(art: Path, whole: Path, tmp_path: Path) -> None:
    chosen = {"licence": "CC-BY-4.0", "keep": frozenset({"duplicate"}), "init": whole}
    twice = shutil.copytree(art, tmp_path / "twice")
    shutil.copy(next(twice.iterdir()), twice / "again.png")
    count = len(list(twice.iterdir()))
    output = tmp_path / "out"
    train(options(twice, output, kimg=0.008, **chosen), quiet)
    train(options(twice, output, kimg=0.016), quiet)
    prepared, model = read(output / "data"), load(output / "model.safetensors").info
    assert prepared is not None and prepared.count == count
    assert (
        model.licence == "CC-BY-4.0" and model.origin == f"Trained by vjgan on from {whole.name}."
    )
    train(options(twice, output, kimg=0.024, **chosen), quiet)  # the same words again
    on = tmp_path / "on"
    train(options(art, on, kimg=0.008, init=output / "model.safetensors"), quiet)
    assert load(on / "model.safetensors").info.licence == "CC-BY-4.0"
    with pytest.raises(VjganError, match="--width 256 is for new networks"):
        train(options(art, tmp_path / "new", init=whole, width=256), quiet)


def test_classes_cannot_be_renamed_under_way(tmp_path: Path) -> None:
    for k, name in enumerate("ab"):
        fill(tmp_path / "art" / name, 6, 32, first=40 * k)
    asked = options(tmp_path / "art", tmp_path / "out", classes=True, kimg=0.008)
    train(asked, quiet)
    (tmp_path / "art" / "a").rename(tmp_path / "art" / "z")
    with pytest.raises(VjganError, match=r"of the classes a, b, but .* has b, z"):
        train(replace(asked, kimg=0.016), quiet)


def test_two_do_not_train_in_one_folder(art: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def meanwhile(pulse: Pulse) -> None:
        for begin in (train, look):
            with pytest.raises(VjganError) as refused:
                begin(options(art, tmp_path), quiet)  # type: ignore[arg-type]
            said.append(str(refused.value))

    train(options(art, tmp_path, kimg=0.008), meanwhile)
    assert set(said) == {
        f"in '{tmp_path}' a training is going on; wait for it, end it, or give another -o"
    }
    assert len(said) == 2


def test_a_training_among_its_pictures_learns_nothing_of_itself(tmp_path: Path) -> None:
    fill(tmp_path, 9, 32)
    for kimg in (0.008, 0.016):
        train(options(tmp_path, tmp_path / "out", kimg=kimg), quiet)
        prepared = read(tmp_path / "out" / "data")
        assert prepared is not None and prepared.read == 9
    assert list((tmp_path / "out" / "sheets").iterdir())
    with pytest.raises(VjganError, match="is where the pictures are; give another folder"):
        train(options(tmp_path, tmp_path), quiet)


def test_a_training_of_no_pictures_can_be_played(art: Path, tmp_path: Path) -> None:
    train(options(art, tmp_path, kimg=0.0), quiet)
    assert load(tmp_path / "model.safetensors").info.config.resolution == 16


def test_a_licence_that_does_not_fit_is_refused(art: Path, tmp_path: Path) -> None:
    for text in ("x" * 501, "two\nlines"):
        with pytest.raises(VjganError, match="is not one line of at most 500 letters"):
            train(options(art, tmp_path, licence=text), quiet)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_the_state_is_safe(art: Path, tmp_path: Path, number: int) -> None:
    def end(pulse: Pulse) -> None:
        if pulse.seen == 16:
            signal.raise_signal(number)

    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            train(options(art, tmp_path), end)
    finally:
        signal.signal(number, before)
    assert state.read_about(tmp_path / "state.safetensors")["progress"]["seen"] == 24


def test_a_training_may_outlast_its_terminal(art: Path, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        train(options(art, tmp_path, kimg=0.024), lambda _: signal.raise_signal(signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert state.read_about(tmp_path / "state.safetensors")["progress"]["seen"] == 24


def test_a_full_disk_is_one_sentence_and_the_last_state_stays(
    art: Path, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "state.safetensors"
    state.write(path, {"a": torch.zeros(9)}, {"number": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(ModelError, match="does not fit on the disk; the last good one stays"):
            state.write(path, {"a": torch.zeros(100_000)}, {"number": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    tensors, about = state.read(path)
    assert len(tensors["a"]) == 9 and about == {"number": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]


def test_killed_while_it_writes_the_last_state_stays(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, torch\n"
        "from pathlib import Path\n"
        "from vjgan.train import state\n"
        "path = Path(sys.argv[1])\n"
        "state.write(path, {'a': torch.zeros(9)}, {'number': 1})\n"
        "os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n"
        "state.write(path, {'a': torch.ones(90_000)}, {'number': 2})\n"
    )
    path = tmp_path / "state.safetensors"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, timeout=100)
    assert done.returncode == -signal.SIGKILL
    assert path.with_name(".state.safetensors.part").exists()
    assert state.read(path)[1] == {"number": 1}
    state.write(path, {"a": torch.ones(3)}, {"number": 3})
    assert state.read(path)[1] == {"number": 3}


def test_what_is_no_state_is_one_sentence(art: Path, whole: Path, tmp_path: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read"):
        state.read(tmp_path / "state.safetensors")
    with pytest.raises(ModelError, match="is not the state of a training"):
        state.read(whole / "model.safetensors")
    tensors, about = state.read(whole / "state.safetensors")
    odd: list[dict[str, Any]] = [
        {key: value for key, value in about.items() if key != "settings"},
        about | {"config": about["config"] | {"resolution": 10**9}},
        about | {"settings": about["settings"] | {"new": 1}},
        about | {"chosen": []},
        about | {"progress": {"new": 1}},
    ]
    for one in odd:
        state.write(tmp_path / "state.safetensors", tensors, one)
        with pytest.raises(ModelError, match=r"state|resolution 1000000000 is outside"):
            train(options(art, tmp_path), quiet)


def test_too_little_memory_says_what_to_lower(art: Path, tmp_path: Path) -> None:
    asked = options(art, tmp_path, asked=(("batch", 64),))
    with (
        pytest.raises(DeviceError, match=r"not enough memory for --batch 64; lower it to 32"),
        out_of_memory_words(asked),
    ):
        torch.empty(1 << 58)


def test_a_batch_that_cannot_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    from vjgan.train.peers import Peers

    peers = Peers(torch.device("cpu"))
    peers.count = 3
    with pytest.raises(DeviceError, match=r"--batch 8 is not a multiple of 12, for 3 processes"):
        peers.share(8, 4)


def test_the_curve_forgets_what_was_lost_and_can_be_seen(tmp_path: Path) -> None:
    rows = [{"kimg": float(k), "kid": 1.0 / (k + 1), "r_t": 0.1 * k} for k in range(5)]
    rows[3].pop("kid")
    write_curve(tmp_path, rows)
    with (tmp_path / "curve.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["kid"] for row in table] == ["1", "0.5", "0.333333", "", "0.2"]
    again = read_curve(tmp_path / "curve.csv", 2.0)
    assert again == [pytest.approx(row, abs=1e-5) for row in rows[:3]]
    empty, full = np.asarray(plot([])), np.asarray(plot(rows))
    assert (empty != full).sum() > 500
    assert read_curve(tmp_path / "gone.csv", 1.0) == []


def test_a_model_from_a_training_is_played_in_a_film(
    venue: Venue, whole: Path, tmp_path: Path
) -> None:
    model, film = whole / "model.safetensors", tmp_path / "film.mp4"
    words = ("render", "demo", "-o", film, "--model", model, "--size", "160x90", "--fps", "5")
    done = subprocess.run(
        [sys.executable, "-m", "vjgan", *map(str, words), "--from", "30", "--to", "31"],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert film.stat().st_size > 1000
    about = load(model).info
    assert about.trained and about.training_set == "art, 24 pictures"


def test_the_discriminator_of_another_program_is_taken_over() -> None:
    path = Path(__file__).parent / "reference" / "sg2ada_64_cond10.pkl"
    start = start_from(path)
    assert start.discriminator is not None
    tree: Any = pickles.read(path)
    arrays, _ = official.flatten(tree["D"])
    ours = start.discriminator.state_dict()
    for name, theirs in (
        ("from_rgb.weight", "b64.fromrgb.weight"),
        ("blocks.0.conv1.bias", "b64.conv1.bias"),
        ("blocks.3.skip.weight", "b8.skip.weight"),
        ("conv.weight", "b4.conv.weight"),
        ("dense.weight", "b4.fc.weight"),
        ("out.bias", "b4.out.bias"),
        ("class_map.layers.7.weight", "mapping.fc7.weight"),
    ):
        assert np.array_equal(ours[name].numpy(), arrays[theirs])
    taken = [name for name in arrays if not name.endswith("resample_filter")]
    assert len(ours) == len(taken)
    grey = start_from(path.with_name("sg2ada_32_gray_map8_fp32.pkl"))
    assert grey.discriminator is not None and grey.discriminator.class_map is None


def test_the_model_says_how_near_bf16_comes(whole: Path) -> None:
    near = load(whole / "model.safetensors").info.bf16_db
    assert 20.0 < near < 100.0 if has_bf16() else near == 0.0


def test_a_stylegan3_is_no_start(tmp_path: Path) -> None:
    from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config

    config = StyleGAN3Config(resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8)
    path = tmp_path / "three.safetensors"
    save(path, StyleGAN3(config), name="three", licence="", origin="", trained=False)
    with pytest.raises(ModelError, match="is a StyleGAN3; a training starts from a StyleGAN2"):
        start_from(path)
    grey = StyleGAN2Config(
        resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8, img_channels=1
    )
    save(path, StyleGAN2(grey), name="grey", licence="", origin="", trained=False)
    with pytest.raises(ModelError, match="1 colour channels, not 3"):
        start_from(path).fit(16, 0)


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"needs {PACKAGE}")
def test_indicators_tell_what_is_learned_from_what_is_not(art: Path, whole: Path) -> None:
    prepared = read(whole / "data")
    assert prepared is not None
    pictures = pictures_of(whole / "data", prepared)
    network = load(whole / "model.safetensors").network
    assert isinstance(network, StyleGAN2)
    easel = Easel(network, [], 0, Precision())
    indicators = Indicators(pictures, 0, count=32)
    found = indicators.measure(easel)
    assert found.keys() == {"kid", "kid_deviation", "fid", "ppl"}
    assert found == indicators.measure(easel)  # of the same latents each time
    assert found["kid"] > 10 * found["kid_deviation"] > 0  # twenty steps are not enough
    assert found["fid"] > 0 and found["ppl"] > 0
