"""What can go wrong, in one sentence that names the thing, the value and what is allowed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class VjganError(Exception):
    """A mistake or a missing thing that the user can mend; its text is shown as it is."""


class DeviceError(VjganError):
    """A sound, MIDI, display or compute device is absent or refuses."""


class MediaError(VjganError):
    """A sound or film file cannot be read or written."""


class PresetError(VjganError):
    """A preset is unknown, malformed or out of range."""


class ModelError(VjganError):
    """A checkpoint is unknown, malformed or of the wrong kind."""


class RetouchError(VjganError):
    """A style or a dream is unknown, malformed or of the wrong kind."""


class ShaderError(VjganError):
    """A shader is unknown, malformed or does not compile."""


class SetlistError(VjganError):
    """A set list is malformed, or asks for what is not there."""


class ScoreError(VjganError):
    """A score is malformed, or asks for what is not there."""


class BankError(VjganError):
    """A portrait is unknown, damaged, or of another model."""


class GeneError(VjganError):
    """Portraits cannot be blended as asked."""


@contextmanager
def told() -> Iterator[None]:
    """Where a mistake of the user's comes up inside, its sentence ends the program; so does Ctrl-C,
    in silence."""
    try:
        yield
    except VjganError as error:
        sys.exit(f"vjgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
