"""Find the first names that are places in one workshop: the quarter Berthe, the commune of Rémy.

In:   the texts of the workshop, the names of its communes, its roster
Out:  folded first names; none that any mention shows to be a person's, since hiding a person comes first
"""

import re
from collections.abc import Iterable
from functools import cache

from pipeline.pseudonymise.context import acts, announces, takes_the_floor
from pipeline.pseudonymise.extent import whole_name
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.persons import AGE_OR_INITIAL, ALONE_IN_BRACKETS
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.titles import has_title
from pipeline.pseudonymise.words import LETTER, alternatives, fold, is_first_name


def find_places(texts: Iterable[str], communes: Iterable[str], roster: Roster) -> frozenset[str]:
    """Return the first names that a cue or a commune makes places and that nothing in `texts` or the roster makes persons."""
    passages = [Passage(text, (), roster) for text in texts]
    named = {fold(commune) for commune in communes} | {name for passage in passages for name in _cued(passage)}
    candidates = {name for name in named if is_first_name(name)} - roster.first - roster.last
    if not candidates:
        return frozenset()
    return frozenset(candidates - {name for passage in passages for name in _persons(passage, candidates)})


def _cued(passage: Passage) -> set[str]:
    """The capitalised names, folded, that follow a cue of place and stand alone."""
    found = (match.span("name") for cue in _cues() for match in cue.finditer(passage.folded))
    return {passage.folded[start:end] for start, end in found if passage.text[start].isupper() and not _goes_on(passage.text[end:])}


def _goes_on(after: str) -> bool:
    """Whether a name goes on: in "cité Paul Éluard", Paul is not the place."""
    return bool(re.match(r"[\s\u00a0\-‐‑](?:[dDlL]['’])?(?=\w)", after)) and after[1:].lstrip("dDlL'’")[:1].isupper()


@cache
def _cues() -> tuple[re.Pattern[str], ...]:
    """Quartier X; habitants de X; vivent à X; at the start of a clause, les gens à X."""
    blank = r"[ \u00a0]"
    apposed = rf"(?<!\w)(?:{alternatives('lieux_nommes')}){blank}"
    linked = rf"(?<!\w)(?:{alternatives('lieux_nommes_avec_de')}){blank}(?:de{blank}|d')"
    present = rf"(?<!\w)(?:{alternatives('presences')}){blank}à{blank}"
    start = rf"(?:^|[.,;:!?(\n]){blank}*(?:(?:et|mais|que|car|donc){blank})?"
    clause = rf"{start}(?:les|des|nos){blank}(?:{alternatives('populations')}){blank}à{blank}"
    name = rf"(?P<name>{LETTER}+(?:-{LETTER}+)*)(?![\w'-])"
    return tuple(re.compile(cue + name) for cue in (apposed, linked, present, clause))


def _persons(passage: Passage, names: set[str]) -> set[str]:
    """Those of `names` that some mention shows to be a person's."""
    if not any(name in passage.folded for name in names):
        return set()
    mentions = [(place, word.folded) for place, word in enumerate(passage.words) if word.folded in names]
    return {name for place, name in mentions if _is_person(passage, place)}


def _is_person(passage: Passage, place: int) -> bool:
    """Whether the words around the name tell a person: a title, a surname, an announcement, an age, brackets, a verb, a turn to speak."""
    words, text, folded, word = passage.words, passage.text, passage.folded, passage.words[place]
    before = words[place - 1] if place else None
    if before is not None and word.before == " " and before.has_capital and is_first_name(before.folded):
        return True
    if has_title(words, place):
        return True
    span = whole_name(passage, place, has_title=False, has_initial=False)
    if span != (word.start, word.end) or AGE_OR_INITIAL.match(text, word.end):
        return True
    if ALONE_IN_BRACKETS.fullmatch(text[max(0, word.start - 1) : word.end + 1]) or takes_the_floor(folded[word.end : word.end + 40]):
        return True
    return announces(words, place, folded) or acts(words, place, folded)
