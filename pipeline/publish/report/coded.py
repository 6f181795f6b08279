"""Gather what passages say of each code: at how many tables, in which themes, in whose words.

In:   Material
Out:  Coded
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from pipeline.counting import at_least
from pipeline.grid.codes import PILIER, POSTURE
from pipeline.publish.report.content import ReportQuote
from pipeline.publish.report.passages import Material, roughness, rows_of
from pipeline.publish.report.quotes import POSTURES_OF_KIND
from pipeline.publish.text import plain_name

# Of the rubriques that the programme puts on three labelled studies, 93 % are right from this score
# on, 55 % under it; of the pillars, 94 % and 50 %.
SURE_SCORE, SURE_PILLAR = 0.8, 0.95
_SUREST = 0.95  # 96 % of the rubriques from this score on
_SURENESS = 0.93  # of a sure tag
_LEAST_TABLES = 2  # of a theme that comes back
_MOST_THEMES = 3
# of a territory that says something most: its tables, their share, and at most that of elsewhere
_LEAST_THERE, _SHARE_THERE, _SHARE_ELSEWHERE = 3, 0.6, 0.2


@dataclass(frozen=True)
class TableRange:
    """Tables, or documents: `low` nine times in ten, `high` with what is to be checked."""

    low: int
    high: int


@dataclass(frozen=True)
class MostSaid:
    """The territory where a subject is said much more than elsewhere: tables, of how many."""

    territory: str
    n_tables: int
    of_tables: int


@dataclass(frozen=True)
class ComesBack:
    """A theme that several tables say of a subject, as a statement or a title."""

    words: str
    tables: TableRange
    most: MostSaid | None


@dataclass(frozen=True)
class Coded:
    """The passages of a study with their codes; `is_sure` tells those a quote may stand for."""

    material: Material

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Return one row a passage and code, with `score` and `is_sure`."""
        key, tags = ["unit_id", "axis", "code"], self.material.tables["tags"]
        is_person = tags["source"] == "person"
        scored = tags.assign(score=tags["score"].where(~is_person, 1.0).astype(float).fillna(0.0))
        scores = scored[scored["is_assigned"]].groupby(key, as_index=False)["score"].max()
        axes = [axis.axis for axis in self.material.grid.axes]
        coded = self.material.passages.with_codes(axes)
        coded = coded.merge(scores, on=key, how="left", validate="one_to_one")
        least = coded["axis"].map({PILIER: SURE_PILLAR}).fillna(SURE_SCORE)
        sureness = (coded["score"] >= 1).map({True: 1.0, False: _SURENESS})  # 1: by a person
        return coded.assign(is_sure=coded["score"] >= least, sureness=sureness, rank=0)

    def of_code(self, axis: str, code: str) -> pd.DataFrame:
        """Return the passages of a code."""
        return self.rows[(self.rows["axis"] == axis) & (self.rows["code"] == code)]

    def come_back(self, rows: pd.DataFrame) -> tuple[ComesBack, ...]:
        """Return the themes of most tables among `rows`, of at least two surely.

        A theme whose kind is that of the passages gives its statement, another one its title.
        """
        counted, found = rows[rows["is_counted"]], []
        sureness = counted["sureness"] * counted["probability"].astype(float)
        counted = counted.assign(sureness=sureness)
        ranges = _ranges(counted, counted["theme_id"])
        for theme in rows_of(self.material.tables["themes"]):
            tables = ranges.get(theme.theme_id, TableRange(0, 0))
            if tables.low >= _LEAST_TABLES:
                found.append(((-tables.low, -tables.high, theme.theme_id), theme, tables))
        found.sort(key=lambda row: row[0])
        back = []
        for _, theme, tables in found[:_MOST_THEMES]:
            here = counted[counted["theme_id"] == theme.theme_id]
            words = self._words_of(theme, here)
            back.append(ComesBack(words, tables, self.most_said(here)))
        return tuple(back)

    def _words_of(self, theme: Any, rows: pd.DataFrame) -> str:
        statement = theme.statement
        words = theme.label
        if not pd.isna(statement) and theme.kind == self._kind_of(rows):
            words = str(statement).rstrip(" .")
        words = plain_name(str(words))
        return words if words[1:2].isupper() else words[:1].lower() + words[1:]

    def _kind_of(self, rows: pd.DataFrame) -> str:
        """Return what most of the passages are: a need, an answer or a proposal."""
        tags = self.material.passages.tags
        tags = tags[(tags["axis"] == POSTURE) & tags["unit_id"].isin(rows["unit_id"])]
        counts = {
            kind: int(tags["code"].isin(codes).sum()) for kind, codes in POSTURES_OF_KIND.items()
        }
        return max(counts, key=lambda kind: counts[kind]) if any(counts.values()) else ""

    def most_said(self, rows: pd.DataFrame) -> MostSaid | None:
        """Return the territory where most tables surely say `rows`, and hardly any elsewhere."""
        n_held: dict[str, int] = {}
        for workshop_id, territory in self._territories.items():
            n = self.material.passages.n_tables[workshop_id]
            n_held[territory] = n_held.get(territory, 0) + n
        ranges = _ranges(rows, rows["workshop_id"].map(self._territories))
        everywhere = sure_range(rows)
        for territory, n_tables in n_held.items():
            n_others = sum(n_held.values()) - n_tables
            there = ranges.get(territory, TableRange(0, 0))
            elsewhere = TableRange(everywhere.low - there.low, everywhere.high - there.high)
            if not n_others or there.low < _LEAST_THERE or there.high > n_tables:
                continue
            is_most = there.low >= _SHARE_THERE * n_tables
            if is_most and elsewhere.high <= _SHARE_ELSEWHERE * n_others:
                return MostSaid(territory, there.low, n_tables)
        return None

    @cached_property
    def _territories(self) -> dict[str, str]:
        workshops = self.material.tables["workshops"]
        return {str(row.workshop_id): plain_name(row.territory) for row in rows_of(workshops)}

    def quotes(self, rows: pd.DataFrame, *, sure: bool) -> Iterator[ReportQuote]:
        """Yield quotes of the passages whose tag is `sure`, or of the others.

        The surest come first, then whole sentences of a readable length, then various tables and
        workshops.
        """
        rows = rows[rows["is_sure"] == sure]
        names = ("rank", "score", "unit_id", "circle_id", "workshop_id", "where", "text")
        columns = (rows[name].tolist() for name in names)
        ordered = sorted(map(_Quotable, roughness(rows["text"]).tolist(), *columns), key=_order)
        for is_rough in (False, True):
            alike = [row for row in ordered if (row.roughness > 1) is is_rough]
            for row in _by_turns(_by_turns(alike, "circle_id"), "workshop_id"):
                place = self.material.passages.place_of(row)
                yield ReportQuote(" ".join(row.text.split()), place)


