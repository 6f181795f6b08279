"""Memos and flags: kept, written again, taken back and told like any decision; no table changes."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.decision_store import DecisionStore
from pipeline.decisions import KINDS, active_decisions, apply_decisions, read_decision
from pipeline.decisions.following import lineage_of
from pipeline.decisions.kinds import Decision, Undo
from pipeline.decisions.memos import (
    EditMemo,
    FlagPassage,
    Memo,
    MemoDecision,
    MemoSubject,
    NoteMemo,
    RemoveMemo,
    UnflagPassage,
    current_memos,
    flagged,
    subject_of,
)
from pipeline.decisions.mending import JoinPassages
from pipeline.review.journal import Journal
from pipeline.review.markdown import as_html
from pipeline.review.notes import flags_now, memos_now
from pipeline.review.snapshot import Snapshot
from pipeline.tables.results import THEME_FAMILIES
from support.invented import said, study

UNIT, DOCUMENT = MemoSubject("unit", "a"), MemoSubject("document", "d")
CODE, THEME, STUDY = (
    MemoSubject("code", "rubrique:offre"),
    MemoSubject("theme", "cars"),
    MemoSubject("study"),
)


class FrenchNames:
    """Words as they are written; what a sentence does not say is not asked."""

    def say(self, sentence: str, **words: str) -> str:
        return sentence.format(**words)

    def quoted(self, text: str | None) -> str:
        return f"« {text} »"

    def passage(self, unit_id: str | None) -> str:
        return f"le passage {unit_id}"

    def code(self, code: str | None) -> str:
        return f"« {code} »"

    def theme(self, theme_id: str | None) -> str:
        return f"« {theme_id} »"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"no memo speaks of {name}")


def machine() -> dict[str, pd.DataFrame]:
    tables = study(said("cars", 1, unit_id="a"), said("cars", 2, unit_id="b"))
    return {"theme_families": THEME_FAMILIES.empty(), **tables}


def numbered(*rows: Decision) -> list[Decision]:
    return [
        replace(row, decision_id=n, author="lise", decided_at=f"2026-01-0{n}")
        for n, row in enumerate(rows, start=1)
    ]


def memo(number: int, subject: MemoSubject = UNIT) -> Memo:
    return Memo(number, subject, "", "", "lise", "", number)


def texts(active: Iterable[Decision]) -> dict[int, str]:
    return {number: each.text for number, each in current_memos(active).items()}


@pytest.mark.parametrize("subject", [UNIT, DOCUMENT, CODE, THEME, STUDY])
def test_a_memo_is_read_back_from_its_row_whatever_it_is_about(subject: MemoSubject) -> None:
    note = NoteMemo.on(subject, "Vu *deux* fois {sic}", title="Notes")
    edit = EditMemo.of(memo(4, subject), "Vu")
    for decision in (note, edit, RemoveMemo.of(memo(4, subject))):
        again = read_decision({"decision_id": 0, **decision.row()})
        assert again == decision
        assert isinstance(again, MemoDecision)
        assert (again.subject, subject_of(again.subject.key)) == (subject, subject)
    assert (note.text, edit.text, edit.memo_id) == ("Vu *deux* fois {sic}", "Vu", 4)


def test_the_rows_of_the_first_memos_are_still_read() -> None:
    old = {"decision_id": 7, "action": "note_memo", "unit_id": "a", "value": "Vu avec la mairie"}
    again = read_decision(old)
    assert isinstance(again, NoteMemo)
    assert (again.subject, again.text, again.memo_id) == (UNIT, "Vu avec la mairie", 7)


@pytest.mark.parametrize("key", ["", "unit:", "study:x", "table:3", "code"])
def test_what_names_no_subject_is_none(key: str) -> None:
    assert subject_of(key) is None


def test_a_memo_is_written_again_removed_and_both_are_undone() -> None:
    rows = numbered(NoteMemo.on(UNIT, "Vu"), EditMemo.of(memo(1), "Revu"), RemoveMemo.of(memo(1)))
    assert texts(rows[:2]) == {1: "Revu"}
    (written,) = current_memos(rows[:2]).values()
    assert (written.author, written.noted_at, written.edited_at) == (
        "lise",
        "2026-01-01",
        "2026-01-02",
    )
    assert texts(rows) == {}
    undone = [*rows, replace(Undo(3), decision_id=4), replace(Undo(2), decision_id=5)]
    assert texts(active_decisions(undone)) == {1: "Vu"}


def test_the_last_flag_counts_and_the_journal_lists_each_kind(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    journal = Journal(store, append=store.append_all)
    rows = [FlagPassage("a", "à citer"), FlagPassage("b"), UnflagPassage("a"), FlagPassage("a")]
    journal.add([*rows, NoteMemo.on(UNIT, "Vu")], author="lise", request_id="1")
    assert {name: row.word for name, row in flagged(journal.active(Decision)).items()} == {
        "b": None,
        "a": None,
    }
    journal.add([Undo(4), Undo(3)], author="lise", request_id="2")
    assert flagged(journal.active(Decision))["a"].word == "à citer"
    assert [row.text for row in journal.active(MemoDecision)] == ["Vu"]
    assert journal.coders == [], "to note is not to code"


def test_memos_change_no_table_and_what_no_longer_fits_comes_back_with_its_reason() -> None:
    tables = machine()
    rows = numbered(
        NoteMemo.on(UNIT, "Vu"),
        NoteMemo.on(MemoSubject("unit", "z"), "Vu"),
        NoteMemo.on(MemoSubject("document", "ailleurs"), "Vu"),
        NoteMemo.on(MemoSubject("theme", "parti"), "Vu"),
        NoteMemo.on(MemoSubject("code", "rubrique:parti"), "Vu"),
        NoteMemo.on(CODE, "Vu"),
        NoteMemo.on(STUDY, ""),
        EditMemo.of(memo(1), "Revu"),
        EditMemo.of(memo(99), "Revu"),
    )
    rows += [replace(FlagPassage("a"), decision_id=10), replace(UnflagPassage("a"), decision_id=11)]
    grid_codes = {("rubrique", "offre")}
    reviewed, before = (
        apply_decisions(tables, decisions, grid_codes=grid_codes) for decisions in (rows, [])
    )
    effects = reviewed.pop("decision_effects")
    assert effects["state"].tolist() == [
        "remplacée",
        *["sans objet"] * 4,
        "appliquée",
        "sans objet",
        "appliquée",
        "sans objet",
        "remplacée",
        "appliquée",
    ]
    assert effects["reason"].tolist()[1:5] == [
        "Le passage n'existe plus : son document a changé ou a été retiré.",
        "Aucun passage de ce document n'est plus dans l'étude.",
        "Le thème n'existe plus : ses passages sont passés dans d'autres.",
        "La grille n'a plus ce code.",
    ]
    assert effects["reason"].tolist()[6] == "Le mémo est vide."
    for name, table in reviewed.items():
        pd.testing.assert_frame_equal(table, before[name])


def test_what_is_noted_of_a_passage_goes_with_it_where_it_is_joined(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    journal = Journal(store, append=store.append_all)
    rows = [NoteMemo.on(UNIT, "Vu"), FlagPassage("a"), JoinPassages.of("a", "b", 3)]
    journal.add(rows, author="lise", request_id="1")
    (joined,) = lineage_of(journal.active(JoinPassages)).ends("a")
    for unit_id in ("a", joined):  # before the run that joins them, then after it
        snapshot = Snapshot("r", study(said("cars", 1, unit_id=unit_id)), {})
        (noted,) = memos_now(journal, snapshot).values()
        assert noted.subject == MemoSubject("unit", unit_id)
        assert set(flags_now(journal, snapshot)) == {unit_id}
    assert (
        store.count_after(
            0, but_for={action for action, kind in KINDS.items() if not kind.awaits_run}
        )
        == 1
    )


SENTENCES = [
    (NoteMemo.on(UNIT, "Vu"), "note un mémo sur le passage a : « Vu »"),
    (NoteMemo.on(DOCUMENT, "Vu", title="Notes"), "note un mémo sur le document « Notes » : « Vu »"),
    (NoteMemo.on(CODE, "Vu"), "note un mémo sur le code « offre » : « Vu »"),
    (NoteMemo.on(STUDY, "Vu"), "note un mémo sur l’étude : « Vu »"),
    (EditMemo.of(memo(3, THEME), "Vu"), "récrit le mémo n° 3 sur le thème « cars » : « Vu »"),
    (RemoveMemo.of(memo(3)), "retire le mémo n° 3 sur le passage a"),
    (FlagPassage("a", "à citer"), "met un drapeau sur le passage a : « à citer »"),
    (FlagPassage("a"), "met un drapeau sur le passage a"),
    (UnflagPassage("a"), "retire le drapeau de le passage a"),
]


@pytest.mark.parametrize(("decision", "sentence"), SENTENCES)
def test_a_decision_on_notes_reads_in_french(decision: Decision, sentence: str) -> None:
    assert decision.sentence(FrenchNames()) == sentence


@pytest.mark.parametrize(
    "decision",
    [
        NoteMemo.on(UNIT, "Voir Lou Vernet"),
        NoteMemo.on(STUDY, "Voir Lou Vernet"),
        NoteMemo.on(DOCUMENT, "Voir", title="Lou Vernet"),
        EditMemo.of(memo(3, THEME), "Voir Lou Vernet"),
        FlagPassage("a", "Lou Vernet"),
    ],
)
def test_names_in_what_is_typed_are_masked(decision: Decision) -> None:
    value = str(decision.row()["value"])
    masked = type(decision).masked_value(value, lambda text: text.replace("Lou Vernet", "[P1]"))
    assert "Vernet" not in masked
    again = read_decision({**decision.row(), "value": masked})
    assert again.row() == {**decision.row(), "value": masked}


MARKDOWN = [
    ("**Vu** et *revu*", "<p><strong>Vu</strong> et <em>revu</em></p>"),
    ("# Titre", '<p class="memo-title">Titre</p>'),
    ("a\nb", "<p>a<br />\nb</p>"),
    ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
    ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
    (
        "![x](https://a.fr/x.png)",
        '<p>!<a href="https://a.fr/x.png" rel="noopener noreferrer">x</a></p>',
    ),
    ('[x](https://a.fr "t\\" onclick=\\"y")', None),
]


@pytest.mark.parametrize(("text", "html"), MARKDOWN)
def test_markdown_is_shown_and_nothing_typed_is_html(text: str, html: str | None) -> None:
    shown = as_html(text).strip()
    assert html is None or shown == html
    assert "onclick" not in shown.replace("&quot; onclick=&quot;", "")
