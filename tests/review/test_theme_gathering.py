"""Many passages and several themes at once: ranges, dragging, a theme made of passages without any, merging several, reading by keys."""

from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, expect

from pipeline.decisions.themes import SplitTheme, split_id
from pipeline.review.theme_list import ThemeListing, signed_first
from pipeline.review.theme_page import ThemeSummary
from support.review_client import client, token, without_no_break
from support.review_server import Served


def summary(
    label: str, rank: int | None, n_tables: int, n_units: int, **rest: object
) -> ThemeSummary:
    made = {
        "theme_id": label, "label": label, "statement": "", "awaits_name": False, "proposals": (),
        "description": "", "kind": "besoin", "is_signed_off": False, "n_units": n_units,
        "n_tables": n_tables, "n_tables_high": n_tables, "n_workshops": 1, "stability": "",
        "family_id": None, "flags": (), "rank": {"rank": rank} if rank else None,
    }  # fmt: skip
    return made | rest


THEMES = [
    summary("Le logement", 2, 5, 9, statement="Se loger coûte trop cher."),
    summary("Les déplacements", 1, 4, 20, is_signed_off=True),
    summary("L’eau", None, 7, 7, flags=(("fourre-tout", "Thème large."),)),
    summary("Écoles", 3, 4, 6, awaits_name=True),
]


@pytest.mark.parametrize(
    ("address", "labels"),
    [
        ("", ["Les déplacements", "Le logement", "L’eau", "Écoles"]),
        ("tri=rang", ["Les déplacements", "Le logement", "Écoles", "L’eau"]),
        ("tri=tables", ["L’eau", "Le logement", "Écoles", "Les déplacements"]),
        ("tri=nom", ["Écoles", "L’eau", "Le logement", "Les déplacements"]),
        ("etat=valides", ["Les déplacements"]),
        ("etat=a-regarder", ["L’eau", "Écoles"]),
        ("mots=COUTE", ["Le logement"]),
        ("etat=a-valider&mots=ecoles", ["Écoles"]),
        ("tri=jamais&etat=perdu", ["Les déplacements", "Le logement", "L’eau", "Écoles"]),
    ],
)
def test_themes_are_sorted_and_filtered_as_the_address_says(
    address: str, labels: list[str]
) -> None:
    assert [
        theme["label"] for theme in ThemeListing.read(dict(parse_qsl(address))).of(THEMES)
    ] == labels


def test_progress_is_of_the_first_themes_by_rank() -> None:
    many = [summary(f"t{n}", n, 1, 1, is_signed_off=n in (1, 9, 11)) for n in range(1, 13)]
    assert signed_first(many) == (2, 10)
    assert signed_first(THEMES) == (1, 3)


class Words:
    """Names of a sentence, as they are."""

    def say(self, sentence: str, **words: str) -> str:
        return sentence.format(**words)

    def __getattr__(self, name: str) -> object:
        return str


@pytest.mark.parametrize(
    ("theme_id", "sentence"),
    [("cars", "sépare 2 passages de cars"), (None, "fait un thème de 2 passages")],
)
def test_a_theme_made_of_passages_without_theme_is_told_as_such(
    theme_id: str | None, sentence: str
) -> None:
    assert SplitTheme(theme_id, ("a", "b")).sentence(Words()) == sentence  # type: ignore[arg-type]


def by_size(served: Served) -> list[str]:
    themes = served.study.read_machine_table("themes")
    return list(themes.sort_values(["n_units", "theme_id"], ascending=[False, True])["theme_id"])


@pytest.mark.browser
@pytest.mark.slow
def test_a_range_of_passages_without_theme_becomes_a_theme(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "themes/sans-theme")
    boxes = page.locator("tbody [name=passage]")
    chosen = [str(boxes.nth(place).get_attribute("value")) for place in range(3)]
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator(".n-checked")).to_have_text("(3)")
    page.fill("#nom-nouveau", "Ce qui ne rentrait nulle part")
    page.get_by_role("button", name="En faire un thème").click()
    expect(page.locator("#annonce")).to_contain_text("fait un thème de 3 passages")
    page.goto(served.url(f"themes/{split_id(chosen)}"))
    expect(page.locator("h1")).to_have_text("Ce qui ne rentrait nulle part")
    expect(page.locator("#membres")).to_have_text("Ses 3 passages")
    page.locator(".every").check()
    expect(page.locator(".n-checked")).to_have_text("(3)")


