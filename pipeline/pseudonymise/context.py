"""Tell from the words around a name whether it is a person's."""

import re
from collections.abc import Sequence
from copy import copy
from functools import cache, lru_cache

from pipeline.french import is_listed
from pipeline.pseudonymise.passage import TextWord
from pipeline.pseudonymise.words import UPPER, alternatives, terms

_REMEMBERED = 4_096  # words: rules and model ask the same of each
GAP = r"[\s\u00a0]"
CLOSE = re.compile(rf"{GAP}+(?:[«\"“]{GAP}?)?(?:[dlDL]['’])?|-")
_FAR, _NEAR = 200, 40  # characters before and after a name
_END_OF_FIELD = re.compile(r"(?:[ \-]?[^\W\d_a-z][\w\-]+){0,2}\s*(?:[.,;|/()\n–—]|$)")
_ASIDE = 10  # words in brackets between a name and its verb
_BLANK = r"[ \u00a0]"
_ELIDED = re.compile(rf"{_BLANK}(?:[nmtsl]|qu)['’]")
# endings of the third person, by that of the infinitive
_ENDINGS = {
    "er": ("ent", "ait", "aient", "e", "era", "eront", "erait", "a"),
    "ir": ("it", "issent"),
}
AGE_AFTER = re.compile(r"\s?[,(]\s?\d{1,2}\sans\b")
_INITIAL_AFTER = re.compile(rf"\s{UPPER}\.(?!\w)")
_ALONE_IN_BRACKETS = re.compile(r"\([^\W\d_\-]+(?:\s?\?)?\)")


@lru_cache(maxsize=_REMEMBERED)
def announces(word: TextWord, *, strongly: bool = False) -> bool:
    """Whether the words before announce a person; `strongly`: even with an unknown first name."""
    before = re.sub(r"(?<!\w)d'$", "de ", word.folded_before(_FAR))
    strong = (_heading(), _greeting(), _speech(), _apposed())
    frames = strong if strongly else (*strong, _mention(), _attribution(), _vote())
    return any(frame.search(before) for frame in frames) or _fills_in(word, before)


def _fills_in(word: TextWord, before: str) -> bool:
    """Whether the word is all that follows a role: « Plombier : Ferreira » ; « PLOMBIER = … »."""
    if not _END_OF_FIELD.match(word.passage.text, word.end):
        return False
    return _role().search(before) is not None


def fills_role(word: TextWord) -> bool:
    """Whether the word is all that follows a role of the room: « Rapporteur : Pitch »."""
    is_whole = _END_OF_FIELD.match(word.passage.text, word.end) is not None
    return is_whole and _role_of_room().search(word.folded_before(_NEAR)) is not None


@cache
def _role_of_room() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{alternatives('roles_de_seance')})s?{GAP}?[:=]{GAP}?$")


@cache
def _role() -> re.Pattern[str]:
    roles = alternatives("fonctions", "metiers")
    return re.compile(rf"(?:^|[\n.;,•\-–—(/|]){GAP}*(?:{roles}){GAP}?[:=]{GAP}?$")


def _heading() -> re.Pattern[str]:
    """Rapporteure : ; Présents : J. Roy (Mairie), B et ."""
    return _list_of_names(alternatives("rubriques_de_noms"))


def _vote() -> re.Pattern[str]:
    """Pour : ; Contre : A, B et ; Abstention : ."""
    return _list_of_names("pour|contre|abstentions?")


@cache
def _list_of_names(headings: str) -> re.Pattern[str]:
    line_start = rf"(?:^|[\n.;•\-–—(]){GAP}*"
    heading = rf"(?:{headings})(?:{GAP}?\([^)]*\))?{GAP}?:{GAP}?"
    names_before = r"(?:(?:[^\n.;:]|(?<=[\s,(][a-z])\.)*(?:,|\set)\s)?"
    return re.compile(rf"{line_start}{heading}{names_before}(?:[a-z]\.-?){{0,3}}\s?$")


@cache
def _greeting() -> re.Pattern[str]:
    """Merci, Bonjour, Merci beaucoup à."""
    return re.compile(rf"(?<!\w)(?:{alternatives('annonces_fortes')}){GAP}+(?:à\s|beaucoup\sà\s)?$")


