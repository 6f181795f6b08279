"""Sort a part: its lists and maps, the respondents of its forms, and its blocks.

Each cell of a sheet is a passage, a heading, or `meta` with its reason.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from statistics import median

from pipeline.ingest.attendance import count_remarks, count_unclear
from pipeline.ingest.columns import (
    CONTACTS,
    NAMES,
    TECHNICAL,
    ZONES,
    Header,
    Rows,
    column_cells,
    header_of,
    is_question,
    lone_cell,
    meaning_of,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.lines import is_instruction
from pipeline.ingest.locate.titles import asked_by_header, asked_together, resembled
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.sheets.kinds import (
    CATEGORIES,
    OF_IDEAS,
    PRESENCE,
    SortedSheet,
    frame_title,
    is_grid,
    is_grouped_list,
    labels_rows,
    lists_names_alone,
    names_location,
    read_sheet,
    reason_of_role,
)
from pipeline.ingest.sheets.persons import NAMED_BY, respondents, senders_of
from pipeline.ingest.sheets.roles import (
    annotate_blocks,
    are_choices,
    are_colors,
    clean_question,
    is_asked,
    is_closed,
    is_withdrawn,
    kind_of_cell,
    kind_of_cells,
    looks_answered,
    place_of,
    question_of_category,
    questions_of_titles,
    says_something,
    table_column,
    timestamp_columns,
    with_locations,
)
from pipeline.ingest.words import bullet_of, is_name, strip_markup, word_pattern
from pipeline.tables.schema import RESPONDENT
from pipeline.text import counted, fold

_MIN_OTHER = 4  # words of a passage under an unknown header
_MIN_LETTERS = 4  # of a word that a title may add
_LINES = 3  # lines of a cell, from which each is a passage
_ALIKE = 0.5  # of the longest column's mean length: such columns hold passages too
_SPARSE = 0.5  # share of filled cells below which a column names groups of rows
_VERY_LONG = 8  # words of most answers under a header that asks nothing

_NAMES_ALONE = (
    "une liste de noms, sans signature ni statut : toutes ces personnes sont comptées comme"
    " présentes, à vérifier"
)
_STACKED = 2  # questions over headers of their own, from which a sheet is several tables
_ANSWERED = frozenset({"form", "consultation", "both"})  # kinds whose rows each have an author


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
    doubt: str = ""  # in French, what a person should look at


def sort_part(
    blocks: Sequence[RawBlock],
    rows: Rows,
    title: str = "",
    legend: Mapping[str, str] = {},
) -> SortedPart:
    """Sort the sheet `rows` called `title`, or the tables among a document's `blocks`.

    `legend` gives the questions of its colours.

    Lists of persons or structures leave the blocks, except for people's answers.
    """
    if rows:
        return _with_struck(_sort_sheet(rows, title, legend), blocks)
    if cards := _structures_of_cards(blocks):
        return SortedPart((), (cards,), (), taken_for="carte de structures")
    attendance: list[Rows] = []
    maps: list[Rows] = []
    forms: list[Rows] = []
    passages: list[RawBlock] = []
    end = 0
    for span, table in _tables_of(blocks):
        passages += blocks[end : span.start]
        end = span.stop
        sheet = read_sheet(table)
        attendance += [table] if sheet.kind in ("attendance", "both") else []
        maps += [table] if sheet.kind == "map" else []
        forms += [respondents(sheet)] if sheet.kind in ("form", "consultation") else []
        passages += _blocks_of_table(blocks[span], sheet)
    passages += blocks[end:]
    return SortedPart(tuple(attendance), tuple(maps), tuple(passages), tuple(forms))


def _with_struck(part: SortedPart, blocks: Sequence[RawBlock]) -> SortedPart:
    """Add what was struck out of a sheet; of a list of persons, only how many cells."""
    if not part.attendance:
        return replace(part, blocks=(*part.blocks, *blocks))
    cells = counted(
        len(blocks), "cellule barrée laissée de côté", "cellules barrées laissées de côté"
    )
    said = (f"liste de présence : {cells}",) if blocks else ()
    return replace(part, skipped=(*part.skipped, *said))


def _structures_of_cards(blocks: Sequence[RawBlock]) -> list[tuple[str, ...]]:
    """Return as a table the structures of a document: titles over "Zone : …", "Forme : …"."""
    cards: list[dict[str, str]] = []
    for block in blocks:
        label, colon, value = block.text.partition(":")
        is_field = colon and len(label.split()) < _MIN_OTHER and not block.columns
        if block.kind == "heading":
            cards.append({"Structure": block.text})
        elif block.kind not in ("paragraph", "bullet") or not is_field or not cards:
            return []
        else:
            cards[-1][label.strip()] = value.strip()
    cards = [card for card in cards if len(card) > 1]
    n_cards = Counter(label for card in cards for label in card)
    labels = list(n_cards)
    is_placed = any(meaning_of(label) in ZONES | {"commune"} for label in labels)
    if len(cards) < _LINES or not is_placed or min(n_cards.values()) < 2:
        return []
    return [tuple(labels), *(tuple(card.get(label, "") for label in labels) for card in cards)]


def _stacked(rows: Rows) -> list[Rows]:
    """Cut a poll's sheet into its questions, each over the same header."""
    headers = Counter(tuple(row) for row in rows if any(map(meaning_of, filter(None, row))))
    starts = [
        i
        for i in range(len(rows) - 1)
        if headers[tuple(rows[i + 1])] >= _STACKED
        and sum(map(bool, rows[i + 1])) > 1
        and is_question(clean_question(rows[i][0]))
    ]
    if len(starts) < _STACKED:
        return [rows]
    ends = [*starts[1:], len(rows)]
    blank = [""] * len(rows[0])
    tables: list[Rows] = [rows[: starts[0]]] if starts[0] else []
    for start, end in zip(starts, ends, strict=True):
        asked = ["Question", clean_question(rows[start][0]), *blank[2:]]
        tables.append([asked, blank, *rows[start + 1 : end]])
    return tables


