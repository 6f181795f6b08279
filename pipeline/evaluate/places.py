"""How often a passage's table, question and channel are right.

In:   gold passages, units, alignment
Out:  table_number_right, question_right, channel_right: shares of the passages found whose gold value is known
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.evaluate.alignment import Alignment

_COLUMNS = (("table_number", "table"), ("question", "question"), ("channel", "channel"))


def place_figures(passages: Sequence[dict[str, Any]], units: pd.DataFrame, aligned: Alignment) -> dict[str, float]:
    """Return one share a column; a column of which the gold knows nothing has none."""
    found = [passage for passage in passages if passage["unit_id"] in aligned.best]
    figures = {}
    for column, key in _COLUMNS:
        value_of = dict(zip(units["unit_id"], units[column], strict=True))
        known = [passage for passage in found if passage[key] not in (None, "autre")]
        if known:
            n_right = sum(_same(value_of[aligned.best[passage["unit_id"]]], passage[key]) for passage in known)
            figures[f"{column}_right"] = round(n_right / len(known), 3)
    return figures


def _same(value: Any, wanted: Any) -> bool:
    return not pd.isna(value) and str(value).removesuffix(".0") == str(wanted)
