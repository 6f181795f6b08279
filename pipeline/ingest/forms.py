"""Tell forms from lists of persons, and find their columns of answers, questions and tables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from pipeline.ingest.attendance import PresenceColumns, read_presence, with_statuses
from pipeline.ingest.columns import (
    CONTACTS,
    NAMES,
    Header,
    Rows,
    column_cells,
    header_of,
    is_question,
    lone_cell,
    meaning_of,
    sentence_columns,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.lines import states
from pipeline.ingest.locate.titles import CAFE, asked_by_header, asked_together
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import find_date, word_pattern
from pipeline.tables.schema import RESPONDENT
from pipeline.text import fold, lexicon

# meanings of columns: may hold answers; whose omission is reported; and, in dated rows,
# those that elsewhere sort ideas on a wall
_OPEN = frozenset({None, "text", "theme", "table", "question", "carrier"})
_SKIPPED, _SKIPPED_DATED = frozenset({None, "text", "remark"}), frozenset({"theme", "carrier"})
_LONG, _VERY_LONG = 4, 8  # words of most answers; of those under a meaningless header
_SAME_ROW = 6  # words of all answers, from which two equal rows are one person's
_MANY = 4  # rows from which recurring cells show a closed question
_MOST, _CLOSED = 0.6, 0.5  # share of similar cells; of distinct cells among closed answers
_FILLED = 0.5  # share of filled rows; fewer make occasional notes
_HOUR = re.compile(r"\b\d{1,2}[:hH]\d{2}\b")
# headers that may still have questions below
_ASKING = frozenset({None, "theme", "remark", "structure_type"})
_RESPONDENT = NAMES | CONTACTS | {"structure", "role", "commune", "postal_code"}
_MAX_TITLES, _MAX_WORDS = 8, 14  # distinct questions of a column; words of one that asks nothing
_ASKED_SHARE = 0.75
_MIN_TABLES, _MAX_TABLES = 3, 40


def is_form(header: Header, body: Rows) -> bool:
    """Whether rows are named answers; a list with signatures or statuses is no form."""
    if "status" in with_statuses(header, body).meanings or _is_signed(header, body):
        return False
    answers = answer_columns(header, body)
    if len(answers) > 1 or (answers and timestamp_columns(header, body)):
        return True
    return any(
        _asks(header.titles[column])
        or header.meanings[column] == "text"
        or _median_words(column_cells(body, column)) >= _VERY_LONG
        for column in answers
    )


def answer_columns(header: Header, body: Rows, *, has_remarks: bool = False) -> list[int]:
    """Return the columns of free answers, remarks too where `has_remarks` (a form)."""
    columns = []
    for column, status in enumerate(with_statuses(header, body).meanings):
        meaning, cells = header.meanings[column], column_cells(body, column)
        if not cells or status == "status":
            continue
        is_remark = has_remarks and meaning == "remark"
        if is_remark or _are_answers(header.titles[column], meaning, cells, len(body)):
            columns.append(column)
    return columns


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


def says_something(answer: str) -> bool:
    """Whether an answer is not « RAS », « sans objet » or « voir plus haut »."""
    return word_pattern("columns", "sans_reponse").fullmatch(fold(answer)) is None


def skipped_columns(header: Header, body: Rows, answers: Sequence[int]) -> list[int]:
    """Return the columns that neither answer nor say who, when or with what tool."""
    stamps = timestamp_columns(header, body)
    meanings = _SKIPPED | _SKIPPED_DATED if stamps else _SKIPPED
    technical = word_pattern("columns", "techniques")
    return [
        column
        for column, meaning in enumerate(header.meanings)
        if meaning in meanings
        and column not in {*answers, *stamps}
        and column_cells(body, column)
        and not technical.fullmatch(fold(header.titles[column]))
    ]


def timestamp_columns(header: Header, body: Rows) -> list[int]:
    """Return the columns that date each row to the minute."""
    return [
        column
        for column, title in enumerate(header.titles)
        if _dates_rows(title, column_cells(body, column))
    ]


def count_remarks(header: Header, body: Rows) -> int:
    """Return how many remarks of an attendance list say more than an absence."""
    presence = read_presence(header, body, is_expected=False)
    others = {*answer_columns(header, body), *timestamp_columns(header, body)}
    columns = [
        column
        for column, meaning in enumerate(presence.header.meanings)
        if meaning in ("remark", "text", None) and column not in others
    ]
    rows = [row for row in _rows_of_persons(presence, body) if not presence.is_absent(row)]
    remarks = [row[column] for row in rows for column in columns if column < len(row)]
    return sum(
        len(remark.split()) >= _LONG or states(remark, is_announced=False) for remark in remarks
    )


def count_unclear(header: Header, body: Rows) -> int:
    """Return how many persons have an unknown status where others' tell who came."""
    presence = read_presence(header, body, is_expected=False)
    return sum(map(presence.is_unclear, _rows_of_persons(presence, body)))


