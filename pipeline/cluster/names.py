"""Find the phrases that tell themes, as people wrote them.

In:   readings, labels and strengths of the units, the study's subject space
Out:  a few dozen candidates a theme, best first; keywords; a phrase for a theme without a name
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product

import numpy as np
from numpy.typing import NDArray

from models.reading import Phrase, Reading, generic_words, opening_words, set_phrases
from models.rows import Matrix, sums_by_group, unit_rows
from models.views import SubjectSpace
from pipeline.text import fold

_MOST_PER_THEME = 40  # projected phrases
_MOST_WORDS = 3  # content words
_LONGEST = 34  # characters
# "des jeunes à la couverture" is rarely a name.
_LOOSE_LINKS = frozenset({"à", "au", "aux", "en"})
MOST_KEYWORDS = 8
_ROOT, _SHORTEST_ROOT = 6, 5  # letters that two words of one root share
# Fewest tables that say each word of a shared phrase.
_SHARED = 2


@dataclass(frozen=True)
class Candidate:
    """A phrase for a theme; `score` is high if it is close, widely said and specific.

    `support` counts the tables of the theme where its rarest word is said.
    """

    key: tuple[str, ...]
    surface: str
    score: float
    n_units: int
    vector: Matrix
    support: int = 1


def find_candidates(
    readings: Sequence[Reading],
    labels: NDArray[np.int64],
    strengths: Matrix,
    topic_words: Sequence[Sequence[str]],
    space: SubjectSpace,
    tables: Sequence[str] | None = None,
) -> list[list[Candidate]]:
    """Return each theme's candidates, best first; a theme without a phrase has none.

    With `tables`, the table of each unit, repeats at one table count once.
    """
    uses = _PhraseUses(readings)
    support = Support(readings, labels, tables)
    chosen = [_most_said(uses, labels, strengths, theme) for theme in range(len(topic_words))]
    keys = sorted({key for keys in chosen for key in keys})
    row_of = {key: row for row, key in enumerate(keys)}
    if not keys:
        return [[] for _ in topic_words]
    vectors = unit_rows(space.project([uses.surface(key) for key in keys]))
    sums = sums_by_group(space.rows, labels, len(topic_words), strengths)
    closeness = vectors @ unit_rows(sums).T
    candidates = []
    for theme, words in enumerate(topic_words):
        scored = []
        for key in chosen[theme]:
            row, n_tables, units = row_of[key], support.of(key, theme), uses.units[key]
            score = _score(uses, key, labels, theme, closeness[row], words, n_tables)
            scored.append(
                Candidate(key, uses.surface(key), score, len(units), vectors[row], n_tables)
            )
        candidates.append(sorted(scored, key=lambda one: (-round(one.score, 6), one.surface)))
    return candidates


class _PhraseUses:
    def __init__(self, readings: Sequence[Reading]) -> None:
        self.units: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._surfaces: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.doubtful: set[tuple[str, ...]] = set()
        names: set[tuple[str, ...]] = set()
        for unit, reading in enumerate(readings):
            for phrase in reading.phrases:
                if phrase.has_name:
                    names.add(phrase.key)
                if phrase.has_name or not _reads_well(phrase):
                    continue
                if unit not in self.units[phrase.key][-1:]:
                    self.units[phrase.key].append(unit)
                self._surfaces[phrase.key][phrase.surface] += 1
                if phrase.is_doubtful:
                    self.doubtful.add(phrase.key)
        for key in names:
            self.units.pop(key, None)

    def surface(self, key: tuple[str, ...]) -> str:
        """The most used spelling; plurals count three times, as they read better in a title."""
        counts = self._surfaces[key]

        def order(surface: str) -> tuple[int, bool, int, str]:
            weight = counts[surface] * (3 if _is_plural(surface, key) else 1)
            return -weight, surface.isascii(), len(surface), surface

        return min(counts, key=order)


class Support:
    """The number of tables of each theme where each word is said."""

    def __init__(
        self, readings: Sequence[Reading], labels: NDArray[np.int64], tables: Sequence[str] | None
    ) -> None:
        self._tables: dict[tuple[str, int], set[str]] = defaultdict(set)
        for unit, reading in enumerate(readings):
            table = str(unit) if tables is None else tables[unit]
            for word in {word for phrase in reading.phrases for word in phrase.key}:
                self._tables[word, int(labels[unit])].add(table)

    def of(self, key: tuple[str, ...], theme: int) -> int:
        """Return the count of the word of `key` said at fewest tables."""
        return min(len(self._tables[word, theme]) for word in key)


def _is_plural(surface: str, key: tuple[str, ...]) -> bool:
    """Whether the first word is plural: « minibus » is its own lemma."""
    first = fold(surface.split()[0], keep_signs=True)
    return first[-1] in "sx" and first != key[0]


def _reads_well(phrase: Phrase) -> bool:
    if len(phrase.key) > _MOST_WORDS or len(phrase.surface) > _LONGEST:
        return False
    if phrase.key in set_phrases():
        return True
    generic, mild = generic_words(), opening_words()
    if all(word in generic for word in phrase.key):
        return False
    return all(word not in generic or word in mild for word in (phrase.key[0], phrase.key[-1]))


def _most_said(
    uses: _PhraseUses, labels: NDArray[np.int64], strengths: Matrix, theme: int
) -> list[tuple[str, ...]]:
    weights = {}
    for key, units in uses.units.items():
        inside = [unit for unit in units if labels[unit] == theme]
        if inside:
            weights[key] = float(strengths[inside].sum()) * len(inside) / len(units)
    return sorted(weights, key=lambda key: (-round(weights[key], 6), key))[:_MOST_PER_THEME]


def _score(
    uses: _PhraseUses,
    key: tuple[str, ...],
    labels: NDArray[np.int64],
    theme: int,
    closeness: Matrix,
    words: Sequence[str],
    support: int,
) -> float:
    units = uses.units[key]
    inside = int((labels[units] == theme).sum())
    others = np.delete(closeness, theme)
    score = float(closeness[theme]) - 0.3 * float(others.max(initial=0.0))
    score += 0.2 * float(np.log(support)) - 0.12 * float(np.log1p(len(units) - inside))
    score += 0.1 * any(word in key for word in words)
    score += 0.08 * (len(key) == 2) + 0.04 * (len(key) == 3)
    if inside < 2:
        has_loose_link = not _LOOSE_LINKS.isdisjoint(uses.surface(key).split())
        score -= 0.3 * (key in uses.doubtful) + 0.12 * has_loose_link
    return score


def phrase_titles(candidates: Sequence[Sequence[Candidate]]) -> list[str]:
    """Return one phrase a theme, all distinct; the first themes choose first.

    One of several words, or said at several tables, comes before others; one of both, before all.
    """
    taken: set[str] = set()
    titles = []
    for theme, phrases in enumerate(candidates, start=1):
        in_order = sorted(phrases, key=lambda phrase: (-_n_signs(phrase), -phrase.score))
        surfaces = (phrase.surface[:1].upper() + phrase.surface[1:] for phrase in in_order)
        title = next((surface for surface in surfaces if surface not in taken), f"Thème {theme}")
        taken.add(title)
        titles.append(title)
    return titles


def _n_signs(phrase: Candidate) -> int:
    reads_alone = len(phrase.key) > 1 and _LOOSE_LINKS.isdisjoint(phrase.surface.split())
    return reads_alone + (phrase.support >= _SHARED)


def keywords_of(candidates: Sequence[Sequence[Candidate]]) -> list[list[str]]:
    """Return at most `MOST_KEYWORDS` phrases a theme, best first, without repeated words.

    A phrase goes to the theme that it tells best, and to no other.
    """
    best: dict[tuple[str, ...], float] = {}
    for candidate in chain.from_iterable(candidates):
        best[candidate.key] = max(candidate.score, best.get(candidate.key, -np.inf))
    keywords = []
    for phrases in candidates:
        distinct: list[Candidate] = []
        for phrase in phrases:
            is_own = phrase.score == best[phrase.key]
            if is_own and not any(_share_a_word(phrase, other) for other in distinct):
                distinct.append(phrase)
        keywords.append([phrase.surface for phrase in distinct[:MOST_KEYWORDS]])
    return keywords


def _share_a_word(first: Candidate, second: Candidate) -> bool:
    """Whether two words have one root: « coopérative » and « conseil coopératif »."""
    return any(_same_root(*parts) for parts in product(_parts(first), _parts(second)))


def _parts(candidate: Candidate) -> list[str]:
    return [part for word in candidate.key for part in word.split("-")]


def _same_root(first: str, second: str) -> bool:
    n_letters = min(len(first), len(second), _ROOT)
    is_long = n_letters >= _SHORTEST_ROOT
    return first == second or (is_long and first[:n_letters] == second[:n_letters])
