"""The territories in a real browser: every chart has its table, and says what the tables of the study say."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.tables.schema import LEAD
from pipeline.verdicts import shown_verdicts
from support.review_client import without_no_break
from support.review_server import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(served: Served, browser: Browser) -> Page:
    return served.open(browser, "denis", "territoires")


def test_the_heat_map_tells_shares_of_tables_and_verdicts(page: Page, served: Served) -> None:
    page.goto(served.url("territoires"))
    contrasts = served.study.read_table("contrasts")
    themes = contrasts[contrasts["subject"] == "theme"]
    expect(page.locator(".heat tbody tr")).to_have_count(themes["subject_id"].nunique())
    told = page.locator(".heat td").all_inner_texts()
    shown = shown_verdicts(themes, served.study.read_table("theme_reach"))
    for verdict in ("plus présent ici", "propre à ce territoire", LEAD):
        n_told = sum(cell.splitlines()[-1].strip() == verdict for cell in told)
        assert n_told == int((shown == verdict).sum())


def test_the_heat_map_compares_the_codes_of_an_axis(page: Page, served: Served) -> None:
    page.goto(served.url("territoires"))
    page.select_option("[name=quoi]", "pilier")
    page.click("text=Montrer")
    expect(page.locator(".heat tbody th").first).to_be_visible()
    piliers = {code.label for code in served.study.grid.axis("pilier")}
    assert set(page.locator(".heat tbody th").all_inner_texts()) <= {
        label.replace("'", "’") for label in piliers
    }


def test_specificities_are_those_of_the_territory_asked_for(page: Page, served: Served) -> None:
    page.goto(served.url("territoires/specificites"))
    page.select_option("[name=territoire]", "Thiérache")
    page.click("text=Montrer")
    contrasts = served.study.read_table("contrasts")
    expect(page.locator("tbody tr")).to_have_count(
        int((contrasts["territory"] == "Thiérache").sum())
    )


def test_planes_are_drawn_in_the_page_with_a_table_beside_them(page: Page, served: Served) -> None:
    page.goto(served.url("territoires/plans"))
    points = served.study.read_table("factor_points")
    expect(page.locator(".plane .door")).to_have_count(len(points))
    expect(page.locator("table").first).to_be_visible()
    joined = page.locator(".tree .join").first  # all the territories
    expect(joined).to_have_attribute("aria-label", re.compile(r"^\d+ passages\s:\s"))
    n = str(joined.get_attribute("aria-label")).split()[0]
    joined.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/passages?territoire=*")
    expect(page.locator("main")).to_contain_text(f"{n} passages")


def test_a_map_comes_once_made_and_lights_one_catchment_at_a_time(
    page: Page, served: Served
) -> None:
    page.goto(served.url("territoires/cartes"))
    expect(page.locator(".map.territory[data-ready]")).to_have_count(3, timeout=120_000)
    shown = page.locator(".map.territory").first
    expect(shown.locator(".lit")).to_have_count(0)
    with_area = shown.locator(".structures button:not([data-covered=''])")
    covered = [str(each.get_attribute("data-covered")).split("|") for each in with_area.all()[:2]]
    for button, communes in zip(with_area.all()[:2], covered, strict=True):
        button.focus()
        lit = shown.locator(".commune.lit").evaluate_all("all => all.map(c => c.dataset.commune)")
        assert set(lit) == set(communes)
        expect(shown.locator(".area.on").first).to_have_attribute(
            "data-name", str(button.get_attribute("data-name"))
        )
    with_area.first.press("Enter")
    expect(with_area.first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(shown.locator(".lit")).to_have_count(0)
    shown.locator(".surface").focus()
    page.keyboard.press("+")
    page.wait_for_function(
        "() => document.querySelector('.territory .world').getAttribute('transform').includes('scale(1.4')"
    )


def test_a_pin_opens_the_passages_that_name_its_structure(page: Page, served: Served) -> None:
    page.goto(served.url("territoires/cartes"))
    pin = page.locator(".territory .pin.door").first
    expect(pin).to_be_attached(timeout=120_000)
    n = without_no_break(str(pin.get_attribute("aria-label"))).split(" : ")[-1].split()[0]
    pin.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/recherche?q=*")
    expect(page.get_by_role("heading", name=f"{n} passage").first).to_be_visible()


def test_absent_voices_and_carriers_are_told(page: Page, served: Served) -> None:
    page.goto(served.url("territoires/voix"))
    voices = served.study.read_table("voices")
    expect(page.locator("main section")).to_have_count(voices["workshop_id"].nunique())
    expect(page.locator("tbody tr")).to_have_count(len(served.study.read_table("theme_voices")))


def test_offer_is_filtered_by_sector(page: Page, served: Served) -> None:
    page.goto(served.url("territoires/offre"))
    offers = served.study.read_table("offers")
    sector = offers["sector"].value_counts().index[0]
    page.select_option("[name=secteur]", str(sector))
    page.click("text=Filtrer")
    expect(page.get_by_role("region", name="Offre").locator("tbody tr")).to_have_count(
        int((offers["sector"] == sector).sum())
    )


@pytest.mark.slow
def test_a_theme_renamed_since_the_run_bears_its_new_name_in_the_drawings_as_in_the_tables(
    page: Page, served: Served
) -> None:
    points = served.study.read_table("factor_points")
    theme_id = points.loc[points["kind"] != "territoire", "point"].iloc[0]
    names = served.study.read_machine_table("themes").set_index("theme_id")["label"]
    served.study.decisions.append(
        author="alix", action="rename_theme", theme_id=theme_id, value="Zyzanie"
    )
    page.goto(served.url("territoires/plans"))
    drawn = "".join(page.locator(".plane").all_inner_texts())
    drawn += "".join(page.locator(".plane title").all_text_contents())
    assert "Zyzanie" in drawn and names[theme_id] not in drawn
    expect(page.locator("tbody th", has_text="Zyzanie")).to_have_count(1)
    page.goto(served.url("passages/filtres"))
    expect(page.locator("#choisir")).to_contain_text("Zyzanie")
