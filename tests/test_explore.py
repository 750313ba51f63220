"""Directions and blends, against what defines them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vjgan.assets import folder
from vjgan.errors import ModelError, VjganError
from vjgan.explore import add_directions, blend_models
from vjgan.generator.blend import blend, share, size
from vjgan.generator.checkpoint import info, load, save
from vjgan.generator.directions import find_directions, in_order, pca, sample, sefa, style_weights
from vjgan.generator.metadata import Network
from vjgan.generator.player import make_space
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.stylegan3 import StyleGAN3, StyleGAN3Config

CONFIG = StyleGAN2Config(32, 8, 8, 0, 256, 8, 3, 2)


def network(seed: int = 1, config: StyleGAN2Config | StyleGAN3Config = CONFIG) -> Network:
    torch.manual_seed(seed)
    made = StyleGAN2(config) if isinstance(config, StyleGAN2Config) else StyleGAN3(config)
    with torch.no_grad():
        for name, value in made.named_parameters():
            if name.endswith("bias"):
                value.normal_()
        w = made.mapping(torch.randn(500, config.z_dim))
        made.mapping.w_mean.copy_(w.mean(0))
    return made


def stored(path: Path, net: Network, **about: object) -> Path:
    save(path, net, name=path.stem, licence="CC0-1.0", origin="a test", trained=False, **about)  # type: ignore[arg-type]
    return path


# --- directions -------------------------------------------------------------------------------


def test_sefa_finds_what_changes_the_styles_most() -> None:
    """Against the singular vectors of the weights, found another way; and by its definition."""
    weights = style_weights(network())
    axes = sefa(weights, 5)
    _, values, rows = np.linalg.svd(weights)
    np.testing.assert_allclose(np.abs((axes * rows[:5]).sum(1)), 1.0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(weights @ axes.T, axis=0), values[:5])
    others = np.random.RandomState(0).standard_normal((500, 8))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert np.linalg.norm(weights @ others.T, axis=0).max() <= values[0]


def test_style_weights_are_those_of_the_styles() -> None:
    """A step along w moves each layer's style by the weights times the step."""
    net = network()
    assert isinstance(net, StyleGAN2)
    w, step = torch.randn(1, 8), torch.randn(1, 8)
    with torch.no_grad():
        moved = [conv.affine(w + step) - conv.affine(w) for conv in net.synthesis.convs]
    wanted = torch.cat(moved, dim=1)[0].double().numpy()
    np.testing.assert_allclose(style_weights(net) @ step[0].double().numpy(), wanted, atol=1e-5)
    some = style_weights(net, range(2, 4))
    np.testing.assert_allclose(some, style_weights(net)[16:32])


def test_pca_finds_the_axes_that_svd_finds() -> None:
    w = sample(make_space(network()), 800)
    axes = pca(w, 4)
    _, _, rows = np.linalg.svd(w - w.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs((axes * rows[:4]).sum(1)), 1.0, atol=1e-9)
    spread = ((w - w.mean(0)) @ axes.T).std(0)
    assert list(spread) == sorted(spread, reverse=True)


@pytest.mark.parametrize("method", ["sefa", "pca"])
def test_directions_are_a_standard_deviation_long(method: str) -> None:
    net = network()
    space = make_space(net)
    found = find_directions(method, net, space, 3)
    assert list(found) == [f"{method}{k}" for k in (1, 2, 3)]
    w = space.map(np.random.RandomState(5).standard_normal((4000, 8)).astype("f"))
    for way in found.values():
        length = np.linalg.norm(way)
        assert (w @ (way / length)).std() == pytest.approx(length, rel=0.1)
        assert way[np.abs(way).argmax()] > 0.0, "the sign does not depend on the machine"


def test_directions_of_some_layers_leave_the_others() -> None:
    net = network()
    space = make_space(net)
    for way in find_directions("sefa", net, space, 2, range(2, 4)).values():
        assert way.shape == (8, 8) and not way[[0, 1, 4, 5, 6, 7]].any()
        assert way[2].any() and np.array_equal(way[2], way[3])


def test_stylegan3_has_directions() -> None:
    config = StyleGAN3Config(32, 8, 8, 0, 256, 8, num_layers=6)
    net = network(2, config)
    space = make_space(net)
    assert len(style_weights(net, range(1, 3))) == sum(
        shape.n_in for shape in config.layers()[:2]
    ), "the first w is the input's"
    assert find_directions("sefa", net, space, 2)["sefa1"].shape == (8,)


def test_order_is_that_of_the_numbers() -> None:
    ways = {name: np.zeros(1, "f") for name in ("pca10", "pca2", "smile", "pca1")}
    assert list(in_order(ways)) == ["pca1", "pca2", "pca10", "smile"]


