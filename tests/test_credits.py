"""Honest pictures: what each says of its making, and what is said of a model before it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

import vjgan
from vjgan.errors import MediaError
from vjgan.film import FilmSettings, film
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.generator.upscale import Upscaler, write_upscaler
from vjgan.licence import about_model, credits_of, terms, warnings
from vjgan.models import sample
from vjgan.stock import credit, make_library


@contextmanager
def silent(total: int, name: str) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


SMALL = StyleGAN2Config(
    resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8, mapping_layers=2
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Models of all kinds of licence, each with a preset, and an up-resolution."""
    torch.manual_seed(5)
    for name, licence in (("free", "CC0-1.0"), ("bound", "CC-BY-NC-4.0"), ("silent", "")):
        path = tmp_path / f"{name}.safetensors"
        words = {"name": name, "licence": licence, "origin": f"{name}'s home", "trained": True}
        checkpoint.save(path, StyleGAN2(SMALL), **words)  # type: ignore[arg-type]
        (tmp_path / f"{name}.toml").write_text(f'name = "{name.title()}"\nmodel = "{path}"\n')
    write_upscaler(tmp_path / "bound@2x.safetensors", Upscaler())
    large = f'name = "Large"\nmodel = "{tmp_path}/bound@2x.safetensors"\n'
    (tmp_path / "large.toml").write_text(large)
    (tmp_path / "broken.toml").write_text("nonsense = 1\n")
    return tmp_path


def test_a_picture_says_what_made_it(place: Path) -> None:
    library = make_library(seed=7, device="cpu", live=False)
    assert credit(library, place / "bound.toml", "Bound") == {
        "Software": f"vjgan {vjgan.__version__}",
        "Title": "Bound",
        "Seed": "7",
        "Preset": "bound",
        "Model": "bound",
        "Licence": "CC-BY-NC-4.0",
        "Origin": "bound's home",
    }
    assert credit(library, place / "silent.toml", "")["Licence"] == "not recorded"


def test_an_up_resolution_has_the_licence_of_its_model(place: Path) -> None:
    library = make_library(device="cpu", live=False)
    assert credit(library, place / "large.toml", "Large")["Licence"] == "CC-BY-NC-4.0"
    assert about_model(f"{place}/bound@2x.safetensors").licence == "CC-BY-NC-4.0"


def test_a_film_of_many_presets_names_every_model(place: Path) -> None:
    library = make_library(device="cpu", live=False)
    sources = [place / f"{name}.toml" for name in ("free", "bound", "large", "free")]
    said = credits_of(library, sources, "All")
    assert said["Preset"] == "free; bound; large" and said["Model"] == "free; bound"
    assert said["Licence"] == "CC0-1.0; CC-BY-NC-4.0" and said["Title"] == "All"
    assert credits_of(library, [], "None")["Title"] == "None"


def test_every_bundled_model_is_credited() -> None:
    library = make_library(device="cpu", live=False)
    models = {library.model_of(library.preset(path)) for path in library.paths()} - {"none"}
    assert len(models) >= 2
    for model in models:
        about = about_model(model)
        assert about.licence == "CC0-1.0" and about.origin, model


def test_what_a_licence_forbids_or_does_not_say_is_told(place: Path) -> None:
    library = make_library(device="cpu", live=False)
    names = ("free", "bound", "large", "silent", "broken")
    said = warnings(library, [place / f"{name}.toml" for name in names])
    assert len(said) == 2  # once a model, and the broken preset is told of elsewhere
    assert "'bound' is NOT FOR COMMERCIAL USE (CC-BY-NC-4.0)" in said[0]
    assert "'silent' says nothing of its licence" in said[1]
    assert terms(about_model(f"{place}/free.safetensors")) == ""
    assert warnings(library, library.paths()) == []  # ours may be shown anywhere


@pytest.mark.timeout(300)
def test_a_film_and_its_still_carry_it_all(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = FilmSettings(
        track="demo",
        output=place / "film.mp4",
        preset=str(place / "bound.toml"),
        size=(64, 64),
        seed=3,
        end=Fraction(1, 15),
        device="cpu",
        upscale=2,
    )
    film(settings, silent, place / "film.png")
    assert "NOT FOR COMMERCIAL USE" in caplog.text
    with av.open(str(settings.output)) as container:
        words = dict(container.metadata)
        assert (container.streams.video[0].width, container.streams.video[0].height) == (64, 64)
    assert words["copyright"] == "CC-BY-NC-4.0" and words["title"] == "Bound"
    for part in ("Model: bound", "Origin: bound's home", "Seed: 3", "Preset: bound", "vjgan"):
        assert part in words["comment"]
    assert "Enlarged: 2 times" in words["comment"]
    with Image.open(place / "film.png") as still:
        assert still.size == (64, 64) and still.text["Licence"] == "CC-BY-NC-4.0"  # type: ignore[attr-defined]
        assert still.text["Enlarged"].startswith("2 times")  # type: ignore[attr-defined]
    with pytest.raises(MediaError):
        film(replace(settings, output=place / "film.gif"), silent)


def test_a_sheet_of_samples_says_whose_they_are(place: Path) -> None:
    sample(f"{place}/bound.safetensors", place / "sheet.png", [1, 2], 0.7, None)
    with Image.open(place / "sheet.png") as sheet:
        said = sheet.text  # type: ignore[attr-defined]
    assert said["Licence"] == "CC-BY-NC-4.0" and said["Seed"] == "1, 2" and said["Model"] == "bound"
