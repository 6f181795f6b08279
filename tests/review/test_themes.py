"""Themes in a real browser: what is decided on them shows at once, is in the journal, and can be taken back."""

import json
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.decisions.themes import split_id
from pipeline.study import Study
from pipeline.tables.results import MERGE_PROPOSALS, THEME_FLAGS, THEME_PROPOSALS
from support.accessible import faults
from support.review_server import Served, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    """The example study with proposals of the machine and of a language model; each test takes themes of its own, by size."""
    study = new_study()
    _propose(study, _themes(study))
    with serving(study) as server:
        yield server


def _propose(study: Study, themes: list[str]) -> None:
    nearby = {
        "theme_id": themes[10],
        "other_theme_id": themes[11],
        "cosine": 0.9,
        "overlap": 0.2,
        "sentence": "Peut-être un seul thème.",
    }
    study.write_table("merge_proposals", MERGE_PROPOSALS.build([nearby]))
    model = {"quotes": "[]", "model_version": "essai", "reason": None}
    words = [("nom", "Nom du modèle"), ("description", "Phrase du modèle.")]
    said = [
        {"theme_id": themes[12], "subject": subject, "value": value, **model}
        for subject, value in words
    ]
    merger = {
        **model,
        "theme_id": themes[14],
        "subject": "réunion",
        "value": themes[13],
        "reason": "Même sujet.",
    }
    study.write_table("theme_proposals", THEME_PROPOSALS.build([*said, merger]))
    flag = {
        "theme_id": themes[0],
        "flag": "fourre-tout",
        "cohesion": 0.3,
        "sentence": "Thème large : à relire.",
    }
    study.write_table("theme_flags", THEME_FLAGS.build([flag]))


def _themes(study: Study) -> list[str]:
    return list(study.read_machine_table("themes").sort_values("theme_id")["theme_id"])


def _label(study: Study, theme_id: str) -> str:
    return str(study.read_machine_table("themes").set_index("theme_id")["label"][theme_id])


def _members(study: Study, theme_id: str) -> list[str]:
    members = study.read_machine_table("theme_members")
    return list(members.loc[members["theme_id"] == theme_id, "unit_id"])


def _added(served: Served, before: int) -> pd.DataFrame:
    return served.decisions().iloc[before:]


def _opened(page: Page, summary: str) -> None:
    page.locator("summary", has_text=summary).first.click()


def test_the_listing_tells_what_to_look_at(served: Served, browser: Browser) -> None:
    page, theme = served.open(browser, "denis", "themes"), _themes(served.study)[0]
    families, themes = (
        served.study.read_table("theme_families"),
        served.study.read_table("themes").set_index("theme_id"),
    )
    has_others = int(themes["parent_id"].isna().any())
    expect(page.locator("section.family")).to_have_count(len(families) + has_others)
    expect(page.locator(".cards > li")).to_have_count(len(themes))
    card = page.locator(".cards > li", has=page.locator(f"a[href$='{theme}']"))
    row = themes.loc[theme]
    expect(card).to_contain_text(
        f"(entre {row['n_tables_low']} et {row['n_tables_high']}) · {row['n_workshops']} ateliers · {row['n_units']} passages"
    )
    expect(card).to_contain_text("fourre-tout")
    expect(card).to_contain_text("rang")
    expect(page.locator("main button", has_text="Renommer")).to_have_count(0)


