"""The way down: real players around runtimes that fail when told to."""

import gc
import logging
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import wait_until
from torch import Tensor

from vjgan.errors import ModelError
from vjgan.generator.bending import Bent
from vjgan.generator.checkpoint import save
from vjgan.generator.cuda import CudaSettings
from vjgan.generator.faults import MemoryShortageError, device_lost, first_line, out_of_memory
from vjgan.generator.ladder import Ladder, Way, nothing_to_spare, opening
from vjgan.generator.player import Player, make_player, make_space
from vjgan.generator.shorten import shortened, smaller_sides
from vjgan.generator.space import Space
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config, double
from vjgan.generator.worker import Worker
from vjgan.types import FloatArray, Frame, LatentState, Tick

CUDA, CPU, MPS = torch.device("cuda"), torch.device("cpu"), torch.device("mps")
CUDA_FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore pages")
LOST = RuntimeError("CUDA error: an illegal memory access was encountered\nand advice")
OVERFLOW = "overflow"


def cpu_full() -> Exception:
    """What torch says when the processor's memory is spent, from torch itself."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8)
    return caught.value


class Fragile:
    """A runtime that paints its latent's first number, and fails as its ``troubles`` say by call
    number, counted from 0 over all of a test's runtimes."""

    def __init__(self, name: str, bench: "Bench") -> None:
        self.name = name
        self._bench = bench
        self.weight = torch.zeros(1000)

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        scratch = torch.zeros(2000)
        self._bench.scratch.append(weakref.ref(scratch))
        trouble = self._bench.troubles.pop(self._bench.calls, None)
        self._bench.calls += 1
        image = torch.full((3, 4, 6), float(w[0, 0]))
        if trouble == OVERFLOW:
            image[1, 2, 3] = float("nan")
        elif isinstance(trouble, Exception):
            raise trouble
        return image


class Bench:
    """Makes such runtimes; ``refuse`` names the ways that cannot even be built, with the error."""

    def __init__(
        self,
        troubles: Mapping[int, Exception | str],
        way: Way,
        refuse: Mapping[str, Exception] | None = None,
        others: Sequence[str] = (),
        sides: Sequence[int] = (),
    ) -> None:
        self.troubles = dict(troubles)
        self.calls = 0
        self.made: list[str] = []
        self.alive: list[weakref.ref[Fragile]] = []
        self.scratch: list[weakref.ref[Tensor]] = []
        self.others = list(others)
        self._refuse = dict(refuse or {})
        self.ladder = Ladder(self.make, way, "tight", self.spare, sides)
        layers = [(np.eye(8, dtype=np.float32), np.zeros(8, np.float32))]
        space = Space(layers, np.zeros(8, np.float32), num_ws=3)
        self.player = Player(self.ladder, space, "tight", False, (4, 6), self.ladder.step_down)

    def make(self, way: Way) -> Fragile:
        parts = [way.device.type]
        if way.device.type == "cuda":
            parts += ["fp16" if way.settings.half else "fp32"]
            parts += ["graph"] if way.settings.graph else []
        parts += [str(way.side)] if way.side else []
        name = " ".join(parts)
        self.made.append(name)
        assert not torch.is_inference_mode_enabled()
        if name in self._refuse:
            raise self._refuse[name]
        runtime = Fragile(name, self)
        self.alive.append(weakref.ref(runtime))
        return runtime

    def spare(self) -> Sequence[str]:
        gone, self.others = self.others, []
        return gone

    def grey(self, value: float = 0.25) -> int:
        state = LatentState(0.0, np.full((3, 8), value, np.float32))
        picture = self.player.generate(state).image
        assert picture.min() == picture.max()
        return int(picture.max())


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vjgan")


def test_the_signs_of_a_shortage() -> None:
    for error in (
        CUDA_FULL,
        MemoryError(),
        cpu_full(),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)"),
        RuntimeError("Exception from src/core: std::bad_alloc"),
        RuntimeError("unable to mmap 4 bytes from file <x>: Cannot allocate memory (12)"),
    ):
        assert out_of_memory(error) and not device_lost(error), error
    assert device_lost(LOST) and not out_of_memory(LOST)
    for other in (ValueError("out of memory"), RuntimeError("shapes differ"), OSError("full")):
        assert not out_of_memory(other) and not device_lost(other)
    assert first_line(CUDA_FULL) == "CUDA out of memory. Tried to allocate 2.00 GiB"
    assert first_line(MemoryError()) == "MemoryError"
    assert first_line(cpu_full()).startswith("DefaultCPUAllocator: can't allocate memory: you tr")


