"""What is left to read of a theme: what people put there, what a sign-off that awaits had said, then the form."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from pipeline.decisions import Decision, read_decisions
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import replay_themes
from pipeline.review.theme_reading import ThemeReading, read_so_far
from pipeline.tables.material import DECISION_EFFECTS, DECISIONS, DOCUMENTS
from pipeline.tables.results import THEME_FAMILIES
from support.decisions import sign_off
from support.invented import said, study, workshops


class Decided:
    """A journal of active decisions on themes."""

    def __init__(self, rows: list[Decision]) -> None:
        self.rows = rows

    def on_theme(self, theme_id: str, kind: type[Decision]) -> list[Any]:
        """The theme's decisions of a kind."""
        rows = (row for row in self.rows if isinstance(row, kind))
        return [row for row in rows if getattr(row, "theme_id", None) == theme_id]


def read(
    *decisions: dict[str, Any], awaits: bool = False, fields: dict[str, str] | None = None
) -> ThemeReading:
    """Cars: a and b at table 1, c at table 2, d by mail; how far it is read."""
    machine = study(
        said("cars", 1, unit_id="a"),
        said("cars", 1, unit_id="b"),
        said("cars", 2, unit_id="c"),
        said("cars", None, None, unit_id="d", channel="mail"),
        said("lait", 1, unit_id="l"),
    )
    rows = read_decisions(
        DECISIONS.build(
            {"decision_id": number, "decided_at": "2025-01-01", "author": "lise"} | row
            for number, row in enumerate(decisions, 1)
        )
    )
    state = "à revoir" if awaits else "appliquée"
    effects = DECISION_EFFECTS.build(
        {"decision_id": row.decision_id, "action": row.action, "state": state, "reason": "Devenu."}
        for row in rows
    )
    documents = pd.DataFrame(columns=[column.name for column in DOCUMENTS.columns])
    tables = {"units": machine["units"], "decision_effects": effects, "documents": documents}
    snapshot = Snapshot(
        "r",
        tables | {"workshops": workshops()},
        machine | {"theme_families": THEME_FAMILIES.empty()},
    )
    now = replay_themes(snapshot, rows, len(rows))
    journal: Any = Decided(rows)
    return read_so_far("cars", now, snapshot, journal, fields)


def move(unit_id: str, into: str | None) -> dict[str, Any]:
    return {"action": "move_unit", "unit_id": unit_id, "theme_id": "cars", "value": into}


ALL = {"avis-a": "non", "avis-b": "oui", "avis-c": "non", "avis-d": "non"}
CASES: list[tuple[str, Callable[[], ThemeReading], str, str, int, int]] = [
    ("nothing read", read, "", "", 3, 0),
    ("the form", lambda: read(fields={"avis-a": "oui", "avis-c": "non"}), "a", "c", 1, 1),
    ("one of two refused decides nothing", lambda: read(fields={"avis-a": "non"}), "", "a", 3, 0),
    ("the form, to the end", lambda: read(fields=ALL), "b", "acd", 0, 1),
    ("what is not a choice", lambda: read(fields={"avis-a": "peut-être", "avis-z": "oui"}), "", "", 3, 0),
    ("put there by somebody", lambda: read(move("b", "cars")), "b", "", 2, 1),
    ("put there, refused now", lambda: read(move("c", "cars"), fields={"avis-c": "non"}), "", "c", 2, 0),
    ("set aside by somebody", lambda: read(move("c", None)), "", "", 2, 0),
    ("signed off", lambda: read(sign_off("cars", "acd", "b")), "acd", "", 0, 2),
    ("signed off, awaiting a review", lambda: read(sign_off("cars", "a", "cd"), awaits=True), "a", "cd", 0, 1),
    ("signed off, awaiting, said anew", lambda: read(sign_off("cars", "a", "cd"), awaits=True, fields={"avis-c": "oui"}), "ac", "d", 0, 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("read_so_far", "accepted", "refused", "n_open", "n_tables"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_reading_goes_on_from_what_people_said(
    read_so_far: Callable[[], ThemeReading], accepted: str, refused: str, n_open: int, n_tables: int
) -> None:
    reading = read_so_far()
    assert (reading.accepted, reading.refused) == (set(accepted), set(refused))
    assert (reading.n_open, reading.n_tables) == (n_open, n_tables)


def test_what_is_not_saved_yet_or_awaits_a_review_stays_to_decide() -> None:
    awaiting = read(sign_off("cars", "acd"), awaits=True)
    for reading in (read(), read(fields=ALL), awaiting):
        assert [circle["table_number"] for circle in reading.to_decide] == [1, 2, None]
    assert [circle["table_number"] for circle in read(move("b", "cars")).decided] == [1]
