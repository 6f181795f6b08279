"""Gather a study's passages for a report, and the words for what it counts by.

In:   the tables of the data dictionary, grid
Out:  Passages, CountingWords, AxisRow
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.counting import circles_of
from pipeline.grid.codes import Axis, Grid
from pipeline.publish.text import (
    count,
    french_date,
    number,
    plain_name,
    plain_text,
    printable,
    sentence,
    texts,
    typography,
    where,
    word,
)
from pipeline.rank.criteria import CRITERIA

Tables = Mapping[str, pd.DataFrame]


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Yield named tuples."""
    yield from table.itertuples(index=False)


@dataclass(frozen=True)
class CountingWords:
    """Words for tables or documents; `column` heads a column of textes.yaml."""

    lieu: str
    lieux: str
    dans: str
    retenus: str
    column: str
    none: str

    def sentence(self, key: str, **values: Any) -> str:
        """Return a sentence filled with these words."""
        words = {"lieu": self.lieu, "lieux": self.lieux, "dans": self.dans}
        return sentence(key, **words, retenus=self.retenus, **values)

    def count(self, n: int) -> str:
        """Return « aucune table », « 1 table », « 2 documents »."""
        return count(n, self.lieu, self.lieux) if n else self.none

    def criterion(self, name: str) -> tuple[str, str]:
        """Return its label and explanation."""
        label, explanation = CRITERIA[name].label, CRITERIA[name].explanation
        if self != TABLES:
            label = word("colonnes", self.column) if name == "c_tables" else label
            explanation = explanation.replace("une table", "un document")
            explanation = explanation.replace("tables", self.lieux)
        return typography(word("criteres", label)), typography(explanation)


TABLES = CountingWords("table", "tables", "à", "tables retenues", "tables", "aucune table")
DOCUMENTS = CountingWords(
    "document", "documents", "dans", "documents retenus", "documents", "aucun document"
)
BOTH = CountingWords(
    "table ou document",
    "tables ou documents",
    "dans",
    "tables ou documents retenus",
    "tables_documents",
    "aucune table, aucun document",
)


@dataclass(frozen=True)
class Passages:
    """The units in reading order (`rows`, with circle, theme_id, strength and `where`) and their
    assigned `tags`.

    The dicts by workshop_id cover workshops without passages too: `names` by date, `n_tables` held
    (documents where notes name no table), `n_ranked_tables` as the ranking counts them,
    `has_tables`. Where nobody spoke in a room, each mail or call counts as a document.
    """

    rows: pd.DataFrame
    tags: pd.DataFrame
    names: dict[str, str]
    n_tables: dict[str, int]
    n_ranked_tables: dict[str, int]
    has_tables: dict[str, bool]

    def words(self, workshop_ids: Iterable[str] | None = None) -> CountingWords:
        """Return what these workshops (default: all) count by; tables if they count nothing."""
        ids = self.names if workshop_ids is None else workshop_ids
        kinds = {self.has_tables[name] for name in ids if self.n_tables[name]}
        if len(kinds) > 1:
            return BOTH
        return DOCUMENTS if kinds == {False} else TABLES

    def of_scope(self, scope: str) -> pd.DataFrame:
        """Return the passages of `study` or of one workshop."""
        return self.rows if scope == "study" else self.rows[self.rows["workshop_id"] == scope]

    def with_codes(self, axes: Collection[str]) -> pd.DataFrame:
        """Return one row a passage and code of `axes`."""
        tags = self.tags[self.tags["axis"].isin(axes)]
        return tags.merge(self.rows, on="unit_id", validate="many_to_one")


def gather_passages(tables: Tables) -> Passages:
    """Return every unit once, in the order of workshops, documents and reading."""
    names = workshop_names(tables["workshops"])
    circles = circles_of(tables["units"], tables["workshops"])
    members = tables["theme_members"]
    members = members[members["theme_id"].isin(tables["themes"]["theme_id"])]
    paths = tables["documents"][["document_id", "path"]]
    rows = (
        tables["units"]
        .merge(circles.of_unit.drop(columns="workshop_id"), on="unit_id", validate="one_to_one")
        .merge(members, on="unit_id", how="left", validate="one_to_one")
        .merge(paths, on="document_id", how="left", validate="many_to_one")
    )
    rows["is_counted"] = rows["is_counted"].eq(True)  # blank without a theme
    rank = {workshop_id: i for i, workshop_id in enumerate(names)}
    rows["workshop_rank"] = rows["workshop_id"].map(rank)
    rows = rows.sort_values(["workshop_rank", "path", "unit_order", "unit_id"], ignore_index=True)
    rows["text"] = rows["text"].map(printable)
    rows["where"] = [_where(row) for row in rows_of(rows)]
    n_ranked = {workshop_id: int(circles.n_tables.get(workshop_id, 0)) for workshop_id in names}
    numbered = set(rows.loc[rows["table_number"].notna() & ~rows["is_away"], "workshop_id"])
    with_passages = set(rows["workshop_id"])
    has_tables = {
        name: name in numbered or (name not in with_passages and n > 0)
        for name, n in n_ranked.items()
    }
    with_room = set(rows.loc[rows["is_said"], "workshop_id"])
    rows["is_said"] |= ~rows["workshop_id"].isin(with_room)
    n_documents = rows[rows["is_said"]].groupby("workshop_id")["circle_id"].nunique()
    n_tables = {
        name: n if has_tables[name] else int(n_documents.get(name, 0))
        for name, n in n_ranked.items()
    }
    return Passages(rows, assigned_tags(tables["tags"]), names, n_tables, n_ranked, has_tables)


