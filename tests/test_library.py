"""Scenes made of preset files and the bundled model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vjgan.bank import Bank, Portrait
from vjgan.errors import PresetError, ScoreError
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


# --- portraits by name ------------------------------------------------------------------------

KEYFRAMES = """
[controls]
psi = 1.0
[motion]
kind = "keyframes"
keyframes = [{ portrait = "nora" }, { seed = 5, bars = 2 }, { portrait = "otto" }]
"""
SCORE = """
track = "demo"
preset = "plain.toml"
bpm = 120
[[sections]]
start = 1
end = 5
phrase = 2
anchors = ["nora", 21]
[[sections]]
start = 5
end = 9
preset = "other.toml"
anchors = ["otto"]
"""


@pytest.fixture
def peopled(stock: Library, tmp_path: Path) -> Library:
    """With nora and otto, of the model alive, in the bank."""
    bank = Bank(tmp_path / "bank")
    for name in ("nora", "otto"):
        bank.add(Portrait(name, portrait(stock, name), "alive", "", "camera"))
    return replace(stock, bank=bank)


def portrait(stock: Library, name: str) -> np.ndarray:
    """nora [w_dim], otto [num_ws, w_dim]."""
    space = stock.load("alive").space
    z = np.random.RandomState(len(name) + ord(name[0])).randn(space.num_ws, space.z_dim)
    w = space.map(z.astype(np.float32))
    return w if name == "otto" else w[0]


def seen(scene: Scene, bar: float) -> np.ndarray:
    """The latent [num_ws, w_dim] at a bar, without truncation."""
    stage = Stage(scene)
    for tick in (Tick(0, 0.0, 0.0, 0.0), Tick(1, 0.1, 0.1, 0.1)):
        stage.control(Features(), Beat(4 * bar), {}, tick)
        latent = stage.move(Features(), Beat(4 * bar), tick)
    assert latent is not None
    return latent.w


def test_keyframes_are_portraits_by_name(peopled: Library, tmp_path: Path) -> None:
    made = scene(peopled, tmp_path, KEYFRAMES)
    np.testing.assert_allclose(seen(made, 0.0)[3], portrait(peopled, "nora"), atol=1e-4)
    made = scene(peopled, tmp_path, KEYFRAMES)
    np.testing.assert_allclose(seen(made, 6.0), portrait(peopled, "otto"), atol=1e-4)


def test_a_portrait_that_is_not_there_or_not_of_the_model_is_told(
    peopled: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def told(text: str) -> str:
        with pytest.raises(PresetError) as caught:
            scene(peopled, tmp_path, text)
        return str(caught.value)

    said = told(KEYFRAMES.replace("otto", "anna"))
    assert said.endswith(
        "motion.keyframes.3: portrait 'anna' is not in the bank; there are: nora, otto"
    )
    said = told('model = "portraits"\n' + KEYFRAMES)
    assert said == "preset 'one': portrait 'nora' is of model 'alive', not of 'portraits'"
    said = told(KEYFRAMES.replace("seed = 5, ", ""))
    assert said.endswith("motion.keyframes.2 needs a seed or a portrait, and not both")
    said = told(KEYFRAMES.replace("seed = 5", 'seed = 5, portrait = "otto"'))
    assert said.endswith("motion.keyframes.2 needs a seed or a portrait, and not both")
    # A model that the performer chose plays it all the same.
    scene(replace(peopled, model="portraits"), tmp_path, KEYFRAMES)
    assert "somebody else comes" in caplog.text


def test_anchors_of_a_score_are_portraits_by_name(peopled: Library, tmp_path: Path) -> None:
    path = tmp_path / "score.toml"
    for preset in ("plain", "other"):
        (tmp_path / f"{preset}.toml").write_text("[controls]\npsi = 1.0\n")
    path.write_text(SCORE)
    (_, first), (start, second) = peopled.chapters(peopled.score(path))
    np.testing.assert_allclose(seen(first, 0.0)[3], portrait(peopled, "nora"), atol=1e-4)
    assert start == 4.0
    np.testing.assert_allclose(seen(second, 4.0), portrait(peopled, "otto"), atol=1e-4)
    for wrong, told in {
        '"otto"': "sections.2.anchors: portrait 'anna' is not in the bank; there are: nora, otto",
        "21": "sections.1.anchors: portrait 'anna' is not in the bank",
    }.items():
        path.write_text(SCORE.replace(wrong, '"anna"'))
        with pytest.raises(ScoreError, match=told):
            peopled.score(path)
    for wrong in ("-1", "2.5", "true", "[3]"):
        path.write_text(SCORE.replace("21", wrong))
        with pytest.raises(ScoreError, match="must be a seed, 0 to 2147483647, or the name of a"):
            peopled.score(path)


def test_portraits_of_two_models_each_in_their_section(peopled: Library, tmp_path: Path) -> None:
    path, other = tmp_path / "score.toml", tmp_path / "other.toml"
    path.write_text(SCORE)
    other.write_text('model = "portraits"\n')
    (tmp_path / "plain.toml").write_text("")
    with pytest.raises(ScoreError, match="'otto' is of model 'alive', not of 'portraits'"):
        peopled.chapters(peopled.score(path))
    path.write_text(SCORE.replace('"otto"', "7"))  # and nora, who is elsewhere, is no matter
    assert len(peopled.chapters(peopled.score(path))) == 2
