"""The ISF files in a chain: compiled when they are first named, and again when they are saved."""

from __future__ import annotations

import datetime
import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import moderngl

from vjgan.errors import ShaderError
from vjgan.files import saved_at
from vjgan.screen.isf.effect import Effect, Moment
from vjgan.screen.isf.header import read_isf
from vjgan.screen.isf.sound import Sound
from vjgan.screen.program import COVER, UNITS, Copier, Surface

log = logging.getLogger("vjgan")

# What a file leaves transparent shows the picture below a generator, black in a filter.
_LAY = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D frame, past;
uniform float weight, below, opaque;
void main() {
    vec4 over = texture(frame, at), under = texture(past, at);
    over = clamp(mix(over, vec4(0.0), isnan(over)), 0.0, 1.0);
    drawn = mix(under, mix(under * below, vec4(over.rgb, 1.0), over.a), weight);
    drawn.a = max(drawn.a, opaque);
}
"""
# Files expect colours that are not multiplied by alpha.
_STRAIGHT = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D frame;
void main() {
    vec4 c = texture(frame, at);
    float a = max(c.a, max(c.r, max(c.g, c.b)));
    drawn = vec4(c.rgb / max(a, 1.0 / 255.0), a);
}
"""


@dataclass
class _Held:
    """A file in use; ``effect`` is None while it was never good."""

    effect: Effect | None
    saved: tuple[int, int]  # it and the vertex shader beside it
    drawn: int = -2  # the number of the frame in which it was last drawn


class Effects:
    """Draws ISF files over pictures. A broken one is logged and left out, or the last good one
    of it stays."""

    def __init__(self, context: moderngl.Context, copier: Copier, alpha: bool = False) -> None:
        self._context, self._copier = context, copier
        self._straight = _Straight(context) if alpha else None
        self._sound = Sound(context)
        self._held: dict[Path, _Held] = {}
        self._heard = -1  # the number of the frame whose sound the textures hold
        self._began = datetime.datetime.now()
        self._lay = context.program(vertex_shader=COVER, fragment_shader=_LAY)
        self._lay["frame"], self._lay["past"] = UNITS["frame"], UNITS["past"]
        self._lay["opaque"] = float(not alpha)
        self._triangle = context.vertex_array(self._lay, [])

    def ready(self, path: Path, calm: bool = False) -> bool:
        """Whether a file can be drawn; compiles it if it is new. ``calm`` leaves out what
        flickers."""
        if path not in self._held:
            self._held[path] = _Held(None, _saved(path))
            self._compile(path)
        effect = self._held[path].effect
        return effect is not None and not (calm and effect.isf.flickers)

    def layer(self, path: Path, values: Mapping[str, float]) -> float | None:
        """The number of the layer that a file reads as its second picture; None without one."""
        effect = self._held[path].effect
        row = None if effect is None else effect.isf.layer
        return None if row is None else values.get(row.name, row.default)

    def draw(
        self,
        path: Path,
        weight: float,
        source: Surface,
        other: Surface,
        target: Surface,
        values: Mapping[str, float],
        number: int,
    ) -> None:
        """Draw a file over ``source`` onto ``target``, in the frame of a number; ``other`` is its
        second picture. A transition comes as far as its ``weight``."""
        held = self._held[path]
        effect = held.effect
        assert effect is not None
        if held.drawn < number - 1:
            effect.restart()
        held.drawn = number
        date = self._began + datetime.timedelta(seconds=values["time"])
        moves = effect.isf.kind == "transition"
        if self._heard != number:
            self._heard = number
            self._sound.hear(values)
        picture = source if self._straight is None else self._straight.of(source)
        moment = Moment(values, picture.texture, other.texture, target.size, weight, date)
        effect.draw(moment).use(UNITS["frame"])
        source.texture.use(UNITS["past"])
        self._lay["weight"] = 1.0 if moves else weight
        self._lay["below"] = float(effect.isf.kind == "generator")
        target.target.use()
        self._triangle.render(vertices=3)

    def warm(self) -> None:
        """Copy a buffer of every depth, as when the size changes."""
        sides = (64, 65)  # drivers compile it once more for powers of two
        for width, height, depth in itertools.product(sides, sides, ("f1", "f4")):
            one, other = (Surface(self._context, (width, height), depth) for _ in range(2))
            self._copier.copy(one, other)
            one.release()
            other.release()

    def poll(self) -> None:
        """Take files that were saved since."""
        for path, held in self._held.items():
            saved = _saved(path)
            if saved != held.saved and saved[0]:
                held.saved = saved
                if self._compile(path):
                    log.info("ISF file '%s' taken", path)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for held in self._held.values():
            if held.effect is not None:
                held.effect.release()
        self._held.clear()
        self._sound.release()
        if self._straight is not None:
            self._straight.release()
        self._triangle.release()
        self._lay.release()

    def _compile(self, path: Path) -> bool:
        """Have the effect of a file as it is now, if it is good."""
        held = self._held[path]
        try:
            fresh = Effect(self._context, read_isf(path), self._sound, self._copier)
        except ShaderError as error:
            what = "the pass is left out" if held.effect is None else "the last good one stays"
            log.error("%s; %s", error, what)
            return False
        if held.effect is not None:
            held.effect.release()
        held.effect = fresh
        return True


class _Straight:
    """Copies of surfaces whose colours are not multiplied by alpha."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._program = context.program(vertex_shader=COVER, fragment_shader=_STRAIGHT)
        self._program["frame"] = UNITS["frame"]
        self._triangle = context.vertex_array(self._program, [])
        self._copy: Surface | None = None

    def of(self, source: Surface) -> Surface:
        """The copy, valid until the next one."""
        copy = self._copy
        if copy is None or copy.size != source.size:
            if copy is not None:
                copy.release()
            self._copy = copy = Surface(self._context, source.size, source.texture.dtype)
        source.texture.use(UNITS["frame"])
        copy.target.use()
        self._triangle.render(vertices=3)
        return copy

    def release(self) -> None:
        """Give back what the GPU holds."""
        for held in (self._copy, self._triangle, self._program):
            if held is not None:
                held.release()


def _saved(path: Path) -> tuple[int, int]:
    return saved_at(path), saved_at(path.with_suffix(".vs"))
