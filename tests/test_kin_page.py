"""The people on the control page, in a real browser; the show around them is only told."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import wait_until
from playwright.sync_api import Page, expect, sync_playwright
from test_kin import Night
from test_remote import PRESETS
from test_remote_page import DESKTOP, PHONE

from vjgan.controls import CONTROLS
from vjgan.people import People
from vjgan.remote.address import listen
from vjgan.remote.cards import Cards
from vjgan.remote.figures import Figures
from vjgan.remote.pictures import Thumbnails
from vjgan.remote.server import Server
from vjgan.remote.service import Service
from vjgan.stock import make_library
from vjgan.types import Command, Setting, Visit

MILLISECONDS = 240_000  # that faces may take to be drawn, on a busy machine


class Played(Night):
    """A loop that takes gestures and shows nothing, with a page."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "bank")
        sock = listen("127.0.0.1", 18850)
        self.port = int(sock.getsockname()[1])
        library = make_library()
        cards = Cards(
            lambda: sorted(PRESETS.glob("*.toml"))[:3],
            library.preset,
            Thumbnails(folder / "thumbnails"),
        )
        figures = Figures(list, [], lambda: 0, 60.0)
        server = Server(
            sock, "127.0.0.1", self.desk, cards, None, figures.read, kin=self.kin
        )  # fmt: skip
        self.drawn = People(7)
        self.thrown: list[Visit] = []
        self.here = 0
        self.psi = CONTROLS["psi"].default
        self._over = threading.Event()
        self.service = Service(server)
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def glance(self) -> np.ndarray:
        return np.zeros((18, 32, 3), np.uint8)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.service.close()
        self.kin.close()

    def _play(self) -> None:
        while not self._over.wait(0.05):
            for event in self.desk.read():
                match event:
                    case Command("person"):
                        self._meet(self.drawn.new())
                    case Command("walk"):
                        self.here = 0
                    case Command("meet", value) if person := self.drawn.again(value):
                        self._meet(person.visit)
                    case Setting("psi", float(value)):
                        self.psi = value
                    case Command("child" | "keep" as name):
                        self.desk.wish(name)
                    case Visit():
                        self.thrown.append(event)
                        self._meet(event)
            self.show(self.here, screen=self)

    def _meet(self, visit: Visit) -> None:
        self.drawn.came(visit, None)
        self.people = [one.visit for one in self.drawn.met]
        self.here = self.drawn.number


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    one = Played(tmp_path)
    yield one
    one.close()


def opened(browser, size: dict[str, int], played: Played, said: list[str]) -> Page:  # type: ignore[no-untyped-def]
    phone = size is PHONE
    page: Page = browser.new_context(viewport=size, has_touch=phone, is_mobile=phone).new_page()
    page.set_default_timeout(MILLISECONDS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"http://127.0.0.1:{played.port}/")
    expect(page.locator(".card").first).to_be_attached(timeout=MILLISECONDS)
    return page


