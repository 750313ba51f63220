"""A controller with lamps, in another process, at a real show with a control page."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Venue, wait_until
from playwright.sync_api import Browser, expect
from test_feedback import Pads, plug  # noqa: F401
from test_remote_page import DESKTOP, Hand, Show, browser, reached  # noqa: F401

WRITTEN = """# of the touring case
[controllers.pads]
[controllers.pads.commands]
note2 = "blackout"
[controllers.pads.feedback]
note2 = { levels = [1, 21] }
"3.cc7" = "zoom"
"""


def test_a_knob_learns_from_the_page_and_pads_show_how_the_show_stands(
    venue: Venue,
    browser: Browser,  # noqa: F811
    plug: Callable[[], Pads],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "XDG_CONFIG_HOME", str(tmp_path))
    rig = tmp_path / "vjgan" / "rig.toml"
    rig.parent.mkdir()
    rig.write_text(WRITTEN)
    pads, show = plug(), Show(tmp_path)
    try:
        wait_until(lambda: reached(show.port), what="the page")
        hand = Hand(browser, show, DESKTOP)
        page = hand.page
        wait_until(lambda: pads.lamps().get((0x90, 2)) == 1, what="a pad at rest")
        pads.send([0x90, 2, 100], [0x80, 2, 0])
        wait_until(lambda: pads.lamps()[0x90, 2] == 21, what="a pad that is lit")
        black = page.locator("#actions [data-command=blackout]")
        expect(black).to_have_attribute("aria-pressed", "true")
        page.locator("#actions [data-command=learn]").click()
        expect(page.locator("#notice")).to_contain_text("touch a control")
        hand.fader("zoom").click()
        expect(page.locator("#notice")).to_contain_text("learn zoom: move a knob")
        expect(page.locator("body")).to_have_class("lesson")
        pads.send(*([0xB2, 7, value] for value in range(0, 60, 4)))
        expect(page.locator("#notice")).to_contain_text("cc7 of 'pads:out': zoom")
        assert rig.read_text().startswith("# of the touring case")
        assert '"3.cc7" = "zoom"' in rig.read_text().partition("[controllers.pads.controls]")[2]
        pads.send(*([0xB2, 7, value] for value in range(128)))
        expect(hand.fader("zoom")).to_have_attribute("aria-valuenow", "4")
        wait_until(lambda: pads.lamps()[0xB2, 7] == 127, what="the fader's own place")
        page.locator("#actions [data-command=unlearn]").click()
        wait_until(lambda: rig.read_text() == WRITTEN, what="what was learnt is forgotten")
        assert hand.said == []
        hand.context.close()
    finally:
        said = show.end()
    assert "Traceback" not in said, said
    wait_until(lambda: pads.lamps()[0x90, 2] == 1, what="a pad at rest in the end")
