"""Charts as doors: each leads to as many passages as it says; tables sort; filters are a line of chips; our colours win."""

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pipeline.review.doors import GRID, read_polygon, units_inside
from pipeline.review.snapshot import Snapshot
from support.review_server import Served

STYLES = Path(__file__).parents[2] / "pipeline/review/static/review"


def _snapshot(spots: list[tuple[float, float]]) -> Snapshot:
    names = [f"u-{n}" for n in range(len(spots))]
    units = pd.DataFrame(
        {
            "unit_id": names,
            "document_id": "d-1",
            "workshop_id": "w-1",
            "unit_order": range(len(spots)),
            "text": "Passage",
            "table_number": 1,
            "question": "q1",
            "channel": "notes",
            "speaker": None,
        }
    )
    places = pd.DataFrame(spots, columns=["x", "y"]).assign(unit_id=names)
    return Snapshot("r", {"units": units, "unit_places": places}, {})


@pytest.mark.parametrize(
    ("zone", "inside"),
    [
        ("0.0_25000.0_25000.50000_0.50000", ["u-0", "u-1"]),  # the left half
        ("0.0_50000.0_0.50000", ["u-0"]),  # under the diagonal
        ("0.0_50000.0_50000.50000_0.50000_0.20000_40000.20000_40000.15000_0.15000", ["u-0", "u-1", "u-2", "u-3"]),
        ("0.0_50000.0", []),  # two corners
        ("0.0_50000.0_x.y", []),
        ("0.0_50000.0_0.-5", []),
        ("_".join(["1.1"] * 500), []),  # nobody draws that many corners
        ("0.0_500000000000.0_0.500000000000", []),
    ],
)  # fmt: skip
def test_a_zone_holds_the_passages_that_it_encloses(zone: str, inside: list[str]) -> None:
    snapshot = _snapshot([(0.1, 0.1), (0.2, 0.9), (0.8, 0.9), (0.9, 0.8)])
    assert units_inside(read_polygon(zone), snapshot) == inside
    assert GRID == 50_000


def _number(words: str) -> int:
    found = re.search(r"(\d[\d\s]*) passage", words)
    assert found is not None, words
    return int(re.sub(r"\s", "", found[1]))


@pytest.fixture(scope="module")
def page(served: Served, browser: Browser) -> Page:
    return served.open(browser, "denis", "resultats")


def _opens_what_it_says(page: Page, served: Served, path: str, doors: str, n_tried: int) -> None:
    page.goto(served.url(path))
    links = page.locator(doors)
    assert links.count() > 0
    step = max(links.count() // n_tried, 1)
    told = [
        (str(link.get_attribute("href")), str(link.get_attribute("title")))
        for link in links.all()[::step]
    ]
    for address, words in told:
        page.goto(f"{served.address}{address}")
        expect(page.locator("#a-suivre")).to_have_text(re.compile(rf"^{_number(words)} pass"))


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "doors"),
    [
        ("resultats", ".bars .door"),
        ("territoires", ".heat .door"),
        ("territoires/presence?quoi=rubrique", ".heat .door"),
        ("territoires/specificites", "td .door"),
        ("themes/{theme}", ".profiles .door"),
    ],
)
def test_a_door_opens_as_many_passages_as_it_says(
    page: Page, served: Served, path: str, doors: str
) -> None:
    theme = served.study.read_machine_table("themes")["theme_id"].min()
    _opens_what_it_says(page, served, path.format(theme=theme), doors, n_tried=4)


@pytest.mark.browser
@pytest.mark.slow
def test_a_cell_opens_by_keyboard_and_says_its_numbers(page: Page, served: Served) -> None:
    page.goto(served.url("territoires"))
    door = page.locator(".heat .door").first
    words = str(door.get_attribute("title"))
    assert re.fullmatch(r"\d+ passages?, (\d+ tables?|aucune table)\s: .+, .+", words), words
    page.locator(".heat tbody tr").first.locator("th a").focus()
    page.keyboard.press("Tab")
    expect(door).to_be_focused()
    assert door.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/passages?**")
    expect(page.locator("#lecture .here")).to_be_visible()
    expect(page.locator(".filtering .chip").last).to_be_visible()
    page.get_by_role("link", name="Voir la liste").click()
    expect(page.locator(".n-found")).to_have_text(re.compile(rf"^{_number(words)} pass"))


