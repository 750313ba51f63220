"""A compiled shader: its uniforms looked up once, set from a table of values at each draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import moderngl
import numpy as np

from vjgan.screen.glsl import EFFECT_MAIN, FILLED, FIRST, FLOATS, PREPARE_MAIN, Shader
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
UNITS = {"frame": 0, "past": 1, "soft": 2, "before": 3, "after": 4, "blended": 5}


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

    def pixels(self) -> ByteArray:
        """What it holds, if 8 bits deep: uint8 [height, width, 3], top row first."""
        width, height = self.size
        raw = self.target.read(components=3, alignment=1)
        return np.frombuffer(raw, np.uint8).reshape(height, width, 3)[::-1].copy()

    def release(self) -> None:
        """Give back what the GPU holds."""
        self.target.release()
        self.texture.release()


@dataclass
class Pass:
    """A compiled shader and what it keeps between frames."""

    shader: Shader
    effect: Program
    prepare: Program | None
    filled: Program | None  # the effect of `between` where its picture fills the screen
    surfaces: tuple[Surface, Surface] | None = None  # of its own, when it reads its past
    drawn: int = -2  # the number of the frame in which it was last drawn

    @classmethod
    def compiled(cls, context: moderngl.Context, shader: Shader) -> Pass:
        """Raises ShaderError with file and line."""
        first = shader.name == FIRST
        prepares = first or shader.prepares or shader.wants_soft
        return cls(
            shader,
            Program(context, shader),
            Program(context, shader, PREPARE_MAIN) if prepares else None,
            Program(context, shader, define=FILLED) if first else None,
        )

    def forget(self) -> None:
        """Let go of the past, as when the size changes."""
        for surface in self.surfaces or ():
            surface.release()
        self.surfaces, self.drawn = None, -2

    def release(self) -> None:
        """Give back what the GPU holds."""
        self.forget()
        for program in (self.effect, self.prepare, self.filled):
            if program is not None:
                program.release()


def is_software(context: moderngl.Context) -> bool:
    """Whether this OpenGL is drawn by the CPU."""
    name = str(context.info["GL_RENDERER"]).lower()
    return any(word in name for word in ("llvmpipe", "softpipe", "swiftshader", "software"))
