"""Decisions as frames: checked on the way into a database, typed on the way out.

In:   decisions as people take them, rows as a database gives them
Out:  tuples to insert; frames of DECISIONS
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.decision_store.columns import NAMES, SAID, now
from pipeline.tables import DECISIONS


def checked_rows(decisions: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return `decisions` as values of the columns `SAID`; `decided_at` is now where it is not given.

    Raises `TableError` for a column, an action or a type that does not exist.
    """
    blank = dict.fromkeys(NAMES) | {"decided_at": now()}
    numbered = [{**blank, **row, "decision_id": place} for place, row in enumerate(decisions, start=1)]
    if not numbered:
        return []
    checked = DECISIONS.check(pd.DataFrame(numbered, dtype=object))[list(SAID)].astype(object)
    return list(checked.where(checked.notna(), None).itertuples(index=False, name=None))


def framed(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return rows of the columns `NAMES` as a frame of DECISIONS; their values were checked when they were kept."""
    if not rows:
        return DECISIONS.empty()
    typed = zip(DECISIONS.columns, zip(*rows, strict=True), strict=True)
    return pd.DataFrame({column.name: pd.array(list(cells), dtype=column.dtype) for column, cells in typed})