class _Quotable(NamedTuple):
    roughness: int
    rank: int
    score: float
    unit_id: str
    circle_id: str
    workshop_id: str
    where: str
    text: str


def _order(row: _Quotable) -> tuple[int, bool, int, float, str]:
    return row.rank, row.score < _SUREST, row.roughness, -row.score, row.unit_id


def _by_turns(rows: list[_Quotable], whole: str) -> list[_Quotable]:
    """Return the first row of each `whole` in order, then the second ones, and so on."""
    n_before: Counter[str] = Counter()
    turns = []
    for row in rows:
        of = getattr(row, whole)
        turns.append(n_before[of])
        n_before[of] += 1
    return [row for _, row in sorted(zip(turns, rows, strict=True), key=lambda entry: entry[0])]


def sure_range(rows: pd.DataFrame) -> TableRange:
    """Return at how many tables passages were said: at least, and at most."""
    return _ranges(rows, [""] * len(rows)).get("", TableRange(0, 0))


def _ranges(rows: pd.DataFrame, groups: Iterable[Any]) -> dict[str, TableRange]:
    """Return the range of the rows of each group: surely nine times in ten, and at most.

    At a table, all of its sure passages must be wrong for it not to count.
    """
    names = ("circle_id", "is_said", "is_sure", "sureness")
    columns = (rows[name].tolist() for name in names)
    circles: dict[str, set[str]] = {}
    doubts: dict[str, dict[str, float]] = {}
    for group, circle, is_said, is_sure, sureness in zip(groups, *columns, strict=True):
        if not is_said or pd.isna(group):
            continue
        circles.setdefault(str(group), set()).add(circle)
        if is_sure and not math.isnan(sureness):
            of_group = doubts.setdefault(str(group), {})
            of_group[circle] = of_group.get(circle, 1.0) * (1 - sureness)
    ranges = {}
    for group, names_of_group in circles.items():
        chances = [1 - doubt for _, doubt in sorted(doubts.get(group, {}).items())]
        ranges[group] = TableRange(at_least(chances), len(names_of_group))
    return ranges
