"""What the columns of a table mean, by their headers and not by their order; data/lexicon/columns.yaml.

In:   a header, or the rows of a sheet
Out:  meanings (last_name, structure, table, text…), and the row that holds the headers

Tell the columns of an attendance list that has no header, by what their cells look like.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pipeline.ingest.people import is_first_name
from pipeline.text import fold, lexicon
from pipeline.text import lexicon as word_list

_TYPO = 0.85  # similarity over which a header is a misspelt one
_MIN_QUESTION = 3  # words of a header that asks
_WHO = frozenset(
    {
        "full_name",
        "first_name",
        "last_name",
        "structure",
        "structure_type",
        "role",
        "commune",
        "email",
        "phone",
    }
)  # meanings under which sentences are answers, whatever the header
_SAID, _MOST = (
    "verbatim",
    0.5,
)  # what such a column is called; share of rows filled, and of cells that are sentences, for it
_SENTENCE, _LONG = 5, 8  # words of a sentence with a verb or mark, and of an enumeration without
_MAX_HEADER_WORDS, _DEPTH = 8, 25  # words of a header; rows in which it is looked for


@dataclass(frozen=True)
class Header:
    """The row of headers: `order` in the sheet, and each column's meaning, None where unknown."""

    order: int
    titles: tuple[str, ...]
    meanings: tuple[str | None, ...]

    def column(self, *meanings: str) -> int | None:
        """The first column with one of `meanings`, in the order they are given."""
        return next(
            (self.meanings.index(meaning) for meaning in meanings if meaning in self.meanings), None
        )

    def cell(self, row: Sequence[str], *meanings: str) -> str:
        """The cell of `row` under the first column with one of `meanings`, trimmed; "" where there is none."""
        column = self.column(*meanings)
        return " ".join(row[column].split()) if column is not None and column < len(row) else ""


@cache
def meaning_of(title: str) -> str | None:
    """The meaning of a header, or None."""
    folded = fold(re.sub(r"\([^)]*\)", " ", title)) or fold(title)
    if not folded or len(folded.split()) > _MAX_HEADER_WORDS:
        return None
    whole = _whole_titles()
    if folded in whole:
        return whole[folded]
    if is_question(title) and not any(
        re.search(pattern, folded) for pattern in lexicon("columns")["identite"]
    ):
        return None
    for meaning, patterns in lexicon("columns")["contiennent"].items():
        if found := next(filter(None, (re.search(pattern, folded) for pattern in patterns)), None):
            return None if meaning in _WHO and _asks_about(folded, found) else str(meaning)
    alike = process.extractOne(
        folded,
        [known for known in whole if len(known) > 4],
        scorer=OSA.normalized_similarity,
        score_cutoff=_TYPO,
    )
    return whole[alike[0]] if alike else None


def _asks_about(folded: str, word: re.Match[str]) -> bool:
    """True for a header that asks one of the four questions about who answers: "les difficultes de votre structure"."""
    from pipeline.ingest.locate.cues import read_cues  # which reads columns in its turn

    before = folded[: word.start()].rstrip()
    if not re.search(
        r"\b(?:de|du|des|d|l|la|les|a|au|dans|pour|votre|vos|ta|ton|notre|nos)$", before
    ):
        return False
    cues = read_cues(f"{before} {folded[word.end() :]}")
    return (
        cues.is_mostly_cues
        and cues.meaning is not None
        and not re.match(r"(?:noms?|types?|statut|adresse|intitule)\b", folded)
    )


@cache
def is_question(text: str) -> bool:
    """True for a question or a request ("Citez une action qui marche"): what stands above answers.

    >>> is_question("Que manque-t-il chez vous ?"), is_question("Il manque un médecin")
    (True, False)
    """
    words = fold(text)
    is_asking = bool(re.match(rf"(?:{'|'.join(lexicon('columns')['interrogations'])})\b", words))
    return len(words.split()) >= _MIN_QUESTION and (text.rstrip(" *:)").endswith("?") or is_asking)


