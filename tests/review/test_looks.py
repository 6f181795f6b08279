"""What a person sees and hears while deciding: our palette over the framework's, « Valider » in sight, a word after each decision."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from support.review_server import Served

STYLES = Path(__file__).parents[2] / "pipeline/review/static/review"
SCREENS = {
    "laptop": (1366, 768),
    "telephone": (390, 844),
    "small telephone": (320, 640),
    "tablet": (820, 1180),
}

_MOST_FILTERS = 130  # pixels of a laptop's 768
_MOST_MOVE = 150  # of « Valider », under a passage too short to fill the window

_COLOURS = """() => {
  const style = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
  return {
    button: style("#valider", "backgroundColor"),
    link: style(".upcoming p a", "color"),
    page: style("html", "backgroundColor"),
    mark: style(".said mark", "backgroundColor"),
  };
}"""


def palette(css: str) -> dict[str, tuple[str, str]]:
    """The light and the dark value of each colour that the pages' own :root declares."""
    block = css.split(":root:root {", 1)[1].split("}")[0]
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    colour = r"(#[0-9a-f]{3,6}|rgb\([^)]+\))"
    either = re.compile(rf"(--[\w-]+): (?:{colour}|light-dark\({colour}, {colour}\));")
    found = [either.fullmatch(line) for line in lines]
    assert all(found), "a colour without a light or a dark value"
    return {row[1]: (row[2] or row[3], row[2] or row[4]) for row in found if row}


