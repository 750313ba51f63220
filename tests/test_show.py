"""The whole show, through the venue: real window, real sound server, real MIDI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import Venue, wait_until
from PIL import Image

from vjgan.audio.demo import demo
from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.clock import FixedClock
from vjgan.features import Analyser
from vjgan.film import FilmSettings, film
from vjgan.listener import SteppedEar
from vjgan.media import Sound, write_wav
from vjgan.stage import Scene, Stage
from vjgan.stock import demo_sound, make_library

LIBRARY = make_library()


@contextmanager
def no_bar(total: int, name: str) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


@contextmanager
def live(*words: object) -> Iterator[subprocess.Popen[str]]:
    """``vjgan live`` with these words, ended if need be."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vjgan", "live", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)
        assert process.stderr is not None
        process.stderr.close()


def screenshot(file: Path) -> np.ndarray:
    """What the X server shows."""
    subprocess.run(["import", "-window", "root", str(file)], check=True, timeout=60)
    return np.asarray(Image.open(file).convert("RGB")).astype(float)


def shown(folder: Path) -> np.ndarray | None:
    """The screen, as soon as something bright is on it."""
    picture = screenshot(folder / "screen.png")
    return picture if picture.mean() > 2.0 else None


def settled(folder: Path, look: Callable[[np.ndarray], bool]) -> np.ndarray:
    """The first screenshot that looks right."""
    found: list[np.ndarray] = []

    def check() -> bool:
        picture = shown(folder)
        found[:] = [] if picture is None else [picture]
        return picture is not None and look(picture)

    wait_until(check, what="the picture on the screen")
    return found[0]


def listened() -> None:
    """Wait until somebody records what the sink plays."""

    def recording() -> str:
        words = ["pactl", "list", "short", "source-outputs"]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout

    wait_until(recording, what="the show listens")


