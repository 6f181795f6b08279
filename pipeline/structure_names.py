"""Decide whether two names are of one structure, however they are written.

In:   names as written on lists and maps, with the commune beside them
Out:  True or False; candidate names for comparison; the fullest of several spellings; the families
      of subjects that a name says

A wrong merge is worse than a missed one.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations, product

import numpy as np
from rapidfuzz import fuzz, process

from pipeline.communes import name_of
from pipeline.text import fold, groups_in, lexicon, lexicon_words

# rapidfuzz score of one name in one word ("Bon Train", "Bontrain")
JOINED = 90
MIN_ACRONYM = 3
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.\s?){2,}")
_FORMER = re.compile(
    r"^(?:ex|anciennement|ancien nom|autrefois|dite?|alias|aka)\b[\s:.-]*", re.IGNORECASE
)
# Names compared with one; only lists of thousands have more.
_MOST = 300
_MOST_WORDS = 8  # of a commune's name that are combined
# Above it, only texts with one beginning or end are compared (all pairs take a second).
_ALL_PAIRS = 5_000
_N_ALIKE = 3  # letters of a beginning or an end
_ROWS_AT_ONCE = 500
word_group = partial(lexicon_words, "structures")


@dataclass(frozen=True)
class StructureName:
    """A structure's name as written, and its commune: INSEE code, slug or None."""

    name: str
    commune_code: str | None = None

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The folded words, without articles, remarks in brackets and synonyms."""
        return _words_of(re.sub(r"\([^)]*\)", " ", self.name)) or _words_of(self.name)

    @cached_property
    def others(self) -> tuple["StructureName", ...]:
        """The acronym or former names, in brackets or after a dash."""
        bracketed = re.findall(r"\(([^)]*)\)", self.name)
        beside = [text for text in bracketed if _FORMER.match(text) or _looks_like_acronym(text)]
        bare = re.sub(r"\s*\([^)]*\)", "", self.name)
        halves = re.split(r"\s+[-–—]\s+|\s*,\s+(?=ex\b)", bare)
        if len(halves) == 2 and (
            _looks_like_acronym(halves[0])
            or _looks_like_acronym(halves[1])
            or _FORMER.match(halves[1])
        ):
            beside += halves
        elif _looks_like_acronym(bare):
            beside += bracketed
        names = [StructureName(_FORMER.sub("", text).strip(), self.commune_code) for text in beside]
        return tuple(
            name
            for name in names
            if set(name.words) - word_group("formes") and name.words != self.words
        )

    @cached_property
    def in_digits(self) -> tuple[str, ...]:
        """The words in digits: "Trois-Rivières" and "3 Rivières" are one."""
        cardinals = lexicon("numbers")["cardinaux"]
        return tuple(str(cardinals.get(word, word)) for word in self.words)

    @cached_property
    def own_words(self) -> tuple[str, ...]:
        """The words that name neither a kind nor a legal form."""
        common = word_group("descripteurs") | word_group("generiques")
        return tuple(word for word in self.words if word not in common)

    @property
    def commune_words(self) -> frozenset[str]:
        """The words of the commune's name."""
        name = name_of(self.commune_code) if self.commune_code else ""
        return frozenset(fold(name).split())


def are_one(
    first: StructureName, second: StructureName, locality_words: Collection[str], name_match: int
) -> bool:
    """Return whether two names are of one structure, by their first or other names.

    `locality_words` distinguish nothing; `name_match` is 0..100.
    """
    if _are_one(first, second, locality_words, name_match):
        return True
    pairs = product((first, *first.others), (second, *second.others))
    return any(
        telling_words(left, locality_words)
        and telling_words(right, locality_words)
        and _are_one(left, right, locality_words, name_match)
        for left, right in pairs
    )


def telling_words(name: StructureName, locality_words: Collection[str]) -> list[str]:
    """Return the words that distinguish a structure in its kind and locality."""
    return [word for word in name.own_words if word not in locality_words]


