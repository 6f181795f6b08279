"""List what was left readable though it may be a person's name: a first name in an organisation's, an unknown name that acts like someone.

In:   a passage and the masks found in it
Out:  kept masks, each with its doubt
"""

from pipeline.pseudonymise.communes import is_place
from pipeline.pseudonymise.context import is_place_name
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.things import is_thing
from pipeline.pseudonymise.verbs import is_subject
from pipeline.pseudonymise.words import is_first_name, listed

_IN_ORGANISATION = "prénom dans le nom d'une organisation ?"
_ACTS = "nom inconnu qui parle ou agit comme une personne"
_PLACE_IN_LIST = "nom de quelqu'un de la liste, pris ici pour un lieu"
_IN_LIST = "prénom de la liste, pris ici pour un mot ou un lieu"


def find_suspects(passage: Passage, masks: list[Mask]) -> list[Mask]:
    """Return the suspects that no mask covers, structures of the lists left out."""
    found: list[Mask] = []
    for place, word in enumerate(passage.words):
        is_settled = passage.is_kept(word) or any(mask.start <= word.start < mask.end for mask in masks)
        doubt = "" if is_settled or not word.has_capital or len(word.text) < 3 else _doubt(passage, place)
        if doubt:
            found.append(Mask(word.start, word.end, PERSON, doubt=doubt, is_kept=True))
    return found


def _doubt(passage: Passage, place: int) -> str:
    word, words = passage.words[place], passage.words
    if is_first_name(word.folded):
        if _is_owner(passage, place):
            return _IN_ORGANISATION
        is_listed = word.folded in passage.roster.first and word.folded in listed("prenoms_lieux")
        return _IN_LIST if is_listed and not is_place_name(words, place) else ""
    if word.folded in passage.roster.last and is_place(word.folded) and not is_place_name(words, place):
        return _PLACE_IN_LIST
    is_unknown = not (word.is_common or word.is_upper or is_place(word.folded) or word.folded in listed("acronymes"))
    is_free = word.opens and is_unknown and passage.label(word) in ("", "MISC", "PER") and not is_thing(words, place)
    return _ACTS if is_free and not is_place_name(words, place) and is_subject(words, place, humanly=True) else ""


def _is_owner(passage: Passage, place: int) -> bool:
    """Whether a first name alone ends an organisation's name over "de": L'Atelier de Margot, not the street or school of someone known."""
    word, words = passage.words[place], passage.words
    if place < 2 or (words[place - 1].folded not in ("de", "d") and not {"'", "’"} & set(word.before)):
        return False
    kind = words[place - 1] if words[place - 1].folded != "de" else words[place - 2]
    is_clear = kind.folded in listed("lieux_avec_de") or not kind.has_capital
    return not is_clear and not is_place(word.folded) and is_place_name(words, place)