@pytest.mark.browser
@pytest.mark.slow
def test_a_row_dragged_onto_a_theme_moves_there(served: Served, browser: Browser) -> None:
    theme, other = by_size(served)[:2]
    page = served.open(browser, "alix", f"themes/{theme}")
    row = page.locator(".members tbody tr").first
    unit_id = row.locator("[name=passage]").get_attribute("value")
    row.hover()
    page.mouse.down()
    page.mouse.move(400, 300, steps=4)
    target = page.locator(f".targets [data-into='{other}']")
    target.hover()
    target.hover()
    page.mouse.up()
    expect(page.locator("#annonce")).to_contain_text("C’est enregistré")
    last = served.decisions().iloc[-1]
    assert (last["action"], last["unit_id"], last["value"]) == ("move_unit", unit_id, other)


@pytest.mark.slow
def test_a_family_is_made_of_several_themes_and_undone_at_once(served: Served) -> None:
    session, ids = client(served, "bilal"), by_size(served)[:2]
    asked = session.get("/themes/reunir", params={"theme": ids}).text
    assert "Mettre ces 2 thèmes dans la famille" in asked
    data = {"geste": "famille", "theme": ids, "nom": "Vivre ici", "famille": ""}
    told = session.post("/themes/decider", data=data | {"csrfmiddlewaretoken": token(session)})
    assert told.status_code == 302
    made = served.decisions().tail(3)
    assert made["action"].tolist() == ["make_family", "move_theme", "move_theme"]
    page = session.get("/themes").text
    assert "famille faite par bilal" in page
    assert "fait la famille « Vivre ici », de 2 thèmes" in without_no_break(page)
    numbers = ",".join(map(str, made["decision_id"]))
    assert f'value="{numbers}"' in page
    data = {"decisions": numbers, "csrfmiddlewaretoken": token(session)}
    session.post("/themes/annuler", data=data)
    assert "famille faite par bilal" not in session.get("/themes").text


@pytest.mark.browser
@pytest.mark.slow
def test_several_themes_are_seen_as_one_then_merged_and_taken_back(
    served: Served, browser: Browser
) -> None:
    ids = by_size(served)[-3:]
    page = served.open(browser, "alix", "themes")
    button = page.get_by_role("button", name="Réunir les thèmes cochés")
    expect(button).to_be_disabled()
    for theme_id in ids[:2]:
        page.locator(f"[name=theme][value='{theme_id}']").check()
    button.click()
    page.locator(".near-themes [name=theme]").first.check()
    n_chosen = page.locator("#choix [name=theme]:checked").count()
    page.locator(f"[name=reste][value='{ids[1]}']").check()
    page.get_by_role("button", name="Voir ce que cela donne").click()
    expect(page.locator(".outcome")).to_contain_text("Ensemble, sous le nom")
    page.get_by_role("button", name=f"Réunir ces {n_chosen} thèmes").click()
    expect(page.locator("#annonce")).to_contain_text("C’est enregistré")
    merged = served.decisions().tail(n_chosen - 1)
    assert set(merged["action"]) == {"merge_theme"} and set(merged["value"]) == {ids[1]}
    page.goto(served.url("themes"))
    page.locator(".deeds button", has_text="Annuler").first.click()
    expect(page.locator("#annonce")).to_contain_text("Annulé")


@pytest.mark.browser
@pytest.mark.slow
def test_a_theme_is_read_by_keys_and_all_that_follows_is_refused(
    served: Served, browser: Browser
) -> None:
    theme = by_size(served)[2]
    page = served.open(browser, "bilal", f"themes/{theme}?lire=probabilite")
    groups = page.locator(".surest [role=radiogroup]")
    groups.nth(0).locator("[value=oui]").focus()
    page.keyboard.press("o")
    page.keyboard.press("n")
    expect(groups.nth(0).locator("[value=oui]")).to_be_checked()
    expect(groups.nth(1).locator("[value=non]")).to_be_checked()
    expect(groups.nth(2).locator("[type=radio]").first).to_be_focused()
    page.locator(".surest .rest").nth(1).click()
    n = groups.count()
    expect(page.locator(".surest [value=non]:checked")).to_have_count(n - 1)
    page.get_by_role("button", name="Garder ma lecture").click()
    expect(page.locator("#annonce")).to_contain_text("C’est enregistré")
    decisions = served.decisions().tail(n)
    assert (decisions["value"].fillna("") == theme).sum() == 1
