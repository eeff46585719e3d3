"""Capture the screenshot of the page of `--mode=serve`, with synthetic faces.

    python launch.py --mode=serve --model=MODEL --gallery=FACES
    python docs/pictures/capture_service.py --faces=FACES

FACES is a folder of `lfw_jax.data.synthetic.write_folder`, whose faces show no real person. Needs Playwright and Chromium
(`apt-get install chromium`, or CHROMIUM=path).
"""

import argparse
import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
COLOURS = 128
WIDTH = 1040


def main() -> None:
    """Capture the page with two photos of one identity, with few colours so that the file is small."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="address of the service")
    parser.add_argument("--faces", type=Path, required=True, help="folder of synthetic faces")
    parser.add_argument("--first", type=int, default=0, help="number of the first photo, in the order of their names")
    parser.add_argument("--second", type=int, default=1, help="number of the second photo")
    parser.add_argument("--seconds", type=int, default=60, help="the longest wait for an answer")
    flags = parser.parse_args()
    photos = sorted(flags.faces.glob("*/*.jpg"))
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": WIDTH, "height": 900}).new_page()
        page.set_default_timeout(1000 * flags.seconds)
        page.goto(flags.url)
        for name, number in (("first", flags.first), ("second", flags.second)):
            page.locator(f"#{name}-file").set_input_files(photos[number])
            page.locator(f"#{name} .box").first.wait_for()
        page.locator(".verdict").wait_for()
        height = page.locator("#answer").bounding_box()
        assert height is not None
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height["y"] + height["height"] + 20}
        picture = Image.open(io.BytesIO(page.screenshot(clip=clip, full_page=True)))  # pyright: ignore[reportArgumentType]
        browser.close()
    picture.convert("RGB").quantize(COLOURS).save(FOLDER / "service.png", optimize=True)


if __name__ == "__main__":
    main()
