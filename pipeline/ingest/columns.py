"""Tell what the columns of a table mean, by their headers (data/lexicon/columns.yaml) or cells."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pipeline.ingest.words import is_first_name, is_whole_name, word_pattern
from pipeline.text import fold, lexicon

Rows = Sequence[Sequence[str]]

NAMES = frozenset({"full_name", "first_name", "last_name"})
CONTACTS = frozenset({"email", "phone", "account"})
ZONES = frozenset({"radius", "geometry", "latitude", "longitude"})
TELLING = frozenset(
    {"table", "question", "number", "color", "channel", "speaker", "carrier", "votes"}
)
# what a tool adds of its own
TECHNICAL = frozenset(
    {*("identifier", "date", "settings", "url", "trace", "buyer", "account")}
    | {"cancelled", "withdrawn"}
)
# a column of sentences under these holds answers
_IDENTITY = NAMES | CONTACTS | {"structure", "structure_type", "role", "commune"}
_TYPO = 0.85
_MIN_QUESTION = 3  # words of a question
_MAX_HEADER_WORDS, _DEPTH = 8, 25  # words of a header; rows searched
_VERBATIM, _MOST = "verbatim", 0.5  # title of a column of sentences; share of rows and cells
_SENTENCE, _LONG = 5, 8  # words of a sentence with a verb or mark; of an enumeration without
# lists without header: rows; share of similar cells in a column; words
_MIN_ROWS, _HEADERLESS_MOST, _SOME, _MAX_CELL_WORDS = 3, 0.6, 0.3, 5
_MAIL, _PHONE = (
    re.compile(r"\S{1,64}@\S{1,64}\.\w+"),
    re.compile(r"^\+?\d(?:[\s.()/-]{0,2}\d){8,13}$"),
)
_CODE = re.compile(r"\d{5}|\d{2} ?\d{3}")
_MARK = re.compile(
    r"(?:x|ok|oui|non|signe|vu|present|presente|excusee?|absente?|p|a|\W)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Header:
    """A header row: `index` (-1 for none), titles and meanings by column."""

    index: int
    titles: tuple[str, ...]
    meanings: tuple[str | None, ...]

    def column(self, *meanings: str) -> int | None:
        """Return the first column with one of `meanings`, tried in order."""
        present = (meaning for meaning in meanings if meaning in self.meanings)
        return next(map(self.meanings.index, present), None)

    def cell(self, row: Sequence[str], *meanings: str) -> str:
        """Return the stripped cell of the first column with one of `meanings`, or ""."""
        column = self.column(*meanings)
        return " ".join(row[column].split()) if column is not None and column < len(row) else ""

    def columns_of(self, meaning: str) -> list[int]:
        """Return all columns of one meaning."""
        return [column for column, own in enumerate(self.meanings) if own == meaning]


def header_of(titles: Sequence[str], index: int = -1) -> Header:
    """Return the header with these titles."""
    return Header(index, tuple(titles), tuple(map(meaning_of, titles)))


def column_cells(rows: Rows, column: int) -> list[str]:
    """Return the filled cells of a column; rows may be short."""
    return [row[column] for row in rows if column < len(row) and row[column]]


# "[q1]Nom", "QUXVlc3Rpb246MTYw - Quel est…", "G01Q02[SQ001]. Quels…", "submitdate. Date…"
_CODE_BEFORE = re.compile(
    r"^\s*(?:\[[\w.]{1,24}\]|(?=\S*[A-Z]\S*[a-z]\S*\d|\S*\d\S*[a-z])[\w+/=]{10,}\s*[-–:.]\s"
    r"|[A-Z]+\d+[A-Z]+\d+\w*(?:\[\w+\])?[.:]?\s|[a-z]{2,}\.\s+(?=[A-ZÀ-Ý]))\s*"
)
_LOCALE = re.compile(r"\s*[/_(\[](?:fr|fr_FR|en|français|french)[)\]]?\s*$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@cache
def clean_title(title: str) -> str:
    """Return a header without the code before it, the language after it, and markup.

    >>> clean_title("[q1]Quels besoins ?"), clean_title("body/fr")
    ('Quels besoins ?', 'body')
    """
    bare = _LOCALE.sub("", _CODE_BEFORE.sub("", re.sub(r"<[^<>]*>", " ", title)))
    return " ".join((bare if " " in bare else _CAMEL.sub(" ", bare)).split()) or title


@cache
def meaning_of(title: str) -> str | None:
    """Return the meaning of a header, or None."""
    title = clean_title(title)
    folded = fold(re.sub(r"\([^)]{0,200}\)|[·•]\w{1,5}", " ", title)) or fold(title)
    if not folded or len(folded.split()) > _MAX_HEADER_WORDS:
        return None
    whole = _whole_titles()
    if folded in whole:
        return whole[folded]
    if is_question(title) and not word_pattern("columns", "identite").search(folded):
        return None
    for meaning, patterns in lexicon("columns")["contiennent"].items():
        if match := next(filter(None, (re.search(pattern, folded) for pattern in patterns)), None):
            is_asked = meaning in _IDENTITY and _asks_about(folded, match)
            return None if is_asked else str(meaning)
    titles = [title for title in whole if len(title) > 4]
    alike = process.extractOne(folded, titles, scorer=OSA.normalized_similarity, score_cutoff=_TYPO)
    return whole[alike[0]] if alike else None


def _asks_about(folded: str, word: re.Match[str]) -> bool:
    """Whether it is like "les difficultes de votre structure", "ce que fait ma structure"."""
    from pipeline.ingest.locate.cues import read_cues  # imports columns itself

    if re.match(r"ce (?:que?|qui|dont)\b", folded):
        return True
    before = folded[: word.start()].rstrip()
    is_complement = re.search(
        r"\b(?:de|du|des|d|l|la|les|a|au|dans|pour|votre|vos|ta|ton|notre|nos)$", before
    )
    if not is_complement or re.match(r"(?:noms?|types?|statut|adresse|intitule)\b", folded):
        return False
    cues = read_cues(f"{before} {folded[word.end() :]}")
    return cues.is_mostly_cues and cues.meaning is not None


@cache
def is_question(text: str) -> bool:
    """Whether the text is a question or a request ("Citez une action qui marche").

    >>> is_question("Que manque-t-il chez vous ?"), is_question("Il manque un médecin")
    (True, False)
    """
    words = fold(text)
    is_asking = text.rstrip(" *:)").endswith("?") or bool(
        word_pattern("columns", "interrogations", r"{}\b").match(words)
    )
    is_name = len(text.split()) < 2 and not text.endswith("?")  # of a field: "comment_author_id"
    return len(words.split()) >= _MIN_QUESTION and is_asking and not is_name


@cache
def _whole_titles() -> dict[str, str]:
    whole: dict[str, str] = {}
    for meaning, titles in lexicon("columns")["entieres"].items():
        whole |= {fold(title): str(meaning) for title in titles if fold(title)}
    return whole


def find_header(rows: Rows, *, wanted: frozenset[str], at_least: int) -> Header | None:
    """Return the top row with the most `wanted` meanings; None below `at_least`.

    A column of sentences has no meaning.
    """
    headers = [header_of(row, i) for i, row in enumerate(rows[:_DEPTH])]
    best = max(headers, key=lambda header: len(wanted & set(header.meanings)), default=None)
    if best is None or len(wanted & set(best.meanings)) < at_least:
        return None
    sentences = sentence_columns(best.titles, rows[best.index + 1 :])
    return replace(
        best,
        titles=tuple(sentences.get(column, title) for column, title in enumerate(best.titles)),
        meanings=tuple(
            None if column in sentences else meaning for column, meaning in enumerate(best.meanings)
        ),
    )


def sentence_columns(titles: Sequence[str], body: Rows) -> dict[int, str]:
    """Return the columns of sentences under a respondent's title, with new titles."""
    named = [column for column, title in enumerate(titles) if meaning_of(title) in _IDENTITY]
    return {column: _VERBATIM for column in named if _holds_sentences(column, body)}


