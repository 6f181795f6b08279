"""French words as people type them: those of pipeline.text, and numbers in words.

In:   text
Out:  integers, and text without double blanks

Days as people write them in folder names, titles and manifests.
"""

import datetime as dt
import re
from functools import cache

from pipeline.text import fold, lexicon, slug

__all__ = ["blank_to_none", "fold", "lexicon", "number_pattern", "slug", "to_number"]


def blank_to_none(text: str | None) -> str | None:
    """`text` with single blanks, or None where nothing is left."""
    return " ".join((text or "").split()) or None


@cache
def _values() -> dict[str, int]:
    entries = lexicon("numbers")
    return {
        str(word): int(value)
        for group in ("romains", "ordinaux", "cardinaux")
        for word, value in entries[group].items()
    }


def to_number(word: str) -> int | None:
    """The value of a folded number ("3", "03", "trois", "troisieme", "3e", "iii"), or None."""
    digits = re.fullmatch(r"(\d{1,2})(?:e|eme|er|ere|re|nd|nde)?", word)
    return int(digits[1]) if digits else _values().get(word)


def number_pattern(*groups: str) -> str:
    """A regular expression, for folded text, of digits or of the number words of `groups` (cardinaux, ordinaux, romains)."""
    words = [re.escape(str(word)) for group in groups for word in lexicon("numbers")[group]]
    return "|".join([r"\d{1,2}", *sorted(words, key=len, reverse=True)])


_ISO = r"(?P<y1>(?:19|20)\d{2})[-_. /]?(?P<m1>[01]\d)[-_. /]?(?P<d1>[0-3]\d)"
_FRENCH = r"(?P<d2>[0-3]?\d)[-_. /](?P<m2>[01]?\d)[-_. /](?P<y2>(?:19|20)\d{2}|\d{2})"
_COMPACT = r"(?P<d4>[0-3]\d)(?P<m4>[01]\d)(?P<y4>20\d{2})"


def find_date(text: str) -> tuple[str, tuple[int, int]] | None:
    """Return the first date of `text` that has a day, a month and a year, and its half-open span; None where there is none."""
    for match in _pattern().finditer(text):
        day = _as_date(match)
        if day:
            return day.isoformat(), match.span()
    return None


def strip_dates(text: str) -> str:
    """`text` without its dates, complete or not ("19 mai", "mai 2026", "2026")."""
    return " ".join(_partial().sub(" ", _pattern().sub(" ", text)).split())


def _as_date(match: re.Match[str]) -> dt.date | None:
    parts = match.groupdict()
    rank = next(rank for rank in "1234" if parts.get(f"y{rank}"))
    year, month, day = (parts[f"{letter}{rank}"] for letter in "ymd")
    number = _months()[fold(month)[:4].ljust(4)] if rank == "3" else int(month)
    try:
        return dt.date(int(year) + (2000 if len(year) == 2 else 0), number, int(day))
    except ValueError:
        return None


@cache
def _pattern() -> re.Pattern[str]:
    worded = (
        rf"(?P<d3>[0-3]?\d)(?:er)?[ _.-](?P<m3>{_month_words()})\.?[ _.-](?P<y3>(?:19|20)\d{{2}})"
    )
    return re.compile(rf"(?<!\d)(?:{_ISO}|{worded}|{_FRENCH}|{_COMPACT})(?!\d)", re.IGNORECASE)


@cache
def _partial() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\dA-Za-zÀ-ÿ])(?:[0-3]?\d(?:er)?[ _.-])?(?:{_month_words()})\b\.?(?:[ _.-]?(?:19|20)\d{{2}})?|(?<!\d)(?:19|20)\d{{2}}(?!\d)",
        re.IGNORECASE,
    )


def _month_words() -> str:
    return "|".join(sorted(lexicon("dates")["mois"], key=len, reverse=True))


@cache
def _months() -> dict[str, int]:
    """The month of each first four letters, which tell all twelve apart."""
    return {fold(word)[:4].ljust(4): number for word, number in lexicon("dates")["mois"].items()}
