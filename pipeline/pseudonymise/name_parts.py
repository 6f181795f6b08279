"""Find a person's title, initials, particles and surname, and the extent of the name."""

import re

from pipeline.pseudonymise.context import is_subject, is_verb_form
from pipeline.pseudonymise.passage import NO_WORD, TextWord
from pipeline.pseudonymise.words import UPPER, is_word_in_capitals, terms

_AFTER_TITLE = re.compile(r"\.?[\s\u00a0]+(?:[dlDL]['’])?")
_IN_LIST = re.compile(r"[\s\u00a0]?,?[\s\u00a0]?,?")
_INITIALS_BEFORE = re.compile(
    rf"(?<!\w)(?:{UPPER}h?\.[\s\-]?){{1,3}}(?P<particle>d['’]|(?:de|du|de\sla|van|von)\s)?$"
)
# JL Poulain, M-C Durand: the letters of a compound first name
_BARE_INITIALS = re.compile(rf"(?<!\w)([JMAPRCF])-?({UPPER})\s$")
_BEFORE_WORD = r"(?<![AÀYO])(?=\s[a-zà-ÿ]{3})"
_INITIAL_AFTER = re.compile(
    rf"\s{UPPER}(?:\.(?=\s?[^\s\w]|\s{{1,2}}[a-zà-ÿ]|$)|(?=\.?\s?[,;:)/]|\.?$|\.\s)|{_BEFORE_WORD})"
)
_DOMAINS = frozenset({"com", "org", "net", "coop", "bzh", "info", "asso", "gouv", "html", "pdf"})
_NUMBER_BEFORE = re.compile(r"\d\s?$")
_BLANK = r"[\s\u00a0](?:[dDlL]['’])?"
_ELISION_BEFORE = re.compile(r"(?<!\w)[DLO]['’]$")
_MOST_WORDS = 6
_LONGEST_BEFORE = 30  # characters of initials and a particle


def has_title(word: TextWord) -> bool:
    """Whether a title precedes a capital, or a clear one a small letter (mme dufour)."""
    before = word.previous
    if not before or _is_title_of_name(word):
        return False
    if _is_function(word):
        return _is_function_as_name(before, word)
    if word.has_capital and not word.is_in("civilites") and _is_in_titled_list(word):
        return True
    if not _AFTER_TITLE.fullmatch(word.gap):
        return False
    if not word.has_capital:
        return _has_clear_title(word)
    if before.is_in("parentes") and word.gap.isspace() and not (word.is_common or word.is_upper):
        return True
    return _is_title(before) or _has_title_over_particles(word)


def _is_title_of_name(word: TextWord) -> bool:
    """M. Pasteur Roy, Mme Docteure Le Bris."""
    is_before_capital = word.next.has_capital and word.next.gap.isspace()
    return word.is_in("civilites") and (not word.has_capital or is_before_capital)


def _is_function(word: TextWord) -> bool:
    return word.is_in("fonctions", "jamais")


def _is_function_as_name(title: TextWord, word: TextWord) -> bool:
    """Monsieur Maire, but Monsieur le Maire."""
    return (
        word.is_in("fonctions_noms")
        and word.has_capital
        and not word.is_upper
        and title.has_capital
        and _is_title(title)
    )


def _is_title(word: TextWord) -> bool:
    """The shortest titles (M, Dr, Me) need their capital."""
    is_long_enough = len(word.text) > 2 or word.has_capital
    return word.is_in("civilites") and is_long_enough and word.text != "ME"


def _is_in_titled_list(word: TextWord) -> bool:
    """MM. Achard et Mestre."""
    while (
        word.previous and word.has_capital and (not _is_function(word) or word.is_in("particules"))
    ):
        separator, word = word.gap, word.previous
        if word.folded == "et" and separator == " ":
            separator, word = word.gap + ",", word.previous
        if word.is_in("civilites"):
            return word.is_in("civilites_de_plusieurs")
        if not _IN_LIST.fullmatch(separator):
            return False
    return False


def _has_clear_title(word: TextWord) -> bool:
    """Mme dufour, mme le goff, madame rose, m. dufour; not 12 m. environ."""
    is_name = word.is_usual_first_name or (word.is_surname and not _is_function(word))
    if word.is_in("particules") or (word.is_common and not is_name):
        return False
    title = word.previous
    if title.is_in("particules_sures") and title.gap == " ":
        title = title.previous
    is_measure = _NUMBER_BEFORE.search(title.gap) is not None
    is_pointed = title.text == "m" and word.gap.startswith(".") and not is_measure
    return title.is_in("civilites_sures") or (is_pointed and not word.is_place)


def _has_title_over_particles(word: TextWord) -> bool:
    """Mme Le Goff, M. de La Tour; not M. le Curé."""
    particle = word.previous
    while (
        particle.previous
        and particle.is_in("particules")
        and particle.text not in ("le", "la", "les")
    ):
        particle = particle.previous
        if _is_title(particle):
            return True
    return False


def whole_name(
    word: TextWord, *, has_title: bool = False, has_initial: bool = False
) -> tuple[int, int]:
    """Return the span of the name around `word`, without its title."""
    last = word
    while last.index - word.index < _MOST_WORDS and (part := _next_part(last)):
        last = part
    if is_account(last):
        return _start(word, has_title=has_title), last.next.end
    initial = None if has_initial else _INITIAL_AFTER.match(word.passage.text, last.end)
    return _start(word, has_title=has_title), initial.end() if initial else last.end


