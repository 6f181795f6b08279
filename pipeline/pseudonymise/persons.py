"""Find persons' names in a passage: listed, titled, known as first names, or announced.

In:   a passage
Out:  masks of names and initials; weak evidence gives a doubt
"""

import re
from copy import copy
from typing import NamedTuple

from pipeline.pseudonymise.context import (
    AGE_AFTER,
    announces,
    announces_first_name,
    calls_for_person,
    has_age_or_initial_after,
    has_human_context,
    is_alone_in_brackets,
    is_posted,
    is_presented,
    is_related,
    is_subject,
    speaks_or_acts,
)
from pipeline.pseudonymise.listed_names import doubt_of_roster_name, is_located, is_written_as_name
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.name_parts import (
    has_first_name_in_brackets,
    has_particle_after,
    has_title,
    initials_before,
    surname_after,
    whole_name,
    with_particles,
)
from pipeline.pseudonymise.names_beside import beside_names, doubt_of_small_name
from pipeline.pseudonymise.passage import Passage, TextWord
from pipeline.pseudonymise.shapes import (
    is_shouted_name,
    is_surely_first_name_in_capitals,
    mask_of_shape,
)
from pipeline.pseudonymise.things import (
    has_inner_capital,
    is_of_brand,
    is_owner,
    is_place_name,
    is_said_thing,
    is_thing,
)
from pipeline.pseudonymise.words import UPPER, is_misspelt_first_name, is_place, terms

_DOTTED = re.compile(
    rf"(?<![\w.])({UPPER})h?(?:\.[\s\u00a0\-]?|-)({UPPER})\.(?![\s\u00a0\-]?\w\.|\w)(?!\s?{UPPER}[a-zà-ÿ])"
)
_COMPOUND = re.compile(r"[JMAPRCFL]h?\.?-[A-Z]\.")  # J-P., M.-C.: of no acronym
_THING_TO_DO = re.compile(r"\sà\s[a-z]+(?:er|ir|re)(?!\w)")  # olivier à rempoter
_AGE = re.compile(r",?\s?\(?\d{1,2}\sans\b")
_FORM_ONLY = "nom de personne d'après sa seule forme ?"
_ACTS = "nom inconnu qui parle ou agit comme une personne"
_WORD_OR_NAME = "prénom ou mot courant ?"
_PLACE_OR_NAME = "prénom ou lieu ?"
_LISTED_OR_STREET = "quelqu'un, ou le nom d'une rue ou d'un lieu ?"
_INITIALS = "initiales de quelqu'un de la liste ?"
_FAMILY = "famille ou enseigne ?"
_MISSPELT = "prénom mal orthographié ?"


class Evidence(NamedTuple):
    """Why a word is a person's name, and the doubt left."""

    kind: str  # title, roster, first name, initial, announced, particle
    doubt: str = ""


def find_persons(passage: Passage, *, name_match: int) -> list[Mask]:
    """Return the names; `name_match` is the rapidfuzz score of a listed one."""
    spans = [match.span() for match in passage.roster.full.finditer(passage.folded)]
    masks = [
        Mask(*span, PERSON) for span in spans if is_written_as_name(passage.text[slice(*span)])
    ]
    masks += _initials(passage)
    for word in passage.words:
        if word.is_protected or word.is_masked(masks):
            continue
        evidence = None if _is_plain_word(word) else _evidence(word, name_match)
        if evidence:
            span = whole_name(
                word,
                has_title=evidence.kind in ("title", "particle"),
                has_initial=evidence.kind == "initial",
            )
            is_sure = _is_sure(word, evidence)
            masks.append(Mask(*span, PERSON, doubt=evidence.doubt, is_sure=is_sure))
        elif shaped := mask_of_shape(word):
            masks.append(shaped)
    return sorted([*masks, *beside_names(passage, masks)])


