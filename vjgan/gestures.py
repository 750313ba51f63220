"""What hands may ask for, and how files write it: commands, and where a MIDI gesture comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vjgan.errors import VjganError
from vjgan.types import Command

# What a key, a pad or an address may ask for once.
COMMANDS = {
    "quit": "leave",
    "preset": "the preset of that number",
    "next": "next preset",
    "previous": "previous preset",
    "go": "next track of the set list",
    "back": "previous track of the set list",
    "track": "the track of that number",
    "freeze": "hold the picture",
    "blackout": "black, and back",
    "panic": "black, no strobe, home; again: gently back",
    "strobe_kill": "no pass that flickers, and back",
    "home": "the picture goes home, where the preset begins",
    "person": "somebody new; --seed decides who comes",
    "meet": "the person of that number again; -1: the one before",
    "walk": "nobody any more: the motion goes on",
    "child": "a child of the last two people",
    "keep": "keep who is on in the bank, by name",
    "look": "look through the camera, and away",
    "capture": "keep the portrait of whoever sits before the camera in the bank",
    "forget": "forget whoever sits there, with what was kept of them, and look away",
    "snapshot": "keep all that is set as a new preset",
    "still": "keep a picture of the light in out/stills",
    "record": "record the show as a film in out/films; again: stop",
    "take": "record what is played in out/takes, to be rendered later; again: stop",
    "save": "write what is set into the preset's own file; of a bundled one, into a copy",
    "undo": "take the last thing back that a fader set",
    "redo": "and do it again",
    "crossfade": "presets enter over so many beats; -1: over as many as each says",
    "quantise": "presets called by hand enter 0 at once, at the next 1 beat, 2 bar, 3 four bars, "
    "4 sixteen bars",
    "reset": "what faders set is the preset's again",
    "tap": "tap the tempo",
    "one": "a bar begins now",
    "double": "count the beat twice as fast",
    "halve": "count the beat half as fast",
    "nudge": "the beat 10 ms earlier; -1: later",
    "clock": "hold the clock of that number: 1 link, 2 midi, 3 tracker, 4 tap, 5 free; 0 the best "
    "one, -1 the next",
    "pattern": "the test pattern, and back",
    "learn": "learn what a knob or pad does: then a control or command, then the knob or pad",
    "learn_preset": "the same for this preset alone, before what the rig says; in a lesson: for it "
    "alone, or for all",
    "unlearn": "forget what was learnt last",
    "help": "this help",
}

PRESSED = 0.5  # a button's value from which it is pressed
_CHANNEL = r"(?:(?:[1-9]|1[0-6])\.)?"
_BUTTON = r"(?:cc|note)(?:\d{1,2}|1[01]\d|12[0-7])"
BUTTON = re.compile(_CHANNEL + _BUTTON)  # what can be pressed; a pitch wheel rests half way
_NRPN = r"nrpn(?:\d{1,4}|1[0-5]\d{3}|16[0-2]\d\d|163[0-7]\d|1638[0-2])"
_FINE = r"fine(?:[12]?\d|3[01])"  # of 14 bits, that is controller N with its fine part N + 32
_TOUCH = r"touch(?:\d{1,2}|1[01]\d|12[0-7])?"  # aftertouch, of a channel or of a note
MIDI_SOURCE = re.compile(f"{_CHANNEL}(?:{_BUTTON}|{_FINE}|{_NRPN}|{_TOUCH}|pitch)")
_COMMAND = re.compile(r"(?P<name>\w+)(?: (?P<value>-?\d{1,4}))?")


def read_command(words: str) -> Command:
    """The command written as its name and, if need be, a number, such as ``nudge -1``.

    Raises ValueError, whose text says what is allowed."""
    match = _COMMAND.fullmatch(words)
    if match is None or match["name"] not in COMMANDS:
        raise ValueError(
            f"'{words}' is not a command, if need be with a number; there are: "
            f"{', '.join(COMMANDS)}"
        )
    return Command(match["name"], int(match["value"] or 0))


def read_buttons(place: str, table: Mapping[str, object]) -> dict[str, Command]:
    """The commands of a table by the MIDI source of the button. Raises VjganError: one sentence
    with the ``place``, the key, the value and what is allowed."""
    read = {}
    for source, words in table.items():
        if not BUTTON.fullmatch(source):
            raise VjganError(f"{place}.{source} is not ccN, noteN or CHANNEL.noteN")
        try:
            read[source] = read_command(str(words))
        except ValueError as reason:
            raise VjganError(f"{place}.{source} {reason}") from None
    return read