def is_account(word: TextWord) -> bool:
    """Whether a point joins it to a surname: yann.kermarrec."""
    after = word.next
    if after.gap != "." or after.folded in _DOMAINS or len(after.text) < 3:
        return False
    is_joined = word.has_capital == after.has_capital and word.is_usual_first_name
    return is_joined and (after.is_surname or not after.is_common)


def _next_part(last: TextWord) -> TextWord:
    """Skip particles and a middle initial."""
    word = last.next
    for _ in range(3):
        gap = rf"\.{_BLANK}" if _is_initial(word.previous) else _BLANK
        if not word or not re.fullmatch(gap, word.gap) or word.is_protected:
            return NO_WORD
        is_middle = _is_initial(word) and word.next.gap == ". " and word.next.has_capital
        if not is_middle and not word.is_in("particules"):
            is_part = word.has_capital and not _is_initial(word) and _may_be_surname(word)
            return word if is_part and not _ends_shouted_name(word) else NO_WORD
        word = word.next
    return NO_WORD


def _is_initial(word: TextWord) -> bool:
    return len(word.text) == 1 and word.has_capital


def _may_be_surname(word: TextWord) -> bool:
    is_function_word = word.is_in("jamais") and not word.is_first_name
    is_generic = word.is_common and word.is_in("lieux_et_organisations") and not word.is_surname
    is_other = word.is_in("acronymes") or is_legal_form(word)
    return not (is_function_word or is_generic or is_other)


def is_legal_form(word: TextWord) -> bool:
    """Devis SARL Cadiou."""
    return word.is_upper and word.is_in("formes_d_entreprises")


def _ends_shouted_name(word: TextWord) -> bool:
    """MME ROCHE DEMANDE; not M. JEAN PETIT."""
    if not word.is_upper or not (
        word.is_common or is_word_in_capitals(word.folded) or is_verb_form(word.folded)
    ):
        return False
    before = word.previous
    is_first_and_last = (
        word.is_surname and before.is_first_name and before.folded not in word.roster.last
    )
    return word.is_in_shouted_line and not (is_first_and_last or word.is_on_roster)


def _start(word: TextWord, *, has_title: bool) -> int:
    """Include initials, particles, or a surname in capitals before a first name."""
    initials = initials_before(word)
    if initials is not None:
        return initials
    if has_title:
        while word.previous.is_in("particules") and re.fullmatch(_BLANK, word.gap):
            word = word.previous
        has_elision = _search_before(_ELISION_BEFORE, word)
        return word.start - 2 if has_elision else word.start
    first = word.previous
    while first.previous and first.folded in ("van", "thi", "dinh") and first.next.gap == " ":
        first = first.previous
    return (
        first.start if first and first.next.gap == " " and _is_surname_first(first) else word.start
    )


def initials_before(word: TextWord) -> int | None:
    """Return the start of the initials before `word` ("J.-P. "); "M. " is a title."""
    match = _search_before(_INITIALS_BEFORE, word)
    if match is None:
        return _bare_initials_before(word)
    start = match.start() + 3 * bool(re.match(r"M\.\s", match[0]))
    end = match.start("particle") if match["particle"] else word.start
    return start if start < end else _bare_initials_before(word)


def _search_before(pattern: re.Pattern[str], word: TextWord) -> re.Match[str] | None:
    """Search what ends where `word` starts, and no further back than a name goes."""
    return pattern.search(word.passage.text, max(0, word.start - _LONGEST_BEFORE), word.start)


def _bare_initials_before(word: TextWord) -> int | None:
    match = _search_before(_BARE_INITIALS, word)
    if not match or word.is_place or (word.is_common and not is_subject(word)):
        return None
    if not (word.is_surname or "-" in match[0]):
        return None
    letters = match[0].strip().lower()
    is_other = letters in terms("acronymes") | terms("civilites") | terms("particules")
    return None if is_other or word.is_in_shouted_line else match.start()


def _is_surname_first(word: TextWord) -> bool:
    """ROY Hélène."""
    if word.folded in word.roster.last:
        return True
    is_only_surname = word.is_surname and not (
        word.is_common or word.is_place or word.is_first_name
    )
    if is_only_surname and word.has_capital:
        return True
    is_in_capitals = word.is_upper and len(word.text) > 2 and not word.passage.is_shouted
    return is_in_capitals and not (word.is_common or word.is_in("acronymes"))


def surname_after(word: TextWord) -> TextWord:
    """Return the capitalised word after `word` if it may be a surname."""
    after = word.next
    if not re.fullmatch(_BLANK, after.gap) or not after.has_capital or after.is_protected:
        return NO_WORD
    return NO_WORD if after.is_in("jamais", "acronymes") or is_legal_form(after) else after


def with_particles(word: TextWord) -> TextWord:
    """Return the first word of the name: Le Floch starts at its particle."""
    first, particles = word, terms("particules") - {"les", "des"}
    while first.gap == " " and first.previous.has_capital and first.previous.folded in particles:
        first = first.previous
    return word if first.opens else first


def has_first_name_in_brackets(word: TextWord) -> bool:
    """Whether a first name alone in brackets follows: Etchegoyen (Géraud)."""
    first = word.next
    return (
        first.gap == " ("
        and first.has_capital
        and first.next.gap.startswith(")")
        and first.is_usual_first_name
        and not (first.is_common or first.is_place or first.is_in("prenoms_lieux"))
    )


def has_particle_after(word: TextWord) -> bool:
    """Whether a particle and a name follow: Jean de Kerguelen."""
    particle, name = word.next, word.next.next
    return (
        particle.gap == name.gap == " "
        and particle.is_in("particules")
        and name.has_capital
        and not (name.is_common or name.is_upper or name.is_place or name.is_protected)
    )
