"""Compare the encoder with going down the slope, from there and from nothing, on renders that were
never trained on, and draw a sheet of portraits below their sitters: ``python -m
vjgan.train.compared``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from vjgan.camera.follower import PORTRAIT, Follower
from vjgan.camera.reader import Reader
from vjgan.errors import told
from vjgan.files import replacing
from vjgan.generator import checkpoint
from vjgan.generator.player import make_space
from vjgan.generator.sample import draw_w
from vjgan.train.encoder import DATA, MODEL, OUT
from vjgan.train.projection import ENOUGH, Projection, improve_sitter
from vjgan.train.shards import read_shard, shard_paths
from vjgan.types import ByteArray

LARGE = 384  # pixels a side to which renders are enlarged, as a camera would show them
ROW = 8  # sitters in a row of the sheet, each above the portraits


def distances(a: ByteArray, b: ByteArray) -> tuple[float, float]:
    """How far two pictures [128, 128, 3] are: the mean difference, of a range of 1, and the PSNR in
    dB."""
    difference = (a.astype(np.float64) - b) / 255
    return float(np.abs(difference).mean()), float(-10 * np.log10((difference**2).mean()))


def sheet(columns: list[tuple[ByteArray, ...]]) -> ByteArray:
    """Sitters above their portraits, in rows; the last row is filled with black."""
    blank = (np.zeros((PORTRAIT, PORTRAIT, 3), np.uint8),) * len(columns[0])
    rows = []
    for start in range(0, len(columns), ROW):
        row = [*columns[start : start + ROW], *[blank] * ROW][:ROW]
        rows += [np.concatenate(pictures, 1) for pictures in zip(*row, strict=True)]
    return np.concatenate(rows)


def main() -> None:
    """Print a line for each picture, and write the sheet."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.compared", description=__doc__)
    arguments.add_argument("photos", type=Path, nargs="*", help="more pictures for the sheet")
    arguments.add_argument("--data", type=Path, default=DATA)
    arguments.add_argument("--model", type=Path, default=MODEL)
    arguments.add_argument("--encoder", type=Path, default=OUT)
    arguments.add_argument("--count", type=int, default=16, help="held-out renders")
    arguments.add_argument("--compared", type=int, default=4, help="with so many of them")
    arguments.add_argument("--steps", type=int, default=500)
    arguments.add_argument("--sheet", type=Path, default=Path("docs/camera.jpg"))
    options = arguments.parse_args()
    network = checkpoint.load(options.model).network
    space, reader = make_space(network), Reader(options.encoder)
    renders = read_shard(shard_paths(options.data, held=True)[0]).pictures[: options.count]
    images = [np.asarray(Image.fromarray(x).resize((LARGE, LARGE))) for x in renders]
    images += [np.asarray(Image.open(path).convert("RGB")) for path in options.photos]
    pairs: list[tuple[ByteArray, ...]] = []
    told, improved, aims = [], [], []
    for k, image in enumerate(images):
        seen = Follower(reader).step(image, 0.0)
        if seen.z is None or seen.picture is None:
            print(f"{k}: {seen.state}", flush=True)
            continue
        portrait = draw_w(network, space.map(seen.z[None])[0])
        pairs.append((seen.picture, portrait))
        near = distances(renders[k] if k < len(renders) else seen.picture, portrait)
        if k < len(renders):
            told.append(near)
            aims.append(renders[k])
        print(f"{k}: encoder {near[0]:.4f} {near[1]:.2f} dB", flush=True)
        z, _ = improve_sitter(network, reader, seen, ENOUGH)
        liker = draw_w(network, space.map(z[None])[0])
        pairs[-1] = (*pairs[-1], liker)
        near = distances(renders[k] if k < len(renders) else seen.picture, liker)
        if k < len(renders):
            improved.append(near)
        print(f"{k}: improved {near[0]:.4f} {near[1]:.2f} dB", flush=True)
    print(f"encoder, mean of {len(told)} renders: {np.mean(told, 0).round(4)}", flush=True)
    print(f"and {ENOUGH} steps from there: {np.mean(improved, 0).round(4)}", flush=True)
    with replacing(options.sheet) as part:
        Image.fromarray(sheet(pairs)).save(part, "JPEG", quality=90)
    for k, sitter in enumerate(aims[: options.compared]):
        projection = Projection(network)
        projection.aim(sitter)
        for _ in range(options.steps):
            projection.step()
        near = distances(sitter, draw_w(network, projection.w))
        print(f"{k}: {options.steps} steps {near[0]:.4f} {near[1]:.2f} dB", flush=True)


if __name__ == "__main__":
    with told():
        main()