def _holds_sentences(column: int, body: Rows) -> bool:
    cells = column_cells(body, column)
    is_filled = bool(cells) and len(cells) >= _MOST * sum(map(any, body))
    return is_filled and sum(map(_is_sentence, cells)) > _MOST * len(cells)


def _is_sentence(cell: str) -> bool:
    from pipeline.ingest.locate.lines import states  # imports columns itself

    n_words = len(cell.split())
    if n_words < _SENTENCE:
        return False
    has_figure, has_list = re.search(r"\d", cell), re.search(r",|\bmais\b", cell)
    is_listing = n_words >= _LONG and not has_figure and bool(has_list)
    return is_listing or cell.rstrip()[-1] in ".!?…" or states(cell, is_announced=False)


def lone_cell(row: Sequence[str]) -> str | None:
    """Return a row's only filled cell, possibly merged, or None."""
    cells = {cell.strip() for cell in row if cell.strip()}
    return cells.pop() if len(cells) == 1 else None


def guess_header(rows: Rows) -> Header | None:
    """Guess the columns of an attendance list without header; None for other sheets."""
    body = [row for row in rows if sum(map(bool, row)) > 1]
    if len(body) < _MIN_ROWS:
        return None
    columns = [[cell.strip() for cell in column] for column in zip(*body, strict=False)]
    filled = [[cell for cell in column if cell] for column in columns]
    meanings = [_meaning_of_cells(cells) for cells in filled]
    _mark_names(filled, meanings)
    if not {"full_name", "last_name"} & set(meanings):
        return None
    _mark_others(filled, meanings)
    n_words: list[int] = []
    for cells, meaning in zip(filled, meanings, strict=True):
        n_words += [len(cell.split()) for cell in cells if meaning != "email"]
    is_prose = max(n_words) > 12 or median(n_words) > _MAX_CELL_WORDS
    has_signs = None not in meanings or {"email", "phone", "signature", "structure"} & {*meanings}
    return Header(-1, ("",) * len(columns), tuple(meanings)) if has_signs and not is_prose else None


