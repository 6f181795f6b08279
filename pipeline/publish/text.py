"""French wording: numbers, dates, ranks, typography, and the sentences of templates/textes.yaml.

In:   numbers and labels
Out:  words as they are printed; what people said never passes through here, except to lose characters that no file can hold

Keep small counts of people out of what is published, so that no participant is recognised by them.

Make a zipped office file depend on its content alone: no time of writing in it.
"""

import datetime
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.files import load_yaml
from pipeline.text import Count


class Mask(Enum):
    """What is told instead of a count."""

    SMALL = "small"  # from 1 to least - 1
    WITHHELD = "withheld"  # least or more, and kept back since it would give a small one away


Tally = int | Mask


@dataclass(frozen=True)
class Masked:
    """Counts as they may be told, and their total."""

    counts: tuple[Tally, ...]
    total: Tally


def mask_counts(counts: Sequence[int], *, least: int) -> Masked:
    """Return `counts` (all 0 or more) and their sum as they may be told; `least` of 1 masks nothing.

    Whoever knows all that is told, and how it is masked, finds every number from 1 to `least` - 1 possible for each small count.
    """
    total = sum(counts)
    told: list[Tally] = [mask_one(n, least=least) for n in counts]
    if Mask.SMALL not in told:
        return Masked(tuple(told), total)
    if total < least:
        return Masked(tuple(told), Mask.SMALL if sum(n > 0 for n in counts) == 1 else Mask.WITHHELD)
    shown = list(told)
    candidates = sorted((n, place) for place, n in enumerate(counts) if n >= least)
    for _, place in [(0, -1), *_lone_first(candidates, counts, told, least)]:
        if place >= 0:
            shown[place] = Mask.WITHHELD
        if _is_hidden(counts, shown, least):
            return Masked(tuple(shown), total)
    return Masked(tuple(told), Mask.WITHHELD)


def mask_one(n: int, *, least: int) -> Tally:
    """`n`, or that it is small."""
    return Mask.SMALL if 0 < n < least else n


def _lone_first(
    candidates: list[tuple[int, int]], counts: Sequence[int], told: list[Tally], least: int
) -> list[tuple[int, int]]:
    """The smallest candidate that suffices alone; else all of them, smallest first."""
    for n, place in candidates:
        if _is_hidden(
            counts,
            [Mask.WITHHELD if here == place else one for here, one in enumerate(told)],
            least,
        ):
            return [(n, place)]
    return candidates


def _is_hidden(counts: Sequence[int], told: Sequence[Tally], least: int) -> bool:
    """Whether each small count may be anything from 1 to `least` - 1, for whoever knows the total and the counts that are told."""
    n_small, n_withheld = list(told).count(Mask.SMALL), list(told).count(Mask.WITHHELD)
    rest = sum(n for n, one in zip(counts, told, strict=True) if isinstance(one, Mask))
    most = rest - (n_small - 1) - least * n_withheld  # where the others are as small as they may be
    fewest = 1 if n_withheld else rest - (n_small - 1) * (least - 1)  # where they are as large
    return most >= least - 1 and fewest <= 1


NBSP, NARROW = "\u00a0", "\u202f"
_MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufdd0-\ufdef\ufffe\uffff]"
)
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TEXTS = Path(__file__).with_name("templates") / "textes.yaml"
SOLID, FRAGILE = 0.75, 0.5  # Hennig (2007): over 0.75 a cluster is stable, under 0.5 it dissolves


def sentence(key: str, **values: Any) -> str:
    """The text of `key` ("section.entry") in textes.yaml, with `values` in its braces, whole numbers as `number` writes them.

    A noun or verb that agrees with a whole number is written as `pipeline.text.Count` tells: {n:autre|autres}.
    """
    section, entry = key.split(".")
    written = {
        name: _Printed(value) if isinstance(value, int) else value for name, value in values.items()
    }
    return typography(str(texts()[section][entry]).format(**written))


class _Printed(Count):
    """A count as it is printed: thousands parted, a no-break space before what it counts."""

    space = NBSP

    def written(self) -> str:
        """The number with narrow spaces between thousands."""
        return number(int(self))


