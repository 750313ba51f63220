"""One ISF file on the GPU: its program, its buffers, its rendering passes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import moderngl
from PIL import Image

from vjgan.errors import ShaderError
from vjgan.pictures import in_8_bits, open_picture
from vjgan.screen.glsl import OWN_LINES, told
from vjgan.screen.isf.header import FROM_PICTURE, SOUNDS, Input, Isf, Target
from vjgan.screen.isf.sound import Sound
from vjgan.screen.isf.translate import fragment_source, samplers, vertex_source
from vjgan.screen.program import Copier, Surface, uneven

MOST_SIDE = 8192  # pixels, of a buffer
MOST_PIXELS = 1 << 25
MOST_IMPORTED = 1 << 26  # pixels of an imported picture
FEW = 16  # a side up to which a size is meant to the pixel
VERSIONS = (330, 420)  # the later one turns int to uint and float by itself, but has more words
VERTEX_LINES = 2 * OWN_LINES  # from here lines are those of the .vs


@dataclass(frozen=True, slots=True)
class Moment:
    """What a frame gives a file: values by name, ``time`` in seconds and ``dt`` among them; the
    picture so far and another one to go with it; the size in pixels; how far a transition has come
    0..1; the date."""

    values: Mapping[str, float]
    picture: moderngl.Texture
    other: moderngl.Texture
    size: tuple[int, int]
    progress: float
    date: datetime.datetime


class Effect:
    """A compiled file with its buffers."""

    def __init__(self, context: moderngl.Context, isf: Isf, sound: Sound, copier: Copier) -> None:
        """Raises ShaderError: one sentence with the file and the reason."""
        self._context, self.isf, self._sound, self._copier = context, isf, sound, copier
        self._gl = _compiled(context, isf)
        self._corners = context.vertex_array(self._gl, [])
        self._used = {
            name: uniform
            for name in self._gl
            if isinstance(uniform := self._gl[name], moderngl.Uniform)
        }
        self._targets: dict[str, Surface] = {}
        self._spares: dict[tuple[tuple[int, int], str], Surface] = {}
        self._imported: dict[str, moderngl.Texture] = {}
        self._looked_up = [name for name in samplers(isf) if name in self._used]
        for unit, name in enumerate(self._looked_up):
            self._used[name].value = unit
        self._pressed = {one.name: False for one in isf.inputs if one.kind == "event"}
        self.restart()
        try:
            for name in isf.imported:
                self._imported[name] = _picture(context, isf, name)
        except ShaderError:
            self.release()
            raise

    def restart(self) -> None:
        """Begin anew at the next draw: at TIME 0, with empty buffers."""
        self._began: float | None = None
        self._frame = 0

    def draw(self, moment: Moment) -> moderngl.Texture:
        """What the file draws at this moment; valid until its next draw."""
        if self._began is None:
            self._began = moment.values["time"]
            for surface in self._targets.values():
                surface.target.clear()
        known = self._steer(moment)
        for target in self.isf.targets:
            self._fit(target, _size(target, moment.size, known))
        shown = moment.picture
        for index, target in enumerate(self.isf.targets):
            self._set("PASSINDEX", index)
            shown = self._render(target, moment)
        self._frame += 1
        # llvmpipe compiles a program once more for what lies on units that it does not even read.
        for unit in range(1, len(self._looked_up)):
            moment.picture.use(unit)
        return shown

    def release(self) -> None:
        """Give back what the GPU holds."""
        for surface in (*self._targets.values(), *self._spares.values()):
            surface.release()
        for texture in self._imported.values():
            texture.release()
        self._imported, self._targets, self._spares = {}, {}, {}
        self._corners.release()
        self._gl.release()

    def _steer(self, moment: Moment) -> dict[str, float]:
        """Set the inputs; the values of those that are one number, by name."""
        date, began = moment.date, self._began or 0.0
        seconds = date.hour * 3600 + date.minute * 60 + date.second + date.microsecond / 1e6
        self._set("TIME", moment.values["time"] - began)
        self._set("TIMEDELTA", moment.values["dt"] if self._frame else 0.0)
        self._set("FRAMEINDEX", self._frame)
        self._set("DATE", (float(date.year), float(date.month), float(date.day), seconds))
        known = {"WIDTH": float(moment.size[0]), "HEIGHT": float(moment.size[1])}
        for one in self.isf.inputs:
            values = [moment.values.get(row.name, row.default) for row in one.parts]
            if one.name == "progress" and self.isf.kind == "transition":
                values[0] *= moment.progress
            if len(values) == 1:
                known[one.name] = values[0]
            if values:
                self._set(one.name, self._as(one, values, moment.size))
        return known

    def _as(self, one: Input, values: list[float], size: tuple[int, int]) -> object:
        """An input's values as its uniform takes them."""
        match one.kind:
            case "float":
                return values[0]
            case "bool":
                return values[0] >= 0.5
            case "long":
                return min(one.values, key=lambda allowed: abs(allowed - values[0]))
            case "event":  # for one frame
                down, before = values[0] >= 0.5, self._pressed[one.name]
                self._pressed[one.name] = down
                return down and not before
            case "point2D" if one.in_pixels:
                return (values[0] * size[0], values[1] * size[1])
            case _:
                return tuple(values)

    def _set(self, name: str, value: object) -> None:
        if name in self._used:
            self._used[name].value = value

    def _render(self, target: Target, moment: Moment) -> moderngl.Texture:
        """Draw one pass. It may read what it drew last, so it draws beside that."""
        old = self._targets[target.name]
        key = (old.size, old.texture.dtype)
        new = self._spares.pop(key, None) or Surface(self._context, *key)
        for unit, name in enumerate(self._looked_up):
            self._texture(name, moment).use(unit)
        self._set("RENDERSIZE", (float(new.size[0]), float(new.size[1])))
        new.target.clear()
        new.target.use()
        self._corners.render(moderngl.TRIANGLE_STRIP, vertices=4)
        self._targets[target.name], self._spares[key] = new, old
        return new.texture

    def _texture(self, name: str, moment: Moment) -> moderngl.Texture:
        if name in self._targets:
            return self._targets[name].texture
        if name in self._imported:
            return self._imported[name]
        one = next(one for one in self.isf.inputs if one.name == name)
        if one.kind in SOUNDS:
            return self._sound.texture(one.kind, one.samples)
        return moment.picture if name in FROM_PICTURE else moment.other

    def _fit(self, target: Target, size: tuple[int, int]) -> None:
        """Have a buffer of that size, what it showed taken along."""
        old = self._targets.get(target.name)
        if old is not None and old.size == size:
            return
        self._targets[target.name] = new = Surface(
            self._context, size, "f4" if target.deep else "f1"
        )
        if old is not None:
            self._copier.copy(old, new)
            for held in (old, *self._spares.values()):
                held.release()
            self._spares.clear()