def fullest_name(names: Sequence[str]) -> str:
    """Return the spelling with most letters out of brackets ("&" is two), then most accents."""
    bare = sorted({" ".join(re.sub(r"\s*\([^)]*\)", "", name).split()) or name for name in names})
    return max(
        bare,
        key=lambda name: (
            sum(map(str.isalpha, name.replace("&", "et"))),
            sum(not letter.isascii() for letter in name),
            not name.isupper(),
        ),
    )


def _words_of(text: str) -> tuple[str, ...]:
    joined = _DOTTED.sub(lambda match: re.sub(r"[.\s]", "", match[0]) + " ", text)
    folded = fold(joined).split()
    words = [word for word in folded if word not in word_group("vides")] or folded
    if not words:
        return ()
    entries = lexicon("structures")
    first = words[0]
    if len(words) > 1:
        first = entries["sigles"].get(first, first)
    first = entries["synonymes"].get(words[0], first)
    return (*str(first).split(), *words[1:])


def _looks_like_acronym(text: str) -> bool:
    """Whether it is an acronym ("RQNQ", "R.Q.N.Q.") and not a legal form."""
    bare = re.sub(r"[.\s]", "", text)
    is_legal_form = fold(bare) in word_group("formes") | word_group("descripteurs")
    return bool(re.fullmatch(r"[A-ZÀ-Ý][A-ZÀ-Ý0-9]{2,9}", bare)) and not is_legal_form


def _are_one(
    first: StructureName, second: StructureName, locality_words: Collection[str], name_match: int
) -> bool:
    """Whether the telling words match, misspelt or not, without different kinds."""
    if first.in_digits == second.in_digits:
        return bool(telling_words(first, locality_words)) or _may_share_commune(first, second)
    if _is_acronym(first, second) or _is_acronym(second, first):
        return True
    left, right = telling_words(first, locality_words), telling_words(second, locality_words)
    if not left or not right:
        return _are_one_generic(first, second)
    alike = len(left) == len(right) and all(
        max(fuzz.ratio(word, other) for other in right) >= name_match for word in left
    )
    alike = alike or fuzz.ratio("".join(left), "".join(right)) >= max(JOINED, name_match)
    return alike and not _differ_in_kind(first, second)


def _are_one_generic(first: StructureName, second: StructureName) -> bool:
    """Whether it is "Comité des fêtes", at Plomion, and "Comité des fêtes de Plomion"."""
    short, long = sorted((first, second), key=lambda name: len(name.words))
    more = [word for word in long.words if word not in short.words]
    is_contained = set(short.words) <= set(long.words)
    return is_contained and bool(more) and set(more) <= short.commune_words and bool(short.words)


def _may_share_commune(first: StructureName, second: StructureName) -> bool:
    codes = {first.commune_code, second.commune_code} - {None}
    return len(codes) < 2


def _is_acronym(short: StructureName, long: StructureName) -> bool:
    """ "CAPSO" is "Communauté d'agglomération du Pays de Saint-Omer"."""
    if len(short.words) != 1 or len(long.words) < MIN_ACRONYM or len(short.words[0]) < MIN_ACRONYM:
        return False
    return short.words[0] == "".join(word[0] for word in long.words)


def _differ_in_kind(first: StructureName, second: StructureName) -> bool:
    """ "Jardin Lacordaire" and "École Lacordaire" do; legal forms don't count."""
    kind_words = (word_group("descripteurs") | word_group("generiques")) - word_group("formes")
    left, right = ([word for word in name.words if word in kind_words] for name in (first, second))
    if not left or not right or set(left) & set(right):
        return False
    initials, other_initials = ("".join(word[0] for word in kinds) for kinds in (left, right))
    return initials not in second.words and other_initials not in first.words


