"""Chunks of a film's pictures, as files in a folder beside it: what is to be drawn, and what was.

A chunk's name is the SHA-256 of all that its pictures depend on, so a film that was interrupted
finds what is done, whoever did it, and nothing that is another's.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vjgan.errors import MediaError
from vjgan.files import replacing
from vjgan.locks import alone
from vjgan.types import ByteArray, LatentState

PICTURES = 32  # of a chunk, at most
SPARE = 1.1  # of the disk that a film's chunks will take


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to draw: the latents in the file ``task``, with the model of a name or
    path; ``pictures`` is the file that it makes."""

    model: str
    task: Path
    pictures: Path
    count: int

    @property
    def done(self) -> bool:
        """Whether its pictures are there."""
        return self.pictures.is_file()


class Folder:
    """Where a film's chunks lie. Raises MediaError for a disk that does not take them."""

    def __init__(self, film: Path) -> None:
        self.path = film.with_name(f".{film.name}.chunks")
        self._film = film
        self._mine: set[Path] = set()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep away whoever draws the same film. Raises MediaError when one came before."""
        with ExitStack() as room:
            try:
                self.path.mkdir(exist_ok=True)
                free = room.enter_context(alone(self.path))
            except OSError as error:
                raise self._refused(error) from None
            if not free:
                raise MediaError(
                    f"film '{self._film}' is being rendered by another vjgan; wait for it, or give "
                    "another name"
                )
            try:
                yield
            finally:
                with suppress(OSError):  # chunks are kept in it
                    self.path.rmdir()

    def job(self, model: str, proof: str, latents: Sequence[LatentState]) -> Job:
        """The chunk of some latents, written to be drawn by a model of that ``proof``."""
        arrays = packed(latents)
        key = hashlib.sha256(proof.encode())
        for name in ("inside", "noise", "w"):
            key.update(f"{name} {arrays[name].shape}\n".encode())
            key.update(np.ascontiguousarray(arrays[name]).tobytes())
        name = key.hexdigest()[:32]
        job = Job(model, self.path / f"{name}.npz", self.path / f"{name}.npy", len(latents))
        self._mine |= {job.task, job.pictures}
        try:
            self.path.mkdir(exist_ok=True)
            if not job.done:
                with replacing(job.task) as part, part.open("wb") as file:
                    np.savez(file, allow_pickle=False, **arrays)
        except OSError as error:
            raise self._refused(error) from None
        return job

    def check_space(self, jobs: Sequence[Job], nbytes: int) -> None:
        """Refuse what does not fit onto the disk, where a picture takes ``nbytes``."""
        wanted = SPARE * nbytes * sum(job.count for job in jobs if not job.done)
        free = shutil.disk_usage(self.path).free
        if wanted > free:
            raise MediaError(
                f"folder '{self.path}': the chunks of this film take {wanted / 1e9:.1f} GB, and "
                f"{free / 1e9:.1f} GB are free"
            )

    def tidy(self) -> None:
        """Remove what is left of another film of that name."""
        self._remove(keep=self._mine)

    def remove(self) -> None:
        """Remove the chunks: the film is there."""
        self._remove(keep=set())

    def _remove(self, keep: set[Path]) -> None:
        for pattern in ("*.npy", "*.npz", ".*.part"):
            for path in self.path.glob(pattern):
                if path not in keep:
                    with suppress(OSError):
                        path.unlink()

    def _refused(self, error: OSError) -> MediaError:
        return MediaError(f"folder '{self.path}' cannot be written to: {error.strerror}")


def packed(latents: Sequence[LatentState]) -> Mapping[str, np.ndarray]:
    """Latents as arrays: w [n, num_ws, w_dim], noise [n], and as JSON what reaches inside [n]."""
    inside = [json.dumps(dict(latent.inside), sort_keys=True) for latent in latents]
    return {
        "w": np.stack([latent.w for latent in latents]),
        "noise": np.array([latent.noise for latent in latents], np.float64),
        "inside": np.array(inside),
        "time": np.array([latent.time for latent in latents], np.float64),
    }


def unpacked(arrays: Mapping[str, np.ndarray]) -> list[LatentState]:
    """The latents of such arrays."""
    rows = zip(*(arrays[name] for name in ("time", "w", "noise", "inside")), strict=True)
    return [
        LatentState(float(time), w, float(noise), json.loads(str(inside)))
        for time, w, noise, inside in rows
    ]


def read_task(path: Path) -> list[LatentState]:
    """The latents of a task's file."""
    with np.load(path, allow_pickle=False) as arrays:
        return unpacked(arrays)


def write_pictures(path: Path, pictures: ByteArray) -> None:
    """Write pictures [n, h, w, 3]; the file appears under its name only when whole."""
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, pictures, allow_pickle=False)


def read_pictures(path: Path) -> ByteArray:
    """The pictures [n, h, w, 3] of a file, read from the disk when they are looked at."""
    pictures: ByteArray = np.load(path, mmap_mode="r", allow_pickle=False)
    return pictures


def digest(latent: LatentState) -> bytes:
    """A latent in short: what tells one picture from another."""
    inside = json.dumps(dict(latent.inside), sort_keys=True)
    head = f"{latent.noise!r} {latent.w.shape} {inside}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(latent.w, np.float32).tobytes()).digest()
