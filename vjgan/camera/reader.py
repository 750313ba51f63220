"""What a face is in the sitter's numbers: an encoder's file, at work on a picture and its mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from vjgan.camera.align import Placement, cut, place, strip
from vjgan.camera.faces import Mesh
from vjgan.camera.geometry import DOING, MEASURES, measures
from vjgan.camera.inference import Net, convolutions
from vjgan.errors import ModelError
from vjgan.types import ByteArray, FloatArray

FORMAT, VERSION = "vjgan encoder", "2"
LARGEST = 16_000_000  # bytes
MIXED = ("mean", "spread", "weight", "bias", "share", "eyes_share")
# A mesh's lids and lips lie nearer to each other than the renderer's marks, by this much of the way
# from eyes to mouth.
ABOVE, BELOW = 0.028, 0.030


@dataclass(frozen=True, slots=True)
class Reading:
    """A sitter's numbers: ``z`` [32]; how the head is turned, in radians, to the right of the
    picture and down."""

    z: FloatArray
    turn: float
    nod: float


class Reader:
    """Tells the numbers of whoever is in a picture. ``names`` are what they mean, ``model`` and
    ``sha256`` whose sitters they are."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError when the file is no encoder, DeviceError when it cannot be run."""
        tensors, about = _read(path)
        try:
            self.names: tuple[str, ...] = tuple(about["names"].split())
            self.model, self.sha256 = about["model"], about["model_sha256"]
            self.shapes = {part: _shape(about[f"{part}_size"]) for part in ("face", "eyes")}
            self._nets: dict[str, Net] = {
                part: convolutions(tensors, part, *shape) for part, shape in self.shapes.items()
            }
            self._eyes = [self.names.index(name) for name in about["eyes_names"].split()]
            self.canonical = tensors["geometry.canonical"]  # [468, 3]
            self.places = tensors["geometry.places"]  # of vjgan.train.places
            self._geometry = {name: tensors[f"geometry.{name}"] for name in MIXED}
        except KeyError as missing:
            raise ModelError(f"encoder '{path}' lacks the weights {missing}") from None
        except ValueError as reason:
            raise ModelError(f"encoder '{path}' is not what it says it is: {reason}") from None
        if len(self._geometry["mean"]) != MEASURES:
            raise ModelError(
                f"encoder '{path}' takes {len(self._geometry['mean'])} measures of a face, not "
                f"the {MEASURES} that are taken; make it again: python -m vjgan.train.joined"
            )

    def read(self, image: ByteArray, mesh: Mesh) -> Reading:
        """The numbers of the face that a mesh lies on, in an ``image`` uint8 [height, width, 3]."""
        raw = measures(mesh, self.canonical)
        seen = self.look(image, square(mesh))  # [32]
        z = np.asarray(seen + self._geometry["share"] * (self.tell(raw) - seen), np.float32)
        return Reading(z, float(raw[0]), float(raw[1]))

    def look(self, image: ByteArray, face: Placement) -> FloatArray:
        """What both networks say of a face in an image, before the mesh has its share: [32]."""
        seen = self._see("face", image, face)
        eyes = self._see("eyes", image, strip(face))
        share = self._geometry["eyes_share"][self._eyes]
        seen[self._eyes] += share * (eyes - seen[self._eyes])
        return seen

    def _see(self, part: str, image: ByteArray, placement: Placement) -> FloatArray:
        """What a part's network says, [numbers]."""
        height, width = self.shapes[part]
        picture = cut(image, placement, width, height)
        x = np.asarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        return np.asarray(self._nets[part](x)[0][0], np.float32)

    def tell(self, raw: FloatArray) -> FloatArray:
        """What the ``measures`` of a mesh alone say: [32]."""
        rows = self._geometry
        x = np.clip((raw - rows["mean"]) / rows["spread"], -3, 3)  # nobody is that strange
        return np.asarray(rows["weight"] @ expand(x) + rows["bias"], np.float32)


def _shape(words: str) -> tuple[int, int]:
    height, width = words.split("x")
    return int(height), int(width)


def expand(x: FloatArray) -> FloatArray:
    """Measures [..., n] and the products that a regression needs, of turn and nod with what eyes,
    brows and mouth do."""
    doing = x[..., :DOING]
    products = [doing * x[..., k : k + 1] for k in (0, 1)]
    return np.concatenate([x, *products, doing**2], -1)


def marks(mesh: Mesh) -> FloatArray:
    """The eye at the right of the picture, the one at its left, and the mouth: [3, 2], as the
    renderer marks its own."""
    flat = mesh.points[:, :2]
    right, left = flat[[263, 362]].mean(0), flat[[33, 133]].mean(0)
    mouth = flat[[0, 17, 61, 291]].mean(0)
    way = mouth - (right + left) / 2
    return np.stack([right - ABOVE * way, left - ABOVE * way, mouth + BELOW * way])


def square(mesh: Mesh) -> Placement:
    """Where the portrait is cut out."""
    return place(marks(mesh))


def _read(path: Path) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """An encoder's weights and what it says of itself. Raises ModelError."""
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"'{path}' is larger than an encoder, {LARGEST} bytes")
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT or about.get("version") != VERSION:
                raise ModelError(f"'{path}' is not an encoder of vjgan's")
            names = list(file.keys())
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in names}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"encoder '{path}' cannot be read: {error}") from None
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise ModelError(f"encoder '{path}' holds numbers that are not finite")
    return tensors, about
