"""Read lists of participants written as prose: "Présents : Mme Riou (La Criée), M. Kerven", or a title and its bullets.

In:   the blocks of a document
Out:  rows under a header, as a sheet would hold them
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from pipeline.ingest.headerless import is_whole_name
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import fold, lexicon

_HEADER = ("Nom et prénom", "Structure", "Fonction", "Présence")
_MAX_TITLE_WORDS = 7
_OUTSIDE = r"(?![^()]*\))"  # of brackets

Rows = list[tuple[str, ...]]


def rows_of_prose(blocks: Sequence[RawBlock]) -> Rows:
    """Return a header and one row a person listed; [] where no title announces a list."""
    found = [row for row in _listed(blocks) if row]
    return [_HEADER, *found] if found else []


def _listed(blocks: Sequence[RawBlock]) -> Iterator[tuple[str, ...]]:
    mark: str | None = None  # of the list that goes on: "x" for who came, "excusé" for who did not
    for block in blocks:
        if block.speaker or block.columns:
            mark = None
            continue
        announced = _announced(block.text)
        if announced:
            mark, rest = announced
            yield from _persons(rest, mark)
        elif mark and block.kind != "heading":
            rows = list(_persons(block.text, mark))
            mark = mark if rows else None
            yield from rows
        else:
            mark = None


def _announced(text: str) -> tuple[str, str] | None:
    """(Mark, what follows on the line) where a text opens a list of persons."""
    title, colon, rest = text.partition(":")
    words = fold(title)
    if not words or len(words.split()) > _MAX_TITLE_WORDS or (not colon and len(text.split()) > _MAX_TITLE_WORDS):
        return None
    for mark, group in (("excusé", "titres_absents"), ("x", "titres_presents")):
        if re.fullmatch(_titles(group), words):
            return mark, rest.strip()
    return None


@cache
def _titles(group: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in lexicon("attendance")[group])


def _persons(text: str, mark: str) -> Iterator[tuple[str, ...]]:
    """The persons that a line lists; nobody where one of its items names none."""
    items = _items(text)
    rows = [_person(item, mark) for item in items]
    if all(rows):
        yield from (row for row in rows if row)


def _items(text: str) -> list[str]:
    """The items of a line: between semicolons, else between commas where each names a person, else the line."""
    bare = text.strip(" .")
    if not bare:
        return []
    if ";" in bare:
        return [item.strip() for item in bare.split(";") if item.strip()]
    parts = [part.strip() for part in re.split(rf"\s*,\s*{_OUTSIDE}|\s+et\s+{_OUTSIDE}", bare) if part.strip()]
    return parts if all(is_whole_name(re.sub(r"\([^)]*\)", "", part)) for part in parts) else [bare]


def _person(item: str, mark: str) -> tuple[str, ...] | None:
    """The row of "Anne Riou (La Criée, gérante)", "Anne Riou, La Criée, gérante" or "Anne Riou – La Criée"; None where no name opens it."""
    found = re.fullmatch(r"([^(,:–—]+?)\s*(?:\((.*)\)|(?:,|:|\s[-–—]\s|–|—)\s*(.+))?", item)
    if not found or not is_whole_name(found[1]):
        halves = re.split(r"\s+(?:de|du|des|pour)\s+(?=(?:l['’]|la |le |les )?[A-ZÉ])", item, maxsplit=1)
        return (halves[0], halves[1], "", mark) if len(halves) == 2 and is_whole_name(halves[0]) else None
    told = [part.strip() for part in re.split(r"\s*(?:,|\s[-–—]\s)\s*", found[2] or found[3] or "") if part.strip()]
    is_role_first = len(told) == 2 and bool(re.match(rf"(?:{'|'.join(lexicon('attendance')['fonctions'])})", fold(told[0])))
    structure, role = (told[1], told[0]) if is_role_first else ((told[0] if told else ""), ", ".join(told[1:]))
    return found[1].strip(), structure, role, mark
