"""Find persons' names in a passage: listed, titled, known as first names, or announced.

In:   a passage
Out:  masks of names and initials; one that rests on weak evidence says why
"""

import re
from dataclasses import replace
from typing import NamedTuple

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.context import (
    Passage,
    announces,
    announces_first_name,
    calls_for_person,
    follows,
    has_human_context,
    has_inner_capital,
    has_particle_after,
    initials_before,
    is_owned,
    is_place_name,
    is_posted,
    is_presented,
    is_related,
    surname_after,
    whole_name,
)
from pipeline.pseudonymise.cues import is_of_brand, is_said_thing, is_subject, is_thing
from pipeline.pseudonymise.listed_names import is_located, is_roster_name, is_written_as_name
from pipeline.pseudonymise.names_beside import beside_names, small_name
from pipeline.pseudonymise.words import (
    UPPER,
    TextWord,
    has_title,
    is_first_name,
    is_place,
    is_rare_first_name,
    is_surname,
    is_usual_first_name,
    terms,
)

_DOTTED = re.compile(
    rf"(?<![\w.])({UPPER})\.[\s\u00a0\-]?({UPPER})\.(?![\s\u00a0\-]?\w\.|\w)(?!\s?{UPPER}[a-zà-ÿ])"
)
_AGE = re.compile(r",?\s?\(?\d{1,2}\sans\b")


def find_initials(passage: Passage) -> list[Mask]:
    """Return initials with points where the list or the context tells a person, and bare ones of
    the list in context.
    """
    masks = [
        Mask(*match.span(), PERSON)
        for match in _DOTTED.finditer(passage.text)
        if _is_person(passage, match)
    ]
    if not passage.is_shouted:
        masks += [
            Mask(word.start, word.end, PERSON, doubt="initiales de quelqu'un de la liste ?")
            for i, word in enumerate(passage.words)
            if word.is_upper and word.folded in passage.roster.initials and _acts(passage, i)
        ]
    return masks


def _is_person(passage: Passage, match: re.Match[str]) -> bool:
    letters = (match[1] + match[2]).lower()
    indices = [
        i for i, word in enumerate(passage.words) if match.start() <= word.start < match.end()
    ]
    if letters in passage.roster.initials or _AGE.match(passage.text, match.end()):
        return True
    is_acronym = letters in terms("acronymes") or not indices
    return not is_acronym and (
        announces(passage.words, indices[0], passage.folded)
        or _acts_after_point(passage, indices[-1])
    )


def _acts_after_point(passage: Passage, last: int) -> bool:
    """Whether a verb follows the point: the blank before it is all that a name has after it."""
    words = passage.words
    if last + 1 >= len(words) or not words[last + 1].before.startswith("."):
        return False
    without_point = [
        *words[: last + 1],
        *(word if word is not words[last + 1] else _unpointed(word) for word in words[last + 1 :]),
    ]
    return is_subject(without_point, last)


def _unpointed(word: TextWord) -> TextWord:
    return replace(word, before=word.before.removeprefix("."), opens=False)


def _acts(passage: Passage, i: int) -> bool:
    word = passage.words[i]
    if word.folded in terms("acronymes"):
        return False
    told = announces(passage.words, i, passage.folded) or follows(passage.words, i, passage.folded)
    return told or is_subject(passage.words, i)


_AGE_AFTER = r"\s?[,(]\s?\d{1,2}\sans\b"
AGE_OR_INITIAL = re.compile(rf"{_AGE_AFTER}|\s{UPPER}\.(?!\w)")
ALONE_IN_BRACKETS = re.compile(r"\([^\W\d_\-]+\)")
_FORM_ONLY = "nom de personne d'après sa seule forme ?"
_ACTS = "nom inconnu qui parle ou agit comme une personne"
_WORD_OR_NAME = "prénom ou mot courant ?"
_PLACE_OR_NAME = "prénom ou lieu ?"
_LISTED_OR_STREET = "quelqu'un, ou le nom d'une rue ou d'un lieu ?"


class Evidence(NamedTuple):
    """Why a word is a person's name, and what leaves a doubt."""

    kind: str  # title, roster, first name, initial, announced
    doubt: str = ""


