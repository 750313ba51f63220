"""Bends against plain array operations, and a network that stays what it is until bent."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from vjgan.controls import CONTROLS, SIDES
from vjgan.generator.bending import BENDS, NEUTRAL, Bent, Network, bend, find_spots, reaches_in
from vjgan.generator.noise import Fields, noisy
from vjgan.generator.runtime import Traced
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config, transform

ALL = torch.arange(6.0)  # the order of six feature maps
CPU = torch.device("cpu")


class Plain:
    """A ``Runtime`` that draws a StyleGAN3 as it stands."""

    name = "plain"

    def __init__(self, network: StyleGAN3) -> None:
        self.network = network.eval().requires_grad_(False)

    def draw(self, w: np.ndarray, noise: float, inside: dict[str, float]) -> Tensor:
        image: Tensor = self.network.synthesis(torch.from_numpy(w)[None])[0]
        return image


def bent(maps: Tensor, amount: float = 1.0, order: Tensor = ALL, extent: float = 1.0,
         **values: float) -> Tensor:  # fmt: skip
    bends = torch.tensor([values.get(name, NEUTRAL[name]) for name in BENDS])
    return bend(maps, bends, torch.tensor([0.0, amount]), 1, order, extent)


def maps(side: int = 16) -> Tensor:
    return torch.randn(1, 6, side, side, generator=torch.Generator().manual_seed(1))


def shifted(x: Tensor, right: int, down: int) -> Tensor:
    """By whole pixels, the map's mirror image beyond its edges."""
    side = x.shape[-1]
    tiles = torch.cat([x.flip(3), x, x.flip(3)], dim=3)
    tiles = torch.cat([tiles.flip(2), tiles, tiles.flip(2)], dim=2)
    rolled = torch.roll(tiles, (down, right), dims=(2, 3))
    return rolled[:, :, side : 2 * side, side : 2 * side]


def smallest_network(**config: object) -> StyleGAN2:
    torch.manual_seed(4)
    network = StyleGAN2(StyleGAN2Config(32, 8, 8, 0, 256, 8, **config))  # type: ignore[arg-type]
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                value.normal_()
    return network


def latent(network: Network, seed: int = 0) -> np.ndarray:
    shape = network.config.num_ws, network.config.w_dim
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# --- each bend --------------------------------------------------------------------------------


def test_neutral_is_the_same_map() -> None:
    x = maps()
    assert torch.equal(bent(x), x)
    assert torch.equal(bent(x, amount=0.0, x=0.5, erode=1.0), x)
    assert torch.equal(bent(x, share=0.0, x=0.5, erode=1.0), x)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -5), (8, 2), (-16, 16)])
def test_shift_is_that_of_the_mirrored_map(right: int, down: int) -> None:
    x = maps()
    got = bent(x, x=right / 16, y=down / 16)
    torch.testing.assert_close(got, shifted(x, right, down), atol=1e-5, rtol=0)


def test_shift_inside_is_that_of_roll() -> None:
    x = maps()
    got = bent(x, x=4 / 16)[..., 4:]
    torch.testing.assert_close(got, torch.roll(x, 4, dims=3)[..., 4:], atol=1e-5, rtol=0)


def test_shift_counts_in_pictures_where_there_are_margins() -> None:
    x = maps()
    got = bent(x, x=0.5, extent=0.75)
    torch.testing.assert_close(got, shifted(x, 6, 0), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("turn", "times"), [(90.0, -1), (-90.0, 1), (180.0, 2)])
def test_turn_is_clockwise(turn: float, times: int) -> None:
    x = maps()
    torch.testing.assert_close(bent(x, turn=turn), torch.rot90(x, times, (2, 3)), atol=1e-5, rtol=0)


def test_scale_doubles() -> None:
    x = maps()
    twice = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(bent(x, scale=2.0), twice[..., 8:24, 8:24], atol=1e-5, rtol=0)


def test_threshold_takes_the_weak_away() -> None:
    x = maps()
    size = x.square().mean((2, 3), keepdim=True).sqrt()
    wanted = x.sign() * (x.abs() - 0.5 * size).clamp(min=0.0)
    torch.testing.assert_close(bent(x, threshold=0.5), wanted, atol=1e-6, rtol=0)


def test_erosion_and_dilation_take_the_neighbourhoods_least_and_greatest() -> None:
    x = maps(8)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    torch.testing.assert_close(bent(x, erode=1.0).numpy(), around.min((4, 5)))
    torch.testing.assert_close(bent(x, erode=-1.0).numpy(), around.max((4, 5)))
    torch.testing.assert_close(bent(x, erode=0.5), (x + torch.from_numpy(around.min((4, 5)))) / 2)


