"""How many ISF files of a folder compile and draw: ``python -m bench isf --folder FOLDER``.

Each is drawn at 320x180 at a few times, a test picture as its input and another as its second one,
with sound, its progress, if it is a transition, on the way. It draws something if the picture, over
black, is not the same everywhere at one of these times. What is constant as it comes is tried again
with its inputs moved as a performer would; that is counted apart. The public collection is
github.com/Vidvox/ISF-Files.
"""

from __future__ import annotations

import argparse
import datetime
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import moderngl
import numpy as np

from vjgan.errors import ShaderError
from vjgan.screen.isf.effect import Effect, Moment
from vjgan.screen.isf.header import Isf, read_isf
from vjgan.screen.isf.sound import Sound
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.program import Copier, Surface

SIZE = (320, 180)
STEP = 0.17  # seconds
TIMES = tuple(STEP * k for k in range(10))
TRIES = 4  # with inputs moved
LEAST = 1.0 / 255.0  # standard deviation over a picture that is not constant


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Counts, what the files cost to compile, and the reason of each that draws nothing."""
    if options.folder is None:
        return {"left out": "it needs --folder FOLDER"}
    with closing(OffscreenScreen((64, 36))) as screen, screen.canvas.chain.context as context:
        bench = Bench(context)
        rows = {path.name: bench.row(path) for path in sorted(options.folder.rglob("*.fs"))}
    kinds = [row["result"] for row in rows.values()]
    count = {kind: kinds.count(kind) for kind in ("drawn", "drawn when moved")}
    drawn = sum(count.values())
    took = [row["ms"] for row in rows.values() if "ms" in row]
    return {
        "files": len(rows),
        **count,
        "share drawn as they come": count["drawn"] / len(rows),
        "share drawn": drawn / len(rows),
        "compile and first draw, ms, median": float(np.median(took)),
        "compile and first draw, ms, most": max(took),
        "the others": {
            name: row["result"] for name, row in rows.items() if "drawn" not in row["result"]
        },
        "when moved": ", ".join(n for n, row in rows.items() if row["result"].endswith("moved")),
    }


class Bench:
    """What files are drawn with."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._sound, self._copier = Sound(context), Copier(context)
        self._pictures = [[self._picture(k, at) for at in TIMES] for k in (0.0, 2.0)]
        self._light = Surface(context, SIZE, "f4")

    def row(self, path: Path) -> dict[str, Any]:
        """What became of a file. Some gather pictures before they show one, so what draws nothing
        is given four times as long."""
        start = time.perf_counter()
        try:
            effect = Effect(self._context, read_isf(path), self._sound, self._copier)
        except ShaderError as error:
            return {"result": str(error).replace(str(path.parent), "...")}
        self._drawn(effect, {}, TIMES[:1])
        took = 1e3 * (time.perf_counter() - start)
        result = "constant"
        if self._drawn(effect, {}, TIMES) or self._drawn(effect, {}, TIMES * 4):
            result = "drawn"
        elif any(self._drawn(effect, values, TIMES) for values in moved(effect.isf)):
            result = "drawn when moved"
        effect.release()
        return {"result": result, "ms": took}

    def _drawn(self, effect: Effect, values: Mapping[str, float], times: tuple[float, ...]) -> bool:
        """Whether a file draws something at one of the times."""
        effect.restart()
        events = {row.name for one in effect.isf.inputs if one.kind == "event" for row in one.parts}
        found = False
        for k, at in enumerate(times):
            heard = {f"band{n}": 0.4 + 0.3 * np.sin(n + 5.0 * at) for n in range(1, 9)}
            pressed = {name: values[name] * (k % 2) for name in events if name in values}
            now = {**values, **pressed, **heard, "time": STEP * k, "dt": STEP}
            if effect.isf.kind == "transition":
                now[f"{effect.isf.name}.progress"] = (k + 1) / (len(times) + 1)
            self._sound.hear(now)
            one, other = (pictures[k % len(TIMES)] for pictures in self._pictures)
            moment = Moment(now, one, other, SIZE, 1.0, datetime.datetime.now())
            found |= self._varies(effect.draw(moment))
        return found

    def _varies(self, shown: moderngl.Texture) -> bool:
        pixels = np.frombuffer(shown.read(), np.float32 if shown.dtype == "f4" else np.uint8)
        scale = 1.0 if shown.dtype == "f4" else 255.0
        colour = np.nan_to_num(pixels.reshape(-1, 4).astype(np.float64) / scale)  # [pixels, 4]
        colour = np.clip(colour, 0.0, 1.0)
        return bool((colour[:, :3] * colour[:, 3:]).std(axis=0).max() > LEAST)

    def _picture(self, k: float, at: float) -> moderngl.Texture:
        """Soft waves of colour and a hard disc that moves, opaque."""
        y, x = np.mgrid[0 : 1 : SIZE[1] * 1j, 0 : 1 : SIZE[0] * 1j]
        waves = [np.sin(9 * x + k), np.cos(7 * y - k), np.sin(20 * x * y + k)]
        image = np.stack([*(0.5 + 0.5 * wave for wave in waves), np.ones_like(x)], -1)
        image[np.hypot((x - 0.3 - 0.2 * at) * 16 / 9, y - 0.5) < 0.2] = (1.0, 0.9, 0.2, 1.0)
        texture = self._context.texture(SIZE, 4, (255 * image).astype(np.uint8).tobytes())
        texture.repeat_x = texture.repeat_y = False
        return texture


def moved(isf: Isf) -> Iterator[dict[str, float]]:
    """Values somewhere in the ranges of all inputs, a few times."""
    for seed in range(TRIES):
        chance = random.Random(seed)
        yield {
            row.name: row.minimum + (row.maximum - row.minimum) * chance.uniform(0.1, 0.9)
            for one in isf.inputs
            for row in one.parts
        } | {row.name: 1.0 for one in isf.inputs if one.kind == "event" for row in one.parts}
