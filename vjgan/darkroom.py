"""Small pictures of portraits, drawn beside the show by a process of lower priority, which shares
neither the show's model nor its interpreter."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import Image

from vjgan.assets import folder
from vjgan.errors import ModelError, VjganError
from vjgan.generator.sketch import Sketch, set_one_thread
from vjgan.types import ByteArray, FloatArray

log = logging.getLogger("vjgan")

QUALITY = 82
NICENESS = 10
IDLE_SECONDS = 90.0  # after which the process ends, and its memory is free
MOST_WAITING = 512


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A picture to be drawn: ``w`` [num_ws, w_dim], truncated already, of a ``model``'s name or
    path; ``take`` gets it as JPEG, in the darkroom's thread."""

    model: str
    w: FloatArray
    take: Callable[[bytes], None]


class Darkroom:
    """Draws in the order of the wishes, in a process that it starts when it has something to do.
    What fails is logged once, and has no picture."""

    def __init__(self) -> None:
        self._wishes: queue.Queue[Wish | None] = queue.Queue(MOST_WAITING)
        self._process: subprocess.Popen[bytes] | None = None
        self._told: set[str] = set()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="darkroom", daemon=True)
        self._thread.start()

    def wish(self, wishes: Iterable[Wish], instead: bool = False) -> None:
        """Draw these, soon; ``instead`` of all that wait. Returns at once."""
        if instead:
            with suppress(queue.Empty):
                while True:
                    self._wishes.get_nowait()
        with suppress(queue.Full):
            for wish in wishes:
                self._wishes.put_nowait(wish)

    def close(self) -> None:
        """End thread and process."""
        self._over = True
        self.wish((), instead=True)
        self._wishes.put(None)
        self._end()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._over:
            try:
                wish = self._wishes.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._end()
                continue
            if wish is None:
                return
            try:
                wish.take(self._draw(wish))
            except (OSError, ValueError, KeyError, ModelError) as error:
                self._end()
                if str(error) not in self._told and not self._over:
                    self._told.add(str(error))
                    log.warning("no small picture of '%s': %s", wish.model, error)

    def _draw(self, wish: Wish) -> bytes:
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        line = {"model": wish.model, "shape": wish.w.shape, "w": _letters(wish.w)}
        process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline() or b'{"error": "the darkroom has ended"}')
        if "error" in answer:
            raise ModelError(str(answer["error"]))
        return base64.b64decode(answer["jpeg"])

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vjgan.darkroom"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(os.environ) | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            )
            with suppress(AttributeError, OSError):  # from the first moment, as far as there is one
                os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()


def picture_of(jpeg: bytes) -> ByteArray:
    """A JPEG as uint8 [h, w, 3]."""
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def _serve(lines: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each wish with its picture, until there are no more."""
    set_one_thread()
    sketch = Sketch(folder("models"))
    for line in lines:
        try:
            wish = json.loads(line)
            numbers = np.frombuffer(base64.b64decode(wish["w"]), "<f4").reshape(wish["shape"])
            data = io.BytesIO()
            image = sketch.draw(str(wish["model"]), numbers.astype(np.float32))
            Image.fromarray(image).save(data, "JPEG", quality=QUALITY)
            answer: dict[str, Any] = {"jpeg": base64.b64encode(data.getvalue()).decode()}
        except (VjganError, ValueError, KeyError, RuntimeError) as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _letters(w: FloatArray) -> str:
    return base64.b64encode(w.astype("<f4").tobytes()).decode()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        _serve(sys.stdin.buffer, sys.stdout.buffer)
