"""Find the names of the attendance list, and further mentions of names found elsewhere."""

import re
from collections.abc import Iterator

from rapidfuzz import fuzz, process

from pipeline.pseudonymise.context import has_human_context, is_subject
from pipeline.pseudonymise.masks import Mask
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.things import is_of_brand, is_place_name, is_said_thing, is_thing
from pipeline.text import fold_same_length

_WHERE = re.compile(
    r"\s(?:à\s(?!la\s|l')|vers\s)|\s?[,(]\s?(?:dans\s(?:les?|la|l')|en\s|pres\sd|\d\d)"
)
_LONG = 6
_SURE = 88  # rapidfuzz score for a name that is not on the roster
_NEARLY = "orthographe proche d'un nom de la liste"
_NEARLY_IN_DOCUMENT = "orthographe proche d'un nom du même document"
_PLACE_OR_NAME = "nom de quelqu'un de la liste, et d'un lieu"


def is_written_as_name(text: str) -> bool:
    """Whether a whole name has a capital, or no part of one or two letters."""
    parts = re.split(r"[\s.\-]+", text)
    return any(part[:1].isupper() for part in parts) or all(len(part) > 2 for part in parts)


def doubt_of_roster_name(word: TextWord, name_match: int, *, in_context: bool) -> str | None:
    """Return "" for a roster name, a doubt for a near one, None for another word.

    A common word that opens a sentence counts in context only.
    """
    is_last_name = word.folded in word.roster.last
    if word.folded in word.roster.first or (
        is_last_name and (len(word.text) > 2 or _is_surely_person(word))
    ):
        return _doubt_of_listed(word, in_context=in_context)
    is_known = (
        word.is_common
        or word.is_in("prenoms_lieux", "prenoms_mots")
        or word.is_first_name
        or word.is_place
    )
    if len(word.text) < 5 or is_known or word.passage.is_shouted:
        return None
    return _doubt_of_misspelt(word, name_match, in_context=in_context)


def _doubt_of_listed(word: TextWord, *, in_context: bool) -> str | None:
    """Here the word may be a place, a thing or a common word."""
    is_city = word.is_place and (word.label == "LOC" or not word.is_common)
    is_person = _is_surely_person(word) if is_city else in_context
    if is_person and not (word.is_place and is_located(word)):
        return ""
    may_be_place = word.is_place and word.folded not in word.roster.first
    has_article = word.gap == " " and word.previous.is_in("articles_singuliers")
    if (may_be_place and word.label == "LOC") or (has_article and word.is_common):
        return None
    may_be_word = word.is_common or word.is_in("prenoms_mots")
    is_word = may_be_word and (word.opens or word.passage.is_shouted)
    if (is_word and not word.is_in("prenoms_lieux")) or is_located(word):
        return None
    return _PLACE_OR_NAME if may_be_place else ""


def _is_surely_person(word: TextWord) -> bool:
    """Places too ask, finance and lose."""
    if word.is_first_name or has_human_context(word) or is_subject(word, humanly=True):
        return True
    if re.fullmatch(r" [dD]['’]", word.gap) and word.previous.is_in("possessions"):
        return True
    return any(
        other.is_on_roster and not other.is_place for other in coordinated_with(word, "et", "ou")
    )


def coordinated_with(word: TextWord, *links: str) -> Iterator[TextWord]:
    """Yield the words that one of `links` ties to `word`: rose et karim."""
    if word.previous.folded in links:
        yield word.previous.previous
    if word.next.folded in links:
        yield word.next.next


def is_located(word: TextWord) -> bool:
    """Whether a place stands here: à Florence, la salle de Grand, dans les Vosges."""
    before = word.previous
    if not before:
        return False
    if re.fullmatch(r" [dD]['’]", word.gap):
        return _is_origin(word, before)
    if word.gap != " ":
        return False
    if before.folded in ("de", "du"):
        return _is_origin(word, before.previous)
    is_only_place = word.is_place and not word.is_first_name
    may_be_place = word.is_in("prenoms_lieux") or word.label == "LOC" or is_only_place
    return may_be_place and before.is_in("prepositions_de_lieu")


def _is_origin(word: TextWord, owned: TextWord) -> bool:
    if not word.is_place:
        return False
    if _WHERE.match(word.folded_after(30)) or owned.is_in("provenances"):
        return True
    is_first_name = word.folded in word.roster.first or word.is_first_name
    return not is_first_name and not owned.is_in("possessions")


def _doubt_of_misspelt(word: TextWord, name_match: int, *, in_context: bool) -> str | None:
    """The first letter is the same; after "de" or "à" spaCy must see a person too."""
    near = [
        name
        for name in sorted(word.roster.first | word.roster.last)
        if len(name) > 4 and name[0] == word.folded[0]
    ]
    match = process.extractOne(word.folded, near, scorer=fuzz.ratio, score_cutoff=name_match)
    if match is None:
        return None
    may_be_place = bool(word.previous) and (
        word.previous.is_in("prepositions_de_lieu")
        or word.previous.folded in ("de", "du")
        or "'" in fold_same_length(word.gap)
    )
    if may_be_place and not in_context and word.label != "PER":
        return None
    return "" if in_context or match[1] >= 90 else _NEARLY


def names_in(passage: Passage, masks: list[Mask]) -> frozenset[str]:
    """Return the folded parts of masked names that are rare enough to look for alone."""
    return frozenset(
        word.folded
        for word in passage.words
        if len(word.text) > 3
        and word.has_capital
        and not (word.is_common or word.is_place)
        and any(mask.start <= word.start and word.end <= mask.end for mask in masks)
    )


def mentions_of(passage: Passage, names: frozenset[str]) -> list[Mask]:
    """Return the single capitalised words that are names used elsewhere in the document."""
    return [
        word.as_name()
        for word in passage.words
        if word.folded in names
        and word.has_capital
        and not (word.is_protected or is_located(word) or _is_no_person(word))
    ]


def _is_no_person(word: TextWord) -> bool:
    """Un poêle Godin; Chez Josette, c'est le nom du bar."""
    is_brand = not word.is_first_name and is_of_brand(word)
    return is_brand or is_place_name(word) or is_said_thing(word)


def misspelt_mentions(passage: Passage, names: frozenset[str], *, name_match: int) -> list[Mask]:
    """Return long words that nearly match a name: Hoarau for Hoareau."""
    near = [name for name in sorted(names) if len(name) >= _LONG]
    cutoff = max(name_match, _SURE)
    masks: list[Mask] = []
    for word in passage.words if near else ():
        if word.folded in names or not _is_long_unknown(word):
            continue
        same = [name for name in near if name[:2] == word.folded[:2]]
        match = process.extractOne(word.folded, same, scorer=fuzz.ratio, score_cutoff=cutoff)
        if match and not (word.is_first_name or is_place_name(word) or is_thing(word)):
            masks.append(word.as_name(_NEARLY_IN_DOCUMENT))
    return masks


def _is_long_unknown(word: TextWord) -> bool:
    if len(word.text) < _LONG or not word.has_capital or word.label in ("ORG", "LOC"):
        return False
    return not (word.is_common or word.is_upper or word.is_place or word.is_protected)