def test_a_theme_is_renamed_and_described_and_that_is_undone(
    served: Served, browser: Browser
) -> None:
    theme, before = _themes(served.study)[0], len(served.decisions())
    page, label = served.open(browser, "alix", f"themes/{theme}"), _label(served.study, theme)
    page.fill("#nom", "L'emploi  des jeunes")
    page.click("text=Renommer")
    expect(page.locator("h1")).to_have_text("L’emploi des jeunes")
    expect(page.locator("#annonce")).to_contain_text("C’est enregistré")
    _opened(page, "Décrire")
    page.fill("#description", "Les jeunes partent : peu d'offres.")
    page.click("text=Enregistrer la description")
    expect(page.locator(".description")).to_have_text("Les jeunes partent : peu d’offres.")
    page.locator(".deeds li", has_text="renomme").get_by_role("button", name="Annuler").click()
    expect(page.locator("h1")).to_have_text(label.replace("'", "’"))
    added = _added(served, before)
    assert list(added["action"]) == ["rename_theme", "describe_theme", "undo"]
    assert (added["value"].iloc[0], added["theme_id"].iloc[0]) == ("L'emploi des jeunes", theme)
    assert added["value"].iloc[2] == str(added["decision_id"].iloc[0])


def test_a_theme_is_merged_into_another_whose_counts_grow(served: Served, browser: Browser) -> None:
    gone, left = _themes(served.study)[1:3]
    before, members = (
        len(served.decisions()),
        _members(served.study, gone) + _members(served.study, left),
    )
    page = served.open(browser, "alix", f"themes/{gone}")
    page.select_option("#autre", left)
    page.get_by_role("button", name="Réunir").click()
    expect(page.locator("h1")).to_have_text(_label(served.study, left).replace("'", "’"))
    expect(page.locator("#membres")).to_have_text(f"Ses {len(members)} passages")
    page.goto(served.url(f"themes/{gone}"))
    expect(page.locator("main")).to_contain_text("Ce thème n’est plus dans l’étude")
    page.get_by_role("button", name="Annuler").click()
    expect(page.locator("#membres")).to_have_text(
        f"Ses {len(_members(served.study, gone))} passages"
    )
    added = _added(served, before)
    assert list(added["action"]) == ["merge_theme", "undo"]
    assert (added["theme_id"].iloc[0], added["value"].iloc[0]) == (gone, left)


def test_a_theme_is_split_by_the_passages_ticked(served: Served, browser: Browser) -> None:
    theme, before = _themes(served.study)[3], len(served.decisions())
    page = served.open(browser, "alix", f"themes/{theme}")
    boxes = page.locator("[name=passage]")
    chosen = [boxes.nth(place).get_attribute("value") or "" for place in (0, 2)]
    boxes.nth(0).check()
    boxes.nth(2).check()
    page.fill("#nom-nouveau", "Une part")
    page.get_by_role("button", name="Séparer").click()
    expect(page.locator("#membres")).to_have_text(
        f"Ses {len(_members(served.study, theme)) - 2} passages"
    )
    page.click("#annonce a")
    expect(page.locator("h1")).to_have_text("Une part")
    expect(page.locator("#membres")).to_have_text("Ses 2 passages")
    split, named = _added(served, before).itertuples()
    assert (split.action, split.theme_id, json.loads(split.value)) == (
        "split_theme",
        theme,
        sorted(chosen),
    )
    assert (named.action, named.theme_id, named.value) == (
        "rename_theme",
        split_id(chosen),
        "Une part",
    )


def test_a_gesture_that_unsigns_a_theme_or_doubles_a_name_says_so(
    served: Served, browser: Browser
) -> None:
    theme, other = _themes(served.study)[17:19]
    members = _members(served.study, theme)
    value = {"title": "Signé", "statement": None, "accepted": members, "refused": []}
    served.study.decisions.append(
        author="alix", action="sign_off_theme", theme_id=theme, value=json.dumps(value)
    )
    page = served.open(browser, "alix", f"themes/{theme}/separer")
    expect(page.locator("main .message")).to_contain_text("Ce thème est validé")
    before = len(served.decisions())
    page.goto(served.url(f"themes/{theme}"))
    page.fill("#nom", _label(served.study, other).upper())
    page.click("text=Renommer")
    expect(page.locator("#annonce")).to_contain_text("Plusieurs thèmes s’appellent maintenant")
    page.goto(served.url("themes"))
    for theme_id in (theme, other):
        card = page.locator(".cards > li", has=page.locator(f"a[href$='{theme_id}']"))
        expect(card).to_contain_text("même nom")
    assert list(_added(served, before)["action"]) == ["rename_theme"]


