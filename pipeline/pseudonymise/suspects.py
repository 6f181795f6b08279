"""List readable capitals that may be a person's name, each with its doubt."""

from functools import cache

from pipeline.pseudonymise.context import (
    announces,
    calls_for_person,
    is_alone_in_brackets,
    is_presented,
    is_subject,
    may_call_for_person,
)
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.name_parts import with_particles
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.things import has_inner_capital, is_owner, is_place_name, is_thing
from pipeline.pseudonymise.words import is_place, is_surname, terms

_IN_ORGANISATION = "prénom dans le nom d'une organisation ?"
_ACTS = "nom inconnu qui parle ou agit comme une personne"
_PLACE_IN_LIST = "nom de quelqu'un de la liste, pris ici pour un lieu"
_IN_LIST = "prénom de la liste, pris ici pour un mot ou un lieu"
_STANDS = "à la place d'un nom de personne"
_MAY_STAND = "personne, ou organisation ?"
_WITH_WORD = "prénom suivi d'un mot : le nom de quelqu'un ?"
_SURNAME = "nom de famille laissé lisible"
_FIRST_NAME = "prénom laissé lisible"
_FAMILY = "famille, ou lieu ?"
_GOES_ON = "suite d'un nom masqué ?"
_NEVER = ("jamais", "acronymes", "civilites", "fonctions", "moments")


def find_suspects(passage: Passage, masks: list[Mask]) -> list[Mask]:
    """Return the suspects outside all masks."""
    edges = {edge for mask in masks if mask.token == PERSON for edge in (mask.start, mask.end)}
    suspects: list[Mask] = []
    for word in passage.words:
        if not word.has_capital or len(word.text) < 3 or word.is_protected:
            continue
        if word.is_masked(masks) or word.is_masked(suspects):
            continue
        doubt = _doubt_of_name(word) or _doubt_of_capital(word, edges)
        if doubt:
            start = with_particles(word).start
            end = word.next.end if doubt == _WITH_WORD else word.end
            suspects.append(Mask(start, end, PERSON, doubt=doubt, is_readable=True))
    return suspects


def _doubt_of_name(word: TextWord) -> str:
    if word.is_first_name:
        if _ends_organisation(word):
            return _IN_ORGANISATION
        is_listed = word.folded in word.roster.first and word.is_in("prenoms_lieux")
        return _IN_LIST if is_listed and not is_place_name(word) else ""
    if word.folded in word.roster.last and word.is_place and not is_place_name(word):
        return _PLACE_IN_LIST
    is_known = word.is_common or word.is_upper or word.is_place or word.is_in("acronymes")
    may_be_person = (
        word.opens
        and not is_known
        and word.label in ("", "MISC", "PER")
        and not (is_thing(word) or is_place_name(word))
    )
    return _ACTS if may_be_person and is_subject(word, humanly=True) else ""


def _ends_organisation(word: TextWord) -> bool:
    """L'Atelier de Margot, not the street or school of a famous person."""
    before = word.previous
    has_apostrophe = "'" in word.gap or "’" in word.gap
    if not before.previous or (before.folded not in ("de", "d") and not has_apostrophe):
        return False
    kind = before.previous if before.folded == "de" else before
    is_clear = kind.is_in("lieux_avec_de") or not kind.has_capital
    return not is_clear and not word.is_place and is_place_name(word)


def _doubt_of_capital(word: TextWord, edges: set[int]) -> str:
    """`edges` are those of the masked names."""
    # Luc Mercredi, Marie Février
    is_day = word.is_in("fonctions_noms") and not word.is_in("fonctions")
    if word.passage.is_shouted or (word.folded in _never() and not is_day):
        return ""
    if _is_alone_in_cell(word):
        return _STANDS
    is_after_name = not word.opens and word.gap == " " and word.previous.end in edges
    if is_after_name and not word.is_upper:
        return _GOES_ON
    if not _may_be_name(word):
        return ""
    if _is_first_name_before_word(word):
        return _WITH_WORD
    if word.is_usual_first_name and _is_readable_first_name(word, edges):
        return _FIRST_NAME
    is_name = word.is_surname or word.is_first_name
    if is_name and not word.is_place and _stands_as_person(word):
        return _ACTS
    if _is_bare_surname(word):
        return _SURNAME
    return "" if word.opens else _doubt_inside_sentence(word, is_name=is_name)


