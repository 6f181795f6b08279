"""Tell the columns of an attendance list that has no header, by what their cells look like.

In:   the rows of a sheet
Out:  a Header of order -1, or None where the rows list no persons
"""

import re
from collections.abc import Sequence
from statistics import median

from pipeline.ingest.columns import Header
from pipeline.ingest.people import is_first_name
from pipeline.ingest.words import fold, lexicon
from pipeline.words import lexicon as word_list

Rows = Sequence[Sequence[str]]

_MIN_ROWS, _MOST, _SOME = 3, 0.6, 0.3  # rows of a list; shares of the filled cells of a column that look alike
_MAX_WORDS = 5  # of a name; the cells of what was said are longer
_MAIL, _PHONE = re.compile(r"\S+@\S+\.\w+"), re.compile(r"^\+?\d(?:[\s.()/-]{0,2}\d){8,13}$")
_MARK = re.compile(r"(?:x|ok|oui|non|signe|vu|present|presente|excusee?|absente?|p|a|\W)?", re.IGNORECASE)
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
    texts = [cell for column, meaning in zip(columns, meanings, strict=True) if meaning != "email" for cell in column if cell]
    is_prose = any(len(cell.split()) > 12 for cell in texts) or median(len(cell.split()) for cell in texts) > _MAX_WORDS
    return Header(-1, tuple("" for _ in columns), tuple(meanings)) if signs and not is_prose else None


def _meaning(column: Sequence[str]) -> str | None:
    """The meaning that the shape of the cells alone gives away."""
    filled = [cell for cell in column if cell]
    if not filled:
        return "signature"  # left blank for pens, or of no use
    if _share(filled, lambda cell: bool(_MAIL.search(cell))) >= _MOST:
        return "email"
    if _share(filled, lambda cell: bool(_PHONE.match(cell))) >= _MOST:
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
        if _share(filled, is_first_name) >= _MOST:
            beside = [other for other in (place - 1, place + 1) if 0 <= other < len(columns) and meanings[other] is None]
            pairs = [other for other in beside if _share([cell for cell in columns[other] if cell], _is_last_name) >= _MOST]
            if pairs:
                meanings[place], meanings[pairs[0]] = "first_name", "last_name"
                return
        if _share(filled, is_whole_name) >= _MOST:
            meanings[place] = "full_name"
            return


def _tell_rest(columns: Sequence[Sequence[str]], meanings: list[str | None]) -> None:
    """Mark organisations, functions and places among the columns left; the first unknown one is the organisation."""
    for place, column in enumerate(columns):
        filled = [cell for cell in column if cell]
        if meanings[place] is None and filled:
            kind = _by_words(filled)
            meanings[place] = kind if kind not in meanings else None
    left = [place for place, column in enumerate(columns) if meanings[place] is None and any(column)]
    if left and "structure" not in meanings:
        meanings[left[0]] = "structure"


def _by_words(filled: Sequence[str]) -> str | None:
    from pipeline.communes.tables import by_slug  # large, and of use here alone

    entries = lexicon("attendance")
    if _share(filled, lambda cell: fold(cell).replace(" ", "-") in by_slug() or bool(re.match(r"\d{5}\b", cell))) >= _MOST:
        return "commune"
    if _share(filled, lambda cell: bool(re.match(rf"(?:{'|'.join(entries['fonctions'])})", fold(cell)))) >= _MOST:
        return "role"
    cues = {str(word) for group in ("descripteurs", "generiques") for word in word_list("structures")[group]}
    return "structure" if _share(filled, lambda cell: bool(cues & set(fold(cell).split()))) >= _SOME else None


def is_whole_name(cell: str) -> bool:
    """True for a civility, or a first name borne in France, beside one to three words in capitals or with a capital."""
    bare = re.sub(r"\([^)]*\)", "", cell).replace(",", " ")
    words = bare.split()
    if not 2 <= len(words) <= _MAX_WORDS or any(letter.isdigit() for letter in bare):
        return False
    civilities, particles = lexicon("people")["civilites"], lexicon("people")["particules"]
    named = [word for word in words if fold(word) not in civilities and fold(word) not in particles]
    is_told = len(named) < len(words) and fold(words[0]) in civilities
    return bool(named) and all(word[:1].isupper() for word in named) and (is_told or any(is_first_name(word) for word in named))


def _is_last_name(cell: str) -> bool:
    return 1 <= len(cell.split()) <= 3 and cell[:1].isalpha() and not any(letter.isdigit() for letter in cell)


def _share(cells: Sequence[str], looks: object) -> float:
    assert callable(looks)
    return sum(bool(looks(cell)) for cell in cells) / len(cells) if cells else 0.0
