"""The data dictionary: what a table accepts, and the page that is generated from it."""

from pathlib import Path

import pytest

from pipeline.errors import TableError
from pipeline.tables import TABLES
from pipeline.tables.material import UNITS
from pipeline.tables.results import PRIORITIES
from tools.dictionary import dictionary_page

UNIT = {
    "unit_id": "u-1",
    "document_id": "d-1",
    "workshop_id": "w",
    "unit_order": 0,
    "start_char": 0,
    "end_char": 5,
    "text": "Merci",
    "table_number": None,
    "question": None,
    "channel": "notes",
    "speaker": None,
}
PRIORITY = {
    "scope": "study",
    "theme_id": "t",
    "rank": 1,
    "score": 0.5,
    "p_top1": 1,
    "p_top3": 1,
    "p_top5": 1,
    "rank_low": 1,
    "rank_high": 2,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_table_has_every_column_but_the_patterns(table):
    assert list(table.empty().columns) == [
        column.name for column in table.columns if not column.is_pattern
    ]


def test_blanks_stay_blank_and_numbers_stay_integers():
    units = UNITS.build([UNIT, UNIT | {"unit_id": "u-2", "table_number": 4}])
    assert units["table_number"].isna().tolist() == [True, False]
    assert units["table_number"][1] == 4
    assert units["question"].isna().all()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"question": "q9"}, "question"),
        ({"unit_order": -1}, "unit_order"),
        ({"text": None}, "text"),
        ({"unit_order": "deux"}, "units"),
    ],
)
def test_a_value_outside_the_dictionary_is_refused_without_quoting_what_was_said(change, rule):
    with pytest.raises(TableError, match=rule) as caught:
        UNITS.build([UNIT | change])
    assert "Merci" not in str(caught.value)


def test_two_rows_with_one_key_are_refused():
    with pytest.raises(TableError, match="unit_id"):
        UNITS.build([UNIT, UNIT])


def test_unknown_and_missing_columns_are_both_named():
    frame = UNITS.build([UNIT]).drop(columns="text").assign(humeur="bonne")
    with pytest.raises(TableError, match=r"manquantes \['text'\], inconnues \['humeur'\]"):
        UNITS.check(frame)


def test_criteria_are_columns_of_any_name_between_the_score_and_the_draws():
    priorities = PRIORITIES.build([PRIORITY | {"c_tables": 0.5, "c_besoin": 1.0}])
    assert list(priorities.columns)[3:7] == ["score", "c_besoin", "c_tables", "p_top1"]
    with pytest.raises(TableError, match="c_tables"):
        PRIORITIES.build([PRIORITY | {"c_tables": 1.5}])


def test_the_page_of_the_dictionary_is_the_one_generated_from_the_code():
    page = Path(__file__).parent.parent / "docs" / "dictionnaire.md"
    assert page.read_text(encoding="utf-8") == dictionary_page(), "make docs"
