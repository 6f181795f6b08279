"""What is kept of what a model says of themes: names and descriptions that its quotes bear out word for word, pairs of known themes.

In:   the text of an answer; the passages of a theme, or the number of themes
Out:  Named; pairs; None where nothing is left
"""

import json
import re
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from models.language_model.checks import find_quote

LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_REASON = 60, 300, 200  # characters
_OPENING = re.compile(r"\{")
_MOST_OPENINGS = 20


@dataclass(frozen=True)
class Named:
    """A proposed name and description; each quote with the place of the passage that holds it."""

    name: str
    description: str
    quotes: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Pair:
    """Two themes, by place, that the model would make one, and why."""

    first: int
    second: int
    reason: str


def read_named(content: str, texts: list[str]) -> Named | None:
    """The name and description in an answer; None where one is missing or too long, or where no quote stands in its passage."""
    value = _object_with(content, "nom")
    name, description = (_one_line(value.get(key)) for key in ("nom", "description"))
    told = value.get("citations")
    quotes = tuple(
        (number - 1, quote) for number, quote in map(_quote, told if isinstance(told, list) else []) if _stands(number, quote, texts)
    )
    is_short = 0 < len(name) <= LONGEST_NAME and 0 < len(description) <= LONGEST_DESCRIPTION
    return Named(name, description, tuple(dict.fromkeys(quotes))) if is_short and quotes and "[" not in name else None


def read_pairs(content: str, n_themes: int) -> list[Pair] | None:
    """The mergers in an answer, each pair of known themes once; None where there is no list of them."""
    told = _object_with(content, "reunions").get("reunions")
    if not isinstance(told, list):
        return None
    found: dict[tuple[int, int], Pair] = {}
    for entry in told:
        numbers = entry.get("themes") if isinstance(entry, dict) else None
        known = sorted({n for n in numbers if type(n) is int and 1 <= n <= n_themes}) if isinstance(numbers, list) else []
        for first, second in combinations(known, 2):
            found.setdefault((first, second), Pair(first - 1, second - 1, _one_line(entry.get("raison"))[:LONGEST_REASON]))
    return [found[pair] for pair in sorted(found)]


def _object_with(content: str, key: str) -> dict[str, Any]:
    """The first JSON object with `key`, alone, in a code fence or after thoughts; {} where there is none."""
    decoder = json.JSONDecoder()
    for match in list(_OPENING.finditer(content))[:_MOST_OPENINGS]:
        try:
            value, _ = decoder.raw_decode(content, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and key in value:
            return value
    return {}


def _one_line(text: Any) -> str:
    return " ".join(text.split()) if isinstance(text, str) and text.isprintable() else ""


def _quote(entry: Any) -> tuple[int, str]:
    number, quote = (entry.get("passage"), entry.get("citation")) if isinstance(entry, dict) else (None, None)
    return (number if type(number) is int else 0), (quote if isinstance(quote, str) else "")


def _stands(number: int, quote: str, texts: list[str]) -> bool:
    return 1 <= number <= len(texts) and bool(find_quote(quote, texts[number - 1]))
