"""Gather a study once for the sheets that people read, and the columns that they share.

In:   the tables of the data dictionary, grid
Out:  StudyRows
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.counting import estimate_tables, n_counted, said_by
from pipeline.grid.codes import Grid
from pipeline.publish.report import all_tables
from pipeline.publish.report.passages import (
    Passages,
    Tables,
    gather_passages,
)
from pipeline.publish.text import (
    plain_name,
    sentence,
    word,
)
from pipeline.tables.columns import rows_of
from pipeline.text import plain_texts

# tables at least, with those to be checked, passages
Said = tuple[int, int, int]


def head(name: str) -> str:
    """Return a heading of textes.yaml."""
    return word("entetes", name)


@dataclass(frozen=True)
class StudyRows:
    """A study's tables; counts of people under `least` are masked."""

    given: Tables
    grid: Grid
    least: int

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table of the data dictionary."""
        tables = all_tables(self.given)
        # nobody is followed from row to row
        tables["units"] = plain_texts(tables["units"])
        return tables

    @cached_property
    def passages(self) -> Passages:
        """Return the passages as the report gathers them."""
        return gather_passages(self.tables)

    @cached_property
    def theme_names(self) -> dict[str, str]:
        """Return the title of each theme."""
        themes = self.tables["themes"]
        return dict(zip(themes["theme_id"], map(plain_name, themes["label"]), strict=True))

    @cached_property
    def places(self) -> dict[str, tuple[str, datetime.date | str | None]]:
        """Return the territory and the day of each workshop, by date."""
        rows = {row.workshop_id: row for row in rows_of(self.tables["workshops"])}
        return {
            name: (plain_name(str(rows[name].territory)), _day(rows[name].date))
            for name in self.passages.names
        }

    def where(self, workshop_ids: Iterable[str]) -> dict[str, list[Any]]:
        """Return the columns of territory and date, one cell a workshop of `workshop_ids`."""
        cells = [self.places[name] for name in workshop_ids]
        return {
            head("territoire"): [territory for territory, _ in cells],
            head("date"): [day for _, day in cells],
        }

    def counts(self, pairs: list[tuple[int, int]]) -> dict[str, list[Any]]:
        """Return in words, then as two numbers to sort by, tables at least and at most."""
        words = self.passages.words()
        noun = word("colonnes", words.column)
        said = [
            words.count(most)
            if least == most
            else sentence("feuilles_notes.de_a", n=least, plus=words.count(most))
            for least, most in pairs
        ]
        return {
            words.sentence("entetes.dit"): said,
            sentence("entetes.au_moins", lieux=noun): [least for least, _ in pairs],
            sentence("entetes.au_plus", lieux=noun): [most for _, most in pairs],
        }

    def said(self, scope: str, theme_id: str) -> Said:
        """Return where a theme was said: in `study` or in a workshop."""
        return self._by_scope.get((theme_id, scope), (0, 0, 0))

    def said_in(self, territory: str, theme_id: str) -> Said:
        """Return where a theme was said in a territory."""
        return self._by_territory.get((theme_id, territory), (0, 0, 0))

    @cached_property
    def _by_scope(self) -> dict[tuple[str, str], Said]:
        rows = self.passages.rows
        return self._count(rows.assign(scope="study")) | self._count(
            rows.assign(scope=rows["workshop_id"])
        )

    @cached_property
    def _by_territory(self) -> dict[tuple[str, str], Said]:
        rows = self.passages.rows
        territories = {name: place for name, (place, _) in self.places.items()}
        return self._count(rows.assign(scope=rows["workshop_id"].map(territories)))

    def _count(self, rows: pd.DataFrame) -> dict[tuple[str, str], Said]:
        """Return the counts of each theme and scope: tables at least and at most, passages."""
        themes, keys = self.tables["themes"], ["theme_id", "scope"]
        signed_off = set(themes.loc[themes["is_signed_off"].astype(bool), "theme_id"])
        said = said_by(rows, keys)
        heard = rows[rows["is_said"]].groupby("scope")["circle_id"].nunique()
        counts: dict[tuple[str, str], Said] = {}
        key: Any  # theme_id, scope
        for key, n in rows.groupby(keys).size().items():
            told = said.get(key, [])
            _, low, high = estimate_tables(told, int(heard.get(key[1], 0)))
            if key[0] in signed_off:
                low = high = n_counted(told)
            counts[key] = low, high, int(n)
        return counts


def _day(date: Any) -> datetime.date | str | None:
    """Return the day as a date where it is a whole one."""
    if not isinstance(date, str):
        return None
    try:
        return datetime.date.fromisoformat(date)
    except ValueError:
        return date
