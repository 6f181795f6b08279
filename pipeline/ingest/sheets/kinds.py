"""Tell what a sheet holds, by its header rows and the roles of its columns.

A list of persons, a map, a form, a platform's contributions, ideas by table or on a wall, or
settings. A header is one row, titles over groups, or codes over questions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from pipeline.ingest.columns import (
    CONTACTS,
    NAMES,
    TECHNICAL,
    TELLING,
    ZONES,
    Header,
    Rows,
    clean_title,
    column_cells,
    find_header,
    guess_header,
    header_of,
    is_question,
    meaning_of,
    share,
)
from pipeline.ingest.locate.cues import nickname_in, read_cues
from pipeline.ingest.locate.titles import asked_by_header
from pipeline.ingest.sheets.roles import (
    REASONS_BY_ROLE,
    Tool,
    find_tool,
    is_asked,
    kind_of_cell,
    kind_of_cells,
    median_words,
    read_roles,
    table_column,
    timestamp_columns,
)
from pipeline.ingest.words import (
    is_anonymous,
    is_name,
    is_whole_name,
    strip_markup,
    word_pattern,
)
from pipeline.text import fold

OF_IDEAS = TELLING | {"text", "theme"}
_DATA = frozenset({"date", "email", "url", "phone", "place"})  # kinds of cells that no header has
_MAX_TITLE = 14
_HEAD_ROWS = 15
_MAX_NAME = 5  # words of the title of a board
_LINES = 3  # rows from which a header of tables or questions stands alone

PRESENCE = frozenset({"status", "signature", "email", "phone", "role", "structure"})
_BESIDE_NAME = PRESENCE - {"phone"}
_WITH_NAMES = NAMES | PRESENCE | {"number", "identifier", "table", "commune", "postal_code"}
_OF_STRUCTURES = frozenset({"structure_type", "commune", "commune_code", "remark", "number"})
_LISTED = NAMES | PRESENCE | ZONES | _OF_STRUCTURES
_PLATFORM = frozenset({"identifier", "number", "url", "date", "title", "settings", "votes"})
CATEGORIES = ("question", "theme", "structure_type", "channel")  # roles that may ask
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
_SAYS_NOTHING = frozenset(
    {*REASONS_BY_ROLE} - {"theme", "title", "carrier", "structure", "full_name"}
)
_MOST = 0.6  # share of cells of one kind
_VERY_LONG = 8  # words of most answers under a header that asks nothing
_HOUR = re.compile(r"\d{1,2} ?[hH:]")
_FIELD = re.compile(
    r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z]+[a-z0-9]*(?:[A-Z][a-z0-9]+)+"
)  # of a tool
_MAX_SETTINGS, _MAX_ABOVE = 25, 8  # rows of settings; rows that may stand over given choices


def ideas_header(rows: Rows) -> Header:
    """Return the header of a sheet of ideas or answers; index -1 and guessed meanings for none."""
    if is_grouped_list(rows):
        return _guessed_header(rows)
    if grid := _grid_header(rows):
        return grid
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


def _grid_header(rows: Rows) -> Header | None:
    """Return the row of short titles above rows that questions label: a grid of boards."""
    asked = [i for i, row in enumerate(rows[:_HEAD_ROWS]) if row and labels_question(row[0])]
    if not asked or asked[0] == 0:
        return None
    index = asked[0] - 1
    titles = [cell for cell in rows[index][1:] if cell]
    is_short = all(len(cell.split()) < _MAX_NAME and not kind_of_cell(cell) for cell in titles)
    is_titled = len(set(titles)) > 1 and is_short and not any(map(names_location, titles))
    header = header_of(rows[index], index)
    return header if is_titled and is_grid(header, rows[asked[0] :]) else None


def is_grid(header: Header, body: Rows) -> bool:
    """Whether two questions or more label the rows, and the columns have titles of their own."""
    asked = {labels_question(row[0]) for row in body if row} - {None}
    titles = [title for title in header.titles[1:] if title]
    is_open = all(meaning_of(title) is None and not is_question(title) for title in titles)
    labels = (row[0] for row in body if any(row[1:]))
    are_labels = all(not label or labels_question(label) for label in labels)  # blank if merged
    return len(asked) > 1 and len(titles) > 1 and is_open and are_labels


def labels_question(cell: str) -> str | None:
    """Return the question that a short cell names, such as "Q1 besoins"."""
    cues = read_cues(cell)
    return cues.question if cues.is_mostly_cues and cues.n_words <= _MAX_TITLE else None


def is_grouped_list(rows: Rows) -> bool:
    """Whether a single column holds groups of lines between blank ones, or under frames."""
    if not rows or max(map(len, rows)) > 1:
        return False
    cells = [row[0] if row else "" for row in rows]
    if share([cell for cell in cells if cell], is_whole_name) > _MOST:
        return False  # of persons
    n_frames = sum(frame_title(cell) is not None for cell in cells)
    return n_frames > 1 or any(cell and not above for above, cell in pairwise(cells))


def frame_title(cell: str) -> str | None:
    """Return the title of a wall's numbered frame, such as "Cadre 2 – Ce qui marche"."""
    opening = word_pattern("sheets", "cadres", r"(?i)\s*{}\s*[-–—:.)]?\s*").match(cell)
    return cell[opening.end() :] if opening else None


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
    meaning = meaning_of(cell)
    if meaning in OF_IDEAS | TECHNICAL or (is_top and (meaning or _FIELD.fullmatch(cell))):
        return True
    below = column_cells(rows[i + 1 :], column)
    n_asking = sum(map(is_question, below))
    asks = is_top and is_question(cell) and bool(below) and n_asking < len(below) / 2
    is_placed = names_location(cell) or nickname_in(cell) is not None
    return (asks or is_placed) and not _recurs(rows, i, column)


