"""Gather the workshops' tables into the study's.

In:   the tables of each workshop, in order
Out:  one table of each name; structures and catchments that several workshops name are one row
"""

from collections.abc import Sequence

import pandas as pd

from pipeline.tables import CATCHMENTS, STRUCTURES, TABLES


def gather_workshops(workshops: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Return the tables of all `workshops` joined end to end; none gives empty tables."""
    names = sorted({name for tables in workshops for name in tables})
    gathered = {name: TABLES[name].check(pd.concat([tables[name] for tables in workshops if name in tables])) for name in names}
    if "structures" in gathered:
        gathered["structures"] = _merge_structures(gathered["structures"])
    if "catchments" in gathered:
        gathered["catchments"] = CATCHMENTS.check(_first_known(gathered["catchments"]))
    return gathered


def _merge_structures(structures: pd.DataFrame) -> pd.DataFrame:
    """One row a structure: the first known value of each column, and present or mapped if it is anywhere."""
    seen = structures.groupby("structure_id", sort=False)[["is_on_map", "is_in_attendance"]].any()
    merged = _first_known(structures.drop(columns=["is_on_map", "is_in_attendance"])).merge(seen, on="structure_id", validate="1:1")
    return STRUCTURES.check(merged)


def _first_known(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a structure_id, in order of first mention, each column its first value that is not blank."""
    return rows.groupby("structure_id", sort=False).first().reset_index()
