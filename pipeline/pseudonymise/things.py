"""Tell places, things and structures from persons by the words around.

French nouns need an article, names do not: la Rose, l'ETTI Janus, des poêles Godin.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from pipeline.french import is_listed
from pipeline.pseudonymise.context import CLOSE, GAP, is_subject
from pipeline.pseudonymise.passage import TextWord
from pipeline.pseudonymise.words import UPPER, alternatives, terms

_AFTER_TITLE = re.compile(rf"\.?{GAP}+(?:[dlDL]['’])?|-")
_HUMAN = re.compile(
    r"(?:eur|euse|trice|iste|ienn?e?|logue|ants?|ante?s?|i?ere?s?|aires?|ain|aine)$"
)
_LONGEST_ACRONYM = 7
_REMEMBERED = 4_096  # words: rules and model ask the same of each


@lru_cache(maxsize=_REMEMBERED)
def is_place_name(word: TextWord) -> bool:
    """Whether a street, a school or a saint is named here: La Ferme de Louise."""
    before = word.previous
    if "-" in word.folded and word.folded.split("-")[0] in terms("saints"):
        return True
    if _is_firm(word) or _is_second_founder(word) or _is_sign_told_after(word):
        return True
    if before.is_in("civilites") and _AFTER_TITLE.fullmatch(word.gap):
        return _is_honoured(before)
    if not before or not CLOSE.fullmatch(word.gap):
        return False
    if before.is_in("saints") and before.has_capital:
        return True
    is_linked = bool(re.search(r"[dD]['’]$", word.gap))
    kind = before
    while kind.previous and kind.is_in("liens") and CLOSE.fullmatch(kind.gap):
        is_linked, kind = True, kind.previous
    if kind.is_in("civilites"):
        return _is_honoured(kind)
    is_after_chez = before.folded == "chez"
    if is_after_chez and _is_sign(word):
        return True
    return _is_kind_of_place(kind, is_linked=is_linked, is_before_chez=is_after_chez)


def _is_firm(word: TextWord) -> bool:
    """Cadiou Frères, Garage Brunel et Fils, Le Gall SARL."""
    return word.has_capital and bool(_firm().match(word.passage.text, word.end))


def _is_sign_told_after(word: TextWord) -> bool:
    """Le Florian, dernier café du village; Chez Paulette (la brasserie)."""
    has_sign = word.previous.text in ("Le", "La", "Chez", "Au") and CLOSE.fullmatch(word.gap)
    return bool(has_sign and word.has_capital and _told_house().match(word.folded_after(40)))


@cache
def _told_house() -> re.Pattern[str]:
    told = r"(?:(?:le|la|un|une)\s(?:\w+\s)?|l['’]|(?:dernier|premier|seul|unique|ancien)n?e?\s)"
    return re.compile(rf"\s?[,(]\s?{told}(?:{alternatives('enseignes_chez')})(?!\w)")


@cache
def _firm() -> re.Pattern[str]:
    forms = "|".join(sorted(form.upper() for form in terms("formes_d_entreprises")))
    kin = r"(?:et|&)\s(?:Fils|Filles|Associée?s|Cie)|(?:Père\s(?:et|&)\s)?Fils|Frères|Sœurs"
    return re.compile(rf"(?:\s{UPPER}[\w-]+)?\s(?:{kin}|{forms})(?!\w)")


def _is_second_founder(word: TextWord) -> bool:
    """Fondation Daniel et Nina Carasso."""
    first = word.previous.previous
    if word.previous.folded not in ("et", "&") or not (first.has_capital and word.has_capital):
        return False
    has_name = word.next.has_capital and word.next.gap == " "
    kind = first.previous
    is_house = kind.has_capital and kind.is_in("lieux_et_organisations") and first.gap == " "
    return has_name and first.is_first_name and is_house


def is_measured(word: TextWord) -> bool:
    """Whether a quantity of it is told: 20 kg de Charlotte."""
    is_owned = word.previous.folded == "de" or word.gap.endswith(("'", "’"))
    return is_owned and bool(_measure().search(word.folded_before(30)))


@cache
def _measure() -> re.Pattern[str]:
    return re.compile(rf"\d{GAP}?(?:{alternatives('mesures')}){GAP}(?:de{GAP}|d['’])$")


def _is_honoured(title: TextWord) -> bool:
    """Rue du Docteur-Roux, place Madame de Sévigné; not la rue de M. Dupont, la place de Mme X."""
    link = title.previous
    if not link or not CLOSE.fullmatch(title.gap):
        return False
    if link.folded == "chez":
        return link.has_capital and not link.opens
    is_direct = not link.is_in("liens") and not re.search(r"['’]$", title.gap)
    if title.is_in("civilites_de_personnes"):
        is_written_out = len(title.text) > 4 or title.text == "M"
        return is_direct and is_written_out and is_place_name(title)
    has_article = (
        is_direct or link.folded in ("du", "des") or bool(re.search(r"[lL]['’]$", title.gap))
    )
    return (has_article or title.is_in("civilites_sans_article")) and is_place_name(title)


def _is_sign(word: TextWord) -> bool:
    """Le bistrot Chez Simone; "Chez Mauricette sert trente repas"."""
    chez = word.previous
    if chez.has_capital and (not chez.opens or is_subject(word)):
        return True
    return bool(CLOSE.fullmatch(chez.gap)) and chez.previous.is_in("enseignes_chez")


def _is_kind_of_place(word: TextWord, *, is_linked: bool, is_before_chez: bool) -> bool:
    """`word` makes the name after it a place; before "de" it may be a possession."""
    kind = word.folded.split("-")[0]
    if _is_cited(word) or _is_function_word(word):
        return False
    is_inner_capital = word.has_capital and not word.opens
    if is_before_chez:
        return is_inner_capital and _is_house(word)
    if is_linked:
        return kind in terms("lieux_avec_de") or (
            is_inner_capital and (word.is_common or kind in terms("lieux_et_organisations"))
        )
    if kind in terms("lieux_et_organisations"):
        return True
    return is_inner_capital and not word.is_in("parentes") and is_place_name(word)


def _is_cited(word: TextWord) -> bool:
    """Je cite, not a cité."""
    subjects = ("je", "tu", "il", "elle", "on", "qui")
    return word.text.lower() == "cite" and (not word.previous or word.previous.folded in subjects)


def _is_function_word(word: TextWord) -> bool:
    """Car Karim est malade, sa sœur Nadia, le tour de Léa: no coach, company or tower."""
    if word.text.lower() == "tour":
        return word.previous.folded in ("le", "au", "mon", "son")
    if word.text.lower() == "car":
        return not word.previous.is_in("determinants_de_chose", "articles")
    return word.text in ("sa", "Sa")


def _is_house(word: TextWord) -> bool:
    """Le Relais chez Paul, not a town or the end of a street."""
    is_town_or_day = not word.is_common or word.is_place or word.is_in("jamais", "moments")
    return not is_town_or_day and not is_place_name(word)


def is_owner(word: TextWord) -> bool:
    """Whether "de" alone ties the name to the noun before."""
    before = word.previous
    is_after_de = word.gap == " " and before.folded == "de"
    return bool(before) and (is_after_de or bool(re.fullmatch(r" [dD]['’]", word.gap)))


def has_inner_capital(word: TextWord) -> bool:
    """Whether the owned noun has a capital: la Ferme de Louise."""
    before = word.previous
    kind = before.previous if before.folded == "de" else before
    return kind.has_capital and not kind.opens


@lru_cache(maxsize=_REMEMBERED)
def is_thing(word: TextWord) -> bool:
    """Whether an article or a noun makes it a thing: la Rose, l'Olive, au bar La Josette."""
    before = word.previous
    if re.search(r"(?<!\w)[lL]['’]$", word.gap) or is_measured(word):
        return True
    if not before or not re.fullmatch(GAP, word.gap):
        return False
    is_word = word.is_in("prenoms_mots", "prenoms_marques")
    if is_word and word.has_capital and _is_capitalised_noun(before):
        return True
    if before.folded in ("le", "la") and before.has_capital and not before.opens:
        return True
    if _is_in_title(word) or _is_after_thing_noun(word):
        return True
    if _is_acronym_with_article(word) or _is_acronym_with_article(before):
        return True
    is_plural = before.folded in ("les", "des", "aux")
    return before.is_in("articles") and (is_plural or is_word or word.is_in("prenoms_lieux"))


