"""Tell what a sheet or table holds by its columns, and give every cell its place.

A list of persons, a map, a form, a platform's contributions, ideas by table, or settings. Cells
that say nothing are `meta` blocks with their reason.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from statistics import median

from pipeline.ingest.asked import (
    annotate_blocks,
    looks_answered,
    question_of_category,
    questions_of_titles,
    table_column,
    with_locations,
)
from pipeline.ingest.attendance import count_remarks, count_unclear
from pipeline.ingest.columns import (
    CONTACTS,
    NAMES,
    TECHNICAL,
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
from pipeline.ingest.headers import (
    OF_IDEAS,
    ideas_header,
    is_grouped_list,
    names_location,
    stack_headers,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.titles import resembled
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_anonymous
from pipeline.ingest.readers.wording import bullet_of
from pipeline.ingest.roles import (
    ASIDE_OF,
    Tool,
    are_choices,
    find_tool,
    is_asked,
    is_closed,
    kind_of_cell,
    kind_of_cells,
    median_words,
    read_roles,
    says_something,
    timestamp_columns,
)
from pipeline.ingest.words import strip_markup, word_pattern
from pipeline.tables.schema import RESPONDENT
from pipeline.text import counted, fold

_PRESENCE = frozenset({"status", "signature", "email", "phone", "role", "structure"})
_BESIDE_NAME = _PRESENCE - {"phone"}
_OF_STRUCTURES = frozenset({"structure_type", "commune", "commune_code", "remark", "number"})
_LISTED = NAMES | _PRESENCE | ZONES | _OF_STRUCTURES
_ANSWERED = frozenset({"form", "consultation", "both"})  # kinds whose rows each have an author
_PLATFORM = frozenset({"identifier", "number", "url", "date", "title", "settings", "votes"})
_CATEGORIES = ("question", "theme", "structure_type", "channel")
_SAYS = {
    "attendance": "liste de présence",
    "both": "liste de présence, avec des propos",
    "form": "réponses à un questionnaire",
    "consultation": "contributions d'une plateforme",
    "map": "carte de structures",
    "settings": "réglages ou mode d'emploi",
    "wall": "mur d'idées",
    "tables": "notes par table",
    "speech": "notes en tableau",
}
_SAYS_NOTHING = frozenset({*ASIDE_OF} - {"theme", "title", "carrier", "structure", "full_name"})
_MIN_OTHER = 4  # words of a passage under an unknown header
_LINES = 3  # lines of a cell, from which each is a passage
_ALIKE = 0.5  # of the longest column's mean length: such columns hold passages too
_SPARSE = 0.5  # share of filled cells below which a column names groups of rows
_SAME_ROW = 6  # words of all answers, from which two equal rows are one person's
_VERY_LONG = 8  # words of most answers under a header that asks nothing
_MAX_SETTINGS, _MAX_ABOVE = 25, 8  # rows of settings; rows that may stand over given choices
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


@dataclass(frozen=True)
class Sheet:
    """A sheet as understood: its kind, header and the role of each column."""

    kind: str  # attendance, both, form, consultation, map, settings or speech
    header: Header
    above: Rows  # titles over the header
    titles: Sequence[str]  # all titles of the header rows
    body: list[list[str]]
    roles: tuple[str, ...]
    tool: Tool | None = None

    @property
    def texts(self) -> list[int]:
        """Return the columns of free words; in a form remarks are answers too."""
        wanted = {"text", "remark"} if self.kind == "form" else {"text"}
        return [column for column, role in enumerate(self.roles) if role in wanted]

    @property
    def taken_for(self) -> str:
        """Return in French what the sheet is, with the tool that wrote it."""
        kind = self.kind
        if kind == "speech" and self.tool:
            kind = "wall"
        elif kind == "speech" and "table" in self.header.meanings:
            kind = "tables"
        return f"{_SAYS[kind]} ({self.tool.name})" if self.tool else _SAYS[kind]

    def left_out(self, passages: Sequence[int]) -> tuple[tuple[str, str], ...]:
        """Return the titles of filled columns without passages, with the reason."""
        return tuple(
            (title or f"colonne {column + 1}", aside_of(role))
            for column, (title, role) in enumerate(zip(self.header.titles, self.roles, strict=True))
            if column not in passages and column_cells(self.body, column)
        )


def aside_of(role: str) -> str:
    """Return why the cells of a role are no passages, a key of ASIDES."""
    return ASIDE_OF.get(role, "unknown column")


def sort_part(blocks: Sequence[RawBlock], rows: Rows, title: str = "") -> SortedPart:
    """Sort the sheet `rows` called `title`, or the tables among a document's `blocks`.

    Lists of persons or structures leave the blocks, except for people's answers.
    """
    if rows:
        return _sort_sheet(rows, title)
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


def _sort_sheet(rows: Rows, title: str) -> SortedPart:
    sheet = read_sheet(rows, title)
    blocks: list[RawBlock] = []
    skipped: list[str] = []
    passages: Sequence[int] = sheet.texts
    if sheet.kind == "speech":
        blocks, passages = _blocks_of_ideas(sheet)
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


def kind_of(rows: Rows) -> str:
    """Return the kind of a sheet, as in `Sheet`."""
    return read_sheet(rows).kind


def read_sheet(rows: Rows, title: str = "") -> Sheet:
    """Return the sheet as understood: a list's header first, else a header of ideas."""
    clean = [[_numbered_table(strip_markup(cell)) for cell in row] for row in rows]
    listing = find_header(clean, wanted=_LISTED, at_least=2)
    ideas = ideas_header(clean)
    sheets = [_described(clean, header, title) for header in (listing, ideas) if header]
    sheet = next((sheet for sheet in sheets if sheet.kind != "speech"), sheets[-1])
    is_bare = listing is None and ideas.index < 0 and sheet.kind == "speech"
    guessed = guess_header(clean) if is_bare else None
    if guessed:
        return replace(sheet, kind="attendance", header=guessed, roles=read_roles(guessed, clean))
    return sheet


