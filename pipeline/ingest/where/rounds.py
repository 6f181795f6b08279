"""A round in which tables sum up one after the other, recorded without saying who speaks: where each takes over.

In:   turns or runs of speech, in order
Out:  pieces of them, each with the table whose turn it is

Machines write such a round as one run of words. A table that opens a turn or a sentence counts whatever its number ("Pour la table trois,
…"); inside a sentence only the one whose turn comes next does, by its noun or as people say it: "à la deux on retient…", "la trois, euh…".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import fold, lexicon, number_pattern, to_number

_MIN_BEFORE = 5  # words of a run before a table takes over inside it, for it to be cut there
_MIN_AFTER = 3  # words after it, without which it only calls the table that speaks next
_ADDRESSING = frozenset({"pour", "a", "chez", "cote"})  # "à la deux", where "la deux" alone is anything
_ENDING = "(?:finir|terminer|conclure)"
_MANY = 3  # tables that announce themselves in one recording from which it is a round


@dataclass(frozen=True)
class _Announcement:
    start: int
    end: int
    table: int
    is_noun: bool  # "table deux", not "la deux"
    has_article: bool  # "la deux", not "deux" alone
    opens: bool  # a turn or a sentence


def is_round(turns: Sequence[RawBlock]) -> bool:
    """True where several tables announce themselves at the start of turns or sentences, or in the order of their numbers."""
    return len({table for _, table in place_round(turns, None) if table is not None}) >= _MANY


def place_round(turns: Sequence[RawBlock], table: int | None) -> list[tuple[RawBlock, int | None]]:
    """Return the pieces of `turns` with their tables, from `table` on until the first announces itself."""
    placed: list[tuple[RawBlock, int | None]] = []
    for turn in turns:
        cuts, called = [(0, table)], None
        for found in _announcements(turn.text):
            now = cuts[-1][1]
            if turn.kind == "meta" or not _counts(found, now):
                continue
            n_before, n_after = len(turn.text[cuts[-1][0] : found.start].split()), len(turn.text[found.end :].split())
            if n_before >= _MIN_BEFORE and n_after < _MIN_AFTER:
                called = found.table
            elif n_before >= _MIN_BEFORE:
                cuts.append((found.start, found.table))
            else:
                cuts[-1] = (cuts[-1][0], found.table)
        ends = [start for start, _ in cuts[1:]] + [len(turn.text)]
        placed += [(replace(turn, text=turn.text[start:end].strip()), own) for (start, own), end in zip(cuts, ends, strict=True)]
        table = called or cuts[-1][1]
    return [(turn, own) for turn, own in placed if turn.text]


def _counts(found: _Announcement, now: int | None) -> bool:
    """True where an announcement hands over: any table at the start of a sentence by its noun or a turn's, else the next one only."""
    if found.opens and (found.is_noun or (found.start == 0 and found.has_article)):
        return True
    return found.table == (now or 0) + 1


def _announcements(text: str) -> Iterator[_Announcement]:
    said = flatten(text)
    for match in _pattern().finditer(said):
        number = to_number(match["spelled"] or match["bare"] or match["alone"])
        opens = not said[: match.start()].strip() or bool(re.search(r"[.?!…:]\W*$", text[: match.start()]))
        rest = text[match.end() :].lstrip()
        is_addressed = bool(match["prep"]) or not rest or rest.startswith(",") or match["goes_on"] is not None
        if match["alone"] and not rest.startswith(","):
            continue
        if number is None or (not match["spelled"] and not is_addressed) or (not opens and _recalls(said[: match.start()])):
            continue
        yield _Announcement(match.start(), match.end(), number, bool(match["spelled"]), match["alone"] is None, opens)


def _recalls(before: str) -> bool:
    """True where a table is only mentioned: "comme la table deux", "on rejoint la trois"."""
    return bool(re.search(rf"\b(?:{'|'.join(lexicon('where')['rappels'])}) *$", before))


@cache
def _pattern() -> re.Pattern[str]:
    """What people say before it, then a table by its noun or by its number alone; one blank or several stand for punctuation."""
    words = lexicon("where")
    before = {*words["remplissage"], *words["remplissage_de_tour"]} - _ADDRESSING
    fillers = "|".join(sorted(before, key=lambda words: (-len(words), words))).replace(" ", " +")
    nouns = "|".join(sorted(words["tables"], key=len, reverse=True))
    number = number_pattern("cardinaux")
    counts, goes_on = "|".join(words["suites_de_compte"]), "|".join(words["suites_de_tour"])
    return re.compile(
        rf"(?<!\w)(?:(?:{fillers}) +)*(?:(?P<prep>{'|'.join(sorted(_ADDRESSING))}) +)?"
        rf"(?:(?:la +|le +|notre +)?(?:{nouns}) +(?:no +)?(?P<spelled>{number})\b"
        rf"|la +(?P<bare>{number})\b(?! +(?:{counts})\b(?! +{_ENDING}\b))(?P<goes_on>(?= +(?:{goes_on}|pour +{_ENDING})\b))?"
        rf"|(?<![\w ])(?P<alone>{number})\b)"
    )


def flatten(text: str) -> str:
    """`text` folded one character for one, so that offsets hold: everything but letters and digits is a blank."""
    return "".join(folded if len(folded := fold(letter)) == 1 else " " for letter in text)
