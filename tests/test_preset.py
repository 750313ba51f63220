from pathlib import Path

import pytest

from vjgan.controls import Control
from vjgan.errors import PresetError
from vjgan.preset import find_preset, find_presets, load_preset
from vjgan.types import Command, TempoHint

PASSES = {
    "bloom": {"bloom.amount": Control("bloom.amount", 0.0, 2.0, 0.5, "", "glow")},
    "vignette": {},
}
GOOD = """
name = "Tide"
model = "portraits"
crossfade_beats = 4
passes = ["bloom", "vignette"]
[motion]
kind = "keyframes"
keyframes = [{ seed = 1, bars = 2 }, { seed = 5, bars = 4.5 }]
[controls]
speed = 1
bloom.amount = 0.7
[lfo.slow]
shape = "triangle"
beats = 32
[[routes]]
source = "lfo.slow"
target = "bloom.amount"
amount = -0.2
[[routes]]
source = "midi.16.note127"
target = "hue"
amount = 90
curve = "square"
attack = 0.1
"""


def load(folder: Path, text: str):
    path = folder / "03-tide.toml"
    path.write_text(text)
    return load_preset(path, PASSES)


def test_a_good_preset_is_read_whole(tmp_path: Path) -> None:
    preset = load(tmp_path, GOOD)
    assert (preset.key, preset.name, preset.model) == ("03-tide", "Tide", "portraits")
    assert [row.name for row in preset.passes] == ["bloom", "vignette"]
    assert preset.values == {"speed": 1.0, "bloom.amount": 0.7}
    assert preset.motion.keyframes[1].bars == 4.5
    assert preset.lfos["slow"].beats == 32.0
    assert preset.routes[1].curve == "square"


def test_a_name_of_three_parts_is_a_control(tmp_path: Path) -> None:
    preset = load(tmp_path, '[controls]\nnoise.seed.16 = 2\nnoise.8 = 0.5\n"noise.seed" = 1')
    assert preset.values == {"noise.seed.16": 2.0, "noise.8": 0.5, "noise.seed": 1.0}


def test_directions_have_names_that_the_model_decides(tmp_path: Path) -> None:
    text = """
    [motion]
    classes = [3, 1]
    [controls]
    direction.smile = -2.5
    direction.2 = 1
    "noise.fine" = 2
    [[routes]]
    source = "low"
    target = "direction.look-up"
    amount = 1
    """
    preset = load(tmp_path, text)
    assert preset.values == {"direction.smile": -2.5, "direction.2": 1.0, "noise.fine": 2.0}
    assert preset.table["direction.look-up"].maximum == 3.0
    assert preset.steers == {*preset.values, "direction.look-up"}
    assert preset.motion.classes == (3, 1)


KNOBS = """
[tempo]
bpm = 172
slowest = 150
[controllers.nano]
takeover = "scale"
[controllers.nano.controls]
cc1 = "bloom.amount"
note36 = { control = "hue", mode = "latch", high = 90 }
[controllers.nano.commands]
cc41 = "strobe_kill"
"""


@pytest.mark.parametrize("head", ["", "format = 1", "format = 2"])
def test_it_keeps_bindings_and_tempo_whatever_its_format(tmp_path: Path, head: str) -> None:
    preset = load(tmp_path, head + KNOBS)
    assert preset.hint == TempoHint(172.0, 150.0, 0.0)
    (nano,) = preset.controllers
    assert nano.controls["cc1"].high == 2.0 and nano.controls["note36"].mode == "latch"
    assert nano.commands == {"cc41": Command("strobe_kill")} and nano.takeover == "scale"


