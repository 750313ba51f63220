"""Small pictures of people, by the keys that pages call them by: out of the bank, or drawn beside
the show."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import numpy as np
from PIL import Image

from vjgan.darkroom import Darkroom, Wish, picture_of
from vjgan.genes import in_layers
from vjgan.types import ByteArray, FloatArray, LatentSpace

SIDE, QUALITY = 128, 80  # pixels and JPEG quality
MOST = 900  # that are remembered
OLD = 0.02  # of psi by which a picture may be off


class Faces:
    """JPEG pictures by number, ``jpegs``; none changes once it is there. Made in one thread, and
    added to by the darkroom's."""

    def __init__(self, darkroom: Darkroom) -> None:
        self.jpegs: dict[int, bytes] = {}
        self.newest = 0  # number of the last one that came
        self._darkroom = darkroom
        self._numbers: dict[str, int] = {}
        self._asked: set[str] = set()  # keys whose pictures are on their way, or cannot be had
        self._psi: dict[str, float] = {}  # with which they were drawn, by key
        self._lock = threading.Lock()

    def of(self, key: str) -> int | None:
        """The number of somebody's picture; None while there is none."""
        return self._numbers.get(key)

    def image(self, key: str) -> ByteArray | None:
        """Somebody's picture, if there is one: uint8 [h, w, 3]."""
        number = self.of(key)
        return None if number is None else picture_of(self.jpegs[number])

    def lacks(self, key: str, psi: float | None = None) -> bool:
        """Whether somebody's picture is neither there nor asked for; one that was drawn far from
        ``psi`` does not count."""
        if key in self._asked:
            return False
        drawn = self._psi.get(key)
        old = psi is not None and drawn is not None and abs(psi - drawn) > OLD
        return old or key not in self._numbers

    def read(self, key: str, png: bytes | None) -> bool:
        """Take a picture that is kept as PNG; False where it is none."""
        with suppress(OSError, ValueError):
            if png is not None:
                self._take(key, _smaller(png))
                return True
        return False

    def draw(
        self,
        model: str,
        space: LatentSpace,
        people: Mapping[str, FloatArray],
        psi: float,
        instead: bool = False,
    ) -> None:
        """Have people drawn by a model's name or path: w [w_dim] or [num_ws, w_dim] before
        truncation, by their keys; ``instead`` of all whose pictures are still to come."""
        wishes = []
        with self._lock:
            self._asked.update(people)
        for key, one in people.items():
            w = space.w_mean + psi * (in_layers(one, space.num_ws) - space.w_mean)
            self._psi[key] = psi
            wishes.append(Wish(model, w.astype(np.float32), partial(self._take, key)))
        self._darkroom.wish(wishes, instead)

    def give_up(self, kind: str = "") -> None:
        """Wait no longer for those whose keys begin so; whoever is lacked is asked for again."""
        with self._lock:
            self._asked = {key for key in self._asked if not key.startswith(kind)}

    def close(self) -> None:
        """End what draws."""
        self._darkroom.close()

    def _take(self, key: str, jpeg: bytes) -> None:
        """A picture has come; from any thread."""
        with self._lock:
            self.newest += 1
            self.jpegs[self.newest] = jpeg
            self.jpegs.pop(self._numbers.pop(key, 0), None)  # an older one
            self._asked.discard(key)
            self._numbers[key] = self.newest
            if len(self.jpegs) > MOST:
                old = next((one for one in self._numbers if one.startswith("child/")), key)
                self.jpegs.pop(self._numbers.pop(old), None)


def _smaller(png: bytes) -> bytes:
    """A small picture as JPEG. Raises OSError or ValueError."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()
