"""What is kept of an answer: known codes, quotes that the passage holds word for word, one code an exclusive axis, every passage answered.

In:   the text of an answer, the passages that were asked
Out:  the codes of each passage with their spans; passages whose answer is missing or broken have none; counts of what was dropped
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.tagger.evidence import Span
from pipeline.grid import Grid

Answer = dict[str, list[Span]]  # spans in the passage, half-open code points, by code

UNKNOWN_CODES, INVENTED_QUOTES, EXTRA_UNITS, BROKEN_UNITS, BROKEN_ANSWERS = (
    "unknown_codes",
    "invented_quotes",
    "extra_units",
    "broken_units",
    "broken_answers",
)

_BEGINNING = re.compile(r'\{\s*"passages"')
_MOST_BEGINNINGS = 20


@dataclass(frozen=True)
class Codebook:
    """The grid's codes by name; `exclusive` are those of each axis of which a passage bears exactly one, by axis."""

    codes: frozenset[str]
    exclusive: Mapping[str, frozenset[str]]

    @staticmethod
    def of(grid: Grid) -> "Codebook":
        """The codebook of `grid`."""
        exclusive = {axis.axis: frozenset(code.code for code in grid.axis(axis.axis)) for axis in grid.axes if axis.is_exclusive}
        return Codebook(frozenset(code.code for code in grid.codes), exclusive)


def read_answer(content: str, texts: Sequence[str], codebook: Codebook) -> tuple[dict[int, Answer], Counter[str]]:
    """Return the codes of each passage by its place in `texts`, and what was dropped.

    A code that the grid does not know is dropped; a quote that is not in the passage voids its tag; a passage without exactly one code
    of each exclusive axis, or answered twice in two ways, is broken and has no answer.
    """
    dropped: Counter[str] = Counter()
    passages = _passages(content)
    if passages is None:
        dropped[BROKEN_ANSWERS] += 1
        return {}, dropped
    found: dict[int, list[Any]] = {}
    for entry in passages:
        number = _number(entry)
        if 1 <= number <= len(texts):
            found.setdefault(number - 1, []).append(entry)
        else:
            dropped[EXTRA_UNITS] += 1
    answers: dict[int, Answer] = {}
    for place, entries in sorted(found.items()):
        answer = _answer(entries[0], texts[place], codebook, dropped) if all(entry == entries[0] for entry in entries) else None
        if answer is None:
            dropped[BROKEN_UNITS] += 1
        else:
            answers[place] = answer
    return answers, dropped


def find_quote(quote: str, text: str) -> list[Span]:
    """Where `quote` stands in `text` as whole words, spaces and apostrophes of any kind being alike; [] where it does not."""
    words = quote.split()
    if not words:
        return []
    pattern = r"\s+".join(re.escape(word).replace("’", "'").replace("ʼ", "'").replace("'", "['’ʼ]") for word in words)
    start, end = (r"(?<!\w)" if words[0][0].isalnum() else ""), (r"(?!\w)" if words[-1][-1].isalnum() else "")
    match = re.search(start + pattern + end, text)
    return [match.span()] if match else []


def _passages(content: str) -> list[Any] | None:
    """The answer's list, whether its JSON stands alone, in a code fence or after thoughts; None where there is none, whole."""
    decoder = json.JSONDecoder()
    starts = [0, *(match.start() for match in _BEGINNING.finditer(content))]
    for start in starts[:_MOST_BEGINNINGS]:
        try:
            value, _ = decoder.raw_decode(content, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("passages"), list):
            return list(value["passages"])
    return None


def _number(entry: Any) -> int:
    """Which passage an entry answers for; 0 where it does not say."""
    number = entry.get("numero") if isinstance(entry, dict) else None
    if isinstance(number, str) and number.isdecimal() and len(number) < 4:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _answer(entry: Mapping[str, Any], text: str, codebook: Codebook, dropped: Counter[str]) -> Answer | None:
    """The codes of one passage; None where what is left is not a whole answer."""
    if not isinstance(entry.get("codes"), list):
        return None
    given = (entry.get(axis) for axis in codebook.exclusive)
    tags = [*entry["codes"], *(tag for put in given if put is not None for tag in (put if isinstance(put, list) else [put]))]
    answer: Answer = {}
    for code, quote in _tags(tags):
        if code not in codebook.codes:
            dropped[UNKNOWN_CODES] += 1
            continue
        spans = find_quote(quote, text)
        if not spans:
            dropped[INVENTED_QUOTES] += 1
            continue
        answer[code] = sorted({*answer.get(code, []), *spans})
    return answer if all(len(codes & answer.keys()) == 1 for codes in codebook.exclusive.values()) else None


def _tags(tags: Iterable[Any]) -> Iterable[tuple[str, str]]:
    """Code and quote of each tag; what has another form is an unknown code."""
    for tag in tags:
        code, quote = (tag.get("code"), tag.get("citation")) if isinstance(tag, dict) else (None, None)
        yield (code if isinstance(code, str) else "", quote if isinstance(quote, str) else "")
