"""A memo on a passage: kept, taken back and told like any decision; no table changes."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.decision_store import DecisionStore
from pipeline.decisions import active_decisions, apply_decisions
from pipeline.decisions.kinds import Decision, NoteMemo, Undo, memos_by_unit
from pipeline.review.journal import Journal
from pipeline.tables.results import THEME_FAMILIES
from support.invented import said, study


class FrenchNames:
    """Words as they are written, passages by their number."""

    def say(self, sentence: str, **words: str) -> str:
        return sentence.format(**words)

    def quoted(self, text: str | None) -> str:
        return f"« {text} »"

    def passage(self, unit_id: str | None) -> str:
        return f"le passage {unit_id}"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a memo speaks of a passage alone, not of its {name}")


def machine() -> dict[str, pd.DataFrame]:
    tables = study(said("cars", 1, unit_id="a"), said("cars", 2, unit_id="b"))
    return {"theme_families": THEME_FAMILIES.empty(), **tables}


def test_memos_of_a_passage_are_kept_in_order_and_one_that_is_undone_goes(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    journal = Journal(store, append=store.append_all)
    rows: list[Decision] = [
        NoteMemo("a", "Vu avec la mairie"),
        NoteMemo("b", "À revoir"),
        NoteMemo("a", "Deux voix"),
    ]
    journal.add(rows, author="lise", request_id="1")
    journal.add([Undo(1)], author="lise", request_id="2")
    assert [row.memo for row in journal.on_unit("a", NoteMemo)] == ["Deux voix"]
    memos = memos_by_unit(active_decisions(store.read()))
    assert {unit_id: [row.memo for row in mine] for unit_id, mine in memos.items()} == {
        "a": ["Deux voix"],
        "b": ["À revoir"],
    }
    assert journal.last_on_themes_id == 4, "the undoing"
    assert journal.coders == [], "to note is not to code"


def test_a_memo_changes_no_table_and_is_void_where_its_passage_is_gone() -> None:
    tables = machine()
    memos = [
        NoteMemo("a", "Vu", decision_id=1),
        NoteMemo("a", "Bien", decision_id=2),
        NoteMemo("z", "Vu", decision_id=3),
        NoteMemo("a", None, decision_id=4),
    ]
    reviewed, before = apply_decisions(tables, memos), apply_decisions(tables, [])
    effects = reviewed.pop("decision_effects")
    assert effects["state"].tolist() == ["appliquée", "appliquée", "sans objet", "sans objet"]
    assert effects["reason"].tolist()[3] == "Le mémo est vide."
    for name, table in reviewed.items():
        pd.testing.assert_frame_equal(table, before[name])


def test_a_memo_reads_in_french_and_names_nobody() -> None:
    memo = NoteMemo("a", "Voir Lou Vernet")
    assert memo.sentence(FrenchNames()) == "note un mémo sur le passage a : « Voir Lou Vernet »"
    assert NoteMemo.masked_value("Voir Lou Vernet", lambda text: text[:4]) == "Voir"
    assert NoteMemo.read(memo.row()) == memo
