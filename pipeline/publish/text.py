"""Word numbers, dates, ranks and sentences in French, and mask small counts."""

import datetime
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pipeline.files import load_yaml
from pipeline.text import Count

NBSP, NARROW = "\u00a0", "\u202f"
# Mean probability of its units: of 18 groupings of nine studies, themes over it hold 0.65 of units
# of one subject, the others 0.47.
ONE_SUBJECT = 0.55
SOLID, FRAGILE = 0.75, 0.5  # Hennig (2007): over 0.75 a cluster is stable, under 0.5 it dissolves
_TEXTS = Path(__file__).with_name("templates") / "textes.yaml"
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufdd0-\ufdef\ufffe\uffff]"
)
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def sentence(key: str, **values: Any) -> str:
    """Return the text of `key` ("section.entry") in textes.yaml, filled with `values`.

    {n:autre|autres} agrees with a count, see `pipeline.text.Count`.
    """
    section, entry = key.split(".")
    printed = {
        name: _PrintedCount(value) if isinstance(value, int) else value
        for name, value in values.items()
    }
    return unnested(typography(str(texts()[section][entry]).format(**printed)))


class _PrintedCount(Count):
    space = NBSP

    def written(self) -> str:
        return number(int(self))


@cache
def texts() -> Mapping[str, Any]:
    """Return textes.yaml, by section."""
    content: Mapping[str, Any] = load_yaml(_TEXTS)
    return content


def provisional(n_reviewed_tags: int, *, has_themes: bool) -> str:
    """Say that a program sorted and counted, and how much of it people reviewed."""
    key = "rapport.avec_relecture" if n_reviewed_tags else "rapport.sans_relecture"
    review = sentence(key, n=n_reviewed_tags)
    return sentence("rapport.avis" if has_themes else "rapport.avis_etiquettes", relecture=review)


def word(section: str, key: str) -> str:
    """Return the word of `key` in a section of textes.yaml, or `key` itself."""
    return typography(str(texts()[section].get(key, key)))


@lru_cache(maxsize=10_000)
def typography(text: str) -> str:
    """Put French no-break spaces and curly apostrophes in `text`; 10:30 and %(n)s stay so."""
    text = re.sub(r"(?<=\w)'(?=\w)", "’", text)
    text = re.sub(r"[ \u00a0\u202f]+([;!?])", NARROW + r"\1", text)
    text = re.sub(r"[ \u00a0\u202f]+([:»]|%(?!\())", NBSP + r"\1", text)
    return held_together(re.sub(r"«[ \u202f]+", "«" + NBSP, text))


_THOUSANDS = re.compile(r"(?<![\d.,/])\d{1,3}(?: \d{3})+(?!\d)")
_UNIT = re.compile(
    r"(?<=\d) (?=(?:€|k€|M€|%|‰|°C|euros?|centimes?|millions?|milliards?|km/h|km²|m²|m³|[cdkm]?m|"
    r"ha|[kmc]g|g|t|[cdm]?l|[kKMG]o|[kMGT]?Wh?|h|min|s)(?![\w’'-]))"
)
_MINUTES = re.compile(r"(?<=\d[ \u00a0]h) (?=\d)")
_OF_MONEY = re.compile(r"(?<=million|illiard|illions|lliards) (?=d[’']euros|€)")


def held_together(text: str) -> str:
    """Put no-break spaces within amounts and between a number and its unit; the length stays.

    >>> held_together("1 900 € en 2019, 8 h 30, 3 l’ont dit").split(" ")
    ['1\\u202f900\\xa0€', 'en', '2019,', '8\\xa0h\\xa030,', '3', 'l’ont', 'dit']
    """
    if not any(character.isdigit() for character in text):
        return text
    text = _THOUSANDS.sub(lambda amount: amount[0].replace(" ", NARROW), text)
    for spaces in (_UNIT, _MINUTES, _OF_MONEY):
        text = spaces.sub(NBSP, text)
    return text


def printable(text: str) -> str:
    """Remove the characters that XML refuses."""
    return text if text.isprintable() else _UNPRINTABLE.sub("", text)


def one_line(text: str) -> str:
    """Put a name on one line, without signs that reverse its direction."""
    return " ".join(_TURNING.sub("", printable(text)).split())


@lru_cache(maxsize=10_000)
def plain_name(text: str) -> str:
    """Put a name on one line, with French spacing."""
    return typography(one_line(text))


def plain_text(text: str) -> str:
    """Give a text of several lines French spacing."""
    return typography(printable(text))


_BULLET = re.compile(r"^[\s>•·*.–-]+(?=\S)")


def quoted(text: str) -> str:
    """Put `text`, without its bullet, between quotation marks: in place of its own, if any.

    Those within it become others: « on dit « oui » » is written « on dit “oui” ».
    """
    if _opens_and_closes(text):
        text = text.strip("«»" + _SPACES)
    text = _BULLET.sub("", text.strip(_SPACES))
    return unnested(f"«{NBSP}{held_together(text)}{NBSP}»")


