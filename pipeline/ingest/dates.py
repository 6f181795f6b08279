"""Days as people write them in folder names, titles and manifests.

In:   text
Out:  the first full date, ISO 8601, and where it stands
"""

import datetime as dt
import re
from functools import cache

from pipeline.ingest.words import fold, lexicon

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
    worded = rf"(?P<d3>[0-3]?\d)(?:er)?[ _.-](?P<m3>{_month_words()})\.?[ _.-](?P<y3>(?:19|20)\d{{2}})"
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
