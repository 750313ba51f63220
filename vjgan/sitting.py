"""A sitting: whoever the camera sees is the guest of the show, is kept on a word, and forgotten on
a word."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vjgan.assets import folder
from vjgan.bank import Bank, Portrait
from vjgan.camera.follower import STATES, Seen
from vjgan.camera.reader import Reader
from vjgan.camera.watcher import Watcher
from vjgan.errors import VjganError
from vjgan.generator import checkpoint
from vjgan.generator.sample import draw_w
from vjgan.generator.upscale import model_of as model_of_upscaler
from vjgan.improving import Improver, Wish
from vjgan.library import Library
from vjgan.priority import step_back
from vjgan.stage import Scene, Stage
from vjgan.types import Command, Event, FloatArray, Visit

log = logging.getLogger("vjgan")

ENCODERS = "encoders"  # the folder of them, beside the models
MOST_NOTED = 600  # times of portraits, a minute of them
GLIDE_SECONDS = 0.7  # in which a portrait comes by two thirds of the way to a liker one
LEFT_SECONDS = 3.0  # that nobody is seen until the walk goes on
KEEPING_SECONDS = 5.0  # for which the end of the show waits for a portrait that is being kept


@dataclass(slots=True)
class _Kept:
    """What is kept of one sitter: portraits by name, also those that are still being written."""

    names: list[str] = field(default_factory=list)
    forgotten: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sitting:
    """Hands that bring whoever sits before the camera, and the mirror that keeps and forgets."""

    def __init__(
        self,
        watcher: Watcher,
        reader: Reader | None,
        improver: Improver,
        stage: Stage,
        bank: Bank,
        model_of: Callable[[Scene], Path | None],
    ) -> None:
        """``model_of`` is the file of a scene's model, if it has one."""
        self._watcher, self._reader, self._improver = watcher, reader, improver
        self._stage, self._bank, self._model_of = stage, bank, model_of
        self._scene: Scene | None = None  # whose file is known
        self._path: Path | None = None
        self._newest: object = None  # what was last shown
        self._w: FloatArray | None = None
        self._present_at: float | None = None  # when somebody was last seen; None: nobody is on
        self._kept = _Kept()  # of this sitter
        self._keeping: list[threading.Thread] = []
        self._visit = 0
        self._leaves = False
        self._nearer = np.zeros(1, np.float32)  # what the sitter's z is shown with besides, [1|32]
        self._nearer_at = 0.0
        self._met_at, self._late = 0.0, True  # when the sitter was first seen; not yet shown
        self._waits: list[float] = []  # seconds from a face to its portrait
        self._shown: list[float] = []  # when a portrait was renewed, of the newest sitter

    def read(self) -> Sequence[Event]:
        """Who is to be seen now, if that is news."""
        if self._leaves:
            self._leaves = False
            return self._gone()
        seen = self._watcher.newest()
        if seen.picture is None:
            late = self._present_at is not None and seen.time - self._present_at > LEFT_SECONDS
            return self._gone() if late or not self._watcher.looks else ()
        if seen.visit != self._visit:
            self._visit, self._kept = seen.visit, _Kept()
            self._met_at, self._late, self._shown = seen.time, True, []
            self._nearer = np.zeros(1, np.float32)
        self._present_at = seen.time
        w = self._find_w(seen)
        if w is None:
            return ()
        self._w = w
        self._note(self._watcher.clock())
        return (Visit(w),)

    def summary(self) -> Mapping[str, Any]:
        """What statistics say: how many seconds passed from each face to its portrait, how often a
        second the newest sitter was followed, what a picture of the camera cost."""
        span = self._shown[-1] - self._shown[0] if len(self._shown) > 1 else 0.0
        cost = 1000 * self._watcher.cpu_seconds / max(1, self._watcher.pictures)
        return {
            "to_portrait_s": [round(wait, 2) for wait in self._waits],
            "followed_hz": round((len(self._shown) - 1) / span, 1) if span else 0.0,
            "picture_cpu_ms": round(cost, 1),
        }

    def close(self) -> None:
        """Let the camera go; nothing stays but what was kept."""
        self._watcher.close()
        self._improver.close()
        for keeping in self._keeping:
            keeping.join(KEEPING_SECONDS)

    def do(self, name: str) -> None:
        """ "look" or look away, "capture" the sitter's portrait, "forget" the sitter."""
        if name == "look":
            self._watcher.look(not self._watcher.looks)
            self._leaves = not self._watcher.looks
        elif name == "capture":
            self._capture()
        else:
            self._forget()

    def words(self) -> Mapping[str, Any]:
        """What the control page shows of the camera."""
        seen = self._watcher.newest()
        state = seen.state if self._watcher.looks else "away"
        return {
            "looks": self._watcher.looks,
            "state": state,
            "words": STATES[state],
            "others": seen.others,
            "kept": len(self._kept.names),
        }

    def _note(self, now: float) -> None:
        if self._late:
            self._late = False
            self._waits.append(now - self._met_at)
        self._shown.append(now)
        del self._shown[:-MOST_NOTED]

    def _gone(self) -> Sequence[Event]:
        was, self._present_at, self._w = self._present_at, None, None
        self._newest = None  # it holds a picture of whoever was there
        self._improver.want(None)
        return () if was is None else (Command("walk"),)

    def _find_w(self, seen: Seen) -> FloatArray | None:
        """w [w_dim] of the model that is on; None where there is nothing new."""
        scene = self._stage.scene
        if scene is not self._scene:
            self._scene, self._path, self._newest = scene, self._model_of(scene), None
        if self._reader is not None and scene.generator.name == self._reader.model:
            if seen.z is None or seen is self._newest:
                return None
            self._newest = seen
            z = seen.z + self._find_nearer(seen)  # [32]
            w: FloatArray = scene.generator.space.map(z[None])[0]  # [w_dim]
            return w
        if self._path is None or scene.bare:
            return None
        self._improver.want(Wish(self._path, seen))
        improved = self._improver.improved.get()
        if improved is None or improved is self._newest or improved.path != self._path:
            return None
        self._newest = improved
        return improved.found

    def _find_nearer(self, seen: Seen) -> FloatArray:
        """What is to be added to what the encoder tells, [1] or [32]: the portrait glides to the
        likest so far."""
        if self._path is not None:
            self._improver.want(Wish(self._path, seen, told=True))
        improved = self._improver.improved.get()
        if improved is not None and (improved.path, improved.visit) == (self._path, seen.visit):
            share = 1 - math.exp(-(seen.time - self._nearer_at) / GLIDE_SECONDS)
            self._nearer = self._nearer + np.float32(share) * (improved.found - self._nearer)
        self._nearer_at = seen.time
        return self._nearer

    def _capture(self) -> None:
        """Keep the portrait, not what the camera saw, in a thread of its own."""
        if self._w is None or self._path is None:
            log.error("camera: nobody sits there to be kept")
            return
        portrait = (self._w.copy(), self._path, self._scene, self._kept)
        keeping = threading.Thread(target=self._keep, args=portrait, name="capture", daemon=True)
        self._keeping = [*(one for one in self._keeping if one.is_alive()), keeping]
        keeping.start()

    def _keep(self, w: FloatArray, path: Path, scene: Scene, of_sitter: _Kept) -> None:
        step_back(10)
        try:
            loaded = checkpoint.load(path)
            name = scene.generator.name
            portrait = Portrait("sitter", w, name, loaded.info.sha256, "camera", verdict="kept")
            picture = draw_w(loaded.network, w)
            if of_sitter.forgotten:
                return
            kept = self._bank.add(portrait, picture)
            with of_sitter.lock:
                of_sitter.names.append(kept.name)
                late = of_sitter.forgotten  # meanwhile
            if late:
                self._bank.remove(kept.name)
                return
        except VjganError as error:
            log.error("camera: %s", error)
            return
        log.info("camera: kept as '%s'; X forgets it", kept.name)

    def _forget(self) -> None:
        """Nothing stays of this sitter, and the camera looks away."""
        self._watcher.look(False)
        self._leaves = True
        with self._kept.lock:
            self._kept.forgotten = True
            names = list(self._kept.names)
        for name in names:
            try:
                self._bank.remove(name)
            except VjganError as error:
                log.error("camera: %s", error)
        log.info("camera: forgotten%s", f", {len(names)} portraits with it" * bool(names))
        self._kept = _Kept()


def open_sitting(place: str, stage: Stage, library: Library) -> Sitting:
    """The sitting before a camera, or a video file in its place. Raises DeviceError, MediaError or
    ModelError: one sentence."""
    reader = find_encoder()
    watcher = Watcher(place, reader)
    log.info("camera '%s' looks; nothing is kept but on a word (G), X forgets", place)

    def model_of(scene: Scene) -> Path | None:
        if scene.source is None:
            return None
        try:
            name = library.model_of(library.preset(scene.source))
            path = checkpoint.find_model(name, folder("models"))
            return model_of_upscaler(path) or path
        except VjganError:
            return None

    bank = library.bank
    return Sitting(watcher, reader, Improver(reader), stage, bank, model_of)


def find_encoder() -> Reader | None:
    """The default model's encoder, if it is there. Raises ModelError when it is damaged."""
    path = folder("models") / ENCODERS / "portraits.safetensors"
    return Reader(path) if path.is_file() else None