def test_share_bends_the_first_maps_of_the_order() -> None:
    x, order = maps(), torch.tensor([2.0, 0.0, 5.0, 1.0, 4.0, 3.0])
    got, whole = bent(x, order=order, share=2.5 / 6, y=0.3), bent(x, y=0.3)
    for k, part in ((1, 1.0), (3, 1.0), (0, 0.5), (5, 0.0), (2, 0.0)):
        torch.testing.assert_close(got[:, k], torch.lerp(x[:, k], whole[:, k], part))


@pytest.mark.parametrize("name", BENDS)
def test_every_bend_is_continuous(name: str) -> None:
    """A quarter of a step goes less than half as far, above all where a bend begins and ends."""
    x, row = maps(8), CONTROLS[f"bend.{name}"]
    other = {} if name != "share" else {"y": 0.3}
    step = (row.maximum - row.minimum) / 1000
    for place in [row.minimum, row.default, *np.linspace(row.minimum, row.maximum, 12)[1:-1]]:
        for side in (step, -step):
            here, far, near = (
                bent(x, **other, **{name: row.clamp(float(place) + part * side)})
                for part in (0.0, 1.0, 0.25)
            )
            assert (near - here).abs().max() <= 0.5 * (far - here).abs().max() + 1e-5
    ends = [bent(x, **other, **{name: end}) for end in (row.minimum, row.maximum)]
    if name in ("x", "y", "turn"):
        torch.testing.assert_close(*ends, atol=1e-4, rtol=0)
    else:
        assert float((ends[0] - ends[1]).abs().max()) > 0.1


# --- in a network -----------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_unbent_way_through_the_network_draws_the_same_picture(architecture: str) -> None:
    network = smallest_network(architecture=architecture)
    runtime = Bent(Traced(network), network, CPU)
    w = latent(network)
    with torch.inference_mode():
        plain = network.synthesis(torch.from_numpy(w)[None], noise=0.7)[0]
        torch.testing.assert_close(runtime.draw(w, 0.7, {}), plain, atol=1e-5, rtol=1e-5)
        # Bends that do nothing, but take the other way.
        for still in ({"bend.erode": 1e-9}, {"noise.fine": 1.0 + 1e-9}):
            got = runtime.draw(w, 0.7, still)
            torch.testing.assert_close(got, plain, atol=1e-5, rtol=1e-5)


def test_bend_happens_behind_the_last_layer_of_its_resolution() -> None:
    network = smallest_network(architecture="orig")
    runtime = Bent(Traced(network), network, CPU)
    w, seen = latent(network), {}
    for k in range(4):
        with torch.inference_mode():
            image = runtime.draw(w, 1.0, {"bend.x": 1.0, "bend.layer": float(k)})

            def flip(layer: object, given: object, x: Tensor) -> Tensor:
                return x.flip(3)  # the mirror image beyond the edge, by one picture

            handle = network.synthesis.convs[2 * k].register_forward_hook(flip)
            wanted = network.synthesis(torch.from_numpy(w)[None])[0]
            handle.remove()
        torch.testing.assert_close(image, wanted, atol=1e-4, rtol=1e-4)
        seen[k] = image
    with torch.inference_mode():
        beyond = runtime.draw(w, 1.0, {"bend.x": 1.0, "bend.layer": 8.0})
    assert torch.equal(beyond, seen[3])
    assert float((seen[0] - seen[3]).abs().max()) > 0.1


def test_moving_the_layer_is_continuous() -> None:
    network = smallest_network()
    runtime = Bent(Traced(network), network, CPU)
    w = latent(network)

    def draw(layer: float) -> Tensor:
        return runtime.draw(w, 1.0, {"bend.x": 0.25, "bend.layer": layer})

    with torch.inference_mode():
        for place in (0.0, 0.7, 1.0, 2.4, 3.0):
            here, far, near = draw(place), draw(place + 0.01), draw(place + 0.0025)
            assert (near - here).abs().max() <= 0.5 * (far - here).abs().max() + 1e-5
        assert float((draw(1.0) - draw(2.0)).abs().max()) > 0.05


def test_network_itself_is_left_alone() -> None:
    network = smallest_network()
    runtime = Bent(Traced(network), network, CPU)
    w = latent(network)
    with torch.inference_mode():
        before = network.synthesis(torch.from_numpy(w)[None])
        runtime.draw(w, 1.0, {"bend.turn": 30.0, "noise.seed": 2.5})
        after = network.synthesis(torch.from_numpy(w)[None])
    assert torch.equal(before, after)
    runtime.prepare()  # made once, and outside of inference mode too


