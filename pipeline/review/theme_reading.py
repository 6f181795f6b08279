"""Prepare what a person reads before she signs a theme off, table by table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.decisions.sign_off import CircleToRead, SignOffTheme, circles_to_read, undecided
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes

ACCEPTED, REFUSED = "oui", "non"
_FIELD = "avis-"  # then a unit_id
_N_CIRCLES, _N_PASSAGES = 40, 12  # shown at once, of a circle
BY_TABLE, BY_PROBABILITY = "table", "probabilite"  # orders of what is to read


Shown = dict[str, Any]  # a table, else a document, to read, or a passage of it


@dataclass(frozen=True)
class ThemeReading:
    """A theme's circles and what was said of their passages.

    `to_decide` and `decided` are shown, as many as a page holds; `n_open` and `n_tables` count all.
    """

    choices: dict[str, str]
    to_decide: list[Shown]
    decided: list[Shown]
    n_open: int
    n_tables: int

    def surest_first(self, strengths: Mapping[str, float]) -> list[tuple[Shown, Shown]]:
        """Return what is left to read as one list, by falling strength of membership."""
        rows = [(circle, passage) for circle in self.to_decide for passage in circle["passages"]]
        return sorted(rows, key=lambda row: -strengths.get(row[1]["unit"].unit_id, 0.0))

    @property
    def accepted(self) -> set[str]:
        """Return the passages that are in the theme."""
        return _named(self.choices, ACCEPTED)

    @property
    def refused(self) -> set[str]:
        """Return the passages that are not."""
        return _named(self.choices, REFUSED)


def read_so_far(
    theme_id: str,
    now: Themes,
    snapshot: Snapshot,
    journal: Journal,
    fields: Mapping[str, Any] | None = None,
) -> ThemeReading:
    """Return how far a theme is read: what people decided, then what the form's `fields` say."""
    members = now.members[now.members["theme_id"] == theme_id]
    circles = circles_to_read(members, snapshot.circles).get(theme_id, [])
    placed = {name for name, placed_in in now.placed.items() if placed_in == theme_id}
    before = _awaiting_choices(theme_id, snapshot, journal) | dict.fromkeys(placed, ACCEPTED)
    sent = fields or {}
    choices = {
        name: str(sent.get(_FIELD + name) or before.get(name, "")) for name in members["unit_id"]
    }
    accepted, refused = _named(choices, ACCEPTED), _named(choices, REFUSED)
    left = undecided(circles, accepted, refused)
    # What is not saved yet stays among what is to decide, filled in.
    to_decide = undecided(circles, placed)
    decided = [circle for circle in circles if circle not in to_decide]
    return ThemeReading(
        choices,
        [_shown(circle, choices, snapshot) for circle in to_decide[:_N_CIRCLES]],
        [_shown(circle, choices, snapshot) for circle in decided[:_N_CIRCLES]],
        n_open=len(left),
        n_tables=snapshot.n_tables(accepted),
    )


def _awaiting_choices(theme_id: str, snapshot: Snapshot, journal: Journal) -> dict[str, str]:
    """Return what sign-offs had said that await a review, to decide anew."""
    choices: dict[str, str] = {}
    for row in journal.on_theme(theme_id, SignOffTheme):
        if row.decision_id in snapshot.to_review:
            choices |= dict.fromkeys(row.accepted, ACCEPTED) | dict.fromkeys(row.refused, REFUSED)
    return choices


def _named(choices: Mapping[str, str], choice: str) -> set[str]:
    return {name for name, chosen in choices.items() if chosen == choice}


def _shown(circle: CircleToRead, choices: Mapping[str, str], snapshot: Snapshot) -> Shown:
    """Return a circle with its passages in order, what was said of each, and its buttons' name."""
    return {
        "territory": str(snapshot.workshops[circle.workshop_id]["territory"]),
        "table_number": circle.table_number,
        "title": snapshot.titles.get(circle.document_id, ""),
        "passages": [
            {"unit": snapshot.units[name], "choice": choices[name], "field": f"{_FIELD}{name}"}
            for name in circle.unit_ids[:_N_PASSAGES]
        ],
    }
