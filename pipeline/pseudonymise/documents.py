"""Rewrite the documents of a workshop: find the masks of their texts, then replace them under the numbers of the persons they hide.

In:   documents and blocks, raw; a masker; the numbers of the names found
Out:  documents and blocks without personal data; the cases that doubts are listed from
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.doubts import Case
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.pseudonyms import spelt
from pipeline.pseudonymise.rewrite import Rewriting, settle_masks
from pipeline.pseudonymise.vault import Registry
from pipeline.tokens import person_token

_log = logging.getLogger(__name__)
ERASED = "[propos effacé]"


@dataclass(frozen=True)
class Marked:
    """A raw document with what was found in it; `settled` is what will be replaced, `edges` are the bounds of its blocks."""

    document_id: str
    path: str
    text: str
    edges: tuple[int, ...]
    found: tuple[Mask, ...]
    settled: tuple[Mask, ...]

    def name(self, mask: Mask) -> str:
        """The name that a mask hides, as names are compared."""
        return spelt(self.text[mask.start : mask.end])


def mark_documents(documents: pd.DataFrame, blocks: pd.DataFrame, masker: Masker, *, erased: Sequence[bool]) -> list[Marked]:
    """Return the documents with their masks; a mask never crosses the edge of a block. `erased` blocks (n_blocks,) are hidden whole."""
    spans_of: dict[Any, list[tuple[int, int]]] = {}
    gone: dict[Any, list[Mask]] = {}
    for document_id, start, end, is_gone in zip(blocks["document_id"], blocks["start_char"], blocks["end_char"], erased, strict=True):
        spans_of.setdefault(document_id, []).append((int(start), int(end)))
        gone.setdefault(document_id, []).extend([Mask(int(start), int(end), ERASED)] if is_gone else [])
    rows = list(zip(documents["document_id"], documents["path"], documents["text"], strict=True))
    masks_of = masker.find([(text, spans_of.get(document_id, [])) for document_id, _, text in rows])
    marked = []
    for (document_id, path, text), masks in zip(rows, masks_of, strict=True):
        edges = tuple(edge for span in spans_of.get(document_id, []) for edge in span)
        found = (*masks, *gone.get(document_id, []))
        marked.append(Marked(document_id, path, text, edges, found, tuple(settle_masks(text, found, edges))))
    counts = Counter(mask.token for document in marked for mask in document.settled)
    _log.info("masked %s", dict(sorted(counts.items())))
    return marked


def names_of(marked: Iterable[Marked]) -> list[str]:
    """The names hidden, in reading order."""
    return [document.name(mask) for document in marked for mask in document.settled if mask.token == PERSON]


def write_documents(
    documents: pd.DataFrame, blocks: pd.DataFrame, marked: Sequence[Marked], numbers: Mapping[str, int | None], registry: Registry
) -> tuple[pd.DataFrame, pd.DataFrame, list[Case]]:
    """Return both tables rewritten, and each document's case."""
    cases = [_case(document, numbers, registry) for document in marked]
    rewritten = {document.document_id: case.rewriting for document, case in zip(marked, cases, strict=True)}
    clean = [rewritten[document_id].text for document_id in documents["document_id"]]
    documents["text"] = pd.Series(clean, index=documents.index, dtype=documents["text"].dtype)
    documents["n_chars"] = pd.Series([len(text) for text in clean], index=documents.index, dtype="Int64")
    for bound in ("start_char", "end_char"):
        blocks[bound] = [rewritten[document_id].move(int(at)) for document_id, at in zip(blocks["document_id"], blocks[bound], strict=True)]
    blocks[["start_char", "end_char"]] = blocks[["start_char", "end_char"]].astype("Int64")
    return documents, blocks, cases


def _case(document: Marked, numbers: Mapping[str, int | None], registry: Registry) -> Case:
    masks = [_numbered(mask, numbers.get(document.name(mask)), registry) if mask.token == PERSON else mask for mask in document.settled]
    return Case(document.path, document.text, list(document.found), Rewriting(document.text, masks, document.edges))


def _numbered(mask: Mask, number: int | None, registry: Registry) -> Mask:
    """The mask under its person's number, with the doubt there is about who a name means."""
    person = registry.persons[number] if number is not None else None
    doubt = person.doubt if person and not person.is_listed else ""
    return mask._replace(token=person_token(number), doubt=mask.doubt or doubt)
