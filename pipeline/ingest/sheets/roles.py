"""Tell what each column of a sheet holds, from its header and its cells.

A role is a meaning of `columns`, or what the cells show whatever the header: "text" (free words),
"closed" (choices and grades), "status", "encoded"…


Some name tables and questions, by their cells and headers.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median
from typing import Any

from pipeline.ingest.attendance import with_statuses
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
    share,
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
from pipeline.ingest.words import find_date, is_whole_name, word_pattern
from pipeline.text import fold, lexicon

# the reason (pipeline.tables.schema.ASIDES) of cells that are no passage, by role
REASONS_BY_ROLE = {
    **dict.fromkeys(("identifier", "number"), "identifier"),
    **dict.fromkeys(
        (*NAMES, *CONTACTS, "trace", "buyer", "speaker", "role"),
        "person",
    ),
    **dict.fromkeys(("structure", "structure_type"), "structure"),
    **dict.fromkeys(
        ("commune", "postal_code", "commune_code", "latitude", "longitude", "radius", "geometry"),
        "place",
    ),
    **dict.fromkeys(("status", "signature", "cancelled", "withdrawn"), "status"),
    **dict.fromkeys(("table", "question", "channel"), "location"),
    **dict.fromkeys(("theme", "color", "title", "carrier"), "category"),
    "date": "date",
    "url": "web address",
    "encoded": "encoded",
    "closed": "closed answer",
    "votes": "votes",
    "settings": "settings",
}
# meanings that may hold answers to a question that the header asks
_OPEN = frozenset({None, "text", "theme", "table", "question", "carrier", "title", "settings"})
_TELLS_NOTHING = frozenset({None, "text", "remark", "theme", "carrier", "title", "structure_type"})
_LONG, _VERY_LONG = 4, 8  # words of most answers; of those under a meaningless header
_MANY = 4  # rows from which recurring cells show a closed question
# share of similar cells; of distinct cells among closed answers, among sentences to choose from
_MOST, _CLOSED, _CHOSEN = 0.6, 0.5, 0.3
_AUTHORED = frozenset({"account", "speaker", "email"})
_ONLINE = frozenset({"votes", "account", "trace", "speaker", "url"})  # of contributions, no list
_TYPED = 0.8  # share of cells of one kind
_FILLED = 0.5  # share of filled rows; fewer make occasional notes
_FEW_WORDS = 6  # of answers to a question on who answers
_CODE = re.compile(r"[A-Z]{1,3}\d{1,3}(?:[A-Z]{1,3}\d{1,3})?(?:\[\w+\])?")  # of a survey's question
_HUGE = 400  # letters without a blank from which a cell is encoded
_SAMPLE = 500  # rows that are enough to know a column
_MIN_TELLING = 2  # titles of a tool needed to know it
_HOUR = re.compile(r"\b\d{1,2}[:hH]\d{2}\b")
_MONTH = r"(?:jan|feb|f[ée]v|mar|apr|avr|ma[iy]|jun|jui|jul|aug|ao[uû]|sep|oct|nov|d[ée]c)\w*"
_KINDS = {  # of a cell, the first that fits
    "email": re.compile(r"[^\s@]{1,100}@[^\s@]{1,100}\.\w+"),
    "trace": re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){4,7}[0-9a-f]{0,4}"),
    "url": re.compile(
        r"(?:(?:https?://|www\.)\S+[\s,;|]*)+"
        r"|[^\s/]+\.(?:pdf|jpe?g|png|gif|docx?|xlsx?|pptx?|mp[34]|od[tsp])"
    ),
    "color": re.compile(r"#[0-9A-Fa-f]{6,8}|rgba?\([\d\s,.]+\)"),
    "date": re.compile(
        r"\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}(?:[T\s,à-]+\d{1,2}[:h]\d{2}.{0,24})?"
        r"|\d{1,2}[:h]\d{2}(?:[:.]\d+)*"
        rf"|(?:\w{{3,9}}\.?,? )?(?:\d{{1,2}} {_MONTH}|{_MONTH} \d{{1,2}}),? \d{{4}}\b.{{0,60}}",
        re.IGNORECASE,
    ),
    "phone": re.compile(r"(?:\+|0)\d(?:[\s.()/-]{0,2}\d){8,13}"),
    "place": re.compile(r"-?\d{1,2}[.,]\d{3,}\s*[,;\s]\s*-?\d{1,3}[.,]\d{3,}(?:\s+[\d.,]+){0,2}"),
    "encoded": re.compile(r"\{\s*\".*\}"),
    "number": re.compile(r"[+-]?\d[\d\s.,]*\s?%?"),
    "code": re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[\w+/=.:-]{7,}|[A-Za-z0-9+/_-]{24,}={0,2}"),
}
_BASE64 = re.compile(r"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/=_-]+")

# headers that may still have questions below
_ASKING = frozenset({None, "theme", "remark", "structure_type", "radius"})  # a board's zone
_RESPONDENT = NAMES | CONTACTS | {"structure", "role", "commune", "postal_code"}
_WORDED = frozenset({None, "text", "theme", "title", "remark"})  # may ask in words of their own
_MAX_TITLES, _MAX_WORDS = 8, 14  # distinct questions of a column; words of one that asks nothing
_ASKED_SHARE = 0.75
_CLEAR = 3  # total of the cue words of a survey's question, with a clear lead
_COLOURED = 0.6  # share of cells of a column that are colours
_MAX_LEGEND = 15  # rows of a legend
_MIN_TABLES, _MAX_TABLES = 3, 40
_MAX_NAME = 3  # words of a table that has a name in place of a number
_NO_QUESTION = "aucune"  # key of data/lexicon/sheets.yaml
_NUMBERED = re.compile(r"^\W*(?:q(?:uestion)?\s*)?\d{1,2}\s*(?:[.):–-]|\s-)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Tool:
    """What data/lexicon/sheets.yaml says of a tool's exports."""

    name: str
    kind: str  # form, consultation, wall or tickets
    question: str | None = None  # that all contributions answer