def test_the_machine_proposes_two_halves_and_a_person_decides(
    served: Served, browser: Browser
) -> None:
    theme, before = _themes(served.study)[4], len(served.decisions())
    page = served.open(browser, "alix", f"themes/{theme}")
    _opened(page, "Séparer en deux")
    page.click("text=Voir deux moitiés")
    expect(page.locator("h1")).to_have_text("Séparer ce thème en deux")
    page.wait_for_load_state()  # all its passages
    ticked = [
        box.get_attribute("value") or "" for box in page.locator("[name=passage]:checked").all()
    ]
    members = _members(served.study, theme)
    assert 0 < len(ticked) <= len(members) / 2
    assert len(served.decisions()) == before
    page.locator(f"[value='{ticked[0]}']").uncheck()
    added_by_hand = next(name for name in members if name not in ticked)
    page.locator(f"[value='{added_by_hand}']").check()
    page.get_by_role("button", name="Séparer").click()
    expect(page.locator("#membres")).to_have_text(f"Ses {len(members) - len(ticked)} passages")
    (split,) = _added(served, before).itertuples()
    assert set(json.loads(split.value)) == {*ticked[1:], added_by_hand}


def test_passages_are_moved_set_aside_and_taken_back_together(
    served: Served, browser: Browser
) -> None:
    theme, other = _themes(served.study)[5:7]
    before, n = len(served.decisions()), len(_members(served.study, theme))
    page = served.open(browser, "alix", f"themes/{theme}")
    moved = [
        page.locator("[name=passage]").nth(place).get_attribute("value") for place in (0, 1, 2)
    ]
    for name in moved:
        page.locator(f"[name=passage][value='{name}']").check()
    page.select_option("#vers", other)
    page.get_by_role("button", name="Déplacer").click()
    expect(page.locator("#membres")).to_have_text(f"Ses {n - 3} passages")
    added = _added(served, before)
    assert (
        list(added["action"]) == ["move_unit"] * 3
        and list(added["unit_id"]) == moved
        and set(added["value"]) == {other}
    )
    page.locator(".deeds li", has_text="met 3 passages").get_by_role(
        "button", name="Annuler"
    ).click()
    expect(page.locator("#membres")).to_have_text(f"Ses {n} passages")
    assert list(_added(served, before)["action"]) == ["move_unit"] * 3 + ["undo"] * 3
    page.locator("[name=passage]").first.check()
    page.select_option("#vers", "-")
    page.get_by_role("button", name="Déplacer").click()
    expect(page.locator("#membres")).to_have_text(f"Ses {n - 1} passages")
    assert pd.isna(served.decisions()["value"].iloc[-1])


@pytest.mark.slow
def test_a_passage_without_theme_is_put_in_one(served: Served, browser: Browser) -> None:
    theme = _themes(served.study)[7]
    page = served.open(browser, "alix", "themes/sans-theme")
    box = page.locator("[name=passage]").first
    unit_id, n = box.get_attribute("value"), len(_members(served.study, theme))
    box.check()
    page.select_option("#vers", theme)
    page.get_by_role("button", name="Déplacer").click()
    expect(page.locator("#annonce")).to_contain_text("C’est enregistré")
    expect(page.locator(f"[name=passage][value='{unit_id}']")).to_have_count(0)
    last = served.decisions().iloc[-1]
    assert (last["action"], last["unit_id"], last["value"]) == ("move_unit", unit_id, theme)
    page.goto(served.url(f"themes/{theme}"))
    expect(page.locator("#membres")).to_have_text(f"Ses {n + 1} passages")


