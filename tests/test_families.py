"""Families of themes: counts that follow their themes."""

import json

import pandas as pd

from pipeline.counting import count_families, with_circles
from pipeline.tables.results import THEME_FAMILIES, THEME_MEMBERS, THEMES


def previous() -> tuple[pd.DataFrame, pd.DataFrame]:
    fixed = {
        "description": "x",
        "n_units": 2,
        "n_tables": 1,
        "n_tables_expected": 1,
        "n_tables_low": 1,
        "n_tables_high": 1,
        "name_source": "phrase",
        "proposals": "[]",
        "is_signed_off": False,
        "n_workshops": 1,
        "stability": 1.0,
        "unity": 1.0,
        "kind": "mixte",
        "quotes": "[]",
    }
    themes = [
        ("t-1", "f-1", ["bus"]),
        ("t-2", "f-1", ["gare"]),
        ("t-3", "f-2", ["loyer"]),
        ("t-4", None, ["eau"]),
    ]
    members = [("a", "t-1"), ("b", "t-1"), ("c", "t-2"), ("d", "t-3"), ("e", "t-3"), ("g", "t-4")]
    return (
        THEMES.build(
            {
                "theme_id": name,
                "label": name,
                "keywords": json.dumps(words),
                "parent_id": parent,
                **fixed,
            }
            for name, parent, words in themes
        ),
        THEME_MEMBERS.build(
            {
                "unit_id": unit,
                "theme_id": theme,
                "strength": 0.9,
                "probability": 0.9,
                "is_counted": True,
            }
            for unit, theme in members
        ),
    )


def test_a_family_counts_its_themes_members_and_one_without_theme_goes():
    themes, members = previous()
    units = pd.DataFrame(
        {
            "unit_id": list("abcdeg"),
            "workshop_id": list("vvwvwv"),
            "table_number": [1, 1, 2, 1, 2, 3],
            "document_id": "d",
            "question": "q1",
            "channel": "notes",
        }
    )
    rows = [
        {
            "family_id": name,
            "label": name,
            "n_themes": 0,
            "n_units": 0,
            "n_tables": 0,
            "n_workshops": 0,
        }
        for name in ("f-2", "f-1", "f-3")
    ]
    counted = count_families(THEME_FAMILIES.build(rows), themes, members, with_circles(units))
    assert counted[
        ["family_id", "n_themes", "n_units", "n_tables", "n_workshops"]
    ].to_numpy().tolist() == [
        ["f-1", 2, 3, 2, 2],
        ["f-2", 1, 2, 2, 2],
    ]
    assert count_families(THEME_FAMILIES.empty(), themes, members, with_circles(units)).empty
