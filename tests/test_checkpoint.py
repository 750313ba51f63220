"""Models in files: what is written comes back, and nothing broken gets in."""

import json
import struct
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from vjgan.errors import ModelError
from vjgan.generator.checkpoint import find_model, info, load, save
from vjgan.generator.space import Ruler
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config

CONFIG = StyleGAN2Config(
    resolution=16, z_dim=6, w_dim=5, channel_base=64, channel_max=8, mapping_layers=2
)
RULER = Ruler(np.full((5, 5), 0.1, np.float32), np.full(5, 0.2, np.float32))


@pytest.fixture(scope="module")
def network() -> StyleGAN2:
    torch.manual_seed(1)
    return StyleGAN2(CONFIG)


@pytest.fixture
def model(network: StyleGAN2, tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save(path, network, name="small", licence="CC0-1.0", origin="a test", trained=True, ruler=RULER)
    return path


@pytest.mark.parametrize(("half", "bound"), [(False, 0.0), (True, 1e-3)])
def test_a_saved_network_comes_back(
    network: StyleGAN2, tmp_path: Path, half: bool, bound: float
) -> None:
    path = tmp_path / "x.safetensors"
    save(path, network, name="x", licence="", origin="", trained=False, ruler=RULER, half=half)
    loaded = load(path)
    with torch.no_grad():
        z = torch.randn(2, CONFIG.z_dim)
        wanted = network(z)
        assert float((loaded.network(z) - wanted).abs().max()) <= bound * float(wanted.abs().max())
    assert loaded.network.config == CONFIG
    assert loaded.ruler is not None
    np.testing.assert_allclose(loaded.ruler.root, RULER.root, rtol=0)
    np.testing.assert_allclose(loaded.ruler.slope, RULER.slope, rtol=0)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, widths=(8, 7, 3), filter=(1.0, 2.0, 1.0), architecture="resnet"),
        replace(CONFIG, noise=False, clamp=256.0, mapping_lr=0.1, mapping_width=7),
        StyleGAN3Config(16, 6, 5, channel_base=64, channel_max=8, num_layers=4, conv_clamp=None),
    ],
    ids=str,
)
def test_every_kind_comes_back(tmp_path: Path, config: StyleGAN2Config | StyleGAN3Config) -> None:
    torch.manual_seed(2)
    made = StyleGAN2(config) if isinstance(config, StyleGAN2Config) else StyleGAN3(config)
    path = tmp_path / "x.safetensors"
    save(path, made, name="x", licence="", origin="", trained=False, half=False)
    loaded = load(path).network
    assert loaded.config == config
    with torch.no_grad():
        z = torch.randn(1, config.z_dim)
        wanted = made(z)
        assert float((loaded(z) - wanted).abs().max()) <= 1e-5 * float(wanted.abs().max())


def test_what_is_usual_is_not_written(model: Path) -> None:
    with model.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    written = json.loads(header["__metadata__"]["config"])
    assert written.keys() == {
        "resolution", "z_dim", "w_dim", "c_dim", "channel_base", "channel_max", "img_channels",
        "mapping_layers",
    }  # fmt: skip


