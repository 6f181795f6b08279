"""Tell what each column of a sheet holds, from its header and its cells.

A role is a meaning of `columns`, or what the cells show whatever the header: "text" (free words),
"closed" (choices and grades), "status", "encoded"…
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from pipeline.ingest.attendance import with_statuses
from pipeline.ingest.columns import (
    Header,
    Rows,
    clean_title,
    column_cells,
    is_question,
    sentence_columns,
    share,
)
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.titles import asked_by_header
from pipeline.ingest.people import is_whole_name
from pipeline.ingest.words import find_date, word_pattern
from pipeline.text import fold, lexicon

# the reason (pipeline.tables.schema.ASIDES) of cells that are no passage, by role
REASONS_BY_ROLE = {
    **dict.fromkeys(("identifier", "number"), "identifier"),
    **dict.fromkeys(
        ("full_name", "first_name", "last_name", "email", "phone", "buyer", "speaker", "role"),
        "person",
    ),
    **dict.fromkeys(("structure", "structure_type"), "structure"),
    **dict.fromkeys(
        ("commune", "postal_code", "commune_code", "latitude", "longitude", "radius", "geometry"),
        "place",
    ),
    **dict.fromkeys(("status", "signature", "cancelled"), "status"),
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
_TYPED = 0.8  # share of cells of one kind
_FILLED = 0.5  # share of filled rows; fewer make occasional notes
_FEW_WORDS = 6  # of answers to a question on who answers
_HUGE = 400  # letters without a blank from which a cell is encoded
_SAMPLE = 500  # rows that are enough to know a column
_MIN_TELLING = 2  # titles of a tool needed to know it
_HOUR = re.compile(r"\b\d{1,2}[:hH]\d{2}\b")
_MONTH = r"(?:jan|feb|f[ée]v|mar|apr|avr|ma[iy]|jun|jui|jul|aug|ao[uû]|sep|oct|nov|d[ée]c)\w*"
_KINDS = {  # of a cell, the first that fits
    "email": re.compile(r"\S+@\S+\.\w+"),
    "url": re.compile(
        r"(?:(?:https?://|www\.)\S+[\s,;|]*)+"
        r"|[^\s/]+\.(?:pdf|jpe?g|png|gif|docx?|xlsx?|pptx?|mp[34]|od[tsp])"
    ),
    "color": re.compile(r"#[0-9A-Fa-f]{6,8}|rgba?\([\d\s,.]+\)"),
    "date": re.compile(
        r"\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}(?:[T\s,à-]+\d{1,2}[:h]\d{2}.{0,24})?"
        r"|\d{1,2}[:h]\d{2}(?:[:.]\d+)*"
        rf"|(?:\w{{3,9}}\.?,? )?(?:\d{{1,2}} {_MONTH}|{_MONTH} \d{{1,2}}),? \d{{4}}\b.{{0,30}}",
        re.IGNORECASE,
    ),
    "phone": re.compile(r"(?:\+|0)\d(?:[\s.()/-]{0,2}\d){8,13}"),
    "place": re.compile(r"-?\d{1,2}[.,]\d{3,}\s*[,;\s]\s*-?\d{1,3}[.,]\d{3,}(?:\s+[\d.,]+){0,2}"),
    "encoded": re.compile(r"\{\s*\".*\}"),
    "number": re.compile(r"[+-]?\d[\d\s.,]*\s?%?"),
    "code": re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[\w+/=.:-]{7,}|[A-Za-z0-9+/_-]{24,}={0,2}"),
}
_BASE64 = re.compile(r"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/=_-]+")


@dataclass(frozen=True)
class Tool:
    """What data/lexicon/sheets.yaml says of a tool's exports."""

    name: str
    kind: str  # form, consultation, wall or tickets
    roles: Mapping[str, str]  # by folded title
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
    roles = {
        title: str(role) for role, titles in entry.get("colonnes", {}).items() for title in titles
    }
    return Tool(str(best), str(entry["genre"]), roles, entry.get("question"))


