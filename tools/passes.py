"""Draws every pass at its defaults onto one sheet: ``python -m tools.passes docs/passes.jpg``.

The portraits turn from one into another for two seconds, so that what lives on the past has one;
passes that read a layer read the bundled ink.
"""

from __future__ import annotations

import sys
from contextlib import closing
from math import ceil, sin
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vjgan.screen.offscreen import OffscreenScreen
from vjgan.sources import Wish, open_source
from vjgan.stock import make_library
from vjgan.types import Beat, Controls, Frame, Generator, LatentState, PassWeight, Picture, Tick

SIZE = (480, 270)  # of what is drawn; half of it is shown
COLUMNS, GAP, WORDS = 5, 4, 22  # pixels
FPS, FRAMES = 12, 24
SEEDS = (21, 5)
INK = Path("presets/layers/ink.mp4")
OTHERWISE = {"key": {"key.dark": 1.0}}  # there is nothing green in ink
WORD, GROUND = (214, 214, 214), (16, 16, 17)


def main(path: Path) -> None:
    """Write the sheet."""
    library = make_library("portraits", 0, "cpu", live=False)
    frames = turning(library.scene(library.find("sitters")).generator)
    layers = ink()
    with closing(OffscreenScreen(SIZE, flash_limit=False)) as screen:
        names = ("", *screen.canvas.chain.names())
        tiles = {name: drawn(screen, name, frames, layers) for name in names}
    sheet(tiles).save(path, quality=88)


def turning(generator: Generator) -> list[Frame]:
    """One portrait becoming another."""
    space = generator.space
    z = [np.random.default_rng(seed).standard_normal((1, space.z_dim)) for seed in SEEDS]
    one, other = (space.map(row.astype(np.float32))[0] for row in z)
    frames = []
    for k in range(FRAMES):
        part = 0.5 - 0.5 * np.cos(np.pi * k / (FRAMES - 1))
        w = space.w_mean + 0.8 * ((1 - part) * one + part * other - space.w_mean)
        latent = LatentState(k / FPS, np.tile(w.astype(np.float32), (space.num_ws, 1)))
        frames.append(generator.generate(latent))
    return frames


def ink() -> list[Frame]:
    """The layer, picture by picture."""
    layer = open_source(Wish("video", str(INK)), live=False)
    ticks = [Tick(k, k / FPS, 1 / FPS, k / FPS) for k in range(FRAMES)]
    return [layer.read(Beat(), tick, 1.0) for tick in ticks]


def drawn(
    screen: OffscreenScreen, name: str, frames: list[Frame], layers: list[Frame]
) -> Image.Image:
    """A pass after two seconds of music; without a name, none."""
    rows = (PassWeight(name),) if name else ()
    for k, (frame, layer) in enumerate(zip(frames, layers, strict=True)):
        time = 4.0 + k / FPS
        beat = 2.0 * time
        signals = {
            "level": 0.6, "low": 0.5 + 0.4 * sin(time), "mid": 0.5, "high": 0.4,
            "kick": 1.0 - beat % 1.0, "beat_pulse": 1.0 - beat % 1.0, "beat_phase": beat % 1.0,
            "bar_phase": beat / 4 % 1.0, "beat": beat, "confidence": 1.0,
        }  # fmt: skip
        picture = Picture(frame, frame, layers=(Picture(layer, layer),))
        values = {"fit": 1.0, "brightness": 1.0, "between.surround": 1.0, **OTHERWISE.get(name, {})}
        screen.show(picture, Controls(time, values, signals, rows), Tick(k, time, 1 / FPS, time))
    half = SIZE[0] // 2, SIZE[1] // 2
    return Image.fromarray(screen.image()).resize(half, Image.Resampling.LANCZOS)


def sheet(tiles: dict[str, Image.Image]) -> Image.Image:
    """All of them, with their names below."""
    width, height = SIZE[0] // 2, SIZE[1] // 2
    rows = ceil(len(tiles) / COLUMNS)
    across, down = width + GAP, height + WORDS
    whole = Image.new("RGB", (COLUMNS * across - GAP, rows * down), GROUND)
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    for index, (name, tile) in enumerate(tiles.items()):
        x, y = index % COLUMNS * across, index // COLUMNS * down
        whole.paste(tile, (x, y))
        pen.text((x + 3, y + height + WORDS // 2), name or "(none)", WORD, font, anchor="lm")
    return whole


if __name__ == "__main__":
    main(Path(sys.argv[1]))