def find_persons(passage: Passage, *, name_match: int) -> list[Mask]:
    """Return the names in `passage`; `name_match` is the rapidfuzz score over which a misspelt word
    is a name of the roster.
    """
    full = (match.span() for match in passage.roster.full.finditer(passage.folded))
    masks = [
        Mask(*span, PERSON)
        for span in full
        if is_written_as_name(passage.text[slice(*span)], passage.roster)
    ]
    masks += find_initials(passage)
    for i, word in enumerate(passage.words):
        if passage.is_kept(word) or any(mask.start <= word.start < mask.end for mask in masks):
            continue
        evidence = _evidence(passage, i, name_match)
        if evidence:
            span = whole_name(
                passage,
                i,
                has_title=evidence.kind == "title",
                has_initial=evidence.kind == "initial",
            )
            masks.append(
                Mask(*span, PERSON, doubt=evidence.doubt, is_sure=_is_sure(passage, word, evidence))
            )
    return sorted([*masks, *beside_names(passage, masks)])


def _evidence(passage: Passage, i: int, name_match: int) -> Evidence | None:
    """Why the word at `i` is a person's name; None when it is none."""
    word, words = passage.words[i], passage.words
    is_titled = has_title(words, i)
    is_in_place = is_place_name(words, i)
    if word.folded in passage.roster.sure and not (word.has_capital or word.is_common):
        kind = "title" if is_titled else "roster"
        return Evidence(kind, _LISTED_OR_STREET if is_in_place else "")
    if is_in_place:
        return _person_in_place(passage, i, is_titled=is_titled)
    is_person = is_titled or _is_person_before_comma(passage, i)
    if is_said_thing(words, i, passage.folded, is_person=is_person):
        return None
    if is_titled:
        return Evidence("title")
    is_function_word = word.folded in terms("jamais") and not is_first_name(word.folded)
    if is_function_word or word.folded in terms("civilites"):
        return None
    family = _family(passage, i)
    if family or word.folded in passage.roster.places or is_thing(words, i):
        return family
    if not word.has_capital:
        doubt = small_name(passage, i)
        return None if doubt is None else Evidence("roster", doubt)
    return _evidence_of_capital(passage, i, name_match)


def _evidence_of_capital(passage: Passage, i: int, name_match: int) -> Evidence | None:
    """Why the capitalised word at `i`, without a title, is a person's name."""
    word = passage.words[i]
    is_known = is_first_name(word.folded) and word.folded not in terms("prenoms_lieux")
    is_brand = word.folded in terms("prenoms_marques") or not is_known
    if is_brand and surname_after(passage, i) is None and is_of_brand(passage.words, i):
        return None
    doubt = is_roster_name(passage, i, name_match, in_context=_is_in_context(passage, i))
    if doubt is not None:
        return Evidence("roster", doubt)
    if _is_known_first_name(passage, i):
        return Evidence("first name", _doubt_of_first_name(passage, i))
    if _follows_initial(passage, i):
        return Evidence("initial")
    return _announced(passage, i) or _in_persons_place(passage, i)


def _is_sure(passage: Passage, word: TextWord, evidence: Evidence) -> bool:
    """Whether a title, or a name of the list as it is spelt there, tells the person without any
    doubt.
    """
    is_listed = (
        evidence.kind == "roster" and word.folded in passage.roster.first | passage.roster.last
    )
    return not evidence.doubt and (is_listed or evidence.kind == "title")


def _is_person_before_comma(passage: Passage, i: int) -> bool:
    """Whether the list, or what announces a person, keeps what follows the comma from being what
    the name is: selon X, le pont…
    """
    return passage.words[i].folded in passage.roster.sure or announces(
        passage.words, i, passage.folded
    )


def _person_in_place(passage: Passage, i: int, *, is_titled: bool) -> Evidence | None:
    """The evidence for somebody in what reads as a place's name: listed, or named whole over "de",
    which no street is.

    La place de Benali, rue du docteur Benali, where the list has her; l'école de Nadia Cherif.
    """
    word, roster = passage.words[i], passage.roster
    if is_place(word.folded):
        return None
    if is_titled:
        return Evidence("title", _LISTED_OR_STREET) if word.folded in roster.last else None
    if not is_owned(passage.words, i):
        return None
    surname = surname_after(passage, i)
    if word.folded in roster.last or (
        word.folded in roster.first and not has_inner_capital(passage.words, i)
    ):
        return Evidence("roster", _LISTED_OR_STREET)
    is_whole = surname is not None and is_surname(surname.folded) and not is_place(surname.folded)
    return (
        Evidence("first name", _LISTED_OR_STREET)
        if is_whole and is_usual_first_name(word.folded)
        else None
    )