def _numbered_table(cell: str) -> str:
    """Return "Table 2" for "Table B"."""
    match = re.fullmatch(r"\s*(tables?|groupe|[îi]lot|[ée]quipe)\s+([A-L])\s*", cell, re.IGNORECASE)
    return f"{match[1]} {ord(match[2].upper()) - 64}" if match else cell


def _described(rows: Rows, header: Header, title: str) -> Sheet:
    header, titles = stack_headers(rows, header)
    above = rows[: max(header.index - _n_header_rows(rows, header, titles) + 1, 0)]
    body = [list(row) for row in rows[header.index + 1 :]]
    tool = find_tool(header.titles)
    roles = read_roles(header, body, tool)
    sheet = Sheet("speech", header, above, titles, body, roles, tool)
    return replace(sheet, kind=_kind(sheet, title))


def _n_header_rows(rows: Rows, header: Header, titles: Sequence[str]) -> int:
    """Return how many rows the titles of the header fill."""
    n_left, n_rows = len(titles), 0
    while n_left > 0 and n_rows <= header.index:
        n_left -= len(set(filter(None, rows[header.index - n_rows])))
        n_rows += 1
    return max(n_rows, 1)


def _kind(sheet: Sheet, title: str) -> str:
    roles, body = set(sheet.roles), sheet.body
    if _is_settings(sheet, title):
        return "settings"
    if not body:
        return "speech"
    is_beside = "last_name" in roles and bool(roles & _BESIDE_NAME)
    has_person = bool(roles & {"first_name", "full_name"}) or is_beside
    answers = sheet.texts
    if sheet.tool:
        is_list = sheet.tool.kind == "tickets"
        kind = "both" if is_list and answers else "attendance"
        return kind if is_list else sheet.tool.kind.replace("wall", "speech")
    is_asking = any(is_question(sheet.header.titles[column]) for column in answers)
    if roles & ZONES and not has_person and not is_asking:
        return "map" if roles & {"structure", "last_name", "title", "radius"} else "speech"
    if has_person and roles & _PRESENCE and "votes" not in roles:
        is_form = _is_form(sheet, answers)
        if not is_form and answers and roles & {"status", "signature"}:
            return "both"
        return "form" if is_form else "attendance"
    if not has_person and not answers and "structure" in roles:
        is_dated = bool(timestamp_columns(sheet.header, body))
        is_map = bool(roles & {"commune", "structure_type"}) and not is_dated
        return "map" if is_map else "speech"
    return _kind_of_words(sheet, answers, roles)