_TABLE = """() => {
  const rows = [["zèbre", "9"], ["Été", "1 200,5"], ["ecole", "−3"], ["Étable", "–"], ["abri", "12 passages"]];
  const table = document.createElement("table");
  table.className = "sortable"; table.id = "essai";
  table.innerHTML = `<thead><tr><th>Mot</th><th>Nombre</th></tr></thead><tbody>${rows.map(([a, b]) => `<tr><td>${a}</td><td>${b}</td></tr>`).join("")}</tbody>`;
  document.querySelector("main").prepend(table);
  document.querySelector("main").dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: table } }));
}"""


def _column(table: Locator, n: int) -> list[str]:
    return table.locator(f"tbody td:nth-child({n})").all_inner_texts()


@pytest.mark.browser
@pytest.mark.slow
def test_a_table_sorts_numbers_and_accents_by_keyboard(page: Page, served: Served) -> None:
    page.goto(served.url("territoires/specificites"))
    page.evaluate(_TABLE)
    table = page.locator("#essai")
    words, numbers = table.locator("th button").all()
    words.focus()
    page.keyboard.press("Enter")
    assert _column(table, 1) == ["abri", "ecole", "Étable", "Été", "zèbre"]
    expect(table.locator("th").first).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Tab")
    expect(numbers).to_be_focused()
    page.keyboard.press("Space")
    assert _column(table, 2) == ["−3", "9", "12 passages", "1 200,5", "–"]
    page.keyboard.press("Space")
    assert _column(table, 2) == ["1 200,5", "12 passages", "9", "−3", "–"]  # blanks stay last
    expect(table.locator("th").nth(1)).to_have_attribute("aria-sort", "descending")
    assert table.locator("th").first.get_attribute("aria-sort") is None


@pytest.mark.browser
@pytest.mark.slow
def test_filters_are_a_line_of_chips_that_can_be_taken_off(page: Page, served: Served) -> None:
    page.goto(served.url("passages/liste?etat=tous&territoire=Roubaix&question=q1"))
    assert page.locator(".filtering").bounding_box()["height"] < 50  # type: ignore[index]
    chips = page.locator(".filtering .chip")
    assert [words.split("\u00a0: ")[0] for words in chips.all_inner_texts()] == [
        "À voir",
        "Territoire",
        "Question",
    ]
    units = served.study.read_table("units")
    n_here = int(units["workshop_id"].str.startswith("roubaix").sum())
    chips.last.click()
    expect(page.locator(".n-found")).to_have_text(f"{n_here} passages")
    page.wait_for_load_state()  # filters opened before the scripts are there stay empty
    page.locator(".filtering summary").click()
    page.check("[name=table][value='1']")
    page.locator(".filtering form > button").click()
    expect(chips).to_have_count(3)
    page.locator(".filtering .all").click()
    expect(chips).to_have_count(0)


_SHOWN = """() => {
  const style = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
  const variable = (name) => { const probe = document.createElement("i"); probe.style.color = `var(${name})`; document.body.append(probe); const found = getComputedStyle(probe).color; probe.remove(); return found; };
  return [
    ["page", style("html", "backgroundColor"), variable("--pico-background-color")],
    ["link", style("td a", "color"), variable("--pico-primary")],
    ["button", style(".filtering form button", "backgroundColor"), variable("--pico-primary-background")],
    ["chip", style(".filtering .chip", "backgroundColor"), variable("--here")],
    ["chip's words", style("td .chip", "color"), variable("--chip-ink")],
    ["step", style(".steps li:not(.here) a", "backgroundColor"), variable("--card")],
    ["step here", style(".steps .here a", "backgroundColor"), variable("--here")],
    ["header", style(".top", "backgroundColor"), variable("--panel")],
    ["words", style("body", "color"), variable("--pico-color")],
  ];
}"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_seen_has_the_palettes_colours(
    served: Served, browser: Browser, scheme: str
) -> None:
    palette = (STYLES / "review.css").read_text(encoding="utf-8")
    page = served.open(
        browser,
        "denis",
        "passages/liste?etat=tous",
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page.evaluate("document.querySelector('.filtering details').open = true")
    page.locator(".filtering form button").first.wait_for()
    shown = page.evaluate(_SHOWN)
    assert [(what, seen) for what, seen, ours in shown if seen != ours] == []
    first = palette.split("--pico-background-color: light-dark(")[1].split(")")[0].split(", ")
    channels = [int(first[scheme == "dark"][i : i + 2], 16) for i in (1, 3, 5)]
    assert shown[0][1] == f"rgb({', '.join(map(str, channels))})"  # and not the framework's own
