"""The page of the service in Chromium: choice of faces, answer, slider, search, token, keyboard and accessibility."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.running import running
from tests.serving.stub import BLUE, GREEN, RED, ROSE, TILE, encoded, photo, service

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python").Axe
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs Chromium: install it (apt-get install chromium) or name it in CHROMIUM", allow_module_level=True)

expect = playwright.expect
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with playwright.sync_playwright() as engine:
        launched = engine.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(service(with_gallery=True)) as url:
        yield url


@contextlib.contextmanager
def opened(browser: Any, url: str, *, width: int = 1280, scheme: str = "light", errors: bool = False) -> Iterator[Any]:
    """Open the page. Fail if it logs an error, or requests anything of another origin."""
    complaints: list[str] = []
    requests: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.on("console", lambda text: complaints.append(text.text) if text.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url)
    yield page
    context.close()
    assert errors or complaints == []
    assert all(one.startswith((f"{url}/", "data:image/", f"blob:{url}/")) or one == "data:," for one in requests)


def choose(page: Any, which: str, content: bytes, name: str = "a.png") -> None:
    page.locator(f"#{which}-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def move(page: Any, key: str, count: int = 1) -> None:
    page.locator("#rate").focus()
    for _ in range(count):
        page.keyboard.press(key)


def test_two_photos_give_an_answer(browser: Any, url: str):
    with opened(browser, url) as page:
        expect(page.locator("#verdict")).to_have_text("Choose two photos. The answer appears here.")
        expect(page.locator("#search-first")).to_be_disabled()
        choose(page, "first", photo(RED))
        expect(page.locator("#first .found")).to_have_text("One face found.")
        expect(page.locator("#verdict")).to_have_text("Choose the other photo.")
        choose(page, "second", photo(ROSE))
        expect(page.locator(".verdict h3")).to_have_text("Same identity")
        expect(page.locator(".verdict")).to_contain_text("is below the threshold 0.900")
        expect(page.locator(".verdict")).to_contain_text("Probability of one identity: 99.1 %")
        pictures = page.locator(".crops img").evaluate_all("all => all.map(one => one.naturalWidth)")
        assert pictures == [160, 160]
        page.locator("#second button", has_text="Remove").click()
        expect(page.locator("#verdict")).to_have_text("Choose the other photo.")
        expect(page.locator("#second-file")).to_be_focused()


def test_one_of_several_faces_is_chosen_with_the_keyboard(browser: Any, url: str):
    with opened(browser, url) as page:
        choose(page, "first", photo(RED))
        choose(page, "second", photo(ROSE, None, BLUE, GREEN))
        expect(page.locator("#second .found")).to_contain_text("3 faces found; face 2 is compared.")
        expect(page.locator(".verdict h3")).to_have_text("Different identities")
        expect(page.locator("#second input[type=radio]")).to_have_count(3)
        page.locator("#second input[type=radio]:checked").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#second .found")).to_contain_text("face 1 is compared")
        expect(page.locator(".verdict h3")).to_have_text("Same identity")
        boxes = page.locator("#second .box").evaluate_all(
            "all => all.map(one => [parseFloat(one.style.left), parseFloat(one.style.width)])"
        )
        np.testing.assert_allclose(boxes[1], [100 * (2 * TILE + 8) / (4 * TILE), 100 * (TILE - 16) / (4 * TILE)])
        page.locator("#second .box").nth(2).click()
        expect(page.locator(".verdict h3")).to_have_text("Different identities")


def test_the_slider_moves_the_threshold_and_the_decision(browser: Any, url: str):
    with opened(browser, url) as page:
        choose(page, "first", photo(RED))
        choose(page, "second", photo((240, 80, 90)))
        expect(page.locator(".verdict h3")).to_have_text("Same identity")
        line = page.locator("svg.chart.wide .mark.threshold")
        before = line.get_attribute("d")
        expect(page.locator("#rate-text")).to_contain_text("1 %: at most 1 false match in 100 comparisons")
        expect(page.locator("#rates")).to_contain_text("on test images; 95 % interval 0.5 % to 2 %")
        move(page, "End")
        expect(page.locator("#rates .value").first).to_have_text("0.500")
        expect(page.locator("#rates")).to_contain_text("29.9 %")
        assert line.get_attribute("d") != before
        words = "0.1 %: at most 1 false match in 1,000 comparisons of different identities"
        assert page.locator("#rate").get_attribute("aria-valuetext") == words
        distance = float(page.locator(".verdict strong").first.inner_text())
        assert 0.35 < distance < 0.5
        choose(page, "second", photo((250, 110, 110)))
        expect(page.locator(".verdict h3")).to_have_text("Different identities")
        expect(page.locator(".verdict")).to_contain_text("not strongly enough for this strict rate")
        move(page, "Home")
        expect(page.locator(".verdict h3")).to_have_text("Same identity")


def test_the_gallery_is_searched(browser: Any, url: str):
    with opened(browser, url) as page:
        choose(page, "first", photo(ROSE))
        page.locator("#search-first").click()
        expect(page.locator(".hit")).to_have_count(3)
        expect(page.locator(".hit").first).to_contain_text("Red")
        expect(page.locator(".hit").first).to_contain_text("same identitydistance 0.109probability 97.5 %1.png")
        expect(page.locator(".hit").nth(1)).to_contain_text("no picture")
        assert page.locator(".hit img").first.evaluate("one => one.naturalWidth") == 96
        expect(page.locator(".hit.same")).to_have_count(1)
        choose(page, "first", photo((150, 20, 30)))
        expect(page.locator("#first .found")).to_have_text("One face found.")
        page.locator("#search-first").click()
        expect(page.locator(".hit").first).to_contain_text("same identitydistance 0.540")
        move(page, "End")
        expect(page.locator(".hit").first).to_contain_text("different identitydistance 0.540")


def test_problems_are_stated_where_they_are(browser: Any, url: str):
    with opened(browser, url, errors=True) as page:
        choose(page, "first", photo(None))
        expect(page.locator("#first .problem")).to_contain_text("No face was found.")
        choose(page, "second", b"no image", "a.txt")
        expect(page.locator("#second .problem")).to_have_text("Photo: not a JPEG, PNG or WebP file.")
        expect(page.locator("#second .drop")).to_be_visible()
        choose(page, "second", photo(RED))
        expect(page.locator("#second .problem")).to_be_empty()
        expect(page.locator("#second .found")).to_have_text("One face found.")


def test_a_dropped_photo_is_taken_and_a_large_one_reduced(browser: Any, url: str):
    with opened(browser, url) as page:
        page.evaluate(
            """() => {
                const canvas = Object.assign(document.createElement('canvas'), { width: 3000, height: 2000 });
                const context = canvas.getContext('2d');
                context.fillStyle = 'red';
                context.fillRect(0, 0, 3000, 2000);
                canvas.toBlob((blob) => {
                    const data = new DataTransfer();
                    data.items.add(new File([blob], 'a.jpg', { type: 'image/jpeg' }));
                    document.getElementById('first').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
                }, 'image/jpeg');
            }"""
        )
        expect(page.locator("#first .found")).to_contain_text("faces found")
        width = page.locator("#first img").evaluate("one => one.naturalWidth")
        assert width == round(3000 * (4e6 / 6e6) ** 0.5)


def test_the_page_asks_for_the_token(browser: Any):
    with running(service(), token=TOKEN) as url, opened(browser, url, errors=True) as page:
        expect(page.locator("#token")).to_be_focused()
        assert page.locator("#content").is_hidden()
        page.keyboard.type("another token")
        page.keyboard.press("Enter")
        expect(page.locator("#token-problem")).to_have_text("This is not the token of the service.")
        page.locator("#token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#content")).to_be_visible()
        choose(page, "first", photo(RED))
        expect(page.locator("#first .found")).to_have_text("One face found.")
        page.reload()
        expect(page.locator("#content")).to_be_visible()
        assert page.locator("#search").is_hidden()  # no gallery


def test_a_service_that_is_gone_is_named(browser: Any):
    context = browser.new_context()
    page = context.new_page()
    with running(service()) as url:
        page.goto(url)
        expect(page.locator("#content")).to_be_visible()
    choose(page, "first", photo(RED))
    expect(page.locator("#first .problem")).to_have_text("The service does not answer. Does it still run?")
    context.close()


def test_names_from_a_gallery_are_text(browser: Any):
    made = service(with_gallery=True)
    assert made.gallery is not None
    hostile = '<img src="x" onerror="document.title=1">'
    made.gallery.faces.table.identities[:] = hostile
    with running(made) as url, opened(browser, url) as page:
        choose(page, "first", photo(ROSE))
        page.locator("#search-first").click()
        expect(page.locator(".hit b").first).to_have_text(hostile)


def test_all_can_be_reached_by_the_keyboard(browser: Any, url: str):
    with opened(browser, url) as page:
        choose(page, "first", photo(RED))
        choose(page, "second", photo(ROSE, BLUE))
        expect(page.locator(".verdict")).to_be_visible()
        page.locator("h1").evaluate("one => { one.tabIndex = -1; one.focus(); }")
        reached = []
        for _ in range(9):
            page.keyboard.press("Tab")
            reached.append(page.locator(":focus").evaluate("one => one.id || one.name || one.innerText"))
        assert {"first-face", "first-file", "Remove", "second-face", "second-file", "rate"} <= set(reached)
        assert {"search-first", "search-second"} <= set(reached)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["wide", "phone"])
def test_the_page_is_accessible_and_fits(browser: Any, url: str, width: int, scheme: str):
    with opened(browser, url, width=width, scheme=scheme, errors=True) as page:
        choose(page, "first", photo(RED))
        choose(page, "second", photo(ROSE, None, BLUE))
        expect(page.locator(".verdict")).to_be_visible()
        page.locator("#search-first").click()
        expect(page.locator(".hit")).to_have_count(3)
        violations = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        choose(page, "second", encoded(np.full((90, 90, 3), 128, np.uint8)))
        expect(page.locator("#second .problem")).to_contain_text("No face was found.")
        assert Axe().run(page).response["violations"] == []


def test_the_page_is_made_of_its_own_files():
    for name in (Path(__file__).parents[2] / "lfw_jax" / "serving" / "assets").glob("*.*s"):
        text = name.read_text(encoding="utf-8")
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
