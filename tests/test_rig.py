from collections.abc import Sequence
from pathlib import Path

import pytest

from vjgan.bindings import Controller
from vjgan.bound import Bound
from vjgan.errors import VjganError
from vjgan.rig import keep_in_rig, load_rig, rig_file
from vjgan.types import Command, ControlEvent, Event

WRITTEN = """# of the touring case
input_ms = 12.5
link = true
[commands]
note36 = "tap"
"10.note36" = "one"
cc64 = "nudge -2"
[commands.more]
"""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    rig_file().parent.mkdir()
    return rig_file()


def test_without_a_file_nothing_is_special(rig: Path) -> None:
    plain = load_rig()
    assert (plain.offset, plain.latency, dict(plain.commands)) == (0.0, 0.0, {})


def test_what_is_written_is_read(rig: Path) -> None:
    rig.write_text(WRITTEN.replace("[commands.more]\n", ""))
    read = load_rig()
    assert (read.offset, read.latency, read.link) == (0.0, 0.0125, True)
    assert read.commands == {
        "note36": Command("tap"),
        "10.note36": Command("one"),
        "cc64": Command("nudge", -2),
    }


def test_keeping_a_number_keeps_all_else(rig: Path) -> None:
    rig.write_text(WRITTEN.replace("[commands.more]\n", ""))
    keep_in_rig("offset_ms", -7.25)
    assert keep_in_rig("input_ms", 20.0) == rig
    read = load_rig()
    assert (read.offset, read.latency, len(read.commands)) == (-0.0072, 0.02, 3)
    assert rig.read_text().startswith(
        "# of the touring case\ninput_ms = 20.0\nlink = true\noffset_ms = -7.2\n"
    )
    assert [path.name for path in rig.parent.iterdir()] == ["rig.toml"]


def test_a_first_number_makes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "deep"))
    keep_in_rig("offset_ms", 5.0)
    assert load_rig().offset == 0.005


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("offset_ms = 'much'", r"offset_ms 'much' must be a number, -2000\.\.2000"),
        ("input_ms = nan", r"input_ms nan must be a number"),
        ("input_ms = true", r"input_ms True must be a number"),
        ("ofset_ms = 3", r"ofset_ms is unknown; there are: offset_ms, input_ms, link, commands"),
        ("link = 1", "link 1 must be true or false"),
        ("commands = 3", "commands must be a table"),
        ("[commands]\nnote128 = 'tap'", r"commands\.note128 is not ccN, noteN or CHANNEL\.noteN"),
        ("[commands]\nnote1 = 'dance'", r"commands\.note1 'dance' is not a command.*: quit, "),
        ("[commands]\nnote1 = 'tap now'", r"'tap now' is not a command"),
        ("offset_ms =", "is not valid TOML"),
    ],
)
def test_a_mistake_is_one_sentence(rig: Path, text: str, reason: str) -> None:
    rig.write_text(text)
    with pytest.raises(VjganError, match=reason) as told:
        load_rig()
    assert str(rig) in str(told.value)


class Script:
    def __init__(self, *frames: Sequence[Event]) -> None:
        self.frames = list(frames)
        self.closed = False

    def read(self) -> Sequence[Event]:
        return self.frames.pop(0) if self.frames else ()

    def close(self) -> None:
        self.closed = True


def test_a_pad_does_its_command_once_when_it_is_pressed() -> None:
    hit, let = ControlEvent("note36", 0.8), ControlEvent("note36", 0.0)
    faint, tenth = ControlEvent("note36", 0.2), ControlEvent("note36", 0.8, channel=10)
    script = Script([hit], [hit], [let], [faint], [tenth], [Command("help")])
    commands = {"note36": Command("tap"), "10.note36": Command("one")}
    pads = Bound(script, [Controller("", {}, commands)], lambda: None)
    assert [list(pads.read()) for _ in range(6)] == [
        [hit, Command("tap")],
        [hit],
        [let],
        [faint],
        [tenth, Command("one")],
        [Command("help")],
    ]
    pads.close()
    assert script.closed
