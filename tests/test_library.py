"""Scenes made of preset files and the bundled model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vjgan.errors import PresetError
from vjgan.generator.player import Player
from vjgan.library import Library
from vjgan.stage import Scene, Stage
from vjgan.stock import make_library
from vjgan.types import Beat, Features, Tick


@pytest.fixture(scope="module")
def stock() -> Library:
    return make_library(device="cpu")


def scene(stock: Library, folder: Path, text: str) -> Scene:
    (folder / "one.toml").write_text(text)
    return replace(stock, presets_folder=folder).scene(folder / "one.toml")


def test_preset_names_a_direction_of_its_model(stock: Library, tmp_path: Path) -> None:
    def w(text: str) -> np.ndarray:
        stage = Stage(scene(stock, tmp_path, text))
        stage.control(Features(), Beat(), {}, Tick(0, 0.0, 0.0, 0.0))
        latent = stage.move(Features(), Beat(), Tick(0, 0.0, 0.0, 0.0))
        assert latent is not None
        return latent.w

    third = stock.load("alive").space.directions()["sefa3"]
    named = w("[controls]\ndirection.sefa3 = 2.0")
    np.testing.assert_allclose(named, w("") + 2.0 * third, atol=1e-5)
    np.testing.assert_array_equal(w("[controls]\ndirection.3 = 2.0"), named)


def test_unknown_direction_is_told_with_those_that_there_are(
    stock: Library, tmp_path: Path
) -> None:
    text = "[[routes]]\nsource = 'low'\ntarget = 'direction.smile'\namount = 1"
    with pytest.raises(PresetError) as caught:
        scene(stock, tmp_path, text)
    told = str(caught.value)
    assert told.startswith("preset 'one': direction 'smile' is not in model 'alive'; there are: 1")
    assert "sefa1, sefa2" in told


def test_network_is_prepared_for_a_preset_that_reaches_in(stock: Library, tmp_path: Path) -> None:
    prepared: list[str] = []

    def load(name: str) -> Player:
        player = stock.load(name)
        assert isinstance(player, Player)
        return Player(player.runtime, player.space, name, False, (256, 256),
                      prepare=lambda: prepared.append(name))  # fmt: skip

    library = replace(stock, load=load)
    scene(library, tmp_path, "[controls]\ndirection.1 = 1\nmix = 0.5")
    assert prepared == []
    scene(library, tmp_path, "[controls]\nbend.erode = 0.5")
    scene(library, tmp_path, "[[routes]]\nsource = 'low'\ntarget = 'noise.seed'\namount = 1")
    assert prepared == ["alive", "alive"]
    stock.load("alive").prepare()
