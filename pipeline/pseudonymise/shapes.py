"""Find names by their shape, where neither a list nor the sentence is enough.

In:   a word that no other evidence made a person
Out:  a mask, with a doubt unless the shape belongs to names alone
"""

import re
from functools import cache

from pipeline.french import is_listed
from pipeline.pseudonymise.context import announces, fills_role, is_subject
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.name_parts import is_account, whole_name
from pipeline.pseudonymise.passage import TextWord
from pipeline.pseudonymise.things import is_measured, is_place_name
from pipeline.pseudonymise.words import alternatives, is_common_word, is_word_in_capitals, terms

_SHAPE = "nom de personne d'après sa tournure ?"
NICKNAME = "surnom, d'après la fonction devant ?"
_FAMILY = "famille ou enseigne ?"
_ARTICLE = r"(?<!\w)(?:(?:le|la|les|du|des|aux?|mon|ma|mes|son|sa|ses|notre|nos|ce|cette)\s|l')"
# momo, dudule, nénette: the first syllable twice
_TWICE = re.compile(r"([bcdfghjklmnprstvz](?:ou|[aeiou]))\1(?:[a-z]{1,4})?")
_IRISH = re.compile(r"o['’][a-z]{3,}")
_VAN_DEN = re.compile(r"vd[a-z]{1,2}")
_PLURAL = re.compile(r"(?:les|des|aux)")
_HUMAN_NOUN = re.compile(r"(?:[^t]eur|euse|atrice|iste|ienne?|logue)$")
_DENIED_PLACE = re.compile(
    r"\s?[(,][^().;]{0,30}(?<!\w)pas\s(?:la|le|l')\s?(?:commune|ville|village|bourg|quartier"
    r"|hameau|riviere|marque|magasin|enseigne|boutique)"
)


def mask_of_shape(word: TextWord) -> Mask | None:
    """Return the mask of a word that looks like a name, or None.

    "le fils Tartempion", "le gros Dudule", "Dédé le Belge", "Jojo-la-Bricole", "Selon O'Brien",
    "eglantine vdb", "yann.kermarrec", "les Dugommier ont vendu".
    """
    is_odd = _IRISH.fullmatch(word.folded) or _VAN_DEN.fullmatch(word.next.folded)
    if not (word.has_capital or is_odd or word.next.gap == ".") or _is_never_name(word):
        return None
    if word.passage.is_shouted:
        return _mask(word, _SHAPE) if _is_listed_in_capitals(word) else None
    if _IRISH.fullmatch(word.folded):
        return _mask_of_irish(word)
    if _VAN_DEN.fullmatch(word.next.folded) and word.next.gap == " " and _may_be_first(word):
        return Mask(word.start, word.next.end, PERSON)
    if not word.has_capital:
        return Mask(*whole_name(word), PERSON, doubt=_SHAPE) if is_account(word) else None
    if _DENIED_PLACE.match(word.folded_after(80)):
        return _mask(word, "")
    if _is_of_kin(word):
        return _mask(word, _SHAPE if word.is_common or not _is_known(word) else "")
    if word.is_upper:
        return _mask(word, _SHAPE) if _is_listed_in_capitals(word) else None
    return None if word.is_place else _mask_of_capital(word)


def _mask_of_capital(word: TextWord) -> Mask | None:
    if fills_role(word) and not word.is_in("pas_de_nom", "fonctions", "lieux_et_organisations"):
        return _mask(word, NICKNAME)
    if _has_human_adjective(word) or _has_sobriquet(word) or _is_sobriquet(word):
        return _mask(word, _SHAPE)
    if is_nickname(word) and (announces(word) or is_subject(word)):
        return _mask(word, _SHAPE)
    if _is_family(word):
        return _mask(word, _FAMILY)
    return _mask(word, _SHAPE) if _is_between(word) else None


def is_nickname(word: TextWord) -> bool:
    """Momo, Dudule, Nénette, unless a word or a place."""
    is_known = word.is_common or word.is_place or word.is_in("acronymes")
    return word.is_in("surnoms") or (not is_known and bool(_TWICE.fullmatch(word.folded)))


def _is_never_name(word: TextWord) -> bool:
    if len(word.text) < 3 or word.is_in("jamais", "acronymes", "civilites", "moments"):
        return True
    return is_place_name(word) or is_measured(word)


def _mask(word: TextWord, doubt: str) -> Mask:
    return Mask(*whole_name(word), PERSON, doubt=doubt)


def _is_known(word: TextWord) -> bool:
    return word.is_surname or word.is_first_name or word.is_rare_first_name or is_nickname(word)


def _mask_of_irish(word: TextWord) -> Mask | None:
    """The word before is the first name: siobhan o'dwyer; not à O'Tacos."""
    before = word.previous
    is_sign = word.is_common or before.is_in("prepositions_de_lieu")
    if is_sign or is_common_word(word.folded[2:]):
        return None
    is_whole = word.gap == " " and _may_be_first(before)
    return Mask(before.start if is_whole else word.start, word.end, PERSON)


