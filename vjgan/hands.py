"""The hands of a live show, put together: controllers, their lamps, and who learns from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from vjgan.bindings import Controller
from vjgan.bound import Bound
from vjgan.feedback import Feedback
from vjgan.learning import Lesson, Pen
from vjgan.library import Library
from vjgan.midi import MidiIn
from vjgan.standing import Standing
from vjgan.types import Hands


def bind(
    midi: Hands,
    controllers: Sequence[Controller],
    standing: Callable[[], Standing | None],
    now: Callable[[], float],
    library: Library,
    room: ExitStack,
    pen: Pen | None = None,
) -> tuple[Bound, Lesson]:
    """Hands that do what they are bound to, by the rig and by presets of the ``library``, and the
    lessons in which that changes. Where they are of MIDI, their lamps are lit until the ``room`` is
    left. ``now`` is the show's clock."""
    bound = Bound(midi, controllers, standing, own=library.controllers)
    if isinstance(midi, MidiIn):

        def number(key: str) -> int:
            return next((k for k, path in enumerate(library.paths(), 1) if path.stem == key), 0)

        feedback = Feedback(midi.light, bound, standing, now, number)
        room.callback(feedback.close)
        feedback.start()
    lesson = Lesson(bound, pen=pen)
    room.callback(lesson.close)
    return bound, lesson