def _together(parts: Sequence[SortedPart]) -> SortedPart:
    """Return the tables of one sheet as one part."""
    return SortedPart(
        tuple(rows for part in parts for rows in part.attendance),
        tuple(rows for part in parts for rows in part.maps),
        tuple(block for part in parts for block in part.blocks),
        tuple(rows for part in parts for rows in part.forms),
        tuple(dict.fromkeys(reason for part in parts for reason in part.skipped)),
        parts[-1].taken_for,
        tuple(dict.fromkeys(column for part in parts for column in part.left_out)),
        next((part.doubt for part in parts if part.doubt), ""),
    )


def _sort_sheet(rows: Rows, title: str, legend: Mapping[str, str]) -> SortedPart:
    tables = _stacked(rows)
    if len(tables) > 1:
        return _together([_sort_sheet(table, title, legend) for table in tables])
    sheet = read_sheet(rows, title)
    blocks: list[RawBlock] = []
    skipped: list[str] = []
    passages: Sequence[int] = sheet.texts
    if sheet.kind == "speech":
        blocks, passages = blocks_of_ideas(sheet, legend)
    elif sheet.kind in _ANSWERED:
        blocks = list(_blocks_of_answers(sheet))
    elif sheet.kind == "settings":
        blocks = [RawBlock(cell, "meta", reason="settings") for row in rows for cell in row if cell]
    left_out = sheet.left_out(passages)
    if sheet.kind in ("attendance", "both"):
        skipped = _left_of_list(sheet)
    elif sheet.kind == "form":
        n = sum(reason in ("closed answer", "category", "unknown column") for _, reason in left_out)
        columns = counted(n, "colonne laissée de côté", "colonnes laissées de côté")
        skipped = [f"questionnaire : {columns}"] if n else []
    is_waiting = word_pattern("attendance", "titres_absents").fullmatch(fold(title)) is not None
    is_list = sheet.kind in ("attendance", "both") and not is_waiting
    is_answered = sheet.kind in ("form", "consultation")
    return SortedPart(
        (rows,) if is_list else (),
        (rows,) if sheet.kind == "map" else (),
        tuple(blocks),
        (respondents(sheet),) if is_answered or (is_waiting and not blocks) else (),
        tuple(skipped),
        sheet.taken_for,
        left_out,
        _NAMES_ALONE if is_list and lists_names_alone(sheet) else "",
    )


