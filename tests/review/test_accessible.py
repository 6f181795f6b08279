"""Every page without a violation of WCAG 2.2 A or AA that axe can see, at the widths of a desk and of a telephone, by keyboard too."""

import pytest
from playwright.sync_api import Browser, Page

from support.accessible import faults, faults_at_other_sizes, faults_in_the_dark
from support.review_pages import OPEN_PAGES, PAGES, address
from support.review_server import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_IS_OUTLINED = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
}"""


@pytest.fixture(scope="module")
def page(served: Served, browser: Browser) -> Page:
    return served.open(browser, "chantal", reduced_motion="reduce")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_accessible_light_and_dark_in_french_without_error_and_fits_a_telephone(
    page: Page, served: Served, name: str
) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(address(name, served))
    assert faults(page) + faults_at_other_sizes(page) + faults_in_the_dark(page) == []
    assert page.get_attribute("html", "lang") == "fr"
    assert page.locator("h1").count() == 1
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 800})
    assert told == []


@pytest.mark.parametrize("name", sorted(OPEN_PAGES))
def test_axe_finds_nothing_before_login(served: Served, browser: Browser, name: str) -> None:
    page = served.open(browser, None, OPEN_PAGES[name])
    assert faults(page) == []


@pytest.mark.parametrize("name", ["passages", "theme", "priorites", "journal"])
def test_focus_is_seen_and_leaves_every_element(page: Page, served: Served, name: str) -> None:
    page.goto(address(name, served))
    page.evaluate("document.body.focus()")
    seen = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        told = page.evaluate(
            "(() => { const e = document.activeElement; return e.tagName + e.outerHTML.slice(0, 120); })()"
        )
        if told.startswith("BODY"):  # past the last element, on the browser's own
            continue
        seen.add(told)
        assert page.evaluate(_IS_OUTLINED), told
    assert len(seen) > 10
