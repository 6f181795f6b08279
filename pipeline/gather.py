"""Gather the workshops' tables into the study's.

In:   the tables of each workshop, in order
Out:  one table of each name; structures and catchments that several workshops name are one row, under one id

Give a structure that several workshops name one id in the whole study.
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from pipeline.communes import centre_of, name_of
from pipeline.communes.gazetteer import distance_km
from pipeline.structure_names import Named, NameIndex, are_one, fullest_name, telling_words
from pipeline.tables import TABLES
from pipeline.text import fold, slug

_NAME_MATCH = 90  # rapidfuzz score of a word misspelt: stricter than within a workshop, where fewer names could be meant
_SAME_PLACE_KM = 40  # over which one telling word in common is a namesake's
_MIN_TELLING = 2


@dataclass(frozen=True)
class Row:
    """A structure of one workshop: `workshop` is the workshop's place in the study's list."""

    workshop: int
    structure_id: str
    name: str
    commune_code: str | None

    @cached_property
    def named(self) -> Named:
        """The name and commune, to be compared."""
        return Named(self.name, self.commune_code)


def share_ids(rows: Sequence[Row], territories: Iterable[str]) -> dict[tuple[int, str], str]:
    """Return the shared id of each (workshop, structure_id); the order of the workshops does not matter."""
    place_words = _place_words(rows, territories)
    groups: list[list[Row]] = []
    beginnings: list[set[str]] = []  # of the words of each group
    index = NameIndex([row.named for row in rows], place_words, _NAME_MATCH)
    for row in sorted(rows, key=_order):
        keys = _keys(row)
        near = dict.fromkeys(
            place for place, _ in index.near(row.named) if keys & beginnings[place]
        )
        place = next(
            (
                place
                for place in near
                if all(_may_join(row, known, place_words) for known in groups[place])
            ),
            len(groups),
        )
        if place == len(groups):
            groups.append([])
            beginnings.append(set())
        groups[place].append(row)
        beginnings[place] |= keys
        index.add(row.named, place)
    ids = _identify(groups)
    return {
        (row.workshop, row.structure_id): shared
        for group, shared in zip(groups, ids, strict=True)
        for row in group
    }


def _order(row: Row) -> tuple[str, str, str]:
    """Longest names first, so that short ones meet them; never the order of the workshops."""
    return f"{999 - len(row.name):03d}", row.name, row.commune_code or ""


def _place_words(rows: Sequence[Row], territories: Iterable[str]) -> frozenset[str]:
    """The words of the study's communes and territories, which tell no structure from another."""
    names = [*(name_of(row.commune_code) for row in rows if row.commune_code), *territories]
    return frozenset(word for name in names for word in fold(name).split() if len(word) > 2)


def _keys(row: Row) -> frozenset[str]:
    """What two rows must have in common to be compared: the beginning of a word, of a number's digits or an acronym."""
    keys: set[str] = set()
    for named in (row.named, *row.named.others):
        keys |= {word[:3] for word in named.words} | {
            "".join(word[0] for word in named.words)[:3],
            "".join(named.words)[:3],
        }
    return frozenset(keys)


def _may_join(row: Row, known: Row, place_words: frozenset[str]) -> bool:
    """True for two workshops' names of one structure: alike, and not so short that a namesake elsewhere may bear it."""
    if row.workshop == known.workshop or not are_one(
        row.named, known.named, place_words, _NAME_MATCH
    ):
        return False
    is_told = (
        min(len(set(telling_words(one.named, place_words))) for one in (row, known)) >= _MIN_TELLING
    )
    return is_told or _are_near(row, known)


def _are_near(row: Row, known: Row) -> bool:
    """True where both lie in one commune or close by; a place that is not known is no proof."""
    if row.commune_code is None or known.commune_code is None:
        return False
    points = [centre_of(code) for code in (row.commune_code, known.commune_code)]
    is_close = (
        points[0] is not None
        and points[1] is not None
        and distance_km(points[0], points[1]) <= _SAME_PLACE_KM
    )
    return row.commune_code == known.commune_code or is_close


def _identify(groups: Sequence[Sequence[Row]]) -> list[str]:
    """One id a group: that of its fullest name, with the commune where several groups would bear it, then numbered."""
    own = [_own_id(group) for group in groups]
    bearers = Counter(own)
    placed = [
        f"{name}-{_where(group)}" if bearers[name] > 1 else name
        for name, group in zip(own, groups, strict=True)
    ]
    taken: Mapping[str, list[int]] = defaultdict(list)
    for place in sorted(
        range(len(groups)),
        key=lambda place: (placed[place], sorted(_order(row) for row in groups[place])),
    ):
        taken[placed[place]].append(place)
    ids = {places[0]: name for name, places in taken.items()}
    for name, places in taken.items():
        number = 2
        for place in places[1:]:
            while f"{name}-{number}" in taken:  # which another group bears as its own
                number += 1
            ids[place] = f"{name}-{number}"
            number += 1
    return [ids[place] for place in range(len(groups))]


def _own_id(group: Sequence[Row]) -> str:
    name = fullest_name([row.name for row in group])
    bearers = [row.structure_id for row in group if fullest_name([row.name]) == name]
    return min(bearers or [row.structure_id for row in group])


def _where(group: Sequence[Row]) -> str:
    """The slug of the first commune of a group, by code; "ailleurs" where none is known."""
    codes = sorted({row.commune_code for row in group if row.commune_code})
    return slug(name_of(codes[0])) if codes else "ailleurs"


log = logging.getLogger(__name__)

_CARRIERS = ("structures", "attendance", "catchments")
NAMING = frozenset(
    {*_CARRIERS, "workshops"}
)  # tables in which one structure gets one id; the others are joined end to end


def gather_workshops(workshops: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Return the tables of all `workshops` joined end to end; none gives no table."""
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
    """The tables with one structure_id a structure in the whole study, whatever the order of the workshops."""
    rows = [
        Row(place, structure_id, name, code or None)
        for place, tables in enumerate(workshops)
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
        _renumbered(tables, {own: shared for (at, own), shared in ids.items() if at == place})
        for place, tables in enumerate(workshops)
    ]


def _renumbered(tables: dict[str, pd.DataFrame], ids: dict[str, str]) -> dict[str, pd.DataFrame]:
    """`tables` with each structure's shared id; catchments of a structure without a row keep theirs."""
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
    """One row a structure: the first known value of each column but the fullest name, and present or mapped if it is anywhere."""
    seen = structures.groupby("structure_id", sort=False).agg(
        {"is_on_map": "any", "is_in_attendance": "any", "map_workshop_ids": _union}
    )
    # the spelling that the workshops of the study agree on must not hang on their order: the longest, then the first in the alphabet
    ranked = structures.assign(length=structures["name"].str.len()).sort_values(
        ["length", "name"], ascending=[False, True]
    )
    names = ranked.drop_duplicates("structure_id").set_index("structure_id")["name"]
    rows = _first_known(
        structures.drop(columns=["is_on_map", "is_in_attendance", "map_workshop_ids"])
    )
    rows["name"] = rows["structure_id"].map(names)
    return rows.merge(seen, on="structure_id", validate="1:1")


def _union(lists: pd.Series) -> str | None:
    """The workshops of several JSON lists, each once and in order; None for none."""
    workshop_ids = sorted(
        {workshop_id for text in lists.dropna() for workshop_id in json.loads(text)}
    )
    return json.dumps(workshop_ids) if workshop_ids else None


def _first_known(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a structure_id, in order of first mention, each column its first value that is not blank."""
    return rows.groupby("structure_id", sort=False).first().reset_index()
