"""Find all masks of a set of texts, replace them, and carry offsets over exactly.

In:   texts, and the spans of their blocks
Out:  masks in the offsets of each text; the texts rewritten; structures without persons' names
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

import pandas as pd

from pipeline.french import parse
from pipeline.pseudonymise.contacts import PERSON, Mask, find_contacts
from pipeline.pseudonymise.context import Passage
from pipeline.pseudonymise.listed_names import mentions_of, misspelt_mentions, names_in
from pipeline.pseudonymise.persons import find_persons
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.suspects import find_suspects
from pipeline.text import fold_same_length


class Rewriting:
    """`text` after its masks are replaced; `move` carries an offset that lies outside or at the
    edge of a mask.
    """

    def __init__(self, text: str, masks: Iterable[Mask], edges: Iterable[int] = ()) -> None:
        self.masks = settle_masks(text, masks, edges)
        pieces, last = [], 0
        for mask in self.masks:
            pieces += [text[last : mask.start], mask.token]
            last = mask.end
        self.text = "".join([*pieces, text[last:]])
        self._ends = [mask.end for mask in self.masks]
        self._shifts = [
            0,
            *accumulate(len(mask.token) - (mask.end - mask.start) for mask in self.masks),
        ]

    def move(self, offset: int) -> int:
        """Where `offset` of the old text lies in the new one; inside a mask, the start of its
        token.
        """
        passed = bisect_right(self._ends, offset)
        if passed < len(self.masks) and self.masks[passed].start < offset:
            offset = self.masks[passed].start
        return offset + self._shifts[passed]


def settle_masks(text: str, masks: Iterable[Mask], edges: Iterable[int] = ()) -> list[Mask]:
    """The masks that are replaced, in order and without overlap: suspects left readable are none,
    and settled masks stay as they are.
    """
    return _split(
        text, _merge(text, (mask for mask in masks if not mask.is_kept)), sorted(set(edges))
    )


def _merge(text: str, masks: Iterable[Mask]) -> list[Mask]:
    """`masks` in order, the wider one winning where two overlap; two names with only a blank
    between them become one.
    """
    merged: list[Mask] = []
    for mask in sorted(masks, key=lambda mask: (mask.start, -mask.end, mask.token, mask.doubt)):
        last = merged[-1] if merged else None
        if last and (
            mask.start < last.end
            or (mask.token == last.token and text[last.end : mask.start] in ("", " ", "\u00a0"))
        ):
            wider = max(last, mask, key=lambda mask: mask.end - mask.start)
            merged[-1] = wider._replace(start=last.start, end=max(last.end, mask.end))
        else:
            merged.append(mask)
    return merged


def _split(text: str, masks: list[Mask], edges: list[int]) -> list[Mask]:
    """`masks` cut at the edges that they straddle, each blank part left out."""
    parts: list[Mask] = []
    for mask in masks:
        inner = edges[bisect_right(edges, mask.start) : bisect_left(edges, mask.end)]
        bounds = [mask.start, *inner, mask.end]
        parts += [
            mask._replace(start=left, end=right)
            for left, right in pairwise(bounds)
            if text[left:right].strip()
        ]
    return parts


NOT_FOR_ENTITIES = (
    "tok2vec",
    "morphologizer",
    "parser",
    "attribute_ruler",
    "lemmatizer",
)  # entities have word vectors of their own
_LONGEST = 20_000  # characters parsed at once


class _Read(NamedTuple):
    """A passage of text `number`, where it starts in it, and the persons found in it."""

    number: int
    start: int
    passage: Passage
    persons: list[Mask]


class Masker:
    """Finds masks with one workshop's roster."""

    _has_language_model = True

    def __init__(self, roster: Roster, *, name_match: int) -> None:
        self._roster, self._name_match = roster, name_match

    def find(self, texts: list[tuple[str, list[tuple[int, int]]]]) -> list[list[Mask]]:
        """Return the masks of each (text, block spans); what lies between blocks is searched too.
        Each text is parsed once.
        """
        masks: list[list[Mask]] = [[] for _ in texts]
        names: list[frozenset[str]] = [frozenset() for _ in texts]
        shared: frozenset[str] = frozenset()
        reads = self._read(texts)
        for read in reads:
            contacts = find_contacts(read.passage.text)
            masks[read.number] += _shift([*contacts, *_outside(contacts, read.persons)], read.start)
            names[read.number] |= names_in(read.passage, read.persons)
            shared |= names_in(read.passage, [mask for mask in read.persons if not mask.doubt])
        for read in reads:
            mentions = mentions_of(read.passage, names[read.number] | shared)
            mentions += misspelt_mentions(
                read.passage, names[read.number], name_match=self._name_match
            )
            suspects = find_suspects(read.passage, [*read.persons, *mentions])
            masks[read.number] += _shift([*mentions, *suspects], read.start)
        return masks

    def _read(self, texts: list[tuple[str, list[tuple[int, int]]]]) -> list[_Read]:
        pieces = [
            (number, start, end)
            for number, (text, spans) in enumerate(texts)
            for start, end in _pieces(text, spans)
        ]
        cut = [texts[number][0][start:end] for number, start, end in pieces]
        found: Iterable[tuple[tuple[int, int, str], ...]] = (
            _entities(cut) if self._has_language_model else [()] * len(cut)
        )
        reads: list[_Read] = []
        for (number, start, _), text, entities in zip(pieces, cut, found, strict=True):
            passage = Passage(text, entities, self._roster)
            reads.append(
                _Read(number, start, passage, find_persons(passage, name_match=self._name_match))
            )
        return reads

    def mask_texts(self, texts: "pd.Series", *, persons_only: bool = False) -> "pd.Series":
        """Return `texts` with their masks replaced, blanks left blank."""
        distinct = [str(text) for text in texts.dropna().unique()]
        masks = self.find([(text, []) for text in distinct])
        kept = [
            [mask for mask in listed if mask.token == PERSON or not persons_only]
            for listed in masks
        ]
        clean = {
            text: Rewriting(text, listed).text for text, listed in zip(distinct, kept, strict=True)
        }
        return texts.map(clean, na_action="ignore").astype(texts.dtype)


