"""List what was left readable though it may be a person's name: a capital where people stand, a first name in an organisation's.

In:   a passage and the masks found in it
Out:  kept masks, each with its doubt
"""

from functools import cache

from pipeline.pseudonymise.contacts import PERSON, Mask
from pipeline.pseudonymise.context import (
    Passage,
    announces,
    calls_for_person,
    has_inner_capital,
    is_owned,
    is_place_name,
    is_presented,
    may_call_for_person,
)
from pipeline.pseudonymise.cues import is_subject, is_thing
from pipeline.pseudonymise.persons import ALONE_IN_BRACKETS
from pipeline.pseudonymise.words import (
    Word,
    is_first_name,
    is_place,
    is_surname,
    is_usual_first_name,
    listed,
)

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
    """Return the suspects that no mask covers, structures of the lists left out; a name of two words is one suspect."""
    names = {edge for mask in masks if mask.token == PERSON for edge in (mask.start, mask.end)}
    found: list[Mask] = []
    for place, word in enumerate(passage.words):
        is_settled = passage.is_kept(word) or any(
            mask.start <= word.start < mask.end for mask in [*masks, *found]
        )
        if is_settled or not word.has_capital or len(word.text) < 3:
            continue
        doubt = _doubt(passage, place) or _doubt_of_capital(passage, place, names)
        if doubt:
            last = place + 1 if doubt == _WITH_WORD else place
            found.append(
                Mask(
                    passage.words[_head(passage.words, place)].start,
                    passage.words[last].end,
                    PERSON,
                    doubt=doubt,
                    is_kept=True,
                )
            )
    return found


def _doubt(passage: Passage, place: int) -> str:
    word, words = passage.words[place], passage.words
    if is_first_name(word.folded):
        if _is_owner(passage, place):
            return _IN_ORGANISATION
        is_listed = word.folded in passage.roster.first and word.folded in listed("prenoms_lieux")
        return _IN_LIST if is_listed and not is_place_name(words, place) else ""
    if (
        word.folded in passage.roster.last
        and is_place(word.folded)
        and not is_place_name(words, place)
    ):
        return _PLACE_IN_LIST
    is_unknown = not (
        word.is_common
        or word.is_upper
        or is_place(word.folded)
        or word.folded in listed("acronymes")
    )
    is_free = (
        word.opens
        and is_unknown
        and passage.label(word) in ("", "MISC", "PER")
        and not is_thing(words, place)
    )
    return (
        _ACTS
        if is_free and not is_place_name(words, place) and is_subject(words, place, humanly=True)
        else ""
    )


def _doubt_of_capital(passage: Passage, place: int, names: set[int]) -> str:
    """The doubt of a capital where people stand; `names` are the edges of the names masked."""
    word, words = passage.words[place], passage.words
    if passage.is_shouted:
        return ""
    is_day = word.folded in listed("fonctions_noms") - listed(
        "fonctions"
    )  # Luc Mercredi, Marie Février
    if word.folded in _never() and not is_day:
        return ""
    if (
        not word.opens
        and word.before == " "
        and words[place - 1].end in names
        and not word.is_upper
    ):
        return _GOES_ON
    if not _may_be_name(word):
        return ""
    if _is_followed_by_word(passage, place):
        return _WITH_WORD
    if is_usual_first_name(word.folded) and word.opens and _is_before_name(words, place, names):
        return _FIRST_NAME
    is_else = (
        word.is_common
        or word.is_upper
        or is_place(word.folded)
        or word.folded in listed("prenoms_lieux")
    )
    if is_usual_first_name(word.folded) and not (
        is_else or is_place_name(words, place) or is_thing(words, place)
    ):
        return _FIRST_NAME
    is_name = is_surname(word.folded) or is_first_name(word.folded)
    if is_name and not is_place(word.folded) and _is_told_alone(passage, place):
        return _ACTS
    if _is_bare_surname(passage, place):
        return _SURNAME
    if word.opens:
        return ""
    if _is_family(passage, place):
        return _FAMILY
    if is_place_name(words, place):
        may_be_owner = is_owned(words, place) and not has_inner_capital(words, place)
        before = words[place - 1]
        is_told = may_be_owner or (not before.has_capital and is_subject(words, place))
        is_first = is_told and is_usual_first_name(word.folded) and not is_place(word.folded)
        return (
            _MAY_STAND
            if is_first or (before.folded in listed("civilites") and before.text.islower())
            else ""
        )
    if (is_name or not is_place(word.folded)) and calls_for_person(words, place, passage.folded):
        return _STANDS
    is_where = is_place(word.folded) or word.folded in listed("prenoms_lieux")
    is_word_or_place = (
        is_where
        or word.is_upper
        or (word.is_common and (not is_name or word.folded.endswith(("s", "x"))))
    )
    return _MAY_STAND if not is_word_or_place and may_call_for_person(words, place) else ""


@cache
def _never() -> frozenset[str]:
    """Folded months, titles, functions and acronyms, which are nobody's name where people stand."""
    return frozenset().union(*map(listed, _NEVER))