@cache
def _tools() -> Mapping[str, Any]:
    tools: dict[str, Any] = lexicon("sheets")["outils"]
    return tools


def find_tool(titles: Sequence[str]) -> Tool | None:
    """Return the tool whose telling titles are here, the most of them; None for none."""
    folded = {fold(own) for title in titles for own in (title, clean_title(title))}
    best, most = None, 0
    for name, entry in _tools().items():
        for wanted in entry["entetes"]:
            n_found = sum(
                any(re.fullmatch(pattern, title) for title in folded) for pattern in wanted
            )
            if n_found == len(wanted) > max(most, _MIN_TELLING - 1):
                best, most = name, n_found
    if best is None:
        return None
    entry = _tools()[best]
    return Tool(str(best), str(entry["genre"]), entry.get("question"))


def read_roles(header: Header, body: Rows) -> tuple[str, ...]:
    """Return the role of each column; "unknown" for a filled column that nothing tells."""
    all_rows, body = body, body[:: max(1, len(body) // _SAMPLE)]
    statuses = with_statuses(header, body).meanings
    sentences = sentence_columns(header.titles, body)
    spread = _spread_choices(header.titles)
    roles = [
        ("closed" if column in spread else None)
        or ("text" if column in sentences else None)
        or _role(title, meaning, column_cells(body, column), len(body), statuses[column])
        for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True))
    ]
    for column, role in enumerate(roles):  # questions that people asked, and no other words
        cells = column_cells(body, column)
        is_set = {"text", "color"} & set(roles)  # to texts, or to the colours of a legend
        if role == "question" and not is_set and 1 < len(cells) == len(set(cells)):
            roles[column] = "text" if share(cells, is_question) > _MOST else role
        if role == "remark" and "text" not in roles and set(roles) & _ONLINE:
            roles[column] = "text"
        is_told = len(set(cells)) == len(cells) and _AUTHORED & set(roles)  # elsewhere
        is_typed = sum(map(is_asked, header.titles)) > 1 and header.meanings[column] == "number"
        is_key = is_typed and 1 < len(set(cells)) < len(cells)  # of a sheet of paper, on two rows
        if "text" in roles and (
            is_key
            or (not is_told and _tells_persons(header.titles[column], role, all_rows, column))
        ):
            roles[column] = "account"
    entered = [column_cells(body, i) for i, role in enumerate(roles) if role == "buyer"]
    for column, role in enumerate(roles):  # the account of whoever typed what others said
        if role == "account" and column_cells(body, column) in entered:
            roles[column] = "buyer"
    titles = [fold(clean_title(title)) for title in header.titles]
    states = word_pattern("columns", "etats").fullmatch
    if roles.count("text") > 1 and any(map(states, titles)):
        replies = word_pattern("columns", "reponses_officielles").fullmatch
        roles = [
            "settings" if replies(title) else role
            for title, role in zip(titles, roles, strict=True)
        ]
    return tuple(roles)


