"""The one thread in which page and OSC live, beside the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("vjgan")


class Part(Protocol):
    """Something that is served until it is cancelled."""

    async def run(self) -> None: ...


class Service:
    """Serves its parts until closed. One that fails is told once; the show and the others go on."""

    def __init__(self, *parts: Part, closing: Callable[[], None] = lambda: None) -> None:
        """``closing`` is called at the end."""
        self._parts = parts
        self._closing = closing
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._run, name="remote", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join(timeout=3.0)
        self._closing()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _serve(self) -> None:
        self._tasks = [asyncio.create_task(part.run()) for part in self._parts]
        for end in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(end, Exception):
                log.error("remote control ended: %s", end, exc_info=end)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
