"""Who was in the room, who was expected and did not come, and what already exists.

In:   workshops, attendance, structures, voices, offers, Passages
Out:  WorkshopFacts, AttendanceRow, AbsentVoices, OfferRow
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.communes import name_of, population_of
from pipeline.publish.report.content import (
    AbsentVoices,
    AttendanceRow,
    Capped,
    OfferRow,
    WorkshopFacts,
)
from pipeline.publish.report.passages import Passages, Tables, rows_of
from pipeline.publish.text import (
    NBSP,
    CountMask,
    MaskedCounts,
    Tally,
    capitalised,
    french_date,
    joined,
    mask_counts,
    number,
    one_line,
    plain_name,
    sentence,
    typography,
    word,
)
from pipeline.tables.schema import STRUCTURE_TYPES
from pipeline.text import fold

_N_LARGEST = 3
_SMALL_WORDS = frozenset(
    [
        "à",
        "au",
        "aux",
        "d",
        "de",
        "des",
        "du",
        "en",
        "et",
        "l",
        "la",
        "le",
        "les",
        "lès",
        "sous",
        "sur",
    ]
)


def present(attendance: pd.DataFrame) -> pd.DataFrame:
    """The rows of people who were in the room: those who signed, or all of a workshop whose list nobody signed."""
    any_signed = attendance.groupby("workshop_id")["has_signed"].transform("any").astype(bool)
    return attendance[attendance["has_signed"] | ~any_signed]


@dataclass(frozen=True)
class Presence:
    """Who came, as it may be told: (n_structures, n_people) by type of structure and workshop, and by workshop."""

    types: tuple[str, ...]  # "" where it is not known
    cells: tuple[tuple[tuple[Tally, Tally], ...], ...]
    workshops: dict[str, tuple[Tally | None, Tally | None]]  # None where it is not known
    n_structures: Tally | None
    n_people: Tally | None
    n_lists: int


def presence(tables: Tables, workshop_ids: Iterable[str], *, least: int) -> Presence:
    """Count structures and people of the workshops, small counts masked; types in the data dictionary's order, those that came only."""
    known = tables["structures"].set_index("structure_id")["structure_type"]
    came = present(tables["attendance"])
    came = came.assign(
        structure_type=came["structure_type"].fillna(came["structure_id"].map(known)).fillna("")
    )
    types = tuple(name for name in (*STRUCTURE_TYPES, "") if (came["structure_type"] == name).any())
    columns, workshops = [], {}
    for workshop_id in workshop_ids:
        here = came[came["workshop_id"] == workshop_id]
        structures, people = (
            _masked(here, column, types, least) for column in ("structure_id", "participant_id")
        )
        listed = tables["attendance"][tables["attendance"]["workshop_id"] == workshop_id]
        tells_structures = bool(listed["structure_id"].notna().any())
        columns.append(tuple(zip(structures.counts, people.counts, strict=True)))
        workshops[workshop_id] = (
            structures.total if tells_structures else None,
            people.total if len(listed) else None,
        )
    hides = [
        any(isinstance(totals[place], CountMask) for totals in workshops.values())
        for place in (0, 1)
    ]
    is_known = [any(totals[place] is not None for totals in workshops.values()) for place in (0, 1)]
    n_people = came.drop_duplicates(["participant_id", "workshop_id"]).shape[0]
    return Presence(
        types=types,
        cells=tuple(zip(*columns, strict=True)) if columns else (),
        workshops=workshops,
        n_structures=None
        if not is_known[0]
        else CountMask.WITHHELD
        if hides[0]
        else came["structure_id"].nunique(),
        n_people=None if not is_known[1] else CountMask.WITHHELD if hides[1] else n_people,
        n_lists=sum(n_people is not None for _, n_people in workshops.values()),
    )


def _masked(here: pd.DataFrame, column: str, types: tuple[str, ...], least: int) -> MaskedCounts:
    """Distinct values of `column` by type; a total that is not their sum, since some have several types, is kept where it may be told."""
    told = mask_counts(
        [here.loc[here["structure_type"] == name, column].nunique() for name in types], least=least
    )
    return (
        told
        if isinstance(told.total, CountMask)
        else MaskedCounts(told.counts, here[column].nunique())
    )


