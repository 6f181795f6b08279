"""What a Word 97 document keeps beside its main text: notes, comments, text boxes, page headers and footers.

In:   Binary
Out:  Asides: stretches of the text, by the place where each is called
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from pipeline.ingest.readers.word97.binary import (
    BOX_ANCHORS,
    BOXES,
    COMMENT_AUTHORS,
    COMMENTS,
    ENDNOTES,
    FOOTNOTES,
    HEADERS,
    Binary,
    places_of,
)
from pipeline.ingest.readers.word97.changes import whole_of

_NOTE_BYTES, _COMMENT_BYTES, _ANCHOR_BYTES, _BOX_BYTES = 2, 30, 26, 22
_AUTHOR_AT, _SHAPE_AT = 20, 14  # in the entry of a comment, of a box
_N_SEPARATORS, _N_PLACES = 6, 6  # stories before those of the first section, and stories a section
_FOOTERS = (2, 3, 5)  # of the stories of a section


@dataclass(frozen=True)
class Asides:
    """Stretches by the place that calls them; `headers` holds those of every page, `loose` the boxes that no place calls."""

    notes: dict[int, list[range]] = field(default_factory=lambda: defaultdict(list))
    comments: dict[int, list[tuple[range, str]]] = field(default_factory=lambda: defaultdict(list))
    boxes: dict[int, list[range]] = field(default_factory=lambda: defaultdict(list))
    headers: list[range] = field(default_factory=list)
    loose: list[range] = field(default_factory=list)

    @classmethod
    def of(cls, binary: Binary) -> "Asides":
        """What stands beside the main text of the document."""
        asides = cls(headers=[*_headers(binary), binary.stretches["header boxes"]])
        for (calls, texts), part in ((FOOTNOTES, "footnotes"), (ENDNOTES, "endnotes")):
            places, _ = places_of(binary.held(calls), _NOTE_BYTES)
            for place, stretch in zip(places[:-1], _stretches(binary, texts, 0, part), strict=False):
                asides.notes[place].append(stretch)
        authors = list(_names(binary.held(COMMENT_AUTHORS)))
        places, entries = places_of(binary.held(COMMENTS[0]), _COMMENT_BYTES)
        for place, entry, stretch in zip(places[:-1], entries, _stretches(binary, COMMENTS[1], 0, "comments"), strict=False):
            author = whole_of(entry[_AUTHOR_AT : _AUTHOR_AT + 2])
            asides.comments[place].append((stretch, authors[author] if author < len(authors) else ""))
        asides._place_boxes(binary)
        return asides

    def _place_boxes(self, binary: Binary) -> None:
        places, anchors = places_of(binary.held(BOX_ANCHORS), _ANCHOR_BYTES)
        by_shape = {anchor[:4]: place for place, anchor in zip(places[:-1], anchors, strict=True)}
        _, boxes = places_of(binary.held(BOXES), _BOX_BYTES)
        for box, stretch in zip(boxes, _stretches(binary, BOXES, _BOX_BYTES, "boxes"), strict=False):
            place = by_shape.get(box[_SHAPE_AT : _SHAPE_AT + 4])
            (self.loose if place is None else self.boxes[place]).append(stretch)

    def calls(self) -> list[int]:
        """The places that call something, in order."""
        return sorted({*self.notes, *self.comments, *self.boxes})


def _stretches(binary: Binary, number: int, n_bytes: int, part: str) -> Iterator[range]:
    """The stretches that a table of places parts a part of the text into, up to where its places go back."""
    within = binary.stretches[part]
    places, _ = places_of(binary.held(number), n_bytes)
    for start, end in takewhile(lambda pair: pair[0] <= pair[1] <= len(within), pairwise(places)):
        yield within[start:end]


def _headers(binary: Binary) -> list[range]:
    """The stories of page headers, then those of footers."""
    stories = list(_stretches(binary, HEADERS, 0, "headers"))[_N_SEPARATORS:]
    is_footer = [place % _N_PLACES in _FOOTERS for place in range(len(stories))]
    return [story for wanted in (False, True) for story, found in zip(stories, is_footer, strict=True) if found is wanted]


def _names(content: bytes) -> Iterator[str]:
    """The names of a list in which each is preceded by its length."""
    place = 0
    while place + 2 <= len(content):
        end = place + 2 + 2 * whole_of(content[place : place + 2])
        yield content[place + 2 : end].decode("utf-16-le", errors="replace")
        place = end
