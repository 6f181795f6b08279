"""Families of themes: groups that come back when units are drawn again, ids that last, names and counts that follow."""

import json

import numpy as np
import pandas as pd
import pytest

from models.rows import unit_rows
from pipeline.cluster.families import group_themes
from pipeline.cluster.identity import identify_families
from pipeline.counting import count_families
from pipeline.tables.results import THEME_FAMILIES, THEME_MEMBERS, THEMES


def themes_around(
    n_families: int, n_themes: int, *, spread: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Units of norm 1 whose themes lie around the axes, `n_themes` an axis, 8 units a theme."""
    rng = np.random.default_rng(3)
    centres = np.repeat(np.eye(12)[:n_families], n_themes, axis=0) + spread * rng.normal(
        size=(n_families * n_themes, 12)
    )
    units = np.repeat(unit_rows(centres), 8, axis=0) + 0.05 * rng.normal(
        size=(8 * len(centres), 12)
    )
    return unit_rows(units), np.repeat(np.arange(len(centres)), 8)


@pytest.mark.parametrize(
    ("n_families", "n_themes", "spread"),
    [(3, 7, 0.25), (4, 3, 0.25), (5, 4, 0.25), (6, 3, 0.25), (7, 3, 0.15)],
)
def test_there_are_as_many_families_as_subjects(n_families: int, n_themes: int, spread: float):
    rows, labels = themes_around(n_families, n_themes, spread=spread)
    families, _ = group_themes(rows, labels, n_families * n_themes, seed=0)
    assert families.max() + 1 == n_families


def test_themes_around_four_subjects_make_four_families_that_hold_together():
    rows, labels = themes_around(4, 3, spread=0.1)
    families, together = group_themes(rows, labels, 12, seed=0)
    assert families.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert together[0, 1] == 1 and together[0, 3] == 0


def test_units_set_aside_and_the_seed_s_draws_leave_the_families_alone():
    rows, labels = themes_around(3, 4, spread=0.1)
    alone = np.append(labels, -1)
    found = [
        group_themes(np.vstack([rows, rows[:1]]), alone, 12, seed=seed)[0].tolist()
        for seed in (0, 1)
    ]
    assert found[0] == found[1] == group_themes(rows, labels, 12, seed=0)[0].tolist()


def previous() -> tuple[pd.DataFrame, pd.DataFrame]:
    fixed = {
        "description": "x",
        "n_units": 2,
        "n_tables": 1,
        "n_workshops": 1,
        "stability": 1.0,
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
            {"unit_id": unit, "theme_id": theme, "strength": 0.9} for unit, theme in members
        ),
    )


def test_a_family_keeps_its_id_though_its_themes_were_cut_otherwise():
    found = identify_families(
        [["d", "e"], ["a", "b", "c", "h"], ["z"]],
        [["loyer"], ["bus", "gare"], ["école"]],
        previous(),
    )
    assert found[:2] == ["f-2", "f-1"]
    assert found[2].startswith("f-") and found[2] not in ("f-1", "f-2")
    assert identify_families([["a"], ["d"]], [["bus"], ["loyer"]], None) != found[:2]


def test_a_family_counts_its_themes_members_and_one_without_theme_goes():
    themes, members = previous()
    units = pd.DataFrame(
        {
            "unit_id": list("abcdeg"),
            "workshop_id": list("vvwvwv"),
            "table_number": [1, 1, 2, 1, 2, 3],
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
    counted = count_families(THEME_FAMILIES.build(rows), themes, members, units)
    assert counted[
        ["family_id", "n_themes", "n_units", "n_tables", "n_workshops"]
    ].to_numpy().tolist() == [
        ["f-1", 2, 3, 2, 2],
        ["f-2", 1, 2, 2, 2],
    ]
    assert count_families(THEME_FAMILIES.empty(), themes, members, units).empty
