"""Find names written in small letters, as chats, transcripts and hurried notes have them: c'est karim qui gère.

In:   a passage, the place of a word in small letters
Out:  "" for a name, a doubt for a probable one, None for a word
"""

import re
from functools import cache

from pipeline.pseudonymise.communes import is_place
from pipeline.pseudonymise.context import announces, announces_first_name
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.verbs import is_subject
from pipeline.pseudonymise.words import alternatives, is_first_name, is_rare_first_name, is_shortened, is_usual_first_name, listed

_DETERMINERS = frozenset({"le", "la", "les", "un", "une", "des", "du", "au", "son", "sa", "ses", "ce", "cette", "ma", "mon", "notre", "votre"})
_IN_SMALL_LETTERS = "prénom écrit en minuscules ?"


def small_name(passage: Passage, place: int) -> str | None:
    """Tell whether the word at `place` is a name: a listed one, or a first name that is no word or that its place in the clause makes one."""
    word, roster = passage.words[place], passage.roster
    is_listed_name = word.folded in roster.first | roster.last
    is_tiny = len(word.text) == 3 and is_usual_first_name(word.folded) and not word.is_common
    if (len(word.text) < 4 and not is_tiny) or not (is_listed_name or is_first_name(word.folded) or is_rare_first_name(word.folded)):
        return None
    has_slot = bool(_slot().search(passage.folded[max(0, word.start - 40) : word.start])) and _is_relative(passage, place)
    if _named().search(passage.folded[max(0, word.start - 40) : word.start]):
        return ""
    is_short = is_shortened(word.folded)
    if is_listed_name and _is_human_subject(passage, place):
        return _IN_SMALL_LETTERS
    if (word.is_common and not is_short) or word.folded in listed("prenoms_mots") | listed("prenoms_lieux"):
        return _IN_SMALL_LETTERS if has_slot and word.folded not in listed("prenoms_lieux") else None
    if is_listed_name or has_slot:
        return ""
    if announces(passage.words, place, passage.folded):
        return ""
    if is_place(word.folded) or not (is_short or is_usual_first_name(word.folded)):
        is_subject_alone = is_rare_first_name(word.folded) and not is_place(word.folded) and _is_human_subject(passage, place)
        return _IN_SMALL_LETTERS if is_subject_alone else None
    is_told = announces_first_name(passage.words, place) or is_subject(passage.words, place)
    if is_told:
        return ""
    return None if is_tiny else _IN_SMALL_LETTERS


def _is_human_subject(passage: Passage, place: int) -> bool:
    """Whether a listed name, without an article, does what people do: simone part à la retraite."""
    words = passage.words
    if place and words[place - 1].folded in _DETERMINERS and words[place].before == " ":
        return False
    return is_subject(words, place, humanly=True) or (not words[place].is_common and is_subject(words, place))


@cache
def _named() -> re.Pattern[str]:
    """Elle s'appelle X; une dame prénommée X."""
    return re.compile(r"(?<!\w)(?:[mts]'appell(?:e|es|ent|ait)|prenomme?e?s?|surnomme?e?s?)[\s\u00a0]$")


@cache
def _slot() -> re.Pattern[str]:
    """c'est X qui; c'est pas X qui; y a X qui."""
    return re.compile(
        r"(?<!\w)(?:c'est|c'etait|y a|il y a|demande à|demander à|demandez à)(?:[\s\u00a0](?:pas|plus|surtout|encore|toujours|même))?[\s\u00a0]$"
    )


def _is_relative(passage: Passage, place: int) -> bool:
    """Whether "qui", "que" or the end of the clause follows."""
    return bool(re.match(r"(?:[\s\u00a0](?:qui|que|qu')|\s?[,.;!?)]|$)", passage.folded[passage.words[place].end :]))
