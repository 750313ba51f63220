"""Screen, sound and MIDI for the benches, where there are none."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "tests" / "venue.sh"


@contextmanager
def venue() -> Iterator[None]:
    """The venue, unless a display is there already."""
    if os.environ.get("DISPLAY"):
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        # 2.7 ms, near what a controller's own cable takes, not the 21 ms of the venue's default.
        os.environ.setdefault("VENUE_JACK_PERIOD", "128")
        up = subprocess.run([SCRIPT, "up", folder], capture_output=True, text=True, check=True)
        for line in up.stdout.splitlines():
            for word in shlex.split(line.removeprefix("export ")):
                name, _, value = word.partition("=")
                os.environ[name] = value
        try:
            yield
        finally:
            subprocess.run([SCRIPT, "down", folder], check=True, stderr=subprocess.DEVNULL)
