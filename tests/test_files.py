"""What is put in place of a file: whole, where it belongs, and as others wrote the rest of it."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
import wave
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vjgan.assets import folder
from vjgan.errors import MediaError, ModelError
from vjgan.explore import blend_models
from vjgan.files import check_place, read_text, read_toml, replacing, write_text
from vjgan.film import FilmSettings
from vjgan.film import film as make_film
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.media import FilmWriter, save_image
from vjgan.projecting import project
from vjgan.render import exact, frame_rate
from vjgan.rig import keep_binding, keep_in_rig
from vjgan.setlist import is_setlist
from vjgan.snapshot import edit_preset
from vjgan.train.pictures import read_picture

PRESET = 'name = "A"\r\n# mine\r\n[controls]\r\nspeed = 0.5 # slow\r\n'


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as part:
        part.write_text("half")
        raise OSError("full")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_two_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as one, one.open("w") as first:
        first.write("one")
        with replacing(path) as other:
            other.write_text("the other")
        assert path.read_text() == "the other"
        with replacing(path) as third:
            assert third not in (one, path)
            third.write_text("the third")
    assert path.read_text() == "one" and os.listdir(tmp_path) == ["a.txt"]


def test_what_a_killed_program_left_is_used_again(tmp_path: Path) -> None:
    path, left = tmp_path / "a.txt", tmp_path / ".a.txt.part"
    left.write_text("what was not finished, and is longer")
    write_text(path, "new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_two_films_of_one_name_are_both_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    picture = np.zeros((64, 64, 3), np.uint8)
    with FilmWriter(path, (64, 64), Fraction(30)) as one:
        one.write(picture)
        with FilmWriter(path, (64, 64), Fraction(30)) as other:
            for _ in range(3):
                other.write(picture)
        first = path.read_bytes()
        one.write(picture)
    lengths = []
    for data in (first, path.read_bytes()):
        with av.open(io.BytesIO(data)) as film:
            lengths.append(sum(1 for _ in film.decode(video=0)))
    assert lengths == [3, 2] and os.listdir(tmp_path) == ["a.mp4"]


def test_a_film_whose_sound_is_none_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        FilmWriter(tmp_path / "a.mp4", (64, 64), Fraction(30), tmp_path / "no.wav")
    assert not os.listdir(tmp_path)


def test_a_link_stays_one_and_its_file_is_written(tmp_path: Path) -> None:
    far, link = tmp_path / "far" / "a.txt", tmp_path / "a.txt"
    far.parent.mkdir()
    far.write_text("old")
    link.symlink_to(far)
    write_text(link, "new")
    assert link.is_symlink() and far.read_text() == "new"
    assert os.listdir(far.parent) == ["a.txt"] and os.listdir(tmp_path) == ["far", "a.txt"]


def test_a_film_goes_where_its_link_leads(tmp_path: Path) -> None:
    far, link = tmp_path / "far.mp4", tmp_path / "a.mp4"
    link.symlink_to(far)
    with FilmWriter(link, (64, 64), Fraction(30)) as film:
        film.write(np.zeros((64, 64, 3), np.uint8))
    assert link.is_symlink() and far.stat().st_size > 500


def test_who_may_read_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "new")
    assert os.read(reader, 10) == b"new" and stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(reader)


def test_a_folder_of_that_name_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path / "a", "new")
    assert os.listdir(tmp_path) == ["a"]


def test_an_edited_preset_keeps_its_ends_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(PRESET.encode("utf-8-sig"))  # as an editor on Windows saves it
    assert read_toml(path, "preset")["controls"] == {"speed": 0.5}

    def change(document: dict[str, dict[str, float]]) -> None:
        document["controls"]["speed"] = 0.7

    before, after = edit_preset(path, change, lambda file: read_toml(file, "preset"))
    assert before == PRESET and after == PRESET.replace("0.5", "0.7")
    assert path.read_bytes() == after.encode()


def test_an_edited_rig_keeps_its_ends_of_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rig.toml"
    monkeypatch.setattr("vjgan.rig.rig_file", lambda: path)
    path.write_bytes(b'offset_ms = 3 # late\r\n[controllers."nano".controls]\r\ncc1 = "hue"\r\n')
    keep_in_rig("offset_ms", 4.0)
    keep_binding("nanoKONTROL2", "cc2", "zoom")
    lines = read_text(path).split("\r\n")
    assert lines[0] == "offset_ms = 4.0" and lines[2] == 'cc1 = "hue"'


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="File name too long"):
        check_place("file", tmp_path / ("x" * 300), error=MediaError)


def test_a_link_to_no_folder_is_refused_at_the_door(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone" / "a.png")
    with pytest.raises(MediaError, match=f"there is no folder '{tmp_path / 'gone'}'"):
        check_place("picture", tmp_path / "a.png", error=MediaError)


def test_a_set_list_of_an_editor_on_windows_is_one(tmp_path: Path) -> None:
    path = tmp_path / "friday.toml"
    path.write_bytes('[[tracks]]\r\npreset = "tide"\r\n'.encode("utf-8-sig"))
    assert is_setlist(path)


def test_a_place_that_cannot_be_written_to_is_refused_at_the_door(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for name, said in {
        "a.jpg": ": the name must end in .png",
        "folder.png": " cannot be written: there is a folder of that name",
        "gone/a.png": f" cannot be written: there is no folder '{tmp_path / 'gone'}'",
    }.items():
        with pytest.raises(MediaError) as told:
            check_place("picture", tmp_path / name, ".png", MediaError)
        assert str(told.value) == f"picture '{tmp_path / name}'{said}"
    check_place("picture", tmp_path / "a.PNG", ".png", MediaError)
    check_place("file", Path("/dev/null"))


def test_no_film_takes_the_place_of_its_own_sound(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    with wave.open(str(film), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    before = film.read_bytes()
    settings = FilmSettings(str(film), film, size=(64, 64), fps=Fraction(30))
    with pytest.raises(MediaError, match=r"a\.mp4' is the very file that is read"):
        make_film(settings, lambda total, name: nullcontext(lambda done: None))
    assert film.read_bytes() == before


def test_no_picture_takes_the_place_of_the_one_that_is_projected(tmp_path: Path) -> None:
    path = tmp_path / "me.png"
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(MediaError, match=r"me\.png' is the very file that is read"):
        project(path, path, "portraits", "", 0, lambda done: None)


def test_a_blend_takes_the_place_of_neither_model(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    shutil.copy(folder("models") / "alive.safetensors", path)
    with pytest.raises(ModelError, match="is the very file that is read"):
        blend_models(str(path), "alive", 32, path)


def test_a_picture_for_a_portrait_stands_upright_and_keeps_its_depth(tmp_path: Path) -> None:
    upright, deep = tmp_path / "phone.jpg", tmp_path / "deep.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.new("RGB", (100, 60)).save(upright, exif=exif)
    Image.fromarray(np.full((8, 8), 32768, np.uint16)).save(deep)
    assert read_picture(upright).shape == (100, 60, 3)
    assert abs(int(read_picture(deep).mean()) - 128) <= 1


def test_a_missing_picture_is_told_where_the_portrait_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(b"")
    with pytest.raises(MediaError, match=r"gone\.png' cannot be read: No such file"):
        project(tmp_path / "gone.png", tmp_path / "out.png", "portraits", "", 0, lambda done: None)


def test_a_fraction_is_taken_as_it_is_or_refused() -> None:
    assert frame_rate("1000000/33367") == Fraction(1000000, 33367)
    assert frame_rate("100000000001/3333333333") is None
    assert [exact(text) for text in ("12.5", "25/2", ".5", " 7 ")] == [12.5, 12.5, 0.5, 7]
    for text in ("", "/", "1/0", "-1", "1e999999999", "nan", "1_0", "\u0663"):
        assert exact(text) is None and frame_rate(text) is None


def test_a_name_that_is_no_text_is_written_with_question_marks(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    model = tmp_path / "a.safetensors"
    small = StyleGAN2(StyleGAN2Config(resolution=16, channel_base=64, channel_max=8))
    checkpoint.save(model, small, name=odd.name, licence="", origin="", trained=False)
    assert checkpoint.load(model).info.name == "caf?"
    save_image(odd / "a.png", np.zeros((8, 8, 3), np.uint8), {"Title": odd.name})
    with Image.open(odd / "a.png") as picture:
        assert picture.info["Title"] == "caf?"
    with FilmWriter(odd / "a.mp4", (64, 64), Fraction(30), about={"Title": odd.name}) as film:
        film.write(np.zeros((64, 64, 3), np.uint8))
    with av.open(str(odd / "a.mp4")) as made:
        assert made.metadata["title"] == "caf?"
    (odd / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    for k, tone in enumerate(np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)):
        Image.fromarray(tone).save(odd / f"{k}.png")
    for place, status in (tmp_path / "out", 0), (odd / "out", 1):
        words = ("train", odd, "-o", place, "--prepare", "--keep", "blurred,upscaled")
        done = subprocess.run(
            [sys.executable, "-m", "vjgan", *words], capture_output=True, text=True, timeout=200
        )
        assert done.returncode == status, done.stderr
    assert "is not UTF-8; give another" in done.stderr and "Traceback" not in done.stderr
    assert "unreadable  ?.png" in (tmp_path / "out" / "data" / "report.txt").read_text()


@pytest.mark.parametrize("text", ["29.97002997", "29.97002997002997", "30000/1001"])
def test_a_broadcast_rate_is_known_however_it_is_rounded(text: str) -> None:
    assert frame_rate(text) == Fraction(30000, 1001)
