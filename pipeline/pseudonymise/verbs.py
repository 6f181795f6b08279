"""Whether a name is the subject of a verb: French nouns need an article before them, names do not.

In:   the words of a passage, the place of the last word of a name
Out:  yes or no

Irregular and ambiguous verbs: data/lexicon/personnes.yaml; regular forms are told by their ending and the lemmatiser's list of verbs.
"""

import re

from pipeline.french import is_listed
from pipeline.pseudonymise.words import Word, listed

_BLANK = r"[ \u00a0]"
_ELIDED = re.compile(rf"{_BLANK}(?:[nmtsl]|qu)['’]")
_ENDINGS = (
    ("ent", "er"),
    ("ait", "er"),
    ("aient", "er"),
    ("e", "er"),
    ("era", "er"),
    ("eront", "er"),
    ("erait", "er"),
    ("a", "er"),
    ("it", "ir"),
    ("issent", "ir"),
)


def is_subject(words: list[Word], last: int, *, humanly: bool = False) -> bool:
    """Whether a verb follows the name that ends at `last`, over "et" and a second name; `humanly`: one that only people do."""
    place = _after_second_name(words, last) + 1
    if place >= len(words) or _has_preposition(words, last):
        return False
    if words[place].folded in listed("pronoms_sujets") and re.fullmatch(rf"(?:{_BLANK}?,)?{_BLANK}", words[place].before):
        return place + 1 < len(words) and _is_verb(words[place + 1], humanly=humanly)
    first = place
    while place < len(words) and place - first < 3 and _follows(words[place]) and words[place].folded in listed("pronoms_conjoints"):
        place += 1
    if place >= len(words) or not _follows(words[place]):
        return False
    clitics = words[first:place]
    is_elided = any(_ELIDED.fullmatch(word.before) for word in words[first : place + 1])
    is_strong = is_elided or any(word.folded in listed("pronoms_conjoints_surs") for word in clitics)
    if words[place].folded in listed("copules"):
        is_reflexive = bool(re.search(r"s['’]$", words[place].before))  # "Colin s'est coupé": a noun would need its article
        return not humanly and (is_reflexive or _says_of_person(words, place))
    is_single = _after_second_name(words, last) == last
    if humanly and is_single and words[place].folded.endswith("ent") and words[place].folded not in listed("singuliers_en_ent"):
        return False
    if humanly and words[place].folded in ("a", "ont", "avait"):
        return place + 1 < len(words) and words[place + 1].folded in listed("dires")
    if humanly and _with_pronoun(words, first, place) in listed("verbes_humains"):
        return True
    has_object = place + 1 < len(words) and words[place + 1].before == " " and words[place + 1].folded in listed("determinants_d_objet")
    return _is_verb(words[place], humanly=humanly, is_surely=(is_strong or has_object) and not humanly)


def is_verb_form(folded: str) -> bool:
    """Whether a folded word may be a verb in the third person: habite, demandent."""
    if folded in listed("verbes") | listed("verbes_humains"):
        return True
    return any(is_listed(folded[: -len(ending)] + infinitive, "verb") for ending, infinitive in _ENDINGS if folded.endswith(ending))


def _with_pronoun(words: list[Word], first: int, place: int) -> str:
    """The verb with its reflexive pronoun as the lists write it: s'inquiete, se souvient."""
    verb = words[place].folded
    if re.search(r"[sS]['’]$", words[place].before):
        return f"s'{verb}"
    return f"se {verb}" if any(word.folded == "se" for word in words[first:place]) else verb


def _has_preposition(words: list[Word], last: int) -> bool:
    """Whether "de" or another preposition right before the name keeps it from being a subject: le mur de Lacoste a été remonté."""
    word = words[last]
    if re.fullmatch(rf"{_BLANK}[dD]['’]", word.before):
        return True
    return last > 0 and word.before == " " and words[last - 1].folded in listed("prepositions")


def _follows(word: Word) -> bool:
    return bool(re.fullmatch(_BLANK, word.before) or _ELIDED.fullmatch(word.before)) and not word.has_capital


def _after_second_name(words: list[Word], last: int) -> int:
    """The place of the last word of "et Prosper" after the name, or that of the name itself."""
    if last + 2 < len(words) and words[last + 1].folded == "et" and words[last + 2].has_capital and words[last + 2].before.isspace():
        return last + 2
    return last


def _says_of_person(words: list[Word], place: int) -> bool:
    """Whether what follows "est" is said of people: venue, excusé, secrétaire, from somewhere."""
    after = words[place + 1] if place + 1 < len(words) else None
    return after is not None and after.folded in listed("predicats") | listed("fonctions")


def _is_verb(word: Word, *, humanly: bool, is_surely: bool = False) -> bool:
    """Whether `word` is a verb in the third person; one that may also be a noun or an adjective counts only where a pronoun precedes it."""
    lowered = word.text.lower()
    if humanly:
        return word.folded in listed("verbes_humains")
    if word.folded in listed("verbes"):
        return True
    if not is_surely and (is_listed(lowered, "noun") or is_listed(lowered, "adj")):
        return False
    stems = (lowered[: -len(ending)] + infinitive for ending, infinitive in _ENDINGS if lowered.endswith(ending))
    is_irregular = is_listed(lowered, "verb") and not lowered.endswith(("er", "ir", "é", "és", "ée", "ées"))
    return is_irregular or any(is_listed(stem, "verb") for stem in stems)
