"""One picture of the show, as large as its light."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from vjgan.errors import VjganError
from vjgan.media import save_image
from vjgan.priority import step_back
from vjgan.types import AudioFrame, ByteArray

log = logging.getLogger("vjgan")

NICENESS = 15
WHOLE = 1 << 20  # pixels: wider than any light


class StillOutput:
    """A PNG of the next frame."""

    width = WHOLE

    def __init__(
        self, path: Path, about: Callable[[], Mapping[str, str]], alpha: bool = False
    ) -> None:
        self.path, self.alpha = path, alpha
        self._about = about
        self._since: float | None = None
        self._thread: threading.Thread | None = None

    @property
    def over(self) -> bool:
        """Whether it has its picture."""
        return self._thread is not None

    def due(self, time: float) -> bool:
        """Until it has one; from a GPU the first may be an old one."""
        self._since = time if self._since is None else self._since
        return not self.over

    def show(self, image: ByteArray, time: float) -> None:
        """Take the picture, if it is not older than it was asked for."""
        if self.over or self._since is None or time < self._since:
            return
        self._thread = threading.Thread(target=self._save, args=(image,), name="still")
        self._thread.start()

    def hear(self, block: AudioFrame) -> None:
        """It is silent."""

    def close(self) -> None:
        """Wait until it is saved."""
        if self._thread is not None:
            self._thread.join()

    def _save(self, image: ByteArray) -> None:
        step_back(NICENESS)
        try:
            save_image(self.path, image, self._about())
            log.info("still '%s' kept", self.path)
        except VjganError as error:
            log.error("%s", error)
