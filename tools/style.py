"""Trains the small network that paints in four styles, and writes it as ONNX.

    python -m tools.style --minutes 20      writes models/surfaces.onnx

It learns from surfaces drawn by rule (``tools/strokes.py``): what it paints is to have their
correlations of features (Gatys et al. 2016; Johnson et al. 2016), which EfficientNet-Lite0 sees,
and to remain the model's picture. Which style is a matter of each layer's scale and shift alone
(Dumoulin et al. 2017), so that styles mix for the price of one. A picture that is moved a little
must be painted the same, moved: that takes away most of what would shimmer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from tools.onnx_writer import Graph
from tools.strokes import SURFACES
from vjgan.stock import make_library
from vjgan.train.features import Features
from vjgan.types import LatentState

WIDE, BLOCKS = 32, 4  # feature maps at a quarter of the size, residual blocks there
BATCH, RATE, CROP = 2, 2e-3, 112
PICTURES = {"alive": 70, "portraits@2x": 110}  # of the models, to be painted
SURFACES_EACH, SURFACE_SIDE = 3, 384
CONTENT, STYLE, STEADY, SMOOTH = 1.0, 5.0, 4.0, 0.02  # weights of the losses
STEADY_FROM = 0.35  # of the time: before it there is nothing to keep steady
EPSILON = 1e-5


class Norm(nn.Module):
    """Instance normalisation with a scale and shift for each style, mixed."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(1.0 + 0.1 * torch.randn(styles, channels))
        self.shift = nn.Parameter(0.1 * torch.randn(styles, channels))

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        scale, shift = ((shares @ table)[:, :, None, None] for table in (self.scale, self.shift))
        return torch.addcmul(shift, F.instance_norm(x, eps=EPSILON), scale)


