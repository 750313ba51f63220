import json
from pathlib import Path

import numpy as np
import pytest
from test_cli import vjgan
from test_features import analyse as hear
from test_features import four_on_the_floor, onset_times, share_hit

from vjgan.analysis import CURVES, STEP, Analysis, analyse, summary, write_json
from vjgan.chart import WIDTH, draw
from vjgan.errors import MediaError
from vjgan.media import Sound, write_wav
from vjgan.types import FloatArray

RATE = 22050


@pytest.fixture(scope="module")
def music() -> tuple[FloatArray, list[float]]:
    sound, kicks, _ = four_on_the_floor(seconds=12.0, sample_rate=RATE)
    return sound, kicks


@pytest.fixture(scope="module")
def analysis(music: tuple[FloatArray, list[float]]) -> Analysis:
    return analyse("four.wav", Sound(music[0][:, None], RATE), lambda seconds: None)


def test_an_analysis_is_what_the_show_hears(
    music: tuple[FloatArray, list[float]], analysis: Analysis
) -> None:
    sound, kicks = music
    assert analysis.tempo_bpm == pytest.approx(124.0, rel=0.02)
    assert analysis.seconds == pytest.approx(12.0)
    assert share_hit(kicks, analysis.events["kicks"]) > 0.9
    assert share_hit([kick for kick in kicks if kick > 6.0], analysis.events["beats"], 0.05) > 0.9
    assert set(analysis.events["downbeats"]) <= set(analysis.events["beats"])
    shown = [max(0.0, time) for time in onset_times(hear(sound, RATE))]
    assert analysis.events["onsets"] == pytest.approx(shown, abs=1e-3)


def test_curves_have_a_point_every_step(analysis: Analysis) -> None:
    assert {len(curve) for curve in analysis.curves.values()} == {round(12.0 / STEP)}
    assert {"level", "low", "mid", "high", "band8", "noisiness", "intensity"} <= set(CURVES)
    assert all(np.isfinite(curve).all() for curve in analysis.curves.values())


def test_the_picture_shows_every_event(analysis: Analysis) -> None:
    sound = Sound(np.zeros((RATE, 2), np.float32), RATE)
    picture = draw(analysis, sound)
    assert picture.shape[1:] == (WIDTH, 3)
    assert picture.dtype == np.uint8
    empty = Analysis("no.wav", 12.0, 0.0, 0.0, {n: [] for n in analysis.events}, analysis.curves)
    changed = (picture != draw(empty, sound)).any(axis=2)
    one = Analysis("no.wav", 12.0, 0.0, 0.0, {**empty.events, "kicks": [6.0]}, analysis.curves)
    columns = np.flatnonzero((draw(one, sound) != draw(empty, sound))[100:].any(axis=(0, 2)))
    left, right = 132, WIDTH - 36
    assert columns.mean() == pytest.approx((left + right) / 2, abs=2.0)
    assert changed.any()


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0])
def test_silence_and_next_to_nothing_can_be_drawn(seconds: float) -> None:
    sound = Sound(np.zeros((round(seconds * 8000), 1), np.float32), 8000)
    nothing = analyse("silence.wav", sound, lambda seconds: None)
    assert nothing.tempo_bpm == 0.0
    assert nothing.events["onsets"] == []
    assert draw(nothing, sound).std() > 0.0
    assert "no tempo" in summary(nothing)[0]


def test_a_place_that_cannot_be_written_is_told(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"^file '.*gone/a.json' cannot be written: No such file"):
        write_json(tmp_path / "gone" / "a.json", analysis)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_and_draws(
    music: tuple[FloatArray, list[float]], tmp_path: Path
) -> None:
    write_wav(tmp_path / "four.wav", Sound(music[0][: 3 * RATE, None], RATE))
    done = vjgan("analyze", "four.wav", "--json", "a.json", "--plot", "a.png", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "four.wav: 3.0 s" in done.stdout
    written = json.loads((tmp_path / "a.json").read_text())
    assert {"tempo_bpm", "beats", "downbeats", "onsets", "kicks", "snares", "hats"} <= set(written)
    assert len(written["curves"]["level"]) == round(3.0 / written["curves"]["step"])
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.iterdir()} == {"four.wav", "a.json", "a.png"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gone.wav"], "vjgan: sound 'gone.wav' cannot be read: No such file or directory"),
        (["text.wav"], "vjgan: sound 'text.wav' cannot be read: Invalid data found"),
        (["text.wav", "--plot", "a.jpg"], "vjgan: picture 'a.jpg': the name must end in .png"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is no sound")
    done = vjgan("analyze", *words, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1
