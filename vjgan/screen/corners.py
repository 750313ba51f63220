"""Moving the corners of the picture while the test pattern is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vjgan.screen.outlet import Keep, Outlet


class Corners:
    """The pattern on all outputs, and one corner of one of them at hand. ``keep`` is called with
    what was changed when the pattern goes."""

    def __init__(self, outlets: Callable[[], Sequence[Outlet]], keep: Keep) -> None:
        self.shown = False
        self._outlets = outlets
        self._keep = keep
        self._at = 0

    def toggle(self) -> None:
        """Show the pattern, or the light again."""
        self.shown = not self.shown
        self._mark(None)
        if not self.shown:
            self.keep()

    def choose(self, corner: int) -> None:
        """Take a corner, 0..3 from the top left and clockwise."""
        self._mark(corner)

    def turn_to_next(self) -> None:
        """Take the next output's corners."""
        self._at += 1
        self._mark(None)

    def move(self, right: int, down: int) -> None:
        """Move the corner at hand by so many pixels."""
        self._at_hand().move(right, down)

    def square(self) -> None:
        """Put the corners of the output at hand back."""
        self._at_hand().square()

    def keep(self) -> None:
        """Remember what was changed."""
        for outlet in self._outlets():
            if outlet.changed:
                outlet.changed = False
                self._keep(outlet.name, outlet.output)

    def arranged(self) -> None:
        """Show on new outputs what is shown on the others."""
        for outlet in self._outlets():
            outlet.patterned = self.shown

    def _at_hand(self) -> Outlet:
        outlets = self._outlets()
        return outlets[self._at % len(outlets)]

    def _mark(self, corner: int | None) -> None:
        for outlet in self._outlets():
            outlet.patterned, outlet.corner = self.shown, None
        self._at_hand().corner = corner