def _may_head(row: Sequence[str], *, is_top: bool) -> bool:
    """Whether a row has distinct short cells or questions, or one cell above texts."""
    filled = list(filter(None, row))
    if any(kind_of_cell(cell) in _DATA for cell in filled):
        return False
    is_asking = is_top and is_question(row[0])
    is_known = meaning_of(row[0]) in ("text", "full_name")
    heads_alone = is_known or is_asking or _FIELD.fullmatch(row[0])
    if len(set(filled)) < 2 and (any(row[1:]) or not heads_alone):
        return False
    n_long = sum(len(cell.split()) > _MAX_TITLE and not is_question(cell) for cell in filled)
    return n_long == 0 or (is_top and n_long <= len(filled) // 4)


def _heads_alone(rows: Rows, i: int) -> bool:
    """Whether the row has one known header: of texts, or of unrepeated persons or tables."""
    meanings = {meaning_of(cell) for cell in rows[i]}
    if "text" in meanings or any(map(is_question, rows[i])) or any(map(_FIELD.fullmatch, rows[i])):
        return True
    is_top = all(rows[i]) and all(len(set(filter(None, row))) < 2 for row in rows[:i])
    is_top = is_top and (len(rows) - i > _LINES or bool(NAMES & meanings))
    is_list = len(rows[i]) > 1 or share(column_cells(rows[i + 1 :], 0), is_whole_name) > _MOST
    known = {"table", "question", "remark", "speaker", *NAMES, *CONTACTS}
    if not (is_top and is_list and known & meanings):
        return False
    return not any(_recurs(rows, i, column) for column in range(len(rows[i])))


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
    named = [i for i, cells in enumerate(columns) if share(cells, is_whole_name) > _MOST]
    if len(named) == 1 < len(columns):
        meanings[named[0]] = "full_name"
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


@dataclass(frozen=True)
class SortedSheet:
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

    @cached_property
    def threads(self) -> list[list[int]]:
        """Return the columns of "proposal …" and "comment …", each with its texts and author."""
        names = [title if " " not in title else "" for title in self.header.titles]  # of fields
        fields = [fold(clean_title(name)).split() for name in names]
        openings = dict.fromkeys(words[0] for words in fields if len(words) > 1)
        threads = [[i for i, own in enumerate(fields) if own[:1] == [word]] for word in openings]
        signed = {"account", "speaker", *NAMES, *CONTACTS}
        roles = [{self.roles[i] for i in own} for own in threads]
        return [own for own, r in zip(threads, roles, strict=True) if "text" in r and r & signed]

    def answered_by(self, row: Sequence[str]) -> set[int]:
        """Return the columns of what a row only answers to, which another row says."""
        said = [own for own in self.threads if any(row[i] and self.roles[i] == "text" for i in own)]
        return {column for own in said[:-1] for column in own}

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
            (title or f"colonne {column + 1}", reason_of_role(role))
            for column, (title, role) in enumerate(zip(self.header.titles, self.roles, strict=True))
            if column not in passages and column_cells(self.body, column)
        )


