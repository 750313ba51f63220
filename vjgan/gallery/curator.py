"""The curator: samples of a sheet and portraits of the bank as one list, and what hands do to
them."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from vjgan.bank import Bank, BankError, Portrait
from vjgan.bank.portrait import TAG
from vjgan.files import saved_at
from vjgan.gallery.rating import Groups, likeness
from vjgan.gallery.sheet import Sample, Sheet
from vjgan.types import ByteArray, FloatArray

Item = dict[str, Any]
QUALITY = 88
SMALL = 256  # pixels, the longest side of a picture that is kept
PREFIX = "="  # before the names of portraits that are no samples of the sheet


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose portraits these are: a model by name and the SHA-256 of its file, the truncation they
    are seen at, and the class, if it has some."""

    model: str
    sha256: str
    psi: float
    label: int | None = None


class Curator:
    """What is on the page, by id: a seed, or ``=`` and a name of the bank. The bank says what is
    kept; what is kept no longer leaves it, if it came from here. Any thread."""

    def __init__(
        self, sheet: Sheet, bank: Bank, subject: Subject, find_w: Callable[[int], FloatArray]
    ) -> None:
        """``find_w`` gives the w [w_dim] of a seed, not truncated."""
        self.subject = subject
        self._sheet = sheet
        self._bank = bank
        self._find_w = find_w
        self._lock = threading.RLock()
        self._groups = Groups()
        self._samples: dict[int, Sample] = {}
        self._group: dict[str, str] = {}
        self._kept: dict[int, str] = {}  # names in the bank, by seed
        self._others: dict[str, Portrait] = {}  # of the bank, by name
        self._new: dict[str, Item | None] = {}  # None: gone
        self._bank_saved = -1
        for sample in sheet.samples():
            self._take(sample)
        self.refresh()
        self._new.clear()

    def seeds(self) -> set[int]:
        """Those that are there."""
        with self._lock:
            return set(self._samples)

    def items(self) -> list[Item]:
        """All of them, as pages are told."""
        with self._lock:
            ids = [*map(str, self._samples), *(PREFIX + name for name in self._others)]
            return [self._item(one) for one in ids]

    def news(self) -> list[Item | None]:
        """What has changed since the last call."""
        with self._lock:
            new, self._new = self._new, {}
        return [item or {"id": one, "gone": True} for one, item in new.items()]

    def add(self, sample: Sample, image: ByteArray) -> None:
        """A new sample, with its picture uint8 [h, w, 3]."""
        self._sheet.add(sample, packed(image))
        with self._lock:
            self._take(sample)
            self._tell(str(sample.seed))
            if any(one.seed == sample.seed for one in self._others.values()):
                self.refresh()

    def picture(self, one: str) -> bytes | None:
        """The small picture of an item, as JPEG or PNG."""
        if one.startswith(PREFIX):
            return self._bank.thumbnail(one.removeprefix(PREFIX))
        return None if self._sample(one) is None else self._sheet.picture(int(one))

    def w_of(self, one: str) -> FloatArray | None:
        """The w of an item, [w_dim] or [num_ws, w_dim], not truncated."""
        with self._lock:
            if one.startswith(PREFIX):
                other = self._others.get(one.removeprefix(PREFIX))
                return None if other is None else other.w
            known = one.isdecimal() and int(one) in self._samples
        return self._find_w(int(one)) if known else None

    def judge(self, one: str, verdict: str) -> None:
        """Keep or reject an item, or neither. Raises BankError."""
        with self._lock:
            if one.startswith(PREFIX):
                self._bank.change(one.removeprefix(PREFIX), verdict=verdict)
            elif (sample := self._sample(one)) is not None:
                if verdict == "kept":
                    self._keep(sample, sample.name)
                elif sample.seed in self._kept:
                    self._bank.remove(self._kept[sample.seed])
                self._mark(replace(sample, rejected=verdict == "rejected"))
            self.refresh()

    def tag(self, one: str, tags: Sequence[str]) -> None:
        """Give an item these tags. Raises BankError."""
        if wrong := [tag for tag in tags if not TAG.fullmatch(tag)]:
            raise BankError(f"tag '{wrong[0]}' must be 1 to 32 letters, digits, spaces, _ and -")
        with self._lock:
            name = self._name(one)
            if name:
                self._bank.change(name, tags=tags)
            if (sample := self._sample(one)) is not None:
                self._mark(replace(sample, tags=tuple(dict.fromkeys(tags))))
            self.refresh()

    def call(self, one: str, name: str) -> None:
        """Give an item a name; a sample is kept by that. Raises BankError."""
        with self._lock:
            there = self._name(one)
            if there:
                self._bank.change(there, name_=name)
            elif (sample := self._sample(one)) is not None:
                self._keep(sample, name)
                self._mark(replace(sample, rejected=False))
            self.refresh()

    def refresh(self) -> None:
        """Look what others have put into the bank, or taken out of it."""
        saved = saved_at(self._bank.folder)
        with self._lock:
            portraits = [one for one in self._bank.portraits() if one.model == self.subject.model]
            ours = {
                one.seed: one.name
                for one in portraits
                if one.origin == "seed"
                and one.seed in self._samples
                and one.label == self.subject.label
            }
            others = {one.name: one for one in portraits if one.name not in ours.values()}
            changed = {seed for seed, _ in set(ours.items()) ^ set(self._kept.items())}
            kept = {seed: name for seed, name in ours.items() if seed is not None}
            gone = set(self._others) - set(others)
            fresh = [name for name in others if self._others.get(name) != others[name]]
            self._kept, self._others, self._bank_saved = kept, others, saved
            for seed in changed:
                self._tell(str(seed))
            for name in fresh:
                self._tell(PREFIX + name)
            self._new |= {PREFIX + name: None for name in gone}

    def is_stale(self) -> bool:
        """Whether the bank's folder has changed since it was looked at."""
        return saved_at(self._bank.folder) != self._bank_saved

    def _take(self, sample: Sample) -> None:
        self._samples[sample.seed] = sample
        one = str(sample.seed)
        self._group[one] = self._groups.join(one, sample.likeness)

    def _keep(self, sample: Sample, name: str) -> None:
        if sample.seed in self._kept:
            return
        about = self.subject
        plain = re.sub(r"[^\w-]+", "-", about.model)[:48]
        portrait = Portrait(
            name or f"{plain}-{sample.seed}",
            self._find_w(sample.seed),
            about.model,
            about.sha256,
            "seed",
            seed=sample.seed,
            psi=about.psi,
            label=about.label,
            tags=sample.tags,
            verdict="kept",
        )
        data = self._sheet.picture(sample.seed)
        self._bank.add(portrait, None if data is None else unpacked(data))

    def _mark(self, sample: Sample) -> None:
        self._samples[sample.seed] = sample
        self._sheet.mark(sample)
        self._tell(str(sample.seed))

    def _sample(self, one: str) -> Sample | None:
        return self._samples.get(int(one)) if one.isdecimal() else None

    def _name(self, one: str) -> str:
        """An item's name in the bank; empty where it is not there. Raises BankError for a name
        that is not."""
        if one.startswith(PREFIX):
            return self._bank.get(one.removeprefix(PREFIX)).name
        return self._kept.get(int(one), "") if one.isdecimal() else ""

    def _tell(self, one: str) -> None:
        self._new[one] = self._item(one)

    def _item(self, one: str) -> Item:
        if one.startswith(PREFIX):
            return self._other(one, self._others[one.removeprefix(PREFIX)])
        sample = self._samples[int(one)]
        name = self._kept.get(sample.seed, "")
        if name and name != sample.name:
            sample = self._samples[sample.seed] = replace(sample, name=name)
            self._sheet.mark(sample)
        return {
            "id": one,
            "seed": sample.seed,
            "name": name,
            "verdict": "kept" if name else "rejected" if sample.rejected else "",
            "tags": list(sample.tags),
            "sharp": round(sample.sharpness, 3),
            "strange": round(sample.strangeness, 3),
            "group": self._group[one],
        }

    def _other(self, one: str, portrait: Portrait) -> Item:
        if one not in self._group:
            self._group[one] = one
            data = self._bank.thumbnail(portrait.name)
            with suppress(BankError):
                if data is not None:
                    self._group[one] = self._groups.join(one, likeness(unpacked(data)))
        return {
            "id": one,
            "seed": portrait.seed,
            "name": portrait.name,
            "verdict": portrait.verdict,
            "tags": list(portrait.tags),
            "sharp": None,
            "strange": None,
            "group": self._group[one],
            "origin": portrait.origin,
            "parents": list(portrait.parents),
        }


def packed(image: ByteArray, most: int = SMALL) -> bytes:
    """A picture uint8 [h, w, 3] as JPEG, made smaller where its longest side is above ``most``."""
    picture, data = Image.fromarray(image), io.BytesIO()
    picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    picture.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()


def unpacked(data: bytes) -> ByteArray:
    """The picture uint8 [h, w, 3] in a JPEG or PNG of our own. Raises BankError."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            image.draft("RGB", (SMALL, SMALL))
            return np.asarray(image.convert("RGB"), np.uint8)
    except (OSError, ValueError, Image.DecompressionBombError):
        raise BankError("a small picture in the bank is damaged") from None