def _rows_of_persons(presence: PresenceColumns, body: Rows) -> Iterator[Sequence[str]]:
    totals = lexicon("attendance")["totaux"]
    for row in body:
        name = presence.header.cell(row, "full_name", "last_name", "first_name")
        if lone_cell(row) is None and name and fold(name).partition(" ")[0] not in totals:
            yield row


def _are_answers(title: str, meaning: str | None, cells: Sequence[str], n_rows: int) -> bool:
    is_filled = len(cells) >= _FILLED * n_rows
    if meaning == "text":
        return is_filled and not are_choices(cells)
    if meaning not in _OPEN and not (meaning == "remark" and is_question(title)):
        return False
    if is_closed(cells):
        return False
    return _asks(title) or (meaning is None and is_filled and _median_words(cells) >= _LONG)


def _asks(title: str) -> bool:
    """Whether a header is a question, or names one, such as "Ce qui marche"."""
    cues = read_cues(title)
    is_named = cues.is_label and cues.question is not None
    return is_question(title) or is_named or asked_by_header(title) is not None


def is_closed(cells: Sequence[str]) -> bool:
    """Whether most answers are "Oui" and the like or dates, or few recur."""
    if are_choices(cells) or _are_dates(cells):
        return True
    folded = [fold(cell) for cell in cells]
    recurs = len(folded) >= _MANY and len(set(folded)) <= _CLOSED * len(folded)
    return recurs and _median_words(folded) < _LONG


def are_choices(cells: Sequence[str]) -> bool:
    """Whether most cells are "Oui" and the like, or a number."""
    choice = word_pattern("columns", "fermees")
    return sum(bool(choice.fullmatch(fold(cell))) for cell in cells) >= _MOST * len(cells)


def _dates_rows(title: str, cells: Sequence[str]) -> bool:
    n_dated = sum(find_date(cell) is not None and bool(_HOUR.search(cell)) for cell in cells)
    is_stamp = word_pattern("columns", "horodatage").fullmatch(fold(title))
    return bool(cells) and (bool(is_stamp) or n_dated >= _MOST * len(cells))


def _are_dates(cells: Sequence[str]) -> bool:
    n_dates = sum(find_date(cell) is not None and len(cell.split()) <= _VERY_LONG for cell in cells)
    return n_dates >= _MOST * len(cells)


def _is_signed(header: Header, body: Rows) -> bool:
    return any(
        all(len(cell.split()) < _LONG for cell in column_cells(body, column))
        for column in header.columns_of("signature")
    )


def _median_words(cells: Sequence[str]) -> float:
    return median(len(cell.split()) for cell in cells)


def with_locations(header: Header, body: Rows) -> tuple[Header, list[list[str]]]:
    """Return header and rows with question and table columns titled so.

    Cells of questions become "q1" to "q4".
    """
    asking = _asking_columns(header.titles, body)
    names = _column_names(header.titles, body, asking)
    titles = tuple(names.get(column, title) for column, title in enumerate(header.titles))
    meanings = tuple(
        meaning_of(names[column]) if names.get(column, title) != title else meaning
        for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True))
    )
    rows = [
        [asking.get(column, {}).get(cell, cell) for column, cell in enumerate(row)] for row in body
    ]
    return Header(header.index, titles, meanings), rows