def _left_of_list(sheet: SortedSheet) -> list[str]:
    others = {*sheet.texts, *timestamp_columns(sheet.header, sheet.body)}
    n_remarks = count_remarks(sheet.header, sheet.body, others)
    n_unclear = count_unclear(sheet.header, sheet.body)
    remarks = counted(
        n_remarks, "remarque non reprise comme passage", "remarques non reprises comme passages"
    )
    unclear = counted(
        n_unclear,
        "statut non compris, compté comme non présent",
        "statuts non compris, comptés comme non présents",
    )
    counts = ((n_remarks, remarks), (n_unclear, unclear))
    return [f"liste de présence : {what}" for n, what in counts if n]


def _blocks_of_answers(sheet: SortedSheet) -> Iterator[RawBlock]:
    yield from titles_of(sheet)
    reader = _RowReader(sheet)
    senders = senders_of(sheet, sheet.texts, is_answered=True)
    for row, sender in zip(sheet.body, senders, strict=True):
        yield from merged(reader.blocks(row, sender))


def _was_said(sheet: SortedSheet) -> bool:
    """Whether a list of people present notes what each said in the room."""
    titles = [*sheet.header.titles, *(cell for row in sheet.above for cell in row)]
    said = word_pattern("columns", "dit_en_salle", r"\b{}\b")
    return sheet.kind == "both" and any(said.search(fold(title)) for title in titles)


def _is_asked_above(row: Sequence[str]) -> bool:
    """Whether a row above the header tells the sheet's question, as polls export it."""
    return fold(row[0]) == "question" and bool(row[1])


@dataclass
class _RowReader:
    """Gives each cell of an answered sheet its block."""

    sheet: SortedSheet
    questions: Mapping[int, str] = field(init=False)
    asked: Mapping[str, str | None] = field(init=False)  # by a row's own question
    closed: frozenset[str] = field(init=False)  # questions whose answers are choices
    table: int | None = field(init=False)
    channel: str = field(init=False)

    def __post_init__(self) -> None:
        sheet = self.sheet
        titles = {column: sheet.header.titles[column] for column in sheet.texts}
        asked = next((row[1] for row in sheet.above if len(row) > 1 and _is_asked_above(row)), "")
        if asked and len(titles) == 1:
            titles = dict.fromkeys(titles, asked)
        self.questions = questions_of_titles(titles)
        self.asked, self.closed = _questions_of_rows(sheet)
        self.channel = "notes" if _was_said(sheet) else "consultation"
        table = sheet.roles.index("table") if "table" in sheet.roles else None
        self.table = table if table is not None else table_column(sheet.header.titles, sheet.body)

    def located(self, row: Sequence[str], column: int, text: str) -> tuple[tuple[str, str], ...]:
        """Return the (title, cell) pairs that tell table and question, then the text."""
        question = self.questions.get(column) or self._question_of_row(row)
        table = [("table", row[self.table])] if self.table is not None and row[self.table] else []
        asked = [("question", question)] if question else []
        return (*table, *asked, ("", text))

    def _question_of_row(self, row: Sequence[str]) -> str | None:
        sheet = self.sheet
        if len(sheet.texts) > 1 and self.questions:
            return None
        if own := next((cell for cell in row if cell in self.asked), None):
            return self.asked[own]
        for role in CATEGORIES:
            for column, own in enumerate(sheet.roles):
                if own == role and row[column] and (asked := question_of_category(row[column])):
                    return asked
        for column, own in enumerate(sheet.roles):
            if own in ("closed", "unknown", "title") and is_question(row[column]):
                return question_of_category(row[column])
        return sheet.tool.question if sheet.tool else None

    def blocks(self, row: Sequence[str], sender: str | None) -> Iterator[RawBlock]:
        """Yield the passages and asides of a row, in reading order."""
        sheet = self.sheet
        texts = [] if self.closed & {*row} else passages_of_row(sheet, row)
        votes = votes_of(sheet, row)
        for column, cell in enumerate(row):
            if not cell:
                continue
            if column not in texts:
                yield aside_of_cell(cell, sheet.roles[column])
                continue
            for passage in passages_of_cell(cell):
                if reason := says_nothing(passage):
                    yield aside_of_cell(passage, reason=reason)
                    continue
                columns = self.located(row, column, passage)
                yield RawBlock(
                    passage,
                    "cell",
                    speaker=sender,
                    columns=columns,
                    column=len(columns) - 1,
                    channel=self.channel,
                    n_votes=votes,
                )


