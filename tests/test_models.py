"""What ``vjgan model`` does with files of any kind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from vjgan.cli import app
from vjgan.errors import DeviceError, ModelError, VjganError
from vjgan.generator.checkpoint import check_room, info, load, save
from vjgan.generator.metadata import StyleGAN2Config
from vjgan.generator.openvino import has_bf16
from vjgan.generator.runtime import make_runtime
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.stylegan3 import transform
from vjgan.models import check, convert, parse_seeds, sample
from vjgan.stock import describe_model

HERE = Path(__file__).parent / "reference"
COND, ORIG = HERE / "sg2ada_64_cond10.pkl", HERE / "sg2ada_64_orig.pkl"
Arrays = dict[str, np.ndarray]


def changed(tmp_path: Path, change: Callable[[Arrays], object]) -> Path:
    """The reference of ORIG with a change."""
    arrays = dict(np.load(ORIG.with_suffix(".npz"), allow_pickle=False))
    change(arrays)
    path = tmp_path / "ref.npz"
    np.savez(path, **arrays)
    return path


def test_a_converted_model_is_itself(tmp_path: Path) -> None:
    output = tmp_path / "orig.safetensors"
    lines = "\n".join(convert(str(ORIG), output))
    for words in ("StyleGAN2, 64x64, RGB, orig", "StyleGAN2-ADA's", "none.zip", "converted from"):
        assert words in lines
    assert info(ORIG).sha256 in info(output).origin
    halved = tmp_path / "half.safetensors"
    convert(str(output), halved, half=True)
    assert halved.stat().st_size < 0.6 * output.stat().st_size
    assert info(halved).origin == info(output).origin  # the first origin stays
    again = tmp_path / "again.safetensors"
    convert(str(halved), again)  # what fits in fp16 stays there
    assert again.stat().st_size < 1.01 * halved.stat().st_size
    one, other = (load(path).network.state_dict() for path in (halved, again))
    assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert len(list(tmp_path.iterdir())) == 3


def test_a_conversion_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"must end in \.safetensors"):
        convert(str(ORIG), tmp_path / "x.pkl")
    with pytest.raises(ModelError, match="cannot be written"):
        convert(str(ORIG), tmp_path / "no" / "x.safetensors")
    own = tmp_path / "x.safetensors"
    convert(str(ORIG), own)
    with pytest.raises(ModelError, match="is the very file"):
        convert(str(own), own)


def test_a_conversion_may_measure_bf16(tmp_path: Path) -> None:
    output = tmp_path / "x.safetensors"
    if has_bf16():
        assert "dB from fp32 at worst" in "\n".join(convert(str(COND), output, bf16=True))
        assert info(output).bf16_db > 20.0 and info(COND).bf16_db == 0.0
        with pytest.raises(ModelError, match="is a StyleGAN3, which is played in fp32"):
            convert(str(HERE / "sg3t_64.pkl"), tmp_path / "y.safetensors", bf16=True)
    else:
        with pytest.raises(DeviceError, match="does not multiply in bf16"):
            convert(str(COND), output, bf16=True)


def test_a_check_compares(tmp_path: Path) -> None:
    verdict = check(str(ORIG), ORIG.with_suffix(".npz"), "cpu")
    assert verdict.good
    text = "\n".join(verdict.lines)
    for words in ("ms a picture", "MB at most", "3 cases", "max|ours - theirs|", "as played"):
        assert words in text

    def brighter(arrays: Arrays) -> None:
        arrays["k1_image"] = arrays["k1_image"] + 3e-4 * np.abs(arrays["k1_image"]).max()

    def elsewhere(arrays: Arrays) -> None:
        arrays["k2_w"] = arrays["k2_w"] * (1 + 5e-5)

    for change in (brighter, elsewhere):
        assert not check(str(ORIG), changed(tmp_path, change), "cpu").good
    assert check(str(ORIG), device="cpu").good  # without a reference there is nothing to fail


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: arrays.pop("k1_psi"), "lacks k1_psi"),
        (lambda arrays: arrays.update(k0_z=np.zeros((1, 5))), r"k0_z is \[1, 5\], .* \[1, 64\]"),
        (lambda arrays: arrays.update(k0_w=np.full((1, 10, 64), np.nan)), "k0_w .* not finite"),
        (lambda arrays: arrays.update(n=np.array(10**9)), "n 1e[+]09 is outside 1..1000"),
        (lambda arrays: arrays.update(n=np.array([1, 2])), "is not a .npz file of numbers"),
        (lambda arrays: arrays.update(k0_noise_mode="random"), "'random' is not const or none"),
        (lambda arrays: arrays.update(k0_transform=np.eye(3)), "is for a StyleGAN3"),
        (lambda arrays: arrays.update(k0_z=np.array([{}])), "is not a .npz file of numbers"),
    ],
)
def test_a_bad_reference(tmp_path: Path, change: Callable[[Arrays], object], words: str) -> None:
    path = changed(tmp_path, change)
    with pytest.raises(ModelError, match=words) as caught:
        check(str(ORIG), path, "cpu")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_reference_of_absurd_size(tmp_path: Path) -> None:
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 2**10)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(tmp_path / "ref.npz", "w") as archive:
        archive.writestr("n.npy", header.getvalue())
    with pytest.raises(ModelError, match=r"is not a \.npz file"):
        check(str(ORIG), tmp_path / "ref.npz", "cpu")


def test_a_reference_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ref.npz"
    for content in (b"", b"PK\x03\x04" + bytes(60), ORIG.with_suffix(".npz").read_bytes()[:9000]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"is not a \.npz file of numbers, or damaged"):
            check(str(ORIG), path, "cpu")
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        check(str(ORIG), tmp_path / "gone.npz", "cpu")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("n.npy", b"")
        archive.filelist[0].file_size = 2**31 + 1
    with pytest.raises(ModelError, match="unpacks to more than 2 GiB"):
        check(str(ORIG), path, "cpu")


def test_a_sheet_of_samples(tmp_path: Path) -> None:
    def drawn(**words: object) -> np.ndarray:
        settings: dict[str, object] = {"seeds": [7], "psi": 0.7, "label": None}
        sample(str(COND), tmp_path / "x.png", **(settings | words))  # type: ignore[arg-type]
        return np.asarray(Image.open(io.BytesIO((tmp_path / "x.png").read_bytes())))

    one = drawn()
    assert one.shape == (64, 64, 3)
    sheet = drawn(seeds=[3, 4, 5, 6, 7])
    assert sheet.shape == (128, 192, 3)
    assert np.array_equal(sheet[64:, 64:128], one)
    assert not sheet[64:, 128:].any()
    labelled = drawn(label=3)
    assert not np.array_equal(labelled, one)
    assert not np.array_equal(drawn(psi=1.0), one)
    # The seed is the originals': RandomState(seed).randn.
    network = load(COND).network
    z = torch.from_numpy(np.random.RandomState(7).randn(1, 64)).float()
    with torch.no_grad():
        image = network(z, torch.eye(10)[3:4], psi=0.7)[0].permute(1, 2, 0)
    wanted = (image * 127.5 + 128.0).clamp(0, 255).numpy()
    assert np.abs(labelled - wanted).max() < 1.01


def test_a_sheet_that_cannot_be(tmp_path: Path) -> None:
    for label, words in ((10, r"class 10 is outside 0\.\.9"), (-1, "class -1 is outside")):
        with pytest.raises(ModelError, match=words):
            sample(str(COND), tmp_path / "x.png", [0], 0.7, label)
    with pytest.raises(ModelError, match="class 0 is outside no class"):
        sample(str(ORIG), tmp_path / "x.png", [0], 0.7, 0)
    with pytest.raises(VjganError, match=r"must end in \.png"):
        sample(str(COND), tmp_path / "x.gif", [0], 0.7, None)
    assert list(tmp_path.iterdir()) == []


def test_seeds_as_people_write_them() -> None:
    assert parse_seeds("0-3") == [0, 1, 2, 3]
    assert parse_seeds("7, 3,20-22") == [7, 3, 20, 21, 22]
    for text in ("", "a", "5-3", "-4", "1-", "0-400", "4294967296", "1,,2", "9" * 5000):
        with pytest.raises(VjganError, match="--seeds"):
            parse_seeds(text)


def test_the_command_line(tmp_path: Path) -> None:
    def run(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["model", *map(str, words)])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output

    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    assert run("convert", COND, "-o", full)[0] == 0
    assert run("convert", COND, "-o", half, "--half")[0] == 0
    assert half.stat().st_size < 0.6 * full.stat().st_size
    assert "classes     10" in run("info", COND)[1]
    words = ("--seeds", "1-4", "--psi", "0.5", "--class", "2")
    code, said = run("sample", full, "-o", tmp_path / "x.png", *words)
    assert (code, "4 pictures, 128x128" in said) == (0, True)
    npz = COND.with_suffix(".npz")
    code, said = run("check", full, "--against", npz, "--device", "cpu")
    assert (code, said.splitlines()[-1]) == (0, "agrees")
    code, said = run("check", half, "--against", npz, "--device", "cpu")
    assert (code, said.splitlines()[-1]) == (1, "DOES NOT AGREE")


SMALL = StyleGAN2Config(16, 6, 5, 0, 64, 8, 3, 2)


def test_directions_are_kept(tmp_path: Path) -> None:
    path, network = tmp_path / "x.safetensors", StyleGAN2(SMALL)
    directions = {
        "smile": np.arange(5, dtype=np.float32),
        "Age_2-b": np.arange(30, dtype=np.float32).reshape(6, 5),
    }
    about = {"name": "x", "licence": "", "origin": "", "trained": True}
    save(path, network, **about, directions=directions)  # type: ignore[arg-type]
    loaded = load(path)
    assert loaded.directions.keys() == directions.keys()
    for name, direction in directions.items():
        np.testing.assert_array_equal(loaded.directions[name], direction)
    assert "Age_2-b, smile" in "\n".join(loaded.info.lines())
    bad = (
        (" ", np.zeros(5)),
        ("x" * 65, np.zeros(5)),
        ("wide", np.zeros(6)),
        ("w", np.zeros((5, 5))),
    )
    for name, direction in bad:
        with pytest.raises(ModelError, match="direction"):
            save(tmp_path / "y", network, **about, directions={name: direction})  # type: ignore[arg-type]
    assert not (tmp_path / "y").exists()


def test_a_model_larger_than_the_memory(tmp_path: Path) -> None:
    check_room(tmp_path / "x", 1e6)
    with pytest.raises(ModelError, match=r"needs 1000000\.0 GB of memory, of which .* GB are free"):
        check_room(tmp_path / "x", 1e15)


@torch.inference_mode()
def test_a_stylegan3_is_played_where_its_controls_put_it() -> None:
    network = load(HERE / "sg3r_64.pkl").network
    w = np.tile(network.mapping.w_mean.numpy(), (16, 1))
    wanted = network.synthesis(torch.from_numpy(w)[None], transform(0.1, -0.2, 20.0))[0]
    runtime = make_runtime(network, torch.device("cpu"))
    moved = runtime.draw(w, 1.0, {"input.x": 0.1, "input.y": -0.2, "input.turn": 20.0})
    assert float((moved - wanted).abs().max() / wanted.abs().max()) < 1e-4
    still = runtime.draw(w, 1.0, {})
    assert float((still - wanted).abs().max() / wanted.abs().max()) > 0.1


def test_cases_that_need_a_password_are_unreadable(tmp_path: Path) -> None:
    content, path = bytearray(ORIG.with_suffix(".npz").read_bytes()), tmp_path / "ref.npz"
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + flags] |= 1  # encrypted
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"is not a \.npz file"):
        check(str(ORIG), path, "cpu")


def test_a_model_with_its_enlarging_is_told_sampled_and_checked(tmp_path: Path) -> None:
    both, plain = describe_model("portraits@2x"), describe_model("portraits")
    assert both[: len(plain)] == plain
    assert both[len(plain)] == "enlarged    2 times, by a network of its own"
    sample("portraits@2x", tmp_path / "two.png", [3], 0.7, None)
    sample("portraits", tmp_path / "one.png", [3], 0.7, None)
    with Image.open(tmp_path / "two.png") as two, Image.open(tmp_path / "one.png") as one:
        assert two.size == (256, 256) and one.size == (128, 128)
        small = np.asarray(two.resize(one.size, Image.Resampling.BOX), np.float32)
        assert np.abs(small - np.asarray(one, np.float32)).mean() < 4.0
    assert "draws       256x256" in check("portraits@2x").lines


def test_what_only_enlarges_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="only enlarges the pictures of 'portraits'; give that"):
        convert("portraits@2x", tmp_path / "a.safetensors")
