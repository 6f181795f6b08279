"""Whether a capitalised word is a thing, a structure, or the subject of a verb.

In:   the words of a passage, the index of one, the folded passage
Out:  yes or no

French nouns need an article before them, names do not: la Rose, l'ETTI Janus, des poêles Godin.
"""

import re
from functools import cache

from pipeline.french import is_listed
from pipeline.pseudonymise.words import TextWord, alternatives, is_first_name, terms

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


def is_subject(words: list[TextWord], last: int, *, humanly: bool = False) -> bool:
    """Whether a verb follows the name that ends at `last`, over "et" and a second name; `humanly`:
    one that only people do.
    """
    i = _after_second_name(words, last) + 1
    if i >= len(words) or _has_preposition(words, last):
        return False
    if words[i].folded in terms("pronoms_sujets") and re.fullmatch(
        rf"(?:{_BLANK}?,)?{_BLANK}", words[i].before
    ):
        return i + 1 < len(words) and _is_verb(words[i + 1], humanly=humanly)
    first = i
    while (
        i < len(words)
        and i - first < 3
        and _follows(words[i])
        and words[i].folded in terms("pronoms_conjoints")
    ):
        i += 1
    if i >= len(words) or not _follows(words[i]):
        return False
    clitics = words[first:i]
    is_elided = any(_ELIDED.fullmatch(word.before) for word in words[first : i + 1])
    is_strong = is_elided or any(word.folded in terms("pronoms_conjoints_surs") for word in clitics)
    if words[i].folded in terms("copules"):
        is_reflexive = bool(
            re.search(r"s['’]$", words[i].before)
        )  # "Colin s'est coupé": a noun would need its article
        return not humanly and (is_reflexive or _says_of_person(words, i))
    is_single = _after_second_name(words, last) == last
    if (
        humanly
        and is_single
        and words[i].folded.endswith("ent")
        and words[i].folded not in terms("singuliers_en_ent")
    ):
        return False
    if humanly and words[i].folded in ("a", "ont", "avait"):
        return i + 1 < len(words) and words[i + 1].folded in terms("dires")
    if humanly and _with_pronoun(words, first, i) in terms("verbes_humains"):
        return True
    has_object = (
        i + 1 < len(words)
        and words[i + 1].before == " "
        and words[i + 1].folded in terms("determinants_d_objet")
    )
    return _is_verb(words[i], humanly=humanly, is_surely=(is_strong or has_object) and not humanly)


def is_verb_form(folded: str) -> bool:
    """Whether a folded word may be a verb in the third person: habite, demandent."""
    if folded in terms("verbes") | terms("verbes_humains"):
        return True
    return any(
        is_listed(folded[: -len(ending)] + infinitive, "verb")
        for ending, infinitive in _ENDINGS
        if folded.endswith(ending)
    )


def _with_pronoun(words: list[TextWord], first: int, i: int) -> str:
    """The verb with its reflexive pronoun as the lists write it: s'inquiete, se souvient."""
    verb = words[i].folded
    if re.search(r"[sS]['’]$", words[i].before):
        return f"s'{verb}"
    return f"se {verb}" if any(word.folded == "se" for word in words[first:i]) else verb


def _has_preposition(words: list[TextWord], last: int) -> bool:
    """Whether "de" or another preposition right before the name keeps it from being a subject: le
    mur de Lacoste a été remonté.
    """
    word = words[last]
    if re.fullmatch(rf"{_BLANK}[dD]['’]", word.before):
        return True
    return last > 0 and word.before == " " and words[last - 1].folded in terms("prepositions")


def _follows(word: TextWord) -> bool:
    return (
        bool(re.fullmatch(_BLANK, word.before) or _ELIDED.fullmatch(word.before))
        and not word.has_capital
    )


def _after_second_name(words: list[TextWord], last: int) -> int:
    """The place of the last word of "et Prosper" after the name, or that of the name itself."""
    if (
        last + 2 < len(words)
        and words[last + 1].folded == "et"
        and words[last + 2].has_capital
        and words[last + 2].before.isspace()
    ):
        return last + 2
    return last