def find_header(
    rows: Sequence[Sequence[str]], *, wanted: frozenset[str], at_least: int
) -> Header | None:
    """Return the first of the top rows with most columns of a `wanted` meaning; None where no row has `at_least` of them."""
    best: tuple[int, Header] | None = None
    for order, row in enumerate(rows[:_DEPTH]):
        meanings = tuple(meaning_of(cell) for cell in row)
        n_known = len({meaning for meaning in meanings if meaning in wanted})
        if n_known >= at_least and (best is None or n_known > best[0]):
            best = (n_known, Header(order, tuple(row), meanings))
    return with_sentences(best[1], rows[best[1].order + 1 :]) if best else None


def with_sentences(header: Header, body: Sequence[Sequence[str]]) -> Header:
    """`header` with the columns of people's sentences no longer read as who they are, whatever words stand above them."""
    said = [
        place
        for place, meaning in enumerate(header.meanings)
        if meaning in _WHO and holds_sentences(place, body)
    ]
    return replace(
        header,
        titles=tuple(
            _SAID if place in said else title for place, title in enumerate(header.titles)
        ),
        meanings=tuple(
            None if place in said else meaning for place, meaning in enumerate(header.meanings)
        ),
    )


def sentence_columns(titles: Sequence[str], body: Sequence[Sequence[str]]) -> dict[int, str]:
    """The columns called after who answers that hold sentences, each with what to call it instead."""
    return {
        place: _SAID
        for place, title in enumerate(titles)
        if meaning_of(title) in _WHO and holds_sentences(place, body)
    }


def holds_sentences(place: int, body: Sequence[Sequence[str]]) -> bool:
    """True for a column filled for most rows, and mostly with sentences."""
    cells = [row[place] for row in body if place < len(row) and row[place]]
    n_sentences = sum(map(_is_sentence, cells))
    return (
        bool(cells)
        and len(cells) >= _MOST * sum(map(any, body))
        and n_sentences > _MOST * len(cells)
    )


def _is_sentence(cell: str) -> bool:
    from pipeline.ingest.locate.lines import states  # which reads columns in its turn

    n_words = len(cell.split())
    if n_words < _SENTENCE:
        return False
    is_listing = (
        n_words >= _LONG and not re.search(r"\d", cell) and bool(re.search(r",|\bmais\b", cell))
    )
    return is_listing or cell.rstrip()[-1] in ".!?…" or states(cell, is_announced=False)


def lone_cell(row: Sequence[str]) -> str | None:
    """The one thing that a row says: its only filled cell, or one merged over several columns and so read in each; else None."""
    said = {cell.strip() for cell in row if cell.strip()}
    return said.pop() if len(said) == 1 else None


@cache
def _whole_titles() -> dict[str, str]:
    return {
        fold(title): str(meaning)
        for meaning, titles in lexicon("columns")["entieres"].items()
        for title in titles
        if fold(title)
    }


Rows = Sequence[Sequence[str]]

_MIN_ROWS, _HEADERLESS_MOST, _SOME = (
    3,
    0.6,
    0.3,
)  # rows of a list; shares of the filled cells of a column that look alike
_MAX_WORDS = 5  # of a name; the cells of what was said are longer
_MAIL, _PHONE = re.compile(r"\S+@\S+\.\w+"), re.compile(r"^\+?\d(?:[\s.()/-]{0,2}\d){8,13}$")
_MARK = re.compile(
    r"(?:x|ok|oui|non|signe|vu|present|presente|excusee?|absente?|p|a|\W)?", re.IGNORECASE
)
_CODE = re.compile(r"\d{5}|\d{2} ?\d{3}")


def guess_header(rows: Rows) -> Header | None:
    """Return the meanings of the columns: names first, then mails, telephones, marks, organisations and places; None for other sheets."""
    body = [row for row in rows if sum(map(bool, row)) > 1]
    if len(body) < _MIN_ROWS:
        return None
    columns = [[cell.strip() for cell in column] for column in zip(*body, strict=False)]
    meanings = [_meaning(column) for column in columns]
    _name_columns(columns, meanings)
    if not {"full_name", "last_name"} & set(meanings):
        return None
    _tell_rest(columns, meanings)
    signs = {"email", "phone", "signature", "structure"} & set(meanings)
    texts = [
        cell
        for column, meaning in zip(columns, meanings, strict=True)
        if meaning != "email"
        for cell in column
        if cell
    ]
    is_prose = (
        any(len(cell.split()) > 12 for cell in texts)
        or median(len(cell.split()) for cell in texts) > _MAX_WORDS
    )
    return (
        Header(-1, tuple("" for _ in columns), tuple(meanings)) if signs and not is_prose else None
    )