def _is_capitalised_noun(word: TextWord) -> bool:
    """No title, first name, "Merci" or "Franchement"."""
    may_precede_name = word.is_first_name or word.is_in(
        "civilites", "parentes", "annonces_fortes", "annonces", "jamais"
    )
    lowered = word.text.lower()
    is_noun = (
        is_listed(lowered, "noun") or is_listed(lowered, "adj") or not lowered.endswith("ment")
    )
    return word.has_capital and word.is_common and is_noun and not may_precede_name


def _is_in_title(word: TextWord) -> bool:
    """La Petite Rivière, Le Grand Jean."""
    adjective, article = word.previous, word.previous.previous
    return (
        adjective.gap == " "
        and article.folded in ("le", "la", "les")
        and article.has_capital
        and _is_capitalised_noun(adjective)
    )


def _is_after_thing_noun(word: TextWord) -> bool:
    """La manufacture Robert, le caveau Hansi; not au marché Josiane vend des confitures."""
    noun, article = word.previous, word.previous.previous
    if not article or noun.has_capital or noun.gap not in (" ", " l'", " d'", " l’", " d’"):
        return False
    if word.opens or not word.has_capital:
        return False
    has_article = article.is_in("determinants_de_chose") or noun.gap != " "
    surname = word.next if word.next.has_capital and word.next.gap == " " else word
    return has_article and _is_thing_noun(noun) and not is_subject(surname)