def _entities(texts: list[str]) -> Iterator[tuple[tuple[int, int, str], ...]]:
    """The entities that spaCy sees in each text."""
    for document in parse(texts, without=NOT_FOR_ENTITIES):
        yield tuple((entity.start_char, entity.end_char, entity.label_) for entity in document.ents)


def _pieces(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """`text` cut at the edges of its blocks, and where a piece is too long to parse, at a blank;
    blank pieces left out.
    """
    edges = sorted({0, len(text), *(edge for span in spans for edge in span)})
    pieces: list[tuple[int, int]] = []
    for start, end in pairwise(edges):
        while end - start > _LONGEST:
            middle = max(text.rfind(blank, start + 1, start + _LONGEST) for blank in "\n ")
            middle = middle if middle > start else start + _LONGEST
            pieces.append((start, middle))
            start = middle
        pieces.append((start, end))
    return [(start, end) for start, end in pieces if text[start:end].strip()]


def _outside(contacts: list[Mask], persons: list[Mask]) -> list[Mask]:
    """The names that no contact covers: "jeanne" of a mail address is no doubtful name."""
    return [
        mask
        for mask in persons
        if not any(contact.start <= mask.start and mask.end <= contact.end for contact in contacts)
    ]


def _shift(masks: list[Mask], by: int) -> list[Mask]:
    return [mask._replace(start=mask.start + by, end=mask.end + by) for mask in masks]


_CARRIERS = ("structures", "attendance", "catchments")


def rename_structures(tables: dict[str, pd.DataFrame], masker: Masker) -> dict[str, pd.DataFrame]:
    """Return `tables` with the structures that hold a person's name renamed; their ids are numbered
    where two become the same.
    """
    structures = tables["structures"]
    names = masker.mask_texts(structures["name"])
    taken = set(structures["structure_id"])
    new_ids: dict[str, str] = {}
    for structure_id, before, after in zip(
        structures["structure_id"], structures["name"], names, strict=True
    ):
        if before != after:
            new_ids[structure_id] = _free_id(after, taken)
    renamed = {
        name: tables[name].assign(structure_id=_renumber(tables[name]["structure_id"], new_ids))
        for name in _CARRIERS
    }
    return tables | renamed | {"structures": renamed["structures"].assign(name=names)}


def _renumber(ids: "pd.Series", new_ids: dict[str, str]) -> "pd.Series":
    return ids.map(lambda old: new_ids.get(old, old), na_action="ignore").astype(ids.dtype)


def _free_id(name: str, taken: set[str]) -> str:
    """A slug of `name` that is not taken, which it then is."""
    slug = re.sub(r"\W+", "-", fold_same_length(name)).strip("-")
    number = 1
    while (structure_id := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    taken.add(structure_id)
    return structure_id
