"""Up-resolution: the same picture, doubled, on either way through it, and files that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from vjgan.errors import ModelError
from vjgan.generator import checkpoint
from vjgan.generator.openvino import Enlarger, installed
from vjgan.generator.player import open_model
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.upscale import Upscaler, model_of, read_upscaler, write_upscaler
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
