"""The second pictures that passes may read: a preset's layers, laid onto the screen, and the
generator's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import floor

import moderngl
import numpy as np

from vjgan.controls import CONTROLS
from vjgan.screen.program import COVER, UNITS, Copier, Surface
from vjgan.types import Frame, Picture

NEARLY = 1.25  # texels a pixel up to which none is seen to be missed
BETWEEN = 0.01  # of the way from one layer to the next: below that it is the one alone
MOST_HELD = 6  # textures: two of each layer while presets change
_GENERATOR, _BETWEEN, _SPARE = 0, -1, -2  # surfaces besides those of the layers
DEFAULTS = {
    name: CONTROLS[f"layer1.{name}"].default
    for name in ("fit", "zoom", "turn", "x", "y", "tiles")
}  # fmt: skip

_LAY = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D picture;
uniform float fit, zoom, turn, x, y, tiles;
uniform vec2 resolution;

void main() {
    vec2 size = vec2(textureSize(picture, 0)), ratio = resolution / size;
    float whole = min(ratio.x, ratio.y), full = max(ratio.x, ratio.y);
    vec2 p = (at - 0.5 - vec2(x, y)) * resolution;
    float c = cos(radians(turn)), s = sin(radians(turn));
    vec2 shown = zoom * whole * pow(full / whole, fit) * size;
    p = mat2(c, -s, s, c) * p / shown + 0.5;
    vec2 off = (abs(p - 0.5) - 0.5) * shown;      // pixels beyond the edge
    float inside = mix(clamp(0.5 - max(off.x, off.y), 0.0, 1.0), 1.0, tiles);
    vec2 q = 1.0 - abs(mod(p, 2.0) - 1.0);        // beyond it, as in a mirror
    vec4 seen = texture(picture, vec2(q.x, 1.0 - q.y)) * inside;
    drawn = vec4(seen.rgb / max(seen.a, 1.0 / 255.0), seen.a);
}
"""


@dataclass
class _Sent:
    """A frame on the GPU, and whether it has smaller copies."""

    frame: Frame
    texture: moderngl.Texture
    has_smaller: bool = False


