"""Find the names of the attendance list, and again the names found elsewhere in a document.

In:   a passage, the index of a word in it; or the names found in its document
Out:  "" for a listed name, a doubt for one that is nearly listed, None for none; masks
"""

import re

from rapidfuzz import fuzz, process

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.context import Passage, has_human_context, is_place_name
from pipeline.pseudonymise.cues import is_of_brand, is_said_thing, is_subject, is_thing
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.words import is_first_name, is_place, terms
from pipeline.text import fold_same_length

_WHERE = re.compile(
    r"\s(?:à\s(?!la\s|l')|vers\s)|\s?[,(]\s?(?:dans\s(?:les?|la|l')|en\s|pres\sd|\d\d)"
)
_NEARLY = "orthographe proche d'un nom de la liste"
_PLACE_OR_NAME = "nom de quelqu'un de la liste, et d'un lieu"


def is_written_as_name(text: str, roster: Roster) -> bool:
    """Whether a whole name of the roster has a capital or, as notes in small letters have it,
    neither an initial nor common words.
    """
    parts = re.split(r"[\s.\-]+", text)
    return any(part[:1].isupper() for part in parts) or all(len(part) > 2 for part in parts)


def is_roster_name(passage: Passage, i: int, name_match: int, *, in_context: bool) -> str | None:
    """Tell whether a capitalised word is a name of the roster, or nearly; a common word that opens
    a sentence counts in context only.
    """
    word, roster = passage.words[i], passage.roster
    if word.folded in roster.first or (
        word.folded in roster.last and (len(word.text) > 2 or _is_surely_person(passage, i))
    ):
        return _listed_name(passage, i, in_context=in_context)
    is_common = word.is_common or word.folded in terms("prenoms_lieux") | terms("prenoms_mots")
    may_be_misspelt = len(word.text) > 4 and not (
        is_common or passage.is_shouted or is_first_name(word.folded) or is_place(word.folded)
    )
    return _misspelt(passage, i, name_match, in_context=in_context) if may_be_misspelt else None


def _listed_name(passage: Passage, i: int, *, in_context: bool) -> str | None:
    """Tell whether a word that the roster has is a person's name here, not a place, a thing or a
    common word.
    """
    word = passage.words[i]
    is_city = is_place(word.folded) and (passage.label(word) == "LOC" or not word.is_common)
    is_person = _is_surely_person(passage, i) if is_city else in_context
    if is_person and not (is_place(word.folded) and is_located(passage, i)):
        return ""
    may_be_place = is_place(word.folded) and word.folded not in passage.roster.first
    is_article = (
        i > 0 and word.before == " " and passage.words[i - 1].folded in terms("articles_singuliers")
    )
    if (may_be_place and passage.label(word) == "LOC") or (is_article and word.is_common):
        return None
    is_word = (word.is_common or word.folded in terms("prenoms_mots")) and (
        word.opens or passage.is_shouted
    )
    if (is_word and word.folded not in terms("prenoms_lieux")) or is_located(passage, i):
        return None
    return _PLACE_OR_NAME if may_be_place else ""


