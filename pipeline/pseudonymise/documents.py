"""Rewrite a workshop's documents without personal data, and list its doubtful cases."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from pipeline.pseudonymise.context import (
    announces,
    has_age_or_initial_after,
    has_verb_or_function_after,
    is_alone_in_brackets,
    takes_the_floor,
)
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.masks import PERSON, Mask, Rewriting, settle_masks
from pipeline.pseudonymise.mentions import spelt
from pipeline.pseudonymise.name_parts import has_title, whole_name
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.vault import Person, Registry
from pipeline.pseudonymise.words import LETTER, alternatives, is_first_name
from pipeline.tables.schema import Column, Table
from pipeline.text import fold_same_length, person_token

_log = logging.getLogger(__name__)
ERASED = "[propos effacé]"
HIDDEN, READABLE, COUNTED = "masqué", "gardé", "compté"
HIDE, KEEP, JOIN = "masquer", "garder", "réunir"
_AROUND = 60  # characters of context on each side

DOUBTS = Table(
    "doubts",
    "A doubtful case of pseudonymisation, in real words: kept in vault/, never written to tables/.",
    ("doubt_id",),
    (
        Column("doubt_id", "text", "Hash of workshop, words and reason"),
        Column("workshop_id", "text", "Workshop"),
        Column(
            "path",
            "text",
            "Document where it was met first; blank for a person of a list",
            nullable=True,
        ),
        Column(
            "start_char",
            "int",
            "Where, in the pseudonymised text",
            "code points",
            nullable=True,
            low=0,
        ),
        Column("words", "text", "The words in doubt"),
        Column("context", "text", "What stands around them", nullable=True),
        Column("done", "text", "What was done", values=(HIDDEN, READABLE, COUNTED)),
        Column("reason", "text", "Why it is in doubt"),
        Column("n_occurrences", "int", "Times met in the workshop", "occurrences", low=1),
        Column(
            "decision", "text", "What a person decided", nullable=True, values=(HIDE, KEEP, JOIN)
        ),
    ),
)


def find_places(texts: Iterable[str], communes: Iterable[str], roster: Roster) -> frozenset[str]:
    """Return the first names that are places here by a cue or a commune, never persons."""
    passages = [Passage(text, roster=roster) for text in texts]
    named = {fold_same_length(commune) for commune in communes} | {
        name for passage in passages for name in _cued(passage)
    }
    candidates = {name for name in named if is_first_name(name)} - roster.first - roster.last
    if not candidates:
        return frozenset()
    return frozenset(
        candidates - {name for passage in passages for name in _persons(passage, candidates)}
    )


def _cued(passage: Passage) -> set[str]:
    spans = (match.span("name") for cue in _cues() for match in cue.finditer(passage.folded))
    return {
        passage.folded[start:end]
        for start, end in spans
        if passage.text[start].isupper() and not _has_next_part(passage.text[end:])
    }


def _has_next_part(after: str) -> bool:
    """In "cité Paul Éluard", Paul is not the place."""
    return (
        bool(re.match(r"[\s\u00a0\-‐‑](?:[dDlL]['’])?(?=\w)", after))
        and after[1:].lstrip("dDlL'’")[:1].isupper()
    )


@cache
def _cues() -> tuple[re.Pattern[str], ...]:
    """Quartier X; habitants de X; vivent à X; at the start of a clause, les gens à X."""
    blank = r"[ \u00a0]"
    apposed = rf"(?<!\w)(?:{alternatives('lieux_nommes')}){blank}"
    linked = rf"(?<!\w)(?:{alternatives('lieux_nommes_avec_de')}){blank}(?:de{blank}|d')"
    present = rf"(?<!\w)(?:{alternatives('presences')}){blank}à{blank}"
    start = rf"(?:^|[.,;:!?(\n]){blank}*(?:(?:et|mais|que|car|donc){blank})?"
    clause = rf"{start}(?:les|des|nos){blank}(?:{alternatives('populations')}){blank}à{blank}"
    name = rf"(?P<name>{LETTER}+(?:-{LETTER}+)*)(?![\w'-])"
    return tuple(re.compile(cue + name) for cue in (apposed, linked, present, clause))


def _persons(passage: Passage, names: set[str]) -> set[str]:
    if not any(name in passage.folded for name in names):
        return set()
    return {word.folded for word in passage.words if word.folded in names and _is_person(word)}


def _is_person(word: TextWord) -> bool:
    before = word.previous
    if word.gap == " " and before.has_capital and before.is_first_name:
        return True
    if has_title(word) or whole_name(word) != (word.start, word.end):
        return True
    return (
        has_age_or_initial_after(word)
        or is_alone_in_brackets(word)
        or takes_the_floor(word)
        or announces(word)
        or has_verb_or_function_after(word)
    )


@dataclass(frozen=True)
class MarkedDocument:
    """A raw document and its masks; `edges` bound its blocks."""

    document_id: str
    path: str
    text: str
    edges: tuple[int, ...]
    masks: tuple[Mask, ...]
    replaced: tuple[Mask, ...]

    def name(self, mask: Mask) -> str:
        """Return the hidden name as `spelt`."""
        return spelt(self.text[mask.start : mask.end])


def mark_documents(
    documents: pd.DataFrame, blocks: pd.DataFrame, masker: Masker, *, erased: Sequence[bool]
) -> list[MarkedDocument]:
    """Return the documents with masks inside their blocks, `erased` ones hidden whole."""
    spans_of: dict[Any, list[tuple[int, int]]] = {}
    erased_in: dict[Any, list[Mask]] = {}
    bounds = zip(blocks["document_id"], blocks["start_char"], blocks["end_char"], strict=True)
    for (document_id, start, end), is_erased in zip(bounds, erased, strict=True):
        spans_of.setdefault(document_id, []).append((int(start), int(end)))
        if is_erased:
            erased_in.setdefault(document_id, []).append(Mask(int(start), int(end), ERASED))
    rows = list(zip(documents["document_id"], documents["path"], documents["text"], strict=True))
    masks_of = masker.find([(text, spans_of.get(document_id, [])) for document_id, _, text in rows])
    marked = []
    for (document_id, path, text), names in zip(rows, masks_of, strict=True):
        edges = tuple(edge for span in spans_of.get(document_id, []) for edge in span)
        masks = (*names, *erased_in.get(document_id, []))
        replaced = tuple(settle_masks(text, masks, edges))
        marked.append(MarkedDocument(document_id, path, text, edges, masks, replaced))
    counts = Counter(mask.token for document in marked for mask in document.replaced)
    _log.info("masked %s", dict(sorted(counts.items())))
    return marked


def names_of(marked: Iterable[MarkedDocument]) -> list[str]:
    """Return the hidden names in reading order."""
    return [
        document.name(mask)
        for document in marked
        for mask in document.replaced
        if mask.token == PERSON
    ]


class Case(NamedTuple):
    """A text, its masks and suspects, and their replacements."""

    path: str
    text: str
    masks: Sequence[Mask]
    rewriting: Rewriting


def write_documents(
    documents: pd.DataFrame,
    blocks: pd.DataFrame,
    marked: Sequence[MarkedDocument],
    numbers: Mapping[str, int | None],
    registry: Registry,
) -> tuple[pd.DataFrame, pd.DataFrame, list[Case]]:
    """Return both tables rewritten, and each document's case."""
    cases = [_case(document, numbers, registry) for document in marked]
    rewritten = {
        document.document_id: case.rewriting for document, case in zip(marked, cases, strict=True)
    }
    clean = [rewritten[document_id].text for document_id in documents["document_id"]]
    documents["text"] = pd.Series(clean, index=documents.index, dtype=documents["text"].dtype)
    documents["n_chars"] = pd.Series(
        [len(text) for text in clean], index=documents.index, dtype="Int64"
    )
    for bound in ("start_char", "end_char"):
        blocks[bound] = [
            rewritten[document_id].move(int(offset))
            for document_id, offset in zip(blocks["document_id"], blocks[bound], strict=True)
        ]
    blocks[["start_char", "end_char"]] = blocks[["start_char", "end_char"]].astype("Int64")
    return documents, blocks, cases


