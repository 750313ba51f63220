"""OSC through real UDP sockets."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import wait_until
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_packet import OscPacket
from standings import desk_with, standing_of

from vjgan.control import list_addresses
from vjgan.controls import CONTROLS
from vjgan.errors import DeviceError
from vjgan.mapping import Router
from vjgan.remote.address import receive
from vjgan.remote.osc import Osc
from vjgan.remote.service import Service
from vjgan.stock import passes
from vjgan.types import Command, Event, Setting

TABLE = dict(CONTROLS) | {row.name: row for rows in passes().values() for row in rows.values()}


class Player:
    """The show's end, and a client that talks to it."""

    def __init__(self) -> None:
        self.router = Router(TABLE, {"hue": 12.0})
        self.desk = desk_with(self.router)
        sock = receive("127.0.0.1", 0)
        self.place = sock.getsockname()
        self.osc = Osc(sock, self.desk)
        self.service = Service(self.osc)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.bind(("127.0.0.1", 0))
        self.client.settimeout(5.0)
        self.asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.asker.settimeout(5.0)

    def send(self, address: str, *words: Any) -> None:
        self.client.sendto(build_msg(address, words or "").dgram, self.place)

    def events(self, count: int) -> list[Event]:
        """That many gestures, as the loop gets them."""
        events: list[Event] = []
        wait_until(lambda: events.extend(self.desk.read()) or len(events) >= count, 5.0)
        return events

    def heard(self, client: socket.socket | None = None) -> tuple[str, list[Any]]:
        """The next message that the client gets."""
        message = OscMessage((client or self.client).recv(65536))
        return message.address, list(message.params)

    def settle(self) -> None:
        """Wait until all that was sent has been read: a question is answered last."""
        self.asker.sendto(build_msg("/vjgan/speed").dgram, self.place)
        self.heard(self.asker)


@pytest.fixture
def player() -> Iterator[Player]:
    one = Player()
    yield one
    one.service.close()
    one.client.close()
    one.asker.close()


def test_every_control_has_an_address_and_is_range_checked(player: Player) -> None:
    for name, row in TABLE.items():
        player.send(f"/vjgan/{name}", row.maximum + 1e6)
        player.send(f"/vjgan/{name.replace('.', '/')}", row.minimum)
        player.settle()  # so that the kernel drops none
    events = player.events(2 * len(TABLE))
    wanted = [
        Setting(name, pytest.approx(value))  # type: ignore[arg-type]
        for name, row in TABLE.items()
        for value in (row.maximum + 1e6, row.minimum)
    ]
    assert events == wanted and player.osc.dropped == 0
    for event in events[0::2]:
        assert isinstance(event, Setting)
        player.router.set(event.name, event.value)
        assert player.router.own[event.name] == TABLE[event.name].maximum


def test_commands_and_their_buttons(player: Player) -> None:
    player.send("/vjgan/next")
    player.send("/vjgan/freeze", 1.0)
    player.send("/vjgan/freeze", 0.0)  # its release
    player.send("/vjgan/tap", True)
    player.send("/vjgan/preset", 4)
    player.send("/vjgan/clock", 0)
    player.send("/vjgan/nudge", -1)
    player.send("/vjgan/panic", 1)
    player.send("/vjgan/hue/reset")
    assert player.events(8) == [
        Command("next", 1), Command("freeze", 1), Command("tap", 1), Command("preset", 4),
        Command("clock", 0), Command("nudge", -1), Command("panic", 1), Setting("hue"),
    ]  # fmt: skip
    assert player.osc.dropped == 0


