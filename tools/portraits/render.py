"""Draws sitters: vectors of ``vjgan.train.sitter`` -> pictures, in software OpenGL."""

from __future__ import annotations

import os

os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe in this thread: one process, one core

from pathlib import Path
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from tools.portraits import shaders
from tools.portraits.hair import Hair, Style
from tools.portraits.mesh import EYE, LASH, SKIN, Head, smoothstep
from vjgan.train import sitter

Floats = NDArray[np.float32]
OVERSAMPLING = 2
SHADOW = 256
MARKS = ("left eye", "right eye", "mouth")
UNIFORMS = (
    *("key", "key_colour", "rim", "rim_colour", "ambient", "backdrop", "accent", "material"),
    *("skin", "hair_colour", "iris", "lips", "male", "hair", "gaze", "old"),
    *("beard", "paint", "curl"),
)


def rotation(turn: float, nod: float) -> Floats:
    """Rotation matrix [3, 3] of a head turned to its left and nodded down, in radians."""
    cy, sy, cx, sx = np.cos(turn), np.sin(turn), np.cos(nod), np.sin(nod)
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    return np.asarray(x @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]), np.float32)


def perspective(zoom: float, near: float, far: float) -> Floats:
    """The usual OpenGL projection [4, 4] for a square picture."""
    depth = near - far
    return np.array(
        [
            [zoom, 0, 0, 0],
            [0, zoom, 0, 0],
            [0, 0, (far + near) / depth, 2 * far * near / depth],
            [0, 0, -1, 0],
        ],
        np.float32,
    )


def light_view(direction: NDArray[np.float64], turn: Floats) -> Floats:
    """Orthographic matrix [4, 4] that looks along a light at the turned head."""
    side = np.cross([0, 1, 0], direction)
    side /= np.linalg.norm(side) + 1e-9
    view = np.eye(4)
    view[:3, :3] = np.stack([side, np.cross(direction, side), direction]) @ turn
    return np.asarray(np.diag([1 / 2.9, 1 / 2.9, -1 / 4.0, 1]) @ view, np.float32)


def veins(points: Floats) -> Floats:
    """Marble veins at rest points [n, 3], 0..1, the same on both sides."""
    x, y, z = np.abs(points[:, 0]) + 0.3 * points[:, 1], points[:, 1], points[:, 2]
    bend = np.sin(2.3 * y + 1.1 * z) + 0.5 * np.sin(5.1 * x - 2.2 * y)
    line = np.abs(np.sin(3.1 * x + 1.7 * y + 1.6 * bend))
    return (0.8 * smoothstep(0.22, 0.0, line.astype(np.float32))).astype(np.float32)


