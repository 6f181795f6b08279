"""Tell which columns of a sheet name tables and questions, by their cells and headers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from pipeline.ingest.columns import (
    CONTACTS,
    NAMES,
    Header,
    Rows,
    clean_title,
    column_cells,
    header_of,
    is_question,
    meaning_of,
    sentence_columns,
)
from pipeline.ingest.locate.cues import ENOUGH, read_cues
from pipeline.ingest.locate.titles import (
    CAFE,
    SURE,
    asked,
    asked_by_header,
    asked_together,
    resembled,
)
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.sheets.roles import timestamp_columns
from pipeline.ingest.words import word_pattern
from pipeline.text import fold, lexicon

# headers that may still have questions below
_ASKING = frozenset({None, "theme", "remark", "structure_type"})
_RESPONDENT = NAMES | CONTACTS | {"structure", "role", "commune", "postal_code"}
_WORDED = frozenset({None, "text", "theme", "title", "remark"})  # may ask in words of their own
_MAX_TITLES, _MAX_WORDS = 8, 14  # distinct questions of a column; words of one that asks nothing
_ASKED_SHARE = 0.75
_CLEAR = 3  # total of the cue words of a survey's question, with a clear lead
_MAX_LEGEND = 15  # rows of a legend
_MIN_TABLES, _MAX_TABLES = 3, 40
_MAX_NAME = 3  # words of a table that has a name in place of a number
_NO_QUESTION = "aucune"  # key of data/lexicon/sheets.yaml
_NUMBERED = re.compile(r"^\W*(?:q(?:uestion)?\s*)?\d{1,2}\s*(?:[.):–-]|\s-)\s*", re.IGNORECASE)


def questions_of_titles(titles: Mapping[int, str]) -> dict[int, str]:
    """Return the question that each header of a form asks, by column.

    A survey numbers its own questions: a number counts for nothing beside words, nor where there
    are more than four.
    """
    bare = {column: clean_title(title) for column, title in titles.items()}
    numbered = {column for column, title in bare.items() if _NUMBERED.match(title)}
    if len(numbered) > len(CAFE) or any(_NUMBERED.sub("", bare[column]) for column in numbered):
        bare = {column: _NUMBERED.sub("", title) or title for column, title in bare.items()}
    open_ended = word_pattern("columns", "fourre_tout").fullmatch
    bare = {
        column: title
        for column, title in bare.items()
        if not open_ended(fold(title))
        and (meaning_of(title) in _WORDED or read_cues(title).question or is_question(title))
    }
    together = asked_together(bare, read=_asked_by_survey)
    return {column: question for column, question in together.items() if question in CAFE}


def clean_question(title: str) -> str:
    """Return a survey's question without its number."""
    return _NUMBERED.sub("", title) or title


def _asked_by_survey(title: str) -> str | None:
    """Read a survey's question, by its cue words where no known wording is near."""
    if in_full := asked_by_header(title):
        return in_full
    cues = read_cues(title)
    totals = [total for _, total in cues.scores] + [0, 0]
    is_clear = totals[0] >= _CLEAR and totals[0] - totals[1] >= ENOUGH
    return cues.scores[0][0] if is_clear else _mapped(title)


@cache
def question_of_category(cell: str) -> str | None:
    """Return the question that a contribution's category stands for, None for a mere subject.

    The mapping of data/lexicon/sheets.yaml comes first.
    """
    if mapped := _mapped(cell):
        return mapped if mapped in CAFE else None
    if is_question(cell):
        in_full = asked_by_header(cell)
        return in_full if in_full in CAFE else None
    cues = read_cues(cell)
    question = asked(cell) if cues.is_mostly_cues else resembled(cell, margin=SURE)
    return question if question in CAFE else None


def _mapped(cell: str) -> str | None:
    folded = fold(cell)
    for question, patterns in lexicon("sheets")["categories"].items():
        if any(re.fullmatch(pattern, folded) for pattern in patterns):
            return str(question)
    return None


def legend_of(rows: Rows) -> dict[str, str]:
    """Return the question of each colour in a legend such as "jaune | besoins"; {} for none."""
    is_color = word_pattern("columns", "noms_de_couleurs").fullmatch
    legend: dict[str, str] = {}
    for row in rows[:_MAX_LEGEND]:
        colors = [fold(cell) for cell in row if is_color(fold(cell))]
        if any(color in legend for color in colors):
            return {}  # post-its, each with its colour
        if len(colors) == 1 and (asked := next(filter(None, map(_question_in_legend, row)), None)):
            legend[colors[0]] = asked
    return legend if len(set(legend.values())) > 1 else {}


