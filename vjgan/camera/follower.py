"""From a camera's pictures to a sitter: one face is chosen, stayed with, and read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from vjgan.camera.align import cut, place
from vjgan.camera.faces import Detector, Found, Mesh, Surface
from vjgan.camera.reader import Reader, marks
from vjgan.camera.smoothing import Smoother
from vjgan.types import ByteArray, FloatArray

DARK = 24.0  # of 255, the mean below which a picture is too dark to find anybody in
PROFILE = 0.95  # radians of turn beyond which half of the face is not seen
PORTRAIT = 128  # pixels a side of the aligned picture
GONE_SECONDS = 1.0  # after which whoever is not seen has gone
AGAIN_SECONDS = 1.0  # in which others are counted, and whoever is followed is looked for anew

# What the camera sees, for people.
STATES = {
    "away": "it does not look",
    "nobody": "nobody is seen",
    "dark": "it is too dark to see anybody",
    "profile": "whoever is there looks too far aside",
    "sitter": "somebody is seen",
}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the camera saw at ``time``: a ``state`` out of STATES; of a sitter the numbers ``z``
    [32], smoothed, the aligned ``picture`` uint8 [128, 128, 3], the camera's ``frame`` that it was
    cut out of, with eyes and mouth in it, ``marks`` [3, 2], and how many ``others`` there are.
    ``visit`` counts sitters: it grows when another one comes."""

    time: float = 0.0
    state: str = "away"
    z: FloatArray | None = None
    picture: ByteArray | None = field(default=None, repr=False)
    others: int = 0
    visit: int = 0
    frame: ByteArray | None = field(default=None, repr=False)
    marks: FloatArray | None = None


class Follower:
    """Follows one face through pictures: the largest that is there when nobody is followed."""

    def __init__(self, reader: Reader | None) -> None:
        """Without a ``reader`` no numbers are told. Raises DeviceError without a detector."""
        self._detector, self._surface, self._reader = Detector(), Surface(), reader
        self._visit = 0
        self.forget()

    def forget(self) -> None:
        """Know nothing of anybody."""
        self._mesh: Mesh | None = None
        self._smoother: Smoother | None = None
        self._seen_at = self._looked_at = self._read_at = -1e9
        self._others = 0
        self._last = Seen()

    def step(self, image: ByteArray, time: float) -> Seen:
        """What is in an ``image`` uint8 [height, width, 3] taken at ``time``, which only grows."""
        mesh = self._find(image, time)
        if mesh is None:
            if time - self._seen_at > GONE_SECONDS:
                self.forget()
            dark = float(image[::8, ::8].mean()) < DARK
            return self._held(time, "dark" if dark else "nobody")
        self._mesh, self._seen_at = mesh, time
        return self._read(image, mesh, time)

    def _find(self, image: ByteArray, time: float) -> Mesh | None:
        """The mesh of whoever is followed, or of the largest face."""
        mesh = None
        if self._mesh is not None:
            mesh = self._surface.lay(image, self._mesh.around)
        if mesh is not None and time - self._looked_at < AGAIN_SECONDS:
            return mesh
        found = self._detector.find(image)
        self._looked_at = time
        self._others = max(0, len(found) - 1)
        if mesh is not None or not found:
            return mesh
        near = self._surface.lay(image, self._chosen(found).around)
        # Once more from where it lies itself, as it is followed: another square is another mesh.
        return None if near is None else self._surface.lay(image, near.around)

    def _chosen(self, found: list[Found]) -> Found:
        """The face nearest to where the sitter was; the largest where there was none."""
        if self._mesh is None:
            return found[0]
        was = self._mesh.middle
        return min(found, key=lambda face: float(np.hypot(*((face.low + face.high) / 2 - was))))

    def _read(self, image: ByteArray, mesh: Mesh, time: float) -> Seen:
        places = marks(mesh)
        picture = cut(image, place(places), PORTRAIT)
        if self._smoother is None:
            self._visit += 1
            self._smoother = Smoother(self._reader.names if self._reader else ())
        z = None
        if self._reader is not None:
            reading = self._reader.read(image, mesh)
            if abs(reading.turn) > PROFILE:
                return self._held(time, "profile")
            dt = time - self._read_at if self._read_at > 0.0 else 0.0
            z = self._smoother.step(reading.z, dt)
            self._read_at = time
        self._last = Seen(time, "sitter", z, picture, self._others, self._visit, image, places)
        return self._last

    def _held(self, time: float, state: str) -> Seen:
        """The sitter as last seen, for as long as that is remembered."""
        return replace(self._last, time=time, state=state, others=self._others, visit=self._visit)
