"""The gallery: what is rated and how, the sheet and the bank as one list, and its page."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import free_port, wait_until
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from test_motion import SPACE
from test_remote_page import CONTRAST, DESKTOP, NAMELESS, PHONE, reached
from websockets.sync.client import connect
from websockets.typing import Origin

from vjgan.bank import Bank, BankError, Portrait
from vjgan.curation import (
    describe,
    export_portraits,
    import_portrait,
    list_portraits,
    paint,
)
from vjgan.errors import ModelError
from vjgan.gallery.curator import Curator, Subject, packed, unpacked
from vjgan.gallery.rating import ALIKE, Groups, Typicality, likeness, sharpness
from vjgan.gallery.sampler import Sampler
from vjgan.gallery.server import GalleryServer
from vjgan.gallery.sheet import Sample, Sheet
from vjgan.gallery.words import Judge, understand
from vjgan.motion.curve import seeded
from vjgan.remote.address import listen
from vjgan.remote.pairing import Pairing
from vjgan.remote.service import Service
from vjgan.stock import make_library
from vjgan.types import FloatArray

SUBJECT = Subject("alive", "ab" * 32, 0.7)


def picture(seed: int) -> np.ndarray:
    """A smooth picture of many colours, another for each seed: uint8 [64, 64, 3]."""
    small = np.random.RandomState(seed).randint(0, 256, (5, 5, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC))


def find_w(seed: int) -> FloatArray:
    return np.asarray(SPACE.map(seeded(seed, 1, SPACE.z_dim).astype(np.float32))[0])


# --- ratings ----------------------------------------------------------------------------------


def test_what_is_blurred_is_less_sharp_and_a_chequerboard_is_as_computed() -> None:
    fine = np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)
    soft = np.asarray(Image.fromarray(fine).resize((16, 16)).resize((64, 64)))
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert sharpness(fine) > sharpness(soft) + 0.5 > sharpness(flat) + 1.0
    board = np.indices((64, 64)).sum(0) % 2 * 100  # the Laplacian is 400 and -400
    grey = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)
    assert sharpness(grey) == pytest.approx(np.log10(400.0**2 / (50.0**2 + 1.0)), abs=1e-3)
    assert sharpness(fine // 2) == pytest.approx(sharpness(fine), abs=0.02)  # as sharp when darker


def test_strangeness_is_the_distance_in_whitened_space() -> None:
    typicality = Typicality(SPACE)
    fresh = SPACE.map(np.random.RandomState(3).standard_normal((400, 12)).astype(np.float32))
    strange = np.array([typicality.strangeness(w) for w in fresh])
    assert np.sqrt(np.square(strange).mean()) == pytest.approx(1.0, abs=0.05)  # as in the sample
    away = fresh[0] + 3.0 * (fresh[0] - SPACE.w_mean)
    assert typicality.strangeness(away) > 1.5 * max(1.0, strange[0])


@pytest.fixture(scope="module")
def alive():  # type: ignore[no-untyped-def]
    return make_library(device="cpu").load("alive")


def test_known_duplicates_are_found_and_others_are_not(alive) -> None:  # type: ignore[no-untyped-def]
    """The same portrait without noise, as JPEG, a little brighter, or a step away that is a tenth
    of the way between two random ones, is the same; other seeds are not."""
    space, groups = alive.space, Groups()
    w = [space.map(seeded(k, 1, space.z_dim).astype(np.float32))[0] for k in range(13)]
    pictures = [paint(alive, one, 0.7) for one in w]
    assert [groups.join(str(k), likeness(one)) for k, one in enumerate(pictures[:12])] == [
        str(k) for k in range(12)
    ]
    for k in range(12):
        way = w[k + 1] - w[k]
        unit = float(space.length(w[k][None], (w[k] + 1e-3 * way)[None])[0]) / 1e-3
        near = w[k] + np.float32(1.0 / unit) * way
        bright = np.clip(pictures[k] * 1.04, 0, 255).astype(np.uint8)
        for same in (paint(alive, near, 0.7), unpacked(packed(pictures[k])), bright):
            assert groups.join("copy", likeness(same)) == str(k)


def test_a_chain_of_likenesses_is_no_group() -> None:
    groups, grey = Groups(), np.full(768, 0.5, np.float32)
    step = 0.8 * ALIKE
    joined = [groups.join(str(k), grey + np.float32(k * step)) for k in range(6)]
    assert joined == ["0", "0", "2", "2", "4", "4"]


# --- the sheet ----------------------------------------------------------------------------------


def sample(seed: int) -> Sample:
    return Sample(seed, 1.5, 0.9, likeness(picture(seed)))


def test_a_sheet_goes_on_where_it_was_left(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path / "deep" / "a.sheet")
    sheet.add(sample(4), b"four")
    sheet.add(sample(2), b"two")
    marked = replace(sample(2), rejected=True, tags=("a", "b c"), name="nora")
    sheet.mark(marked)
    sheet.close()
    again = Sheet(tmp_path / "deep" / "a.sheet")
    assert again.samples() == [marked, sample(4)]
    np.testing.assert_array_equal(again.samples()[1].likeness, sample(4).likeness)
    assert again.picture(4) == b"four" and again.picture(5) is None
    again.close()


def test_a_damaged_sheet_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.sheet"
    for content in (b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 2000):
        path.write_bytes(content)
        sheet = Sheet(path)
        assert sheet.samples() == []
        sheet.add(sample(1), b"one")
        sheet.close()
        assert (tmp_path / "a.damaged").read_bytes() == content
        assert "is damaged; it is set aside as 'a.damaged'" in caplog.text
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")  # of a later vjgan
    file.close()
    with_later = Sheet(path)
    assert with_later.samples() == []
    with_later.close()
    with pytest.raises(BankError, match="cannot be written: Cannot operate on a closed database"):
        with_later.add(sample(1), b"late")
    (tmp_path / "file").write_text("")
    with pytest.raises(BankError, match="cannot be opened"):
        Sheet(tmp_path / "file" / "a.sheet")


# --- the curator --------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A curator of ten samples and an empty bank."""
    sheet, bank = Sheet(tmp_path / "a.sheet"), Bank(tmp_path / "bank")
    curator = Curator(sheet, bank, SUBJECT, find_w)
    for seed in range(10):
        curator.add(sample(seed), picture(seed))
    curator.news()
    yield SimpleNamespace(sheet=sheet, bank=bank, curator=curator)
    sheet.close()