@cache
def _speech() -> re.Pattern[str]:
    """», dit."""
    return re.compile(rf"[»\"”,!?…]{GAP}*(?:{alternatives('incises')}){GAP}+$")


@cache
def _apposed() -> re.Pattern[str]:
    """Une bénévole, ; mon mari ; notre ancien collègue."""
    owner = r"(?:une?|notre|nos|mon|ma|mes)"
    return re.compile(rf"(?<!\w){owner}\s(?:[\w\-]+\s)?(?:{_people()}),?\s$")


def _people() -> str:
    return alternatives("fonctions", "parentes", "proches", "metiers")


@cache
def _mention() -> re.Pattern[str]:
    """Voir avec, selon, relu par, le président."""
    asked = alternatives("annonces")
    # demandé à, parlez avec
    forms = "|".join(
        rf"{re.escape(verb[:-2])}(?:ee?|es|ez|ons|ait|ent|era|erai){GAP}{re.escape(link)}"
        for verb, _, link in (entry.partition(" ") for entry in sorted(terms("annonces")))
        if verb.endswith("er") and link in ("à", "avec")
    )
    return re.compile(rf"(?<!\w)(?:{asked}|{forms}){GAP}+(?:(?:à|avec|par|à nouveau)\s)?$")


@cache
def _attribution() -> re.Pattern[str]:
    """», ; » (."""
    return re.compile(rf"[»”]{GAP}?[,(–—\-]{GAP}?$")


def announces_first_name(word: TextWord) -> bool:
    """Whether avec, de, chez or the like stands before."""
    return bool(CLOSE.fullmatch(word.gap)) and word.previous.is_in(
        "annonces_de_prenoms", "parentes"
    )


def may_call_for_person(word: TextWord) -> bool:
    """Whether a person or an organisation fits: avec X, chez X, les X."""
    return bool(re.fullmatch(GAP, word.gap)) and word.previous.is_in("appels")


@lru_cache(maxsize=_REMEMBERED)
def calls_for_person(word: TextWord) -> bool:
    """Whether a person is due: selon X, merci à X et Y, la cousine de X, dit X."""
    if announces(word) or has_human_context(word):
        return True
    if _kin().search(re.sub(r"(?<!\w)d'$", "de ", word.folded_before(_NEAR))):
        return True
    first = word.previous.previous
    is_second = word.previous.folded in ("et", "ou") and first.has_capital
    return is_second and not first.opens and first.is_surname and calls_for_person(first)


@cache
def _kin() -> re.Pattern[str]:
    """Le fils, la mère, les gosses; la cousine de, une lettre de; comptez sur."""
    kin = alternatives("parentes", "proches")
    owned = alternatives("parentes", "proches", "choses_de_personnes")
    articles = "le|la|les|du|un|une|au|aux|des|mon|ma|mes|son|sa|ses|notre|nos|votre|vos|leur|leurs"
    asked = alternatives("annonces_a_verifier")
    return re.compile(rf"(?<!\w)(?:(?:{articles}){GAP}(?:{kin})|(?:{owned}){GAP}de|{asked}){GAP}$")


@lru_cache(maxsize=_REMEMBERED)
def has_human_context(word: TextWord) -> bool:
    """Whether only a person fits: voir avec X; c'est X qui; (X, élue)."""
    before, after = word.folded_before(_NEAR), word.folded_after(_NEAR)
    is_cleft = re.search(r"(?<!\w)c'est\s(?:pas\s|à\s)?$", before) and re.match(
        r"\s(?:qui|de)\s", after
    )
    is_voter = re.search(
        r"(?:contre|abstentions?|pour)\s(?:\d+\s?)?\($", before
    ) or _VOTE_AFTER.match(after)
    if is_cleft or is_voter or _function().match(after):
        return True
    return is_related(word) or announces(word) or takes_the_floor(word)


_VOTE_AFTER = re.compile(
    r"\s(?:vote(?:\s(?:contre|pour|blanc))|s'abstient|absente?|excusee?|preside"
    r"|dixit)(?!\w)|\s\((?:opposition|majorite)\)"
)


@cache
def _function() -> re.Pattern[str]:
    """, trésorière; (notre coordinatrice)."""
    return re.compile(
        rf"{GAP}?[,(]{GAP}?(?:l[ae]\s|l'|notre\s|une?\s)?(?:{alternatives('fonctions')})(?!\w)"
    )


