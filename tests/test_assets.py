from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from vjgan import assets
from vjgan.errors import VjganError


def test_the_shaders_are_found() -> None:
    assert (assets.folder("shaders") / "between.frag").is_file()


@pytest.mark.parametrize("name", ["presets", "models"])
def test_the_other_folders_are_found(name: str) -> None:
    assert assets.folder(name).is_dir()


def test_a_missing_folder_is_named_with_where_it_was_looked_for() -> None:
    with pytest.raises(VjganError, match=r"'songs' of vjgan is missing: it is neither in .*vjgan"):
        assets.folder("songs")


def test_every_model_is_what_the_list_of_assets_says() -> None:
    folder = assets.folder("models")
    told = (Path(__file__).parent.parent / "docs" / "assets.md").read_text()
    listed = {name: sha for sha, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", told, re.MULTILINE)}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".gitkeep"]
    found = {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    assert found == listed