def test_every_step_down_is_told_and_the_picture_comes(caplog: pytest.LogCaptureFixture) -> None:
    way = Way(CUDA, CudaSettings(half=False))
    bench = Bench(dict.fromkeys(range(1, 5), CUDA_FULL), way, others=["one", "two"])
    assert bench.grey() == 159 and told(caplog) == []
    assert bench.grey() == 159  # after four failures within the one call
    assert told(caplog) == [
        "model 'tight' is out of memory (cuda), and goes on in fp16",
        "model 'tight' is out of memory (cuda); put out for it: one, two",
        "model 'tight' is out of memory (cuda), and goes on without a CUDA graph",
        "model 'tight' is out of memory (cuda), and goes on on the processor",
    ]
    assert bench.made == ["cuda fp32 graph", "cuda fp16 graph", "cuda fp16", "cpu"]
    assert bench.ladder.name == "cpu" and bench.player.runtime.name == "cpu"
    assert bench.grey(-1.0) == 0 and len(caplog.records) == 4  # and there it stays


def test_pictures_become_smaller_before_the_card_is_left(caplog: pytest.LogCaptureFixture) -> None:
    way = Way(CUDA, CudaSettings(graph=False))
    bench = Bench(dict.fromkeys(range(4), CUDA_FULL), way, sides=(512, 256, 128, 64))
    assert bench.grey() == 159
    assert [line.rpartition("goes on ")[2] for line in told(caplog)] == [
        "at 512x512 pixels",
        "at 256x256 pixels",
        "on the processor",  # where 128 pixels are drawn as fast as there
        "at 128x128 pixels",
    ]
    assert bench.ladder.name == "cpu 128, 128x128"


NETWORK = StyleGAN2Config(256, 8, 8, 0, 256, 8, 3, 1)


