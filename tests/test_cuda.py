"""The runtime of NVIDIA cards. All but the graph itself runs here without one, too."""

import copy
import logging
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from vjgan.errors import DeviceError
from vjgan.generator.cuda import SHAPES, Cuda, CudaSettings, Work
from vjgan.generator.faults import NotFiniteError
from vjgan.generator.handover import HandOver
from vjgan.generator.runtime import Traced, make_runtime
from vjgan.generator.stylegan2 import StyleConv, StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config, transform

CPU = torch.device("cpu")
PLAIN = CudaSettings(graph=False, half=False, pinned=False)
NEEDED_DB = 40.0  # of fp16 against fp32

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def gpu(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.gpu(needs_gpu(test))


def network(resolution: int = 64, noise: bool = True) -> StyleGAN2:
    torch.manual_seed(3)
    config = StyleGAN2Config(
        resolution=resolution, z_dim=24, w_dim=24, channel_base=1024, channel_max=32,
        mapping_layers=2, noise=noise,
    )  # fmt: skip
    net = StyleGAN2(config)
    for layer in net.modules():
        if isinstance(layer, StyleConv) and layer.noise_strength is not None:
            layer.noise_strength.data.fill_(0.3)
    return net


def latent(net: StyleGAN2 | StyleGAN3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.standard_normal((net.config.num_ws, net.config.w_dim)).astype(np.float32)


@pytest.fixture(autouse=True)
def playing() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture
def net() -> StyleGAN2:
    with torch.inference_mode(False):
        return network()


def again(counts: list[int]) -> Callable[[Work], Work]:
    """A capture as the card's: the work is done once, then only repeated into the same tensor."""

    def capture(work: Work) -> Work:
        output = work()
        index = len(counts)
        counts.append(0)

        def launch() -> Tensor:
            counts[index] += 1
            return output.copy_(work())

        return launch

    return capture


def decibels(image: Tensor, reference: Tensor) -> float:
    """PSNR of pictures whose range is 2."""
    return float(10.0 * torch.log10(4.0 / (image - reference).square().mean()))


def test_the_words_of_the_switches() -> None:
    assert CudaSettings.read("") == CudaSettings(True, True, False, True)
    assert CudaSettings.read("no-graph, compile") == CudaSettings(graph=False, compile=True)
    assert CudaSettings.read("graph no-half no-pinned no-compile") == CudaSettings(
        half=False, pinned=False
    )
    with pytest.raises(DeviceError, match=r"VJGAN_CUDA: 'fast' is not one of graph, no-graph, "):
        CudaSettings.read("fast")


def test_it_draws_what_the_processor_draws_at_every_strength_of_noise(net: StyleGAN2) -> None:
    with torch.inference_mode(False):
        reference = Traced(copy.deepcopy(net))
    runtime = Cuda(net, CPU, PLAIN)
    assert runtime.name == "torch, fp32, cpu"
    w = latent(net)
    for noise in (1.0, 0.0, 0.4, 1.0):
        image, wanted = runtime.draw(w, noise, {}), reference.draw(w, noise, {})
        assert (image - wanted).abs().max() < 1e-5 * wanted.abs().max()
    assert not torch.equal(runtime.draw(w, 1.0, {}), runtime.draw(w, 0.0, {}).clone())


def test_a_model_without_noise_inputs_plays() -> None:
    with torch.inference_mode(False):
        net = network(noise=False)
        reference = Traced(copy.deepcopy(net))
    w = latent(net)
    image = Cuda(net, CPU, PLAIN).draw(w, 1.0, {})
    assert (image - reference.draw(w, 1.0, {})).abs().max() < 1e-5


def test_fp16_comes_near_enough(net: StyleGAN2) -> None:
    runtime = Cuda(net, CPU, CudaSettings(graph=False, pinned=False))
    assert runtime.name == "torch, fp16, cpu"
    exact = Cuda(net, CPU, PLAIN)
    for seed in range(3):
        w = latent(net, seed)
        assert decibels(runtime.draw(w, 1.0, {}), exact.draw(w, 1.0, {})) > NEEDED_DB
    assert not torch.equal(runtime.draw(w, 1.0, {}), exact.draw(w, 1.0, {}))


def test_the_network_given_stays_as_it_was(net: StyleGAN2) -> None:
    before = copy.deepcopy(net.state_dict())
    runtime = Cuda(net, CPU, CudaSettings(graph=False, pinned=False))
    runtime.draw(latent(net), 0.2, {})
    after = net.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert net.synthesis.half_from > len(net.synthesis.to_rgb) - 1
    # Its copy keeps the strengths that the model came with, too: others play it beside this one.
    assert all(torch.equal(before[k], v) for k, v in runtime.network.state_dict().items())


def test_a_graph_is_captured_once_and_fed_through_its_buffers(net: StyleGAN2) -> None:
    counts: list[int] = []
    runtime = Cuda(net, CPU, CudaSettings(half=False, pinned=False), capture=again(counts))
    plain = Cuda(net, CPU, PLAIN)
    assert runtime.name == "torch, fp32, cpu, graph"
    first = runtime.draw(latent(net, 0), 1.0, {})
    for seed, noise in ((1, 1.0), (2, 0.3), (1, 0.0)):
        image = runtime.draw(latent(net, seed), noise, {})
        assert image.data_ptr() == first.data_ptr()  # the same memory each time
        torch.testing.assert_close(image, plain.draw(latent(net, seed), noise, {}))
    assert counts == [4]


def test_one_graph_a_shape_and_the_least_recently_used_goes(net: StyleGAN2) -> None:
    counts: list[int] = []
    runtime = Cuda(net, CPU, CudaSettings(half=False, pinned=False), capture=again(counts))
    w = latent(net)
    shapes = [np.concatenate([w, w[:k]]) for k in range(SHAPES + 1)]  # those behind are not read
    images = [runtime.draw(shape, 1.0, {}).clone() for shape in shapes[:SHAPES]]
    assert len(counts) == SHAPES
    assert all(torch.equal(image, images[0]) for image in images)
    runtime.draw(shapes[0], 1.0, {})  # used again: number 1 is the oldest now
    runtime.draw(shapes[SHAPES], 1.0, {})
    assert len(counts) == SHAPES + 1
    runtime.draw(shapes[0], 1.0, {})
    assert len(counts) == SHAPES + 1
    runtime.draw(shapes[1], 1.0, {})
    assert len(counts) == SHAPES + 2


def test_what_is_not_to_be_had_is_named_and_left_out(
    net: StyleGAN2, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(work: Work) -> Work:
        raise RuntimeError("operation not permitted when stream is capturing\nand pages more")

    runtime = Cuda(net, CPU, CudaSettings(half=False, pinned=False), capture=refuse)
    wanted = Cuda(net, CPU, PLAIN).draw(latent(net), 1.0, {})
    with caplog.at_level(logging.WARNING, "vjgan"):
        for _ in range(2):
            torch.testing.assert_close(runtime.draw(latent(net), 1.0, {}), wanted)
    assert [record.getMessage() for record in caplog.records] == [
        "CUDA graph not possible: operation not permitted when stream is capturing; "
        "running operation by operation"
    ]
    assert runtime.name == "torch, fp32, cpu"


def test_no_memory_for_a_graph_is_no_reason_to_do_without_it_unasked(net: StyleGAN2) -> None:
    tries: list[int] = []

    def capture(work: Work) -> Work:
        tries.append(1)
        if len(tries) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return again([])(work)

    runtime = Cuda(net, CPU, CudaSettings(half=False, pinned=False), capture=capture)
    with pytest.raises(torch.OutOfMemoryError):
        runtime.draw(latent(net), 1.0, {})
    runtime.draw(latent(net), 1.0, {})  # with more room it is tried again
    assert len(tries) == 2 and runtime.name.endswith("graph")


@pytest.mark.skipif(torch.cuda.is_available(), reason="here they are to be had")
def test_without_a_card_both_fallbacks_are_named(
    net: StyleGAN2, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "vjgan"):
        Cuda(net, CPU, CudaSettings()).draw(latent(net), 1.0, {})
    one, two = (record.getMessage() for record in caplog.records)
    assert one.startswith("page-locked memory not possible: ")
    assert two.startswith("CUDA graph not possible: ")


def test_a_compiler_that_fails_is_named_and_left_out(
    net: StyleGAN2, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(work: Callable[..., Tensor], **_: object) -> Callable[..., Tensor]:
        def run(*_: object) -> Tensor:
            raise RuntimeError("no working compiler")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    runtime = Cuda(net, CPU, CudaSettings(graph=False, half=False, compile=True, pinned=False))
    assert runtime.name == "torch, fp32, cpu, compiled"
    with caplog.at_level(logging.WARNING, "vjgan"):
        image = runtime.draw(latent(net), 1.0, {})
        runtime.draw(latent(net), 1.0, {})
    torch.testing.assert_close(image, Cuda(net, CPU, PLAIN).draw(latent(net), 1.0, {}))
    assert [record.getMessage() for record in caplog.records] == [
        "torch.compile not possible: no working compiler; running without"
    ]
    assert runtime.name == "torch, fp32, cpu"


def test_stylegan3_is_moved_and_turned_through_the_same_buffers() -> None:
    with torch.inference_mode(False):
        torch.manual_seed(5)
        net = StyleGAN3(
            StyleGAN3Config(resolution=16, z_dim=16, w_dim=16, channel_base=256, channel_max=16)
        )
    runtime = Cuda(net, CPU, CudaSettings(half=False, pinned=False), capture=again([]))
    w = latent(net)
    ws = torch.from_numpy(w)[None]
    for place in ({}, {"input.x": 0.2, "input.turn": 30.0}, {"input.y": -0.4}, {}):
        x, y, turn = (place.get(f"input.{name}", 0.0) for name in ("x", "y", "turn"))
        wanted = net.synthesis(ws, transform(x, y, turn))[0]
        image = runtime.draw(w, 1.0, place)
        assert (image - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_the_hand_over_keeps_no_picture_and_finds_what_is_not_finite() -> None:
    hand_over = HandOver()
    image = torch.linspace(-1.5, 1.5, 3 * 8 * 4).view(3, 8, 4)
    one = hand_over(image)
    kept = one.copy()
    wanted = (image * 127.5 + 128.0).clamp(0.0, 255.0).to(torch.uint8).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(one, wanted)
    hand_over(-image)
    np.testing.assert_array_equal(one, kept)  # what was handed over is the receiver's
    assert hand_over(torch.zeros(4, 2, 6)).shape == (2, 6, 3)
    bad = image.clone()
    bad[1, 7, 3] = float("nan")
    with pytest.raises(NotFiniteError):
        hand_over(bad)
    np.testing.assert_array_equal(hand_over(image), wanted)


# What follows needs a card.


@gpu
def test_gpu_fp16_with_a_graph_comes_near_enough(net: StyleGAN2) -> None:
    runtime = make_runtime(net, torch.device("cuda"))
    assert runtime.name == "torch, fp16, cuda, graph"
    exact = Cuda(net, CPU, PLAIN)
    for seed, noise in ((0, 1.0), (1, 0.0), (2, 0.5)):
        image = runtime.draw(latent(net, seed), noise, {}).cpu()
        assert decibels(image, exact.draw(latent(net, seed), noise, {})) > NEEDED_DB


@gpu
@pytest.mark.parametrize(("half", "least_db"), [(False, 55.0), (True, NEEDED_DB)])
def test_gpu_a_graph_draws_what_its_operations_draw(
    net: StyleGAN2, half: bool, least_db: float
) -> None:
    device = torch.device("cuda")
    runtime = Cuda(net, device, CudaSettings(half=half))
    plain = Cuda(net, device, CudaSettings(graph=False, half=half))
    for seed, noise in ((0, 1.0), (1, 0.0), (2, 0.5)):
        image = runtime.draw(latent(net, seed), noise, {})
        # cuDNN may choose other algorithms for the two, which round differently (TF32).
        assert decibels(image, plain.draw(latent(net, seed), noise, {})) > least_db
    assert runtime.name.endswith("graph") and not plain.name.endswith("graph")


@gpu
def test_gpu_nothing_waits_nor_asks_for_memory_in_the_loop(net: StyleGAN2) -> None:
    runtime, hand_over = make_runtime(net, torch.device("cuda")), HandOver()
    for seed in range(3):
        hand_over(runtime.draw(latent(net, seed), 1.0, {}))
    asked = torch.cuda.memory_stats()["segment.all.allocated"]  # of the driver
    torch.cuda.set_sync_debug_mode("error")
    try:
        pictures = [hand_over(runtime.draw(latent(net, k), 0.5, {})) for k in range(5)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.cuda.memory_stats()["segment.all.allocated"] == asked
    assert len({picture.tobytes() for picture in pictures}) == 5


@gpu
def test_gpu_pictures_are_the_same_page_locked_or_not(net: StyleGAN2) -> None:
    runtime = make_runtime(net, torch.device("cuda"))
    image = runtime.draw(latent(net), 1.0, {})
    np.testing.assert_array_equal(HandOver()(image), HandOver(pinned=False)(image))


@gpu
def test_gpu_a_shortage_of_memory_steps_down_and_plays_on(net: StyleGAN2) -> None:
    from vjgan.generator.player import make_player, make_space
    from vjgan.types import LatentState

    state = LatentState(0.0, latent(net))
    with torch.inference_mode(False):
        player = make_player(net, make_space(net), "tight", False, torch.device("cuda"))
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        picture = player.generate(state).image
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "graph" not in player.runtime.name  # or on the processor, if even that was too much
    wanted = HandOver()(Cuda(net, CPU, PLAIN).draw(state.w, 1.0, {}))
    assert np.abs(picture.astype(int) - wanted).mean() < 1.0