def _spread_choices(titles: Sequence[str]) -> set[int]:
    """Return the columns of choices that others repeat one by one: "Thèmes", "Thèmes/Santé"."""
    beside = re.compile(r"\s*[/[(]\s*\w")
    return {
        column
        for column, title in enumerate(titles)
        if len(title.split()) > 1
        and any(o.startswith(title) and beside.match(o, len(title)) for o in titles)
    }


def _tells_persons(title: str, role: str, rows: Rows, column: int) -> bool:
    """Whether cells are like "participant_3", or ids that nothing else explains recur."""
    if role not in ("identifier", "number", "unknown", "closed"):
        return False
    cells, meaning = column_cells(rows, column), meaning_of(title)
    codes = word_pattern("columns", "codes_de_personne").fullmatch
    if meaning in (None, "number") and share(cells, lambda cell: codes(fold(cell))) >= _TYPED:
        return True
    recurs = 1 < len(set(cells)) < len(cells)
    is_bare = word_pattern("columns", "numeros_nus").fullmatch(fold(title))
    return recurs and bool(is_bare or (meaning is None and kind_of_cells(cells) == "code"))


def _role(
    title: str, meaning: str | None, cells: Sequence[str], n_rows: int, status: str | None
) -> str:
    if not cells or meaning in ("signature", "cancelled", "withdrawn", "buyer", "trace"):
        return meaning or "unknown"
    if role := _role_by_kind(title, meaning, cells, is_status=status == "status"):
        return role
    if _are_answers(title, meaning, cells, n_rows):
        return "text"
    if meaning is None or meaning == "text":
        return "closed" if is_asked(title) or is_closed(title, cells) else "unknown"
    return meaning


def _role_by_kind(
    title: str, meaning: str | None, cells: Sequence[str], *, is_status: bool
) -> str | None:
    """Return the role that the form of the cells tells, such as "url"; None for words."""
    kind = kind_of_cells(cells)
    if kind in ("encoded", "url", "email", "trace", "color", "date"):
        return kind
    if is_status:
        return "status"
    if kind == "phone" and meaning in (None, "phone", "text", "remark"):
        return "phone"
    if kind == "number" and meaning in _TELLS_NOTHING:
        return _role_of_numbers(title, cells)
    if meaning in (None, "text") and share(cells, is_whole_name) >= _TYPED:
        return "full_name"
    if kind == "code":
        return meaning if meaning in NAMES | CONTACTS | {"speaker"} else "identifier"
    return "geometry" if kind == "place" else None


def _role_of_numbers(title: str, cells: Sequence[str]) -> str:
    is_asking = is_asked(title) or word_pattern("columns", "mesures", r"\b{}\b").search(fold(title))
    is_unique = len(set(cells)) == len(cells) > 1
    return "identifier" if is_unique and not is_asking else "closed"


def _are_answers(title: str, meaning: str | None, cells: Sequence[str], n_rows: int) -> bool:
    is_filled = len(cells) >= _FILLED * n_rows
    telling = [cell for cell in cells if says_something(cell)] or cells
    if meaning == "text":
        is_said = not are_choices(cells) and not _are_consents(title, cells)
        is_note = word_pattern("columns", "pris_en_note", r"\b{}\b").search(fold(title))
        n_needed = _VERY_LONG if is_note else _LONG
        return is_said and (is_filled or median_words(telling) >= n_needed)
    if meaning not in _OPEN and not (meaning == "remark" and is_question(title)):
        return False
    if is_closed(title, cells):
        return False
    if is_asked(title) or (_CODE.fullmatch(title) and median_words(cells) >= _LONG):
        return True
    n_words = median_words(telling)
    return meaning is None and (n_words >= _VERY_LONG or (is_filled and n_words >= _LONG))


