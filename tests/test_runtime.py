"""The ways of running a network on a processor: each gives the picture of the network itself."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import lively
from torch.nn import functional as F

from bench import generator
from bench.plain import Plain
from vjgan.errors import DeviceError
from vjgan.generator import checkpoint
from vjgan.generator.allocator import keep_memory
from vjgan.generator.closeness import closeness
from vjgan.generator.metadata import decibels
from vjgan.generator.openvino import OpenVINO, has_bf16
from vjgan.generator.player import make_space
from vjgan.generator.runtime import Runtime, Traced, make_runtime
from vjgan.generator.stylegan2 import StyleConv, StyleGAN2, StyleGAN2Config
from vjgan.generator.tiles import Doubled
from vjgan.generator.winograd import Memory

SMALL = StyleGAN2Config(
    resolution=32, z_dim=24, w_dim=16, channel_base=256, channel_max=16, mapping_layers=3
)
SHAPES = {
    "small": SMALL,
    "wide": replace(SMALL, resolution=64, channel_base=1024, channel_max=64, w_dim=48),
    "tiled": replace(SMALL, channel_base=8192, channel_max=256),  # 256 maps of 32x32
    "in strips": replace(SMALL, resolution=64, widths=(8, 8, 8, 256, 256), clamp=0.5),
    "tiled, residual": replace(
        SMALL, resolution=64, widths=(8, 8, 8, 256, 16), architecture="resnet", noise=False
    ),
    "tiled, one colour": replace(SMALL, widths=(8, 8, 8, 256), architecture="orig"),
    "doubled": replace(SMALL, resolution=64, widths=(8, 8, 8, 512, 8), clamp=0.5),
    "doubled, residual": replace(
        SMALL, resolution=64, widths=(8, 8, 8, 512, 8), architecture="resnet"
    ),
    "least": replace(SMALL, resolution=4),
    "grey": replace(SMALL, img_channels=1),
    "alpha": replace(SMALL, img_channels=4),
    "orig": replace(SMALL, architecture="orig"),
    "resnet": replace(SMALL, architecture="resnet", channel_max=12),
    "no noise": replace(SMALL, noise=False),
    "clamped": replace(SMALL, clamp=0.5),
    "other filter": replace(SMALL, filter=(1.0, 2.0, 5.0, 3.0, 0.5), architecture="resnet"),
}
FLOOR = "floor of convolutions by their definition, ms"
torch.set_num_threads(1)  # threads that wait for each other, on a machine shared with others
WAYS: dict[str, Callable[[StyleGAN2], Runtime]] = {"torch": Traced, "openvino": OpenVINO}


def relative(got: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("way", WAYS)
@torch.no_grad()
def test_every_way_gives_the_networks_picture(way: str, shape: str) -> None:
    network = lively(SHAPES[shape]).freeze()
    playing = WAYS[way](network)
    mixed = torch.randn(1, network.config.num_ws, network.config.w_dim)  # each layer its own w
    truncated = network.truncate(network.mapping(torch.randn(1, SMALL.z_dim)), psi=0.6, cutoff=2)
    for ws, noise in [(mixed, 1.0), (mixed, 0.5), (mixed, 0.0), (truncated, 1.0)]:
        wanted = network.synthesis(ws, noise=noise)[0]
        got = playing.draw(ws[0].numpy(), noise, {})
        assert got.shape == wanted.shape and got.dtype == torch.float32
        assert relative(got, wanted) < 1e-5
    if network.config.noise:
        loud, still = (playing.draw(mixed[0].numpy(), noise, {}).clone() for noise in (1.0, 0.0))
        assert relative(loud, still) > 1e-2


@pytest.mark.parametrize("side", [4, 32, 64])  # one tile, one strip, several
@torch.no_grad()
def test_tiles_double_as_a_transposed_convolution_does(side: int) -> None:
    layer = StyleConv(replace(SMALL, widths=(8,) * 6), 16, side, up=True)
    doubled = Doubled(layer, side, Memory())
    weight = layer.weight.transpose(0, 1).double()
    for _ in range(4):  # what is traced is made better after the first runs
        doubled.source.copy_(torch.randn(side, side, 16))
        doubled.draw()
        picture = doubled.source.permute(2, 0, 1)[None].double()
        wanted = F.conv_transpose2d(picture, weight, stride=2)[0].permute(1, 2, 0)
        assert relative(doubled.result, wanted) < 1e-5


@pytest.mark.parametrize("shape", ["small", "wide", "grey"])
@torch.no_grad()
def test_the_plain_way_that_speed_is_measured_by_is_the_same(shape: str) -> None:
    network = lively(SHAPES[shape]).freeze()
    ws = torch.randn(1, network.config.num_ws, network.config.w_dim)
    for noise in (1.0, 0.4):
        plain = Plain(network).draw(ws[0].numpy(), noise, {})
        for way in WAYS.values():
            assert relative(way(network).draw(ws[0].numpy(), noise, {}), plain) < 1e-5


@pytest.mark.parametrize("way", WAYS)
def test_the_same_latent_gives_the_same_bits(way: str) -> None:
    network = lively(SHAPES["wide"]).freeze()
    w = torch.randn(network.config.num_ws, network.config.w_dim).numpy()
    first = WAYS[way](network).draw(w, 1.0, {}).clone()
    second = WAYS[way](network)  # as in another film
    second.draw(w * 0.5, 0.3, {})
    assert torch.equal(second.draw(w, 1.0, {}), first)


def test_the_engine_is_taken_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lively(SMALL).freeze()
    assert make_runtime(network, torch.device("cpu")).name == "OpenVINO, fp32, cpu"
    monkeypatch.setitem(sys.modules, "openvino", None)  # as if it were not installed
    assert make_runtime(network, torch.device("cpu")).name == "torch, fp32, cpu"


def test_what_the_engine_cannot_run_is_left_to_torch(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "vjgan"):
        playing = make_runtime(lively(replace(SMALL, filter=(1.0,))).freeze(), torch.device("cpu"))
    assert playing.name == "torch, fp32, cpu"
    assert [r.getMessage() for r in caplog.records] == [
        "OpenVINO cannot run this model, torch plays it: "
        "it smooths by 1 tap, and the engine needs 2 or more"
    ]


def test_bf16_is_taken_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lively(SHAPES["tiled"]).freeze()
    w = torch.randn(network.config.num_ws, SMALL.w_dim).numpy()
    exact = make_runtime(network, torch.device("cpu")).draw(w, 1.0, {})
    monkeypatch.setenv("VJGAN_CPU", "bf16")
    rough = make_runtime(network, torch.device("cpu"))
    error = relative(rough.draw(w, 1.0, {}), exact)
    if rough.name == "OpenVINO, bf16, cpu":  # where the processor has it
        assert 1e-4 < error < 0.1
    else:
        assert rough.name == "OpenVINO, fp32, cpu" and error < 1e-5
    monkeypatch.setenv("VJGAN_CPU", "int4")
    with pytest.raises(DeviceError, match="VJGAN_CPU: 'int4' is not one of fp32, bf16"):
        make_runtime(network, torch.device("cpu"))


def test_bf16_is_taken_where_nobody_can_tell_it_from_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    network, cpu = lively(SHAPES["tiled"]).freeze(), torch.device("cpu")
    quick = "OpenVINO, bf16, cpu" if has_bf16() else "OpenVINO, fp32, cpu"
    assert make_runtime(network, cpu, bf16_db=48.0).name == "OpenVINO, fp32, cpu"
    assert make_runtime(network, cpu, bf16_db=48.2).name == quick
    monkeypatch.setenv("VJGAN_CPU", "fp32")
    assert make_runtime(network, cpu, bf16_db=48.2).name == "OpenVINO, fp32, cpu"


def test_a_file_says_how_near_bf16_comes(tmp_path: Path) -> None:
    network = lively(SHAPES["tiled"]).freeze()
    near = closeness(network, make_space(network), pictures=4)
    assert 20.0 < near < 100.0 if has_bf16() else near == 0.0
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, network, name="m", licence="", origin="", trained=False, bf16_db=57.25)
    assert checkpoint.load(path).info.bf16_db == 57.2
    assert decibels({"bf16_db": "1e9"}, "bf16_db") == decibels({}, "bf16_db") == 0.0


def test_the_engine_does_not_count_its_users(tmp_path: os.PathLike[str]) -> None:
    code = (
        "import torch, sys\n"
        "from vjgan.generator.openvino import OpenVINO\n"
        "from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config\n"
        "OpenVINO(StyleGAN2(StyleGAN2Config(16, 8, 8, 0, 64, 8, 3, 1)).freeze())\n"
        "print(sorted(name for name in sys.modules if name.startswith('openvino_telemetry')))\n"
    )
    home = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=home
    )
    assert done.stdout == "['openvino_telemetry']\n"  # the name, with nothing behind it
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("way", WAYS)
@torch.no_grad()
@pytest.mark.alone
def test_others_run_while_a_picture_is_drawn(way: str) -> None:
    """The interpreter's lock is not held: a thread of pure Python gets nearly all the turns."""
    network = lively(replace(SMALL, resolution=128, channel_base=8192, channel_max=64)).freeze()
    playing = WAYS[way](network)
    w = torch.randn(network.config.num_ws, SMALL.w_dim).numpy()
    playing.draw(w, 1.0, {})
    turns: list[float] = []
    going = threading.Event()
    going.set()

    def count() -> None:
        while going.is_set():
            turns.append(time.perf_counter())
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        begin = time.perf_counter()
        playing.draw(w, 1.0, {})
        end = time.perf_counter()
    finally:
        going.clear()
        thread.join()
    during = [turn for turn in turns if begin < turn < end]
    assert len(during) > 10