def reason_of_role(role: str) -> str:
    """Return why the cells of a role are no passages, a key of ASIDES."""
    return REASONS_BY_ROLE.get(role, "unknown column")


def read_sheet(rows: Rows, title: str = "") -> SortedSheet:
    """Return the sheet as understood: a list's header first, else a header of ideas."""
    clean = [[_numbered_table(strip_markup(cell)) for cell in row] for row in rows]
    listing = find_header(clean, wanted=_LISTED, at_least=2)
    ideas = ideas_header(clean)
    sheet = _described(clean, listing or ideas, title)
    if listing and sheet.kind == "speech":
        sheet = _described(clean, ideas, title)
    is_bare = listing is None and ideas.index < 0 and sheet.kind == "speech"
    guessed = guess_header(clean) if is_bare else None
    if guessed:
        return replace(sheet, kind="attendance", header=guessed, roles=read_roles(guessed, clean))
    return sheet


def _numbered_table(cell: str) -> str:
    """Return "Table 2" for "Table B"."""
    match = re.fullmatch(r"\s*(tables?|groupe|[îi]lot|[ée]quipe)\s+([A-L])\s*", cell, re.IGNORECASE)
    return f"{match[1]} {ord(match[2].upper()) - 64}" if match else cell


def _described(rows: Rows, header: Header, title: str) -> SortedSheet:
    header, titles = stack_headers(rows, header)
    above = rows[: max(header.index - _n_header_rows(rows, header, titles) + 1, 0)]
    body = [list(row) for row in rows[header.index + 1 :]]
    tool = find_tool(header.titles)
    roles = read_roles(header, body)
    sheet = SortedSheet("speech", header, above, titles, body, roles, tool)
    return replace(sheet, kind=_kind(sheet, title))


def _n_header_rows(rows: Rows, header: Header, titles: Sequence[str]) -> int:
    """Return how many rows the titles of the header fill."""
    n_left, n_rows = len(titles), 0
    while n_left > 0 and n_rows <= header.index:
        n_left -= len(set(filter(None, rows[header.index - n_rows])))
        n_rows += 1
    return max(n_rows, 1)


def _kind(sheet: SortedSheet, title: str) -> str:
    roles, body = set(sheet.roles), sheet.body
    if _logs_calls(sheet) or (not body and not _is_settings(sheet, title)):
        return "speech"
    if _is_settings(sheet, title):
        return "settings"
    is_placed = {"latitude", "longitude"} <= roles  # the name of a place, then
    is_beside = "last_name" in roles and bool(roles & _BESIDE_NAME) and not is_placed
    has_person = bool(roles & {"first_name", "full_name"}) or is_beside
    answers = sheet.texts
    if answers and _has_row_by_table(sheet):
        return "speech"
    if _lists_names(sheet):
        return "attendance"
    if sheet.tool:
        is_list = sheet.tool.kind == "tickets"
        kind = "both" if is_list and answers else "attendance"
        return kind if is_list else sheet.tool.kind.replace("wall", "speech")
    is_asking = any(is_question(sheet.header.titles[column]) for column in answers)
    is_signed = bool(answers) and bool(roles & {"speaker", "votes"})  # contributions on a map
    if roles & ZONES and not has_person and not is_asking and not is_signed:
        return "map" if roles & {"structure", "last_name", "title", "radius"} else "speech"
    if has_person and roles & PRESENCE and "votes" not in roles:
        is_form = _is_form(sheet, answers)
        if not is_form and answers and roles & {"status", "signature"}:
            return "both"
        return "form" if is_form else "attendance"
    describes = word_pattern("columns", "descriptions_de_structure")
    is_said = any(not describes.fullmatch(fold(sheet.header.titles[i])) for i in answers)
    if not has_person and not is_said and not is_signed and "structure" in roles:
        is_dated = bool(timestamp_columns(sheet.header, body))
        is_map = bool(roles & {"commune", "structure_type"}) and not is_dated
        return "map" if is_map else "speech"
    return _kind_of_words(sheet, answers, roles)


