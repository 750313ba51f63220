"""Teach what a face's mesh says of its sitter: ``python -m vjgan.train.geometry``.

The mesh is laid on renders, and the sitter's numbers are told from the measures by
ridge regression. What it learns joins the encoder's file, with the share that it has in each
number: as much as it errs less than the network on renders that neither has seen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vjgan.camera.align import Placement
from vjgan.camera.faces import Detector, Mesh, Surface
from vjgan.camera.geometry import BONES, measures
from vjgan.camera.reader import expand
from vjgan.errors import told
from vjgan.files import replacing
from vjgan.train import sitter
from vjgan.train.shards import check_names, read_shard, shard_paths
from vjgan.train.state import write_weights
from vjgan.types import FloatArray

DATA, MESHES = Path("training/data"), Path("training/meshes")
RIDGE = 100.0
FOLLOWED, LARGE = 64, 384  # renders that are found and followed, and how large
AHEAD = 0.15  # radians within which somebody looks straight ahead


@dataclass(frozen=True, slots=True)
class Laid:
    """Meshes of a folder's renders: which one, its vector [32], its mesh."""

    numbers: NDArray[np.int64]
    p: FloatArray
    meshes: list[Mesh]


def lay(path: Path, folder: Path, surface: Surface) -> Path:
    """The meshes of a shard of renders, kept in a file of the same name."""
    out = folder / path.name
    if out.exists():
        return out
    rows = []
    shard = read_shard(path)
    for k, picture in enumerate(shard.pictures):
        mesh = surface.lay(picture, _around(shard.marks[k] * len(picture)))
        if mesh is not None:
            rows.append((k, shard.p[k], mesh.points, mesh.eyes))
    which, p, points, eyes = (np.array(column) for column in zip(*rows, strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(out) as part, part.open("wb") as file:
        np.savez(file, k=which, p=p, points=points, eyes=eyes, names=np.array(sitter.NAMES))
    return out


def _around(marks: FloatArray) -> Placement:
    """Where a face with these marks [3, 2] is: the renderer knows, so nobody need look."""
    eyes = (marks[0] + marks[1]) / 2
    x, y = eyes + 0.45 * (marks[2] - eyes)
    return Placement(float(x), float(y), 4.2 * float(marks[2, 1] - eyes[1]))


def read_meshes(paths: list[Path]) -> Laid:
    """Those of several files."""
    numbers, p, meshes = [], [], []
    for path in paths:
        with np.load(path) as kept:
            check_names(path, kept)
            numbers.append(kept["k"])
            p.append(kept["p"])
            rows = zip(kept["points"], kept["eyes"], strict=True)
            meshes += [Mesh(0.0, points, eyes) for points, eyes in rows]
    return Laid(np.concatenate(numbers), np.concatenate(p), meshes)


def canonical(laid: Laid) -> FloatArray:
    """The mean mesh [468, 3] of sitters that look straight ahead, outer corners of the eyes a unit
    apart."""
    values = sitter.describe(laid.p)
    ahead = np.flatnonzero((abs(values["turn"]) < AHEAD) & (abs(values["nod"] - 0.03) < AHEAD))
    rows = []
    for k in ahead:
        points = laid.meshes[k].points.astype(np.float64)
        width = np.linalg.norm(points[33] - points[263])
        rows.append((points - points[BONES].mean(0)) / width)
    return np.asarray(np.mean(rows, 0), np.float32)


def fit(laid: Laid, mean_mesh: FloatArray) -> dict[str, FloatArray]:
    """The regression from measures to numbers [32]."""
    raw = np.stack([measures(mesh, mean_mesh) for mesh in laid.meshes])  # [n, m]
    mean, spread = raw.mean(0), raw.std(0) + 1e-6
    x = expand(np.clip((raw - mean) / spread, -3, 3))  # [n, k]
    centre, middle = x.mean(0), laid.p.mean(0)
    x = x - centre
    weight = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (laid.p - middle)).T
    found = {"mean": mean, "spread": spread, "weight": weight, "bias": middle - weight @ centre}
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def tell(laid: Laid, mean_mesh: FloatArray, rows: dict[str, FloatArray]) -> FloatArray:
    """What the regression says of meshes: [n, 32]."""
    raw = np.stack([measures(mesh, mean_mesh) for mesh in laid.meshes])
    x = expand(np.clip((raw - rows["mean"]) / rows["spread"], -3, 3))
    return np.asarray(x @ rows["weight"].T + rows["bias"], np.float32)


def find_shift(path: Path, laid: Laid, mean_mesh: FloatArray) -> FloatArray:
    """How much more is measured of a face that is found and followed in a larger picture than of
    the meshes ``laid`` on the same shard, on the mean: [m]."""
    detector, surface = Detector(), Surface()
    differences = []
    for k, picture in enumerate(read_shard(path).pictures[:FOLLOWED]):
        at = np.flatnonzero(laid.numbers == k)
        image = np.asarray(Image.fromarray(picture).resize((LARGE, LARGE)))
        found = detector.find(image) if len(at) else []
        near = surface.lay(image, found[0].around) if found else None
        mesh = surface.lay(image, near.around) if near is not None else None
        if mesh is not None:
            was = measures(laid.meshes[int(at[0])], mean_mesh)
            differences.append(measures(mesh, mean_mesh) - was)
    return np.asarray(np.mean(differences, 0), np.float32)


def explained(told: FloatArray, p: FloatArray) -> FloatArray:
    """R2 of each number: [32]."""
    left = ((told - p) ** 2).sum(0) / ((p - p.mean(0)) ** 2).sum(0)
    return np.asarray(1 - left, np.float32)


def main() -> None:
    """Lay the meshes that are missing, fit, and say how well the numbers are told."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.geometry", description=__doc__)
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--meshes", type=Path, default=MESHES, help="where meshes are kept")
    arguments.add_argument("--count", type=int, default=16, help="shards to learn from")
    options = arguments.parse_args()
    learnt, held = shard_paths(options.data)[: options.count], shard_paths(options.data, held=True)
    surface = Surface()
    kept = [lay(path, options.meshes, surface) for path in [*held, *learnt]]
    known, unseen = read_meshes(kept[len(held) :]), read_meshes(kept[: len(held)])
    mean_mesh = canonical(known)
    rows = fit(known, mean_mesh)
    r2 = explained(tell(unseen, mean_mesh, rows), unseen.p)
    shift = find_shift(learnt[0], read_meshes([kept[len(held)]]), mean_mesh)
    write(options.meshes / "geometry.safetensors", rows | {"canonical": mean_mesh, "shift": shift})
    print(" ".join(f"{n} {v:.2f}" for n, v in zip(sitter.NAMES, r2, strict=True)))


def write(path: Path, rows: dict[str, FloatArray]) -> None:
    """Keep what was learnt."""
    write_weights(path, {name: torch.from_numpy(value) for name, value in rows.items()}, {})


if __name__ == "__main__":
    with told():
        main()