def _is_thing_noun(noun: TextWord) -> bool:
    lowered = noun.text.lower()
    return len(lowered) > 3 and not noun.is_in("moments") and _is_never_human(noun, lowered)


def _is_never_human(noun: TextWord, singular: str) -> bool:
    kinds = ("fonctions", "annonces", "parentes", "proches", "metiers", "populations", "civilites")
    folded = noun.folded[: len(singular)]
    is_human = (
        noun.is_in(*kinds)
        or any(folded in terms(kind) for kind in kinds)
        or _HUMAN.search(folded) is not None
    )
    is_verb = is_listed(noun.text.lower(), "verb") or is_listed(singular, "verb")
    return is_listed(singular, "noun") and not (is_human or is_verb)


def _is_acronym_with_article(word: TextWord) -> bool:
    """Le GRETA, l'ETTI."""
    if not word.is_upper or len(word.text) > _LONGEST_ACRONYM:
        return False
    if re.search(r"(?<!\w)[lLdD]['’]$", word.gap):
        return True
    before = word.previous
    return before.is_in("articles") and not before.is_upper and word.gap == " "


def is_said_thing(word: TextWord, *, is_person: Callable[[], bool] = lambda: False) -> bool:
    """Whether the text calls it a thing: Félix, le restaurant du port; X (c'est le nom du moulin).

    For a known person only the second form counts: Mme X, la ferme du haut, is where she lives.
    """
    after = word.folded_after(60)
    if _naming().match(after):
        return True
    return _apposition().match(after) is not None and not is_person()


@cache
def _naming() -> re.Pattern[str]:
    """(c'est le nom de l'enseigne)."""
    return re.compile(rf"{GAP}?[,(]?{GAP}?(?:c'est|est)\s(?:le|aussi\sle|juste\sle)\snom\sd")


@cache
def _apposition() -> re.Pattern[str]:
    """, le restaurant; est une barque."""
    kinds = rf"(?:{alternatives('lieux_et_organisations', 'choses')})(?!\w)"
    article = r"(?:l[ae]\s|l'|notre\s|une?\s)"
    other = r"(?:petite?\s|vieux\s|vieille\s|grande?\s|ancienne?\s|nouveau\s|nouvelle\s)?"
    is_one = rf"(?:{GAP}?,)?{GAP}(?:est|c'est|c'etait|etait)\s{article}{other}{kinds}"
    return re.compile(rf"{is_one}|{GAP}?,{GAP}?{article}{other}{kinds}")


def is_of_brand(word: TextWord) -> bool:
    """Whether a branded thing stands before: des poêles Godin, un devis Leroy."""
    noun = word.previous
    if not noun or not re.fullmatch(GAP, word.gap) or (noun.has_capital and not noun.opens):
        return False
    lowered = noun.text.lower()
    is_plural = lowered.endswith(("s", "x")) and len(lowered) > 4
    return noun.is_in("choses") or (is_plural and _is_never_human(noun, lowered[:-1]))
