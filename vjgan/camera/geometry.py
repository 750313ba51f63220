"""How a face is turned and what it does, measured on its mesh.

The mesh is laid onto a canonical one by the bones' points, which gives turn, nod and tilt (Kabsch
1976); what is measured on it afterwards does not depend on where the face looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vjgan.camera.faces import Mesh
from vjgan.types import FloatArray

Array = NDArray[np.float64]

# Points of the mesh that move with the skull: brow, bridge of the nose, temples, cheek bones.
BONES = [10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 234, 454, 127, 356, 93, 323, 33, 263, 133, 362,
         21, 251, 54, 284, 116, 345]  # fmt: skip
# Those whose places tell what somebody looks like: oval, brows, eyes, nose, lips.
SHAPE = sorted({
    *BONES, 338, 297, 332, 389, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 162, 103, 67, 109, 70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334,
    296, 336, 285, 295, 282, 283, 276, 159, 145, 386, 374, 160, 158, 153, 144, 385, 387, 380, 373,
    1, 2, 98, 327, 48, 278, 64, 294, 61, 291, 0, 17, 13, 14, 78, 308, 37, 267, 84, 314, 40, 270,
    91, 321, 50, 280, 205, 425, 123, 352,
})  # fmt: skip
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))  # outer and inner corner, upper and lower lid
BROWS = ((105, 159), (334, 386), (55, 133), (285, 362))


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is turned, in radians: ``turn`` to the right of the picture, ``nod`` down,
    ``tilt`` clockwise; ``shape`` [468, 3] is the mesh turned back, of the canonical size."""

    turn: float
    nod: float
    tilt: float
    shape: Array


def pose(mesh: Mesh, canonical: FloatArray) -> Pose:
    """How a mesh is turned against the ``canonical`` one [468, 3]."""
    ours, theirs = mesh.points[BONES].astype(np.float64), canonical[BONES].astype(np.float64)
    middle, centre = ours.mean(0), theirs.mean(0)
    left, values, right = np.linalg.svd((ours - middle).T @ (theirs - centre))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * sign) @ right  # [3, 3]: canonical to ours
    scale = float((values * sign).sum() / ((theirs - centre) ** 2).sum())
    shape = (mesh.points - middle) @ rotation / scale + centre
    turn = float(np.arctan2(-rotation[0, 2], rotation[2, 2]))
    nod = float(np.arcsin(np.clip(rotation[1, 2], -1, 1)))
    tilt = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    return Pose(turn, nod, tilt, shape)


def measures(mesh: Mesh, canonical: FloatArray) -> FloatArray:
    """What regressions tell the sitter's numbers from, [n]: turn, nod, what eyes, brows and mouth
    do, and the places of the points of SHAPE."""
    found = pose(mesh, canonical)
    face = found.shape
    width = float(np.linalg.norm(face[33] - face[263]))
    doing = [found.turn, found.nod, *_eyes(face), *mesh.eyes.ravel().tolist(), *_brows(face, width)]
    doing += _mouth(face, width)
    places = (face[SHAPE] - face[168]) / width  # [k, 3]
    return np.concatenate([doing, places.ravel()]).astype(np.float32)


DOING = 19  # of the measures are not places
MEASURES = DOING + 3 * len(SHAPE)


def _eyes(face: Array) -> list[float]:
    """How far each eye is open, of its width."""
    return [
        float(np.linalg.norm(face[up] - face[down]) / np.linalg.norm(face[out] - face[within]))
        for out, within, up, down in EYES
    ]


def _brows(face: Array, width: float) -> list[float]:
    """How high the brows stand over the eyes, outside and inside."""
    return [float(face[eye, 1] - face[brow, 1]) / width for brow, eye in BROWS]


def _mouth(face: Array, width: float) -> list[float]:
    """How far the mouth is open, how wide, how high its corners stand, how far forward it is."""
    lips = (face[13] + face[14]) / 2
    corners = (face[61] + face[291]) / 2
    opened = float(np.linalg.norm(face[13] - face[14]))
    wide = float(np.linalg.norm(face[61] - face[291]))
    chin = float(face[152, 1] - face[1, 1])
    up = float(lips[1] - corners[1])
    forward = float(corners[2] - lips[2])
    return [opened / width, wide / width, up / width, forward / width, chin / width]