def _is_alone_in_cell(word: TextWord) -> bool:
    """12/03;Etxegaray;livraison."""
    if not (word.gap.endswith((";", "\t", "|")) and word.next.gap.startswith((";", "\t", "|"))):
        return False
    is_known = word.is_common or word.is_place or word.is_in("acronymes")
    return not is_known and word.label not in ("ORG", "LOC")


@cache
def _never() -> frozenset[str]:
    return frozenset().union(*map(terms, _NEVER))


def _may_be_name(word: TextWord) -> bool:
    if word.folded in _never():
        return False
    return word.is_surname or word.folded.split("-")[0] not in terms("lieux_et_organisations")


def _is_first_name_before_word(word: TextWord) -> bool:
    """Blanche Noir."""
    after = word.next
    if after.gap != " " or not after.has_capital or after.is_upper or after.is_protected:
        return False
    if not word.is_usual_first_name or word.is_in("prenoms_lieux") or is_place_name(word):
        return False
    return _may_be_name(after) or is_subject(after)


def _is_readable_first_name(word: TextWord, edges: set[int]) -> bool:
    if word.opens and _is_before_name(word, edges):
        return True
    is_ambiguous = word.is_common or word.is_upper or word.is_place or word.is_in("prenoms_lieux")
    return not (is_ambiguous or is_place_name(word) or is_thing(word))


def _is_before_name(word: TextWord, edges: set[int]) -> bool:
    """Fabien, [personne]."""
    after = word.next
    if after.gap == ", " and after.start in edges:
        return True
    return after.folded == "et" and after.next.start in edges


def _stands_as_person(word: TextWord) -> bool:
    """Boucher dit que…"""
    if not word.opens and word.previous.is_in("articles"):
        return False
    return is_presented(word) or is_subject(word, humanly=True) or is_alone_in_brackets(word)


def _is_bare_surname(word: TextWord) -> bool:
    """Barbier refuse; Animatrice : Rivière."""
    if not word.is_surname or word.is_upper or word.is_place:
        return False
    if word.is_in("prenoms_lieux", "prenoms_mots") or is_place_name(word) or is_thing(word):
        return False
    before = word.previous
    if word.opens:
        # Petit déjeuner, Grand Est: an adjective
        is_adjective = word.next.gap == " " and (word.next.has_capital or word.next.is_common)
        return (bool(before) and announces(word) and not is_adjective) or is_subject(word)
    if before.folded == "de" and before.previous:
        is_determined = not before.previous.is_in("possessions")
    else:
        is_determined = before.is_in("articles", "determinants") or before.folded in ("de", "en")
    is_tied = word.gap.endswith(("'", "’")) or (word.gap == " " and before.has_capital)
    return not (is_determined or is_tied)


def _doubt_inside_sentence(word: TextWord, *, is_name: bool) -> str:
    if _is_family(word):
        return _FAMILY
    if is_place_name(word):
        return _MAY_STAND if _may_be_owner(word) else ""
    if (is_name or not word.is_place) and calls_for_person(word):
        return _STANDS
    is_common_noun = word.is_common and (not is_name or word.folded.endswith(("s", "x")))
    is_other = is_common_noun or word.is_place or word.is_in("prenoms_lieux") or word.is_upper
    return _MAY_STAND if not is_other and may_call_for_person(word) else ""


def _is_family(word: TextWord) -> bool:
    """Chez les Morvan, la maison des Le Floch."""
    first = with_particles(word)
    before = first.previous
    whole = word.passage.folded[first.start : word.end]
    if word.is_common or word.is_upper or not (word.is_surname or is_surname(whole)):
        return False
    if not before or first.opens:
        return False
    is_plural = before.folded in ("les", "des", "aux") and first.gap == " "
    if is_plural and before.previous.folded == "chez":
        return True
    return not is_place(whole) and (is_plural or (first is not word and calls_for_person(first)))


def _may_be_owner(word: TextWord) -> bool:
    """La place de Karim, mme Rose."""
    before = word.previous
    is_possessor = is_owner(word) and not has_inner_capital(word)
    is_someone = is_possessor or (not before.has_capital and is_subject(word))
    if is_someone and word.is_usual_first_name and not word.is_place:
        return True
    return before.is_in("civilites") and before.text.islower()
