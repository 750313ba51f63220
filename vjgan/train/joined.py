"""Make the encoder's file out of what the networks and the mesh learnt: ``python -m
vjgan.train.joined``. It says how well each number is told of renders that none has seen."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from vjgan.camera.faces import Surface
from vjgan.errors import VjganError, told
from vjgan.train import sitter
from vjgan.train.encoder import DATA, MODEL, OUT, RUN, look
from vjgan.train.encoding import EYES, PARTS, Encoder, Part, export
from vjgan.train.geometry import MESHES, explained, lay, read_meshes, tell
from vjgan.train.places import fit_places
from vjgan.train.shards import shard_paths
from vjgan.train.sightings import Sightings
from vjgan.train.state import read, read_weights, unpack
from vjgan.types import FloatArray

HEADS = ("face", "eyes", "mesh", "of eyes", "of mesh", "together")


def find_share(first: FloatArray, second: FloatArray, p: FloatArray) -> FloatArray:
    """The share [k] of what the second says in each number, for the least error together with what
    the first says, [n, k] each, of numbers p."""
    a, b = first - p, second - p
    both = (a * b).mean(0)
    share = ((a * a).mean(0) - both) / ((a * a).mean(0) + (b * b).mean(0) - 2 * both)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def taught(run: Path, part: Part) -> tuple[Encoder, int]:
    """A part's network as it was taught, and in how many steps. Raises VjganError where it was
    not."""
    path = run / part.name / "state.safetensors"
    if not path.exists():
        raise VjganError(
            f"'{path}' is not there; python -m vjgan.train.encoder --part {part.name} makes it"
        )
    tensors, about = read(path)
    network = Encoder(part)
    network.load_state_dict(unpack("average", tensors))
    return network.eval(), int(about["steps"])


def main() -> None:
    """Join, and write the file; half of the held-out renders tell the shares, the other how good
    it is."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.joined", description=__doc__)
    arguments.add_argument("--run", type=Path, default=RUN, help="of vjgan.train.encoder")
    arguments.add_argument("--meshes", type=Path, default=MESHES, help="of vjgan.train.geometry")
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--model", type=Path, default=MODEL)
    arguments.add_argument("--out", type=Path, default=OUT)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    networks, steps = zip(*(taught(options.run, part) for part in PARTS.values()), strict=True)
    rows = read_weights(options.meshes / "geometry.safetensors")
    laid = read_meshes([lay(shard_paths(options.data, held=True)[0], options.meshes, Surface())])
    which = torch.from_numpy(laid.numbers)
    face, eyes = (
        look(network, Sightings(options.data, network.part, held=True), which)[0].numpy()
        for network in networks
    )
    half, at = len(laid.p) // 2, EYES.numbers
    rows["eyes_share"] = np.zeros(len(sitter.NAMES), np.float32)
    rows["eyes_share"][at] = find_share(face[:half, at], eyes[:half], laid.p[:half, at])
    seen = face.copy()
    seen[:, at] += rows["eyes_share"][at] * (eyes - face[:, at])
    measured = tell(laid, rows["canonical"], rows)
    rows["share"] = find_share(seen[:half], measured[:half], laid.p[:half])
    together = seen + rows["share"] * (measured - seen)
    alone = np.full_like(face, np.nan)
    alone[:, at] = eyes
    columns = [explained(t[half:], laid.p[half:]) for t in (face, alone, measured, together)]
    print("".join(f"{word:>10}" for word in ("number", *HEADS)))
    for k, name in enumerate(sitter.NAMES):
        shares = ((1 - rows["share"][k]) * rows["eyes_share"][k], rows["share"][k])
        values = (*(column[k] for column in columns[:3]), *shares, columns[3][k])
        print(f"{name:>14}" + "".join(f"{value:10.2f}" for value in values))
    print(f"mean: face {columns[0].mean():.2f}, together {columns[3].mean():.2f}")
    rows["places"] = fit_places(options.data)
    rows["mean"] = rows["mean"] + rows.pop("shift")  # from here on faces are found and followed
    options.out.parent.mkdir(parents=True, exist_ok=True)
    export(list(networks), rows, options.model, options.out, max(steps))
    print(options.out)


if __name__ == "__main__":
    with told():
        main()
