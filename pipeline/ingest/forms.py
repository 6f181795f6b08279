"""Tell the answers to a form from a list of persons, by what the columns hold and not by their names or the tool.

In:   the header and rows of a sheet that names persons or structures
Out:  the columns of answers; whether the sheet is a form, whose respondents were not for that in the room

What the columns of a table of ideas are for, by what stands in them and not only by their headers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from statistics import median

from pipeline.ingest.attendance import read_presence, with_statuses
from pipeline.ingest.columns import Header, is_question, lone_cell, meaning_of, sentence_columns
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.lines import states
from pipeline.ingest.locate.titles import CAFE, asked_by_header, asked_together
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import find_date
from pipeline.text import fold, lexicon

Rows = Sequence[Sequence[str]]

_OPEN = frozenset(
    {None, "text", "theme", "table", "question", "carrier"}
)  # meanings under which answers may stand
_LEFT = frozenset({None, "text", "remark"})  # meanings of a column that is told to be left out
_LEFT_DATED = frozenset(
    {"theme", "carrier"}
)  # … where each row is dated: elsewhere they sort ideas on a wall
_LONG, _VERY_LONG = (
    4,
    8,
)  # words of most cells of a column of answers, and of one whose header says nothing
_MANY = 4  # rows from which recurring cells show a closed question
_MOST, _CLOSED = 0.6, 0.5
_FILLED = 0.5  # share of the rows from which a column under no question holds answers, and not a note on somebody here and there
_HOUR = re.compile(r"\b\d{1,2}[:hH]\d{2}\b")


def is_form(header: Header, body: Rows) -> bool:
    """True for answers with the names of who gave them: asked, dated one by one, or several; never where people signed or have a status."""
    told = with_statuses(header, body)
    if "status" in told.meanings or _is_signed(header, body):
        return False
    answers = answer_columns(header, body)
    is_asked = any(_asks(header.titles[place]) for place in answers)
    is_told = any(header.meanings[place] == "text" for place in answers)
    is_dated = bool(stamp_columns(header, body))
    is_long = any(
        median(len(cell.split()) for cell in _cells(body, place)) >= _VERY_LONG for place in answers
    )
    return bool(answers) and (is_asked or is_told or is_dated or is_long or len(answers) > 1)


def answer_columns(header: Header, body: Rows, *, has_remarks: bool = False) -> list[int]:
    """The columns that hold what people answered in their own words: under a question, or sentences under an unknown header.

    `has_remarks`: remarks are answers too, as in a form; in a list of attendance they tell of the person.
    """
    statuses = with_statuses(header, body).meanings
    return [
        place
        for place, meaning in enumerate(header.meanings)
        if (cells := _cells(body, place))
        and statuses[place] != "status"
        and (
            (has_remarks and meaning == "remark")
            or _are_answers(header.titles[place], meaning, cells, len(body))
        )
    ]


def left_columns(header: Header, body: Rows, said: Sequence[int]) -> list[int]:
    """The columns of a form that are not `said`, nor tell who answered, when or with what tool: choices, numbers, a word."""
    stamps = stamp_columns(header, body)
    left, told = _LEFT | (_LEFT_DATED if stamps else frozenset()), {*said, *stamps}
    open_places = [
        place
        for place, meaning in enumerate(header.meanings)
        if meaning in left and place not in told
    ]
    return [
        place
        for place in open_places
        if _cells(body, place) and not _technical().fullmatch(fold(header.titles[place]))
    ]


def stamp_columns(header: Header, body: Rows) -> list[int]:
    """The columns that date each row to the minute."""
    return [
        place
        for place, title in enumerate(header.titles)
        if _dates_rows(title, _cells(body, place))
    ]


def n_remarks(header: Header, body: Rows) -> int:
    """How many remarks of a list of attendance say something of their own, beyond that somebody did not come."""
    presence = read_presence(header, body, is_expected=False)
    told = {*answer_columns(header, body), *stamp_columns(header, body)}
    meanings = enumerate(presence.header.meanings)
    places = [
        place
        for place, meaning in meanings
        if meaning in ("remark", "text", None) and place not in told
    ]
    rows = [
        row for row in body if _names_somebody(presence.header, row) and not presence.is_absent(row)
    ]
    remarks = [row[place] for row in rows for place in places if place < len(row)]
    return sum(
        len(remark.split()) >= _LONG or states(remark, is_announced=False) for remark in remarks
    )


def n_unclear(header: Header, body: Rows) -> int:
    """How many persons of a list of attendance have a status that is not understood, where others' tell who came."""
    presence = read_presence(header, body, is_expected=False)
    return sum(_names_somebody(presence.header, row) and presence.is_unclear(row) for row in body)


