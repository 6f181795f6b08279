"""Give a structure that several workshops name one id in the whole study.

In:   the structures of each workshop, told apart within it already
Out:  the shared id of each; two rows of one workshop never share one
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.communes import centre_of, distance_km, name_of
from pipeline.name_index import NameIndex
from pipeline.structure_names import Named, are_one, fullest_name, telling_words
from pipeline.words import fold, slug

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
        near = dict.fromkeys(place for place, _ in index.near(row.named) if keys & beginnings[place])
        place = next((place for place in near if all(_may_join(row, known, place_words) for known in groups[place])), len(groups))
        if place == len(groups):
            groups.append([])
            beginnings.append(set())
        groups[place].append(row)
        beginnings[place] |= keys
        index.add(row.named, place)
    ids = _identify(groups)
    return {(row.workshop, row.structure_id): shared for group, shared in zip(groups, ids, strict=True) for row in group}


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
        keys |= {word[:3] for word in named.words} | {"".join(word[0] for word in named.words)[:3], "".join(named.words)[:3]}
    return frozenset(keys)


def _may_join(row: Row, known: Row, place_words: frozenset[str]) -> bool:
    """True for two workshops' names of one structure: alike, and not so short that a namesake elsewhere may bear it."""
    if row.workshop == known.workshop or not are_one(row.named, known.named, place_words, _NAME_MATCH):
        return False
    is_told = min(len(set(telling_words(one.named, place_words))) for one in (row, known)) >= _MIN_TELLING
    return is_told or _are_near(row, known)


def _are_near(row: Row, known: Row) -> bool:
    """True where both lie in one commune or close by; a place that is not known is no proof."""
    if row.commune_code is None or known.commune_code is None:
        return False
    points = [centre_of(code) for code in (row.commune_code, known.commune_code)]
    is_close = points[0] is not None and points[1] is not None and distance_km(points[0], points[1]) <= _SAME_PLACE_KM
    return row.commune_code == known.commune_code or is_close


def _identify(groups: Sequence[Sequence[Row]]) -> list[str]:
    """One id a group: that of its fullest name, with the commune where several groups would bear it, then numbered."""
    own = [_own_id(group) for group in groups]
    bearers = Counter(own)
    placed = [f"{name}-{_where(group)}" if bearers[name] > 1 else name for name, group in zip(own, groups, strict=True)]
    taken: Mapping[str, list[int]] = defaultdict(list)
    for place in sorted(range(len(groups)), key=lambda place: (placed[place], sorted(_order(row) for row in groups[place]))):
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
