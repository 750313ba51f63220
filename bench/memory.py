"""Whether a long show grows: resident memory, minute by minute."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Resident MB of `vjgan live` on the demo track at even steps of the time asked for."""
    minutes = options.memory_minutes
    show = subprocess.Popen(
        [sys.executable, "-m", "vjgan", "live", "--input", "demo", "--window", "640x360",
         "--preset", "tide", "--seconds", str(minutes * 60 + 30)],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(20)
        samples = [_resident_mb(show.pid)]
        for _ in range(10):
            time.sleep(minutes * 6)
            samples.append(_resident_mb(show.pid))
    finally:
        show.terminate()
        show.wait(20)
    return {
        "minutes": minutes,
        "resident MB": " ".join(f"{mb:.0f}" for mb in samples),
        "growth MB, last half": samples[-1] - samples[5],
    }


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1e3
