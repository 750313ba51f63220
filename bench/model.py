"""How good the default model's pictures are, in numbers, on sheets and on film.

Compared are its pictures and renders that it never saw, both at 256 pixels, and as a floor renders
that it learned from. The renders lie in ``training/`` (docs/default-model.md tells how to make
them); sheets, the nearest neighbours and the film of a walk go to ``out/model/``.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vjgan.assets import folder
from vjgan.errors import VjganError
from vjgan.generator.checkpoint import find_model, load
from vjgan.generator.device import set_threads
from vjgan.generator.player import Player, open_model
from vjgan.generator.upscale import model_of, read_upscaler
from vjgan.media import FilmWriter, save_image
from vjgan.train import quality
from vjgan.train.shards import read_shard, shard_paths
from vjgan.types import ByteArray, FloatArray, LatentState

LARGE, SMALL, OUT = Path("training/large"), Path("training/data"), Path("out/model")
SIDE = 256  # pixels at which pictures are compared
COUNT = 256  # pictures of each kind: so many held-out renders there are
LEARNED = 4  # shards of those learned from, for the nearest neighbours
PATHS = 128  # paths in w
PSIS = (0.5, 0.7, 1.0)
STOPS, SECONDS, FPS = 6, 2, 30  # of the walk, and seconds from one to the next


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The measures of every model whose file matches ``options.models``."""
    try:
        small, large = shard_paths(SMALL)[:LEARNED], shard_paths(LARGE)
        unseen = shard_paths(LARGE, held=True)
    except VjganError as error:
        return {"not measured": str(error)}
    torch.manual_seed(0)
    set_threads(live=False)
    names = sorted(path.stem for path in folder("models").glob(options.models))
    held = read_shard(unseen[0]).pictures
    true = quality.embed(held, SIDE)
    learned = np.concatenate([read_shard(path).pictures for path in small])
    known = quality.embed(learned)
    floor = quality.embed(read_shard(large[0]).pictures, SIDE)
    far = np.median(quality.nearest(quality.embed(held), known).distance)
    rows: dict[str, Any] = {"renders it learned from": _distances(floor, true)}
    for name in names:
        player = open_model(find_model(name, folder("models")), live=False)
        pictures = _draw(player, 1.0, COUNT, seed=70)
        near = quality.nearest(quality.embed(pictures), known)
        rows[name] = _distances(quality.embed(pictures, SIDE), true) | {
            "path length (PPL in w)": _path_length(name, player),
            "nearest learned, held-out = 1": float(np.median(near.distance) / far),
            "nearest of all, held-out = 1": float(near.distance.min() / far),
        }
        _show(name, player, pictures, learned[near.which])
    return rows


def _distances(ours: quality.Floats, true: quality.Floats) -> dict[str, float]:
    kid = quality.kid(ours, true, size=COUNT // 2)
    return {
        "KID x 1000": 1e3 * kid.mean,
        "KID x 1000, deviation": 1e3 * kid.deviation,
        f"FID of {COUNT}": quality.fid(ours, true),
    }


def _latents(player: Player, psi: float, count: int, seed: int) -> FloatArray:
    """w [count, w_dim]."""
    space = player.space
    z = np.random.default_rng(seed).standard_normal((count, space.z_dim)).astype(np.float32)
    w: FloatArray = space.w_mean + psi * (space.map(z) - space.w_mean)
    return w


def _picture(player: Player, w: FloatArray) -> ByteArray:
    return player.generate(LatentState(0.0, np.tile(w, (player.space.num_ws, 1)))).image


def _draw(player: Player, psi: float, count: int, seed: int) -> ByteArray:
    return np.stack([_picture(player, w) for w in _latents(player, psi, count, seed)])


def _path_length(name: str, player: Player) -> float:
    path = find_model(name, folder("models"))
    base = model_of(path)
    network = load(base or path).network.freeze()
    enlarge = read_upscaler(path) if base else None

    def draw(w: torch.Tensor) -> torch.Tensor:
        image = network.synthesis(w[:, None].repeat(1, network.config.num_ws, 1))
        return enlarge(image) if enlarge is not None else image

    w = torch.from_numpy(_latents(player, 1.0, 2 * PATHS, seed=71))
    return quality.path_length(draw, w)


def _show(name: str, player: Player, pictures: ByteArray, nearest: ByteArray) -> None:
    """Sheets of samples, of samples above the nearest that were learned, and a walk."""
    OUT.mkdir(parents=True, exist_ok=True)
    for psi in PSIS:
        save_image(OUT / f"{name}-{psi}.png", _sheet(_draw(player, psi, 64, seed=72), 8))
    step = len(pictures[0]) // len(nearest[0])
    small = pictures[:16, step // 2 :: step, step // 2 :: step]
    both = np.concatenate([small[:8], nearest[:8], small[8:], nearest[8:16]])
    save_image(OUT / f"{name}-nearest.png", _sheet(both, 8))
    stops = _latents(player, 0.8, STOPS, seed=73)
    with FilmWriter(OUT / f"{name}-walk.mp4", player.resolution[::-1], Fraction(FPS)) as film:
        for k in range(STOPS * SECONDS * FPS):
            at, t = divmod(k / (SECONDS * FPS), 1.0)
            start, end = stops[int(at)], stops[(int(at) + 1) % STOPS]
            film.write(_picture(player, start + (end - start) * (t * t * (3 - 2 * t))))


def _sheet(pictures: NDArray[np.uint8], columns: int) -> ByteArray:
    """Pictures [n, h, w, 3] side by side."""
    n, h, w, _ = pictures.shape
    rows = pictures.reshape(n // columns, columns, h, w, 3).transpose(0, 2, 1, 3, 4)
    return rows.reshape(n // columns * h, columns * w, 3)
