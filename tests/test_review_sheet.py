"""The review sheet: what an analyst fills in offline comes back as decisions, once, by line where something is wrong."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xlsxwriter

from pipeline.errors import StudyError, UsageError
from pipeline.exchange import review_sheet as reasons
from pipeline.exchange.import_project import Taken
from pipeline.exchange.review_sheet import read_sheet_file, sheet_file, take_sheet
from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.sandbox import FileReading
from pipeline.tables.material import DECISIONS, TAGS
from pipeline.tables.results import THEME_MEMBERS
from support.draws import seeds
from support.exchanged import (
    GRID,
    Doc,
    Line,
    Tables,
    any_study,
    made_study,
    on_tag,
    queue,
    rows_of,
    small,
    taken,
)
from support.review_sheet import filled, rows_of_sheet

Rows = list[list[Any]]


@pytest.fixture(autouse=True)
def reading_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workbooks are read in this process; broken ones in a child process, as all are outside of tests."""
    if "broken" not in request.node.name:
        monkeypatch.setattr(
            reasons, "read_files", lambda paths, settings: [_read_here(path) for path in paths]
        )


def _read_here(path: Path) -> FileReading:
    return FileReading(path, read_source(FileContent(path.read_bytes(), path.name)))


SOCIAL, OFFRE, OPPORTUNITES = (
    GRID.label_of(code) for code in ("enjeux.social", "offre", "opportunites")
)


def cell(rows: Rows, unit_id: str, title: str) -> Any:
    head = rows[1]
    (row,) = [row for row in rows[2:] if row[head.index("Identifiant")] == unit_id]
    return row[head.index(title)]


def brought(
    content: bytes,
    folder: Path,
    tables: Tables | None = None,
    known: pd.DataFrame | None = None,
    author: str | None = None,
) -> Taken:
    path = folder / "relecture.xlsx"
    path.write_bytes(content)
    sheet = read_sheet_file(path)
    assert sheet is not None
    return take_sheet(
        sheet,
        small() if tables is None else tables,
        GRID,
        decisions=DECISIONS.empty() if known is None else known,
        author=author,
    )


def told(found: Taken) -> list[str]:
    """`action unit code or theme`, in order."""
    return [
        f"{row['action']} {row['unit_id']} {row.get('code') or row.get('value')}"
        for row in rows_of(found)
    ]


def test_the_sheet_shows_every_passage_with_its_neighbours_and_codes_in_words() -> None:
    rows = rows_of_sheet(sheet_file(small(), GRID))
    assert rows[0][:2] == ["Relu par", ""]
    assert rows[1][:10] == [
        "N°",
        "Atelier",
        "Où",
        "Juste avant",
        "Passage",
        "Juste après",
        "Rubrique 1",
        "Rubrique 2",
        "Rubrique 3",
        "Posture",
    ]
    assert len(rows) == 2 + 5
    assert cell(rows, "d0u1", "Juste avant") == "Plus de car 🚍 le soir à Arthez."
    assert cell(rows, "d0u2", "Juste après") == ""
    assert (
        cell(rows, "d0u1", "Rubrique 1"),
        cell(rows, "d0u1", "Thème"),
        cell(rows, "d0u2", "Thème"),
    ) == (
        OFFRE,
        "t-lait",
        "(aucun thème)",
    )


def test_passages_come_in_the_order_of_review_then_of_reading() -> None:
    rows = rows_of_sheet(sheet_file(small() | {"review_queue": queue("d1u0", "d0u2")}, GRID))
    assert [row[rows[1].index("Identifiant")] for row in rows[2:]] == [
        "d1u0",
        "d0u2",
        "d0u0",
        "d0u1",
        "d2u0",
    ]
    assert (
        cell(rows, "d1u0", "Pourquoi le relire") == "doute"
        and cell(rows, "d0u0", "Pourquoi le relire") == ""
    )


