"""Recognise the names of the attendance list: as written, misspelt, in small letters, by initials; not the place or word that looks alike.

In:   a passage, the place of a word in it
Out:  "" when it is a listed name, a doubt when it is nearly one, None when it is none
"""

import re

from rapidfuzz import fuzz, process

from pipeline.pseudonymise.communes import is_place
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.words import fold, is_first_name, listed

_NEARLY = "orthographe proche d'un nom de la liste"
_PLACE_OR_NAME = "nom de quelqu'un de la liste, et d'un lieu"


def is_written_as_name(text: str, roster: Roster) -> bool:
    """Whether a whole name of the roster has a capital, or, as hurried notes in small letters have it, neither an initial nor common words."""
    parts = re.split(r"[\s.\-]+", text)
    return any(part[:1].isupper() for part in parts) or all(len(part) > 2 for part in parts)


def is_roster_name(passage: Passage, place: int, name_match: int, *, in_context: bool) -> str | None:
    """Tell whether a capitalised word is a first or last name of the roster, or nearly; a common word at the start counts in context only."""
    word, roster = passage.words[place], passage.roster
    proves_nothing = word.opens or passage.is_shouted
    is_common = word.is_common or word.folded in listed("prenoms_lieux") | listed("prenoms_mots")
    if word.folded in roster.first or (word.folded in roster.last and len(word.text) > 2):
        if in_context and not (is_place(word.folded) and is_located(passage, place)):
            return ""
        is_article = place > 0 and passage.words[place - 1].folded in ("le", "la", "un", "une", "du", "au", "ce", "cette") and word.before == " "
        if is_article and word.is_common:
            return None
        is_word = is_common and proves_nothing and word.folded not in listed("prenoms_lieux")
        if is_word or is_located(passage, place):
            return None
        return _PLACE_OR_NAME if is_place(word.folded) and word.folded not in roster.first else ""
    may_be_misspelt = len(word.text) > 4 and not (is_common or passage.is_shouted or is_first_name(word.folded) or is_place(word.folded))
    return _misspelt(passage, place, name_match, in_context=in_context) if may_be_misspelt else None


def _misspelt(passage: Passage, place: int, name_match: int, *, in_context: bool) -> str | None:
    """Whether the word is nearly a name of the roster with the same first letter; after "de" or "à" spaCy must see a person too."""
    word = passage.words[place]
    near = [name for name in sorted(passage.roster.first | passage.roster.last) if len(name) > 4 and name[0] == word.folded[0]]
    match = process.extractOne(word.folded, near, scorer=fuzz.ratio, score_cutoff=name_match)
    if match is None:
        return None
    may_be_place = bool(place) and (
        passage.words[place - 1].folded in listed("prepositions_de_lieu") | {"de", "du"} or "'" in fold(word.before)
    )
    if may_be_place and not in_context and passage.label(word) != "PER":
        return None
    return "" if in_context or match[1] >= 90 else _NEARLY


def is_located(passage: Passage, place: int) -> bool:
    """Whether a name that may be a place stands where places do: à Florence, de Lannion à Valence, la salle de Grand, dans les Vosges."""
    word = passage.words[place]
    if not place:
        return False
    before = passage.words[place - 1]
    is_elided = bool(re.fullmatch(r" [dD]['’]", word.before))
    if (before.folded in ("de", "du") and word.before == " ") or is_elided:
        return _is_origin(passage, place, place - (1 if is_elided else 2))
    if word.before != " ":
        return False
    may_be_place = word.folded in listed("prenoms_lieux") or passage.label(word) == "LOC" or _is_place_only(passage, place)
    return may_be_place and before.folded in listed("prepositions_de_lieu")


def _is_origin(passage: Passage, place: int, head: int) -> bool:
    """Whether "de" before a known place tells where: from where, to where, in which region; or a surname of the list after no possession."""
    word, words = passage.words[place], passage.words
    if not is_place(word.folded):
        return False
    after = passage.folded[word.end : word.end + 30]
    if re.match(r"\s(?:à|vers)\s|\s?[,(]\s?(?:dans\s(?:le|la|les|l')|en\s|pres\sd|\d\d)", after) and not re.match(r"\sà\s(?:la\s|l')", after):
        return True
    of_what = words[head].folded if head >= 0 else ""
    if of_what in listed("provenances"):
        return True
    return word.folded not in passage.roster.first and not is_first_name(word.folded) and of_what not in listed("possessions")


def _is_place_only(passage: Passage, place: int) -> bool:
    word = passage.words[place]
    return is_place(word.folded) and not is_first_name(word.folded)
