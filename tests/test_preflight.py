"""The pre-flight: what plays is measured, what does not is told, and licences are said plainly."""

import logging
from pathlib import Path

import numpy as np
import pytest
from networks import lively
from typer.testing import CliRunner

from vjgan.cli import app
from vjgan.generator.checkpoint import save
from vjgan.generator.stylegan2 import StyleGAN2Config
from vjgan.licence import NON_COMMERCIAL
from vjgan.preflight import SECONDS, Finding, _sound, preflight

CONFIG = StyleGAN2Config(z_dim=8, w_dim=8, resolution=16, channel_base=64, channel_max=8)
NIGHT = """
[[tracks]]
title = "Small"
preset = "small.toml"
[[tracks.cues]]
bar = 5
preset = "{cue}"
"""


@pytest.fixture
def night(tmp_path: Path) -> Path:
    save(tmp_path / "small.safetensors", lively(CONFIG), name="small", licence="CC-BY-NC-4.0",
         origin="a test", trained=True)  # fmt: skip
    model = f'model = "{tmp_path / "small.safetensors"}"\n'
    (tmp_path / "small.toml").write_text(model + 'passes = ["mirror", "bloom"]\n')
    (tmp_path / "far.toml").write_text("[controls]\nspeed = 99\n")
    (tmp_path / "lost.toml").write_text('model = "nowhere"\n')
    (tmp_path / "night.toml").write_text(NIGHT.format(cue="small.toml"))
    return tmp_path / "night.toml"


def found(*names: object) -> dict[str, Finding]:
    return {one.name: one for one in preflight([str(name) for name in names], (64, 64))}


def test_what_plays_is_measured_and_what_does_not_is_told(night: Path) -> None:
    folder = night.parent
    findings = found(night, folder / "far.toml", folder / "lost.toml", "tyde")
    assert list(findings) == ["night.toml", "small", "far", "lost", "tyde"]
    good = findings["small"]
    assert findings["night.toml"].wrong == good.wrong == ""
    assert findings["night.toml"].notes == ["1 track"]
    assert good.start_s and good.model_ms and good.memory_mb and good.frame_ms is not None
    assert good.licence == "CC-BY-NC-4.0"
    assert "model 'small' is NOT FOR COMMERCIAL USE (CC-BY-NC-4.0)" in good.notes[0]
    assert "controls.speed 99 is outside 0..8" in findings["far"].wrong
    assert "model 'nowhere' is neither a file nor" in findings["lost"].wrong
    assert "preset 'tyde' is unknown" in findings["tyde"].wrong


def test_a_set_list_with_a_broken_preset_still_has_the_others_checked(night: Path) -> None:
    night.write_text(NIGHT.format(cue="far.toml"))
    findings = found(night)
    assert "tracks.1.cues.1.preset: preset 'far'" in findings["night.toml"].wrong
    assert findings["small"].wrong == "" and findings["far"].wrong


def test_what_the_show_would_only_log_is_wrong_here(
    night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log(*words: object) -> None:
        logging.getLogger("vjgan").error("pass 'gone' is unknown")

    monkeypatch.setattr("vjgan.preflight._note_licence", log)
    assert found(night)["small"].wrong == "pass 'gone' is unknown"


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0-1.0", True),
        ("MIT", True),
        ("CC-BY-SA-4.0", True),
        ("CC-BY-NC-SA-4.0", False),
        ("Nvidia Source Code License", False),
        ("for non-commercial use", False),
    ],
)
def test_licences_that_forbid_a_paid_show(licence: str, free: bool) -> None:
    assert (NON_COMMERCIAL.search(licence) is None) == free


def test_the_command_prints_a_table_and_fails_where_anything_is_wrong(night: Path) -> None:
    run = CliRunner()
    good = run.invoke(app, ["check", str(night), "--window", "64x64"])
    assert good.exit_code == 0, good.output
    assert "ok" in good.stdout and "CC-BY-NC-4.0" in good.stdout
    assert "small: model 'small' is NOT FOR COMMERCIAL USE" in good.stdout
    night.write_text(NIGHT.format(cue="[missing]"))
    bad = run.invoke(app, ["check", str(night), "--window", "64x64"])
    assert bad.exit_code == 1
    assert "[missing]: WRONG preset '[missing]' is unknown; there are: 00-sitters" in bad.stdout


def test_what_is_played_is_loud() -> None:
    sound = _sound()
    assert sound.seconds == pytest.approx(SECONDS + 1)
    assert np.sqrt(np.mean(sound.samples**2)) > 0.1