def _names_somebody(header: Header, row: Sequence[str]) -> bool:
    """True for the row of a person, and not for a title, a total or a note to all."""
    name = header.cell(row, "full_name", "last_name", "first_name")
    return (
        lone_cell(row) is None
        and bool(name)
        and fold(name).partition(" ")[0] not in lexicon("attendance")["totaux"]
    )


def _are_answers(title: str, meaning: str | None, cells: Sequence[str], n_rows: int) -> bool:
    is_filled = len(cells) >= _FILLED * n_rows
    if meaning == "text":
        return is_filled and not are_choices(cells)
    if meaning not in _OPEN and not (meaning == "remark" and is_question(title)):
        return False
    if _asks(title):
        return not is_closed(cells)
    is_long = median(len(cell.split()) for cell in cells) >= _LONG
    return (
        meaning is None and is_filled and is_long and not is_closed(cells) and not _are_dates(cells)
    )


def _asks(title: str) -> bool:
    """True for a header that is a question, or names one of the four ("Ce qui marche")."""
    cues = read_cues(title)
    return (
        is_question(title)
        or (cues.is_label and cues.question is not None)
        or asked_by_header(title) is not None
    )


def is_closed(cells: Sequence[str]) -> bool:
    """True for answers that choose: most of them "Oui" and the like, or few short ones that recur."""
    folded = [fold(cell) for cell in cells]
    if are_choices(cells):
        return True
    recurs = len(folded) >= _MANY and len(set(folded)) <= _CLOSED * len(folded)
    return _are_dates(cells) or (recurs and median(len(cell.split()) for cell in folded) < _LONG)


def are_choices(cells: Sequence[str]) -> bool:
    """True where most cells are "Oui" and the like, or a number."""
    return sum(bool(_choice().fullmatch(fold(cell))) for cell in cells) >= _MOST * len(cells)


def _dates_rows(title: str, cells: Sequence[str]) -> bool:
    """True for a column that dates each row to the minute, by its header or its cells."""
    is_called = bool(_stamp().fullmatch(fold(title)))
    n_dated = sum(find_date(cell) is not None and bool(_HOUR.search(cell)) for cell in cells)
    return bool(cells) and (is_called or n_dated >= _MOST * len(cells))


def _are_dates(cells: Sequence[str]) -> bool:
    n_dates = sum(find_date(cell) is not None and len(cell.split()) <= _VERY_LONG for cell in cells)
    return n_dates >= _MOST * len(cells)


def _is_signed(header: Header, body: Rows) -> bool:
    """True for a column of signatures with marks or left blank for them, not with sentences."""
    places = [place for place, meaning in enumerate(header.meanings) if meaning == "signature"]
    return any(all(len(cell.split()) < _LONG for cell in _cells(body, place)) for place in places)


def _cells(body: Rows, place: int) -> list[str]:
    return [row[place] for row in body if place < len(row) and row[place]]


@cache
def _choice() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in lexicon("columns")["fermees"]))


@cache
def _stamp() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in lexicon("columns")["horodatage"]))


@cache
def _technical() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in lexicon("columns")["techniques"]))


_TABULATED_OPEN = frozenset(
    {None, "theme", "remark", "structure_type"}
)  # meanings of a header below which questions may stand all the same
_RESPONDENT = frozenset(
    {
        "full_name",
        "first_name",
        "last_name",
        "email",
        "phone",
        "structure",
        "role",
        "commune",
        "postal_code",
    }
)
_MAX_TITLES, _MAX_WORDS = (
    8,
    14,
)  # different questions of a column, as written, and words of one that is no question
_TABULATED_MOST = 0.75  # share of a column's different cells that must ask, for all of it to
_MIN_TABLES, _MAX_TABLES = (
    3,
    40,
)  # different tables that a column names for it to be one of tables, by numbers alone or at all


def asking_columns(titles: Sequence[str], body: Rows) -> dict[int, dict[str, str]]:
    """The columns whose cells name the questions of their rows, each with its cells' questions; none beside a column called so."""
    meanings = [meaning_of(title) for title in titles]
    if "question" in meanings:
        return {}
    found = {
        place: _asked_in(place, body)
        for place, meaning in enumerate(meanings)
        if meaning in _TABULATED_OPEN
    }
    return {place: questions for place, questions in found.items() if questions}


def _asked_in(place: int, body: Rows) -> dict[str, str]:
    """The question of each different cell of a column, {} unless most ask, two questions or more, and cells recur or stand first."""
    cells = [row[place] for row in body if place < len(row) and row[place]]
    different = dict.fromkeys(cells)
    is_few = 1 < len(different) <= _MAX_TITLES and (place == 0 or len(different) < len(cells))
    if not is_few or any(
        len(cell.split()) > _MAX_WORDS and not is_question(cell) for cell in different
    ):
        return {}
    titles = {str(cell): str(cell) for cell in different}
    told = {
        cell: question
        for cell, question in asked_together(titles, read=asked_by_header).items()
        if question in CAFE
    }
    return (
        told
        if len(set(told.values())) > 1 and len(told) >= _TABULATED_MOST * len(different)
        else {}
    )


