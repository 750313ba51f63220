"""Sound and film files, written and read back with the real libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vjgan.errors import MediaError
from vjgan.media import FilmWriter, Sound, open_recording, save_image, write_wav

RATE = 44100
CLICKS = (0.0, 0.5, 1.234, 2.0, 2.6)  # seconds
SIZE = (64, 48)
FPS = Fraction(30000, 1001)
ENCODERS = {  # suffix -> encoder, sample rate
    "mp3": ("libmp3lame", RATE),
    "m4a": ("aac", RATE),
    "aac": ("aac", RATE),
    "flac": ("flac", RATE),
    "opus": ("libopus", 48000),
}


def click(rate: int) -> np.ndarray:
    time = np.arange(round(0.005 * rate)) / rate
    return np.sin(2 * np.pi * 1500 * time) * np.hanning(len(time)) * 0.8


@pytest.fixture(scope="module")
def sound() -> Sound:
    """Three seconds of clicks over faint noise, different left and right."""
    samples = np.random.default_rng(1).standard_normal((3 * RATE, 2)) * 0.003
    for time in CLICKS:
        place = round(time * RATE)
        samples[place : place + len(click(RATE))] += click(RATE)[:, None] * (1.0, 0.5)
    return Sound(samples.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def tracks(sound: Sound, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same sound in every format."""
    folder = tmp_path_factory.mktemp("tracks")
    paths = {"wav": folder / "track.wav"}
    write_wav(paths["wav"], sound)
    for suffix, (encoder, rate) in ENCODERS.items():
        paths[suffix] = folder / f"track.{suffix}"
        with av.open(str(paths[suffix]), "w") as container:
            stream = container.add_stream(encoder, rate=rate)
            stream.layout = "stereo"
            frame = av.AudioFrame.from_ndarray(sound.samples.reshape(1, -1), "flt", "stereo")
            frame.sample_rate = RATE
            frame.pts, frame.time_base = 0, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return paths


def offsets(sound: Sound, start: float = 0.0, end: float = 2.9) -> list[float]:
    """How many seconds late each click between start and end is heard."""
    wanted, rate, late = click(sound.sample_rate), sound.sample_rate, []
    for time in CLICKS:
        if start <= time <= end - 0.05:
            first = max(0, round((time - start - 0.05) * rate))
            near = sound.samples[first : first + round(0.11 * rate), 0]
            found = first + int(np.argmax(np.correlate(near, wanted, "valid")))
            late.append(found / rate - (time - start))
    return late


def frames(count: int = 30) -> list[np.ndarray]:
    ramp = np.arange(SIZE[1])[:, None, None] + np.arange(SIZE[0])[:, None] + np.zeros(3)
    return [((ramp * (1, 2, 3) + 9 * k) % 256).astype(np.uint8) for k in range(count)]


def film(
    path: Path, track: Path | Sound | None = None, start: float = 0.0, count: int = 30
) -> Path:
    with FilmWriter(path, SIZE, FPS, track, start, preset="ultrafast") as writer:
        for image in frames(count):
            writer.write(image)
    return path


