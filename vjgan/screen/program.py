"""A compiled shader: its uniforms looked up once, set from a table of values at each draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import moderngl
import numpy as np

from vjgan.errors import ShaderError
from vjgan.screen.glsl import (
    ALPHA_MAIN,
    BLUR_MAIN,
    EFFECT_MAIN,
    FIRST,
    FLOATS,
    LAST,
    PREPARE_MAIN,
    STRAIGHT_MAIN,
    WAYS,
    Shader,
)
from vjgan.types import ByteArray

# A triangle that covers the screen; `at` is 0..1 over it, from the bottom left.
COVER = """
#version 330 core
out vec2 at;
void main() {
    at = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    gl_Position = vec4(2.0 * at - 1.0, 0.0, 1.0);
}
"""
_COPY = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D frame;
void main() { drawn = texture(frame, at); }
"""
_MIX = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D frame, past;
uniform float weight;
void main() { drawn = mix(texture(past, at), texture(frame, at), weight); }
"""
UNITS = {"frame": 0, "past": 1, "soft": 2, "before": 3, "after": 4, "blended": 5, "around": 6,
         "second": 7, "motion": 8}  # fmt: skip


class Program:
    """One fragment shader over the whole of what it is drawn to."""

    def __init__(
        self,
        context: moderngl.Context,
        shader: Shader,
        main: str = EFFECT_MAIN,
        define: str = "",
    ) -> None:
        """Raises ShaderError with file and line when it does not compile."""
        source = shader.source(main, define)
        try:
            self._gl = context.program(vertex_shader=COVER, fragment_shader=source)
        except moderngl.Error as error:
            raise shader.complaint(str(error)) from None
        self._triangle = context.vertex_array(self._gl, [])
        self._floats: list[tuple[moderngl.Uniform, str, float]] = []
        self._resolution: moderngl.Uniform | None = None
        for name in self._gl:
            uniform = self._gl[name]
            if not isinstance(uniform, moderngl.Uniform):
                continue
            own = f"{shader.name}.{name}"
            if name in UNITS:
                uniform.value = UNITS[name]
            elif name == "resolution":
                self._resolution = uniform
            elif not isinstance(uniform.value, float):
                self.release()
                raise ShaderError(
                    f"shader '{shader.path}': uniform '{name}' must be a float, not of another type"
                )
            elif own in shader.controls:
                self._floats.append((uniform, own, shader.controls[own].default))
            else:
                self._floats.append((uniform, name, FLOATS.get(name, 0.0)))

    def draw(self, target: moderngl.Framebuffer, values: Mapping[str, float]) -> None:
        """Cover ``target``; a value that the table lacks is the control's default."""
        for uniform, name, default in self._floats:
            uniform.value = values.get(name, default)
        if self._resolution is not None:
            self._resolution.value = target.viewport[2:]
        target.use()
        self._triangle.render(vertices=3)

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._triangle.release()
        self._gl.release()


class Surface:
    """A picture on the GPU that can be drawn to and read: RGBA, 16-bit float unless said."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int], dtype: str = "f2") -> None:
        self.size = size
        self.texture = context.texture(size, 4, dtype=dtype)
        self.texture.repeat_x = self.texture.repeat_y = False
        self.target = context.framebuffer([self.texture])
        self.target.clear()

    def pixels(self, channels: int = 3) -> ByteArray:
        """What it holds, if 8 bits deep: uint8 [height, width, channels], top row first."""
        return upright(self.target.read(components=channels, alignment=1), self.size)

    def release(self) -> None:
        """Give back what the GPU holds."""
        self.target.release()
        self.texture.release()


class Copier:
    """Copies surfaces of any size and depth, and mixes two."""

    def __init__(self, context: moderngl.Context) -> None:
        sources = (_COPY, _MIX)
        self._copy, self._mix = (
            context.program(vertex_shader=COVER, fragment_shader=source) for source in sources
        )
        self._copy_all = context.vertex_array(self._copy, [])
        self._mix_all = context.vertex_array(self._mix, [])
        self._copy["frame"] = self._mix["frame"] = UNITS["frame"]
        self._mix["past"] = UNITS["past"]

    def copy(self, source: Surface, target: Surface) -> None:
        """Cover ``target`` with ``source``."""
        source.texture.use(UNITS["frame"])
        target.target.use()
        self._copy_all.render(vertices=3)

    def mix(self, under: Surface, over: Surface, weight: float, target: Surface) -> None:
        """Cover ``target`` with ``under`` and so much of ``over``."""
        under.texture.use(UNITS["past"])
        over.texture.use(UNITS["frame"])
        self._mix["weight"] = weight
        target.target.use()
        self._mix_all.render(vertices=3)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for held in (self._copy_all, self._mix_all, self._copy, self._mix):
            held.release()


@dataclass
class Pass:
    """A compiled shader and what it keeps between frames."""

    shader: Shader
    effect: Program
    prepare: Program | None
    ways: Mapping[str, Program]  # only of the first: how it lays the picture, see WAYS
    blur: Program | None  # likewise
    quickly: Program | None  # likewise: `prepare` for the way QUICK
    straight: Program | None  # only of the last: for who wants alpha, see STRAIGHT_MAIN
    surfaces: tuple[Surface, ...] | None = None  # of its own, when it reads its past
    drawn: int = -2  # the number of the frame in which it was last drawn

    @classmethod
    def compiled(
        cls, context: moderngl.Context, shader: Shader, quick: bool = False, alpha: bool = False
    ) -> Pass:
        """``quick`` where a CPU draws, ``alpha`` where that is kept. Raises ShaderError with file
        and line."""
        first, last = shader.name == FIRST, shader.name == LAST
        main = ALPHA_MAIN if alpha and not last else EFFECT_MAIN
        prepares = first or shader.prepares or shader.wants_soft
        ways = {way: Program(context, shader, main, way) for way in WAYS if first}
        word = "QUICK" * quick
        return cls(
            shader,
            ways[WAYS[0]] if first else Program(context, shader, main, word),
            Program(context, shader, PREPARE_MAIN) if prepares else None,
            ways,
            Program(context, shader, BLUR_MAIN) if first else None,
            Program(context, shader, PREPARE_MAIN, "QUICK") if first else None,
            Program(context, shader, STRAIGHT_MAIN, word) if alpha and last else None,
        )

    def forget(self) -> None:
        """Let go of the past."""
        for surface in self.surfaces or ():
            surface.release()
        self.surfaces, self.drawn = None, -2

    def release(self) -> None:
        """Give back what the GPU holds."""
        self.forget()
        programs = (self.effect, self.prepare, self.blur, self.quickly, self.straight)
        for program in dict.fromkeys((*programs, *self.ways.values())):
            if program is not None:
                program.release()


def upright(raw: bytes, size: tuple[int, int]) -> ByteArray:
    """Pixels as OpenGL gives them, as uint8 [height, width, channels], top row first."""
    width, height = size
    return np.frombuffer(raw, np.uint8).reshape(height, width, -1)[::-1].copy()


def uneven(side: int) -> int:
    """A side in pixels near ``side`` that is no power of two: llvmpipe compiles a shader once more
    for textures of such sides, and would do so in the middle of the show."""
    return side + 1 if side & (side - 1) == 0 else side


def is_software(context: moderngl.Context) -> bool:
    """Whether this OpenGL is drawn by the CPU."""
    name = str(context.info["GL_RENDERER"]).lower()
    return any(word in name for word in ("llvmpipe", "softpipe", "swiftshader", "software"))