def _in_persons_place(passage: Passage, i: int) -> Evidence | None:
    """The evidence for a surname, perhaps a common word, after words that call for a person, or
    after a usual first name.
    """
    word, words = passage.words[i], passage.words
    if (
        is_usual_first_name(word.folded)
        and word.folded not in terms("prenoms_lieux")
        and not passage.is_shouted
    ):
        surname = surname_after(passage, i)
        is_whole = (
            surname is not None
            and not surname.is_upper
            and is_surname(surname.folded)
            and not is_place(surname.folded)
        )
        return Evidence("first name", _WORD_OR_NAME) if is_whole else None
    if (
        word.opens
        or passage.is_shouted
        or len(word.text) < 3
        or word.folded in terms("acronymes") | terms("jamais")
    ):
        return None
    if i and words[i - 1].folded == "chez":  # a shop as often as somebody: a case to look at
        return None
    is_name = (
        is_surname(word.folded)
        and word.folded not in terms("fonctions")
        and not is_place(word.folded)
    )
    return (
        Evidence("announced", _FORM_ONLY)
        if is_name and calls_for_person(words, i, passage.folded)
        else None
    )


def _is_known_first_name(passage: Passage, i: int) -> bool:
    """Whether a capitalised word is a first name of the lexicon and cannot be a common word, a
    place or an acronym here.
    """
    word = passage.words[i]
    is_short = len(word.text) < 5 and not is_usual_first_name(word.folded)
    is_acronym = word.is_upper and (
        is_short or len(word.text) < 3 or word.folded in terms("acronymes")
    )
    if is_acronym or _is_where(passage, i):
        return False
    if is_rare_first_name(word.folded):
        is_at = i > 0 and passage.words[i - 1].folded == "chez"
        return not is_at and (_is_in_context(passage, i) or _is_seen(passage, i))
    if not is_first_name(word.folded):
        return False
    is_word = word.folded in terms("prenoms_lieux") or _may_be_word(word)
    is_alone_in_capitals = word.is_upper and surname_after(passage, i) is None
    return (
        _is_in_context(passage, i)
        if is_word or passage.is_shouted or is_alone_in_capitals
        else True
    )


def _is_where(passage: Passage, i: int) -> bool:
    """Whether a name that is also a place's is one here: le PNR du Morvan, les élus de Vincent,
    dans le Jura.
    """
    word, before = passage.words[i], passage.words[i - 1].folded if i else ""
    if before in ("du", "au") and (is_place(word.folded) or is_place(f"le {word.folded}")):
        return True
    return is_place(word.folded) and is_located(passage, i)


def _is_seen(passage: Passage, i: int) -> bool:
    """Whether a rare first name stands inside a sentence, after words that people follow, and spaCy
    sees no organisation or place.
    """
    word = passage.words[i]
    before = passage.words[i - 1].folded if i else ""
    if (
        word.opens
        or word.is_upper
        or passage.label(word) in ("ORG", "LOC")
        or passage.is_shouted
        or before in terms("avant_une_chose")
    ):
        return False
    return passage.label(word) == "PER" or announces_first_name(passage.words, i)


def _may_be_word(word: TextWord) -> bool:
    """Whether a first name at the start of a sentence may be a common word there."""
    return word.opens and (word.folded in terms("prenoms_mots") or word.is_common)


def _doubt_of_first_name(passage: Passage, i: int) -> str:
    """A doubt where a name that may be a place, or a word at the start of a sentence, rests on the
    verb after it alone.
    """
    word = passage.words[i]
    is_firm = surname_after(passage, i) is not None or announces(passage.words, i, passage.folded)
    if is_firm or is_subject(passage.words, i, humanly=True):
        return ""
    if word.folded in terms("prenoms_lieux"):
        return _PLACE_OR_NAME
    return (
        _WORD_OR_NAME if word.opens and word.is_common and not is_subject(passage.words, i) else ""
    )


def _is_in_context(passage: Passage, i: int) -> bool:
    """Whether the words around tell a person: an announcement, a surname or its initial, brackets,
    a function, an age, a verb.
    """
    word, surname = passage.words[i], surname_after(passage, i)
    if is_presented(passage.words, i, passage.folded) or is_posted(
        passage.words, i, passage.folded
    ):
        return True
    if (
        surname
        and not (surname.is_common or surname.is_upper or is_place(surname.folded))
        and is_subject(passage.words, i + 1)
    ):
        return True
    if (
        surname
        and is_surname(surname.folded)
        and not (surname.is_common and surname.opens)
        and not passage.is_shouted
    ):
        return (
            not surname.is_common
            or is_subject(passage.words, i + 1)
            or follows(passage.words, i + 1, passage.folded)
        )
    if is_related(passage.words, i, passage.folded) or has_particle_after(passage, i):
        return True
    if word.folded in terms("prenoms_lieux") and passage.label(word) != "PER":
        is_human = (
            surname is None
            and not is_place(word.folded)
            and is_subject(passage.words, i, humanly=True)
        )
        return is_human or (
            surname is None and announces(passage.words, i, passage.folded, strongly=True)
        )
    if announces(passage.words, i, passage.folded) or AGE_OR_INITIAL.match(passage.text, word.end):
        return True
    if ALONE_IN_BRACKETS.fullmatch(passage.text[max(0, word.start - 1) : word.end + 1]):
        return True
    if (
        surname
        and not passage.is_shouted
        and not surname.is_common
        and passage.label(surname) in ("PER", "")
    ):
        return True
    if word.folded in terms("prenoms_lieux"):
        return is_subject(passage.words, i, humanly=True)
    return (
        follows(passage.words, i, passage.folded)
        or is_subject(passage.words, i)
        or _is_coordinated(passage, i)
    )