@lru_cache(maxsize=_REMEMBERED)
def is_related(word: TextWord) -> bool:
    """Whether this follows: et son mari; le mécano; de la table 2; de son vrai nom."""
    return bool(_relation().match(word.folded_after(_NEAR)))


@cache
def _relation() -> re.Pattern[str]:
    kin = rf"\s?,?\s(?:et\s|avec\s)?(?:mon|ma|notre|son|sa|ses)\s(?:{_people()})(?!\w)"
    trade = rf"\s?,?\s(?:le|la|l'|du|de\sla)\s?(?:{alternatives('metiers')})(?!\w)"
    other = r"(?:alias|(?:de|c'est)\sson\s(?:vrai\s|petit\s)?nom|(?:le\s)?surnom\sd)(?!\w)"
    return re.compile(
        rf"{kin}|{trade}|\s?[,(]?\s?(?:de\sla\s)?table\s\d|\s?[,(]?\s?{other}|\s(?:m'a|lui\sa|t'a|n'en\speut\splus"
        rf"|en\sa\smarre)(?!\w)"
    )


@lru_cache(maxsize=_REMEMBERED)
def takes_the_floor(word: TextWord) -> bool:
    """Whether a colon and an opening word follow: « Nadia : oui, nous… »."""
    return _speech_after().match(word.folded_after(_NEAR)) is not None


@cache
def _speech_after() -> re.Pattern[str]:
    return re.compile(rf"\s?:\s*(?:[«\"“]|(?:{alternatives('prises_de_parole')})(?:(?<=')|(?!\w)))")


def is_presented(word: TextWord) -> bool:
    """Whether the line starts with a speaker: « Nadia : oui, nous… »."""
    return not _line_before(word).strip(' \t\u00a0-–•*«"“') and takes_the_floor(word)


def _line_before(word: TextWord) -> str:
    return word.passage.folded[: word.start].rpartition("\n")[2]


def is_posted(word: TextWord) -> bool:
    """Whether the line is a list of tasks: Lolo au bar, Riton à la sono."""
    post = r"(?:au|aux|à\sla|à\sl')\s?[\w'\- ]{2,25}"
    list_after = rf"\s{post}?(?:,|\set)\s\w[\w\-]*\s(?:au|aux|à)\s"
    return re.match(list_after, word.folded_after(80)) is not None


def has_age_or_initial_after(word: TextWord) -> bool:
    """Whether this follows: Lise, 34 ans; Lise B."""
    text = word.passage.text
    return bool(AGE_AFTER.match(text, word.end) or _INITIAL_AFTER.match(text, word.end))


def is_alone_in_brackets(word: TextWord) -> bool:
    """Whether brackets hold this word only: (Lise), (Lise ?)."""
    return bool(_ALONE_IN_BRACKETS.match(word.passage.text, max(0, word.start - 1)))


def speaks_or_acts(word: TextWord) -> bool:
    """Whether a colon, a function or a human verb follows."""
    line = _line_before(word).strip(" \t\u00a0-–•*")
    is_start = not line or line.endswith((".", ";", "!", "?"))
    has_colon = word.folded_after(3).lstrip(" \u00a0").startswith((": ", ":\u00a0"))
    return (has_colon and is_start) or has_verb_or_function_after(word)


def has_verb_or_function_after(word: TextWord) -> bool:
    """Whether a function or a human verb follows."""
    after = word.folded_after(_NEAR)
    return bool(_action().match(after) or _function().match(after))


@cache
def _action() -> re.Pattern[str]:
    """Propose, a dit, et Marin tiennent, proposerait."""
    other = rf"(?:{GAP}et{GAP}[^\W\d_]+)?"
    auxiliary = r"(?:a\s|nous\s|vous\s|y\s|en\s|se\s|ne\s|l')?"
    return re.compile(
        rf"{other}{GAP}{auxiliary}(?:{alternatives('verbes')}|[a-z]{{3,}}(?:ait|aient|era"
        rf"|erait|eront|irait))(?!\w)"
    )