def _questions_of_rows(sheet: SortedSheet) -> tuple[dict[str, str | None], frozenset[str]]:
    """Return what the questions told in each row ask, and those answered by choices."""
    column = sheet.roles.index("question") if "question" in sheet.roles else None
    if column is None or len(sheet.texts) != 1:
        return {}, frozenset()
    answers: dict[str, list[str]] = {}
    for row in sheet.body:
        if row[column] and row[sheet.texts[0]]:
            answers.setdefault(row[column], []).append(row[sheet.texts[0]])
    titles = list(answers)
    asked = questions_of_titles(dict(enumerate(titles)))
    closed = (title for title, cells in answers.items() if is_closed(title, cells))
    return {title: asked.get(i) for i, title in enumerate(titles)}, frozenset(closed)


def _blocks_of_table(blocks: Sequence[RawBlock], sheet: SortedSheet) -> list[RawBlock]:
    """Return the blocks of a document's table, its lists left out."""
    if sheet.kind == "speech":
        return _annotated(blocks)
    if sheet.kind not in _ANSWERED:
        return []
    reader = _RowReader(sheet)
    senders = senders_of(sheet, sheet.texts, is_answered=True)
    row_of = {tuple(row): i for i, row in enumerate(sheet.body)}
    placed: list[RawBlock] = []
    for block in blocks:
        i = row_of.get(tuple(strip_markup(cell) for _, cell in block.columns))
        if i is None or block.column is None:
            placed.append(replace(block, kind="meta", reason=block.reason or "column header"))
        elif block.column not in sheet.texts or says_nothing(block.text):
            reason = says_nothing(block.text) or reason_of_role(sheet.roles[block.column])
            placed.append(replace(block, kind="meta", reason=reason))
        else:
            row = sheet.body[i]
            columns = reader.located(row, block.column, block.text)
            placed.append(
                replace(
                    block,
                    kind="cell",
                    speaker=senders[i],
                    columns=columns,
                    column=len(columns) - 1,
                    channel=reader.channel,
                )
            )
    return placed