class NameIndex:
    """Names in groups, by shared keys.

    It is built with all names to come, to find their misspellings of one another.
    """

    def __init__(
        self, names: Sequence[StructureName], locality_words: Collection[str], name_match: int
    ) -> None:
        self._locality_words = locality_words
        names_told = {
            tuple(self._telling(variant)) for name in names for variant in (name, *name.others)
        } - {()}
        self._words_like = _likeness({word for words in names_told for word in words}, name_match)
        self._joined_like = _likeness(set(map("".join, names_told)), max(JOINED, name_match))
        # (group, name) and order of addition, by key.
        self._entries: dict[Hashable, dict[tuple[int, StructureName], int]] = defaultdict(dict)
        self._n_added = 0

    def add(self, name: StructureName, group: int) -> None:
        """Put `name` into `group`; the same name again adds nothing."""
        self._n_added += 1
        for key in self._keys_of(name):
            if len(self._entries[key]) < _MOST:
                self._entries[key].setdefault((group, name), self._n_added)

    def near(self, name: StructureName) -> list[tuple[int, StructureName]]:
        """Return the groups and names that may match `name`, by group."""
        order_of: dict[tuple[int, StructureName], int] = {}
        for key in self._asked_keys(name):
            order_of |= self._entries.get(key, {})
        return sorted(order_of, key=lambda entry: (entry[0], order_of[entry]))[:_MOST]

    def _keys_of(self, name: StructureName) -> Iterator[Hashable]:
        for variant in (name, *name.others):
            yield from self._shared_keys(variant)
            words = self._telling(variant)
            yield from (("word", len(words), word) for word in words)
            if words:
                yield "joined", "".join(words)
        yield from self._with_commune(name)

    def _asked_keys(self, name: StructureName) -> Iterator[Hashable]:
        """The keys of any name that `are_one` may accept, for each key of `name`."""
        for variant in (name, *name.others):
            yield from self._shared_keys(variant)
            words = self._telling(variant)
            if words:
                yield from (("joined", other) for other in self._joined_like["".join(words)])
                by_word = [
                    [("word", len(words), other) for other in self._words_like[word]]
                    for word in words
                ]
                yield from min(by_word, key=self._n_entries)
        yield from self._with_commune(name)

    def _shared_keys(self, name: StructureName) -> Iterator[Hashable]:
        yield "digits", name.in_digits
        yield "digits", name.in_digits, name.commune_code
        yield "set", frozenset(name.words)
        if len(name.words) == 1 and len(name.words[0]) >= MIN_ACRONYM:
            yield "initials", name.words[0]
        if len(name.words) >= MIN_ACRONYM:
            yield "initials", "".join(word[0] for word in name.words)

    def _with_commune(self, name: StructureName) -> Iterator[Hashable]:
        """A common name with words of its commune ("comité fêtes plomion")."""
        if self._telling(name):
            return
        more = sorted(name.commune_words - set(name.words))[:_MOST_WORDS]
        for n_words in range(1, len(more) + 1):
            yield from (
                ("set", frozenset(name.words) | set(some)) for some in combinations(more, n_words)
            )

    def _n_entries(self, keys: Iterable[Hashable]) -> int:
        return sum(len(self._entries.get(key, ())) for key in keys)

    def _telling(self, name: StructureName) -> list[str]:
        return telling_words(name, self._locality_words)


def _likeness(texts: Collection[str], score: int) -> dict[str, list[str]]:
    """Each text with those, itself included, of rapidfuzz ratio `score` or more, shortest first.

    Above `_ALL_PAIRS` texts, one misspelt in its first and its last letters is missed.
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
    ordered = sorted(texts, key=lambda text: (len(text), text))
    lengths = np.array([len(text) for text in ordered])
    alike: dict[str, list[str]] = {}
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        rows = ordered[start : start + _ROWS_AT_ONCE]
        # Lengths too different never match.
        shortest = len(rows[0]) * score / (200 - score)
        longest = len(rows[-1]) * (200 - score) / score
        low = int(np.searchsorted(lengths, shortest - 1e-9))
        high = int(np.searchsorted(lengths, longest + 1e-9, side="right"))
        scores = process.cdist(
            rows, ordered[low:high], scorer=fuzz.ratio, score_cutoff=score, dtype=np.uint8
        )
        for row, columns in zip(rows, scores >= score, strict=True):
            alike[row] = [ordered[low + column] for column in np.flatnonzero(columns)]
    return alike


def families_of_name(name: str) -> tuple[str, ...]:
    """Return the families of subjects that a structure's name leaves no doubt of.

    « Ressourcerie Le Grenier » is of « Réemploi », « Le Grenier » of none.
    """
    return groups_in(name, "noms_structures")
