"""Priorities have one order, wherever they are read: by their rank."""

import json
from pathlib import Path

import pytest

from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import Page, PageTable, Section
from pipeline.publish.layout.sheets import ROOMS, lay_out_workshop
from pipeline.publish.layout.slides import lay_out_slides
from pipeline.rank import rank_themes
from pipeline.settings.sections import RankSettings
from pipeline.tables.results import THEMES
from support.invented import DIE, ORTHEZ, said
from support.published import report, tables, write_people
from support.report_text import sections_of, words_of

# what works is said at most tables and ranks first; what lacks least of all
SAID = (("Jardins", (1, 2, 3, 4)), ("Cars", (1, 2)), ("Toits", (1,)))
KINDS = {"Jardins": "réponse", "Cars": "besoin", "Toits": "besoin"}


@pytest.fixture(scope="module")
def made():
    every = tables(
        *(
            said(name.lower(), n, text=f"{name} vus de la table {n} à {where}", workshop_id=where)
            for name, numbers in SAID
            for n in numbers
            for where in (ORTHEZ, DIE)
        )
    )
    themes = every["themes"].assign(
        kind=every["themes"]["label"].map(KINDS), statement=every["themes"]["label"] + " ici."
    )
    return every | {"themes": THEMES.check(themes)}


def order_in(texts: list[str]) -> list[str]:
    """The themes in the order in which `texts` first name them."""
    first = {
        name: next(
            (i for i, text in enumerate(texts) if f"{name} ici" in text or text == name), 999
        )
        for name, _ in SAID
    }
    return sorted(first, key=lambda name: first[name])


def flat(*sections: Section) -> list[str]:
    page = Page("", "", "", "", tuple(sections))
    texts = []
    for section in sections_of(page):
        texts += [section.title, *(text for block in section.blocks for text in words_of(block))]
    return texts


def test_ranks_are_not_those_of_tables_or_kinds_by_chance(made) -> None:
    """A rank below stands for fewer tables here, so that sorting by kind would show."""
    named = [label for _, label in report(made).scopes[0].named]
    assert named == ["Jardins", "Cars", "Toits"]


def test_first_page_annex_sheets_slides_and_workbook_tell_one_order(made, tmp_path: Path) -> None:
    content = report(made)
    ranked = [label for _, label in content.scopes[0].named]
    page, annex = lay_out(content, "rapport"), lay_out(content, "annexe")
    essential, priorities = page.sections[:2]
    told = {
        "priorities": flat(priorities),
        "ranks": flat(next(one for one in annex.sections if one.anchor == "rangs").sections[0]),
    }
    told |= {f"first page {one.anchor}": flat(one) for one in essential.sections[:2]}
    told |= {
        f"sheet {i}": flat(*lay_out_workshop(content, i, ROOMS[0]).sections[:1]) for i in range(2)
    }
    for i, slide in enumerate(lay_out_slides(content)[1:4]):
        told[f"slide {i}"] = [line.text for line in slide.lines]
    book = write_people(made, tmp_path / "t.xlsx")
    for name in ("Thèmes", "Priorités"):
        rows = book.get_sheet_by_name(name).to_python()
        told[name] = [str(cell) for row in rows for cell in row]
    assert {name: order_in(texts) for name, texts in told.items()} == dict.fromkeys(told, ranked)


def test_a_theme_of_fewer_tables_may_rank_first_in_the_workbook_too(tmp_path: Path) -> None:
    every = tables(
        said("cars", 1, text="des cars le soir"),
        said("cars", 2, "resume", channel="resume", text="on retient surtout les cars"),
        said("toits", 1, text="des toits", posture="constat"),
        said("toits", 2, text="des toits encore", posture="constat"),
    )
    ranked = every["priorities"]
    ranked = ranked[ranked["scope"] == "study"].sort_values("rank")["theme_id"]
    labels = every["themes"].set_index("theme_id")["label"]
    book = write_people(every, tmp_path / "t.xlsx")
    rows = book.get_sheet_by_name("Thèmes").to_python()
    column = next(row.index("Thème") for row in rows if "Thème" in row)
    shown = [row[column] for row in rows if row[column] in set(labels)]
    assert json.dumps(shown) == json.dumps([labels[name] for name in ranked])


def test_a_score_that_does_not_follow_the_ranks_is_explained(made) -> None:
    """A theme that is hardly one subject comes last, though its score is higher."""
    themes = made["themes"].assign(
        unity=[0.1 if one == "Jardins" else 0.9 for one in made["themes"]["label"]]
    )
    names = ("units", "tags", "theme_members", "workshops")
    units, tags, members, held = (made[name] for name in names)
    ranking = rank_themes(units, tags, themes, members, held, settings=RankSettings(n_draws=60))
    content = report(made | {"themes": THEMES.check(themes)} | ranking._asdict())
    (ranks,) = [one for one in lay_out(content, "annexe").sections if one.anchor == "rangs"]
    (table,) = [block for block in ranks.sections[0].blocks if isinstance(block, PageTable)]
    assert [(row[0], "*" in row[1]) for row in table.rows] == [
        ("1. Cars", False),
        ("2. Toits", False),
        ("3. Jardins", True),
    ]
    assert any("quel que soit son score" in text for text in flat(ranks.sections[0]))
