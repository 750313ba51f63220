"""The parts of an adversarial training, each against a reference of another kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from albums import scene
from networks import lively
from torch import Tensor

from bench.training import PlainTrainer, make_trainer, plain_paint, plain_tell
from vjgan.errors import DeviceError, VjganError
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.train import chance
from vjgan.train.augment import NUMBERS, SYMLET, adapt, augment, warp
from vjgan.train.discriminator import Discriminator, told_of_neighbours
from vjgan.train.fir import blur, smooth
from vjgan.train.loss import default_gamma, fool_loss, path_lengths, slope, tell_loss
from vjgan.train.paint import kept_noise, noise_shapes, paint
from vjgan.train.precision import Precision, find_precision
from vjgan.train.settings import Settings, shape
from vjgan.train.trainer import Trainer

CPU = torch.device("cpu")
EXACT = Precision()


def small(architecture: str = "skip", **options: object) -> StyleGAN2Config:
    return StyleGAN2Config(
        resolution=32,
        z_dim=16,
        w_dim=16,
        channel_base=256,
        channel_max=16,
        mapping_layers=2,
        architecture=architecture,
        **options,  # type: ignore[arg-type]
    )


def pictures(count: int, side: int = 32) -> Tensor:
    stacked = np.stack([scene(k, side, side) for k in range(count)])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_what_is_painted_in_training_is_what_is_played(architecture: str) -> None:
    network = lively(small(architecture))
    ws = torch.randn(3, network.config.num_ws, 16)
    with torch.no_grad():
        played = network.synthesis(ws)
        painted = paint(network.synthesis, ws, kept_noise(network.synthesis, 3), EXACT)
        assert torch.allclose(painted, played, atol=1e-5 * float(played.abs().max()))
        played = network.synthesis(ws, noise=0.0)
        assert torch.allclose(paint(network.synthesis, ws, None, EXACT), played, atol=1e-4)
        short = paint(network.synthesis, ws, None, Precision(torch.bfloat16, 8))
    assert 0 < float((short - played).square().mean().sqrt()) < 0.03 * float(played.std())


def test_both_networks_are_the_published_ones_done_plainly() -> None:
    trainer = make_trainer(Trainer, 32, "fp32", 256, 8)
    network = lively(trainer.config)
    torch.manual_seed(1)
    judge = Discriminator(trainer.config)
    with torch.no_grad():
        for name, value in judge.named_parameters():
            if name.endswith("bias"):
                value.normal_(0.0, 0.3)
        ws = torch.randn(8, trainer.config.num_ws, trainer.config.w_dim)
        noise = torch.randn(8, sum(noise_shapes(network.synthesis)))
        image = paint(network.synthesis, ws, noise, EXACT)
        plain = plain_paint(network.synthesis, ws, noise)
        assert torch.allclose(image, plain, atol=1e-5 * float(plain.abs().max()))
        assert torch.allclose(judge(image, None, EXACT), plain_tell(judge, image), atol=1e-5)


def test_a_step_is_that_of_the_plain_method() -> None:
    """Gradients, second ones too: after two steps the weights are the same."""

    def make(kind: type[Trainer]) -> Trainer:
        return make_trainer(kind, 16, "fp32", 128, 8)

    ours, plain = make(Trainer), make(PlainTrainer)
    for trainer in (ours, plain):
        trainer.step()
        trainer.step()
    moved, apart = 0.0, 0.0
    start = make(Trainer).tensors()
    for name, value in ours.tensors().items():
        if value.dim() > 1 and name.startswith(("network", "discriminator")):
            moved += float((value - start[name]).square().sum())
            apart += float((value - plain.tensors()[name]).square().sum())
    assert apart < 1e-4 * moved


@pytest.mark.parametrize(("pad", "stride"), [((1, 1), 1), ((2, 2), 1), ((1, 1), 2), ((2, 1), 1)])
def test_filters_have_gradients_of_gradients(pad: tuple[int, int], stride: int) -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    taps = torch.randn(3, 1, 4, 4, dtype=torch.float64)

    def work(x: Tensor) -> Tensor:
        return blur(x, taps, pad, stride)

    assert torch.autograd.gradcheck(work, x)
    assert torch.autograd.gradgradcheck(work, x)


def test_smoothing_and_sampling_have_gradients_of_gradients() -> None:
    x = torch.randn(1, 2, 9, 9, dtype=torch.float64, requires_grad=True)
    taps = torch.randn(2, 1, 4, 4, dtype=torch.float64)
    grid = torch.rand(1, 5, 6, 2, dtype=torch.float64) * 1.6 - 0.8
    for work in (lambda x: smooth(x, taps), lambda x: warp(x, grid)):
        assert torch.autograd.gradcheck(work, x)
        assert torch.autograd.gradgradcheck(work, x)


def test_the_filters_of_the_augmentation_are_a_wavelet() -> None:
    row = np.array(SYMLET)
    for shift in range(0, 12, 2):
        product = row[: 12 - shift] @ row[shift:]
        assert product == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-9)
    for moment in range(6):  # six vanish: that of the sixth order (Daubechies 1992)
        high = row[::-1] * (-1.0) ** np.arange(12)
        assert high @ np.arange(12.0) ** moment == pytest.approx(0.0, abs=1e-4 * 12**moment)


def sights(count: int) -> Tensor:
    return chance.uniform((5,), range(count), NUMBERS, CPU)


def test_without_chance_nothing_is_augmented() -> None:
    x = pictures(4)
    assert torch.equal(augment(x, sights(4), 0.0), x)
    rare = augment(x, sights(4), 1e-6)
    assert torch.allclose(rare, x, atol=1e-5)


def test_augmentation_takes_pictures_apart_more_with_p_and_keeps_greys_in_the_mean() -> None:
    x = pictures(64)
    changed = [float((augment(x, sights(64), p) - x).abs().mean()) for p in (0.1, 0.4, 1.0)]
    assert changed[0] < changed[1] < changed[2]
    share = (augment(x, sights(64), 0.1) - x).abs().amax((1, 2, 3)) > 1e-3
    # Flip, turn, move, size, two rotations, stretch, shift, five colours: 1 - 0.9^12 or so, of
    # which some change nothing.
    assert 0.5 < float(share.float().mean()) < 0.85


def test_a_picture_is_augmented_the_same_in_any_company() -> None:
    x, chances = pictures(6), sights(6)
    alone = torch.cat([augment(x[k : k + 2], chances[k : k + 2], 0.7) for k in (0, 2, 4)])
    assert torch.allclose(augment(x, chances, 0.7), alone, atol=1e-5)


def test_gradients_pass_through_the_augmentation() -> None:
    """It is affine in a picture, so its gradient is known from differences, however large."""
    x, chances = pictures(4).double().requires_grad_(), sights(4).double()
    step, along = torch.randn_like(x), torch.randn_like(x)
    seen = augment(x, chances, 0.9)
    (grad,) = torch.autograd.grad((seen * along).sum(), x)
    with torch.no_grad():
        moved = ((augment(x + step, chances, 0.9) - seen) * along).sum()
    assert float((grad * step).sum()) == pytest.approx(float(moved), rel=1e-9)


def test_p_follows_how_sure_the_discriminator_is() -> None:
    assert adapt(0.0, 0.9, 64) == pytest.approx(64 / 500_000)
    assert adapt(0.3, 0.5, 64) == pytest.approx(0.3 - 64 / 500_000)
    assert adapt(0.0, 0.1, 64) == 0.0
    assert adapt(1.0, 1.0, 64) == 1.0


def test_groups_are_neighbours() -> None:
    x = torch.randn(8, 3, 4, 4)
    whole = told_of_neighbours(x)
    halves = torch.cat([told_of_neighbours(x[:4]), told_of_neighbours(x[4:])])
    assert torch.equal(whole, halves)
    deviation = x[:4].numpy().std(0).mean()
    assert float(whole[0, 3, 0, 0]) == pytest.approx(deviation, rel=1e-5)


def test_losses_by_hand() -> None:
    said = torch.tensor([0.0, 2.0])
    assert float(fool_loss(said)) == pytest.approx((math.log(2) + math.log1p(math.exp(-2))) / 2)
    assert float(tell_loss(said, -said)) == pytest.approx(2 * float(fool_loss(said)))
    images = torch.randn(5, 3, 8, 8, requires_grad=True)
    scale = torch.randn(3, 8, 8)
    opinion = (images * scale).sum((1, 2, 3))
    assert float(slope(opinion, images)) == pytest.approx(float(scale.square().sum()), rel=1e-5)
    assert default_gamma(256, 16) == pytest.approx(0.8192)


def test_path_lengths_of_a_linear_generator_are_those_of_its_matrix() -> None:
    torch.manual_seed(2)
    matrix = torch.randn(3 * 8 * 8, 6)
    ws = torch.randn(4, 5, 6, requires_grad=True)
    image = (ws.mean(1) @ matrix.T).reshape(4, 3, 8, 8)
    noise = torch.randn(4, 3, 8, 8)
    wanted = (noise.reshape(4, -1) / 8 @ matrix / 5).norm(dim=1)  # each of 5 ws moves a fifth
    assert torch.allclose(path_lengths(image, ws, noise), wanted, rtol=1e-5)


def test_random_numbers_belong_to_their_sample() -> None:
    some = chance.normal((1, 2), range(3, 6), 1000, CPU)
    assert torch.equal(some[1], chance.normal((1, 2), [4], 1000, CPU)[0])
    assert not torch.equal(some[1], chance.normal((1, 3), [4], 1000, CPU)[0])
    assert abs(float(some.mean())) < 0.1 and abs(float(some.std()) - 1) < 0.05
    correlation = np.corrcoef(some.numpy())
    assert np.abs(correlation - np.eye(3)).max() < 0.12
    assert len({chance.mix(a, b) for a in range(50) for b in range(50)}) == 2500
    assert sorted(chance.order(1, 0, 9)) == list(range(9))


def test_classes_are_told_apart_by_the_discriminator() -> None:
    config = small(c_dim=3)
    torch.manual_seed(3)
    judge, image = Discriminator(config), pictures(4)
    said = [judge(image, torch.eye(3)[k].expand(4, -1), EXACT) for k in range(3)]
    assert not torch.allclose(said[0], said[1])
    assert judge(image, torch.eye(3)[0].expand(4, -1), EXACT).shape == (4,)


def test_precision_by_what_the_machine_has() -> None:
    assert find_precision("fp32", CPU, 64).name == "fp32"
    assert find_precision("bf16", CPU, 64).at(8) == torch.bfloat16
    assert find_precision("bf16", CPU, 64).at(4) == torch.float32
    half = find_precision("auto", torch.device("cuda"), 256)
    assert (half.name, half.start, half.clamp) == ("fp16", 32, 256.0)
    with pytest.raises(DeviceError, match="fp16 needs a graphics card"):
        find_precision("fp16", CPU, 64)
    with pytest.raises(DeviceError, match="'fp8' is not one of auto, fp32"):
        find_precision("fp8", CPU, 64)


def test_shapes_and_settings_that_cannot_be() -> None:
    with pytest.raises(VjganError, match=r"--size 200 is not a power of two .*; take 128 or 256"):
        shape(200, 4096, 0)
    with pytest.raises(VjganError, match=r"--size 4 .* take 16"):
        shape(4, 4096, 0)
    with pytest.raises(VjganError, match=r"--width 100 is outside 256\.\.65536"):
        shape(256, 100, 0)
    with pytest.raises(VjganError, match=r"--batch 0 is outside 1\.\.4096"):
        Settings(batch=0).check()
    live = shape(256, 4096, 0)
    assert sum(p.numel() for p in StyleGAN2(live).parameters()) < 2e6