def workshop_names(workshops: pd.DataFrame) -> dict[str, str]:
    """Map workshop_id to the territory, by date.

    Add the date, the place or a number where a territory met more than once.
    """
    names: dict[str, str] = {}
    for row in rows_of(workshops.sort_values(["date", "workshop_id"], na_position="last")):
        territory = plain_name(str(row.territory))
        details = [french_date(row.date), "" if pd.isna(row.place) else str(row.place)]
        details = [detail for detail in details if detail]
        details += [str(n) for n in range(1, len(workshops) + 1)]
        candidates = [f"{territory} ({detail})" for detail in details]
        if (workshops["territory"] == row.territory).sum() == 1:
            candidates = [territory, *candidates[-len(workshops) :]]
        taken = set(names.values())
        names[str(row.workshop_id)] = next(name for name in candidates if name not in taken)
    return names


def _where(row: Any) -> str:
    question = None if pd.isna(row.question) else row.question
    table_number = None if pd.isna(row.table_number) else int(row.table_number)
    return where(row.channel, question, table_number)


def assigned_tags(tags: pd.DataFrame) -> pd.DataFrame:
    """Return unit_id, axis and code; a person's tag replaces the machine's."""
    key = ["unit_id", "axis", "code"]
    last = tags.sort_values([*key, "source"]).drop_duplicates(key, keep="last")
    return last.loc[last["is_assigned"], key].reset_index(drop=True)


def n_tables_of(rows: pd.DataFrame) -> int:
    """Count the tables, or documents, of passages."""
    return int(rows.loc[rows["is_said"], "circle_id"].nunique())


def table_range(rows: pd.DataFrame) -> str:
    """Return the tables, or documents, of counted passages: « 4 », or « 4 à 6 » with the others."""
    n_counted, n_all = n_tables_of(rows[rows["is_counted"]]), n_tables_of(rows)
    return number(n_all) if n_counted == n_all else f"{number(n_counted)} à {number(n_all)}"


def n_remote(rows: pd.DataFrame) -> int:
    """Count mails and calls after the workshop; 0 where nobody spoke in a room."""
    return int(rows.loc[rows["is_away"] & ~rows["is_said"], "circle_id"].nunique())


def is_scrap(rows: pd.DataFrame) -> pd.Series:
    """Flag passages of under four words, quoted only where nothing longer is left."""
    return rows["text"].str.count(r"\S+") < 4


@dataclass(frozen=True)
class AxisRow:
    """An axis in words."""

    axis: str
    label: str
    name: str
    definition: str
    is_exclusive: bool
    is_standard: bool


def axis_rows(grid: Grid) -> tuple[AxisRow, ...]:
    """Return the grid's axes."""
    return tuple(
        AxisRow(
            axis.axis,
            axis_title(axis),
            _axis_name(axis),
            plain_text(axis.definition),
            axis.is_exclusive,
            axis.is_standard,
        )
        for axis in grid.axes
    )


def axis_title(axis: Axis) -> str:
    """Return our word for a standard axis, else its own title."""
    return word("axes", axis.axis) if axis.is_standard else plain_name(axis.label)


def _axis_name(axis: Axis) -> str:
    if axis.axis in texts()["noms_axes"]:
        return word("noms_axes", axis.axis)
    label = axis_title(axis)
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


_N_CODES = 4  # of an axis in a line


def profile_lines(coded: pd.DataFrame, grid: Grid, words: CountingWords) -> tuple[str, ...]:
    """Return a line for each of the grid's own axes: codes by number of tables."""
    lines = []
    for axis in grid.own_axes:
        counts = []
        for code in grid.axis(axis.axis):
            rows = coded[(coded["axis"] == axis.axis) & (coded["code"] == code.code)]
            if len(rows):
                counts.append((n_tables_of(rows), rows["unit_id"].nunique(), code.label))
        counts.sort(key=lambda row: (-row[0], -row[1]))
        if counts:
            codes = []
            for n, n_units, label in counts[:_N_CODES]:
                key = "themes.profil_tables" if n else "themes.profil_passages"
                amount = words.count(n) if n else count(n_units, "passage")
                codes.append(words.sentence(key, code=plain_name(label), n=amount))
            lines.append(sentence("themes.profil", axe=axis_title(axis), codes=", ".join(codes)))
    return tuple(lines)
