"""How late sound is heard and light is seen, measured and kept in the rig."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import numpy as np

from vjgan.audio.soundcard import Microphone, Speaker
from vjgan.clock import WallClock
from vjgan.controls import CONTROLS
from vjgan.errors import DeviceError, VjganError
from vjgan.rig import keep_in_rig, load_rig, rig_file
from vjgan.screen.window import Window
from vjgan.types import AudioFrame, Command, Controls, FloatArray, Frame, Picture

RATE = 44100
BLOCK = 256
CLICKS = 12
EVERY = 0.5  # seconds from click to click
CLICK = 0.008  # seconds of noise
SOONEST, LATEST = -0.1, 0.4  # seconds from a click's leaving to when it may be heard
PEAK = 6.0  # by how much it must stand out from what else is there
FEWEST = 6  # clicks that must be heard
STEP_MS = 5.0
FLASH = 0.05  # seconds
LEAST_LIGHT, MOST_LIGHT = 0, 255


def by_ear(name: str | None) -> str:
    """Measure how late clicks are heard by the input found by ``name``, keep it; a sentence.

    Raises DeviceError without sound, and VjganError when the clicks are not heard."""
    load_rig()
    delays = round_trip(name)
    if len(delays) < FEWEST:
        raise VjganError(
            f"calibrate: {len(delays)} of {CLICKS} clicks were heard, {FEWEST} are needed; turn "
            "the loudspeaker up, put the microphone before it, or use --by-hand"
        )
    late, spread = float(np.median(delays)), float(np.ptp(np.percentile(delays, [25, 75])))
    path = keep_in_rig("input_ms", late * 1e3)
    return (
        f"sound is heard {late * 1e3:.1f} ms after it leaves ({len(delays)} of {CLICKS} clicks, "
        f"middle half within {spread * 1e3:.1f} ms); kept in {path}"
    )


def round_trip(name: str | None) -> list[float]:
    """How many seconds after leaving the loudspeaker each click was heard; those not heard left
    out. Raises DeviceError."""
    click = _click()
    heard: list[AudioFrame] = []
    left: list[float] = []
    stop = threading.Event()
    with closing(Microphone(name)) as microphone:
        listener = threading.Thread(target=_listen, args=(microphone, heard, stop), daemon=True)
        listener.start()
        try:
            _play(click, left.append, lambda: len(left) >= CLICKS)
            time.sleep(LATEST)
        finally:
            stop.set()
            listener.join(timeout=2.0)
        rate = microphone.sample_rate
    if not heard:
        raise DeviceError(f"sound input '{microphone.name}' delivers nothing")
    pattern = _resampled(click, rate)
    return [
        late for leaves in left if (late := _lateness(heard, rate, pattern, leaves)) is not None
    ]


def by_eye(display: str) -> str:
    """Let the performer bring flash and click together, and keep the offset; a sentence.

    Raises DeviceError without sound or display."""
    offset_ms = load_rig().offset * 1e3
    left: list[float] = []
    stop = threading.Event()
    clock = WallClock()
    clicker = threading.Thread(
        target=_play, args=(_click(), left.append, stop.is_set, clock.time), daemon=True
    )
    window = Window(display=display or None, fullscreen=bool(display))
    clicker.start()
    try:
        for tick in clock:
            for event in window.events():
                if isinstance(event, Command) and event.name == "nudge":
                    offset_ms += STEP_MS * event.value
                elif event == Command("freeze"):
                    path = keep_in_rig("offset_ms", offset_ms)
                    return f"light comes {offset_ms:.0f} ms earlier; kept in {path}"
                elif event == Command("quit"):
                    return f"left as it was in {rig_file()}"
            since = [tick.present_time + offset_ms / 1e3 - leaves for leaves in left[-2:]]
            lit = any(0.0 <= one < FLASH for one in since)
            window.say(
                (f"light {offset_ms:.0f} ms earlier: , . move   Space keeps   Esc Esc leaves",)
            )
            window.show(_even(lit, tick.time), Controls(tick.time, _PLAIN), tick)
    finally:
        stop.set()
        clicker.join(timeout=2.0)
        window.close()
    return f"left as it was in {rig_file()}"


_PLAIN = {name: row.default for name, row in CONTROLS.items()}


def _even(lit: bool, time_: float) -> Picture:
    level = MOST_LIGHT if lit else LEAST_LIGHT
    frame = Frame(time_, np.full((16, 16, 3), level, np.uint8))
    return Picture(frame, frame)


def _play(
    click: FloatArray,
    left: Callable[[float], None],
    enough: Callable[[], bool],
    clock_time: Callable[[], float] = time.perf_counter,
) -> None:
    """Play a click every EVERY seconds; ``left`` is told when each leaves, before it does."""
    every, sent = int(EVERY * RATE), 0
    with closing(Speaker(RATE, 2, clock_time)) as speaker:
        while not enough():
            place = (sent + np.arange(BLOCK)) % every
            block = np.where(place < len(click), click[np.minimum(place, len(click) - 1)], 0.0)
            leaves = speaker.write(np.stack([block] * 2, axis=1).astype(np.float32))
            first = int(np.argmin(place))
            if place[first] == 0 and sent + first > every:  # by then the time stamps are steady
                left(leaves - (BLOCK - first) / RATE)
            sent += BLOCK


def _listen(microphone: Microphone, heard: list[AudioFrame], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            heard.append(microphone.read())
        except DeviceError:
            return


def _click() -> FloatArray:
    """Noise, the same each time, so that it is found again among others: float32 [n]."""
    count = int(CLICK * RATE)
    noise = np.random.default_rng(7).uniform(-0.8, 0.8, count)
    return (noise * np.hanning(count) ** 0.25).astype(np.float32)


def _resampled(sound: FloatArray, rate: int) -> FloatArray:
    count = round(len(sound) * rate / RATE)
    places = np.arange(count) * RATE / rate
    return np.interp(places, np.arange(len(sound)), sound).astype(np.float32)


def _lateness(
    heard: list[AudioFrame], rate: int, pattern: FloatArray, leaves: float
) -> float | None:
    """Seconds from ``leaves`` to when the pattern begins in what was heard; None where it is not
    to be made out."""
    near = [
        frame
        for frame in heard
        if leaves + SOONEST < frame.time < leaves + LATEST + len(pattern) / rate
    ]
    if not near:
        return None
    sound = np.concatenate([frame.samples for frame in near])
    if len(sound) < 2 * len(pattern):
        return None
    likeness = np.abs(np.correlate(sound, pattern, "valid"))
    top = int(likeness.argmax())
    if likeness[top] < PEAK * max(float(np.sqrt((likeness**2).mean())), 1e-9):
        return None
    ends = np.cumsum([len(frame.samples) for frame in near])
    frame = int(np.searchsorted(ends, top, side="right"))
    return near[frame].time - (int(ends[frame]) - top) / rate - leaves
