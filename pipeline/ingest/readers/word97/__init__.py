"""Read old Word documents (.doc, Word 97 to 2003), whose format is [MS-DOC], by walking their text in reading order.

In:   the bytes of a .doc
Out:  one part: headings, paragraphs, bullets, cells; insertions in, deletions out, notes, comments and text boxes where they are called
"""

from collections.abc import Iterator

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.compound import DAMAGED
from pipeline.ingest.readers.docx_styles import outline_level
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.remarks import remark
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.source import Source, corrupt, no_text
from pipeline.ingest.readers.word97.asides import Asides
from pipeline.ingest.readers.word97.binary import Binary, open_binary
from pipeline.ingest.readers.word97.paragraphs import Paragraph, Paragraphs
from pipeline.ingest.readers.word97.styles import StyleSheet, numbering_of
from pipeline.ingest.readers.word97.tables import Tables
from pipeline.ingest.readers.word97.text import Text
from pipeline.ingest.readers.wording import clean


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
        self._main, self._aside = Paragraphs(text, styles, self._asides.calls()), Paragraphs(text, styles)

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
        return [RawBlock(text, "meta") for text in dict.fromkeys(texts) if any(letter.isalpha() for letter in text)]

    def _flow(self, stretch: range) -> list[Draft]:
        """The drafts of a stretch that calls nothing."""
        tables = Tables()
        drafts = [
            draft for paragraph in _joined(self._aside.of(stretch)) for draft in tables.take(paragraph, list(self._drafts(paragraph)))
        ]
        return drafts + tables.rest()

    def _called(self, paragraph: Paragraph) -> Iterator[Draft]:
        """The drafts of the text boxes, then of the notes that a paragraph calls."""
        for held in (self._asides.boxes, self._asides.notes):
            for stretch in (stretch for place in paragraph.calls for stretch in held.get(place, [])):
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
        number = self._numbering.count(list_id, paragraph.level) if list_id not in ("", "style") and clean(text) else ""
        heading = style.heading or outline_level(str(paragraph.outline))
        if heading:
            title = clean(f"{number} {text}")
            yield Draft(title, RawBlock(title, "heading", heading))
        elif list_id:
            for line in text.split("\n"):
                yield Draft(line, RawBlock(clean(line), "bullet", paragraph.level), number=number, is_strong=is_strong)
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
