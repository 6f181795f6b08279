"""Read numbers, dates and word lists as people write them in French."""

import datetime as dt
import html
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from pipeline.text import fold, fold_same_length, lexicon


@cache
def word_pattern(name: str, group: str, template: str = "{}") -> re.Pattern[str]:
    """Return `template` with a lexicon group's expressions as alternatives for `{}`."""
    return re.compile(template.replace("{}", f"(?:{'|'.join(lexicon(name)[group])})"))


def blank_to_none(text: str | None) -> str | None:
    """Return `text` with single blanks, or None where empty."""
    return " ".join((text or "").split()) or None


@cache
def _values() -> dict[str, int]:
    values: dict[str, int] = {}
    for group in ("couleurs", "romains", "ordinaux", "cardinaux"):
        values |= {str(word): int(value) for word, value in lexicon("numbers")[group].items()}
    return values


def to_number(word: str) -> int | None:
    """Return the value of a folded number ("3", "03", "trois", "troisieme", "3e", "iii")."""
    digits = re.fullmatch(r"(\d{1,2})(?:e|eme|er|ere|re|nd|nde)?", word)
    return int(digits[1]) if digits else _values().get(word)


def numbered_letters(text: str) -> str:
    """Return `text`, as long, with a table's letter or colour as a number: "Table B", "Table 2".

    No word follows a letter "A", which is a word of titles in capitals.
    """
    text = _coloured().sub(lambda match: match[1] + number_of_colour(match[2]), text)
    return _lettered().sub(lambda match: f"{match[1]}{ord(match[2]) - ord('A') + 1}", text)


def number_of_colour(colour: str) -> str:
    """Return the provisional number of a table's colour, as long as its name: "61   " for rouge."""
    return str(to_number(fold(colour))).ljust(len(colour))


def colours() -> str:
    """Return alternatives for the colours that name tables, with their accents."""
    names = sorted(lexicon("numbers")["couleurs"], key=len, reverse=True)
    return "|".join(name.replace("dore", "dor[ée]") for name in names)


@cache
def _coloured() -> re.Pattern[str]:
    """Match "îlot rouge", not "un îlot vert" in a street, nor "groupe vert 3"."""
    nouns = r"(?i:table(?: ronde)?|tabl[ée]e|[îi]lot|groupe|[ée]quipe|cercle)"
    before = r"(?<![^\W_])(?<!\bun )(?<!\bune )(?<!\bd['’])"
    return re.compile(rf"{before}({nouns}[ _-](?:de )?)((?i:{colours()}))(?![^\W_]|[ _-]\d)")


@cache
def _lettered() -> re.Pattern[str]:
    nouns = r"((?i:table|tabl[ée]e|[îi]lot)[ _-])"
    return re.compile(rf"(?<![^\W_]){nouns}([A-H])(?![^\W_]|['’]|(?<=A) \w)")


def number_pattern(*groups: str) -> str:
    """Return alternatives for digits or number words (cardinaux, ordinaux, romains), folded."""
    words = [re.escape(str(word)) for group in groups for word in lexicon("numbers")[group]]
    return "|".join([r"\d{1,2}", *sorted(words, key=len, reverse=True)])


def ordinal_pattern() -> str:
    """Return alternatives for "3e", "1er" or an ordinal in words, folded."""
    return number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}(?:e|eme|er|ere|re|nd|nde)")


def longest_first(name: str, group: str) -> str:
    """Return a lexicon group's words as alternatives, longest first."""
    return "|".join(sorted(lexicon(name)[group], key=len, reverse=True))


_ISO = r"(?P<y1>(?:19|20)\d{2})[-_. /]?(?P<m1>[01]\d)[-_. /]?(?P<d1>[0-3]\d)"
_FRENCH = r"(?P<d2>[0-3]?\d)[-_. /](?P<m2>[01]?\d)[-_. /](?P<y2>(?:19|20)\d{2}|\d{2})"
_COMPACT = r"(?P<d4>[0-3]\d)(?P<m4>[01]\d)(?P<y4>20\d{2})"


def find_date(text: str) -> tuple[str, tuple[int, int]] | None:
    """Return the first whole date of `text` in ISO 8601 and its half-open span, or None."""
    for match in _whole_date().finditer(text):
        day = _as_date(match)
        if day:
            return day.isoformat(), match.span()
    return None