@pytest.mark.parametrize("seed", seeds(6))
def test_any_study_makes_the_same_sheet_twice_and_no_formula(seed: int) -> None:
    tables = any_study(seed)
    content = sheet_file(tables, GRID)
    assert content == sheet_file(
        {
            name: rows.sample(frac=1, random_state=4).reset_index(drop=True)
            for name, rows in tables.items()
        },
        GRID,
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = "".join(
            archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith("xl/worksheets/")
        )
    assert "<f>" not in sheets and "<hyperlink" not in sheets


def test_cells_are_chosen_from_lists_of_the_grid() -> None:
    content = sheet_file(small(), GRID)
    lists = rows_of_sheet(content, "listes")
    assert [row[0] for row in lists[1:13]] == [code.label for code in GRID.axis("rubrique")]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert set(re.findall("<formula1>(.*?)</formula1>", sheet)) == {
        "listes!$A$2:$A$13", "listes!$C$2:$C$6", "listes!$E$2:$E$8", "listes!$G$2:$G$4", '"oui"',
    }  # fmt: skip


READ = {"Relu": "oui"}
CASES: list[tuple[str, str, dict[str, str], list[str]]] = [
    ("not read: nothing", "d0u0", {}, []),
    (
        "read as it is: all accepted",
        "d0u0",
        READ,
        ["accept_tag d0u0 enjeux.social", "accept_tag d0u0 difficulte"],
    ),
    ("an x is a yes", "d0u2", {"Relu": "X"}, ["accept_tag d0u2 constat"]),
    (
        "a code taken away",
        "d0u0",
        READ | {"Rubrique 1": ""},
        ["reject_tag d0u0 enjeux.social", "accept_tag d0u0 difficulte"],
    ),
    (
        "a code replaced",
        "d0u0",
        READ | {"Rubrique 1": OFFRE},
        ["add_tag d0u0 offre", "reject_tag d0u0 enjeux.social", "accept_tag d0u0 difficulte"],
    ),
    (
        "a code added, in another cell",
        "d0u2",
        READ | {"Rubrique 3": OPPORTUNITES},
        ["add_tag d0u2 opportunites", "accept_tag d0u2 constat"],
    ),
    (
        "a code typed as its id, in capitals",
        "d0u2",
        READ | {"Rubrique 2": "OFFRE"},
        ["add_tag d0u2 offre", "accept_tag d0u2 constat"],
    ),
    (
        "another posture takes the place of the first",
        "d0u2",
        READ | {"Posture": "Force ou réussite"},
        ["add_tag d0u2 force"],
    ),
    ("a posture is never nothing", "d0u2", READ | {"Posture": ""}, []),
    (
        "another theme",
        "d0u2",
        READ | {"Thème": "t-lait"},
        ["accept_tag d0u2 constat", "move_unit d0u2 t-lait"],
    ),
    (
        "no theme any more",
        "d0u0",
        READ | {"Thème": "(aucun thème)"},
        ["accept_tag d0u0 enjeux.social", "accept_tag d0u0 difficulte", "move_unit d0u0 None"],
    ),
    (
        "the same code twice counts once",
        "d0u2",
        READ | {"Rubrique 1": OFFRE, "Rubrique 2": OFFRE},
        ["add_tag d0u2 offre", "accept_tag d0u2 constat"],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit_id", "cells", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_line_that_was_read_decides(
    unit_id: str, cells: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    found = brought(
        filled(small(), {(unit_id, title): value for title, value in cells.items()}), tmp_path
    )
    assert told(found) == expected
    assert found.lines == ()
    assert {row["author"] for row in rows_of(found)} <= {"Lise"}


REFUSED: list[tuple[str, dict[tuple[str, str], str], str]] = [
    (
        "an unknown code",
        {("d0u1", "Relu"): "oui", ("d0u1", "Rubrique 2"): "Mobilité"},
        f"ligne 4 : {reasons.UNKNOWN_CODE} « Mobilité »",
    ),
    (
        "an unknown theme",
        {("d0u1", "Relu"): "oui", ("d0u1", "Thème"): "Trains"},
        f"ligne 4 : {reasons.UNKNOWN_THEME} « Trains »",
    ),
    (
        "an unknown passage",
        {("d0u1", "Relu"): "oui", ("d0u1", "Identifiant"): "zzz"},
        f"ligne 4 : {reasons.UNKNOWN_UNIT} « zzz »",
    ),
    ("changed and not marked", {("d0u1", "Rubrique 1"): SOCIAL}, f"ligne 4 : {reasons.NOT_READ}"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "line"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_line_with_a_fault_decides_nothing_and_is_named(
    changes: dict[tuple[str, str], str], line: str, tmp_path: Path
) -> None:
    found = brought(filled(small(), changes | {("d0u2", "Relu"): "oui"}), tmp_path)
    assert told(found) == ["accept_tag d0u2 constat"]
    assert found.lines == (line,)


def test_the_same_file_twice_adds_nothing_and_never_undoes_a_later_word(tmp_path: Path) -> None:
    content = filled(
        small(),
        {("d0u0", "Relu"): "oui", ("d0u0", "Thème"): "t-lait", ("d0u0", "Remarque"): "à voir"},
        saved="2026-03-01",
    )
    first = brought(content, tmp_path)
    assert {row["why"] for row in rows_of(first)} == {"à voir"}
    assert {row["decided_at"] for row in rows_of(first)} == {"2026-03-01T00:00:00+00:00"}
    known = taken(*rows_of(first))
    again = brought(content, tmp_path, known=known)
    assert (again.decisions, again.n_known) == ((), 3)
    later = taken(
        *rows_of(first),
        on_tag(
            "reject", "d0u0", "rubrique", "enjeux.social", decided_at="2026-03-02T00:00:00+00:00"
        ),
    )
    assert brought(content, tmp_path, known=later).decisions == ()


def test_what_changed_in_the_study_meanwhile_is_judged_by_what_the_reader_saw(
    tmp_path: Path,
) -> None:
    content = filled(small(), {("d0u2", "Relu"): "oui", ("d0u0", "Relu"): "oui"})
    now = small()
    more = now["tags"].iloc[:1].assign(unit_id="d0u2", code="offre")
    now["tags"] = TAGS.check(pd.concat([now["tags"], more], ignore_index=True))
    now["theme_members"] = THEME_MEMBERS.check(now["theme_members"].assign(theme_id="t-lait"))
    assert told(brought(content, tmp_path, now)) == [
        "accept_tag d0u0 enjeux.social", "accept_tag d0u0 difficulte", "accept_tag d0u2 constat",
    ]  # fmt: skip


def test_who_decided_is_the_option_else_the_sheet_else_asked_for(tmp_path: Path) -> None:
    changes = {("d0u2", "Relu"): "oui"}
    assert brought(filled(small(), changes), tmp_path, author="Zoé  D.").by_author == {"Zoé D.": 1}
    assert brought(filled(small(), changes), tmp_path).by_author == {"Lise": 1}
    with pytest.raises(UsageError, match="--author"):
        brought(filled(small(), changes, author=""), tmp_path)


def test_themes_of_strange_names_come_back(tmp_path: Path) -> None:
    labels = {"t-1": '=HYPERLINK("x")', "t-2": "🚍", "t-3": "Cars", "t-4": "Cars"}
    tables = made_study(Doc([Line("a", ["posture:constat"], "t-3")]), labels=labels)
    names = [row[6] for row in rows_of_sheet(sheet_file(tables, GRID), "listes")[1:]][:5]
    assert len(set(names)) == 5
    for name in names:
        found = brought(
            filled(tables, {("d0u0", "Relu"): "oui", ("d0u0", "Thème"): name}), tmp_path, tables
        )
        assert found.lines == ()
        assert len(found.decisions) == (
            1 if name == cell(rows_of_sheet(sheet_file(tables, GRID)), "d0u0", "Thème") else 2
        )


@pytest.mark.slow
def test_another_workbook_is_none_and_a_broken_one_is_said(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "autre.xlsx")) as workbook:
        workbook.add_worksheet().write(0, 0, "cas")
    assert read_sheet_file(tmp_path / "autre.xlsx") is None
    (tmp_path / "cassé.xlsx").write_bytes(b"PK\x03\x04 rien")
    with pytest.raises(StudyError) as raised:
        read_sheet_file(tmp_path / "cassé.xlsx")
    assert "\n" not in str(raised.value)
    with pytest.raises(StudyError):
        read_sheet_file(tmp_path / "rien.xlsx")