def _annotated(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    columns = dict.fromkeys(block.columns for block in blocks if block.columns)
    titles = tuple(title for title, _ in next(iter(columns)))
    cells = [[cell for _, cell in row] for row in columns]
    header, body = with_locations(header_of(titles, 0), cells)
    is_called = "text" in header.meanings and {"table", "question"} & set(header.meanings)
    passages = passage_columns(body, header) if is_called else ()
    _fill_down(cells, header)
    carried = dict(zip(columns, cells, strict=True))
    blocks = [
        replace(block, columns=tuple(zip(titles, carried[block.columns], strict=True)))
        if block.columns
        else block
        for block in blocks
    ]
    return annotate_blocks(blocks, titles, cells, passages)


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


def titles_of(sheet: SortedSheet) -> Iterator[RawBlock]:
    """Yield the rows above the header as headings, then its titles.

    What stands over the several questions of a form is asked by none.
    """
    is_over_all = sheet.kind in _ANSWERED and len(sheet.texts) > 1
    for row in filter(any, sheet.above):
        text = " – ".join(dict.fromkeys(filter(None, row)))
        if is_over_all:
            yield RawBlock(text, "meta", reason="circumstance")
        else:
            yield RawBlock(text, "heading", 1)
    for title in sheet.titles:
        columns = ((title, ""),)
        yield RawBlock(title, "meta", reason="column header", columns=columns)


def blocks_of_ideas(
    sheet: SortedSheet, legend: Mapping[str, str]
) -> tuple[list[RawBlock], list[int]]:
    """Return the blocks of ideas by table or on a wall; lone labels are headings.

    `legend` tells what is asked by the colours of the ideas.
    """
    blocks = list(titles_of(sheet))
    header, body = with_locations(sheet.header, sheet.body)
    if sheet.tool:
        header, body = _with_categories(sheet, header, body)
    header, body = _with_colors(sheet, header, body, legend)
    _fill_down(body, header)
    written, sheet = sheet.body, replace(sheet, body=body)
    columns = sheet.texts if sheet.tool else passage_columns(body, header)
    if is_grouped_list(body):
        return _blocks_of_list(body), [0]
    is_answered = sheet.header.index >= 0 and looks_answered(header.titles, body)
    is_answered = is_answered and not sheet.tool and not labels_rows(sheet)
    senders = senders_of(replace(sheet, body=written), columns, is_answered=is_answered)
    # some tools list a wall's frames among its ideas
    placing = [i for i, own in enumerate(header.meanings) if own in ("question", "theme")]
    frames = {cell for column in placing for cell in column_cells(written, column)}
    for i, row in enumerate(body):
        lone = lone_cell(row)
        is_label = lone and len(columns) < len(row) and read_cues(lone).is_label
        if lone and (is_label or _heads_rows(row, lone, columns)):
            blocks.append(RawBlock(lone, "heading", 2))
        elif lone and sum(map(bool, row)) > max(2, len(columns) / 2):
            blocks.append(RawBlock(lone, "meta", reason="circumstance"))  # merged over them all
        elif frames & {*written[i]} and not any(written[i][column] for column in placing):
            blocks.append(aside_of_cell(" | ".join(filter(None, written[i])), "theme"))
        else:
            own = passages_of_row(sheet, written[i]) if sheet.tool else columns
            blocks += merged(_ideas_of_row(sheet, header, row, written[i], own, senders[i]))
    return blocks, columns


def _ideas_of_row(
    sheet: SortedSheet,
    header: Header,
    row: Sequence[str],
    written: Sequence[str],
    columns: Sequence[int],
    sender: str | None,
) -> Iterator[RawBlock]:
    roles = zip(row, sheet.roles, strict=False)
    shown = [cell if role not in NAMED_BY or is_name(cell) else "" for cell, role in roles]
    titled = tuple(zip(header.titles, shown, strict=False))
    n_votes = votes_of(sheet, row)
    channel = "postit" if sheet.tool else None
    for column, cell in enumerate(written):
        if not cell:
            continue
        if column not in columns:
            meaning = header.meanings[column]
            role = meaning if meaning in ("table", "question") else sheet.roles[column]
            yield replace(aside_of_cell(cell, role), columns=titled)
            continue
        for passage in passages_of_cell(cell):
            if reason := says_nothing(passage):
                yield replace(aside_of_cell(passage, reason=reason), columns=titled)
            else:
                yield RawBlock(
                    passage, "cell", None, sender, titled, column, channel=channel, n_votes=n_votes
                )


def _with_categories(
    sheet: SortedSheet, header: Header, body: list[list[str]]
) -> tuple[Header, list[list[str]]]:
    """Read a wall's categories as questions where one of them is."""
    if "question" in header.meanings:
        return header, body
    for column, role in enumerate(sheet.roles):
        if role not in CATEGORIES:
            continue
        asked = {
            cell: place_of(cell, question)
            for cell in set(column_cells(body, column))
            if (question := question_of_category(cell))
        }
        if not any(asked.values()):
            continue
        titles = list(header.titles)
        titles[column] = "question"
        for row in body:
            row[column] = asked.get(row[column]) or ""
        return header_of(titles, header.index), body
    return header, body


def _with_colors(
    sheet: SortedSheet, header: Header, body: list[list[str]], legend: Mapping[str, str]
) -> tuple[Header, list[list[str]]]:
    """Read colours as questions, by the legend, where nothing else tells them."""
    colors = [
        column
        for column, role in enumerate(sheet.roles)
        if role == "color" or are_colors(column_cells(body, column))
    ]
    if not legend or not colors or "question" in header.meanings:
        return header, body
    (column, *_), titles = colors, list(header.titles)
    titles[column] = "question"
    for row in body:
        row[column] = legend.get(fold(row[column])) or ""
    return header_of(titles, header.index), body


def _fill_down(rows: list[list[str]], header: Header) -> None:
    """Carry a table or question, given once for the rows below it, down to them."""
    if is_grid(header, rows):
        for above, row in pairwise(rows):
            row[0] = row[0] or (above[0] if any(row) else "")
        return
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


def _heads_rows(row: Sequence[str], lone: str, columns: Sequence[int]) -> bool:
    """Whether a few merged words, or a question elsewhere, name the rows below."""
    if len(columns) >= len(row):
        return False
    is_merged = sum(map(bool, row)) > 1
    if is_merged and len(lone.split()) < _MIN_OTHER:
        return True
    column = next(column for column, cell in enumerate(row) if cell.strip())
    return (is_merged or column not in columns) and resembled(lone) is not None


def passage_columns(body: Rows, header: Header) -> list[int]:
    """Return the columns of ideas: named, of sentences, or else the longest."""
    stamps = timestamp_columns(header, body)
    is_answered = looks_answered(header.titles, body)
    open_titles = {
        column: title
        for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True))
        if title and meaning is None
    }
    together = asked_together(open_titles, read=asked_by_header)
    if is_grid(header, body):
        return [i for i in range(1, len(header.titles)) if column_cells(body, i)]
    is_asking = len(set(together.values())) > 1 and not is_answered
    columns: list[int] = []
    for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True)):
        cells = column_cells(body, column)
        is_chosen = is_answered and bool(cells) and are_choices(cells)
        is_chosen = is_chosen or (bool(stamps) and is_question(title) and is_closed(title, cells))
        may_hold = bool(cells) and (meaning == "text" or meaning not in OF_IDEAS | TECHNICAL)
        may_hold = may_hold and kind_of_cells(cells) is None
        is_titled = meaning == "text" or (
            meaning not in PRESENCE | {"remark"}
            and (names_location(title) or (meaning is None and is_asked(title)))
        )
        is_titled = is_titled or (is_asking and column in together)
        is_said = column not in stamps and _are_sentences(column, cells) if cells else False
        if may_hold and ((is_titled and not is_chosen) or is_said):
            columns.append(column)
    if columns:
        return columns
    # the longest column and those nearly as long; marks and colours are shorter
    means: dict[int, float] = {}
    for column, meaning in enumerate(header.meanings):
        lengths = [len(cell) for cell in column_cells(body, column)]
        if lengths and (meaning == "text" or meaning not in OF_IDEAS | NAMES | CONTACTS):
            means[column] = sum(lengths) / len(lengths)
    return [column for column, mean in means.items() if mean >= _ALIKE * max(means.values())]


