import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue, wait_until
from test_features import assert_sane, broken, four_on_the_floor, noise
from test_soundcard import write_wav

from vjgan.audio.soundcard import Microphone
from vjgan.audio.track import LiveTrack, Track
from vjgan.clock import FixedClock, WallClock
from vjgan.errors import DeviceError
from vjgan.features import Analyser
from vjgan.listener import Listener, SteppedEar
from vjgan.media import Sound
from vjgan.types import AudioFrame, AudioSource, Features, FloatArray, Tick


class Show:
    """A listener, and a loop that reads it as a show would and keeps what it got."""

    def __init__(self, open_source: Callable[[WallClock], AudioSource]) -> None:
        self.clock = WallClock()
        self.listener = Listener(lambda: open_source(self.clock), Analyser, self.clock.time)
        self.slowest_read = 0.0

    def read(self) -> Features:
        before = self.clock.time()
        features = self.listener.read(Tick(0, before, 1 / 60, before + 1 / 60))
        self.slowest_read = max(self.slowest_read, self.clock.time() - before)
        return features

    def wait(self, condition: Callable[[Features], bool], seconds: float = 60.0) -> Features:
        wait_until(lambda: condition(self.read()), seconds)
        return self.read()


@contextmanager
def listening(open_source: Callable[[WallClock], AudioSource]) -> Iterator[Show]:
    show = Show(open_source)
    with closing(show.listener):
        yield show


def microphone(clock: WallClock) -> Microphone:
    return Microphone("pulse", clock_time=clock.time)


def live_noise(clock: WallClock, sample_rate: int = 44100, seconds: float = 60.0) -> LiveTrack:
    return LiveTrack(Sound(noise(0.1, seconds, sample_rate)[:, None], sample_rate), clock.time)


class Failing:
    """A source that does something else after some blocks."""

    def __init__(self, source: LiveTrack, blocks: int, then: Callable[[], object]) -> None:
        self.source = source
        self.sample_rate = source.sample_rate
        self.blocks_lost = 2
        self.left = blocks
        self.then = then
        self.closed = False

    def read(self) -> AudioFrame | None:
        if self.left == 0:
            self.then()
        self.left -= 1
        return self.source.read()

    def close(self) -> None:
        self.closed = True


def fail() -> None:
    raise DeviceError("pulled out")


@pytest.mark.alone
def test_music_in_the_sink_is_heard(venue: Venue, tmp_path: Path) -> None:
    sound, kicks, hats = four_on_the_floor(seconds=9.0)
    music = write_wav(tmp_path / "music.wav", sound[:, None].repeat(2, axis=1), 44100)
    onsets: dict[int, float] = {}
    with listening(microphone) as show:
        show.wait(lambda f: f.alive)
        player = venue.play(music)
        while player.poll() is None:
            features = show.read()
            onsets[features.onset_count] = features.onset_time
            time.sleep(0.005)
    assert features.bpm == pytest.approx(124.0, rel=0.02)
    assert features.confidence > 0.2
    found = np.array([at for at in onsets.values() if at > 0.0])
    # When the music began to sound is what fits most of its kicks and hats.
    events = np.array(kicks + hats)
    starts = (found[:, None] - events[None]).ravel()
    hits = [np.sum(np.abs(starts - start) < 0.03) for start in starts]
    start = np.median(starts[np.abs(starts - starts[int(np.argmax(hits))]) < 0.03])
    heard = [np.abs(found - start - kick).min() < 0.04 for kick in kicks]
    assert np.mean(heard) >= 0.9
    assert len(found) <= 1.25 * len(events)


def test_a_pulled_device_is_noticed_and_taken_back(
    venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(microphone) as show:
        before = show.wait(lambda f: f.alive)
        venue.run("audio-unplug")
        try:
            lost = show.wait(lambda f: not f.alive, seconds=1.5)
            end = show.clock.time() + 3.0
            while show.clock.time() < end:
                assert not show.read().alive
                time.sleep(0.01)
        finally:
            venue.run("audio-plug")
        after = show.wait(lambda f: f.alive, seconds=5.0)
        wait_until(lambda: "back" in caplog.text)
    assert lost.silent
    assert before.blocks_read <= lost.blocks_read < after.blocks_read
    assert show.slowest_read < 0.4
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "no sound",
        "the sound is back",
    ]


