"""Gather what passages say of each code: at how many tables, in which themes, in whose words.

In:   Material
Out:  Coded
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pipeline.counting import least_tables
from pipeline.grid.codes import PILIER, POSTURE
from pipeline.publish.report.content import ReportQuote
from pipeline.publish.report.passages import (
    Material,
    ReportPassage,
    by_turns,
    grouped,
    n_tables_of,
    roughness,
)
from pipeline.publish.report.quotes import kind_of
from pipeline.publish.text import lowered, plain_name
from pipeline.tables.columns import cells_of, rows_of

# Of the rubriques that the programme puts on three labelled studies, 93 % are right from this score
# on, 55 % under it; of the pillars, 94 % and 50 %.
SURE_SCORE, SURE_PILLAR = 0.8, 0.95
_SUREST = 0.95  # 96 % of the rubriques from this score on
_SURENESS = 0.93  # of a sure tag
_WANTED = ("difficulte", "demande", "proposition")  # postures
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


class CodedPassage(NamedTuple):
    """A passage and the score of its code; `is_sure` tells whether a quote may stand for it.

    `sureness` is the probability that the code is right; those of a low `rank` are quoted first.
    """

    passage: ReportPassage
    score: float
    is_sure: bool
    sureness: float = 1.0
    rank: int = 0


@dataclass(frozen=True)
class Coded:
    """The passages of a study with their codes."""

    material: Material

    def of_code(self, axis: str, code: str) -> list[CodedPassage]:
        """Return the passages of a code."""
        least = SURE_PILLAR if axis == PILIER else SURE_SCORE
        coded = []
        for passage in self.material.passages.of_code(axis, code):
            score = self._scores.get((passage.unit_id, axis, code), 0.0)
            sureness = 1.0 if score >= 1 else _SURENESS  # 1: by a person
            coded.append(CodedPassage(passage, score, score >= least, sureness))
        return coded

    @cached_property
    def asking(self) -> frozenset[str]:
        """The unit_ids of the passages that say a difficulty, ask or propose.

        All of them where nothing tells postures.
        """
        passages = self.material.passages
        if any(axis == POSTURE for axis, _ in passages.by_code):
            return passages.units_with(POSTURE, _WANTED)
        return frozenset(one.unit_id for one in passages.every)

    @cached_property
    def _scores(self) -> dict[tuple[str, str, str], float]:
        tags = self.material.tables["tags"]
        tags = tags[tags["is_assigned"]]
        scores = tags["score"].astype(float).fillna(0.0).where(tags["source"] != "person", 1.0)
        best: dict[tuple[str, str, str], float] = {}
        scored = zip(cells_of(tags, "unit_id", "axis", "code"), scores, strict=True)
        for (unit_id, axis, code), score in scored:
            best[unit_id, axis, code] = max(score, best.get((unit_id, axis, code), 0.0))
        return best

    def come_back(self, rows: Iterable[CodedPassage]) -> tuple[ComesBack, ...]:
        """Return the themes of most tables among `rows`, of at least two surely.

        A theme whose kind is that of the passages gives its statement, another one its title.
        """
        counted = [
            one._replace(sureness=one.sureness * one.passage.probability)
            for one in rows
            if one.passage.is_counted
        ]
        rows_of_theme = grouped(counted, lambda one: one.passage.theme_id)
        found = []
        for theme in rows_of(self.material.tables["themes"]):
            here = rows_of_theme.get(theme.theme_id, [])
            tables = sure_range(here)
            if tables.low >= _LEAST_TABLES:
                found.append(((-tables.low, -tables.high, theme.theme_id), theme, here, tables))
        found.sort(key=lambda row: row[0])
        return tuple(
            ComesBack(self._words_of(theme, here), tables, self.most_said(here))
            for _, theme, here, tables in found[:_MOST_THEMES]
        )

    def _words_of(self, theme: Any, rows: Sequence[CodedPassage]) -> str:
        statement = theme.statement
        words = theme.label
        kind = kind_of(self.material.passages, {one.passage.unit_id for one in rows})
        if isinstance(statement, str) and theme.kind == kind:
            words = statement.rstrip(" .")
        return lowered(plain_name(str(words)))

    def most_said(self, rows: Sequence[CodedPassage]) -> MostSaid | None:
        """Return the territory where most tables surely say `rows`, and hardly any elsewhere."""
        n_held: dict[str, int] = {}
        for workshop_id, territory in self._territories.items():
            n = self.material.passages.n_tables[workshop_id]
            n_held[territory] = n_held.get(territory, 0) + n
        rows_of_territory = grouped(rows, lambda one: self._territories[one.passage.workshop_id])
        everywhere = sure_range(rows)
        for territory, n_tables in n_held.items():
            n_others = sum(n_held.values()) - n_tables
            there = sure_range(rows_of_territory.get(territory, []))
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

    def quotes(self, rows: Iterable[CodedPassage], *, sure: bool) -> Iterator[ReportQuote]:
        """Yield quotes of the passages whose tag is `sure`, or of the others.

        The surest come first, then whole sentences of a readable length, then various tables and
        workshops.
        """
        rough_of = {one: roughness(one.passage.text) for one in rows if one.is_sure == sure}

        def order(one: CodedPassage) -> tuple[Any, ...]:
            is_doubtful = one.score < _SUREST
            return one.rank, is_doubtful, rough_of[one], -one.score, one.passage.unit_id

        ordered = sorted(rough_of, key=order)
        for is_rough in (False, True):
            alike = [one for one in ordered if (rough_of[one] > 1) is is_rough]
            alike = by_turns(alike, lambda one: one.passage.circle_id)
            for passage, *_ in by_turns(alike, lambda one: one.passage.workshop_id):
                place = self.material.passages.place_of(passage)
                yield ReportQuote(" ".join(passage.text.split()), place)


def sure_range(rows: Sequence[CodedPassage]) -> TableRange:
    """Return at how many tables passages were said: surely nine times in ten, and at most.

    At a table, all of its sure passages must be wrong for it not to count.
    """
    said = [one for one in rows if one.passage.is_said]
    sure = ((one.passage.circle_id, one.sureness) for one in said if one.is_sure)
    return TableRange(least_tables(sure), n_tables_of(one.passage for one in said))
