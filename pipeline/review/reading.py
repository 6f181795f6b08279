"""Lay a document out for reading: its passages, its headings, and what is neither.

In:   the ledger of the last run
Out:  Span, every run of characters of a document; Line, what the bench shows of them
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
from django.utils.translation import gettext as _

from pipeline.decisions.passages import MakePassage
from pipeline.grid.codes import Grid
from pipeline.publish.text import quoted, word
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.text import fold

N_AROUND = 30  # passages on each side of the current one
HEADING, ASIDE, PASSAGE = "heading", "aside", "passage"


class Span(NamedTuple):
    """A run of characters of a document; `making` is the decision that makes it a passage."""

    text: str
    kind: str
    reason: str | None
    unit_id: str | None
    unit: Unit | None
    making: MakePassage | None


def spans_of(snapshot: Snapshot, document_id: str, journal: Journal) -> list[Span]:
    """Return the document's spans in order, without blanks."""
    making = {row.unit_id: row for row in journal.active(MakePassage)}
    spans = _spans(snapshot, document_id, snapshot.ledger_of.get(document_id, []))
    return [span._replace(making=making.get(span.unit_id or "")) for span in spans]


def _spans(snapshot: Snapshot, document_id: str, positions: Any) -> Iterator[Span]:
    """Yield the spans of some rows of the ledger, without blanks."""
    text, rows = snapshot.texts[document_id], snapshot.tables["ledger"].iloc[positions]
    for row in rows.itertuples(index=False):
        said = text[row.start_char : row.end_char]
        if said.strip():
            unit_id = None if pd.isna(row.unit_id) else str(row.unit_id)
            reason = None if pd.isna(row.reason) else str(row.reason)
            unit = snapshot.units.get(unit_id or "")
            yield Span(said, str(row.kind), reason, unit_id, unit, None)


class Line(NamedTuple):
    """A heading, a passage, or what is neither; `where` says what changes from there on."""

    kind: str
    text: str
    unit: Unit | None = None
    where: str = ""


@dataclass(frozen=True)
class DocumentPart:
    """The lines of the passages `first`, included, to `last`, excluded, of `n_passages`."""

    document_id: str
    lines: list[Line]
    first: int
    last: int
    n_passages: int

    @property
    def n_after(self) -> int:
        """Return how many passages come after."""
        return self.n_passages - self.last

    @property
    def before(self) -> tuple[int, int]:
        """Return the passages of the part before this one."""
        return max(self.first - 2 * N_AROUND, 0), self.first

    @property
    def after(self) -> tuple[int, int]:
        """Return the passages of the part after this one."""
        return self.last, min(self.last + 2 * N_AROUND, self.n_passages)


def part_around(snapshot: Snapshot, unit: Unit, grid: Grid) -> DocumentPart:
    """Return the part of a passage's document around it, whole if it is short."""
    i = snapshot.of_document[unit.document_id].index(unit.unit_id)
    return document_part(snapshot, unit.document_id, i - N_AROUND, i + N_AROUND + 1, grid)


def document_part(
    snapshot: Snapshot, document_id: str, first: int, last: int, grid: Grid
) -> DocumentPart:
    """Return the lines of some passages, with what is around and between them."""
    unit_ids = snapshot.of_document[document_id]
    first, last = max(first, 0), min(last, len(unit_ids))
    previous = snapshot.units[unit_ids[first - 1]] if first else None
    positions = snapshot.ledger_of.get(document_id, [])
    ids = snapshot.tables["ledger"]["unit_id"].iloc[positions].tolist()
    rows = {unit_id: i for i, unit_id in enumerate(ids) if unit_id in snapshot.units}
    if rows.keys() >= set(unit_ids):
        start = rows[unit_ids[first - 1]] + 1 if first else 0
        end = rows[unit_ids[last - 1]] + 1 if last < len(unit_ids) else len(positions)
        spans = _spans(snapshot, document_id, positions[start:end])
    else:  # tables of an earlier version account for no character
        units = (snapshot.units[unit_id] for unit_id in unit_ids[first:last])
        spans = (Span(unit.text, PASSAGE, None, unit.unit_id, unit, None) for unit in units)
    lines = list(_lines(spans, previous, grid))
    return DocumentPart(document_id, lines, first, last, len(unit_ids))


def _lines(spans: Iterator[Span], previous: Unit | None, grid: Grid) -> Iterator[Line]:
    """Join what is no passage, up to the next passage or heading, into one line."""
    asides: list[str] = []
    heading = ""
    for span in spans:
        if span.unit is not None:
            changes = _changes(span.unit, previous, grid)
            where = " · ".join(words for told, words in changes if fold(told) not in heading)
            if where or asides:
                yield Line(ASIDE, " ".join(asides), where=where)
            yield Line(PASSAGE, span.unit.text, span.unit)
            previous, asides, heading = span.unit, [], ""
        elif span.kind == HEADING:
            if asides:
                yield Line(ASIDE, " ".join(asides))
            yield Line(HEADING, span.text)
            asides, heading = [], fold(span.text)
        elif any(letter.isalpha() for letter in span.text):
            asides.append(" ".join(span.text.split()))
    if asides:
        yield Line(ASIDE, " ".join(asides))


def _changes(unit: Unit, previous: Unit | None, grid: Grid) -> Iterator[tuple[str, str]]:
    """Yield the table, the question and the speaker where another one begins.

    Each comes after the words by which a heading says it already.
    """
    if unit.table_number is not None and (
        previous is None or previous.table_number != unit.table_number
    ):
        table = _("Table {n}").format(n=unit.table_number)
        yield table, table
    if unit.question and (previous is None or previous.question != unit.question):
        labels = {row.question: row.label for row in grid.questions}
        topic = word("questions", unit.question)
        topic = labels.get(unit.question, "") if topic == unit.question else topic
        if topic:
            number = unit.question.removeprefix("q")
            told = f"question {number}" if number.isdecimal() else topic
            yield told, _("Question {name}").format(name=quoted(topic))
    if unit.speaker and (previous is None or previous.speaker != unit.speaker):
        yield unit.speaker, unit.speaker
