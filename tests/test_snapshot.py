"""Snapshots: the preset on stage with what hands changed."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from standings import standing_of

from vjgan.controls import CONTROLS
from vjgan.errors import PresetError
from vjgan.mapping import Router
from vjgan.remote.pictures import Thumbnails
from vjgan.snapshot import keep_snapshot
from vjgan.stock import make_library

PRESETS = Path(__file__).parent.parent / "presets"


@pytest.mark.parametrize("source", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_snapshot_is_the_preset_with_what_hands_changed(source: Path, tmp_path: Path) -> None:
    library = make_library()
    preset = library.preset(source)
    router = Router(preset.table, preset.values, preset.routes, preset.lfos)
    changed = {
        "speed": 1.25,
        "hue": -33.5,
        "bloom.spread": 0.125,
        "bloom.amount": 0.75,
        "bend.x": 0.5,
    }
    for name, value in changed.items():
        router.set(name, value)
    standing = replace(standing_of(router, source=source), title=preset.name)
    path = keep_snapshot(standing, tmp_path, library.paths(), library.preset)
    kept = library.preset(path)
    assert kept.values == {**preset.values, **changed}
    assert (kept.routes, kept.lfos, kept.passes, kept.motion) == (
        preset.routes, preset.lfos, preset.passes, preset.motion,
    )  # fmt: skip
    assert kept.name.startswith(preset.name) and kept.name != preset.name
    comments = [line.strip() for line in source.read_text().splitlines() if line.startswith("#")]
    assert [line for line in comments if line not in path.read_text()] == []
    again = keep_snapshot(standing, tmp_path, library.paths(), library.preset)
    assert again != path and sorted(tmp_path.iterdir()) == sorted([path, again])


def test_a_snapshot_says_which_model_and_seed_were_played(tmp_path: Path) -> None:
    source = tmp_path / "07-mine.toml"
    source.write_text('[motion]\nkind = "keyframes"\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n')
    standing = standing_of(Router(CONTROLS, {}), source=source)
    library = make_library()
    path = keep_snapshot(
        standing, tmp_path / "own", [source], library.preset, model="alive", seed=100
    )
    data = tomllib.loads(path.read_text())
    assert path.name == "08-mine.toml" and data["model"] == "alive"
    assert [stop["seed"] for stop in data["motion"]["keyframes"]] == [101, 102]
    assert library.preset(path).motion.seed == 101


def test_a_snapshot_says_what_it_is_shown_with(tmp_path: Path) -> None:
    source = tmp_path / "07-mine.toml"
    source.write_text("# a dark one\n[controls]\nspeed = 2\n")
    library = make_library()
    about = {"Software": "vjgan 1", "Model": "ink", "Licence": "CC0-1.0\nor not", "Origin": "home"}
    standing = standing_of(Router(CONTROLS, {}), source=source)
    path = keep_snapshot(standing, tmp_path, [source], library.preset, about=about)
    lines = path.read_text().splitlines()
    assert lines[0].startswith(
        "# Shown with Software: vjgan 1; Model: ink; Licence: CC0-1.0 or not;"
    )
    assert "# a dark one" in lines
    again = keep_snapshot(
        replace(standing, source=path), tmp_path, [], library.preset, about={"Model": "oil"}
    )
    said = [line for line in again.read_text().splitlines() if line.startswith("# Shown with")]
    assert said == ["# Shown with Model: oil"] and library.preset(again)


def test_a_small_picture_says_it_too(tmp_path: Path) -> None:
    image = np.full((18, 32, 3), 90, np.uint8)
    Thumbnails(tmp_path).keep("a", image, {"Model": "ink", "Licence": "CC0-1.0"})
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.info["comment"] == b"Model: ink; Licence: CC0-1.0"


def test_a_snapshot_that_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "01-a.toml"
    source.write_text("speed = ")
    standing = standing_of(Router(CONTROLS, {}), source=source)
    with pytest.raises(PresetError, match="cannot be written"):
        keep_snapshot(standing, tmp_path / "own", [], lambda path: None)
    source.write_text("")
    (tmp_path / "file").write_text("")
    with pytest.raises(PresetError, match="cannot be written"):
        keep_snapshot(standing, tmp_path / "file", [], lambda path: None)
    with pytest.raises(PresetError, match="no file"):
        keep_snapshot(replace(standing, source=None), tmp_path, [], lambda path: None)

    def refuse(path: Path) -> None:
        raise PresetError("no")

    with pytest.raises(PresetError, match="no"):
        keep_snapshot(standing, tmp_path / "own", [], refuse)
    assert list((tmp_path / "own").iterdir()) == []
