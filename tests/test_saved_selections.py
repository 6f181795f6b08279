"""Selections that people name: who sees them, which one holds, and no name of a person in them."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.decision_store import DecisionStore
from pipeline.decisions import active_decisions, apply_decisions
from pipeline.decisions.kinds import Decision, Undo, as_json
from pipeline.decisions.selections import RemoveSelection, SaveSelection, selections_of
from pipeline.review.journal import Journal
from pipeline.tables.results import THEME_FAMILIES
from support.invented import said, study

BUS, TOIT = "territoire=Lens&mots=bus", "theme=cars&sans-question=q3"


def _saved(*rows: tuple[str, Decision], folder: Path) -> Journal:
    store = DecisionStore(folder / "decisions.sqlite3")
    journal = Journal(store, append=store.append_all)
    for number, (author, row) in enumerate(rows):
        journal.add([row], author=author, request_id=str(number))
    return journal


def _named(name: str, address: str, *, is_shared: bool = False) -> SaveSelection:
    return SaveSelection.named(name, address, is_shared=is_shared)


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([("alix", _named("Bus", BUS))], [("Bus", BUS)]),
        ([("alix", _named("Bus", BUS)), ("alix", _named("Bus", TOIT))], [("Bus", TOIT)]),
        ([("alix", _named("Bus", BUS)), ("alix", RemoveSelection.named("Bus"))], []),
        ([("alix", _named("Bus", BUS)), ("alix", Undo(1))], []),
        ([("alix", _named("Bus", BUS)), ("alix", RemoveSelection.named("Bus")), ("alix", Undo(2))], [("Bus", BUS)]),
        ([("bilal", _named("Bus", BUS))], []),
        ([("bilal", _named("Bus", BUS, is_shared=True)), ("alix", _named("Toit", TOIT))], [("Toit", TOIT), ("Bus", BUS)]),
        ([("bilal", _named("Bus", BUS, is_shared=True)), ("alix", RemoveSelection.named("Bus"))], [("Bus", BUS)]),
    ],
)  # fmt: skip
def test_a_person_sees_their_selections_and_those_that_others_share(
    tmp_path: Path, rows: list[tuple[str, Decision]], seen: list[tuple[str, str]]
) -> None:
    journal = _saved(*rows, folder=tmp_path)
    mine = selections_of(active_decisions(journal.store.read()), "alix")
    assert [(row.name, row.address) for row in mine] == seen


def test_the_last_one_of_a_name_holds_and_one_whose_theme_is_gone_says_so(tmp_path: Path) -> None:
    tables = {"theme_families": THEME_FAMILIES.empty(), **study(said("cars", 1, unit_id="a"))}
    rows = [
        _named("Bus", BUS),
        _named("Bus", TOIT),
        _named("Parti", "theme=velos"),
        _named("", BUS),
    ]
    journal = _saved(*(("alix", row) for row in rows), folder=tmp_path)
    effects = apply_decisions(tables, journal.store.read())["decision_effects"]
    assert list(effects["state"]) == ["remplacée", "appliquée", "sans objet", "sans objet"]
    assert pd.notna(effects["reason"].iloc[2]) and "thème" in effects["reason"].iloc[2]


def test_names_of_people_are_masked_in_what_was_typed() -> None:
    content = {"name": "Dit par Lise", "address": "mots=Lise&territoire=Lise&q=chez+Lise"}
    masked = SaveSelection.masked_value(as_json(content), lambda text: text.replace("Lise", "X"))
    row = SaveSelection.read({"action": "save_selection", "value": masked})
    assert (row.name, row.address) == ("Dit par X", "mots=X&territoire=Lise&q=chez+X")
