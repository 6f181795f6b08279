"""List capitals left readable that may be a person's name.

In:   a passage and the masks found in it
Out:  masks that are not replaced, each with its doubt
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
    TextWord,
    is_first_name,
    is_place,
    is_surname,
    is_usual_first_name,
    terms,
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
    """Return the suspects that no mask covers, structures of the lists left out; a name of two
    words is one suspect.
    """
    names = {edge for mask in masks if mask.token == PERSON for edge in (mask.start, mask.end)}
    found: list[Mask] = []
    for i, word in enumerate(passage.words):
        is_settled = passage.is_kept(word) or any(
            mask.start <= word.start < mask.end for mask in [*masks, *found]
        )
        if is_settled or not word.has_capital or len(word.text) < 3:
            continue
        doubt = _doubt(passage, i) or _doubt_of_capital(passage, i, names)
        if doubt:
            last = i + 1 if doubt == _WITH_WORD else i
            found.append(
                Mask(
                    passage.words[_head(passage.words, i)].start,
                    passage.words[last].end,
                    PERSON,
                    doubt=doubt,
                    is_kept=True,
                )
            )
    return found


def _doubt(passage: Passage, i: int) -> str:
    word, words = passage.words[i], passage.words
    if is_first_name(word.folded):
        if _is_owner(passage, i):
            return _IN_ORGANISATION
        is_listed = word.folded in passage.roster.first and word.folded in terms("prenoms_lieux")
        return _IN_LIST if is_listed and not is_place_name(words, i) else ""
    if word.folded in passage.roster.last and is_place(word.folded) and not is_place_name(words, i):
        return _PLACE_IN_LIST
    is_unknown = not (
        word.is_common
        or word.is_upper
        or is_place(word.folded)
        or word.folded in terms("acronymes")
    )
    is_free = (
        word.opens
        and is_unknown
        and passage.label(word) in ("", "MISC", "PER")
        and not is_thing(words, i)
    )
    return (
        _ACTS
        if is_free and not is_place_name(words, i) and is_subject(words, i, humanly=True)
        else ""
    )


def _doubt_of_capital(passage: Passage, i: int, names: set[int]) -> str:
    """The doubt of a capital where people stand; `names` are the edges of the names masked."""
    word, words = passage.words[i], passage.words
    # Luc Mercredi, Marie Février
    is_day = word.folded in terms("fonctions_noms") - terms("fonctions")
    if passage.is_shouted or (word.folded in _never() and not is_day):
        return ""
    is_tied = not word.opens and word.before == " " and words[i - 1].end in names
    if is_tied and not word.is_upper:
        return _GOES_ON
    if not _may_be_name(word):
        return ""
    if _is_followed_by_word(passage, i):
        return _WITH_WORD
    if is_usual_first_name(word.folded) and _is_readable_first_name(words, i, names):
        return _FIRST_NAME
    is_name = is_surname(word.folded) or is_first_name(word.folded)
    if is_name and not is_place(word.folded) and _has_human_context_alone(passage, i):
        return _ACTS
    if _is_bare_surname(passage, i):
        return _SURNAME
    return "" if word.opens else _doubt_inside_sentence(passage, i, is_name=is_name)


def _is_readable_first_name(words: list[TextWord], i: int, names: set[int]) -> bool:
    """Whether a usual first name opens a sentence before a masked name, or can be nothing else."""
    word = words[i]
    if word.opens and _is_before_name(words, i, names):
        return True
    is_else = (
        word.is_common
        or word.is_upper
        or is_place(word.folded)
        or word.folded in terms("prenoms_lieux")
    )
    return not (is_else or is_place_name(words, i) or is_thing(words, i))


def _doubt_inside_sentence(passage: Passage, i: int, *, is_name: bool) -> str:
    word, words = passage.words[i], passage.words
    if _is_family(passage, i):
        return _FAMILY
    if is_place_name(words, i):
        return _MAY_STAND if _may_be_owner(words, i) else ""
    if (is_name or not is_place(word.folded)) and calls_for_person(words, i, passage.folded):
        return _STANDS
    is_word_or_place = (
        is_place(word.folded)
        or word.folded in terms("prenoms_lieux")
        or word.is_upper
        or (word.is_common and (not is_name or word.folded.endswith(("s", "x"))))
    )
    return _MAY_STAND if not is_word_or_place and may_call_for_person(words, i) else ""


def _may_be_owner(words: list[TextWord], i: int) -> bool:
    """Whether what reads as a place's name may be somebody's: la place de Karim, mme Rose."""
    word, before = words[i], words[i - 1]
    is_owner = is_owned(words, i) and not has_inner_capital(words, i)
    is_someone = is_owner or (not before.has_capital and is_subject(words, i))
    if is_someone and is_usual_first_name(word.folded) and not is_place(word.folded):
        return True
    return before.folded in terms("civilites") and before.text.islower()


@cache
def _never() -> frozenset[str]:
    """Folded months, titles, functions and acronyms, which are nobody's name where people stand."""
    return frozenset().union(*map(terms, _NEVER))


