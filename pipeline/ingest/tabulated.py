"""What the columns of a table of ideas are for, by what stands in them and not only by their headers.

In:   the header and rows of a sheet, or the blocks of a table laid out in a document
Out:  the same, a column of questions or tables told as one whatever it is called, and cells that only say who, where or how many left aside
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.ingest.columns import Header, is_question, meaning_of, sentence_columns
from pipeline.ingest.forms import stamp_columns
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.where.cues import read_cues
from pipeline.ingest.where.titles import CAFE, asked_by_header, asked_together
from pipeline.ingest.words import fold, lexicon

Rows = Sequence[Sequence[str]]

_OPEN = frozenset({None, "theme", "remark", "structure_type"})  # meanings of a header below which questions may stand all the same
_RESPONDENT = frozenset({"full_name", "first_name", "last_name", "email", "phone", "structure", "role", "commune", "postal_code"})
_MAX_TITLES, _MAX_WORDS = 8, 14  # different questions of a column, as written, and words of one that is no question
_MOST = 0.75  # share of a column's different cells that must ask, for all of it to
_MIN_TABLES, _MAX_TABLES = 3, 40  # different tables that a column names for it to be one of tables, by numbers alone or at all


def asking_columns(titles: Sequence[str], body: Rows) -> dict[int, dict[str, str]]:
    """The columns whose cells name the questions of their rows, each with its cells' questions; none beside a column called so."""
    meanings = [meaning_of(title) for title in titles]
    if "question" in meanings:
        return {}
    found = {place: _asked_in(place, body) for place, meaning in enumerate(meanings) if meaning in _OPEN}
    return {place: questions for place, questions in found.items() if questions}


def _asked_in(place: int, body: Rows) -> dict[str, str]:
    """The question of each different cell of a column, {} unless most ask, two questions or more, and cells recur or stand first."""
    cells = [row[place] for row in body if place < len(row) and row[place]]
    different = dict.fromkeys(cells)
    is_few = 1 < len(different) <= _MAX_TITLES and (place == 0 or len(different) < len(cells))
    if not is_few or any(len(cell.split()) > _MAX_WORDS and not is_question(cell) for cell in different):
        return {}
    titles = {str(cell): str(cell) for cell in different}
    told = {cell: question for cell, question in asked_together(titles, read=asked_by_header).items() if question in CAFE}
    return told if len(set(told.values())) > 1 and len(told) >= _MOST * len(different) else {}


def table_column(titles: Sequence[str], body: Rows) -> int | None:
    """The one column whose cells name the tables of their rows under a header that says nothing of it ("Nappe": 1, 1, 2 or T1, T2).

    Numbers alone do so only in a sheet of ideas: what people answered to a form, or a header that counts or rates, is no table.
    """
    meanings = [meaning_of(title) for title in titles]
    if "table" in meanings:
        return None
    is_form = looks_answered(titles, body)
    open_places = [place for place, meaning in enumerate(meanings) if meaning is None and titles[place]]
    found = [place for place in open_places if _labels_tables(place, body) or (not is_form and _numbers_tables(titles[place], place, body))]
    return found[0] if len(found) == 1 else None


def looks_answered(titles: Sequence[str], body: Rows) -> bool:
    """True for the answers to a form: a header asks, says who answered, or rows are dated to the minute."""
    header = Header(-1, tuple(titles), tuple(map(meaning_of, titles)))
    return bool(_RESPONDENT & set(header.meanings)) or any(map(is_question, titles)) or bool(stamp_columns(header, body))


def _labels_tables(place: int, body: Rows) -> bool:
    """True for labels of tables alone ("T1", "table 2")."""
    cues = [read_cues(cell) for cell in dict.fromkeys(_cells(place, body))]
    return len(cues) > 1 and all(cue.is_label and cue.table is not None and cue.question is None for cue in cues)


def _numbers_tables(title: str, place: int, body: Rows) -> bool:
    """True for whole numbers from 1 on without a gap, which recur, under a header that counts and rates nothing."""
    if re.search(rf"\b(?:{'|'.join(lexicon('columns')['mesures'])})\b", fold(title)):
        return False
    cells = _cells(place, body)
    numbers = [int(found[1]) for cell in cells if (found := re.fullmatch(r"(\d{1,2})(?:[.,]0+)?", cell))]
    different = set(numbers)
    is_whole = bool(numbers) and len(numbers) == len(cells) and different == set(range(1, len(different) + 1))
    return is_whole and _MIN_TABLES <= len(different) <= min(_MAX_TABLES, len(numbers) - 1)


def _cells(place: int, body: Rows) -> list[str]:
    return [row[place].strip() for row in body if place < len(row) and row[place].strip()]


def with_places(header: Header, body: Rows) -> tuple[Header, list[list[str]]]:
    """The header and rows of a sheet: columns of questions called "question", their cells "q1" to "q4", and one of tables "table"."""
    asking = asking_columns(header.titles, body)
    called = _called(header.titles, body, asking)
    titles = tuple(called.get(place, title) for place, title in enumerate(header.titles))
    rows = [[asking.get(place, {}).get(cell, cell) for place, cell in enumerate(row)] for row in body]
    return Header(header.order, titles, tuple(map(_meaning_told, titles, header.titles, header.meanings))), rows


def _meaning_told(title: str, former: str, meaning: str | None) -> str | None:
    return meaning if title == former else meaning_of(title)


def _called(titles: Sequence[str], body: Rows, asking: Mapping[int, Mapping[str, str]]) -> dict[int, str]:
    """What the columns are for whose cells tell it, by place."""
    table = table_column(titles, body)
    tables = {} if table is None else {table: "table"}
    return sentence_columns(titles, body) | tables | dict.fromkeys(asking, "question")


def told_blocks(blocks: Sequence[RawBlock], titles: Sequence[str], body: Rows, said: Sequence[int]) -> list[RawBlock]:
    """The blocks of a table in a document, its questions and tables told in their columns; cells outside the columns `said` are `meta`."""
    asking = asking_columns(titles, body)
    called = _called(titles, body, asking)
    return [_told(block, asking, called, said) for block in blocks]


def _told(block: RawBlock, asking: Mapping[int, Mapping[str, str]], called: Mapping[int, str], said: Sequence[int]) -> RawBlock:
    columns = tuple((called.get(place, title), asking.get(place, {}).get(cell, cell)) for place, (title, cell) in enumerate(block.columns))
    is_aside = bool(said) and block.column is not None and block.column not in said
    return replace(block, columns=columns, kind="meta" if is_aside else block.kind)
