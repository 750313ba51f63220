"""What films are encoded by: every codec written and read back, with alpha where it has one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vjgan.errors import MediaError
from vjgan.media import FilmWriter, Sound
from vjgan.media.codecs import CODECS, ENCODERS, check_codec, find_encoder, suffix_of
from vjgan.media.live import LiveFilm

SIZE = (64, 48)
SOUND = Sound(np.sin(np.arange(24_000) * 0.06).astype(np.float32)[:, None] * 0.5, 48_000)
# codec, suffix -> what a player finds
KINDS = [
    ("hevc", ".mp4", "hevc", "hvc1"),
    ("hevc", ".mkv", "hevc", ""),
    ("prores", ".mov", "prores", "apch"),
    ("vp9", ".webm", "vp9", ""),
    ("", ".webm", "vp9", ""),
    ("libx264", ".mov", "h264", "avc1"),
]
CLEAR = [("", ".mov", "prores"), ("", ".webm", "vp9"), ("vp9", ".mkv", "vp9")]


def pictures(alpha: bool) -> list[np.ndarray]:
    """A bright bar that wanders over a dark ground, clear where it is not."""
    made = []
    for k in range(10):
        image = np.full((SIZE[1], SIZE[0], 4), (200, 120, 40, 255), np.uint8)
        image[:, 4 * k : 4 * k + 20, 3] = np.linspace(0, 200, SIZE[1])[:, None]
        made.append(image if alpha else image[..., :3])
    return made


def read(path: Path) -> list[np.ndarray]:
    """What is in a film, RGBA. FFmpeg's own decoder of VP9 leaves alpha out."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        name = {"vp9": "libvpx-vp9"}.get(stream.codec_context.name, stream.codec_context.name)
        decoder = av.CodecContext.create(name, "r")
        decoder.extradata = stream.codec_context.extradata
        frames = [one for packet in container.demux(stream) for one in decoder.decode(packet)]
    return [one.to_ndarray(format="rgba") for one in frames]


@pytest.mark.parametrize(("codec", "suffix", "found", "tag"), KINDS)
def test_a_film_is_of_the_codec_asked_for(
    tmp_path: Path, codec: str, suffix: str, found: str, tag: str
) -> None:
    path = tmp_path / f"a{suffix}"
    with FilmWriter(path, SIZE, Fraction(25), SOUND, codec=codec) as film:
        for image in pictures(False):
            film.write(image)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.width, context.height) == (found, *SIZE)
        assert not tag or context.codec_tag == tag
        heard = np.concatenate([one.to_ndarray()[0] for one in container.decode(audio=0)])
        assert 0.3 < heard.std() < 0.4
    apart = [np.abs(one[..., :3].astype(int) - two).mean() for one, two in
             zip(read(path), pictures(False), strict=True)]  # fmt: skip
    assert max(apart) < 4.0


@pytest.mark.parametrize(("codec", "suffix", "found"), CLEAR)
@pytest.mark.parametrize("live", [False, True])
def test_alpha_comes_back(tmp_path: Path, codec: str, suffix: str, found: str, live: bool) -> None:
    path = tmp_path / f"a{suffix}"
    if live:
        film = LiveFilm(path, SIZE, Fraction(30), 0.0, codec=codec, alpha=True)
        for k, image in enumerate(pictures(True)):
            film.show(image, k / 30)
        film.close()
    else:
        with FilmWriter(path, SIZE, Fraction(25), codec=codec, alpha=True) as writer:
            for image in pictures(True):
                writer.write(image)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == found
    seen = read(path)
    assert len(seen) == 10
    for one, two in zip(seen, pictures(True), strict=True):
        assert np.abs(one[..., 3].astype(int) - two[..., 3]).mean() < 4.0
        assert one[..., 3].min() < 20 and one[..., 3].max() > 245


@pytest.mark.parametrize("codec", ["hevc", "vp9"])
def test_a_show_is_filmed_by_another_codec(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"a{suffix_of(codec, False)}"
    film = LiveFilm(path, SIZE, Fraction(30), 0.0, codec=codec)
    for k in range(75):
        film.hear(np.zeros(1600, np.float32), 48_000, (k + 1) / 30)
        film.show(np.full((SIZE[1], SIZE[0], 3), 3 * k, np.uint8), k / 30)
    film.close()
    assert film.encoder in {one.name for one in CODECS[codec]}
    with av.open(str(path)) as container:
        rows = [(one.time, one.key_frame) for one in container.decode(video=0)]
    assert len(rows) == 75 and sum(key for _, key in rows) >= 3  # each second, for crashes


@pytest.mark.parametrize(
    ("name", "codec", "alpha", "sentence"),
    [
        ("a.mp4", "theora", False, "codec 'theora' is unknown; there are: h264, hevc, prores, vp9"),
        ("a.mp4", "prores", False, r"a\.mp4': prores is kept in \.mov or \.mkv, not '\.mp4'"),
        ("a.mov", "vp9", False, r"a\.mov': vp9 is kept in \.webm or \.mkv"),
        ("a.mp4", "", True, r"a\.mp4': h264 keeps no alpha; name it \.mov"),
        ("a.mov", "hevc", True, r"a\.mov': hevc keeps no alpha"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, name: str, codec: str, alpha: bool, sentence: str
) -> None:
    with pytest.raises(MediaError, match=sentence):
        check_codec(tmp_path / name, codec, alpha)
    with pytest.raises(MediaError, match=sentence):
        FilmWriter(tmp_path / name, SIZE, Fraction(25), codec=codec, alpha=alpha)
    assert not list(tmp_path.iterdir())


def test_an_encoder_is_tried_by_opening_it() -> None:
    """NVENC has a name everywhere; asked for by it, it opens or says why not."""
    for name in ("h264_nvenc", "hevc_nvenc"):
        try:
            assert find_encoder(name, (1280, 720), live=True).name == name
            assert find_encoder(ENCODERS[name], (1280, 720), live=True).name == name
        except MediaError as error:
            assert str(error).startswith(f"encoder '{name}' does not open here: ")
            assert find_encoder(ENCODERS[name], (1280, 720), live=True) is CODECS[ENCODERS[name]][1]
    assert find_encoder("h264", (1280, 720), live=False).name == "libx264"  # the same bytes always
