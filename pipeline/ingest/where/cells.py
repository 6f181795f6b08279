"""Where a cell was said: by the columns of its row, its own header, or the label that opens its row.

In:   a block with the columns of its row, and where its surroundings are
Out:  PlacedBlock; a cell that only tells a table, question, number or colour is `meta`
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from pipeline.ingest.columns import is_question, meaning_of
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.where.cues import read_cues
from pipeline.ingest.where.lines import is_label, split_prefix
from pipeline.ingest.where.placed import Place, PlacedBlock
from pipeline.ingest.where.titles import HINTED, MAX_COMPARED, SURE, asked_by_header, asked_together, resembled
from pipeline.ingest.words import fold, to_number

_TELLING = frozenset(
    {"table", "question", "number", "color", "channel", "speaker", "carrier"}
)  # columns that say something of their row's passages
_SPEAKERS = (("speaker",), ("full_name",), ("first_name", "last_name"), ("last_name",))
_PERSONAL = frozenset({"full_name", "first_name", "last_name", "structure", "role", "commune", "email", "phone", "signature"})
_LABEL_WORDS = 12


def place_cell(block: RawBlock, here: Place) -> PlacedBlock:
    """Return `block` placed by its row, then by its own header, then by `here`; a prefix in the cell itself wins."""
    own = block.columns[block.column][0] if block.column is not None and block.column < len(block.columns) else ""
    row = _row_place(block)
    place = row.over(_header_place(own, [title for title, _ in block.columns])).over(here)
    if here.question in ("resume", "distance") and not here.is_perhaps:
        place = replace(place, question=here.question)
    prefix = split_prefix(block.text)
    text = block.text
    if prefix and prefix.form in ("bracketed", "spelled"):
        place, text = prefix.place.over(place), prefix.rest
    kind = "meta" if _is_telling(block, own) else "cell"
    return PlacedBlock(text, kind, None, place.table_number, place.question, place.channel or "notes", block.speaker or _speaker(block))


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


def _row_place(block: RawBlock) -> Place:
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
    return Place(table, question, None, question is not None)


def _header_place(title: str, titles: Sequence[str]) -> Place:
    """What a header tells of the cells below it ("Table 3", "Q2", "Ce qui marche"); "Réponses" does so only beside other questions."""
    cues = read_cues(title)
    questions = _asked_by(tuple(other for other in titles if other))
    is_wide = len(set(questions.values())) > 1
    if not (meaning_of(title) is None or cues.has_tables or cues.has_numbers or is_wide):
        return Place()
    question = questions.get(title) if is_wide or is_question(title) else None
    if question is None and cues.n_words <= MAX_COMPARED:
        question = cues.question or (resembled(title, margin=SURE) if meaning_of(title) is None and not is_wide else None)
    return Place(cues.table, question, None, question is not None)


@cache
def _asked_by(titles: tuple[str, ...]) -> Mapping[str, str]:
    """The questions of the headers of a table, those aside that mean something else."""
    asking = [title for title in titles if meaning_of(title) is None or read_cues(title).question]
    return asked_together({title: title for title in asking}, read=asked_by_header)


def _labels_row(cell: str) -> bool:
    cues = read_cues(cell)
    return 0 < cues.n_words <= _LABEL_WORDS and (is_label(cell, cues, "paragraph") or cues.table is not None or cues.number is not None)


def _is_telling(block: RawBlock, own: str) -> bool:
    """True for a cell that tells something of its row and says nothing itself."""
    cell = block.text
    return meaning_of(own) in _TELLING | _PERSONAL or (block.column == 0 and len(block.columns) > 1 and _labels_row(cell))


def _speaker(block: RawBlock) -> str | None:
    """Who speaks, by the columns that name persons."""
    cells = {meaning: cell for title, cell in reversed(block.columns) if (meaning := meaning_of(title)) and cell}
    return next((" ".join(cells[meaning] for meaning in group) for group in _SPEAKERS if all(meaning in cells for meaning in group)), None)
