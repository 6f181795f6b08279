"""The map of passages in a real browser: zoom, names, search, zone, and the lists that it opens."""

import random
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.publish.text import typography
from pipeline.review.doors import GRID
from support.accessible import faults
from support.review_server import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
_N_DOTS = 20_000
_TOUCH = """names => {
  const boxes = names.filter(name => !name.hidden).map(name => name.getBoundingClientRect());
  return boxes.some((one, i) => boxes.some((other, j) => i < j
    && one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1));
}"""


@pytest.fixture(scope="module")
def page(served: Served, browser: Browser) -> Page:
    return served.open(browser, "denis", "themes/carte", reduced_motion="reduce")


def _map(page: Page, served: Served, query: str = "") -> Page:
    page.goto(served.url(f"themes/carte{query}"))
    expect(page.locator("#carte[data-ready]")).to_be_visible()
    page.locator(".surface").scroll_into_view_if_needed()
    return page


def _n_listed(page: Page) -> int:
    words = page.locator("#a-suivre").inner_text()
    return int(words.split()[0])


def _draw(page: Page, corners: list[tuple[float, float]], *, with_shift: bool) -> None:
    """Draw around a part of the map; corners are shares of its width and height."""
    box = page.locator(".surface").bounding_box()
    assert box is not None
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    if with_shift:
        page.keyboard.down("Shift")
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in [*spots[1:], spots[0]]:
        page.mouse.move(*spot, steps=4)
    page.mouse.up()
    if with_shift:
        page.keyboard.up("Shift")


def test_every_passage_has_a_dot_and_every_theme_a_name(page: Page, served: Served) -> None:
    sent = page.request.get(served.url("themes/carte/points")).json()
    study = served.study
    assert sorted(sent["ids"]) == sorted(study.read_table("units")["unit_id"])
    assert all(0 <= at <= GRID for at in (*sent["x"], *sent["y"]))
    members = study.read_table("theme_members")["theme_id"].value_counts()
    named = {name["label"]: name["n"] for name in sent["names"] if "is_family" not in name}
    labels = study.read_table("themes").set_index("theme_id")["label"]
    assert named == {typography(labels[theme_id]): n for theme_id, n in members.items()}


@pytest.mark.parametrize("with_shift", [True, False], ids=["shift", "button"])
def test_a_zone_opens_the_passages_that_it_encloses(
    page: Page, served: Served, with_shift: bool
) -> None:
    _map(page, served)
    if not with_shift:
        page.get_by_role("button", name="Entourer").click()
    _draw(
        page, [(0.2, 0.1), (0.7, 0.05), (0.6, 0.5), (0.8, 0.9), (0.3, 0.8)], with_shift=with_shift
    )
    said = page.locator(".said-of-map")
    expect(said).to_have_text(re.compile(r"^Entourés\s: \d+ passages\. Voir les \d+ passages$"))
    n = int(re.findall(r"\d+", said.inner_text())[0])
    assert 0 < n < len(served.study.read_table("units"))
    said.get_by_role("link").click()
    page.wait_for_url("**/passages?*zone=*")
    assert _n_listed(page) == n
    expect(page.locator(".filtering .chip").last).to_contain_text("la zone entourée")


def test_all_that_is_seen_can_be_taken_by_keyboard_within_a_workshop(
    page: Page, served: Served
) -> None:
    units = served.study.read_table("units")
    workshop = units["workshop_id"].iloc[0]
    _map(page, served, f"?atelier={workshop}")
    page.locator("[data-visible]").focus()
    page.keyboard.press("Enter")
    n = int((units["workshop_id"] == workshop).sum())
    expect(page.locator(".said-of-map")).to_contain_text(f"Voir les {n} passages")
    page.locator(".said-of-map a").click()
    page.wait_for_url("**/passages?*")
    assert _n_listed(page) == n


def test_names_stay_apart_and_a_closer_view_has_the_themes(page: Page, served: Served) -> None:
    _map(page, served)
    families, themes = (
        page.locator(f".names .{kind}-name:not([hidden])") for kind in ("family", "theme")
    )
    assert families.count() > 5 and themes.count() == 0
    assert not page.locator(".names a").evaluate_all(_TOUCH)
    page.locator(".surface").focus()
    for _ in range(4):
        page.keyboard.press("+")
    expect(themes.first).to_be_visible()
    assert families.count() == 0 and not page.locator(".names a").evaluate_all(_TOUCH)
    before = themes.first.evaluate("name => name.style.transform")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "before => document.querySelector('.names .theme-name:not([hidden])').style.transform !== before",
        arg=before,
    )
    page.keyboard.press("0")
    expect(families.first).to_be_visible()