def _may_be_first(word: TextWord) -> bool:
    is_name = word.is_first_name or word.is_rare_first_name
    return is_name or (len(word.text) > 2 and not word.is_common)


def _is_of_kin(word: TextWord) -> bool:
    """Le fils Tartempion, les deux sœurs Peyrelongue, la mère Quintin; not les filles Bretonnes."""
    if word.opens or word.gap != " " or (word.is_upper and not word.is_surname):
        return False
    if word.folded.endswith("s") and word.is_common:
        return False
    kin = word.previous
    return not kin.has_capital and bool(_kin().search(word.folded_before(40)))


@cache
def _kin() -> re.Pattern[str]:
    kin = alternatives("parentes", "parentes_de_noms")
    number = alternatives("adjectifs_de_personnes", "nombres_de_parents")
    return re.compile(rf"{_ARTICLE}(?:(?:{number})\s)?(?:{kin})\s$")


def _has_human_adjective(word: TextWord) -> bool:
    """Le gros Dudule, la petite Zoé, le jeune Bousquet; not le vieux Redon."""
    adjective = word.previous
    if word.gap != " " or adjective.has_capital or not adjective.is_in("adjectifs_de_personnes"):
        return False
    if not re.search(rf"{_ARTICLE}[\w'’-]+\s$", word.folded_before(30)):
        return False
    if word.is_usual_first_name:
        return not word.is_in("prenoms_lieux")
    is_told = adjective.is_in("adjectifs_de_personnes_seules")
    return not word.is_common and (_is_known(word) or is_told)


def _has_sobriquet(word: TextWord) -> bool:
    """Dédé le Belge, Toto le ferrailleur, Marco l'Indien."""
    if word.is_in("prenoms_lieux") or not (word.is_usual_first_name or is_nickname(word)):
        return False
    article, name = word.next, word.next.next
    if re.fullmatch(r" [lL]['’]", article.gap):
        article, name = word, article
    elif article.gap != " " or article.text not in ("le", "la") or name.gap != " ":
        return False
    if name.has_capital:
        return not name.is_upper
    is_sure = name.is_in("metiers", "fonctions")
    is_human = is_listed(name.text.lower(), "noun") and _HUMAN_NOUN.search(name.folded) is not None
    return is_sure or (is_human and not (word.opens and word.is_in("prenoms_mots")))


def _is_sobriquet(word: TextWord) -> bool:
    """Jojo-la-Bricole."""
    first, *rest = re.split(r"[-‐]", word.folded)
    if len(rest) < 2 or rest[0] not in ("le", "la", "les", "du", "de"):
        return False
    return first in terms("surnoms") or _TWICE.fullmatch(first) is not None


def _is_family(word: TextWord) -> bool:
    """La ferme des Iribarne; les Dugommier ont vendu; chez les Tchoumba."""
    before = word.previous
    if word.opens or word.gap != " " or not _PLURAL.fullmatch(before.folded) or word.is_common:
        return False
    if before.has_capital and not before.opens:
        return False
    if word.is_surname and not (word.is_first_name or word.is_rare_first_name):
        return True
    is_group = word.folded.endswith(("s", "x")) or word.is_in("lieux_et_organisations")
    is_told = word.label not in ("ORG", "LOC") and is_subject(word)
    is_home = before.previous.folded == "chez"
    return len(word.text) > 4 and not is_group and (is_told or is_home)


def _is_between(word: TextWord) -> bool:
    """Pas d'accord entre Szymański et la Ligue."""
    if word.is_common or word.opens or word.gap != " " or word.label == "ORG":
        return False
    return word.previous.is_in("appels_de_personnes") and word.is_surname


def _is_listed_in_capitals(word: TextWord) -> bool:
    """ABSENTS : FERREIRA DA COSTA LURDES, WOJCIECHOWSKI TOMASZ; Nom : FERREIRA."""
    if not _is_known(word) or word.is_place or len(word.text) < 4:
        return False
    return not is_word_in_capitals(word.folded) and announces(word, strongly=True)


def is_surely_first_name_in_capitals(word: TextWord) -> bool:
    """Whether it is a first name and no word, place, brand or acronym: PENSER ANNIV KÉVIN."""
    if not (word.is_usual_first_name and word.is_in_shouted_line) or len(word.text) < 4:
        return False
    others = ("acronymes", "prenoms_lieux", "prenoms_marques", "prenoms_mots")
    return not (word.is_place or word.is_in(*others) or is_word_in_capitals(word.folded))


def is_shouted_name(word: TextWord, surname: TextWord) -> bool:
    """BÉRENGÈRE KLINGENSCHMITT (RAPPORTEUSE)."""
    if not word.passage.is_shouted or not surname or surname.is_place or len(surname.text) < 4:
        return False
    is_known = word.is_usual_first_name and not is_word_in_capitals(word.folded)
    return is_known and not is_word_in_capitals(surname.folded)
