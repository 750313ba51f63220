from __future__ import annotations

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