def _initials(passage: Passage) -> list[Mask]:
    """Dotted initials need the list or the context, bare ones both."""
    masks = [
        Mask(*match.span(), PERSON)
        for match in _DOTTED.finditer(passage.text)
        if _are_persons(passage, match)
    ]
    if passage.roster.initials and not passage.is_shouted:
        masks += [
            word.as_name(_INITIALS)
            for word in passage.words
            if word.is_upper
            and word.folded in passage.roster.initials
            and not word.is_in("acronymes")
            and (announces(word) or speaks_or_acts(word) or is_subject(word))
        ]
    return masks


def _are_persons(passage: Passage, match: re.Match[str]) -> bool:
    letters = (match[1] + match[2]).lower()
    if letters in passage.roster.initials or _AGE.match(passage.text, match.end()):
        return True
    words = [word for word in passage.words if match.start() <= word.start < match.end()]
    if letters in terms("acronymes") or not words:
        return False
    return (
        bool(_COMPOUND.fullmatch(match[0]))
        or announces(words[0])
        or _is_subject_before_point(words[-1])
    )


def _is_subject_before_point(word: TextWord) -> bool:
    """A blank follows the point."""
    if not word.next.gap.startswith("."):
        return False
    name, after = copy(word), copy(word.next)
    after.gap, after.opens = after.gap.removeprefix("."), False
    name.next = after
    return is_subject(name)


def _is_plain_word(word: TextWord) -> bool:
    """Whether no title and no list makes a name of this word in small letters."""
    if word.has_capital or not word.is_common or word.is_on_roster:
        return False
    return not (word.is_surname or word.is_first_name or word.is_rare_first_name)


def _evidence(word: TextWord, name_match: int) -> Evidence | None:
    is_titled = has_title(word)
    is_in_place = is_place_name(word)
    if word.folded in word.roster.sure and not (word.has_capital or word.is_common):
        kind = "title" if is_titled else "roster"
        return Evidence(kind, _LISTED_OR_STREET if is_in_place else "")
    if is_in_place:
        return _evidence_in_place(word, is_titled=is_titled)
    if is_said_thing(word, is_person=lambda: is_titled or _is_person_before_comma(word)):
        return None
    if is_titled:
        return Evidence("title")
    if (word.is_in("jamais") and not word.is_first_name) or word.is_in("civilites"):
        return None
    if _is_family(word):
        return Evidence("announced", _FAMILY)
    if _is_announced_with_particle(word):
        return Evidence("particle")
    if word.folded in word.roster.places or is_thing(word):
        return None
    if word.has_capital:
        return _evidence_of_capital(word, name_match)
    doubt = doubt_of_small_name(word)
    return None if doubt is None else Evidence("roster", doubt)


def _evidence_in_place(word: TextWord, *, is_titled: bool) -> Evidence | None:
    """La place de Benali, rue du docteur Benali, if listed; l'école de Nadia Cherif."""
    is_last_name = word.folded in word.roster.last
    if word.is_place:
        return None
    if is_titled:
        return Evidence("title", _LISTED_OR_STREET) if is_last_name else None
    if not is_owner(word):
        return None
    is_listed_first_name = word.folded in word.roster.first and not has_inner_capital(word)
    if is_last_name or is_listed_first_name:
        return Evidence("roster", _LISTED_OR_STREET)
    surname = surname_after(word)
    if surname.is_surname and not surname.is_place and word.is_usual_first_name:
        return Evidence("first name", _LISTED_OR_STREET)
    return None


def _is_person_before_comma(word: TextWord) -> bool:
    """Selon X, le pont ne tient pas: X is not the bridge."""
    return word.folded in word.roster.sure or announces(word)


def _is_family(word: TextWord) -> bool:
    """Les Castaing vendent."""
    is_listed = word.folded in word.roster.sure
    if not word.has_capital or word.opens or word.is_place or not (is_listed or word.is_surname):
        return False
    may_be_noun = word.is_common and word.folded.endswith(("s", "x"))
    is_plural = word.gap == " " and word.previous.folded in ("les", "aux", "des")
    return is_plural and not may_be_noun and (is_listed or is_subject(word))


def _is_announced_with_particle(word: TextWord) -> bool:
    """Mon ancien chef, Le Goaziou."""
    first = with_particles(word)
    is_name = word.is_surname and not (word.is_common or word.is_place)
    return first is not word and is_name and announces(first, strongly=True)


