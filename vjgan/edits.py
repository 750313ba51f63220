"""What hands set on a preset, so that it can be undone, and done again."""

from __future__ import annotations

from collections.abc import Mapping

from vjgan.mapping import Router

TOGETHER_SECONDS = 0.8  # settings of one control that follow within this are one edit
MOST = 200  # edits that are remembered


class Edits:
    """Those of the preset on stage; another preset begins anew."""

    def __init__(self) -> None:
        self._router: Router | None = None
        self._done: list[Mapping[str, float]] = []  # all own values before each edit
        self._undone: list[Mapping[str, float]] = []
        self._last = ("", 0.0)  # which control was set last, and when

    def note(self, router: Router, name: str, time: float) -> None:
        """A hand is about to set a control (empty: all of them) at a ``time`` in seconds."""
        self._follow(router)
        before, since = self._last
        self._last = name, time
        if name and name == before and time - since < TOGETHER_SECONDS:
            return
        self._done.append(router.own)
        del self._done[:-MOST]
        self._undone.clear()

    def undo(self, router: Router) -> None:
        """Take the last edit back, if there is one."""
        self._step(router, self._done, self._undone)

    def redo(self, router: Router) -> None:
        """Do what was taken back last once more."""
        self._step(router, self._undone, self._done)

    def count(self, router: Router) -> tuple[int, int]:
        """How many edits can be undone, and redone."""
        return (len(self._done), len(self._undone)) if router is self._router else (0, 0)

    def _step(
        self, router: Router, there: list[Mapping[str, float]], back: list[Mapping[str, float]]
    ) -> None:
        self._follow(router)
        if not there:
            return
        wanted = there.pop()
        back.append(router.own)
        self._last = ("", 0.0)
        for name, value in wanted.items():
            if router.own.get(name) != value:
                router.set(name, value)

    def _follow(self, router: Router) -> None:
        if router is not self._router:
            self._router, self._last = router, ("", 0.0)
            self._done.clear()
            self._undone.clear()