def _may_be_name(word: Word) -> bool:
    """Whether the word is no kind of place or organisation, unless it is a surname too."""
    if word.folded in _never():
        return False
    return is_surname(word.folded) or word.folded.split("-")[0] not in listed(
        "lieux_et_organisations"
    )


def _is_followed_by_word(passage: Passage, place: int) -> bool:
    """Whether a usual first name, readable as a word, stands before another capital: Blanche Noir."""
    word, words = passage.words[place], passage.words
    after = words[place + 1] if place + 1 < len(words) else None
    if (
        after is None
        or after.before != " "
        or not after.has_capital
        or after.is_upper
        or passage.is_kept(after)
    ):
        return False
    is_name = (
        is_usual_first_name(word.folded)
        and word.folded not in listed("prenoms_lieux")
        and not is_place_name(words, place)
    )
    return is_name and (_may_be_name(after) or is_subject(words, place + 1))


def _is_bare_surname(passage: Passage, place: int) -> bool:
    """Whether a surname stands as names do: no article, no name of a place or thing before it, or a verb after it.

    A common word that opens a sentence counts before a verb or after a heading only: Barbier refuse; Animatrice : Rivière.
    """
    word, words = passage.words[place], passage.words
    if not is_surname(word.folded) or word.is_upper or is_place(word.folded):
        return False
    if (
        word.folded in listed("prenoms_lieux") | listed("prenoms_mots")
        or is_place_name(words, place)
        or is_thing(words, place)
    ):
        return False
    if word.opens:
        is_entry = (
            bool(place) and announces(words, place, passage.folded) and not _goes_on(words, place)
        )
        return is_entry or is_subject(words, place)
    before = words[place - 1]
    is_determined = before.folded in listed("articles") | listed("determinants") | {"de", "en"}
    if before.folded == "de" and place > 1:
        is_determined = words[place - 2].folded not in listed("possessions")
    is_tied = word.before[-1:] in ("'", "’") or (word.before == " " and before.has_capital)
    return not (is_determined or is_tied)


def _head(words: list[Word], place: int) -> int:
    """Where the name that ends at `place` starts: at the particles with a capital before it, as in Le Floch."""
    head, particles = place, listed("particules") - {"les", "des"}
    while (
        head
        and words[head].before == " "
        and words[head - 1].has_capital
        and words[head - 1].folded in particles
    ):
        head -= 1
    return place if words[head].opens else head


def _is_family(passage: Passage, place: int) -> bool:
    """Whether a surname names a household: chez les Morvan, la maison des Le Floch; or stands, over its particle, where people do."""
    word, words, head = passage.words[place], passage.words, _head(passage.words, place)
    whole = passage.folded[words[head].start : word.end]
    if (
        word.is_common
        or word.is_upper
        or not (is_surname(word.folded) or is_surname(whole))
        or not head
        or words[head].opens
    ):
        return False
    before = words[head - 1]
    is_plural = before.folded in ("les", "des", "aux") and words[head].before == " "
    if is_plural and head > 1 and words[head - 2].folded == "chez":
        return True
    return not is_place(whole) and (
        is_plural or (head < place and calls_for_person(words, head, passage.folded))
    )


def _goes_on(words: list[Word], place: int) -> bool:
    """Whether a word that is no surname follows at once, as after an adjective: Petit déjeuner, Grand Est."""
    after = words[place + 1] if place + 1 < len(words) else None
    return after is not None and after.before == " " and (after.has_capital or after.is_common)


def _is_before_name(words: list[Word], place: int, names: set[int]) -> bool:
    """Whether a comma or "et" ties the word to a masked name after it: Fabien, [personne]."""
    after = words[place + 1 : place + 3]
    if after and after[0].before == ", " and after[0].start in names:
        return True
    return len(after) > 1 and after[0].folded == "et" and after[1].start in names


def _is_told_alone(passage: Passage, place: int) -> bool:
    """Whether a surname that is a common word does what people do, takes the floor, or stands alone in brackets: Boucher dit que…"""
    word, words = passage.words[place], passage.words
    if place and not word.opens and words[place - 1].folded in listed("articles"):
        return False
    in_brackets = passage.text[max(0, word.start - 1) : word.end + 1]
    is_speaker = is_presented(words, place, passage.folded) or is_subject(
        words, place, humanly=True
    )
    return is_speaker or bool(ALONE_IN_BRACKETS.fullmatch(in_brackets))


def _is_owner(passage: Passage, place: int) -> bool:
    """Whether a first name alone ends an organisation's name over "de": L'Atelier de Margot, not the street or school of someone known."""
    word, words = passage.words[place], passage.words
    if place < 2 or (
        words[place - 1].folded not in ("de", "d") and not {"'", "’"} & set(word.before)
    ):
        return False
    kind = words[place - 1] if words[place - 1].folded != "de" else words[place - 2]
    is_clear = kind.folded in listed("lieux_avec_de") or not kind.has_capital
    return not is_clear and not is_place(word.folded) and is_place_name(words, place)