def _evidence_of_capital(word: TextWord, name_match: int) -> Evidence | None:
    if is_of_brand(word) and not (surname_after(word) or _is_certain(word)):
        return None
    doubt = doubt_of_roster_name(word, name_match, in_context=_is_in_context(word))
    if doubt is not None:
        return Evidence("roster", doubt)
    if _is_plain_first_name(word):
        return Evidence("first name", _doubt_of_first_name(word))
    if _is_after_initials(word):
        return Evidence("initial")
    return _evidence_of_unknown(word) or _evidence_of_common_surname(word)


def _is_certain(word: TextWord) -> bool:
    """Des crêpes Suzette is no person; des crêpes Suzette en fait."""
    if not word.is_first_name or word.is_in("prenoms_lieux", "prenoms_marques"):
        return False
    return word.is_on_roster or is_subject(word)


def _is_in_context(word: TextWord) -> bool:
    surname = surname_after(word)
    if is_presented(word) or is_posted(word) or _has_acting_surname(surname):
        return True
    if is_shouted_name(word, surname):
        return True
    may_be_place = word.is_in("prenoms_lieux")
    if (
        surname.is_surname
        and not (surname.is_common and surname.opens)
        and not word.passage.is_shouted
    ):
        return not surname.is_common or is_subject(surname) or speaks_or_acts(surname)
    if is_related(word) or has_particle_after(word):
        return True
    if may_be_place and word.label != "PER":
        is_human = not word.is_place and is_subject(word, humanly=True)
        return not surname and (is_human or announces(word, strongly=True))
    if announces(word) or has_age_or_initial_after(word) or is_alone_in_brackets(word):
        return True
    if (
        surname
        and not (word.passage.is_shouted or surname.is_common)
        and surname.label in ("PER", "")
    ):
        return True
    if may_be_place:
        return is_subject(word, humanly=True)
    return speaks_or_acts(word) or is_subject(word) or _is_coordinated(word)


def _has_acting_surname(surname: TextWord) -> bool:
    is_name = surname and not (surname.is_common or surname.is_upper or surname.is_place)
    return bool(is_name) and is_subject(surname)


def _has_unknown_acting_surname(word: TextWord) -> bool:
    """Sosefo Lape parle."""
    surname = surname_after(word)
    is_known = surname.is_common or surname.is_upper or surname.is_place
    return bool(surname) and not is_known and is_subject(surname, humanly=True)


def _is_coordinated(word: TextWord) -> bool:
    """Clément et Prosper."""
    other = word.next.next
    is_name = other.has_capital and other.is_first_name and not other.is_in("prenoms_lieux")
    return word.next.folded == "et" and is_name


def _is_plain_first_name(word: TextWord) -> bool:
    """It is no common word, place or acronym here."""
    is_short = len(word.text) < (3 if word.is_usual_first_name else 5)
    is_acronym = word.is_upper and (is_short or word.is_in("acronymes"))
    if is_acronym or _is_where(word):
        return False
    if word.is_rare_first_name:
        is_after_chez = word.previous.folded == "chez"
        return not is_after_chez and (_is_in_context(word) or _is_human_entity(word))
    if not word.is_first_name:
        return False
    is_word = word.is_in("prenoms_lieux") or (
        word.opens and (word.is_in("prenoms_mots") or word.is_common)
    )
    is_alone_in_capitals = word.is_upper and not surname_after(word)
    if is_surely_first_name_in_capitals(word):
        return True
    if is_word or word.passage.is_shouted or is_alone_in_capitals:
        return _is_in_context(word)
    return True


def _is_where(word: TextWord) -> bool:
    """Le PNR du Morvan; les élus de Vincent, dans le Jura."""
    may_be_place = word.is_place or is_place(f"le {word.folded}")
    if word.previous.folded in ("du", "au") and may_be_place:
        return True
    return word.is_place and is_located(word)


