"""Whether gold personal data can still be read anywhere in the tables.

In:   personal data of pii.jsonl, every table
Out:  recall of removal by kind, and what leaked; None without pii.jsonl
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

_OWN_NAMES = ("path", "document")  # these keep the depot's file names, as the dictionary says
_N_SHOWN = 20


def privacy_figures(personal: Sequence[dict[str, Any]] | None, tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """Return the share of personal data removed, by kind, and the first twenty leaks."""
    if personal is None:
        return None
    everything = "\n".join(_texts(tables))
    leaked = [item for item in personal if re.search(rf"(?<!\w){re.escape(item['quote'])}(?!\w)", everything)]
    totals, leaks = (Counter(item["kind"] for item in items) for items in (personal, leaked))
    recall = {kind: round(1 - leaks[kind] / total, 3) for kind, total in totals.items()}
    return {"recall": recall, "leaked": [item["quote"] for item in leaked[:_N_SHOWN]]}


def _texts(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Every distinct value of every text column, in the tables' order."""
    return [
        value
        for _, table in sorted(tables.items())
        for column in table.columns
        if column not in _OWN_NAMES
        for value in table[column].dropna().unique()
        if isinstance(value, str)
    ]
