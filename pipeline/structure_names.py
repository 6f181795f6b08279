"""Tell whether two names are one structure's, however they are written; a wrong merge is worse than a missed one.

In:   names as written on lists and maps, with the commune beside them
Out:  True or False; the words that tell a structure; the most complete of several spellings
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from rapidfuzz import fuzz

from pipeline.communes import name_of
from pipeline.words import fold, lexicon

JOINED = 90  # rapidfuzz score over which two names written in one word are the same ("Bon Train", "Bontrain")
MIN_ACRONYM = 3
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.\s?){2,}")
_FORMER = re.compile(r"^(?:ex|anciennement|ancien nom|autrefois|dite?|alias|aka)\b[\s:.-]*", re.IGNORECASE)


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
        beside = [text for text in re.findall(r"\(([^)]*)\)", self.name) if _FORMER.match(text) or _is_sigle(text)]
        bare = re.sub(r"\s*\([^)]*\)", "", self.name)
        halves = re.split(r"\s+[-–—]\s+|\s*,\s+(?=ex\b)", bare)
        if len(halves) == 2 and (_is_sigle(halves[0]) or _is_sigle(halves[1]) or _FORMER.match(halves[1])):
            beside += halves
        elif _is_sigle(bare):
            beside += re.findall(r"\(([^)]*)\)", self.name)
        named = [Named(_FORMER.sub("", text).strip(), self.commune_code) for text in beside]
        return tuple(other for other in named if other.words and set(other.words) - word_group("formes") and other.words != self.words)

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
        return frozenset(fold(name_of(self.commune_code)).split()) if self.commune_code else frozenset()


def are_one(first: Named, second: Named, place_words: Collection[str], name_match: int) -> bool:
    """True where two names are one structure's, by the first name or another that stands beside it; `name_match` is a rapidfuzz score."""
    if _are_one(first, second, place_words, name_match):
        return True
    pairs = [
        (left, right) for left in (first, *first.others) for right in (second, *second.others) if left is not first or right is not second
    ]
    return any(
        _telling(left, place_words) and _telling(right, place_words) and _are_one(left, right, place_words, name_match)
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
        key=lambda name: (sum(map(str.isalpha, name.replace("&", "et"))), sum(not letter.isascii() for letter in name), not name.isupper()),
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
    first = entries["synonymes"].get(words[0], entries["sigles"].get(words[0], words[0]) if len(words) > 1 else words[0])
    return (*str(first).split(), *words[1:])


def _is_sigle(text: str) -> bool:
    """True for an acronym ("RQNQ", "R.Q.N.Q."), and not for a legal form."""
    bare = re.sub(r"[.\s]", "", text)
    return bool(re.fullmatch(r"[A-ZÀ-Ý][A-ZÀ-Ý0-9]{2,9}", bare)) and fold(bare) not in word_group("formes") | word_group("descripteurs")


def _are_one(first: Named, second: Named, place_words: Collection[str], name_match: int) -> bool:
    """True for the same telling words, misspelt or not, and no words that say different kinds."""
    if first.in_digits == second.in_digits:
        return not is_generic(first, place_words) or _may_share_commune(first, second)
    if _is_acronym(first, second) or _is_acronym(second, first):
        return True
    left, right = _telling(first, place_words), _telling(second, place_words)
    if not left or not right:
        return _are_one_generic(first, second)
    alike = len(left) == len(right) and all(max(fuzz.ratio(word, other) for other in right) >= name_match for word in left)
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
    return first.commune_code is None or second.commune_code is None or first.commune_code == second.commune_code


def _is_acronym(short: Named, long: Named) -> bool:
    """True where the one word of `short` is the initials of `long`, as "CAPSO" of "Communauté d'agglomération du Pays de Saint-Omer"."""
    if len(short.words) != 1 or len(long.words) < MIN_ACRONYM or len(short.words[0]) < MIN_ACRONYM:
        return False
    return short.words[0] == "".join(word[0] for word in long.words)


def _differ_in_kind(first: Named, second: Named) -> bool:
    """True where both names say what they are, but not the same ("Jardin Lacordaire", "École Lacordaire"); legal forms don't count."""
    kinds = [set(named.words) & (word_group("descripteurs") | word_group("generiques")) - word_group("formes") for named in (first, second)]
    if not kinds[0] or not kinds[1] or kinds[0] & kinds[1]:
        return False
    initials = ["".join(word[0] for word in named.words if word in kind) for named, kind in zip((first, second), kinds, strict=True)]
    return initials[0] not in second.words and initials[1] not in first.words
