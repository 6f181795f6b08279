"""General notions (data/lexicon/notions.yaml): which ones a code's text calls, and where passages say them.

In:   codes of any grid, texts
Out:  how much each text says what each code calls (n_texts, n_codes); the places where it does
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from models.tagger.views import Array
from pipeline.grid import Code
from pipeline.words import lexicon

Span = tuple[int, int]

_LABEL, _DEFINITION, _INCLUDE = 2.0, 1.0, 0.5  # a notion that names the code counts more than one that its inclusions mention
_MOST_CUES = 2  # of a notion in one text; more say no more
_OWN_LEXICON = 2.0  # the words that the grid itself gives for a code, beside the notions that its text calls


@dataclass(frozen=True)
class Notion:
    """`named_by` finds it in a grid's text, `said_by` in a passage; both read folded text."""

    name: str
    named_by: re.Pattern[str]
    said_by: re.Pattern[str]


@dataclass(frozen=True)
class NotionMatcher:
    """How much passages say what `codes` call, counted in standard deviations over the `ordinary` passages."""

    codes: tuple[Code, ...]
    ordinary: tuple[str, ...]

    def closeness(self, texts: Sequence[str]) -> Array:
        """Return (n_texts, n_codes); each text's row depends on it alone."""
        said = self._ordinary_said if tuple(texts) == self.ordinary else _said(texts, self._patterns)
        away = (said - self._mean) / self._deviation
        return np.array([row @ self._calls for row in away]).reshape(len(texts), len(self.codes))

    def spans(self, text: str, code: int) -> list[Span]:
        """Return where `text` says what the code calls, what it calls most first."""
        weights = self._calls[:, code]
        folded = _folded(text)
        places = [place for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
        return [match.span() for place in places for match in self._patterns[place].finditer(folded)]

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        """What finds each notion, then each code's own lexicon."""
        return [*(notion.said_by for notion in load_notions()), *(_pattern(code.lexicon) for code in self.codes)]

    @cached_property
    def _calls(self) -> Array:
        """How much each code calls each notion, then each lexicon: (n_patterns, n_codes)."""
        notions = load_notions()
        calls = np.zeros((len(notions), len(self.codes)))
        for column, code in enumerate(self.codes):
            for text, weight in ((code.label, _LABEL), (code.definition, _DEFINITION), (code.include, _INCLUDE)):
                calls[:, column] += [weight * np.sqrt(_n_found(notion.named_by, _folded(text))) for notion in notions]
        callers = (calls > 0).sum(axis=1, keepdims=True)
        calls *= np.log1p(len(self.codes) / np.maximum(callers, 1))  # what every code calls tells none of them
        calls /= np.maximum(np.linalg.norm(calls, axis=0), 1e-9)
        return np.vstack([calls, _OWN_LEXICON * np.diag([float(bool(code.lexicon)) for code in self.codes])])

    @cached_property
    def _ordinary_said(self) -> Array:
        own = _said(self.ordinary, [_pattern(code.lexicon) for code in self.codes])
        return np.hstack([_notions_said(self.ordinary), own])

    @cached_property
    def _mean(self) -> Array:
        return np.asarray(self._ordinary_said.mean(axis=0))

    @cached_property
    def _deviation(self) -> Array:
        return np.asarray(np.maximum(self._ordinary_said.std(axis=0), 0.05))


@cache
def _notions_said(texts: tuple[str, ...]) -> Array:
    """How much each text says each notion, (n_texts, n_notions): counted once for the ordinary passages, whatever the grid."""
    return _said(texts, [notion.said_by for notion in load_notions()])


def _said(texts: Iterable[str], patterns: Sequence[re.Pattern[str]]) -> Array:
    """How much each text says what each pattern finds: (n_texts, n_patterns)."""
    folded = [_folded(text) for text in texts]
    found = [[min(_MOST_CUES, _n_found(pattern, text)) for pattern in patterns] for text in folded]
    return np.sqrt(np.array(found, dtype=np.float64).reshape(len(folded), len(patterns)))


@cache
def load_notions() -> tuple[Notion, ...]:
    """Return the notions of data/lexicon/notions.yaml, in its order."""
    listed = lexicon("notions")
    return tuple(Notion(name, _pattern(words["designe"]), _pattern(words["indices"])) for name, words in listed.items())


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Finds any of `words`, folded: with a plural or feminine ending, or any ending after `*`; nothing where there are none."""
    return re.compile("|".join(map(_one, words)) or r"(?!)")


def _one(word: str) -> str:
    folded = _folded(word)
    body = r"[\s'-]+".join(re.escape(part) for part in re.split(r"[\s'-]+", folded.rstrip("*")))
    before = r"(?<!\w)" if folded[0].isalnum() else ""
    if folded.endswith("*"):
        return rf"{before}{body}\w*"
    return rf"{before}{body}(?:es|[esx])?(?!\w)" if folded[-1].isalnum() else f"{before}{body}"


def _n_found(pattern: re.Pattern[str], folded: str) -> int:
    """Different words of `folded` that `pattern` finds."""
    return len({match.group() for match in pattern.finditer(folded)})


def _folded(text: str) -> str:
    """`text` in lower case without accents, plain apostrophes; same length, so that offsets hold."""
    return "".join(_fold_letter(letter) for letter in text)


@cache
def _fold_letter(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0].lower()
    return "'" if letter == "’" else base if len(base) == 1 else letter