@cache
def texts() -> Mapping[str, Any]:
    """All of textes.yaml, by section."""
    content: Mapping[str, Any] = load_yaml(_TEXTS)
    return content


def word(section: str, key: str) -> str:
    """The word of `key` in a section of textes.yaml; `key` itself where the section does not know it."""
    return typography(str(texts()[section].get(key, key)))


def typography(text: str) -> str:
    """`text` with no-break spaces where French wants them and curly apostrophes; a sign that touches its word stays so (10:30)."""
    text = re.sub(r"(?<=\w)'(?=\w)", "’", text)
    text = re.sub(r"[ \u00a0\u202f]+([;!?])", NARROW + r"\1", text)
    text = re.sub(r"[ \u00a0\u202f]+([:»%])", NBSP + r"\1", text)
    return re.sub(r"«[ \u202f]+", "«" + NBSP, text)


def printable(text: str) -> str:
    """`text` without the control characters and half pairs that XML refuses; nothing else changes."""
    return text if text.isprintable() else _UNPRINTABLE.sub("", text)


def one_line(text: str) -> str:
    """A name as a heading or a cell can hold it: on one line, without signs that turn what follows them from right to left."""
    return " ".join(_TURNING.sub("", printable(text)).split())


def plain_name(text: str) -> str:
    """A name on one line, with French spacing."""
    return typography(one_line(text))


def quoted(text: str) -> str:
    """A passage between quotation marks, unless it brings its own."""
    return text if text.startswith("«") and text.endswith("»") else f"«{NBSP}{text}{NBSP}»"


