"""Pictures and texts: all of them or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vjgan import files
from vjgan.files import in_utf8, replacing
from vjgan.media.files import writing
from vjgan.types import ByteArray


def save_image(path: Path, image: ByteArray, about: Mapping[str, str] | None = None) -> None:
    """Write ``image`` uint8 [height, width, 3 or 4] as PNG; ``about`` is what the file says of
    itself, in text chunks by key. Raises MediaError when it cannot."""
    words = PngInfo()
    for key, text in (about or {}).items():
        words.add_text(key, in_utf8(text))
    with writing("picture", path), replacing(path) as part:
        Image.fromarray(image).save(part, format="PNG", pnginfo=words)


def write_text(path: Path, text: str) -> None:
    """Write ``text``, all of it or nothing. Raises MediaError when it cannot be written."""
    with writing("file", path):
        files.write_text(path, text)
