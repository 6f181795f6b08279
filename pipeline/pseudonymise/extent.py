"""How far a person's name extends around the word that gave it away: initials, particles, surnames.

In:   a passage and the place of a word in it
Out:  a half-open span
"""

import re

from pipeline.pseudonymise.communes import is_place
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.verbs import is_verb_form
from pipeline.pseudonymise.words import UPPER, Word, is_first_name, is_surname, is_word_in_capitals, listed

_INITIALS_BEFORE = re.compile(rf"(?<!\w)(?:{UPPER}h?\.[\s\-]?){{1,3}}$")
_BEFORE_WORD = r"(?<![AÀYO])(?=\s[a-zà-ÿ]{3})"
_INITIAL_AFTER = re.compile(rf"\s{UPPER}(?:\.(?=\s?[^\s\w]|\s{{1,2}}[a-zà-ÿ]|$)|(?=\.?\s?[,;:)/]|\.?$|\.\s)|{_BEFORE_WORD})")
_BLANK = r"[\s\u00a0](?:[dDlL]['’])?"
_MOST_WORDS = 6


def whole_name(passage: Passage, place: int, *, has_title: bool, has_initial: bool) -> tuple[int, int]:
    """Return the span of the name that the word at `place` belongs to, without its title."""
    words = passage.words
    last = place
    while last - place < _MOST_WORDS and (following := _next_part(passage, last)) is not None:
        last = following
    end = words[last].end
    initial = None if has_initial else _INITIAL_AFTER.match(passage.text, end)
    return _start(passage, place, has_title=has_title), initial.end() if initial else end


def _start(passage: Passage, place: int, *, has_title: bool) -> int:
    """Where the name starts: at its initials, at the particles after a title, at a surname in capitals before a first name."""
    words, start = passage.words, passage.words[place].start
    initials = initials_before(passage.text[:start])
    if initials is not None:
        return initials
    if has_title:
        while place and words[place - 1].folded in listed("particules") and re.fullmatch(_BLANK, words[place].before):
            place -= 1
        start = words[place].start
        return start - 2 if re.search(r"(?<!\w)[DLO]['’]$", passage.text[:start]) else start
    before = place - 1
    while before > 0 and words[before].folded in ("van", "thi", "dinh") and words[before + 1].before == " ":
        before -= 1
    if before >= 0 and words[before + 1].before == " " and _is_surname_first(passage, words[before]):
        return words[before].start
    return start


def initials_before(text: str) -> int | None:
    """Where the initials that end `text` start ("J.-P. "); "M. " alone is a title."""
    match = _INITIALS_BEFORE.search(text)
    start = match.start() if match else len(text)
    start += 3 if re.match(r"M\.\s", text[start:]) else 0
    return start if start < len(text) else None


def surname_after(passage: Passage, place: int) -> Word | None:
    """The capitalised word right after `place` that may be a surname."""
    after = passage.words[place + 1] if place + 1 < len(passage.words) else None
    if after is None or not re.fullmatch(_BLANK, after.before) or not after.has_capital or passage.is_kept(after):
        return None
    return None if after.folded in listed("jamais") | listed("acronymes") else after


def has_particle_after(passage: Passage, place: int) -> bool:
    """Whether a particle and a capitalised word that is neither common nor a place follow: Jean de Kerguelen."""
    words = passage.words
    if place + 2 >= len(words) or words[place + 1].before != " " or words[place + 1].folded not in listed("particules"):
        return False
    name = words[place + 2]
    return (
        name.has_capital and name.before == " " and not (name.is_common or name.is_upper or is_place(name.folded) or passage.is_kept(name))
    )


def _next_part(passage: Passage, last: int) -> int | None:
    """The place of the next part of a name after the word at `last`, over particles and a middle initial; None where the name ends."""
    words = passage.words
    for place in range(last + 1, min(last + 4, len(words))):
        word, previous = words[place], words[place - 1]
        gap = rf"\.{_BLANK}" if _is_initial(previous) else _BLANK
        if not re.fullmatch(gap, word.before) or passage.is_kept(word):
            return None
        is_middle = _is_initial(word) and place + 1 < len(words) and words[place + 1].before == ". " and words[place + 1].has_capital
        if is_middle or word.folded in listed("particules"):
            continue
        is_part = word.has_capital and not _is_initial(word) and _may_be_surname(word) and not _ends_shouted_name(passage, place)
        return place if is_part else None
    return None


def _ends_shouted_name(passage: Passage, place: int) -> bool:
    """Whether a common word or verb goes on after the name in a line of capitals: MME ROCHE DEMANDE; not M. JEAN PETIT, whom it names."""
    word, before = passage.words[place], passage.words[place - 1]
    if not (
        word.is_upper and (word.is_common or is_word_in_capitals(word.folded) or is_verb_form(word.folded)) and passage.is_shouted_at(word)
    ):
        return False
    is_surname_here = is_surname(word.folded) and is_first_name(before.folded) and before.folded not in passage.roster.last
    return not (is_surname_here or word.folded in passage.roster.last | passage.roster.first)


def _is_initial(word: Word) -> bool:
    return len(word.text) == 1 and word.has_capital


def _may_be_surname(word: Word) -> bool:
    is_function_word = word.folded in listed("jamais") and not is_first_name(word.folded)
    is_generic = word.is_common and word.folded in listed("lieux_et_organisations") and not is_surname(word.folded)
    return not (is_function_word or is_generic or word.folded in listed("acronymes"))


def _is_surname_first(passage: Passage, word: Word) -> bool:
    """Whether `word` is a surname before its first name: known, or in capitals (ROY Hélène)."""
    if word.folded in passage.roster.last:
        return True
    if is_surname(word.folded) and word.has_capital and not (word.is_common or is_place(word.folded) or is_first_name(word.folded)):
        return True
    is_shouted = passage.is_shouted or not word.is_upper or len(word.text) < 3
    return not (is_shouted or word.is_common or word.folded in listed("acronymes"))
