"""Find the header rows of a sheet: one row, titles over groups, or codes over questions."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pipeline.ingest.columns import (
    TECHNICAL,
    TELLING,
    Header,
    Rows,
    column_cells,
    header_of,
    is_question,
    meaning_of,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.titles import asked_by_header
from pipeline.ingest.sheets.roles import kind_of_cell, timestamp_columns

OF_IDEAS = TELLING | {"text", "theme"}
_DATA = frozenset({"date", "email", "url", "phone", "place"})  # kinds of cells that no header has
_MAX_TITLE = 14
_HEAD_ROWS = 15
_LINES = 3  # rows from which a header of tables or questions stands alone


def ideas_header(rows: Rows) -> Header:
    """Return the header of a sheet of ideas or answers; index -1 and guessed meanings for none."""
    if is_grouped_list(rows):
        return _guessed_header(rows)
    best, most = -1, 0
    is_top = True  # only titles above
    for i, row in enumerate(rows[:_HEAD_ROWS]):
        n_telling = sum(
            _tells(rows, i, column, is_top=is_top) for column, cell in enumerate(row) if cell
        )
        if n_telling > most and _may_head(row, is_top=is_top):
            best, most = i, n_telling
        is_top = is_top and len(set(filter(None, row))) < 2
    if most > 1 or (most and _heads_alone(rows, best)):
        return header_of(rows[best], best)
    return _guessed_header(rows)


def is_grouped_list(rows: Rows) -> bool:
    """Whether a single column holds groups of lines between blank ones."""
    if not rows or max(map(len, rows)) > 1:
        return False
    cells = [row[0] if row else "" for row in rows]
    return any(cell and not above for above, cell in pairwise(cells))


def stack_headers(rows: Rows, header: Header) -> tuple[Header, list[str]]:
    """Return the header joined with its neighbours, its index that of the last; and all titles.

    Above, a title may cover a group of columns ("Table 1" over "Besoins"); below, a row of
    questions may explain codes. Other titles above stay out.
    """
    if header.index < 0:
        return header, []
    last = header.index
    while last + 2 < len(rows) and _goes_on(rows, last + 1):
        last += 1
    first = header.index
    while first and _covers(rows[first - 1]):
        first -= 1
    levels = [
        _spread(row) if i < last else list(row)
        for i, row in enumerate(rows[first : last + 1], first)
    ]
    written = [cell for row in rows[first : last + 1] for cell in dict.fromkeys(row) if cell]
    if len(levels) == 1:
        return header, written
    titles = [_joined([level[column] for level in levels]) for column in range(len(rows[last]))]
    own = header.titles
    meanings = [
        meaning if meaning is not None and title.endswith(own[column]) else meaning_of(title)
        for column, (meaning, title) in enumerate(zip(header.meanings, titles, strict=True))
    ]
    return replace(header, index=last, titles=tuple(titles), meanings=tuple(meanings)), written


def _goes_on(rows: Rows, i: int) -> bool:
    """Whether a row below the header still asks: questions under codes, or titles under groups."""
    filled = [cell for cell in rows[i] if cell]
    if len(set(filled)) < 2 or any(map(kind_of_cell, filled)):
        return False
    is_repeated = any(
        cell and cell == above for cell, above in zip(rows[i], rows[i - 1], strict=True)
    )
    n_heading = sum(
        is_question(cell) or meaning_of(cell) is not None or names_location(cell) for cell in filled
    )
    is_asking = sum(map(is_question, filled)) > 1 or (is_repeated and n_heading > 1)
    return is_asking and n_heading >= len(filled) / 2


def _covers(row: Sequence[str]) -> bool:
    """Whether the row holds titles of groups or codes: distinct, no data, more than one."""
    filled = list(filter(None, row))
    has_data = any(kind_of_cell(cell) not in (None, "code") for cell in filled)
    is_label = any(re.search(r":\s*\S", cell) for cell in filled)
    return len(set(filled)) > 1 and not has_data and not is_label


def _spread(row: Sequence[str]) -> list[str]:
    cells: list[str] = []
    for cell in row:
        cells.append(cell or (cells[-1] if cells else ""))
    return cells


def _joined(levels: Sequence[str]) -> str:
    """Join a column's titles: those above only where they place or ask, or nothing is below."""
    *above, own = levels
    upper = [title for title in dict.fromkeys(above) if title and title != own]
    if not own:
        return upper[-1] if upper else ""
    if meaning_of(own) is not None and not read_cues(own).is_label:
        return own
    placing = [title for title in upper if names_location(title) or is_question(title)]
    return " – ".join([*placing, own])