class Renderer:
    """Draws pictures of ``size`` pixels, anti-aliased, from the mesh in ``folder``."""

    def __init__(self, folder: Path, size: int = 128) -> None:
        self.size = size
        self.head = Head(folder)
        self.hair = Hair(self.head)
        self._context = c = moderngl.create_context(standalone=True, backend="egl", require=330)
        self._head_program = c.program(shaders.HEAD_VERTEX, shaders.HEAD_FRAGMENT)
        self._hair_program = c.program(shaders.HAIR_VERTEX, shaders.HAIR_FRAGMENT)
        self._back_program = c.program(shaders.BACKDROP_VERTEX, shaders.BACKDROP_FRAGMENT)
        self._depth_program = c.program(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT)
        side = size * OVERSAMPLING
        self._picture = c.framebuffer(
            [c.renderbuffer((side, side), 3)], c.depth_renderbuffer((side, side))
        )
        self._depth = c.depth_texture((SHADOW, SHADOW))
        self._depth.compare_func = ""
        self._shadow = c.framebuffer(depth_attachment=self._depth)
        self._build_arrays()

    def _build_arrays(self) -> None:
        c, head, hair = self._context, self.head, self.hair
        self._head_points = c.buffer(reserve=len(head.rest) * 24)
        self._hair_points = c.buffer(reserve=len(hair.static) * 36)
        head_faces = c.buffer(head.triangles.astype("i4").tobytes())
        hair_faces = c.buffer(hair.triangles.astype("i4").tobytes())
        corners = c.buffer(np.array([-1, -1, 1, -1, -1, 1, 1, 1], "f4").tobytes())
        self._head_shadow = c.vertex_array(
            self._depth_program, [(self._head_points, "3f 12x", "position")], head_faces
        )
        self._hair_shadow = c.vertex_array(
            self._depth_program, [(self._hair_points, "3f 24x", "position")], hair_faces
        )
        normals = head.normals(head.rest)
        occlusion = self._bake_occlusion(normals)
        static = [
            head.rest,
            head.lips,
            head.scalp,
            head.lids,
            occlusion,
            head.region,
            veins(head.rest),
            head.beard,
        ]
        columns = [np.reshape(x, (len(head.rest), -1)) for x in static]
        still = c.buffer(np.concatenate(columns, 1).astype("f4").tobytes())
        self._head_array = c.vertex_array(
            self._head_program,
            [
                (self._head_points, "3f 3f", "position", "normal"),
                (still, "3f 4f 3f", "rest", "mask", "kind"),
            ],
            head_faces,
        )
        tone = c.buffer(hair.static.tobytes())
        self._hair_array = c.vertex_array(
            self._hair_program,
            [(self._hair_points, "3f 3f 3f", "position", "normal", "strand"), (tone, "3f", "tone")],
            hair_faces,
        )
        self._back_array = c.vertex_array(self._back_program, [(corners, "2f", "corner")])

    def _bake_occlusion(self, normals: Floats) -> Floats:
        """The share of the sky that each vertex of the rest mesh sees, 0..1, by depth maps."""
        centre = np.array([0, 7.23, 0.35], np.float32)
        rest = self.head.rest - centre
        self._head_points.write(np.concatenate([rest, normals], 1).astype("f4").tobytes())
        seen, total = np.zeros(len(rest)), np.full(len(rest), 1e-6)
        for k in range(80):  # a Fibonacci sphere
            y = 1 - 2 * (k + 0.5) / 80
            angle = k * np.pi * (3 - 5**0.5)
            flat = np.sqrt(1 - y * y)
            direction = np.array([flat * np.cos(angle), y, flat * np.sin(angle)])
            matrix = light_view(direction, np.eye(3, dtype=np.float32))
            self._draw_shadow(matrix, with_hair=False)
            depth = np.frombuffer(self._depth.read(), "f4").reshape(SHADOW, SHADOW)
            at = (rest @ matrix[:3, :3].T) * 0.5 + 0.5
            x, y_ = (np.clip((at[:, i] * SHADOW).astype(int), 0, SHADOW - 1) for i in (0, 1))
            facing = np.maximum(normals @ direction, 0)
            seen += facing * (depth[y_, x] > at[:, 2] - 0.012)
            total += facing
        open_sky = seen / total
        inside = (self.head.region != SKIN) & (self.head.region != LASH) & (self.head.region != EYE)
        open_sky[inside] = 0.45
        return np.clip(1.15 * open_sky, 0.08, 1).astype(np.float32)

    def _draw_shadow(self, matrix: Floats, with_hair: bool) -> None:
        self._shadow.use()
        self._shadow.clear(depth=1)
        self._context.enable(moderngl.DEPTH_TEST)
        self._depth_program["light_matrix"].write(matrix.T.astype("f4").tobytes())
        self._head_shadow.render()
        if with_hair:
            self._hair_shadow.render()

    def render(self, d: dict[str, NDArray[np.float64]], i: int) -> tuple[NDArray[np.uint8], Floats]:
        """Sitter ``i`` of a description: a picture uint8 [size, size, 3] and the places of MARKS
        in it, [3, 2] as x, y in 0..1 from the top left."""
        marks, turn, matrix = self._pose(d, i)
        self._light(d, i, turn, matrix)
        self._picture.use()
        self._picture.clear(depth=1)
        self._context.disable(moderngl.DEPTH_TEST)
        self._back_array.render(moderngl.TRIANGLE_STRIP)
        self._context.enable(moderngl.DEPTH_TEST)
        self._context.enable(moderngl.CULL_FACE)
        self._head_array.render()
        self._context.disable(moderngl.CULL_FACE)
        if d["hair"][i] > 0.01:
            self._hair_array.render()
        side = self.size * OVERSAMPLING
        raw = np.frombuffer(self._picture.read(components=3), np.uint8).reshape(side, side, 3)[::-1]
        blocks = raw.reshape(self.size, OVERSAMPLING, self.size, OVERSAMPLING, 3)
        return (blocks.mean((1, 3), dtype=np.float32) + 0.5).astype(np.uint8), marks

    def _pose(self, d: dict[str, NDArray[np.float64]], i: int) -> tuple[Floats, Floats, Floats]:
        head, worn = self.head, ("length", "top", "hair", "curl", "fringe", "parting")
        points = head.shape(d, i)
        style = Style(*(float(d[name][i]) for name in worn))
        hair, hair_normals, strands = self.hair.shape(points, style)
        left = points[(head.region == EYE) & (head.rest[:, 0] > 0)].mean(0)
        right = points[(head.region == EYE) & (head.rest[:, 0] < 0)].mean(0)
        mouth = points[head.lips > 0.5].mean(0)
        centre = np.array([0, (left[1] + right[1]) / 2 - 0.10, 0.35], np.float32)
        scale = np.clip((0.56 / (left[1] - mouth[1])) ** 0.6, 0.9, 1.2)
        normals = head.normals(points)
        self._head_points.write(
            np.concatenate([(points - centre) * scale, normals], 1).astype("f4").tobytes()
        )
        rows = np.concatenate([(hair - centre) * scale, hair_normals, strands], 1)
        self._hair_points.write(rows.astype("f4").tobytes())
        turn = rotation(d["turn"][i], d["nod"][i])
        view = np.eye(4, dtype=np.float32)
        view[:3, :3], view[2, 3] = turn, -9
        matrix = perspective(7.3, 2, 20) @ view
        spots = (np.stack([left, right, mouth]) - centre) * scale
        clip = np.concatenate([spots, np.ones((3, 1))], 1) @ matrix.T
        marks = clip[:, :2] / clip[:, 3:] * [0.5, -0.5] + 0.5
        return marks.astype(np.float32), turn, matrix

    def _light(
        self, d: dict[str, NDArray[np.float64]], i: int, turn: Floats, matrix: Floats
    ) -> None:
        shadow = light_view(d["key"][i], turn)
        self._draw_shadow(shadow, with_hair=bool(d["hair"][i] > 0.01))
        values: dict[str, Any] = {name: d[name][i] for name in UNIFORMS}
        values["glow"] = d["backdrop"][i] / d["backdrop"][i].max()
        self._depth.use(0)
        for program in (self._head_program, self._hair_program, self._back_program):
            for name, value in values.items():
                if name in program:
                    program[name].write(np.asarray(value, "f4").tobytes())
            for name, value in (
                ("camera_matrix", matrix),
                ("light_matrix", shadow),
                ("turn_matrix", turn),
            ):
                if name in program:
                    program[name].write(value.T.astype("f4").tobytes())


def sheet(pictures: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Pictures [n, h, w, 3] side by side, ``columns`` in a row."""
    n, h, w, _ = pictures.shape
    rows = -(-n // columns)
    out = np.zeros((rows * h, columns * w, 3), np.uint8)
    for i, picture in enumerate(pictures):
        y, x = divmod(i, columns)
        out[y * h : (y + 1) * h, x * w : (x + 1) * w] = picture
    return out


def portraits(renderer: Renderer, p: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """Pictures [n, size, size, 3] and marks [n, 3, 2] of vectors p [n, 32]."""
    d = sitter.describe(p)
    pairs = [renderer.render(d, i) for i in range(len(p))]
    return np.stack([x for x, _ in pairs]), np.stack([m for _, m in pairs])
