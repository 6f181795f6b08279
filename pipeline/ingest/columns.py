"""What the columns of a table mean, by their headers and not by their order; data/lexicon/columns.yaml.

In:   a header, or the rows of a sheet
Out:  meanings (last_name, structure, table, text…), and the row that holds the headers
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pipeline.ingest.words import fold, lexicon

_TYPO = 0.85  # similarity over which a header is a misspelt one
_MIN_QUESTION = 3  # words of a header that asks
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
        if any(re.search(pattern, folded) for pattern in patterns):
            return str(meaning)
    alike = process.extractOne(folded, [known for known in whole if len(known) > 4], scorer=OSA.normalized_similarity, score_cutoff=_TYPO)
    return whole[alike[0]] if alike else None


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
    return best[1] if best else None


def lone_cell(row: Sequence[str]) -> str | None:
    """The one thing that a row says: its only filled cell, or one merged over several columns and so read in each; else None."""
    said = {cell.strip() for cell in row if cell.strip()}
    return said.pop() if len(said) == 1 else None


@cache
def _whole_titles() -> dict[str, str]:
    return {fold(title): str(meaning) for meaning, titles in lexicon("columns")["entieres"].items() for title in titles if fold(title)}