def test_the_bench_reckons_by_the_rounds() -> None:
    """Of an imagined machine: 100 GFLOP/s, 20 GB/s, one way four times as fast as the plain one."""
    config = generator.SIZES["512/16384/512"]
    took = {
        "plain": np.array([2400.0, 2000.0, 3000.0]),
        "openvino": np.array([500.0, 500.0, 750.0]),
        "peak": np.array([2e3 * 9 * 256**2 * 64**2 / 100e9, 1e3]),
        "copy": np.array([2e3 * generator.COPIED / 20e9, 1e3]),
    }
    picture = np.ones((3, 2, 2), np.float32)
    ready = {"plain": (1.0, picture), "openvino": (0.5, picture * np.float32(1.01))}
    memory = {"plain": 900.0, "openvino": 800.0}
    rows = generator.summary(config, took, took, ready, memory)
    assert rows["convolution peak, GFLOP/s"] == pytest.approx(100.0)
    assert rows[FLOOR] == pytest.approx(config.gflop * 10.0)  # arithmetic, not memory
    assert generator.moved(config) / 20e9 < config.gflop / 100.0
    fast = rows["openvino"]
    assert fast["plain / this, least"] == 4.0
    assert fast["plain / this, median of rounds"] == 4.0
    assert fast["share of the floor"] == pytest.approx(rows[FLOOR] / 500.0)
    assert fast["largest difference to plain, relative"] == pytest.approx(0.01, rel=1e-3)
    tiny = StyleGAN2Config(8, channel_base=16, channel_max=2)
    moved = 2 * (2 * 16) + 36  # in, out and weights of the first, at 4x4
    moved += 2 * 16 + 2 * 64 + 36 + 2 * (2 * 64) + 36
    assert generator.moved(tiny) == 4.0 * moved


def test_memory_is_kept_where_the_c_library_can() -> None:
    import platform

    assert keep_memory() == (platform.libc_ver()[0] == "glibc")


def test_a_signal_after_a_model_was_dropped_elsewhere_does_not_kill() -> None:
    code = """
import gc, signal, threading
import numpy as np
import openvino as ov
from openvino import opset13 as op
from vjgan.compiling import compiled
given = op.parameter([1, 3, 8, 8], np.float32)
weight = np.ones((3, 3, 3, 3), np.float32)
y = op.convolution(given, op.constant(weight), [1, 1], [1, 1], [1, 1], [1, 1])
box = [compiled(ov.Core(), ov.Model([y], [given], "one"), {})]
dropping = threading.Thread(target=lambda: (box.clear(), gc.collect()))
dropping.start()
dropping.join()
signal.signal(signal.SIGINT, lambda *_: print("handled"))
signal.raise_signal(signal.SIGINT)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