def _tells(rows: Rows, i: int, column: int, *, is_top: bool) -> bool:
    """Whether a cell titles ideas, tables or questions, or asks a question not repeated below."""
    cell = rows[i][column]
    if meaning_of(cell) in OF_IDEAS | TECHNICAL:
        return True
    below = column_cells(rows[i + 1 :], column)
    n_asking = sum(map(is_question, below))
    asks = is_top and is_question(cell) and bool(below) and n_asking < len(below) / 2
    return (asks or names_location(cell)) and not _recurs(rows, i, column)


def _may_head(row: Sequence[str], *, is_top: bool) -> bool:
    """Whether a row has distinct short cells or questions, or one cell above texts."""
    filled = list(filter(None, row))
    if any(kind_of_cell(cell) in _DATA for cell in filled):
        return False
    heads_texts = meaning_of(row[0]) == "text" or (is_top and is_question(row[0]))
    if len(set(filled)) < 2 and (any(row[1:]) or not heads_texts):
        return False
    n_long = sum(len(cell.split()) > _MAX_TITLE and not is_question(cell) for cell in filled)
    return n_long == 0 or (is_top and n_long <= len(filled) // 4)


def _heads_alone(rows: Rows, i: int) -> bool:
    """Whether the row has one known header: of texts, or of unrepeated tables and questions."""
    meanings = {meaning_of(cell) for cell in rows[i]}
    if "text" in meanings or any(map(is_question, rows[i])):
        return True
    is_top = i == 0 and len(rows) > _LINES and all(rows[0]) and len(rows[0]) > 1
    if not is_top or not {"table", "question"} & meanings:
        return False
    return not any(_recurs(rows, 0, column) for column in range(len(rows[0])))


def _recurs(rows: Rows, i: int, column: int) -> bool:
    others = (row for other, row in enumerate(rows) if other != i)
    return any(column < len(row) and row[column] == rows[i][column] for row in others)


def names_location(cell: str) -> bool:
    """Whether a header is like "Table 3" or "Ce qui marche"."""
    cues = read_cues(cell)
    is_named = cues.is_label and (cues.table is not None or cues.question is not None)
    return is_named or (is_question(cell) and asked_by_header(cell) is not None)


def _guessed_header(rows: Rows) -> Header:
    columns = [[cell for cell in column if cell] for column in zip(*rows, strict=False)]
    meanings = [_meaning_of_cells(cells) if cells else None for cells in columns]
    blank = Header(-1, ("",) * len(meanings), tuple(meanings))
    if timestamp_columns(blank, rows):  # a form: its numbers are answers
        meanings = [None if meaning == "table" else meaning for meaning in meanings]
    return Header(-1, tuple(meaning or "" for meaning in meanings), tuple(meanings))


def _meaning_of_cells(cells: Sequence[str]) -> str | None:
    """Tell questions ("Q1"), tables ("T3", recurring small numbers) and row numbers (unique)."""
    cues = [read_cues(cell) for cell in cells]
    if all(cue.is_label and cue.question for cue in cues):
        return "question"
    if all(cue.is_label and cue.table is not None for cue in cues):
        return "table"
    if not all(re.fullmatch(r"\d{1,3}", cell) for cell in cells):
        return None
    if len(set(cells)) == len(cells):
        return "number"
    return "table" if max(map(int, cells)) < 100 else None
