"""Pictures of what the shaders and the models draw, for ``python -m vjgan.train.superres``.

    python -m tools.textures training/textures

Every preset is played for three seconds of the demo track's drop, and one frame in eight kept; of
every bundled model some pictures are kept as it draws them.
"""

from __future__ import annotations

import argparse
import logging
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np

from vjgan import assets
from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.errors import VjganError
from vjgan.features import Analyser
from vjgan.generator.player import open_model
from vjgan.generator.worker import Direct
from vjgan.listener import SteppedEar
from vjgan.media import Sound, save_image
from vjgan.render import render
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stock import demo_sound, make_library
from vjgan.types import ByteArray, LatentState

SIZE, FPS, EVERY, FRAMES = (1280, 720), 10, 8, 32
SAMPLES, PSI, SEED = 96, 0.8, 11  # of each model
HEARD_FROM = 45  # seconds into the demo track: in its drop all of it plays


class Stills:
    """A film of which one frame in so many is kept as a picture."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.frames = folder, name, 0

    def write(self, image: ByteArray) -> None:
        """Take a frame: uint8 [height, width, 3]."""
        self.frames += 1
        if self.frames % EVERY == 0:
            save_image(self.folder / f"{self.name}-{self.frames:03}.png", image)


def main() -> None:
    """Keep pictures of every preset and model."""
    arguments = argparse.ArgumentParser(prog="tools.textures", description=__doc__)
    arguments.add_argument("folder", type=Path, help="where they go")
    folder = arguments.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    library, sound = make_library(live=False), demo_sound()
    rate = sound.sample_rate
    sound = Sound(sound.samples[HEARD_FROM * rate :], rate)
    with closing(OffscreenScreen(SIZE)) as screen:
        for path in library.paths():
            try:
                scene = library.scene(path)
            except VjganError as error:
                logging.getLogger("vjgan").warning("%s", error)
                continue
            ear = SteppedEar(Track(sound), Analyser(rate))
            painter, film = Direct(scene.generator), Stills(folder, path.stem)
            fps, start = Fraction(FPS), Fraction(0)
            render(scene, ear, BeatClock(), painter, screen, film, fps, start, FRAMES)
            for layer in scene.layers:
                layer.close()
    for path in sorted(assets.folder("models").glob("*.safetensors")):
        keep_samples(folder, path)


def keep_samples(folder: Path, model: Path) -> None:
    """Keep pictures of a model, of random z."""
    player = open_model(model, "cpu", live=False)
    space = player.space
    z = np.random.default_rng(SEED).standard_normal((SAMPLES, space.z_dim)).astype(np.float32)
    for k, w in enumerate(space.w_mean + PSI * (space.map(z) - space.w_mean)):
        state = LatentState(0.0, np.tile(w, (space.num_ws, 1)).astype(np.float32))
        save_image(folder / f"{model.stem}-{k:03}.png", player.generate(state).image)


if __name__ == "__main__":
    main()