@pytest.mark.alone
def test_a_hung_sound_server_is_noticed_and_holds_up_nothing(venue: Venue) -> None:
    server = int((venue.folder / "pulse.pid").read_text())
    with listening(microphone) as show:
        show.wait(lambda f: f.alive)
        os.kill(server, signal.SIGSTOP)
        try:
            lost = show.wait(lambda f: not f.alive, seconds=1.5)
            time.sleep(1.2)
            assert not show.read().alive
        finally:
            os.kill(server, signal.SIGCONT)
        after = show.wait(lambda f: f.alive, seconds=5.0)
    assert after.blocks_read > lost.blocks_read
    assert show.slowest_read < 0.4


def test_a_device_that_comes_back_with_another_rate_is_heard_on(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(microphone) as show:
        before = show.wait(lambda f: f.alive)
        venue.run("audio-unplug")
        try:
            show.wait(lambda f: not f.alive, seconds=1.5)
            monkeypatch.setenv("VENUE_RATE", "8000")
            venue.run("audio-plug")
            after = show.wait(lambda f: f.alive, seconds=5.0)
        finally:
            venue.run("audio-unplug")
            monkeypatch.delenv("VENUE_RATE", raising=False)
            venue.run("audio-plug")
        assert_sane(after)
    assert after.blocks_read > before.blocks_read
    assert show.slowest_read < 0.4


@pytest.mark.parametrize(("sample_rate", "channels"), [(8000, 1), (22050, 32), (192000, 2)])
def test_a_source_of_any_format_and_any_content_is_survived(
    sample_rate: int, channels: int
) -> None:
    sound = np.concatenate([one[: sample_rate // 8] for one in broken(sample_rate).values()])
    sound = np.repeat(sound[:, None], channels, axis=1)

    def opened(clock: WallClock) -> AudioSource:
        return LiveTrack(
            Sound(sound, sample_rate), clock.time, hop=round(0.01 * sample_rate), loop=True
        )

    with listening(opened) as show:
        show.wait(lambda f: f.alive)
        end = show.clock.time() + 2.0
        while show.clock.time() < end:
            features = show.read()
            assert_sane(features)
            assert features.alive
            time.sleep(0.01)
    assert show.slowest_read < 0.4


def test_no_input_at_all_is_a_show_too(caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def refuse(clock: WallClock) -> AudioSource:
        tries.append(clock.time())
        raise DeviceError("sound input 'foo' not found; available: none")

    with listening(refuse) as show:
        features = show.wait(lambda f: len(tries) >= 3)
    assert (features.alive, features.silent, features.level) == (False, True, 0.0)
    assert abs(features.time - show.clock.time()) < 0.5
    assert tries[2] - tries[1] > 0.9
    assert [r.message for r in caplog.records] == [
        "no sound: sound input 'foo' not found; available: none; the show goes on"
    ]


def test_counters_and_tempo_go_on_across_a_change_of_rate() -> None:
    sources: list[Failing] = []
    sound, _, _ = four_on_the_floor(seconds=6.0, start=0.0)
    blocks = 44100 * 5 // 256

    def opened(clock: WallClock) -> AudioSource:
        if sources:
            sources.append(Failing(live_noise(clock, 8000, seconds=8.0), -1, fail))
        else:  # nothing sleeps: the music is heard faster than it would sound
            music = LiveTrack(Sound(sound[:, None], 44100), clock.time, sleep=lambda _: None)
            sources.append(Failing(music, blocks, fail))
        return sources[-1]

    with listening(opened) as show:
        first = show.wait(lambda f: f.blocks_read == blocks)
        show.wait(lambda f: not f.alive)
        free = [show.read()]
        time.sleep(0.2)
        free.append(show.read())
        second = show.wait(lambda f: f.alive and f.blocks_read > first.blocks_read + 3)
    assert first.bpm == pytest.approx(124.0, rel=0.02)
    assert all(f.bpm == first.bpm for f in free)
    turn = (free[-1].time - free[0].time) * first.bpm / 60.0
    assert (free[-1].beat_phase - free[0].beat_phase - turn + 0.5) % 1.0 == pytest.approx(0.5)
    assert second.bpm == first.bpm
    assert second.onset_count >= first.onset_count > 10
    assert second.beat_count >= first.beat_count > 4
    assert second.beat_time == first.beat_time
    assert (first.blocks_lost, second.blocks_lost) == (2, 4)
    assert sources[0].closed


def test_what_a_hung_reader_hears_later_is_ignored() -> None:
    release = threading.Event()
    sources: list[Failing] = []

    def opened(clock: WallClock) -> AudioSource:
        blocks = -1 if sources else 3
        sources.append(Failing(live_noise(clock, 8000, seconds=8.0), blocks, release.wait))
        return sources[-1]

    with listening(opened) as show:
        show.wait(lambda f: f.blocks_read == 3)
        show.wait(lambda f: f.alive and f.blocks_read > 6)
        release.set()
        wait_until(lambda: sources[0].closed)
        assert sources[0].left == -1  # it has read a fourth block
        before = show.read()
        after = show.wait(lambda f: f.time > before.time + 0.3)
    # Only the second source is counted: at 8 kHz, 31 blocks a second.
    assert after.blocks_read - before.blocks_read < 20
    assert after.blocks_lost == 4


class Slow:
    """Five blocks a second."""

    sample_rate = 8000
    blocks_lost = 0

    def read(self) -> AudioFrame:
        time.sleep(0.2)
        return AudioFrame(0.0, noise(0.1, 0.2, 8000), 8000)

    def close(self) -> None: ...


def test_a_machine_that_was_held_up_has_not_lost_its_sound() -> None:
    opened = []
    clock = WallClock()
    leap = 0.0

    def source() -> AudioSource:
        opened.append(Slow())
        return opened[-1]

    listener = Listener(source, Analyser, lambda: clock.time() + leap)
    with closing(listener):
        wait_until(lambda: listener.read(Tick(0, 0.0, 0.1, 0.0)).blocks_read >= 6)
        leap = 5.0
        wait_until(lambda: listener.read(Tick(0, 0.0, 0.1, 0.0)).blocks_read >= 10)
    assert len(opened) == 1


def test_a_track_that_ends_is_not_begun_again() -> None:
    opened = []

    def short(clock: WallClock) -> AudioSource:
        opened.append(live_noise(clock, seconds=0.2))
        return opened[-1]

    with listening(short) as show:
        show.wait(lambda f: f.alive)
        show.wait(lambda f: not f.alive)
        time.sleep(1.2)
        assert not show.read().alive
    assert len(opened) == 1


def test_an_analysis_that_fails_does_not_end_the_show(caplog: pytest.LogCaptureFixture) -> None:
    def broken(sample_rate: int) -> Analyser:
        raise RuntimeError("no analysis today")

    clock = WallClock()
    listener = Listener(lambda: live_noise(clock), broken, clock.time)
    with closing(listener):
        wait_until(lambda: "no analysis today" in caplog.text)
        assert not listener.read(Tick(0, 1.0, 0.1, 1.0)).alive


def stepped(sound: FloatArray, fps: int, seconds: int) -> list[Features]:
    ear = SteppedEar(Track(Sound(sound[:, None], 44100)), Analyser(44100))
    return [ear.read(tick) for tick in FixedClock(Fraction(fps), fps * seconds)]


def test_stepped_ear_hears_exactly_up_to_each_tick() -> None:
    sound, _, _ = four_on_the_floor(seconds=3.0)
    features = stepped(sound, 25, 3)
    for index, f in enumerate(features[:-1]):
        assert 0.0 <= f.time - index / 25 < 256 / 44100 or index == 0
    assert all(f.alive for f in features)
    assert features == stepped(sound, 25, 3)
    assert features[::2] == stepped(sound, 50, 3)[::4]


def test_stepped_ear_is_silent_after_the_end() -> None:
    last = stepped(noise(0.1, 1.0), 30, 2)[-1]
    assert (last.alive, last.silent, last.level) == (False, True, 0.0)
    assert last.time == pytest.approx(2.0 - 1 / 30)
    assert last.blocks_read == -(-44100 // 256)