def _is_form(sheet: Sheet, answers: Sequence[int]) -> bool:
    """Whether rows are named answers; a list with signatures or statuses is no form."""
    roles = set(sheet.roles)
    if roles & {"status", "signature", "cancelled"}:
        return False
    stamps = timestamp_columns(sheet.header, sheet.body)
    n_asked = sum(map(is_question, sheet.header.titles))
    if len(answers) > 1 or (stamps and (answers or n_asked > 1)):
        return True
    return any(
        is_asked(sheet.header.titles[column])
        or sheet.header.meanings[column] == "text"
        or median_words(column_cells(sheet.body, column)) >= _VERY_LONG
        for column in answers
    )


def _kind_of_words(sheet: Sheet, answers: Sequence[int], roles: set[str]) -> str:
    """Tell a form and a platform's contributions from ideas by table or on a wall."""
    header, body = sheet.header, sheet.body
    filled = {role for column, role in enumerate(sheet.roles) if column_cells(body, column)}
    if header.index >= 0 and filled and filled <= _SAYS_NOTHING:
        return "settings"
    asked = [column for column in answers if _asks(header, column)]
    stamps = timestamp_columns(header, body)
    has_table = "table" in roles or table_column(header.titles, body) is not None
    has_table = has_table or any(read_cues(title).has_tables for title in header.titles)
    has_table = has_table or _labels_rows(sheet)
    is_wall = bool(roles & {"color", "speaker", *_CATEGORIES}) and not stamps
    if "votes" in roles and len(roles & _PLATFORM) > 2 and answers and "color" not in roles:
        return "speech" if has_table else "consultation"
    if not answers or header.index < 0:
        is_dated_form = bool(stamps) and header.index >= 0 and "closed" in roles
        return "form" if is_dated_form else "speech"
    has_respondent = bool(roles & (NAMES | CONTACTS | {"structure", "role"}))
    if stamps and "color" not in roles and (asked or len(answers) > 1 or not is_wall):
        is_form = asked or has_respondent or not roles & {"title", "speaker"}
        return "form" if is_form else "consultation"
    if has_table or not asked:
        return "speech"
    is_survey = bool(roles & {"closed", "commune", "email", "date", "identifier"})
    return "form" if is_survey or has_respondent else "speech"


def _asks(header: Header, column: int) -> bool:
    title = header.titles[column]
    return is_question(title) or (header.meanings[column] is None and is_asked(title))


def _labels_rows(sheet: Sheet) -> bool:
    cells = column_cells(sheet.body, 0)
    cues = [read_cues(cell) for cell in cells]
    return bool(cues) and sum(cue.has_tables or cue.is_label for cue in cues) > len(cues) / 2


def _is_settings(sheet: Sheet, title: str) -> bool:
    """Whether a sheet only sets or explains, or counts votes for given choices."""
    if title and word_pattern("columns", "feuilles_de_reglages").fullmatch(fold(title)):
        return True
    if _counts_choices([*sheet.above, sheet.header.titles, *sheet.body]):
        return True
    top = [sheet.header.titles] if sheet.header.index >= 0 else []
    rows = [*top, *sheet.body]
    names = [row[0] for row in rows if row and row[0]]
    is_narrow = max(map(len, rows), default=0) == 2 or all(sum(map(bool, row)) <= 2 for row in rows)
    setting = word_pattern("columns", "reglages")
    n_settings = sum(bool(setting.fullmatch(fold(name))) for name in names)
    return is_narrow and len(rows) <= _MAX_SETTINGS and n_settings > len(names) / 2


def _counts_choices(rows: Rows) -> bool:
    """Whether a sheet gives the votes for each of given choices."""
    choice = word_pattern("columns", "choix")
    for i, row in enumerate(rows[:_MAX_ABOVE]):
        below = rows[i + 1 :]
        if not below or len(row) < 2 or not choice.fullmatch(fold(row[0])):
            continue
        counts = [column_cells(below, column) for column in range(1, len(row))]
        are_counts = [kind_of_cells(cells) == "number" for cells in counts if cells]
        return bool(are_counts) and all(are_counts)
    return False


