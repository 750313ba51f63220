"""Set lists: what is in the file, and one sentence for each mistake."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from vjgan.controls import CONTROLS, Control
from vjgan.errors import PresetError, SetlistError
from vjgan.setlist import Cue, Setlist, read_setlist
from vjgan.stock import make_library
from vjgan.types import Command, Setting

WRITTEN = """
name = "Friday"
quantise = "4 bars"

[[tracks]]
title = "Opening"
preset = "tide"
bpm = 122
notes = "wait for the pads"
[[tracks.cues]]
bar = 17
set = { hue = 30, bend = { erode = 0.5 } }
[[tracks.cues]]
seconds = 90.5
command = "nudge -2"

[[tracks]]
title = "Second"
preset = "beside.toml"
quantise = "beat"
[[tracks.cues]]
bar = 1.5
preset = "tide"
"""


def find(name: str) -> Path:
    if name != "tide":
        raise PresetError(f"preset '{name}' is unknown; there are: tide")
    return Path("/presets/02-tide.toml")


def table(path: Path) -> Mapping[str, Control]:
    if path.is_file() and "broken" in path.read_text():
        raise PresetError(f"preset '{path.stem}': broken")
    return CONTROLS


def read(folder: Path, text: str) -> Setlist:
    (folder / "friday.toml").write_text(text)
    return read_setlist(folder / "friday.toml", find, table)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "beside.toml").write_text("")
    night = read(tmp_path, WRITTEN)
    opening, second = night.tracks
    assert (night.name, opening.title, opening.bpm, opening.notes, opening.quantise) == (
        "Friday", "Opening", 122.0, "wait for the pads", "4 bars"
    )  # fmt: skip
    assert opening.cues == (
        Cue(17.0, True, events=(Setting("hue", 30.0), Setting("bend.erode", 0.5))),
        Cue(90.5, False, events=(Command("nudge", -2),)),
    )
    assert (second.preset, second.bpm, second.quantise) == (tmp_path / "beside.toml", 0.0, "beat")
    assert second.cues == (Cue(1.5, True, preset=Path("/presets/02-tide.toml")),)
    assert night.presets() == [Path("/presets/02-tide.toml"), tmp_path / "beside.toml"]


TRACK = "[[tracks]]\ntitle='A'\npreset='tide'\n"
CUE = TRACK + "[[tracks.cues]]\nbar = 2\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "tracks is missing"),
        ("tracks = []", "tracks is empty; one is the least"),
        ("quantise = '2 bars'\n" + TRACK, "quantise '2 bars' is not allowed; it must be 'now', '"),
        ("tempo = 1\n" + TRACK, "tempo is unknown; there are: name, quantise, tracks"),
        (TRACK + "speed = 1", "tracks.1.speed is unknown; there are: title, preset, bpm, notes"),
        ("[[tracks]]\npreset='tide'", "tracks.1.title is missing"),
        (TRACK.replace("A", ""), "tracks.1.title '' is not allowed; it should have at least 1 cha"),
        (TRACK + "bpm = 700", "tracks.1.bpm 700 is not allowed; it must be less than or equal to"),
        (TRACK.replace("tide", "tyde"), "tracks.1.preset: preset 'tyde' is unknown; there are: t"),
        (TRACK.replace("tide", "bad.toml"), "tracks.1.preset: preset 'bad': broken"),
        (CUE, "tracks.1.cues.1 must have one of preset, command and set"),
        (CUE + "seconds = 1\ncommand = 'tap'", "tracks.1.cues.1 must have either bar or seconds"),
        (CUE + "colour = 1", "tracks.1.cues.1.colour is unknown; there are: bar, seconds, preset"),
        (CUE + "command = 'explode'", "tracks.1.cues.1.command 'explode' is not a command, if"),
        (CUE + "set = { hue = 999 }", "tracks.1.cues.1.set: hue 999 must be a number, -180..180"),
        (CUE + "set = { hue = true }", "tracks.1.cues.1.set: hue True must be a number, -180..180"),
        (CUE + "set = { hoe = 1 }", "tracks.1.cues.1.set: 'hoe' is not a control; there are: spee"),
        (TRACK + "x", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "bad.toml").write_text("broken")
    with pytest.raises(SetlistError) as caught:
        read(tmp_path, text)
    sentence = str(caught.value)
    assert sentence.startswith(f"setlist '{tmp_path / 'friday.toml'}'")
    assert told in sentence and "\n" not in sentence.removesuffix("\n")


def test_the_example_in_the_documentation_is_a_set_list(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "setlists.md").read_text()
    (tmp_path / "friday.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    library = make_library()
    night = library.setlist(tmp_path / "friday.toml")
    assert [(track.title, len(track.cues)) for track in night.tracks] == [
        ("Opening", 2),
        ("Second", 1),
    ]
    assert len(night.presets()) == 3


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetlistError, match="cannot be read: No such file"):
        read_setlist(tmp_path / "none.toml", find, table)
