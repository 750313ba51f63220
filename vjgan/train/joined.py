"""Make the encoder's file out of what the network and the mesh learnt: ``python -m
vjgan.train.joined``. It says how well each number is told of renders that neither has seen."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from vjgan.camera.faces import Surface
from vjgan.errors import told
from vjgan.train import sitter
from vjgan.train.encoder import DATA, MODEL, OUT, RUN
from vjgan.train.encoding import SIZE, Encoder, export
from vjgan.train.geometry import MESHES, explained, lay, read_meshes, tell
from vjgan.train.shards import shard_paths
from vjgan.train.sightings import Sightings, cut, straight
from vjgan.train.state import read, read_weights, unpack
from vjgan.types import FloatArray


def find_share(seen: FloatArray, measured: FloatArray, p: FloatArray) -> FloatArray:
    """The share [32] of what the mesh says in each number, for the least error together with what
    the network says, [n, 32] each, of vectors p."""
    a, b = seen - p, measured - p
    both = (a * b).mean(0)
    share = ((a * a).mean(0) - both) / ((a * a).mean(0) + (b * b).mean(0) - 2 * both)
    return np.asarray(np.clip(share, 0, 1), np.float32)


@torch.no_grad()
def look(network: Encoder, data: Path, which: np.ndarray) -> FloatArray:
    """What the network says of the held-out renders of these numbers: [n, 32]."""
    x, _ = Sightings(data, held=True).get(torch.from_numpy(which))
    x = cut(x, straight(len(x)), SIZE)
    return np.asarray(torch.cat([network(part) for part in torch.split(x, 64)]).numpy(), np.float32)


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
    tensors, about = read(options.run / "state.safetensors")
    network = Encoder()
    network.load_state_dict(unpack("average", tensors))
    network.eval()
    rows = read_weights(options.meshes / "geometry.safetensors")
    laid = read_meshes([lay(shard_paths(options.data, held=True)[0], options.meshes, Surface())])
    seen = look(network, options.data, laid.numbers)
    measured = tell(laid, rows["canonical"], rows)
    half = len(laid.p) // 2
    rows["share"] = find_share(seen[:half], measured[:half], laid.p[:half])
    together = seen + rows["share"] * (measured - seen)
    columns = [explained(told[half:], laid.p[half:]) for told in (seen, measured, together)]
    print(f"{'number':<14}{'network':>9}{'mesh':>9}{'share':>9}{'together':>9}")
    for k, name in enumerate(sitter.NAMES):
        values = (columns[0][k], columns[1][k], rows["share"][k], columns[2][k])
        print(f"{name:<14}" + "".join(f"{value:9.2f}" for value in values))
    print(f"{'mean':<14}" + "".join(f"{c.mean():9.2f}" for c in columns))
    rows["mean"] = rows["mean"] + rows.pop("shift")  # from here on faces are found and followed
    options.out.parent.mkdir(parents=True, exist_ok=True)
    export(network, rows, options.model, options.out, int(about["steps"]))
    print(options.out)


if __name__ == "__main__":
    with told():
        main()
