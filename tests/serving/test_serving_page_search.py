"""The page shows the hits of the face that was asked for last, and none of a photo that is gone."""

import contextlib
from typing import Any

from tests.serving import test_serving_page as pages
from tests.serving.stub import GREEN, ROSE, photo

browser, url = pages.browser, pages.url


def test_the_hits_are_those_of_the_last_search_and_of_a_photo_that_is_shown(browser: Any, url: str):
    with pages.opened(browser, url) as page:
        held: list[Any] = []
        page.route("**/search", lambda route: held.append(route))
        pages.choose(page, "first", photo(ROSE))
        pages.choose(page, "second", photo(GREEN))
        page.locator("#search-first").click()
        page.locator("#search-second").click()
        pages.expect(page.locator("#hits")).to_have_text("Searching")
        while len(held) < 2:
            page.wait_for_timeout(20)
        held[1].continue_()
        pages.expect(page.locator(".hit").first).to_contain_text("Green")
        with contextlib.suppress(pages.playwright.Error):  # the page has given it up
            held[0].continue_()
        page.wait_for_timeout(300)
        pages.expect(page.locator("#hits p")).to_contain_text("to the face of the second photo")
        pages.expect(page.locator(".hit").first).to_contain_text("Green")
        pages.choose(page, "second", photo(ROSE))
        pages.expect(page.locator(".hit")).to_have_count(0)
        pages.move(page, "End")
        pages.expect(page.locator(".hit")).to_have_count(0)
