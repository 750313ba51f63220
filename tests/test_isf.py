"""ISF files: what is read of them, without a GPU."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from vjgan.errors import PresetError, ShaderError
from vjgan.preset import load_preset
from vjgan.screen.isf.arithmetic import read_sum
from vjgan.screen.isf.collection import Collection
from vjgan.screen.isf.header import pass_name, read_isf
from vjgan.screen.isf.sound import spectrum, wave
from vjgan.stock import all_controls, make_library
from vjgan.types import PassWeight

MAIN = "void main() { gl_FragColor = vec4(1.0); }"


def written(folder: Path, header: object, main: str = MAIN, name: str = "A File.fs") -> Path:
    path = folder / name
    text = header if isinstance(header, str) else json.dumps(header)
    path.write_text(f"/*{text}*/\n{main}\n")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("512", 512.0),
        ("$WIDTH", 320.0),
        ("floor($WIDTH/3.0)", 106.0),
        ("max($HEIGHT / 27.0, 1.0)", 180 / 27),
        ("floor($WIDTH*min((0.2+$amount*0.1),1.0))", math.floor(320 * 0.25)),
        ("2 + 3 * 4 - 6 / 3", 12.0),
        ("-2 ^ 2 + 7 % 4", -1.0),
        ("2 ** 3 ** 2", 512.0),
        ("pow(2, ceil(log2(300))) - .5e1", 507.0),
    ],
)
def test_sums(text: str, value: float) -> None:
    values = {"WIDTH": 320.0, "HEIGHT": 180.0, "amount": 0.5}
    assert read_sum(text, set(values))(values) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1 +", "(1", "1)", "$nothing", "import", "__import__('os')", "floor", "floor(1, 2)"),
        *("system(1)", "1 2", "$WIDTH.real", "[1]", "(" * 60 + "1" + ")" * 60, "1+" * 300 + "1"),
        *("2^" * 60 + "2", "-" * 390 + "("),
    ],
)
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_sum(text, {"WIDTH"})


def test_inputs_become_controls(tmp_path: Path) -> None:
    inputs = [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "size", "TYPE": "float", "MIN": 1, "MAX": 9, "DEFAULT": 4, "LABEL": "Size"},
        {"NAME": "plain", "TYPE": "float"},
        {"NAME": "turned", "TYPE": "float", "MIN": 2, "MAX": -1, "DEFAULT": 5},
        {"NAME": "on", "TYPE": "bool", "DEFAULT": True},
        {"NAME": "hit", "TYPE": "event"},
        {"NAME": "mode", "TYPE": "long", "VALUES": [8, 2], "LABELS": ["a", "b"], "DEFAULT": 3},
        {"NAME": "place", "TYPE": "point2D", "MIN": [-1, 0], "MAX": [1, 2], "DEFAULT": [0, 0.5]},
        {"NAME": "tint", "TYPE": "color", "DEFAULT": [0.1, 0.2, 0.3]},
    ]
    isf = read_isf(written(tmp_path, {"INPUTS": inputs}))
    assert (isf.name, isf.kind, isf.layer) == ("isf_a_file", "filter", None)
    rows = {
        name.removeprefix("isf_a_file."): (row.minimum, row.maximum, row.default)
        for name, row in isf.controls.items()
    }
    assert rows == {
        "size": (1, 9, 4),
        "plain": (0, 1, 0.5),
        "turned": (-1, 5, 5),
        "on": (0, 1, 1),
        "hit": (0, 1, 0),
        "mode": (2, 8, 2),
        "place.x": (-1, 1, 0),
        "place.y": (0, 2, 0.5),
        "tint.r": (0, 1, 0.1),
        "tint.g": (0, 1, 0.2),
        "tint.b": (0, 1, 0.3),
        "tint.a": (0, 1, 1),
    }
    assert isf.controls["isf_a_file.mode"].does == "mode: 8 a, 2 b"


def test_kinds_by_their_images(tmp_path: Path) -> None:
    def kind(*images: str, progress: bool = False) -> tuple[str, bool]:
        rows = [{"NAME": name, "TYPE": "image"} for name in images]
        rows += [{"NAME": "progress", "TYPE": "float"}] * progress
        isf = read_isf(written(tmp_path, {"INPUTS": rows}))
        return isf.kind, isf.layer is not None

    assert kind() == ("generator", False)
    assert kind("inputImage") == ("filter", False)
    assert kind("inputImage", "mask") == ("filter", True)
    assert kind("startImage", "endImage", progress=True) == ("transition", True)
    assert kind("startImage", "endImage") == ("generator", True)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "must be a JSON object"),
        ({"INPUTS": {"a": 1}}, "INPUTS must be a list"),
        ({"INPUTS": [{"NAME": "a b", "TYPE": "float"}]}, "'a b' is no name"),
        ({"INPUTS": [{"NAME": "a;", "TYPE": "float"}]}, "'a;' is no name"),
        ({"INPUTS": [{"NAME": "a", "TYPE": "cube"}]}, "TYPE 'cube' is unknown"),
        ({"INPUTS": [{"NAME": "a", "TYPE": ["float"]}]}, "TYPE must be text"),
        ({"INPUTS": [{"NAME": "a", "TYPE": "float", "MIN": "x"}]}, "x is no number"),
        ({"INPUTS": [{"NAME": "a", "TYPE": "float", "MIN": 10**400}]}, "is no number"),
        ({"INPUTS": [{"NAME": "a", "TYPE": "long", "VALUES": []}]}, "is no number"),
        ({"PERSISTENT_BUFFERS": 5, "PASSES": [{"TARGET": 7}]}, "7 is no name"),
        ({"IMPORTED": [{"NAME": [], "PATH": "a.png"}]}, "IMPORTED '[]' is no name"),
        ({"INPUTS": [{"NAME": "a", "TYPE": "float", "MAX": 1e99}]}, "outside"),
        ({"INPUTS": [{"NAME": "a", "TYPE": "float"}] * 2}, "'a' is there twice"),
        ({"PASSES": [{}] * 33}, "at most 32"),
        ({"PASSES": [{"WIDTH": "exec(1)"}]}, "the function 'exec' is unknown"),
        ({"IMPORTED": {"a": {"PATH": "../a.png"}}}, "not inside the file's own folder"),
        ({"IMPORTED": {"a": {"PATH": "/etc/a.png"}}}, "not inside the file's own folder"),
        ({"IMPORTED": {"a": {"PATH": "b/../../a.png"}}}, "not inside the file's own folder"),
        ({"IMPORTED": {"a": {"PATH": "a.svg"}}}, "is none of .png"),
    ],
)
def test_broken_files_are_one_sentence(tmp_path: Path, header: object, reason: str) -> None:
    path = written(tmp_path, header)
    with pytest.raises(ShaderError) as caught:
        read_isf(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.png").touch()
    (tmp_path / "in" / "a.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(ShaderError, match="not inside"):
        read_isf(written(tmp_path / "in", {"IMPORTED": {"a": {"PATH": "a.png"}}}))


def test_a_file_without_a_header_or_gone(tmp_path: Path) -> None:
    (tmp_path / "a.fs").write_text(MAIN)
    with pytest.raises(ShaderError, match="must begin with a comment"):
        read_isf(tmp_path / "a.fs")
    with pytest.raises(ShaderError, match="cannot be read"):
        read_isf(tmp_path / "b.fs")


def test_passes_of_the_first_version_and_of_the_second(tmp_path: Path) -> None:
    header = {
        "PERSISTENT_BUFFERS": {"old": {"WIDTH": "$WIDTH/2", "FLOAT": True}},
        "PASSES": [{"TARGET": "old"}, {"TARGET": "new", "persistent": 1, "HEIGHT": 1}, {}],
    }
    old, new, last = read_isf(written(tmp_path, header)).targets
    assert (old.persistent, old.deep, old.scales) == (True, True, True)
    assert old.width is not None and old.width({"WIDTH": 320.0}) == 160.0
    assert (new.persistent, new.deep, last.name, last.persistent) == (True, False, "", False)


def test_lines_stay_where_they_are(tmp_path: Path) -> None:
    isf = read_isf(written(tmp_path, "{\n\n}", "one\ntwo"))
    assert isf.fragment.splitlines()[2:5] == ["", "one", "two"]


def test_names() -> None:
    assert pass_name(Path("/a/Color Bars.fs")) == "isf_color_bars"
    assert pass_name(Path("v002-CRT (2).fs")) == "isf_v002_crt_2"
    assert pass_name(Path("日本.fs")) == "isf_unnamed"


def test_the_spectrum_passes_through_the_bands() -> None:
    bands = np.linspace(0.1, 0.8, 8, dtype=np.float32)
    row = spectrum(bands, 22_050)
    for hz, height in zip((55, 110, 230, 545, 1300, 2830, 5660, 11300), bands, strict=True):
        assert row[hz] == pytest.approx(height, abs=5e-3)
    assert spectrum(bands, 1).shape == (1,)


def test_the_wave_is_as_loud_as_the_bands() -> None:
    quiet, loud = (wave(np.full(8, x, np.float32), 256, 1.0) for x in (0.0, 1.0))
    assert np.all(quiet == 0.5)
    assert loud.min() < 0.3 and loud.max() > 0.7
    only_low = wave(np.eye(8, dtype=np.float32)[0], 2205, 0.0) - 0.5
    strongest = np.abs(np.fft.rfft(only_low)).argmax() / 0.02  # Hz; the wave is 20 ms wide
    assert strongest == pytest.approx(55.0, abs=25.0)


def test_presets_name_files(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    inputs = [{"NAME": "size", "TYPE": "float", "MIN": 0, "MAX": 4, "DEFAULT": 1}]
    path = written(tmp_path / "own", {"INPUTS": inputs}, name="Blobs.fs")
    preset = tmp_path / "01-p.toml"
    files = Collection([tmp_path / "own"])

    def load(passes: str, controls: str = "") -> tuple[PassWeight, ...]:
        preset.write_text(f"passes = [{passes}]\n[controls]\n{controls}\n")
        loaded = load_preset(preset, {"bloom": {}}, open_pass=files.open)
        assert "isf_blobs.size" in loaded.table
        return loaded.passes

    row = PassWeight("isf_blobs", source=path)
    assert load('"bloom", "isf:Blobs"', "isf_blobs.size = 3") == (PassWeight("bloom"), row)
    assert load(f'"isf:{path}"') == (row,)
    assert load('"isf:own/Blobs.fs"') == (row,)
    with pytest.raises(PresetError, match=r"size 9 is outside 0\.\.4"):
        load('"isf:Blobs"', "isf_blobs.size = 9")
    with pytest.raises(PresetError, match=r"'Nothing' is not in .*; there are: Blobs"):
        load('"isf:Nothing"')
    written(tmp_path, {}, name="blobs.fs")
    with pytest.raises(PresetError, match="would both be called isf_blobs"):
        load('"isf:Blobs", "isf:own/../blobs"')


def test_the_last_good_header_is_told_until_a_new_one_is(tmp_path: Path) -> None:
    path = written(tmp_path, {})
    files = Collection([tmp_path])
    files.open("A File", tmp_path)
    before = files.stamps()
    assert before == files.stamps() and list(before) == [path]
    path.write_text("/*{*/")
    assert files.stamps() != before
    with pytest.raises(ShaderError, match="not valid JSON"):
        files.open("A File", tmp_path)
    assert files.controls() == {}


def test_the_show_knows_the_files_that_come_along_and_those_of_its_presets() -> None:
    assert "isf_veil.folds" in all_controls()
    library = make_library()
    rows = library.passes_of_files()
    assert {row.name for row in rows} >= {"isf_wash", "isf_scorch"}
    assert all(row.source is not None and row.source.is_file() for row in rows)


def test_a_saved_file_changes_what_presets_are_checked_by(tmp_path: Path) -> None:
    path = written(tmp_path, {"INPUTS": [{"NAME": "a", "TYPE": "float"}]})
    preset = tmp_path / "01-p.toml"
    preset.write_text(f'passes = ["isf:{path}"]')
    library = make_library()
    assert "isf_a_file.a" in library.preset(preset).table
    before = library.known()
    assert library.known() == before
    written(tmp_path, {"INPUTS": [{"NAME": "b", "TYPE": "float"}]})
    os.utime(path, ns=(1, 1))
    assert library.known() != before
    assert "isf_a_file.b" in library.preset(preset).table