@cache
def is_asked(title: str) -> bool:
    """Whether a header is a question, or names one, such as "Ce qui marche"."""
    cues = read_cues(title)
    is_named = cues.is_label and cues.question is not None
    says_what = re.match(r"ce (?:que?|qui|dont) \w+ \w", fold(title)) is not None
    return says_what or is_question(title) or is_named or asked_by_header(title) is not None


def kind_of_cell(cell: str) -> str | None:
    """Return what a whole cell is, such as "url" or "date"; None for words."""
    bare = cell.strip()
    if len(bare) >= _HUGE and _BASE64.fullmatch(bare):
        return "encoded"
    if len(bare) > _HUGE:
        return None
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(bare)), None)


def kind_of_cells(cells: Sequence[str]) -> str | None:
    """Return the kind of nearly all cells; numbers among codes are codes."""
    counts = Counter(map(kind_of_cell, cells))
    if not counts:
        return None
    kind, n_cells = max(counts.items(), key=lambda count: count[1])
    if kind in ("number", "code", "phone") and counts["code"]:
        kind, n_cells = "code", counts["number"] + counts["code"] + counts["phone"]
    return kind if n_cells >= _TYPED * len(cells) else None


def says_something(answer: str) -> bool:
    """Whether an answer is not « RAS », « sans objet » or « voir plus haut »."""
    folded = fold(answer)
    return bool(folded) and word_pattern("columns", "sans_reponse").fullmatch(folded) is None


def is_withdrawn(title: str, role: str, cell: str) -> bool:
    """Whether a cell says that its row is no longer shown: withdrawn, hidden, refused.

    >>> is_withdrawn("moderated", "withdrawn", "-1"), is_withdrawn("trashed", "withdrawn", "0")
    (True, False)
    """
    words = fold(cell)
    if role not in ("withdrawn", "status", "settings") or not words:
        return False
    if word_pattern("columns", "retires").fullmatch(words):
        return True
    if "moder" in fold(title):
        return cell.strip() == "-1" or bool(word_pattern("columns", "moderes").fullmatch(words))
    is_marked = word_pattern("attendance", "oui").fullmatch(words) or kind_of_cell(cell) == "date"
    return role == "withdrawn" and bool(is_marked)


def timestamp_columns(header: Header, body: Rows) -> list[int]:
    """Return the columns that date each row to the minute."""
    return [
        column
        for column, title in enumerate(header.titles)
        if _dates_rows(title, column_cells(body, column))
    ]


def _dates_rows(title: str, cells: Sequence[str]) -> bool:
    n_dated = sum(find_date(cell) is not None and bool(_HOUR.search(cell)) for cell in cells)
    is_stamp = word_pattern("columns", "horodatage").fullmatch(fold(title))
    return bool(cells) and (bool(is_stamp) or n_dated >= _MOST * len(cells))


def is_closed(title: str, cells: Sequence[str]) -> bool:
    """Whether most answers are "Oui" and the like, few recur, or they situate who answers."""
    telling = [cell for cell in cells if says_something(cell)] or cells
    if are_choices(cells) or are_choices(telling) or _are_consents(title, cells):
        return True
    n_words = median_words(telling)
    profile = word_pattern("columns", "profils").fullmatch(fold(re.sub(r"^\W*\d+[.)]", "", title)))
    if profile and n_words < _FEW_WORDS:
        return True
    folded = [fold(cell) for cell in telling]
    n_different = len(set(folded))
    recurs = len(folded) >= _MANY and n_different <= _CLOSED * len(folded)
    is_chosen = len(folded) >= _MANY and n_different <= _CHOSEN * len(folded)  # however long
    recurs = recurs or (len(folded) >= _MANY and n_different < len(folded) and _are_ticked(telling))
    return (recurs and n_words < _LONG) or is_chosen or _are_lists_of_choices(telling)


def _are_consents(title: str, cells: Sequence[str]) -> bool:
    """Whether people only agree to something there: to be written to, to the terms."""
    consent = word_pattern("columns", "consentements", r"\b{}\b")
    n_agreeing = sum(bool(consent.search(fold(cell))) for cell in cells)
    is_same = len(set(map(fold, cells))) <= 2  # or not agreed to
    return is_same and (n_agreeing > 0 or consent.search(fold(title)) is not None)


