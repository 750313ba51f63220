"""A portrait that was kept, and the file it is kept in: numbers and words only (safetensors).

The metadata of a file (all strings): ``format`` "vjgan portrait", ``version``, ``about`` (JSON,
all of a Portrait but its ``w``, which is the one tensor). What others wrote there beside is left.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from vjgan.errors import BankError
from vjgan.files import replacing
from vjgan.types import FloatArray

SUFFIX = ".safetensors"
FORMAT = "vjgan portrait"
VERSION = "1"
MOST_BYTES = 4_000_000  # of a file
MOST_NUMBERS = 200_000  # of w
REFUSED = "is not allowed; it must be"
NAME, NAMED = re.compile(r"[\w-]{1,64}"), "1 to 64 letters, digits, _ and -"
NAME_BYTES = 200  # of a name as a file's
TAG = re.compile(r"[\w-][\w -]{0,31}")
MOST_TAGS = 32

Origin = Literal["seed", "projected", "camera", "child", "snapshot"]
Verdict = Literal["", "kept", "rejected"]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture of a model by name: ``w`` [w_dim] or [num_ws, w_dim], before truncation."""

    name: str  # unique in the bank
    w: FloatArray = field(compare=False)
    model: str  # its name
    sha256: str  # of the model's file; "" where it is not known
    origin: str  # one of `Origin`
    seed: int | None = None
    psi: float = 1.0  # the truncation it was liked at
    label: int | None = None  # its class, of a model that has some
    parents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    verdict: str = ""  # one of `Verdict`


class _About(BaseModel):
    """What a file's metadata must say."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=f"^(?:{NAME.pattern})$")
    model: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    origin: Origin
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    psi: float = Field(default=1.0, ge=-4, le=4)
    label: int | None = Field(default=None, ge=0)
    parents: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=64)
    tags: tuple[Annotated[str, Field(pattern=f"^(?:{TAG.pattern})$")], ...] = Field(
        default=(), max_length=MOST_TAGS
    )
    verdict: Verdict = ""


def is_name(name: str) -> bool:
    """Whether a portrait may have that name."""
    return bool(NAME.fullmatch(name)) and len(name.encode()) <= NAME_BYTES


def check_name(name: str) -> None:
    """Raise BankError where nobody can have that name."""
    if not is_name(name):
        raise BankError(f"portrait '{name[:80]}': name {name[:80]!r} {REFUSED} {NAMED}")


def write(path: Path, portrait: Portrait) -> None:
    """Write a portrait, all or nothing. Raises BankError where it says what is not allowed, or the
    disk does not take it."""
    about = {key: value for key, value in asdict(portrait).items() if key != "w"}
    try:
        checked = _About.model_validate(about)
    except ValidationError as error:
        raise BankError(f"portrait '{portrait.name}': {_sentence(error)}") from None
    w = np.ascontiguousarray(portrait.w, np.float32)
    if (problem := _problem(w)) is not None:
        raise BankError(f"portrait '{portrait.name}': {problem}")
    metadata = {"format": FORMAT, "version": VERSION, "about": checked.model_dump_json()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_bytes(to_bytes({"w": w}, metadata))
    except OSError as error:
        raise BankError(f"portrait '{path}' cannot be written: {error.strerror}") from None


def read(path: Path) -> Portrait:
    """The portrait in a file, by the name of the file. Raises BankError: one sentence with the
    file and what is wrong with it."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BankError(f"portrait '{path}' is larger than {MOST_BYTES} bytes")
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            w = file.get_tensor("w") if "w" in file.keys() else None  # noqa: SIM118 - no mapping
    except OSError as error:
        raise BankError(f"portrait '{path}' cannot be read: {error.strerror or error}") from None
    except (SafetensorError, TypeError, ValueError):
        raise BankError(f"portrait '{path}' is damaged, or no safetensors file") from None
    if metadata.get("format") != FORMAT or w is None:
        raise BankError(f"portrait '{path}' is no portrait that vjgan wrote")
    if metadata.get("version") != VERSION:
        raise BankError(f"portrait '{path}' is of another version than {VERSION}")
    try:
        about = _About.model_validate_json(metadata.get("about", ""))
    except ValidationError as error:
        raise BankError(f"portrait '{path}': {_sentence(error)}") from None
    if w.dtype != np.float32 or (problem := _problem(w)) is not None:
        raise BankError(f"portrait '{path}': {problem if w.dtype == np.float32 else w.dtype}")
    return Portrait(**{**about.model_dump(), "name": path.stem}, w=w)


def _problem(w: FloatArray) -> str | None:
    if w.ndim not in (1, 2) or not 0 < w.size <= MOST_NUMBERS:
        return f"w {list(w.shape)} must be [w_dim] or [num_ws, w_dim]"
    return None if np.isfinite(w).all() else "w holds numbers that are not finite"


def _sentence(error: ValidationError) -> str:
    """The first of pydantic's findings as: key, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else "what it says of itself"
    if first["type"] == "missing":
        return f"{key} is missing"
    allowed = {
        "name": NAMED,
        "tags": f"at most {MOST_TAGS}, each 1 to 32 letters, digits, spaces, _ and -",
        "origin": ", ".join(get_args(Origin)),
        "verdict": "kept, rejected or nothing",
    }.get(key, first["msg"].replace("Input should be ", "", 1))
    return f"{key} {str(first['input'])[:80]!r} {REFUSED} {allowed}"