def workshop_facts(tables: Tables, passages: Passages, came: Presence) -> tuple[WorkshopFacts, ...]:
    """One row a workshop, in order of date."""
    attendance = tables["attendance"]
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    documents, units = (
        tables["documents"]["workshop_id"].value_counts(),
        passages.rows["workshop_id"].value_counts(),
    )
    rows = []
    for workshop_id, name in passages.names.items():
        listed = attendance[attendance["workshop_id"] == workshop_id]
        n_structures, n_people = came.workshops[workshop_id]
        rows.append(
            WorkshopFacts(
                name=name,
                territory=plain_name(str(workshops[workshop_id].territory)),
                date=french_date(workshops[workshop_id].date),
                place=""
                if pd.isna(workshops[workshop_id].place)
                else plain_name(workshops[workshop_id].place),
                n_tables=passages.n_tables[workshop_id] if passages.has_tables[workshop_id] else 0,
                n_people=n_people,
                is_unsigned=bool(len(listed)) and not listed["has_signed"].any(),
                n_structures=n_structures,
                n_documents=int(documents.get(workshop_id, 0)),
                n_units=int(units.get(workshop_id, 0)),
            )
        )
    return tuple(rows)


def attendance_rows(came: Presence) -> tuple[AttendanceRow, ...]:
    """One row a type of structure that came, people without a known type last."""
    rows = zip(came.types, came.cells, strict=True)
    return tuple(
        AttendanceRow(typography(name or word("voix", "non_precise")), cells)
        for name, cells in rows
    )


def absent_voices(tables: Tables, passages: Passages) -> tuple[AbsentVoices, ...]:
    """One row a workshop that missed somebody."""
    absent = tables["voices"][tables["voices"]["is_absent"]]
    rows = []
    for workshop_id, name in passages.names.items():
        here = absent[absent["workshop_id"] == workshop_id].sort_values("value")
        types = tuple(
            typography(value) for value in here.loc[here["kind"] == "structure_type", "value"]
        )
        of_communes = here[here["kind"] == "commune"]
        is_known = of_communes["n_on_map"] > 0
        communes = tuple(
            sorted((commune_name(value) for value in of_communes.loc[is_known, "value"]), key=fold)
        )
        others = _other_communes(of_communes.loc[~is_known & of_communes["is_in_scope"], "value"])
        if types or communes or others:
            rows.append(AbsentVoices(name, types, communes, others))
    return tuple(rows)


def _other_communes(codes: pd.Series) -> str:
    """How many communes of the territory nobody knows of, and the largest of them."""
    largest = sorted(codes, key=lambda code: (-population_of(code), code))[:_N_LARGEST]
    if not largest:
        return ""
    named = sentence(
        "voix.dont" if len(codes) > len(largest) else "voix.soit",
        noms=joined([commune_name(code) for code in largest]),
    )
    return sentence("voix.autres_communes", n=len(codes), plus_grandes=named)


def offer_rows(tables: Tables, passages: Passages, n_rows: int) -> Capped[OfferRow]:
    """Offers by workshop, those with a number first; `n_rows` at most are kept."""
    offers = (
        tables["offers"]
        .merge(
            passages.rows[["unit_id", "workshop_id", "place_in_study", "text"]],
            on="unit_id",
            validate="many_to_one",
        )
        .merge(
            tables["structures"][["structure_id", "name"]],
            on="structure_id",
            how="left",
            validate="many_to_one",
        )
    )
    offers = offers.assign(
        is_bare=offers["quantity"].isna(), sorted_as=offers["activity"].map(fold)
    )
    offers = offers.sort_values(
        [
            "place_in_study",
            "is_bare",
            "sorted_as",
            "activity",
            "quantity",
            "quantity_unit",
            "unit_id",
        ]
    )
    rows = tuple(
        OfferRow(
            territory=passages.names[row.workshop_id],
            activity=capitalised(plain_name(row.activity)),
            quantity=_quantity(row.quantity, row.quantity_unit),
            structure="" if pd.isna(row.name) else one_line(row.name),
            passage=row.text,
        )
        for row in rows_of(offers.head(n_rows))
    )
    return Capped(rows, len(offers))


def commune_name(value: str) -> str:
    """A commune as people write it, from its code, its name or the slug of its name: 62014, aire-sur-la-lys → Aire-sur-la-Lys."""
    if value[:1].isdigit():
        name = name_of(value)
        return typography(name) if name != value else f"{word('voix', 'commune')}{NBSP}{value}"
    if value != value.lower():
        return plain_name(value)
    parts = value.split("-")
    return "-".join(
        part if place and part in _SMALL_WORDS else part[:1].upper() + part[1:]
        for place, part in enumerate(parts)
    )


def _quantity(quantity: float, unit: Any) -> str:
    if pd.isna(quantity):
        return ""
    return number(quantity, 2) + (f" {plain_name(unit)}" if not pd.isna(unit) else "")
