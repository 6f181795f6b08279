"""One row a passage with all that a report says of it: its circle, its theme, where it was said in words.

In:   workshops, documents, units, tags, themes, theme_members
Out:  Passages
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.counting import circles_of
from pipeline.publish.report.places import Places, places_of
from pipeline.publish.text import french_date, plain_name, printable, where

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
        return self.tags[self.tags["axis"] == axis].merge(self.rows, on="unit_id", validate="many_to_one")


def gather_passages(tables: Tables) -> Passages:
    """Return every unit once, in the order of workshops, documents and reading."""
    names = workshop_names(tables["workshops"])
    circles = circles_of(tables["units"], tables["workshops"])
    members = tables["theme_members"][tables["theme_members"]["theme_id"].isin(tables["themes"]["theme_id"])]
    rows = (
        tables["units"]
        .merge(circles.of_unit.drop(columns="workshop_id"), on="unit_id", validate="one_to_one")
        .merge(members, on="unit_id", how="left", validate="one_to_one")
        .merge(tables["documents"][["document_id", "path"]], on="document_id", how="left", validate="many_to_one")
    )
    rows["place_in_study"] = rows["workshop_id"].map({workshop_id: place for place, workshop_id in enumerate(names)})
    rows = rows.sort_values(["place_in_study", "path", "unit_order", "unit_id"], ignore_index=True)
    rows["text"] = rows["text"].map(printable)
    rows["where"] = [_where(row) for row in rows_of(rows)]
    n_held = {workshop_id: int(circles.n_tables.get(workshop_id, 0)) for workshop_id in names}
    numbered = set(rows.loc[rows["table_number"].notna() & ~rows["is_away"], "workshop_id"])
    heard = set(rows["workshop_id"])
    has_tables = {name: name in numbered or (name not in heard and n > 0) for name, n in n_held.items()}
    spoken = set(rows.loc[rows["is_said"], "workshop_id"])
    rows["is_said"] |= ~rows["workshop_id"].isin(spoken)
    documents = rows[rows["is_said"]].groupby("workshop_id")["circle_id"].nunique()
    n_tables = {name: n if has_tables[name] else int(documents.get(name, 0)) for name, n in n_held.items()}
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
        candidates = [territory] if not is_shared else [f"{territory} ({detail})" for detail in details if detail]
        candidates += [f"{territory} ({n})" for n in range(1, len(workshops) + 1)]
        names[str(row.workshop_id)] = next(name for name in candidates if name not in names.values())
    return names


def assigned_tags(tags: pd.DataFrame) -> pd.DataFrame:
    """unit_id, axis, code of what is assigned; a person's word on a code goes before the machine's."""
    last = tags.sort_values(["unit_id", "axis", "code", "source"]).drop_duplicates(["unit_id", "axis", "code"], keep="last")
    return last.loc[last["is_assigned"], ["unit_id", "axis", "code"]].reset_index(drop=True)


def _where(row: Any) -> str:
    question = None if pd.isna(row.question) else row.question
    return where(row.channel, question, None if pd.isna(row.table_number) else int(row.table_number))