def _case(document: MarkedDocument, numbers: Mapping[str, int | None], registry: Registry) -> Case:
    masks = [
        _numbered(mask, numbers.get(document.name(mask)), registry)
        if mask.token == PERSON
        else mask
        for mask in document.replaced
    ]
    rewriting = Rewriting(document.text, masks, document.edges)
    return Case(document.path, document.text, document.masks, rewriting)


def _numbered(mask: Mask, number: int | None, registry: Registry) -> Mask:
    person = registry.persons[number] if number is not None else None
    doubt = person.doubt if person and not person.is_listed else ""
    return mask._replace(token=person_token(number), doubt=mask.doubt or doubt)


def list_doubts(workshop_id: str, cases: Iterable[Case], persons: Iterable[Person]) -> pd.DataFrame:
    """Return a workshop's doubts, those of texts first."""
    rows: dict[str, dict[str, Any]] = {}
    for row in [*(row for case in cases for row in _rows_of(case)), *map(_row_of_person, persons)]:
        key = "\x1f".join((workshop_id, fold_same_length(row["words"]), row["reason"]))
        doubt_id = "c-" + hashlib.sha256(key.encode()).hexdigest()[:12]
        ids = {"doubt_id": doubt_id, "workshop_id": workshop_id}
        first = rows.setdefault(doubt_id, ids | {"n_occurrences": 0} | row)
        first["n_occurrences"] += 1
    return DOUBTS.build(rows.values())


def _rows_of(case: Case) -> Iterator[dict[str, Any]]:
    forgotten = [mask for mask in case.rewriting.masks if mask.token == PERSON]
    shown = Rewriting(case.text, forgotten)  # the vault must not name forgotten people
    replaced = [mask for mask in case.rewriting.masks if mask.doubt and mask.token != PERSON]
    readable = [
        mask
        for mask in case.masks
        if mask.is_readable and mask.doubt and not mask.overlaps(case.rewriting.masks)
    ]
    for mask in sorted({*replaced, *readable}):
        start, end = shown.move(mask.start), shown.move(mask.end)
        around = shown.text[max(0, start - _AROUND) : end + _AROUND]
        yield {
            "path": case.path,
            "start_char": case.rewriting.move(mask.start),
            "words": " ".join(case.text[mask.start : mask.end].split()),
            "context": " ".join(around.split()),
            "done": READABLE if mask.is_readable else HIDDEN,
            "reason": mask.doubt,
        }


def _row_of_person(person: Person) -> dict[str, Any]:
    full_name = " ".join(filter(None, (person.first_name, person.last_name)))
    name = full_name or person.full_name or person.participant_id
    return {"words": f"{name} ({person.participant_id})", "done": COUNTED, "reason": person.doubt}
