"""Portraits cut out of pictures, for training: as the camera's, but of stills and at full size."""

from __future__ import annotations

from threading import Lock

from vjgan.camera.align import cut
from vjgan.camera.faces import Detector, Surface
from vjgan.camera.reader import square
from vjgan.types import ByteArray


class Cropper:
    """Cuts the largest face out of a picture. Raises DeviceError where no detector is installed."""

    def __init__(self) -> None:
        self._detector, self._surface = Detector(), Surface()
        self._lock = Lock()  # a network has one place for its input

    def __call__(self, image: ByteArray) -> ByteArray | None:
        """The face of an ``image`` uint8 [height, width, 3] with hair and shoulders, upright, eyes
        and mouth where the renders of the default model have theirs, in the image's own pixels:
        uint8 [n, n, 3]; None where no face is found."""
        with self._lock:
            found = self._detector.find(image)
            mesh = self._surface.lay(image, found[0].around) if found else None
        if mesh is None:
            return None
        placement = square(mesh)
        return cut(image, placement, max(1, round(placement.side)))
