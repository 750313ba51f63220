"""StyleGAN2 against a plain one: weights modulated per picture, pixels doubled by hand, NCHW."""

import math
from dataclasses import replace

import pytest
import torch
from networks import lively
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.stylegan2 import StyleConv, StyleGAN2, StyleGAN2Config, ToRGB, double

SMALL = StyleGAN2Config(
    resolution=32, z_dim=24, w_dim=16, channel_base=256, channel_max=16, mapping_layers=3
)


def plain_filter(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """A true convolution with the filter, where it lies wholly inside, times four."""
    row = torch.tensor(taps, dtype=x.dtype).flip(0) / sum(taps)
    kernel = 4.0 * torch.outer(row, row).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(x, kernel, groups=x.shape[1])


def plain_double(x: Tensor, taps: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)) -> Tensor:
    """Zeros between the pixels, then the filter around each, as the paper puts it."""
    n, c, h, w = x.shape
    grid = x.new_zeros(n, c, 2 * h, 2 * w)
    grid[:, :, ::2, ::2] = x
    before, after = (len(taps) + 1) // 2, (len(taps) - 2) // 2
    return plain_filter(F.pad(grid, (before, after, before, after)), taps)


def plain_convolution(
    x: Tensor, weight: Tensor, up: bool, taps: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
) -> Tensor:
    """weight [n, out, in, 3, 3], one for each picture."""
    n, n_out, n_in = weight.shape[:3]
    if not up:
        flat = x.reshape(1, n * n_in, *x.shape[2:])
        y = F.conv2d(flat, weight.flatten(0, 1), padding=1, groups=n)
        return y.reshape(n, n_out, *y.shape[2:])
    h, w = x.shape[2:]
    grid = x.new_zeros(n, n_in, 2 * h + 3, 2 * w + 3)  # zeros between, two more around
    grid[:, :, 2:-2:2, 2:-2:2] = x
    turned = weight.flip(3, 4).flatten(0, 1)  # the transpose of a correlation
    y = F.conv2d(grid.reshape(1, n * n_in, *grid.shape[2:]), turned, groups=n)
    before, after = (len(taps) - 1) // 2, len(taps) // 2 - 1
    y = plain_filter(F.pad(y, (before, after, before, after)), taps)
    return y.reshape(n, n_out, 2 * h, 2 * w)


def plain_layer(
    config: StyleGAN2Config, layer: StyleConv, x: Tensor, w: Tensor, noise: float
) -> Tensor:
    style = w @ layer.affine.weight.T / math.sqrt(w.shape[1]) + layer.affine.bias
    weight = layer.weight[None] * style[:, None, :, None, None]
    weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    y = plain_convolution(x, weight, layer.filter is not None, config.filter)
    if config.noise:
        y = y + noise * layer.noise_strength * layer.noise
    y = y + layer.bias[:, None, None]
    return plain_bound(config, torch.where(y < 0.0, 0.2 * y, y) * math.sqrt(2.0))


def plain_bound(config: StyleGAN2Config, x: Tensor) -> Tensor:
    return x.clamp(-config.clamp, config.clamp) if config.clamp else x


