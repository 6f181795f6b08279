"""The words of a passage as names are looked for in them, French word lists, and titles.

In:   a passage
Out:  its words with offsets, folded form and capital; whether a word is a name, a place, a title
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product

from pipeline.communes.tables import department_names, named_communes
from pipeline.files import data_path
from pipeline.french import is_word
from pipeline.text import fold_same_length, lexicon

LETTER, UPPER = r"[^\W\d_]", r"[^\W\d_a-zà-öø-ÿœ]"
_WORD = re.compile(rf"{LETTER}+(?:[-‐'’]{LETTER}+)*")
_ELISION = re.compile(
    r"(?:[cdjlmst]|n(?=['’][^A-ZÀ-Þ])|qu|jusqu|lorsqu|puisqu)['’](?=.)", re.IGNORECASE
)
_BREAK = re.compile(r"[.!?…:;•\n«“\"(\[–—|>*]\s*$|\s[-/]\s*$")
_WITH_PRONOUN = re.compile(r"[-‐](?:je|tu|ils?|elles?|on|nous|vous|ce|moi|toi|les?|la|lui|y)$")
_ACCENTED = 12  # first letters of a word in capitals among which lost accents are tried
# Jean-Phi, Marie-Do
_STEMS_OF_SHORT = ("jean", "marie", "anne", "pierre", "paul", "rose", "claude")


@dataclass(frozen=True)
class TextWord:
    """A word of a passage, without its elision (`d'`); `opens` tells a word that starts a sentence,
    where a capital proves nothing.
    """

    start: int
    end: int
    text: str
    opens: bool
    before: str  # what lies between the previous word and this one, elision included

    @cached_property
    def folded(self) -> str:
        """Lower case without accents."""
        return fold_same_length(self.text)

    @property
    def has_capital(self) -> bool:
        """Whether it starts with a capital."""
        return self.text[0].isupper()

    @property
    def is_upper(self) -> bool:
        """Whether it is all in capitals."""
        return self.text.isupper() and len(self.text) > 1

    @cached_property
    def is_common(self) -> bool:
        """Whether the French lemmatiser knows it, or every part of a compound, as a common word;
        numbers count.
        """
        return is_common_word(self.text.lower())


def words_of(passage: str) -> list[TextWord]:
    """The words of `passage` in order; a compound (Jean-Luc, Le Floc'h's Floc'h) is one word."""
    words: list[TextWord] = []
    last = 0
    for match in _WORD.finditer(passage):
        elided = _ELISION.match(match.group())
        start = match.start() + (elided.end() if elided else 0)
        opens = not elided and (not words or bool(_BREAK.search(passage[last : match.start()])))
        words.append(
            TextWord(start, match.end(), passage[start : match.end()], opens, passage[last:start])
        )
        last = match.end()
    return words


@lru_cache(maxsize=50_000)
def is_common_word(lowered: str) -> bool:
    """Whether the French lemmatiser knows `lowered`, or every part of a compound; numbers count."""
    if (
        is_word(lowered)
        or is_function_word(lowered)
        or fold_same_length(lowered) in terms("nombres")
        or _WITH_PRONOUN.search(lowered)
    ):
        return True
    return all(is_word(part) for part in re.split(r"[-‐]", lowered))


@lru_cache(maxsize=10_000)
def is_word_in_capitals(folded: str) -> bool:
    """Whether a word, folded from capitals that often lose their accents, is a common one: PREFERE
    is préfère.
    """
    vowels = [
        ("e", "é", "è") if letter == "e" and n < _ACCENTED else (letter,)
        for n, letter in enumerate(folded)
    ]
    return any(is_common_word("".join(letters)) for letters in product(*vowels))


def is_function_word(lowered: str) -> bool:
    """Whether the lemmatiser leaves `lowered` out as a function word: plusieurs, selon."""
    return lowered in _function_words()


@cache
def _function_words() -> frozenset[str]:
    lines = data_path("lexicon", "mots_outils.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def is_first_name(folded: str) -> bool:
    """Whether `folded` is a first name of the lexicon, a compound of them (anne-lise), or a
    shortened one (jean-phi).
    """
    names = _first_names()
    if folded in names:
        return True
    parts = folded.split("-")
    return len(parts) > 1 and (all(part in names for part in parts) or is_shortened(folded))


def is_shortened(folded: str) -> bool:
    """Whether `folded` is a compound first name cut short: jean-phi, marie-do."""
    parts = folded.split("-")
    return len(parts) == 2 and parts[0] in _STEMS_OF_SHORT and len(parts[1]) < 5


def is_usual_first_name(folded: str) -> bool:
    """Whether `folded` is a first name often met in France: in small letters, only such a one is
    taken for a name.
    """
    return folded in _usual_first_names() or (
        "-" in folded and all(part in _usual_first_names() for part in folded.split("-"))
    )


def is_rare_first_name(folded: str) -> bool:
    """Whether `folded` is a first name so rare that it may be a brand or an acronym: the words
    around must tell a person.
    """
    return folded in _lines_of("prenoms_rares.txt")


def is_surname(folded: str) -> bool:
    """Whether `folded` is a surname of the lexicon, which is evidence beside a first name only."""
    return folded in _lines_of("noms.txt") or folded in _lines_of("noms_courants.txt")


def is_sure_surname(folded: str) -> bool:
    """Whether a surname tells its person by itself, even in small letters: no common word, no first
    name, not too short.
    """
    return len(folded) > 3 and not (is_common_word(folded) or is_first_name(folded))


def celebrated() -> frozenset[str]:
    """Folded names of dead persons after whom places are named."""
    return _lines_of("celebres.txt")


def known_brands() -> frozenset[str]:
    """Folded names of shops, brands and organisations that everybody knows."""
    return _lines_of("enseignes.txt")


@cache
def terms(name: str) -> frozenset[str]:
    """The folded entries of a list of personnes.yaml."""
    return frozenset(fold_same_length(entry) for entry in _lexicon()[name])


@cache
def alternatives(name: str) -> str:
    """The folded entries of a list of personnes.yaml as a regular expression, longest first."""
    return "|".join(
        re.escape(entry) for entry in sorted(terms(name), key=lambda entry: (-len(entry), entry))
    )


@cache
def _first_names() -> frozenset[str]:
    return _usual_first_names() | _lines_of("prenoms_du_monde.txt")


@cache
def _usual_first_names() -> frozenset[str]:
    return _lines_of("prenoms.txt") | _lines_of("prenoms_courants.txt") | _lines_of("surnoms.txt")


@cache
def _lines_of(name: str) -> frozenset[str]:
    """The folded lines of a lexicon, comments left out."""
    lines = data_path("lexicon", name).read_text(encoding="utf-8").splitlines()
    return frozenset(
        fold_same_length(line.strip())
        for line in lines
        if line.strip() and not line.startswith("#")
    )


@cache
def _lexicon() -> dict[str, list[str]]:
    content: dict[str, list[str]] = lexicon("personnes")
    return content


def is_place(folded: str) -> bool:
    """Whether `folded` is a commune, a department, a region, a river or a country; many are also
    surnames, and some first names.
    """
    return folded in _locality_names()


@cache
def _locality_names() -> frozenset[str]:
    terms = data_path("lexicon", "lieux.txt").read_text(encoding="utf-8").splitlines()
    others = [word for line in terms if not line.startswith("#") for word in line.split()]
    return frozenset(
        fold_same_length(name)
        for name in (
            *(commune.name for commune in named_communes()),
            *department_names().values(),
            *others,
        )
    )


_AFTER_TITLE = re.compile(r"\.?[\s\u00a0]+(?:[dlDL]['’])?")
_IN_LIST = re.compile(r"[\s\u00a0]?,?[\s\u00a0]?,?")


def has_title(words: list[TextWord], i: int) -> bool:
    """Whether a title precedes the capital at `i`, or a clear one a word in small letters (mme
    dufour).
    """
    if not i or _goes_on(words, i):
        return False
    if _is_role(words[i]):
        return i > 0 and _is_role_as_name(words[i - 1], words[i])
    word, before = words[i], words[i - 1]
    if word.has_capital and word.folded not in terms("civilites") and _is_in_titled_list(words, i):
        return True
    if not _AFTER_TITLE.fullmatch(word.before):
        return False
    if not word.has_capital:
        return _has_clear_title(words, i)
    is_family = (
        before.folded in terms("parentes")
        and word.before.isspace()
        and not word.is_common
        and not word.is_upper
    )
    return _is_title(before) or is_family or _has_title_over_particles(words, i - 1)


def _goes_on(words: list[TextWord], i: int) -> bool:
    """Whether a title is followed by the name it belongs to ("M. Pasteur Roy", "Mme Docteure Le
    Bris"): it is no surname then.
    """
    after = words[i + 1] if i + 1 < len(words) else None
    is_title = words[i].folded in terms("civilites")
    return is_title and (
        not words[i].has_capital
        or (after is not None and after.has_capital and after.before.isspace())
    )


def _has_clear_title(words: list[TextWord], i: int) -> bool:
    """Whether a clear title, over particles, precedes a word in small letters that is none: mme
    dufour, mme le goff, madame rose.
    """
    word, before = words[i], i - 1
    is_name = is_usual_first_name(word.folded) or (is_surname(word.folded) and not _is_role(word))
    if word.folded in terms("particules") or (word.is_common and not is_name):
        return False
    if words[before].folded in terms("particules_sures") and words[before].before == " ":
        before -= 1
    return words[before].folded in terms("civilites_sures")


def _is_title(word: TextWord) -> bool:
    """Whether `word` is a title; the shortest ones (M, Dr, Me) need their capital."""
    return (
        word.folded in terms("civilites")
        and (len(word.text) > 2 or word.has_capital)
        and word.text != "ME"
    )


def _is_role(word: TextWord) -> bool:
    return word.folded in terms("fonctions") | terms("jamais")


def _is_role_as_name(title: TextWord, word: TextWord) -> bool:
    """Whether a capitalised function right after a title is a surname: Monsieur Maire, but Monsieur
    le Maire.
    """
    return (
        word.folded in terms("fonctions_noms")
        and word.has_capital
        and not word.is_upper
        and title.has_capital
        and _is_title(title)
    )


def _has_title_over_particles(words: list[TextWord], i: int) -> bool:
    """Whether a title stands before the particles that end at `i`: Mme Le Goff, M. de La Tour;
    not M. le Curé.
    """
    while (
        i > 0
        and words[i].folded in terms("particules")
        and words[i].text not in ("le", "la", "les")
    ):
        i -= 1
        if _is_title(words[i]):
            return True
    return False


def _is_in_titled_list(words: list[TextWord], i: int) -> bool:
    """Whether the word is a later name of a list under one title in the plural."""
    while (
        i > 0
        and words[i].has_capital
        and (not _is_role(words[i]) or words[i].folded in terms("particules"))
    ):
        separator, i = words[i].before, i - 1
        if words[i].folded == "et" and separator == " ":
            separator, i = words[i].before + ",", i - 1
        if words[i].folded in terms("civilites"):
            return words[i].folded in terms("civilites_de_plusieurs")
        if not _IN_LIST.fullmatch(separator):
            return False
    return False
