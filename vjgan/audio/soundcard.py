"""Microphones and loudspeakers: the only file that knows pyaudio.

Reads and writes block, in the thread of whoever calls: a PortAudio callback would take the
interpreter's lock inside the sound thread.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import pyaudio

from vjgan.errors import DeviceError
from vjgan.priority import step_ahead
from vjgan.smooth import approach
from vjgan.types import AudioFrame, FloatArray

PATIENCE = 2.0  # seconds to wait for another thread that is inside PortAudio
STALL = 0.3  # seconds a loudspeaker may take no sound; less than counts as lost sound
# Samples, of which the system makes a buffer of three: half a second. A track is known ahead, and
# every block says when it will be heard, so that only the start of one waits for it.
OUTPUT_BLOCK = 8192
AHEAD = 10  # by how much a thread that plays goes before others, where that is allowed
DISCRETE_CHANNELS = 8  # a device with more is a virtual one that up-mixes: two channels hold it all
STEADY = 1.0  # time constant of time stamps
JUMP = 0.1  # seconds by which a time stamp must be off to be taken as it is

_gate = threading.Lock()


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A sound input as the system offers it now; ``index`` holds until devices come or go."""

    index: int
    name: str
    channels: int
    sample_rate: int  # Hz, the device's own
    default: bool


def inputs() -> list[InputDevice]:
    """The sound inputs of this machine; empty where there is none.

    Raises DeviceError when the sound system does not answer."""
    with _session() as audio:
        try:
            return _list_inputs(audio)
        finally:
            audio.terminate()


def find_input(name: str | None) -> InputDevice:
    """The input whose name is, or else contains, ``name`` (any case); None: the default one.

    Raises DeviceError, with what is available, when there is none."""
    return _choose(inputs(), name)