def item(desk: SimpleNamespace, one: str) -> dict:
    return next(found for found in desk.curator.items() if found["id"] == one)


def test_what_is_kept_goes_to_the_bank_and_comes_back_out(desk: SimpleNamespace) -> None:
    desk.curator.tag("3", ["marble", "marble", "old"])
    desk.curator.judge("3", "kept")
    kept = desk.bank.get("alive-3")
    np.testing.assert_array_equal(kept.w, find_w(3))
    assert (kept.seed, kept.psi, kept.sha256, kept.verdict) == (3, 0.7, "ab" * 32, "kept")
    assert kept.tags == ("marble", "old") and kept.origin == "seed"
    assert desk.bank.thumbnail("alive-3") is not None
    desk.curator.call("3", "nora")
    assert desk.bank.names() == ["nora"]
    assert item(desk, "3")["name"] == "nora" and item(desk, "3")["verdict"] == "kept"
    desk.curator.judge("3", "rejected")
    assert desk.bank.names() == [] and item(desk, "3")["verdict"] == "rejected"
    desk.curator.judge("3", "kept")  # and by the name that it had
    assert desk.bank.names() == ["nora"]
    desk.curator.call("5", "otto")  # a name keeps, too
    assert desk.bank.get("otto").seed == 5
    with pytest.raises(BankError, match="the name 'otto' is taken"):
        desk.curator.call("3", "otto")
    with pytest.raises(BankError, match="name 'a b' is not allowed"):
        desk.curator.call("6", "a b")
    assert {one["id"] for one in desk.curator.news() if one} == {"3", "5", "6"} - {"6"}
    again = Curator(desk.sheet, desk.bank, SUBJECT, find_w)
    assert again.items() == desk.curator.items()


def test_portraits_of_others_are_shown_and_judged(desk: SimpleNamespace) -> None:
    desk.bank.add(Portrait("face", find_w(77), "alive", "", "camera"), picture(77))
    desk.bank.add(Portrait("twin", find_w(78), "alive", "", "child", parents=("face",)), picture(3))
    desk.bank.add(Portrait("alien", find_w(79), "portraits", "", "camera"), picture(79))
    assert desk.curator.is_stale()
    desk.curator.refresh()
    assert [one["id"] for one in desk.curator.news() if one] == ["=face", "=twin"]
    assert item(desk, "=twin")["group"] == "3"  # it looks like sample 3
    assert item(desk, "=face")["group"] == "=face"
    np.testing.assert_array_equal(desk.curator.w_of("=face"), find_w(77))
    desk.curator.judge("=face", "kept")
    assert desk.bank.get("face").verdict == "kept"
    desk.curator.call("=face", "anna")
    assert {one["id"]: one.get("gone", False) for one in desk.curator.news() if one} == {
        "=face": True,
        "=anna": False,
        "=twin": False,  # whose parent has another name now
    }
    for unknown in ("=face", "=../x"):
        with pytest.raises(BankError, match="is not in the bank"):
            desk.curator.judge(unknown, "kept")
        assert desk.curator.picture(unknown) is None and desk.curator.w_of(unknown) is None
    with pytest.raises(BankError, match="tag 'a,b' must be 1 to 32 letters"):
        desk.curator.tag("4", ["ok", "a,b"])
    for unknown in ("99", "x", "-1", "9" * 65):
        desk.curator.judge(unknown, "kept")
        assert desk.curator.picture(unknown) is None and desk.curator.w_of(unknown) is None
    assert "alien" in desk.bank.names()