def _is_surely_person(passage: Passage, i: int) -> bool:
    """Whether the words around a name that is also a place's are those that only people have:
    places too ask, finance and lose.
    """
    words, folded = passage.words, passage.folded
    if (
        is_first_name(words[i].folded)
        or has_human_context(words, i, folded)
        or is_subject(words, i, humanly=True)
    ):
        return True
    if re.fullmatch(r" [dD]['’]", words[i].before) and words[i - 1].folded in terms("possessions"):
        return True
    beside = (
        words[i + by]
        for by in (-2, 2)
        if 0 <= i + by < len(words) and words[i + by // 2].folded in ("et", "ou")
    )
    return any(
        word.folded in passage.roster.first | passage.roster.last and not is_place(word.folded)
        for word in beside
    )


def _misspelt(passage: Passage, i: int, name_match: int, *, in_context: bool) -> str | None:
    """Whether the word is nearly a name of the roster with the same first letter; after "de" or "à"
    spaCy must see a person too.
    """
    word = passage.words[i]
    near = [
        name
        for name in sorted(passage.roster.first | passage.roster.last)
        if len(name) > 4 and name[0] == word.folded[0]
    ]
    match = process.extractOne(word.folded, near, scorer=fuzz.ratio, score_cutoff=name_match)
    if match is None:
        return None
    may_be_place = bool(i) and (
        passage.words[i - 1].folded in terms("prepositions_de_lieu") | {"de", "du"}
        or "'" in fold_same_length(word.before)
    )
    if may_be_place and not in_context and passage.label(word) != "PER":
        return None
    return "" if in_context or match[1] >= 90 else _NEARLY


def is_located(passage: Passage, i: int) -> bool:
    """Whether a name that may be a place stands where places do: à Florence, de Lannion à Valence,
    la salle de Grand, dans les Vosges.
    """
    word = passage.words[i]
    if not i:
        return False
    before = passage.words[i - 1]
    is_elided = bool(re.fullmatch(r" [dD]['’]", word.before))
    if (before.folded in ("de", "du") and word.before == " ") or is_elided:
        return _is_origin(passage, i, i - (1 if is_elided else 2))
    if word.before != " ":
        return False
    may_be_place = (
        word.folded in terms("prenoms_lieux")
        or passage.label(word) == "LOC"
        or _is_place_only(passage, i)
    )
    return may_be_place and before.folded in terms("prepositions_de_lieu")


def _is_origin(passage: Passage, i: int, head: int) -> bool:
    """Whether "de" before a known place tells where: from, to, in which region; or a surname of the
    list stands after no possession.
    """
    word, words = passage.words[i], passage.words
    if not is_place(word.folded):
        return False
    after = passage.folded[word.end : word.end + 30]
    if _WHERE.match(after):
        return True
    of_what = words[head].folded if head >= 0 else ""
    if of_what in terms("provenances"):
        return True
    return (
        word.folded not in passage.roster.first
        and not is_first_name(word.folded)
        and of_what not in terms("possessions")
    )


def _is_place_only(passage: Passage, i: int) -> bool:
    word = passage.words[i]
    return is_place(word.folded) and not is_first_name(word.folded)


_LONG = 6
_SURE = 88  # rapidfuzz score: no roster vouches for the name
_NEARLY_IN_DOCUMENT = "orthographe proche d'un nom du même document"


def mentions_of(passage: Passage, names: frozenset[str]) -> list[Mask]:
    """Return the mentions by a single capitalised name, folded in `names`, of persons named
    elsewhere in the same document.
    """
    return [
        Mask(word.start, word.end, PERSON)
        for i, word in enumerate(passage.words)
        if word.folded in names
        and word.has_capital
        and not (passage.is_kept(word) or is_located(passage, i) or _is_other(passage, i))
    ]


def _is_other(passage: Passage, i: int) -> bool:
    """Whether the words around make a place, a thing or a structure of the name: un poêle Godin;
    Chez Josette, c'est le nom du bar.
    """
    words = passage.words
    is_brand = not is_first_name(words[i].folded) and is_of_brand(words, i)
    return is_brand or is_place_name(words, i) or is_said_thing(words, i, passage.folded)


def misspelt_mentions(passage: Passage, names: frozenset[str], *, name_match: int) -> list[Mask]:
    """Return the long unknown words of `passage` that are nearly one of `names`, found in the same
    document: Hoarau for Hoareau.
    """
    near = [name for name in sorted(names) if len(name) >= _LONG]
    masks: list[Mask] = []
    for i, word in enumerate(passage.words):
        is_unknown = (
            len(word.text) >= _LONG
            and word.has_capital
            and not (word.is_common or word.is_upper or is_place(word.folded))
        )
        if (
            not near
            or not is_unknown
            or word.folded in names
            or passage.is_kept(word)
            or passage.label(word) in ("ORG", "LOC")
        ):
            continue
        same = [name for name in near if name[:2] == word.folded[:2]]
        match = process.extractOne(
            word.folded, same, scorer=fuzz.ratio, score_cutoff=max(name_match, _SURE)
        )
        if match and not (
            is_first_name(word.folded)
            or is_place_name(passage.words, i)
            or is_thing(passage.words, i)
        ):
            masks.append(Mask(word.start, word.end, PERSON, doubt=_NEARLY_IN_DOCUMENT))
    return masks


def names_in(passage: Passage, masks: list[Mask]) -> frozenset[str]:
    """Folded parts of the names found, uncommon enough to be looked for alone."""
    parts = [
        word
        for word in passage.words
        if len(word.text) > 3 and word.has_capital and not (word.is_common or is_place(word.folded))
    ]
    return frozenset(
        word.folded
        for word in parts
        if any(mask.start <= word.start and word.end <= mask.end for mask in masks)
    )