class Layers:
    """Lays each picture once, and again only when it is another one or lies otherwise."""

    def __init__(self, context: moderngl.Context, copier: Copier, alpha: bool = False) -> None:
        """``alpha`` where that of the picture is kept; as a layer it lies over black."""
        self._context = context
        self._alpha = alpha
        self._copier = copier
        self._program = context.program(vertex_shader=COVER, fragment_shader=_LAY)
        # The first place: a driver's program for it also goes by what lies in those before it.
        self._program["picture"] = UNITS["frame"]
        self._triangle = context.vertex_array(self._program, [])
        self._textures: list[_Sent] = []  # last used last
        self._surfaces: dict[int, Surface] = {}
        # What lies on each, and how; the frames are kept, for only the same object is the same.
        self._lain: dict[int, tuple[Frame, Frame, tuple[float, ...]]] = {}
        self._pictures: tuple[Picture | None, ...] = ()
        self._values: Mapping[str, float] = {}

    def begin(
        self,
        pictures: tuple[Picture | None, ...],
        values: Mapping[str, float],
        laid: Surface,
        depth: str,
        numbers: Sequence[float],
    ) -> None:
        """Take a frame's ``pictures``, of which those of ``numbers`` will be wanted; ``laid`` is
        the generator's, on a surface that others will be drawn to."""
        self._pictures, self._values = pictures, values
        if self._surfaces and next(iter(self._surfaces.values())).size != laid.size:
            self._forget()
        for number in {
            _GENERATOR,
            _BETWEEN,
            _SPARE,
            *range(1, 1 + len(pictures)),
        } - self._surfaces.keys():
            self._surfaces[number] = made = Surface(self._context, laid.size, depth)
            if self._alpha and number == _GENERATOR:
                made.target.clear(alpha=1.0)
                made.target.color_mask = (True, True, True, False)
        if any(self._known(side) == _GENERATOR for one in numbers for side in _sides(one)[:2]):
            self._copier.copy(laid, self._surfaces[_GENERATOR])

    def bind(self, number: float) -> None:
        """Let the next pass read layer ``number``, see `surface`."""
        self.surface(number).texture.use(UNITS["second"])

    def surface(self, number: float) -> Surface:
        """Layer ``number``, counted from 1, or between two of them both; one that is not there is
        the generator's picture."""
        low, high, share = _sides(number)
        surface = self._laid(self._known(low))
        if share > 0.0 and self._known(high) != self._known(low):
            over = self._laid(self._known(high))
            self._copier.mix(surface, over, share, self._surfaces[_BETWEEN])
            surface = self._surfaces[_BETWEEN]
        return surface

    def warm(self, laid: Surface, depth: str) -> None:
        """Draw once what a show may ask for: drivers compile it once more for sides that are
        powers of two."""
        for height, width in product((64, 65), repeat=2):
            one, other = (Frame(0.0, np.zeros((height, width, 4), np.uint8)) for _ in range(2))
            for zoom in (8.0, 0.1, 8.0):  # without smaller copies, with them, and with them unread
                values, pictures = {"layer1.zoom": zoom}, (Picture(one, other, 0.5), None)
                self.begin(pictures, values, laid, depth, (0.0, 1.0))
                self.surface(0.5)
        self._forget()

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._forget()
        for sent in self._textures:
            sent.texture.release()
        self._textures.clear()
        self._triangle.release()
        self._program.release()

    def _known(self, number: int) -> int:
        there = 0 < number <= len(self._pictures) and self._pictures[number - 1] is not None
        return number if there else _GENERATOR

    def _laid(self, number: int) -> Surface:
        surface = self._surfaces[number]
        if number == _GENERATOR:
            return surface
        picture = self._pictures[number - 1]
        assert picture is not None
        row = {name: self._values.get(f"layer{number}.{name}", DEFAULTS[name]) for name in DEFAULTS}
        before, after, way = picture.before, picture.after, (picture.blend, *row.values())
        held = self._lain.get(number)
        if held and held[0] is before and held[1] is after and held[2] == way:
            return surface
        if before is after:
            self._lay(after, row, surface)
        else:
            under, over = self._surfaces[_BETWEEN], self._surfaces[_SPARE]
            self._lay(before, row, under)
            self._lay(after, row, over)
            self._copier.mix(under, over, picture.blend, surface)
        self._lain[number] = (before, after, way)
        return surface

    def _lay(self, frame: Frame, row: Mapping[str, float], surface: Surface) -> None:
        least = min(surface.size) * row["zoom"] * NEARLY
        self._texture(frame, least).use(UNITS["frame"])
        for name, value in row.items():
            self._program[name] = value
        self._program["resolution"] = surface.size
        surface.target.use()
        self._triangle.render(vertices=3)

    def _texture(self, frame: Frame, least: float) -> moderngl.Texture:
        """The texture of a frame, sent if need be; it is drawn ``least`` pixels high or more."""
        for index, sent in enumerate(self._textures):
            if sent.frame is frame:
                self._textures.append(self._textures.pop(index))
                break
        else:
            sent = _Sent(frame, self._free(frame))
            sent.texture.write(np.ascontiguousarray(frame.image))
            self._textures.append(sent)
        # Smaller copies cost a CPU time, to make and to read, and are needed only where it shrinks.
        shrinks = least < sent.texture.height
        if shrinks and not sent.has_smaller:
            sent.texture.build_mipmaps()
            sent.has_smaller = True
        smaller = moderngl.LINEAR_MIPMAP_LINEAR if shrinks else moderngl.LINEAR
        sent.texture.filter = smaller, moderngl.LINEAR
        return sent.texture

    def _free(self, frame: Frame) -> moderngl.Texture:
        """A texture to write to: the one that was used the longest ago, if it fits."""
        height, width, channels = frame.image.shape
        if len(self._textures) >= MOST_HELD:
            oldest = self._textures.pop(0).texture
            if oldest.size == (width, height) and oldest.components == channels:
                return oldest
            oldest.release()
        fresh = self._context.texture((width, height), channels, alignment=1)
        fresh.repeat_x = fresh.repeat_y = False
        return fresh

    def _forget(self) -> None:
        for surface in self._surfaces.values():
            surface.release()
        self._surfaces.clear()
        self._lain.clear()


def _sides(number: float) -> tuple[int, int, float]:
    """The layers on either side of a number, and how far it is from the lower to the upper one."""
    low = floor(number + BETWEEN)
    share = number - low
    return low, low + 1 if share > BETWEEN else low, share if share > BETWEEN else 0.0
