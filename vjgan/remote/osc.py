"""OSC over UDP: every control and command by its address, and back what changes."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_packet import OscPacket

from vjgan.controls import Control
from vjgan.gestures import COMMANDS
from vjgan.remote.desk import COMMANDS_FROM_AFAR, LOOK_SECONDS, Desk
from vjgan.standing import Standing

log = logging.getLogger("vjgan")

ROOT = "/vjgan/"
QUERY, SUBSCRIBE, UNSUBSCRIBE = "query", "subscribe", "unsubscribe"
# Commands that are nothing without a number.
NUMBERED = ("preset", "track", "clock", "crossfade", "quantise", "meet")
NUMBER_BYTES = {b",f": 4, b",i": 4, b",d": 8, b",h": 8}
MOST_CLIENTS = 8
BURST, PAUSE_SECONDS = 32, 0.01  # messages sent at once, and until the next
MOST_WAITING = 8192  # messages
SILENT_SECONDS = 600.0  # a client that says nothing for so long is told nothing more
ECHO_SECONDS = 0.5  # a hand on a fader is not told where it is
QUERY_SECONDS = 0.25  # between two answers that hold everything
SHOW = ("bpm", "beat", "frozen", "black", "panic", "strobe_killed", "preset")

Address = tuple[Any, ...]  # of a socket: host and port first


@dataclass
class Client:
    """Someone who is told what changes, at an ``address``."""

    address: Address
    heard: float  # when it last said something
    told: dict[str, object] = field(default_factory=dict)  # by address in OSC
    moved: dict[str, float] = field(default_factory=dict)  # when it set a control itself


class Osc(asyncio.DatagramProtocol):
    """The show's end of OSC. Packets that are malformed, unknown or of the wrong type are counted
    and dropped."""

    def __init__(self, sock: socket.socket, desk: Desk) -> None:
        self.dropped = 0  # messages and packets
        self._sock = sock
        self._desk = desk
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, Client] = {}
        self._queried = -QUERY_SECONDS
        self._outbox: deque[tuple[Address, str, Any]] = deque(maxlen=MOST_WAITING)
        self._sent = 0  # since the last pause
        logging.getLogger().addFilter(_not_of_packets)

    async def run(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._sock)
        try:
            while True:
                await asyncio.sleep(PAUSE_SECONDS if self._outbox else LOOK_SECONDS)
                self._sent = 0
                self._pour()
                if not self._outbox:
                    self._tell()
        finally:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Do what a packet says; a bundle's messages at once, whenever it is due."""
        try:
            messages = [timed.message for timed in OscPacket(data).messages]
        except Exception:  # the library has no one name for what strangers can send
            self.dropped += 1
            return
        for message in messages:
            if not _is_whole(message) or not self._obey(
                str(message.address), list(message.params), addr
            ):
                self.dropped += 1

    def error_received(self, exc: Exception) -> None:
        """A client has gone: it will be silent, too."""
        log.debug("OSC: %s", exc)

    def _obey(self, address: str, words: list[object], sender: Address) -> bool:
        standing = self._desk.standing()
        if not address.startswith(ROOT) or standing is None:
            return False
        # TouchOSC and others like a tree: /vjgan/bloom/amount is /vjgan/bloom.amount.
        name = address.removeprefix(ROOT).replace("/", ".")
        if (client := self._clients.get(sender)) is not None:
            client.heard = time.monotonic()
        if name == QUERY:
            return not words and self._answer_all(standing, sender)
        if name == SUBSCRIBE:
            return self._subscribe(words, sender)
        if name == UNSUBSCRIBE:
            return not words and self._forget(sender)
        if name in standing.table:
            return self._touch(name, words, standing, sender)
        control, _, last = name.rpartition(".")
        if last == "reset" and control in standing.table:
            return _pressed(words) is not None and self._desk.set(control, None)
        return self._command(name, words)

    def _touch(self, name: str, words: list[object], standing: Standing, sender: Address) -> bool:
        """Set a control; without a value, say which it has."""
        if not words:
            self._send(sender, ROOT + name, float(standing.own[name]))
            return True
        value = _number(words)
        if value is None:
            return False
        for client in self._clients.values():
            if client.address[0] == sender[0]:
                client.moved[ROOT + name] = time.monotonic()
        return self._desk.set(name, value)

    def _command(self, name: str, words: list[object]) -> bool:
        """Do a command. Its button's release, a 0, does nothing, unless it is a number to choose
        by."""
        pressed = _pressed(words)
        if pressed is None or (name in NUMBERED and not words):
            return False
        released = pressed == 0.0 and name in COMMANDS_FROM_AFAR and name not in NUMBERED
        return released or self._desk.command(name, round(pressed))

    def _subscribe(self, words: list[object], sender: Address) -> bool:
        """Tell the sender, at a port of its own machine, what changes from now on."""
        port = _number(words) if words else float(sender[1])
        if port is None or not 1 <= port <= 65535 or port != int(port):
            return False
        address = (sender[0], int(port), *sender[2:])
        if address not in self._clients and len(self._clients) >= MOST_CLIENTS:
            return False
        self._clients[address] = Client(address, time.monotonic())
        return True

    def _forget(self, sender: Address) -> bool:
        gone = [address for address in self._clients if address[0] == sender[0]]
        for address in gone:
            del self._clients[address]
        return bool(gone)

    def _answer_all(self, standing: Standing, sender: Address) -> bool:
        now = time.monotonic()
        if now - self._queried < QUERY_SECONDS:
            return False
        self._queried = now
        for address, value in _told(standing).items():
            self._send(sender, address, value)
        return True

    def _tell(self) -> None:
        """Tell each client what changed."""
        standing, now = self._desk.standing(), time.monotonic()
        if standing is None or not self._clients:
            return
        told = _told(standing)
        for client in list(self._clients.values()):
            if now - client.heard > SILENT_SECONDS:
                del self._clients[client.address]
                continue
            for address, value in told.items():
                held = now - client.moved.get(address, -ECHO_SECONDS) < ECHO_SECONDS
                if client.told.get(address) != value and not held:
                    client.told[address] = value
                    self._send(client.address, address, value)

    def _send(self, to: Address, address: str, value: Any) -> None:
        self._outbox.append((to, address, value))
        self._pour()

    def _pour(self) -> None:
        """Send what waits, a few at a time: more than a client's buffer takes would be lost."""
        while self._outbox and self._sent < BURST:
            to, address, value = self._outbox.popleft()
            self._sent += 1
            if self._transport is not None:
                self._transport.sendto(build_msg(address, value).dgram, to)