@pytest.mark.slow
def test_quotes_are_pinned_first_and_removed(served: Served, browser: Browser) -> None:
    theme, before = _themes(served.study)[8], len(served.decisions())
    page = served.open(browser, "alix", f"themes/{theme}")
    button = page.locator(".members button", has_text="Épingler").last
    unit_id = (button.get_attribute("value") or "").removeprefix("epingler=")
    button.click()
    first = page.locator("[aria-labelledby=citations] .quotes li").first
    expect(first).to_contain_text("épinglée par alix")
    expect(first.locator("a")).to_have_attribute("href", f"/passages?etat=tous&passage={unit_id}")
    first.get_by_role("button", name="Ôter").click()
    expect(page.locator(f"[aria-labelledby=citations] a[href$='{unit_id}']")).to_have_count(0)
    pinned, removed = _added(served, before).itertuples()
    assert (pinned.action, pinned.theme_id, pinned.unit_id) == ("pin_quote", theme, unit_id)
    assert (removed.action, removed.theme_id, removed.unit_id) == ("unpin_quote", theme, unit_id)


def test_passages_are_ticked_and_set_aside_by_keyboard_alone(
    served: Served, browser: Browser
) -> None:
    theme = _themes(served.study)[8]
    page, n = served.open(browser, "bilal", f"themes/{theme}"), len(_members(served.study, theme))
    box = page.locator("[name=passage]").nth(1)
    unit_id = box.get_attribute("value")
    page.locator("[name=passage]").first.focus()
    while page.evaluate("document.activeElement.value") != unit_id:
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")  # decides nothing: only a button does
    while page.evaluate("document.activeElement.id") != "vers":
        page.keyboard.press("Tab")
    page.keyboard.type("sans")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#membres")).to_have_text(f"Ses {n - 1} passages")
    last = served.decisions().iloc[-1]
    assert (last["action"], last["unit_id"], last["author"]) == (
        "move_unit",
        unit_id,
        "bilal",
    ) and pd.isna(last["value"])


@pytest.mark.slow
def test_a_theme_is_rejected_with_a_reason(served: Served, browser: Browser) -> None:
    theme = _themes(served.study)[9]
    page = served.open(browser, "alix", f"themes/{theme}")
    _opened(page, "Écarter")
    page.fill("#pourquoi", "Rien de commun.")
    page.get_by_role("button", name="Écarter").click()
    expect(page.locator("main")).to_contain_text("Ce thème n’est plus dans l’étude")
    expect(page.locator(".deeds")).to_contain_text("Rien de commun.")
    last = served.decisions().iloc[-1]
    assert (last["action"], last["theme_id"], last["why"]) == (
        "reject_theme",
        theme,
        "Rien de commun.",
    )
    page.get_by_role("button", name="Annuler").click()
    expect(page.locator("#membres")).to_be_visible()


@pytest.mark.slow
def test_a_family_is_renamed_and_a_theme_moved_to_another(served: Served, browser: Browser) -> None:
    study, before = served.study, len(served.decisions())
    families = study.read_machine_table("theme_families")
    theme = study.read_machine_table("themes").set_index("theme_id").loc[_themes(study)[0]]
    family = str(theme["parent_id"])
    page = served.open(browser, "alix", "themes")
    section = page.locator("section.family", has=page.locator(f"#nom-{family}"))
    section.locator("summary").click()
    section.locator("input[name=nom]").fill("Vivre ici")
    section.get_by_role("button", name="Renommer").click()
    expect(page.locator("section.family h2", has_text="Vivre ici")).to_be_visible()
    other = next(name for name in families["family_id"] if name != family)
    page.goto(served.url(f"themes/{theme.name}"))
    _opened(page, "Changer de famille")
    page.select_option("#famille-choisie", other)
    page.get_by_role("button", name="Changer de famille").click()
    label = str(families.set_index("family_id")["label"][other]).replace("'", "’")
    expect(page.locator(".crumbs")).to_contain_text(label)
    renamed, moved = _added(served, before).itertuples()
    assert (renamed.action, renamed.theme_id, renamed.value) == (
        "rename_family",
        family,
        "Vivre ici",
    )
    assert (moved.action, moved.theme_id, moved.value) == ("move_theme", theme.name, other)


