"""Columns read as lists give what pandas gives."""

import pandas as pd

from pipeline.tables.columns import cells_of, is_among

ROWS = pd.DataFrame(
    {"unit_id": ["u1", "u2", "u2"], "score": [0.5, 1.0, 0.0], "axis": ["a", "b", "b"]}
)


def test_cells_come_row_by_row_in_the_order_asked_for():
    assert list(cells_of(ROWS, "axis", "unit_id")) == [("a", "u1"), ("b", "u2"), ("b", "u2")]
    assert list(cells_of(ROWS)) == list(ROWS.itertuples(index=False, name=None))
    assert list(cells_of(ROWS.head(0))) == []


def test_cells_are_among_values_of_any_kind():
    values = pd.Series(["u2", "u9"])
    expected = ROWS["unit_id"].isin(values).tolist()
    for among in (values, ["u2", "u9"], {"u2": 1}, frozenset({"u2"}), values.array):
        assert is_among(ROWS["unit_id"], among).tolist() == expected == [False, True, True]
    assert is_among(ROWS["unit_id"].head(0), values).tolist() == []
