"""Phrases that could name a theme: where each was said, how close it lies to each theme, how it reads.

In:   readings, labels and strengths of the units, the study's subject space
Out:  Candidate, a few dozen a theme, best first

Name themes as a report would: one phrase that people wrote, or two that cover more of it, and the words that tell it apart.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.reading import Phrase, Reading, generic_words, opening_words, set_phrases
from models.rows import Matrix, unit_rows, weighted_sums_by_group
from models.views import SubjectSpace
from pipeline.text import fold

_MOST_PER_THEME = 40  # phrases that are projected
_MOST_WORDS = 3  # that carry a meaning
_LONGEST = 34  # characters
_LOOSE_LINKS = frozenset(
    {"à", "au", "aux", "en"}
)  # "des jeunes à la couverture" is a piece of a clause more often than a name


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
    closeness = (
        vectors
        @ unit_rows(weighted_sums_by_group(space.rows, labels, len(topic_words), strengths)).T
    )
    candidates = []
    for theme, words in enumerate(topic_words):
        scored = [
            Candidate(
                key,
                uses.surface(key),
                _score(
                    uses, key, labels, theme, closeness[row[key]], words, support.of(key, theme)
                ),
                len(uses.units[key]),
                vectors[row[key]],
                support.of(key, theme),
            )
            for key in chosen[theme]
        ]
        candidates.append(
            sorted(scored, key=lambda candidate: (-round(candidate.score, 6), candidate.surface))
        )
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
        weights = {
            surface: count * (3 if _is_plural(surface, key) else 1)
            for surface, count in counts.items()
        }
        return min(
            weights,
            key=lambda surface: (-weights[surface], surface.isascii(), len(surface), surface),
        )


class Support:
    """At how many tables of each theme each word is said."""

    def __init__(
        self, readings: Sequence[Reading], labels: NDArray[np.int64], tables: Sequence[str] | None
    ) -> None:
        self._tables: dict[tuple[str, int], set[str]] = defaultdict(set)
        for unit, reading in enumerate(readings):
            for word in {word for phrase in reading.phrases for word in phrase.key}:
                self._tables[word, int(labels[unit])].add(
                    str(unit) if tables is None else tables[unit]
                )

    def of(self, key: tuple[str, ...], theme: int) -> int:
        """That of the word of `key` said at fewest; 1 at least for a phrase said in the theme."""
        return min(len(self._tables[word, theme]) for word in key)


def _is_plural(surface: str, key: tuple[str, ...]) -> bool:
    """Whether the first word is in the plural: « minibus » is its own lemma."""
    first = fold(surface.split()[0], keep_signs=True)
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


def _most_said(
    uses: _Uses, labels: NDArray[np.int64], strengths: Matrix, theme: int
) -> list[tuple[str, ...]]:
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
        score -= 0.3 * (key in uses.doubtful) + 0.12 * bool(
            _LOOSE_LINKS & set(uses.surface(key).split())
        )
    return score


MOST_KEYWORDS = 8
_LONGEST_LABEL = 60  # characters
_ROOT, _SHORTEST_ROOT = 6, 5  # letters that two words of one root share
_FAR_ENOUGH = 0.92  # closeness over which two phrases say the same
_SHARED = 2  # tables that say each word of a phrase, from which it names the theme rather than one table's notes
_AS_GOOD = 0.25  # score that a shared phrase may lack against the best one
_WORTH_ADDING = 0.25  # score under which a second phrase would mislead


def label_themes(
    candidates: Sequence[Sequence[Candidate]],
    members: Iterable[Matrix],
    *,
    others: Collection[str] = frozenset(),
) -> list[str]:
    """Return one label a theme, the first themes choosing first; two themes share neither a label nor a first phrase.

    `others` are labels that none may bear, unless it has no other phrase.
    """
    taken: set[tuple[str, ...]] = set()
    labels: list[str] = []
    for theme, (found, rows) in enumerate(zip(candidates, members, strict=True)):
        free = [candidate for candidate in found if candidate.key not in taken]
        chosen = first = _phrases(free, rows)
        while chosen and fold(_label(chosen)) in map(fold, others):
            free = [candidate for candidate in free if candidate not in chosen]
            chosen = _phrases(free, rows)
        chosen = chosen or first
        taken |= {candidate.key for candidate in chosen}
        label = _label(chosen) if chosen else f"Thème {theme + 1}"
        labels.append(label if label not in labels else f"{label} ({theme + 1})")
    return labels


def _phrases(free: Sequence[Candidate], rows: Matrix) -> list[Candidate]:
    """The phrases that make a label; none where there is none."""
    chosen = _cover(_shared(free) or free, rows)
    if (
        len(chosen) == 1 and len(chosen[0].key) == 1 and (following := _next(chosen, free, rows))
    ):  # one word says too little
        chosen.append(following)
    return chosen


def _label(chosen: Sequence[Candidate]) -> str:
    return _sentence_case(_listed([candidate.surface for candidate in chosen]))


def keywords_of(candidates: Sequence[Candidate]) -> list[str]:
    """Return at most `MOST_KEYWORDS` phrases, best first, none of which repeats the words of another."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if not any(_share_a_word(candidate, other) for other in kept):
            kept.append(candidate)
    return [candidate.surface for candidate in kept[:MOST_KEYWORDS]]


