"""An invented study in a few lines, for tests: `said(...)` is a passage, `study(...)` the tables that hold it."""

from typing import Any

import pandas as pd

from pipeline.counting import count_themes, with_circles
from pipeline.tables.material import TAGS, UNITS, WORKSHOPS
from pipeline.tables.results import THEME_MEMBERS, THEMES

ORTHEZ, DIE = "orthez-2025-02-04", "die-2025-03-11"


def workshops(*workshop_ids: str, n_tables: int | None = 4) -> pd.DataFrame:
    """Workshops named `territory-date`; the two of Orthez and Die where none is named."""
    return WORKSHOPS.build(
        {
            "workshop_id": workshop_id,
            "territory": workshop_id[:-11],
            "date": workshop_id[-10:],
            "n_tables": n_tables,
            "folder": workshop_id,
        }
        for workshop_id in workshop_ids or (ORTHEZ, DIE)
    )


def said(
    theme_id: str | None, table: int | None = 1, question: str | None = "q1", **more: Any
) -> dict[str, Any]:
    """A passage about `theme_id`; unit_id, text, workshop_id, channel, document_id, posture, rubrique, probability, is_counted and likely by keyword."""
    return {"theme_id": theme_id, "table_number": table, "question": question} | more


def study(*passages: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The tables units, tags, themes and theme_members that hold `passages`."""
    rows = [_completed(place, passage) for place, passage in enumerate(passages)]
    members = [row for row in rows if row["theme_id"]]
    made = {
        "units": UNITS.build(
            {column.name: row.get(column.name) for column in UNITS.columns} for row in rows
        ),
        "tags": TAGS.build(
            tag(row["unit_id"], axis, row[axis])
            for row in rows
            for axis in ("posture", "rubrique")
            if row[axis]
        ),
        "themes": THEMES.build(
            _theme(theme_id, members) for theme_id in sorted({row["theme_id"] for row in members})
        ),
        "theme_members": THEME_MEMBERS.build(
            {
                "unit_id": row["unit_id"],
                "theme_id": row["theme_id"],
                "strength": 0.8,
                "probability": row.get("probability", 1.0),
                "is_counted": row.get("is_counted", True),
                "likely": row.get("likely"),
            }
            for row in members
        ),
    }
    counts = count_themes(made["theme_members"], with_circles(made["units"]))
    counts = counts.loc[made["themes"]["theme_id"]].reset_index()
    names = ["n_tables_expected", "n_tables_low", "n_tables_high"]
    return made | {"themes": THEMES.check(made["themes"].assign(**counts[names]))}


def tag(
    unit_id: str,
    axis: str,
    code: str,
    *,
    is_assigned: bool = True,
    source: str = "machine",
    score: float = 1.0,
) -> dict[str, Any]:
    """A row of tags."""
    row = {
        "unit_id": unit_id,
        "axis": axis,
        "code": code,
        "score": score,
        "is_assigned": is_assigned,
    }
    return row | {"evidence": "[]", "source": source, "model_version": "1"}


def _completed(place: int, passage: dict[str, Any]) -> dict[str, Any]:
    row = {
        "unit_id": f"u{place:03d}",
        "workshop_id": ORTHEZ,
        "channel": "notes",
        "text": "les cars du soir",
        "rubrique": None,
    } | passage
    row = {
        "posture": "difficulte",
        "document_id": f"{row['workshop_id']}-{row['table_number']}-{row['channel']}",
    } | row
    return row | {"unit_order": place, "start_char": 0, "end_char": len(row["text"])}


def _theme(theme_id: str, members: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [row for row in members if row["theme_id"] == theme_id]
    tables = {
        (row["workshop_id"], row["table_number"]) for row in mine if row["table_number"] is not None
    }
    counts = {
        "n_units": len(mine),
        "n_tables": len(tables),
        "n_workshops": len({row["workshop_id"] for row in mine}),
    }
    quotes = str([row["unit_id"] for row in mine]).replace("'", '"')
    words = {
        "theme_id": theme_id,
        "label": theme_id.capitalize(),
        "name_source": "phrase",
        "proposals": "[]",
        "is_signed_off": False,
        "keywords": "[]",
        "description": "",
        "quotes": quotes,
        "kind": "mixte",
    }
    for name in ("n_tables_expected", "n_tables_low", "n_tables_high"):
        counts[name] = counts["n_tables"]
    return words | counts | {"stability": 0.7, "unity": 0.7}
