import logging
import struct
import time
import tracemalloc
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue, wait_until

from vjgan.audio.soundcard import Microphone, Speaker
from vjgan.audio.track import LiveTrack, Track
from vjgan.clock import WallClock
from vjgan.errors import DeviceError, MediaError
from vjgan.media import Sound, open_recording
from vjgan.types import AudioFrame, FloatArray

RATE = 44100


def ramp(count: int, channels: int = 1) -> FloatArray:
    return np.repeat(np.arange(count, dtype=np.float32)[:, None] / count, channels, axis=1)


def read_all(track: Track | LiveTrack) -> list[AudioFrame]:
    return list(iter(track.read, None))


class FakeTime:
    def __init__(self) -> None:
        self.now = 5.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Buffered:
    """A loudspeaker with a buffer of ``depth`` seconds, which fails after ``lasts`` blocks."""

    def __init__(self, clock: FakeTime, depth: float, lasts: int = 10**9) -> None:
        self.clock = clock
        self.depth = depth
        self.lasts = lasts
        self.played: list[FloatArray] = []
        self.end = clock.now
        self.closed = False

    def ready(self, count: int) -> bool:
        return self.end + count / RATE <= self.clock.now + self.depth

    def write(self, samples: FloatArray) -> float:
        if len(self.played) == self.lasts:
            raise DeviceError("the sound output is gone")
        self.played.append(samples)
        self.end = max(self.end, self.clock.now) + len(samples) / RATE
        self.clock.now = max(self.clock.now, self.end - self.depth)
        return self.end

    def close(self) -> None:
        self.closed = True


def test_track_times_are_block_ends_and_the_last_block_is_filled_up() -> None:
    frames = read_all(Track(Sound(ramp(600), RATE), hop=256))
    assert [frame.time for frame in frames] == [256 / RATE, 512 / RATE, 768 / RATE]
    sound = np.concatenate([frame.samples for frame in frames])
    assert np.array_equal(sound[:600], ramp(600)[:, 0])
    assert not sound[600:].any()


def test_track_can_begin_later() -> None:
    first = Track(Sound(ramp(RATE), RATE), start=0.5).read()
    assert first is not None
    assert first.time == (22050 + 256) / RATE
    assert first.samples[0] == ramp(RATE)[22050, 0]


def test_track_mixes_channels_and_takes_what_is_no_number_for_silence() -> None:
    samples = np.array([[1.0, 0.5], [np.nan, 0.5], [np.inf, -np.inf]], np.float32)
    frame = Track(Sound(samples, RATE), hop=3).read()
    assert frame is not None
    assert frame.samples.dtype == np.float32
    assert frame.samples.tolist() == [0.75, 0.25, 0.0]


def test_live_track_without_an_output_is_paced_by_the_clock() -> None:
    fake = FakeTime()
    track = LiveTrack(Sound(ramp(RATE), RATE), fake.time, sleep=fake.sleep)
    for k in range(20):
        frame = track.read()
        assert frame is not None
        assert frame.time == pytest.approx(5.0 + (k + 1) * 256 / RATE)
        assert fake.now == pytest.approx(frame.time)


def test_live_track_loops_without_a_seam() -> None:
    fake = FakeTime()
    track = LiveTrack(Sound(ramp(300), RATE), fake.time, loop=True, sleep=fake.sleep)
    sound = np.concatenate([track.read().samples for _ in range(5)])  # type: ignore[union-attr]
    assert np.array_equal(sound, np.resize(ramp(300)[:, 0], len(sound)))


def test_nothing_that_loops_is_nothing() -> None:
    fake = FakeTime()
    track = LiveTrack(Sound(ramp(0), RATE), fake.time, loop=True, sleep=fake.sleep)
    assert track.read() is None


def test_three_hours_begin_at_once_and_are_not_held(tmp_path: Path) -> None:
    path, rate, seconds = tmp_path / "night.wav", 48_000, 3 * 3600
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
    size = seconds * rate * 4
    with path.open("r+b") as raw:  # what lies between is a hole in the file
        raw.write(b"RIFF" + struct.pack("<I", 36 + size))
        raw.seek(40)
        raw.write(struct.pack("<I", size))
        raw.write(np.full(2 * rate, 8192, "<i2").tobytes())
        raw.truncate(44 + size)
    fake = FakeTime()
    tracemalloc.start()
    begun = time.perf_counter()
    track = LiveTrack(open_recording(path), fake.time, sleep=fake.sleep)
    frames = [track.read() for _ in range(200)]
    took, (_, peak) = time.perf_counter() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(frame is not None and np.all(frame.samples == 0.25) for frame in frames[:187])
    assert frames[-1] is not None and not frames[-1].samples.any()
    assert peak < 10e6, peak  # 4 GB when it was decoded first
    assert took < 5.0, took


