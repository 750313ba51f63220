"""Small pictures for the page: JPEG of the light, and one of each preset, kept from when it was
played."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from vjgan.files import in_words, replacing
from vjgan.types import ByteArray

QUALITY = 70
DARK = 6.0  # of 255; what is darker on average makes no thumbnail
MOST_BYTES = 200_000
MOST_WORDS = 4000  # letters that a picture says of itself
NAME_LENGTH = 20


def jpeg(image: ByteArray, about: Mapping[str, str] | None = None) -> bytes:
    """A picture uint8 [height, width, 3] as JPEG; ``about`` is what it says of itself."""
    data = io.BytesIO()
    words = in_words(about or {})[:MOST_WORDS]
    Image.fromarray(image).save(data, "JPEG", quality=QUALITY, comment=words)
    return data.getvalue()


class Thumbnails:
    """A folder of them, named after what a preset file holds: an edited preset gets a new one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def name(self, preset: Path) -> str:
        """The name of a preset's thumbnail; empty where the file is not there."""
        try:
            return hashlib.sha256(preset.read_bytes()).hexdigest()[:NAME_LENGTH]
        except OSError:
            return ""

    def read(self, name: str) -> bytes | None:
        """A thumbnail as JPEG, if there is one."""
        try:
            data = (self._folder / f"{name}.jpg").read_bytes() if name else b""
        except OSError:
            return None
        return data if 0 < len(data) <= MOST_BYTES else None

    def keep(
        self, name: str, image: ByteArray, about: Mapping[str, str] | None = None
    ) -> bytes | None:
        """Keep a picture of the light as a thumbnail that says ``about`` itself, unless it is dark
        or the disk does not take it; as JPEG."""
        if not name or image.mean() < DARK:
            return None
        data = jpeg(image, about)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._folder / f"{name}.jpg") as part:
                part.write_bytes(data)
        except OSError:
            return None
        return data
