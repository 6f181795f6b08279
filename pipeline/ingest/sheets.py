"""What a sheet or table holds, by its headers and cells: an attendance list, a map of structures, or what was said.

In:   the rows of a sheet, or the blocks of a table laid out in a document
Out:  "attendance", "map" or "speech"; for speech, one cell block a passage with the columns of its row
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.ingest.attendance import with_statuses
from pipeline.ingest.columns import (
    Header,
    find_header,
    guess_header,
    is_question,
    lone_cell,
    meaning_of,
)
from pipeline.ingest.forms import (
    answer_columns,
    are_choices,
    is_closed,
    is_form,
    left_columns,
    looks_answered,
    n_remarks,
    n_unclear,
    stamp_columns,
    told_blocks,
    with_places,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.titles import asked_by_header, resembled
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import bullet_of
from pipeline.text import counted

Rows = Sequence[Sequence[str]]

_NAMES = frozenset({"last_name", "first_name", "full_name"})
_PRESENCE = frozenset({"status", "signature", "email", "phone", "role", "structure"})
_BESIDE_NAME = frozenset({"status", "email", "signature", "role", "structure"})
_ZONES = frozenset({"radius", "geometry", "latitude", "longitude"})
_LISTED = (
    _NAMES | _PRESENCE | _ZONES | {"structure_type", "commune", "commune_code", "remark", "number"}
)
_TOLD = frozenset(
    {"table", "question", "text", "speaker", "color", "channel", "theme", "number", "carrier"}
)
_NOT_SAID = _TOLD - {"text"}
_MAX_TITLE = 14  # words of a header that asks nothing
_HEAD_ROWS = 15  # rows in which a header of what was said is looked for
_MIN_OTHER = 4  # words of a cell in a column of unknown meaning for it to be a passage
_LINES = 3  # lines of a cell from which each is a passage of its own
_ALIKE = (
    0.5  # of the mean length of the longest column's cells, from which a column holds passages too
)
_SPARSE = 0.5  # share of filled cells under which a column names groups of rows


def kind_of(rows: Rows) -> str:
    """Return "attendance", "form", "map" or "speech".

    A list of structures without persons counts as a map; answers with who gave them are a form, which tells of persons but not of
    who was in the room.
    """
    header = find_header(rows, wanted=_LISTED, at_least=2)
    if (
        header is None
        and find_header(rows, wanted=_TOLD, at_least=1) is None
        and not _asks_on_top(rows)
        and guess_header(rows) is not None
    ):
        return "attendance"
    if header is None or header.order + 1 >= len(rows):
        return "speech"
    body = rows[header.order + 1 :]
    known = set(with_statuses(header, body).meanings)
    has_person = bool(known & {"first_name", "full_name"}) or (
        "last_name" in known and bool(known & _BESIDE_NAME)
    )
    if has_person and known & _PRESENCE and not known & _ZONES:
        return "form" if is_form(header, body) else "attendance"
    if header.column("text") is not None:
        return "speech"
    names_structure = bool(known & {"structure", "last_name"})
    is_map = names_structure and known & (_ZONES | {"commune", "structure_type"}) and not has_person
    return "map" if is_map and (known & _ZONES or not is_form(header, body)) else "speech"


def _asks_on_top(rows: Rows) -> bool:
    """True where the first row that is no title asks something."""
    top = next((row for row in rows if len(set(filter(None, row))) > 1), ())
    return any(map(is_question, top))


def tables_of(blocks: Sequence[RawBlock]) -> Iterator[tuple[range, list[tuple[str, ...]]]]:
    """Yield each table laid out in a document: the orders of its blocks, and its rows, the header first."""
    start = 0
    while start < len(blocks):
        if not blocks[start].columns:
            start += 1
            continue
        titles = tuple(title for title, _ in blocks[start].columns)
        end = start
        while end < len(blocks) and tuple(title for title, _ in blocks[end].columns) == titles:
            end += 1
        cells = dict.fromkeys(
            tuple(cell for _, cell in block.columns) for block in blocks[start:end]
        )
        first = _first_of_header(blocks, start, titles)
        yield range(first, end), [*([titles] if any(titles) else []), *cells]
        start = end


def _first_of_header(blocks: Sequence[RawBlock], start: int, titles: Sequence[str]) -> int:
    """The order of the first of the meta blocks right above `start` that show the header."""
    first = start
    while first > 0 and blocks[first - 1].kind == "meta" and blocks[first - 1].text in titles:
        first -= 1
    return first


def _left(header: Header, body: Rows, said: Sequence[int]) -> tuple[str, ...]:
    """How many columns of a form are left out, in French."""
    n_left = len(left_columns(header, body, said))
    return (
        (
            f"questionnaire : {counted(n_left, 'colonne laissée de côté', 'colonnes laissées de côté')}",
        )
        if n_left
        else ()
    )


def _said_and_left(rows: Rows) -> tuple[list[RawBlock], tuple[str, ...]]:
    """The passages of a sheet as cell blocks, row by row, and what a form leaves out.

    Rows above the header and rows that hold a lone label are headings.
    """
    header = _speech_header(rows)
    blocks = [
        RawBlock(" – ".join(dict.fromkeys(filter(None, row))), "heading", 1)
        for row in rows[: max(header.order, 0)]
        if any(row)
    ]
    header, body = with_places(header, rows[header.order + 1 :])
    body = _filled_down(body, header)
    said = _said_columns(body, header)
    is_form = header.order >= 0 and looks_answered(header.titles, body)
    left = _left(header, body, said) if is_form else ()
    for row in body:
        lone = lone_cell(row)
        if (
            lone
            and len(said) < len(row)
            and (read_cues(lone).is_label or _is_section(row, lone, said))
        ):
            blocks.append(RawBlock(lone, "heading", 2))
            continue
        blocks += _cells_said(header, row, said)
    return blocks, left


def _speech_header(rows: Rows) -> Header:
    """The header of what was said, or one made up from the cells where the sheet has none (`order` -1)."""
    best: tuple[int, int] | None = None
    is_top = True  # nothing above but titles
    for order, row in enumerate(rows[:_HEAD_ROWS]):
        n_told = sum(
            _tells(rows, order, place, is_top=is_top) for place, cell in enumerate(row) if cell
        )
        if n_told and _may_head(row, is_top=is_top) and (best is None or n_told > best[0]):
            best = (n_told, order)
        is_top = is_top and len(set(filter(None, row))) < 2
    if best and (best[0] > 1 or _heads_alone(rows, best[1])):
        titles = tuple(rows[best[1]])
        return Header(best[1], titles, tuple(map(meaning_of, titles)))
    return _guessed_header(rows)


def _tells(rows: Rows, order: int, place: int, *, is_top: bool) -> bool:
    """True where a cell of a header names what was said, where, or what was asked: a question that no cell below repeats or asks."""
    cell = rows[order][place]
    if meaning_of(cell) in _TOLD:
        return True
    below = [row[place] for row in rows[order + 1 :] if place < len(row) and row[place]]
    asks = (
        is_top
        and is_question(cell)
        and bool(below)
        and sum(map(is_question, below)) < len(below) / 2
    )
    return (asks or _is_place(cell)) and not _recurs(rows, order, place)


def _may_head(row: Sequence[str], *, is_top: bool) -> bool:
    """True for a row of different short cells, questions of any length among them, or for one cell that heads a column of texts."""
    filled = list(filter(None, row))
    is_alone = not any(row[1:]) and (
        meaning_of(row[0]) == "text" or (is_top and is_question(row[0]))
    )
    n_long = sum(len(cell.split()) > _MAX_TITLE and not is_question(cell) for cell in filled)
    return (len(set(filled)) > 1 or is_alone) and (
        n_long == 0 or (is_top and n_long <= len(filled) // 4)
    )


def _heads_alone(rows: Rows, order: int) -> bool:
    """True for a row one cell of which is known for a header: of texts, or of places at the top of columns that never say it again."""
    meanings = {meaning_of(cell) for cell in rows[order] if cell}
    if meaning_of(max(rows[order], key=lambda cell: meaning_of(cell) == "text")) == "text" or any(
        map(is_question, rows[order])
    ):
        return True
    is_top = order == 0 and len(rows) > _LINES and all(rows[0]) and len(rows[0]) > 1
    return (
        is_top
        and bool({"table", "question"} & meanings)
        and not any(_recurs(rows, 0, place) for place in range(len(rows[0])))
    )


def _recurs(rows: Rows, order: int, place: int) -> bool:
    """True where the cell of a row stands again in its column: it places rows and heads no column."""
    others = (row for other, row in enumerate(rows) if other != order)
    return any(place < len(row) and row[place] == rows[order][place] for row in others)


def _is_section(row: Sequence[str], lone: str, said: Sequence[int]) -> bool:
    """True for a few words merged over several columns, or what asks a question there or beside the passages: they name the rows below."""
    is_merged = sum(map(bool, row)) > 1
    is_aside = is_merged or row.index(lone) not in said
    return (is_merged and len(lone.split()) < _MIN_OTHER) or (
        is_aside and resembled(lone) is not None
    )


def _is_place(cell: str) -> bool:
    """True for a header that tells a table or question itself ("Table 3", "Ce qui marche")."""
    cues = read_cues(cell)
    is_named = cues.is_label and (cues.table is not None or cues.question is not None)
    return is_named or (is_question(cell) and asked_by_header(cell) is not None)


def _guessed_header(rows: Rows) -> Header:
    """A header told from the cells: "Q1" is a question, "T3" or few small numbers a table, numbers that never recur the row."""
    meanings: list[str | None] = []
    for column in zip(*rows, strict=False):
        cells = [cell for cell in column if cell]
        meanings.append(_meaning_of_cells(cells) if cells else None)
    if stamp_columns(
        Header(-1, ("",) * len(meanings), tuple(meanings)), rows
    ):  # a form: its numbers are answers
        meanings = [None if meaning == "table" else meaning for meaning in meanings]
    return Header(-1, tuple(meaning or "" for meaning in meanings), tuple(meanings))


def _meaning_of_cells(cells: Sequence[str]) -> str | None:
    cues = [read_cues(cell) for cell in cells]
    if all(cue.is_label and cue.question for cue in cues):
        return "question"
    if all(cue.is_label and cue.table is not None for cue in cues):
        return "table"
    if all(re.fullmatch(r"\d{1,3}", cell) for cell in cells):
        return (
            "number"
            if len(set(cells)) == len(cells)
            else "table"
            if max(map(int, cells)) < 100
            else None
        )
    return None


def _said_columns(body: Rows, header: Header) -> list[int]:
    """The columns that hold passages: text by header, below a table or question, or of unknown meaning with sentences in it."""
    said: list[int] = []
    stamps = stamp_columns(header, body)
    asked = answer_columns(header, body) if stamps else []
    is_answered = looks_answered(header.titles, body)
    for place, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True)):
        cells = [row[place] for row in body if row[place]]
        is_chosen = are_choices(cells) if is_answered else False
        is_chosen = is_chosen or (bool(stamps) and is_question(title) and is_closed(cells))
        is_wide = meaning not in _TOLD | _PRESENCE and _is_place(title) and not is_chosen
        is_long = (
            bool(cells)
            and median(len(cell.split()) for cell in cells) >= _MIN_OTHER
            and place not in stamps
        )
        is_sentences = meaning not in _NOT_SAID and is_long and not _labels_rows(place, cells)
        if place in asked or (
            cells and ((meaning == "text" and not is_chosen) or is_wide or is_sentences)
        ):
            said.append(place)
    return said or _longest_columns(
        body, [place for place, meaning in enumerate(header.meanings) if meaning not in _NOT_SAID]
    )


def _longest_columns(body: Rows, places: Sequence[int]) -> list[int]:
    """Of `places`, the column with the longest cells and those nearly as long; marks and colours are shorter."""
    lengths = {place: [len(row[place]) for row in body if row[place]] for place in places}
    means = {place: sum(found) / len(found) for place, found in lengths.items() if found}
    return [place for place, mean in means.items() if mean >= _ALIKE * max(means.values())]


def _labels_rows(place: int, cells: Sequence[str]) -> bool:
    """True for a first column whose cells name the tables or questions of their rows."""
    return (
        place == 0
        and sum(
            read_cues(cell).question is not None or read_cues(cell).table is not None
            for cell in cells
        )
        > len(cells) / 2
    )


def _passages(cell: str) -> list[str]:
    """The passages of a cell: its lines where they are bullets or many, else the cell whole."""
    lines = [line for line in cell.split("\n") if line.strip()]
    bullets = [bullet_of(line) for line in lines]
    if len(lines) >= _LINES or (len(lines) > 1 and all(bullets)):
        return [
            bullet.text if bullet else line.strip()
            for line, bullet in zip(lines, bullets, strict=True)
        ]
    return (
        [
            "\n".join(
                bullet.text if bullet and len(lines) == 1 else line
                for line, bullet in zip(lines, bullets, strict=True)
            )
        ]
        if lines
        else []
    )


def _filled_down(body: Rows, header: Header) -> list[list[str]]:
    """The rows with table and question columns that name a group only once, as merged cells do, filled down to the next name."""
    rows = [list(row) for row in body]
    for meaning in ("table", "question"):
        place = header.column(meaning)
        if place is None:
            continue
        cells = [row[place] for row in rows]
        filled = [cell for cell in cells if cell]
        repeats = any(above == below for above, below in pairwise(filled))
        if not filled or not cells[0] or len(filled) > _SPARSE * len(cells) or repeats:
            continue
        for above, row in pairwise(rows):
            row[place] = row[place] or above[place]
    return rows


@dataclass(frozen=True)
class SortedPart:
    """The tables of a part told apart: lists of persons, of structures, forms, and the blocks that were said."""

    attendance: tuple[Rows, ...]
    maps: tuple[Rows, ...]
    blocks: tuple[RawBlock, ...]
    forms: tuple[Rows, ...] = ()  # whose persons are known, and no more
    left: tuple[str, ...] = ()  # in French, what was left aside of a list or form


def sort_part(blocks: Sequence[RawBlock], rows: Rows) -> SortedPart:
    """Return what a part holds; tables of a document that list persons or structures leave its blocks, but for what people answered."""
    if rows:
        kind = kind_of(rows)
        said, left = (
            _answers(rows, kind)
            if kind in ("attendance", "form")
            else _said_and_left(rows)
            if kind == "speech"
            else ([], ())
        )
        lists = {name: (rows,) if kind == name else () for name in ("attendance", "map", "form")}
        return SortedPart(lists["attendance"], lists["map"], tuple(said), lists["form"], left)
    found: dict[str, list[Rows]] = {"attendance": [], "map": [], "form": []}
    taken: set[int] = set()
    kept = list(blocks)
    for orders, table in tables_of(blocks):
        kind = kind_of(table)
        found.get(kind, []).append(table)
        if kind in ("attendance", "map"):
            answers = _answer_places(table) if kind == "attendance" else set()
            taken |= {order for order in orders if blocks[order].column not in answers}
        else:
            kept[orders.start : orders.stop] = _said_blocks(blocks[orders.start : orders.stop])
    said = [block for order, block in enumerate(kept) if order not in taken]
    return SortedPart(
        tuple(found["attendance"]), tuple(found["map"]), tuple(said), tuple(found["form"])
    )


def _answers(rows: Rows, kind: str) -> tuple[list[RawBlock], tuple[str, ...]]:
    """What people wrote in a form, or answered in a list of attendance; and what was left aside, counted."""
    header = find_header(rows, wanted=_LISTED, at_least=2)
    if header is None:
        return [], ()
    body = rows[header.order + 1 :]
    places = answer_columns(header, body, has_remarks=kind == "form")
    if kind == "form":
        if "text" in header.meanings:
            return _said_and_left(rows)
        return _rows_said(header, body, places), _left(header, body, places)
    remarks, unclear = n_remarks(header, body), n_unclear(header, body)
    left = (
        counted(
            remarks, "remarque non reprise comme passage", "remarques non reprises comme passages"
        )
        if remarks
        else "",
        counted(
            unclear,
            "statut non compris, compté comme non présent",
            "statuts non compris, comptés comme non présents",
        )
        if unclear
        else "",
    )
    return _rows_said(header, body, places), tuple(
        f"liste de présence : {what}" for what in left if what
    )


def _rows_said(header: Header, body: Rows, places: Sequence[int]) -> list[RawBlock]:
    return [block for row in body for block in _cells_said(header, row, places)]


def _answer_places(rows: Rows) -> set[int | None]:
    header = find_header(rows, wanted=_LISTED, at_least=2)
    return set(answer_columns(header, rows[header.order + 1 :])) if header else set()


def _cells_said(header: Header, row: Sequence[str], places: Sequence[int]) -> list[RawBlock]:
    columns = tuple(zip(header.titles, row, strict=False))
    return [
        RawBlock(passage, "cell", columns=columns, column=place)
        for place in places
        for passage in _passages(row[place])
    ]


def _said_blocks(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    """The blocks of a table in a document; beside a column of ideas called so, one that only says who or where is no passage."""
    columns = dict.fromkeys(block.columns for block in blocks if block.columns)
    titles, cells = (
        tuple(title for title, _ in next(iter(columns))),
        [[cell for _, cell in row] for row in columns],
    )
    header, body = with_places(Header(0, titles, tuple(map(meaning_of, titles))), cells)
    is_called = "text" in header.meanings and len({"table", "question"} & set(header.meanings)) > 0
    return told_blocks(blocks, titles, cells, _said_columns(body, header) if is_called else ())
