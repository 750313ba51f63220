"""The model's own pictures of random sitters, as shards beside the renders':
``python -m vjgan.train.own``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vjgan.errors import told
from vjgan.generator.player import open_model
from vjgan.train import sitter
from vjgan.train.shards import Shard, read_shard, shard_paths, write_shard
from vjgan.types import FloatArray, LatentState

MODEL = Path("models/portraits.safetensors")
DATA, OWN = Path("training/data"), Path("training/own")
SHARD = 256
SEED = 70_000_000
LEARNT = 12  # shards of renders that tell where eyes and mouth lie


def find_marks(data: Path) -> Callable[[FloatArray], FloatArray]:
    """Where the eyes and mouth of vectors [n, 32] lie, [n, 3, 2], by least squares on renders."""
    shards = [read_shard(path) for path in shard_paths(data)[:LEARNT]]
    p = np.concatenate([shard.p for shard in shards])
    marks = np.concatenate([shard.marks for shard in shards])
    weight, *_ = np.linalg.lstsq(_columns(p), marks.reshape(len(p), -1), rcond=None)
    return lambda p: np.asarray(_columns(p) @ weight, np.float32).reshape(-1, 3, 2)


def _columns(p: FloatArray) -> FloatArray:
    """What places depend on: the physical values, and the pose's products with them."""
    values = sitter.embed(p)
    pose = np.tanh(p[:, [sitter.INDEX["turn"], sitter.INDEX["nod"]]])
    products = (pose[:, :, None] * values[:, None, :]).reshape(len(p), -1)
    return np.concatenate([values, products, np.ones((len(p), 1))], 1).astype(np.float32)


def main() -> None:
    """Draw as many shards as are asked for; those that are there stay."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.own", description=__doc__)
    arguments.add_argument("--model", type=Path, default=MODEL)
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--folder", type=Path, default=OWN)
    arguments.add_argument("--count", type=int, default=24, help=f"shards of {SHARD} pictures")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    marks = find_marks(options.data)
    player = open_model(options.model, "cpu")
    for k in range(options.count):
        path = options.folder / f"{k:06d}.npz"
        if path.exists():
            continue
        p = sitter.draw(SEED + k, SHARD)
        ws = player.space.map(p)  # [n, w_dim]
        states = (LatentState(0.0, np.tile(w, (player.space.num_ws, 1))) for w in ws)
        pictures = np.stack([player.generate(state).image.copy() for state in states])
        write_shard(path, Shard(p, pictures, marks(p)))


if __name__ == "__main__":
    with told():
        main()
