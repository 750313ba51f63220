"""The desk: gestures from page and OSC to the loop, and back how the show stands.

The loop never waits here. What comes in lies in a queue that each frame empties; what goes out is
the newest immutable `Standing`, twenty times a second.
"""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence

from vjgan.gestures import COMMANDS
from vjgan.latest import Latest
from vjgan.standing import Standing
from vjgan.types import ByteArray, Command, Event, Hands, Kept, Screen, Setting, Visit

LOOK_SECONDS = 0.05
EARLY_SECONDS = 0.01  # that a frame may be, or its jitter would cost a look
GLANCE_EVERY = 2  # looks
MOST_GESTURES = 4096  # waiting for a frame; older ones are dropped
MOST_PRESETS = 9999
MOST_FRAMES = 256  # whose times are remembered
# Whoever is not at the machine must not end the show, nor put a menu over it.
COMMANDS_FROM_AFAR = tuple(name for name in COMMANDS if name not in ("quit", "help"))

Keep = Callable[[Standing, ByteArray | None], object]


class Desk:
    """Hands and onlooker of a show. ``keep`` makes a preset of how the show stands and of a small
    picture of it; it runs in a thread of its own."""

    def __init__(self, keep: Keep, save: Keep | None = None) -> None:
        """``save`` writes how the show stands into the preset's own file."""
        self.glancing = False  # someone wants to see the light
        self.wishes: queue.SimpleQueue[str] = queue.SimpleQueue()  # of pads and keys
        self._keep = keep
        self._save = save or keep
        self._gestures: deque[Event] = deque(maxlen=MOST_GESTURES)
        self._standing: Latest[Standing | None] = Latest(None)
        self._glance: Latest[ByteArray | None] = Latest(None)
        self._looked = -LOOK_SECONDS
        self._frames: deque[float] = deque(maxlen=MOST_FRAMES)
        self._looks = 0
        self._glances = 0  # one after the other so far
        self._keeping: list[Keep] = []  # what to do as soon as there is a picture

    # What the loop calls.

    def read(self) -> Sequence[Event]:
        """The gestures since the last call."""
        gestures = []
        while self._gestures:
            gestures.append(self._gestures.popleft())
        return gestures

    def close(self) -> None:
        """Nothing to end."""

    def due(self, time: float) -> bool:
        """Whether it is time to look again; asked at every frame."""
        self._frames.append(time)
        return time - self._looked >= LOOK_SECONDS - EARLY_SECONDS

    def look(self, standing: Standing, screen: Screen) -> None:
        """Take how the show stands, and a glance at the light where one is wanted."""
        self._looked = standing.time
        self._standing.put(standing)
        self._looks += 1
        if not self.glancing and not self._keeping:
            self._glances = 0
            return
        if self._looks % GLANCE_EVERY and not self._keeping:
            return
        self._glances += 1
        picture = screen.glance()
        if self._glances == 1:
            return  # after a pause the first one is as old as the pause is long
        self._glance.put(picture)
        while self._keeping:
            words = standing, None if standing.black else picture
            keep = self._keeping.pop(0)
            threading.Thread(target=keep, args=words, name="snapshot", daemon=True).start()

    def keep(self) -> None:
        """Make a preset of how the show stands, within a tenth of a second."""
        self._keeping.append(self._keep)

    def save(self) -> None:
        """Write how the show stands into the preset's own file, within a tenth of a second."""
        self._keeping.append(self._save)

    def wish(self, name: str) -> None:
        """Let those who know the people do what ``child`` or ``keep`` asks for; see `wishes`."""
        self.wishes.put(name)

    def tell(self, kept: Kept) -> None:
        """Let the loop know what has been saved; from any thread."""
        self._gestures.append(kept)

    def invite(self, visit: Visit) -> None:
        """Let somebody come; from any thread."""
        self._gestures.append(visit)

    # What page and OSC call, from their thread.

    def standing(self) -> Standing | None:
        """How the show stands; None before its first frame."""
        return self._standing.get()

    def glance(self) -> ByteArray | None:
        """The newest small picture of the light, if one was wanted."""
        return self._glance.get()

    def frame_times(self) -> Sequence[float]:
        """When the newest frames ended, seconds on the show's clock."""
        return list(self._frames)

    def set(self, control: str, value: float | None) -> bool:
        """Set a control's own value, None for the preset's; False where there is no such control
        or the value is not a number. A value outside the range is clamped."""
        standing = self.standing()
        if standing is None or control not in standing.table:
            return False
        if value is not None and not math.isfinite(value):
            return False
        self._gestures.append(Setting(control, value))
        return True

    def command(self, name: str, value: int = 0) -> bool:
        """Ask for a command; False where there is none of that name, or no such preset."""
        if name not in COMMANDS_FROM_AFAR:
            return False
        if name == "preset" and not 1 <= value <= MOST_PRESETS:
            return False
        self._gestures.append(Command(name, value))
        return True


class Together:
    """Several hands as one."""

    def __init__(self, *hands: Hands) -> None:
        self._hands = hands

    def read(self) -> Sequence[Event]:
        """The gestures of all since the last call."""
        return [event for hands in self._hands for event in hands.read()]

    def close(self) -> None:
        """Let all go."""
        for hands in self._hands:
            hands.close()
