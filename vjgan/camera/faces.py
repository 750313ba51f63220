"""Faces in a picture, and the mesh of one: BlazeFace, Face Mesh and the iris network (Bazarevsky et
al. 2019, Kartynnik et al. 2019, Ablavatski et al. 2020), whose weights come in a package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vjgan.camera.align import Placement, cut
from vjgan.camera.inference import packaged
from vjgan.types import ByteArray, FloatArray

DETECTED = 192  # pixels a side of what the detector sees, and cells of 4 pixels
CELLS = 48
SURE = 0.5  # from which something is a face
OVERLAP = 0.3  # from which two finds are one face
MESH, POINTS = 192, 468
ROOM = 1.5  # how much wider than the face is what the mesh sees
EYE, EYE_ROOM = 64, 2.3
LID_CORNERS, LOWER, UPPER = (0, 8), [3, 4, 5], [11, 12, 13]  # of the eye's own points
CORNERS = ((33, 133), (362, 263))  # of the eye at the left of the picture, and at its right


@dataclass(frozen=True, slots=True)
class Found:
    """A face in a picture: its box, its two eyes, left one in the picture first, in pixels."""

    score: float
    low: FloatArray  # [2]
    high: FloatArray  # [2]
    eyes: FloatArray  # [2, 2]

    @property
    def area(self) -> float:
        """In pixels."""
        return float(np.prod(self.high - self.low))

    @property
    def around(self) -> Placement:
        """What the mesh is to see."""
        return _around(self.low, self.high, self.eyes)


@dataclass(frozen=True, slots=True)
class Mesh:
    """A face's surface: ``points`` [468, 3] in pixels, depth toward the camera negative; ``eyes``
    [2, 3], left one in the picture first: where the iris is between the corners, -0.5 left to 0.5
    right, how far below the line between them, and how far the lids are open, in widths."""

    score: float
    points: FloatArray
    eyes: FloatArray

    @property
    def around(self) -> Placement:
        """Where the mesh of the next picture is looked for."""
        flat = self.points[:, :2]
        return _around(flat.min(0), flat.max(0), flat[[33, 263]])

    @property
    def middle(self) -> FloatArray:
        """[2]"""
        return np.asarray(self.points[:, :2].mean(0), np.float32)


class Detector:
    """Finds faces up to some five metres away. Raises DeviceError, see ``packaged``."""

    def __init__(self) -> None:
        self._net = packaged("face_detection_full_range_sparse")
        at = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS
        across, down = np.meshgrid(at, at)
        self._anchors = np.stack([across.ravel(), down.ravel()], 1)[:, None]  # [cells, 1, 2]

    def find(self, image: ByteArray) -> list[Found]:
        """The faces in an ``image`` uint8 [height, width, 3], the largest first."""
        height, width = image.shape[:2]
        side = max(height, width)
        square = cut(image, Placement(width / 2, height / 2, side), DETECTED)
        square = _blackened(square, height, width)
        raw, scores = self._net(_floats(square) / np.float32(127.5) - np.float32(1))
        chosen = np.flatnonzero(scores.ravel() > np.log(SURE / (1 - SURE)))
        boxes = raw[0, chosen].reshape(len(chosen), raw.shape[2] // 2, 2) / DETECTED  # [n, 8, 2]
        boxes[:, 0] += self._anchors[chosen, 0]
        boxes[:, 2:] += self._anchors[chosen]
        offset = np.array([width - side, height - side]) / 2
        rows = []
        for box, score in zip(boxes, scores.ravel()[chosen], strict=True):
            middle, half = box[0] * side + offset, box[1] / 2 * side
            eyes = box[2:4] * side + offset
            rows.append(Found(float(score), middle - half, middle + half, eyes))
        return _apart(rows)


class Surface:
    """Lays a mesh over a face. Raises DeviceError, see ``packaged``."""

    def __init__(self) -> None:
        self._mesh = packaged("face_landmark")
        self._iris = packaged("iris_landmark")

    def lay(self, image: ByteArray, around: Placement) -> Mesh | None:
        """The mesh of the face that lies in a square of the ``image``; None where there is none."""
        seen = cut(image, around, MESH)
        raw, score = self._mesh(_floats(seen) / np.float32(255))
        if score.ravel()[0] < np.log(SURE / (1 - SURE)):
            return None
        points = _back(raw.reshape(POINTS, 3) / np.float32(MESH), around)
        eyes = np.stack([self._look(image, points, k, around.angle) for k in (0, 1)])
        return Mesh(float(score.ravel()[0]), points, eyes)

    def _look(self, image: ByteArray, points: FloatArray, which: int, angle: float) -> FloatArray:
        """What an eye does [3], see ``Mesh``; the network sees the second one mirrored."""
        corners = points[list(CORNERS[which]), :2]
        x, y = corners.mean(0)
        side = EYE_ROOM * float(np.hypot(*(corners[1] - corners[0])))
        around = Placement(float(x), float(y), max(side, 1.0), angle)
        seen = cut(image, around, EYE)
        seen = seen[:, ::-1] if which else seen
        iris, lids = sorted(self._iris(_floats(seen) / np.float32(255)), key=np.size)
        middle, edge = iris.reshape(-1, 3)[0, :2], lids.reshape(-1, 3)[:, :2]
        way = edge[LID_CORNERS[1]] - edge[LID_CORNERS[0]]
        width = float(np.hypot(*way)) or 1.0
        away = middle - edge[LID_CORNERS[0]]
        across = float(away @ way) / width**2 - 0.5
        below = float(way[0] * away[1] - way[1] * away[0]) / width**2
        opened = np.hypot(*(edge[UPPER] - edge[LOWER]).T).mean() / width
        return np.array([-across if which else across, below, opened], np.float32)


def _floats(picture: ByteArray) -> FloatArray:
    return np.asarray(picture[None], np.float32)


def _around(low: FloatArray, high: FloatArray, eyes: FloatArray) -> Placement:
    x, y = (low + high) / 2
    across = eyes[1] - eyes[0]
    angle = float(np.arctan2(across[1], across[0]))
    return Placement(float(x), float(y), ROOM * float((high - low).max()), angle)


def _back(points: FloatArray, around: Placement) -> FloatArray:
    """Points [n, 3] in shares of a square -> in pixels of the picture that it was cut from."""
    across, down = ((points[:, k] - 0.5) * around.side for k in (0, 1))
    cosine, sine = np.cos(around.angle), np.sin(around.angle)
    x = around.x + across * cosine - down * sine
    y = around.y + across * sine + down * cosine
    return np.stack([x, y, points[:, 2] * around.side], 1).astype(np.float32)


def _blackened(square: ByteArray, height: int, width: int) -> ByteArray:
    """What lies beyond the picture is black, as the detector learnt it."""
    side = max(height, width)
    square = square.copy()
    for axis, length in ((0, height), (1, width)):
        edge = round((side - length) / 2 / side * DETECTED)
        if edge:
            rows = np.moveaxis(square, axis, 0)
            rows[:edge] = rows[-edge:] = 0
    return square


def _apart(rows: list[Found]) -> list[Found]:
    """One find a face, the surest of each; the largest face first."""
    kept: list[Found] = []
    for row in sorted(rows, key=lambda row: -row.score):
        if all(_overlap(row, other) < OVERLAP for other in kept):
            kept.append(row)
    return sorted(kept, key=lambda row: -row.area)


def _overlap(a: Found, b: Found) -> float:
    """The area that two share, over that of both together."""
    sides = np.minimum(a.high, b.high) - np.maximum(a.low, b.low)
    shared = float(np.prod(np.maximum(sides, 0)))
    return shared / max(a.area + b.area - shared, 1e-6)