def plain_colour(config: StyleGAN2Config, layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    style = w @ layer.affine.weight.T / math.sqrt(w.shape[1]) + layer.affine.bias
    weight = layer.weight[None, :, :, 0, 0] * style[:, None] / math.sqrt(x.shape[1])
    return plain_bound(
        config, torch.einsum("noi,nihw->nohw", weight, x) + layer.bias[:, None, None]
    )


def plain_synthesis(network: StyleGAN2, ws: Tensor, noise: float) -> Tensor:
    net, config = network.synthesis, network.config
    x = net.const.expand(len(ws), -1, -1, -1)
    x = plain_layer(config, net.convs[0], x, ws[:, 0], noise)
    image = None
    for k in range(len(config.sizes)):
        if k:
            below = x
            x = plain_layer(config, net.convs[2 * k - 1], x, ws[:, 2 * k - 1], noise)
            x = plain_layer(config, net.convs[2 * k], x, ws[:, 2 * k], noise)
            if config.architecture == "resnet":
                weight = net.shortcuts[k - 1].weight[:, :, 0, 0] / math.sqrt(below.shape[1])
                shortcut = torch.einsum("oi,nihw->nohw", weight, below)
                x = (x + plain_double(shortcut, config.filter)) / math.sqrt(2.0)
        if config.architecture == "skip" or k == len(config.sizes) - 1:
            to_rgb = net.to_rgb[k if config.architecture == "skip" else 0]
            colour = plain_colour(config, to_rgb, x, ws[:, 2 * k + 1])
            image = colour if image is None else plain_double(image, config.filter) + colour
    return image


@pytest.fixture(scope="module")
def network() -> StyleGAN2:
    return lively(SMALL)


def relative(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("noise", [1.0, 0.4, 0.0])
@torch.no_grad()
def test_synthesis_is_the_papers(network: StyleGAN2, noise: float) -> None:
    ws = torch.randn(3, SMALL.num_ws, SMALL.w_dim)  # each layer its own: style mixing
    wanted = plain_synthesis(network, ws, noise)
    assert relative(network.synthesis(ws, noise), wanted) < 1e-5  # the way of training
    assert relative(network.synthesis(ws[1:2], noise), wanted[1:2]) < 1e-5  # that of playing
    frozen = lively(SMALL).freeze()
    assert relative(frozen.synthesis(ws[1:2], noise), wanted[1:2]) < 1e-5


@pytest.mark.parametrize("channels", [1, 4])
@torch.no_grad()
def test_other_shapes(channels: int) -> None:
    config = StyleGAN2Config(16, 8, 8, 0, 64, 8, channels, 1)
    network = lively(config)
    ws = torch.randn(1, config.num_ws, 8)
    assert config.num_ws == 6
    assert network.synthesis(ws).shape == (1, channels, 16, 16)
    assert relative(network.synthesis(ws), plain_synthesis(network, ws, 1.0)) < 1e-5


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "orig"},
        {"architecture": "resnet", "widths": (12, 16, 7, 4)},
        {"noise": False},
        {"clamp": 0.5},
        {"resolution": 4},
        {"resolution": 4, "architecture": "orig", "img_channels": 1},
        {"clamp": 0.5, "architecture": "resnet"},
        {"filter": (1.0, 2.0, 1.0)},
        {"filter": (1.0, 2.0, 5.0, 3.0, 1.0, 0.5), "architecture": "resnet"},
    ],
    ids=str,
)
@torch.no_grad()
def test_every_architecture_is_the_papers(change: dict[str, object]) -> None:
    config = replace(SMALL, **change)
    network = lively(config)
    ws = torch.randn(2, config.num_ws, config.w_dim)
    wanted = plain_synthesis(network, ws, 1.0)
    assert wanted.shape == (2, config.img_channels, config.resolution, config.resolution)
    assert relative(network.synthesis(ws), wanted) < 1e-5
    assert relative(network.freeze().synthesis(ws[:1]), wanted[:1]) < 1e-5


@torch.no_grad()
def test_a_mapping_may_be_of_other_widths() -> None:
    config = replace(SMALL, c_dim=3, mapping_width=9, embed_dim=5, mapping_lr=0.5)
    mapping = lively(config).mapping
    assert [tuple(layer.weight.shape) for layer in mapping.layers] == [(9, 29), (9, 9), (16, 9)]
    z, c = torch.randn(1, SMALL.z_dim), torch.eye(3)[:1]
    e = c @ (mapping.embed.weight / math.sqrt(3)).T + mapping.embed.bias
    x = torch.cat([v / v.square().mean(1, keepdim=True).sqrt() for v in (z, e)], 1)
    for layer in mapping.layers:
        x = x @ (layer.weight * 0.5 / math.sqrt(x.shape[1])).T + layer.bias * 0.5
        x = torch.where(x < 0.0, 0.2 * x, x) * math.sqrt(2.0)
    assert relative(mapping(z, c), x) < 1e-5


def test_doubling_keeps_a_flat_picture_flat_inside() -> None:
    image = torch.ones(1, 3, 6, 6)
    doubled = double(image)
    assert torch.allclose(doubled[:, :, 1:-1, 1:-1], torch.ones(1, 3, 10, 10))
    noise = torch.randn(2, 3, 5, 5)
    assert torch.allclose(double(noise), plain_double(noise), atol=1e-6)


