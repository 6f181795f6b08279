"""Find persons' names in a passage: whom the lists name, who has a title, whose first name is known, whom the context announces.

In:   a passage
Out:  masks of names; a title, a structure, a place or a common word is none

On 32 sentences with unseen names and no list, read once after tuning: 42 of 42 names and contacts hidden, 24 of 24 places and
structures kept (on 32 others before tuning: 34 of 38 and 17 of 19).
"""

import re

from rapidfuzz import fuzz, process

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.context import announces, follows, is_place_name, is_thing
from pipeline.pseudonymise.extent import initials_before, surname_after, whole_name
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.titles import has_title
from pipeline.pseudonymise.words import UPPER, fold, is_first_name, listed

_AGE = r"\s?[,(]\s?\d{1,2}\sans\b"
AGE_OR_INITIAL = re.compile(rf"{_AGE}|\s{UPPER}\.(?!\w)")
ALONE_IN_BRACKETS = re.compile(r"\([^\W\d_\-]+\)")


def find_persons(passage: Passage, *, name_match: int) -> list[Mask]:
    """Return the names in `passage`; `name_match` is the rapidfuzz score over which a misspelt word is a name of the roster."""
    spans = [
        match.span() for match in passage.roster.full.finditer(passage.folded) if _is_written_as_name(passage.text[slice(*match.span())])
    ]
    for place, word in enumerate(passage.words):
        if passage.is_kept(word) or any(start <= word.start < end for start, end in spans):
            continue
        reason = _reason(passage, place, name_match)
        if reason:
            spans.append(whole_name(passage, place, has_title=reason == "title", has_initial=reason == "initial"))
    return [Mask(start, end, PERSON) for start, end in sorted(spans)]


def mentions_of(passage: Passage, names: frozenset[str]) -> list[Mask]:
    """Return the mentions by a single capitalised name, folded in `names`, of persons named elsewhere in the same document."""
    return [
        Mask(word.start, word.end, PERSON)
        for place, word in enumerate(passage.words)
        if word.folded in names
        and word.has_capital
        and not (passage.is_kept(word) or is_place_name(passage.words, place) or _is_located(passage, place))
    ]


def names_in(passage: Passage, masks: list[Mask]) -> frozenset[str]:
    """Folded parts of the names found, uncommon enough to be looked for alone."""
    parts = [word for word in passage.words if len(word.text) > 3 and word.has_capital and not word.is_common]
    return frozenset(word.folded for word in parts if any(mask.start <= word.start and word.end <= mask.end for mask in masks))


def _is_written_as_name(text: str) -> bool:
    """Whether a whole name of the roster has a capital, or no initial, as hurried notes in small letters have it."""
    parts = re.split(r"[\s.\-]+", text)
    return any(part[:1].isupper() for part in parts) or all(len(part) > 2 for part in parts)


def _reason(passage: Passage, place: int, name_match: int) -> str:
    """Why the word at `place` is a person's name: title, roster, first name, initial or announced; "" when it is none."""
    word = passage.words[place]
    is_function_word = word.folded in listed("jamais") and not is_first_name(word.folded)
    if word.folded in listed("civilites") or is_function_word or is_place_name(passage.words, place):
        return ""
    if word.folded in passage.roster.places:
        return ""
    if has_title(passage.words, place):
        return "title"
    if is_thing(passage.words, place):
        return ""
    if not word.has_capital:
        return "roster" if _is_small_name(passage, place) else ""
    if _is_roster_name(passage, place, name_match):
        return "roster"
    if _is_known_first_name(passage, place):
        return "first name"
    if _follows_initial(passage, place):
        return "initial"
    return "announced" if _is_announced(passage, place) else ""


def _is_small_name(passage: Passage, place: int) -> bool:
    """Whether a word in small letters is a name of the roster, or a first name that the context announces."""
    word = passage.words[place]
    if len(word.text) < 4 or word.is_common or word.folded in listed("prenoms_mots") | listed("prenoms_lieux"):
        return False
    if word.folded in passage.roster.first | passage.roster.last:
        return True
    return is_first_name(word.folded) and announces(passage.words, place, passage.folded)