def test_the_window_shows_the_demo(venue: Venue, tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    with live(
        "--input", "demo", "--window", "640x360", "--seconds", 12, "--stats", stats
    ) as process:
        picture = settled(tmp_path, lambda picture: picture.std() > 5.0)
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500
        assert process.wait(60) == 0
    summary = json.loads(stats.read_text())
    assert summary["frames"] > 50
    assert summary["model_frames"] > 5
    assert summary["audio_blocks_read"] > 500


@pytest.mark.alone
def test_the_demo_is_heard_from_the_sound_card(venue: Venue, tmp_path: Path) -> None:
    track = demo()
    end = next(section.start for section in track.sections if section.name == "breakdown")
    wav = tmp_path / "demo.wav"
    samples = track.samples[: int(end * track.sample_rate)]
    write_wav(wav, Sound(samples, track.sample_rate))
    stats = tmp_path / "stats.json"
    with live("--headless", "--window", "64x64", "--seconds", end + 6, "--stats", stats) as process:
        listened()
        venue.play(wav).wait(90)
        assert process.wait(60) == 0
    summary = json.loads(stats.read_text())
    kicks = np.count_nonzero(np.asarray(track.kicks) < end)
    assert abs(summary["bpm"] / 124.0 - 1.0) < 0.02
    assert summary["onsets"] >= 0.9 * kicks
    assert summary["audio_blocks_lost"] <= 0.02 * summary["audio_blocks_read"]


def test_nine_of_ten_kicks_of_the_demo_are_onsets() -> None:
    track = demo()
    found = []
    analyser = Analyser(track.sample_rate)
    source, last = Track(demo_sound()), 0
    while (frame := source.read()) is not None:
        features = analyser.analyse(frame)
        found += [features.onset_time] * (features.onset_count - last)
        last = features.onset_count
    onsets = np.array(found)
    near = [np.abs(onsets - kick).min() < 0.05 for kick in track.kicks]
    assert np.mean(near) >= 0.9


def test_a_knob_in_another_process_turns_the_screen(venue: Venue, tmp_path: Path) -> None:
    preset = tmp_path / "knob.toml"
    preset.write_text(
        '[controls]\nspeed = 0\nkick = 0\n[[routes]]\nsource = "midi.cc7"\n'
        'target = "brightness"\namount = -1.0\n'
    )
    code = (
        "import rtmidi, sys, time\n"
        "out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, 'fader box')\n"
        "out.open_virtual_port('out'); print('up', flush=True)\n"
        "for line in sys.stdin: out.send_message([0xB0, 7, int(line)])\n"
    )
    fader = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with fader:
        assert fader.stdin is not None and fader.stdout is not None
        assert fader.stdout.readline() == "up\n"
        words = ("--midi-api", "jack", "--midi", "fader", "--window", "320x240", "--input", "demo")
        with live(*words, "--mute", "--preset", preset):
            bright = settled(tmp_path, lambda picture: picture.std() > 2.0).mean()

            for value, wanted in ((127, 0.0), (0, 1.0)):
                fader.stdin.write(f"{value}\n")
                fader.stdin.flush()

                def turned(wanted: float = wanted) -> bool:
                    light = screenshot(tmp_path / "after.png").mean() / bright
                    return light == pytest.approx(wanted, abs=0.2)

                wait_until(turned, what=f"light at fader {value}")


@pytest.mark.alone
def test_a_pulled_sound_card_does_not_stop_the_light(venue: Venue, tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    with live("--headless", "--window", "64x64", "--seconds", 14, "--stats", stats) as process:
        listened()
        time.sleep(2.0)
        venue.run("audio-unplug")
        time.sleep(3.0)
        venue.run("audio-plug")
        _, said = process.communicate(timeout=60)
    summary = json.loads(stats.read_text())
    assert summary["frames"] > 300
    assert summary["frame_ms"]["max"] < 1000.0
    assert summary["audio_blocks_read"] > 6 * 48000 / 256
    assert said.count("no sound:") == 1, said
    assert said.count("the sound is back") == 1, said


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five loud seconds of the demo: a film hears all that is before its beginning."""
    track, file = demo(), tmp_path_factory.mktemp("loud") / "demo.wav"
    start, end = (int(seconds * track.sample_rate) for seconds in (12, 17))
    write_wav(file, Sound(track.samples[start:end], track.sample_rate))
    return file


@pytest.mark.parametrize("path", LIBRARY.paths(), ids=lambda path: path.stem)
def test_every_preset_draws(venue: Venue, loud: Path, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    settings = FilmSettings(str(loud), file, preset=str(path), size=(320, 180), fps=Fraction(10),
                            start=Fraction(4), end=Fraction(5))  # fmt: skip
    film(settings, no_bar)
    frames = decoded(file)
    assert len(frames) == 10
    assert frames[-1].std() > 5.0
    assert frames[-1].mean() > 5.0
    assert np.abs(frames[-1].astype(float) - frames[0]).mean() > 0.2  # it moves


def decoded(file: Path) -> list[np.ndarray]:
    with av.open(str(file)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def clip(file: Path, fps: int, preset: str = "drift") -> bytes:
    settings = FilmSettings("demo", file, preset=preset, size=(160, 90), fps=Fraction(fps),
                            start=Fraction(10), end=Fraction(13))  # fmt: skip
    film(settings, no_bar)
    return file.read_bytes()


def test_the_same_seed_gives_the_same_film(venue: Venue, tmp_path: Path) -> None:
    once = clip(tmp_path / "a.mp4", 12, "journey")
    assert clip(tmp_path / "b.mp4", 12, "journey") == once


def test_30_and_60_frames_a_second_agree_in_motion(venue: Venue) -> None:
    """The latent's way through three bars of the demo, sampled at the same moments."""
    ways = {}
    for fps in (30, 60):
        scene = LIBRARY.scene(LIBRARY.find("drift"))
        ways[fps] = latent_way(scene, fps, 12.0)
    step = np.linalg.norm(np.diff(ways[30], axis=0), axis=1).mean()
    apart = np.linalg.norm(ways[60][1::2][: len(ways[30])] - ways[30], axis=1)
    assert apart.max() < 4.0 * step  # within four of the slower film's own steps
    assert apart[-1] < 4.0 * step


def latent_way(scene: Scene, fps: int, seconds: float) -> np.ndarray:
    track = demo()
    ear = SteppedEar(Track(demo_sound()), Analyser(track.sample_rate))
    tempo, stage = BeatClock(), Stage(scene)
    way = []
    for tick in FixedClock(Fraction(fps), int(fps * seconds), start=Fraction(1, fps)):
        features = ear.read(tick)
        beat = tempo.step(features, tick)
        stage.control(features, beat, {}, tick)
        latent = stage.move(features, beat, tick)
        assert latent is not None
        way.append(latent.w[0])
    return np.array(way)


def test_without_a_display_the_demo_becomes_a_film(tmp_path: Path) -> None:
    code = (
        "from fractions import Fraction; from vjgan import show, cli;"
        "show.SHOW_SECONDS, show.SHOW_SIZE = Fraction(1), (160, 90);"
        "import sys; sys.argv = ['vjgan', 'live', '--input', 'demo']; cli.main()"
    )
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "out/show.mp4" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert len(decoded(tmp_path / "out/show.mp4")) == 30
    assert np.asarray(Image.open(tmp_path / "out/show.png")).std() > 3.0
    with av.open(str(tmp_path / "out/show.mp4")) as container:
        assert container.streams.audio


def test_an_interrupted_film_leaves_nothing(tmp_path: Path) -> None:
    words = ("render", "demo", "-o", "film.mp4", "--size", "320x180")
    process = subprocess.Popen([sys.executable, "-m", "vjgan", *words], cwd=tmp_path)
    wait_until(lambda: list(tmp_path.iterdir()), what="the film's beginning")
    time.sleep(1.0)
    process.terminate()
    assert process.wait(60) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_preset_saved_during_the_show_is_taken(venue: Venue, tmp_path: Path) -> None:
    """A preset edited during the show turns the screen; a broken one changes nothing."""
    preset = tmp_path / "mine.toml"
    dark, bright = "[controls]\nbrightness = 0.2\n", "[controls]\nbrightness = 1.0\n"
    preset.write_text(dark)
    words = ("--window", "960x540", "--input", "demo", "--mute", "--preset", preset)
    with live(*words):
        wait_until(lambda: screenshot(tmp_path / "s.png").mean() > 0.5, what="the window")
        before = screenshot(tmp_path / "s.png").mean()
        preset.write_text(bright)
        wait_until(lambda: screenshot(tmp_path / "s.png").mean() > 2.0 * before, what="the edit")
        preset.write_text("[controls")
        time.sleep(1.5)
        assert screenshot(tmp_path / "s.png").mean() > 2.0 * before
