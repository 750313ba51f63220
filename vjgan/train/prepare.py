"""Pictures made ready to be learned from: each is looked at, what is unfit is listed and left out,
and the rest is kept as one plain array, which is made again only when something changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vjgan.errors import MediaError, VjganError
from vjgan.files import in_utf8, replacing, write_text
from vjgan.train.inspection import (
    BLANK,
    BLURRED,
    Plane,
    Seen,
    luma,
    perceptual_hash,
    reach,
    shrink,
    softness,
)
from vjgan.train.pictures import Album, Entry, decode, size_of, square
from vjgan.types import ByteArray

PICTURES, ABOUT, REPORT = "pictures.bin", "prepared.json", "report.txt"
FORMAT = 1  # of the prepared data; another number makes it anew
AT_ONCE = 64  # pictures in memory
ENLARGED = 0.9  # of the trained size, below which an enlarged picture holds too little
SIDES = (256, 128, 64, 32)  # that are chosen from where none is asked for
COMMON = 0.9  # of the pictures must be as large
LEAST = 8  # pictures, below which nothing is learned
MEASURED_FACES = 60  # pictures whose faces tell the usual size
FAULTS = {
    "unreadable": "no picture, or damaged",
    "faceless": "no face was found",
    "tiny": "smaller than the size that is trained",
    "blank": "nothing to be seen",
    "blurred": "soft at the size that is trained",
    "upscaled": "made larger from a smaller picture",
    "duplicate": "the same as another one",
}
FORGIVABLE = ("blurred", "upscaled", "duplicate")

Tell = Callable[[int, int], None]  # how many of how many are done
# Cuts the face out of a picture [h, w, 3], upright, with its own pixels [n, n, 3]; None: no face.
Crop = Callable[[ByteArray], ByteArray | None]


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture turned out to be: a fault and its details, or the picture made ready."""

    name: str
    fault: str = ""
    detail: str = ""
    picture: ByteArray | None = None  # [size, size, 3]
    thumbnail: Plane | None = None  # [32, 32]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pictures of a training, as they lie in a folder. ``labels`` are numbers of ``classes``;
    ``faults`` are the rows of the report: a fault, a name, details."""

    fingerprint: str
    size: int
    count: int
    read: int  # pictures that were looked at
    classes: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    faults: list[tuple[str, str, str]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people: how many are fit, how many are not and why."""
        rows = [f"{self.count} of {self.read} pictures are fit, at {self.size}x{self.size}"]
        for fault, meaning in FAULTS.items():
            number = sum(row[0] == fault for row in self.faults)
            rows += [f"{number:6}  {fault:<11} {meaning}"] if number else []
        for k, name in enumerate(self.classes):
            rows.append(f"{self.labels.count(k):6}  in class {k}, '{name}'")
        return rows

    def report(self) -> str:
        """All that was found, picture by picture."""
        rows = [f"{fault:<11} {name}: {detail}" for fault, name, detail in sorted(self.faults)]
        return "\n".join([*self.lines(), "", *rows]) + "\n"


def prepare(
    source: Path,
    folder: Path,
    size: int | None = None,
    classes: bool = False,
    keep: frozenset[str] = frozenset(),
    tell: Tell = lambda done, total: None,
    crop: Crop | None = None,
) -> Prepared:
    """Look at the pictures of ``source``, a folder or a zip, and keep those that are fit at
    ``size`` (None: as large as most allow, up to 256) in ``folder``; ``keep`` names faults to be
    overlooked; ``crop`` cuts faces out first. What is there already and still fits is used again.
    Raises MediaError."""
    album = Album(source, without=folder.parent)  # where the training lies
    try:
        known = read(folder)
        if size is None and known is not None:
            size = (
                known.size
                if known.fingerprint == _mark(album, known.size, classes, keep, crop)
                else None
            )
        side = size or usual_side(album, crop)
        mark = _mark(album, side, classes, keep, crop)
        if known is None or known.fingerprint != mark:
            known = _make(album, folder, side, classes, keep, mark, tell, crop)
    finally:
        album.close()
    _check(source, known)
    return known


def read(folder: Path) -> Prepared | None:
    """What lies prepared in a folder; None when there is nothing whole."""
    try:
        about = json.loads((folder / ABOUT).read_text())
        if about.pop("format") != FORMAT:
            return None
        about["faults"] = [tuple(row) for row in about["faults"]]
        found = Prepared(**about)
        nbytes = (folder / PICTURES).stat().st_size
        return found if nbytes == found.count * found.size**2 * 3 else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def pictures_of(folder: Path, prepared: Prepared) -> NDArray[np.uint8]:
    """The prepared pictures uint8 [n, size, size, 3], read from the disk as they are needed."""
    side = prepared.size
    shape = (prepared.count, side, side, 3)
    return np.memmap(folder / PICTURES, np.uint8, mode="r", shape=shape)