def _not_of_packets(record: logging.LogRecord) -> bool:
    """What the library says of strange packets is counted, not told."""
    return record.module not in ("osc_message", "osc_bundle")


def _told(standing: Standing) -> dict[str, Any]:
    """Everything that clients are told, by address."""
    values: dict[str, Any] = {ROOT + name: float(value) for name, value in standing.own.items()}
    show = (
        round(standing.beat.bpm, 1),
        int(standing.beat.position),
        int(standing.frozen),
        int(standing.black),
        int(standing.panic),
        int(standing.strobe_killed),
        standing.preset,
    )
    return values | {f"{ROOT}show/{name}": value for name, value in zip(SHOW, show, strict=True)}


def _is_whole(message: OscMessage) -> bool:
    """Whether all of a message's number has arrived; the library would take zeros for the rest."""
    start = _padded(len(str(message.address)))
    tags = message.dgram[start:].partition(b"\0")[0]
    size = NUMBER_BYTES.get(tags, 0)
    return len(message.dgram) >= start + (_padded(len(tags)) if tags else 0) + size


def _padded(length: int) -> int:
    """What a text takes up in OSC 1.0: a zero after it, filled up to a multiple of four bytes."""
    return 4 * (length // 4 + 1)


def _number(words: Sequence[object]) -> float | None:
    """The one finite number that a message holds; None where it holds anything else."""
    if len(words) != 1 or not isinstance(words[0], bool | int | float):
        return None
    value = float(words[0])
    return value if math.isfinite(value) else None


def _pressed(words: Sequence[object]) -> float | None:
    """How a button was pressed: 1 for a message without a value, as some send."""
    return 1.0 if not words else _number(words)


def addresses(table: Mapping[str, Control]) -> list[str]:
    """A line for each address."""
    lines = ["Controls: address, type, range, what it does"]
    for row in table.values():
        span = f"{row.minimum:g}..{row.maximum:g} {row.unit}".strip()
        lines.append(f"  {ROOT + row.name:<30} f  {span:<18} {row.does}")
    lines.append("Commands: without a value, or with 1; 0, a button's release, does nothing")
    for name in COMMANDS_FROM_AFAR:
        kind = "i" if name in NUMBERED else " "
        lines.append(f"  {ROOT + name:<30} {kind}  {'':<18} {COMMANDS[name]}")
    others = {
        "CONTROL": "without a value: answered with the control's value",
        "CONTROL/reset": "the control's value is the preset's again",
        QUERY: "answered with the values of all, and of the show",
        f"{SUBSCRIBE} PORT": "from now on what changes is sent there; without PORT to the sender's",
        UNSUBSCRIBE: "no more",
    }
    lines.append("Questions")
    lines += [f"  {ROOT + name:<30}    {'':<18} {does}" for name, does in others.items()]
    lines.append("What is told: each control at its own address, and")
    return lines + [f"  {ROOT}show/{name}" for name in SHOW]