def _shared(free: Sequence[Candidate]) -> list[Candidate]:
    """The phrases that several tables say, where one of them is nearly as good as the best of all."""
    shared = [candidate for candidate in free if candidate.support >= _SHARED]
    return shared if shared and shared[0].score >= free[0].score - _AS_GOOD else []


def _cover(found: Sequence[Candidate], rows: Matrix) -> list[Candidate]:
    """The best phrase and what brings most to members far from it; a third where the first two are single words."""
    chosen = list(found[:1])
    while chosen and len(chosen) < (
        3 if all(len(candidate.key) == 1 for candidate in chosen) else 2
    ):
        following = _next(chosen, found, rows)
        if following is None:
            break
        chosen.append(following)
    return chosen


def _next(
    chosen: Sequence[Candidate], found: Sequence[Candidate], rows: Matrix
) -> Candidate | None:
    """The phrase that reads well with `chosen` and lies closest to the members they leave out; None where none does."""
    near = np.max([rows @ candidate.vector for candidate in chosen], axis=0)
    gains = [
        (
            round(
                float(np.maximum(rows @ candidate.vector - near, 0).mean()) + 0.5 * candidate.score,
                6,
            ),
            candidate,
        )
        for candidate in found
        if _goes_with(chosen, candidate)
    ]
    return max(gains, key=lambda gain: gain[0])[1] if gains else None


def _goes_with(chosen: Sequence[Candidate], candidate: Candidate) -> bool:
    """Whether `candidate` adds to the label: other words, another meaning, close enough to the theme, and room for it."""
    if (
        candidate.score < _WORTH_ADDING
        or sum(len(other.surface) for other in (*chosen, candidate)) > _LONGEST_LABEL
    ):
        return False
    return all(
        not _share_a_word(candidate, other) and float(candidate.vector @ other.vector) < _FAR_ENOUGH
        for other in chosen
    )


def _listed(surfaces: Sequence[str]) -> str:
    """The phrases as a French list: « a, b et c »."""
    return " et ".join([", ".join(surfaces[:-1]), surfaces[-1]] if len(surfaces) > 1 else surfaces)


def _share_a_word(first: Candidate, second: Candidate) -> bool:
    """Whether a word of one has the root of a word of the other: « coopérative » and « conseil coopératif »."""
    return any(_same_root(one, other) for one in _parts(first) for other in _parts(second))


def _parts(candidate: Candidate) -> list[str]:
    return [part for word in candidate.key for part in word.split("-")]


def _same_root(first: str, second: str) -> bool:
    n_letters = min(len(first), len(second), _ROOT)
    return first == second or (
        n_letters >= _SHORTEST_ROOT and first[:n_letters] == second[:n_letters]
    )


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