def _left_of_list(sheet: Sheet) -> list[str]:
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


def _respondents(sheet: Sheet) -> Rows:
    """Return the persons of a form or platform, under plain titles."""
    rows: list[tuple[str, ...]] = [_RESPONDENT]
    for row in sheet.body:
        cells = {role: _cell(sheet, row, role) for role in _RESPONDENT_ROLES}
        cells["full_name"] = cells["full_name"] or _cell(sheet, row, "speaker")
        for role in NAMES:
            cells[role] = "" if is_anonymous(cells[role]) else cells[role]
        rows.append(tuple(cells.values()))
    return rows


def _cell(sheet: Sheet, row: Sequence[str], role: str) -> str:
    """Return the row's first filled cell of a role, on one line."""
    columns = (column for column, own in enumerate(sheet.roles) if own == role)
    cells = (" ".join(row[column].split()) for column in columns if column < len(row))
    return next(filter(None, cells), "")


def name_senders(body: Rows, columns: Sequence[int]) -> list[str]:
    """Return « répondant 1 » and so on by row; a row sent again is of the first one's sender.

    Short answers may be alike by chance: only rows of several answers and words are one.
    """
    number_of: dict[tuple[str, ...], int] = {}
    senders = []
    for i, row in enumerate(body, start=1):
        answers = tuple(row[column].strip() for column in columns)
        is_telling = sum(map(bool, answers)) > 1 and len(" ".join(answers).split()) >= _SAME_ROW
        number = number_of.setdefault(answers, i) if is_telling else i
        senders.append(f"{RESPONDENT} {number}")
    return senders


def _sender(sheet: Sheet, row: Sequence[str]) -> str:
    first_and_last = f"{_cell(sheet, row, 'first_name')} {_cell(sheet, row, 'last_name')}".strip()
    for name in (_cell(sheet, row, "full_name"), first_and_last, _cell(sheet, row, "speaker")):
        if name and not is_anonymous(name):
            return name
    return ""


@dataclass
class _RowReader:
    """Gives each cell of an answered sheet its block."""

    sheet: Sheet
    questions: Mapping[int, str] = field(init=False)
    table: int | None = field(init=False)

    def __post_init__(self) -> None:
        sheet = self.sheet
        titles = {column: sheet.header.titles[column] for column in sheet.texts}
        self.questions = questions_of_titles(titles)
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
        for role in _CATEGORIES:
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
        texts = _passages_of_row(sheet, row)
        votes = _votes_of(sheet, row)
        for column, cell in enumerate(row):
            if not cell:
                continue
            if column not in texts:
                yield _aside(cell, sheet.roles[column])
                continue
            for passage in _passages_of_cell(cell):
                if reason := _says_nothing(passage):
                    yield _aside(passage, reason=reason)
                    continue
                columns = self.located(row, column, passage)
                yield RawBlock(
                    passage,
                    "cell",
                    speaker=sender,
                    columns=columns,
                    column=len(columns) - 1,
                    channel="consultation",
                    n_votes=votes,
                )


def _passages_of_row(sheet: Sheet, row: Sequence[str]) -> list[int]:
    """Return the columns of free words; a title counts where nothing else is said."""
    texts = [column for column in sheet.texts if row[column]]
    if texts or sheet.kind == "form":
        return texts
    is_attached = any(role == "url" and cell for role, cell in zip(sheet.roles, row, strict=True))
    titles = [column for column, role in enumerate(sheet.roles) if role == "title" and row[column]]
    return [] if is_attached else titles


def _votes_of(sheet: Sheet, row: Sequence[str]) -> int | None:
    """Return the votes of a row, the largest count of several; None where none is told."""
    cells = [cell for cell, role in zip(row, sheet.roles, strict=False) if role == "votes"]
    counts = [re.fullmatch(r"\s*(\d{1,6})(?:[.,]0+)?\s*", cell) for cell in cells]
    return max((int(count[1]) for count in counts if count), default=None)