def _are_sentences(column: int, cells: Sequence[str]) -> bool:
    if median(len(cell.split()) for cell in cells) < _MIN_OTHER:
        return False
    cues = [read_cues(cell) for cell in cells]
    n_naming = sum(cue.question is not None or cue.table is not None for cue in cues)
    return column > 0 or n_naming <= len(cells) / 2


def _blocks_of_list(body: Rows) -> list[RawBlock]:
    """Return the blocks of a single column of groups: the frames of a wall, a poll's answers."""
    roles = [_role_in_list(body, i) if row[0] else None for i, row in enumerate(body)]
    if any(frame_title(row[0]) is not None for row in body):
        parked = word_pattern("sheets", "categories", key="aucune").fullmatch
        roles = [
            "heading" if parked(fold(row[0])) else r for r, row in zip(roles, body, strict=True)
        ]
    titles = [row[0] for row, role in zip(body, roles, strict=True) if role == "heading"]
    is_asking = any(map(_question_of_group, titles))
    is_of_table = any(read_cues(title).has_tables for title in titles)
    channel = "consultation" if "settings" in roles else None if is_of_table else "postit"
    question: str | None = None
    blocks: list[RawBlock] = []
    for i, (row, role) in enumerate(zip(body, roles, strict=True), start=1):
        cell = row[0]
        if role == "heading":
            question = _question_of_group(cell)  # told with each line, where the groups ask
            heading = RawBlock(cell, "heading", 2)
            blocks.append(aside_of_cell(cell, "theme") if is_asking else heading)
        elif role:
            blocks.append(RawBlock(cell, "meta", reason=role))
        elif cell and (reason := says_nothing(cell)):
            blocks.append(aside_of_cell(cell, reason=reason))
        elif cell:
            columns = (*([("question", question)] if is_asking and question else []), ("", cell))
            sender = f"{RESPONDENT} {i}" if channel == "consultation" else None
            blocks += [
                RawBlock(text, "cell", None, sender, columns, len(columns) - 1, channel=channel)
                for text in passages_of_cell(cell)
            ]
    return blocks


def _question_of_group(title: str) -> str | None:
    return question_of_category(frame_title(title) or title)


def _role_in_list(body: Rows, i: int) -> str | None:
    """Return "heading" or a reason for a line of a single column that is no idea.

    A group of lines opens with its title; "Responses" only announces, "Open ended" is the tool's.
    """
    text = body[i][0]
    if word_pattern("columns", "genres_d_activite").fullmatch(fold(text)):
        return "settings"
    if frame_title(text) is not None:
        return "heading"
    if i and body[i - 1][0]:
        return None
    if meaning_of(text) == "text":
        return "column header"
    is_alone = i + 1 < len(body) and not body[i + 1][0] and i == 0
    has_more = i + 1 < len(body) and bool(body[i + 1][0])
    is_title = is_question(text) or (len(text.split()) < _VERY_LONG and text[-1] not in ".!…")
    return "heading" if is_title and (has_more or is_alone) else None