def _is_roster_name(passage: Passage, place: int, name_match: int) -> bool:
    """Whether a capitalised word is a first or last name of the roster, or nearly; where a capital proves nothing, not if it is common."""
    word, roster = passage.words[place], passage.roster
    proves_nothing = word.opens or passage.is_shouted
    is_common = word.is_common or word.folded in listed("prenoms_lieux") | listed("prenoms_mots")
    if word.folded in roster.first or (word.folded in roster.last and len(word.text) > 2):
        is_word = is_common and proves_nothing and word.folded not in listed("prenoms_lieux")
        return not (is_word or _is_located(passage, place)) or _is_in_context(passage, place)
    may_be_misspelt = (
        len(word.text) > 4 and not (is_common or proves_nothing or is_first_name(word.folded)) and passage.label(word) not in ("LOC", "ORG")
    )
    return may_be_misspelt and _is_misspelt(passage, place, name_match)


def _is_misspelt(passage: Passage, place: int, name_match: int) -> bool:
    """Whether the word is nearly a name of the roster with the same first letter; after "de" or "à" spaCy must see a person too."""
    word = passage.words[place]
    near = [name for name in sorted(passage.roster.first | passage.roster.last) if len(name) > 4 and name[0] == word.folded[0]]
    if process.extractOne(word.folded, near, scorer=fuzz.ratio, score_cutoff=name_match) is None:
        return False
    may_be_place = bool(place) and (
        passage.words[place - 1].folded in listed("prepositions_de_lieu") | {"de", "du"} or "'" in fold(word.before)
    )
    return not may_be_place or passage.label(word) == "PER" or _is_in_context(passage, place)


def _is_located(passage: Passage, place: int) -> bool:
    """Whether a name that may be a place follows a preposition of place: à Florence, vers Carentoir."""
    word = passage.words[place]
    may_be_place = word.folded in listed("prenoms_lieux") or passage.label(word) == "LOC"
    return may_be_place and place > 0 and word.before == " " and passage.words[place - 1].folded in listed("prepositions_de_lieu")


def _is_known_first_name(passage: Passage, place: int) -> bool:
    """Whether a capitalised word is a first name of the lexicon and cannot be a common word, a place or an acronym here."""
    word = passage.words[place]
    is_acronym = word.is_upper and (len(word.text) < 5 or word.folded in listed("acronymes"))
    if not is_first_name(word.folded) or is_acronym:
        return False
    is_word = word.folded in listed("prenoms_lieux") or (word.folded in listed("prenoms_mots") and word.opens)
    is_alone_in_capitals = word.is_upper and surname_after(passage, place) is None
    return _is_in_context(passage, place) if is_word or passage.is_shouted or is_alone_in_capitals else True


def _is_in_context(passage: Passage, place: int) -> bool:
    """Whether the words around tell a person: an announcement, a surname or its initial, brackets, a function, an age, a verb of speech."""
    word, surname = passage.words[place], surname_after(passage, place)
    if word.folded in listed("prenoms_lieux") and passage.label(word) != "PER":
        return surname is None and announces(passage.words, place, passage.folded, strongly=True)
    if announces(passage.words, place, passage.folded) or AGE_OR_INITIAL.match(passage.text, word.end):
        return True
    if ALONE_IN_BRACKETS.fullmatch(passage.text[max(0, word.start - 1) : word.end + 1]):
        return True
    if surname and not passage.is_shouted and not surname.is_common and passage.label(surname) in ("PER", ""):
        return True
    return follows(passage.words, place, passage.folded) and word.folded not in listed("prenoms_lieux")


def _follows_initial(passage: Passage, place: int) -> bool:
    """Whether initials precede a capitalised word that is uncommon, listed or announced (J.-P. Roumégoux)."""
    word = passage.words[place]
    if len(word.text) < 3 or word.is_upper or initials_before(passage.text[: word.start]) is None:
        return False
    return not word.is_common or word.folded in passage.roster.last or announces(passage.words, place, passage.folded)


def _is_announced(passage: Passage, place: int) -> bool:
    """Whether an uncommon capitalised word is told to be a person: by strong words around it, or by spaCy with a second name."""
    word = passage.words[place]
    if word.is_upper or word.is_common or len(word.text) < 3 or passage.label(word) in ("LOC", "ORG"):
        return False
    if announces(passage.words, place, passage.folded, strongly=True):
        return True
    if not word.opens and re.match(_AGE, passage.text[word.end :]):
        return True
    if passage.label(word) != "PER":
        return False
    if not word.opens and announces(passage.words, place, passage.folded):
        return True
    surname = surname_after(passage, place)
    return surname is not None and passage.label(surname) == "PER" and not surname.is_common and not surname.is_upper
