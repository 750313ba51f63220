"""Mistakes at the command line: one clear sentence, a non-zero exit, no traceback."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Venue

from vjgan.cli import main

FILM = ("render", "demo", "-o")


def vjgan(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vjgan", *map(str, words)],
        capture_output=True, text=True, cwd=folder, timeout=200,
    )  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "broken.toml").write_text("name = ")
    (tmp_path / "range.toml").write_text("[controls]\nspeed = 99")
    (tmp_path / "noise.wav").write_bytes(b"not a sound")
    (tmp_path / "bad.safetensors").write_bytes(b"not a model")
    return tmp_path


@pytest.fixture
def handlers() -> Iterator[None]:
    """The process's own signal handlers, put back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def printed(
    handlers: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What a command that ends well prints, in this process: each new one would load torch."""

    def of(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["vjgan", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        return capsys.readouterr().out

    return of


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("live", "--input", "gone.wav"), "gone.wav"),
        (("live", "--input", "noise.wav"), "noise.wav"),
        (("live", "--input", "No Such Device"), "No Such Device"),
        (("live", "--input", "demo", "--preset", "nope"), "nope"),
        (("live", "--input", "demo", "--preset", "broken.toml"), "not valid TOML"),
        (("live", "--input", "demo", "--preset", "range.toml"), "speed 99"),
        (("live", "--input", "demo", "--model", "nope"), "nope"),
        (("live", "--input", "demo", "--model", "bad.safetensors"), "bad.safetensors"),
        (("live", "--input", "demo", "--device", "cuda:9"), "cuda:9"),
        (("live", "--input", "demo", "--midi", "No Such Box"), "No Such Box"),
        (("live", "--input", "demo", "--midi-api", "smoke"), "smoke"),
        (("live", "--input", "demo", "--window", "big"), "big"),
        (("live", "--input", "demo", "--display", "7"), "7"),
        (("live", "--channel", "99", "--headless"), "99"),
        (("live", "--headless", "--stats", "/proc/no/a.json"), "/proc/no"),
        (("analyze", "demo", "--json", "/proc/no/a.json"), "/proc/no"),
        (("score", "demo", "-o", "/proc/no/a.toml"), "/proc/no"),
        (("project", "noise.wav", "-o", "/proc/no/a.png"), "/proc/no"),
        (("project", "noise.wav", "-o", "a.png", "--keep", "../a"), "../a"),
        (("render", "gone.flac", "-o", "a.mp4"), "gone.flac"),
        ((*FILM, "a.txt"), ".txt"),
        ((*FILM, "/proc/no/a.mp4"), "/proc/no"),
        ((*FILM, "a.mp4", "--size", "321x180"), "321"),
        ((*FILM, "a.mp4", "--fps", "0"), "--fps '0'"),
        ((*FILM, "a.mp4", "--from", "1e400"), "--from '1e400'"),
        (("render", "noise.wav", "-o", "noise.wav"), "noise.wav"),
        (("model", "directions", "alive", "--names", "a,a"), "names one twice"),
        (("model", "directions", "alive", "--names", "a b"), "--names 'a b'"),
        (("bank", "list", "--bank", "noise.wav"), "bank 'noise.wav' is no folder"),
        (("project", "noise.wav", "-o", "a.jpg"), "a.jpg"),
        ((*FILM, "a.mp4", "--fps", "many"), "many"),
        ((*FILM, "a.mp4", "--from", "50", "--to", "10"), "--from 50"),
        ((*FILM, "a.mp4", "--from", "x"), "--from 'x'"),
        (("model", "info", "nope"), "nope"),
    ],
)
def test_a_mistake_is_one_sentence(
    venue: Venue,
    files: Path,
    handlers: None,
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["vjgan", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert str(end.value.code).startswith("vjgan: ")
    assert "\n" not in str(end.value.code)
    assert said in str(end.value.code)
    assert {path.name for path in files.iterdir()} == {
        "broken.toml", "range.toml", "noise.wav", "bad.safetensors",
    }  # fmt: skip


def test_a_mistake_leaves_no_traceback(venue: Venue, files: Path) -> None:
    done = vjgan("live", "--input", "gone.wav", folder=files)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert done.stderr.startswith("vjgan: --input 'gone.wav'")


def test_the_lists_are_printed(venue: Venue, printed: Callable[..., str]) -> None:
    assert "01-drift" in printed("presets")
    assert "kaleidoscope.segments" in printed("controls")
    devices = printed("devices")
    assert "cpu" in devices
    assert "pulse" in devices
    assert "1920x1080" in devices
    assert "never saw a picture" in printed("model", "info")
    assert vjgan("--version").stdout.strip()


def test_help_is_a_manual_page(printed: Callable[..., str]) -> None:
    for words in ((), ("live",), ("render",), ("model",)):
        assert "Usage" in printed(*words, "--help")


def test_the_doctor_finds_the_venue_fit(venue: Venue) -> None:
    done = vjgan("doctor")
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout
    for part in ("display", "sound in", "MIDI", "model", "presets"):
        assert part in done.stdout


def test_it_leaves_while_a_thread_is_inside_a_library() -> None:
    program = (
        "import threading, time, vjgan.__main__ as entry\n"
        "def main():\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    raise SystemExit('vjgan: no such thing')\n"
        "entry.main = main\n"
        "entry.program()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == "vjgan: no such thing\n"