def strip_dates(text: str) -> str:
    """Return `text` without dates, even partial ("19 mai", "mai 2026", "2026")."""
    return " ".join(_partial_date().sub(" ", _whole_date().sub(" ", text)).split())


def _as_date(match: re.Match[str]) -> dt.date | None:
    parts = match.groupdict()
    form = next(form for form in "1234" if parts.get(f"y{form}"))
    year, month, day = (parts[f"{letter}{form}"] for letter in "ymd")
    month_number = _months()[fold(month)[:4].ljust(4)] if form == "3" else int(month)
    try:
        return dt.date(int(year) + (2000 if len(year) == 2 else 0), month_number, int(day))
    except ValueError:
        return None


@cache
def _whole_date() -> re.Pattern[str]:
    months = longest_first("dates", "mois")
    worded = rf"(?P<d3>[0-3]?\d)(?:er)?[ _.-](?P<m3>{months})\.?[ _.-](?P<y3>(?:19|20)\d{{2}})"
    return re.compile(rf"(?<!\d)(?:{_ISO}|{worded}|{_FRENCH}|{_COMPACT})(?!\d)", re.IGNORECASE)


@cache
def _partial_date() -> re.Pattern[str]:
    months, year = longest_first("dates", "mois"), r"(?:19|20)\d{2}"
    worded = rf"(?:[0-3]?\d(?:er)?[ _.-])?(?:{months})\b\.?(?:[ _.-]?{year})?"
    return re.compile(
        rf"(?<![\dA-Za-zÀ-ÿ]){worded}|(?<!\d){year}(?!\d)",
        re.IGNORECASE,
    )


@cache
def _months() -> dict[str, int]:
    """Four letters tell all twelve apart."""
    return {fold(word)[:4].ljust(4): number for word, number in lexicon("dates")["mois"].items()}


_SMALL = frozenset(
    ["de", "d", "du", "des", "la", "le", "les", "l", "en", "et", "sur", "a", "au", "aux"]
)


def spelled_in(name: str, texts: Iterable[str]) -> str:
    """Return `name` as most `texts` spell it in capitals, with its accents and small words.

    >>> spelled_in("coeur herault", ["Atelier du Cœur d'Hérault, le 3 mai"])
    "Cœur d'Hérault"
    """
    words = [word for word in fold(name).split() if word not in _SMALL]
    if not words:
        return name
    between = rf"(?:[\s'’-]+(?:{'|'.join(sorted(_SMALL))})\b)*[\s'’-]+"
    spelled: Counter[str] = Counter()
    for text in texts:
        plain = fold_same_length(text.replace("œ", "\0").replace("Œ", "\1"), accents="none")
        letters = [re.escape(word).replace("oe", "(?:oe|[\0\1])") for word in words]
        for match in re.finditer(
            rf"\b{between.join(letters)}\b".replace(r"\b(?:oe", "(?:oe"), plain
        ):
            found = " ".join(text[slice(*match.span())].split())
            starts = [word[:1] for word in re.split(r"[\s'’-]+", found) if fold(word) not in _SMALL]
            if all(letter.isupper() for letter in starts) and not found.isupper():
                spelled[found] += 1
    return max(spelled, key=lambda found: spelled[found], default=name)


_TAG = re.compile(r"</?(?P<name>[a-zA-Z][\w-]{0,15})\b[^<>]{0,400}>|<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"p|br|div|li|[uod]l|tr|d[td]|h\d|table|blockquote")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-fA-F]{2,6}|[a-zA-Z]{2,8}\d?);")


def strip_markup(cell: str) -> str:
    """Return the words of an HTML cell, its paragraphs and items on lines of their own.

    >>> strip_markup("<p>Un four</p><ul><li>le bal</li></ul>")
    'Un four\\n- le bal'
    """
    if not _TAG.search(cell) and not _ENTITY.search(cell):
        return cell

    def replaced(tag: re.Match[str]) -> str:
        name = (tag["name"] or "").lower()
        if name == "li" and not tag[0].startswith("</"):
            return "\n- "
        return "\n" if _BREAK.fullmatch(name) else ""

    text = html.unescape(_TAG.sub(replaced, cell)).replace("\xa0", " ")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip("- "))
