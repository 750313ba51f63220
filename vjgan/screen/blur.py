"""A wide, smooth blur for little: halve again and again, then add the octaves on the way back."""

from __future__ import annotations

import moderngl

from vjgan.screen.program import COVER, Surface, uneven

TOP_HEIGHT = 180  # lines of the finest blurred picture; the same glow on every screen
OCTAVES = 5  # below the finest

# The sum of four bilinear reads is a 4x4 tent; source pixels are twice as fine.
_DOWN = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D source;
void main() {
    vec2 d = 1.0 / vec2(textureSize(source, 0));
    drawn = 0.25 * (texture(source, at + d * vec2(1, 1)) + texture(source, at + d * vec2(1, -1)) +
                    texture(source, at + d * vec2(-1, 1)) + texture(source, at + d * vec2(-1, -1)));
}
"""
# The coarser picture, smoothed by a 3x3 tent, mixed into the finer one.
_UP = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D source, fine;
uniform float spread;
void main() {
    vec2 d = 0.5 / vec2(textureSize(source, 0));
    vec4 wide = 0.25 * (
        texture(source, at + d * vec2(1, 1)) + texture(source, at + d * vec2(1, -1)) +
        texture(source, at + d * vec2(-1, 1)) + texture(source, at + d * vec2(-1, -1)));
    drawn = mix(texture(fine, at), wide, spread);
}
"""


class Blur:
    """Blurs what was drawn to ``input`` (half the size of the picture) over its octaves."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._down: list[Surface] = []
        self._up: list[Surface] = []
        self._halve = context.program(vertex_shader=COVER, fragment_shader=_DOWN)
        self._widen = context.program(vertex_shader=COVER, fragment_shader=_UP)
        self._halve_all = context.vertex_array(self._halve, [])
        self._widen_all = context.vertex_array(self._widen, [])
        self._halve["source"] = self._widen["source"] = 0
        self._widen["fine"] = 1

    def resize(self, size: tuple[int, int], depth: str) -> None:
        """Blur pictures of another size."""
        self._let_go()
        sizes = [_halved(size)]
        while sizes[-1][1] > TOP_HEIGHT:
            sizes.append(_halved(sizes[-1]))
        self._top = len(sizes) - 1
        for _ in range(OCTAVES):
            sizes.append(_halved(sizes[-1]))
        self._down = [Surface(self._context, size, depth) for size in sizes]
        self._up = [Surface(self._context, size, depth) for size in sizes[self._top : -1]]
        self.input = self._down[0].target

    def blurred(self, spread: float) -> moderngl.Texture:
        """The texture of all octaves; ``spread`` 0..1 is each coarser one's share."""
        for fine, coarse in zip(self._down, self._down[1:], strict=False):
            fine.texture.use(0)
            coarse.target.use()
            self._halve_all.render(vertices=3)
        self._widen["spread"] = spread
        wide = self._down[-1]
        for fine, out in zip(self._down[self._top : -1][::-1], self._up[::-1], strict=True):
            wide.texture.use(0)
            fine.texture.use(1)
            out.target.use()
            self._widen_all.render(vertices=3)
            wide = out
        return wide.texture

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._let_go()
        for held in (self._halve_all, self._widen_all, self._halve, self._widen):
            held.release()

    def _let_go(self) -> None:
        for surface in (*self._down, *self._up):
            surface.release()


def _halved(size: tuple[int, int]) -> tuple[int, int]:
    return uneven(max(1, (size[0] + 1) // 2)), uneven(max(1, (size[1] + 1) // 2))