def passages_of_row(sheet: SortedSheet, row: Sequence[str]) -> list[int]:
    """Return the columns of free words; a title counts where nothing else is said."""
    titles = sheet.header.titles
    if any(map(is_withdrawn, titles, sheet.roles, row)):
        return []
    others = sheet.answered_by(row)
    texts = [column for column in sheet.texts if row[column] and column not in others]
    names = {fold(cell) for cell, role in zip(row, sheet.roles, strict=True) if role == "theme"}
    texts = [column for column in texts if fold(row[column]) not in names]  # an area's own name
    if sheet.kind == "form":
        return texts
    named = [i for i, role in enumerate(sheet.roles) if role == "title" and row[i]]
    named = [column for column in named if column not in others]
    if texts:
        return sorted([*texts, *(i for i in named if _says_more(sheet, row, i, texts))])
    is_attached = any(
        role == "url" and row[column] and len(column_cells(sheet.body, column)) < len(sheet.body)
        for column, role in enumerate(sheet.roles)
    )  # an address in each row is the contribution's own
    return [] if is_attached else named


def _says_more(sheet: SortedSheet, row: Sequence[str], column: int, texts: Sequence[int]) -> bool:
    """Whether a title is its author's own, of several words that the texts do not repeat."""
    words = fold(row[column]).split()
    said = {word for text in texts for word in fold(row[text]).split()}
    is_new = any(len(word) >= _MIN_LETTERS and word not in said for word in words)
    is_own = column_cells(sheet.body, column).count(row[column]) == 1
    is_label = read_cues(row[column]).is_label or is_question(row[column])
    return is_own and not is_label and len(words) > 1 and is_new


def passages_of_cell(cell: str) -> list[str]:
    """Return a cell's lines where they are bullets or three or more, else the cell."""
    lines = [line for line in cell.split("\n") if line.strip()]
    bullets = [bullet_of(line) for line in lines]
    if len(lines) == 1:
        return [bullets[0].text if bullets[0] else lines[0]]
    if len(lines) >= _LINES or any(bullets):
        pairs = zip(lines, bullets, strict=True)
        return [bullet.text if bullet else line.strip() for line, bullet in pairs]
    return ["\n".join(lines)]


def says_nothing(passage: str) -> str | None:
    """Return why a free answer is no passage: an address, a date, « RAS »; None for words."""
    kind = kind_of_cell(passage)
    if kind == "number":
        return "closed answer"
    if kind in ("email", "phone"):
        return "person"
    if kind and kind != "code":
        return reason_of_role(kind)
    if is_instruction(passage):
        return "circumstance"
    if word_pattern("columns", "genres_d_activite").fullmatch(fold(passage)):
        return "settings"
    return None if says_something(passage) else "no answer"


def aside_of_cell(cell: str, role: str = "", reason: str = "") -> RawBlock:
    """Return the `meta` block of a cell; encoded data shrink to their size."""
    reason = reason or ("encoded" if kind_of_cell(cell) == "encoded" else reason_of_role(role))
    if reason == "encoded":
        n_letters = f"{len(cell):,}".replace(",", "\u202f")
        cell = f"[données encodées : {n_letters} caractères]"
    return RawBlock(cell, "meta", reason=reason, columns=(("", ""),))


def votes_of(sheet: SortedSheet, row: Sequence[str]) -> int | None:
    """Return the votes of a row, the largest count of several; None where none is told."""
    cells = [cell for cell, role in zip(row, sheet.roles, strict=False) if role == "votes"]
    counts = [re.fullmatch(r"\s*(\d{1,6})(?:[.,]0+)?\s*", cell) for cell in cells]
    return max((int(count[1]) for count in counts if count), default=None)


def merged(blocks: Iterator[RawBlock]) -> Iterator[RawBlock]:
    """Join a row's neighbouring asides of one reason."""
    for (kind, _), group in groupby(blocks, key=lambda block: (block.kind, block.reason)):
        if kind != "meta":
            yield from group
            continue
        own = list(group)
        yield replace(own[0], text=" | ".join(block.text for block in own))