@pytest.mark.slow
def test_proposals_are_accepted_or_refused(served: Served, browser: Browser) -> None:
    themes, before = _themes(served.study), len(served.decisions())
    page = served.open(browser, "alix", "themes/propositions")
    expect(page.locator(".cards > li")).to_have_count(4)
    page.locator(".cards > li", has_text="Peut-être un seul thème").get_by_role(
        "button", name="Réunir"
    ).click()
    expect(page.locator(".cards > li")).to_have_count(3)
    page.locator(".cards > li", has_text="Même sujet").get_by_role(
        "button", name="Garder à part"
    ).click()
    expect(page.locator("main")).to_contain_text("Aucune réunion proposée")
    page.get_by_role("button", name="Prendre ce nom").click()
    expect(page.locator("h3", has_text="Nom du modèle")).to_be_visible()
    page.get_by_role("button", name="Garder la description actuelle").click()
    expect(page.locator("#mots")).to_have_count(0)
    rows = [(row.action, row.theme_id, row.value) for row in _added(served, before).itertuples()]
    assert rows[:3] == [
        ("merge_theme", themes[11], themes[10]),
        ("keep_apart", themes[14], themes[13]),
        ("rename_theme", themes[12], "Nom du modèle"),
    ]
    assert rows[3][:2] == ("describe_theme", themes[12])
    expect(page.locator(".latest li")).to_have_count(5)


@pytest.mark.slow
def test_two_analysts_on_one_theme_the_second_is_told_and_loses_nothing(
    served: Served, browser: Browser
) -> None:
    theme, before = _themes(served.study)[15], len(served.decisions())
    first, second = (served.open(browser, name, f"themes/{theme}") for name in ("alix", "bilal"))
    first.fill("#nom", "Nom d'alix")
    first.click("text=Renommer")
    expect(first.locator("h1")).to_have_text("Nom d’alix")
    second.fill("#nom", "Nom de bilal")
    with second.expect_response(lambda answer: answer.status == 409):
        second.click("text=Renommer")
    expect(second.locator("[role=alert].message")).to_contain_text("alix renomme")
    expect(second.locator("#nom")).to_have_value("Nom de bilal")
    assert len(_added(served, before)) == 1
    assert faults(second) == []
    second.fill("#nom", "Nom des deux")
    second.click("text=Appliquer quand même")
    expect(second.locator("h1")).to_have_text("Nom des deux")
    assert list(_added(served, before)["value"]) == ["Nom d'alix", "Nom des deux"]
    second.fill("#nom", "Encore un nom")  # one's own decisions are no surprise
    second.click("text=Renommer")
    expect(second.locator("h1")).to_have_text("Encore un nom")


@pytest.mark.slow
def test_what_was_ticked_for_a_theme_merged_meanwhile_is_kept(
    served: Served, browser: Browser
) -> None:
    gone, left = _themes(served.study)[15:17]
    before = len(served.decisions())
    second = served.open(browser, "bilal", f"themes/{gone}")
    boxes = second.locator("[name=passage]")
    ticked = sorted(boxes.nth(place).get_attribute("value") or "" for place in (0, 1))
    boxes.nth(0).check()
    boxes.nth(1).check()
    first = served.open(browser, "alix", f"themes/{gone}")
    first.select_option("#autre", left)
    first.get_by_role("button", name="Réunir").click()
    expect(first.locator("#annonce")).to_contain_text("réunit")
    second.get_by_role("button", name="Séparer").click()
    expect(second.locator("[role=alert].message")).to_contain_text("alix réunit")
    second.click("text=Appliquer quand même")
    expect(second.locator("#annonce")).to_contain_text("Voir le nouveau thème")
    merged, split = _added(served, before).itertuples()
    assert (merged.action, split.action, json.loads(split.value)) == (
        "merge_theme",
        "split_theme",
        ticked,
    )
    second.click("#annonce a")
    expect(second.locator("#membres")).to_have_text("Ses 2 passages")


