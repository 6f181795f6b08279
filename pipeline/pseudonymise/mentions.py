"""Find again, in the rest of a document, the names found once in it: alone, or misspelt.

In:   a passage, the folded names found in its document
Out:  masks; a place, a thing or a structure of the same name is none
"""

from rapidfuzz import fuzz, process

from pipeline.pseudonymise.communes import is_place
from pipeline.pseudonymise.context import is_place_name
from pipeline.pseudonymise.listed_names import is_located
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.things import is_of_brand, is_said_thing, is_thing
from pipeline.pseudonymise.words import is_first_name

_LONG = 6
_SURE = 88  # rapidfuzz score: no roster vouches for the name
_NEARLY = "orthographe proche d'un nom du même document"


def mentions_of(passage: Passage, names: frozenset[str]) -> list[Mask]:
    """Return the mentions by a single capitalised name, folded in `names`, of persons named elsewhere in the same document."""
    return [
        Mask(word.start, word.end, PERSON)
        for place, word in enumerate(passage.words)
        if word.folded in names
        and word.has_capital
        and not (passage.is_kept(word) or is_located(passage, place) or _is_other(passage, place))
    ]


def _is_other(passage: Passage, place: int) -> bool:
    """Whether the words around make a place, a thing or a structure of the name: un poêle Godin; Chez Josette, c'est le nom du bar."""
    words = passage.words
    is_brand = not is_first_name(words[place].folded) and is_of_brand(words, place)
    return is_brand or is_place_name(words, place) or is_said_thing(words, place, passage.folded)


def misspelt_mentions(passage: Passage, names: frozenset[str], *, name_match: int) -> list[Mask]:
    """Return the long unknown words of `passage` that are nearly one of `names`, found in the same document: Hoarau for Hoareau."""
    near = [name for name in sorted(names) if len(name) >= _LONG]
    masks: list[Mask] = []
    for place, word in enumerate(passage.words):
        is_unknown = len(word.text) >= _LONG and word.has_capital and not (word.is_common or word.is_upper or is_place(word.folded))
        if not near or not is_unknown or word.folded in names or passage.is_kept(word) or passage.label(word) in ("ORG", "LOC"):
            continue
        same = [name for name in near if name[:2] == word.folded[:2]]
        match = process.extractOne(word.folded, same, scorer=fuzz.ratio, score_cutoff=max(name_match, _SURE))
        if match and not (is_first_name(word.folded) or is_place_name(passage.words, place) or is_thing(passage.words, place)):
            masks.append(Mask(word.start, word.end, PERSON, doubt=_NEARLY))
    return masks


def names_in(passage: Passage, masks: list[Mask]) -> frozenset[str]:
    """Folded parts of the names found, uncommon enough to be looked for alone."""
    parts = [word for word in passage.words if len(word.text) > 3 and word.has_capital and not (word.is_common or is_place(word.folded))]
    return frozenset(word.folded for word in parts if any(mask.start <= word.start and word.end <= mask.end for mask in masks))