def test_the_sampler_draws_what_is_missing_and_answers_first(desk: SimpleNamespace) -> None:
    drawn: list[FloatArray] = []

    def draw(w: FloatArray) -> np.ndarray:
        drawn.append(w)
        if np.array_equal(w, find_w(11)):
            raise RuntimeError("a model that fails once")
        return picture(len(drawn))

    sampler = Sampler(desk.curator, draw, find_w, Typicality(SPACE), 14)
    answers: list[np.ndarray] = []
    sampler.ask(find_w(500), answers.append)
    sampler.start()
    wait_until(lambda: len(desk.curator.seeds()) == 13 and answers)
    sampler.close()
    assert desk.curator.seeds() == {*range(14)} - {11}
    np.testing.assert_array_equal(drawn[0], find_w(500))
    assert len(drawn) == 5 and sampler.drawn == 13


@pytest.mark.parametrize(
    "message",
    [
        "", "[]", '{"do":"judge","id":"1","verdict":"nice"}', '{"do":"see","ids":"1"}',
        '{"do":"see","ids":[' + ",".join(['"1"'] * 201) + "]}", '{"do":"set","control":"hue"}',
        '{"do":"judge","id":"' + "1" * 66 + '","verdict":""}', b'{"do":"full","id":"1"}',
        '{"do":"tag","id":"1","tags":[1]}', " " * 20_000,
    ],
)  # fmt: skip
def test_malformed_words_are_none(message: str | bytes) -> None:
    assert understand(message) is None
    told = '{"do":"judge","id":"=nora","verdict":"kept"}'
    assert understand(told) == Judge(do="judge", id="=nora", verdict="kept")


