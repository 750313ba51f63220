"""What faders set can be undone and redone, and presets enter as hands arrange it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from standings import standing_of

from vjgan.controls import CONTROLS
from vjgan.edits import MOST, Edits
from vjgan.errors import PresetError
from vjgan.mapping import Router
from vjgan.snapshot import keep_snapshot, save_changes
from vjgan.stock import make_library


def test_edits_are_undone_and_redone_one_by_one() -> None:
    router, edits = Router(CONTROLS, {"hue": 10.0}), Edits()

    def set_(name: str, value: float, time: float) -> None:
        edits.note(router, name, time)
        router.set(name, value)

    for step in range(20):  # a drag
        set_("hue", float(step), 1.0 + 0.05 * step)
    set_("zoom", 2.0, 2.1)
    edits.note(router, "", 3.0)
    router.reset()
    assert edits.count(router) == (3, 0)
    edits.undo(router)
    assert (router.own["hue"], router.own["zoom"]) == (19.0, 2.0)
    edits.undo(router)
    assert (router.own["hue"], router.own["zoom"]) == (19.0, 1.0)
    edits.undo(router)
    edits.undo(router)  # there is nothing left
    assert dict(router.own) == dict(router.given) and edits.count(router) == (0, 3)
    edits.redo(router)
    assert router.own["hue"] == 19.0
    set_("psi", 0.5, 9.0)  # what was undone is gone
    assert edits.count(router) == (2, 0)
    edits.redo(router)
    assert router.own["psi"] == 0.5 and router.own["zoom"] == 1.0


def test_edits_belong_to_a_preset_and_are_bounded() -> None:
    router, edits = Router(CONTROLS, {}), Edits()
    for index in range(2 * MOST):
        edits.note(router, "hue", 10.0 * index)
        router.set("hue", index % 100)
    assert edits.count(router) == (MOST, 0)
    other = Router(CONTROLS, {})
    assert edits.count(other) == (0, 0)
    edits.undo(other)
    assert router.own["hue"] == (2 * MOST - 1) % 100


def test_saving_writes_what_hands_changed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "01-mine.toml"
    path.write_text(
        '# mine\nname = "Mine"\n\n[controls] # few\nhue = 10 # warm\nbloom.amount = 1\n'
    )
    library = make_library()
    preset = library.preset(path)
    router = Router(preset.table, preset.values)
    router.set("bloom.amount", 0.25)
    router.set("psi", 0.5)
    standing = standing_of(router, source=path)
    assert save_changes(standing, library.preset) == path
    assert path.read_text() == (
        '# mine\nname = "Mine"\n\n[controls] # few\nhue = 10 # warm\n'
        "bloom.amount = 0.25\npsi = 0.5\n"
    )
    before = path.read_text()

    def refuse(part: Path) -> None:
        raise PresetError("no")

    with pytest.raises(PresetError, match="no"):
        save_changes(standing, refuse)
    assert path.read_text() == before and list(tmp_path.iterdir()) == [path]
    with pytest.raises(PresetError, match="has no file"):
        save_changes(replace(standing, source=None), library.preset)


def test_a_copy_finds_the_files_beside_its_original(tmp_path: Path) -> None:
    there, own = tmp_path / "there", tmp_path / "own"
    there.mkdir()
    (there / "a.png").write_bytes(b"")
    path = there / "01-a.toml"
    path.write_text('[layers.a]\nsource = "image:a.png"\n[layers.b]\nsource = "camera:front"\n')
    library = make_library()
    preset = library.preset(path)
    standing = standing_of(Router(preset.table, preset.values), source=path)
    kept = library.preset(keep_snapshot(standing, own, [path], library.preset))
    assert [(one.kind, one.place) for one in kept.layers] == [
        ("image", str(there / "a.png")),
        ("camera", "front"),
    ]
