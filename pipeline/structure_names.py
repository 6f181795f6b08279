"""Tell whether two names are one structure's, however they are written; a wrong merge is worse than a missed one.

In:   names as written on lists and maps, with the commune beside them
Out:  True or False; the words that tell a structure; the most complete of several spellings

Find, among many names of structures, the few that may be one structure's with a given name, without comparing each with all.

Which sectors of activity a French text names, by the beginnings of its words.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations

import numpy as np
from rapidfuzz import fuzz, process

from pipeline.communes import name_of
from pipeline.text import fold, groups_in, lexicon, word_groups

JOINED = 90  # rapidfuzz score over which two names written in one word are the same ("Bon Train", "Bontrain")
MIN_ACRONYM = 3
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.\s?){2,}")
_FORMER = re.compile(
    r"^(?:ex|anciennement|ancien nom|autrefois|dite?|alias|aka)\b[\s:.-]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Named:
    """A structure's name as written, and the commune beside it: INSEE code, slug or None."""

    name: str
    commune_code: str | None = None

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The folded words of the name, without articles, remarks in brackets and synonyms."""
        return _words_of(re.sub(r"\([^)]*\)", " ", self.name)) or _words_of(self.name)

    @cached_property
    def others(self) -> tuple["Named", ...]:
        """The other names that stand beside the first: an acronym or former name in brackets, or after a dash."""
        beside = [
            text
            for text in re.findall(r"\(([^)]*)\)", self.name)
            if _FORMER.match(text) or _is_sigle(text)
        ]
        bare = re.sub(r"\s*\([^)]*\)", "", self.name)
        halves = re.split(r"\s+[-–—]\s+|\s*,\s+(?=ex\b)", bare)
        if len(halves) == 2 and (
            _is_sigle(halves[0]) or _is_sigle(halves[1]) or _FORMER.match(halves[1])
        ):
            beside += halves
        elif _is_sigle(bare):
            beside += re.findall(r"\(([^)]*)\)", self.name)
        named = [Named(_FORMER.sub("", text).strip(), self.commune_code) for text in beside]
        return tuple(
            other
            for other in named
            if other.words and set(other.words) - word_group("formes") and other.words != self.words
        )

    @cached_property
    def in_digits(self) -> tuple[str, ...]:
        """The words with their numbers in digits: "Trois-Rivières" and "3 Rivières" are one."""
        cardinals = lexicon("numbers")["cardinaux"]
        return tuple(str(cardinals.get(word, word)) for word in self.words)

    @cached_property
    def own_words(self) -> tuple[str, ...]:
        """The words that tell neither a kind nor a legal form."""
        common = word_group("descripteurs") | word_group("generiques")
        return tuple(word for word in self.words if word not in common)

    @property
    def commune_words(self) -> frozenset[str]:
        """The words of the commune's name."""
        return (
            frozenset(fold(name_of(self.commune_code)).split())
            if self.commune_code
            else frozenset()
        )


def are_one(first: Named, second: Named, place_words: Collection[str], name_match: int) -> bool:
    """True where two names are one structure's, by the first name or another that stands beside it; `name_match` is a rapidfuzz score."""
    if _are_one(first, second, place_words, name_match):
        return True
    pairs = [
        (left, right)
        for left in (first, *first.others)
        for right in (second, *second.others)
        if left is not first or right is not second
    ]
    return any(
        _telling(left, place_words)
        and _telling(right, place_words)
        and _are_one(left, right, place_words, name_match)
        for left, right in pairs
    )


def is_generic(named: Named, place_words: Collection[str]) -> bool:
    """True for a name common to many territories, which only its place tells apart."""
    return not _telling(named, place_words)


def telling_words(named: Named, place_words: Collection[str]) -> list[str]:
    """The words that tell this structure from others of its kind and place."""
    return _telling(named, place_words)


def fullest_name(names: Sequence[str]) -> str:
    """The most complete spelling: the most letters without brackets ("&" is two), then the most accents, then the first in the alphabet."""
    bare = sorted({" ".join(re.sub(r"\s*\([^)]*\)", "", name).split()) or name for name in names})
    return max(
        bare,
        key=lambda name: (
            sum(map(str.isalpha, name.replace("&", "et"))),
            sum(not letter.isascii() for letter in name),
            not name.isupper(),
        ),
    )


@cache
def word_group(group: str) -> frozenset[str]:
    """A list of data/lexicon/structures.yaml."""
    return frozenset(str(word) for word in lexicon("structures")[group])


def _words_of(text: str) -> tuple[str, ...]:
    joined = _DOTTED.sub(lambda found: re.sub(r"[.\s]", "", found[0]) + " ", text)
    folded = fold(joined).split()
    words = [word for word in folded if word not in word_group("vides")] or folded
    if not words:
        return ()
    entries = lexicon("structures")
    first = entries["synonymes"].get(
        words[0], entries["sigles"].get(words[0], words[0]) if len(words) > 1 else words[0]
    )
    return (*str(first).split(), *words[1:])


def _is_sigle(text: str) -> bool:
    """True for an acronym ("RQNQ", "R.Q.N.Q."), and not for a legal form."""
    bare = re.sub(r"[.\s]", "", text)
    return bool(re.fullmatch(r"[A-ZÀ-Ý][A-ZÀ-Ý0-9]{2,9}", bare)) and fold(bare) not in word_group(
        "formes"
    ) | word_group("descripteurs")


