"""The model's own pictures of random sitters, as shards beside the renders':
``python -m vjgan.train.own``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vjgan.errors import told
from vjgan.generator.player import open_model
from vjgan.train import sitter
from vjgan.train.places import find_places, fit_places
from vjgan.train.shards import Shard, write_shard
from vjgan.types import LatentState

MODEL = Path("models/portraits.safetensors")
DATA, OWN = Path("training/data"), Path("training/own")
SHARD = 256
SEED = 70_000_000


def main() -> None:
    """Draw as many shards as are asked for; those that are there stay."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.own", description=__doc__)
    arguments.add_argument("--model", type=Path, default=MODEL)
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--folder", type=Path, default=OWN)
    arguments.add_argument("--count", type=int, default=24, help=f"shards of {SHARD} pictures")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    weight = fit_places(options.data)
    player = open_model(options.model, "cpu")
    for k in range(options.count):
        path = options.folder / f"{k:06d}.npz"
        if path.exists():
            continue
        p = sitter.draw(SEED + k, SHARD)
        ws = player.space.map(p)  # [n, w_dim]
        states = (LatentState(0.0, np.tile(w, (player.space.num_ws, 1))) for w in ws)
        pictures = np.stack([player.generate(state).image.copy() for state in states])
        write_shard(path, Shard(p, pictures, find_places(weight, p)))


if __name__ == "__main__":
    with told():
        main()
