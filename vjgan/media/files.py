"""What goes wrong with files of sound and pictures, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from vjgan.errors import MediaError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Tell of a failure inside in one sentence."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"sound '{path}' cannot be read: {error.strerror}") from error


@contextmanager
def writing(kind: str, path: Path) -> Iterator[None]:
    """Tell of a failure inside in one sentence."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{kind} '{path}' cannot be written: {error.strerror}") from error


def url(path: Path) -> str:
    """Without ``file:``, FFmpeg would take what stands before a colon for a protocol."""
    return f"file:{path}"