def _lists_names(sheet: SortedSheet) -> bool:
    """Whether a sheet holds names and what lists add to them, and no words or votes."""
    filled = {i for i in range(len(sheet.roles)) if column_cells(sheet.body, i)}
    roles = {sheet.roles[i] for i in filled}
    if not ({"first_name", "last_name"} <= roles or "full_name" in roles) or roles - _WITH_NAMES:
        return False
    columns = [i for i in filled if sheet.roles[i] in NAMES]
    return all(share(column_cells(sheet.body, i), is_name) > _MOST for i in columns)


def lists_names_alone(sheet: SortedSheet) -> bool:
    """Whether a list neither says who came nor announces itself as a list of presence."""
    titles = fold(" ".join(cell for row in sheet.above for cell in row))
    is_titled = word_pattern("attendance", "annonces_de_presence", r"\b{}\b").search(titles)
    return not is_titled and not {*sheet.roles} & PRESENCE


def _has_row_by_table(sheet: SortedSheet) -> bool:
    """Whether each row is another table's, and none names or writes to a person."""
    roles = sheet.roles
    if "table" not in roles or {*roles} & (NAMES | CONTACTS):
        return False
    tables = [row[roles.index("table")] for row in sheet.body]
    return 1 < len(tables) == len({*tables} - {""})


def _is_form(sheet: SortedSheet, answers: Sequence[int]) -> bool:
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


def _kind_of_words(sheet: SortedSheet, answers: Sequence[int], roles: set[str]) -> str:
    """Tell a form and a platform's contributions from ideas by table or on a wall."""
    header, body = sheet.header, sheet.body
    filled = {role for column, role in enumerate(sheet.roles) if column_cells(body, column)}
    if header.index >= 0 and filled and filled <= _SAYS_NOTHING:
        return "settings"
    asked = [column for column in answers if _asks(header, column)]
    stamps = timestamp_columns(header, body)
    has_table = "table" in roles or table_column(header.titles, body) is not None
    has_table = has_table or any(read_cues(title).has_tables for title in header.titles)
    has_table = has_table or labels_rows(sheet)
    is_wall = bool(roles & {"color", "speaker", *CATEGORIES}) and not stamps
    if "votes" in roles and len(roles & _PLATFORM) > 2 and answers and "color" not in roles:
        return "speech" if has_table else "consultation"
    if answers and not has_table and "color" not in roles and _numbers_respondents(sheet):
        return "form"
    if not answers or header.index < 0:
        is_dated_form = bool(stamps) and header.index >= 0 and "closed" in roles
        return "form" if is_dated_form else "speech"
    has_respondent = bool(roles & (NAMES | CONTACTS | {"structure", "role"}))
    if stamps and "color" not in roles and (asked or len(answers) > 1 or not is_wall):
        is_form = asked or has_respondent or not roles & {"title", "speaker"}
        return "form" if is_form else "consultation"
    if has_table or not (asked or _is_signed(sheet)):
        return "speech"
    is_survey = bool(roles & {"closed", "commune", "trace", "date", "identifier"})
    return "form" if is_survey or has_respondent else "speech"


def _is_signed(sheet: SortedSheet) -> bool:
    """Whether rows have an author's account or address, or a name beside an opinion."""
    roles = {*sheet.roles}
    in_room = word_pattern("columns", "pris_en_note", r"\b{}\b")
    is_noted = any(in_room.search(fold(sheet.header.titles[i])) for i in sheet.texts)
    is_named = bool(roles & NAMES) and not is_noted and "question" not in roles
    return "color" not in roles and (is_named or bool(roles & {"email", "account", "trace"}))