def packets(path: Path) -> tuple[str, list[bytes]]:
    """Codec and packets of the sound."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        data = [bytes(packet) for packet in container.demux(stream) if packet.size]
        return stream.codec_context.codec.canonical_name, data


# reading


def read_sound(path: Path) -> Sound:
    recording = open_recording(path)
    return Sound(np.concatenate(list(recording.blocks())), recording.sample_rate)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "flac", "opus"])
def test_reads_every_format_in_time(tracks: dict[str, Path], suffix: str) -> None:
    heard = read_sound(tracks[suffix])
    assert heard.samples.dtype == np.float32
    assert heard.samples.shape[1] == 2
    assert heard.sample_rate == ENCODERS.get(suffix, ("", RATE))[1]
    assert 3.0 <= heard.seconds < 3.05  # a codec may fill up its last frame
    assert np.abs(offsets(heard)).max() < 0.0005


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "flac", "opus"])
def test_a_file_is_decoded_as_often_as_one_likes(tracks: dict[str, Path], suffix: str) -> None:
    recording = open_recording(tracks[suffix])
    once, again = (np.concatenate(list(recording.blocks())) for _ in range(2))
    assert np.array_equal(once, again)
    assert once.shape == (recording.count(), recording.channels)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_lossless_is_lossless(sound: Sound, tracks: dict[str, Path], suffix: str) -> None:
    heard = read_sound(tracks[suffix]).samples
    assert np.abs(heard - sound.samples).max() < 1.5 / 32768


def test_reads_the_sound_of_a_film(tracks: dict[str, Path], tmp_path: Path) -> None:
    heard = read_sound(film(tmp_path / "film.mp4", tracks["m4a"], count=90))
    assert np.abs(offsets(heard)).max() < 0.0005


@pytest.mark.parametrize("suffix", ["flac", "opus", "m4a"])
def test_what_is_broken_is_silence_and_the_rest_in_time(
    tracks: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    data = bytearray(tracks[suffix].read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1500] = np.random.default_rng(0).bytes(1500)
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes(data)
    assert np.abs(offsets(read_sound(path))[-1]) < 0.0005


def test_a_file_that_is_cut_off_plays_to_there(tracks: dict[str, Path], tmp_path: Path) -> None:
    data = tracks["aac"].read_bytes()
    path = tmp_path / "cut.aac"
    path.write_bytes(data[: len(data) // 2])
    assert 0.5 < read_sound(path).seconds < 2.5


def test_a_recording_may_change_its_layout(tracks: dict[str, Path], tmp_path: Path) -> None:
    mono = tmp_path / "mono.aac"
    with av.open(str(mono), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, RATE), np.float32), "flt", "mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    both = tmp_path / "both.aac"
    both.write_bytes(tracks["aac"].read_bytes() + mono.read_bytes())
    heard = read_sound(both)
    assert heard.samples.shape[1] == 2
    assert 4.0 <= heard.seconds < 4.2


def test_a_colon_in_a_name_is_no_protocol(tracks: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "dj: live.wav"
    path.write_bytes(tracks["wav"].read_bytes())
    assert read_sound(path).seconds == 3.0
    assert film(tmp_path / "dj: live.mp4", path).exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp3", "No such file or directory"),
        ("folder", "it is not a file"),
        ("pipe", "it is not a file"),
        ("empty.mp3", "it is empty"),
        ("garbage.mp3", "Invalid data found"),
        ("garbage.flac", "there is no sound in it"),
        ("text.txt", "there is no sound in it"),
        ("picture.png", "there is no sound in it"),
        ("head.wav", "nothing in it can be decoded"),
    ],
)
def test_a_bad_sound_is_told_in_one_sentence(tmp_path: Path, name: str, reason: str) -> None:
    noise = np.random.default_rng(0).bytes(40_000)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "garbage.mp3").write_bytes(noise)
    (tmp_path / "garbage.flac").write_bytes(noise)
    (tmp_path / "text.txt").write_text("la la la\n" * 100)
    save_image(tmp_path / "picture.png", frames(1)[0])
    write_wav(tmp_path / "head.wav", Sound(np.zeros((0, 2), np.float32), RATE))
    with pytest.raises(MediaError) as error:
        read_sound(tmp_path / name)
    assert str(error.value).startswith(f"sound '{tmp_path / name}' cannot be read: {reason}")


# films


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), FPS, Fraction(25), Fraction(60)])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_film_has_exact_frames(tmp_path: Path, fps: Fraction, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    with FilmWriter(path, SIZE, fps, preset="veryfast") as writer:
        for image in frames(70):  # enough for reordered frames
            writer.write(image)
    assert writer.frames == 70
    tick = Fraction(1, 1000) if suffix == "mkv" else 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
        context = stream.codec_context
        assert stream.average_rate == fps
        assert (context.name, context.pix_fmt, context.width, context.height) == (
            *("h264", "yuv420p"),
            *SIZE,
        )
        tags = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
        assert tags == (1, 1, 1, 1)  # BT.709 thrice, limited range
    assert len(times) == 70
    assert all(abs(time - k / fps) <= tick / 2 for k, time in enumerate(times))


def test_a_film_can_be_played_while_it_loads(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4").read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_colours_are_those_of_bt709(tmp_path: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 60, 120]])
    image = np.repeat(np.repeat(colours[None], 32, 1), 32, 0).astype(np.uint8)
    with FilmWriter(tmp_path / "film.mp4", (128, 32), Fraction(25), crf=2) as writer:
        writer.write(image[::-1])  # as it comes from OpenGL: no contiguous memory
    with av.open(str(tmp_path / "film.mp4")) as container:
        planes = next(container.decode(video=0)).to_ndarray().astype(float)
    red, green, blue = colours.T / 255
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # ITU-R BT.709-6
    assert planes[16, 16:128:32] == pytest.approx(16 + 219 * luma, abs=1.0)
    chroma = planes[32:].reshape(2, 16, 64)[:, 8, 8:64:16]
    assert chroma[0] == pytest.approx(128 + 224 * (blue - luma) / 1.8556, abs=1.0)
    assert chroma[1] == pytest.approx(128 + 224 * (red - luma) / 1.5748, abs=1.0)


@pytest.mark.parametrize("start", [0.0, 0.35])
@pytest.mark.parametrize("suffix", ["mp3", "m4a", "aac", "flac", "opus"])
def test_sound_is_copied_and_in_sync(
    tracks: dict[str, Path], tmp_path: Path, suffix: str, start: float
) -> None:
    path = film(tmp_path / "film.mp4", tracks[suffix], start, count=60)
    codec, original = packets(tracks[suffix])
    assert codec == (suffix if suffix != "m4a" else "aac")
    copied_codec, copied = packets(path)
    assert copied_codec == codec
    if suffix == "aac":  # its packets carry their header before them outside of a container
        original = [packet[7:] for packet in original]
    first = original.index(copied[0])
    assert copied == original[first : first + len(copied)]
    delay = offsets(read_sound(tracks[suffix]))[-1]  # a bare .aac does not tell its encoder's
    late = np.subtract(offsets(read_sound(path), start, start + 2.0), delay)
    assert len(late) == 3
    assert np.abs(late).max() < 0.0005
    assert read_sound(path).seconds == pytest.approx(60 / FPS, abs=0.11)  # one FLAC frame


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv"])
@pytest.mark.parametrize("start", [0.0, 0.35])
def test_other_sound_becomes_aac_and_in_sync(
    sound: Sound, tracks: dict[str, Path], tmp_path: Path, name: str, start: float
) -> None:
    for track in (sound, tracks["wav"]) if name == "film.mp4" else (sound,):
        path = film(tmp_path / name, track, start, count=60)
        assert packets(path)[0] == "aac"
        late = offsets(read_sound(path), start, start + 2.0)
        assert len(late) == 3
        assert np.abs(late).max() < 0.0005
        assert read_sound(path).seconds == pytest.approx(60 / FPS, abs=0.03)


def test_surround_at_an_odd_rate_is_mixed_down(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(192_000) / 192_000) * 0.3
    surround = Sound(np.repeat(tone[:, None], 6, 1).astype(np.float32), 192_000)
    heard = read_sound(film(tmp_path / "film.mp4", surround, count=28))
    assert (heard.sample_rate, heard.samples.shape[1]) == (48_000, 2)
    spectrum = np.abs(np.fft.rfft(heard.samples[4800:28800, 0]))
    assert np.argmax(spectrum) == 500  # 1000 Hz in half a second


def test_tracks_that_are_no_loudspeakers_are_mixed_by_turns(tmp_path: Path) -> None:
    time = np.arange(96_000)[:, None] / 48_000
    tones = np.sin(2 * np.pi * 1000 * np.array([1, 2, 1, 2, 1, 2, 1, 2, 1]) * time) * 0.3
    heard = read_sound(film(tmp_path / "film.mp4", Sound(tones.astype(np.float32), 48_000)))
    spectra = np.abs(np.fft.rfft(heard.samples[4800:28800], axis=0))
    assert list(spectra.argmax(0)) == [500, 1000]  # 1 and 2 kHz in half a second


def test_a_film_outlasts_its_sound(tracks: dict[str, Path], tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", tracks["mp3"], start=2.5, count=60)
    assert 0.5 <= read_sound(path).seconds < 0.6
    with av.open(str(film(tmp_path / "film.mp4", tracks["wav"], start=99.0))) as container:
        assert container.streams.video[0].frames == 30


def test_the_same_frames_give_the_same_bytes(sound: Sound, tmp_path: Path) -> None:
    size = (480, 270)  # where libx264 on AVX-512 strayed
    ramp = np.indices(size[::-1]).sum(0)[..., None] * np.array([1, 2, 3]) // 2
    written = set()
    for _ in range(4):
        with FilmWriter(tmp_path / "film.mp4", size, Fraction(24), sound) as writer:
            for k in range(30):
                writer.write(np.roll(ramp, 4 * k, 0).astype(np.uint8))
        written.add((tmp_path / "film.mp4").read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interrupted_film_leaves_nothing(
    sound: Sound, tmp_path: Path, stop: type[BaseException]
) -> None:
    (tmp_path / "old.mp4").write_bytes(b"the last show")
    for name in ("old.mp4", "new.mp4"):
        with pytest.raises(stop), FilmWriter(tmp_path / name, SIZE, FPS, sound) as writer:
            for image in frames():
                writer.write(image)
            assert (tmp_path / f".{name}.part").exists()
            raise stop
    assert [path.name for path in tmp_path.iterdir()] == ["old.mp4"]
    assert (tmp_path / "old.mp4").read_bytes() == b"the last show"


FULL = """
import resource, sys
import numpy as np
from fractions import Fraction
from pathlib import Path
from vjgan.errors import MediaError
from vjgan.media import FilmWriter, Sound, save_image, write_wav
noise = np.random.default_rng(0).integers(0, 256, (30, 240, 320, 3), dtype=np.uint8)
def write_film(path):
    with FilmWriter(path, (320, 240), Fraction(30), preset="ultrafast") as writer:
        for image in noise:
            writer.write(image)