def _question_in_legend(cell: str) -> str | None:
    cues = read_cues(cell)
    return cues.numbered if cues.numbered in CAFE else question_of_category(cell)


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
        [_placed(asking.get(column, {}), cell) for column, cell in enumerate(row)] for row in body
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
            (names.get(column, title), _placed(asking.get(column, {}), cell))
            for column, (title, cell) in enumerate(block.columns)
        )
        is_aside = passages and block.column is not None and block.column not in passages
        return replace(block, columns=columns, kind="meta" if is_aside else block.kind)

    return [annotate(block) for block in blocks]


def _placed(asking: Mapping[str, str], cell: str) -> str:
    """Return a cell of questions as "q2", or as "table 7 q2" where it names its table too."""
    question = asking.get(cell, cell)
    return place_of(cell, question) if cell in asking and question else question


def place_of(cell: str, question: str) -> str:
    """Return a question with the table that its cell names: "Table 7 ▸ nos pépites"."""
    table = read_cues(cell).table
    return question if table is None else f"table {table} {question}"


def _column_names(
    titles: Sequence[str], body: Rows, asking: Mapping[int, Mapping[str, str]]
) -> dict[int, str]:
    table = table_column(titles, body)
    tables = {} if table is None else {table: "table"}
    return sentence_columns(titles, body) | tables | dict.fromkeys(asking, "question")


def _asking_columns(titles: Sequence[str], body: Rows) -> dict[int, dict[str, str]]:
    """Return the columns of questions, none beside a column titled "question"."""
    meanings = [meaning_of(title) for title in titles]
    if "question" in meanings:
        return {}
    columns = [column for column, meaning in enumerate(meanings) if meaning in _ASKING]
    found = {column: _questions_of_cells(column, body) for column in columns}
    return {column: questions for column, questions in found.items() if questions}


def _questions_of_cells(column: int, body: Rows) -> dict[str, str]:
    """Return {} unless most cells ask two questions or more, and recur or come first."""
    cells = column_cells(body, column)
    no_question = {str(cell): "" for cell in cells if _mapped(cell) == _NO_QUESTION}
    different = {str(cell): str(cell) for cell in cells if cell not in no_question}
    if not 1 < len(different) <= _MAX_TITLES or (column and len(different) == len(cells)):
        return {}
    if any(len(cell.split()) > _MAX_WORDS and not is_question(cell) for cell in different):
        return {}
    together = asked_together(different, read=lambda cell: _mapped(cell) or asked_by_header(cell))
    questions = {cell: question for cell, question in together.items() if question in CAFE}
    are_most = len(questions) >= _ASKED_SHARE * len(different)
    return questions | no_question if are_most and len(set(questions.values())) > 1 else {}


def table_column(titles: Sequence[str], body: Rows) -> int | None:
    """Return the column of tables, such as "Nappe": 1, 1, 2 or T1, T2.

    Bare numbers count only in a sheet of ideas, under a header that neither counts nor rates.
    """
    meanings = [meaning_of(title) for title in titles]
    if "table" in meanings:
        return None
    is_answered = looks_answered(titles, body)
    columns = []
    for column, title in enumerate(titles):
        if meanings[column] in (None, "title", "theme") and title:
            cells = [cell.strip() for cell in column_cells(body, column) if cell.strip()]
            is_numbered = (
                meanings[column] is None and not is_answered and _number_tables(title, cells)
            )
            columns += [column] if _label_tables(cells) or is_numbered else []
    return columns[0] if len(columns) == 1 else None


def looks_answered(titles: Sequence[str], body: Rows) -> bool:
    """Whether a header asks or names respondents, or rows are dated."""
    header = header_of(titles)
    has_respondent = bool(_RESPONDENT & set(header.meanings)) or any(map(is_question, titles))
    return has_respondent or bool(timestamp_columns(header, body))


def _label_tables(cells: Sequence[str]) -> bool:
    different = set(cells)
    return len(different) > 1 and all(map(_labels_table, different))


def _labels_table(cell: str) -> bool:
    cues = read_cues(cell)
    return cues.is_label and cues.table is not None and cues.question is None


def _number_tables(title: str, cells: Sequence[str]) -> bool:
    if word_pattern("columns", "mesures", r"\b{}\b").search(fold(title)):
        return False
    matches = [re.fullmatch(r"(\d{1,2})(?:[.,]0+)?", cell) for cell in cells]
    numbers = [int(match[1]) for match in matches if match]
    names = {fold(cell) for cell, match in zip(cells, matches, strict=True) if not match}
    if len(numbers) <= len(cells) / 2 or any(len(name.split()) > _MAX_NAME for name in names):
        return False
    n_tables = len({*numbers, *names})  # a table may have a name: "Aînés", 2, 3
    has_no_gap = min(numbers) > 0 and max(numbers) <= n_tables
    return has_no_gap and _MIN_TABLES <= n_tables <= min(_MAX_TABLES, len(cells) - 1)
