"""Search and results in a real browser: what is found, and a new run that applies decisions."""

import pytest
from playwright.sync_api import Browser, expect

from support.review_client import client
from support.review_server import Served

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("benevoles", True),
        ("névoles", False),
        *(
            pytest.param(typed, found, marks=pytest.mark.slow)
            for typed, found in (
                ("BÉNÉVOLES", True),
                ("bénévol", True),
                ('"bénévoles zzz"', False),
                ("<b>", False),
            )
        ),
    ],
)
def test_search_folds_accents_and_case_and_takes_beginnings_of_words(
    served: Served, browser: Browser, typed: str, found: bool
) -> None:
    page = served.open(browser, "denis")
    page.fill("#recherche", typed)
    page.press("#recherche", "Enter")
    expect(page.locator("h1")).to_contain_text("Recherche")
    page.wait_for_load_state()  # all that was found
    marks = [text.lower() for text in page.locator(".found mark").all_inner_texts()]
    assert bool(marks) == found
    assert all(mark.startswith(("bénévol", "benevol")) for mark in marks)


def test_what_awaits_a_run_is_told_again_with_its_progress_and_not_only_when_the_page_opens(
    served: Served,
) -> None:
    progress = client(served, "denis").get("/resultats", headers={"HX-Request": "true"}).text
    assert "<h1" not in progress and "prochain calcul" in progress and "appliquée" in progress


@pytest.mark.slow
def test_a_new_run_applies_decisions_and_tells_what_changed(
    served: Served, browser: Browser
) -> None:
    priorities = served.study.read_table("priorities")
    first = priorities[(priorities["scope"] == "study") & (priorities["rank"] == 1)][
        "theme_id"
    ].iloc[0]
    served.study.decisions.append(author="alix", action="reject_theme", theme_id=str(first))
    page = served.open(browser, "alix", "resultats")
    expect(page.locator("main")).to_contain_text("le prochain calcul")
    page.click("main >> text=Traiter")
    page.click("#traiter")
    page.click("text=Voir ce qu’il a changé", timeout=300_000)
    expect(page.locator("#avancement h2")).to_contain_text("changé")
    expect(page.locator("#avancement")).to_contain_text("n’est plus classé")
    expect(page.locator("#avancement")).to_contain_text("du rang 2 au rang 1")
    expect(page.locator("main")).to_contain_text("1 est appliquée")
    page.goto(served.url("resultats"))
    expect(page.locator("main")).to_contain_text("Aucune décision n’attend")
    page.click("text=publier et télécharger")
    with page.expect_download() as waiting:
        page.click("text=rapport.docx")
    assert waiting.value.path().stat().st_size > 20_000
