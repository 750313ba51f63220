"""Where the light goes besides the screen: films, stills, other programs; see docs/outputs.md."""

from __future__ import annotations

from typing import Protocol

from vjgan.types import AudioFrame, ByteArray


class Output(Protocol):
    """Takes the show's light, and its sound if it wants. All of it returns at once: whatever takes
    time is done by a thread of the output's own, and what is too much for it is dropped."""

    width: int  # pixels: how wide a copy of the light it wants, at most
    alpha: bool  # whether with a fourth channel

    @property
    def over(self) -> bool:
        """Whether it wants nothing any more: it is done, or has failed and said so."""

    def due(self, time: float) -> bool:
        """Whether it wants the light of a frame seen at ``time`` seconds on the show's clock."""

    def show(self, image: ByteArray, time: float) -> None:
        """Take the light seen at ``time``: uint8 [height, width, 3 or 4], top row
        first, its colours not multiplied by alpha."""

    def hear(self, block: AudioFrame) -> None:
        """Take a block of sound; called from the listener's thread."""

    def close(self) -> None:
        """End, with all that was taken; may wait."""
