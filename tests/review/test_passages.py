"""Passages in a real browser: the queue, the keys, blind coding, undoing; what the person sees and what the journal holds."""

import json

import pytest
from playwright.sync_api import Browser, expect

from support.review_server import Served

ON_BOTH_DATABASES = True

pytestmark = pytest.mark.browser


def test_forty_keys_typed_at_once_are_forty_decisions_in_order(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix")
    order = [page.locator(".said").get_attribute("data-unit")]
    before = len(served.decisions())
    for _ in range(40):
        page.keyboard.press("v", delay=0)
    expect(page.locator("#a-suivre")).to_have_text(f"{363 - 40} passages", timeout=90_000)
    added = served.decisions().iloc[before:]
    assert list(added["action"]) == ["confirm_unit"] * 40
    assert added["unit_id"].is_unique and added["unit_id"].iloc[0] == order[0]
    queue = served.study.read_table("review_queue").sort_values("place")["unit_id"].head(40)
    assert list(added["unit_id"]) == list(queue)
    assert set(added["author"]) == {"alix"}


def test_a_key_rejects_a_code_and_another_undoes_it(served: Served, browser: Browser) -> None:
    page = served.open(browser, "bilal")
    unit_id = page.locator(".said").get_attribute("data-unit")
    first = page.locator(".coded li").first
    label = first.locator(".label").inner_text().removeprefix("1").strip()
    page.keyboard.press("1")
    expect(page.locator(".coded li").first.locator(".state")).to_contain_text("rejetée")
    page.keyboard.press("u")
    expect(page.locator(".coded li").first.locator(".state")).to_contain_text("proposée")
    rejected, undone = served.decisions().tail(2).itertuples()
    assert (rejected.action, rejected.unit_id, undone.action, undone.value) == (
        "reject_tag",
        unit_id,
        "undo",
        str(rejected.decision_id),
    )
    assert label


def test_others_decisions_show_only_once_ones_own_is_saved(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "passages?ordre=lecture&etat=tous")
    unit_id = page.locator(".said").get_attribute("data-unit")
    page.keyboard.press("v")
    page.wait_for_function("id => document.querySelector('.said').dataset.unit !== id", arg=unit_id)
    other = served.open(browser, "bilal", f"passages?etat=tous&passage={unit_id}")
    expect(other.locator("section.others")).to_have_count(0)
    other.click("text=Valider le passage")
    other.wait_for_function(
        "id => document.querySelector('.said')?.dataset.unit !== id", arg=unit_id
    )
    other.goto(served.url(f"passages?etat=tous&passage={unit_id}"))
    expect(other.locator("section.others")).to_contain_text("alix")


def test_a_passage_left_after_one_code_was_rejected_is_not_coded(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "bilal", "passages?ordre=lecture")
    listed, unit_id = (
        page.locator("#a-suivre").inner_text(),
        page.locator(".said").get_attribute("data-unit"),
    )
    served.study.decisions.append(
        author="chantal", action="confirm_unit", unit_id=unit_id, value="[]"
    )
    page.keyboard.press("1")
    expect(page.locator(".chip.begun")).to_have_text("commencé, reste à valider")
    expect(page.locator("section.others")).to_have_count(0)  # what chantal put is not shown yet
    page.keyboard.press("j")
    page.wait_for_function("id => document.querySelector('.said').dataset.unit !== id", arg=unit_id)
    expect(page.locator("#a-suivre")).to_have_text(listed)
    page.goto(served.url(f"passages?etat=decides&passage={unit_id}"))
    expect(page.locator(f".upcoming a[href*='{unit_id}']")).to_have_count(0)
    page.goto(served.url("journal"))
    assert "décide d’un passage que vous n’avez pas encore codé" in page.inner_text("main")
    page.goto(served.url(f"passages?ordre=lecture&passage={unit_id}"))
    page.keyboard.press("v")
    expect(page.locator("#a-suivre")).not_to_have_text(listed)
    page.goto(served.url(f"passages?etat=tous&passage={unit_id}"))
    expect(page.locator("section.others")).to_contain_text("chantal")


def test_a_code_is_added_by_a_part_of_its_label(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "passages?ordre=lecture")
    unit_id = page.locator(".said").get_attribute("data-unit")
    page.keyboard.press("a")
    field = page.get_by_role("combobox", name="Ajouter une étiquette")
    expect(field).to_be_focused()
    page.keyboard.type("ECOCONC")
    option = page.locator(".picker [role=option]")
    expect(option).to_have_text(["Écoconception"])
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator(".coded")).to_contain_text(["Écoconception"])
    added = served.decisions().iloc[-1]
    assert (added["action"], added["code"], added["unit_id"]) == (
        "add_tag",
        "ecoconception",
        unit_id,
    )
    expect(page.locator("#annuler")).to_contain_text("Annuler : « Écoconception » ajoutée")
    page.keyboard.press("u")
    expect(page.locator("#annuler")).not_to_contain_text("Écoconception")
    page.keyboard.press("a")
    expect(page.locator(".picker [role=option]").first).not_to_have_text(
        "Écoconception"
    )  # it was undone


def test_the_code_put_last_comes_first(served: Served, browser: Browser) -> None:
    page = served.open(browser, "bilal", "passages?ordre=lecture")
    for typed in ("recycl", "écologie"):
        page.keyboard.press("a")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(page.locator("#passage-titre")).to_be_focused()
    page.keyboard.press("j")  # and at once:
    page.keyboard.press("a")
    expect(page.locator(".picker .group").first).to_have_text("Posées récemment")
    options = page.locator(".picker [role=option]")
    expect(options.nth(0)).to_have_text("Écologie industrielle et territoriale")
    expect(options.nth(1)).to_have_text("Recyclage et valorisation")
    expect(page.get_by_role("combobox", name="Ajouter une étiquette")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_without_scripts_a_code_is_added_from_a_list(served: Served, browser: Browser) -> None:
    page = served.open(browser, "chantal", "passages?ordre=lecture", java_script_enabled=False)
    page.select_option("#ajout", "pilier:ecoconception")
    page.click("#ajouter")
    expect(page.locator(".coded")).to_contain_text(["Écoconception"])
    page.click("#annuler")
    expect(page.locator("#annonce")).to_contain_text("Annulé : « Écoconception » ajoutée.")


def test_keys_can_be_put_out(served: Served, browser: Browser) -> None:
    page = served.open(browser, "chantal", "compte")
    page.uncheck("[name=has_keys]")
    page.click("text=Enregistrer")
    page.goto(served.url("passages"))
    before = len(served.decisions())
    page.keyboard.press("v")
    page.wait_for_timeout(300)
    assert len(served.decisions()) == before
    expect(page.locator(".keys-hint")).to_contain_text("éteintes")


def test_a_confirmation_holds_the_codes_that_were_shown(served: Served, browser: Browser) -> None:
    page = served.open(browser, "chantal")
    shown = page.locator(".coded li.on").count()
    with page.expect_response("**/decider"):
        page.click("text=Valider le passage")
    last = served.decisions().iloc[-1]
    assert last["action"] == "confirm_unit" and len(json.loads(last["value"])) == shown


def test_a_reader_sees_no_button(served: Served, browser: Browser) -> None:
    page = served.open(browser, "denis")
    expect(page.locator(".said")).to_be_visible()
    expect(page.locator(".codes button")).to_have_count(0)