class Microphone:
    """A sound input, heard as mono: the mean of all channels, or ``channel`` alone (from 1)."""

    def __init__(
        self,
        name: str | None,
        hop: int = 256,
        channel: int | None = None,
        clock_time: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Opens the input found by ``name`` at the device's own rate; raises DeviceError."""
        self.hop = hop
        self.blocks_lost = 0
        self._clock_time = clock_time
        self._channel = channel
        self._lock = threading.Lock()
        self._closing = False
        with _session() as audio:
            try:
                device = _choose(_list_inputs(audio), name)
                self._stream, self._channels = _open_input(audio, device, hop, channel)
            except BaseException:
                audio.terminate()
                raise
        self._audio: pyaudio.PyAudio | None = audio
        self.name = device.name
        self.sample_rate = device.sample_rate
        self._stamps = _Stamps(self.sample_rate)

    def read(self) -> AudioFrame:
        """The next ``hop`` samples; waits for them, in the worst case for ever.

        ``time`` is the clock's when the read returns, less what still waits in the buffer, steadied
        (sound comes in bursts). PortAudio's input latency is the length of that buffer, so it is
        not counted again; what a sound server or a converter adds before it, nobody reports.
        Raises DeviceError when the device is gone."""
        with self._lock:
            try:
                if self._closing:
                    raise DeviceError(f"sound input '{self.name}' is closed")
                data = self._stream.read(self.hop, exception_on_overflow=False)
                waiting = max(0, self._stream.get_read_available())
            except OSError as error:
                raise DeviceError(f"sound input '{self.name}' is gone: {error}") from error
            finally:
                if self._closing:
                    self._shut()
        measured = self._clock_time() - waiting / self.sample_rate
        stamp, lost = self._stamps.step(measured, self.hop)
        self.blocks_lost += round(lost / self.hop)
        samples = np.frombuffer(data, np.float32).reshape(self.hop, self._channels)
        heard = _finite(samples, self._channel)
        peak = float(np.abs(heard).max())
        mono = heard.mean(axis=1, dtype=np.float64).astype(np.float32)  # sums may be huge
        return AudioFrame(stamp, mono, self.sample_rate, peak)

    def close(self) -> None:
        """Give the device back. When another thread hangs in ``read``, that thread does it as soon
        as it comes out: closing a stream under a reader crashes PortAudio."""
        self._closing = True
        if self._lock.acquire(timeout=0.2):
            try:
                self._shut()
            finally:
                self._lock.release()

    def _shut(self) -> None:
        audio, self._audio = self._audio, None
        if audio is not None:
            _end(audio)


class Speaker:
    """The default sound output, for ``sample_rate`` in Hz and ``channels``."""

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        clock_time: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Opens the output, in the thread that writes; raises DeviceError where there is none."""
        self.sample_rate = sample_rate
        self._clock_time = clock_time
        self._stamps = _Stamps(sample_rate)
        with _session() as audio:
            try:
                self._stream = audio.open(
                    rate=sample_rate,
                    channels=channels,
                    format=pyaudio.paFloat32,
                    output=True,
                    frames_per_buffer=OUTPUT_BLOCK,
                )
                self._capacity = self._stream.get_write_available()
            except (OSError, ValueError) as error:
                audio.terminate()
                raise DeviceError(
                    f"no sound output for {channels} channels at {sample_rate} Hz: {error}"
                ) from error
        self._audio: pyaudio.PyAudio | None = audio
        step_ahead(AHEAD)

    def ready(self, count: int) -> bool:
        """Whether ``count`` samples can be written without waiting, or to no avail."""
        try:
            return self._room() >= count
        except OSError:
            return True

    def write(self, samples: FloatArray) -> float:
        """When the last of ``samples`` [n, channels], -1..1, leaves the loudspeaker, on the clock;
        waits while the buffer is full. Raises DeviceError when the device takes nothing."""
        try:
            self._wait_for_room(len(samples))
            self._stream.write(np.clip(samples, -1.0, 1.0).astype(np.float32).tobytes())
            room = self._room()
        except OSError as error:
            raise DeviceError(f"the sound output is gone: {error}") from error
        queued = max(0, self._capacity - room) / self.sample_rate
        return self._stamps.step(self._clock_time() + queued, len(samples))[0]

    def close(self) -> None:
        """Give the device back, from the thread that writes."""
        audio, self._audio = self._audio, None
        if audio is not None:
            _end(audio)

    def _wait_for_room(self, count: int) -> None:
        # A blocking write into a server that hangs never returns, so the room is waited for here.
        end = time.monotonic() + STALL
        while (room := self._room()) < count:
            if time.monotonic() > end:
                raise DeviceError(f"the sound output took nothing for {STALL} s")
            time.sleep((count - room) / self.sample_rate)

    def _room(self) -> int:
        return int(self._stream.get_write_available())


class _Stamps:
    """Steady time stamps from measured ones that come in bursts."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._time: float | None = None

    def step(self, measured: float, count: int) -> tuple[float, int]:
        """The time of the last of ``count`` samples, and how many were lost before them."""
        duration = count / self._sample_rate
        due = measured if self._time is None else self._time + duration
        late = measured - due
        if abs(late) > JUMP:
            self._time = measured
            return measured, max(0, round(late * self._sample_rate))
        self._time = approach(due, measured, duration, STEADY)
        return self._time, 0


@contextmanager
def _session() -> Iterator[pyaudio.PyAudio]:
    """A PortAudio of the caller's own, to be terminated by it. Devices are listed, opened and
    closed by one thread at a time, as PortAudio demands; when that one hangs, others are told."""
    with _alone(), _hush():
        try:
            audio = pyaudio.PyAudio()
        except OSError as error:
            raise DeviceError(f"the sound system does not start: {error}") from error
        yield audio


@contextmanager
def _alone() -> Iterator[None]:
    if not _gate.acquire(timeout=PATIENCE):
        raise DeviceError("the sound system does not answer")
    try:
        yield
    finally:
        _gate.release()


def _end(audio: pyaudio.PyAudio) -> None:
    """Close the streams of a PortAudio and the PortAudio itself."""
    with suppress(DeviceError, OSError), _alone(), _hush():
        audio.terminate()


def _list_inputs(audio: pyaudio.PyAudio) -> list[InputDevice]:
    try:
        default = audio.get_default_input_device_info()["index"]
    except OSError:
        default = -1
    rows = [audio.get_device_info_by_index(i) for i in range(audio.get_device_count())]
    return [
        InputDevice(
            index=row["index"],
            name=str(row["name"]),
            channels=int(row["maxInputChannels"]),
            sample_rate=round(row["defaultSampleRate"]),
            default=row["index"] == default,
        )
        for row in rows
        if row["maxInputChannels"] > 0
    ]


def _choose(devices: Sequence[InputDevice], name: str | None) -> InputDevice:
    if name is None:
        found = [device for device in devices if device.default] or list(devices)
        if not found:
            raise DeviceError("no sound input on this machine")
        return found[0]
    wanted = name.casefold()
    exact = [device for device in devices if device.name.casefold() == wanted]
    partly = [device for device in devices if wanted in device.name.casefold()]
    if not exact and not partly:
        available = ", ".join(device.name for device in devices) or "none"
        raise DeviceError(f"sound input '{name}' not found; available: {available}")
    return (exact or partly)[0]


def _open_input(
    audio: pyaudio.PyAudio, device: InputDevice, hop: int, channel: int | None
) -> tuple[pyaudio.PyAudio.Stream, int]:
    """The open stream and its number of channels."""
    if channel is not None and not 1 <= channel <= device.channels:
        raise DeviceError(
            f"sound input '{device.name}': channel {channel} is outside 1..{device.channels}"
        )
    wanted = device.channels if device.channels <= DISCRETE_CHANNELS else 2
    error: Exception | None = None
    # A bare ALSA device opens with all its channels or not at all.
    for channels in dict.fromkeys((max(wanted, channel or 1), device.channels)):
        try:
            stream = audio.open(
                rate=device.sample_rate,
                channels=channels,
                format=pyaudio.paFloat32,
                input=True,
                input_device_index=device.index,
                frames_per_buffer=hop,
            )
        except (OSError, ValueError) as failed:
            error = failed
        else:
            return stream, channels
    raise DeviceError(f"sound input '{device.name}' cannot be opened: {error}")


def _finite(samples: FloatArray, channel: int | None) -> FloatArray:
    """Of samples [n, channels] those that are heard; what is not a number is silence."""
    chosen = samples[:, channel - 1 : channel] if channel else samples
    return np.nan_to_num(chosen, nan=0.0, posinf=0.0, neginf=0.0)


@contextmanager
def _hush() -> Iterator[None]:
    """Hide what C libraries print: ALSA, JACK and PortAudio print dozens of lines while they look
    for devices. Python writes to its standard error past theirs, so its own is not hidden."""
    found = _c_stderr()
    if found is None:
        yield
        return
    variable, nowhere = found
    before, variable.value = variable.value, nowhere
    try:
        yield
    finally:
        variable.value = before


@functools.cache
def _c_stderr() -> tuple[ctypes.c_void_p, int] | None:
    """The C library's variable ``stderr`` and a stream that leads nowhere; None where the C library
    has no such variable."""
    try:
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        nowhere = libc.fopen(os.devnull.encode(), b"w")
        return ctypes.c_void_p.in_dll(libc, "stderr"), nowhere
    except (TypeError, ValueError, OSError):
        return None
