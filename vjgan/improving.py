"""A sitter brought into a model's latent space, better and better, in a thread beside the show.

Into w of any model; and where an encoder tells the z of every picture, into that: what is improved
then is who somebody is, which goes along with whatever the face does.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vjgan.camera.follower import Seen
from vjgan.camera.reader import Reader
from vjgan.camera.smoothing import does
from vjgan.errors import VjganError
from vjgan.generator import checkpoint
from vjgan.latest import Latest
from vjgan.priority import step_back
from vjgan.types import FloatArray

log = logging.getLogger("vjgan")

NICENESS = 15
AIM_SECONDS = 4.0  # between new aims in w: who moves is caught up with
PATIENCE_SECONDS = 5.0  # until whoever ends the show goes on without it
SHOWN_EVERY = 6  # steps
AIM_STEPS = 40  # between new aims in z, in which a way has been gone
REST = 2.0  # of a step's time, after each in z: the show's own model goes first


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """To be like whom a camera ``seen`` shows, with the model of a ``path``; ``told`` where its
    encoder tells z."""

    path: Path
    seen: Seen
    told: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Improved:
    """The likest that was ``found`` so far of the ``visit``-th sitter with the model of a ``path``:
    w [w_dim], or where an encoder tells z, how far from that who they are lies [z_dim]."""

    path: Path
    visit: int
    found: FloatArray


class Improver:
    """Goes on improving for as long as there is somebody to be like. ``improved`` is the newest."""

    def __init__(self, reader: Reader | None = None) -> None:
        """``reader`` is the encoder of the model whose z is told."""
        self._reader = reader
        self.improved: Latest[Improved | None] = Latest(None)
        self._wanted: Latest[Wish | None] = Latest(None)
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._failed: set[Path] = set()

    def want(self, wish: Wish | None) -> None:
        """Be like somebody; None: nobody is there."""
        self._wanted.put(wish)
        if wish is None:
            self.improved.put(None)
            return
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="improver", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._wanted.put(None)
        self._wake.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        step_back(NICENESS)
        while not self._closed:
            wanted = self._wanted.get()
            if wanted is None or wanted.path in self._failed:
                self._wake.wait(0.5)
                self._wake.clear()
                continue
            try:
                (self._meet if wanted.told else self._improve)(wanted.path)
            except (VjganError, RuntimeError, ValueError, MemoryError) as error:
                self._failed.add(wanted.path)
                log.error("camera: '%s' cannot be brought near: %s", wanted.path, error)

    def _wished(self, path: Path) -> Seen | None:
        """Whom to be like, as long as the same model is wanted."""
        wish = self._wanted.get()
        return None if wish is None or wish.path != path or self._closed else wish.seen

    def _show(self, improved: Improved) -> None:
        if self._wanted.get() is not None:
            self.improved.put(improved)

    def _improve(self, path: Path) -> None:
        """In w."""
        from vjgan.train.projection import Projection  # most shows need none

        projection = Projection(checkpoint.load(path).network)
        aimed = -AIM_SECONDS
        steps = 0
        while (seen := self._wished(path)) is not None and seen.picture is not None:
            if time.monotonic() - aimed >= AIM_SECONDS:
                projection.aim(seen.picture)
                aimed = time.monotonic()
                if not steps:  # the likest of those that were tried is there at once
                    self._show(Improved(path, seen.visit, projection.w))
            projection.step()
            steps += 1
            if steps % SHOWN_EVERY == 0:
                self._show(Improved(path, seen.visit, projection.w))

    def _meet(self, path: Path) -> None:
        """In z, from what the encoder tells."""
        from vjgan.train.projection import ENOUGH, SitterProjection

        assert self._reader is not None
        who = ~does(self._reader.names)  # [z_dim]
        projection = SitterProjection(checkpoint.load(path).network, self._reader)
        told = nearer = np.zeros(len(who), np.float32)
        steps, visit = 0, -1
        while (seen := self._wished(path)) is not None:
            if seen.visit != visit:
                steps, visit = 0, seen.visit
                nearer = np.zeros_like(nearer)
            if steps >= ENOUGH or seen.z is None:
                self._wake.wait(0.5)
                self._wake.clear()
                continue
            begun = time.monotonic()
            if steps % AIM_STEPS == 0:
                told = seen.z
                projection.meet(seen, told + nearer)
            projection.step()
            steps += 1
            if steps % SHOWN_EVERY == 0:
                nearer = np.where(who, projection.z - told, 0).astype(np.float32)
                self._show(Improved(path, visit, nearer))
            time.sleep(REST * (time.monotonic() - begun))