@pytest.mark.parametrize("inside", [{}, {"bend.turn": 30.0}], ids=["fast", "bent"])
def test_a_model_without_memory_for_all_its_pixels_plays_on_smaller(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    inside: Mapping[str, float],
) -> None:
    """A real network, whose larger pictures find no memory."""
    full, draw, drawn = cpu_full(), Bent.draw, []

    def failing(self: Bent, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        image = draw(self, w, noise, inside)
        drawn.append(image.shape[-1])
        if image.shape[-1] > most:
            raise full
        return image

    monkeypatch.setattr(Bent, "draw", failing)
    torch.manual_seed(3)
    network = StyleGAN2(NETWORK)
    player = make_player(network, make_space(network), "wide", False)
    worker = Worker(player)

    def show(k: int) -> Frame:
        state = LatentState(k, np.full((14, 8), 0.1 * k, np.float32), inside=inside)
        worker.paint(state, Tick(k, 1.0 * k, 0.02, 1.0 * k))
        wait_until(lambda: worker.frames == k + 1)
        return worker.paint(state, Tick(k, 1.0 * k, 0.02, k + 0.9)).after

    try:
        most = 256
        assert show(0).image.shape == (256, 256, 3)
        most = 64
        small = show(1).image
        assert small.shape == (64, 64, 3) and small.std() > 5.0
        assert show(2).image.shape == (64, 64, 3) and worker.frames == 3
    finally:
        worker.close()
    assert drawn == [256, 256, 128, 64, 64]
    assert [m for m in told(caplog) if "is slow" not in m] == [
        "model 'wide' is out of memory (cpu), and goes on at 128x128 pixels",
        "model 'wide' is out of memory (cpu), and goes on at 64x64 pixels",
    ]
    assert player.runtime.name.endswith("cpu, 64x64")


@torch.no_grad()
def test_a_shortened_network_is_what_the_whole_one_starts_from() -> None:
    torch.manual_seed(4)
    for widths in ((), (8, 8, 7, 6, 5, 4, 3)):
        network = StyleGAN2(replace(NETWORK, widths=widths))
        assert smaller_sides(network) == [128, 64]
        colours: list[Tensor] = []
        for layer in network.synthesis.to_rgb:
            layer.register_forward_hook(lambda m, x, colour: colours.append(colour))  # noqa: B023
        ws = torch.randn(1, 14, 8)
        whole = network.synthesis(ws)
        small = shortened(network, 64)
        assert small.synthesis.const.data_ptr() == network.synthesis.const.data_ptr()
        image = small.synthesis(ws)
        for colour in colours[5:7]:  # of 128 and 256 pixels
            image = double(image) + colour
        assert torch.allclose(image, whole, atol=1e-5)
    assert smaller_sides(StyleGAN2(replace(NETWORK, architecture="orig"))) == ()


def test_what_failed_is_let_go_before_the_next_is_built() -> None:
    bench = Bench({0: CUDA_FULL, 1: CUDA_FULL}, Way(CUDA, CudaSettings()))
    left: list[int] = []
    make = bench.make

    def counting(way: Way) -> Fragile:
        left.append(sum(ref() is not None for ref in [*bench.alive, *bench.scratch]))
        return make(way)

    bench.ladder._make = counting
    gc.disable()
    try:
        bench.grey()
    finally:
        gc.enable()
    assert left == [0, 0]


def test_at_the_bottom_the_error_is_the_callers() -> None:
    full = cpu_full()
    bench = Bench({0: full, 1: full}, Way(CPU, CudaSettings()), others=["one"])
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        bench.grey()  # the other model went, which did not help
    assert bench.made == ["cpu"] and bench.others == []
    assert bench.grey() == 159  # it is tried again each time


def test_other_errors_are_nobodys_step(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench({0: RuntimeError("shapes differ")}, Way(CUDA, CudaSettings()), others=["one"])
    with pytest.raises(RuntimeError, match="shapes differ"):
        bench.grey()
    assert (bench.made, bench.others, told(caplog)) == (["cuda fp16 graph"], ["one"], [])


def test_a_run_over_in_fp16_steps_to_fp32_for_good(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench({1: OVERFLOW, 3: CUDA_FULL}, Way(CUDA, CudaSettings()))
    assert [bench.grey() for _ in range(3)] == [159] * 3
    assert told(caplog) == [
        "model 'tight' runs over in fp16, and goes on in fp32",
        # fp16 is no way out any more:
        "model 'tight' is out of memory (cuda), and goes on without a CUDA graph",
    ]
    assert bench.made == ["cuda fp16 graph", "cuda fp32 graph", "cuda fp32"]


def test_a_run_over_in_fp32_is_an_error() -> None:
    bench = Bench({0: OVERFLOW}, Way(CPU, CudaSettings()))
    with pytest.raises(ArithmeticError, match="not finite"):
        bench.grey()
    assert bench.made == ["cpu"]


def test_a_glimpse_is_checked_and_climbs_down_too(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench({0: OVERFLOW, 1: CUDA_FULL}, Way(CUDA, CudaSettings()))
    assert np.isfinite(bench.player.glimpse(np.full(8, 0.5, np.float32))).all()
    assert bench.made == ["cuda fp16 graph", "cuda fp32 graph", "cuda fp32"]


@pytest.mark.parametrize("device", [CUDA, MPS])
def test_a_lost_card_leaves_the_processor(
    device: torch.device, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench({2: LOST}, Way(device, CudaSettings()))
    assert [bench.grey() for _ in range(4)] == [159] * 4
    assert told(caplog) == [
        "model 'tight' lost its device (CUDA error: an illegal memory access was encountered), "
        "and goes on on the processor"
    ]
    assert bench.ladder.name == "cpu"


def test_apples_graphics_step_down_to_the_processor(caplog: pytest.LogCaptureFixture) -> None:
    full = RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)")
    bench = Bench({0: full}, Way(MPS, CudaSettings()))
    assert bench.grey() == 159
    assert bench.made == ["mps", "cpu"]


def test_what_cannot_even_be_built_steps_down_before_the_show(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refuse = {"cuda fp16 graph": CUDA_FULL, "cuda fp16": CUDA_FULL}
    bench = Bench({}, Way(CUDA, CudaSettings()), refuse)
    assert bench.made == ["cuda fp16 graph", "cuda fp16", "cpu"]
    assert len(caplog.records) == 2 and bench.grey() == 159


def test_nothing_works_on_opening_is_one_sentence() -> None:
    refuse = dict.fromkeys(["cuda fp16 graph", "cuda fp16"], CUDA_FULL) | {"cpu": cpu_full()}
    with pytest.raises(ModelError) as caught, opening(Path("big.pkl")):
        Bench({}, Way(CUDA, CudaSettings()), refuse)
    assert isinstance(caught.value, MemoryShortageError)
    message = str(caught.value)
    assert message.startswith("model 'big.pkl' needs more memory than is free here (")
    assert "\n" not in message and len(message) < 350
    with pytest.raises(ValueError, match="another matter"), opening(Path("big.pkl")):
        raise ValueError("another matter")


def test_a_model_too_large_for_the_machine_is_one_sentence(tmp_path: Path) -> None:
    """In a process of its own that may take 60 MB more; the model needs twice as much."""
    torch.manual_seed(1)
    config = StyleGAN2Config(resolution=16, w_dim=64, z_dim=64, mapping_layers=1)
    path = tmp_path / "large.safetensors"
    save(path, StyleGAN2(config), name="large", licence="CC0-1.0", origin="test", trained=False)
    code = f"""
import resource, sys
from pathlib import Path
from vjgan.errors import ModelError
from vjgan.generator.player import open_model
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 60_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    open_model(Path({str(path)!r}), "cpu")
except ModelError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    (sentence,) = done.stdout.splitlines()
    assert sentence.startswith(f"model '{path}' needs more memory than ")
    assert "Traceback" not in done.stderr


def test_a_way_that_broke_while_being_built_is_tried_again() -> None:
    bench = Bench({0: CUDA_FULL}, Way(CUDA, CudaSettings(graph=False)))
    bench._refuse = {"cpu": cpu_full()}
    for _ in range(2):
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            bench.grey()
    assert bench.ladder.name == "none"
    bench._refuse = {}
    assert bench.grey() == 159


def test_in_the_show_the_last_picture_stays_until_the_next_way_works(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench({2: OVERFLOW, 3: CUDA_FULL, 4: LOST}, Way(CUDA, CudaSettings()))
    worker = Worker(bench.player)

    def paint(value: float, time: float) -> Frame:
        state = LatentState(time, np.full((3, 8), value, np.float32))
        return worker.paint(state, Tick(round(time * 50), time, 0.02, time)).after

    try:
        shown = []
        for k, value in enumerate((0.0, 0.25, 0.5, 0.75)):
            paint(value, 1.0 * k)
            wait_until(lambda k=k: worker.frames == k + 1)
            shown.append(int(paint(value, 1.0 * k + 0.9).image.max()))
    finally:
        worker.close()
    assert shown == [128, 159, 191, 223]
    steps = [m.removeprefix("model 'tight' ")[:24] for m in told(caplog) if "is slow" not in m]
    assert steps == [
        "runs over in fp16, and g",
        "is out of memory (cuda),",
        "lost its device (CUDA er",
    ]
    assert worker.frames == 4 and bench.ladder.name == "cpu"


def test_in_the_show_a_failure_for_good_is_told_once_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(dict.fromkeys(range(1, 9), cpu_full()), Way(CPU, CudaSettings()))
    worker = Worker(bench.player)
    try:
        for k in range(4):
            state = LatentState(1.0 * k, np.full((3, 8), 0.1 * k, np.float32))
            worker.paint(state, Tick(k, 1.0 * k, 0.02, 1.0 * k))
            wait_until(lambda k=k: bench.calls == k + 1)
        wait_until(lambda: caplog.records)
        picture = worker.paint(state, Tick(9, 9.0, 0.02, 9.0)).after
    finally:
        worker.close()
    assert picture.image.max() == 128  # that of the first call
    (message,) = told(caplog)
    assert message.startswith("model 'tight' fails, the last picture stays: ")
    assert "\n" not in message and len(message) < 300


def test_nothing_to_spare_is_nothing() -> None:
    assert list(nothing_to_spare()) == []
