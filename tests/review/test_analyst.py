"""An analyst's afternoon in a real browser; then one more workshop comes in, and every decision holds or says why not."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.run import run_study
from pipeline.study import Study
from support.review_server import Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MORE = Path(__file__).parents[1] / "habits" / "depot" / "Bassin de Longwy"
DEFINITION = "Ce qui manque aux habitants pour vivre ici."


def test_an_afternoon_of_an_analyst_outlives_one_more_workshop(
    new_study: Callable[..., Study], browser: Browser
) -> None:
    study = new_study()
    with serving(study) as served:
        page = served.open(browser, "chantal", "documents")
        unit_id = _opens_a_document(page, served)
        _codes_words_writes_a_memo_and_cuts(page, served)
        _edits_a_definition(page, served)
        _asks_and_opens_the_second(page, served)
        theme_id = _drags_three_to_a_new_theme(page, served)
        _signs_it_off(page, served, theme_id)
        _undoes_four_from_the_journal(page, served)
    made = study.decisions.read()
    shutil.copytree(MORE, study.depot / "Longwy 2026-06-30")
    run_study(study.root)
    assert study.read_table("workshops")["workshop_id"].nunique() == 4
    effects = study.read_table("decision_effects").set_index("decision_id")
    told = effects.reindex(made["decision_id"])
    assert told["state"].notna().all(), "each decision has what became of it"
    is_kept = told["state"].isin(["appliquée", "annulée"])
    assert told.loc[~is_kept, "reason"].fillna("").str.strip().ne("").all()
    assert is_kept.sum() >= len(made) - 2
    assert unit_id not in set(study.read_table("units")["unit_id"]), "the passage was cut in two"


def _opens_a_document(page: Page, served: Served) -> str:
    units = served.study.read_table("units")
    long = units[units["text"].str.split().str.len().between(12, 30)].iloc[0]
    page.goto(served.url(f"documents/{long['document_id']}"))
    page.locator(f"#{long['unit_id']} a").first.click()
    expect(page.locator(".said")).to_have_attribute("data-unit", long["unit_id"])
    page.wait_for_load_state()  # keys work from here on
    assert page.locator("#lecture [data-unit], #lecture .passage").count() > 1
    return str(long["unit_id"])


def _choose(page: Page, first: int, last: int) -> None:
    """Choose words of the passage by keys, from the first to the last, counted from 0."""
    page.keyboard.press("s")
    for _ in range(first + 1):
        page.keyboard.press("ArrowRight")
    for _ in range(last - first):
        page.keyboard.press("Shift+ArrowRight")


def _codes_words_writes_a_memo_and_cuts(page: Page, served: Served) -> None:
    _choose(page, 3, 5)
    page.fill("#code-empan-texte", "soci")
    page.keyboard.press("Enter")
    expect(page.locator(".mended .on-words")).to_have_count(1)
    page.locator("#ouvrir-memo").click()
    page.fill(".memo-form textarea", "À **relire** avec la table.")
    page.get_by_role("button", name="Noter").click()
    expect(page.locator(".memo strong", has_text="relire")).to_have_count(1)
    page.locator("#ouvrir-memo").click()
    page.locator(".said").focus()
    _choose(page, 6, 6)
    page.click("#couper button")
    expect(page.locator(".mended .chip", has_text="au prochain calcul")).to_have_count(1)
    assert list(served.decisions()["action"]) == ["code_span", "note_memo", "split_passage"]


def _edits_a_definition(page: Page, served: Served) -> None:
    page.goto(served.url("grille/code?code=enjeux.social"))
    page.fill("[name=definition]", DEFINITION)
    page.get_by_role("button", name="Enregistrer le code").click()
    expect(page.locator("main")).to_contain_text(DEFINITION)


def _asks_and_opens_the_second(page: Page, served: Served) -> None:
    territory = str(served.study.read_table("workshops")["territory"].iloc[0])
    page.goto(
        served.url(
            f"passages?etat=tous&territoire={territory}&code=posture:difficulte&sans-question=q1"
        )
    )
    expect(page.locator(".selected")).to_contain_text(territory)
    second = page.locator(".upcoming li a").nth(1)
    address = re.search(r"passage=([\w-]+)", second.get_attribute("href") or "")
    second.click()
    assert address
    expect(page.locator(".said")).to_have_attribute("data-unit", address[1])
    assert page.locator("#lecture .passage").count() > 1, "its neighbours are beside it"


def _drags_three_to_a_new_theme(page: Page, served: Served) -> str:
    page.goto(served.url("themes/sans-theme"))
    boxes = page.locator("tbody [name=passage]")
    for place in range(3):
        boxes.nth(place).check()
    page.locator(".members tbody tr").first.hover()
    page.mouse.down()
    page.mouse.move(400, 300, steps=4)
    target = page.locator(".targets [data-into='+']")
    target.hover()
    target.hover()
    page.mouse.up()
    expect(page.locator("#nom-nouveau")).to_be_focused()
    page.keyboard.type("Ce que personne n’avait rangé")
    page.get_by_role("button", name="En faire un thème").click()
    page.locator("#annonce a").click()
    expect(page.locator("#membres")).to_have_text("Ses 3 passages")
    return page.url.rsplit("/", 1)[-1]


def _signs_it_off(page: Page, served: Served, theme_id: str) -> None:
    page.goto(served.url(f"themes/{theme_id}"))
    while page.locator(".circles [value=oui]:visible:not(:checked)").count():
        page.locator(".circles [value=oui]:visible:not(:checked)").first.check()
    page.get_by_role("button", name="Valider le thème").click()
    expect(page.locator("#relecture")).to_have_text("Thème validé")


def _undoes_four_from_the_journal(page: Page, served: Served) -> None:
    decisions = served.decisions()
    for number in (
        decisions["decision_id"].head(1).tolist() + decisions["decision_id"].tail(3).tolist()
    ):
        page.goto(served.url("journal"))
        page.locator(f"#d{number} button").click()
        expect(page.locator(f"#d{number}")).to_contain_text("annulée")