@pytest.mark.parametrize(
    "words",
    [
        ("/vjgan/quit",), ("/vjgan/help",), ("/vjgan/nonsense", 1.0), ("/vjgan/",),
        ("/other/hue", 1.0),
        ("/vjgan/hue", "12"), ("/vjgan/hue", 1.0, 2.0), ("/vjgan/hue", float("nan")),
        ("/vjgan/hue", float("inf")), ("/vjgan/preset",), ("/vjgan/preset", 0),
        ("/vjgan/preset", "x"),
        ("/vjgan/subscribe", 0), ("/vjgan/subscribe", 70000), ("/vjgan/subscribe", "evil"),
        ("/vjgan/unsubscribe",), ("/vjgan/query", 1), ("/vjgan/next", "__import__('os')"),
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_counted_and_dropped(player: Player, words: tuple[Any, ...]) -> None:
    player.send(*words)
    player.settle()
    assert player.osc.dropped == 1
    assert list(player.desk.read()) == []


def test_a_bundle_is_done_at_once(player: Player) -> None:
    inner = OscBundleBuilder(time.time() + 3600.0)
    inner.add_content(build_msg("/vjgan/speed", 2.0))
    outer = OscBundleBuilder(IMMEDIATELY)
    outer.add_content(build_msg("/vjgan/hue", 30))
    outer.add_content(inner.build())
    player.client.sendto(outer.build().dgram, player.place)
    assert player.events(2) == [Setting("hue", 30.0), Setting("speed", 2.0)]


def test_questions_are_answered(player: Player) -> None:
    player.send("/vjgan/hue")
    assert player.heard() == ("/vjgan/hue", [12.0])
    player.send("/vjgan/query")
    told = dict(player.heard() for _ in range(len(TABLE) + 7))
    assert told["/vjgan/hue"] == [12.0] and told["/vjgan/show/preset"] == ["a"]
    assert {f"/vjgan/{name}" for name in TABLE} <= set(told)


def test_a_client_is_told_what_changes_but_not_what_its_hand_holds(player: Player) -> None:
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(5.0)
        player.send("/vjgan/subscribe", other.getsockname()[1])
        first = dict(player.heard(other) for _ in range(len(TABLE) + 7))
        assert first["/vjgan/hue"] == [12.0]
        player.router.set("speed", 3.0)
        player.desk.look(standing_of(player.router, 2.0), None)  # type: ignore[arg-type]
        assert player.heard(other) == ("/vjgan/speed", [3.0])
        player.send("/vjgan/speed", 4.0)  # a hand moves it: its own echo waits
        assert player.events(1) == [Setting("speed", 4.0)]
        player.router.set("speed", 4.0)
        start = time.monotonic()
        player.desk.look(standing_of(player.router, 3.0), None)  # type: ignore[arg-type]
        assert player.heard(other) == ("/vjgan/speed", [4.0])
        assert time.monotonic() - start > 0.3
        player.send("/vjgan/unsubscribe")
        player.settle()
        player.router.set("speed", 1.0)
        player.desk.look(standing_of(player.router, 4.0), None)  # type: ignore[arg-type]
        other.settimeout(0.3)
        with pytest.raises(TimeoutError):
            player.heard(other)


def test_twenty_thousand_random_packets(player: Player) -> None:
    dice = random.Random(6)
    good = build_msg("/vjgan/hue", 1.0).dgram
    bundle = OscBundleBuilder(IMMEDIATELY)
    bundle.add_content(build_msg("/vjgan/speed", 1.0))
    seeds = [good, bundle.build().dgram, build_msg("/vjgan/preset", 2).dgram]
    for number in range(20_000):
        player.client.sendto(hostile(dice, seeds), player.place)
        if number % 50 == 49:
            player.settle()  # so that the kernel drops none
            player.desk.read()
    assert player.osc.dropped > 10_000
    player.desk.read()
    player.send("/vjgan/hue", 7.0)
    assert player.events(1) == [Setting("hue", 7.0)]


def hostile(dice: random.Random, seeds: list[bytes]) -> bytes:
    """Noise, a good packet with some of it changed, cut or doubled, or bundles of bundles."""
    kind = dice.randrange(4)
    if kind == 0:
        return dice.randbytes(dice.randrange(0, 200))
    data = bytearray(dice.choice(seeds))
    if kind == 1:
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
    elif kind == 2:
        data = data[: dice.randrange(len(data))] + dice.randbytes(dice.randrange(8))
    else:
        for _ in range(dice.randrange(1, 60)):
            size = len(data) if dice.random() < 0.9 else dice.randrange(2**31)
            data = bytearray(b"#bundle\x00" + dice.randbytes(8) + struct.pack(">i", size)) + data
    return bytes(data)


def test_deep_bundles_and_long_packets_are_dropped(player: Player) -> None:
    data = b""
    for _ in range(3000):
        data = b"#bundle\x00" + bytes(8) + (struct.pack(">i", len(data)) + data if data else b"")
    for packet in (
        data,
        b"/" + b"a" * 60_000,
        b"",
        b"#bundle\x00",
        b"/vjgan/hue\x00\x00,f\x00\x00",
    ):
        player.client.sendto(packet, player.place)
    player.settle()
    assert player.osc.dropped >= 4
    assert list(player.desk.read()) == []
    with pytest.raises(Exception, match=r".+"):
        OscPacket(data)  # it is the depth that is refused


def test_a_busy_port_is_one_sentence() -> None:
    with receive("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(DeviceError, match=rf"^OSC: port {port} of '127.0.0.1': "):
            receive("127.0.0.1", port)


def test_the_list_of_addresses_is_complete() -> None:
    lines = "\n".join(list_addresses())
    for name in TABLE:
        assert f"  /vjgan/{name} " in lines
    assert "/vjgan/panic" in lines and "/vjgan/subscribe PORT" in lines
    assert "/vjgan/quit" not in lines