def test_a_name_opens_as_many_passages_as_it_says(page: Page, served: Served) -> None:
    _map(page, served)
    name = page.locator(".names .family-name:not([hidden])").first
    n = int(str(name.get_attribute("aria-label")).split()[0])
    name.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/passages?*famille=*")
    assert _n_listed(page) == n


def test_the_wheel_zooms_and_a_dot_says_its_passage_and_opens_it(
    page: Page, served: Served
) -> None:
    _map(page, served)
    box = page.locator(".surface").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -200)
    page.wait_for_function("() => zoomed.view.scale > 1.2")
    page.evaluate("() => new Promise(requestAnimationFrame)")  # names move as the map grows
    x, y = page.evaluate("""() => {
      const box = surface.getBoundingClientRect();
      const at = (i) => [box.left + xOf(dots.x[i]), box.top + yOf(dots.y[i])];
      return at(dots.ids.findIndex((id, i) => yOf(dots.y[i]) > 60 && document.elementFromPoint(...at(i))?.closest(".surface") && !document.elementFromPoint(...at(i)).closest("a")));
    }""")
    page.mouse.move(x + 1, y)
    expect(page.locator(".tip")).to_be_visible()
    words = page.locator(".tip").inner_text()
    assert any(
        text[:30].replace("'", "’") in words for text in served.study.read_table("units")["text"]
    )
    page.mouse.click(x, y)
    page.wait_for_url("**/passages?etat=tous&passage=u-*")


def test_a_search_lights_what_says_the_word(page: Page, served: Served) -> None:
    _map(page, served)
    page.get_by_role("searchbox", name="Allumer les passages qui disent").fill("logement")
    expect(page.locator(".said-of-map")).to_have_text(re.compile(r"^Allumés\s: \d+ passages"))
    lit = set(page.evaluate("() => dots.ids.filter((_, i) => lit[i])"))
    units = served.study.read_table("units")
    saying = set(units.loc[units["text"].str.contains("logement", case=False), "unit_id"])
    assert saying and saying <= lit < set(units["unit_id"])
    page.keyboard.press("Escape")
    expect(page.locator(".said-of-map")).to_be_empty()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1920, "dark")])
def test_the_map_is_accessible_and_fits(
    served: Served, browser: Browser, width: int, scheme: str
) -> None:
    page = served.open(
        browser,
        "denis",
        "themes/carte",
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    expect(page.locator("#carte[data-ready]")).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def _many() -> dict[str, Any]:
    rng, n_themes = random.Random(7), 150
    themes = [rng.randrange(n_themes) for _ in range(_N_DOTS)]
    middles = [(rng.randrange(GRID), rng.randrange(GRID)) for _ in range(n_themes)]
    spots = [
        tuple(min(GRID, max(0, round(rng.gauss(at, GRID / 40)))) for at in middles[theme])
        for theme in themes
    ]
    names = [
        {"label": f"Le thème numéro {n}", "address": "#", "words": "", "shown": [n], "n": n + 1}
        for n in range(n_themes)
    ]
    return {
        "grid": GRID,
        "ids": [f"u-{n:016x}" for n in range(_N_DOTS)],
        "x": [x for x, _ in spots],
        "y": [y for _, y in spots],
        "groups": [theme % 8 for theme in themes],
        "themes": themes,
        "shapes": ["M-4.5,-4.5h9v9h-9z"] * 8,
        "names": names,
    }


def test_twenty_thousand_dots_are_drawn_and_enclosed(page: Page, served: Served) -> None:
    page.route("**/themes/carte/points", lambda route: route.fulfill(json=_many()))
    start = time.monotonic()
    _map(page, served)
    page.unroute("**/themes/carte/points")
    took = page.evaluate("""() => {
      const time = (act) => { const start = performance.now(); for (let n = 0; n < 5; n++) act(); brush.getImageData(0, 0, 1, 1); return (performance.now() - start) / 5; };
      return { draw: time(draw), nearest: time(() => nearest([300, 300])), zone: time(() => select([[0, 0], [dots.grid, 0], [dots.grid, dots.grid]])) };
    }""")
    print({name: round(ms, 1) for name, ms in took.items()}, round(time.monotonic() - start, 1))
    assert page.evaluate("dots.ids.length") == _N_DOTS
    assert not page.locator(".names a").evaluate_all(_TOUCH)
