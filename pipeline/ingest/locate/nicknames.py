"""Number the tables that have a colour or a nickname in place of a number.

A colour has a provisional number wherever it is read (data/lexicon/numbers.yaml), a nickname only
where a file is called after it: "Tablée de Gwenaëlle.odt". A workshop's tables are then numbered.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import count

from pipeline.ingest.locate.cues import LocatedBlock, read_cues
from pipeline.ingest.words import word_pattern
from pipeline.text import fold

FIRST_NAMED, _FIRST_NICKNAME = 61, 81  # provisional numbers
_SMALL = r"(?:de|des|du|d|la|le|les|l)"
_MAX_WORDS = 4


def tables_by_nickname(
    names_by_path: Mapping[tuple[str, ...], str],
) -> dict[tuple[str, ...], int]:
    """Return a provisional number for each file whose bare name gives its table a nickname.

    >>> tables_by_nickname({("a.odt",): "Tablée de Gwenaëlle", ("b.odt",): "notes table 4"})
    {('a.odt',): 81}
    """
    named = {path: nickname_in(name) for path, name in names_by_path.items()}
    nicknames = sorted({nickname for nickname in named.values() if nickname})
    numbers = {nickname: _FIRST_NICKNAME + i for i, nickname in enumerate(nicknames)}
    return {path: numbers[nickname] for path, nickname in named.items() if nickname}


def nickname_in(text: str) -> str | None:
    """Return the nickname that `text` gives a table, None where it has a number or colour.

    >>> nickname_in("pad tablée du fond"), nickname_in("table ronde"), nickname_in("Table 3")
    ('fond', None, None)
    """
    piece = re.split(r"\s[–—-]\s|[(,;:]", text)[0]
    match = _pattern().search(fold(piece))
    if match is None or read_cues(text).has_tables:
        return None
    words = [word for word in match["name"].split() if not re.fullmatch(_SMALL, word)]
    is_other = word_pattern("locate", "pas_un_surnom_de_table").search(match["name"])
    is_asking = bool(read_cues(match["name"]).scores)
    return None if is_other or is_asking or not 0 < len(words) <= _MAX_WORDS else " ".join(words)


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(r"\b(?:table|tablee|ilot) (?P<name>\w.*)")


def number_tables(documents: Sequence[list[LocatedBlock]]) -> list[list[LocatedBlock]]:
    """Return a workshop's blocks, its tables that have a name in place of a number numbered.

    They take the first numbers that no other table has, in the order of data/lexicon/numbers.yaml,
    nicknames last.
    """
    tables = {block.table_number for located in documents for block in located} - {None}
    named = sorted(table for table in tables if table is not None and table >= FIRST_NAMED)
    free = (number for number in count(1) if number not in tables)
    numbers = dict(zip(named, free, strict=False))
    if not numbers:
        return list(documents)
    return [[_renumbered(block, numbers) for block in located] for located in documents]


def _renumbered(block: LocatedBlock, numbers: Mapping[int, int]) -> LocatedBlock:
    number = numbers.get(block.table_number or 0)
    return block if number is None else replace(block, table_number=number)
