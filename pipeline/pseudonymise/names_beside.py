"""Find names by the names beside them, and names written in small letters.

In:   a passage, the masks found in it
Out:  more masks, each with its doubt: Wafa, Ibtissem et Loubna; c'est karim qui gère
"""

import re
from functools import cache

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.context import (
    Passage,
    announces,
    announces_first_name,
    is_place_name,
    is_presented,
)
from pipeline.pseudonymise.cues import is_subject, is_thing
from pipeline.pseudonymise.words import (
    TextWord,
    is_first_name,
    is_place,
    is_rare_first_name,
    is_shortened,
    is_usual_first_name,
    terms,
)

_TIES = frozenset({" + ", "/", " / ", " & ", "+", "&"})
_DOUBT = "cité parmi des prénoms"


def beside_names(passage: Passage, masks: list[Mask]) -> list[Mask]:
    """Return the masks of unknown capitalised words tied to a name that is plain: by a sign or, in
    a list, by commas.
    """
    plain = {edge for mask in masks if not mask.doubt for edge in (mask.start, mask.end)}
    found: list[Mask] = []
    for i, word in enumerate(passage.words):
        if any(mask.start <= word.start < mask.end for mask in masks) or not _is_unknown(
            passage, i
        ):
            continue
        if _is_tied(passage.words, i, plain) or _is_in_list(passage.words, i, plain):
            found.append(Mask(word.start, word.end, PERSON, doubt=_DOUBT))
            plain |= {word.start, word.end}
    return found


def _is_unknown(passage: Passage, i: int) -> bool:
    word = passage.words[i]
    is_known = (
        word.is_common
        or word.is_upper
        or is_place(word.folded)
        or passage.is_kept(word)
        or word.folded in terms("acronymes")
    )
    if (
        not word.has_capital
        or is_known
        or len(word.text) < 3
        or passage.label(word) in ("ORG", "LOC")
    ):
        return False
    return not (is_place_name(passage.words, i) or is_thing(passage.words, i))


def _is_tied(words: list[TextWord], i: int, plain: set[int]) -> bool:
    """Whether a sign ties the word to a name: Zorica + Lise, Zorica/Lise."""
    before = i > 0 and words[i].before in _TIES and words[i - 1].end in plain
    after = i + 1 < len(words) and words[i + 1].before in _TIES and words[i + 1].start in plain
    return before or after


def _is_in_list(words: list[TextWord], i: int, plain: set[int]) -> bool:
    """Whether the word follows a name over a comma and the list goes on, or opens a list of names:
    Zorica, Lise et Tom.
    """
    after = words[i + 1] if i + 1 < len(words) else None
    if i and words[i].before == ", " and words[i - 1].end in plain:
        return after is not None and (after.folded == "et" or after.before == ", ")
    if after is None or after.before != ", " or after.start not in plain or i + 2 >= len(words):
        return False
    return words[i].opens and (words[i + 2].before == ", " or words[i + 2].folded == "et")


_IN_SMALL_LETTERS = "prénom écrit en minuscules ?"


def small_name(passage: Passage, i: int) -> str | None:
    """Tell whether the word at `i` is a name: a listed one, or a first name that is no word or
    that stands where names do.
    """
    word, roster = passage.words[i], passage.roster
    is_listed_name = word.folded in roster.first | roster.last
    if not _may_be_name(word, is_listed_name=is_listed_name):
        return None
    before = passage.folded[max(0, word.start - 40) : word.start]
    if _named().search(before):
        return ""
    if is_listed_name and _is_person(passage, i):
        return _IN_SMALL_LETTERS
    if word.folded in terms("surnoms"):
        has_human_context = (
            _acts(passage, i) or _is_beside_name(passage, i) or _is_expected(passage, i)
        )
        return _IN_SMALL_LETTERS if has_human_context else None
    has_slot = bool(_slot().search(before)) and _is_relative(passage, i)
    if (word.is_common and not is_shortened(word.folded)) or word.folded in terms(
        "prenoms_mots"
    ) | terms("prenoms_lieux"):
        return _IN_SMALL_LETTERS if has_slot and word.folded not in terms("prenoms_lieux") else None
    if is_listed_name or has_slot or announces(passage.words, i, passage.folded):
        return ""
    return None if is_place(word.folded) else _first_name(passage, i)


