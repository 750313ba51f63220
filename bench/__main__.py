"""Run the benches by name, or all: ``python -m bench [NAME ...]``, names as in BENCHES.

Prints a table and writes ``out/bench.json``. Machines are shared and noisy: read ratios and
medians, and run nothing beside it. Screen, sound and MIDI are those of ``tests/venue.sh`` unless
DISPLAY is set.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import (
    beats,
    dream,
    enlarging,
    evenness,
    generator,
    inbetween,
    isf,
    knobs,
    latency,
    loop,
    memory,
    model,
    onsets,
    pacing,
    page,
    plain3,
    recording,
    screen,
    style,
    switching,
    sync,
    tracks,
    training,
)
from bench.venue import venue
from vjgan.budget import SOFTWARE_FPS

BENCHES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "loop": loop.run,
    "generator": generator.run,
    "stylegan3": plain3.run,
    "inbetween": inbetween.run,
    "screen": screen.run,
    "pacing": pacing.run,
    "page": page.run,
    "knobs": knobs.run,
    "switching": switching.run,
    "recording": recording.run,
    "latency": latency.run,
    "sync": sync.run,
    "memory": memory.run,
    "model": model.run,
    "training": training.run,
    "beats": beats.run,
    "onsets": onsets.run,
    "tracks": tracks.run,
    "isf": isf.run,
    "dream": dream.run,
    "enlarging": enlarging.run,
    "evenness": evenness.run,
    "style": style.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], help="which (default: all)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of pacing and latency")
    parser.add_argument(
        "--fps", type=float, default=SOFTWARE_FPS, help="of switching without a GPU"
    )
    parser.add_argument("--memory-minutes", type=float, default=10.0)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="of beats, one piece a genre; of tracks, some speeds; of evenness, two frames of 15",
    )
    parser.add_argument("--forms", action="store_true", help="of beats, only rates and hops")
    parser.add_argument("--models", default="portraits*.safetensors", help="of model: which files")
    parser.add_argument("--folder", type=Path, help="of isf: where the files lie")
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"))
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": f"{platform.machine()}, {platform.platform()}"}
    with venue():
        for name in options.names or BENCHES:
            print(f"\n{name}: {BENCHES[name].__module__} ...", flush=True)
            results[name] = BENCHES[name](options)
            show(results[name])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nwritten: {options.json}")


def show(rows: dict[str, Any], indent: str = "  ") -> None:
    """Print a result as a table."""
    for name, value in rows.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "  ")
        else:
            text = f"{value:.3f}" if isinstance(value, float) else str(value)
            print(f"{indent}{name:<36} {text}")


if __name__ == "__main__":
    main()
