"""Put a code on some words of a passage, and find these words again in its text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.decisions.kinds import Code, Names, Reviewed, as_json, in_value, read_json
from pipeline.decisions.tags import CodeDecision, TagDecision

Span = tuple[int, int]  # half-open, in the passage's text
_TOKEN = re.compile(r"(\[[^\[\]]+\])")  # what stands for a name or an address
_FARTHEST = 80  # characters of the longest name
_FIRST_NAME = re.compile(r"\s*(?:\[[^\[\]]+\]|\S+)")
_LAST_NAME = re.compile(r"(?:\[[^\[\]]+\]|\S+)\s*$")


class Quote(NamedTuple):
    """Words of a passage, where they were when somebody chose them."""

    start: int
    end: int
    words: str

    @classmethod
    def of(cls, text: str, start: int, end: int) -> "Quote | None":
        """Return the words from `start` to `end` without blanks around; None if there is none.

        >>> Quote.of("plus de car le soir", 7, 12)
        Quote(start=8, end=11, words='car')
        """
        start, end = max(start, 0), min(end, len(text))
        chosen = text[start:end]
        words = chosen.strip()
        start += len(chosen) - len(chosen.lstrip())
        has_word = any(map(str.isalnum, words))
        return cls(start, start + len(words), words) if has_word else None

    def place_in(self, text: str) -> "Quote | None":
        """Return where the words are in `text` now, None where they are no more."""
        span = find_words(text, self.words, self.start)
        return None if span is None else Quote(*span, text[slice(*span)])


def find_words(text: str, words: str, near: int) -> Span | None:
    """Return where `words` are in `text`, at the place nearest to `near`.

    Case, blanks and the numbers of persons do not count, and a hidden name is any name, of one word
    where it begins or ends the words:

    >>> find_words("[personne 4] dit : plus  de car", "Plus de car", 0)
    (19, 31)
    """
    if words and text[near : near + len(words)] == words:
        return near, near + len(words)
    parts = _TOKEN.split(words.strip())  # what is said, with a name between two
    said = [_as_said(part) for part in parts[::2] if part.strip()]
    if said:
        first = said[0].finditer(text)
        spans = [span for match in first if (span := _followed(text, match.span(), said[1:]))]
    else:
        spans = [match.span() for match in _TOKEN.finditer(text)] if words.strip() else []
    if said and not parts[0].strip():
        spans = [(_start_of_name(text, start), end) for start, end in spans]
    if said and not parts[-1].strip():
        spans = [(start, _end_of_name(text, end)) for start, end in spans]
    return min(spans, key=lambda span: (abs(span[0] - near), span), default=None)


def _as_said(part: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(map(re.escape, part.split())), re.IGNORECASE)


def _followed(text: str, span: Span, said: Iterable[re.Pattern[str]]) -> Span | None:
    """Return `span` with the texts that follow it, a name apart; None where one does not.

    The first place of each is taken, so the time grows with the text alone.
    """
    start, end = span
    for part in said:
        match = part.search(text, end, end + _FARTHEST + 2 * len(part.pattern))
        if match is None:
            return None
        end = match.end()
    return start, end


def _start_of_name(text: str, end: int) -> int:
    """Return where the name before a place starts: one that is hidden, else a word."""
    match = _LAST_NAME.search(text[max(end - _FARTHEST, 0) : end])
    return end - len(match[0]) if match else end


def _end_of_name(text: str, start: int) -> int:
    match = _FIRST_NAME.match(text, start)
    return match.end() if match else start


def _read_quote(value: object) -> Quote | None:
    content = read_json(value)
    if not isinstance(content, dict):
        return None
    start, end, words = (content.get(name) for name in Quote._fields)
    is_span = isinstance(start, int) and isinstance(end, int) and 0 <= start < end
    is_read = is_span and isinstance(words, str) and words.strip()
    return Quote(start, end, words) if is_read else None  # type: ignore[arg-type]


def _write_quote(quote: Quote | None) -> str | None:
    return as_json(quote._asdict()) if quote else None


@dataclass(frozen=True)
class CodeSpan(CodeDecision):
    """Puts a code on some words of a passage; those of several decisions add up."""

    action = "code_span"
    template = "pose {code} sur les mots {value}"
    has_typed_value = True  # a name in these words may be known only later
    typed_parts = ("words",)

    quote: Quote | None = field(metadata=in_value(_read_quote, _write_quote))

    def fault(self, reviewed: Reviewed) -> str | None:
        return super().fault(reviewed) or (None if self.quote else NO_WORDS)

    def overlaps(self, quote: Quote) -> bool:
        """Whether a word is in both, where the passage has the text of then."""
        own = self.quote
        return own is not None and own.start < quote.end and quote.start < own.end

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        chosen = self.quote.words if self.quote else None
        return super().words(names, value) | {"value": names.quoted(chosen)}


NO_WORDS = "La décision ne dit pas sur quels mots elle porte."
MOVED = "Ces mots ne sont plus dans le passage : son texte a changé."


def spans_by_code(decisions: Iterable[TagDecision]) -> dict[Code, list[Span]]:
    """Return the words that people coded on one passage, by code, in the text's order.

    Who removes a code removes its words too.
    """
    spans: dict[Code, set[Span]] = {}
    for decision in decisions:
        for code, stays in decision.code_words(list(spans)):
            if not stays:
                spans.pop(code, None)
            elif isinstance(decision, CodeSpan) and decision.quote:
                spans.setdefault(code, set()).add(decision.quote[:2])
    return {code: sorted(chosen) for code, chosen in spans.items()}