@pytest.mark.parametrize("kernel", [3, 1])
def test_stylegan3_is_bent_and_moved(kernel: int) -> None:
    torch.manual_seed(3)
    config = StyleGAN3Config(
        32, 8, 8, 0, 256, 8, num_layers=6, conv_kernel=kernel, use_radial_filters=kernel == 1
    )
    network = StyleGAN3(config)
    runtime = Bent(Plain(network), network, CPU)
    w = latent(network)
    ws = torch.from_numpy(w)[None]
    last = find_spots(network)[-1]
    assert (last.k, last.extent) == (3, 1.0)
    with torch.inference_mode():
        plain = network.synthesis(ws)[0]
        still = runtime.draw(w, 1.0, {"bend.erode": 1e-9})
        torch.testing.assert_close(still, plain, atol=1e-5, rtol=1e-5)
        moved = runtime.draw(w, 1.0, {"bend.erode": 1e-9, "input.x": 0.1, "input.turn": 20.0})
        wanted = network.synthesis(ws, transform(0.1, 0.0, 20.0))[0]
        torch.testing.assert_close(moved, wanted, atol=1e-5, rtol=1e-5)
        turned = runtime.draw(w, 1.0, {"bend.turn": 180.0, "bend.layer": 3.0})
    assert float((turned - plain).abs().max()) > 0.01


def test_only_what_needs_it_takes_the_other_way() -> None:
    both = ("bend.", "noise.")
    assert not reaches_in({}, both)
    assert not reaches_in({"bend.layer": 5.0, "bend.share": 0.5, "input.x": 0.5}, both)
    assert reaches_in({"bend.scale": 1.1}, both) and reaches_in({"noise.seed": 0.5}, both)
    assert not reaches_in({"noise.seed": 0.5}, ("bend.",))
    assert all(f"bend.{name}" in CONTROLS for name in BENDS)


# --- noise ------------------------------------------------------------------------------------


def test_noise_of_a_seed_replaces_the_models_own() -> None:
    network = smallest_network()
    runtime = Bent(Traced(network), network, CPU)
    w = latent(network)
    flat = torch.randn(
        sum(conv.noise.numel() for conv in noisy(network.synthesis) if conv.noise is not None),
        generator=torch.Generator().manual_seed(7),
    )
    with torch.inference_mode():
        got = runtime.draw(w, 0.6, {"noise.seed": 7.0, "noise.middle": 0.5})
        start = 0
        for conv in noisy(network.synthesis):
            assert conv.noise is not None
            part = flat[start : start + conv.noise.numel()].view_as(conv.noise)
            conv.noise = part * (0.5 if conv.noise.shape[0] in (16, 32) else 1.0)
            start += part.numel()
        wanted = network.synthesis(torch.from_numpy(w)[None], noise=0.6)[0]
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_each_resolution_may_have_noise_of_its_own() -> None:
    fields = Fields(smallest_network().synthesis)
    own, other = fields.at({}).clone(), fields.at({"noise.seed": 3.0}).clone()
    inside = {"noise.16": 2.0, "noise.seed.16": 3.0, "noise.8": 0.25, "noise.middle": 0.5}
    parts = [torch.split(x, fields.sizes) for x in (fields.at(inside), own, other)]
    for size, got, mine, others in zip(fields.sizes, *parts, strict=True):
        wanted = {16: others, 8: 0.25 * mine, 32: 0.5 * mine}.get(math.isqrt(size), mine)
        torch.testing.assert_close(got, wanted)  # 2 x 0.5 at 16
    both = fields.at({"noise.seed": 2.0, "noise.seed.16": 1.0})
    assert torch.equal(
        torch.split(both, fields.sizes)[fields.sizes.index(256)], parts[2][fields.sizes.index(256)]
    )
    names = {f"noise.{side}" for side in SIDES} | {f"noise.seed.{side}" for side in SIDES}
    assert names <= CONTROLS.keys() and reaches_in({"noise.16": 0.5}, ("noise.",))


def test_noise_flows_from_seed_to_seed_and_keeps_its_strength() -> None:
    fields = Fields(smallest_network().synthesis)
    sweep = [fields.at({"noise.seed": seed}) for seed in np.linspace(0.0, 3.0, 61).tolist()]
    steps = [float((b - a).std()) for a, b in pairwise(sweep)]
    assert all(0.05 < step < 0.1 for step in steps)  # a quarter turn in twenty steps each
    assert all(0.95 < float(field.std()) < 1.05 for field in sweep)
    assert torch.equal(fields.at({"noise.seed": 2.0}), sweep[40])


def test_network_without_noise_inputs_can_be_bent() -> None:
    network = smallest_network(noise=False)
    runtime = Bent(Traced(network), network, CPU)
    with torch.inference_mode():
        image = runtime.draw(latent(network), 1.0, {"noise.seed": 3.0, "bend.y": 0.5})
    assert bool(image.isfinite().all())
