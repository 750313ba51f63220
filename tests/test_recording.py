"""The show kept beside it: films with their sound, stills; written and read back for real."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from conftest import wait_until
from PIL import Image

from vjgan.errors import MediaError
from vjgan.keeper import About, Keeper
from vjgan.licence import credits_of
from vjgan.media import FilmWriter
from vjgan.media.live import RATE, LiveFilm
from vjgan.output.film import LEAST_PICTURES, MOST_PICTURES, FilmOutput
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stock import make_library
from vjgan.types import AudioFrame, Beat, Command, Controls, Frame, Picture, Tick

SIZE = (64, 48)
BEGIN = 100.0  # on the show's clock
BLOCK = 256


def grey(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


def blocks(rate: int, seconds: float, hits: list[float]) -> list[AudioFrame]:
    """Silence with a short burst at each of ``hits``, seconds after BEGIN."""
    sound = np.zeros(int(rate * seconds) // BLOCK * BLOCK, np.float32)
    for hit in hits:
        place = round(hit * rate)
        sound[place : place + 400] = np.sin(np.arange(400) * 0.3) * 0.8
    cut = sound.reshape(-1, BLOCK)
    return [AudioFrame(BEGIN + (k + 1) * BLOCK / rate, one, rate) for k, one in enumerate(cut)]


def seen(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The times of the pictures, and how bright they are; up to where the file is cut off."""
    with av.open(str(path)) as container, suppress(av.error.InvalidDataError):
        rows = []
        for frame in container.decode(video=0):
            rows.append((frame.time, frame.to_ndarray(format="gray").mean()))
    return np.array(rows).T


