"""StyleGAN3: the published networks' pictures, the filters, and that the picture follows its
transform."""

import copy
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import plain3
from vjgan.generator.filters import downsampling, lowpass, radial, upsampling
from vjgan.generator.official import flatten
from vjgan.generator.official3 import convert
from vjgan.generator.pickles import read
from vjgan.generator.records import Record, RefusedError
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config, transform

REFERENCES = [(name, k) for name in ("sg3t_64", "sg3r_64") for k in range(4)]
T = StyleGAN3Config(
    resolution=32, z_dim=16, w_dim=16, channel_base=512, channel_max=12, num_layers=6
)  # fmt: skip
R = StyleGAN3Config(
    resolution=32, z_dim=16, w_dim=16, channel_base=512, channel_max=12, num_layers=6,
    conv_kernel=1, use_radial_filters=True,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products this small lose more than they gain by two threads on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def reference_folder() -> Path:
    return Path(os.environ.get("VJGAN_REFERENCE", Path(__file__).parent / "reference"))


@cache
def reference(name: str) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    tree = read(reference_folder() / f"{name}.pkl")
    assert isinstance(tree, dict) and isinstance(tree["G_ema"], Record)
    return flatten(tree["G_ema"])


@cache
def network(name: str) -> StyleGAN3:
    config, arrays = convert(*reference(name))
    return StyleGAN3.of(config, {key: torch.from_numpy(a.copy()) for key, a in arrays.items()})


@cache
def played(name: str) -> StyleGAN3:
    return copy.deepcopy(network(name)).freeze()


@cache
def small(config: StyleGAN3Config) -> StyleGAN3:
    torch.manual_seed(3)
    net = StyleGAN3(config)
    with torch.no_grad():
        for layer in net.synthesis.layers:
            layer.bias.normal_()
            layer.magnitude.fill_(0.7)
    return net


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


@torch.no_grad()
@pytest.mark.parametrize(("name", "k"), REFERENCES)
def test_the_published_picture(name: str, k: int) -> None:
    net, case = network(name), np.load(reference_folder() / f"{name}.npz")
    cutoff = int(case[f"k{k}_cutoff"])
    w = net.mapping(torch.from_numpy(case[f"k{k}_z"]))
    ws = net.truncate(w, float(case[f"k{k}_psi"]), None if cutoff < 0 else cutoff)
    matrix = torch.from_numpy(case.get(f"k{k}_transform", np.eye(3, dtype=np.float32)))
    wanted = torch.from_numpy(case[f"k{k}_image"])
    assert difference(ws, torch.from_numpy(case[f"k{k}_w"])) < 1e-5
    assert difference(net.synthesis(ws, matrix), wanted) < 1e-4
    assert difference(played(name).synthesis(ws, matrix), wanted) < 1e-4


@pytest.mark.parametrize("name", ["sg3t_64", "sg3r_64"])
def test_the_design_of_filters_is_that_of_the_published_files(name: str) -> None:
    net = network(name)
    fresh = StyleGAN3(net.config)
    for ours, theirs in zip(fresh.synthesis.layers, net.synthesis.layers, strict=True):
        for kind in ("up_filter", "down_filter"):
            mine, published = getattr(ours, kind), getattr(theirs, kind)
            assert (mine is None) == (published is None)
            if mine is not None:
                torch.testing.assert_close(mine, published, rtol=1e-5, atol=1e-7)


def test_a_low_pass_passes_low_and_stops_high() -> None:
    taps, cutoff, width, rate = 96, 16.0, 8.0, 128.0
    row = lowpass(taps, cutoff, width, rate).double()
    hz = torch.tensor([0.0, 4.0, 11.9, 16.0, 20.1, 30.0, 50.0], dtype=torch.float64)
    waves = torch.exp(2j * torch.pi * hz[:, None] / rate * torch.arange(taps))
    strength = (waves @ row.to(waves.dtype)).abs()
    torch.testing.assert_close(strength[:3], torch.ones(3).double(), atol=2e-3, rtol=0)
    assert strength[3] == pytest.approx(0.5, abs=0.01)
    assert strength[4:].max() < 2e-3


def test_a_radial_filter_is_the_same_in_every_direction() -> None:
    taps, rate = 48, 64.0
    plane = radial(taps, 8.0, 6.0, rate).double()
    assert plane.sum() == pytest.approx(1.0, abs=1e-5)
    angle = torch.linspace(0, torch.pi, 9, dtype=torch.float64)
    at = torch.arange(taps, dtype=torch.float64)
    for hz in (4.0, 8.0):
        x, y = (2 * torch.pi * hz / rate * f(angle)[:, None] * at for f in (torch.cos, torch.sin))
        waves = torch.exp(1j * (x[:, :, None] + y[:, None]))  # [angles, taps, taps]
        strength = (waves * plane).sum((1, 2)).abs()
        assert strength.max() - strength.min() < 1e-2
        assert strength.mean() == pytest.approx(1.0 if hz == 4.0 else 0.5, abs=0.05)


def test_resampling_matrices_are_convolutions() -> None:
    rng = np.random.default_rng(1)
    signal, row = rng.normal(size=20), rng.normal(size=8)
    padded = np.concatenate([np.zeros(5), np.kron(signal, [1, 0, 0]) * 3, np.zeros(9)])
    up = upsampling(20, 50, 3, 5, torch.from_numpy(row)).numpy()
    np.testing.assert_allclose(up @ signal, np.convolve(padded, row, "valid")[:50], atol=1e-12)
    cropped = upsampling(20, 40, 3, -4, torch.from_numpy(row)).numpy()
    np.testing.assert_allclose(cropped @ signal, np.convolve(padded[9:], row, "valid")[:40])
    down = downsampling(20, 7, 2, torch.from_numpy(row)).numpy()
    np.testing.assert_allclose(down @ signal, np.convolve(signal, row, "valid")[::2], atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("config", [T, R], ids="TR")
def test_the_picture_follows_its_transform(config: StyleGAN3Config) -> None:
    net = small(config)
    ws = net.truncate(net.mapping(torch.randn(1, 16, generator=torch.Generator().manual_seed(4))))
    still = net.synthesis(ws)
    moved = net.synthesis(ws, transform(x=0.25, y=-0.125))  # 8 pixels right, 4 up
    inside = slice(10, 22)
    wanted = still[:, :, 14:26, 2:14]
    assert difference(moved[:, :, inside, inside], wanted) < 0.15
    assert difference(still[:, :, inside, inside], wanted) > 0.3
    if config.use_radial_filters:
        turned = net.synthesis(ws, transform(turn=90.0))
        wanted = still.rot90(-1, (2, 3))[:, :, 8:24, 8:24]  # clockwise
        assert difference(turned[:, :, 8:24, 8:24], wanted) < 0.15


def test_layers_of_the_published_sizes() -> None:
    t = StyleGAN3Config(resolution=1024)
    r = StyleGAN3Config(
        resolution=1024, channel_base=65536, channel_max=1024, conv_kernel=1,
        use_radial_filters=True,
    )  # fmt: skip
    # From the names of the layers of the published stylegan3-t-ffhq-1024x1024 and -r-.
    sizes = [36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024, 1024]
    widths = [512] * 7 + [323, 203, 128, 81, 51, 32, 32, 3]
    wide = [1024] * 7 + [645, 406, 256, 161, 102, 64, 64, 3]
    assert [(s.size_out, s.n_out) for s in t.layers()] == list(zip(sizes, widths, strict=True))
    assert [(s.size_out, s.n_out) for s in r.layers()] == list(zip(sizes, wide, strict=True))
    assert (t.num_ws, r.num_ws) == (16, 16)


@torch.no_grad()
@pytest.mark.parametrize(
    "config",
    [
        T,
        R,
        replace(T, conv_clamp=0.2, resolution=64),
        replace(R, conv_clamp=None, img_channels=1, c_dim=3),
        replace(T, lrelu_upsampling=1, num_critical=0, margin_size=3),
        replace(T, filter_size=5, resolution=16, lrelu_upsampling=4),
        replace(R, conv_kernel=3),
        replace(T, conv_kernel=1),
    ],
    ids=str,
)
def test_playing_is_the_published_method(config: StyleGAN3Config) -> None:
    net = small(config)
    playing = copy.deepcopy(net).freeze()
    assert playing.synthesis.course is not None
    for seed in (1, 2):  # memory is used again
        z = torch.randn(seed, 16, generator=torch.Generator().manual_seed(seed))
        ws, matrix = net.truncate(net.mapping(z)), transform(0.1 * seed, 0.2, 30.0)
        wanted = plain3.synthesis(net, ws, matrix)
        assert difference(net.synthesis(ws, matrix), wanted) < 1e-5
        assert difference(playing.synthesis(ws, matrix), wanted) < 2e-5


@torch.no_grad()
def test_a_spoilt_picture_does_not_spoil_the_next() -> None:
    playing = copy.deepcopy(small(T)).freeze()
    ws = torch.randn(1, T.num_ws, 16, generator=torch.Generator().manual_seed(5))
    wanted = playing.synthesis(ws)
    assert playing.synthesis(ws * torch.nan).isnan().all()
    assert torch.equal(playing.synthesis(ws), wanted)


@torch.no_grad()
def test_a_copy_of_a_frozen_network_goes_by_its_own_weights() -> None:
    playing = copy.deepcopy(small(T)).freeze()
    changed = copy.deepcopy(playing)
    changed.synthesis.layers[-1].bias.add_(1.0)
    ws = torch.randn(1, T.num_ws, 16, generator=torch.Generator().manual_seed(5))
    wanted = playing.synthesis(ws) + T.output_scale
    torch.testing.assert_close(changed.synthesis(ws), wanted, atol=1e-4, rtol=0)
    torch.testing.assert_close(changed.freeze().synthesis(ws), wanted, atol=1e-4, rtol=0)


@torch.no_grad()
def test_gradients_and_batches() -> None:
    net = small(T)
    z = torch.randn(3, 16)
    with torch.enable_grad():
        image = net(z)
        image.square().mean().backward()
    assert image.shape == (3, 3, 32, 32)
    assert net.synthesis.layers[0].weight.grad.abs().max() > 0
    torch.testing.assert_close(image[1:2], net(z[1:2]), atol=1e-4, rtol=1e-4)
    ws = torch.randn(1, T.num_ws, 16)
    with torch.enable_grad():  # a frozen one still tells how its picture follows w
        copy.deepcopy(net).freeze().synthesis(ws.requires_grad_()).sum().backward()
    assert ws.grad is not None and ws.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["sg3t_64", "sg3r_64"])
def test_a_bare_state_dict_tells_its_config(name: str) -> None:
    arrays, settings = reference(name)
    assert convert(arrays, {})[0] == convert(arrays, settings)[0]


def test_a_mapping_may_learn_at_another_rate() -> None:
    arrays, settings = reference("sg3t_64")
    settings = {**settings, "mapping.fc0": {**settings["mapping.fc0"], "bias_gain": 0.5}}
    config, tensors = convert(arrays, settings)
    net = StyleGAN3.of(config, {key: torch.from_numpy(x.copy()) for key, x in tensors.items()})
    x = z = torch.ones(1, config.z_dim)  # of a mean square of 1 as it is
    for layer in net.mapping.layers:
        x = x @ layer.weight.T * (0.5 / x.shape[1] ** 0.5) + layer.bias * 0.5
        x = torch.where(x < 0.0, 0.2 * x, x) * 2**0.5
    torch.testing.assert_close(net.mapping(z), x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, s: a.pop("synthesis.L3_36_32.bias"), "lacks the tensor"),
        (lambda a, s: a.update({"synthesis.L3_36_32.bias": np.zeros(3)}), "of shape"),
        (lambda a, s: s["synthesis.L3_36_32"].update(in_cutoff=9.0), "in_cutoff 9 in L3"),
        (lambda a, s: s["synthesis"].update(num_layers=13), "15 layers"),
        (lambda a, s: a.pop("synthesis.L3_36_32.weight"), "has 14, up to L14"),
        (lambda a, s: a.update({"synthesis.L0_36_32.weight": np.zeros(3)}), "dimensions"),
        (lambda a, s: s["synthesis"].update(margin_size="x"), "margin_size .* not a number"),
        (lambda a, s: s["synthesis.L3_36_32"].update(conv_clamp=9), "differently"),
    ],
)
def test_a_wrong_checkpoint_is_refused(change, words: str) -> None:
    arrays, settings = reference("sg3t_64")
    arrays, settings = dict(arrays), {name: dict(state) for name, state in settings.items()}
    change(arrays, settings)
    with pytest.raises(RefusedError, match=words):
        convert(arrays, settings)