def _are_ticked(cells: Sequence[str]) -> bool:
    """Whether all cells are written as a form's choices are: « En forme », « À pied »."""
    return all(cell[:1].isupper() and cell[-1:].isalnum() for cell in cells) and (
        max(len(cell.split()) for cell in cells) < _LONG
    )


def _are_lists_of_choices(cells: Sequence[str]) -> bool:
    """Whether cells are like "Mobilité;Santé;", all ended so, or "Mobilité, Santé", which recur."""
    is_marked = sum(bool(re.search(r"[;|]", cell)) for cell in cells) >= _MOST * len(cells)
    pieces = (item for cell in cells for item in re.split("[;|]" if is_marked else ",", cell))
    items = [item.strip() for item in pieces if fold(item)]
    n_different = len(set(map(fold, items)))
    if is_marked:
        is_ended = all(cell.rstrip().endswith((";", "|")) for cell in cells)
        return len(cells) >= 2 and (is_ended or n_different <= _MOST * len(items))
    return n_different < len(items) > len(cells) and _are_ticked(items)


def are_choices(cells: Sequence[str]) -> bool:
    """Whether most cells are "Oui" and the like, or a number."""
    choice = word_pattern("columns", "fermees")
    firsts = [fold(re.split(r"[;|]", cell)[0]) for cell in cells]
    return sum(bool(choice.fullmatch(first)) for first in firsts) >= _MOST * len(cells)


def median_words(cells: Sequence[str]) -> float:
    """Return the median number of words of cells."""
    return median(len(cell.split()) for cell in cells) if cells else 0


def questions_of_titles(titles: Mapping[int, str]) -> dict[int, str]:
    """Return the question that each header of a form asks, by column.

    A survey numbers its own questions: a number counts for nothing beside words, nor where there
    are more than four.
    """
    bare = {column: clean_title(title) for column, title in titles.items()}
    numbered = {column for column, title in bare.items() if _NUMBERED.match(title)}
    if len(numbered) > len(CAFE) or any(_NUMBERED.sub("", bare[column]) for column in numbered):
        bare = {column: clean_question(title) for column, title in bare.items()}
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
    """Return a survey's question without its number and kind: "3. Question ouverte : …"."""
    bare = _NUMBERED.sub("", title) or title
    kind, _, rest = bare.partition(":")
    is_kind = word_pattern("columns", "genres_d_activite").fullmatch(fold(kind))
    return rest.strip() or bare if is_kind else bare


def _asked_by_survey(title: str) -> str | None:
    """Read a survey's question, by its cue words where no known wording is near."""
    cues = read_cues(title)
    if not cues.is_clear(2 * _CLEAR, ENOUGH) and (in_full := asked_by_header(title)):
        return in_full
    return cues.scores[0][0] if cues.is_clear(_CLEAR, ENOUGH) else _mapped(title)


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
    for row in map(_split_legend, rows[:_MAX_LEGEND]):
        colors = [fold(cell) for cell in row if is_color(fold(cell))]
        if any(color in legend for color in colors):
            return {}  # post-its, each with its colour
        if len(colors) == 1 and (asked := next(filter(None, map(_question_in_legend, row)), None)):
            legend[colors[0]] = asked
    return legend if len(set(legend.values())) > 1 else {}


def _split_legend(row: Sequence[str]) -> list[str]:
    """Return the cells of a row, "Jaune = besoins" as a colour and its meaning."""
    filled = [cell for cell in row if cell]
    return re.split(r"\s*[=:→]\s*", filled[0], maxsplit=1) if len(filled) == 1 else list(row)


def are_colors(cells: Sequence[str]) -> bool:
    """Whether the cells of a column are colours of post-its."""
    is_color = word_pattern("columns", "noms_de_couleurs").fullmatch
    return share(cells, lambda cell: is_color(fold(cell))) > _COLOURED


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
        column = meanings.index("question")
        cells = {cell: cell for cell in column_cells(body, column)}
        counted = asked_together(cells) if len(cells) <= _MAX_TITLES else {}
        open_cells = {c: q for c, q in counted.items() if q in CAFE and read_cues(c).lead}
        return {column: open_cells} if open_cells else {}
    columns = [column for column, meaning in enumerate(meanings) if meaning in _ASKING]
    columns = [column for column in columns if not are_colors(column_cells(body, column))]
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
