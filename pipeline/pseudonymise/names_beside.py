"""Find names beside other names (Wafa, Ibtissem et Loubna) or in small letters (karim)."""

import re

from pipeline.pseudonymise.context import announces, announces_first_name, is_presented, is_subject
from pipeline.pseudonymise.listed_names import coordinated_with
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.things import is_place_name, is_thing
from pipeline.pseudonymise.words import LETTER, UPPER, is_shortened

_TIES = frozenset({" + ", "/", " / ", " & ", "+", "&"})
_ITEM = re.compile(rf"(?<!\w){UPPER}[\w-]+(?=\s\([^()\n]*\))")
_ITEMS = re.compile(rf"(?:{UPPER}[\w-]+\s\([^()\n]*\)(?:,\s|\set\s)?){{2,}}")
# a word or two in quotation marks, a blank and a capital
_QUOTED = re.compile(rf"[«\"“][ \u00a0]?{LETTER}[\w'’-]*(?: [\w'’-]+)?[ \u00a0]?[»\"”](?= {UPPER})")
_AMONG_NAMES = "cité parmi des prénoms"
_SOBRIQUET = "surnom, entre guillemets ?"
_IN_SMALL_LETTERS = "prénom écrit en minuscules ?"
# elle s'appelle X; une dame prénommée X
_NAMED = re.compile(
    r"(?<!\w)(?:[mts]'appell(?:e|es|ent|ait)|prenomme?e?s?|surnomme?e?s?)[\s\u00a0]$"
)
# c'est X qui; c'est pas X qui; y a X qui
_CLEFT = re.compile(
    r"(?<!\w)(?:c'est|c'etait|y a|il y a|demande[rz]? à)(?:[\s\u00a0](?:pas|plus|surtout"
    r"|encore|toujours|même))?[\s\u00a0]$"
)
_RELATIVE_OR_END = re.compile(r"(?:[\s\u00a0](?:qui|que|qu')|\s?[,.;!?)]|$)")


def beside_names(passage: Passage, masks: list[Mask]) -> list[Mask]:
    """Return the masks of unknown words that a sign or a list ties to a plain name."""
    edges = {edge for mask in masks if not mask.doubt for edge in (mask.start, mask.end)}
    if not edges:
        return []
    bracketed = _bracketed(passage)
    names = _sobriquets(passage, edges)
    for word in passage.words:
        if word.is_masked(masks) or word.is_masked(names):
            continue
        is_item = word.start in bracketed and bool(edges & bracketed)
        if is_item and word.is_usual_first_name:
            names.append(word.as_name(_AMONG_NAMES))
        if not _is_unknown(word):
            continue
        if _is_tied(word, edges) or _is_in_list(word, edges):
            names.append(word.as_name(_AMONG_NAMES))
            edges |= {word.start, word.end}
    return names


def _sobriquets(passage: Passage, edges: set[int]) -> list[Mask]:
    """« Tonton » Bakary; Yann "le Grand" Kerbrat."""
    names: list[Mask] = []
    for quoted in _QUOTED.finditer(passage.text):
        words = [word for word in passage.words if quoted.start() < word.start < quoted.end()]
        if not words or words[0].is_protected:
            continue
        first, last = words[0], words[-1]
        if quoted.start() - 1 in edges:
            is_sobriquet = not (last.next.is_common or last.next.is_place)
            names += [last.next.as_name()] if is_sobriquet else []
        else:
            is_kin = first.is_in("parentes", "surnoms") or not first.is_common
            is_sobriquet = quoted.end() + 1 in edges and is_kin and first is last
        if is_sobriquet:
            names.append(Mask(first.start, last.end, PERSON, _SOBRIQUET))
    return names


def _bracketed(passage: Passage) -> set[int]:
    """The starts of a list's items: Hyacinthe (maraîchage), Violette (mairie)."""
    starts: set[int] = set()
    for line in _ITEMS.finditer(passage.text):
        starts |= {line.start() + item.start() for item in _ITEM.finditer(line[0])}
    return starts


def _is_unknown(word: TextWord) -> bool:
    if not word.has_capital or len(word.text) < 3 or word.label in ("ORG", "LOC"):
        return False
    is_known = word.is_common or word.is_upper or word.is_place or word.is_in("acronymes")
    return not (is_known or word.is_protected or is_place_name(word) or is_thing(word))


def _is_tied(word: TextWord, edges: set[int]) -> bool:
    """Zorica + Lise, Zorica/Lise."""
    before, after = word.previous, word.next
    return (word.gap in _TIES and before.end in edges) or (
        after.gap in _TIES and after.start in edges
    )


def _is_in_list(word: TextWord, edges: set[int]) -> bool:
    """Zorica, Lise et Tom."""
    after, third = word.next, word.next.next
    if word.gap == ", " and word.previous.end in edges:
        return after.folded == "et" or after.gap == ", "
    if after.gap != ", " or after.start not in edges:
        return False
    return word.opens and (third.gap == ", " or third.folded == "et")


def doubt_of_small_name(word: TextWord) -> str | None:
    """Return "" for a name in small letters, a doubt for a possible one, else None."""
    if not _may_be_name(word):
        return None
    before = word.folded_before(40)
    if _NAMED.search(before):
        return ""
    if word.is_on_roster and (_acts(word) or _is_beside_name(word) or is_presented(word)):
        return _IN_SMALL_LETTERS
    if word.is_in("surnoms"):
        is_human = (
            _acts(word) or _is_beside_name(word) or announces_first_name(word) or announces(word)
        )
        return _IN_SMALL_LETTERS if is_human else None
    is_cleft = _CLEFT.search(before) and _RELATIVE_OR_END.match(word.passage.folded, word.end)
    is_word = word.is_common and not is_shortened(word.folded)
    if is_word or word.is_in("prenoms_mots", "prenoms_lieux"):
        return _IN_SMALL_LETTERS if is_cleft and not word.is_in("prenoms_lieux") else None
    if word.is_on_roster or is_cleft or announces(word):
        return ""
    return None if word.is_place else _doubt_of_unlisted(word)


def _may_be_name(word: TextWord) -> bool:
    """Léa, not ben."""
    is_short_name = (
        len(word.text) == 3
        and word.is_usual_first_name
        and not word.is_in("prises_de_parole")
        and not word.is_common
    )
    is_name = word.is_on_roster or word.is_first_name or word.is_rare_first_name
    return is_name and (len(word.text) > 3 or is_short_name)


def _acts(word: TextWord) -> bool:
    """Simone part à la retraite."""
    if _has_determiner(word):
        return False
    return is_subject(word, humanly=True) or (not word.is_common and is_subject(word))


def _has_determiner(word: TextWord) -> bool:
    return word.gap == " " and word.previous.is_in("determinants")


def _is_beside_name(word: TextWord) -> bool:
    """Rose et karim."""
    return any(
        other.folded in other.roster.first
        or other.is_in("surnoms")
        or (other.is_usual_first_name and not other.is_common)
        for other in coordinated_with(word, "et")
    )


def _doubt_of_unlisted(word: TextWord) -> str | None:
    """A rare or short first name needs a verb or an introducing word."""
    if not (is_shortened(word.folded) or word.is_usual_first_name):
        is_rare_subject = word.is_rare_first_name and is_subject(word, humanly=True)
        return _IN_SMALL_LETTERS if is_rare_subject and not _has_determiner(word) else None
    if announces_first_name(word) or is_subject(word):
        return ""
    return None if len(word.text) == 3 else _IN_SMALL_LETTERS
