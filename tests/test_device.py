"""Which device is taken, and that what runs there asks for nothing that Apple's graphics lack."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vjgan.errors import DeviceError
from vjgan.generator import runtime
from vjgan.generator.device import devices, find_device, free_bytes, warm_budget
from vjgan.generator.handover import HandOver
from vjgan.generator.player import make_player, make_space
from vjgan.generator.runtime import Eager, make_runtime
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config
from vjgan.types import LatentState

SMALL = StyleGAN2Config(32, 8, 8, 0, 128, 16, 3, 1)
WAVES = StyleGAN3Config(32, 8, 8, 0, 256, 16, 3, 1, num_layers=4)


def there(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """A machine with these."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)


def test_the_fastest_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for names, wanted in (((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda")):
        there(monkeypatch, *names)
        assert devices() == [*names, "cpu"]
        assert find_device("auto").type == wanted
        assert find_device("cpu").type == "cpu"
    there(monkeypatch, "mps")
    assert find_device("mps").type == "mps"
    with pytest.raises(DeviceError, match="'cuda' is not here; there is mps, cpu"):
        find_device("cuda")
    with pytest.raises(DeviceError, match="'tpu' is not here"):
        find_device("tpu")


def test_each_device_has_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(runtime, "Eager", lambda network, device: made.append(device.type))
    monkeypatch.setattr(runtime, "Cuda", lambda network, device, settings: made.append("graph"))
    monkeypatch.setattr(runtime, "on_processor", lambda network, bf16_db: made.append("processor"))
    two, three = StyleGAN2(SMALL), StyleGAN3(WAVES)
    for name, network in (("mps", two), ("mps", three), ("cuda", two), ("cuda", three),
                          ("cpu", two), ("cpu", three)):  # fmt: skip
        make_runtime(network, torch.device(name))
    assert made == ["mps", "mps", "graph", "graph", "processor", "cpu"]


def test_apples_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 9_000_000)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 2_000_000)
    assert free_bytes(torch.device("mps")) == 7_000_000
    assert warm_budget("", torch.device("mps")) == 3_500_000


class NoDouble(TorchDispatchMode):
    """Refuses what is not to be had on Apple's graphics: numbers of 64 bits with a fraction, and
    pooling to a size that does not divide the picture's."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "adaptive_avg_pool2d" in str(func):
            assert args[0].shape[-1] % args[1][-1] == 0
        out = func(*args, **(kwargs or {}))
        for one in (*args, *(out if isinstance(out, tuple | list) else (out,))):
            assert not (isinstance(one, torch.Tensor) and one.dtype == torch.float64), func
        return out


@pytest.mark.parametrize("network", [StyleGAN2(SMALL), StyleGAN3(WAVES)], ids=["2", "3"])
def test_nothing_that_is_drawn_needs_what_apple_lacks(network: StyleGAN2 | StyleGAN3) -> None:
    eager = Eager(network, torch.device("cpu"))
    if isinstance(network, StyleGAN3):
        network.synthesis.course = None  # which is the processor's own way
    w = np.zeros((network.config.num_ws, 8), np.float32)
    with torch.inference_mode(), NoDouble():
        image = eager.draw(w, 0.5, {"input.x": 0.1, "input.turn": 20.0})
        assert HandOver()(image).shape == (32, 32, 3)
    player = make_player(network, make_space(network), "x", False)
    with NoDouble():
        player.glimpse(w[0])


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs Apple's graphics")
@pytest.mark.parametrize("network", [StyleGAN2(SMALL), StyleGAN3(WAVES)], ids=["2", "3"])
def test_apples_graphics_draw_the_same(network: StyleGAN2 | StyleGAN3) -> None:
    w = np.random.default_rng(0).standard_normal((network.config.num_ws, 8)).astype(np.float32)
    for inside in ({}, {"bend.turn": 20.0}):
        state = LatentState(0.0, w, inside=inside)
        pictures = [
            make_player(network, make_space(network), "x", False, torch.device(name))
            .generate(state)
            .image.astype(int)
            for name in ("cpu", "mps")
        ]
        assert np.abs(pictures[0] - pictures[1]).max() <= 2