def test_directions_are_stored_with_the_model(tmp_path: Path) -> None:
    model = stored(tmp_path / "model.safetensors", network())
    file = tmp_path / "found.safetensors"
    lines = add_directions(str(model), file, "pca", 3, names="smile")
    assert [line.split()[0] for line in lines] == [
        f"direction.{name}" for name in ("smile", "pca2", "pca3")
    ]
    add_directions(str(file), file, "sefa", 1, layers="2-3", names="turn")
    kept = load(file).directions
    assert sorted(kept) == ["pca2", "pca3", "smile", "turn"]
    assert kept["turn"].shape == (8, 8) and kept["smile"].shape == (8,)
    network_of = load(file).network.state_dict()
    for key, value in load(model).network.state_dict().items():
        assert torch.equal(network_of[key], value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "ica"}, "--method 'ica' is not one of sefa, pca"),
        ({"count": 0}, "--count 0 is outside 1..100"),
        ({"layers": "3-8"}, "--layers '3-8' is not a range such as 4-7 within 0-7"),
        ({"layers": "7"}, "these layers have no convolution"),
        ({"layers": "x"}, "--layers 'x' is not a range"),
        ({"count": 1, "names": "a,b"}, "--names has 2 names, but there are 1 directions"),
        ({"output": Path("model.pt")}, "must end in .safetensors"),
        ({"names": "a b", "output": Path("x.safetensors")}, "--names 'a b' must be"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, options: dict[str, object], message: str) -> None:
    model = stored(tmp_path / "model.safetensors", network())
    with pytest.raises(VjganError, match=message.replace("(", r"\(")):
        add_directions(str(model), **({"output": None} | options))  # type: ignore[arg-type]


# --- blends -----------------------------------------------------------------------------------


def test_blend_takes_low_layers_of_one_and_high_layers_of_the_other() -> None:
    one, other = network(1), network(2)
    own, theirs = one.state_dict(), other.state_dict()
    mixed = blend(one, other, 16).state_dict()
    for key, value in mixed.items():
        high = key.startswith(
            tuple(f"synthesis.{name}." for name in
                  ("convs.3", "convs.4", "convs.5", "convs.6", "to_rgb.2", "to_rgb.3"))
        )  # fmt: skip
        assert torch.equal(value, (theirs if high else own)[key]), key


def test_blend_draws_the_pictures_of_either_at_the_ends() -> None:
    one, other = network(1), network(2)
    ws = torch.randn(1, 8, 8)
    with torch.no_grad():
        whole, none = blend(one, other, 4), blend(one, one, 16)
        assert torch.equal(whole.synthesis(ws), other.synthesis(ws))
        assert torch.equal(none.synthesis(ws), one.synthesis(ws))


def test_passage_rises_over_its_octaves() -> None:
    sizes = (4, 8, 16, 32, 64, 128)
    assert [share(r, 32, 0.0) for r in sizes] == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert [share(r, 32, 2.0) for r in sizes] == [0.0, 0.0, 0.25, 0.75, 1.0, 1.0]
    mixed, one, other = blend(network(1), network(2), 16, 2.0), network(1), network(2)
    key = "synthesis.convs.1.weight"
    torch.testing.assert_close(
        mixed.state_dict()[key],
        torch.lerp(one.state_dict()[key], other.state_dict()[key], 0.25),
    )


@pytest.mark.parametrize("architecture", ["orig", "resnet"])
def test_every_layer_has_its_resolution(architecture: str) -> None:
    net = network(1, replace(CONFIG, architecture=architecture))
    at = {key: size(net, key) for key in net.state_dict()}
    assert at["synthesis.const"] == 4 and at["mapping.w_mean"] == 0
    assert at["synthesis.to_rgb.0.weight"] == 32 and at["synthesis.convs.5.noise"] == 32
    if architecture == "resnet":
        assert at["synthesis.shortcuts.0.weight"] == 8


def test_stylegan3_can_be_blended() -> None:
    config = StyleGAN3Config(32, 8, 8, 0, 256, 8, num_layers=6)
    one, other = network(1, config), network(2, config)
    mixed = blend(one, other, 32).state_dict()
    last = "synthesis.layers.6.weight"
    assert torch.equal(mixed[last], other.state_dict()[last])
    first = "synthesis.layers.0.weight"
    assert torch.equal(mixed[first], one.state_dict()[first])


@pytest.mark.parametrize(
    ("other", "resolution", "message"),
    [
        (replace(CONFIG, resolution=64), 16, "exchange: resolution 32 and 64"),
        (replace(CONFIG, channel_base=128), 16, "exchange: channel_base 256 and 128"),
        (StyleGAN3Config(32, 8, 8, 0, 256, 8), 16, "exchange: StyleGAN2 and StyleGAN3"),
        (CONFIG, 12, "resolution 12 is not one of the models'; there are: 4, 8, 16, 32"),
        (replace(CONFIG, mapping_layers=3, z_dim=4), 16, ""),  # the mapping is not blended
    ],
)
def test_models_of_other_shapes_are_told(
    other: StyleGAN2Config | StyleGAN3Config, resolution: int, message: str
) -> None:
    if not message:
        blend(network(), network(2, other), resolution)
        return
    with pytest.raises(ModelError, match=message):
        blend(network(), network(2, other), resolution)


def test_blend_is_written_with_the_origin_of_both(tmp_path: Path) -> None:
    one = stored(tmp_path / "one.safetensors", network(1))
    other = stored(tmp_path / "other.safetensors", network(2))
    blend_models(str(one), str(other), 16, tmp_path / "both.safetensors", 1.0)
    about = info(tmp_path / "both.safetensors")
    assert about.name == "both" and about.licence == "CC0-1.0" and not about.trained
    assert "one, from 16 pixels on other" in about.origin
    assert info(one).sha256[:16] in about.origin


def test_bundled_model_has_directions() -> None:
    checkpoint = load(folder("models") / "alive.safetensors")
    found = find_directions("sefa", checkpoint.network, make_space(checkpoint.network))
    assert len(found) == 8