def _says_of_person(words: list[TextWord], i: int) -> bool:
    """Whether what follows "est" is said of people: venue, excusé, secrétaire, from somewhere."""
    after = words[i + 1] if i + 1 < len(words) else None
    return after is not None and after.folded in terms("predicats") | terms("fonctions")


def _is_verb(word: TextWord, *, humanly: bool, is_surely: bool = False) -> bool:
    """Whether `word` is a verb in the third person; one that may also be a noun or an adjective
    counts only where a pronoun precedes it.
    """
    lowered = word.text.lower()
    if humanly:
        return word.folded in terms("verbes_humains")
    if word.folded in terms("verbes"):
        return True
    if not is_surely and (is_listed(lowered, "noun") or is_listed(lowered, "adj")):
        return False
    stems = (
        lowered[: -len(ending)] + infinitive
        for ending, infinitive in _ENDINGS
        if lowered.endswith(ending)
    )
    is_irregular = is_listed(lowered, "verb") and not lowered.endswith(
        ("er", "ir", "é", "és", "ée", "ées")
    )
    return is_irregular or any(is_listed(stem, "verb") for stem in stems)


_GAP = r"[\s\u00a0]"
_HUMAN = re.compile(
    r"(?:eur|euse|trice|iste|ienn?e?|logue|ants?|ante?s?|i?ere?s?|aires?|ain|aine)$"
)
_LONGEST_ACRONYM = 7


def is_thing(words: list[TextWord], i: int) -> bool:
    """Whether an article or a capitalised noun before makes the word a thing or a structure: la
    Rose, l'Olive, au bar La Josette.
    """
    word = words[i]
    if re.search(r"(?<!\w)[lL]['’]$", word.before):
        return True
    if not i or not re.fullmatch(_GAP, word.before):
        return False
    before = words[i - 1]
    is_word = word.folded in terms("prenoms_mots") | terms("prenoms_marques")
    if (
        is_word
        and word.has_capital
        and before.has_capital
        and before.is_common
        and not _may_precede_name(before)
    ):
        return True
    if before.folded in ("le", "la") and before.has_capital and not before.opens:
        return True
    if _is_in_title(words, i):
        return True
    if _is_called(words, i):
        return True
    if _is_acronym_with_article(words, i) or _is_acronym_with_article(words, i - 1):
        return True
    is_plural = before.folded in ("les", "des", "aux")
    return before.folded in terms("articles") and (
        is_plural or is_word or word.folded in terms("prenoms_lieux")
    )


def _is_called(words: list[TextWord], i: int) -> bool:
    """Whether an article and a noun that no person is called stand before the name of a thing: la
    manufacture Robert, le caveau Hansi.

    Before a verb it is somebody all the same, as people speak: au marché Josiane vend des
    confitures.
    """
    noun = words[i - 1]
    if (
        i < 2
        or noun.has_capital
        or noun.before not in (" ", " l'", " d'", " l’", " d’")
        or words[i].opens
        or not words[i].has_capital
    ):
        return False
    has_article = words[i - 2].folded in terms("determinants_de_chose") or noun.before != " "
    return has_article and _is_thing_noun(noun) and not is_subject(words, _last_part(words, i))


def _last_part(words: list[TextWord], i: int) -> int:
    """The place of the surname after the name at `i`, or `i`."""
    after = i + 1
    return (
        after
        if after < len(words) and words[after].has_capital and words[after].before == " "
        else i
    )


def _is_acronym_with_article(words: list[TextWord], i: int) -> bool:
    """Whether a short word all in capitals has an article: le GRETA, l'ETTI."""
    word = words[i]
    if not word.is_upper or len(word.text) > _LONGEST_ACRONYM:
        return False
    if re.search(r"(?<!\w)[lLdD]['’]$", word.before):
        return True
    return (
        i > 0
        and words[i - 1].folded in terms("articles")
        and not words[i - 1].is_upper
        and word.before == " "
    )