@torch.no_grad()
def test_mapping_is_the_papers(network: StyleGAN2) -> None:
    z = torch.randn(5, SMALL.z_dim) * 7.0
    x = z / z.square().mean(1, keepdim=True).sqrt()
    for layer in network.mapping.layers:
        x = x @ (layer.weight * 0.01 / math.sqrt(x.shape[1])).T + layer.bias * 0.01
        x = torch.where(x < 0.0, 0.2 * x, x) * math.sqrt(2.0)
    assert relative(network.mapping(z), x) < 1e-5


@torch.no_grad()
def test_classes_move_w() -> None:
    config = StyleGAN2Config(16, 8, 8, 3, 64, 8, 3, 2)
    mapping = lively(config).mapping
    z = torch.randn(1, 8).expand(4, -1)
    c = torch.cat([torch.eye(3), torch.zeros(1, 3)])
    w = mapping(z, c)
    assert len(torch.unique(w.round(decimals=4), dim=0)) == 4
    assert torch.equal(mapping(z), w[3:].expand(4, -1))  # no class is the zero vector
    # By hand: the embedding, normalised, beside z.
    e = c @ (mapping.embed.weight / math.sqrt(3)).T + mapping.embed.bias
    x = torch.cat([v / v.square().mean(1, keepdim=True).sqrt() for v in (z, e)], 1)
    for layer in mapping.layers:
        x = x @ (layer.weight * 0.01 / math.sqrt(x.shape[1])).T + layer.bias * 0.01
        x = torch.where(x < 0.0, 0.2 * x, x) * math.sqrt(2.0)
    assert relative(w, x) < 1e-5


@torch.no_grad()
def test_truncation_moves_the_first_layers_toward_the_mean(network: StyleGAN2) -> None:
    w = network.mapping(torch.randn(2, SMALL.z_dim))
    mean = network.mapping.w_mean
    ws = network.truncate(w, psi=0.25, cutoff=3)
    assert ws.shape == (2, SMALL.num_ws, SMALL.w_dim)
    for k in range(SMALL.num_ws):
        wanted = mean + 0.25 * (w - mean) if k < 3 else w
        assert torch.allclose(ws[:, k], wanted, atol=1e-6)
    assert torch.equal(network.truncate(w), w[:, None].expand(-1, SMALL.num_ws, -1))
    everywhere = network.truncate(w, psi=0.0)
    assert torch.allclose(everywhere, mean.expand_as(everywhere), atol=1e-6)


def test_gradients_reach_every_parameter() -> None:
    config = StyleGAN2Config(16, 8, 8, 3, 64, 8, 3, 2)
    network = lively(config)
    network(torch.randn(2, 8), torch.eye(3)[:2], fresh=True).square().sum().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None and float(value.grad.abs().max()) > 0.0, name


@torch.no_grad()
def test_fresh_noise_differs_from_picture_to_picture(network: StyleGAN2) -> None:
    ws = torch.randn(1, SMALL.num_ws, SMALL.w_dim).expand(2, -1, -1)
    fixed = network.synthesis(ws)
    assert torch.equal(fixed[0], fixed[1])
    fresh = network.synthesis(ws, fresh=True)
    assert not torch.allclose(fresh[0], fresh[1], atol=1e-3)
    assert not torch.allclose(network.synthesis(ws, noise=0.0)[0], fixed[0], atol=1e-3)


@torch.no_grad()
def test_half_precision_is_close(network: StyleGAN2) -> None:
    ws = torch.randn(1, SMALL.num_ws, SMALL.w_dim)
    half = lively(SMALL).freeze(half=True)
    image = half.synthesis(ws)
    assert image.dtype == torch.float32
    assert 0.0 < relative(image, network.synthesis(ws)) < 0.01


@torch.no_grad()
def test_tracking_brings_the_mean_near(network: StyleGAN2) -> None:
    mapping = lively(SMALL).mapping
    w = mapping(torch.randn(4096, SMALL.z_dim))
    for _ in range(100):
        mapping.track(w, beta=0.9)
    assert torch.allclose(mapping.w_mean, w.mean(0), atol=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@torch.no_grad()
def test_graphics_card_gives_the_same_picture(network: StyleGAN2) -> None:
    ws = torch.randn(1, SMALL.num_ws, SMALL.w_dim)
    image = lively(SMALL).cuda().freeze(half=True).synthesis(ws.cuda()).cpu()
    assert relative(image, network.synthesis(ws)) < 0.01
