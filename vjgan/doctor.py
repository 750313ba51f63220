"""What this machine has for a show, and what to do about what it has not."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vjgan.errors import DeviceError, VjganError
from vjgan.types import LatentState

LISTEN_SECONDS = 0.4
QUIET = 1e-4  # a peak below this (-80 dB) is no signal


@dataclass(frozen=True)
class Finding:
    """One check: ``state`` is ok, note (a show runs without it) or bad; ``do`` says what helps."""

    what: str
    state: str
    found: str
    do: str = ""

    def line(self) -> str:
        """The finding as a line of text, with what to do on a second one."""
        mark = {"ok": "ok  ", "note": "note", "bad": "BAD "}[self.state]
        line = f"{mark}  {self.what:<14} {self.found}"
        return f"{line}\n      {'':<14} -> {self.do}" if self.do else line


def examine() -> Iterator[Finding]:
    """Check each part of a show, one after the other."""
    for what, check in CHECKS.items():
        try:
            yield check(what)
        except Exception as error:
            yield Finding(what, "bad", f"{error}", "mend this first, then ask again")


def _python(what: str) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding(what, "ok" if good else "bad", version, "" if good else "vjgan needs 3.11")


def _display(what: str) -> Finding:
    from vjgan.rig import load_rig
    from vjgan.screen.displays import again, displays
    from vjgan.screen.layout import read_layout

    try:
        found = displays()
    except DeviceError as error:
        return Finding(what, "note", str(error), "log in to a desktop, or set DISPLAY")
    listed = "; ".join(map(str, found))
    known = read_layout("the rig's display", load_rig().display).known
    if known is not None and again(known, found) is None:
        return Finding(
            what,
            "note",
            f"{listed}; the last show's, '{known.name}', is away",
            "plug it in, at any time, or choose another: --display NAME",
        )
    return Finding(what, "ok", listed)


def _graphics(what: str) -> Finding:
    from vjgan.screen.offscreen import OffscreenScreen

    screen = OffscreenScreen((64, 64))
    renderer, software = screen.renderer, screen.software
    screen.close()
    if software:
        return Finding(
            what,
            "note",
            f"{renderer}: drawn by the processor, at a smaller size",
            "install your graphics card's driver",
        )
    return Finding(what, "ok", renderer)


def _sound_in(what: str) -> Finding:
    from vjgan.audio.soundcard import Microphone, inputs

    names = [device.name for device in inputs()]
    if not names:
        return Finding(what, "note", "no sound input", "plug one in, or play a file: --input FILE")
    microphone = Microphone(None, clock_time=time.perf_counter)
    try:
        end, peak = time.perf_counter() + LISTEN_SECONDS, 0.0
        while time.perf_counter() < end and (frame := microphone.read()) is not None:
            peak = max(peak, float(np.abs(frame.samples).max()))
    finally:
        microphone.close()
    level = f"peak {20 * np.log10(max(peak, 1e-9)):.0f} dB"
    if peak < QUIET:
        return Finding(what, "note", f"{len(names)} inputs; the default one is silent",
                       "raise its level, or choose another: --input NAME")  # fmt: skip
    return Finding(what, "ok", f"{len(names)} inputs; the default one hears something, {level}")


def _sound_out(what: str) -> Finding:
    from vjgan.audio.soundcard import Speaker

    try:
        Speaker(44100, 2, time.perf_counter).close()
    except DeviceError as error:
        return Finding(what, "note", str(error), "tracks are performed without being heard")
    return Finding(what, "ok", "the default output opens")


def _midi(what: str) -> Finding:
    from vjgan.midi import ports

    names = ports()
    if not names:
        return Finding(what, "note", "no MIDI input", "plug a controller in, at any time")
    return Finding(what, "ok", ", ".join(names))


def _model(what: str) -> Finding:
    from vjgan.stock import make_library, runtime

    library = make_library()
    generator = library.load(library.default_model)
    height, width = generator.resolution
    times = []
    space = generator.space
    for seed in range(8):
        z = np.random.default_rng(seed).standard_normal((1, space.z_dim)).astype(np.float32)
        w = np.repeat(space.map(z), space.num_ws, axis=0)
        begin = time.perf_counter()
        generator.generate(LatentState(0.0, w))
        times.append(time.perf_counter() - begin)
    ms = 1e3 * float(np.median(times))
    found = f"'{generator.name}' {width}x{height}: {ms:.0f} ms a frame ({runtime(generator)})"
    if ms > 60:
        return Finding(what, "note", found, "frames in between are blended; a GPU would help")
    return Finding(what, "ok", found)


def _licences(what: str) -> Finding:
    from vjgan.licence import warnings
    from vjgan.stock import make_library

    library = make_library()
    said = warnings(library, library.paths())
    if said:
        return Finding(what, "note", "; ".join(said), "ask before a show that is paid for")
    return Finding(what, "ok", "every preset's model may be shown anywhere")


def _presets(what: str) -> Finding:
    from vjgan.stock import list_presets

    lines, good = list_presets()
    if good:
        return Finding(what, "ok", f"{len(lines)} presets, all valid")
    return Finding(what, "bad", "some are broken", "see `vjgan presets`")


def _disk(what: str) -> Finding:
    out = Path("out")
    place = out if out.is_dir() else Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding(what, "note", f"'{place}' is not writable: {error.strerror}",
                       "films need a folder that is")  # fmt: skip
    return Finding(what, "ok", f"'{place}' is writable")


CHECKS: dict[str, Callable[[str], Finding]] = {
    "Python": _python,
    "display": _display,
    "graphics": _graphics,
    "sound in": _sound_in,
    "sound out": _sound_out,
    "MIDI": _midi,
    "presets": _presets,
    "model": _model,
    "licences": _licences,
    "films": _disk,
}


def list_devices() -> str:
    """Sound inputs, MIDI ports, displays and compute devices, as text."""
    return "\n".join(_listed())


def _listed() -> Iterator[str]:
    for title, names in (
        ("Sound inputs (--input)", _sound_inputs),
        ("MIDI inputs (--midi)", _midi_inputs),
        ("Displays (--display)", _displays),
        ("Compute devices (--device)", _compute),
    ):
        yield title
        try:
            found = names()
        except VjganError as error:
            found = [f"({error})"]
        yield from (f"  {name}" for name in found or ["(none)"])


def _sound_inputs() -> list[str]:
    from vjgan.audio.soundcard import inputs

    return [
        f"'{row.name}', {row.channels} channels, {row.sample_rate} Hz"
        + (" (default)" if row.default else "")
        for row in inputs()
    ]


def _midi_inputs() -> list[str]:
    from vjgan.midi import ports

    return ports()


def _displays() -> list[str]:
    from vjgan.screen.displays import displays

    return [str(display) for display in displays()]


def _compute() -> list[str]:
    from vjgan.generator.device import devices

    return devices()
