"""Other programs' checkpoints give the pictures that those programs drew, and nothing else gets in.

The files in tests/reference (and in $VJGAN_REFERENCE, where it is set) come with the originals' own
pictures. For rosinality's layout there are none: its forward is written out here once more.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import ModelError
from vjgan.generator.checkpoint import load, save
from vjgan.generator.foreign import convert
from vjgan.generator.pickles import read
from vjgan.generator.records import Record, RefusedError
from vjgan.generator.reference import compare, read_cases
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config

HERE = Path(__file__).parent / "reference"
FOLDERS = {HERE, Path(os.environ.get("VJGAN_REFERENCE", HERE))}
PICKLES = sorted(path for folder in FOLDERS for path in folder.glob("*.pkl"))
PAIRS = [path for path in PICKLES if path.with_suffix(".npz").exists()]
ADA, LEGACY = HERE / "sg2ada_64_cond10.pkl", HERE / "tf_legacy_64_cond3.pkl"


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_the_pictures_are_the_originals(path: Path) -> None:
    checkpoint = load(path)
    cases = read_cases(path.with_suffix(".npz"), checkpoint.info.config)
    assert len(cases) >= 3
    for case in cases:
        errors = compare(checkpoint.network, case)
        assert errors.w < 1e-5
        assert errors.image < 1e-4
    # Each of the inputs has a say.
    assert len({round(float(np.abs(case.image).mean()), 4) for case in cases}) == len(cases)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_a_converted_model_draws_the_same(path: Path, tmp_path: Path) -> None:
    original, written = load(path), tmp_path / "x.safetensors"
    for half, bound in ((False, 1e-4), (True, 0.05)):
        save(written, original.network, name="x", licence="", origin="", trained=True, half=half)
        again = load(written)
        assert again.network.config == original.network.config
        case = read_cases(path.with_suffix(".npz"), again.info.config)[0]
        assert compare(again.network, case).image < bound


def test_what_a_file_tells_of_itself() -> None:
    about = load(ADA).info
    assert (about.config.c_dim, about.config.architecture, about.config.clamp) == (10, "skip", 256)
    assert (about.code, about.training_set) == (
        "StyleGAN2-ADA's, PyTorch",
        "none.zip, 1,000 pictures",
    )
    assert load(HERE / "sg2ada_64_orig.pkl").info.config.architecture == "orig"
    assert load(HERE / "sg2ada_32_gray_map8_fp32.pkl").info.config.mapping_layers == 8
    assert "TensorFlow" in load(LEGACY).info.code
    assert "StyleGAN3-R" in "\n".join(load(HERE / "sg3r_64.pkl").info.lines())


# Rosinality's layout, with a forward of its own: one set of weights a picture, in groups; zeros
# between the pixels; a true convolution with the blur.

CHANNELS = {4: 12, 8: 12, 16: 10, 32: 5}
Tensors = dict[str, Tensor]


def rosinality(channels: dict[int, int], z_dim: int = 12, depth: int = 3) -> Tensors:
    torch.manual_seed(5)
    made: Tensors = {"input.input": torch.randn(1, channels[4], 4, 4)}
    for k in range(1, depth + 1):
        made[f"style.{k}.weight"] = torch.randn(z_dim, z_dim) * 100.0
        made[f"style.{k}.bias"] = torch.randn(z_dim) * 10.0

    def conv(name: str, n_in: int, n: int, kernel: int) -> None:
        made[f"{name}.conv.weight"] = torch.randn(1, n, n_in, kernel, kernel)
        made[f"{name}.conv.modulation.weight"] = torch.randn(n_in, z_dim)
        made[f"{name}.conv.modulation.bias"] = torch.randn(n_in) * 0.3 + 1.0
        if kernel == 3:
            made[f"{name}.noise.weight"] = torch.randn(1)
            made[f"{name}.activate.bias"] = torch.randn(n)
        else:
            made[f"{name}.bias"] = torch.randn(1, n, 1, 1)

    conv("conv1", channels[4], channels[4], 3)
    conv("to_rgb1", channels[4], 3, 1)
    blur = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 16
    for k, size in enumerate(list(channels)[1:]):
        conv(f"convs.{2 * k}", channels[size // 2], channels[size], 3)
        made[f"convs.{2 * k}.conv.blur.kernel"] = blur
        conv(f"convs.{2 * k + 1}", channels[size], channels[size], 3)
        conv(f"to_rgbs.{k}", channels[size], 3, 1)
        made[f"to_rgbs.{k}.upsample.kernel"] = blur
    for k in range(2 * len(channels) - 1):
        size = 2 ** ((k + 5) // 2)
        made[f"noises.noise_{k}"] = torch.randn(1, 1, size, size)
    return made


def blurred(x: Tensor, before: int, after: int) -> Tensor:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4.0
    kernel = torch.outer(row, row).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=x.shape[1])


def spread(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    grid = x.new_zeros(n, c, h, 2, w, 2)
    grid[:, :, :, 0, :, 0] = x
    return grid.reshape(n, c, 2 * h, 2 * w)


def plain_conv(t: Tensors, name: str, x: Tensor, w: Tensor, up: bool, demodulate: bool) -> Tensor:
    kernel = t[f"{name}.conv.weight"]  # [1, out, in, k, k]
    n, (_, n_out, n_in, k, _) = len(x), kernel.shape
    style = w @ t[f"{name}.conv.modulation.weight"].T / math.sqrt(w.shape[1])
    style = style + t[f"{name}.conv.modulation.bias"]
    weight = kernel / math.sqrt(n_in * k * k) * style.view(n, 1, n_in, 1, 1)
    if demodulate:
        weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    if not up:
        y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), weight.flatten(0, 1), padding=k // 2, groups=n)
        return y.reshape(n, n_out, *x.shape[2:])
    turned = weight.transpose(1, 2).flatten(0, 1)  # [n * in, out, 3, 3]
    y = F.conv_transpose2d(x.reshape(1, -1, *x.shape[2:]), turned, stride=2, groups=n)
    return blurred(y.reshape(n, n_out, *y.shape[2:]), 1, 1)


def plain_style(t: Tensors, name: str, x: Tensor, w: Tensor, noise: Tensor, up: bool) -> Tensor:
    y = plain_conv(t, name, x, w, up, demodulate=True) + t[f"{name}.noise.weight"] * noise
    return F.leaky_relu(y + t[f"{name}.activate.bias"].view(1, -1, 1, 1), 0.2) * 2**0.5


def plain_rgb(t: Tensors, name: str, x: Tensor, w: Tensor) -> Tensor:
    return plain_conv(t, name, x, w, up=False, demodulate=False) + t[f"{name}.bias"]


def plain_forward(t: Tensors, z: Tensor, mean: Tensor, psi: float) -> Tensor:
    w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for k in range(1, sum(name.startswith("style") for name in t) // 2 + 1):
        weight = t[f"style.{k}.weight"] * (0.01 / math.sqrt(w.shape[1]))
        w = F.leaky_relu(w @ weight.T + t[f"style.{k}.bias"] * 0.01, 0.2) * 2**0.5
    w = mean + psi * (w - mean)
    x = t["input.input"].expand(len(z), -1, -1, -1)
    x = plain_style(t, "conv1", x, w, t["noises.noise_0"], up=False)
    image = plain_rgb(t, "to_rgb1", x, w)
    for k in range(sum(name.startswith("to_rgbs") and name.endswith(".bias") for name in t) // 2):
        x = plain_style(t, f"convs.{2 * k}", x, w, t[f"noises.noise_{2 * k + 1}"], up=True)
        x = plain_style(t, f"convs.{2 * k + 1}", x, w, t[f"noises.noise_{2 * k + 2}"], up=False)
        image = blurred(spread(image), 2, 1) + plain_rgb(t, f"to_rgbs.{k}", x, w)
    return image


def relative(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("channels", [CHANNELS, {4: 16, 8: 16, 16: 16, 32: 8, 64: 4}], ids=str)
@torch.no_grad()
def test_rosinalitys_pictures(tmp_path: Path, channels: dict[int, int], zipped: bool) -> None:
    tensors, mean = rosinality(channels), torch.randn(12)
    path = tmp_path / "550000.pt"
    d = {"convs.0.0.weight": torch.zeros(3, 3, 1, 1)}
    torch.save(
        {"g": {}, "d": d, "g_ema": tensors, "latent_avg": mean},
        path, _use_new_zipfile_serialization=zipped,
    )  # fmt: skip
    checkpoint = load(path)
    assert checkpoint.info.config.channels(32) == channels[32]
    z = torch.randn(2, 12)
    for psi in (1.0, 0.5):
        wanted = plain_forward(tensors, z, mean, psi)
        for k in (0, 1):
            assert relative(checkpoint.network(z[k : k + 1], psi=psi), wanted[k : k + 1]) < 1e-5
    assert "rosinality" in checkpoint.info.code


@torch.no_grad()
def test_what_early_versions_did_not_keep_is_found(tmp_path: Path) -> None:
    tensors = rosinality(CHANNELS)
    early = {f"module.{name}": t for name, t in tensors.items() if not name.startswith("noises.")}
    torch.save(early, tmp_path / "x.pt")  # the tensors alone, of several cards
    network = load(tmp_path / "x.pt").network
    mean = network.mapping(torch.randn(20_000, 12)).mean(0)
    assert relative(network.mapping.w_mean, mean) < 0.05
    z, centre = torch.randn(1, 12), network.mapping.w_mean
    for k, conv in enumerate(network.synthesis.convs):
        tensors[f"noises.noise_{k}"] = conv.noise[None, None]
        assert 0.5 < float(conv.noise.std()) < 1.5
    assert relative(network(z, psi=0.5), plain_forward(tensors, z, centre, 0.5)) < 1e-5


# Residual generators: written out in the names of the PyTorch and of the TensorFlow code.

RESNET = StyleGAN2Config(
    resolution=16, z_dim=6, w_dim=5, c_dim=2, channel_base=64, channel_max=8, mapping_layers=2,
    architecture="resnet",
)  # fmt: skip


def residual() -> StyleGAN2:
    torch.manual_seed(2)
    network = StyleGAN2(RESNET)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn(value.shape) * 0.2)
        network.mapping.w_mean.normal_()
    return network


def official_names(network: StyleGAN2) -> Tensors:
    mapping, net = network.mapping, network.synthesis
    made: Tensors = {"mapping.w_avg": mapping.w_mean, "synthesis.b4.const": net.const}
    modules: dict[str, Any] = {"mapping.embed": mapping.embed, "synthesis.b16.torgb": net.to_rgb[0]}
    modules |= {f"mapping.fc{k}": layer for k, layer in enumerate(mapping.layers)}
    names = ("b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1")
    modules |= {f"synthesis.{n}": conv for n, conv in zip(names, net.convs, strict=True)}
    modules |= {f"synthesis.b{8 << k}.skip": way for k, way in enumerate(net.shortcuts)}
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            made[f"{name}.{'noise_const' if key == 'noise' else key}"] = value
    return {name: value.detach() for name, value in made.items()}


def tensorflow_names(network: StyleGAN2) -> list[dict[str, np.ndarray]]:
    """Of the whole, of the mapping and of the synthesis."""
    mapping: dict[str, Tensor] = {}
    layers = {"LabelEmbed": network.mapping.embed}
    layers |= {f"Dense{k}": layer for k, layer in enumerate(network.mapping.layers)}
    for name, layer in layers.items():
        mapping |= {f"{name}/weight": layer.weight.T, f"{name}/bias": layer.bias}
    net = network.synthesis
    synthesis = {"4x4/Const/const": net.const[None]}
    names = ("4x4/Conv", "8x8/Conv0_up", "8x8/Conv1", "16x16/Conv0_up", "16x16/Conv1")
    for k, (name, conv) in enumerate(zip(names, net.convs, strict=True)):
        weight = conv.weight.permute(2, 3, 1, 0)
        synthesis[f"{name}/weight"] = weight.flip(0, 1) if "up" in name else weight
        synthesis[f"{name}/noise_strength"] = conv.noise_strength
        synthesis[f"noise{k}"] = conv.noise[None, None]
    for name, layer in [*zip(names, net.convs, strict=True), ("16x16/ToRGB", net.to_rgb[0])]:
        synthesis[f"{name}/bias"] = layer.bias
        synthesis[f"{name}/mod_weight"] = layer.affine.weight.T
        synthesis[f"{name}/mod_bias"] = layer.affine.bias - 1.0
    synthesis["16x16/ToRGB/weight"] = net.to_rgb[0].weight.permute(2, 3, 1, 0)
    for k, way in enumerate(net.shortcuts):
        synthesis[f"{8 << k}x{8 << k}/Skip/weight"] = way.weight.permute(2, 3, 1, 0)
    whole = {"dlatent_avg": network.mapping.w_mean, "lod": torch.zeros([])}
    parts = (whole, mapping, synthesis)
    return [{name: value.detach().numpy() for name, value in part.items()} for part in parts]


def tensorflow_network(
    variables: dict[str, np.ndarray], arguments: dict[str, Any], **components: Record
) -> Record:
    state = {"variables": list(variables.items()), "static_kwargs": arguments}
    return Record("dnnlib.tflib.network", "Network", (), state | {"components": components})


@torch.no_grad()
def test_residual_generators(tmp_path: Path) -> None:
    network = residual()
    z, c = torch.randn(1, 6), torch.eye(2)[:1]
    wanted = network(z, c, psi=0.7)
    torch.save({"G_ema": official_names(network)}, tmp_path / "x.pt")
    loaded = load(tmp_path / "x.pt")
    assert loaded.info.config == RESNET
    assert torch.equal(loaded.network(z, c, psi=0.7), wanted)
    whole, mapping, synthesis = tensorflow_names(network)
    legacy = tensorflow_network(
        whole, {"conv_clamp": 0.5, "resample_kernel": [1, 2, 1]},
        mapping=tensorflow_network(mapping, {}), synthesis=tensorflow_network(synthesis, {}),
    )  # fmt: skip
    foreign = convert((legacy, tensorflow_network({"Output/weight": whole["lod"]}, {}), legacy))
    assert (foreign.config.architecture, foreign.config.clamp) == ("resnet", 0.5)
    assert foreign.config.filter == (2.0, 4.0, 2.0)
    tensors = {name: torch.from_numpy(value.copy()) for name, value in foreign.tensors.items()}
    assert relative(StyleGAN2.of(RESNET, tensors)(z, c, psi=0.7), wanted) < 1e-5


# What is not a generator, or is broken.


def module(tree: Any, *names: str) -> Record:
    """A module of G_ema by its path."""
    found = tree["G_ema"]
    for name in names:
        found = found.state["_modules"][name]
    return found


def replace_tensor(tree: Any, names: tuple[str, ...], key: str, value: np.ndarray) -> None:
    state = module(tree, *names).state
    kind = "_parameters" if key in state["_parameters"] else "_buffers"
    state[kind] = {**state[kind], key: value}


def without_g(tree: Any) -> None:
    del tree["G"], tree["G_ema"]


def narrow(tree: Any) -> None:
    replace_tensor(tree, ("synthesis", "b16", "conv1", "affine"), "weight", np.ones((9, 64)))


def flat(tree: Any) -> None:
    replace_tensor(tree, ("synthesis", "b16", "conv1"), "weight", np.ones(7))


def no_block(tree: Any) -> None:
    del module(tree, "synthesis").state["_modules"]["b16"]


def no_torgb(tree: Any) -> None:
    del module(tree, "synthesis", "b16").state["_modules"]["torgb"]


def swish(tree: Any) -> None:
    module(tree, "synthesis", "b8", "conv0").state["activation"] = "swish"


def bounds(tree: Any) -> None:
    module(tree, "synthesis", "b8", "conv0").state["conv_clamp"] = 7


def rate(tree: Any) -> None:
    module(tree, "mapping", "fc0").state["bias_gain"] = "fast"


def extra(tree: Any) -> None:
    replace_tensor(tree, ("synthesis", "b8"), "superres", np.ones(3))


def slanted(tree: Any) -> None:
    replace_tensor(tree, ("synthesis", "b8", "conv0"), "resample_filter", np.eye(4))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (without_g, "holds only a discriminator"),
        (narrow, r"'synthesis.b16.conv1.affine.weight' of shape \[9, 64\], .* want \[32, 64\]"),
        (flat, r"'synthesis.b16.conv1.weight' of shape \[7\]"),
        (no_block, "has layers at 4, 8, 32, 64 pixels"),
        (no_torgb, "lacks the tensor 'synthesis.b16.torgb"),
        (swish, "activation 'swish'"),
        (bounds, "bounds the activations of its layers differently"),
        (rate, "has bias_gain 'fast' in 'mapping.fc0'"),
        (extra, "'synthesis.b8.superres', which no StyleGAN2 has"),
        (slanted, "a filter that differs along its two axes"),
    ],
)
def test_a_broken_checkpoint_says_what_is_wrong(harm: Callable[[Any], None], words: str) -> None:
    tree = copy.deepcopy(read(ADA))
    convert(copy.deepcopy(tree))  # all is well
    harm(tree)
    with pytest.raises(RefusedError, match=words) as caught:
        convert(tree)
    assert "\n" not in str(caught.value)


def without_style(tree: Any) -> None:
    for network in tree:
        for part in network.state["components"].values():
            rows = part.state["variables"]
            part.state["variables"] = [row for row in rows if "mod_" not in row[0]]


def linear(tree: Any) -> None:
    tree[2].state["static_kwargs"] = {"nonlinearity": "linear"}


def concatenated(tree: Any) -> None:
    rows = tree[2].state["components"]["mapping"].state["variables"]
    rows.append(("LabelConcat/weight", np.ones((3, 64))))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (without_style, "holds no generator of StyleGAN2 or StyleGAN3"),
        (linear, "has the nonlinearity 'linear'"),
        (concatenated, "in the way of StyleGAN1"),
    ],
)
def test_a_broken_tensorflow_pickle_says_what_is_wrong(
    harm: Callable[[Any], None], words: str
) -> None:
    tree = copy.deepcopy(read(LEGACY))
    harm(tree)
    with pytest.raises(RefusedError, match=words):
        convert(tree)


def test_a_tensorflow_discriminator() -> None:
    tree: Any = read(LEGACY)
    for only in ((tree[1],), tree[1]):
        with pytest.raises(RefusedError, match="holds only a discriminator"):
            convert(only)


RESNET18 = {
    "conv1.weight": torch.zeros(8, 3, 7, 7),
    "layer1.0.conv1.weight": torch.zeros(8, 8, 3, 3),
}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (RESNET18, "holds no generator .*, but 'conv1.weight', 'layer1.0.conv1.weight'"),
        ({"d": {"convs.0.0.weight": torch.zeros(1)}}, "holds only a discriminator"),
        ({"final_linear.0.weight": torch.zeros(1)}, "holds only a discriminator"),
        ({"g_ema": {}}, "holds no generator of StyleGAN2 or StyleGAN3"),
        ([1, 2, 3], "holds no generator of StyleGAN2 or StyleGAN3"),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, content: object, words: str) -> None:
    path = tmp_path / "x.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(f"model '{path}' ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_named(tmp_path: Path, bad: float) -> None:
    tensors = rosinality(CHANNELS)
    tensors["convs.1.conv.weight"][0, 1, 2, 0, 0] = bad
    torch.save({"g_ema": tensors, "latent_avg": torch.zeros(12)}, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=r"'synthesis\.convs\.2\.weight' holds numbers that are"):
        load(tmp_path / "x.pt")


def test_the_name_of_a_file_means_nothing(tmp_path: Path) -> None:
    disguised = tmp_path / "x.safetensors"
    disguised.write_bytes(LEGACY.read_bytes())
    assert load(disguised).info.config.c_dim == 3
