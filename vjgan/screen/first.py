"""The first pass: the model's frames, moved into one another and laid onto the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, radians, sin

import moderngl
import numpy as np

from vjgan.screen.flow import Flow
from vjgan.screen.frames import Frames
from vjgan.screen.glsl import FIRST, GLOBALS
from vjgan.screen.program import UNITS, Pass, Surface
from vjgan.types import Frame, Picture

SURROUND = f"{FIRST}.surround"  # 1: the mirror image goes on beside the picture
NEARLY = (
    0.8  # pixels a texel from which a picture is drawn as if enlarged: none is seen to be missed
)
AROUND = (64, 64)  # of the blur beside the picture


class First:
    """Lays pictures with whichever program of the pass does the least for it."""

    def __init__(self, context: moderngl.Context, quick: bool) -> None:
        """``quick``: enlarge for half the price, where a CPU draws."""
        self._context = context
        self._quick = quick
        self._frames = Frames(context)
        self._flow = Flow(context)
        self._around = Surface(context, AROUND, "f1")
        self._blended: Surface | None = None  # what is between the frames, at their size

    def lay(
        self, pass_: Pass, picture: Picture, values: Mapping[str, float], target: Surface
    ) -> None:
        """Draw a picture onto ``target``."""
        before, after = self._frames.uploaded(picture)
        self._flow.uploaded(picture).use(UNITS["motion"])
        place = Place.of(after.size, values, target.size)
        way = place.way(values)
        if self._quick and way == "FILLED":
            way, values = "QUICK", {**values, **place.lines()}
        self._lay(pass_, (before, after), values, target, way)

    def warm(self, pass_: Pass, values: Mapping[str, float], target: Surface) -> None:
        """Draw once in every way."""
        black = Frame(0.0, np.zeros((8, 8, 3), np.uint8))
        frames = self._frames.uploaded(Picture(black, black))
        self._flow.uploaded(Picture(black, black)).use(UNITS["motion"])
        for way in pass_.ways:
            self._lay(pass_, frames, values, target, way)

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._frames.release()
        self._flow.release()
        self._around.release()
        if self._blended is not None:
            self._blended.release()

    def _lay(
        self,
        pass_: Pass,
        frames: tuple[moderngl.Texture, moderngl.Texture],
        values: Mapping[str, float],
        target: Surface,
        way: str,
    ) -> None:
        blended = self._surface(frames[1].size)
        prepare = pass_.quickly if way == "QUICK" else pass_.prepare
        assert prepare is not None and pass_.blur is not None
        # Smaller copies cost a CPU time even where they are not read.
        _bind(frames, moderngl.LINEAR)
        prepare.draw(blended.target, values)
        if way not in ("FILLED", "QUICK"):
            _bind(frames, moderngl.LINEAR_MIPMAP_LINEAR)
            pass_.blur.draw(self._around.target, values)
            self._around.texture.use(UNITS["around"])
        blended.texture.use(UNITS["blended"])
        pass_.ways[way].draw(target.target, values)

    def _surface(self, size: tuple[int, int]) -> Surface:
        if self._blended is None or self._blended.size != size:
            if self._blended is not None:
                self._blended.release()
            self._blended = Surface(self._context, size, "f1")
        return self._blended


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame is laid; `place` in the shader computes the same."""

    frame: tuple[int, int]
    screen: tuple[int, int]
    scale: float  # pixels a texel
    angle: float

    @classmethod
    def of(
        cls, frame: tuple[int, int], values: Mapping[str, float], screen: tuple[int, int]
    ) -> Place:
        """By the controls ``fit``, ``zoom`` and ``rotate``."""
        fit, zoom, turn = (values.get(name, GLOBALS[name]) for name in ("fit", "zoom", "rotate"))
        c, s = abs(cos(radians(turn))), abs(sin(radians(turn)))
        (w, h), (x, y) = frame, screen
        whole = min(x / (c * w + s * h), y / (s * w + c * h))
        full = max((c * x + s * y) / w, (s * x + c * y) / h)
        return cls(frame, screen, zoom * whole * (full / whole) ** fit, radians(turn))

    def way(self, values: Mapping[str, float]) -> str:
        """How `between` lays it."""
        if self.scale < NEARLY:
            return "ANYHOW"
        filled = values.get("fit", GLOBALS["fit"]) >= 1.0 and values.get("zoom", 1.0) >= 1.0
        return "FILLED" if filled or values.get(SURROUND, 0.0) >= 1.0 else "ENLARGED"

    def lines(self) -> dict[str, float]:
        """The texture's coordinates, linear in the screen's (both 0..1 from the bottom left)."""
        c, s = cos(self.angle), sin(self.angle)
        wide, high = (side / self.scale for side in self.screen)
        (w, h) = self.frame
        right, up = (c * wide / w, -s * wide / h), (s * high / w, c * high / h)
        return {
            "right_x": right[0],
            "right_y": right[1],
            "up_x": up[0],
            "up_y": up[1],
            "corner_x": 0.5 - 0.5 * (right[0] + up[0]),
            "corner_y": 0.5 - 0.5 * (right[1] + up[1]),
        }


def _bind(frames: tuple[moderngl.Texture, moderngl.Texture], smaller: int) -> None:
    for texture, name in zip(frames, ("before", "after"), strict=True):
        texture.filter = smaller, moderngl.LINEAR
        texture.use(UNITS[name])
