"""French wording: numbers, dates, ranks, typography, and the sentences of templates/textes.yaml.

In:   numbers and labels
Out:  words as they are printed; what people said never passes through here, except to lose characters that no file can hold
"""

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.publish.small_counts import Mask, Tally
from pipeline.resources import load_yaml
from pipeline.words import Count

NBSP, NARROW = "\u00a0", "\u202f"
_MONTHS = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"]
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufdd0-\ufdef\ufffe\uffff]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TEXTS = Path(__file__).with_name("templates") / "textes.yaml"
SOLID, FRAGILE = 0.75, 0.5  # Hennig (2007): over 0.75 a cluster is stable, under 0.5 it dissolves


def sentence(key: str, **values: Any) -> str:
    """The text of `key` ("section.entry") in textes.yaml, with `values` in its braces, whole numbers as `number` writes them.

    A noun or verb that agrees with a whole number is written as `pipeline.words.Count` tells: {n:autre|autres}.
    """
    section, entry = key.split(".")
    written = {name: _Printed(value) if isinstance(value, int) else value for name, value in values.items()}
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
    kept = [word for place, word in enumerate(words) if not place or len(", ".join(words[: place + 1])) <= n_chars]
    others = len(words) - len(kept)
    return sentence("lectures.et_autres", noms=shortened(", ".join(kept), n_chars), n=others) if others else shortened(kept[0], n_chars)


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
    return word("stabilite", "solide" if value >= SOLID else "fragile" if value < FRAGILE else "a_confirmer")


def stabilities(said: Iterable[str]) -> str:
    """How many themes are what `stability` says of each, the most frequent first: 12 solides et 7 à confirmer."""
    return joined([count(n, verdict, word("stabilites", verdict)) for verdict, n in Counter(said).most_common()])


def where(channel: str, question: str | None, table_number: int | None, workshop: str = "") -> str:
    """Where a passage was said, in words: workshop, table, question; "mail" or "restitution de la table 2" where that says it all."""
    table = f"table{NBSP}{table_number}" if table_number is not None else ""
    if question == "resume" or channel == "resume":
        place = sentence("lieux.restitution_de", table=table) if table else word("lieux", "restitution")
        parts = [place]
    elif channel in ("mail", "telephone"):
        parts = [word("lieux", channel)]
    else:
        medium = word("lieux", channel) if channel != "notes" or not table else ""
        topic = word("questions", question) if question and question in texts()["questions"] else ""
        parts = [medium, table, f"«{NBSP}{topic}{NBSP}»" if topic else ""]
    return ", ".join(part for part in (workshop, *parts) if part)
