import json

import pandas as pd
import pytest

from pipeline.tables.material import TAGS
from pipeline.tag import order_review


def tags_of(
    *rows: tuple[str, str, float], axis: str = "rubrique", threshold: float = 0.5
) -> pd.DataFrame:
    return TAGS.build(
        {
            "unit_id": unit,
            "axis": axis,
            "code": code,
            "score": score,
            "is_assigned": score >= threshold,
            "evidence": json.dumps([]),
            "source": "machine",
            "model_version": "m",
        }
        for unit, code, score in rows
    )


def units_of(n: int) -> pd.DataFrame:
    return pd.DataFrame({"unit_id": [f"u{at:03d}" for at in range(n)]})


def reasons(queue: pd.DataFrame) -> dict[str, str]:
    return dict(zip(queue["unit_id"], queue["reason"], strict=True))


def test_every_unit_left_has_one_place_and_judged_ones_have_none():
    queue = order_review(units_of(30), tags_of(("u001", "offre", 0.6)), judged={"u005", "u006"})
    assert sorted(queue["unit_id"]) == sorted(set(units_of(30)["unit_id"]) - {"u005", "u006"})
    assert list(queue["place"]) == list(range(1, 29))


def test_doubtful_units_come_before_sure_ones():
    sure = [(f"u{at:03d}", "offre", 0.99) for at in range(10)]
    queue = order_review(
        units_of(12), tags_of(*sure, ("u010", "offre", 0.51), ("u011", "accompagnement", 0.45))
    )
    assert set(queue["unit_id"][:2]) == {"u010", "u011"}


def test_of_ten_places_three_go_to_rare_codes_and_one_is_drawn_by_lot():
    common = [(f"u{at:03d}", code, 0.9) for at in range(60) for code in ("a", "b", "c", "d", "e")]
    rare = [(f"u{at:03d}", "rare", 0.4) for at in range(60, 80)]
    queue = order_review(units_of(120), tags_of(*common, *rare))
    assert queue["reason"][:20].value_counts().to_dict() == {
        "doute": 12,
        "code rare": 6,
        "témoin": 2,
    }


def test_units_on_which_two_machines_disagree_come_first():
    first = tags_of(("u000", "offre", 0.9), ("u001", "offre", 0.9), ("u002", "offre", 0.5))
    second = tags_of(("u000", "offre", 1.0), ("u001", "accompagnement", 1.0))
    queue = order_review(units_of(3), first, second_tags=second)
    assert queue["unit_id"].iloc[0] == "u001"
    assert reasons(queue)["u001"] == "désaccord"
    assert "désaccord" not in {
        reasons(queue)["u000"],
        reasons(queue)["u002"],
    }  # agreed on, not coded by the second


@pytest.mark.parametrize("seed", [0, 7])
def test_the_order_does_not_depend_on_the_tables_order(seed):
    rows = [
        (f"u{at:03d}", code, 0.2 + 0.7 * ((at * 7 + len(code)) % 11) / 11)
        for at in range(50)
        for code in ("offre", "besoin")
    ]
    units, tags = units_of(50), tags_of(*rows)
    shuffled = order_review(
        units.sample(frac=1, random_state=seed), tags.sample(frac=1, random_state=seed)
    )
    pd.testing.assert_frame_equal(order_review(units, tags), shuffled)


def test_no_unit_gives_an_empty_queue():
    assert order_review(units_of(0), tags_of()).empty
