"""Find, among many names of structures, the few that may be one structure's with a given name, without comparing each with all.

In:   every name that will be met, then names one after the other with the group that each was put into
Out:  the groups and names to compare with `are_one`: all those for which it may hold, up to a bound
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
from rapidfuzz import fuzz, process

from pipeline.structure_names import JOINED, MIN_ACRONYM, Named, telling_words

MOST = 300  # names compared with one; more share a key only in lists of thousands, and the first stand for the others
_MOST_WORDS = 8  # of a commune's name, any of which a common name may bear
_ALL_PAIRS = 5_000  # texts that are compared each with all, in a second; among more, only those that begin or end alike
_N_ALIKE = 3  # letters of a beginning or an end
_ROWS_AT_ONCE = 500

Found = tuple[int, Named]  # group, one of its names


class NameIndex:
    """The names put into groups so far, by what two names of one structure have in common."""

    def __init__(self, names: Sequence[Named], place_words: Collection[str], name_match: int) -> None:
        """Look at all of `names`, those that will be met, to learn which of their words are misspellings of one another."""
        self._place_words = place_words
        told = {tuple(self._telling(variant)) for named in names for variant in (named, *named.others)} - {()}
        self._words_like = _likeness({word for words in told for word in words}, name_match)
        self._joined_like = _likeness({"".join(words) for words in told}, max(JOINED, name_match))
        self._found: dict[Hashable, dict[Found, int]] = defaultdict(dict)  # in the order in which they came
        self._n_added = 0

    def add(self, named: Named, group: int) -> None:
        """Put `named` into `group`; the same name again adds nothing."""
        self._n_added += 1
        for key in self._keys_of(named):
            if len(self._found[key]) < MOST:
                self._found[key].setdefault((group, named), self._n_added)

    def near(self, named: Named) -> list[Found]:
        """The names that may be one structure's with `named`, `MOST` at most, the first group first and in it the first name."""
        found = {entry: order for key in self._asked_by(named) for entry, order in self._found.get(key, {}).items()}
        return sorted(found, key=lambda entry: (entry[0], found[entry]))[:MOST]

    def _keys_of(self, named: Named) -> Iterator[Hashable]:
        """What a name is found by."""
        for variant in (named, *named.others):
            yield from self._shared_keys(variant)
            words = self._telling(variant)
            yield from (("word", len(words), word) for word in words)
            if words:
                yield "joined", "".join(words)
        yield from self._with_commune(named)

    def _asked_by(self, named: Named) -> Iterator[Hashable]:
        """What a name looks for: for each of its keys, that of any name `are_one` may accept."""
        for variant in (named, *named.others):
            yield from self._shared_keys(variant)
            words = self._telling(variant)
            if words:
                yield from (("joined", other) for other in self._joined_like["".join(words)])
                yield from min(([("word", len(words), other) for other in self._words_like[word]] for word in words), key=self._n_found)
        yield from self._with_commune(named)

    def _shared_keys(self, named: Named) -> Iterator[Hashable]:
        """Equal words, in one commune or another; an acronym and its words."""
        yield "digits", named.in_digits
        yield "digits", named.in_digits, named.commune_code
        yield "set", frozenset(named.words)
        if len(named.words) == 1 and len(named.words[0]) >= MIN_ACRONYM:
            yield "initials", named.words[0]
        if len(named.words) >= MIN_ACRONYM:
            yield "initials", "".join(word[0] for word in named.words)

    def _with_commune(self, named: Named) -> Iterator[Hashable]:
        """The words of a common name together with some of its commune's ("comité fêtes", at Plomion: "comité fêtes plomion")."""
        if self._telling(named):
            return
        more = sorted(named.commune_words - set(named.words))[:_MOST_WORDS]
        for n_words in range(1, len(more) + 1):
            yield from (("set", frozenset(named.words) | set(some)) for some in combinations(more, n_words))

    def _n_found(self, keys: Iterable[Hashable]) -> int:
        return sum(len(self._found.get(key, ())) for key in keys)

    def _telling(self, named: Named) -> list[str]:
        return telling_words(named, self._place_words)


def _likeness(texts: Collection[str], score: int) -> dict[str, list[str]]:
    """Each text with those, itself among them, whose rapidfuzz ratio with it is `score` or more, in order of length.

    Among more than `_ALL_PAIRS` texts, which no study of workshops has, one misspelt in its first and its last letters is missed.
    """
    if len(texts) <= _ALL_PAIRS:
        return _alike_of_all(texts, score)
    blocks: dict[tuple[int, str], list[str]] = defaultdict(list)
    for text in texts:
        blocks[0, text[:_N_ALIKE]].append(text)
        blocks[1, text[-_N_ALIKE:]].append(text)
    alike: dict[str, dict[str, None]] = defaultdict(dict)
    for block in blocks.values():
        for text, others in _alike_of_all(block, score).items():
            alike[text] |= dict.fromkeys(others)
    return {text: sorted(others, key=lambda other: (len(other), other)) for text, others in alike.items()}


def _alike_of_all(texts: Collection[str], score: int) -> dict[str, list[str]]:
    """As `_likeness`, each text compared with all those that are not too long or too short."""
    ordered = sorted(texts, key=lambda text: (len(text), text))
    lengths = np.array([len(text) for text in ordered])
    alike: dict[str, list[str]] = {}
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        rows = ordered[start : start + _ROWS_AT_ONCE]
        longest = len(rows[-1]) * (200 - score) / score  # a longer text is no match, whatever its letters
        low = int(np.searchsorted(lengths, len(rows[0]) * score / (200 - score) - 1e-9))
        high = int(np.searchsorted(lengths, longest + 1e-9, side="right"))
        scores = process.cdist(rows, ordered[low:high], scorer=fuzz.ratio, score_cutoff=score, dtype=np.uint8)
        for row, columns in zip(rows, scores >= score, strict=True):
            alike[row] = [ordered[low + column] for column in np.flatnonzero(columns)]
    return alike
