"""Pictures of artists: whatever they are, they are read or listed, and never changed."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from albums import fill, scene
from PIL import Image, ImageFilter

from vjgan.errors import MediaError, VjganError
from vjgan.train.inspection import luma, perceptual_hash, reach, shrink, softness
from vjgan.train.pictures import MOST_BYTES, Album, Entry, decode
from vjgan.train.prepare import PICTURES, REPORT, pictures_of, prepare
from vjgan.types import ByteArray


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def faults(source: Path, folder: Path, **options: object) -> dict[str, str]:
    made = prepare(source, folder, size=64, **options)  # type: ignore[arg-type]
    return {name: fault for fault, name, _ in made.faults}


def test_grey_and_palette_and_two_colours_are_read() -> None:
    picture = Image.fromarray(scene(1))
    for mode in ("L", "P", "1", "LA", "HSV"):
        kind = "TIFF" if mode == "HSV" else "PNG"
        source = picture.convert(mode)
        data = encoded(source if mode != "HSV" else picture.convert("LAB"), kind)
        assert decode(data).shape == (64, 64, 3)
    grey = decode(encoded(picture.convert("L")))
    assert np.array_equal(grey[..., 0], np.asarray(picture.convert("L")))


def test_cmyk_looks_like_what_it_was_made_of() -> None:
    picture = scene(2)
    read = decode(encoded(Image.fromarray(picture).convert("CMYK"), "TIFF"))
    assert np.abs(read.astype(int) - picture).mean() < 2.0
    read = decode(encoded(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(read.astype(int) - picture).mean() < 8.0


def test_sixteen_bits_keep_their_brightness() -> None:
    grey = np.asarray(Image.fromarray(scene(3)).convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    for data in (encoded(deep), encoded(deep, "TIFF")):
        assert np.abs(decode(data)[..., 1].astype(int) - grey).max() <= 1
    night = Image.fromarray(np.full((8, 8), 200, np.uint16))  # of 65535: black, not bright
    assert decode(encoded(night, "TIFF")).max() <= 1


def test_floating_point_is_read_as_0_to_1() -> None:
    plane = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    read = decode(encoded(Image.fromarray(plane), "TIFF"))[..., 0]
    assert np.abs(read / 255.0 - plane).max() < 0.01


def test_what_is_transparent_is_white() -> None:
    picture = np.dstack([scene(4), np.full((64, 64), 255, np.uint8)])
    picture[:32, :, 3] = 0
    read = decode(encoded(Image.fromarray(picture)))
    assert (read[:32] == 255).all()
    assert np.array_equal(read[32:], picture[32:, :, :3])


def test_a_camera_held_upright_is_turned() -> None:
    picture = scene(5, 80, 64)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    read = decode(encoded(Image.fromarray(picture), "PNG", exif=exif))
    assert np.array_equal(read, np.rot90(picture, -1))


@pytest.mark.parametrize("keep", [10, 60, 500])
def test_damage_is_one_sentence(keep: int) -> None:
    with pytest.raises(MediaError, match=r"no picture|damaged"):
        decode(encoded(Image.fromarray(scene(6)))[:keep])


def test_a_forged_size_is_refused_before_it_takes_memory() -> None:
    data = bytearray(encoded(Image.fromarray(scene(7))))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(MediaError, match="pixels"):
        decode(bytes(data))


def soften(picture: ByteArray, radius: float) -> ByteArray:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def enlarge(picture: ByteArray, size: int, how: Image.Resampling) -> ByteArray:
    return np.asarray(Image.fromarray(picture).resize((size, size), how))


@pytest.mark.parametrize("seed", range(4))
def test_softness_tells_blurred_from_sharp(seed: int) -> None:
    picture = scene(seed, 128, 128)
    sharp, blurred = softness(luma(picture)), softness(luma(soften(picture, 3)))
    assert blurred < 0.006 < 0.03 < sharp
    faint = (picture * 0.2 + 90).astype(np.uint8)
    assert softness(luma(faint)) > 0.03  # little contrast is not blur


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", [Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
def test_reach_tells_enlarged_from_full(seed: int, how: Image.Resampling) -> None:
    picture = scene(seed, 256, 256)
    assert reach(luma(picture)) == 1.0
    photo = decode(encoded(Image.fromarray(picture), "JPEG", quality=80))
    assert reach(luma(photo)) == 1.0
    small = enlarge(picture, 64, Image.Resampling.LANCZOS)
    assert reach(luma(enlarge(small, 256, how))) < 0.6


def test_the_hash_survives_another_size_format_and_light() -> None:
    picture = scene(8, 256, 256)
    code = perceptual_hash(shrink(luma(picture)))
    jpeg = decode(encoded(Image.fromarray(picture), "JPEG", quality=50))
    for other in (jpeg, enlarge(picture, 100, Image.Resampling.BOX), picture // 2 + 60):
        assert (code ^ perceptual_hash(shrink(luma(other)))).bit_count() <= 6
    others = [perceptual_hash(shrink(luma(scene(k)))) for k in range(20, 60)]
    assert min((code ^ other).bit_count() for other in others) > 6


def test_every_fault_is_found_and_the_source_stays_as_it_was(tmp_path: Path) -> None:
    source = fill(tmp_path / "art", 10, 128)
    (source / "text.png").write_text("not a picture")
    Image.fromarray(scene(20, 100, 40)).save(source / "tiny.png")
    Image.new("RGB", (128, 128), (9, 90, 200)).save(source / "wall.png")
    Image.fromarray(soften(scene(21, 128, 128), 4)).save(source / "soft.png")
    small = Image.fromarray(scene(22, 32, 32))
    small.resize((96, 96), Image.Resampling.LANCZOS).save(source / "upscaled.png")
    Image.open(source / "0003.png").convert("RGB").save(source / "a_copy.jpg", quality=90)
    (source / "z_copy.png").write_bytes((source / "0004.png").read_bytes())
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in source.iterdir()}
    found = faults(source, tmp_path / "data")
    assert found == {
        "text.png": "unreadable",
        "tiny.png": "tiny",
        "wall.png": "blank",
        "soft.png": "blurred",
        "upscaled.png": "upscaled",
        "a_copy.jpg": "duplicate",
        "z_copy.png": "duplicate",
    }
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in source.iterdir()}
    report = (tmp_path / "data" / REPORT).read_text()
    assert "10 of 17 pictures are fit, at 64x64" in report
    assert "tiny        tiny.png: 100x40, for 64 pixels" in report
    kept = faults(source, tmp_path / "more", keep=frozenset({"upscaled", "duplicate"}))
    assert set(kept) == {"text.png", "tiny.png", "wall.png", "soft.png"}


def test_prepared_pictures_are_the_middles_and_are_used_again(tmp_path: Path) -> None:
    source, data = tmp_path / "art", tmp_path / "data"
    fill(source, 8, 64)
    wide = scene(50, 150, 100)  # no power of two
    Image.fromarray(wide).save(source / "wide.png")
    made = prepare(source, data)
    assert (made.size, made.count) == (64, 9)
    pictures = pictures_of(data, made)
    assert np.array_equal(pictures[0], scene(0))
    middle = Image.fromarray(wide[:, 25:125]).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.abs(pictures[8].astype(int) - np.asarray(middle)).mean() < 1.0
    written = (data / PICTURES).stat().st_mtime_ns
    assert prepare(source, data) == made
    assert (data / PICTURES).stat().st_mtime_ns == written
    fill(source, 1, 64, first=70)
    assert prepare(source, data).count == 10


def test_a_zip_is_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "art.zip"
    with zipfile.ZipFile(path, "w") as file:
        for k in range(9):
            file.writestr(f"../../{k}.png", encoded(Image.fromarray(scene(k))))
        file.writestr("__MACOSX/._0.png", b"not for us")
        file.writestr("notes.txt", b"nor this")
    made = prepare(path, tmp_path / "data")
    assert (made.count, made.read) == (9, 9)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["art.zip", "data"]


def test_linked_folders_are_read_and_circles_are_not(tmp_path: Path) -> None:
    fill(tmp_path / "far", 3, 32)
    art = fill(tmp_path / "art", 4, 32, first=20)
    (art / "linked").symlink_to(tmp_path / "far")
    (art / "linked twice").symlink_to(tmp_path / "far")
    (art / "circle").symlink_to(tmp_path)
    (art / "self").symlink_to(art)
    assert len(Album(art).entries) == 7


def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("honest.png", bytes(5_000_000))
        file.writestr("forged.png", bytes(5_000_000))
    data = path.read_bytes()
    at = data.rfind(b"PK\x01\x02")  # the directory's row of the second
    forged = data[: at + 24] + struct.pack("<I", 1000) + data[at + 28 :]
    path.write_bytes(forged)
    album = Album(path)
    sizes = {entry.name: entry.nbytes for entry in album.entries}
    assert sizes == {"honest.png": 5_000_000, "forged.png": 1000}
    with pytest.raises(MediaError, match="damaged"):
        album.read(next(entry for entry in album.entries if entry.name == "forged.png"))
    huge = Entry("honest.png", MOST_BYTES + 1, 0)
    with pytest.raises(MediaError, match="has 512 MB; 512 are read"):
        album.read(huge)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    fill(tmp_path / "art" / "cats", 5)
    fill(tmp_path / "art" / "dogs" / "small", 4, first=10)
    made = prepare(tmp_path / "art", tmp_path / "data", classes=True)
    assert made.classes == ["cats", "dogs"]
    assert made.labels == [0] * 5 + [1] * 4
    fill(tmp_path / "art", 1, first=30)
    with pytest.raises(VjganError, match=r"'0030\.png' lies in no subfolder"):
        prepare(tmp_path / "art", tmp_path / "data", classes=True)


def test_an_empty_folder_a_missing_one_and_no_zip(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"holds no pictures; known are \.bmp"):
        prepare(tmp_path, tmp_path / "data")
    with pytest.raises(MediaError, match="is not there; give a folder or a zip"):
        prepare(tmp_path / "gone", tmp_path / "data")
    (tmp_path / "art.zip").write_text("hello")
    with pytest.raises(MediaError, match="neither a folder nor a zip"):
        prepare(tmp_path / "art.zip", tmp_path / "data")


def test_one_picture_and_only_texts_named_png(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="holds 1 fit of 1 pictures; training at 64 pixels needs"):
        prepare(fill(tmp_path / "one", 1), tmp_path / "data")
    (tmp_path / "texts").mkdir()
    for k in range(9):
        (tmp_path / "texts" / f"{k}.png").write_text("hello")
    with pytest.raises(MediaError, match=r"holds 0 fit of 9 pictures \(9 unreadable\)"):
        prepare(tmp_path / "texts", tmp_path / "data")
