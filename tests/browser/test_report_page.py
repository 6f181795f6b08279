"""The report page in a real browser: nothing fetched, readable on a telephone, by keyboard, in print."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.publish.html import write_web_page
from pipeline.publish.layout import lay_out
from pipeline.tables.results import THEMES
from support.published import report, tables

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: no browser to look at the page with"
    ),
]

# every visible text with its colour, the first opaque colour behind it and its size; SVG text stands on the drawing's white
TEXTS = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => { for (let n = node; n; n = n.parentElement) { const c = parts(getComputedStyle(n).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || parent.closest('svg, style, .skip')) continue;
    const [a, b] = [light(parts(getComputedStyle(parent).color)), light(behind(parent))].sort((x, y) => y - x);
    const size = parseFloat(getComputedStyle(parent).fontSize);
    found.push({text: walker.currentNode.textContent.trim(), contrast: (a + 0.05) / (b + 0.05), size});
  }
  return found;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "rapport.html"
    made = tables()
    made["themes"] = THEMES.check(
        made["themes"].assign(
            label="Se déplacer le soir et le dimanche sans voiture dans la vallée"
        )
    )
    write_web_page(lay_out(report(made)), path)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as session:
        chromium = session.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.slow
def test_the_page_asks_for_nothing_and_reports_no_error(page: Any, address: str) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    assert (asked, errors) == ([address], [])


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_no_width_makes_the_page_scroll_sideways(page: Any, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_table_wraps_or_scrolls_within_a_frame_that_says_what_it_holds(
    page: Any, address: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address)
    frames = page.eval_on_selector_all(
        "table",
        """tables => tables.map(table => {
            const frame = table.parentElement, box = frame.getBoundingClientRect();
            return [frame.tabIndex, frame.getAttribute('aria-label').length, box.right];
        })""",
    )
    assert frames and all(tab == 0 and label > 12 and right <= 390 for tab, label, right in frames)


@pytest.mark.parametrize("width", [320, 390])
def test_a_caption_is_read_whole_before_its_table_is_scrolled(
    page: Any, address: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(address)
    overhang = """nodes => nodes.map(node => {
        const words = document.createRange();
        words.selectNodeContents(node);
        return words.getBoundingClientRect().right - node.closest('.scroll').getBoundingClientRect().right;
    })"""
    overhangs = page.eval_on_selector_all(".scroll caption", overhang)
    assert overhangs and max(overhangs) <= 0.5


@pytest.mark.parametrize("width", [390, 1400])
def test_every_text_is_dark_and_large_enough_to_read(page: Any, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(address)
    texts = page.evaluate(TEXTS)
    assert len(texts) > 100
    assert [text for text in texts if text["contrast"] < 4.5 or text["size"] < 13] == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
def test_the_words_of_a_chart_are_legible(page: Any, tmp_path: Path, width: int) -> None:
    write_web_page(lay_out(report(tables()), "annexe"), tmp_path / "annexe.html")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((tmp_path / "annexe.html").as_uri())
    heights = page.eval_on_selector_all(
        "figure svg text",
        "nodes => nodes.filter(n => n.textContent).map(n => n.getBoundingClientRect().height)",
    )
    assert heights and min(heights) >= 10


def test_the_keyboard_reaches_the_content_first_then_the_contents(page: Any, address: str) -> None:
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") == 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#contenu"


def test_every_line_of_the_contents_leads_somewhere(page: Any, address: str) -> None:
    page.goto(address)
    titles = page.eval_on_selector_all(
        "nav a",
        "links => links.map(a => [a.textContent, document.querySelector(a.getAttribute('href')).textContent])",
    )
    assert len(titles) > 8
    assert all(link == heading for link, heading in titles)


def test_print_shows_whole_tables_and_no_scroll_box(page: Any, address: str) -> None:
    page.goto(address)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})  # A4 less its margins, in CSS pixels
    assert (
        page.eval_on_selector_all(
            ".scroll", "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth + 1).length"
        )
        == 0
    )
    assert page.eval_on_selector(".skip", "link => getComputedStyle(link).display") == "none"
    assert page.pdf(format="A4").startswith(b"%PDF")