def _says_nothing(passage: str) -> str | None:
    """Return why a free answer is no passage: an address, a date, « RAS »; None for words."""
    kind = kind_of_cell(passage)
    if kind == "number":
        return "closed answer"
    if kind in ("email", "phone"):
        return "person"
    if kind and kind != "code":
        return aside_of(kind)
    return None if says_something(passage) else "no answer"


def _aside(cell: str, role: str = "", reason: str = "") -> RawBlock:
    reason = reason or ("encoded" if kind_of_cell(cell) == "encoded" else aside_of(role))
    if reason == "encoded":
        n_letters = f"{len(cell):,}".replace(",", "\u202f")
        cell = f"[données encodées : {n_letters} caractères]"
    return RawBlock(cell, "meta", reason=reason, columns=(("", ""),))


def _titles_of(sheet: Sheet) -> Iterator[RawBlock]:
    for row in sheet.above:
        if any(row):
            yield RawBlock(" – ".join(dict.fromkeys(filter(None, row))), "heading", 1)
    for title in sheet.titles:
        columns = ((title, ""),)
        yield RawBlock(title, "meta", reason="column header", columns=columns)


def _blocks_of_answers(sheet: Sheet) -> Iterator[RawBlock]:
    yield from _titles_of(sheet)
    reader = _RowReader(sheet)
    numbers = name_senders(sheet.body, sheet.texts)
    for row, number in zip(sheet.body, numbers, strict=True):
        yield from _merged(reader.blocks(row, _sender(sheet, row) or number))


def _merged(blocks: Iterator[RawBlock]) -> Iterator[RawBlock]:
    """Join a row's neighbouring asides of one reason."""
    for (kind, _), group in groupby(blocks, key=lambda block: (block.kind, block.reason)):
        if kind != "meta":
            yield from group
            continue
        own = list(group)
        yield replace(own[0], text=" | ".join(block.text for block in own))


def _blocks_of_table(blocks: Sequence[RawBlock], sheet: Sheet) -> list[RawBlock]:
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
        elif block.column not in sheet.texts or _says_nothing(block.text):
            reason = _says_nothing(block.text) or aside_of(sheet.roles[block.column])
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
                    channel="consultation",
                )
            )
    return placed


def _blocks_of_ideas(sheet: Sheet) -> tuple[list[RawBlock], list[int]]:
    """Return the blocks of ideas by table or on a wall; lone labels are headings."""
    blocks = list(_titles_of(sheet))
    header, body = with_locations(sheet.header, sheet.body)
    if sheet.tool:
        header, body = _with_categories(sheet, header, body)
    _fill_down(body, header)
    written, sheet = sheet.body, replace(sheet, body=body)
    columns = sheet.texts if sheet.tool else _passage_columns(body, header)
    if is_grouped_list(body):
        return _blocks_of_list(body), [0]
    is_answered = sheet.header.index >= 0 and looks_answered(header.titles, body)
    is_answered = is_answered and not sheet.tool and not _labels_rows(sheet)
    senders = name_senders(body, columns) if is_answered else [None] * len(body)
    for i, row in enumerate(body):
        lone = lone_cell(row)
        is_label = lone and len(columns) < len(row) and read_cues(lone).is_label
        if lone and (is_label or _heads_rows(row, lone, columns)):
            blocks.append(RawBlock(lone, "heading", 2))
        else:
            own = _passages_of_row(sheet, row) if sheet.tool else columns
            blocks += _merged(_ideas_of_row(sheet, header, row, written[i], own, senders[i]))
    return blocks, columns


def _ideas_of_row(
    sheet: Sheet,
    header: Header,
    row: Sequence[str],
    written: Sequence[str],
    columns: Sequence[int],
    sender: str | None,
) -> Iterator[RawBlock]:
    names = {i for i, role in enumerate(sheet.roles) if role == "speaker" and is_anonymous(row[i])}
    shown = ["" if i in names else cell for i, cell in enumerate(row)]
    titled = tuple(zip(header.titles, shown, strict=False))
    n_votes = _votes_of(sheet, row)
    channel = "postit" if sheet.tool else None
    for column, cell in enumerate(written):
        if not cell:
            continue
        if column not in columns:
            meaning = header.meanings[column]
            role = meaning if meaning in ("table", "question") else sheet.roles[column]
            yield replace(_aside(cell, role), columns=titled)
            continue
        for passage in _passages_of_cell(cell):
            if reason := _says_nothing(passage):
                yield replace(_aside(passage, reason=reason), columns=titled)
            else:
                yield RawBlock(
                    passage, "cell", None, sender, titled, column, channel=channel, n_votes=n_votes
                )


