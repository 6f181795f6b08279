"""Agreement in a real browser: figures, the passages in disagreement, who sees which, and arbitration."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from support.accessible import faults
from support.decisions import confirmation
from support.review_server import Served

ON_BOTH_DATABASES = True

pytestmark = pytest.mark.browser
LIST = "accord/desaccords?premier=alix&second=bilal&axe={axis}&code={code}"
OFFER, NEEDS, HARD, ASKED = (
    ("rubrique", "offre"),
    ("rubrique", "enjeux.social"),
    ("posture", "difficulte"),
    ("posture", "demande"),
)
N_ALIKE = 32


@pytest.fixture(scope="module", autouse=True)
def coded(served: Served) -> list[str]:
    """Passages in reading order: alix and bilal agree on the first 32, differ on the three after; chantal coded none of them."""
    units = (
        served.study.read_table("units")
        .sort_values(["workshop_id", "document_id", "unit_order"])["unit_id"]
        .head(N_ALIKE + 4)
    )
    said = [
        (who, unit_id, [OFFER if n % 2 else NEEDS, HARD])
        for n, unit_id in enumerate(units[:N_ALIKE])
        for who in ("alix", "bilal")
    ]
    rubrique, both, posture, of_bilal = units[N_ALIKE:]
    said += [("alix", rubrique, [OFFER, HARD]), ("bilal", rubrique, [HARD])]
    said += [("alix", both, [OFFER, HARD]), ("bilal", both, [NEEDS, HARD])]
    said += [("alix", posture, [OFFER, HARD]), ("bilal", posture, [OFFER, ASKED])]
    said += [
        ("bilal", of_bilal, [OFFER]),
        ("erik", of_bilal, [NEEDS]),
    ]  # alix has not seen this one
    decided = [
        {"author": who, "action": "confirm_unit", "unit_id": unit, "value": confirmation(codes)}
        for who, unit, codes in said
    ]
    served.study.decisions.append_all(decided)
    return list(units)


def listed(page: Page) -> list[str]:
    page.wait_for_load_state()  # a page that came by a click may be there in part
    return [str(found.get_attribute("data-unit")) for found in page.locator(".apart").all()]


def test_figures_say_what_they_rest_on_and_what_they_allow(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "denis", "accord")
    row = page.locator(".agreement tr", has_text="alix et bilal").filter(has_text="Rubriques")
    expect(row).to_contain_text("d’accord 33 fois sur 36")
    expect(row).to_contain_text("35 passages communs")
    posture = page.locator(".agreement tr", has_text="alix et bilal").filter(has_text="Postures")
    expect(posture).to_contain_text("d’accord 34 fois sur 35")
    measure = row.get_by_text("0,96 (")
    expect(measure).to_be_hidden()
    row.locator("summary").click()
    expect(measure).to_be_visible()
    expect(row).to_contain_text("35 et 34, dont 33 ensemble")
    few = page.locator(".agreement tr", has_text="bilal et erik").filter(has_text="Rubriques")
    expect(few).to_contain_text("Trop peu de passages pour conclure : 1")
    expect(page.locator(".agreement tr", has_text="alix et la machine").first).to_be_visible()
    page.select_option("[name=avec]", "erik")
    page.click("text=Filtrer")
    expect(page.locator(".agreement tbody tr", has_text="alix et bilal")).to_have_count(0)
    page.goto(served.url("accord"))
    page.get_by_role("link", name="alix et bilal", exact=True).first.click()
    code = page.locator(".agreement tr", has_text="Offre de biens et services")
    expect(code).to_contain_text("dont 17 ensemble")


@pytest.mark.slow
def test_only_passages_that_one_has_judged_are_shown(
    served: Served, browser: Browser, coded: list[str]
) -> None:
    theirs = "accord/desaccords?premier=bilal&second=erik&axe=rubrique&code=tous"
    page = served.open(browser, "alix", theirs)
    assert listed(page) == []
    expect(page.locator("main")).to_contain_text("1 autre vous reste caché")
    assert listed(served.open(browser, "chantal", theirs)) == [coded[-1]]  # administrators see all
    assert listed(served.open(browser, "denis", LIST.format(axis="rubrique", code="tous"))) == []
    page = served.open(browser, "alix", LIST.format(axis="rubrique", code="tous"))
    assert listed(page) == [coded[N_ALIKE], coded[N_ALIKE + 1]]
    expect(page.locator(".apart").first).to_contain_text("aucune étiquette de cet axe")
    page.locator(".apart .said a").first.click()
    expect(page.locator(".said")).to_have_attribute("data-unit", coded[N_ALIKE])


def test_nobody_settles_what_one_has_not_judged(
    served: Served, browser: Browser, coded: list[str]
) -> None:
    page = served.open(browser, "alix", LIST.format(axis="rubrique", code="tous"))
    form = {
        "premier": "bilal",
        "second": "erik",
        "axe": "rubrique",
        "code": "tous",
        "geste": "mettre=offre",
        "why": "x",
    }
    form["csrfmiddlewaretoken"] = str(
        page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value")
    )
    before = len(served.decisions())
    address = served.url(f"accord/desaccords/{coded[-1]}/arbitrer")
    assert page.request.post(address, form=form, headers={"Referer": served.address}).status == 403
    assert len(served.decisions()) == before


def test_a_code_is_settled_by_key_leaves_the_list_and_comes_back_when_undone(
    served: Served, browser: Browser, coded: list[str]
) -> None:
    page = served.open(browser, "alix", LIST.format(axis="rubrique", code="offre"))
    unit_id, apart = coded[N_ALIKE], page.locator(f"[data-unit='{coded[N_ALIKE]}']")
    near = apart.locator(".near")
    assert 1 <= near.count() <= 2 and near.first.inner_text()
    expect(apart).to_have_class(re.compile("lit"))
    page.keyboard.press("j")
    expect(apart).not_to_have_class(re.compile("lit"))
    page.keyboard.press("k")
    page.keyboard.press("m")
    page.keyboard.type("une activité est bien citée 1 2")
    page.keyboard.press("Escape")
    page.keyboard.press("1")  # as alix coded it
    expect(page.locator("#annonce")).to_contain_text("Désaccord arbitré")
    assert unit_id not in listed(page)
    row = served.decisions().iloc[-1]
    assert (row["author"], row["unit_id"], row["code"], row["why"]) == (
        "alix",
        unit_id,
        "offre",
        "une activité est bien citée 1 2",
    )
    assert row["action"] in ("accept_tag", "add_tag") and json.loads(row["value"]) == {
        "arbitrates": ["alix", "bilal"]
    }
    page.goto(served.url("journal"))
    told = page.locator(f"#d{row['decision_id']}")
    expect(told).to_contain_text("arbitre entre alix et bilal : ")
    expect(told).to_contain_text("une activité est bien citée")
    page.goto(served.url(LIST.format(axis="rubrique", code="offre") + "&etat=tous"))
    expect(page.locator(f"[data-unit='{unit_id}']")).to_contain_text("arbitré par alix")
    page.goto(served.url("accord"))
    whole = page.locator(".agreement tr", has_text="alix et bilal").filter(has_text="Rubriques")
    expect(whole).to_contain_text("0,96 (")  # measured before arbitration
    page.goto(served.url("journal"))
    told.get_by_role("button").click()
    page.goto(served.url(LIST.format(axis="rubrique", code="offre")))
    assert unit_id in listed(page)


def test_one_posture_is_kept_of_two(served: Served, browser: Browser, coded: list[str]) -> None:
    page = served.open(browser, "chantal", LIST.format(axis="posture", code="demande"))
    apart = page.locator(f"[data-unit='{coded[N_ALIKE + 2]}']")
    expect(apart.locator("[data-choice='2']")).to_contain_text("Retenir « Besoin ou demande »")
    page.keyboard.press("2")  # as bilal; no reason is needed
    expect(page.locator("main")).to_contain_text("Plus rien à arbitrer ici")
    row = served.decisions().iloc[-1]
    assert (row["author"], row["axis"], row["code"]) == ("chantal", "posture", "demande") and row[
        "action"
    ] != "reject_tag"
    page.goto(served.url(LIST.format(axis="posture", code="difficulte")))
    assert listed(page) == []


@pytest.mark.slow
def test_one_of_two_is_followed_on_all_codes_and_the_second_to_settle_is_told(
    served: Served, browser: Browser, coded: list[str]
) -> None:
    unit_id, path = coded[N_ALIKE + 1], LIST.format(axis="rubrique", code="tous")
    late = served.open(browser, "chantal", path)
    page = served.open(browser, "bilal", path)
    apart = page.locator(f"[data-unit='{unit_id}']")
    apart.get_by_role("button", name="Suivre alix").click()
    expect(page.locator("#annonce")).to_contain_text("Désaccord arbitré")
    rows = served.decisions().tail(2)
    assert {(row.code, row.action == "reject_tag") for row in rows.itertuples()} == {
        ("offre", False),
        ("enjeux.social", True),
    }
    before = len(served.decisions())
    apart = late.locator(f"[data-unit='{unit_id}']")
    apart.get_by_role("button", name="Suivre bilal").click()
    expect(late.locator("#annonce")).to_contain_text("bilal a déjà arbitré ce désaccord")
    assert len(served.decisions()) == before


def test_machine_and_people_are_compared_without_arbitration(
    served: Served, browser: Browser
) -> None:
    page = served.open(
        browser, "alix", "accord/desaccords?premier=alix&second=machine&axe=rubrique&code=tous"
    )
    expect(page.locator("h1")).to_have_text("Désaccords de alix et la machine")
    assert listed(page)
    expect(page.locator(".apart form")).to_have_count(0)
    assert (
        page.request.get(
            served.url("accord/desaccords?premier=alix&second=personne&axe=rubrique")
        ).status
        == 404
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "accord",
        "accord?premier=alix&second=bilal",
        LIST.format(axis="rubrique", code="tous"),
        LIST.format(axis="posture", code="tous"),
    ],
)
@pytest.mark.parametrize("width", [1400, pytest.param(390, marks=pytest.mark.slow)])
def test_pages_are_accessible_and_fit(
    served: Served, browser: Browser, path: str, width: int
) -> None:
    page = served.open(browser, "chantal", path, viewport={"width": width, "height": 900})
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
