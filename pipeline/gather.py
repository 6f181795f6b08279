"""Gather the workshops' tables into the study's.

In:   the tables of each workshop, in order
Out:  one table of each name; a structure of several workshops is one row, under one id
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from pipeline.communes import centre_of, name_of
from pipeline.communes.gazetteer import distance_km
from pipeline.structure_names import NameIndex, StructureName, are_one, fullest_name, telling_words
from pipeline.tables import TABLES
from pipeline.text import fold, slug

# rapidfuzz score of a misspelt word; stricter than in one workshop, which has fewer names.
_NAME_MATCH = 90
_CLOSE_KM = 40  # beyond, one common word means a namesake
_MIN_TELLING = 2
log = logging.getLogger(__name__)
_CARRIERS = ("structures", "attendance", "catchments")
# Tables with shared structure ids.
NAMING = frozenset({*_CARRIERS, "workshops"})


@dataclass(frozen=True)
class StructureRow:
    """A structure of one workshop; `workshop` is its index in the study's list."""

    workshop: int
    structure_id: str
    name: str
    commune_code: str | None

    @cached_property
    def full_name(self) -> StructureName:
        """The name with its commune."""
        return StructureName(self.name, self.commune_code)


def share_ids(
    rows: Sequence[StructureRow], territories: Iterable[str]
) -> dict[tuple[int, str], str]:
    """Return shared ids by (workshop, structure_id), whatever the order of workshops."""
    locality_words = _locality_words(rows, territories)
    groups: list[list[StructureRow]] = []
    beginnings: list[set[str]] = []  # of the words of each group
    index = NameIndex([row.full_name for row in rows], locality_words, _NAME_MATCH)

    def accepts(group: int, row: StructureRow) -> bool:
        return all(_may_join(row, other, locality_words) for other in groups[group])

    for row in sorted(rows, key=_order):
        keys = _keys(row)
        near = dict.fromkeys(i for i, _ in index.near(row.full_name) if keys & beginnings[i])
        group = next((i for i in near if accepts(i, row)), len(groups))
        if group == len(groups):
            groups.append([])
            beginnings.append(set())
        groups[group].append(row)
        beginnings[group] |= keys
        index.add(row.full_name, group)
    ids = _identify(groups)
    return {
        (row.workshop, row.structure_id): shared
        for group, shared in zip(groups, ids, strict=True)
        for row in group
    }


def _order(row: StructureRow) -> tuple[str, str, str]:
    """Longest names first, so that short ones meet them; never the order of workshops."""
    return f"{999 - len(row.name):03d}", row.name, row.commune_code or ""


def _locality_words(rows: Sequence[StructureRow], territories: Iterable[str]) -> frozenset[str]:
    names = [*(name_of(row.commune_code) for row in rows if row.commune_code), *territories]
    return frozenset(word for name in names for word in fold(name).split() if len(word) > 2)


def _keys(row: StructureRow) -> frozenset[str]:
    """The beginnings and acronyms, one of which compared rows must share."""
    keys: set[str] = set()
    for name in (row.full_name, *row.full_name.others):
        initials = "".join(word[0] for word in name.words)
        keys |= {text[:3] for text in (*name.words, initials, "".join(name.words))}
    return frozenset(keys)


def _may_join(row: StructureRow, other: StructureRow, locality_words: frozenset[str]) -> bool:
    """Whether two workshops' names are of one structure, and too long for a namesake."""
    if row.workshop == other.workshop:
        return False
    if not are_one(row.full_name, other.full_name, locality_words, _NAME_MATCH):
        return False
    n_telling = [len(set(telling_words(one.full_name, locality_words))) for one in (row, other)]
    return min(n_telling) >= _MIN_TELLING or _are_near(row, other)


def _are_near(row: StructureRow, other: StructureRow) -> bool:
    """Whether both are in one commune or close; an unknown commune is no proof."""
    if row.commune_code is None or other.commune_code is None:
        return False
    if row.commune_code == other.commune_code:
        return True
    point, other_point = centre_of(row.commune_code), centre_of(other.commune_code)
    if point is None or other_point is None:
        return False
    return distance_km(point, other_point) <= _CLOSE_KM