def _is_human_entity(word: TextWord) -> bool:
    """spaCy must see a person, or nothing after an introducing word."""
    if word.opens or word.is_upper or word.passage.is_shouted:
        return False
    if word.label in ("ORG", "LOC") or word.previous.is_in("avant_une_chose"):
        return False
    return word.label == "PER" or announces_first_name(word)


def _doubt_of_first_name(word: TextWord) -> str:
    """A place, or a word that opens a sentence, leaves a doubt without strong context."""
    if word.is_upper and not _is_in_context(word):
        return _WORD_OR_NAME
    if _THING_TO_DO.match(word.folded_after(30)) and word.is_common:
        return _WORD_OR_NAME
    if surname_after(word) or announces(word) or is_subject(word, humanly=True):
        return ""
    if word.is_in("prenoms_lieux"):
        return _PLACE_OR_NAME
    return _WORD_OR_NAME if word.opens and word.is_common and not is_subject(word) else ""


def _is_after_initials(word: TextWord) -> bool:
    """J.-P. Roumégoux."""
    if initials_before(word) is None:
        return False
    if word.is_in("particules") and word.has_capital:
        surname = surname_after(word)
        return bool(surname) and not (surname.is_common or surname.is_place)
    if len(word.text) < 3 or word.is_upper:
        return False
    is_name = not word.is_common or word.folded in word.roster.last
    return is_name or announces(word) or is_subject(word)


def _evidence_of_unknown(word: TextWord) -> Evidence | None:
    """Strong context, a surname after it, or spaCy with a second name."""
    if len(word.text) < 3 or word.is_upper or word.is_common or word.is_place:
        return None
    if word.is_in("acronymes"):
        return None
    if announces(word, strongly=True) or is_presented(word):
        return Evidence("announced")
    if has_first_name_in_brackets(word):
        return Evidence("announced", _FORM_ONLY)
    if is_misspelt_first_name(word.folded):
        return Evidence("first name", _MISSPELT)
    if word.label != "ORG":
        if is_related(word):
            return Evidence("announced", _FORM_ONLY)
        if is_subject(word, humanly=True) or _has_unknown_acting_surname(word):
            return Evidence("announced", _ACTS)
    return None if word.label in ("LOC", "ORG") else _evidence_of_form(word)


def _evidence_of_form(word: TextWord) -> Evidence | None:
    if not word.opens and AGE_AFTER.match(word.passage.text, word.end):
        return Evidence("announced")
    surname = surname_after(word)
    if surname.is_surname and not surname.is_common:
        return Evidence("announced", "" if word.label == "PER" else _FORM_ONLY)
    return Evidence("announced", _FORM_ONLY) if _has_form_of_person(word) else None


def _has_form_of_person(word: TextWord) -> bool:
    is_after_chez = word.previous.folded == "chez"
    if word.is_surname and not is_after_chez and has_human_context(word):
        return True
    if word.label != "PER":
        return False
    surname = surname_after(word)
    if surname.label == "PER" and not (surname.is_common or surname.is_upper or surname.is_place):
        return True
    is_announced = not (word.opens or is_after_chez) and announces(word)
    return is_announced or is_subject(word, humanly=True)


def _evidence_of_common_surname(word: TextWord) -> Evidence | None:
    is_shouted = word.passage.is_shouted
    if word.is_usual_first_name and not word.is_in("prenoms_lieux") and not is_shouted:
        surname = surname_after(word)
        is_whole = surname.is_surname and not (surname.is_upper or surname.is_place)
        return Evidence("first name", _WORD_OR_NAME) if is_whole else None
    if word.opens or is_shouted or len(word.text) < 3 or word.is_in("acronymes", "jamais"):
        return None
    if word.previous.folded == "chez":  # a shop as often as a person
        return None
    is_name = word.is_surname and not (word.is_in("fonctions") or word.is_place)
    return Evidence("announced", _FORM_ONLY) if is_name and calls_for_person(word) else None


def _is_sure(word: TextWord, evidence: Evidence) -> bool:
    """A title, or the exact spelling of the list."""
    is_listed = evidence.kind == "roster" and word.is_on_roster
    return not evidence.doubt and (is_listed or evidence.kind == "title")