def _size(target: Target, size: tuple[int, int], known: Mapping[str, float]) -> tuple[int, int]:
    """Of a pass's buffer in pixels; a sum that cannot be done gives 1."""
    sides = []
    for sum_, full in zip((target.width, target.height), size, strict=True):
        try:
            side = int(min(MOST_SIDE, max(1.0, full if sum_ is None else sum_(known))))
        except (ArithmeticError, ValueError):
            side = 1
        sides.append(uneven(side) if target.scales and side > FEW else side)
    return sides[0], min(sides[1], MOST_PIXELS // sides[0])


def _compiled(context: moderngl.Context, isf: Isf) -> moderngl.Program:
    first = ""
    for version in (version for version in VERSIONS if version <= context.version_code):
        try:
            return context.program(
                vertex_shader=vertex_source(isf, VERTEX_LINES, version),
                fragment_shader=fragment_source(isf, OWN_LINES, version),
            )
        except moderngl.Error as error:
            first = first or str(error)
    line, text = told(first)
    path = isf.path.with_suffix(".vs") if line > VERTEX_LINES else isf.path
    where = f"line {line % OWN_LINES}: " if line > OWN_LINES else ""
    raise ShaderError(f"ISF file '{path}' does not compile: {where}{text}")


def _picture(context: moderngl.Context, isf: Isf, name: str) -> moderngl.Texture:
    """An imported picture, bottom row first."""
    path = isf.imported[name]
    try:
        with open_picture(str(path)) as image:
            if image.width * image.height > MOST_IMPORTED or max(image.size) > MOST_SIDE:
                raise ValueError(f"{image.width}x{image.height} pixels are too many")
            whole = in_8_bits(image).convert("RGBA")
            pixels = whole.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    except Exception as error:  # Pillow has as many ways to fail as there are formats
        reason = getattr(error, "strerror", None) or error
        raise ShaderError(
            f"ISF file '{isf.path}': the picture '{path.name}' cannot be read: {reason}"
        ) from None
    texture = context.texture(pixels.size, 4, pixels.tobytes())
    texture.repeat_x = texture.repeat_y = False
    return texture