def _may_be_name(word: TextWord) -> bool:
    """Whether the word is no kind of place or organisation, unless it is a surname too."""
    if word.folded in _never():
        return False
    return is_surname(word.folded) or word.folded.split("-")[0] not in terms(
        "lieux_et_organisations"
    )


def _is_followed_by_word(passage: Passage, i: int) -> bool:
    """Whether a first name that is also a word stands before another capital: Blanche Noir."""
    word, words = passage.words[i], passage.words
    after = words[i + 1] if i + 1 < len(words) else None
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
        and word.folded not in terms("prenoms_lieux")
        and not is_place_name(words, i)
    )
    return is_name and (_may_be_name(after) or is_subject(words, i + 1))


def _is_bare_surname(passage: Passage, i: int) -> bool:
    """Whether a surname stands as names do: no article, no name of a place or thing before it, or a
    verb after it.

    A common word that opens a sentence counts before a verb or after a heading only: Barbier
    refuse; Animatrice : Rivière.
    """
    word, words = passage.words[i], passage.words
    if not is_surname(word.folded) or word.is_upper or is_place(word.folded):
        return False
    if (
        word.folded in terms("prenoms_lieux") | terms("prenoms_mots")
        or is_place_name(words, i)
        or is_thing(words, i)
    ):
        return False
    if word.opens:
        is_entry = bool(i) and announces(words, i, passage.folded) and not _goes_on(words, i)
        return is_entry or is_subject(words, i)
    before = words[i - 1]
    is_determined = before.folded in terms("articles") | terms("determinants") | {"de", "en"}
    if before.folded == "de" and i > 1:
        is_determined = words[i - 2].folded not in terms("possessions")
    is_tied = word.before[-1:] in ("'", "’") or (word.before == " " and before.has_capital)
    return not (is_determined or is_tied)


def _head(words: list[TextWord], i: int) -> int:
    """Where the name that ends at `i` starts: at the particles with a capital before it, as in
    Le Floch.
    """
    head, particles = i, terms("particules") - {"les", "des"}
    while (
        head
        and words[head].before == " "
        and words[head - 1].has_capital
        and words[head - 1].folded in particles
    ):
        head -= 1
    return i if words[head].opens else head


def _is_family(passage: Passage, i: int) -> bool:
    """Whether a surname names a household: chez les Morvan, la maison des Le Floch; or stands, over
    its particle, where people do.
    """
    word, words, head = passage.words[i], passage.words, _head(passage.words, i)
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
        is_plural or (head < i and calls_for_person(words, head, passage.folded))
    )


def _goes_on(words: list[TextWord], i: int) -> bool:
    """Whether a word that is no surname follows at once, as after an adjective: Petit déjeuner,
    Grand Est.
    """
    after = words[i + 1] if i + 1 < len(words) else None
    return after is not None and after.before == " " and (after.has_capital or after.is_common)


def _is_before_name(words: list[TextWord], i: int, names: set[int]) -> bool:
    """Whether a comma or "et" ties the word to a masked name after it: Fabien, [personne]."""
    after = words[i + 1 : i + 3]
    if after and after[0].before == ", " and after[0].start in names:
        return True
    return len(after) > 1 and after[0].folded == "et" and after[1].start in names


def _has_human_context_alone(passage: Passage, i: int) -> bool:
    """Whether a surname that is a common word does what people do, takes the floor, or stands alone
    in brackets: Boucher dit que…
    """
    word, words = passage.words[i], passage.words
    if i and not word.opens and words[i - 1].folded in terms("articles"):
        return False
    in_brackets = passage.text[max(0, word.start - 1) : word.end + 1]
    is_speaker = is_presented(words, i, passage.folded) or is_subject(words, i, humanly=True)
    return is_speaker or bool(ALONE_IN_BRACKETS.fullmatch(in_brackets))


def _is_owner(passage: Passage, i: int) -> bool:
    """Whether a first name alone ends an organisation's name over "de": L'Atelier de Margot, not
    the street or school of someone known.
    """
    word, words = passage.words[i], passage.words
    if i < 2 or (words[i - 1].folded not in ("de", "d") and not {"'", "’"} & set(word.before)):
        return False
    kind = words[i - 1] if words[i - 1].folded != "de" else words[i - 2]
    is_clear = kind.folded in terms("lieux_avec_de") or not kind.has_capital
    return not is_clear and not is_place(word.folded) and is_place_name(words, i)