def test_the_map_and_its_list_show_the_same_passages(served: Served, browser: Browser) -> None:
    page, study = served.open(browser, "denis", "themes/carte"), served.study
    n_units = len(study.read_table("units"))
    expect(page.locator("#carte[data-ready]")).to_be_visible()
    assert page.evaluate("dots.ids.length") == n_units
    expect(page.locator("#liste")).to_have_text(f"{n_units} passages")
    family = study.read_machine_table("theme_families").iloc[-1]
    page.select_option("[name=famille]", family["family_id"])
    page.select_option("[name=atelier]", index=1)
    page.click("text=Filtrer")
    page.wait_for_url("**/carte?famille=*")
    expect(page.locator("#carte[data-ready]")).to_be_visible()
    drawn, listed = page.evaluate("dots.ids"), page.locator("tbody tr")
    expect(listed).to_have_count(len(drawn))
    targets = {str(row.locator("a").first.get_attribute("href")) for row in listed.all()}
    assert {target.rpartition("=")[2] for target in targets} == set(drawn)


@pytest.mark.slow
def test_a_name_with_a_script_is_text(served: Served, browser: Browser) -> None:
    theme = _themes(served.study)[16]
    page = served.open(browser, "alix", f"themes/{theme}")
    page.fill("#nom", "<script>document.title='pris'</script><b>x</b>")
    page.click("text=Renommer")
    expect(page.locator("h1")).to_contain_text("<script>")
    assert page.title() != "pris" and page.locator("main b").count() == 0


def test_a_form_sent_twice_counts_once(served: Served, browser: Browser) -> None:
    theme, before = _themes(served.study)[12], len(served.decisions())
    page = served.open(browser, "alix", f"themes/{theme}")
    form = {
        name: page.locator(f".decide form >> nth=0 >> [name={name}]").input_value()
        for name in ("csrfmiddlewaretoken", "seen", "request_id")
    }
    for _ in range(2):
        page.request.post(
            served.url(f"themes/{theme}/decider"),
            form={**form, "geste": "renommer", "nom": "Une fois"},
        )
    assert list(_added(served, before)["value"]) == ["Une fois"]


@pytest.mark.slow
def test_readers_decide_nothing_and_nobody_on_what_does_not_exist(
    served: Served, browser: Browser
) -> None:
    theme, before = _themes(served.study)[12], len(served.decisions())
    page = served.open(browser, "denis", f"themes/{theme}")
    expect(page.locator("aside button, .members button")).to_have_count(0)
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    form = {"csrfmiddlewaretoken": token, "geste": "ecarter"}
    assert page.request.post(served.url(f"themes/{theme}/decider"), form=form).status == 403
    other = served.open(browser, "alix", f"themes/{theme}")
    form["csrfmiddlewaretoken"] = other.locator("[name=csrfmiddlewaretoken]").first.input_value()
    assert other.request.post(served.url("themes/t-inconnu/decider"), form=form).status == 404
    assert other.request.post(served.url("themes/decider"), form=form).status == 404
    assert len(_added(served, before)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, pytest.param(390, marks=pytest.mark.slow)])
def test_the_pages_are_accessible_and_hold_in_their_width(
    served: Served, browser: Browser, width: int
) -> None:
    theme = _themes(served.study)[2]
    page = served.open(browser, "alix", "themes", viewport={"width": width, "height": 900})
    for path in (
        "",
        "/carte",
        "/propositions",
        "/sans-theme",
        f"/{theme}",
        f"/{theme}/separer",
        f"/{_themes(served.study)[11]}",
    ):
        page.goto(served.url(f"themes{path}"))
        page.evaluate(
            "document.querySelectorAll('details').forEach((details) => { details.open = true; })"
        )
        assert faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
