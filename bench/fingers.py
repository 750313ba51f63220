"""Somebody at the control page: ``python -m bench.fingers URL SECONDS`` moves the fader of the
brightness down and up in a real browser, and prints when each of the page's own events was, in
seconds since the epoch."""

from __future__ import annotations

import shutil
import sys

from playwright.sync_api import sync_playwright

EVERY_MS = 450  # and a bit, so as not to keep step with the frames
MOVE = """async ([moves, every]) => {
  const fader = document.querySelector('.fader[data-control="brightness"]');
  const times = [];
  for (let k = 0; k < moves; k += 1) {
    await new Promise((done) => setTimeout(done, every + 37 * Math.random()));
    times.push((performance.timeOrigin + performance.now()) / 1000);
    fader.dispatchEvent(new KeyboardEvent("keydown", { key: k % 2 ? "Delete" : "Home" }));
  }
  return times;
}"""


def main() -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(url)
        page.wait_for_selector("#preview[data-seen]", state="attached", timeout=60_000)
        page.wait_for_timeout(2000)
        for moment in page.evaluate(MOVE, [round(1e3 * seconds / EVERY_MS), EVERY_MS]):
            print(moment, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
