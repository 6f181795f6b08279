"""The cases that a person should look at: names hidden or left readable without being sure, and persons who may be one or two.

In:   masks and suspects of the texts, persons whom the registry doubts
Out:  DOUBTS   one row a case: the same words for the same reason in one workshop; it holds real words, so it stays in vault/
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.rewrite import Rewriting
from pipeline.pseudonymise.vault import Person
from pipeline.pseudonymise.words import fold
from pipeline.schema import Column, Table

HIDDEN, READABLE, COUNTED = "masqué", "gardé", "compté"
HIDE, KEEP = "masquer", "garder"
_AROUND = 60  # characters of context on each side

DOUBTS = Table(
    "doubts",
    "A doubtful case of pseudonymisation, in real words: kept in vault/, never written to tables/.",
    ("doubt_id",),
    (
        Column("doubt_id", "text", "Hash of workshop, words and reason"),
        Column("workshop_id", "text", "Workshop"),
        Column("path", "text", "Document where it was met first; blank for a person of a list", nullable=True),
        Column("start_char", "int", "Where, in the pseudonymised text", "code points", nullable=True, low=0),
        Column("words", "text", "The words in doubt"),
        Column("context", "text", "What stands around them", nullable=True),
        Column("done", "text", "What was done", values=(HIDDEN, READABLE, COUNTED)),
        Column("reason", "text", "Why it is in doubt"),
        Column("n_occurrences", "int", "Times met in the workshop", "occurrences", low=1),
        Column("decision", "text", "What a person decided", nullable=True, values=(HIDE, KEEP)),
    ),
)


class Case(NamedTuple):
    """A text with its masks and suspects, and what replaced them; a mask without a number hides somebody forgotten."""

    path: str
    text: str
    found: list[Mask]
    rewriting: Rewriting


def list_doubts(workshop_id: str, cases: Iterable[Case], persons: Iterable[Person]) -> pd.DataFrame:
    """Return the doubts of a workshop, those of texts first, in reading order."""
    rows: dict[str, dict[str, Any]] = {}
    for row in [*(row for case in cases for row in _rows_of(case)), *map(_row_of_person, persons)]:
        doubt_id = "c-" + hashlib.sha256("\x1f".join((workshop_id, fold(row["words"]), row["reason"])).encode()).hexdigest()[:12]
        known = rows.setdefault(doubt_id, {"doubt_id": doubt_id, "workshop_id": workshop_id, "n_occurrences": 0, **row})
        known["n_occurrences"] += 1
    return DOUBTS.build(rows.values())


def _rows_of(case: Case) -> Iterator[dict[str, Any]]:
    forgotten = [mask for mask in case.rewriting.masks if mask.token == PERSON]
    shown = Rewriting(case.text, forgotten)  # what the vault keeps names them no more
    replaced = [mask for mask in case.rewriting.masks if mask.doubt and mask.token != PERSON]
    readable = [mask for mask in case.found if mask.is_kept and mask.doubt and not _is_hidden(mask, case.rewriting.masks)]
    for mask in sorted({*replaced, *readable}):
        around = shown.text[max(0, shown.move(mask.start) - _AROUND) : shown.move(mask.end) + _AROUND]
        yield {
            "path": case.path,
            "start_char": case.rewriting.move(mask.start),
            "words": " ".join(case.text[mask.start : mask.end].split()),
            "context": " ".join(around.split()),
            "done": READABLE if mask.is_kept else HIDDEN,
            "reason": mask.doubt,
        }


def _is_hidden(mask: Mask, masks: list[Mask]) -> bool:
    """Whether another mask hides some of it."""
    return any(other.start < mask.end and mask.start < other.end for other in masks)


def _row_of_person(person: Person) -> dict[str, Any]:
    name = " ".join(filter(None, (person.first_name, person.last_name))) or person.full_name or person.participant_id
    return {"words": f"{name} ({person.participant_id})", "done": COUNTED, "reason": person.doubt}