def test_a_stylegan3_whose_numbers_do_not_go_along(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    config = StyleGAN3Config(16, 6, 5, channel_base=64, channel_max=8, num_layers=4)
    save(path, StyleGAN3(config), name="x", licence="", origin="", trained=False)
    for change in ({"num_critical": 4}, {"first_cutoff": 1000.0}):
        refused(rewritten(path, config=json.dumps(asdict(config) | change)), "makes no StyleGAN3")


def test_a_number_too_large_for_fp16_is_kept(tmp_path: Path) -> None:
    network = StyleGAN2(CONFIG)
    with torch.no_grad():
        network.mapping.layers[0].weight[0, 0] = 1e5
    path = tmp_path / "x.safetensors"
    save(path, network, name="x", licence="", origin="", trained=False)
    assert load(path).network.mapping.layers[0].weight.max() == 1e5
    assert load(path).ruler is None


def test_info_tells_what_a_file_is(network: StyleGAN2, model: Path) -> None:
    about = info(model)
    assert (about.name, about.licence, about.origin, about.trained) == (
        "small",
        "CC0-1.0",
        "a test",
        True,
    )
    assert about.parameters == sum(p.numel() for p in network.parameters())
    assert about.size_bytes == len(model.read_bytes())
    text = "\n".join(about.lines())
    for word in ("StyleGAN2, 16x16, RGB", "CC0-1.0", about.sha256, f"{about.parameters:,}"):
        assert word in text
    assert about.sha256 == sha256(model.read_bytes()).hexdigest()


def test_what_a_file_says_is_fit_for_a_terminal(model: Path) -> None:
    about = info(rewritten(model, name="a\x1b[2Jb\n" + "c" * 9999, licence="\x07"))
    assert about.name.startswith("a[2Jbccc") and len(about.name) < 600
    assert about.licence == ""


def test_saving_replaces_whole_files_only(network: StyleGAN2, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        save(tmp_path / "no" / "x", network, name="x", licence="", origin="", trained=False)
    assert list(tmp_path.iterdir()) == []


def test_models_are_found_by_name_or_path(model: Path) -> None:
    assert find_model("small", model.parent) == model
    assert find_model(str(model), Path("/nowhere")) == model
    with pytest.raises(ModelError, match=r"model 'big' is neither a file .* \(small\)"):
        find_model("big", model.parent)
    with pytest.raises(ModelError):
        find_model("../" + model.parent.name + "/small", model.parent)


def rewritten(model: Path, **metadata: str | None) -> Path:
    """The same tensors under other metadata; None takes a key away."""
    with model.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    kept = header["__metadata__"] | metadata
    save_file(load_file(model), model, {k: v for k, v in kept.items() if v is not None})
    return model


def forged(path: Path, header: object, body: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def refused(path: Path, words: str) -> None:
    """Both ways in give the same one sentence, which names the file."""
    for enter in (info, load):
        with pytest.raises(ModelError, match=words) as caught:
            enter(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04" + b"\0" * 100,
        b"\x80\x02cos\nsystem\n(S'true'\ntR.",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100_000_000) + b"{}",
        struct.pack("<Q", 40) + b"[" * 40,
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    refused(path, "is not a safetensors file|is a zip|asks for 'os.system'")


@pytest.mark.parametrize(
    "row",
    [
        {"dtype": "F16", "shape": [2**62, 2**62], "data_offsets": [0, 8]},
        {"dtype": "F16", "shape": [-4], "data_offsets": [8, 0]},
        {"dtype": "F16", "shape": [1] * 1000, "data_offsets": [0, 2]},
        {"dtype": "F16", "shape": [2.0, 2], "data_offsets": [0, 8]},
        {"dtype": "F16", "shape": "22", "data_offsets": [0, 8]},
        {"dtype": "BOOL", "shape": [8], "data_offsets": [0, 8]},
        {"dtype": ["F16"], "shape": [4], "data_offsets": [0, 8]},
        {"dtype": "F16", "shape": [4]},
        {"dtype": "F16", "shape": [4], "data_offsets": [0]},
        7,
    ],
)
def test_forged_headers_are_refused(tmp_path: Path, row: object) -> None:
    refused(forged(tmp_path / "x", {"a": row}, b"\0" * 8), "is not a safetensors file")


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none", "cannot be read: No such file")
    refused(tmp_path, "cannot be read")


def test_cut_short(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-100])
    refused(model, "is cut short")


def test_other_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_file({"a": torch.zeros(3)}, path)
    refused(path, "not a vjgan model")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"format": "pt"}, "metadata says format 'pt'"),
        ({"version": "2"}, "is of version '2'"),
        ({"architecture": "stylegan9"}, "architecture 'stylegan9'; this vjgan plays 1, stylegan2"),
        ({"config": None}, "its config is not a JSON object"),
        ({"config": "[1, 2]"}, "its config is not a JSON object"),
        ({"config": "{}"}, "its config has nothing; it must have c_dim, channel_base"),
    ],
)
def test_wrong_metadata(model: Path, metadata: dict[str, str | None], words: str) -> None:
    refused(rewritten(model, **metadata), words)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("resolution", 10**9, r"resolution 1000000000 is outside 4\.\.2048"),
        ("resolution", 24, "resolution 24 is not a power of two"),
        ("w_dim", 0, "w_dim 0 is outside"),
        ("w_dim", 5.0, r"w_dim 5\.0 is outside"),
        ("z_dim", True, "z_dim True is outside"),
        ("channel_base", 8, "channel_base is less than the resolution"),
        ("mapping_layers", 10**6, r"mapping_layers 1000000 is outside 1\.\.32"),
        ("img_channels", "3" * 9999, "img_channels '333"),
        ("architecture", "plain", "architecture 'plain' is outside orig, resnet, skip"),
        ("widths", [8], "widths has 1 numbers"),
        ("widths", [8, 0, 8], r"widths \(8, 0, 8\) is outside up to 10 numbers in 1\.\.2048"),
        ("filter", [1.0, -1.0], "adds up to nothing"),
        ("filter", "1331", "filter '1331' is outside"),
        ("noise", 1, "noise 1 is outside False, True"),
        ("clamp", float("nan"), r"clamp nan is outside 0\.\.1e\+09"),
        ("dropout", 1, "its config has .*'dropout'"),
    ],
)
def test_absurd_configs(model: Path, key: str, value: object, words: str) -> None:
    config = asdict(CONFIG) | {key: value}
    refused(rewritten(model, config=json.dumps(config)), words)