def test_a_file_that_goes_away_ends_the_track_in_one_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Going:
        sample_rate, channels = RATE, 1

        def blocks(self) -> Iterator[FloatArray]:
            yield ramp(700)
            raise MediaError("sound 'stick/set.mp3' cannot be read: Input/output error")

    fake = FakeTime()
    frames = read_all(LiveTrack(Going(), fake.time, loop=True, sleep=fake.sleep))
    assert len(frames) == 3
    assert not frames[-1].samples[700 - 512 :].any()
    assert [r.getMessage() for r in caplog.records] == [
        "the track ends here: sound 'stick/set.mp3' cannot be read: Input/output error"
    ]


def test_live_track_hands_over_each_block_when_it_is_in_the_air() -> None:
    fake = FakeTime()
    speaker = Buffered(fake, depth=0.2)
    track = LiveTrack(Sound(ramp(RATE, 2), RATE), fake.time, lambda *_: speaker, sleep=fake.sleep)
    frames = []
    while (frame := track.read()) is not None:
        assert 0.0 <= fake.now + 1e-9 - frame.time < 0.001
        frames.append(frame)
    assert len(frames) == -(-RATE // 256)
    assert fake.now == pytest.approx(6.0, abs=0.01)
    assert np.array_equal(np.concatenate(speaker.played)[:RATE], ramp(RATE, 2))


def test_a_listener_that_lags_does_not_let_the_output_run_dry() -> None:
    fake = FakeTime()
    speaker = Buffered(fake, depth=0.5)
    track = LiveTrack(Sound(ramp(2 * RATE), RATE), fake.time, lambda *_: speaker, sleep=fake.sleep)
    for _ in range(80):
        track.read()
        assert speaker.end > fake.now
        fake.now += 3 * 256 / RATE  # three times as slow as the music


def test_live_track_goes_on_when_the_output_fails(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTime()
    speaker = Buffered(fake, depth=0.1, lasts=40)
    track = LiveTrack(Sound(ramp(RATE), RATE), fake.time, lambda *_: speaker, sleep=fake.sleep)
    with caplog.at_level(logging.WARNING, "vjgan"):
        frames = read_all(track)
    steps = np.diff([frame.time for frame in frames])
    assert steps == pytest.approx(np.full(len(frames) - 1, 256 / RATE))
    sound = np.concatenate([frame.samples for frame in frames])
    assert np.array_equal(sound[:RATE], ramp(RATE)[:, 0])
    assert len(caplog.records) == 1
    wait_until(lambda: speaker.closed)


def test_live_track_is_performed_where_no_output_opens(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object) -> Speaker:
        raise DeviceError("no sound output")

    fake = FakeTime()
    track = LiveTrack(Sound(ramp(1000), RATE), fake.time, refuse, sleep=fake.sleep)
    assert len(read_all(track)) == 4
    assert "no sound output" in caplog.text


@pytest.mark.alone
def test_time_of_a_live_track_is_the_time_it_is_heard(venue: Venue) -> None:
    clock = WallClock()
    clicks = np.zeros((RATE, 2), np.float32)
    clicks[RATE // 8 :: RATE // 4] = 0.9
    microphone = Microphone("pulse", clock_time=clock.time)
    track = LiveTrack(Sound(clicks, RATE), clock.time, Speaker, loop=True)
    try:
        played: list[float] = []
        heard: list[float] = []
        while len(heard) < 6 and clock.time() < 10.0:
            frame, echo = track.read(), microphone.read()
            assert frame is not None
            played += click_times(frame)
            heard += click_times(echo)
    finally:
        track.close()
        microphone.close()
    assert len(heard) >= 6
    apart = [min((time - other for other in played), key=abs) for time in heard]
    assert abs(np.median(apart)) < 0.05


def click_times(frame: AudioFrame) -> list[float]:
    places = np.flatnonzero(frame.samples > 0.3)
    return [frame.time - (len(frame.samples) - 1 - place) / RATE for place in places]
