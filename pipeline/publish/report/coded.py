"""Gather what passages say of each code: at how many tables, in which themes, in whose words.

In:   Material
Out:  Coded
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.counting import at_least
from pipeline.grid.codes import PILIER, POSTURE
from pipeline.publish.report.content import ReportQuote
from pipeline.publish.report.passages import Material, n_tables_of, roughness, rows_of
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
        ordered = rows.assign(
            roughness=roughness(rows["text"]), is_doubtful=rows["score"] < _SUREST
        ).sort_values(
            ["rank", "is_doubtful", "roughness", "score", "unit_id"],
            ascending=[True, True, True, False, True],
        )
        for _, alike in ordered.groupby(ordered["roughness"] > 1, sort=True):
            for whole in ("circle_id", "workshop_id"):
                turn = alike.groupby(whole).cumcount()
                alike = alike.assign(turn=turn).sort_values("turn", kind="stable")
            for row in rows_of(alike):
                place = self.material.passages.place_of(row)
                yield ReportQuote(" ".join(row.text.split()), place)


def sure_range(rows: pd.DataFrame) -> TableRange:
    """Return at how many tables passages were said: at least, and at most."""
    return TableRange(_at_least(rows), n_tables_of(rows))


def _at_least(rows: pd.DataFrame) -> int:
    """Count the tables where a passage is surely right, nine times in ten."""
    said = rows[rows["is_sure"] & rows["is_said"]]
    doubt = (1 - said["sureness"]).groupby(said["circle_id"]).prod()
    return at_least(1 - doubt)


def _ranges(rows: pd.DataFrame, group: pd.Series) -> dict[str, TableRange]:
    """Return `sure_range` of the rows of each group."""
    grouped = rows.assign(group=group).groupby("group")
    return {str(name): sure_range(of_group) for name, of_group in grouped}