class StyleNet(nn.Module):
    """Pictures [n, 3, h, w] in 0..1 and shares [n, styles] to pictures of their size, h and w in
    fours."""

    def __init__(self, styles: int) -> None:
        super().__init__()
        sizes = [(12, 24, 1), (24, WIDE, 2), *[(WIDE, WIDE, 1)] * (2 * BLOCKS), (WIDE, 24, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride, 1) for a, b, stride in sizes)
        self.norms = nn.ModuleList(Norm(b, styles) for _, b, _ in sizes)
        self.leave = nn.Conv2d(24, 12, 3, 1, 1)

    def forward(self, picture: Tensor, shares: Tensor) -> Tensor:
        x = F.pixel_unshuffle(2.0 * picture - 1.0, 2)  # [n, 12, h/2, w/2]
        x = F.relu(self.layer(x, 0, shares))
        x = F.relu(self.layer(x, 1, shares))  # [n, WIDE, h/4, w/4]
        for k in range(2, 2 + 2 * BLOCKS, 2):
            x = x + self.layer(F.relu(self.layer(x, k, shares)), k + 1, shares)
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")  # [n, WIDE, h/2, w/2]
        x = F.relu(self.layer(x, len(self.convs) - 1, shares))  # [n, 24, h/2, w/2]
        return torch.sigmoid(F.pixel_shuffle(self.leave(x), 2))  # [n, 3, h, w]

    def layer(self, x: Tensor, k: int, shares: Tensor) -> Tensor:
        normed: Tensor = self.norms[k](self.convs[k](x), shares)
        return normed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--output", type=Path, default=Path("models/surfaces.onnx"))
    parser.add_argument("--state", type=Path, help="where the state is kept, to go on from it")
    parser.add_argument("--sheet", type=Path, help="a picture of what it paints, now and then")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    net = StyleNet(len(SURFACES))
    if options.state is not None and options.state.is_file():
        net.load_state_dict(torch.load(options.state, weights_only=True))
    pictures = content()
    for step in train(net, pictures, rng, 60.0 * options.minutes):
        if step % 50 == 0:
            if options.state is not None:
                torch.save(net.state_dict(), options.state)
            if options.sheet is not None:
                sheet(net, pictures[:: len(pictures) // 6], options.sheet)
    options.output.write_bytes(exported(net.eval()))


def content() -> Tensor:
    """Pictures of the models [n, 3, 256, 256] in 0..1."""
    library, rng, drawn = make_library(device="cpu"), np.random.default_rng(1), []
    for name, count in PICTURES.items():
        generator = library.load(name)
        space = generator.space
        for z in rng.standard_normal((count, 1, space.z_dim)).astype(np.float32):
            w = space.w_mean + 0.9 * (space.map(z)[0] - space.w_mean)
            frame = generator.generate(LatentState(0.0, np.tile(w, (space.num_ws, 1))))
            drawn.append(torch.from_numpy(frame.image.copy()).permute(2, 0, 1) / 255.0)
    return torch.stack(drawn)[torch.from_numpy(rng.permutation(len(drawn)))]


def train(
    net: StyleNet, pictures: Tensor, rng: np.random.Generator, seconds: float
) -> Iterator[int]:
    """Step after step, until the time is over."""
    judge = Features()
    judge.calibrate(2.0 * pictures[:32, :, :CROP, :CROP] - 1.0)
    wanted = [style_of(judge, surface, rng) for surface in SURFACES.values()]
    adam = torch.optim.Adam(net.parameters(), RATE, betas=(0.9, 0.99))
    begun, step = time.monotonic(), 0
    while (gone := (time.monotonic() - begun) / seconds) < 1.0:
        for group in adam.param_groups:
            group["lr"] = RATE * min(1.0, step / 50) * min(1.0, 3.0 * (1.0 - gone) + 0.02)
        x = crops(pictures, rng, BATCH)  # [n, 3, CROP, CROP]
        chosen = rng.integers(0, len(wanted), BATCH)
        shares = F.one_hot(torch.from_numpy(chosen), len(wanted)).float()  # [n, styles]
        painted = net(x, shares)
        seen = judge(2.0 * painted - 1.0)
        with torch.no_grad():
            meant = judge(2.0 * x - 1.0)[2]
        content = CONTENT * (normed(seen[2]) - normed(meant)).square().mean()
        style = STYLE * torch.stack([
            (one - goal[k]).square().sum() / goal[k].square().sum()
            for one_level, goal in zip(statistics(seen, painted), zip(*wanted, strict=True),
                                       strict=True)
            for one, k in zip(one_level, chosen, strict=True)
        ]).sum() / BATCH  # fmt: skip
        smooth = SMOOTH * (painted[:, :, 1:] - painted[:, :, :-1]).abs().mean()
        steady = moved_alike(net, x, shares, painted, rng) if gone > STEADY_FROM else 0.0 * smooth
        loss = content + style + smooth + STEADY * steady
        adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        if step % 25 == 0:
            parts = ", ".join(f"{float(v.detach()):.4f}" for v in (content, style, steady))
            print(f"{step} {100 * gone:.0f} %: content, style, steady {parts}", flush=True)
        step += 1
        yield step


def moved_alike(
    net: StyleNet, x: Tensor, shares: Tensor, painted: Tensor, rng: np.random.Generator
) -> Tensor:
    """How differently the same pictures are painted, when moved by a few pixels."""
    dy, dx = (int(k) for k in rng.integers(-3, 4, 2))
    again = net(torch.roll(x, (dy, dx), (2, 3)) + 0.01 * torch.randn_like(x), shares)
    back = torch.roll(again, (-dy, -dx), (2, 3))
    return (back - painted)[:, :, 8:-8, 8:-8].square().mean()


def style_of(judge: Features, surface: object, rng: np.random.Generator) -> list[Tensor]:
    """The statistics of a surface, over a few of them."""
    assert callable(surface)
    drawn = [torch.from_numpy(surface(SURFACE_SIDE, rng)) for _ in range(SURFACES_EACH)]
    x = torch.stack(drawn).permute(0, 3, 1, 2)
    with torch.no_grad():
        return [level.mean(0) for level in statistics(judge(2.0 * x - 1.0), x)]


def statistics(maps: list[Tensor], picture: Tensor) -> list[Tensor]:
    """How features go together [n, c, c], for each of the maps and the colours themselves."""
    small = F.avg_pool2d(picture, 2)
    colours = torch.cat([small, small.square()], 1) * 4.0
    return [gram(level) for level in (colours, *maps)]


def gram(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c + 1, c + 1]; the means are with it."""
    flat = F.pad(x.flatten(2), (0, 0, 0, 1), value=1.0)  # [n, c + 1, h * w]
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def normed(x: Tensor) -> Tensor:
    """Brightness and contrast of features are the style's."""
    return F.instance_norm(x)


def crops(pictures: Tensor, rng: np.random.Generator, count: int) -> Tensor:
    """Parts of pictures, some of them whole and small, mirrored now and then."""
    chosen = []
    for k in rng.integers(0, len(pictures), count):
        picture = pictures[k]
        if rng.random() < 0.4:
            picture = F.avg_pool2d(picture, 2)
        y, x = (int(rng.integers(0, picture.shape[d] - CROP + 1)) for d in (1, 2))
        part = picture[:, y : y + CROP, x : x + CROP]
        chosen.append(part.flip(2) if rng.random() < 0.5 else part)
    return torch.stack(chosen)


@torch.no_grad()
def sheet(net: StyleNet, pictures: Tensor, path: Path) -> None:
    """Pictures in the first row, then each style."""
    rows = [pictures]
    for share in torch.eye(len(SURFACES)):
        rows.append(net(pictures, share.expand(len(pictures), -1)))
    rows = [torch.cat(list(row), 2) for row in rows]
    image = (torch.cat(rows, 1).permute(1, 2, 0).clamp(0, 1) * 255).byte().numpy()
    Image.fromarray(image).save(path)


def exported(net: StyleNet) -> bytes:
    """The network as ONNX, weights in half precision: picture [1, 3, h, w] and shares [styles] to
    picture."""
    graph = Graph("surfaces")
    picture = graph.input("picture", ["1", "3", "h", "w"])
    styles = len(SURFACES)
    shares = graph.input("shares", [str(styles)])
    row = graph.node("Unsqueeze", [shares, graph.integers([0])])
    x = graph.node("Mul", [picture, graph.numbers(np.array(2.0))])
    x = graph.node("Sub", [x, graph.numbers(np.array(1.0))])
    x = graph.node("SpaceToDepth", [x], blocksize=2)

    def conv(x: str, module: nn.Conv2d) -> str:
        weight, bias = module.weight.detach().numpy(), module.bias.detach().numpy()
        if module is net.convs[0]:  # ONNX has the colours of a place together, torch its places
            weight = weight.reshape(-1, 3, 4, 3, 3).swapaxes(1, 2).reshape(weight.shape)
        constants = graph.half(weight), graph.half(bias)
        return graph.node("Conv", [x, *constants], strides=list(module.stride), pads=[1] * 4)

    def layer(x: str, k: int) -> str:
        x = conv(x, net.convs[k])
        norm = net.norms[k]
        mean = graph.node("ReduceMean", [x], axes=[2, 3])
        x = graph.node("Sub", [x, mean])
        power = graph.node("ReduceMean", [graph.node("Mul", [x, x])], axes=[2, 3])
        power = graph.node("Add", [power, graph.numbers(np.array(EPSILON))])
        x = graph.node("Div", [x, graph.node("Sqrt", [power])])
        for operation, table in (("Mul", norm.scale), ("Add", norm.shift)):
            mixed = graph.node("MatMul", [row, graph.half(table.detach().numpy())])  # [1, c]
            mixed = graph.node("Unsqueeze", [mixed, graph.integers([2, 3])])  # [1, c, 1, 1]
            x = graph.node(operation, [x, mixed])
        return x

    x = graph.node("Relu", [layer(x, 0)])
    x = graph.node("Relu", [layer(x, 1)])
    for k in range(2, 2 + 2 * BLOCKS, 2):
        y = layer(graph.node("Relu", [layer(x, k)]), k + 1)
        x = graph.node("Add", [x, y])
    doubled = graph.numbers(np.array([1.0, 1.0, 2.0, 2.0]))
    x = graph.node("Resize", [x, "", doubled], mode="nearest",
                   coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    x = graph.node("Relu", [layer(x, len(net.convs) - 1)])
    x = conv(x, net.leave)
    x = graph.node("DepthToSpace", [x], blocksize=2, mode="CRD")
    graph.output(graph.node("Sigmoid", [x]), ["1", "3", "h", "w"])
    return graph.bytes()


if __name__ == "__main__":
    main()
