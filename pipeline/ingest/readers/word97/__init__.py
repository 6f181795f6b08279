"""Read old Word documents (.doc, Word 97 to 2003), whose format is [MS-DOC], by walking their text in reading order.

In:   the bytes of a .doc
Out:  one part: headings, paragraphs, bullets, cells; insertions in, deletions out, notes, comments and text boxes where they are called

What a Word 97 document keeps beside its main text: notes, comments, text boxes, page headers and footers.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import Draft, remark, settle
from pipeline.ingest.readers.container import DAMAGED
from pipeline.ingest.readers.docx_styles import outline_level
from pipeline.ingest.readers.source import Source, corrupt, no_text
from pipeline.ingest.readers.word97.binary import (
    BOX_ANCHORS,
    BOXES,
    COMMENT_AUTHORS,
    COMMENTS,
    ENDNOTES,
    FOOTNOTES,
    HEADERS,
    Binary,
    open_binary,
    places_of,
    whole_of,
)
from pipeline.ingest.readers.word97.paragraphs import Paragraph, Paragraphs, Tables
from pipeline.ingest.readers.word97.text import StyleSheet, Text, numbering_of
from pipeline.ingest.readers.wording import clean

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
            for place, stretch in zip(
                places[:-1], _stretches(binary, texts, 0, part), strict=False
            ):
                asides.notes[place].append(stretch)
        authors = list(_names(binary.held(COMMENT_AUTHORS)))
        places, entries = places_of(binary.held(COMMENTS[0]), _COMMENT_BYTES)
        for place, entry, stretch in zip(
            places[:-1], entries, _stretches(binary, COMMENTS[1], 0, "comments"), strict=False
        ):
            author = whole_of(entry[_AUTHOR_AT : _AUTHOR_AT + 2])
            asides.comments[place].append(
                (stretch, authors[author] if author < len(authors) else "")
            )
        asides._place_boxes(binary)
        return asides

    def _place_boxes(self, binary: Binary) -> None:
        places, anchors = places_of(binary.held(BOX_ANCHORS), _ANCHOR_BYTES)
        by_shape = {anchor[:4]: place for place, anchor in zip(places[:-1], anchors, strict=True)}
        _, boxes = places_of(binary.held(BOXES), _BOX_BYTES)
        for box, stretch in zip(
            boxes, _stretches(binary, BOXES, _BOX_BYTES, "boxes"), strict=False
        ):
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
    return [
        story
        for wanted in (False, True)
        for story, found in zip(stories, is_footer, strict=True)
        if found is wanted
    ]


def _names(content: bytes) -> Iterator[str]:
    """The names of a list in which each is preceded by its length."""
    place = 0
    while place + 2 <= len(content):
        end = place + 2 + 2 * whole_of(content[place : place + 2])
        yield content[place + 2 : end].decode("utf-16-le", errors="replace")
        place = end


def read_word97(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a damaged, protected or textless document, and for one older than Word 97.
    """
    try:
        binary = open_binary(source)
        walk = _Walk(binary, Text(binary, source))
        blocks = [*walk.furniture(), *settle(walk.body(binary.stretches["main"]))]
    except DAMAGED as error:
        raise corrupt("le document Word") from error
    if not any(block.text for block in blocks):
        raise no_text("document Word")
    return (RawPart(tuple(blocks), title=walk.title),)


class _Walk:
    """One pass over a document, counting its lists as it goes."""

    def __init__(self, binary: Binary, text: Text) -> None:
        self.title: str | None = None
        self._numbering = numbering_of(binary)
        self._asides = Asides.of(binary)
        styles = StyleSheet.of(binary)
        self._main, self._aside = (
            Paragraphs(text, styles, self._asides.calls()),
            Paragraphs(text, styles),
        )

    def body(self, stretch: range) -> list[Draft]:
        """The drafts of the main text; what it calls follows the paragraph that calls it, comments on a table follow the table."""
        drafts: list[Draft] = []
        tables = Tables()
        remarks: list[Draft] = []
        for paragraph in _joined(self._main.of(stretch)):
            drafts += tables.take(paragraph, [*self._drafts(paragraph), *self._called(paragraph)])
            remarks += self._remarks(paragraph)
            if not paragraph.depth:
                drafts += remarks
                remarks = []
        loose = [draft for box in self._asides.loose for draft in self._flow(box)]
        return [*drafts, *tables.rest(), *remarks, *loose]

    def furniture(self) -> list[RawBlock]:
        """The page headers and footers as meta blocks, each text once: they often name the table or the workshop."""
        texts = [clean(draft.text) for story in self._asides.headers for draft in self._flow(story)]
        return [
            RawBlock(text, "meta")
            for text in dict.fromkeys(texts)
            if any(letter.isalpha() for letter in text)
        ]

    def _flow(self, stretch: range) -> list[Draft]:
        """The drafts of a stretch that calls nothing."""
        tables = Tables()
        drafts = [
            draft
            for paragraph in _joined(self._aside.of(stretch))
            for draft in tables.take(paragraph, list(self._drafts(paragraph)))
        ]
        return drafts + tables.rest()

    def _called(self, paragraph: Paragraph) -> Iterator[Draft]:
        """The drafts of the text boxes, then of the notes that a paragraph calls."""
        for held in (self._asides.boxes, self._asides.notes):
            for stretch in (
                stretch for place in paragraph.calls for stretch in held.get(place, [])
            ):
                yield from self._flow(stretch)

    def _remarks(self, paragraph: Paragraph) -> Iterator[Draft]:
        for place in paragraph.calls:
            for stretch, author in self._asides.comments.get(place, []):
                said = remark(" ".join(draft.text for draft in self._flow(stretch)), author)
                yield from [Draft(said.text, said)] if said.text else []

    def _drafts(self, paragraph: Paragraph) -> Iterator[Draft]:
        """The drafts of a paragraph, one a line of it."""
        style, text = paragraph.style, paragraph.text
        if style.is_contents:
            return
        if style.is_title and self.title is None and clean(text):
            self.title = clean(text)
        list_id, is_strong = paragraph.list_id, paragraph.is_strong
        number = (
            self._numbering.count(list_id, paragraph.level)
            if list_id not in ("", "style") and clean(text)
            else ""
        )
        heading = style.heading or outline_level(str(paragraph.outline))
        if heading:
            title = clean(f"{number} {text}")
            yield Draft(title, RawBlock(title, "heading", heading))
        elif list_id:
            for line in text.split("\n"):
                yield Draft(
                    line,
                    RawBlock(clean(line), "bullet", paragraph.level),
                    number=number,
                    is_strong=is_strong,
                )
        else:
            yield from (Draft(line, is_strong=is_strong) for line in text.split("\n"))


def _joined(paragraphs: Iterator[Paragraph]) -> Iterator[Paragraph]:
    """The paragraphs, those whose mark is deleted put before the text of the next one."""
    pending: list[Paragraph] = []
    for paragraph in paragraphs:
        pending.append(paragraph)
        if not paragraph.is_joined or paragraph.depth:
            yield _as_one(pending)
            pending = []
    yield from [_as_one(pending)] if pending else []


def _as_one(paragraphs: list[Paragraph]) -> Paragraph:
    """The last of `paragraphs` with the text and calls of all."""
    last = paragraphs[-1]
    last.text = "".join(paragraph.text for paragraph in paragraphs)
    last.calls = [call for paragraph in paragraphs for call in paragraph.calls]
    return last