_SPACES = f" {NBSP}{NARROW}"
_MARKS = re.compile(rf"«[{_SPACES}]*|[{_SPACES}]*»")


def _opens_and_closes(text: str) -> bool:
    """Whether the first mark opens `text` and is closed at its end, or never where it was cut."""
    if not text.startswith("«"):
        return False
    depth = 0
    for i, mark in enumerate(text):
        depth += (mark == "«") - (mark == "»")
        if not depth:
            return i == len(text) - 1
    return depth == 1


def unnested(text: str) -> str:
    """Replace the marks « » within others by “ ”; those that do not pair stay as they are."""
    if text.count("«") != text.count("»") or text.count("«") < 2:
        return text
    depth = 0

    def mark(match: re.Match[str]) -> str:
        nonlocal depth
        opens = "«" in match[0]
        depth += 1 if opens else -1
        is_inner = depth > 1 if opens else depth > 0
        if not is_inner:
            return match[0]
        return "“" if opens else "”"

    return _MARKS.sub(mark, text)


def shortened(text: str, n_chars: int) -> str:
    """Cut `text` to `n_chars` characters, between words where possible."""
    if len(text) <= n_chars:
        return text
    start = text[: n_chars - 1]
    whole_words = start.rpartition(" ")[0]
    return (whole_words if len(whole_words) > n_chars // 2 else start).rstrip(" ,;:.") + "…"


def number(value: float, decimals: int = 1) -> str:
    """Return `value` with narrow spaces between thousands and a decimal comma."""
    is_whole = round(value, decimals) == round(value)
    text = f"{value:,.0f}" if is_whole else f"{value:,.{decimals}f}".rstrip("0")
    return text.replace(",", NARROW).replace(".", ",").replace("-", "\u2212")


def count(n: int, singular: str, plural: str | None = None) -> str:
    """Return `n` and its noun: 0 passage, 1 passage, 2 passages."""
    return f"{number(n)}{NBSP}{singular if n < 2 else plural or singular + 's'}"


def shown_rows(n: int) -> str:
    """Return « Seule la première ligne est montrée », of 1."""
    return sentence("annexes.montree" if n == 1 else "annexes.montrees", n=n)


def percent(share: float) -> str:
    """Return a share of 0..1 as whole percents, "< 1 %" for a small one."""
    if 0 < share < 0.005:
        return f"<{NBSP}1{NBSP}%"
    return f"{number(100 * share, 0)}{NBSP}%"


def points(score: float) -> str:
    """Return a score of 0..1 as whole points out of 100."""
    return number(100 * score, 0)


def ordinal(n: int) -> str:
    """Return 1er, 2e, 3e."""
    return f"{number(n)}{'er' if n == 1 else 'e'}"


def joined(words: Sequence[str], last: str = "et") -> str:
    """Return « a, b et c »."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def some_of(words: Sequence[str], n_chars: int) -> str:
    """Return « a, b et c »; over `n_chars`, the first ones and how many others."""
    if len(joined(words)) <= n_chars:
        return joined(words)
    n_first = max(1, sum(len(", ".join(words[: i + 1])) <= n_chars for i in range(len(words))))
    first = shortened(", ".join(words[:n_first]), n_chars)
    n_others = len(words) - n_first
    return sentence("lectures.et_autres", noms=first, n=n_others) if n_others else first


def capitalised(text: str) -> str:
    """Put the first letter in upper case."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """Put the first letter of a title in lower case, for a sentence; an acronym stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def french_date(day: datetime.date | str | float | None) -> str:
    """Return « 1er juin 2026 »; another text stays as it is; a blank gives ""."""
    if day is None or isinstance(day, float):
        return ""
    if isinstance(day, str):
        try:
            return french_date(datetime.date.fromisoformat(day[:10]))
        except ValueError:
            return day
    month = texts()["mois"][day.month - 1]
    return f"{'1er' if day.day == 1 else day.day}{NBSP}{month}{NBSP}{day.year}"


def rank_interval(low: int, high: int, drawn: str = "tables retenues") -> str:
    """Say in words where the draws put a rank."""
    if low == high:
        return sentence("rang.ferme", rang=ordinal(low))
    return sentence("rang.entre", bas=ordinal(low), haut=ordinal(high), retenus=drawn)


def rank_in_words(high: int) -> str:
    """Return a priority's place as a sentence, from the last rank that nine draws in ten give it.

    One that may be beyond the fifth gives "".

    >>> rank_in_words(3)
    'Devant, sans départager les trois premières.'
    """
    if high == 1:
        return sentence("rang.premiere")
    if high <= 3:
        return sentence("rang.trois")
    return sentence("rang.cinq_premieres") if high <= 5 else ""


def stability(value: float | None, unity: float) -> str:
    """Return solide, à confirmer or fragile for a share of resamples, else "non mesurée".

    A theme that is hardly one subject (`unity`) is never solide.
    """
    if value is None or value != value:
        return word("stabilite", "inconnue")
    if value >= SOLID and unity >= ONE_SUBJECT:
        return word("stabilite", "solide")
    return word("stabilite", "fragile" if value < FRAGILE else "a_confirmer")


def stabilities(words: Iterable[str]) -> str:
    """Count the words of `stability`: « 12 solides et 7 fragiles »."""
    counts = Counter(words).most_common()
    return joined([count(n, verdict, word("stabilites", verdict)) for verdict, n in counts])


def where(channel: str, question: str | None, table_number: int | None, workshop: str = "") -> str:
    """Say where a passage comes from: workshop, medium, table and question.

    A mail gives "mail", a table's summary "restitution de la table 2".
    """
    table = "" if table_number is None else f"table{NBSP}{table_number}"
    if question == "resume" or channel == "resume":
        with_table = sentence("lieux.restitution_de", table=table)
        parts = [with_table if table else word("lieux", "restitution")]
    elif channel in ("mail", "message", "telephone"):
        parts = [word("lieux", channel)]
    else:
        medium = "" if channel == "notes" and table else word("lieux", channel)
        topic = word("questions", question) if question and question in texts()["questions"] else ""
        parts = [medium, table, topic and f"«{NBSP}{topic}{NBSP}»"]
    return ", ".join(part for part in (workshop, *parts) if part)


class CountMask(Enum):
    """What replaces a count."""

    SMALL = "small"  # from 1 to least - 1
    WITHHELD = "withheld"  # would give a small one away


Tally = int | CountMask


@dataclass(frozen=True)
class MaskedCounts:
    """Counts and their total, some masked."""

    counts: tuple[Tally, ...]
    total: Tally


def tally(n: Tally | None, singular: str = "", *, least: int) -> str:
    """Return a count with its noun: 3 personnes, < 3 personnes, personnes n. c.

    An unknown count (None) is never written 0.
    """
    if n is None:
        return word("voix", "inconnu")
    if n is CountMask.WITHHELD:
        return f"{singular}s{NBSP}{word('voix', 'tu')}" if singular else word("voix", "tu")
    text = f"<{NBSP}{least}" if n is CountMask.SMALL else number(n)
    noun = singular if isinstance(n, int) and n < 2 else singular + "s"
    return f"{text}{NBSP}{noun}" if singular else text


def mask_one(n: int, *, least: int) -> Tally:
    """Return `n`, or `SMALL` under `least`."""
    return CountMask.SMALL if 0 < n < least else n


def mask_counts(counts: Sequence[int], *, least: int) -> MaskedCounts:
    """Mask the small counts (all 0 or more) and what gives them away; `least` 1 masks nothing.

    Even a reader who knows the rule finds every number from 1 to `least` - 1 possible for each
    small count.
    """
    total = sum(counts)
    masked: list[Tally] = [mask_one(n, least=least) for n in counts]
    if CountMask.SMALL not in masked:
        return MaskedCounts(tuple(masked), total)
    if total < least:
        is_alone = sum(n > 0 for n in counts) == 1
        return MaskedCounts(tuple(masked), CountMask.SMALL if is_alone else CountMask.WITHHELD)
    candidates = [i for _, i in sorted((n, i) for i, n in enumerate(counts) if n >= least)]
    alone = [[i] for i in candidates]
    smallest_first = [candidates[:n] for n in range(2, len(candidates) + 1)]
    for withheld in ([], *alone, *smallest_first):
        candidate = [CountMask.WITHHELD if i in withheld else n for i, n in enumerate(masked)]
        if _is_hidden(counts, candidate, least):
            return MaskedCounts(tuple(candidate), total)
    return MaskedCounts(tuple(masked), CountMask.WITHHELD)


def _is_hidden(counts: Sequence[int], told: Sequence[Tally], least: int) -> bool:
    """Whether the reader can exclude no number from 1 to `least` - 1 for a small count."""
    n_small, n_withheld = told.count(CountMask.SMALL), told.count(CountMask.WITHHELD)
    rest = sum(n for n, shown in zip(counts, told, strict=True) if isinstance(shown, CountMask))
    most = rest - (n_small - 1) - least * n_withheld  # where the others are smallest
    fewest = 1 if n_withheld else rest - (n_small - 1) * (least - 1)  # where they are largest
    return most >= least - 1 and fewest <= 1


_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*<")


def fix_times(path: Path) -> None:
    """Rewrite a zipped file as `zipped` does."""
    path.write_bytes(undated(path.read_bytes()))


def undated(content: bytes) -> bytes:
    """Remove the dates of a zipped file and of workbooks in it."""
    return zipped((name, _undated_workbook(name, inner)) for name, inner in _unzipped(content))


def zipped(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip of `entries` (name, content), compressed, in their order and of one date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def _unzipped(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _undated_workbook(name: str, content: bytes) -> bytes:
    if not name.endswith(".xlsx"):
        return content
    entries = _unzipped(content)
    return zipped((n, _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z<", inner)) for n, inner in entries)
