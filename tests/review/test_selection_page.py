"""A selection of passages in a real browser: asked for, walked through, named, found again, taken away as a file."""

import io
import re

import pandas as pd
import pytest
from playwright.sync_api import Browser, expect

from support.review_server import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_query_is_walked_through_named_and_found_again(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "passages/liste?etat=tous&ordre=lecture")
    page.locator(".filtering summary").first.click()
    form = page.locator("#choisir, .choices").first
    form.locator("[name=territoire][value=Roubaix]").check()
    form.locator("[name=question][value=q1]").check()
    form.locator("[name=canal][value=notes]").check()
    form.locator("[name='sans-table'][value='1']").check()
    page.locator(".filtering form > button", has_text="Filtrer").click()
    expect(page.locator(".selected")).to_contain_text("Passages de Roubaix")
    expect(page.locator(".selected")).to_contain_text("sauf la table 1")
    units = served.study.read_table("units")
    units = units[units["workshop_id"].str.startswith("roubaix") & (units["question"] == "q1")]
    units = units[(units["channel"] == "notes") & (units["table_number"] != 1).fillna(True)]
    wanted = set(units["unit_id"])
    assert len(wanted) > 2
    expect(page.locator(".n-found")).to_have_text(f"{len(wanted)} passages")
    second = page.locator(".selected-list tbody tr").nth(1).locator("a").first
    seen = [str(second.get_attribute("href")).split("passage=")[1]]
    second.click()
    expect(page.locator(".said")).to_have_attribute("data-unit", seen[0])
    page.wait_for_load_state()  # a key pressed before the scripts are there is lost
    for key in "jjk":
        page.keyboard.press(key)
        page.wait_for_function(
            "id => document.querySelector('.said').dataset.unit !== id", arg=seen[-1]
        )
        seen.append(str(page.locator(".said").get_attribute("data-unit")))
    assert set(seen) <= wanted and seen[3] == seen[1] and len(set(seen)) == 3
    page.locator(".saving summary").click()
    page.fill("[name=nom]", "Besoins de Roubaix")
    page.locator(".keep button:not([disabled])").click()
    page.goto(served.url("passages/liste"))
    page.locator(".saving summary").click()
    page.locator(".saved a", has_text="Besoins de Roubaix").click()
    expect(page.locator(".n-found")).to_have_text(f"{len(wanted)} passages")
    sent = page.request.get(f"{served.address}/passages/export.csv?{page.url.split('?')[1]}")
    rows = pd.read_csv(io.BytesIO(sent.body()), sep=";", encoding="utf-8-sig")
    assert set(rows["Identifiant"]) == wanted and set(rows["Territoire"]) == {"Roubaix"}
    book = page.request.get(f"{served.address}/passages/export.xlsx?{page.url.split('?')[1]}")
    assert len(pd.read_excel(io.BytesIO(book.body()), engine="calamine")) == len(wanted)


def test_search_goes_by_meaning_and_a_passage_finds_its_like(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "recherche?q=se+loger")
    texts = page.locator(".found tr td:first-child a:first-child").all_inner_texts()[:10]
    assert any(re.search(r"loyer|toit|bail|locataire|maison", text, re.I) for text in texts)
    page.locator(".found .like").first.click()
    expect(page.locator(".selected")).to_contain_text("qui ressemblent à")
    expect(page.locator(".n-found")).to_have_text("50 passages")


def test_search_says_that_no_passage_holds_the_word(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "recherche?q=zzzzqqq")
    expect(page.locator("main .message")).to_contain_text("Aucun passage ne contient « zzzzqqq »")
    expect(page.locator(".n-found")).to_have_text("0 passage")
    page.goto(served.url("recherche?q=illectronisme"))
    expect(page.locator("main .message")).to_contain_text("s’en approchent par le sens")
    assert 0 < page.locator(".found tr").count() < 50
    page.goto(served.url("recherche?q=logement"))
    expect(page.locator("main .message")).to_have_count(0)
