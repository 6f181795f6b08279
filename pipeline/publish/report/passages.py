"""What a report counts by: tables where the notes name some, else documents, since no world café is claimed that nobody told of.

In:   the passages of a study or workshop
Out:  Places, words for sentences and columns

One row a passage with all that a report says of it: its circle, its theme, where it was said in words.

The axes of the study's grid as a report names them, and how a theme's passages divide over those that the grid brings.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.counting import circles_of
from pipeline.grid.codes import Axis, Grid
from pipeline.publish.text import (
    count,
    french_date,
    plain_name,
    printable,
    sentence,
    texts,
    typography,
    where,
    word,
)
from pipeline.rank.criteria import CRITERIA


@dataclass(frozen=True)
class Places:
    """Words for where a subject was said; `column` heads a column of textes.yaml."""

    lieu: str
    lieux: str
    dans: str
    retenus: str
    column: str

    @property
    def words(self) -> dict[str, str]:
        """What the sentences of textes.yaml have in their braces."""
        return {"lieu": self.lieu, "lieux": self.lieux, "dans": self.dans, "retenus": self.retenus}

    def many(self, n: int) -> str:
        """1 table, 2 documents."""
        return count(n, self.lieu, self.lieux)

    def criterion(self, name: str) -> tuple[str, str]:
        """Label and explanation of a criterion of the ranking, without tables where there are none."""
        label, explanation = CRITERIA[name].label, CRITERIA[name].explanation
        if self != TABLES:
            label = word("colonnes", self.column) if name == "c_tables" else label
            explanation = explanation.replace("une table", "un document").replace(
                "tables", self.lieux
            )
        return typography(word("criteres", label)), typography(explanation)


TABLES = Places("table", "tables", "à", "tables retenues", "tables")
DOCUMENTS = Places("document", "documents", "dans", "documents retenus", "documents")
BOTH = Places(
    "table ou document",
    "tables ou documents",
    "dans",
    "tables ou documents retenus",
    "tables_documents",
)


def places_of(has_tables: Collection[bool]) -> Places:
    """What several workshops count by together, from whether each has tables; none at all is counted by tables."""
    return BOTH if len(set(has_tables)) > 1 else TABLES if all(has_tables) else DOCUMENTS


Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Passages:
    """`rows`: units in reading order with circle, theme_id (blank when set aside), strength and place; `tags`: those assigned.

    `names` (workshop_id → name, in order of date), `n_tables` (workshop_id → tables held, or documents where the notes name no table),
    `n_held` (as the ranking counts them) and `has_tables` cover workshops without passages too. Where nobody spoke in a room, each mail
    or call is a document, and a passage of it is said.
    """

    rows: pd.DataFrame
    tags: pd.DataFrame
    names: dict[str, str]
    n_tables: dict[str, int]
    n_held: dict[str, int]
    has_tables: dict[str, bool]

    def places(self, workshop_ids: Collection[str]) -> Places:
        """What these workshops count by; those of which nothing was read or announced tell nothing."""
        told = [name for name in workshop_ids if self.n_tables[name]]
        return places_of([self.has_tables[name] for name in told])

    def within(self, scope: str) -> pd.DataFrame:
        """The passages of `scope`: all for `study`, else those of one workshop."""
        return self.rows if scope == "study" else self.rows[self.rows["workshop_id"] == scope]

    def with_codes(self, axis: str) -> pd.DataFrame:
        """One row a passage and code of `axis`, with the passage's columns."""
        return self.tags[self.tags["axis"] == axis].merge(
            self.rows, on="unit_id", validate="many_to_one"
        )


def gather_passages(tables: Tables) -> Passages:
    """Return every unit once, in the order of workshops, documents and reading."""
    names = workshop_names(tables["workshops"])
    circles = circles_of(tables["units"], tables["workshops"])
    members = tables["theme_members"][
        tables["theme_members"]["theme_id"].isin(tables["themes"]["theme_id"])
    ]
    rows = (
        tables["units"]
        .merge(circles.of_unit.drop(columns="workshop_id"), on="unit_id", validate="one_to_one")
        .merge(members, on="unit_id", how="left", validate="one_to_one")
        .merge(
            tables["documents"][["document_id", "path"]],
            on="document_id",
            how="left",
            validate="many_to_one",
        )
    )
    rows["place_in_study"] = rows["workshop_id"].map(
        {workshop_id: place for place, workshop_id in enumerate(names)}
    )
    rows = rows.sort_values(["place_in_study", "path", "unit_order", "unit_id"], ignore_index=True)
    rows["text"] = rows["text"].map(printable)
    rows["where"] = [_where(row) for row in rows_of(rows)]
    n_held = {workshop_id: int(circles.n_tables.get(workshop_id, 0)) for workshop_id in names}
    numbered = set(rows.loc[rows["table_number"].notna() & ~rows["is_away"], "workshop_id"])
    heard = set(rows["workshop_id"])
    has_tables = {
        name: name in numbered or (name not in heard and n > 0) for name, n in n_held.items()
    }
    spoken = set(rows.loc[rows["is_said"], "workshop_id"])
    rows["is_said"] |= ~rows["workshop_id"].isin(spoken)
    documents = rows[rows["is_said"]].groupby("workshop_id")["circle_id"].nunique()
    n_tables = {
        name: n if has_tables[name] else int(documents.get(name, 0)) for name, n in n_held.items()
    }
    return Passages(rows, assigned_tags(tables["tags"]), names, n_tables, n_held, has_tables)


