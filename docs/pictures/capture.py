"""Capture the screenshots of a report: wide, with the pairs of a bar, and on a phone.

    python launch.py --config=configs/quickstart.py --workdir=runs/quickstart      # `make demo`
    python docs/pictures/capture.py --run=runs/quickstart

The faces are synthetic and show no real person. Needs Playwright and Chromium (`apt-get install chromium`, or CHROMIUM=path).
"""

import argparse
import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent
BAR = 46  # of the histogram: distances of 1.15 to 1.175, near the threshold
COLOURS = 200


def capture(browser: Browser, report: Path, *, width: int, height: int, scale: float, list_pairs: bool) -> Image.Image:
    """Return a screenshot of the explorer of a report.

    Args:
      browser: the browser.
      report: the file of the report.
      width: the width of the window.
      height: the height of the picture, from the top of the slider.
      scale: pixels of the picture per pixel of the page.
      list_pairs: true to list the pairs of a bar.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    if list_pairs:
        _list_pairs(page)
    # The slider sticks to the top of the window, so the position of what follows it is taken.
    page.evaluate("window.scrollTo(0, document.querySelector('.presets').getBoundingClientRect().top + scrollY - 110)")
    picture = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    return picture


def _list_pairs(page: Page) -> None:
    page.locator("#figure-distances .plot").focus()
    page.keyboard.press("Home")
    for _ in range(BAR):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")


def main() -> None:
    """Capture both screenshots into this folder, with few colours so that they are small."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/quickstart"), help="work directory of `make demo`")
    report = parser.parse_args().run / "report.html"
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        wide = capture(browser, report, width=1100, height=1420, scale=1, list_pairs=True)
        phone = capture(browser, report, width=390, height=980, scale=1.5, list_pairs=False)
        browser.close()
    for name, picture in (("report-wide", wide), ("report-phone", phone)):
        picture.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
