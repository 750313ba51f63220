"""The last step to an output that is not simply a picture of its size: turned, fitted, its corners
pinned to where they belong on the wall, its edges softened, its light corrected.

All of the geometry is one projective map from the output to the picture (P. Heckbert,
"Fundamentals of Texture Mapping and Image Warping", 1989, section 2.2.3), so that it is one draw.
An output on which nothing is set needs none of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import moderngl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vjgan.errors import VjganError
from vjgan.pictures import in_8_bits, open_picture
from vjgan.screen.layout import Output, Point

Matrix = NDArray[np.floating]  # [3, 3], of points (x, y, 1) that are 0..1 from the top left
MASK_UNIT = 1

# Projective maps are linear in (x, y, 1): three corners know them, and pixels only divide.
_COVER = """
#version 330 core
uniform mat3 unpin, lay, rim;
out vec2 at;
out vec3 pinned, laid, edge;
void main() {
    at = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    vec3 here = vec3(at.x, 1.0 - at.y, 1.0);
    pinned = unpin * here;
    laid = lay * here;
    edge = rim * here;
    gl_Position = vec4(2.0 * at - 1.0, 0.0, 1.0);
}
"""
# What depends on an `if` is a program of its own: a CPU that draws would compute both ways.
_SHADER = """
in vec2 at;
in vec3 pinned, laid, edge;  // inside the four corners, in the picture, and where there is light
out vec4 drawn;
uniform sampler2D frame, mask;
uniform vec4 feather;  // left, top, right, bottom
uniform float gamma, brightness;