def _meaning(column: Sequence[str]) -> str | None:
    """The meaning that the shape of the cells alone gives away."""
    filled = [cell for cell in column if cell]
    if not filled:
        return "signature"  # left blank for pens, or of no use
    if _share(filled, lambda cell: bool(_MAIL.search(cell))) >= _HEADERLESS_MOST:
        return "email"
    if _share(filled, lambda cell: bool(_PHONE.match(cell))) >= _HEADERLESS_MOST:
        return "phone"
    if all(_MARK.fullmatch(fold(cell) or cell) for cell in filled):
        return "signature"
    if all(re.fullmatch(r"\d{1,3}\.?", cell) for cell in filled):
        return "number"
    return "postal_code" if all(_CODE.fullmatch(cell) for cell in filled) else None


def _name_columns(columns: Sequence[Sequence[str]], meanings: list[str | None]) -> None:
    """Mark the column of whole names, or the pair of last and first names, first from the left."""
    for place, column in enumerate(columns):
        if meanings[place] is not None:
            continue
        filled = [cell for cell in column if cell]
        if _share(filled, is_first_name) >= _HEADERLESS_MOST:
            beside = [
                other
                for other in (place - 1, place + 1)
                if 0 <= other < len(columns) and meanings[other] is None
            ]
            pairs = [
                other
                for other in beside
                if _share([cell for cell in columns[other] if cell], _is_last_name)
                >= _HEADERLESS_MOST
            ]
            if pairs:
                meanings[place], meanings[pairs[0]] = "first_name", "last_name"
                return
        if _share(filled, is_whole_name) >= _HEADERLESS_MOST:
            meanings[place] = "full_name"
            return


def _tell_rest(columns: Sequence[Sequence[str]], meanings: list[str | None]) -> None:
    """Mark organisations, functions and places among the columns left; the first unknown one is the organisation."""
    for place, column in enumerate(columns):
        filled = [cell for cell in column if cell]
        if meanings[place] is None and filled:
            kind = _by_words(filled)
            meanings[place] = kind if kind not in meanings else None
    left = [
        place for place, column in enumerate(columns) if meanings[place] is None and any(column)
    ]
    if left and "structure" not in meanings:
        meanings[left[0]] = "structure"


def _by_words(filled: Sequence[str]) -> str | None:
    from pipeline.communes.tables import by_slug  # large, and of use here alone

    entries = lexicon("attendance")
    if (
        _share(
            filled,
            lambda cell: (
                fold(cell).replace(" ", "-") in by_slug() or bool(re.match(r"\d{5}\b", cell))
            ),
        )
        >= _HEADERLESS_MOST
    ):
        return "commune"
    if (
        _share(
            filled,
            lambda cell: bool(re.match(rf"(?:{'|'.join(entries['fonctions'])})", fold(cell))),
        )
        >= _HEADERLESS_MOST
    ):
        return "role"
    cues = {
        str(word)
        for group in ("descripteurs", "generiques")
        for word in word_list("structures")[group]
    }
    return (
        "structure"
        if _share(filled, lambda cell: bool(cues & set(fold(cell).split()))) >= _SOME
        else None
    )


def is_whole_name(cell: str) -> bool:
    """True for a civility, or a first name borne in France, beside one to three words in capitals or with a capital."""
    bare = re.sub(r"\([^)]*\)", "", cell).replace(",", " ")
    words = bare.split()
    if not 2 <= len(words) <= _MAX_WORDS or any(letter.isdigit() for letter in bare):
        return False
    civilities, particles = lexicon("people")["civilites"], lexicon("people")["particules"]
    named = [word for word in words if fold(word) not in civilities and fold(word) not in particles]
    is_told = len(named) < len(words) and fold(words[0]) in civilities
    return (
        bool(named)
        and all(word[:1].isupper() for word in named)
        and (is_told or any(is_first_name(word) for word in named))
    )


def _is_last_name(cell: str) -> bool:
    return (
        1 <= len(cell.split()) <= 3
        and cell[:1].isalpha()
        and not any(letter.isdigit() for letter in cell)
    )


def _share(cells: Sequence[str], looks: object) -> float:
    assert callable(looks)
    return sum(bool(looks(cell)) for cell in cells) / len(cells) if cells else 0.0
