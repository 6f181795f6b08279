"""What the columns of a table mean, by their headers and not by their order; data/lexicon/columns.yaml.

In:   a header, or the rows of a sheet
Out:  meanings (last_name, structure, table, text…), and the row that holds the headers
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pipeline.ingest.words import fold, lexicon

_TYPO = 0.85  # similarity over which a header is a misspelt one
_MIN_QUESTION = 3  # words of a header that asks
_WHO = frozenset(
    {"full_name", "first_name", "last_name", "structure", "structure_type", "role", "commune", "email", "phone"}
)  # meanings under which sentences are answers, whatever the header
_SAID, _MOST = "verbatim", 0.5  # what such a column is called; share of rows filled, and of cells that are sentences, for it
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
        return next((self.meanings.index(meaning) for meaning in meanings if meaning in self.meanings), None)

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
    if is_question(title) and not any(re.search(pattern, folded) for pattern in lexicon("columns")["identite"]):
        return None
    for meaning, patterns in lexicon("columns")["contiennent"].items():
        if found := next(filter(None, (re.search(pattern, folded) for pattern in patterns)), None):
            return None if meaning in _WHO and _asks_about(folded, found) else str(meaning)
    alike = process.extractOne(folded, [known for known in whole if len(known) > 4], scorer=OSA.normalized_similarity, score_cutoff=_TYPO)
    return whole[alike[0]] if alike else None


def _asks_about(folded: str, word: re.Match[str]) -> bool:
    """True for a header that asks one of the four questions about who answers: "les difficultes de votre structure"."""
    from pipeline.ingest.where.cues import read_cues  # which reads columns in its turn

    before = folded[: word.start()].rstrip()
    if not re.search(r"\b(?:de|du|des|d|l|la|les|a|au|dans|pour|votre|vos|ta|ton|notre|nos)$", before):
        return False
    cues = read_cues(f"{before} {folded[word.end() :]}")
    return cues.is_mostly_cues and cues.meaning is not None and not re.match(r"(?:noms?|types?|statut|adresse|intitule)\b", folded)


@cache
def is_question(text: str) -> bool:
    """True for a question or a request ("Citez une action qui marche"): what stands above answers.

    >>> is_question("Que manque-t-il chez vous ?"), is_question("Il manque un médecin")
    (True, False)
    """
    words = fold(text)
    is_asking = bool(re.match(rf"(?:{'|'.join(lexicon('columns')['interrogations'])})\b", words))
    return len(words.split()) >= _MIN_QUESTION and (text.rstrip(" *:)").endswith("?") or is_asking)


def find_header(rows: Sequence[Sequence[str]], *, wanted: frozenset[str], at_least: int) -> Header | None:
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
    said = [place for place, meaning in enumerate(header.meanings) if meaning in _WHO and holds_sentences(place, body)]
    return replace(
        header,
        titles=tuple(_SAID if place in said else title for place, title in enumerate(header.titles)),
        meanings=tuple(None if place in said else meaning for place, meaning in enumerate(header.meanings)),
    )


def sentence_columns(titles: Sequence[str], body: Sequence[Sequence[str]]) -> dict[int, str]:
    """The columns called after who answers that hold sentences, each with what to call it instead."""
    return {place: _SAID for place, title in enumerate(titles) if meaning_of(title) in _WHO and holds_sentences(place, body)}


def holds_sentences(place: int, body: Sequence[Sequence[str]]) -> bool:
    """True for a column filled for most rows, and mostly with sentences."""
    cells = [row[place] for row in body if place < len(row) and row[place]]
    n_sentences = sum(map(_is_sentence, cells))
    return bool(cells) and len(cells) >= _MOST * sum(map(any, body)) and n_sentences > _MOST * len(cells)


def _is_sentence(cell: str) -> bool:
    from pipeline.ingest.where.lines import states  # which reads columns in its turn

    n_words = len(cell.split())
    if n_words < _SENTENCE:
        return False
    is_listing = n_words >= _LONG and not re.search(r"\d", cell) and bool(re.search(r",|\bmais\b", cell))
    return is_listing or cell.rstrip()[-1] in ".!?…" or states(cell, is_announced=False)


def lone_cell(row: Sequence[str]) -> str | None:
    """The one thing that a row says: its only filled cell, or one merged over several columns and so read in each; else None."""
    said = {cell.strip() for cell in row if cell.strip()}
    return said.pop() if len(said) == 1 else None


@cache
def _whole_titles() -> dict[str, str]:
    return {fold(title): str(meaning) for meaning, titles in lexicon("columns")["entieres"].items() for title in titles if fold(title)}