def table_column(titles: Sequence[str], body: Rows) -> int | None:
    """The one column whose cells name the tables of their rows under a header that says nothing of it ("Nappe": 1, 1, 2 or T1, T2).

    Numbers alone do so only in a sheet of ideas: what people answered to a form, or a header that counts or rates, is no table.
    """
    meanings = [meaning_of(title) for title in titles]
    if "table" in meanings:
        return None
    is_form = looks_answered(titles, body)
    open_places = [
        place for place, meaning in enumerate(meanings) if meaning is None and titles[place]
    ]
    found = [
        place
        for place in open_places
        if _labels_tables(place, body)
        or (not is_form and _numbers_tables(titles[place], place, body))
    ]
    return found[0] if len(found) == 1 else None


def looks_answered(titles: Sequence[str], body: Rows) -> bool:
    """True for the answers to a form: a header asks, says who answered, or rows are dated to the minute."""
    header = Header(-1, tuple(titles), tuple(map(meaning_of, titles)))
    return (
        bool(_RESPONDENT & set(header.meanings))
        or any(map(is_question, titles))
        or bool(stamp_columns(header, body))
    )


def _labels_tables(place: int, body: Rows) -> bool:
    """True for labels of tables alone ("T1", "table 2")."""
    cues = [read_cues(cell) for cell in dict.fromkeys(_tabulated_cells(place, body))]
    return len(cues) > 1 and all(
        cue.is_label and cue.table is not None and cue.question is None for cue in cues
    )


def _numbers_tables(title: str, place: int, body: Rows) -> bool:
    """True for whole numbers from 1 on without a gap, which recur, under a header that counts and rates nothing."""
    if re.search(rf"\b(?:{'|'.join(lexicon('columns')['mesures'])})\b", fold(title)):
        return False
    cells = _tabulated_cells(place, body)
    numbers = [
        int(found[1]) for cell in cells if (found := re.fullmatch(r"(\d{1,2})(?:[.,]0+)?", cell))
    ]
    different = set(numbers)
    is_whole = (
        bool(numbers)
        and len(numbers) == len(cells)
        and different == set(range(1, len(different) + 1))
    )
    return is_whole and _MIN_TABLES <= len(different) <= min(_MAX_TABLES, len(numbers) - 1)


def _tabulated_cells(place: int, body: Rows) -> list[str]:
    return [row[place].strip() for row in body if place < len(row) and row[place].strip()]


def with_places(header: Header, body: Rows) -> tuple[Header, list[list[str]]]:
    """The header and rows of a sheet: columns of questions called "question", their cells "q1" to "q4", and one of tables "table"."""
    asking = asking_columns(header.titles, body)
    called = _called(header.titles, body, asking)
    titles = tuple(called.get(place, title) for place, title in enumerate(header.titles))
    rows = [
        [asking.get(place, {}).get(cell, cell) for place, cell in enumerate(row)] for row in body
    ]
    return Header(
        header.order, titles, tuple(map(_meaning_told, titles, header.titles, header.meanings))
    ), rows


def _meaning_told(title: str, former: str, meaning: str | None) -> str | None:
    return meaning if title == former else meaning_of(title)


def _called(
    titles: Sequence[str], body: Rows, asking: Mapping[int, Mapping[str, str]]
) -> dict[int, str]:
    """What the columns are for whose cells tell it, by place."""
    table = table_column(titles, body)
    tables = {} if table is None else {table: "table"}
    return sentence_columns(titles, body) | tables | dict.fromkeys(asking, "question")


def told_blocks(
    blocks: Sequence[RawBlock], titles: Sequence[str], body: Rows, said: Sequence[int]
) -> list[RawBlock]:
    """The blocks of a table in a document, its questions and tables told in their columns; cells outside the columns `said` are `meta`."""
    asking = asking_columns(titles, body)
    called = _called(titles, body, asking)
    return [_told(block, asking, called, said) for block in blocks]


def _told(
    block: RawBlock,
    asking: Mapping[int, Mapping[str, str]],
    called: Mapping[int, str],
    said: Sequence[int],
) -> RawBlock:
    columns = tuple(
        (called.get(place, title), asking.get(place, {}).get(cell, cell))
        for place, (title, cell) in enumerate(block.columns)
    )
    is_aside = bool(said) and block.column is not None and block.column not in said
    return replace(block, columns=columns, kind="meta" if is_aside else block.kind)
