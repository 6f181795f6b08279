"""Priorities in a real browser: sliders, named weightings, the one in use, side by side; what people see and what the store holds."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.decisions import apply_decisions
from pipeline.rank import rank_themes
from pipeline.study import Study
from support.accessible import faults
from support.review_server import Served

pytestmark = pytest.mark.browser


def order(page: Page) -> list[str]:
    page.wait_for_load_state()  # a page that came by a click may be there in part
    expect(page.locator("#classement [aria-busy]")).to_have_count(0)  # counted
    return [
        str(row.get_attribute("data-theme-id")) for row in page.locator(".ranking tbody tr").all()
    ]


@contextmanager
def new_ranks(page: Page) -> Iterator[None]:
    """Wait, after what the block does, until the ranking shown is another one, and is counted."""
    page.evaluate("document.querySelector('#classement').dataset.before = 'yes'")
    yield
    page.wait_for_function(
        "() => document.querySelector('#classement:not([data-before])') && !document.querySelector('#classement [aria-busy]')"
    )


def set_number(page: Page, name: str, value: str) -> None:
    """Type `value` and wait for the ranks that it gives."""
    with new_ranks(page):
        page.fill(f"[name={name}]", value)


def only(page: Page, kept: str) -> None:
    for name in (
        "tables",
        "workshops",
        "rapporteurs",
        "actors",
        "need",
        "leverage",
        "late",
        "severity",
    ):
        if name != kept:
            set_number(page, name, "0")


def test_the_page_ranks_as_the_last_run_where_nobody_decided_since(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "denis", "priorites")
    rows = served.study.read_table("priorities")
    rows = rows[rows["scope"] == "study"].sort_values("rank")
    assert order(page) == list(rows["theme_id"])
    first = page.locator(".ranking tbody tr").first
    expect(first.locator(".interval")).to_contain_text(
        f"{rows['rank_low'].iloc[0]} à {rows['rank_high'].iloc[0]}"
    )
    first.locator("summary").press("Enter")
    notes = served.study.read_table("priority_notes")
    said = notes[
        (notes["theme_id"] == order(page)[0])
        & (notes["scope"] == "study")
        & (notes["subject"] == "c_tables")
    ]
    expect(first.locator(".criteria")).to_contain_text(said["sentence"].iloc[0])
    expect(page.locator("#controles ~ ul li")).to_have_count(4)
    expect(page.locator("text=Enregistrer ces poids")).to_have_count(
        0
    )  # a reader tries, and saves nothing
    expect(page.get_by_role("button", name="Classer l’étude ainsi")).to_have_count(0)


def test_a_slider_and_its_number_say_the_same_and_rank_at_once(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "priorites")
    before, opened = order(page), page.locator(".ranking details").nth(2)
    opened_id = opened.get_attribute("id")
    opened.locator("summary").press("Enter")
    only(page, "leverage")
    slider = page.get_by_role("slider", name="Prise, curseur")
    slider.focus()
    with new_ranks(page):
        page.keyboard.press("ArrowRight")
    expect(page.locator("[name=leverage]")).to_have_value("11")
    expect(page.locator("#classement .told")).to_have_text(re.compile(r"^Prise 100\s%$"))
    set_number(page, "leverage", "40")
    expect(slider).to_have_value("40")
    assert sorted(order(page)) == sorted(before) and order(page) != before
    expect(page.locator(".ranking thead")).to_contain_text("Par rapport aux poids de l’étude")
    expect(page.locator(".ranking tbody")).to_contain_text("monte de")
    expect(page.locator(f"#{opened_id}")).to_have_attribute("open", "")
    expect(page.locator("#annonce-rangs")).to_contain_text("Classement recalculé. En tête :")
    assert len(served.decisions()) == 0


@pytest.mark.slow
def test_no_weight_at_all_and_nonsense_are_told(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "priorites")
    only(page, "tables")
    set_number(page, "tables", "0")
    expect(page.locator("#classement [role=alert]")).to_contain_text("Tous les poids sont à 0")
    answer = page.request.get(served.url("priorites?tables=beaucoup"))
    assert answer.ok and "Trouvé" in answer.text() and "beaucoup" in answer.text()


@pytest.mark.slow
def test_without_script_a_button_ranks(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "priorites", java_script_enabled=False)
    before = order(page)
    for name in ("tables", "workshops", "rapporteurs", "need"):
        page.fill(f"[name={name}]", "0")
    expect(page.locator("input[type=range]").first).to_be_hidden()
    page.click("text=Recalculer")
    expect(page.locator("[name=tables]")).to_have_value("0")
    assert order(page) != before


@pytest.mark.slow
def test_one_workshop_is_ranked_by_itself(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "priorites")
    name = served.study.read_table("workshops")["workshop_id"].iloc[0]
    with new_ranks(page):
        page.select_option("#portee", name)
    rows = served.study.read_table("priorities")
    assert order(page) == list(rows[rows["scope"] == name].sort_values("rank")["theme_id"])


def test_weights_are_saved_under_a_name_loaded_used_and_left_again(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "bilal", "priorites")
    only(page, "need")
    set_number(page, "need", "60")
    page.fill("#nom", "Besoin d'abord")
    page.click("button:text-is('Enregistrer')")
    expect(page.locator("#annonce")).to_contain_text("est enregistrée")
    saved = served.decisions().iloc[-1]
    held = json.loads(saved["value"])
    assert (saved["author"], saved["action"], held["name"], held["weights"]["need"]) == (
        "bilal",
        "save_weighting",
        "Besoin d'abord",
        0.6,
    )
    row = page.locator(".weightings tr", has_text="Besoin d’abord")
    expect(row).to_contain_text("bilal")
    page.goto(served.url("priorites"))
    expect(page.locator("[name=need]")).to_have_value("15")
    row.get_by_role("link", name="Charger").click()
    expect(page.locator("[name=need]")).to_have_value("60")
    ranked = order(page)
    row.get_by_role("button", name="Classer l’étude ainsi").click()
    expect(row).to_contain_text("classe l’étude")
    used = served.decisions().iloc[-1]
    assert (used["author"], used["action"], used["value"]) == (
        "bilal",
        "use_weighting",
        "Besoin d'abord",
    )
    page.goto(served.url("priorites"))
    assert order(page) == ranked
    page.locator(".weightings tr", has_text="etude.toml").get_by_role(
        "button", name="Classer l’étude ainsi"
    ).click()
    expect(page.locator("#annonce")).to_contain_text("de nouveau par les poids d’etude.toml")
    left = served.decisions().iloc[-1]
    assert left["action"] == "use_weighting" and left["value"] != left["value"]  # blank


def test_somebody_elses_name_is_not_taken_over_unasked(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "priorites")
    only(page, "severity")
    page.fill("#nom", "Besoin d'abord")
    before = len(served.decisions())
    page.click("button:text-is('Enregistrer')")
    expect(page.locator("#pris")).to_contain_text("existe déjà, avec d’autres poids (bilal")
    expect(page.locator("[name=severity]")).to_have_value("10")
    assert len(served.decisions()) == before
    page.check("[name=remplacer]")
    page.click("button:text-is('Enregistrer')")
    expect(page.locator("#annonce")).to_contain_text("est enregistrée")
    assert served.decisions().iloc[-1]["author"] == "alix"


def test_weightings_stand_side_by_side(served: Served, browser: Browser) -> None:
    page = served.open(browser, "denis", "priorites")
    page.get_by_role("checkbox", name="Comparer Poids d’etude.toml").check()
    page.get_by_role("checkbox", name="Comparer Besoin d'abord").check()
    page.click("text=Comparer les pondérations cochées")
    expect(page.locator(".compared thead")).to_contain_text("Besoin d’abord")
    expect(page.locator(".compared tbody tr")).to_have_count(len(served.study.read_table("themes")))
    expect(page.locator(".compared tbody")).to_contain_text("monte de")
    expect(page.locator("main")).to_contain_text("premiers en commun avec")
    page.get_by_role("checkbox", name="Besoin d’abord").uncheck()
    page.click("button:text-is('Comparer')")
    expect(page.locator("main")).to_contain_text("Cochez au moins deux pondérations")


def ranked_by_a_run(study: Study) -> list[str]:
    """The themes of the study in the order that the next run will give, by the weights of etude.toml."""
    tables = {
        name: study.read_machine_table(name)
        for name in ("tags", "themes", "theme_families", "theme_members")
    }
    units = study.read_table("units")
    reviewed = apply_decisions(
        {"units": units, **tables}, study.decisions.read(), axes=study.grid.axes
    )
    told = (reviewed[name] for name in ("tags", "themes", "theme_members"))
    rest = (study.read_table(name) for name in ("workshops", "attendance"))
    rows = rank_themes(units, *told, *rest, settings=study.settings.rank).priorities
    return list(rows[rows["scope"] == "study"].sort_values("rank")["theme_id"])


def test_a_theme_bears_the_name_and_rank_of_now(served: Served, browser: Browser) -> None:
    themes = served.study.read_table("themes")
    name, other = themes["theme_id"].iloc[0], themes["theme_id"].iloc[1]
    said, units = {"author": "chantal"}, served.study.read_table("units")["unit_id"]
    judged = [
        said | {"action": "confirm_unit", "unit_id": unit_id, "value": "[]"}
        for unit_id in units[::4]
    ]
    served.study.decisions.append_all(
        [
            said
            | {"action": "rename_theme", "theme_id": name, "value": "Aller <b>sans</b> voiture"},
            said | {"action": "merge_theme", "theme_id": other, "value": name},
            *judged,
        ]
    )
    page = served.open(browser, "alix", "priorites")
    row = page.locator(f"[data-theme-id='{name}']")
    expect(row).to_contain_text("Aller <b>sans</b> voiture")
    expect(row).to_contain_text(themes["label"].iloc[0].replace("'", "’"))
    expect(page.locator(f"[data-theme-id='{other}']")).to_have_count(0)
    expect(page.locator("text=en train d’être comptées")).to_have_count(0)
    assert order(page) == ranked_by_a_run(served.study)
    row.locator("summary").click()
    expect(row.locator(".criteria")).not_to_contain_text(
        "Dit à"
    )  # it gained passages: the sentence of the last run is not true any more


def test_a_reader_can_save_and_use_nothing(served: Served, browser: Browser) -> None:
    page = served.open(browser, "denis", "priorites")
    token = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value")
    before = len(served.decisions())
    for path in ("priorites/enregistrer", "priorites/utiliser"):
        form = {"csrfmiddlewaretoken": str(token), "nom": "x", "tables": "1", "ponderation": ""}
        assert (
            page.request.post(
                served.url(path), form=form, headers={"Referer": served.address}
            ).status
            == 403
        )
    assert len(served.decisions()) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "priorites",
        "priorites?tables=beaucoup",
        "priorites/comparer",
        "priorites/comparer?p=&p=Besoin%20d'abord",
    ],
)
@pytest.mark.parametrize("width", [1400, pytest.param(390, marks=pytest.mark.slow)])
def test_pages_are_accessible_and_fit(
    served: Served, browser: Browser, path: str, width: int
) -> None:
    page = served.open(browser, "alix", path, viewport={"width": width, "height": 900})
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
