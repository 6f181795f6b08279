"""Phrases that could name a theme: where each was said, how close it lies to each theme, how it reads.

In:   readings, labels and strengths of the units, the study's subject space
Out:  Candidate, a few dozen a theme, best first
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.phrases import Phrase
from models.reading import Reading, generic_words, opening_words, set_phrases
from models.rows import Matrix, unit_rows, weighted_sums_by_group
from models.views import SubjectSpace
from pipeline.french import fold

_MOST_PER_THEME = 40  # phrases that are projected
_MOST_WORDS = 3  # that carry a meaning
_LONGEST = 34  # characters
_LOOSE_LINKS = frozenset({"à", "au", "aux", "en"})  # "des jeunes à la couverture" is a piece of a clause more often than a name


@dataclass(frozen=True)
class Candidate:
    """A phrase for a theme; `score` is higher for what is close to the theme, said at many of its tables and seldom elsewhere.

    `support`: tables of the theme where its rarest word is said; a document stands for a table that has no number.
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
    """Return the candidates of each theme 0..n_themes − 1, best first; a theme without a phrase has none.

    `tables` names the table of each unit, so that what one table repeats counts once; without it each unit counts. Units are those that
    `space` holds.
    """
    uses = _Uses(readings)
    support = Support(readings, labels, tables)
    chosen = [_most_said(uses, labels, strengths, theme) for theme in range(len(topic_words))]
    keys = sorted({key for keys in chosen for key in keys})
    row = {key: at for at, key in enumerate(keys)}
    if not keys:
        return [[] for _ in topic_words]
    vectors = unit_rows(space.project([uses.surface(key) for key in keys]))
    closeness = vectors @ unit_rows(weighted_sums_by_group(space.rows, labels, len(topic_words), strengths)).T
    candidates = []
    for theme, words in enumerate(topic_words):
        scored = [
            Candidate(
                key,
                uses.surface(key),
                _score(uses, key, labels, theme, closeness[row[key]], words, support.of(key, theme)),
                len(uses.units[key]),
                vectors[row[key]],
                support.of(key, theme),
            )
            for key in chosen[theme]
        ]
        candidates.append(sorted(scored, key=lambda candidate: (-round(candidate.score, 6), candidate.surface)))
    return candidates


class _Uses:
    """Units and spellings of every phrase that may name a theme."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.units: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._surfaces: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.doubtful: set[tuple[str, ...]] = set()
        named: set[tuple[str, ...]] = set()
        for unit, reading in enumerate(readings):
            for phrase in reading.phrases:
                if phrase.has_name or not _reads_well(phrase):
                    named |= {phrase.key} if phrase.has_name else set()
                    continue
                if unit not in self.units[phrase.key][-1:]:
                    self.units[phrase.key].append(unit)
                self._surfaces[phrase.key][phrase.surface] += 1
                if phrase.is_doubtful:
                    self.doubtful.add(phrase.key)
        for key in named:  # what is a name once is a name
            self.units.pop(key, None)

    def surface(self, key: tuple[str, ...]) -> str:
        """The most used spelling, plurals counted thrice as they read better in a title; then the one with accents, then the shorter."""
        counts = self._surfaces[key]
        weights = {surface: count * (3 if _is_plural(surface, key) else 1) for surface, count in counts.items()}
        return min(weights, key=lambda surface: (-weights[surface], surface.isascii(), len(surface), surface))


class Support:
    """At how many tables of each theme each word is said."""

    def __init__(self, readings: Sequence[Reading], labels: NDArray[np.int64], tables: Sequence[str] | None) -> None:
        self._tables: dict[tuple[str, int], set[str]] = defaultdict(set)
        for unit, reading in enumerate(readings):
            for word in {word for phrase in reading.phrases for word in phrase.key}:
                self._tables[word, int(labels[unit])].add(str(unit) if tables is None else tables[unit])

    def of(self, key: tuple[str, ...], theme: int) -> int:
        """That of the word of `key` said at fewest; 1 at least for a phrase said in the theme."""
        return min(len(self._tables[word, theme]) for word in key)


def _is_plural(surface: str, key: tuple[str, ...]) -> bool:
    """Whether the first word is in the plural: « minibus » is its own lemma."""
    first = fold(surface.split()[0])
    return first[-1] in "sx" and first != key[0]


def _reads_well(phrase: Phrase) -> bool:
    """Short enough, and made of words that say something: a generic one only opens or closes what another details."""
    if len(phrase.key) > _MOST_WORDS or len(phrase.surface) > _LONGEST:
        return False
    if phrase.key in set_phrases():
        return True
    generic, mild = generic_words(), opening_words()
    if all(word in generic for word in phrase.key):
        return False
    return all(word not in generic or word in mild for word in (phrase.key[0], phrase.key[-1]))


def _most_said(uses: _Uses, labels: NDArray[np.int64], strengths: Matrix, theme: int) -> list[tuple[str, ...]]:
    """The phrases whose uses in the theme weigh most, by the strength of their units and the share of uses that lie in it."""
    weights = {}
    for key, units in uses.units.items():
        inside = [unit for unit in units if labels[unit] == theme]
        if inside:
            weights[key] = float(strengths[inside].sum()) * len(inside) / len(units)
    return sorted(weights, key=lambda key: (-round(weights[key], 6), key))[:_MOST_PER_THEME]


def _score(
    uses: _Uses,
    key: tuple[str, ...],
    labels: NDArray[np.int64],
    theme: int,
    closeness: Matrix,
    words: Sequence[str],
    support: int,
) -> float:
    """Closeness to the theme rather than to the next one, plus what its uses, the tables that say its words and its form add."""
    units = uses.units[key]
    inside = int((labels[units] == theme).sum())
    others = np.delete(closeness, theme)
    score = float(closeness[theme]) - 0.3 * max(float(others.max()) if len(others) else 0.0, 0.0)
    score += 0.2 * float(np.log(support)) - 0.12 * float(np.log1p(len(units) - inside))
    score += 0.1 * any(word in key for word in words)
    score += 0.08 * (len(key) == 2) + 0.04 * (len(key) == 3)
    if inside < 2:
        score -= 0.3 * (key in uses.doubtful) + 0.12 * bool(_LOOSE_LINKS & set(uses.surface(key).split()))
    return score
