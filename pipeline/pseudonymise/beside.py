"""Find unknown names by the names beside them: Wafa, Ibtissem et Loubna; Zorica + Lise; Argitxu et Maitena.

In:   a passage, the masks found in it
Out:  more masks, each with its doubt; organisations and places that stand beside a name are none
"""

from pipeline.pseudonymise.communes import is_place
from pipeline.pseudonymise.context import is_place_name
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.things import is_thing
from pipeline.pseudonymise.words import Word, listed

_TIES = frozenset({" + ", "/", " / ", " & ", "+", "&"})
_DOUBT = "cité parmi des prénoms"


def beside_names(passage: Passage, masks: list[Mask]) -> list[Mask]:
    """Return the masks of unknown capitalised words tied to a name that is plain: by a sign or, in a list, by commas."""
    plain = {edge for mask in masks if not mask.doubt for edge in (mask.start, mask.end)}
    found: list[Mask] = []
    for place, word in enumerate(passage.words):
        if any(mask.start <= word.start < mask.end for mask in masks) or not _is_unknown(passage, place):
            continue
        if _is_tied(passage.words, place, plain) or _is_in_list(passage.words, place, plain):
            found.append(Mask(word.start, word.end, PERSON, doubt=_DOUBT))
            plain |= {word.start, word.end}
    return found


def _is_unknown(passage: Passage, place: int) -> bool:
    word = passage.words[place]
    is_known = word.is_common or word.is_upper or is_place(word.folded) or passage.is_kept(word) or word.folded in listed("acronymes")
    if not word.has_capital or is_known or len(word.text) < 3 or passage.label(word) in ("ORG", "LOC"):
        return False
    return not (is_place_name(passage.words, place) or is_thing(passage.words, place))


def _is_tied(words: list[Word], place: int, plain: set[int]) -> bool:
    """Whether a sign ties the word to a name: Zorica + Lise, Zorica/Lise."""
    before = place > 0 and words[place].before in _TIES and words[place - 1].end in plain
    after = place + 1 < len(words) and words[place + 1].before in _TIES and words[place + 1].start in plain
    return before or after


def _is_in_list(words: list[Word], place: int, plain: set[int]) -> bool:
    """Whether the word follows a name over a comma and the list goes on, or opens a list of names: Zorica, Lise et Tom."""
    after = words[place + 1] if place + 1 < len(words) else None
    if place and words[place].before == ", " and words[place - 1].end in plain:
        return after is not None and (after.folded == "et" or after.before == ", ")
    if after is None or after.before != ", " or after.start not in plain or place + 2 >= len(words):
        return False
    return words[place].opens and (words[place + 2].before == ", " or words[place + 2].folded == "et")
