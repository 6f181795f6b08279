"""Signing a theme off in a real browser: read in the order proposed, by keyboard alone, and nothing said is lost."""

import json

import pytest
from playwright.sync_api import Browser, Page, expect

from support.accessible import faults
from support.review_server import Served

ON_BOTH_DATABASES = True

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _theme(served: Served, place: int) -> str:
    """A theme by its number of tables, the most first."""
    themes = served.study.read_machine_table("themes")
    order = themes.sort_values(["n_tables_high", "theme_id"], ascending=[False, True])
    return str(order["theme_id"].iloc[place])


def _circles(page: Page) -> int:
    page.wait_for_load_state()  # a page that came by a click may be there in part
    return page.locator(".circles > li").count()


def _answer_all(page: Page, choice: str) -> None:
    for index in range(_circles(page)):
        page.locator(".circles > li").nth(index).locator(f"[value={choice}]").first.check()


def test_a_sign_off_before_the_end_loses_nothing(served: Served, browser: Browser) -> None:
    page, before = (
        served.open(browser, "alix", f"themes/{_theme(served, 0)}"),
        len(served.decisions()),
    )
    page.fill("#titre", "Mon titre")
    page.fill("#enonce", "Ma phrase.")
    page.locator(".circles [value=oui]").first.check()
    expect(page.locator("#reste")).to_contain_text("compté : 1 table")
    page.get_by_role("button", name="Valider le thème").click()
    expect(page.locator("#annonce")).to_contain_text("Encore")
    assert (page.input_value("#titre"), page.input_value("#enonce")) == ("Mon titre", "Ma phrase.")
    expect(page.locator(".circles [value=oui]").first).to_be_checked()
    assert len(served.decisions()) == before


def test_a_refused_passage_shows_the_next_of_its_table(served: Served, browser: Browser) -> None:
    for n in range(6):  # the first theme that a table speaks of twice
        page = served.open(browser, "alix", f"themes/{_theme(served, n)}")
        circles = page.locator(".circles > li", has=page.locator("ol > li:nth-child(2)"))
        if circles.count():
            break
    passages = circles.first.locator("ol > li")
    expect(passages.nth(0)).to_be_visible()
    expect(passages.nth(1)).to_be_hidden()
    passages.nth(0).get_by_label("écarter").check()
    expect(passages.nth(1)).to_be_visible()
    passages.nth(0).get_by_label("accepter").check()
    expect(passages.nth(1)).to_be_hidden()


def test_a_theme_is_read_and_signed_off_by_keyboard_alone(served: Served, browser: Browser) -> None:
    theme_id, before = _theme(served, 1), len(served.decisions())
    page = served.open(browser, "alix", f"themes/{theme_id}")
    n_circles = _circles(page)
    page.focus("#titre")
    page.keyboard.press("Control+A")
    page.keyboard.type("Une trésorerie à sec")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("Les subventions arrivent trop tard.")
    for _circle in range(n_circles):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
    expect(page.locator("#reste")).to_contain_text("Tout est décidé")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#relecture")).to_have_text("Thème validé")
    expect(page.locator("h1")).to_have_text("Une trésorerie à sec")
    expect(page.locator(".statement")).to_have_text("Les subventions arrivent trop tard.")
    expect(page.locator("p.counts")).not_to_contain_text(" à ")
    assert faults(page) == []
    row = served.decisions().iloc[-1]
    assert (len(served.decisions()), row["action"]) == (before + 1, "sign_off_theme")
    assert len(json.loads(row["value"])["accepted"]) == n_circles
    expect(page.locator(".deeds")).to_contain_text("valide « Une trésorerie à sec »")
    page.goto(served.url("journal"))
    expect(page.locator("main")).to_contain_text("aucun écarté")
    page.goto(served.url(f"themes/{theme_id}"))
    page.locator(".deeds li", has_text="valide").get_by_role("button", name="Annuler").click()
    expect(page.locator("#relecture")).to_have_text("Valider le thème")


def test_a_reading_is_kept_and_taken_up_again(served: Served, browser: Browser) -> None:
    theme_id, before = _theme(served, 2), len(served.decisions())
    page = served.open(browser, "alix", f"themes/{theme_id}")
    n_circles = _circles(page)
    for index in (0, 1):
        page.locator(".circles > li").nth(index).locator("[value=oui]").first.check()
    page.get_by_role("button", name="Garder ma lecture").click()
    expect(page.locator("#annonce")).to_contain_text("2 passages lus")
    assert served.decisions()["action"].iloc[before:].tolist() == ["move_unit"] * 2
    expect(page.locator("details .circles > li")).to_have_count(2)
    page.locator("summary", has_text="Déjà lu").click()
    _answer_all(page, "oui")
    page.get_by_role("button", name="Valider le thème").click()
    expect(page.locator("#relecture")).to_have_text("Thème validé")
    value = json.loads(served.decisions().iloc[-1]["value"])
    assert (len(value["accepted"]), value["refused"]) == (n_circles, [])


def test_a_theme_of_which_nothing_is_accepted_is_not_signed_off(
    served: Served, browser: Browser
) -> None:
    page, before = (
        served.open(browser, "alix", f"themes/{_theme(served, 3)}"),
        len(served.decisions()),
    )
    for box in page.locator(".circles [value=non]").all():
        box.check()
    page.get_by_role("button", name="Valider le thème").click()
    expect(page.locator("#annonce")).to_contain_text("Aucun passage n’est accepté")
    assert len(served.decisions()) == before


def test_who_only_reads_is_not_asked(served: Served, browser: Browser) -> None:
    page = served.open(browser, "denis", f"themes/{_theme(served, 0)}")
    expect(page.locator("#relecture")).to_have_count(0)
