"""Report who came, and who was expected and did not come.

In:   workshops, attendance, structures, voices, Passages
Out:  AttendanceCounts, WorkshopFacts, AttendanceRow, AbsentVoices
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.communes import name_of, population_of
from pipeline.compare.voices import who_came
from pipeline.publish.report.content import AbsentVoices, AttendanceRow, WorkshopFacts
from pipeline.publish.report.passages import Passages, Tables
from pipeline.publish.text import (
    NBSP,
    CountMask,
    MaskedCounts,
    Tally,
    capitalised,
    french_date,
    joined,
    mask_counts,
    plain_name,
    sentence,
    tally,
    texts,
    typography,
    word,
)
from pipeline.tables.columns import rows_of
from pipeline.tables.schema import STRUCTURE_TYPES
from pipeline.text import fold

_N_LARGEST = 3

Present = tuple[Tally | None, Tally | None]  # structures and people; None where it is not known


@dataclass(frozen=True)
class AttendanceCounts:
    """Masked (structures, people), by type and by workshop."""

    rows: tuple[AttendanceRow, ...]  # unknown type last
    workshops: dict[str, Present]
    n_structures: Tally | None
    n_people: Tally | None
    n_lists: int


def count_attendance(
    tables: Tables, workshop_ids: Iterable[str], *, least: int
) -> AttendanceCounts:
    """Count structures and people by type and workshop, small counts masked.

    Types follow the data dictionary's order; those that did not come are left out.
    """
    type_of = tables["structures"].set_index("structure_id")["structure_type"]
    came = who_came(tables["attendance"])
    kinds = came["structure_type"].fillna(came["structure_id"].map(type_of)).fillna("")
    came = came.assign(structure_type=kinds)
    types = tuple(name for name in (*STRUCTURE_TYPES, "") if (kinds == name).any())
    columns, workshops = [], {}
    count_structures = _counter(came, "structure_id", types, least)
    count_people = _counter(came, "participant_id", types, least)
    registered = tables["attendance"].groupby("workshop_id")["structure_id"].count()
    for workshop_id in workshop_ids:
        structures, people = count_structures(workshop_id), count_people(workshop_id)
        columns.append(tuple(zip(structures.counts, people.counts, strict=True)))
        workshops[workshop_id] = (
            structures.total if registered.get(workshop_id, 0) else None,
            people.total if workshop_id in registered.index else None,
        )
    n_people = len(came.drop_duplicates(["participant_id", "workshop_id"]))
    names = (typography(name or word("voix", "non_precise")) for name in types)
    return AttendanceCounts(
        rows=tuple(map(AttendanceRow, names, zip(*columns, strict=True))),
        workshops=workshops,
        n_structures=_total([n for n, _ in workshops.values()], came["structure_id"].nunique()),
        n_people=_total([n for _, n in workshops.values()], n_people),
        n_lists=sum(n is not None for _, n in workshops.values()),
    )


def _counter(
    came: pd.DataFrame, column: str, types: tuple[str, ...], least: int
) -> Callable[[str], MaskedCounts]:
    """Return what counts `column` in a workshop; the total is no sum: some have several types."""
    by_type = came.groupby(["workshop_id", "structure_type"])[column].nunique().to_dict()
    by_workshop = came.groupby("workshop_id")[column].nunique().to_dict()

    def counted(workshop_id: str) -> MaskedCounts:
        counts = [int(by_type.get((workshop_id, name), 0)) for name in types]
        masked = mask_counts(counts, least=least)
        if isinstance(masked.total, CountMask):
            return masked
        return MaskedCounts(masked.counts, int(by_workshop.get(workshop_id, 0)))

    return counted


def _total(of_workshops: list[Tally | None], n: int) -> Tally | None:
    if all(one is None for one in of_workshops):
        return None
    return CountMask.WITHHELD if any(isinstance(one, CountMask) for one in of_workshops) else n


def workshop_facts(
    tables: Tables, passages: Passages, came: AttendanceCounts
) -> tuple[WorkshopFacts, ...]:
    """Return one row a workshop, by date."""
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    n_documents = tables["documents"]["workshop_id"].value_counts()
    n_units = passages.rows["workshop_id"].value_counts()
    signed = tables["attendance"].groupby("workshop_id")["has_signed"].any()
    return tuple(
        WorkshopFacts(
            name=name,
            territory=plain_name(str(workshops[workshop_id].territory)),
            date=french_date(workshops[workshop_id].date),
            place=_name(workshops[workshop_id].place),
            n_tables=passages.n_tables[workshop_id] if passages.has_tables[workshop_id] else 0,
            n_people=came.workshops[workshop_id][1],
            is_unsigned=not signed.get(workshop_id, True),
            n_structures=came.workshops[workshop_id][0],
            n_documents=int(n_documents.get(workshop_id, 0)),
            n_units=int(n_units.get(workshop_id, 0)),
        )
        for workshop_id, name in passages.names.items()
    )


def _name(value: Any) -> str:
    return "" if pd.isna(value) else plain_name(value)


def attendance_cells(
    attendance: Iterable[AttendanceRow], totals: Iterable[Present], least: int
) -> list[tuple[str, list[str]]]:
    """Return one row a type of structure, then `totals`, with a cell a workshop."""
    of_workshops = list(totals)
    rows = [(sentence("voix.total"), of_workshops)]
    for row in reversed(list(attendance)):
        # without a known total, a 0 means that no list names structures
        cells: list[Present] = [
            (None if total is None else n, n_people)
            for (n, n_people), (total, _) in zip(row.cells, of_workshops, strict=True)
        ]
        rows.insert(0, (row.structure_type, cells))
    return [(name, [_attendance_cell(*cell, least) for cell in cells]) for name, cells in rows]


def _attendance_cell(n_structures: Tally | None, n_people: Tally | None, least: int) -> str:
    if n_people is None:
        return sentence("voix.sans_liste")
    if n_people == 0:
        return "–"
    structures = sentence("voix.structures_inconnues")
    if n_structures:  # of people who came, 0 means that none named a structure
        structures = tally(n_structures, "structure", least=least)
    people = tally(n_people, "personne", least=least)
    return sentence("voix.cellule", structures=structures, personnes=people)


def absent_voices(tables: Tables, passages: Passages) -> tuple[AbsentVoices, ...]:
    """Return one row a workshop that missed somebody."""
    absent = tables["voices"][tables["voices"]["is_absent"]].sort_values("value")
    rows = []
    for workshop_id, name in passages.names.items():
        here = absent[absent["workshop_id"] == workshop_id]
        types = tuple(map(typography, here.loc[here["kind"] == "structure_type", "value"]))
        communes = here[here["kind"] == "commune"]
        on_map = communes["n_on_map"] > 0
        names = tuple(sorted(map(commune_name, communes.loc[on_map, "value"]), key=fold))
        others = _other_communes(communes.loc[~on_map & communes["is_in_scope"], "value"])
        if types or names or others:
            rows.append(AbsentVoices(name, types, names, others))
    return tuple(rows)


def _other_communes(codes: pd.Series) -> str:
    largest = sorted(codes, key=lambda code: (-population_of(code), code))[:_N_LARGEST]
    if not largest:
        return ""
    key = "voix.dont" if len(codes) > len(largest) else "voix.soit"
    named = sentence(key, noms=joined([commune_name(code) for code in largest]))
    return sentence("voix.autres_communes", n=len(codes), plus_grandes=named)


def commune_name(value: str) -> str:
    """Return a commune's name from its code, name or slug.

    62014, aire-sur-la-lys → Aire-sur-la-Lys.
    """
    if value[:1].isdigit():
        name = name_of(value)
        return typography(name) if name != value else f"{word('voix', 'commune')}{NBSP}{value}"
    if value != value.lower():
        return plain_name(value)
    first, *others = value.split("-")
    small_words = texts()["petits_mots"]
    others = [part if part in small_words else capitalised(part) for part in others]
    return "-".join([capitalised(first), *others])
