"""Memos and flags on the pages: written by keys, found again, told to the second who writes."""

import re

import pytest
from playwright.sync_api import Browser, expect

from flows.jobs.progress import n_decisions_waiting
from pipeline.decisions.memos import MemoSubject, NoteMemo
from support.review_client import client, token
from support.review_server import Served


def _first_unit(served: Served) -> str:
    return str(served.study.read_table("units")["unit_id"].min())


def _post(served: Served, name: str, address: str, **fields: str) -> str:
    with client(served, name) as session:
        data = {"csrfmiddlewaretoken": token(session), **fields}
        answer = session.post(address, data=data, headers={"HX-Request": "true"})
        return f"{answer.status_code} {answer.text}"


def test_who_wrote_a_memo_changes_it_and_the_second_to_write_is_told(served: Served) -> None:
    unit_id = _first_unit(served)
    about = {"sur": f"unit:{unit_id}"}
    noted = _post(served, "alix", "/memos/ecrire", geste="noter", memo="**Vu** <b>", **about)
    assert "<strong>Vu</strong> &lt;b&gt;" in noted
    number = str(served.decisions()["decision_id"].max())
    again = about | {"geste": f"recrire={number}", "vu": number, "memo": "Revu"}
    assert _post(served, "bilal", "/memos/ecrire", **again).startswith("422"), "another's memo"
    assert _post(served, "alix", "/memos/ecrire", **again).startswith("200")
    late = _post(served, "chantal", "/memos/ecrire", **again | {"memo": "Trop tard"})
    assert late.startswith("422")
    assert "a changé depuis" in late
    assert "Trop tard" in late, "what was typed is not lost"
    blank = _post(served, "alix", "/memos/ecrire", geste="noter", memo="  ", **about)
    assert blank.startswith("422")
    assert _post(served, "denis", "/memos/ecrire", geste="noter", memo="x", **about)[:3] == "403"
    unknown = {"geste": "noter", "memo": "x", "sur": "unit:ailleurs"}
    assert _post(served, "alix", "/memos/ecrire", **unknown)[:3] == "404"


def test_what_changes_no_table_holds_at_once_and_waits_for_no_run(served: Served) -> None:
    before = n_decisions_waiting(served.study)
    flag = _post(served, "alix", f"/passages/{_first_unit(served)}/drapeau", geste="mettre")
    assert flag.startswith("200")
    number = int(served.decisions()["decision_id"].max())
    with client(served, "alix") as session:
        (row,) = re.findall(
            rf'<tr id="d{number}">.*?</tr>', session.get("/journal").text, re.DOTALL
        )
    assert "tout de suite" in row and "au prochain calcul" not in row
    assert n_decisions_waiting(served.study) == before


def test_memos_on_anything_are_listed_filtered_and_exported(served: Served) -> None:
    document_id = str(served.study.read_table("documents")["document_id"].min())
    theme_id = str(served.study.read_machine_table("themes")["theme_id"].min())
    for key in ("study", f"document:{document_id}", f"theme:{theme_id}", "code:rubrique:offre"):
        text = f"Sur {key.partition(':')[0]}"
        assert (
            _post(served, "bilal", "/memos/ecrire", geste="noter", memo=text, sur=key)[:3] == "200"
        )
    with client(served, "denis") as session:
        listed = session.get("/memos").text
        themes = session.get("/memos?sur=theme").text
        exported = session.get("/memos/memos.md").text
        pages = [
            session.get(address).text
            for address in (f"/documents/{document_id}", f"/themes/{theme_id}", "/grille")
        ]
    for name in ("study", "document", "theme", "code"):
        assert f"Sur {name}" in listed
        assert f"Sur {name}" in exported
        assert f"Sur {name}" in themes if name == "theme" else f"<p>Sur {name}</p>" in listed
    assert [
        f"Sur {name}" in page
        for name, page in zip(("document", "theme", "code"), pages, strict=True)
    ] == [True] * 3


@pytest.mark.browser
@pytest.mark.slow
def test_a_flag_and_a_memo_by_keys_are_found_again_everywhere(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "passages?ordre=lecture")
    unit_id = str(page.locator("[data-unit]").first.get_attribute("data-unit"))
    page.keyboard.press("d")
    expect(page.locator("#mettre-drapeau")).to_have_attribute("aria-pressed", "true")
    page.fill("#mot-drapeau", "à citer")
    with page.expect_response("**/drapeau"):
        page.keyboard.press("Enter")
    expect(page.locator("#mot-drapeau")).to_have_attribute("value", "à citer")
    page.locator("#mettre-drapeau").focus()
    page.keyboard.press("m")
    page.keyboard.type("Vu avec *la mairie*, uv")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#fait")).to_contain_text("Mémo noté")
    expect(page.locator(".memos.compact > summary")).to_contain_text("1 mémo")
    expect(page.locator(f'[data-unit="{unit_id}"]').first).to_be_visible()
    assert set(served.decisions()["action"].tail(3)) == {"flag_passage", "note_memo"}
    page.keyboard.press("m")
    expect(page.locator(".memo-text em")).to_have_text("la mairie")
    page.keyboard.press("Escape")
    expect(page.locator(".memo-panel")).to_be_hidden()

    page.goto(served.url("journal"))
    expect(page.locator("tbody tr").nth(0)).to_contain_text("note un mémo sur")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("met un drapeau sur")
    page.goto(served.url("memos?sur=unit"))
    entry = page.locator(".memo-list.every .memo", has_text="la mairie")
    expect(entry).to_contain_text("alix")
    entry.get_by_role("link").first.click()
    expect(page.locator(f'[data-unit="{unit_id}"]').first).to_be_visible()
    page.goto(served.url("passages/liste?etat=drapeaux"))
    assert re.search(rf"passage={unit_id}\b", page.content())

    page.goto(served.url(f"passages?etat=tous&passage={unit_id}"))
    for said in ("mémo noté", "drapeau mis", "drapeau mis"):  # the word was put by a second flag
        expect(page.locator("#annuler")).to_contain_text(f"Annuler : {said}")
        page.keyboard.press("u")
        expect(page.locator("#fait")).to_have_text(f"Annulé : {said}.")
    expect(page.locator("#mettre-drapeau")).to_have_attribute("aria-pressed", "false")
    page.goto(served.url("memos?sur=unit"))
    expect(page.locator(".memo-list.every .memo", has_text="la mairie")).to_have_count(0)


def test_a_memo_names_nobody(served: Served) -> None:
    key = MemoSubject("study").key
    said = "Appeler Madame Martin au 06 12 34 56 78"
    answer = _post(served, "alix", "/memos/ecrire", geste="noter", memo=said, sur=key)
    assert "06 12 34 56 78" not in answer
    stored = served.decisions().query("action == 'note_memo'").iloc[-1]
    assert "06 12" not in NoteMemo.read(stored.to_dict()).text