def test_another_machine_pairs_first_and_is_told_everything(
    desk: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vjgan.remote.door.is_local", lambda host: False)
    codes: list[str] = []
    sock = listen("127.0.0.1", 18970)
    port = int(sock.getsockname()[1])
    sampler = Sampler(desk.curator, lambda w: picture(1), find_w, Typicality(SPACE), 10)
    server = GalleryServer(sock, "127.0.0.1", desk.curator, sampler, Pairing(codes.append))
    service = Service(server)
    keep = '{"do":"judge","id":"4","verdict":"kept"}'
    origin = Origin(f"http://127.0.0.1:{port}")
    with connect(f"ws://127.0.0.1:{port}/ws", origin=origin, compression=None) as page:
        page.send('{"do":"hello","token":"stolen"}')
        assert json.loads(page.recv(10)) == {"say": "pair"}
        page.send(keep)
        page.send('{"do":"see","ids":["4"]}')
        wait_until(lambda: server.dropped == 2)
        assert desk.bank.names() == []
        page.send(json.dumps({"do": "pair", "code": codes[-1]}))
        told = [json.loads(page.recv(10)) for _ in range(5)]
        assert [one["say"] for one in told] == ["paired", "about", "pace", "items", "whole"]
        assert told[3]["items"] == desk.curator.items()
        page.send('{"do":"see","ids":["4","99"]}')
        data = page.recv(10)
        assert isinstance(data, bytes) and data[:4] == b"\x01\x00\x014"
        assert data[4:] == desk.sheet.picture(4)
        page.send(keep)
        news = json.loads(page.recv(10))
        assert [one["name"] for one in news["items"]] == ["alive-4"] == desk.bank.names()
        page.send('{"do":"call","id":"4","name":"no name"}')
        trouble = json.loads(page.recv(10))
        assert trouble["say"] == "trouble" and "name 'no name' is not allowed" in trouble["text"]
    service.close()


# --- the bank's commands ------------------------------------------------------------------------


def test_kept_portraits_are_exported_and_imported(tmp_path: Path, alive) -> None:  # type: ignore[no-untyped-def]
    bank, out = Bank(tmp_path / "bank"), tmp_path / "out"
    assert list_portraits(bank)[0].startswith("no portraits yet in")
    with pytest.raises(BankError, match="is kept yet"):
        export_portraits(bank, [], out, device="cpu")
    w = alive.space.map(seeded(21, 1, alive.space.z_dim).astype(np.float32))[0]
    nora = Portrait("nora", w, "alive", "", "seed", seed=21, psi=0.5, tags=("a",), verdict="kept")
    bank.add(nora)
    bank.add(replace(nora, name="other", verdict=""))
    (line,) = export_portraits(bank, [], out, device="cpu")
    assert sorted(path.name for path in out.iterdir()) == ["nora.png", "nora.safetensors"]
    assert line == f"{out / 'nora.png'}: 256x256, alive"
    with Image.open(out / "nora.png") as image:
        assert image.info["Model"] == "alive" and image.info["Seed"] == "21"
        assert image.info["Title"] == "nora" and image.info["Licence"]
        np.testing.assert_array_equal(np.asarray(image), paint(alive, w, 0.5))
    with pytest.raises(ModelError, match="model 'gone' is neither a file nor a bundled"):
        export_portraits(bank, ["nora"], out, "gone")
    with pytest.raises(BankError, match="'nora' is of model 'alive', not of 'portraits'"):
        export_portraits(bank, ["nora"], out, "portraits", "cpu")
    other = Bank(tmp_path / "other")
    assert import_portrait(other, out / "nora.safetensors") == ["nora: alive, seed 21"]
    assert other.get("nora") == nora and other.thumbnail("nora") is not None
    assert list_portraits(other) == ["nora                     kept      alive            seed 21" +
                                     " " * 18 + "a"]  # fmt: skip
    assert "truncation  0.5" in describe(other, "nora")
    with pytest.raises(BankError, match="cannot be read: No such file"):
        import_portrait(other, tmp_path / "gone.safetensors")
    (out / "nora.png").write_bytes(b"no picture")
    with pytest.raises(BankError, match="a small picture"):
        import_portrait(other, out / "nora.safetensors")


# --- the page -----------------------------------------------------------------------------------


class Served:
    """``vjgan gallery`` at work, its folders in a place of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bank = Bank(folder / "bank")
        self.port = free_port()
        words = ("--model", "alive", "--count", 24, "--port", self.port, "--bank", self.bank.folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vjgan", "gallery", *map(str, words)],
            env=dict(os.environ) | {"XDG_CACHE_HOME": str(folder / "cache")},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return said


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("gallery"))
    try:
        wait_until(lambda: reached(one.port), what="the page")
        yield one
    finally:
        said = one.end()
    assert "Traceback" not in said, said
    assert one.process.returncode == 130


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def pages(chromium: Browser, served: Served) -> Iterator[tuple[Page, Page]]:
    """A desktop's page and a telephone's, which must say nothing on their consoles."""
    said: list[str] = []
    both = []
    for size in (DESKTOP, PHONE):
        phone = size is PHONE
        context = chromium.new_context(viewport=size, has_touch=phone, is_mobile=phone)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{served.port}/")
        expect(page.locator("#pace")).to_contain_text("24 drawn", timeout=60_000)
        expect(page.locator(".cell img[src]").first).to_be_visible(timeout=60_000)
        both.append(page)
    yield both[0], both[1]
    for page in both:
        page.context.close()
    assert said == []


def drawn(page: Page) -> None:
    """Once the wall shows what was last asked for: it is drawn with the page's next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")


def cell(page: Page, seed: int):  # type: ignore[no-untyped-def]
    return page.locator(f'.cell[data-id="{seed}"]')


def test_keys_keep_reject_tag_name_and_undo(pages: tuple[Page, Page], served: Served) -> None:
    desktop, phone = pages
    desktop.keyboard.press("Home")
    for key in ("ArrowRight", "k", "r"):  # what is decided is left for the next one
        desktop.keyboard.press(key)
    expect(cell(desktop, 1)).to_have_class("cell kept")
    expect(cell(desktop, 2)).to_have_class("cell rejected")
    expect(cell(desktop, 3)).to_have_attribute("aria-selected", "true")
    expect(cell(phone, 1)).to_have_class("cell kept")  # every page follows
    wait_until(lambda: served.bank.names() == ["alive-1"], what="the bank")
    desktop.keyboard.press("u")
    expect(cell(phone, 2)).to_have_class("cell")
    desktop.keyboard.press("ArrowLeft")
    desktop.keyboard.press("n")
    desktop.keyboard.type("nora")
    desktop.keyboard.press("Enter")
    expect(phone.locator(".cell.kept .name")).to_have_text("nora")
    desktop.keyboard.press("t")
    desktop.keyboard.type("Marble")
    desktop.keyboard.press("Enter")
    expect(desktop.locator("#tagged button")).to_have_text("marble")
    wait_until(lambda: served.bank.get("nora").tags == ("marble",), what="the tag")
    desktop.keyboard.press("t")
    desktop.keyboard.type("kkk")  # letters are letters there
    desktop.keyboard.press("Escape")
    assert served.bank.names() == ["nora"]
    desktop.keyboard.press("k")  # again: no longer kept
    expect(cell(phone, 1)).to_have_class("cell")
    wait_until(lambda: served.bank.names() == [], what="the bank")


def test_touch_filters_sorts_and_compares(pages: tuple[Page, Page], served: Served) -> None:
    desktop, phone = pages
    cell(phone, 6).tap()
    phone.locator("[data-do=keep]").tap()
    expect(desktop.locator("[data-view=kept] b")).to_have_text("1")
    desktop.locator("[data-view=kept]").click()
    expect(desktop.locator(".cell")).to_have_count(1)
    desktop.locator("[data-view='']").click()
    desktop.select_option("#sort", "strange")
    drawn(desktop)
    strange = desktop.locator(".cell[aria-posinset='1']")
    strange.click()
    expect(desktop.locator("#whence")).to_contain_text("stranger than 100 %")
    assert (
        float(desktop.locator("#usual").evaluate("one => one.style.getPropertyValue('--rank')"))
        < 0.05
    )
    desktop.keyboard.press("c")
    desktop.keyboard.press("ArrowRight")
    expect(desktop.locator("#pinned")).to_be_visible()
    expect(desktop.locator("#shown img")).to_have_attribute("src", re.compile("^blob:"))
    assert (
        desktop.locator("#pinned figcaption").text_content()
        != desktop.locator("#shown figcaption").text_content()
    )
    desktop.keyboard.press("c")
    expect(desktop.locator("#pinned")).to_be_hidden()
    phone.locator("#pictures").scroll_into_view_if_needed()
    phone.locator("[data-do=compare]").tap()
    cell(phone, 8).tap()
    expect(phone.locator("#pinned")).to_be_visible()


def test_the_same_picture_in_the_bank_is_folded(pages: tuple[Page, Page], served: Served) -> None:
    desktop, _ = pages
    expect(desktop.locator("#wall")).to_be_visible()
    like = Image.open(io.BytesIO(served_picture(served, 9))).convert("RGB")
    twin = Portrait("twin", np.zeros(64, np.float32), "alive", "", "camera")
    served.bank.add(twin, np.asarray(like))
    expect(cell(desktop, 9).locator(".many")).to_have_text("\u00d72", timeout=60_000)
    cell(desktop, 9).click()
    expect(desktop.locator("#alike button")).to_have_count(1)
    desktop.keyboard.press("f")
    expect(desktop.locator('.cell[data-id="=twin"]')).to_have_count(0)
    desktop.keyboard.press("f")
    served.bank.remove("twin")
    expect(cell(desktop, 9).locator(".many")).to_have_count(0, timeout=60_000)


def served_picture(served: Served, seed: int) -> bytes:
    (path,) = (served.folder / "cache" / "vjgan" / "gallery").glob("alive-*.sheet")
    with sqlite3.connect(path) as file:
        (data,) = file.execute("SELECT picture FROM samples WHERE seed = ?", (seed,)).fetchone()
    file.close()
    return bytes(data)


def test_no_size_is_blank_or_too_wide_and_everything_has_a_name(pages: tuple[Page, Page]) -> None:
    for page, size in zip(pages, (DESKTOP, PHONE), strict=True):
        page.locator(".cell").nth(2).click()
        page.wait_for_timeout(300)
        shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        assert shot.shape[:2] == (size["height"], size["width"])
        assert len(np.unique(shot.reshape(-1, 3), axis=0)) > 300
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(NAMELESS.replace("button, input", "button, input, select")) == []
        assert page.evaluate(CONTRAST.replace(".card", ".cell, figure")) == []


def test_strangers_are_refused(served: Served) -> None:
    def status(request: str) -> str:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as sock:
            sock.sendall(request.encode())
            return sock.recv(100).decode().split("\r\n")[0]

    assert "200" in status(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n")
    assert "421" in status("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert "404" in status(f"GET /faders.js HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n")
    key = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: http://evil.example\r\n"
    assert "403" in status(f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n{key}\r\n")
