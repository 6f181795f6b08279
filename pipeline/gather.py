"""Gather the workshops' tables into the study's.

In:   the tables of each workshop, in order
Out:  one table of each name; structures and catchments that several workshops name are one row, under one id
"""

import json
import logging
from collections.abc import Sequence

import pandas as pd

from pipeline.shared_structures import Row, share_ids
from pipeline.tables import TABLES

log = logging.getLogger(__name__)

_CARRIERS = ("structures", "attendance", "catchments")
NAMING = frozenset({*_CARRIERS, "workshops"})  # tables in which one structure gets one id; the others are joined end to end


def gather_workshops(workshops: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Return the tables of all `workshops` joined end to end; none gives no table."""
    shared = _shared(workshops)
    names = sorted({name for tables in shared for name in tables})
    joined = {name: pd.concat([tables[name] for tables in shared if name in tables], ignore_index=True) for name in names}
    if "structures" in joined:
        joined["structures"] = _merge_structures(joined["structures"])
    if "catchments" in joined:
        joined["catchments"] = _first_known(joined["catchments"])
    return {name: TABLES[name].check(rows) for name, rows in joined.items()}


def _shared(workshops: Sequence[dict[str, pd.DataFrame]]) -> list[dict[str, pd.DataFrame]]:
    """The tables with one structure_id a structure in the whole study, whatever the order of the workshops."""
    rows = [
        Row(place, structure_id, name, code or None)
        for place, tables in enumerate(workshops)
        if "structures" in tables
        for structure_id, name, code in tables["structures"][["structure_id", "name", "commune_code"]]
        .fillna("")
        .to_numpy(dtype=str)
        .tolist()
    ]
    territories = [str(name) for tables in workshops if "workshops" in tables for name in tables["workshops"]["territory"]]
    ids = share_ids(rows, territories)
    log.info("structures: %d in the workshops, %d in the study", len(rows), len(set(ids.values())))
    return [
        _renumbered(tables, {own: shared for (at, own), shared in ids.items() if at == place}) for place, tables in enumerate(workshops)
    ]


def _renumbered(tables: dict[str, pd.DataFrame], ids: dict[str, str]) -> dict[str, pd.DataFrame]:
    """`tables` with each structure's shared id; catchments of a structure without a row keep theirs."""
    if all(own == shared for own, shared in ids.items()):
        return tables
    changed = {
        name: tables[name].assign(structure_id=tables[name]["structure_id"].map(lambda own: ids.get(own, own)))
        for name in _CARRIERS
        if name in tables
    }
    return tables | changed


def _merge_structures(structures: pd.DataFrame) -> pd.DataFrame:
    """One row a structure: the first known value of each column but the fullest name, and present or mapped if it is anywhere."""
    seen = structures.groupby("structure_id", sort=False).agg({"is_on_map": "any", "is_in_attendance": "any", "map_workshop_ids": _union})
    # the spelling that the workshops of the study agree on must not hang on their order: the longest, then the first in the alphabet
    ranked = structures.assign(length=structures["name"].str.len()).sort_values(["length", "name"], ascending=[False, True])
    names = ranked.drop_duplicates("structure_id").set_index("structure_id")["name"]
    rows = _first_known(structures.drop(columns=["is_on_map", "is_in_attendance", "map_workshop_ids"]))
    rows["name"] = rows["structure_id"].map(names)
    return rows.merge(seen, on="structure_id", validate="1:1")


def _union(lists: pd.Series) -> str | None:
    """The workshops of several JSON lists, each once and in order; None for none."""
    workshop_ids = sorted({workshop_id for text in lists.dropna() for workshop_id in json.loads(text)})
    return json.dumps(workshop_ids) if workshop_ids else None


def _first_known(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a structure_id, in order of first mention, each column its first value that is not blank."""
    return rows.groupby("structure_id", sort=False).first().reset_index()
