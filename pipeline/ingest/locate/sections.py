"""Follow a document's headings, labels and prefixes, and say of each block where it was said.

In:   the blocks of a document, and what its name tells
Out:  placed blocks

Where a cell was said: by the columns of its row, its own header, or the label that opens its row.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pipeline.ingest.columns import is_question, meaning_of
from pipeline.ingest.locate.cues import LocatedBlock, Location, TextCues, read_cues, telling_words
from pipeline.ingest.locate.habits import Habits, names_table_alone, opens_with_idea, read_habits
from pipeline.ingest.locate.lines import (
    Prefix,
    asks,
    is_label,
    is_meta,
    is_meta_section,
    is_title,
    split_prefix,
    split_reporter,
    split_role,
    without_label,
)
from pipeline.ingest.locate.titles import (
    HINTED,
    MAX_COMPARED,
    SURE,
    asked,
    asked_by_header,
    asked_together,
    channel_of,
    is_plain_summary,
    names_part,
    resembled,
    without_plenary,
)
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import to_number
from pipeline.text import fold

_TELLING = frozenset(
    {"table", "question", "number", "color", "channel", "speaker", "carrier"}
)  # columns that say something of their row's passages
_SPEAKERS = (("speaker",), ("full_name",), ("first_name", "last_name"), ("last_name",))
_PERSONAL = frozenset(
    {
        "full_name",
        "first_name",
        "last_name",
        "structure",
        "role",
        "commune",
        "email",
        "phone",
        "signature",
    }
)
_LABEL_WORDS = 12


def locate_cell(block: RawBlock, here: Location) -> LocatedBlock:
    """Return `block` placed by its row, then by its own header, then by `here`; a prefix in the cell itself wins."""
    own = (
        block.columns[block.column][0]
        if block.column is not None and block.column < len(block.columns)
        else ""
    )
    row = _row_place(block)
    place = row.over(_header_place(own, [title for title, _ in block.columns])).over(here)
    if here.question in ("resume", "distance") and not here.is_perhaps:
        place = replace(place, question=here.question)
    prefix = split_prefix(block.text)
    text = block.text
    if prefix and prefix.form in ("bracketed", "spelled"):
        place, text = prefix.place.over(place), prefix.rest
    kind = "meta" if _is_telling(block, own) else "cell"
    return LocatedBlock(
        text,
        kind,
        None,
        place.table_number,
        place.question,
        place.channel or "notes",
        block.speaker or _speaker(block),
    )


def table_of(cell: str) -> int | None:
    """The table that a cell of a table column names ("3", "3.0", "T3", "table trois"); None where it names none or several."""
    bare = re.fullmatch(r"\s*(\d{1,2})(?:[.,]0+)?\s*", cell)
    if bare:
        return int(bare[1])
    cues = read_cues(cell)
    return cues.table if cues.has_tables else to_number(fold(cell))


def question_of(cell: str) -> str | None:
    """The question that a cell of a question column names ("1", "Q1", "besoins"), or None."""
    bare = re.fullmatch(r"\s*([1-4])(?:[.,]0+)?\s*", cell)
    if bare:
        return f"q{bare[1]}"
    in_full = asked_by_header(cell) if is_question(cell) else None
    return in_full or read_cues(cell).question or resembled(cell, margin=HINTED)


def _row_place(block: RawBlock) -> Location:
    """What the other cells of the row tell."""
    table = question = None
    for order, (title, cell) in enumerate(block.columns):
        meaning = meaning_of(title)
        if meaning == "table":
            table = table_of(cell)
        elif meaning == "question":
            question = question_of(cell)
        elif order == 0 and order != block.column and meaning not in _TELLING and _labels_row(cell):
            cues = read_cues(cell)
            table, question = cues.table, cues.question
    return Location(table, question, None, question is not None)


def _header_place(title: str, titles: Sequence[str]) -> Location:
    """What a header tells of the cells below it ("Table 3", "Q2", "Ce qui marche"); "Réponses" does so only beside other questions."""
    cues = read_cues(title)
    questions = _asked_by(tuple(other for other in titles if other))
    is_wide = len(set(questions.values())) > 1
    if not (meaning_of(title) is None or cues.has_tables or cues.has_numbers or is_wide):
        return Location()
    question = questions.get(title) if is_wide or is_question(title) else None
    if question is None and cues.n_words <= MAX_COMPARED:
        question = cues.question or (
            resembled(title, margin=SURE) if meaning_of(title) is None and not is_wide else None
        )
    return Location(cues.table, question, None, question is not None)


@cache
def _asked_by(titles: tuple[str, ...]) -> Mapping[str, str]:
    """The questions of the headers of a table, those aside that mean something else."""
    asking = [title for title in titles if meaning_of(title) is None or read_cues(title).question]
    return asked_together({title: title for title in asking}, read=asked_by_header)


def _labels_row(cell: str) -> bool:
    cues = read_cues(cell)
    return 0 < cues.n_words <= _LABEL_WORDS and (
        is_label(cell, cues, "paragraph") or cues.table is not None or cues.number is not None
    )


def _is_telling(block: RawBlock, own: str) -> bool:
    """True for a cell that tells something of its row and says nothing itself."""
    cell = block.text
    return meaning_of(own) in _TELLING | _PERSONAL or (
        block.column == 0 and len(block.columns) > 1 and _labels_row(cell)
    )


def _speaker(block: RawBlock) -> str | None:
    """Who speaks, by the columns that name persons."""
    cells = {
        meaning: cell
        for title, cell in reversed(block.columns)
        if (meaning := meaning_of(title)) and cell
    }
    return next(
        (
            " ".join(cells[meaning] for meaning in group)
            for group in _SPEAKERS
            if all(meaning in cells for meaning in group)
        ),
        None,
    )


_NAME, _TITLE, _PARAGRAPH, _PREFIX, _BULLET = (
    0.0,
    1.0,
    7.0,
    8.0,
    9.0,
)  # ranks beside the headings' 1..6: a lower one holds the higher
_MINOR, _SUB_LABEL = (
    0.25,
    0.5,
)  # added to the rank of what the leading dimension, or a numbered question, holds
_FIXED = frozenset({"resume", "distance"})  # a summary of question 2 stays a summary
_MAX_HEADING_WORDS, _MAX_LISTED_WORDS = 30, 15
_MIN_LINES = 4  # lines of a list of ideas, and words of an idea
_STRUCTURED = 3  # questions that must head a "synthèse" for it to be a table's notes after all


@dataclass(frozen=True)
class _Section:
    rank: float
    place: Location
    is_meta: bool = False
    hides_table: bool = False  # names several tables, so the one above no longer holds
    hides_question: bool = False
    bullet_level: int | None = None  # of the bullet that names the section
    words: frozenset[str] = frozenset()  # of its title


def locate_sections(blocks: Sequence[RawBlock], name: Location) -> list[LocatedBlock]:
    """Return `blocks` placed by table columns, then prefix, then the headings and labels above, innermost first, then the file's `name`.

    A question that is numbered is not changed by a label without number inside it; a summary or a remote contribution stays one.
    """
    blocks = _with_first_line(blocks)
    habits = read_habits(blocks, name)
    walk = _Walk(habits, [_Section(_NAME, name)])
    return [
        walk.place(order, block, below)
        for order, (block, below) in enumerate(zip(blocks, [*blocks[1:], None], strict=False))
    ]


def _with_first_line(blocks: Sequence[RawBlock]) -> Sequence[RawBlock]:
    """The blocks with a first line that a reader took for a title made a passage, where it only opens a list of bare lines."""
    if (
        len(blocks) < _MIN_LINES
        or blocks[0].kind != "heading"
        or any(block.kind != "paragraph" for block in blocks[1:])
    ):
        return blocks
    text, cues = blocks[0].text, read_cues(blocks[0].text)
    is_told = (
        cues.is_label
        or cues.table is not None
        or cues.question is not None
        or is_title(text)
        or is_meta(text, in_head=True)
    )
    is_alike = (
        len(text.split()) >= _MIN_LINES
        and max(len(block.text.split()) for block in blocks) <= _MAX_HEADING_WORDS
    )
    return (
        [replace(blocks[0], kind="paragraph", level=None), *blocks[1:]]
        if is_alike and not is_told
        else blocks
    )


def _question_of(title: str, cues: TextCues) -> str | None:
    """The question of a title, by cue words that are most of it, by number, or by what it resembles."""
    if cues.question is None or cues.is_mostly_cues:
        return asked(title)
    return cues.numbered or resembled(title, margin=SURE)


class _Walk:
    """A document read from top to bottom: the sections open at this point, outermost first."""

    def __init__(self, habits: Habits, sections: list[_Section]) -> None:
        self._habits, self._sections = habits, sections
        self._is_head = self._is_top = (
            True  # no passage since the last heading; nothing yet but meta
        )

    def place(self, order: int, block: RawBlock, below: RawBlock | None) -> LocatedBlock:
        """The placed block, sections opened or closed by it."""
        if block.kind == "meta":
            return self._placed(block, "meta")
        if block.columns:
            self._is_head = self._is_top = False
            return locate_cell(block, self._here())
        cues = read_cues(block.text)
        names = cues.is_label and (cues.has_tables or cues.has_numbers)
        tells = names or (
            block.kind == "heading" and (cues.table is not None or cues.question is not None)
        )
        if not tells and (
            is_meta(block.text, in_head=self._is_head) or self._is_listed(block, cues)
        ):
            if block.kind == "heading":
                self._close_by(float(block.level or _PARAGRAPH))
            self._open_by_meta(cues)
            return self._placed(block, "meta")
        rank = self._rank(block, cues, below)
        if rank is not None:
            self._open(order, block, cues, rank)
            self._is_head, self._is_top = True, False
            return self._placed(block, "heading")
        self._is_head = self._is_top = False
        return self._passage(
            replace(block, kind="paragraph", level=None) if block.kind == "heading" else block
        )

    def _open_by_meta(self, cues: TextCues) -> None:
        """Let a circumstance above the first passage tell the table: "Table 4, rapporteure : Maud"."""
        if self._is_head and cues.table is not None:
            rank = _TITLE if self._is_top else _PARAGRAPH
            self._sections = [section for section in self._sections if section.rank <= rank]
            self._sections.append(_Section(rank + _MINOR, Location(cues.table)))

    def _rank(self, block: RawBlock, cues: TextCues, below: RawBlock | None) -> float | None:
        """The rank of the section that `block` names, or None for a passage."""
        if opens_with_idea(block):
            return None
        if block.kind == "heading":
            return (
                float(block.level or _PARAGRAPH)
                if cues.n_words <= _MAX_HEADING_WORDS and not self._is_in_series(block, below)
                else None
            )
        if names_part(block, cues, is_first=self._is_top) or (
            self._habits.bullets_ask and block.kind == "bullet" and asks(block.text, cues)
        ):
            paragraph = _TITLE if self._is_top and cues.table is not None else _PARAGRAPH
            return _BULLET + (block.level or 0) if block.kind == "bullet" else paragraph
        prefix = split_prefix(block.text)
        is_report = self._here().question == "resume" and split_reporter(block.text) is not None
        if block.kind != "paragraph" or (is_report and prefix is None):
            return None
        if names_table_alone(block, below):
            return _TITLE if self._is_top else _PARAGRAPH
        is_passage = prefix is not None and (
            prefix.form in ("spelled", "bracketed") or self._habits.heeds(prefix)
        )
        return _TITLE if self._is_top and not is_passage and is_title(block.text) else None

    def _is_in_series(self, block: RawBlock, below: RawBlock | None) -> bool:
        """True for a prefixed line above another ("Q1 : les bus", "Q2 : la crèche"): a passage, whatever its weight or place."""
        first, second = split_prefix(block.text), split_prefix(below.text) if below else None
        return bool(
            first
            and second
            and first.form == second.form
            and self._habits.heeds(first)
            and not read_cues(block.text).is_label
        )

    def _is_listed(self, block: RawBlock, cues: TextCues) -> bool:
        """True for a line of a list of participants and the like."""
        return (
            self._sections[-1].is_meta
            and block.kind != "heading"
            and cues.n_words <= _MAX_LISTED_WORDS
            and not is_label(block.text, cues, block.kind)
        )

    def _open(self, order: int, block: RawBlock, cues: TextCues, rank: float) -> None:
        words = telling_words(block.text)
        question = self._habits.by_order.get(order) or _question_of(block.text, cues)
        if question and cues.number is None:
            question = self._question_above(rank, words) or question
        if (
            question == "resume"
            and self._habits.n_asked >= _STRUCTURED
            and is_plain_summary(block.text)
        ):
            question = None
        rest = without_plenary(block.text) if question == "resume" else None
        is_perhaps = rest is not None
        if rest is not None and (named := _question_of(rest, read_cues(rest))):
            question, is_perhaps = named, False
        is_listing = is_meta_section(block.text)
        tells = is_listing or question or cues.has_tables or cues.has_numbers
        if not tells:
            self._close_by(rank)
            return
        rank += self._minor(cues, question) if not is_listing else 0
        self._sections = [section for section in self._sections if section.rank < rank]
        channel = channel_of(block.text) if question in _FIXED else None
        place = Location(
            cues.table,
            None if is_listing else question,
            channel,
            cues.number is not None,
            is_perhaps,
        )
        self._sections.append(
            _Section(
                rank,
                place,
                is_meta=is_listing,
                hides_table=cues.has_tables and cues.table is None,
                hides_question=cues.has_numbers and question is None,
                bullet_level=block.level or 0 if block.kind == "bullet" else None,
                words=words,
            )
        )

    def _question_above(self, rank: float, words: frozenset[str]) -> str | None:
        """The question of the innermost section whose title holds all `words`: "Fragilités" below "Atouts et fragilités" is half of it."""
        above = [
            section
            for section in self._sections
            if section.rank < rank and words and words < section.words
        ]
        return above[-1].place.question if above else None

    def _close_by(self, rank: float) -> None:
        """Close what a heading that tells nothing ends: all below its rank, and beside it the questions known by their words alone.

        Beside "Q1" it names a subject of question 1; beside "Besoins" it may be another question that could not be told.
        """
        above = [section for section in self._sections if section.rank < rank]
        beside = [
            section
            for section in self._sections
            if rank <= section.rank < rank + 1 and section.bullet_level is None
        ]
        kept = [
            section
            if section.place.is_numbered
            else replace(section, place=replace(section.place, question=None))
            for section in beside
        ]
        self._sections = [*above, *(section for section in kept if not section.is_meta)]

    def _minor(self, cues: TextCues, question: str | None) -> float:
        """What is added to a heading's rank where others of its rank hold it (questions in tables, or the reverse), or it holds them."""
        if question in _FIXED and not cues.has_tables:
            return -_SUB_LABEL
        if question and question in self._habits.numbered and cues.number is None:
            return _SUB_LABEL
        is_single = cues.has_tables != bool(question or cues.has_numbers)
        return _MINOR if is_single and cues.has_tables != self._habits.tables_lead else 0.0

    def _passage(self, block: RawBlock) -> LocatedBlock:
        if block.kind == "bullet":
            self._close_nested(block.level or 0)
        said = split_role(block.text)
        if said and not block.speaker:
            block = replace(block, speaker=said[0], text=said[1])
        block = replace(block, text=without_label(block.text))
        prefix = split_prefix(block.text)
        if prefix and self._habits.heeds(prefix):
            return self._prefixed(block, prefix)
        named = split_reporter(block.text) if self._here().question == "resume" else None
        if named is not None:
            self._hold(Location(table_number=named))
        return self._placed(block, block.kind)

    def _prefixed(self, block: RawBlock, prefix: Prefix) -> LocatedBlock:
        here = self._here()
        is_fixed = here.question in _FIXED and not here.is_perhaps
        place = replace(prefix.place, question=None) if is_fixed else prefix.place
        if block.kind == "paragraph" and not self._habits.is_tagged:
            self._hold(place)
        return self._placed(replace(block, text=prefix.rest), block.kind, place.over(here))

    def _hold(self, place: Location) -> None:
        """Let `place` count for the paragraphs that follow, until the next heading or prefix."""
        self._sections = [
            *(section for section in self._sections if section.rank < _PREFIX),
            _Section(_PREFIX, place),
        ]

    def _close_nested(self, level: int) -> None:
        """Close the section that a bullet named once its deeper bullets are over."""
        while (top := self._sections[-1]).bullet_level is not None and level < top.bullet_level:
            self._sections.pop()

    def _placed(self, block: RawBlock, kind: str, place: Location | None = None) -> LocatedBlock:
        told = place or self._here()
        return LocatedBlock(
            block.text,
            kind,
            block.level,
            told.table_number,
            told.question,
            told.channel or "notes",
            block.speaker,
        )

    def _here(self) -> Location:
        """Where a block without prefix is, by the open sections."""
        here = Location()
        for section in self._sections:
            told = section.place
            is_fixed = here.question in _FIXED and not here.is_perhaps
            is_kept = is_fixed or (here.is_numbered and not told.is_numbered)
            if section.hides_question and not is_kept:
                here = replace(here, question=None, is_numbered=False, is_perhaps=False)
            elif told.question and not (here.question and is_kept):
                channel = None if here.is_perhaps else here.channel
                here = Location(
                    here.table_number, told.question, channel, told.is_numbered, told.is_perhaps
                )
            table = (
                None
                if section.hides_table
                else told.table_number
                if told.table_number is not None
                else here.table_number
            )
            here = replace(here, table_number=table, channel=told.channel or here.channel)
        return here