def _numbers_respondents(sheet: SortedSheet) -> bool:
    """Whether each row, dated or voted for, is of a "Participant 4"."""
    if not {"date", "votes"} & set(sheet.roles):
        return False
    columns = (i for i, role in enumerate(sheet.roles) if role in ("full_name", "speaker"))
    cells = next((column_cells(sheet.body, column) for column in columns), [])
    return share(cells, lambda cell: is_anonymous(cell) and cell[-1:].isdigit()) > _MOST


def _asks(header: Header, column: int) -> bool:
    title = header.titles[column]
    return is_question(title) or (header.meanings[column] is None and is_asked(title))


def labels_rows(sheet: SortedSheet) -> bool:
    """Whether the first column mostly names tables or questions."""
    cells = column_cells(sheet.body, 0)
    cues = [read_cues(cell) for cell in cells]
    return bool(cues) and sum(cue.has_tables or cue.is_label for cue in cues) > len(cues) / 2


def _is_settings(sheet: SortedSheet, title: str) -> bool:
    """Whether a sheet only sets or explains, or counts votes for given choices."""
    if title and word_pattern("columns", "feuilles_de_reglages").fullmatch(fold(title)):
        return True
    if _counts_choices([*sheet.above, sheet.header.titles, *sheet.body]) or _is_agenda(sheet):
        return True
    top = [sheet.header.titles] if sheet.header.index >= 0 else []
    rows = [*top, *sheet.body]
    names = [row[0] for row in rows if row and row[0]]
    is_narrow = max(map(len, rows), default=0) == 2 or all(sum(map(bool, row)) <= 2 for row in rows)
    explains = word_pattern("columns", "explications")
    if is_narrow and any(explains.fullmatch(fold(cell)) for cell in (rows[0] if rows else ())):
        return True
    setting = word_pattern("columns", "reglages")
    n_settings = sum(bool(setting.fullmatch(fold(name))) for name in names)
    return is_narrow and len(rows) <= _MAX_SETTINGS and n_settings > len(names) / 2


def _counts_choices(rows: Rows) -> bool:
    """Whether a sheet gives the votes for each of given choices."""
    choice = word_pattern("columns", "choix")
    answer, poll = (word_pattern("columns", group) for group in ("reponses", "genres_fermes"))
    for i, row in enumerate(rows[:_MAX_ABOVE]):
        below = rows[i + 1 :]
        if not below or len(row) < 2:
            continue
        counts = [column_cells(below, column) for column in range(1, len(row))]
        is_poll = any(poll.search(fold(cell)) for above in rows[:i] for cell in above)
        has_shares = any(cells and all("%" in cell for cell in cells) for cells in counts)
        is_counted = answer.fullmatch(fold(row[0])) and (is_poll or has_shares)
        if not is_counted and not choice.fullmatch(fold(row[0])):
            continue
        are_counts = [kind_of_cells(cells) == "number" for cells in counts if cells]
        return bool(are_counts) and all(are_counts)
    return False


def _is_agenda(sheet: SortedSheet) -> bool:
    """Whether each row has an hour and how long it lasts."""
    lasts = word_pattern("columns", "durees")
    return _has_hours(sheet) and any(lasts.fullmatch(fold(title)) for title in sheet.header.titles)


def _has_hours(sheet: SortedSheet) -> bool:
    columns = range(len(sheet.header.titles))
    return any(share(column_cells(sheet.body, i), _HOUR.match) > _MOST for i in columns)


def _logs_calls(sheet: SortedSheet) -> bool:
    """Whether each row is a call: its hour, who, and what she says."""
    roles = {*sheet.roles}
    is_voted = "votes" in roles or _numbers_respondents(sheet)
    is_told = len(sheet.texts) == 1 and bool({"full_name", "speaker"} & roles)
    return is_told and not is_voted and _has_hours(sheet)
