"""The spreadsheet that people read: French sheets without identifiers, with the report's counts."""

import datetime
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.publish.report.themes import theme_rows
from pipeline.publish.workbook.rows import StudyRows
from pipeline.publish.workbook.themes import theme_sheet
from pipeline.tables.material import DOCUMENTS, TAGS
from pipeline.tables.results import THEME_OPINIONS, THEMES
from support.invented import DIE, ORTHEZ, said, study, workshops
from support.published import GRID, passages, tables, write_people

NAMES = [
    "Lisez-moi",
    "Passages",
    "Thèmes",
    "Priorités",
    "Territoires comparés",
    "Offre",
    "Présence",
    "Ateliers",
    "Documents",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_people(tables(), tmp_path_factory.mktemp("classeur") / "tableaux.xlsx")


def rows_in(book: Any, name: str) -> list[dict[str, Any]]:
    """The rows of a sheet, by heading; blanks as they are shown."""
    heads, *rows = book.get_sheet_by_name(name).to_python()
    shown = [[c.replace("\xa0", " ") if isinstance(c, str) else c for c in row] for row in rows]
    return [dict(zip(heads, row, strict=True)) for row in shown]


def test_sheets_bear_french_names_in_the_order_people_want_and_the_first_explains_them(
    book: Any,
) -> None:
    assert book.sheet_names == NAMES
    first = book.get_sheet_by_name("Lisez-moi").to_python()
    head = next(n for n, row in enumerate(first) if row[0] == "Feuille")
    assert first[0][0] == "Essai" and first[head][:4] == [
        "Feuille",
        "Ce qu’elle montre",
        "Une ligne est",
        "Lignes",
    ]
    assert [row[0] for row in first[head + 1 :]] == NAMES[1:]
    assert [row[3] for row in first[head + 1 :]] == [len(rows_in(book, name)) for name in NAMES[1:]]


def test_nothing_that_only_a_program_needs_is_shown(book: Any) -> None:
    made = tables()
    ids = {*made["units"]["unit_id"], *made["structures"]["structure_id"], "study", "is_counted"}
    inner = re.compile(r"\bnan\b|None|<NA>|[a-z]+_[a-z]+|enjeux\.")
    for name in NAMES:
        for row in book.get_sheet_by_name(name).to_python():
            cells = [cell for cell in row if isinstance(cell, str)]
            assert not ids & set(cells), name
            assert [cell for cell in cells if inner.search(cell)] == [], name


def test_a_passage_is_told_with_where_it_was_said_and_who_coded_it(book: Any) -> None:
    rows = rows_in(book, "Passages")
    assert len(rows) == 9
    assert rows[0] == {
        "Territoire": "orthez",
        "Date": datetime.date(2025, 2, 4),
        "Table": 1,
        "Question": "Besoins et menaces",
        "Nature": "notes",
        "Document": rows[0]["Document"],
        "Passage": tables()["units"]["text"].iloc[0],
        "Rubriques": "Besoins et menaces sociaux",
        "Postures": "Difficulté ou menace",
        "Piliers": "",
        "Thème": "Cars",
        "Compté pour ce thème": "oui",
        "Codes posés par": "le programme",
    }
    assert [row["Thème"] for row in rows].count("(aucun thème)") == 2
    aside = [row for row in rows if row["Thème"] == "(aucun thème)"]
    assert {row["Compté pour ce thème"] for row in aside} == {""}


def test_who_coded_a_passage_is_said_without_a_name(tmp_path: Path) -> None:
    made = tables()
    tags = made["tags"]
    person = tags.head(3).assign(source="person", model_version="lise")
    made["tags"] = TAGS.check(pd.concat([tags.iloc[2:], person], ignore_index=True))
    book = write_people(made, tmp_path / "t.xlsx")
    said_by = [row["Codes posés par"] for row in rows_in(book, "Passages")]
    assert {"une personne", "le programme"} < {*said_by, "le programme et une personne"}
    assert "lise" not in str([book.get_sheet_by_name(n).to_python() for n in book.sheet_names])


TO_CHECK = {"is_counted": False, "probability": 0.5}
COUNTED: list[tuple[list[dict[str, Any]], str, int, int]] = [
    ([said("cars", 1), said("cars", 2)], "2 tables", 2, 2),
    ([said("cars", 1), said("cars", 2, **TO_CHECK)], "1 à 2 tables", 1, 2),
    ([said("cars", 1), said("lait", 2, likely='[["cars", 0.4]]')], "1 à 2 tables", 1, 2),
    ([said("cars", 1, **TO_CHECK), said("lait", 1)], "0 à 1 table", 0, 1),
    ([said("cars", 1), said("cars", 1, "q4")], "1 table", 1, 1),
    ([said("cars", 1), said("cars", 2, "resume")], "1 table", 1, 1),
    ([said("cars", 1, "resume"), said("lait", 2)], "aucune table", 0, 0),
    (
        [said("cars", None, document_id="a"), said("cars", None, document_id="b")],
        "2 documents",
        2,
        2,
    ),
]


@pytest.mark.parametrize(("told", "words", "least", "most"), COUNTED)
def test_tables_are_told_in_words_as_in_the_report_and_in_two_numbers_to_sort_by(
    told: list[dict[str, Any]], words: str, least: int, most: int
) -> None:
    made = StudyRows(study(*told) | {"workshops": workshops(ORTHEZ, n_tables=None)}, GRID, 3)
    (row,) = [row for row in theme_sheet(made).to_dict("records") if row["Thème"] == "Cars"]
    head, said_at = ("Documents", "Dit dans") if "document" in words else ("Tables", "Dit à")
    assert (row[f"{head} (au moins)"], row[f"{head} (au plus)"]) == (least, most)
    assert row[said_at].replace("\xa0", " ") == words
    (in_report,) = [
        item.n_tables
        for item in theme_rows(made.tables, made.passages, GRID)
        if item.label == "Cars"
    ]
    assert in_report in ("0", words.rpartition(" ")[0])


def test_themes_priorities_and_territories_are_told_in_words(book: Any) -> None:
    themes = rows_in(book, "Thèmes")
    assert [(row["Thème"], row["Dit à"], row["Territoires"]) for row in themes] == [
        ("Cars", "3 tables", "orthez, die"),
        ("Lait", "1 table", "orthez"),
    ]
    priorities = rows_in(book, "Priorités")
    assert [(row["Pour"], row["Rang"], row["Thème"]) for row in priorities[:2]] == [
        ("toute l’étude", 1, "Cars"),
        ("toute l’étude", 2, "Lait"),
    ]
    assert {row["Pour"] for row in priorities} == {"toute l’étude", "orthez", "die"}
    compared = rows_in(book, "Territoires comparés")[0]
    assert (compared["Territoire"], compared["Thème ou axe"], compared["De quoi il s’agit"]) == (
        "orthez",
        "Thème",
        "Cars",
    )


def test_what_is_said_under_a_theme_is_told_with_what_faces_it(tmp_path: Path) -> None:
    made = tables(said("bancs", 1, text="aucun banc"), said("bancs", 2, text="des bancs neufs"))
    opinion = {"theme_id": "bancs", "n_units": 1, "n_tables": 1, "n_workshops": 1}
    made["theme_opinions"] = THEME_OPINIONS.build(
        opinion
        | {"opinion_order": n, "posture": posture, "unit_id": unit_id, "faces": 3 - n}
        | {"unit_ids": json.dumps([unit_id])}
        for n, (posture, unit_id) in enumerate((("difficulte", "u000"), ("force", "u001")), 1)
    )
    book = write_people(made, tmp_path / "t.xlsx")
    rows = rows_in(book, "Ce qui est dit")
    assert [(row["Ce qui est dit"], row["Passage"], row["En face"]) for row in rows] == [
        ("Ce qui manque ou pèse", "aucun banc", "des bancs neufs"),
        ("Ce qui marche", "des bancs neufs", "aucun banc"),
    ]


HOSTILE = [
    '=HYPERLINK("http://x")',
    "+33 6",
    "@SOMME(A1)",
    "-2 postes",
    "http://un.site",
    "ligne\x00\x1fcoupée",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_never_a_formula_nor_a_link(text: str, tmp_path: Path) -> None:
    made = tables(said("cars", 1, text=text))
    made["themes"] = THEMES.check(made["themes"].assign(label=text, statement=text))
    book = write_people(made, tmp_path / "t.xlsx")
    (row,) = rows_in(book, "Passages")
    assert row["Passage"] == text.replace("\x00\x1f", "")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        sheets = b"".join(archive.read(name) for name in archive.namelist() if "sheet" in name)
    assert b"<f>" not in sheets and b"<hyperlink " not in sheets


def test_headers_stay_in_sight_with_filters_and_texts_wrap(tmp_path: Path) -> None:
    write_people(tables(), tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        sheets = [
            archive.read(f"xl/worksheets/sheet{n}.xml").decode() for n in range(2, len(NAMES) + 1)
        ]
        styles = archive.read("xl/styles.xml").decode()
    for sheet in sheets:
        assert "autoFilter" in sheet and 'state="frozen"' in sheet
        assert all(10 <= float(width) <= 61 for width in re.findall(r' width="([\d.]+)"', sheet))
    assert "wrapText" in styles and "dd/mm/yyyy" in styles


def test_no_file_of_the_depot_is_named(tmp_path: Path) -> None:
    made = tables()
    path = "Orthez 2025/contribution A. Boulanger.mbox#002"
    made["documents"] = DOCUMENTS.check(made["documents"].assign(path=path, title=None))
    book = write_people(made, tmp_path / "t.xlsx")
    assert "Boulanger" not in str([book.get_sheet_by_name(n).to_python() for n in book.sheet_names])


def test_an_empty_study_gives_a_workbook_that_says_so(tmp_path: Path) -> None:
    book = write_people({}, tmp_path / "t.xlsx", least_units=60)
    assert book.sheet_names == ["Lisez-moi", "Passages"]
    assert "Aucun passage" in str(book.get_sheet_by_name("Lisez-moi").to_python()[1])


def test_rows_in_another_order_make_the_same_file(tmp_path: Path) -> None:
    shuffled = {
        name: rows.sample(frac=1, random_state=3).reset_index(drop=True)
        for name, rows in tables(*passages(), said("lait", 1, workshop_id=DIE)).items()
    }
    for name, made in (
        ("a", tables(*passages(), said("lait", 1, workshop_id=DIE))),
        ("b", shuffled),
    ):
        write_people(made, tmp_path / f"{name}.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
