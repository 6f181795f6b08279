"""The journal and accounts in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from flows.run import run_study
from pipeline.study import Study
from support.review_server import PASSWORD, Served, serving
from support.studies import group_any_size

ON_BOTH_DATABASES = True

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_decision_is_undone_by_a_new_one_and_both_stay(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix")
    page.fill("#pourquoi", "dit deux fois", force=True)
    page.keyboard.press("Escape")
    page.get_by_text("Dire pourquoi").click()
    page.fill("#pourquoi", "dit deux fois")
    with page.expect_response("**/decider"):
        page.click("text=Valider le passage")
    number = int(served.decisions()["decision_id"].max())
    page.goto(served.url("journal"))
    row = page.locator(f"#d{number}")
    expect(row).to_contain_text("valide")
    expect(row).to_contain_text("dit deux fois")
    expect(row).to_contain_text("au prochain calcul")
    row.get_by_role("button").click()
    expect(page.locator(f"#d{number}")).to_contain_text("annulée")
    undone = served.decisions().iloc[-1]
    assert (undone["action"], undone["value"], undone["author"]) == ("undo", str(number), "alix")
    assert number in set(served.decisions()["decision_id"])


@pytest.mark.slow
def test_an_analyst_takes_back_nobody_elses_decision_and_an_administrator_does(
    served: Served, browser: Browser
) -> None:
    number = served.study.decisions.append(
        author="alix", action="rename_theme", theme_id="t-inconnu", value="Bocage"
    )
    page = served.open(browser, "bilal", "journal")
    expect(page.locator(f"#d{number}").get_by_role("button")).to_have_count(0)
    page = served.open(browser, "chantal", "journal?quoi=themes")
    page.locator(f"#d{number}").get_by_role("button").click()
    expect(page.locator(f"#d{number}")).to_contain_text("annulée")


@pytest.mark.slow
def test_the_journal_keeps_from_an_analyst_what_others_put_on_a_passage_still_to_code(
    served: Served, browser: Browser
) -> None:
    unit_id = str(served.study.read_table("units")["unit_id"].max())
    row = {
        "author": "alix",
        "action": "reject_tag",
        "unit_id": unit_id,
        "axis": "posture",
        "code": "besoin",
        "why": "déjà une réponse",
    }
    number = served.study.decisions.append_all([row])[0]
    page = served.open(browser, "bilal", "journal")
    expect(page.locator(f"#d{number}")).to_contain_text("que vous n’avez pas encore codé")
    expect(page.locator(f"#d{number}")).not_to_contain_text("déjà une réponse")
    served.study.decisions.append(
        author="bilal", action="confirm_unit", unit_id=unit_id, value="[]"
    )
    page.reload()
    expect(page.locator(f"#d{number}")).to_contain_text("déjà une réponse")
    expect(served.open(browser, "chantal", "journal").locator(f"#d{number}")).to_contain_text(
        "déjà une réponse"
    )


def test_the_journal_is_filtered_and_exported(served: Served, browser: Browser) -> None:
    page = served.open(browser, "denis", "journal")
    page.select_option("[name=quoi]", "annulations")
    page.click("text=Filtrer")
    decisions = served.decisions()
    expect(page.locator("tbody tr")).to_have_count(int((decisions["action"] == "undo").sum()))
    with page.expect_download() as waiting:
        page.click("text=Exporter")
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert len(text.strip().splitlines()) == len(decisions) + 1


@pytest.mark.slow
def test_the_first_person_makes_the_first_account_and_invites_another(
    new_study: Callable[..., Study], browser: Browser
) -> None:
    with serving(new_study(), accounts={}) as fresh:
        link = re.search(r"http://\S+", fresh.first_line)
        assert link and "premier-acces?jeton=" in link.group()
        page = browser.new_context().new_page()
        page.goto(link.group())
        page.fill("[name=username]", "zoé")
        for name in ("new_password1", "new_password2"):
            page.fill(f"[name={name}]", "123456789012")
        page.click("text=Créer le compte")
        expect(page.locator(".errorlist").first).to_be_visible()
        for name in ("new_password1", "new_password2"):
            page.fill(f"[name={name}]", PASSWORD)
        page.click("text=Créer le compte")
        expect(page.locator(".steps")).to_contain_text("Relire")
        page.goto(fresh.url("comptes"))
        page.fill("[name=username]", "yann")
        page.get_by_role("button", name="Inviter", exact=True).click()
        invitation = page.input_value("#lien")
        invited = browser.new_context().new_page()
        invited.goto(invitation)
        for name in ("new_password1", "new_password2"):
            invited.fill(f"[name={name}]", PASSWORD)
        invited.click("text=Entrer")
        expect(invited.locator(".steps")).to_contain_text("Relire")
        expect(invited.locator(".top")).not_to_contain_text("Comptes")
        again = browser.new_context().new_page()
        again.goto(invitation)
        expect(again.locator("main")).to_contain_text("déjà servi")
        page.goto(fresh.url("comptes"))
        page.get_by_role("button", name="Fermer zoé").click()
        expect(page.locator("#annonce")).to_contain_text("au moins un compte d’administration")
        page.get_by_role("button", name="Fermer yann").click()
        invited.goto(fresh.url("passages"))
        expect(invited.locator("h1")).to_have_text("Connexion")


@pytest.mark.slow
def test_a_decision_whose_sentence_was_mended_in_its_file_is_taken_again_in_one_click(
    tmp_path: Path, browser: Browser
) -> None:
    study = group_any_size(Study.create(tmp_path / "etude"))
    notes = study.depot / "Redon 2026-09-10" / "Table 1.txt"
    notes.parent.mkdir()
    said = "- il manque un carr le soir vers Redon\n- le four à pain est réparé\n"
    notes.write_text(f"Question 1\n{said}", "utf-8")
    run_study(study.root)
    units = study.read_table("units")
    (gone,) = units.loc[units["text"].str.contains("carr"), "unit_id"]
    row = {"action": "accept_tag", "unit_id": gone, "axis": "rubrique", "code": "offre"}
    number = study.decisions.append(author="alix", **row)
    notes.write_text(f"Question 1\n{said.replace('carr', 'car')}", "utf-8")
    run_study(study.root)
    assert run_study(study.root).is_new is False, "what was noted is no news"
    with serving(study) as served:
        page = served.open(browser, "bilal", "journal")  # who has not coded the passage
        expect(page.get_by_text("Reprendre la décision")).to_have_count(0)
        page = served.open(browser, "chantal", "journal")
        near = page.locator(f"#d{number} + tr")
        expect(near).to_contain_text("un carr le soir")
        expect(near).to_contain_text("un car le soir")
        near.get_by_role("button").click()
        expect(page.locator("main")).to_contain_text(f"n° {number} est reprise")
        again = served.decisions().iloc[-1]
        assert (again["action"], again["author"], again["code"]) == (
            "accept_tag",
            "chantal",
            "offre",
        )
        units = study.read_table("units")
        assert (
            units.loc[units["text"].str.contains("un car "), "unit_id"].item() == again["unit_id"]
        )
        expect(page.get_by_text("Reprendre la décision")).to_have_count(0)
        page.locator("tbody tr").first.get_by_role("button").click()
        expect(page.get_by_text("Reprendre la décision")).to_have_count(1)
