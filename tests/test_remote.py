"""Desk, page server and pairing, with real sockets; the browser is in
test_remote_page.py."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import wait_until
from standings import desk_with, standing_of
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from vjgan.control import ControlSettings, serve
from vjgan.controls import CONTROLS
from vjgan.errors import DeviceError
from vjgan.mapping import Router
from vjgan.remote.address import is_local, is_ours, listen, url
from vjgan.remote.cards import Cards
from vjgan.remote.desk import COMMANDS_FROM_AFAR, MOST_GESTURES, Desk, Together
from vjgan.remote.figures import Figures
from vjgan.remote.files import FILES, PAGE
from vjgan.remote.pairing import PATIENCE, PAUSE_SECONDS, Pairing
from vjgan.remote.pictures import Thumbnails
from vjgan.remote.report import Report, group_of, tell_table
from vjgan.remote.server import WORDS_A_LOOK, Server
from vjgan.remote.service import Service
from vjgan.remote.words import Ask, Set, understand
from vjgan.stock import make_library, passes
from vjgan.types import Command, Event, Setting

PRESETS = Path(__file__).parent.parent / "presets"


def test_the_desk_takes_what_exists_and_nothing_else() -> None:
    desk = desk_with()
    assert desk.set("hue", 20.0) and desk.set("hue", None) and desk.command("next")
    assert desk.command("preset", 3)
    assert not desk.set("nonsense", 1.0)
    assert not desk.set("hue", float("nan"))
    assert not desk.set("hue", float("inf"))
    assert not desk.command("preset", 0)
    for name in ("quit", "help", "nonsense", "__init__"):
        assert not desk.command(name)
    assert list(desk.read()) == [
        Setting("hue", 20.0), Setting("hue"), Command("next"), Command("preset", 3)
    ]  # fmt: skip
    assert list(desk.read()) == []
    assert {"panic", "home", "snapshot", "tap", "nudge"} <= set(COMMANDS_FROM_AFAR)


def test_a_flood_of_gestures_is_bounded_and_the_newest_stay() -> None:
    desk = desk_with()
    for value in range(MOST_GESTURES + 100):
        desk.set("hue", float(value))
    events = desk.read()
    assert len(events) == MOST_GESTURES
    assert events[-1] == Setting("hue", MOST_GESTURES + 99)
    other = desk_with()
    other.command("next")
    assert list(Together(desk, other).read()) == [Command("next")]


def test_the_desk_looks_twenty_times_a_second_and_glances_only_when_wanted() -> None:
    glances: list[int] = []

    def glance() -> np.ndarray:
        glances.append(len(glances))
        return np.full((1, 1, 3), len(glances), np.uint8)

    kept: list[Any] = []
    desk = Desk(lambda standing, image: kept.append((standing, image)))
    screen: Any = SimpleNamespace(glance=glance)
    router, looks = Router(CONTROLS, {}), 0
    for frame in range(120):
        if desk.due(frame / 60):
            looks += 1
            desk.look(standing_of(router, frame / 60), screen)
        if frame == 59:
            assert not glances
            desk.keep()
    assert 38 <= looks <= 41
    wait_until(lambda: kept, what="the snapshot")
    assert len(kept) == 1 and len(glances) == 2  # the first glance may be old
    assert kept[0][1][0, 0, 0] == 2


def test_figures_say_what_limits() -> None:
    def figures(period: float, model_ms: float) -> dict[str, Any]:
        times = [k * period for k in range(200)]
        return Figures(lambda: times, [model_ms] * 20, lambda: 0, 30.0).read()

    assert figures(1 / 30, 20.0)["limit"] == ""
    assert figures(1 / 30, 20.0)["fps"] == pytest.approx(30.0, abs=0.5)
    assert figures(1 / 30, 50.0)["limit"] == "model"
    slow = figures(1 / 12, 20.0)
    assert slow["limit"] == "drawing" and slow["late"] >= 10
    assert Figures(list, [], lambda: 0, 60.0).read()["fps"] == 0.0


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "null", '"set"', '{"do":"quit"}',
        '{"do":"set"}', '{"do":"set","control":"hue"}',
        '{"do":"set","control":"hue","value":"1"}', '{"do":"set","control":"hue","value":NaN}',
        '{"do":"set","control":"hue","value":Infinity}', '{"do":"set","control":7,"value":1}',
        '{"do":"set","control":"hue","value":1,"more":2}',
        '{"do":"command","name":"next","value":1.5}',
        '{"do":"command","name":"next","value":99999999}', '{"do":"look","on":1}',
        '{"do":"set","control":"' + "x" * 97 + '","value":1}',
        '{"do":"hello","token":"' + "x" * 65 + '"}',
        b'{"do":"look","on":true}', " " * 17_000 + '{"do":"look","on":true}', "[" * 900,
    ],
)  # fmt: skip
def test_malformed_words_are_none(message: str | bytes) -> None:
    assert understand(message) is None


def test_words_that_are_understood() -> None:
    assert understand('{"do":"set","control":"hue","value":1.5}') == Set(
        do="set", control="hue", value=1.5
    )
    assert understand('{"do":"set","control":"hue","value":null}') == Set(
        do="set", control="hue", value=None
    )
    assert understand('{"do":"command","name":"clock","value":-1}') == Ask(
        do="command", name="clock", value=-1
    )


def test_every_control_stands_in_one_group() -> None:
    table = dict(CONTROLS) | {row.name: row for rows in passes().values() for row in rows.values()}
    told = tell_table(table)
    names = [row["name"] for group in told["groups"] for row in group["rows"]]
    assert sorted(names) == sorted(table)
    assert group_of("bend.x") == "inside" and group_of("direction.turn") == "directions"
    assert group_of("bloom.amount") == "bloom" and group_of("hue") == "picture"
    assert group_of("speed") == "motion"
    assert "quit" not in told["commands"] and "panic" in told["commands"]


def test_changes_add_up_to_the_full_report() -> None:
    router, report, known = Router(CONTROLS, {}), Report(), {"own": {}, "out": {}}
    for value in (None, 30.0, 60.0):
        if value is not None:
            router.set("hue", value)
        for _ in range(30):
            new = report.changes(standing_of(router), {"fps": 60})
            json.dumps(new)
            own, out = known["own"] | new.pop("own"), known["out"] | new.pop("out")
            known |= new | {"own": own, "out": out}
    assert known == report.full()
    assert known["own"]["hue"] == 60.0 and known["changed"] == ["hue"]
    assert report.changes(standing_of(router), {"fps": 60}) == {
        "say": "state",
        "own": {},
        "out": {},
    }


def test_a_code_works_once_and_gives_a_token_that_lasts() -> None:
    codes: list[str] = []
    now = [0.0]
    pairing = Pairing(codes.append, lambda: now[0])
    first = codes[-1]
    token = pairing.pair(f" {first[:3].lower()}-{first[3:]} ")
    assert token and pairing.knows(token) and not pairing.knows("") and not pairing.knows("é")
    now[0] += 2 * PAUSE_SECONDS
    assert pairing.pair(first) == ""  # it is spent
    now[0] += 2 * PAUSE_SECONDS
    assert pairing.pair(codes[-1]) and pairing.knows(token)


def test_guessing_is_slow_and_changes_the_code() -> None:
    codes: list[str] = []
    now = [0.0]
    pairing = Pairing(codes.append, lambda: now[0])
    right = codes[-1]
    assert pairing.pair("WRONG1") == ""
    assert pairing.pair(right) == ""  # too soon after a wrong one
    for _ in range(PATIENCE - 1):
        now[0] += PAUSE_SECONDS
        assert pairing.pair("WRONG1") == ""
    assert len(codes) == 2 and codes[-1] != right
    now[0] += PAUSE_SECONDS
    assert pairing.pair(right) == ""


def test_only_our_own_names_are_answered() -> None:
    for host in ("127.0.0.1:8765", "localhost:8765", "[::1]:8765", "192.168.1.7:8765"):
        assert is_ours(host, "0.0.0.0", 8765)
    assert is_ours("vj.local:8765", "vj.local", 8765)
    for host in ("", "evil.example:8765", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.nip.io:8765"):
        assert not is_ours(host, "127.0.0.1", 8765)
    assert is_local("127.0.0.1") and is_local("::1") and is_local("localhost")
    assert not is_local("192.168.1.7") and not is_local("0.0.0.0") and not is_local("evil")
    assert url("::1", 80) == "http://[::1]:80"


def test_a_busy_port_gives_the_next_one_and_a_foreign_host_one_sentence() -> None:
    with listen("127.0.0.1", 18765) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port) as second:
            assert second.getsockname()[1] == port + 1
    with pytest.raises(DeviceError, match="--control-host 'nosuchhost'"):
        listen("nosuchhost", 8765)
    with pytest.raises(DeviceError, match="control page: port"):
        listen("192.0.2.1", 8765)


def test_the_show_goes_on_without_what_cannot_be_served(caplog: pytest.LogCaptureFixture) -> None:
    settings = ControlSettings(host="192.0.2.1", osc_host="192.0.2.1")
    with caplog.at_level(logging.WARNING, "vjgan"):
        serve(settings, desk_with(), make_library(), None, 60.0).close()  # type: ignore[arg-type]
    assert [record.message.count("the show goes on without") for record in caplog.records] == [1, 1]


class Served:
    """A page server on a free port, its desk and its pairing codes."""

    def __init__(self, folder: Path, paired: bool, port: int = 18800) -> None:
        self.codes: list[str] = []
        self.desk = desk_with()
        self.sock = listen("127.0.0.1", port)
        self.port = int(self.sock.getsockname()[1])
        thumbnails = Thumbnails(folder / "thumbnails")
        library = make_library()
        cards = Cards(lambda: sorted(PRESETS.glob("*.toml"))[:3], library.preset, thumbnails)
        pairing = Pairing(self.codes.append) if paired else None
        figures = Figures(list, [], lambda: 0, 60.0)
        self.server = Server(self.sock, "127.0.0.1", self.desk, cards, pairing, figures.read)
        self.service = Service(self.server)

    def open(self, **words: Any) -> ClientConnection:
        origin = words.pop("origin", f"http://127.0.0.1:{self.port}")
        return connect(f"ws://127.0.0.1:{self.port}/ws", origin=origin, **words)

    def get(self, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        line.request(method, path, headers={"Host": host or f"127.0.0.1:{self.port}"})
        answer = line.getresponse()
        body = answer.read().decode()
        line.close()
        return answer.status, body, answer.headers


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def start(paired: bool = False) -> Served:
        running.append(Served(tmp_path, paired))
        return running[-1]

    yield start
    for one in running:
        one.service.close()


def told(page: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    while True:
        message = page.recv(timeout=10)
        if isinstance(message, str) and (word := json.loads(message))["say"] == kind:
            return dict(word)


def test_files_are_served_to_our_own_name_only(served: Callable[..., Served]) -> None:
    one = served()
    status, body, headers = one.get("/")
    assert status == 200 and "<!doctype html>" in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    for path in FILES:
        status, text, _ = one.get(path)
        assert status == 200
        assert "https://" not in text and "http://" not in text.replace("http://www.w3.org", "")
    assert {path.name for path in FILES.values()} == {path.name for path in PAGE.iterdir()}
    for path in ("/../server.py", "/%2e%2e/server.py", "/page/index.html", "/index.html", "//etc"):
        assert one.get(path)[0] == 404
    assert one.get("/", host="evil.example:8765")[0] == 421
    assert one.get("/", host=f"127.0.0.1:{one.port + 1}")[0] == 421


def test_a_foreign_page_cannot_open_the_socket(served: Callable[..., Served]) -> None:
    one = served()
    for origin in ("http://evil.example", f"https://127.0.0.1:{one.port}", "null", None):
        with pytest.raises(InvalidStatus) as refusal:
            one.open(origin=origin)
        assert refusal.value.response.status_code == 403


def test_a_page_is_told_all_and_its_words_reach_the_loop(served: Callable[..., Served]) -> None:
    one = served()
    with one.open() as page:
        page.send('{"do":"set","control":"hue","value":3}')  # before hello: dropped
        page.send('{"do":"hello"}')
        assert told(page, "welcome")
        assert len(told(page, "table")["groups"]) > 3
        cards = told(page, "cards")["cards"]
        state = told(page, "state")
        assert state["own"]["hue"] == 0.0 and state["title"] == "A"
        for bad in ("{", '{"do":"quit"}', '{"do":"command","name":"quit"}', b"\x00\x01"):
            page.send(bad)
        page.send('{"do":"set","control":"nonsense","value":3}')
        page.send('{"do":"set","control":"hue","value":33}')
        page.send('{"do":"command","name":"tap"}')
        events: list[Event] = []
        wait_until(lambda: events.extend(one.desk.read()) or len(events) >= 2)
        assert events == [Setting("hue", 33.0), Command("tap")]
        assert one.server.dropped == 6
        while len(cards) < 3:  # they are read one by one
            cards = told(page, "cards")["cards"]
        assert cards[0]["number"] == 1 and not cards[0]["broken"]


def test_a_page_that_says_too_much_is_cut_short(served: Callable[..., Served]) -> None:
    one = served()
    with one.open() as page:
        page.send('{"do":"hello"}')
        told(page, "state")
        for _ in range(10 * WORDS_A_LOOK):
            page.send('{"do":"set","control":"hue","value":1}')
        page.send('{"do":"look","on":false}')
        wait_until(lambda: one.server.dropped > 0, what="dropped words")
        with pytest.raises(ConnectionClosed):
            page.send("x" * 100_000)
            page.recv(timeout=10)
            while True:
                page.recv(timeout=10)
    with one.open() as page:  # others are served on
        page.send('{"do":"hello"}')
        assert told(page, "welcome")


def test_another_machine_needs_the_code(
    served: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = served(paired=True)
    monkeypatch.setattr("vjgan.remote.door.is_local", lambda host: False)
    with one.open() as page:
        page.send('{"do":"hello","token":"made-up"}')
        assert told(page, "pair")
        page.send('{"do":"set","control":"hue","value":1}')
        page.send('{"do":"look","on":true}')
        page.send(json.dumps({"do": "pair", "code": "WRONG1"}))
        assert told(page, "refused")["token"] == ""
        assert list(one.desk.read()) == []
        token = ""
        while not token:  # a second must pass
            time.sleep(0.2)
            page.send(json.dumps({"do": "pair", "code": one.codes[0]}))
            token = json.loads(page.recv(timeout=10)).get("token", "")
        assert told(page, "table")
    with one.open() as page:
        page.send(json.dumps({"do": "hello", "token": token}))
        assert told(page, "welcome")


def test_a_preset_gets_a_picture_when_it_has_been_played(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "cache")
    preset = tmp_path / "01-a.toml"
    preset.write_text('name = "A"\n')
    (tmp_path / "02-b.toml").write_text("name = ")
    cards = Cards(lambda: sorted(tmp_path.glob("*.toml")), make_library().preset, thumbnails)
    asyncio.run(cards.refresh())
    assert [card.name for card in cards.cards] == ["A", "02-b"]
    assert "not valid TOML" in cards.cards[1].broken
    router = Router(CONTROLS, {})
    assert not cards.wants(standing_of(router, 1.0, preset))
    later = standing_of(router, 6.0, preset)
    assert cards.wants(later) and not cards.wants(replace(later, black=True))
    assert cards.take(later, np.zeros((9, 16, 3), np.uint8)) == ""  # a dark one is none
    assert not cards.wants(later)  # for a while
    later = standing_of(router, 40.0, preset)
    assert cards.wants(later)
    name = cards.take(later, np.full((9, 16, 3), 90, np.uint8))
    assert name == cards.cards[0].thumbnail and not cards.wants(later)
    again = Cards(lambda: [preset], make_library().preset, thumbnails)
    asyncio.run(again.refresh())
    picture = again.pictures[name]
    assert picture.startswith(b"\xff\xd8")
    preset.write_text('name = "Another"\n')
    asyncio.run(again.refresh())
    assert again.cards[0].name == "Another" and again.cards[0].thumbnail != name