def _is_in_title(words: list[TextWord], i: int) -> bool:
    """Whether an article and a capitalised adjective make a proper name of it: La Petite Rivière,
    Le Grand Jean.
    """
    if i < 2 or words[i - 1].before != " " or words[i - 2].folded not in ("le", "la", "les"):
        return False
    middle = words[i - 1]
    return (
        middle.has_capital
        and middle.is_common
        and words[i - 2].has_capital
        and not _may_precede_name(middle)
    )


def _may_precede_name(word: TextWord) -> bool:
    """Whether a title, a first name or an announcement ("Merci") may stand in capitals before a
    name.
    """
    known = (
        terms("civilites")
        | terms("parentes")
        | terms("annonces_fortes")
        | terms("annonces")
        | terms("jamais")
    )
    return word.folded in known or is_first_name(word.folded)


def is_said_thing(words: list[TextWord], i: int, folded: str, *, is_person: bool = False) -> bool:
    """Whether what follows the name says that it is a thing: Félix, le restaurant du port; X (c'est
    le nom du moulin).

    Of a person known as one only the second says so: Mme X, la ferme du haut, is where she lives;
    selon X, le pont ne tient pas.
    """
    after = folded[words[i].end : words[i].end + 60]
    return bool(_naming().match(after)) or (not is_person and bool(_apposition().match(after)))


@cache
def _naming() -> re.Pattern[str]:
    """(c'est le nom de l'enseigne)."""
    return re.compile(rf"{_GAP}?[,(]?{_GAP}?(?:c'est|est)\s(?:le|aussi\sle|juste\sle)\snom\sd")


@cache
def _apposition() -> re.Pattern[str]:
    """, le restaurant; est une barque."""
    kinds = rf"(?:{alternatives('lieux_et_organisations')}|{alternatives('choses')})(?!\w)"
    article = r"(?:l[ae]\s|l'|notre\s|une?\s)"
    other = r"(?:petite?\s|vieux\s|vieille\s|grande?\s|ancienne?\s|nouveau\s|nouvelle\s)?"
    is_one = rf"(?:{_GAP}?,)?{_GAP}(?:est|c'est|c'etait|etait)\s{article}{other}{kinds}"
    return re.compile(rf"{is_one}|{_GAP}?,{_GAP}?{article}{other}{kinds}")


def is_of_brand(words: list[TextWord], i: int) -> bool:
    """Whether the common noun before is a thing that bears a brand, no human: des poêles Godin, une
    friperie Ding, un devis Leroy.
    """
    word = words[i]
    if not i or not re.fullmatch(_GAP, word.before):
        return False
    noun = words[i - 1]
    if noun.has_capital and not noun.opens:
        return False
    return noun.folded in terms("choses") or _is_plural_thing(noun)


def _is_thing_noun(noun: TextWord) -> bool:
    """Whether `noun` is a noun in the singular that no person is called, and no moment: matin,
    réunion.
    """
    lowered = noun.text.lower()
    return (
        len(lowered) > 3
        and noun.folded not in terms("moments")
        and _is_no_human(noun, lowered, noun.folded)
    )


def _is_plural_thing(noun: TextWord) -> bool:
    """Whether `noun` is the plural of a noun that no person is called."""
    lowered = noun.text.lower()
    if not lowered.endswith(("s", "x")) or len(lowered) < 5:
        return False
    return _is_no_human(noun, lowered[:-1], noun.folded[:-1])


def _is_no_human(noun: TextWord, single: str, folded: str) -> bool:
    lowered = noun.text.lower()
    kinds = ("fonctions", "annonces", "parentes", "proches", "metiers", "populations", "civilites")
    humans = frozenset().union(*map(terms, kinds))
    is_human = noun.folded in humans or folded in humans or bool(_HUMAN.search(folded))
    return is_listed(single, "noun") and not (
        is_human or is_listed(lowered, "verb") or is_listed(single, "verb")
    )
