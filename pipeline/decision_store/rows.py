"""Decisions as frames: checked on the way into a database, typed on the way out.

In:   decisions as people take them, rows as a database gives them
Out:  tuples to insert; frames of DECISIONS
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.decision_store.columns import NAMES, SAID, now
from pipeline.tables.material import DECISIONS

_COLUMNS = {column.name: column for column in DECISIONS.columns}


def checked_rows(decisions: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return `decisions` as values of the columns `SAID`; `decided_at` is now where it is not given.

    Raises `TableError` for a column, an action or a type that does not exist.
    """
    blank = dict.fromkeys(NAMES) | {"decided_at": now()}
    numbered = [
        {**blank, **row, "decision_id": place} for place, row in enumerate(decisions, start=1)
    ]
    if all(
        _is_plain(row) for row in numbered
    ):  # a decision from a page: no frame is needed to see that it is right
        return [tuple(row[name] for name in SAID) for row in numbered]
    checked = DECISIONS.check(pd.DataFrame(numbered, dtype=object))[list(SAID)].astype(object)
    return list(checked.where(checked.notna(), None).itertuples(index=False, name=None))


def framed(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return rows of the columns `NAMES` as a frame of DECISIONS; their values were checked when they were kept."""
    if not rows:
        return DECISIONS.empty()
    typed = zip(DECISIONS.columns, zip(*rows, strict=True), strict=True)
    return pd.DataFrame(
        {column.name: pd.array(list(cells), dtype=column.dtype) for column, cells in typed}
    )


def _is_plain(row: Mapping[str, Any]) -> bool:
    """Whether `row` has the columns of DECISIONS and texts that they allow."""
    return row.keys() == _COLUMNS.keys() and all(
        column.kind == "int"
        or (column.nullable and row[name] is None)
        or (type(row[name]) is str and (not column.values or row[name] in column.values))
        for name, column in _COLUMNS.items()
    )