def _are_one(first: Named, second: Named, place_words: Collection[str], name_match: int) -> bool:
    """True for the same telling words, misspelt or not, and no words that say different kinds."""
    if first.in_digits == second.in_digits:
        return not is_generic(first, place_words) or _may_share_commune(first, second)
    if _is_acronym(first, second) or _is_acronym(second, first):
        return True
    left, right = _telling(first, place_words), _telling(second, place_words)
    if not left or not right:
        return _are_one_generic(first, second)
    alike = len(left) == len(right) and all(
        max(fuzz.ratio(word, other) for other in right) >= name_match for word in left
    )
    alike = alike or fuzz.ratio("".join(left), "".join(right)) >= max(JOINED, name_match)
    return alike and not _differ_in_kind(first, second)


def _telling(named: Named, place_words: Collection[str]) -> list[str]:
    return [word for word in named.own_words if word not in place_words]


def _are_one_generic(first: Named, second: Named) -> bool:
    """True for a common name and the same with the commune of the other ("Comité des fêtes", at Plomion; "Comité des fêtes de Plomion")."""
    short, long = sorted((first, second), key=lambda named: len(named.words))
    more = [word for word in long.words if word not in short.words]
    is_contained = set(short.words) <= set(long.words)
    return is_contained and bool(more) and set(more) <= short.commune_words and bool(short.words)


def _may_share_commune(first: Named, second: Named) -> bool:
    return (
        first.commune_code is None
        or second.commune_code is None
        or first.commune_code == second.commune_code
    )


def _is_acronym(short: Named, long: Named) -> bool:
    """True where the one word of `short` is the initials of `long`, as "CAPSO" of "Communauté d'agglomération du Pays de Saint-Omer"."""
    if len(short.words) != 1 or len(long.words) < MIN_ACRONYM or len(short.words[0]) < MIN_ACRONYM:
        return False
    return short.words[0] == "".join(word[0] for word in long.words)


def _differ_in_kind(first: Named, second: Named) -> bool:
    """True where both names say what they are, but not the same ("Jardin Lacordaire", "École Lacordaire"); legal forms don't count."""
    kinds = [
        set(named.words)
        & (word_group("descripteurs") | word_group("generiques")) - word_group("formes")
        for named in (first, second)
    ]
    if not kinds[0] or not kinds[1] or kinds[0] & kinds[1]:
        return False
    initials = [
        "".join(word[0] for word in named.words if word in kind)
        for named, kind in zip((first, second), kinds, strict=True)
    ]
    return initials[0] not in second.words and initials[1] not in first.words


MOST = 300  # names compared with one; more share a key only in lists of thousands, and the first stand for the others
_MOST_WORDS = 8  # of a commune's name, any of which a common name may bear
_ALL_PAIRS = 5_000  # texts that are compared each with all, in a second; among more, only those that begin or end alike
_N_ALIKE = 3  # letters of a beginning or an end
_ROWS_AT_ONCE = 500

Found = tuple[int, Named]  # group, one of its names


class NameIndex:
    """The names put into groups so far, by what two names of one structure have in common."""

    def __init__(
        self, names: Sequence[Named], place_words: Collection[str], name_match: int
    ) -> None:
        """Look at all of `names`, those that will be met, to learn which of their words are misspellings of one another."""
        self._place_words = place_words
        told = {
            tuple(self._telling(variant)) for named in names for variant in (named, *named.others)
        } - {()}
        self._words_like = _likeness({word for words in told for word in words}, name_match)
        self._joined_like = _likeness({"".join(words) for words in told}, max(JOINED, name_match))
        self._found: dict[Hashable, dict[Found, int]] = defaultdict(
            dict
        )  # in the order in which they came
        self._n_added = 0

    def add(self, named: Named, group: int) -> None:
        """Put `named` into `group`; the same name again adds nothing."""
        self._n_added += 1
        for key in self._keys_of(named):
            if len(self._found[key]) < MOST:
                self._found[key].setdefault((group, named), self._n_added)

    def near(self, named: Named) -> list[Found]:
        """The names that may be one structure's with `named`, `MOST` at most, the first group first and in it the first name."""
        found = {
            entry: order
            for key in self._asked_by(named)
            for entry, order in self._found.get(key, {}).items()
        }
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
                yield from min(
                    (
                        [("word", len(words), other) for other in self._words_like[word]]
                        for word in words
                    ),
                    key=self._n_found,
                )
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
            yield from (
                ("set", frozenset(named.words) | set(some)) for some in combinations(more, n_words)
            )

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
    return {
        text: sorted(others, key=lambda other: (len(other), other))
        for text, others in alike.items()
    }


def _alike_of_all(texts: Collection[str], score: int) -> dict[str, list[str]]:
    """As `_likeness`, each text compared with all those that are not too long or too short."""
    ordered = sorted(texts, key=lambda text: (len(text), text))
    lengths = np.array([len(text) for text in ordered])
    alike: dict[str, list[str]] = {}
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        rows = ordered[start : start + _ROWS_AT_ONCE]
        longest = (
            len(rows[-1]) * (200 - score) / score
        )  # a longer text is no match, whatever its letters
        low = int(np.searchsorted(lengths, len(rows[0]) * score / (200 - score) - 1e-9))
        high = int(np.searchsorted(lengths, longest + 1e-9, side="right"))
        scores = process.cdist(
            rows, ordered[low:high], scorer=fuzz.ratio, score_cutoff=score, dtype=np.uint8
        )
        for row, columns in zip(rows, scores >= score, strict=True):
            alike[row] = [ordered[low + column] for column in np.flatnonzero(columns)]
    return alike


def sectors_of(text: str) -> tuple[str, ...]:
    """The sectors that `text` names, most often named first, then in the lexicon's order; () where it names none."""
    return groups_in(text, "secteurs")


def all_sectors() -> tuple[str, ...]:
    """Every sector, in the lexicon's order."""
    return tuple(word_groups("secteurs"))
