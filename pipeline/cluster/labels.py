"""Name themes as a report would: one phrase that people wrote, or two that cover more of it, and the words that tell it apart.

In:   candidates of every theme, members' places in the subject space
Out:  a distinct label and at most eight keywords a theme
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from models.rows import Matrix
from pipeline.cluster.candidates import Candidate
from pipeline.french import fold
from pipeline.i18n import _

MOST_KEYWORDS = 8
_LONGEST_LABEL = 60  # characters
_ROOT, _SHORTEST_ROOT = 6, 5  # letters that two words of one root share
_FAR_ENOUGH = 0.92  # closeness over which two phrases say the same
_SHARED = 2  # tables that say each word of a phrase, from which it names the theme rather than one table's notes
_AS_GOOD = 0.25  # score that a shared phrase may lack against the best one
_WORTH_ADDING = 0.25  # score under which a second phrase would mislead


def label_themes(
    candidates: Sequence[Sequence[Candidate]], members: Iterable[Matrix], *, others: Collection[str] = frozenset()
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
        label = _label(chosen) if chosen else _("Thème {number}").format(number=theme + 1)
        labels.append(label if label not in labels else f"{label} ({theme + 1})")
    return labels


def _phrases(free: Sequence[Candidate], rows: Matrix) -> list[Candidate]:
    """The phrases that make a label; none where there is none."""
    chosen = _cover(_shared(free) or free, rows)
    if len(chosen) == 1 and len(chosen[0].key) == 1 and (following := _next(chosen, free, rows)):  # one word says too little
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
    while chosen and len(chosen) < (3 if all(len(candidate.key) == 1 for candidate in chosen) else 2):
        following = _next(chosen, found, rows)
        if following is None:
            break
        chosen.append(following)
    return chosen


def _next(chosen: Sequence[Candidate], found: Sequence[Candidate], rows: Matrix) -> Candidate | None:
    """The phrase that reads well with `chosen` and lies closest to the members they leave out; None where none does."""
    near = np.max([rows @ candidate.vector for candidate in chosen], axis=0)
    gains = [
        (round(float(np.maximum(rows @ candidate.vector - near, 0).mean()) + 0.5 * candidate.score, 6), candidate)
        for candidate in found
        if _goes_with(chosen, candidate)
    ]
    return max(gains, key=lambda gain: gain[0])[1] if gains else None


def _goes_with(chosen: Sequence[Candidate], candidate: Candidate) -> bool:
    """Whether `candidate` adds to the label: other words, another meaning, close enough to the theme, and room for it."""
    if candidate.score < _WORTH_ADDING or sum(len(other.surface) for other in (*chosen, candidate)) > _LONGEST_LABEL:
        return False
    return all(not _share_a_word(candidate, other) and float(candidate.vector @ other.vector) < _FAR_ENOUGH for other in chosen)


def _listed(surfaces: Sequence[str]) -> str:
    """The phrases as a French list: « a, b et c »."""
    return _(" et ").join([", ".join(surfaces[:-1]), surfaces[-1]] if len(surfaces) > 1 else surfaces)


def _share_a_word(first: Candidate, second: Candidate) -> bool:
    """Whether a word of one has the root of a word of the other: « coopérative » and « conseil coopératif »."""
    return any(_same_root(one, other) for one in _parts(first) for other in _parts(second))


def _parts(candidate: Candidate) -> list[str]:
    return [part for word in candidate.key for part in word.split("-")]


def _same_root(first: str, second: str) -> bool:
    n_letters = min(len(first), len(second), _ROOT)
    return first == second or (n_letters >= _SHORTEST_ROOT and first[:n_letters] == second[:n_letters])


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
