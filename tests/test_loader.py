import logging
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import wait_until

from vjgan.errors import PresetError
from vjgan.loader import Loader
from vjgan.preset import find_presets
from vjgan.stage import Scene


def build(path: Path) -> Scene:
    text = path.read_text()
    if "broken" in text:
        raise PresetError(f"preset '{path.stem}' is broken")
    return Scene(text, path.stem, *[SimpleNamespace()] * 3, passes=(), crossfade_beats=8.0)  # type: ignore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.toml").write_text(name)
    return tmp_path


@pytest.fixture
def loader(folder: Path):
    loader = Loader(build, lambda: find_presets(folder), folder / "a.toml")
    yield loader
    loader.close()
    assert not loader._thread.is_alive()


def arrived(loader: Loader) -> str:
    scenes: list[Scene] = []

    def look() -> bool:
        scene = loader.finished()
        scenes.extend([scene] if scene else [])
        return bool(scenes)

    wait_until(look, 5.0, "a scene")
    return scenes[0].key


def test_a_number_or_a_step_brings_a_scene_once(loader: Loader) -> None:
    loader.request(2)
    assert arrived(loader) == "b"
    assert loader.finished() is None
    loader.request_step(1)
    assert arrived(loader) == "c"
    loader.request_step(1)
    assert arrived(loader) == "a"
    loader.request_step(-1)
    assert arrived(loader) == "c"


def test_unknown_numbers_are_ignored(loader: Loader) -> None:
    loader.request(9)
    loader.request(0)
    loader.request(3)
    assert arrived(loader) == "c"


def test_the_presets_on_either_side_are_prepared_when_there_is_time(folder: Path) -> None:
    prepared: list[str] = []

    def prepare(path: Path) -> None:
        prepared.append(path.stem)
        if path.stem == "b":
            raise PresetError("preset 'b' is broken")  # told when it is asked for

    loader = Loader(build, lambda: find_presets(folder), folder / "a.toml", prepare)
    try:
        wait_until(lambda: len(prepared) == 2, 5.0, "the neighbours of a")
        assert prepared == ["b", "c"]
        loader.request(3)
        assert arrived(loader) == "c"
        wait_until(lambda: len(prepared) == 4, 5.0, "the neighbours of c")
        assert prepared[2:] == ["a", "b"]
    finally:
        loader.close()


def test_quick_steps_go_on_from_the_last_request(loader: Loader) -> None:
    for _ in range(5):
        loader.request_step(1)
    keys = []
    while not keys or keys[-1] != "c":
        keys.append(arrived(loader))
    assert keys[-1] == "c"  # five steps from a


def test_saving_the_preset_on_stage_shows_it_quickly(loader: Loader, folder: Path) -> None:
    path = folder / "a.toml"
    path.write_text("better")
    os.utime(path, ns=(1, 2))
    assert arrived(loader) == "better"


def test_a_broken_preset_is_said_once_and_the_next_save_is_taken(
    loader: Loader, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "a.toml"
    with caplog.at_level(logging.ERROR, "vjgan"):
        path.write_text("broken")
        os.utime(path, ns=(1, 2))
        wait_until(lambda: caplog.records, 5.0, "the complaint")
        threading.Event().wait(0.6)  # it looks twice more
        assert [record.message for record in caplog.records] == ["preset 'a' is broken"]
        assert loader.finished() is None
        path.write_text("mended")
        assert arrived(loader) == "mended"


def test_what_presets_are_checked_by_changes(folder: Path) -> None:
    """As when a shader that is saved declares a new control."""
    passes = {"bloom": 1}
    loader = Loader(build, list, folder / "a.toml", known=lambda: dict(passes))
    try:
        threading.Event().wait(0.6)
        assert loader.finished() is None
        passes["bloom"] = 2
        assert arrived(loader) == "a"
        threading.Event().wait(0.6)
        assert loader.finished() is None
    finally:
        loader.close()


def test_what_a_set_list_expects_is_prepared_instead(folder: Path) -> None:
    prepared: list[str] = []
    first = threading.Event()

    def prepare(path: Path) -> None:
        first.wait(5.0)
        prepared.append(path.stem)

    loader = Loader(build, lambda: find_presets(folder), folder / "a.toml", prepare)
    loader.expect([folder / "c.toml", folder / "a.toml"])
    first.set()
    wait_until(lambda: prepared[-2:] == ["c", "a"], 5.0, str(prepared))
    loader.bring(folder / "c.toml")
    assert arrived(loader) == "c"
    wait_until(lambda: prepared.count("a") == 2, 5.0, "the rest, once more")
    loader.close()


def test_what_was_asked_for_and_cannot_be_built_is_told(
    folder: Path, loader: Loader, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "b.toml").write_text("broken")
    loader.bring(folder / "b.toml")
    wait_until(lambda: loader.refused() == folder / "b.toml", 5.0, "refusal")
    loader.bring(folder / "c.toml")
    assert loader.refused() is None
    assert arrived(loader) == "c"