def _with_categories(
    sheet: Sheet, header: Header, body: list[list[str]]
) -> tuple[Header, list[list[str]]]:
    """Read a wall's categories as questions where one of them is."""
    if "question" in header.meanings:
        return header, body
    for column, role in enumerate(sheet.roles):
        cells = column_cells(body, column)
        asked = {cell: question_of_category(cell) for cell in set(cells)}
        if role not in _CATEGORIES or not any(asked.values()):
            continue
        titles = list(header.titles)
        titles[column] = "question"
        for row in body:
            row[column] = asked.get(row[column]) or ""
        return header_of(titles, header.index), body
    return header, body


def _blocks_of_list(body: Rows) -> list[RawBlock]:
    """Return the blocks of a single column of groups: the frames of a wall, a poll's answers."""
    roles = [_role_in_list(body, i) if row[0] else None for i, row in enumerate(body)]
    titles = [row[0] for row, role in zip(body, roles, strict=True) if role == "heading"]
    is_asking = any(map(question_of_category, titles))
    channel = "consultation" if "settings" in roles else "postit"
    question: str | None = None
    blocks: list[RawBlock] = []
    for i, (row, role) in enumerate(zip(body, roles, strict=True), start=1):
        cell = row[0]
        if role == "heading":
            question = question_of_category(cell)
            blocks.append(RawBlock(cell, "heading", 2))
        elif role:
            blocks.append(RawBlock(cell, "meta", reason=role))
        elif cell and (reason := _says_nothing(cell)):
            blocks.append(_aside(cell, reason=reason))
        elif cell:
            columns = (*([("question", question)] if is_asking and question else []), ("", cell))
            sender = f"{RESPONDENT} {i}" if channel == "consultation" else None
            blocks += [
                RawBlock(text, "cell", None, sender, columns, len(columns) - 1, channel=channel)
                for text in _passages_of_cell(cell)
            ]
    return blocks


def _role_in_list(body: Rows, i: int) -> str | None:
    """Return "heading" or a reason for a line of a single column that is no idea.

    A group of lines opens with its title; "Responses" only announces, "Open ended" is the tool's.
    """
    text = body[i][0]
    if word_pattern("columns", "genres_d_activite").fullmatch(fold(text)):
        return "settings"
    if i and body[i - 1][0]:
        return None
    if meaning_of(text) == "text":
        return "column header"
    is_alone = i + 1 < len(body) and not body[i + 1][0] and i == 0
    has_more = i + 1 < len(body) and bool(body[i + 1][0])
    is_title = is_question(text) or (len(text.split()) < _VERY_LONG and text[-1] not in ".!…")
    return "heading" if is_title and (has_more or is_alone) else None


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


def _passage_columns(body: Rows, header: Header) -> list[int]:
    stamps = timestamp_columns(header, body)
    is_answered = looks_answered(header.titles, body)
    columns: list[int] = []
    for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True)):
        cells = column_cells(body, column)
        is_chosen = is_answered and bool(cells) and are_choices(cells)
        is_chosen = is_chosen or (bool(stamps) and is_question(title) and is_closed(title, cells))
        may_hold = bool(cells) and (meaning == "text" or meaning not in OF_IDEAS | TECHNICAL)
        may_hold = may_hold and kind_of_cells(cells) is None
        is_titled = meaning == "text" or (meaning not in _PRESENCE and names_location(title))
        is_said = column not in stamps and _are_sentences(column, cells) if cells else False
        if may_hold and ((is_titled and not is_chosen) or is_said):
            columns.append(column)
    if columns:
        return columns
    # the longest column and those nearly as long; marks and colours are shorter
    means: dict[int, float] = {}
    for column, meaning in enumerate(header.meanings):
        lengths = [len(cell) for cell in column_cells(body, column)]
        if lengths and (meaning == "text" or meaning not in OF_IDEAS):
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
