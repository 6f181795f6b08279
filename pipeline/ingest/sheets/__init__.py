"""Sort a part: its lists and maps, the respondents of its forms, and its blocks."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pipeline.ingest.attendance import count_remarks, count_unclear
from pipeline.ingest.columns import NAMES, Rows, header_of, is_question, meaning_of
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_anonymous
from pipeline.ingest.sheets.kinds import CATEGORIES, SortedSheet, read_sheet, reason_of_role
from pipeline.ingest.sheets.locations import (
    annotate_blocks,
    clean_question,
    question_of_category,
    questions_of_titles,
    table_column,
    with_locations,
)
from pipeline.ingest.sheets.passages import (
    aside_of_cell,
    blocks_of_ideas,
    merged,
    name_senders,
    passage_columns,
    passages_of_cell,
    passages_of_row,
    says_nothing,
    titles_of,
    votes_of,
)
from pipeline.ingest.sheets.roles import timestamp_columns
from pipeline.ingest.words import strip_markup, word_pattern
from pipeline.text import counted, fold

_STACKED = 2  # questions over headers of their own, from which a sheet is several tables
_ANSWERED = frozenset({"form", "consultation", "both"})  # kinds whose rows each have an author
_RESPONDENT = ("Nom", "Prénom", "Nom et prénom", "Mail", "Téléphone")
_RESPONDENT_ROLES = ("last_name", "first_name", "full_name", "email", "phone")


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


def sort_part(
    blocks: Sequence[RawBlock],
    rows: Rows,
    title: str = "",
    legend: Mapping[str, str] = MappingProxyType({}),
) -> SortedPart:
    """Sort the sheet `rows` called `title`, or the tables among a document's `blocks`.

    `legend` gives the questions of its colours.

    Lists of persons or structures leave the blocks, except for people's answers.
    """
    if rows:
        return _sort_sheet(rows, title, legend)
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
        forms += [_respondents(sheet)] if sheet.kind in ("form", "consultation") else []
        passages += _blocks_of_table(blocks[span], sheet)
    passages += blocks[end:]
    return SortedPart(tuple(attendance), tuple(maps), tuple(passages), tuple(forms))


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
    is_list = sheet.kind in ("attendance", "both")
    return SortedPart(
        (rows,) if is_list else (),
        (rows,) if sheet.kind == "map" else (),
        tuple(blocks),
        (_respondents(sheet),) if sheet.kind in ("form", "consultation") else (),
        tuple(skipped),
        sheet.taken_for,
        left_out,
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


def _respondents(sheet: SortedSheet) -> Rows:
    """Return the persons of a form or platform, under plain titles."""
    rows: list[tuple[str, ...]] = [_RESPONDENT]
    for row in sheet.body:
        cells = {role: _cell(sheet, row, role) for role in _RESPONDENT_ROLES}
        cells["full_name"] = cells["full_name"] or _cell(sheet, row, "speaker")
        for role in NAMES:
            cells[role] = "" if is_anonymous(cells[role]) else cells[role]
        rows.append(tuple(cells.values()))
    return rows


def _cell(sheet: SortedSheet, row: Sequence[str], role: str) -> str:
    """Return the row's first filled cell of a role, on one line."""
    columns = (column for column, own in enumerate(sheet.roles) if own == role)
    cells = (" ".join(row[column].split()) for column in columns if column < len(row))
    return next(filter(None, cells), "")


def _sender(sheet: SortedSheet, row: Sequence[str]) -> str:
    first_and_last = f"{_cell(sheet, row, 'first_name')} {_cell(sheet, row, 'last_name')}".strip()
    for name in (_cell(sheet, row, "full_name"), first_and_last, _cell(sheet, row, "speaker")):
        if name and not is_anonymous(name):
            return name
    return ""


def _blocks_of_answers(sheet: SortedSheet) -> Iterator[RawBlock]:
    yield from titles_of(sheet)
    reader = _RowReader(sheet)
    numbers = name_senders(sheet.body, sheet.texts)
    for row, number in zip(sheet.body, numbers, strict=True):
        yield from merged(reader.blocks(row, _sender(sheet, row) or number))


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
    table: int | None = field(init=False)
    channel: str = field(init=False)

    def __post_init__(self) -> None:
        sheet = self.sheet
        titles = {column: sheet.header.titles[column] for column in sheet.texts}
        asked = next((row[1] for row in sheet.above if len(row) > 1 and _is_asked_above(row)), "")
        if asked and len(titles) == 1:
            titles = dict.fromkeys(titles, asked)
        self.questions = questions_of_titles(titles)
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
        texts = passages_of_row(sheet, row)
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


def _blocks_of_table(blocks: Sequence[RawBlock], sheet: SortedSheet) -> list[RawBlock]:
    """Return the blocks of a document's table, its lists left out."""
    if sheet.kind == "speech":
        return _annotated(blocks)
    if sheet.kind not in _ANSWERED:
        return []
    reader = _RowReader(sheet)
    numbers = name_senders(sheet.body, sheet.texts)
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
                    speaker=_sender(sheet, row) or numbers[i],
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
