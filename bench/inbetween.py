"""What is shown between two frames of a slow model, beside what the model would have drawn.

The default model plays parts of the demo track at 60 frames a second, kicks and all: the truth. Of
these frames 30, 20 and 12 a second are kept, and the others made of them: held, faded evenly, and
as a show does it (`vjgan.generator.trail`, `vjgan.generator.flow`, `shaders/between.frag`). All go
over a screen of the frames' own size. Only what is in between is judged by PSNR and SSIM.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import Any

import numpy as np

from bench.likeness import psnr, ssim, temporal_error
from bench.loop import Void
from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.clock import FixedClock
from vjgan.engine import Engine
from vjgan.features import Analyser
from vjgan.generator.flow import flow
from vjgan.generator.trail import Trail
from vjgan.generator.worker import Direct
from vjgan.listener import SteppedEar
from vjgan.render import Nobody
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stage import Stage
from vjgan.stats import Stats
from vjgan.stock import demo_sound, make_library
from vjgan.types import (
    ByteArray,
    Controls,
    FloatArray,
    Frame,
    Generator,
    LatentState,
    Picture,
    Tick,
)

FPS = 60
MODELS = ("portraits", "portraits@2x")
PRESETS = ("sitters", "journey")
START, SECONDS = Fraction(38), 5  # of the demo track: the drop
SETTLE = 3  # seconds before that, until the ear has its bearings
RATES = (30, 20, 12)  # model frames a second
WAYS: dict[str, dict[str, float]] = {  # besides holding; and their controls
    "crossfade": {"between.flow": 0.0},
    "ours without motion": {"between.flow": 0.0},
    "ours": {},
}
BLACK = Picture(Void.frame, Void.frame)


class Witness(Direct):
    """Draws every latent from a time on, and keeps it and its picture."""

    def __init__(self, generator: Generator, start: float) -> None:
        super().__init__(generator)
        self.start = start
        self.frames_: list[Frame] = []
        self.places: list[FloatArray] = []

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        if tick.time < self.start:
            return BLACK
        picture = super().paint(latent, tick)
        self.frames_.append(picture.after)
        self.places.append(latent.w)
        return picture


def run(options: argparse.Namespace) -> dict[str, Any]:
    """For each model, preset and rate: how near to the truth each way comes."""
    rows: dict[str, Any] = {}
    for model in MODELS:
        for preset in PRESETS:
            witness = play(model, preset, SECONDS)
            height, width = witness.frames_[0].image.shape[:2]
            with closing(OffscreenScreen((width, height), flash_limit=False)) as screen:
                truth = [shown(screen, Picture(frame, frame), {}) for frame in witness.frames_]
                rows[f"{model}, {preset}"] = {
                    f"{rate} model frames a second": compare(witness, truth, FPS // rate, screen)
                    for rate in RATES
                }
    return rows


def play(model: str, preset: str, seconds: int, start: Fraction = START, seed: int = 0) -> Witness:
    """The frames of a part of the demo track, at 60 a second."""
    library = make_library(model, seed)
    scene = library.scene(library.find(preset))
    sound, void, nobody = demo_sound(), Void(), Nobody()
    ear = SteppedEar(Track(sound), Analyser(sound.sample_rate))
    witness = Witness(scene.generator, float(start) - 0.5 / FPS)
    clock = FixedClock(Fraction(FPS), FPS * (seconds + SETTLE), start - SETTLE)
    Engine(
        clock, ear, nobody, BeatClock(), nobody, Stage(scene), witness, void, Stats(float(FPS)),  # type: ignore[arg-type]
    ).run()  # fmt: skip
    return witness


def compare(
    witness: Witness, truth: list[ByteArray], step: int, screen: OffscreenScreen
) -> dict[str, Any]:
    """Every way's likeness to the truth, if the model draws one frame of ``step``."""
    frames = len(truth) - (len(truth) - 1) % step
    wanted = np.stack(truth[:frames])
    films = {"hold": np.stack([truth[k - k % step] for k in range(frames)])}
    films |= {way: wanted.copy() for way in WAYS}
    for index, pictures in in_between(witness, step, frames):
        for way, values in WAYS.items():
            films[way][index] = shown(screen, pictures[way], values)
    inner = np.arange(frames) % step != 0
    return {
        way: {
            "PSNR dB": psnr(film[inner], wanted[inner]),
            "SSIM": ssim(film[inner], wanted[inner]),
            "temporal error": temporal_error(film, wanted),
        }
        for way, film in films.items()
    }


def in_between(
    witness: Witness, step: int, frames: int
) -> Iterator[tuple[int, dict[str, Picture]]]:
    """The pictures of every way, for each frame that the model did not draw."""
    for first in range(0, frames - 1, step):
        before, after = witness.frames_[first], witness.frames_[first + step]
        motion = flow().between(before.image, after.image)
        trail = Trail()
        for index in range(first, first + step + 1):
            trail.note(index / FPS, witness.places[index])
        ends = witness.places[first], witness.places[first + step]
        for index in range(first + 1, first + step):
            even = (index - first) / step
            gone = trail.share(*ends, first / FPS, index / FPS)
            ours = Picture(before, after, even if gone is None else gone, motion=motion)
            faded = Picture(before, after, even)
            yield index, {"crossfade": faded, "ours without motion": ours, "ours": ours}


def shown(screen: OffscreenScreen, picture: Picture, values: dict[str, float]) -> ByteArray:
    """What a screen shows of a picture, and of nothing before."""
    screen.show(picture, Controls(0.0, values), Tick(0, 0.0, 1.0 / FPS, 0.0))
    return screen.image()