def _is_coordinated(passage: Passage, i: int) -> bool:
    """Whether another first name, with its capital, stands beside it: Clément et Prosper."""
    words = passage.words
    if i + 2 >= len(words) or words[i + 1].folded != "et":
        return False
    other = words[i + 2]
    return (
        other.has_capital
        and is_first_name(other.folded)
        and other.folded not in terms("prenoms_lieux")
    )


def _follows_initial(passage: Passage, i: int) -> bool:
    """Whether initials precede a capitalised word that is uncommon, listed or announced (J.-P.
    Roumégoux).
    """
    word = passage.words[i]
    if initials_before(passage.text[: word.start]) is None:
        return False
    if word.folded in terms("particules") and word.has_capital:
        after = surname_after(passage, i)
        return after is not None and not after.is_common and not is_place(after.folded)
    if len(word.text) < 3 or word.is_upper:
        return False
    return (
        not word.is_common
        or word.folded in passage.roster.last
        or announces(passage.words, i, passage.folded)
    )


def _announced(passage: Passage, i: int) -> Evidence | None:
    """The evidence for an uncommon capitalised word: strong words around it, a surname after it, or
    spaCy with a second name.
    """
    word, words, folded = passage.words[i], passage.words, passage.folded
    if (
        word.is_upper
        or word.is_common
        or len(word.text) < 3
        or is_place(word.folded)
        or word.folded in terms("acronymes")
    ):
        return None
    if announces(words, i, folded, strongly=True) or is_presented(words, i, folded):
        return Evidence("announced")
    if passage.label(word) != "ORG" and is_related(words, i, folded):
        return Evidence("announced", _FORM_ONLY)
    if _acts_humanly(passage, i):
        return Evidence("announced", _ACTS)
    if passage.label(word) in ("LOC", "ORG"):
        return None
    if not word.opens and re.match(_AGE_AFTER, passage.text[word.end :]):
        return Evidence("announced")
    surname = surname_after(passage, i)
    if surname is not None and is_surname(surname.folded) and not surname.is_common:
        return Evidence("announced", _FORM_ONLY if passage.label(word) != "PER" else "")
    return Evidence("announced", _FORM_ONLY) if _is_in_form(passage, i) else None


def _is_in_form(passage: Passage, i: int) -> bool:
    """Whether a surname in a human context, or what spaCy sees as a person, is one by its form."""
    word, words, folded = passage.words[i], passage.words, passage.folded
    is_at = i > 0 and words[i - 1].folded == "chez"
    if is_surname(word.folded) and not is_at and has_human_context(words, i, folded):
        return True
    if passage.label(word) != "PER":
        return False
    surname = surname_after(passage, i)
    is_named_twice = (
        surname is not None
        and passage.label(surname) == "PER"
        and not (surname.is_common or surname.is_upper or is_place(surname.folded))
    )
    is_announced = not (word.opens or is_at) and announces(words, i, folded)
    return is_announced or is_named_twice or is_subject(words, i, humanly=True)


def _acts_humanly(passage: Passage, i: int) -> bool:
    """Whether an unknown name, without an article, does what only people do."""
    is_organisation = passage.label(passage.words[i]) == "ORG"
    return not is_organisation and is_subject(passage.words, i, humanly=True)


def _family(passage: Passage, i: int) -> Evidence | None:
    """The evidence for a surname after "les" that the list has, or before a verb in the plural: les
    Castaing vendent.
    """
    word = passage.words[i]
    is_listed = word.folded in passage.roster.sure
    if (
        not i
        or word.opens
        or not word.has_capital
        or is_place(word.folded)
        or not (is_listed or is_surname(word.folded))
    ):
        return None
    may_be_noun = word.is_common and word.folded.endswith(("s", "x"))
    is_plural = (
        passage.words[i - 1].folded in ("les", "aux", "des")
        and word.before == " "
        and not may_be_noun
    )
    return (
        Evidence("announced", "famille ou enseigne ?")
        if is_plural and (is_listed or is_subject(passage.words, i))
        else None
    )
