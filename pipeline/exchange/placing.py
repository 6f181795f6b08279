"""Find the units of the study that selections in another tool's copy of a document speak of.

In:   sources of a project; documents and units of the study
Out:  the unit_ids of each selection, or why there are none
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.exchange.documents import named_documents
from pipeline.exchange.guids import guid
from pipeline.exchange.offsets import Span, plain_text, settle_spans
from pipeline.exchange.project_file import Source
from pipeline.exchange.xml_text import xml_text
from pipeline.publish.report.passages import rows_of

_SHARE = 0.5  # of the unit or of the selection that must lie in the other
UNKNOWN_SOURCE = "document qui n'est pas de l'étude"
NO_TEXT = "document dont le texte n'est pas dans le fichier"
WHOLE = "code posé sur un document entier"
OUTSIDE = "sélection hors de son texte"
NOT_FOUND = "sélection introuvable dans le document de l'étude, dont le texte est autre"
NO_UNIT = "sélection hors de tout passage"


@dataclass(frozen=True)
class Placed:
    """The units that a selection speaks of, or `why` it speaks of none."""

    unit_ids: tuple[str, ...]
    why: str = ""


class Placer:
    """Knows the study's documents by GUID, text and title, and their units by place."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        documents = named_documents(tables)
        self._texts: dict[str, str] = {row.document_id: xml_text(row.text) for row in documents}
        self._by_guid: dict[str, str] = {guid("document", row.document_id): row.document_id for row in documents}
        self._by_name: dict[str, str] = {row.name: row.document_id for row in documents}
        self._by_text: dict[str, str] = {}
        for document_id, text in self._texts.items():
            self._by_text.setdefault(text.rstrip(), document_id)
        ordered = tables["units"].sort_values(["start_char", "unit_id"])
        self._units = {key: list(rows_of(rows)) for key, rows in ordered.groupby("document_id")}

    def place(self, source: Source) -> list[Placed]:
        """One answer a selection of `source`."""
        if source.stored is None:
            return [Placed((), NO_TEXT)] * len(source.selections)
        theirs = xml_text(plain_text(source.stored))
        document_id = self._document(source, theirs)
        if document_id is None:
            return [Placed((), UNKNOWN_SOURCE)] * len(source.selections)
        ours, units = self._texts[document_id], self._units.get(document_id, [])
        is_same = theirs.rstrip() == ours.rstrip()
        bounds = {bound for unit in units for bound in (int(unit.start_char), int(unit.end_char))} if is_same else set()
        settled = iter(settle_spans(source.stored, [selection.span for selection in source.selections if selection.span], bounds))
        placed = []
        for selection in source.selections:
            if selection.span is None:
                placed.append(Placed((), WHOLE))
                continue
            span = next(settled)
            ours_too = span if span is None or is_same else _found_again(span, theirs, ours)
            placed.append(_placed(ours_too, ours, units) if ours_too else Placed((), NOT_FOUND if span else OUTSIDE))
        return placed

    def _document(self, source: Source, theirs: str) -> str | None:
        """The document with the source's GUID and text, else with its text, else with its GUID or name alone."""
        named = self._by_guid.get(source.guid) or self._by_name.get(source.name)
        if named is not None and self._texts[named].rstrip() == theirs.rstrip():
            return named
        return self._by_text.get(theirs.rstrip()) or named


def _placed(span: Span, text: str, units: Iterable[Any]) -> Placed:
    start, end = _trimmed(span, text)
    unit_ids = tuple(unit.unit_id for unit in units if _overlaps(start, end, int(unit.start_char), int(unit.end_char)))
    return Placed(unit_ids, "" if unit_ids else NO_UNIT)


def _overlaps(start: int, end: int, unit_start: int, unit_end: int) -> bool:
    """Whether half of the unit lies in the selection, or half of the selection in the unit."""
    common = min(end, unit_end) - max(start, unit_start)
    return common > 0 and common >= _SHARE * min(end - start, unit_end - unit_start)


def _trimmed(span: Span, text: str) -> Span:
    """`span` without the blanks at its ends, unless it is all blank."""
    quote = text[span[0] : span[1]]
    if not quote.strip():
        return span
    start = span[0] + len(quote) - len(quote.lstrip())
    return start, span[0] + len(quote.rstrip())


def _found_again(span: Span, theirs: str, ours: str) -> Span | None:
    """Where the words selected stand in our text: of several places, the one nearest to theirs."""
    quote = theirs[span[0] : span[1]].strip()
    places = []
    at = ours.find(quote) if quote else -1
    while at >= 0:
        places.append(at)
        at = ours.find(quote, at + 1)
    if not places:
        return None
    best = min(places, key=lambda place: (abs(place - span[0]), place))
    return best, best + len(quote)