def read_roles(header: Header, body: Rows, tool: Tool | None = None) -> tuple[str, ...]:
    """Return the role of each column; "unknown" for a filled column that nothing tells."""
    body = body[:: max(1, len(body) // _SAMPLE)]
    statuses = with_statuses(header, body).meanings
    sentences = sentence_columns(header.titles, body)
    roles = [
        _settled(title, tool)
        or ("text" if column in sentences else None)
        or _role(title, meaning, column_cells(body, column), len(body), statuses[column])
        for column, (title, meaning) in enumerate(zip(header.titles, header.meanings, strict=True))
    ]
    for column, role in enumerate(roles):  # questions that people asked, and no other words
        cells = column_cells(body, column)
        is_set = {"text", "color"} & set(roles)  # to texts, or to the colours of a legend
        if role == "question" and not is_set and 1 < len(cells) == len(set(cells)):
            roles[column] = "text" if share(cells, is_question) > _MOST else role
    return tuple(roles)


def _settled(title: str, tool: Tool | None) -> str | None:
    if tool is None:
        return None
    return tool.roles.get(fold(title)) or tool.roles.get(fold(clean_title(title)))


def _role(
    title: str, meaning: str | None, cells: Sequence[str], n_rows: int, status: str | None
) -> str:
    if not cells or meaning in ("signature", "cancelled", "buyer"):
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
    if kind in ("encoded", "url", "email", "color", "date"):
        return kind
    if is_status:
        return "status"
    if kind == "phone" and meaning in (None, "phone", "text", "remark"):
        return "phone"
    if kind == "number" and meaning in _TELLS_NOTHING:
        return _role_of_numbers(title, cells)
    if meaning in (None, "text") and share(cells, is_whole_name) >= _TYPED:
        return "full_name"
    return {"place": "geometry", "code": "identifier"}.get(kind or "")


def _role_of_numbers(title: str, cells: Sequence[str]) -> str:
    is_asking = is_asked(title) or word_pattern("columns", "mesures", r"\b{}\b").search(fold(title))
    is_unique = len(set(cells)) == len(cells) > 1
    return "identifier" if is_unique and not is_asking else "closed"


def _are_answers(title: str, meaning: str | None, cells: Sequence[str], n_rows: int) -> bool:
    is_filled = len(cells) >= _FILLED * n_rows
    if meaning == "text":
        return not are_choices(cells) and (is_filled or median_words(cells) >= _VERY_LONG)
    if meaning not in _OPEN and not (meaning == "remark" and is_question(title)):
        return False
    if is_closed(title, cells):
        return False
    if is_asked(title):
        return True
    n_words = median_words([cell for cell in cells if says_something(cell)] or cells)
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
    if are_choices(cells) or are_choices(telling):
        return True
    n_words = median_words(telling)
    profile = word_pattern("columns", "profils").fullmatch(fold(re.sub(r"^\W*\d+[.)]", "", title)))
    if profile and n_words < _FEW_WORDS:
        return True
    folded = [fold(cell) for cell in telling]
    n_different = len(set(folded))
    recurs = len(folded) >= _MANY and n_different <= _CLOSED * len(folded)
    is_chosen = len(folded) >= _MANY and n_different <= _CHOSEN * len(folded)  # however long
    return (recurs and n_words < _LONG) or is_chosen or _are_lists_of_choices(telling)


def _are_lists_of_choices(cells: Sequence[str]) -> bool:
    """Whether cells are like "Mobilité;Santé;", whose items recur."""
    items = [[fold(item) for item in re.split(r"[;|]", cell) if fold(item)] for cell in cells]
    flat = [item for own in items for item in own]
    is_cut = sum(bool(re.search(r"[;|]", cell)) for cell in cells) >= _MOST * len(cells)
    return is_cut and len(set(flat)) <= _MOST * len(flat) and len(cells) >= 2


def are_choices(cells: Sequence[str]) -> bool:
    """Whether most cells are "Oui" and the like, or a number."""
    choice = word_pattern("columns", "fermees")
    firsts = [fold(re.split(r"[;|]", cell)[0]) for cell in cells]
    return sum(bool(choice.fullmatch(first)) for first in firsts) >= _MOST * len(cells)


def median_words(cells: Sequence[str]) -> float:
    """Return the median number of words of cells."""
    return median(len(cell.split()) for cell in cells) if cells else 0
