import json
from pathlib import Path

import numpy as np
import pytest

from vjgan.errors import VjganError
from vjgan.stats import Stats, write_stats
from vjgan.types import Beat, Features, Frame, Picture, Tick


def test_the_summary_counts_what_was_shown(tmp_path: Path) -> None:
    stats = Stats(fps=50.0)
    frame = Frame(0.9, np.zeros((1, 1, 3), np.uint8))
    beat = Beat(9.5, 124.0, 0.9, "midi", 1.0)
    dts = [0.02] * 98 + [0.05, 0.1]
    for index, dt in enumerate([0.02, *dts]):
        heard = Features(
            time=1.0, alive=True, onset_count=index, blocks_read=7, blocks_lost=1, clip_count=2
        )
        stats.count(Tick(index, 1.0, dt, 1.0), heard, Picture(frame, frame), beat, 1.03)
    summary = stats.summary(3, [10.0, 20.0, 30.0])
    assert summary["frames"] == 101
    assert summary["frames_late"] == 2
    assert summary["frame_ms"]["p50"] == 20.0
    assert summary["frame_ms"]["max"] == 100.0
    assert summary["model_ms"] == {"p50": 20.0, "p99": 29.8, "max": 30.0}
    assert summary["onsets"] == 100
    assert summary["audio_blocks_clipped"] == 2
    assert (summary["bpm"], summary["bars"], summary["clock"]) == (124.0, 2, "midi")
    assert summary["clock_confidence"] == 0.9
    assert summary["clock_frames"] == {"midi": 101}
    assert summary["sound_to_light_ms"]["p95"] == pytest.approx(30.0, abs=0.01)
    assert summary["sound_to_model_light_ms"]["p50"] == pytest.approx(130.0, abs=0.01)
    assert 10.0 < summary["peak_memory_mb"] < 1e5
    write_stats(tmp_path / "s.json", summary)
    assert json.loads((tmp_path / "s.json").read_text()) == summary


def test_a_show_without_frames_has_a_summary() -> None:
    summary = Stats(60.0).summary(0, [])
    assert summary["frames"] == 0
    assert summary["frame_ms"] is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(VjganError, match=r"no/s\.json' cannot be written"):
        write_stats(tmp_path / "no" / "s.json", {})