def _meaning_of_cells(cells: Sequence[str]) -> str | None:
    if not cells:
        return "signature"  # left blank for pens, or useless
    if share(cells, _MAIL.search) >= _HEADERLESS_MOST:
        return "email"
    if share(cells, _PHONE.match) >= _HEADERLESS_MOST:
        return "phone"
    if all(_MARK.fullmatch(fold(cell) or cell) for cell in cells):
        return "signature"
    if all(re.fullmatch(r"\d{1,3}\.?", cell) for cell in cells):
        return "number"
    return "postal_code" if all(map(_CODE.fullmatch, cells)) else None


def _mark_names(filled: Rows, meanings: list[str | None]) -> None:
    """Mark the column of whole names, or the pair of last and first names."""
    for column, cells in enumerate(filled):
        if meanings[column] is not None:
            continue
        if share(cells, is_first_name) >= _HEADERLESS_MOST:
            for other in (column - 1, column + 1):
                is_free = 0 <= other < len(filled) and meanings[other] is None
                if is_free and share(filled[other], _is_last_name) >= _HEADERLESS_MOST:
                    meanings[column], meanings[other] = "first_name", "last_name"
                    return
        if share(cells, is_whole_name) >= _HEADERLESS_MOST:
            meanings[column] = "full_name"
            return


def _mark_others(filled: Rows, meanings: list[str | None]) -> None:
    """The first column left is the organisation."""
    for column, cells in enumerate(filled):
        if meanings[column] is None and cells:
            meaning = _meaning_of_words(cells)
            meanings[column] = meaning if meaning not in meanings else None
    left = [column for column, cells in enumerate(filled) if meanings[column] is None and cells]
    if left and "structure" not in meanings and share(filled[left[0]], _may_be_structure) > _MOST:
        meanings[left[0]] = "structure"


def _may_be_structure(cell: str) -> bool:
    """Whether it opens like a name: « plus de bus » is what somebody says."""
    return not cell[:1].islower() and not _is_sentence(cell)


def _meaning_of_words(cells: Sequence[str]) -> str | None:
    from pipeline.communes.tables import by_slug  # large, and used here alone

    def names_commune(cell: str) -> bool:
        return fold(cell).replace(" ", "-") in by_slug() or bool(re.match(r"\d{5}\b", cell))

    def names_kind(cell: str) -> bool:
        return bool(kinds & set(fold(cell).split()))

    if share(cells, names_commune) >= _HEADERLESS_MOST:
        return "commune"
    role = word_pattern("attendance", "fonctions")
    if share(cells, lambda cell: role.match(fold(cell))) >= _HEADERLESS_MOST:
        return "role"
    words = lexicon("structures")
    kinds = set(map(str, [*words["descripteurs"], *words["generiques"]]))
    return "structure" if share(cells, names_kind) >= _SOME else None


def _is_last_name(cell: str) -> bool:
    has_digit = any(letter.isdigit() for letter in cell)
    return 1 <= len(cell.split()) <= 3 and cell[:1].isalpha() and not has_digit


def share(cells: Sequence[str], looks: Callable[[str], object]) -> float:
    """Return the share of cells that look so, 0 for none."""
    return sum(bool(looks(cell)) for cell in cells) / len(cells) if cells else 0.0
