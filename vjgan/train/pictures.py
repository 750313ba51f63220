"""The pictures that a training is fed with: a folder or a zip of them, read and never changed."""

from __future__ import annotations

import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from vjgan.errors import MediaError
from vjgan.pictures import in_8_bits, open_picture
from vjgan.types import ByteArray

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
MOST_FILES = 2_000_000
MOST_BYTES = 512_000_000  # of one picture's file
MOST_PIXELS = 250_000_000  # of one picture
GROUND = (255, 255, 255, 255)  # what shows through transparent pixels


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that calls itself a picture: its ``name`` in the album with slashes, its bytes, a
    ``stamp`` that changes with it, and the folder of the top level that it lies in ("": none)."""

    name: str
    nbytes: int
    stamp: int

    @property
    def group(self) -> str:
        """The folder of the top level."""
        first, slash, _ = self.name.partition("/")
        return first if slash else ""


class Album:
    """The pictures in a folder or in a zip, in the order of their names; those in a folder
    ``without`` are none of them. Raises MediaError."""

    def __init__(self, path: Path, without: Path | None = None) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        self._lock = Lock()  # a zip is one file with one position
        try:
            if path.is_dir():
                self.entries = sorted(_files(path, without), key=lambda entry: entry.name)
            elif path.is_file():
                self._zip = zipfile.ZipFile(path)
                self.entries = sorted(_members(path, self._zip), key=lambda entry: entry.name)
            else:
                raise MediaError(f"'{path}' is not there; give a folder or a zip of pictures")
        except zipfile.BadZipFile:
            raise MediaError(f"'{path}' is neither a folder nor a zip of pictures") from None
        except OSError as error:
            raise MediaError(f"'{path}' cannot be read: {error.strerror}") from None
        if not self.entries:
            raise MediaError(f"'{path}' holds no pictures; known are {', '.join(sorted(SUFFIXES))}")

    def read(self, entry: Entry) -> bytes:
        """A file's bytes. Raises MediaError."""
        if entry.nbytes > MOST_BYTES:
            raise MediaError(f"has {entry.nbytes / 1e6:.0f} MB; {MOST_BYTES / 1e6:.0f} are read")
        try:
            if self._zip is None:
                return (self.path / entry.name).read_bytes()
            with self._lock, self._zip.open(entry.name) as file:
                return file.read(entry.nbytes + 1)  # no more, whatever its header says
        except OSError as error:
            raise MediaError(f"cannot be read: {error.strerror or error}") from None
        except (RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError):
            raise MediaError("is damaged or encrypted in the zip") from None

    def close(self) -> None:
        """Let go of the zip."""
        if self._zip is not None:
            self._zip.close()


def _known(name: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in name.parts)
    return name.suffix.lower() in SUFFIXES and not hidden


def _files(root: Path, without: Path | None) -> Iterator[Entry]:
    seen = {root.resolve()}  # links may lead in a circle
    if without is not None:
        seen.add(without.resolve())
    for folder, below, names in os.walk(root, followlinks=True):
        places = {Path(folder, name).resolve(): name for name in sorted(below)}
        below[:] = [name for place, name in places.items() if place not in seen]
        seen |= places.keys()
        for name in names:
            path = Path(folder, name)
            inside = PurePosixPath(path.relative_to(root).as_posix())
            if _known(inside) and path.is_file():
                about = path.stat()
                yield Entry(str(inside), about.st_size, about.st_mtime_ns)


def _members(path: Path, file: zipfile.ZipFile) -> Iterator[Entry]:
    # Members are read in place and never unpacked, so a name cannot lead anywhere.
    members = file.infolist()
    if len(members) > MOST_FILES:
        raise MediaError(f"'{path}' holds {len(members):,} files; {MOST_FILES:,} are read")
    for member in members:
        if not member.is_dir() and _known(PurePosixPath(member.filename)):
            yield Entry(member.filename, member.file_size, member.CRC)


def decode(data: bytes) -> ByteArray:
    """A picture file as uint8 [height, width, 3], sRGB, upright; transparent pixels are white.
    Raises MediaError."""
    try:
        with open_picture(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise MediaError(
                    f"is {image.width}x{image.height}; {MOST_PIXELS:,} pixels are read"
                )
            return np.asarray(_as_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError:
        raise MediaError("is no picture, whatever its name says") from None
    except Image.DecompressionBombError:
        raise MediaError(f"has more pixels than the {MOST_PIXELS:,} that are read") from None
    except MediaError:
        raise
    except Exception as error:  # Pillow has as many ways to fail as there are formats
        raise MediaError(f"is damaged: {error}") from None


def read_picture(path: Path) -> ByteArray:
    """A picture's file as ``decode`` gives it. Raises MediaError, which names it."""
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise MediaError(f"picture '{path}' cannot be read: {error.strerror}") from None
    except MediaError as error:
        raise MediaError(f"picture '{path}' {error}") from None


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height as a picture's header tells them. Raises MediaError."""
    try:
        with open_picture(io.BytesIO(data)) as image:
            return image.size
    except Exception as error:  # likewise
        raise MediaError(f"is no picture: {error}") from None


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return in_8_bits(image).convert("RGB")
    if image.has_transparency_data:
        whole = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, GROUND), whole).convert("RGB")
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if made is not None:
                return made
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile is worth no more than none
    return image.convert("RGB")


def square(picture: ByteArray, size: int) -> ByteArray:
    """The middle of a picture [h, w, 3] as [size, size, 3]."""
    image = Image.fromarray(picture)
    fitted = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(fitted)
