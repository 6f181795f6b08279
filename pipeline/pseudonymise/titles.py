"""Titles before a name: Mme Roy, le docteur Pham, MM. Wibaut, Crespel et Da Silva, les frères Bonnaure.

In:   the words of a passage, the place of one
Out:  yes or no
"""

import re

from pipeline.pseudonymise.words import Word, is_surname, is_usual_first_name, listed

_AFTER_TITLE = re.compile(r"\.?[\s\u00a0]+(?:[dlDL]['’])?")
_IN_LIST = re.compile(r"[\s\u00a0]?,?[\s\u00a0]?,?")


def has_title(words: list[Word], place: int) -> bool:
    """Whether a title precedes the capital at `place`, or a clear one a word in small letters (mme dufour)."""
    if not place or _goes_on(words, place):
        return False
    if _is_role(words[place]):
        return place > 0 and _is_role_as_name(words[place - 1], words[place])
    word, before = words[place], words[place - 1]
    if word.has_capital and word.folded not in listed("civilites") and _is_in_titled_list(words, place):
        return True
    if not _AFTER_TITLE.fullmatch(word.before):
        return False
    if not word.has_capital:
        return _has_clear_title(words, place)
    is_family = before.folded in listed("parentes") and word.before.isspace() and not word.is_common and not word.is_upper
    return _is_title(before) or is_family or _has_title_over_particles(words, place - 1)


def _goes_on(words: list[Word], place: int) -> bool:
    """Whether a title is followed by the name it belongs to ("M. Pasteur Roy", "Mme Docteure Le Bris"): it is no surname then."""
    after = words[place + 1] if place + 1 < len(words) else None
    is_title = words[place].folded in listed("civilites")
    return is_title and (not words[place].has_capital or (after is not None and after.has_capital and after.before.isspace()))


def _has_clear_title(words: list[Word], place: int) -> bool:
    """Whether a clear title, over particles, precedes a word in small letters that is none: mme dufour, mme le goff, madame rose."""
    word, before = words[place], place - 1
    is_name = is_usual_first_name(word.folded) or (is_surname(word.folded) and not _is_role(word))
    if word.folded in listed("particules") or (word.is_common and not is_name):
        return False
    if words[before].folded in listed("particules_sures") and words[before].before == " ":
        before -= 1
    return words[before].folded in listed("civilites_sures")


def _is_title(word: Word) -> bool:
    """Whether `word` is a title; the shortest ones (M, Dr, Me) need their capital."""
    return word.folded in listed("civilites") and (len(word.text) > 2 or word.has_capital) and word.text != "ME"


def _is_role(word: Word) -> bool:
    return word.folded in listed("fonctions") | listed("jamais")


def _is_role_as_name(title: Word, word: Word) -> bool:
    """Whether a capitalised function right after a title is a surname: Monsieur Maire, but Monsieur le Maire."""
    return word.folded in listed("fonctions_noms") and word.has_capital and not word.is_upper and title.has_capital and _is_title(title)


def _has_title_over_particles(words: list[Word], place: int) -> bool:
    """Whether a title stands before the particles that end at `place`: Mme Le Goff, M. de La Tour; not M. le Curé."""
    while place > 0 and words[place].folded in listed("particules") and words[place].text not in ("le", "la", "les"):
        place -= 1
        if _is_title(words[place]):
            return True
    return False


def _is_in_titled_list(words: list[Word], place: int) -> bool:
    """Whether the word is a later name of a list under one title in the plural."""
    while place > 0 and words[place].has_capital and (not _is_role(words[place]) or words[place].folded in listed("particules")):
        separator, place = words[place].before, place - 1
        if words[place].folded == "et" and separator == " ":
            separator, place = words[place].before + ",", place - 1
        if words[place].folded in listed("civilites"):
            return words[place].folded in listed("civilites_de_plusieurs")
        if not _IN_LIST.fullmatch(separator):
            return False
    return False