def rgb(colour: str) -> str:
    """A colour as browsers compute it."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    return f"rgb({', '.join(str(int(digits[at : at + 2], 16)) for at in (0, 2, 4))})"


CSS = (STYLES / "review.css").read_text(encoding="utf-8")
COLOURS = palette(CSS)
LIGHT, DARK = ({name: pair[i] for name, pair in COLOURS.items()} for i in (0, 1))


def test_only_colours_that_differ_between_light_and_dark_have_two_values() -> None:
    assert len(COLOURS) > 50
    two_values = {name for name in COLOURS if f"{name}: light-dark(" in CSS}
    assert two_values == {name for name in COLOURS if LIGHT[name] != DARK[name]}


@pytest.mark.parametrize("path", sorted(STYLES.glob("*.css")), ids=lambda path: path.name)
def test_colours_come_from_the_palette(path: Path) -> None:
    css = path.read_text(encoding="utf-8")
    rules = css.split("\n:root {", 1)[-1] if path.name == "review.css" else css
    allowed = (
        "background: #fff; border-radius",
        "background: #fff; }",
        "stroke: #000",
    )  # drawings, made on white
    assert [
        line
        for line in rules.splitlines()
        if re.search(r"#[0-9a-fA-F]{3,6}\b", line) and not any(part in line for part in allowed)
    ] == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("system", "asked", "expected"),
    [
        ("light", None, LIGHT),
        ("dark", None, DARK),
        ("dark", "light", LIGHT),
        ("light", "dark", DARK),
    ],
    ids=[
        "light system",
        "dark system",
        "light asked for on a dark system",
        "dark asked for on a light system",
    ],
)
def test_our_palette_wins_over_the_frameworks(
    served: Served, browser: Browser, system: str, asked: str | None, expected: dict[str, str]
) -> None:
    page = served.open(browser, "alix", color_scheme=system, reduced_motion="reduce")
    if asked:
        page.evaluate("name => document.documentElement.dataset.theme = name", asked)
    found = page.evaluate(_COLOURS)
    assert found == {
        "button": rgb(expected["--pico-primary-background"]),
        "link": rgb(expected["--pico-primary"]),
        "page": rgb(expected["--pico-background-color"]),
        "mark": rgb(expected["--pico-mark-background-color"]),
    }


_COVERED = """() => {
  const bar = document.querySelector(".bar").getBoundingClientRect();
  const covered = [];
  for (const shown of document.querySelectorAll("#poste :is(a, button:not([hidden]), select, summary, input:not([type=hidden]))")) {
    if (shown.closest(".bar") || shown.closest("details:not([open]) > :not(summary)")) continue;
    shown.focus();
    const box = shown.getBoundingClientRect();
    if (box.bottom > bar.top + 1 && box.top < bar.bottom && box.right > bar.left && box.left < bar.right) covered.push(shown.outerHTML);
  }
  return covered;
}"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("screen", SCREENS)
def test_valider_is_in_sight_and_hides_nothing(
    served: Served, browser: Browser, screen: str
) -> None:
    width, height = SCREENS[screen]
    page = served.open(
        browser,
        "alix",
        "passages?ordre=lecture",
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    expect(page.locator("#valider")).to_be_in_viewport(ratio=1)
    bar = page.locator(".bar").bounding_box()
    assert bar is not None and bar["height"] < height / 4
    assert page.evaluate(_COVERED) == []  # what has the focus is never under it
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#valider")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@pytest.mark.browser
def test_valider_stays_in_its_place_and_filters_take_a_line_or_two(
    served: Served, browser: Browser
) -> None:
    width, height = SCREENS["laptop"]
    page = served.open(
        browser, "alix", "passages?ordre=lecture", viewport={"width": width, "height": height}
    )
    filters = page.locator(".filtering").bounding_box()
    assert filters is not None and filters["height"] <= _MOST_FILTERS
    places = set()
    for _ in range(8):  # passages of one sentence and of ten
        shown = page.locator(".said").get_attribute("data-unit")
        box = page.locator("#valider").bounding_box()
        assert box is not None
        places.add(round(box["y"]))
        page.keyboard.press("j")
        expect(page.locator(".said")).not_to_have_attribute("data-unit", str(shown))
    assert max(places) - min(places) <= _MOST_MOVE


@pytest.mark.slow
@pytest.mark.browser
def test_each_decision_is_said_and_the_focus_is_kept(served: Served, browser: Browser) -> None:
    page = served.open(browser, "bilal", "passages?ordre=lecture")
    said = page.locator("#fait[role=status][aria-live=polite]")
    page.evaluate(
        "document.getElementById('fait').dataset.same = 'oui'"
    )  # a region that was replaced would say nothing
    put = page.locator(".coded li.on").first
    label, number = (
        put.locator(".label").inner_text().split(" ", 1)[1],
        put.locator("button").first.get_attribute("id"),
    )
    put.locator("button").first.focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text(f"{label} »")
    expect(said).to_contain_text("rejetée")
    expect(page.locator(f"#{number}")).to_be_focused()
    unit_id = page.locator(".said").get_attribute("data-unit")
    page.locator("#annuler").focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("Annulé")
    expect(
        page.locator("#passage-titre")
    ).to_be_focused()  # nothing is left to take back: the button is off
    page.locator("#valider").focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("Passage validé")
    assert page.locator(".said").get_attribute("data-unit") != unit_id
    expect(page.locator("#passage-titre")).to_be_focused()
    page.locator("#recherche").focus()
    page.keyboard.press("Escape")
    unit_id = str(page.locator(".said").get_attribute("data-unit"))
    page.evaluate("document.querySelector('[data-key=j]').click()")
    expect(page.locator(".said")).not_to_have_attribute("data-unit", unit_id)
    expect(page.locator("#recherche")).to_be_focused()  # it was elsewhere, and stays there
    expect(page.locator("#fait[data-same=oui]")).to_have_count(1)


@pytest.mark.slow
@pytest.mark.browser
def test_a_message_that_comes_with_a_page_has_the_focus(served: Served, browser: Browser) -> None:
    page = served.open(browser, "bilal", "compte")
    page.click("text=Enregistrer")
    expect(page.locator("#annonce")).to_be_focused()
    expect(page.locator("#annonce")).to_contain_text("C’est noté")