def _may_be_name(word: TextWord, *, is_listed_name: bool) -> bool:
    """Whether the word is long enough for a name, or a usual one of three letters that is no
    interjection (léa, not ben).
    """
    is_tiny = (
        len(word.text) == 3
        and is_usual_first_name(word.folded)
        and word.folded not in terms("prises_de_parole")
    )
    is_name = is_listed_name or is_first_name(word.folded) or is_rare_first_name(word.folded)
    return is_name and (len(word.text) > 3 or (is_tiny and not word.is_common))


def _first_name(passage: Passage, i: int) -> str | None:
    """Tell whether a first name that nobody lists is one here: a rare or short one needs a verb or
    a word that lets a name follow.
    """
    word, words = passage.words[i], passage.words
    if not (is_shortened(word.folded) or is_usual_first_name(word.folded)):
        is_rare_subject = (
            is_rare_first_name(word.folded)
            and is_subject(words, i, humanly=True)
            and not _has_determiner(words, i)
        )
        return _IN_SMALL_LETTERS if is_rare_subject else None
    if announces_first_name(words, i) or is_subject(words, i):
        return ""
    return None if len(word.text) == 3 else _IN_SMALL_LETTERS


def _is_person(passage: Passage, i: int) -> bool:
    """Whether a listed name acts as people do, stands beside another name, or is that of who takes
    the floor.
    """
    return (
        _acts(passage, i)
        or _is_beside_name(passage, i)
        or is_presented(passage.words, i, passage.folded)
    )


def _is_expected(passage: Passage, i: int) -> bool:
    """Whether a word that lets a first name follow stands before it: avec momo, pas vu lulu."""
    return announces_first_name(passage.words, i) or announces(passage.words, i, passage.folded)


def _has_determiner(words: list[TextWord], i: int) -> bool:
    return i > 0 and words[i - 1].folded in terms("determinants") and words[i].before == " "


def _acts(passage: Passage, i: int) -> bool:
    """Whether a name without an article does what people do: simone part à la retraite."""
    words = passage.words
    if _has_determiner(words, i):
        return False
    return is_subject(words, i, humanly=True) or (not words[i].is_common and is_subject(words, i))


def _is_beside_name(passage: Passage, i: int) -> bool:
    """Whether "et" ties the word to another name of the list or to a usual first name: rose et
    karim.
    """
    words = passage.words
    beside = (
        words[i + by]
        for by in (-2, 2)
        if 0 <= i + by < len(words) and words[i + by // 2].folded == "et"
    )
    return any(
        word.folded in passage.roster.first | terms("surnoms")
        or (is_usual_first_name(word.folded) and not word.is_common)
        for word in beside
    )


@cache
def _named() -> re.Pattern[str]:
    """Elle s'appelle X; une dame prénommée X."""
    return re.compile(
        r"(?<!\w)(?:[mts]'appell(?:e|es|ent|ait)|prenomme?e?s?|surnomme?e?s?)[\s\u00a0]$"
    )


@cache
def _slot() -> re.Pattern[str]:
    """c'est X qui; c'est pas X qui; y a X qui."""
    return re.compile(
        r"(?<!\w)(?:c'est|c'etait|y a|il y a|demande[rz]? à)(?:[\s\u00a0](?:pas|plus|surtout"
        r"|encore|toujours|même))?[\s\u00a0]$"
    )


def _is_relative(passage: Passage, i: int) -> bool:
    """Whether "qui", "que" or the end of the clause follows."""
    return bool(
        re.match(
            r"(?:[\s\u00a0](?:qui|que|qu')|\s?[,.;!?)]|$)",
            passage.folded[passage.words[i].end :],
        )
    )