def attempt(write, name, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    path = Path(sys.argv[1]) / name
    try:
        write(path)
        print("written")
        return path.stat().st_size
    except MediaError as error:
        print(error)
size = attempt(write_film, "complete.mp4", resource.RLIM_INFINITY)
attempt(write_film, "film.mp4", size // 2)
attempt(write_film, "film.mp4", size - 1)
attempt(lambda path: write_wav(path, Sound(np.zeros((900_000, 1)), 44100)), "sound.wav", 1_000_000)
attempt(lambda path: save_image(path, noise.reshape(2400, 960, 3)), "picture.png", 1_000_000)
"""


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    full = "cannot be written: File too large"
    assert done.stdout.splitlines() == [
        "written",
        f"film '{tmp_path / 'film.mp4'}' {full}",  # in the middle
        f"film '{tmp_path / 'film.mp4'}' {full}",  # at the last byte
        f"sound '{tmp_path / 'sound.wav'}' {full}",
        f"picture '{tmp_path / 'picture.png'}' {full}",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["complete.mp4"]


@pytest.mark.parametrize(
    ("name", "size", "fps", "reason"),
    [
        ("film.avi", SIZE, FPS, "the name must end in .mp4, .mov, .mkv"),
        ("film", SIZE, FPS, "the name must end in .mp4, .mov, .mkv"),
        ("nowhere/film.mp4", SIZE, FPS, "there is no folder"),
        ("folder.mp4", SIZE, FPS, "there is a folder of that name"),
        ("film.mp4", (65, 48), FPS, "65x48 must be even numbers within 16..16384"),
        ("film.mp4", (0, 48), FPS, "0x48 must be even numbers within 16..16384"),
        ("film.mp4", SIZE, Fraction(0), "0 frames a second is outside 1..1000"),
    ],
)
def test_a_film_is_refused_at_the_door(
    tmp_path: Path, name: str, size: tuple[int, int], fps: Fraction, reason: str
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(MediaError, match=reason) as error:
        FilmWriter(tmp_path / name, size, fps)
    assert str(error.value).startswith(f"film '{tmp_path / name}'")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]


def test_a_locked_folder_is_told_in_one_sentence(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    user = os.geteuid()
    os.seteuid(user or 65534)  # root passes every lock
    try:
        with pytest.raises(MediaError, match=r"sound .*locked/a\.mp3' .* Permission denied"):
            read_sound(locked / "a.mp3")
        with pytest.raises(MediaError, match=r"film .*locked/a\.mp4' .* Permission denied"):
            FilmWriter(locked / "a.mp4", SIZE, FPS)
        with pytest.raises(MediaError, match=r"picture .*locked/a\.png' .* Permission denied"):
            save_image(locked / "a.png", frames(1)[0])
    finally:
        os.seteuid(user)
        locked.chmod(0o700)


def test_a_film_with_a_bad_track_or_no_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"missing\.mp3' cannot be read"):
        FilmWriter(tmp_path / "film.mp4", SIZE, FPS, tmp_path / "missing.mp3")
    with pytest.raises(MediaError, match="no frames"), FilmWriter(tmp_path / "a.mp4", SIZE, FPS):
        pass
    assert not list(tmp_path.iterdir())


def test_a_frame_of_another_size_is_a_mistake(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="shape"),
        FilmWriter(tmp_path / "film.mp4", SIZE, FPS) as writer,
    ):
        writer.write(np.zeros((48, 66, 3), np.uint8))


# pictures


def test_a_picture_is_saved_as_it_is(tmp_path: Path) -> None:
    image = frames(1)[0]
    save_image(tmp_path / "show.png", image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "show.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["show.png"]
    with pytest.raises(MediaError, match=r"picture .* No such file or directory"):
        save_image(tmp_path / "nowhere" / "show.png", image)
