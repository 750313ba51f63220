"""Up-resolution: the same picture, doubled, on either way through it, and files that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from vjgan.assets import folder
from vjgan.errors import ModelError
from vjgan.generator import checkpoint
from vjgan.generator.openvino import Enlarger, has_bf16, installed
from vjgan.generator.player import open_model
from vjgan.generator.reference import draw
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.upscale import (
    Upscaler,
    find_reach,
    model_of,
    read_upscaler,
    write_upscaler,
)
from vjgan.types import LatentState

SMALL = StyleGAN2Config(
    resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8, mapping_layers=2
)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The path of an up-resolution beside its model."""
    torch.manual_seed(8)
    network = StyleGAN2(SMALL)
    model = tmp_path / "heads.safetensors"
    checkpoint.save(model, network, name="heads", licence="", origin="", trained=False)
    write_upscaler(tmp_path / "heads@2x.safetensors", Upscaler())
    return tmp_path / "heads@2x.safetensors"


def test_without_a_last_layer_it_enlarges_plainly() -> None:
    network, image = Upscaler(), torch.rand(2, 3, 16, 16)
    torch.nn.init.zeros_(network.leave.weight)
    torch.nn.init.zeros_(network.leave.bias)
    assert torch.allclose(network(image), F.interpolate(image, scale_factor=2, mode="bilinear"))


@pytest.mark.skipif(not installed(), reason="needs OpenVINO")
def test_the_engine_draws_what_torch_does() -> None:
    torch.manual_seed(9)
    network, image = Upscaler(), torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = network(image)
        assert torch.allclose(Enlarger(network, (32, 32))(image), expected, atol=1e-5)


@pytest.mark.skipif(not has_bf16(), reason="needs OpenVINO and a processor with bf16")
def test_in_eight_bits_nobody_sees_it() -> None:
    """The bundled up-resolution on pictures of its model that its reach was not found by."""
    path = folder("models") / "portraits@2x.safetensors"
    network = read_upscaler(path)
    assert len(network.reach) == len(network.body)
    model = checkpoint.load(folder("models") / "portraits.safetensors").network
    z = torch.randn(6, model.config.z_dim, generator=torch.Generator().manual_seed(77))
    with torch.no_grad():
        images = [draw(model, w.expand(1, model.config.num_ws, -1)) for w in model.mapping(z)]
        large = Enlarger(network, (128, 128), "bf16", network.reach)
        for image in images:
            error = (large(image).clamp(-1, 1) - network(image).clamp(-1, 1)) / 2
            assert -10 * error.square().mean().log10() > 52  # 48.1 is one grey level


def test_how_far_feature_maps_reach_is_found_written_and_read(tmp_path: Path) -> None:
    torch.manual_seed(6)
    network, path = Upscaler(), tmp_path / "heads@2x.safetensors"
    image = torch.rand(3, 3, 16, 16)
    network.reach = find_reach(network, [image[:1], image[1:]])
    entered = F.leaky_relu(network.enter(F.pixel_unshuffle(image, 2)), 0.2)
    assert network.reach[0] == pytest.approx(1.1 * float(entered.detach().abs().max()), rel=1e-5)
    write_upscaler(path, network)
    assert read_upscaler(path).reach == pytest.approx(network.reach, rel=1e-3)
    for words in ("1 2", "1 2 3 4 5 inf", "1 2 3 4 5 x", "1 2 3 4 5 -1"):
        save_file(load_file(path), path, {"reach": words})
        with pytest.raises(ModelError, match=f"has the reach '{words}', not 6 numbers"):
            read_upscaler(path)


def test_a_model_and_its_up_resolution_are_played_as_one(pair: Path) -> None:
    model = model_of(pair)
    assert model is not None and model_of(model) is None
    small, large = open_model(model), open_model(pair)
    assert large.resolution == (32, 32) and large.runtime.name.endswith("2x")
    latent = LatentState(0.0, np.zeros((SMALL.num_ws, SMALL.w_dim), np.float32))
    before = torch.from_numpy(small.runtime.draw(latent.w, 1.0, {}).numpy().copy())
    with torch.no_grad():
        expected = read_upscaler(pair)(before[None])[0]
        # In bf16 where the processor has it.
        assert torch.allclose(large.runtime.draw(latent.w, 1.0, {}), expected, atol=0.02)
    assert large.generate(latent).image.shape == (32, 32, 3)


def test_what_is_wrong_with_a_file_is_one_sentence(pair: Path) -> None:
    tensors = load_file(pair)
    save_file({**tensors, "more": torch.zeros(1)}, pair)
    with pytest.raises(ModelError, match="holds other layers than it should"):
        open_model(pair)
    tensors["mix.bias"][0] = float("nan")
    save_file(tensors, pair)
    with pytest.raises(ModelError, match="not finite"):
        open_model(pair)
    pair.write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be read"):
        open_model(pair)
    pair.with_name("heads.safetensors").unlink()
    with pytest.raises(ModelError):
        open_model(pair)


def test_any_model_can_be_enlarged_as_far_as_the_machine_can(
    pair: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(pair)
    assert model is not None
    latent = LatentState(0.0, np.zeros((SMALL.num_ws, SMALL.w_dim), np.float32))
    film = open_model(model, "cpu", live=False, upscale=4)
    assert film.resolution == (64, 64) and film.generate(latent).image.shape == (64, 64, 3)
    assert open_model(pair, "cpu", live=False, upscale=2).resolution == (64, 64)
    monkeypatch.setattr("vjgan.generator.player.LIVE_MS", 0.0)
    show = open_model(model, "cpu", upscale=2)
    assert show.resolution == (16, 16) and show.generate(latent).image.shape == (16, 16, 3)
    assert "model 'heads' stays at 16 pixels: to double that takes" in caplog.text
