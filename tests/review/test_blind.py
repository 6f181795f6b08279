"""Coding without seeing the machine, and passages drawn for two: what is drawn, hidden from whom and until when."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from pipeline.decisions import read_decision
from pipeline.decisions.coding import coding_task, draw_passages
from pipeline.decisions.tags import ConfirmUnit, RejectTag, TagDecision
from pipeline.grid import load_grid
from pipeline.review.agreement import Codings
from pipeline.review.blind import SHOWS_MACHINE, SHOWS_NO_MACHINE, is_hidden, unclassified
from support.review_client import client, token
from support.review_pages import every_address
from support.review_server import Served

WORKSHOPS = {"a": [f"a{n}" for n in range(80)], "b": [f"b{n}" for n in range(15)], "c": ["c0"]}


@pytest.mark.parametrize(
    ("n", "by_workshop"),
    [(30, (25, 4, 1)), (3, (2, 1, 0)), (96, (80, 15, 1)), (500, (80, 15, 1)), (1, (1, 0, 0))],
)
def test_a_draw_is_spread_over_workshops(n: int, by_workshop: tuple[int, int, int]) -> None:
    drawn = draw_passages(WORKSHOPS, n)
    assert tuple(sum(name[0] == each for name in drawn) for each in WORKSHOPS) == by_workshop
    assert len(drawn) == len(set(drawn)) == min(n, 96)


def test_a_draw_is_the_same_whatever_the_order_and_not_the_first_passages() -> None:
    mixed = {name: list(reversed(unit_ids)) for name, unit_ids in WORKSHOPS.items()}
    assert draw_passages(mixed, 30) == draw_passages(WORKSHOPS, 30)
    assert set(draw_passages(WORKSHOPS, 30)) != {*WORKSHOPS["a"][:25], *WORKSHOPS["b"][:4], "c0"}
    assert draw_passages({}, 30) == draw_passages({"a": []}, 30) == []


def _sample(number: int, *coders: str, is_blind: bool) -> dict[str, Any]:
    content = {"coders": coders, "unit_ids": ["u1", "u2"], "is_blind": is_blind}
    return {"decision_id": number, "action": "draw_sample", "value": json.dumps(content)}


def _sight(number: int, action: str, coder: str) -> dict[str, Any]:
    return {"decision_id": number, "action": action, "value": coder}


@pytest.mark.parametrize(
    ("rows", "since_u1", "since_u3"),
    [
        ([], 0, 0),
        ([_sight(4, "hide_machine", "alix")], 4, 4),
        ([_sight(4, "hide_machine", "bilal")], 0, 0),
        ([_sight(4, "hide_machine", "alix"), _sight(6, "show_machine", "alix")], 0, 0),
        ([_sight(4, "hide_machine", "alix"), _sight(6, "hide_machine", "alix")], 4, 4),
        ([_sample(5, "alix", "bilal", is_blind=True)], 5, 0),
        ([_sample(5, "alix", "bilal", is_blind=False)], 0, 0),
        ([_sample(5, "bilal", "erik", is_blind=True)], 0, 0),
        ([_sample(5, "alix", is_blind=True), _sight(6, "hide_machine", "alix")], 5, 6),
        ([{"decision_id": 7, "action": "draw_sample", "value": "30"}], 0, 0),
    ],
)
def test_what_is_hidden_from_whom(rows: list[dict[str, Any]], since_u1: int, since_u3: int) -> None:
    task = coding_task("alix", [read_decision(row) for row in rows])
    assert (task.since("u1"), task.since("u3")) == (since_u1, since_u3)


@pytest.mark.parametrize(
    ("own", "hidden"),
    [
        ([], True),
        ([RejectTag("u1", "rubrique", "offre", decision_id=9)], True),  # begun, not validated
        ([RejectTag("u1", "rubrique", "offre", decision_id=3)], False),  # it was seen already
        ([ConfirmUnit("u1", (), decision_id=9)], False),
    ],
)
def test_the_machine_shows_once_validated(own: list[ConfirmUnit | RejectTag], hidden: bool) -> None:
    task = coding_task("alix", [read_decision(_sight(4, "hide_machine", "alix"))])
    assert is_hidden(task, "u1", own) == hidden
    assert not is_hidden(coding_task("bilal", []), "u1", own)


@pytest.mark.browser
@pytest.mark.slow
def test_a_draw_is_coded_blind_by_both_then_the_machine_shows(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "accord")
    page.fill(".draw-form [name=n]", "6")
    page.select_option("[name=second]", "bilal")
    page.locator(".draw-form button").click()
    expect(page.locator("#annonce")).to_contain_text("6 passages sont tirés pour alix et bilal")
    row = served.decisions().iloc[-1]
    content = json.loads(row["value"])
    assert row["action"] == "draw_sample" and content["is_blind"]
    workshops = dict(served.study.read_table("units")[["unit_id", "workshop_id"]].itertuples(index=False))  # fmt: skip
    assert len({workshops[name] for name in content["unit_ids"]}) == len(set(workshops.values()))
    page.click("text=Coder les miens")
    expect(page.locator("main")).to_contain_text(re.compile("6 passages"))
    unit_id = str(page.locator(".said").first.get_attribute("data-unit"))
    assert unit_id in content["unit_ids"]
    tags = served.study.read_machine_table("tags")
    put = tags[(tags["unit_id"] == unit_id) & tags["is_assigned"]]["code"].tolist()
    assert put  # what must not show
    labels = [served.study.grid.label_of(code) for code in put]
    expect(page.locator(".coded li")).to_have_count(0)
    expect(page.locator(".said mark")).to_have_count(0)
    assert "/themes/" not in page.locator("#poste").inner_html()
    expect(page.locator("#lecture .here .stripe")).to_have_count(0)
    expect(page.locator("#poste")).to_contain_text("vous codez sans voir la machine")
    page.wait_for_load_state()  # a key pressed before the scripts are there is lost
    page.keyboard.press("v")  # nothing put: no code at all
    expect(page.locator(".said").first).not_to_have_attribute("data-unit", unit_id)
    row = served.decisions().iloc[-1]
    assert (row["action"], row["unit_id"], row["value"]) == ("confirm_unit", unit_id, "[]")
    page.goto(served.url(f"passages?etat=tous&passage={unit_id}"))
    expect(page.locator(".coded", has_text=labels[0])).to_be_visible()  # the machine shows now
    other = served.open(browser, "bilal", f"passages?etat=tires&passage={unit_id}")
    expect(other.locator(".coded li")).to_have_count(0)
    expect(other.locator(".others")).to_have_count(0)
    page.goto(served.url("accord"))
    expect(page.locator(".draws")).to_contain_text("1 sur 6")
    page.click("text=Annuler ce tirage")
    expect(page.locator(".draws")).to_have_count(0)
    other.goto(served.url(f"passages?etat=tous&passage={unit_id}"))
    expect(other.locator(".coded li").first).to_be_visible()


@pytest.mark.browser
@pytest.mark.slow
def test_a_coder_hides_the_machine_from_themself_and_an_administrator_from_anybody(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "bilal", "accord")
    expect(page.locator(".sights button")).to_have_count(1)
    page.get_by_role("button", name="La cacher à bilal").click()
    expect(page.locator("#annonce")).to_contain_text("bilal code désormais sans voir")
    page.goto(served.url("passages?etat=tous"))
    expect(page.locator(".coded li")).to_have_count(0)
    page.goto(served.url("passages/liste?etat=tous"))
    expect(page.locator("td .chip")).to_have_count(0)
    assert set(page.locator("tbody.found td:last-child").all_inner_texts()) == {""}, "no doubt"
    exported = page.request.get(served.url("passages/export.csv?etat=tous")).text()
    themes = served.study.read_machine_table("themes")["label"]
    assert not any(f";{label};" in exported for label in themes)
    page.goto(served.url("journal"))
    expect(page.locator("main")).to_contain_text("cache à bilal ce que la machine propose")
    administrator = served.open(browser, "chantal", "accord")
    administrator.get_by_role("button", name="La montrer à bilal").click()
    expect(administrator.locator("#annonce")).to_contain_text("bilal voit de nouveau")
    page.goto(served.url("passages?etat=tous"))
    expect(page.locator(".coded li").first).to_be_visible()
    served.open(browser, "denis", "accord").locator(".sights").wait_for()
    form = {"codeur": "alix", "geste": "cacher"}
    form["csrfmiddlewaretoken"] = str(page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value"))  # fmt: skip
    headers = {"Referer": served.address}
    assert page.request.post(served.url("accord/machine"), form=form, headers=headers).status == 403


def test_an_address_that_nobody_classified_is_told() -> None:
    assert unclassified(["home", "theme", "nouvelle_page"]) == {"nouvelle_page"}
    assert not SHOWS_MACHINE & SHOWS_NO_MACHINE


def _set_sight(session: httpx.Client, name: str, command: str) -> None:
    data = {"codeur": name, "geste": command, "csrfmiddlewaretoken": token(session)}
    assert session.post("/accord/machine", data=data).status_code == 302


@pytest.mark.slow
def test_no_address_shows_the_themes_to_who_codes_without_the_machine(served: Served) -> None:
    addresses = every_address(served)
    themes = served.study.read_machine_table("themes")
    told = set(themes["theme_id"]) | set(themes["statement"].dropna())
    session = client(served, "chantal")
    _set_sight(session, "chantal", "cacher")
    for name, path in addresses.items():
        if name == "logout":
            continue
        answer = session.get(path)
        text = answer.text
        is_closed = answer.status_code == 403 and "une fois votre codage terminé" in text
        assert is_closed == (name in SHOWS_MACHINE), path
        assert not [words for words in told if words in text and words not in path], path
    theme_id = themes["theme_id"].min()
    for query in (
        f"theme={theme_id}",
        f"sans-theme={theme_id}",
        "zone=0.0_9.0_9.9",
        "etat=non-signes",
    ):
        for path in ("/passages", "/passages/liste", "/passages/export.csv", "/recherche"):
            assert session.get(f"{path}?{query}").status_code == 403, (path, query)
    _set_sight(session, "chantal", "montrer")
    assert session.get(addresses["theme"]).status_code == 200


HARD, ASKED, OFFER, NEEDS = (
    ("posture", "difficulte"),
    ("posture", "demande"),
    ("rubrique", "offre"),
    ("rubrique", "enjeux.social"),
)


@pytest.mark.parametrize(
    ("alix", "bilal", "agreed"),
    [
        ([OFFER, HARD], [OFFER, HARD], {"Rubriques": (1, 1), "Postures": (1, 1)}),
        ([OFFER, HARD], [NEEDS, ASKED], {"Rubriques": (0, 2), "Postures": (0, 1)}),
        ([OFFER, NEEDS], [OFFER], {"Rubriques": (1, 2)}),
        ([], [], {}),
    ],
)
def test_how_often_two_agree_on_a_draw(
    alix: list[tuple[str, str]], bilal: list[tuple[str, str]], agreed: dict[str, tuple[int, int]]
) -> None:
    decisions: list[TagDecision] = [
        ConfirmUnit("u1", tuple(alix), author="alix", decision_id=1),
        ConfirmUnit("u1", tuple(bilal), author="bilal", decision_id=2),
        ConfirmUnit("u2", (OFFER,), author="alix", decision_id=3),  # not coded by both
    ]
    grid = load_grid(Path(__file__).parents[2] / "data/grid/grille-ateliers-territoires.yaml")
    codings = Codings.of(decisions, ["u1", "u2", "u3"], {}, grid, {})
    n, axes = codings.agreed_on(["u1", "u2"], "alix", "bilal")
    assert (n, {label: (k, of) for label, k, of in axes}) == (1, agreed)
