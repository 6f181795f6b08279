"""Tell what a sheet or table holds: an attendance list, a map, a form, or passages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.ingest.attendance import with_statuses
from pipeline.ingest.columns import (
    NAMES,
    TELLING,
    ZONES,
    Header,
    Rows,
    column_cells,
    find_header,
    guess_header,
    header_of,
    is_question,
    lone_cell,
    meaning_of,
)
from pipeline.ingest.forms import (
    annotate_blocks,
    answer_columns,
    are_choices,
    count_remarks,
    count_unclear,
    is_closed,
    is_form,
    looks_answered,
    name_senders,
    says_something,
    skipped_columns,
    timestamp_columns,
    with_locations,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.titles import asked_by_header, resembled
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import bullet_of
from pipeline.text import counted

_PRESENCE = frozenset({"status", "signature", "email", "phone", "role", "structure"})
_BESIDE_NAME = _PRESENCE - {"phone"}
_OF_STRUCTURES = frozenset({"structure_type", "commune", "commune_code", "remark", "number"})
_LISTED = NAMES | _PRESENCE | ZONES | _OF_STRUCTURES
_OF_IDEAS = TELLING | {"text", "theme"}
_MAX_TITLE = 14
_HEAD_ROWS = 15
_MIN_OTHER = 4  # words of a passage under an unknown header
_LINES = 3  # lines of a cell, from which each is a passage
_ALIKE = 0.5  # of the longest column's mean length: such columns hold passages too
_SPARSE = 0.5  # share of filled cells below which a column names groups of rows


@dataclass(frozen=True)
class SortedPart:
    """The tables of a part by kind, and its blocks of speech."""

    attendance: tuple[Rows, ...]
    maps: tuple[Rows, ...]
    blocks: tuple[RawBlock, ...]
    forms: tuple[Rows, ...] = ()  # respondents, who may not have been present
    skipped: tuple[str, ...] = ()  # in French, what was left out of a list or form
    taken_for: str = ""  # in French, such as « réponses à un questionnaire »
    left_out: tuple[tuple[str, str], ...] = ()  # (title of a column, key of ASIDES)


def sort_part(blocks: Sequence[RawBlock], rows: Rows) -> SortedPart:
    """Sort the sheet `rows`, or the tables among a document's `blocks`.

    Lists of persons or structures leave the blocks, except for people's answers.
    """
    if rows:
        return _sort_sheet(rows)
    tables: dict[str, list[Rows]] = {"attendance": [], "map": [], "form": [], "speech": []}
    passages: list[RawBlock] = []
    end = 0
    for span, table in _tables_of(blocks):
        passages += blocks[end : span.start]
        end = span.stop
        kind = kind_of(table)
        tables[kind].append(table)
        if kind in ("attendance", "map"):
            answers = _answers(table)[2] if kind == "attendance" else []
            passages += [block for block in blocks[span.start : end] if block.column in answers]
        else:
            passages += _annotated(blocks[span.start : end])
    passages += blocks[end:]
    attendance, maps, forms, _ = (tuple(lists) for lists in tables.values())
    return SortedPart(attendance, maps, tuple(passages), forms)


def _sort_sheet(rows: Rows) -> SortedPart:
    kind = kind_of(rows)
    blocks: list[RawBlock] = []
    skipped: tuple[str, ...] = ()
    if kind == "speech":
        blocks, skipped = _passages_of_sheet(rows)
    elif kind != "map":
        blocks, skipped = _passages_of_list(rows, kind)
    lists = {name: (rows,) if kind == name else () for name in ("attendance", "map", "form")}
    return SortedPart(lists["attendance"], lists["map"], tuple(blocks), lists["form"], skipped)


def kind_of(rows: Rows) -> str:
    """Return "attendance", "form", "map" or "speech"; a map lists no persons.

    Named answers are a form, which does not tell who was present.
    """
    header = find_header(rows, wanted=_LISTED, at_least=2)
    if header is None:
        is_headed = find_header(rows, wanted=_OF_IDEAS, at_least=1) or _asks_on_top(rows)
        return "attendance" if not is_headed and guess_header(rows) else "speech"
    body = rows[header.index + 1 :]
    if not body:
        return "speech"
    meanings = set(with_statuses(header, body).meanings)
    is_beside = "last_name" in meanings and meanings & _BESIDE_NAME
    has_person = bool(meanings & {"first_name", "full_name"} or is_beside)
    if has_person and meanings & _PRESENCE and not meanings & ZONES:
        return "form" if is_form(header, body) else "attendance"
    if has_person or "text" in header.meanings or not meanings & {"structure", "last_name"}:
        return "speech"
    if meanings & ZONES:
        return "map"
    is_list = meanings & {"commune", "structure_type"} and not is_form(header, body)
    return "map" if is_list else "speech"


def _asks_on_top(rows: Rows) -> bool:
    top = next((row for row in rows if len(set(filter(None, row))) > 1), ())
    return any(map(is_question, top))


def _tables_of(blocks: Sequence[RawBlock]) -> Iterator[tuple[slice, list[tuple[str, ...]]]]:
    start = previous = 0
    while start < len(blocks):
        titles = tuple(title for title, _ in blocks[start].columns)
        end = start + 1
        if not titles:
            start = end
            continue
        while end < len(blocks) and tuple(title for title, _ in blocks[end].columns) == titles:
            end += 1
        cells = dict.fromkeys(
            tuple(cell for _, cell in block.columns) for block in blocks[start:end]
        )
        first = start  # meta blocks right above show the header
        while first > previous and _repeats_header(blocks[first - 1], titles):
            first -= 1
        yield slice(first, end), [*([titles] if any(titles) else []), *cells]
        start = previous = end


def _repeats_header(block: RawBlock, titles: Sequence[str]) -> bool:
    return block.kind == "meta" and block.text in titles


def _answers(rows: Rows, kind: str = "attendance") -> tuple[Header | None, Rows, list[int]]:
    header = find_header(rows, wanted=_LISTED, at_least=2)
    if header is None:
        return None, [], []
    body = rows[header.index + 1 :]
    return header, body, answer_columns(header, body, has_remarks=kind == "form")


def _passages_of_list(rows: Rows, kind: str) -> tuple[list[RawBlock], tuple[str, ...]]:
    header, body, columns = _answers(rows, kind)
    if header is None:
        return [], ()
    if kind == "form" and "text" in header.meanings:
        return _passages_of_sheet(rows)
    senders = name_senders(body, columns) if kind == "form" else [None] * len(body)
    blocks: list[RawBlock] = []
    for row, sender in zip(body, senders, strict=True):
        blocks += _passages_of_row(header, row, columns, sender)
    if kind == "form":
        return blocks, _skipped(header, body, columns)
    n_remarks, n_unclear = count_remarks(header, body), count_unclear(header, body)
    remarks = counted(
        n_remarks, "remarque non reprise comme passage", "remarques non reprises comme passages"
    )
    unclear = counted(
        n_unclear,
        "statut non compris, compté comme non présent",
        "statuts non compris, comptés comme non présents",
    )
    counts = ((n_remarks, remarks), (n_unclear, unclear))
    return blocks, tuple(f"liste de présence : {what}" for n, what in counts if n)


def _passages_of_sheet(rows: Rows) -> tuple[list[RawBlock], tuple[str, ...]]:
    """Rows above the header, and lone labels, are headings."""
    header = _ideas_header(rows)
    blocks = [
        RawBlock(" – ".join(dict.fromkeys(filter(None, row))), "heading", 1)
        for row in rows[: max(header.index, 0)]
        if any(row)
    ]
    header, body = with_locations(header, rows[header.index + 1 :])
    _fill_down(body, header)
    columns = _passage_columns(body, header)
    is_answered = header.index >= 0 and looks_answered(header.titles, body)
    skipped = _skipped(header, body, columns) if is_answered else ()
    senders = name_senders(body, columns) if is_answered else [None] * len(body)
    for row, sender in zip(body, senders, strict=True):
        lone = lone_cell(row)
        is_label = lone and len(columns) < len(row) and read_cues(lone).is_label
        if lone and (is_label or _heads_rows(row, lone, columns)):
            blocks.append(RawBlock(lone, "heading", 2))
        else:
            blocks += _passages_of_row(header, row, columns, sender)
    return blocks, skipped


def _skipped(header: Header, body: Rows, columns: Sequence[int]) -> tuple[str, ...]:
    n = len(skipped_columns(header, body, columns))
    n_columns = counted(n, "colonne laissée de côté", "colonnes laissées de côté")
    return (f"questionnaire : {n_columns}",) if n else ()


def _passages_of_row(
    header: Header, row: Sequence[str], columns: Sequence[int], sender: str | None = None
) -> Iterator[RawBlock]:
    titled = tuple(zip(header.titles, row, strict=False))
    for column in columns:
        for passage in _passages_of_cell(row[column]):
            if sender is None or says_something(passage):
                yield RawBlock(passage, "cell", speaker=sender, columns=titled, column=column)


def _passages_of_cell(cell: str) -> list[str]:
    lines = [line for line in cell.split("\n") if line.strip()]
    bullets = [bullet_of(line) for line in lines]
    if len(lines) == 1:
        return [bullets[0].text if bullets[0] else lines[0]]
    if len(lines) >= _LINES or all(bullets):
        pairs = zip(lines, bullets, strict=True)
        return [bullet.text if bullet else line.strip() for line, bullet in pairs]
    return ["\n".join(lines)]


def _heads_rows(row: Sequence[str], lone: str, columns: Sequence[int]) -> bool:
    """Whether a few merged words, or a question elsewhere, name the rows below."""
    if len(columns) >= len(row):
        return False
    is_merged = sum(map(bool, row)) > 1
    if is_merged and len(lone.split()) < _MIN_OTHER:
        return True
    column = next(column for column, cell in enumerate(row) if cell.strip())
    return (is_merged or column not in columns) and resembled(lone) is not None


def _ideas_header(rows: Rows) -> Header:
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


def _tells(rows: Rows, i: int, column: int, *, is_top: bool) -> bool:
    """Whether a cell titles ideas, tables or questions, or asks a question not repeated below."""
    cell = rows[i][column]
    if meaning_of(cell) in _OF_IDEAS:
        return True
    below = column_cells(rows[i + 1 :], column)
    n_asking = sum(map(is_question, below))
    asks = is_top and is_question(cell) and bool(below) and n_asking < len(below) / 2
    return (asks or _names_location(cell)) and not _recurs(rows, i, column)


def _may_head(row: Sequence[str], *, is_top: bool) -> bool:
    """Whether a row has distinct short cells or questions, or one cell above texts."""
    filled = list(filter(None, row))
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


def _names_location(cell: str) -> bool:
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


def _passage_columns(body: Rows, header: Header) -> list[int]:
    stamps = timestamp_columns(header, body)
    answers = answer_columns(header, body) if stamps else []
    is_answered = looks_answered(header.titles, body)
    columns: list[int] = []
    for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True)):
        cells = [row[column] for row in body if row[column]]
        is_chosen = is_answered and are_choices(cells)
        is_chosen = is_chosen or (bool(stamps) and is_question(title) and is_closed(cells))
        may_hold = bool(cells) and (meaning == "text" or meaning not in _OF_IDEAS)
        is_titled = meaning == "text" or (meaning not in _PRESENCE and _names_location(title))
        if column in answers or (
            may_hold
            and (
                (is_titled and not is_chosen)
                or (column not in stamps and _are_sentences(column, cells))
            )
        ):
            columns.append(column)
    if columns:
        return columns
    # the longest column and those nearly as long; marks and colours are shorter
    means: dict[int, float] = {}
    for column, meaning in enumerate(header.meanings):
        lengths = [len(row[column]) for row in body if row[column]]
        if lengths and (meaning == "text" or meaning not in _OF_IDEAS):
            means[column] = sum(lengths) / len(lengths)
    return [column for column, mean in means.items() if mean >= _ALIKE * max(means.values())]


def _are_sentences(column: int, cells: Sequence[str]) -> bool:
    if median(len(cell.split()) for cell in cells) < _MIN_OTHER:
        return False
    cues = [read_cues(cell) for cell in cells]
    n_naming = sum(cue.question is not None or cue.table is not None for cue in cues)
    return column > 0 or n_naming <= len(cells) / 2


def _fill_down(rows: list[list[str]], header: Header) -> None:
    for meaning in ("table", "question"):
        column = header.column(meaning)
        if column is None:
            continue
        cells = [row[column] for row in rows]
        filled = [cell for cell in cells if cell]
        repeats = any(above == below for above, below in pairwise(filled))
        if not filled or not cells[0] or len(filled) > _SPARSE * len(cells) or repeats:
            continue
        for above, row in pairwise(rows):
            row[column] = row[column] or above[column]


def _annotated(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    columns = dict.fromkeys(block.columns for block in blocks if block.columns)
    titles = tuple(title for title, _ in next(iter(columns)))
    cells = [[cell for _, cell in row] for row in columns]
    header, body = with_locations(header_of(titles, 0), cells)
    is_called = "text" in header.meanings and {"table", "question"} & set(header.meanings)
    passages = _passage_columns(body, header) if is_called else ()
    return annotate_blocks(blocks, titles, cells, passages)