def test_tensors_must_fit_the_config(network: StyleGAN2, model: Path) -> None:
    wider = json.dumps(asdict(replace(CONFIG, z_dim=7)))
    refused(rewritten(model, config=wider), r"is \[5, 6\], but its config wants \[5, 7\]")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"synthesis.const": None}, r"tensor 'synthesis.const' \[8, 4, 4\] is missing"),
        ({"extra": torch.zeros(2)}, "tensor 'extra' does not belong in it"),
        (
            {"synthesis.const": torch.zeros(8, 4, 5)},
            r"tensor 'synthesis.const' is \[8, 4, 5\], but its config wants \[8, 4, 4\]",
        ),
        ({"space.root": torch.zeros(5, 4)}, r"'space.root' is \[5, 4\]"),
        ({"space.slope": None}, "'space.slope' .* is missing"),
    ],
)
def test_wrong_tensors(model: Path, change: dict[str, torch.Tensor | None], words: str) -> None:
    with model.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    tensors = load_file(model) | change
    kept = {k: v for k, v in tensors.items() if v is not None}
    save_file(kept, model, header["__metadata__"])
    refused(model, words)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_must_be_finite(tmp_path: Path, bad: float) -> None:
    network = StyleGAN2(CONFIG)
    with torch.no_grad():
        network.synthesis.const[0, 0, 0] = bad
    path = tmp_path / "x"
    save(path, network, name="x", licence="", origin="", trained=False)
    with pytest.raises(ModelError, match=r"'synthesis\.const' holds numbers that are not finite"):
        load(path)


def test_overlapping_tensors(model: Path) -> None:
    with model.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    header["synthesis.to_rgb.0.bias"]["data_offsets"] = header["synthesis.to_rgb.1.bias"][
        "data_offsets"
    ]
    with pytest.raises(ModelError, match="cannot be read"):
        load(forged(model, header, body))


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_crash(model: Path, seed: int) -> None:
    data = bytearray(model.read_bytes())
    random = np.random.default_rng(seed)
    size = 8 + struct.unpack("<Q", data[:8])[0]
    for place in random.integers(0, size, 3):
        data[place] = random.integers(0, 256)
    model.write_bytes(data)
    try:
        load(model)
    except ModelError as error:
        assert "\n" not in str(error)


def test_the_bundled_network_says_what_it_is() -> None:
    about = info(Path(__file__).parent.parent / "models" / "alive.safetensors")
    assert (about.name, about.trained, about.licence) == ("alive", False, "CC0-1.0")
    assert about.size_bytes < 3e6
