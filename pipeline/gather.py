"""Gather the workshops' tables into the study's.

In:   the tables of each workshop, in order
Out:  one table of each name; structures and catchments that several workshops name are one row
"""

from collections.abc import Sequence

import pandas as pd

from pipeline.tables import TABLES


def gather_workshops(workshops: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Return the tables of all `workshops` joined end to end; none gives no table."""
    names = sorted({name for tables in workshops for name in tables})
    joined = {name: pd.concat([tables[name] for tables in workshops if name in tables], ignore_index=True) for name in names}
    if "structures" in joined:
        joined["structures"] = _merge_structures(joined["structures"])
    if "catchments" in joined:
        joined["catchments"] = _first_known(joined["catchments"])
    return {name: TABLES[name].check(rows) for name, rows in joined.items()}


def _merge_structures(structures: pd.DataFrame) -> pd.DataFrame:
    """One row a structure: the first known value of each column, and present or mapped if it is anywhere."""
    seen = structures.groupby("structure_id", sort=False)[["is_on_map", "is_in_attendance"]].any()
    return _first_known(structures.drop(columns=["is_on_map", "is_in_attendance"])).merge(seen, on="structure_id", validate="1:1")


def _first_known(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a structure_id, in order of first mention, each column its first value that is not blank."""
    return rows.groupby("structure_id", sort=False).first().reset_index()