@lru_cache(maxsize=_REMEMBERED)
def is_subject(name: TextWord, *, humanly: bool = False) -> bool:
    """Whether a verb follows one or two names; `humanly`: a verb for people only."""
    last = _second_name(name) or name
    verb = _after_brackets(last)
    if not verb or _has_preposition(name):
        return False
    if verb.is_in("pronoms_sujets") and re.fullmatch(rf"(?:{_BLANK}?,)?{_BLANK}", verb.gap):
        verb = verb.next
        while verb.is_in("pronoms_conjoints"):
            verb = verb.next
        return verb.is_in("verbes_humains") if humanly else bool(verb) and _is_verb(verb)
    pronouns: list[TextWord] = []
    while len(pronouns) < 3 and _goes_on(verb) and verb.is_in("pronoms_conjoints"):
        pronouns.append(verb)
        verb = verb.next
    if not _goes_on(verb):
        return False
    if humanly:
        return _is_human_verb(verb, pronouns, is_singular=last is name)
    if verb.is_in("copules"):  # Colin s'est coupé: a noun would need its article
        is_reflexive = re.search(r"s['’]$", verb.gap) is not None
        return is_reflexive or verb.next.is_in("predicats", "fonctions")
    has_pronoun = any(
        _ELIDED.fullmatch(word.gap) or word.is_in("pronoms_conjoints_surs") for word in pronouns
    )
    has_object = verb.next.gap == " " and verb.next.is_in("determinants_d_objet")
    is_surely = has_pronoun or has_object or _ELIDED.fullmatch(verb.gap) is not None
    return _is_verb(verb, is_surely=is_surely)


def _after_brackets(word: TextWord) -> TextWord:
    """Ihintza (la basque, celle qui soude) propose."""
    after = word.next
    if not re.fullmatch(rf"{_BLANK}\(", after.gap):
        return after
    while after and ")" not in after.gap:
        after = after.next
    if not after or after.index - word.index > _ASIDE:
        return word.next
    verb = copy(after)
    verb.gap = after.gap.rpartition(")")[2]
    return verb


def _second_name(name: TextWord) -> TextWord | None:
    """Clément et Prosper."""
    second = name.next.next
    is_tied = name.next.folded == "et" and second.has_capital and second.gap.isspace()
    return second if is_tied else None


def _has_preposition(word: TextWord) -> bool:
    """Le mur de Lacoste a été remonté."""
    if re.fullmatch(rf"{_BLANK}[dD]['’]", word.gap):
        return True
    return word.gap == " " and word.previous.is_in("prepositions")


def _goes_on(word: TextWord) -> bool:
    is_close = re.fullmatch(_BLANK, word.gap) or _ELIDED.fullmatch(word.gap)
    return is_close is not None and not word.has_capital


def _is_human_verb(verb: TextWord, pronouns: Sequence[TextWord], *, is_singular: bool) -> bool:
    """S'inquiète, se souvient, a dit."""
    if verb.is_in("copules"):
        return False
    if is_singular and verb.folded.endswith("ent") and not verb.is_in("singuliers_en_ent"):
        return False
    if verb.folded in ("a", "ont", "avait"):
        return verb.next.is_in("dires")
    reflexive = verb.folded
    if re.search(r"[sS]['’]$", verb.gap):
        reflexive = f"s'{verb.folded}"
    elif any(word.folded == "se" for word in pronouns):
        reflexive = f"se {verb.folded}"
    return reflexive in terms("verbes_humains") or verb.is_in("verbes_humains")


def _is_verb(word: TextWord, *, is_surely: bool = False) -> bool:
    """A form that is also a noun or an adjective counts only if `is_surely` a verb."""
    lowered = word.text.lower()
    if word.is_in("verbes"):
        return True
    if not is_surely and (is_listed(lowered, "noun") or is_listed(lowered, "adj")):
        return False
    is_participle = lowered.endswith(("er", "ir", "é", "és", "ée", "ées"))
    return (is_listed(lowered, "verb") and not is_participle) or _has_verb_ending(lowered)


def is_verb_form(folded: str) -> bool:
    """Whether a folded word may be in the third person: habite, demandent."""
    return folded in terms("verbes") | terms("verbes_humains") or _has_verb_ending(folded)


def _has_verb_ending(word: str) -> bool:
    return any(
        is_listed(word.removesuffix(ending) + infinitive, "verb")
        for infinitive, endings in _ENDINGS.items()
        for ending in endings
        if word.endswith(ending)
    )
