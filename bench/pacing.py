"""How evenly frames come in a real window, while sound and model run."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def run(options: argparse.Namespace) -> dict[str, Any]:
    """`vjgan live` on the demo track in windows of two sizes; its own statistics."""
    return {
        f"{preset} {window}": live(options.seconds, "--window", window, "--preset", preset)
        for preset in ("drift", "journey")
        for window in ("960x540", "1280x720")
    }


def live(seconds: float, *words: str) -> dict[str, Any]:
    """The statistics of a show with the demo track."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stats.json"
        subprocess.run(
            [sys.executable, "-m", "vjgan", "live", "--input", "demo", "--seconds", str(seconds),
             "--stats", str(file), *words],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return dict(json.loads(file.read_text()))