def _identify(groups: Sequence[Sequence[StructureRow]]) -> list[str]:
    """The fullest name, with the commune, then a number, where it is not unique."""
    own = [_own_id(group) for group in groups]
    bearers = Counter(own)
    names = [
        f"{name}-{_commune_slug(group)}" if bearers[name] > 1 else name
        for name, group in zip(own, groups, strict=True)
    ]
    groups_of: dict[str, list[int]] = defaultdict(list)
    for i in sorted(range(len(groups)), key=lambda i: (names[i], sorted(map(_order, groups[i])))):
        groups_of[names[i]].append(i)
    ids: dict[int, str] = {}
    for name, (first, *others) in groups_of.items():
        ids[first] = name
        number = 2
        for i in others:
            while f"{name}-{number}" in groups_of:
                number += 1
            ids[i] = f"{name}-{number}"
            number += 1
    return [ids[i] for i in range(len(groups))]


def _own_id(group: Sequence[StructureRow]) -> str:
    name = fullest_name([row.name for row in group])
    bearers = [row.structure_id for row in group if fullest_name([row.name]) == name]
    return min(bearers or [row.structure_id for row in group])


def _commune_slug(group: Sequence[StructureRow]) -> str:
    codes = sorted({row.commune_code for row in group if row.commune_code})
    return slug(name_of(codes[0])) if codes else "ailleurs"


def gather_workshops(workshops: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Return all tables joined end to end; no workshop gives no table."""
    shared = _shared(workshops)
    names = sorted({name for tables in shared for name in tables})
    joined = {
        name: pd.concat([tables[name] for tables in shared if name in tables], ignore_index=True)
        for name in names
    }
    if "structures" in joined:
        joined["structures"] = _merge_structures(joined["structures"])
    if "catchments" in joined:
        joined["catchments"] = _first_known(joined["catchments"])
    return {name: TABLES[name].check(rows) for name, rows in joined.items()}


def _shared(workshops: Sequence[dict[str, pd.DataFrame]]) -> list[dict[str, pd.DataFrame]]:
    rows = [
        StructureRow(i, structure_id, name, code or None)
        for i, tables in enumerate(workshops)
        if "structures" in tables
        for structure_id, name, code in tables["structures"][
            ["structure_id", "name", "commune_code"]
        ]
        .fillna("")
        .to_numpy(dtype=str)
        .tolist()
    ]
    territories = [
        str(name)
        for tables in workshops
        if "workshops" in tables
        for name in tables["workshops"]["territory"]
    ]
    ids = share_ids(rows, territories)
    log.info("structures: %d in the workshops, %d in the study", len(rows), len(set(ids.values())))
    return [
        _renumbered(tables, {own: shared for (at, own), shared in ids.items() if at == i})
        for i, tables in enumerate(workshops)
    ]


def _renumbered(tables: dict[str, pd.DataFrame], ids: dict[str, str]) -> dict[str, pd.DataFrame]:
    if all(own == shared for own, shared in ids.items()):
        return tables
    changed = {
        name: tables[name].assign(
            structure_id=tables[name]["structure_id"].map(lambda own: ids.get(own, own))
        )
        for name in _CARRIERS
        if name in tables
    }
    return tables | changed


def _merge_structures(structures: pd.DataFrame) -> pd.DataFrame:
    """Take the fullest name, and the first known value of other columns."""
    flags = structures.groupby("structure_id", sort=False).agg(
        {"is_on_map": "any", "is_in_attendance": "any", "map_workshop_ids": _union}
    )
    # Independent of the order of workshops.
    ranked = structures.assign(length=structures["name"].str.len()).sort_values(
        ["length", "name"], ascending=[False, True]
    )
    names = ranked.drop_duplicates("structure_id").set_index("structure_id")["name"]
    rows = _first_known(
        structures.drop(columns=["is_on_map", "is_in_attendance", "map_workshop_ids"])
    )
    rows["name"] = rows["structure_id"].map(names)
    return rows.merge(flags, on="structure_id", validate="1:1")


def _union(lists: pd.Series) -> str | None:
    workshop_ids = sorted(
        {workshop_id for text in lists.dropna() for workshop_id in json.loads(text)}
    )
    return json.dumps(workshop_ids) if workshop_ids else None


def _first_known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby("structure_id", sort=False).first().reset_index()