def annotate_blocks(
    blocks: Sequence[RawBlock], titles: Sequence[str], body: Rows, passages: Sequence[int]
) -> list[RawBlock]:
    """Return the cell blocks with question and table columns titled so.

    Cells outside the columns `passages`, if any, become `meta`.
    """
    asking = _asking_columns(titles, body)
    names = _column_names(titles, body, asking)

    def annotate(block: RawBlock) -> RawBlock:
        columns = tuple(
            (names.get(column, title), asking.get(column, {}).get(cell, cell))
            for column, (title, cell) in enumerate(block.columns)
        )
        is_aside = passages and block.column is not None and block.column not in passages
        return replace(block, columns=columns, kind="meta" if is_aside else block.kind)

    return [annotate(block) for block in blocks]


def _column_names(
    titles: Sequence[str], body: Rows, asking: Mapping[int, Mapping[str, str]]
) -> dict[int, str]:
    table = _table_column(titles, body)
    tables = {} if table is None else {table: "table"}
    return sentence_columns(titles, body) | tables | dict.fromkeys(asking, "question")


def _asking_columns(titles: Sequence[str], body: Rows) -> dict[int, dict[str, str]]:
    """Return the columns of questions, none beside a column titled "question"."""
    meanings = [meaning_of(title) for title in titles]
    if "question" in meanings:
        return {}
    columns = [column for column, meaning in enumerate(meanings) if meaning in _ASKING]
    asked = {column: _questions_of_cells(column, body) for column in columns}
    return {column: questions for column, questions in asked.items() if questions}


def _questions_of_cells(column: int, body: Rows) -> dict[str, str]:
    """Return {} unless most cells ask two questions or more, and recur or come first."""
    cells = column_cells(body, column)
    different = {str(cell): str(cell) for cell in cells}
    if not 1 < len(different) <= _MAX_TITLES or (column and len(different) == len(cells)):
        return {}
    if any(len(cell.split()) > _MAX_WORDS and not is_question(cell) for cell in different):
        return {}
    asked = asked_together(different, read=asked_by_header)
    questions = {cell: question for cell, question in asked.items() if question in CAFE}
    are_most = len(questions) >= _ASKED_SHARE * len(different)
    return questions if are_most and len(set(questions.values())) > 1 else {}


def _table_column(titles: Sequence[str], body: Rows) -> int | None:
    """Return the column of tables, such as "Nappe": 1, 1, 2 or T1, T2.

    Bare numbers count only in a sheet of ideas, under a header that neither counts nor rates.
    """
    meanings = [meaning_of(title) for title in titles]
    if "table" in meanings:
        return None
    is_answered = looks_answered(titles, body)
    columns = []
    for column, title in enumerate(titles):
        if meanings[column] is None and title:
            cells = [cell.strip() for cell in column_cells(body, column) if cell.strip()]
            is_numbered = not is_answered and _number_tables(title, cells)
            columns += [column] if _label_tables(cells) or is_numbered else []
    return columns[0] if len(columns) == 1 else None


def looks_answered(titles: Sequence[str], body: Rows) -> bool:
    """Whether a header asks or names respondents, or rows are dated."""
    header = header_of(titles)
    has_respondent = bool(_RESPONDENT & set(header.meanings)) or any(map(is_question, titles))
    return has_respondent or bool(timestamp_columns(header, body))


def _label_tables(cells: Sequence[str]) -> bool:
    cues = [read_cues(cell) for cell in set(cells)]
    return len(cues) > 1 and all(
        cue.is_label and cue.table is not None and cue.question is None for cue in cues
    )


def _number_tables(title: str, cells: Sequence[str]) -> bool:
    if word_pattern("columns", "mesures", r"\b{}\b").search(fold(title)):
        return False
    matches = [re.fullmatch(r"(\d{1,2})(?:[.,]0+)?", cell) for cell in cells]
    numbers = [int(match[1]) for match in matches if match]
    n_tables = len(set(numbers))
    has_no_gap = len(numbers) == len(cells) and set(numbers) == set(range(1, n_tables + 1))
    return has_no_gap and _MIN_TABLES <= n_tables <= min(_MAX_TABLES, len(numbers) - 1)