// 1 inside of 0..1, with an edge one pixel wide.
float inside(vec2 p) {
    vec2 near = min(p, 1.0 - p) / max(fwidth(p), 1e-9);
    vec2 soft = clamp(near + 0.501, 0.0, 1.0);
    return soft.x * soft.y;
}
void main() {
    float light = edge.z > 1e-6 ? inside(edge.xy / edge.z) : 0.0;
    vec2 uv = laid.xy / laid.z;
    vec3 c = texture(frame, vec2(uv.x, 1.0 - uv.y)).rgb;
#ifdef TONED
    c = brightness * pow(max(c, 0.0), vec3(1.0 / gamma));
#endif
#ifdef FEATHERED
    // In the light itself, so that two projectors that overlap add up to one.
    vec2 here = pinned.xy / pinned.z;
    vec4 side = smoothstep(vec4(0.0), max(feather, 1e-6), vec4(here, 1.0 - here));
    light *= pow(side.x * side.y * side.z * side.w, 1.0 / 2.2);
#endif
#ifdef MASKED
    light *= texture(mask, vec2(at.x, 1.0 - at.y)).r;
#endif
    c *= light;
#if defined(TONED) || defined(FEATHERED) || defined(MASKED)
    // As in present.frag: 8 bits show no bands.
    vec2 pixel = floor(gl_FragCoord.xy);
    float grain = fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
    c += step(0.001, light) * (grain - 0.5) * 0.7 / 255.0;
#endif
    drawn = vec4(c, 1.0);
}
"""


def pinned(corners: Sequence[Point]) -> Matrix:
    """The projective map of the unit square onto four corners, in the order of ``SQUARE``."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    dx1, dx2, sx = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, sy = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area
    return np.array(
        [
            [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
            [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
            [g, h, 1.0],
        ]
    )


def laid(output: Output, size: tuple[int, int], picture: tuple[int, int]) -> Matrix:
    """The map from 0..1 of an output of a size in pixels to 0..1 of a picture that it shows."""
    seen = size if output.rotate % 180 == 0 else size[::-1]  # as the turned picture stands in it
    shape = (seen[0] / picture[0], seen[1] / picture[1])
    x, y = shape
    match output.fit:
        case "fit":
            scale = min(x, y)
            x, y = x / scale, y / scale
        case "crop":
            scale = max(x, y)
            x, y = x / scale, y / scale
        case _:
            x, y = 1.0, 1.0
    fitted = np.array([[x, 0.0, 0.5 - 0.5 * x], [0.0, y, 0.5 - 0.5 * y], [0.0, 0.0, 1.0]])
    return fitted @ _TURNED[output.rotate]


# From the output, on which the picture is turned clockwise, back to the picture.
_TURNED: dict[int, Matrix] = {
    0: np.eye(3),
    90: np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]),
    180: np.array([[-1.0, 0.0, 1.0], [0.0, -1.0, 1.0], [0.0, 0.0, 1.0]]),
    270: np.array([[0.0, -1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}


def is_plain(output: Output, size: tuple[int, int], picture: tuple[int, int]) -> bool:
    """Whether a picture drawn straight onto the output is already right."""
    sized = size == picture or output.fit == "fill"
    return sized and output == Output(fit=output.fit)


class Projector:
    """Draws pictures onto one output. Textures and programs belong to the ``context``."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._programs: dict[tuple[str, ...], tuple[moderngl.Program, moderngl.VertexArray]] = {}
        self._mask: tuple[Path, moderngl.Texture] | None = None

    def prepare(self, output: Output) -> None:
        """Compile and read what an output needs. Raises VjganError when its mask cannot be read."""
        self._program(_words(output))
        self._masked(output)

    def draw(
        self,
        texture: moderngl.Texture,
        picture: tuple[int, int],
        output: Output,
        target: moderngl.Framebuffer,
    ) -> None:
        """Cover ``target`` with a texture that stands for a picture of that size in pixels."""
        mask = self._masked(output)
        words = _words(output)
        program, triangle = self._program(words)
        size = target.viewport[2:]
        unpin = np.linalg.inv(pinned(output.corners))
        lay = laid(output, size, picture) @ unpin
        _set(program, "lay", lay)
        _set(program, "rim", unpin if output.fit == "crop" else lay)
        if "FEATHERED" in words:
            _set(program, "unpin", unpin)
            program["feather"] = output.feather
        if "TONED" in words:
            program["gamma"], program["brightness"] = output.gamma, output.brightness
        if mask is not None:
            mask.use(MASK_UNIT)
        texture.use(0)
        self._context.disable(moderngl.BLEND)
        target.use()
        triangle.render(vertices=3)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for program, triangle in self._programs.values():
            triangle.release()
            program.release()
        self._programs.clear()
        if self._mask is not None:
            self._mask[1].release()
            self._mask = None

    def _program(self, words: tuple[str, ...]) -> tuple[moderngl.Program, moderngl.VertexArray]:
        if words not in self._programs:
            defined = "".join(f"#define {word}\n" for word in words)
            program = self._context.program(
                vertex_shader=_COVER, fragment_shader=f"#version 330 core\n{defined}{_SHADER}"
            )
            program["frame"] = 0
            if "MASKED" in words:
                program["mask"] = MASK_UNIT
            self._programs[words] = program, self._context.vertex_array(program, [])
        return self._programs[words]

    def _masked(self, output: Output) -> moderngl.Texture | None:
        if output.mask is None:
            return None
        if self._mask is None or self._mask[0] != output.mask:
            image = read_mask(output.mask)
            if self._mask is not None:
                self._mask[1].release()
            texture = self._context.texture(image.size, 1, image.tobytes(), alignment=1)
            texture.repeat_x = texture.repeat_y = False
            self._mask = output.mask, texture
        return self._mask[1]


def read_mask(path: Path) -> Image.Image:
    """The mask in a file, grey.

    Raises VjganError with the file and the reason when it is no picture."""
    try:
        with open_picture(str(path)) as image:
            return in_8_bits(image).convert("L")
    except Exception as error:  # Pillow has as many ways to fail as there are formats
        reason = getattr(error, "strerror", None) or "it is not a picture"
        raise VjganError(f"mask '{path}' cannot be read: {reason}") from None


def moved(output: Output, corner: int, dx: float, dy: float) -> tuple[Point, ...]:
    """The corners with one of them moved, kept within the output."""
    x, y = output.corners[corner]
    there = min(1.0, max(0.0, x + dx)), min(1.0, max(0.0, y + dy))
    return tuple(there if at == corner else one for at, one in enumerate(output.corners))


def _words(output: Output) -> tuple[str, ...]:
    """What the shader is to do."""
    wanted = {
        "TONED": output.gamma != 1.0 or output.brightness != 1.0,
        "FEATHERED": any(output.feather),
        "MASKED": output.mask is not None,
    }
    return tuple(word for word in wanted if wanted[word])


def _set(program: moderngl.Program, name: str, matrix: Matrix) -> None:
    program[name] = tuple(matrix.T.ravel())  # GLSL counts by columns