def shortened(text: str, n_chars: int) -> str:
    """`text` in `n_chars` characters at most, cut between words where it can be, with an ellipsis."""
    if len(text) <= n_chars:
        return text
    start = text[: n_chars - 1]
    whole = start.rpartition(" ")[0]
    return (whole if len(whole) > n_chars // 2 else start).rstrip(" ,;:.") + "…"


def number(value: float, decimals: int = 1) -> str:
    """`value` with narrow spaces between thousands and a decimal comma; whole numbers have no decimals."""
    whole = round(value, decimals) == round(value)
    shown = f"{value:,.0f}" if whole else f"{value:,.{decimals}f}".rstrip("0")
    return shown.replace(",", NARROW).replace(".", ",").replace("-", "\u2212")


def count(n: int, singular: str, plural: str | None = None) -> str:
    """`n` and its noun: 0 passage, 1 passage, 2 passages."""
    return f"{number(n)}{NBSP}{singular if n < 2 else plural or singular + 's'}"


def shown_rows(n: int) -> str:
    """How many first rows of a list are shown: « Seule la première ligne est montrée » of 1."""
    return sentence("annexes.montree" if n == 1 else "annexes.montrees", n=n)


def tally(n: Tally | None, singular: str = "", *, least: int) -> str:
    """A count of people or structures as it may be told, and its noun: 3 personnes, < 3 personnes, personnes n. c.

    What nobody knows (None) is never 0.
    """
    if n is None:
        return word("voix", "inconnu")
    if n is Mask.WITHHELD:
        return f"{singular}s{NBSP}{word('voix', 'tu')}" if singular else word("voix", "tu")
    shown = f"<{NBSP}{least}" if n is Mask.SMALL else number(n)
    if not singular:
        return shown
    return f"{shown}{NBSP}{singular if isinstance(n, int) and n < 2 else singular + 's'}"


def percent(share: float) -> str:
    """A share of 0..1 as whole percents; a small share that is not nothing is "< 1 %"."""
    if 0 < share < 0.005:
        return f"<{NBSP}1{NBSP}%"
    return f"{number(100 * share, 0)}{NBSP}%"


def points(score: float) -> str:
    """A score of 0..1 as whole points out of 100."""
    return number(100 * score, 0)


def ordinal(n: int) -> str:
    """1er, 2e, 3e."""
    return f"{number(n)}{'er' if n == 1 else 'e'}"


def joined(words: Sequence[str]) -> str:
    """a, b et c."""
    return " et ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def one_of(words: Sequence[str]) -> str:
    """a, b ou c."""
    return " ou ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def some_of(words: Sequence[str], n_chars: int) -> str:
    """a, b et c; the first ones that `n_chars` hold and how many others where they do not all do."""
    if len(joined(words)) <= n_chars:
        return joined(words)
    kept = [
        word
        for place, word in enumerate(words)
        if not place or len(", ".join(words[: place + 1])) <= n_chars
    ]
    others = len(words) - len(kept)
    return (
        sentence("lectures.et_autres", noms=shortened(", ".join(kept), n_chars), n=others)
        if others
        else shortened(kept[0], n_chars)
    )


def capitalised(text: str) -> str:
    """`text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def french_date(day: datetime.date | str | float | None) -> str:
    """1er juin 2026; another text than an ISO date stays as it is, and a blank (None, NaN) is an empty text."""
    if day is None or isinstance(day, float):
        return ""
    if isinstance(day, str):
        try:
            return french_date(datetime.date.fromisoformat(day[:10]))
        except ValueError:
            return day
    return f"{'1er' if day.day == 1 else day.day}{NBSP}{_MONTHS[day.month - 1]}{NBSP}{day.year}"


def rank_interval(low: int, high: int, drawn: str = "tables retenues") -> str:
    """Where a rank may lie over the draws of weights and of what is `drawn`, in words."""
    if low == high:
        return sentence("rang.ferme", rang=ordinal(low))
    return sentence("rang.entre", bas=ordinal(low), haut=ordinal(high), retenus=drawn)


def stability(value: float | None) -> str:
    """solide, à confirmer or fragile from the share of resamples (0..1); "non mesurée" where there is none."""
    if value is None or value != value:
        return word("stabilite", "inconnue")
    return word(
        "stabilite", "solide" if value >= SOLID else "fragile" if value < FRAGILE else "a_confirmer"
    )


def stabilities(said: Iterable[str]) -> str:
    """How many themes are what `stability` says of each, the most frequent first: 12 solides et 7 à confirmer."""
    return joined(
        [
            count(n, verdict, word("stabilites", verdict))
            for verdict, n in Counter(said).most_common()
        ]
    )


def where(channel: str, question: str | None, table_number: int | None, workshop: str = "") -> str:
    """Where a passage was said, in words: workshop, table, question; "mail" or "restitution de la table 2" where that says it all."""
    table = f"table{NBSP}{table_number}" if table_number is not None else ""
    if question == "resume" or channel == "resume":
        place = (
            sentence("lieux.restitution_de", table=table) if table else word("lieux", "restitution")
        )
        parts = [place]
    elif channel in ("mail", "telephone"):
        parts = [word("lieux", channel)]
    else:
        medium = word("lieux", channel) if channel != "notes" or not table else ""
        topic = word("questions", question) if question and question in texts()["questions"] else ""
        parts = [medium, table, f"«{NBSP}{topic}{NBSP}»" if topic else ""]
    return ", ".join(part for part in (workshop, *parts) if part)


_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*<")
_THEN = (1980, 1, 1, 0, 0, 0)


def fix_times(path: Path) -> None:
    """Write `path` again with its entries in their order, compressed, all of the same date."""
    path.write_bytes(undated(path.read_bytes()))


def undated(content: bytes) -> bytes:
    """The bytes of a zipped file, its entries in their order, compressed, all of the same date."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as written,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in written.namelist():
            entry = zipfile.ZipInfo(name, _THEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, _inner(name, written.read(name)))
    return out.getvalue()


def _inner(name: str, content: bytes) -> bytes:
    """A file of the zipped one; the workbook behind a chart is undated too, its properties included."""
    if not name.endswith(".xlsx"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as written:
        files = {
            inner: _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z<", written.read(inner))
            for inner in written.namelist()
        }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for inner, bytes_ in files.items():
            archive.writestr(zipfile.ZipInfo(inner, _THEN), bytes_)
    return undated(out.getvalue())
