import os
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue, wait_until

from vjgan.audio.soundcard import Microphone, Speaker, find_input, inputs
from vjgan.clock import WallClock
from vjgan.errors import DeviceError
from vjgan.features import Analyser
from vjgan.types import FloatArray


def write_wav(path: Path, samples: FloatArray, sample_rate: int) -> Path:
    """``samples`` [n, channels], 16 bit."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 kHz, at 0.5 in the left channel and 0.25 in the right, in phase."""
    time = np.arange(48000 * 4) / 48000
    sine = np.sin(2 * np.pi * 1000.0 * time)[:, None] * [0.5, 0.25]
    return write_wav(tmp_path_factory.mktemp("wav") / "tone.wav", sine, 48000)


def hear(microphone: Microphone, seconds: float) -> FloatArray:
    """Sound from the moment that there is any."""
    while not microphone.read().samples.any():
        pass
    for _ in range(20):
        microphone.read()
    blocks = round(seconds * microphone.sample_rate / microphone.hop)
    return np.concatenate([microphone.read().samples for _ in range(blocks)])


@pytest.mark.parametrize(("channel", "amplitude"), [(None, 0.375), (1, 0.5), (2, 0.25)])
def test_a_played_tone_is_heard_as_it_is(
    venue: Venue, tone: Path, channel: int | None, amplitude: float
) -> None:
    microphone = Microphone("pulse", channel=channel)
    player = venue.play(tone)
    try:
        sound = hear(microphone, 0.5)
    finally:
        player.kill()
        player.wait()
        microphone.close()
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
    peak_hz = spectrum.argmax() * microphone.sample_rate / (1 << 18)
    assert peak_hz == pytest.approx(1000.0, abs=1.0)
    assert np.sqrt(2.0 * np.mean(sound**2)) == pytest.approx(amplitude, rel=0.02)


@pytest.fixture
def sink(venue: Venue, request: pytest.FixtureRequest) -> Iterator[str]:
    """A sink of another format, whose monitor is the default source meanwhile."""
    rate, channels = request.param
    words = f"sink_name=odd rate={rate} channels={channels} format=float32le norewinds=1"
    load = ["pactl", "load-module", "module-null-sink", *words.split()]
    module = subprocess.check_output(load, text=True).strip()
    try:
        subprocess.run(["pactl", "set-default-source", "odd.monitor"], check=True)
        yield "odd"
    finally:
        subprocess.run(["pactl", "unload-module", module], check=True)
        subprocess.run(["pactl", "set-default-source", "venue.monitor"], check=True)


@pytest.mark.parametrize(
    "sink", [(8000, 1), (22050, 2), (96000, 6), (192000, 2), (48000, 32)], indirect=True
)
def test_a_device_of_any_format_is_heard(sink: str, tone: Path) -> None:
    microphone = Microphone("pulse")
    analyser = Analyser(microphone.sample_rate)
    player = subprocess.Popen(["paplay", f"--device={sink}", str(tone)])
    try:
        hear(microphone, 0.2)
        heard = [analyser.analyse(microphone.read()) for _ in range(100)][-1]
    finally:
        player.kill()
        player.wait()
        microphone.close()
    assert heard.centroid_hz == pytest.approx(1000.0, rel=0.1)
    assert heard.mid == pytest.approx(1.0, abs=0.2)
    assert heard.peak_db > -30.0
    assert not heard.silent


def test_the_peak_is_that_of_the_loudest_channel(venue: Venue, tone: Path) -> None:
    microphone = Microphone("pulse")
    player = venue.play(tone)
    try:
        hear(microphone, 0.2)
        frames = [microphone.read() for _ in range(20)]
    finally:
        player.kill()
        player.wait()
        microphone.close()
    assert max(frame.peak or 0.0 for frame in frames) == pytest.approx(0.5, rel=0.02)
    assert max(float(frame.samples.max()) for frame in frames) == pytest.approx(0.375, rel=0.02)


@pytest.mark.alone
def test_time_is_when_the_last_sample_was_in_the_air(venue: Venue) -> None:
    clock = WallClock()
    microphone = Microphone("pulse", clock_time=clock.time)
    try:
        frames = [microphone.read() for _ in range(200)]
        now = clock.time()
    finally:
        microphone.close()
    times = np.array([frame.time for frame in frames])
    assert (np.diff(times) > 0.0).all()
    assert -0.02 <= now - times[-1] < 0.1
    assert np.median(np.diff(times)) == pytest.approx(256 / microphone.sample_rate, rel=0.05)
    assert {len(frame.samples) for frame in frames} == {256}


def test_inputs_are_listed_and_found_by_a_part_of_their_name(venue: Venue) -> None:
    devices = inputs()
    assert [device.name for device in devices if device.default] == ["default"]
    assert find_input("PUL").name == "pulse"
    assert find_input(None).name == "default"
    assert all(device.channels > 0 and device.sample_rate >= 8000 for device in devices)


def test_an_unknown_input_is_told_with_what_there_is(venue: Venue) -> None:
    with pytest.raises(DeviceError, match=r"^sound input 'foo' not found; available: .*pulse"):
        find_input("foo")


def test_a_channel_that_the_input_lacks_is_told(venue: Venue) -> None:
    with pytest.raises(DeviceError, match=r"'pulse': channel 99 is outside 1\.\.32"):
        Microphone("pulse", channel=99)


def test_a_lost_device_raises_in_read(venue: Venue) -> None:
    microphone = Microphone("pulse")
    microphone.read()
    venue.run("audio-unplug")
    try:
        with pytest.raises(DeviceError, match="'pulse' is gone"):
            for _ in range(2000):
                microphone.read()
    finally:
        venue.run("audio-plug")
        microphone.close()


def test_closing_under_a_reader_ends_it(venue: Venue) -> None:
    microphone = Microphone("pulse")
    ended = []

    def read_on() -> None:
        try:
            while True:
                microphone.read()
        except DeviceError as error:
            ended.append(str(error))

    reader = threading.Thread(target=read_on, daemon=True)
    reader.start()
    microphone.close()
    wait_until(lambda: ended, what="the reader to end")
    assert ended == ["sound input 'pulse' is closed"]


def streams(kind: str) -> str:
    return subprocess.check_output(["pactl", "list", "short", kind], text=True).strip()


def test_nothing_stays_open_after_many_openings(venue: Venue) -> None:
    for _ in range(5):
        Microphone("pulse").close()
        Speaker(44100, 2).close()
    wait_until(lambda: not streams("source-outputs") and not streams("sink-inputs"))


def test_libraries_are_hushed_and_python_is_not() -> None:
    code = (
        "import sys\n"
        "from vjgan.audio.soundcard import *\n"
        "print(inputs())\n"
        "try: Microphone(None)\n"
        "except DeviceError as error: print(error)\n"
        "print('ours', file=sys.stderr)\n"
    )
    bare = {
        "PATH": os.environ["PATH"],
        "PULSE_SERVER": "unix:/nowhere",
        "JACK_NO_START_SERVER": "1",
    }
    done = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == "ours\n"