def n_remote(passages: pd.DataFrame) -> int:
    """Contributions after the workshop, mails and calls, among `passages`; none where they are all there is."""
    return int(passages.loc[passages["is_away"] & ~passages["is_said"], "circle_id"].nunique())


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """The rows of `table`, a cell an attribute."""
    yield from table.itertuples(index=False)


def workshop_names(workshops: pd.DataFrame) -> dict[str, str]:
    """workshop_id → the territory; with date, then place, then a number, where the territory met more than once."""
    ordered = workshops.sort_values(["date", "workshop_id"], na_position="last")
    names: dict[str, str] = {}
    for row in rows_of(ordered):
        details = [french_date(row.date), "" if pd.isna(row.place) else str(row.place)]
        territory = plain_name(str(row.territory))
        is_shared = (workshops["territory"] == row.territory).sum() > 1
        candidates = (
            [territory]
            if not is_shared
            else [f"{territory} ({detail})" for detail in details if detail]
        )
        candidates += [f"{territory} ({n})" for n in range(1, len(workshops) + 1)]
        names[str(row.workshop_id)] = next(
            name for name in candidates if name not in names.values()
        )
    return names


def assigned_tags(tags: pd.DataFrame) -> pd.DataFrame:
    """unit_id, axis, code of what is assigned; a person's word on a code goes before the machine's."""
    last = tags.sort_values(["unit_id", "axis", "code", "source"]).drop_duplicates(
        ["unit_id", "axis", "code"], keep="last"
    )
    return last.loc[last["is_assigned"], ["unit_id", "axis", "code"]].reset_index(drop=True)


def _where(row: Any) -> str:
    question = None if pd.isna(row.question) else row.question
    return where(
        row.channel, question, None if pd.isna(row.table_number) else int(row.table_number)
    )


_N_CODES = 4  # of an axis in a line


@dataclass(frozen=True)
class AxisRow:
    """An axis: its title, what it is called in a sentence, its definition, and what the programme knows of it."""

    axis: str
    label: str
    name: str
    definition: str
    is_exclusive: bool
    is_standard: bool


def axis_rows(grid: Grid) -> tuple[AxisRow, ...]:
    """The grid's axes, in its order."""
    return tuple(
        AxisRow(
            axis.axis,
            axis_title(axis),
            _name(axis),
            typography(printable(axis.definition)),
            axis.is_exclusive,
            axis.is_standard,
        )
        for axis in grid.axes
    )


def axis_title(axis: Axis, section: str = "axes") -> str:
    """What heads the codes of `axis`: our word for a standard one, its own title else."""
    return word(section, axis.axis) if axis.is_standard else plain_name(axis.label)


def own_codes(passages: Passages, grid: Grid) -> pd.DataFrame:
    """One row a passage and code of an axis that the grid brings, with the passage's columns."""
    own = [axis.axis for axis in grid.own_axes]
    return passages.tags[passages.tags["axis"].isin(own)].merge(
        passages.rows, on="unit_id", validate="many_to_one"
    )


def profile_lines(coded: pd.DataFrame, grid: Grid, places: Places) -> tuple[str, ...]:
    """A line an axis that the grid brings: its codes in `coded` (axis, code, unit_id, is_said, circle_id), at most tables first."""
    lines = []
    for axis in grid.own_axes:
        here = coded[coded["axis"] == axis.axis]
        counts = [_counts(here[here["code"] == code.code]) for code in grid.axis(axis.axis)]
        told = [
            (n_tables, n_units, code)
            for (n_tables, n_units), code in zip(counts, grid.axis(axis.axis), strict=True)
            if n_units
        ]
        told.sort(key=lambda row: (-row[0], -row[1]))
        if told:
            codes = ", ".join(
                _told(n_tables, n_units, plain_name(code.label), places)
                for n_tables, n_units, code in told[:_N_CODES]
            )
            lines.append(sentence("themes.profil", axe=axis_title(axis), codes=codes))
    return tuple(lines)


def names_of(axes: Collection[AxisRow]) -> list[str]:
    """What the axes are called in a sentence."""
    return [axis.name for axis in axes]


def _name(axis: Axis) -> str:
    """`axis` in a sentence: its title in small letters, unless it is an acronym."""
    if axis.axis in texts()["noms_axes"]:
        return word("noms_axes", axis.axis)
    label = axis_title(axis)
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _counts(here: pd.DataFrame) -> tuple[int, int]:
    return here.loc[here["is_said"], "circle_id"].nunique(), here["unit_id"].nunique()


def _told(n_tables: int, n_units: int, label: str, places: Places) -> str:
    if n_tables:
        return sentence("themes.profil_tables", code=label, n=places.many(n_tables), **places.words)
    return sentence(
        "themes.profil_passages", code=label, n=count(n_units, "passage"), **places.words
    )