def seen(page: Page, name: str) -> None:
    """Keep a picture of the page, where somebody wants to look at it."""
    if folder := os.environ.get("VJGAN_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.timeout(400)
def test_faces_are_chosen_have_children_and_come_and_are_kept(played: Played) -> None:
    said: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = opened(browser, DESKTOP, played, said)
        expect(page.locator("#people")).not_to_be_visible()
        page.locator("#controls .parts [data-part=people]").click()
        expect(page.locator("#bank .nobody")).to_have_text("Empty: Keep puts in who is on.")
        expect(page.locator("#breed")).to_be_disabled()
        for number in (1, 2):
            page.keyboard.press("n")
            expect(page.locator("#night .person")).to_have_count(number)
        expect(page.locator("#night .person img[src]")).to_have_count(2, timeout=MILLISECONDS)
        for number in (0, 1):
            page.locator("#night [data-parent]").nth(number).press("Enter")  # by the keyboard
        expect(page.locator("#chosen .parent")).to_have_count(2)
        page.locator("#breed").click()
        faces = page.locator("#children .person")
        expect(faces).to_have_count(9, timeout=MILLISECONDS)
        expect(page.locator("#children img[src]")).to_have_count(9, timeout=MILLISECONDS)
        before = [one.get_attribute("data-who") for one in faces.all()]
        page.locator("#mutation input").fill("0.6")  # and other children come by themselves
        expect(faces.nth(0)).not_to_have_attribute("data-who", before[0] or "")
        expect(page.locator("#children img[src]")).to_have_count(9, timeout=MILLISECONDS)
        name = faces.nth(3).locator("figcaption").inner_text()
        faces.nth(3).locator(".face").click()
        wait_until(lambda: bool(played.thrown), 30.0, "the child on the screen")
        assert played.thrown[0].quantised and played.thrown[0].name == name
        on = page.locator('#night .face[aria-pressed="true"]')
        expect(on).to_have_attribute("aria-label", f"{name} comes onto the screen")
        faces.nth(3).get_by_role("button", name="Keep").click()
        expect(page.locator("#portraits .person")).to_have_count(3, timeout=MILLISECONDS)
        assert set(played.bank.get(name).parents) == {one.name for one in played.people[:2]}
        page.locator(f"#portraits [aria-label='The family of {name}']").press("Enter")
        tree = page.locator("#tree")
        expect(tree.locator(".generation")).to_have_count(2)
        expect(tree.locator(".self figcaption")).to_have_text(name)
        expect(tree.locator("path")).to_have_count(2)  # from both parents
        elder = tree.locator(".generation").first.locator(".person").first
        elders, before_thrown = played.bank.get(name).parents, len(played.thrown)
        elder.locator(".face").press("Enter")
        wait_until(lambda: len(played.thrown) > before_thrown, 30.0, "the parent on the screen")
        assert played.thrown[-1].name == elders[0]
        elder.locator("[data-parent]").press("Enter")
        expect(page.locator("#chosen .parent")).to_have_count(1)  # who was chosen already
        elder.locator("[data-parent]").press("Enter")
        expect(page.locator("#chosen .parent")).to_have_count(2)
        elder.get_by_role("button", name="The family of").press("Enter")
        expect(tree.locator(".self figcaption")).to_have_text(elders[0])
        expect(tree.locator(".generation").last.locator(".person")).to_have_count(9)  # the grid's
        page.locator("#genes summary").click()
        seen(page, "people")
        page.locator('[aria-label^="structure of"]').nth(0).fill("0")
        page.locator('[aria-label^="structure of"]').nth(1).fill("0")
        expect(page.locator("#people-trouble")).to_contain_text("weights of structure sum to 0")
        seen(page, "trouble")

        phone = opened(browser, PHONE, played, said)
        phone.locator("#tabs [data-tab=people]").tap()
        expect(phone.locator("#portraits img[src]")).to_have_count(3, timeout=MILLISECONDS)
        phone.locator("#night .face").last.tap()  # back to the first of tonight
        wait_until(lambda: played.here == 1, 30.0, "the first person")
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"]
        seen(phone, "phone")
        phone.locator(f"#portraits [aria-label='The family of {name}']").tap()
        expect(phone.locator("#tree .generation")).to_have_count(2)
        assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        seen(phone, "phone-family")
        phone.get_by_role("button", name="Close the family").tap()
        expect(phone.locator("#family")).to_be_hidden()
        phone.locator("#portraits [data-parent]").first.tap()
        phone.locator("#parents").scroll_into_view_if_needed()
        seen(phone, "phone-parents")
        tablet = opened(browser, {"width": 900, "height": 1200}, played, said)
        tablet.locator("#controls .parts [data-part=people]").click()
        expect(tablet.locator("#portraits img[src]")).to_have_count(3, timeout=MILLISECONDS)
        seen(tablet, "tablet")
        browser.close()
    assert said == []


@pytest.mark.timeout(300)
def test_each_load_of_the_page_brings_somebody_new(played: Played) -> None:
    said: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for number in (1, 2, 3):
            page.goto(f"http://127.0.0.1:{played.port}/person")
            wait_until(lambda: len(played.people) == number, 60.0, "somebody")  # noqa: B023
            expect(page.locator("#name")).to_have_text(played.people[-1].name)
            expect(page.locator("#picture img[src]")).to_have_count(1, timeout=MILLISECONDS)
        assert len({one.w for one in played.people if isinstance(one.w, int)}) == 3
        seen(page, "person")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        face = page.locator("#picture img").get_attribute("data-face")
        page.locator("#strange input").fill("0.3")
        wait_until(lambda: played.psi == 0.3, 30.0, "the slider")
        changed = page.locator(f"#picture img[src]:not([data-face='{face}'])")
        expect(changed).to_have_count(1, timeout=MILLISECONDS)  # less strange
        page.locator("#back").tap()
        expect(page.locator("#name")).to_have_text(played.people[1].name)
        page.locator("#night .face").last.tap()
        expect(page.locator("#name")).to_have_text(played.people[0].name)
        expect(page.locator("#back")).to_be_disabled()
        seen(page, "person-before")
        browser.close()
    assert said == [] and len(played.people) == 3