def usual_side(album: Album, crop: Crop | None = None) -> int:
    """The largest of SIDES that most of the pictures have, or their faces."""
    sides = []
    most = 500 if crop is None else MEASURED_FACES
    for entry in album.entries[:: max(1, len(album.entries) // most)]:
        try:
            data = album.read(entry)
            if crop is None:
                sides.append(min(size_of(data)))
            elif (face := crop(decode(data))) is not None:
                sides.append(len(face))
        except MediaError:
            continue
    enough = COMMON * len(sides)
    return next((s for s in SIDES if sum(side >= s for side in sides) >= enough), SIDES[-1])


def _mark(album: Album, size: int, classes: bool, keep: frozenset[str], crop: Crop | None) -> str:
    what = [FORMAT, size, classes, sorted(keep), [asdict(entry) for entry in album.entries]]
    what += ["faces"] if crop else []
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _make(
    album: Album,
    folder: Path,
    size: int,
    classes: bool,
    keep: frozenset[str],
    mark: str,
    tell: Tell,
    crop: Crop | None,
) -> Prepared:
    groups = sorted({entry.group for entry in album.entries}) if classes else []
    _check_classes(album, groups)
    labels, faults, seen, kept = list[int](), list[tuple[str, str, str]](), Seen.none(), 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ABOUT).unlink(missing_ok=True)
        with replacing(folder / PICTURES) as part, part.open("wb") as out:
            for done, (entry, look) in enumerate(_looks(album, size, keep, crop), start=1):
                look = look if look.fault else _unseen(look, seen, keep)
                if look.picture is None:
                    faults.append((look.fault, look.name, look.detail))
                else:
                    out.write(look.picture.tobytes())
                    labels += [groups.index(entry.group)] if groups else []
                    kept += 1
                tell(done, len(album.entries))
        made = Prepared(mark, size, kept, len(album.entries), groups, labels, faults)
        write_text(folder / REPORT, in_utf8(made.report()))
        with replacing(folder / ABOUT) as part:
            part.write_text(json.dumps({"format": FORMAT} | asdict(made)))
    except OSError as error:
        raise MediaError(f"'{folder}' cannot be written: {error.strerror or error}") from None
    return made


def _looks(
    album: Album, size: int, keep: frozenset[str], crop: Crop | None
) -> Iterator[tuple[Entry, Look]]:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for first in range(0, len(album.entries), AT_ONCE):
            some = album.entries[first : first + AT_ONCE]
            looks = pool.map(lambda entry: look_at(album, entry, size, keep, crop), some)
            yield from zip(some, looks, strict=True)


def look_at(
    album: Album,
    entry: Entry,
    size: int,
    keep: frozenset[str] = frozenset(),
    crop: Crop | None = None,
) -> Look:
    """What one picture is, all but whether it was seen before."""
    try:
        whole = decode(album.read(entry))
    except MediaError as error:
        return Look(entry.name, "unreadable", str(error))
    if crop is not None:
        face = crop(whole)
        if face is None:
            return Look(entry.name, "faceless", "no face was found in it")
        whole = face
    height, width = whole.shape[:2]
    if min(height, width) < size:
        return Look(entry.name, "tiny", f"{width}x{height}, for {size} pixels")
    picture = square(whole, size)
    plane = luma(picture)
    if plane.std() < BLANK:
        return Look(entry.name, "blank", f"its brightness varies by {plane.std():.1f} of 255")
    soft = softness(plane)
    if soft < BLURRED and "blurred" not in keep:
        return Look(entry.name, "blurred", f"sharpness {soft:.4f}, below {BLURRED}")
    if "upscaled" not in keep:
        part = reach(luma(whole))
        if part * min(height, width) < ENLARGED * size:
            inside = f"{part * width:.0f}x{part * height:.0f}"
            return Look(entry.name, "upscaled", f"{width}x{height}, but details of about {inside}")
    return Look(entry.name, picture=picture, thumbnail=shrink(plane))


def _unseen(look: Look, seen: Seen, keep: frozenset[str]) -> Look:
    if "duplicate" in keep or look.thumbnail is None:
        return look
    code = perceptual_hash(look.thumbnail)
    if twin := seen.find(look.thumbnail, code):
        return Look(look.name, "duplicate", f"the same as {twin}")
    seen.add(look.name, look.thumbnail, code)
    return look


def _check_classes(album: Album, groups: list[str]) -> None:
    if groups and "" in groups:
        stray = next(entry.name for entry in album.entries if not entry.group)
        raise VjganError(f"--classes: '{stray}' lies in no subfolder; each class is a subfolder")
    if len(groups) == 1:
        raise VjganError(
            f"--classes: '{album.path}' has the one subfolder '{groups[0]}'; two or more are needed"
        )


def _check(source: Path, prepared: Prepared) -> None:
    if prepared.count >= LEAST:
        return
    said = [
        f"{sum(row[0] == fault for row in prepared.faults)} {fault}"
        for fault in FAULTS
        if any(row[0] == fault for row in prepared.faults)
    ]
    left_out = f" ({', '.join(said)})" if said else ""
    raise MediaError(
        f"'{source}' holds {prepared.count} fit of {prepared.read} pictures{left_out}; training "
        f"at {prepared.size} pixels needs {LEAST} at the very least, and a thousand to do well"
    )