def test_an_empty_file_is_a_preset(tmp_path: Path) -> None:
    assert load(tmp_path, "").name == "03-tide"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[controls]\nspeed = 9.0", ["controls.speed 9.0", "0..8"]),
        ("[controls]\nspeed = true", ["controls.speed", "number", "True"]),
        ("[controls]\nspeed = 'x'", ["controls.speed", "number", "'x'"]),
        ("[controls]\nspeed = nan", ["controls.speed nan"]),
        ("[controls]\nsped = 1", ["controls.sped", "unknown", "speed"]),
        ("[controls]\nbloom.amount = 5", ["controls.bloom.amount 5", "0..2"]),
        ("[controls]\nbloom.a.b = 5", ["controls.bloom.a", "unknown"]),
        ("passes = ['bloon']", ["passes", "'bloon'", "bloom, vignette"]),
        ("passes = 'bloom'", ["passes", "'bloom'"]),
        ("sped = 1", ["sped", "unknown", "crossfade_beats"]),
        ("[motion]\nkind = 'spin'", ["motion.kind", "'spin'", "wander"]),
        ("[motion]\nbar = 2", ["motion.bar", "unknown", "anchors"]),
        ("[motion]\nbars = 0", ["motion.bars", "0", "greater than or equal to 1"]),
        ("[motion]\nkind = 'keyframes'", ["motion.keyframes", "2"]),
        ("crossfade_beats = -1", ["crossfade_beats", "-1"]),
        ("[[routes]]\ntarget = 'hue'\namount = 1", ["routes.1.source", "missing"]),
        ("[[routes]]\nsource='lw'\ntarget='hue'\namount=1", ["route 1", "'lw'", "low"]),
        ("[[routes]]\nsource='lfo.a'\ntarget='hue'\namount=1", ["route 1", "'lfo.a'"]),
        ("[[routes]]\nsource='midi.cc128'\ntarget='hue'\namount=1", ["'midi.cc128'"]),
        ("[[routes]]\nsource='midi.17.cc1'\ntarget='hue'\namount=1", ["'midi.17.cc1'"]),
        ("[[routes]]\nsource='low'\ntarget='hew'\namount=1", ["route 1", "'hew'", "hue"]),
        ("[[routes]]\nsource='low'\ntarget='hue'\namount=inf", ["routes.1.amount", "inf"]),
        ("[[routes]]\nsource='low'\ntarget='hue'\namount=1\nattack=-1", ["attack", "-1"]),
        ("[[routes]]\nsource='low'\ntarget='hue'\namount=1\ncurve='x'", ["curve", "linear"]),
        ("[lfo.a]\nshape = 'x'", ["lfo.a.shape", "'x'", "sine"]),
        ("[lfo.a]\nbeat = 3", ["lfo.a.beat", "unknown", "beats"]),
        ("name = ", ["not valid TOML", "end of document"]),
        ("[tempo]\nbpm = 1000", ["tempo.bpm 1000", "less than or equal to 400"]),
        ("[tempo]\nslowest = 90\nfastest = 80", ["tempo.slowest 90 must be below fastest, 80"]),
        ("[tempo]\nspeed = 3", ["tempo.speed is unknown; there are: bpm, slowest, fastest"]),
        ('[controllers.n]\nmap = "generic"', ["controllers.n.map 'generic'", "not permitted"]),
        ('[controllers.n.controls]\ncc1 = "hoe"', ["controllers.n.controls.cc1 'hoe' is not a"]),
        (
            '[controllers.n.commands]\ncc1 = "x"',
            ["controllers.n.commands.cc1 'x' is not a command"],
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(PresetError) as error:
        load(tmp_path, text)
    said = str(error.value)
    assert "03-tide" in said
    assert "\n" not in said
    for word in words:
        assert word in said


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"gone\.toml.*cannot be read"):
        load_preset(tmp_path / "gone.toml", PASSES)
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    with pytest.raises(PresetError, match="not UTF-8"):
        load_preset(tmp_path / "latin.toml", PASSES)
    (tmp_path / "huge.toml").write_bytes(b"#" * 2_000_000)
    with pytest.raises(PresetError, match="larger than"):
        load_preset(tmp_path / "huge.toml", PASSES)


def test_presets_are_found_by_name_number_and_path(tmp_path: Path) -> None:
    for name in ("02-b.toml", "01-a.toml", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [path.stem for path in find_presets(tmp_path)] == ["01-a", "02-b"]
    for name in ("02-b", "b", "2", str(tmp_path / "02-b.toml")):
        assert find_preset(name, tmp_path).stem == "02-b"
    with pytest.raises(PresetError, match="'c' is unknown; there are: 01-a, 02-b"):
        find_preset("c", tmp_path)
    with pytest.raises(PresetError, match="no such file"):
        find_preset("c.toml", tmp_path)
