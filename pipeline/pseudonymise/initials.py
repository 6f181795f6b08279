"""Find initials that stand for a person: K. O. prend les notes; KO, where the attendance list has a Karim Ouzzani.

In:   a passage
Out:  masks; an acronym is none
"""

import re
from dataclasses import replace

from pipeline.pseudonymise.context import announces, follows
from pipeline.pseudonymise.masks import PERSON, Mask
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.verbs import is_subject
from pipeline.pseudonymise.words import UPPER, Word, listed

_DOTTED = re.compile(rf"(?<![\w.])({UPPER})\.[\s\u00a0\-]?({UPPER})\.(?![\s\u00a0\-]?\w\.|\w)(?!\s?{UPPER}[a-zà-ÿ])")
_AGE = re.compile(r",?\s?\(?\d{1,2}\sans\b")


def find_initials(passage: Passage) -> list[Mask]:
    """Return initials with points where the list or the context tells a person, and bare ones of the list in context."""
    masks = [Mask(*match.span(), PERSON) for match in _DOTTED.finditer(passage.text) if _is_person(passage, match)]
    if not passage.is_shouted:
        masks += [
            Mask(word.start, word.end, PERSON, doubt="initiales de quelqu'un de la liste ?")
            for place, word in enumerate(passage.words)
            if word.is_upper and word.folded in passage.roster.initials and _acts(passage, place)
        ]
    return masks


def _is_person(passage: Passage, match: re.Match[str]) -> bool:
    letters = (match[1] + match[2]).lower()
    places = [place for place, word in enumerate(passage.words) if match.start() <= word.start < match.end()]
    if letters in passage.roster.initials or _AGE.match(passage.text, match.end()):
        return True
    is_acronym = letters in listed("acronymes") or not places
    return not is_acronym and (announces(passage.words, places[0], passage.folded) or _acts_after_point(passage, places[-1]))


def _acts_after_point(passage: Passage, last: int) -> bool:
    """Whether a verb follows the point: the blank before it is all that a name has after it."""
    words = passage.words
    if last + 1 >= len(words) or not words[last + 1].before.startswith("."):
        return False
    without_point = [*words[: last + 1], *(word if word is not words[last + 1] else _unpointed(word) for word in words[last + 1 :])]
    return is_subject(without_point, last)


def _unpointed(word: Word) -> Word:
    return replace(word, before=word.before.removeprefix("."), opens=False)


def _acts(passage: Passage, place: int) -> bool:
    word = passage.words[place]
    if word.folded in listed("acronymes"):
        return False
    told = announces(passage.words, place, passage.folded) or follows(passage.words, place, passage.folded)
    return told or is_subject(passage.words, place)