def heard(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The times of the samples, and the samples."""
    with av.open(str(path)) as container:
        times, parts = [], []
        for frame in container.decode(audio=0):
            part = frame.to_ndarray()[0]
            times.append(frame.time + np.arange(len(part)) / frame.sample_rate)
            parts.append(part)
    return np.concatenate(times), np.concatenate(parts)


def hits_of(path: Path) -> np.ndarray:
    """When the bursts begin."""
    times, sound = heard(path)
    loud = np.flatnonzero(np.abs(sound) > 0.2)
    first = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 10)]
    return times[first]


def flashes_of(path: Path) -> np.ndarray:
    """When it becomes bright."""
    times, light = seen(path)
    return times[1:][np.diff((light > 128).astype(int)) > 0]


def shoot(path: Path, rate: int, hits: list[float], sound: list[AudioFrame] | None = None) -> None:
    """A show of four seconds that flashes at each hit, its frames at uneven times."""
    sound = blocks(rate, 4.0, hits) if sound is None else sound
    chance, at = np.random.default_rng(2), BEGIN
    film = LiveFilm(path, SIZE, Fraction(30), BEGIN)
    while at < BEGIN + 4.0:
        while sound and sound[0].time <= at:
            block = sound.pop(0)
            film.hear(block.samples, block.sample_rate, block.time)
        lit = any(0.0 <= at - BEGIN - hit < 0.1 for hit in hits)
        film.show(grey(230 if lit else 20), at)
        at += chance.uniform(0.02, 0.04)
    film.close()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_sound_and_picture_are_within_a_frame(tmp_path: Path, suffix: str, rate: int) -> None:
    hits = [0.5, 1.2, 2.0, 3.3]
    path = tmp_path / f"show{suffix}"
    shoot(path, rate, hits)
    flashes, bursts = flashes_of(path), hits_of(path)
    assert len(flashes) == len(bursts) == len(hits)
    # A flash is seen with the first frame after its hit, up to 0.04 s later here.
    late = flashes - bursts
    assert np.all((late > -0.005) & (late < 0.045)), late
    assert np.diff(bursts) == pytest.approx(np.diff(hits), abs=0.002)


def test_a_sound_card_whose_clock_runs_slow_stays_in_time(tmp_path: Path) -> None:
    hits = [0.5, 3.5]
    slow = [
        AudioFrame(BEGIN + (one.time - BEGIN) * 1.01, one.samples, one.sample_rate)
        for one in blocks(RATE, 4.0, hits)
    ]
    shoot(tmp_path / "a.mp4", RATE, [hit * 1.01 for hit in hits], slow)
    late = flashes_of(tmp_path / "a.mp4") - hits_of(tmp_path / "a.mp4")
    assert np.all(np.abs(late) < 0.05), late
    assert np.diff(hits_of(tmp_path / "a.mp4"))[0] == pytest.approx(3.0, abs=0.002)  # no seam


def test_lost_sound_is_silence_and_the_rest_in_time(tmp_path: Path) -> None:
    hits = [0.5, 3.0]
    whole = blocks(44_100, 4.0, hits)
    kept = [one for one in whole if not BEGIN + 1.0 < one.time < BEGIN + 2.3]
    again = [one for one in blocks(RATE, 4.0, hits) if one.time > BEGIN + 2.7]  # another source
    kept = [one for one in kept if one.time <= BEGIN + 2.7] + again
    shoot(tmp_path / "a.mp4", 44_100, hits, kept)
    late = flashes_of(tmp_path / "a.mp4") - hits_of(tmp_path / "a.mp4")
    assert np.all((late > -0.005) & (late < 0.045)), late


def test_without_sound_there_is_silence(tmp_path: Path) -> None:
    shoot(tmp_path / "a.mp4", RATE, [1.0], [])
    assert len(flashes_of(tmp_path / "a.mp4")) == 1
    times, sound = heard(tmp_path / "a.mp4")
    assert times[-1] > 3.0
    assert np.abs(sound).max() < 1e-3


CRASH = """
import os, sys, time
import numpy as np
from pathlib import Path
from vjgan.output.film import FilmOutput
from vjgan.types import AudioFrame
film = FilmOutput(Path(sys.argv[1]), 64, dict)
begin, heard = time.perf_counter(), 0
while (now := time.perf_counter() - begin) < 4.0:
    while heard < now * 48000:
        heard += 480
        film.hear(AudioFrame(heard / 48000, np.zeros(480, np.float32), 48000))
    if film.due(now):
        film.show(np.full((48, 64, 3), int(now * 40), np.uint8), now)
    time.sleep(0.005)
os._exit(9)
"""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_crash_loses_two_seconds_at_most(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"show{suffix}"
    done = subprocess.run([sys.executable, "-c", CRASH, str(path)], timeout=60)
    assert done.returncode == 9
    times, _ = seen(path)
    assert times[-1] > 2.0
    assert heard(path)[0][-1] > 2.0


FULL = """
import logging, resource, sys, time
import numpy as np
from pathlib import Path
from vjgan.output.film import FilmOutput
logging.basicConfig(format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
film = FilmOutput(Path(sys.argv[1]), 320, dict)
noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
k = 0
while not film.over and k < 400:
    k += 1
    film.show(np.roll(noise, k), k / 30)
    time.sleep(0.01)
film.close()
print(film.over)
"""


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "show.mp4"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"film '{path}' cannot be written: File too large; the show goes on without",
        "True",
    ]
    assert len(seen(path)[0]) > 3  # what was written can be seen


@pytest.mark.parametrize(("room", "wait"), [(20, 20), (1, LEAST_PICTURES), (99, MOST_PICTURES)])
def test_what_the_encoder_has_no_time_for_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, wait: int
) -> None:
    going = threading.Event()
    show = LiveFilm.show

    def slow(film: LiveFilm, image: np.ndarray, at: float) -> None:
        going.wait(20.0)
        show(film, image, at)

    monkeypatch.setattr(LiveFilm, "show", slow)
    monkeypatch.setattr("vjgan.output.film.MOST_BYTES", room * grey(0).nbytes)
    film = FilmOutput(tmp_path / "a.mp4", 64, dict)
    film.show(grey(0), 0.0)
    wait_until(lambda: film._taken == 1)
    begin = time.perf_counter()
    for k in range(1, 41):
        film.show(grey(k), k / 30)
    assert time.perf_counter() - begin < 1.0  # nobody waited for the encoder
    going.set()
    film.close()
    assert (film.frames, film.dropped) == (1 + wait, 40 - wait)


@pytest.mark.parametrize("rate", [30.0, 60.0, 75.0])
def test_thirty_frames_a_second_are_due(tmp_path: Path, rate: float) -> None:
    film = FilmOutput(tmp_path / "a.mp4", 64, dict)
    chance = np.random.default_rng(1)
    times = np.arange(int(10 * rate)) / rate + chance.uniform(-0.002, 0.002, int(10 * rate))
    count = sum(film.due(at) for at in times)
    film.close()
    assert 290 <= count <= 301


def test_a_film_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"the last show")
    with pytest.raises(MediaError, match=r"a\.mp4' exists already"):
        FilmOutput(tmp_path / "a.mp4", 64, dict)
    with pytest.raises(MediaError, match=r"must end in \.mp4, \.mov, \.mkv"):
        FilmOutput(tmp_path / "a.avi", 64, dict)
    with pytest.raises(MediaError, match="there is no folder"):
        FilmOutput(tmp_path / "b" / "a.mp4", 64, dict)


LIBRARY = make_library(seed=7)
SOURCE = LIBRARY.find("drift")
SCENE: Any = SimpleNamespace(
    key="01-drift", title="Drift", source=SOURCE, crossfade_beats=8.0, chapter=None
)


OTHER: Any = SimpleNamespace(
    key="00-sitters",
    title="Sitters",
    source=LIBRARY.find("sitters"),
    crossfade_beats=8.0,
    chapter=None,
)


def told(scenes: Sequence[Any]) -> Mapping[str, str]:
    return credits_of(LIBRARY, [one.source for one in scenes], scenes[0].title)


def test_a_still_is_the_whole_light_and_says_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    screen = OffscreenScreen((320, 180))
    screen.say(["words that nobody wants in a picture"])
    image = np.random.default_rng(0).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    tick, frame = Tick(0, 1.0, 0.03, 1.0), Frame(0.0, image)
    keeper = Keeper(About(), SCENE, software=screen.software, credits=told)
    screen.show(Picture(frame, frame), Controls(1.0, {"brightness": 1.0, "fit": 1.0}), tick)
    for _ in range(2):  # within a second
        keeper.obeyed(Command("still"), tick)
    keeper.shown(Beat(), screen, tick)
    keeper.close()
    path, _other = (tmp_path / "out" / "stills").iterdir()
    still = Image.open(path)
    assert still.size == (320, 180)
    screen.say([])
    screen.show(Picture(frame, frame), Controls(1.0, {"brightness": 1.0, "fit": 1.0}), tick)
    apart = np.abs(np.asarray(still).astype(int) - screen.image())
    assert apart.max() <= 2 and np.asarray(still).std() > 20  # the dither may differ
    screen.close()
    words = still.text  # type: ignore[attr-defined]
    assert words["Software"].startswith("vjgan ")
    assert (words["Preset"], words["Title"], words["Seed"]) == ("01-drift", "Drift", "7")
    assert words["Model"] and words["Licence"] and words["Origin"]
    assert words["Creation Time"]


class Late:
    """A screen as of a GPU: what it tells is from the call before."""

    software = False
    size = (64, 48)

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.last: np.ndarray | None = None
        self.level = 0

    def glance(self, width: int, alpha: bool = False) -> np.ndarray | None:
        self.asked.append(width)
        before, self.last = self.last, grey(self.level)
        return before


def test_from_a_gpu_each_picture_has_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    screen: Any = Late()
    keeper = Keeper(About(), SCENE, film=tmp_path / "a.mp4", credits=told)
    for k in range(60):
        screen.level = 230 if k == 31 else 20
        at = 5.0 + k / 30
        if k == 40:
            keeper.obeyed(Command("record"), Tick(k, at, 1 / 30, at))
        keeper.shown(Beat(), screen, Tick(k, at, 1 / 30, at))
        time.sleep(0.005)
    assert len(screen.asked) == 40
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "film's end"])
    # AAC begins with 1024 samples of its own, by which MP4 has all of it later.
    flashes = flashes_of(tmp_path / "a.mp4")
    assert flashes == pytest.approx([31 / 30 + 1024 / RATE], abs=0.001)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["title"] == "Drift"
        assert "Model: " in container.metadata["comment"]
        assert container.metadata["copyright"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_film_of_the_show_credits_all_that_it_showed(tmp_path: Path, suffix: str) -> None:
    screen: Any = Late()
    path = tmp_path / f"a{suffix}"
    keeper = Keeper(About(), SCENE, film=path, credits=told)
    for k in range(40):
        tick = Tick(k, 5.0 + k / 30, 1 / 30, 5.0 + k / 30)
        if k == 20:
            keeper.entered(OTHER, tick)
        keeper.shown(Beat(), screen, tick)
    keeper.close()
    with av.open(str(path)) as container:
        said = {key.lower(): text.strip() for key, text in container.metadata.items()}
        assert sum(1 for _ in container.decode(video=0)) >= 8  # and nothing in it has moved
    words = told([SCENE, OTHER])
    assert words["Model"].count(";") == 1 and words["Preset"] == "01-drift; 00-sitters"
    assert said["copyright"] == words["Licence"]
    for key in ("Model", "Origin", "Preset", "Seed"):
        assert f"{key}: {words[key]}" in said["comment"]


def test_a_still_of_a_crossfade_credits_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    screen: Any = Late()
    keeper = Keeper(About(), SCENE, credits=told, seen=lambda: [SCENE, OTHER])
    keeper.obeyed(Command("still"), Tick(0, 5.0, 1 / 30, 5.0))
    for k in range(2):
        keeper.shown(Beat(), screen, Tick(k, 5.0 + k / 30, 1 / 30, 5.0 + k / 30))
    keeper.close()
    (path,) = (tmp_path / "out" / "stills").iterdir()
    assert Image.open(path).text["Preset"] == "01-drift; 00-sitters"  # type: ignore[attr-defined]


def test_films_of_tracks_say_what_they_show(tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "a.mp4", SIZE, Fraction(30), about=told([SCENE])) as film:
        film.write(grey(9))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["title"] == "Drift"
        assert "Seed: 7" in container.metadata["comment"]


def test_a_failing_folder_is_a_sentence_and_the_show_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").write_text("a file where a folder should be")
    keeper = Keeper(About(), SCENE, credits=told)
    for name in ("still", "record", "take"):
        keeper.obeyed(Command(name), Tick(0, 0.0, 0.03, 0.0))
    assert [record.getMessage() for record in caplog.records] == [
        f"folder 'out/{name}' cannot be made: Not a directory"
        for name in ("stills", "films", "takes")
    ]
