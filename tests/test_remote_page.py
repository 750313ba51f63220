"""The control page in a real browser, playing a real show in the venue."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue, free_port, wait_until
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from test_remote import Served
from test_show import screenshot

from vjgan.remote.pairing import PAUSE_SECONDS

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
STILL = "[controls]\nspeed = 0\nkick = 0\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that Playwright fetched where there is none."""
    expect.set_options(timeout=30_000)
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


class Show:
    """``vjgan live`` in the venue, with the performer's folders in a place of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        preset = folder / "03-still.toml"
        preset.write_text(f"# a comment that stays\n{STILL}")
        words = (
            "--input", "demo", "--mute", "--window", "480x270", "--preset", preset,
            "--control-port", self.port, "--osc-port", 0,
        )  # fmt: skip
        own = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vjgan", "live", *map(str, words)],
            env=dict(os.environ) | own,
            stderr=subprocess.PIPE,
            text=True,
        )

    def light(self) -> float:
        """How bright the X server's screen is; the window covers a part of it."""
        return float(screenshot(self.folder / "screen.png").mean())

    def end(self) -> str:
        self.process.terminate()
        _, said = self.process.communicate(timeout=60)
        return said


@pytest.fixture(scope="module")
def show(venue: Venue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    one = Show(tmp_path_factory.mktemp("show"))
    try:
        wait_until(lambda: reached(one.port), what="the page")
        wait_until(lambda: one.light() > 0.5, what="the light")
        yield one
    finally:
        said = one.end()
    assert "Traceback" not in said, said


class Hand:
    """A page that is open, and what its console said."""

    def __init__(self, browser: Browser, show: Show, size: dict[str, int]) -> None:
        phone = size is PHONE
        self.context = browser.new_context(viewport=size, has_touch=phone, is_mobile=phone)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(f"http://127.0.0.1:{show.port}/")
        expect(self.page.locator("#preview[data-seen]")).to_be_attached(timeout=60_000)
        expect(self.page.locator(".card").first).to_be_attached(timeout=60_000)

    def fader(self, name: str):  # type: ignore[no-untyped-def]
        return self.page.locator(f'.fader[data-control="{name}"]')

    def picture(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB"))


@pytest.fixture
def hands(browser: Browser, show: Show) -> Iterator[tuple[Hand, Hand]]:
    both = Hand(browser, show, DESKTOP), Hand(browser, show, PHONE)
    yield both
    for hand in both:
        assert hand.said == []  # no error, no warning
        hand.context.close()


def test_a_fader_changes_the_light_and_the_other_page_follows(
    hands: tuple[Hand, Hand], show: Show
) -> None:
    desktop, phone = hands
    bright = show.light()
    fader = desktop.fader("brightness")
    fader.focus()
    fader.press("Home")
    expect(phone.fader("brightness")).to_have_attribute("aria-valuenow", "0")
    wait_until(lambda: show.light() < 0.1 * bright, what="darkness")
    phone.page.locator("#tabs [data-tab=controls]").tap()
    other = phone.fader("brightness")
    other.scroll_into_view_if_needed()
    box = other.bounding_box()
    assert box is not None
    other.tap()  # a touch alone moves nothing
    assert other.get_attribute("aria-valuenow") == "0"
    desktop.fader("brightness").press("Delete")  # the preset's again
    expect(phone.fader("brightness")).to_have_attribute("aria-valuenow", "1")
    wait_until(lambda: show.light() > 0.7 * bright, what="light")
    zoom = desktop.fader("zoom").locator(".track").bounding_box()
    assert zoom is not None
    desktop.page.mouse.click(zoom["x"] + zoom["width"], zoom["y"] + 3)
    expect(phone.fader("zoom")).to_have_attribute("aria-valuenow", "4")
    desktop.page.locator("#actions [data-command=reset]").click()
    expect(phone.fader("zoom")).to_have_attribute("aria-valuenow", "1")


def test_panic_and_keys(hands: tuple[Hand, Hand], show: Show) -> None:
    desktop, phone = hands
    bright = show.light()
    phone.page.locator("#tabs .panic").tap()
    expect(desktop.page.locator("#actions .panic")).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: show.light() < 0.1 * bright, what="darkness")
    desktop.page.locator("body").press("p")
    expect(phone.page.locator("#tabs .panic")).to_have_attribute("aria-pressed", "false")
    wait_until(lambda: show.light() > 0.7 * bright, 15.0, "light")
    desktop.page.locator("body").press(" ")
    expect(phone.page.locator("#flags")).to_have_text("frozen")
    desktop.page.locator("body").press(" ")
    expect(phone.page.locator("#flags")).to_have_text("")


def test_a_snapshot_appears_in_every_grid_with_its_picture(
    hands: tuple[Hand, Hand], show: Show
) -> None:
    desktop, phone = hands
    cards = desktop.page.locator(".card").count()
    fader = desktop.fader("hue")
    fader.focus()
    fader.press("End")
    expect(phone.fader("hue")).to_have_attribute("aria-valuenow", "180")
    phone.page.locator("#actions [data-command=snapshot]").tap()
    for hand in hands:
        expect(hand.page.locator(".card")).to_have_count(cards + 1, timeout=10_000)
    expect(phone.page.locator(".card").last.locator("img")).to_be_attached(timeout=10_000)
    kept = list((show.folder / "data" / "vjgan" / "presets").glob("*.toml"))
    assert len(kept) == 1
    text = kept[0].read_text()
    assert "# a comment that stays" in text and "hue = 180.0" in text
    desktop.page.locator(".card").last.click()
    expect(phone.page.locator(".card[aria-pressed=true]")).to_have_attribute(
        "data-key", kept[0].stem, timeout=10_000
    )


def test_edits_are_undone_saved_and_the_same_on_every_page(
    hands: tuple[Hand, Hand], show: Show
) -> None:
    desktop, phone = hands
    own = show.folder / "03-still.toml"
    undo = desktop.page.locator("#edits [data-command=undo]")
    fader = desktop.fader("rotate")
    fader.focus()
    fader.press("End")
    expect(phone.fader("rotate")).to_have_attribute("aria-valuenow", "180")
    expect(undo).to_be_enabled()
    phone.page.locator("#tabs [data-tab=controls]").tap()
    phone.page.locator("#edits [data-command=undo]").tap()  # what another page set
    expect(desktop.fader("rotate")).to_have_attribute("aria-valuenow", "0")
    desktop.page.locator("body").press("Control+y")
    expect(phone.fader("rotate")).to_have_attribute("aria-valuenow", "180")
    playing = desktop.page.locator("#title").text_content()
    if playing == "03-still":
        desktop.page.locator("body").press("Control+s")
        wait_until(lambda: "rotate = 180.0" in own.read_text(), what="the file")
        assert "# a comment that stays" in own.read_text()
        expect(fader).to_have_class(re.compile("untouched"))  # as the preset has it now
    undo.click()
    expect(fader).to_have_attribute("aria-valuenow", "0")


def test_how_presets_enter_is_arranged_on_every_page(hands: tuple[Hand, Hand]) -> None:
    desktop, phone = hands
    bar = "[data-command=quantise][data-value='2']"
    phone.page.locator(bar).tap()
    expect(desktop.page.locator(bar)).to_have_attribute("aria-pressed", "true")
    desktop.page.locator("#crossfade").focus()
    desktop.page.locator("#crossfade").press("End")
    expect(phone.page.locator("#fade-word")).to_have_text("128 beats")
    desktop.page.locator("#crossfade").press("Home")
    expect(phone.page.locator("#fade-word")).to_have_text("as each says")
    desktop.page.locator("[data-command=quantise][data-value='0']").click()
    expect(phone.page.locator(bar)).to_have_attribute("aria-pressed", "false")


def test_no_size_is_blank_or_too_wide_and_everything_has_a_name(
    hands: tuple[Hand, Hand], show: Show
) -> None:
    for hand, size in zip(hands, (DESKTOP, PHONE), strict=True):
        picture = hand.picture()
        assert picture.shape[:2] == (size["height"], size["width"])
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 300
        assert picture.mean() < 80  # made for the dark
        assert hand.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert hand.page.evaluate(NAMELESS) == []
        assert hand.page.evaluate(CONTRAST) == []


# Things to touch that a screen reader could not name.
NAMELESS = """() => [...document.querySelectorAll("button, input, [role=slider]")].filter((one) =>
  !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length)
).map((one) => one.outerHTML)"""

# Texts whose contrast is below 4.5 (WCAG 2.1, success criterion 1.4.3), as far as they stand on a
# plain ground.
CONTRAST = """() => {
  const channel = (c) => (c /= 255, c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(one).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [0, 0, 0];
  };
  const poor = [];
  for (const one of document.querySelectorAll("body *")) {
    const words = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!words || !one.checkVisibility() || one.closest(".card")) continue;
    const pair = [light(numbers(getComputedStyle(one).color)), light(ground(one))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) poor.push(one.outerHTML + ratio);
  }
  return poor;
}"""


def test_the_page_comes_back_by_itself(browser: Browser, tmp_path: Path) -> None:
    served = Served(tmp_path, paired=False)
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{served.port}/")
    expect(page.locator("#title")).to_have_text("A", timeout=60_000)
    served.service.close()
    expect(page.locator("#notice")).to_contain_text("No connection", timeout=10_000)
    again = Served(tmp_path, paired=False, port=served.port)
    assert again.port == served.port
    expect(page.locator("#notice")).to_be_hidden(timeout=60_000)
    expect(page.locator("#title")).to_have_text("A")
    again.service.close()
    context.close()


def test_another_machine_pairs_by_the_code_in_the_address(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vjgan.remote.door.is_local", lambda host: False)
    served = Served(tmp_path, paired=True)
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{served.port}/")
    expect(page.locator("#pairing")).to_be_visible(timeout=60_000)
    page.locator("#code").fill("nonono")
    page.locator("#pairing button").click()
    expect(page.locator("#refusal")).to_contain_text("not the code")
    page.wait_for_timeout(1000 * PAUSE_SECONDS)
    page.goto("about:blank")
    page.goto(f"http://127.0.0.1:{served.port}/#{served.codes[-1]}")
    expect(page.locator(".fader").first).to_be_attached(timeout=60_000)
    assert "#" not in page.url
    page.reload()  # the pass lasts
    expect(page.locator(".fader").first).to_be_attached(timeout=60_000)
    expect(page.locator("#pairing")).to_be_hidden()
    served.service.close()
    context.close()


def reached(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
