"""Read the noun phrases and verbs of a passage that name an activity.

In:   a parsed passage
Out:  « vélos remis en état », « paniers de légumes bio livrés », or "" where no phrase is a name

The parser takes many a verb of short notes for a noun (« la crèche accueille 24 enfants »): forms
of data/lexicon/offre.yaml are verbs where an object follows.
"""

import re
from collections.abc import Sequence
from functools import cache, partial

from spacy.tokens import Doc, Token

from pipeline.offer.quantities import lexicon as quantities_lexicon
from pipeline.text import fold, lexicon, lexicon_words


def _set_of(text: str) -> frozenset[str]:
    """Return the words of `text` as a set."""
    return frozenset(text.split())


_MAX_WORDS = 7
_OF = frozenset({"de", "d'", "du", "des"})
_LINKS = _OF | {"a", "au", "aux", "en", "pour", "pr", "sans", "entre", "contre", "sur", "par"}
_WITH_INFINITIVE = frozenset({"a", "pour", "pr"})
POSSESSIVES = _set_of("mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs")
_FOR = frozenset({"pour", "pr", "aux"})
_PLACES = frozenset({"sur", "contre", "entre", "par"})
_AND = frozenset({"et", "&", "+"})
_DETERMINERS = _set_of(
    "le la les l' un une des du de d' ce cet cette ces son sa ses leur leurs notre nos"
)
_OBJECT_STARTS = _DETERMINERS | _set_of("plus pres environ quelque chaque en tout a chez tous")
_HAVE = frozenset({"a", "ai", "as", "ont", "avons", "avez", "avait", "avaient"})
_NAMES = frozenset({"NOUN", "PROPN"})
_QUALIFIES = frozenset({"NOUN", "PROPN", "ADJ", "X"})
_LOOSE_ENDS = frozenset({"ADP", "DET", "ADV", "CCONJ", "SCONJ", "PRON", "PUNCT", "SPACE"})
_TIMES = re.compile(
    r"an|ans|annees?|semaines?|mois|jours?|sem|depuis|chaque|dont|hier|cette|matins?|soirs?|fois|j"
    r"|midi|nuits?|saison|hiver|ete|printemps|automne|(lun|mar|mercre|jeu|vendre|same)dis?|dimanches?"
    r"|janvier|fevrier|mars|avril|juin|juillet|aout|septembre|octobre|novembre|decembre"
)
_CUT = re.compile(r"(^| )[-‑]|[-‑]( |$)|\d")  # no whole noun phrase
_PARTICIPLE = re.compile(r"ée?s?$")
_ACTION = re.compile(r"(age|tion|ement)s?$")
_FULL_NAME = re.compile(r"\w{3,}(theque|erie)s?")
_FEMININE = re.compile(r"(ion|te|ette|ure|ance|ence|euse|trice|iere|ee|ie|aine|elle|esse)s?")


offer_lexicon = partial(lexicon, "offre")
words_of = partial(lexicon_words, "offre")


def folded(token: Token) -> str:
    """Return the word without accents and capitals."""
    return fold(token.text, keep_signs=True)


def is_in(token: Token, *groups: str) -> bool:
    """Return whether the word, singular or plural, is in a list of the lexicon."""
    word = folded(token)
    forms = {word, word.removesuffix("s"), word.removesuffix("x"), fold(token.lemma_)}
    return any(forms & words_of(group) for group in groups)


def is_proper(token: Token) -> bool:
    """Return whether a word inside a phrase is written as a name."""
    return token.text[:1].isupper() and token.i > 0 and not token.doc.text.isupper()


def is_glued(token: Token) -> bool:
    """Return whether the parser cut the word from the one before (« repair'café »)."""
    before = token.doc[token.i - 1] if token.i else None
    if before is None or before.whitespace_ or not before.text:
        return False
    is_elided = len(before.text) <= 2 or folded(before).endswith("qu'")
    return (
        before.text[-1] in "-‑"
        or token.text[0] in "-‑"
        or (before.text[-1] in "'’" and not is_elided)
    )


def infinitive_of(token: Token) -> str | None:
    """Return the folded infinitive of a verb in a main tense; None of another word."""
    word = folded(token)
    has_auxiliary = is_participle(token) and _follows(token, _HAVE)
    if word in offer_lexicon()["formes_verbales"] and token.i and not has_auxiliary:
        return _of_form(token, str(offer_lexicon()["formes_verbales"][word]))
    if token.pos_ in ("VERB", "AUX") and "Fin" in token.morph.get("VerbForm", []):
        return fold(token.lemma_)
    return _infinitive_by_participle(token) if has_auxiliary else None


def _of_form(token: Token, infinitive: str) -> str | None:
    """The infinitive of a form that may be a noun: « livre », « forme », « compte »."""
    before = token.doc[token.i - 1]
    after = token.doc[token.i + 1] if token.i + 1 < len(token.doc) else None
    if folded(before) in _DETERMINERS | _LINKS or before.is_punct or before.like_num:
        return None
    is_followed = after is None or after.is_punct or _opens_object(after)
    return infinitive if is_followed or token.pos_ in ("VERB", "AUX") else None


def _infinitive_by_participle(token: Token) -> str:
    form = folded(token)
    verbs = offer_lexicon()["verbes"]
    return next(
        (str(name) for name, part in verbs.items() if fold(part) == form), fold(token.lemma_)
    )


def _opens_object(token: Token) -> bool:
    is_number = token.like_num or token.pos_ == "NUM"
    is_plural = token.pos_ == "NOUN" and folded(token)[-1:] in "sx"
    is_small = token.pos_ in ("ADV", "ADP", "DET", "NUM")
    return is_number or is_plural or is_small or folded(token) in _OBJECT_STARTS


def is_participle(token: Token) -> bool:
    """Return whether it is a past participle, also one written without accents."""
    if token.pos_ in ("VERB", "AUX") and "Part" in token.morph.get("VerbForm", []):
        return "Past" in token.morph.get("Tense", [])
    return is_known_participle(token)


def is_known_participle(token: Token) -> bool:
    """Return whether it is the participle of a verb of the lexicon, in any gender and number."""
    word = token.text.lower()
    forms = {word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("e")}
    return bool(forms & _participles(without_accents=token.doc.text.isascii()))


@cache
def _participles(*, without_accents: bool) -> frozenset[str]:
    forms = map(str, offer_lexicon()["verbes"].values())
    return frozenset(fold(form) if without_accents else form for form in forms)


def _follows(token: Token, auxiliaries: frozenset[str]) -> bool:
    i = token.i - 1
    while i >= 0 and token.doc[i].pos_ == "ADV" and token.i - i <= 3:
        i -= 1
    return i >= 0 and folded(token.doc[i]) in auxiliaries


def phrase_from(
    passage: Doc, start: int, *, max_words: int = _MAX_WORDS, joins: bool = True
) -> list[Token]:
    """Return the noun phrase that begins at token `start`, with its complements.

    If it `joins`, it goes on after one « et ».
    """
    words, i, is_joined = [passage[start]], start + 1, not joins
    while i < len(passage) and len(words) < max_words:
        token, word = passage[i], folded(passage[i])
        if is_glued(token):
            words.append(token)
            i += 1
            continue
        if _ends_phrase(token):
            break
        if word in _LINKS:
            link = _link_from(passage, i)
            if not link or (word == "par" and not is_participle(words[-1])):
                break
            words += link
            i = link[-1].i + 1
        elif word in _AND and not is_joined and i + 1 < len(passage):
            j = i + 1 + (folded(passage[i + 1]) in _DETERMINERS)
            if j >= len(passage) or passage[j].pos_ != "NOUN" or _ends_phrase(passage[j]):
                break
            words += [token, passage[j]]
            i, is_joined = j + 1, True
        elif token.pos_ in _QUALIFIES or is_participle(token):
            words.append(token)
            i += 1
        else:
            break
    return trimmed(words)


def _ends_phrase(token: Token) -> bool:
    word = folded(token)
    if token.is_punct or token.like_num or token.pos_ == "NUM" or word in ("/", "=", ">", "→"):
        return True
    return bool(_TIMES.fullmatch(word)) or infinitive_of(token) is not None


def _link_from(passage: Doc, i: int) -> list[Token]:
    """« de la ferme », « à réparer les trottinettes »; nothing where no noun follows."""
    link, j = [passage[i]], i + 1
    while j < len(passage) and (
        folded(passage[j]) in _DETERMINERS or passage[j].pos_ in ("DET", "ADJ")
    ):
        link.append(passage[j])
        j += 1
    if j >= len(passage) or (
        folded(passage[i]) in _WITH_INFINITIVE and folded(link[-1]) in POSSESSIVES
    ):
        return []
    token = passage[j]
    is_infinitive = token.pos_ == "VERB" and "Inf" in token.morph.get("VerbForm", [])
    if is_infinitive and folded(passage[i]) in _WITH_INFINITIVE:
        return [*link, token, *_object_after(passage, j + 1)]
    is_noun = token.pos_ in _NAMES or (token.text[0].isupper() and token.is_alpha)
    return [] if not is_noun or _ends_phrase(token) else [*link, token]


def _object_after(passage: Doc, i: int) -> list[Token]:
    if i + 1 < len(passage) and folded(passage[i]) in _DETERMINERS:
        return [passage[i], passage[i + 1]] if passage[i + 1].pos_ == "NOUN" else []
    return [passage[i]] if i < len(passage) and passage[i].pos_ == "NOUN" else []


def trimmed(words: Sequence[Token]) -> list[Token]:
    """Return `words` without the small words at both ends."""
    kept = list(words)
    while kept and _is_loose(kept[-1], _LINKS | _DETERMINERS):
        kept = kept[:-1]
    while kept and _is_loose(kept[0], _DETERMINERS) and not any(map(is_glued, kept[1:2])):
        kept = kept[1:]
    return kept


def _is_loose(token: Token, small_words: frozenset[str]) -> bool:
    is_small = token.pos_ in _LOOSE_ENDS and not is_in(token, "metiers")
    return is_small or folded(token) in small_words


def written(words: Sequence[Token]) -> str:
    """Return the words as text, in lower case where only the sentence's start is upper case."""
    if not words:
        return ""
    text = "".join(token.text_with_ws for token in words)
    text = " ".join(re.sub(r"\s*[()\[\]«»\"]\s*", " ", text).split()).strip(" ,;:.-–'’")
    first = words[0].text
    if first.isupper() and len(first) > 1:
        return text
    is_start = words[0].i == 0 or words[0].doc[words[0].i - 1].pos_ in ("DET", "PUNCT", "SPACE")
    return text[:1].lower() + text[1:] if is_start or words[0].pos_ == "NOUN" else text


def name_from(
    words: Sequence[Token], *, is_counted: bool = False, is_structure: bool = False
) -> str:
    """Return `words` as the name of an activity; "" if they are none.

    A lone word is one only if it says what is done (« ressourcerie »); a slogan, a compliment,
    people and what is not an activity are none. Of a structure's name what comes before its own
    words is one.
    """
    words = trimmed([token for token in words if not is_in(token, "compliments")])
    words = trimmed(_without_place(_without_end(_without_public(words))))
    if not words:
        return ""
    own = trimmed(_before_name(words))
    if is_structure and own == words and not is_in(words[0], "metiers", "statuts"):
        return ""
    own = _without_odd_end(own) if is_counted else own
    is_whole = _agrees(own) and not _are_many(own)
    return written(own) if is_whole and _is_name(own, is_counted=is_counted) else ""


def _are_many(words: Sequence[Token]) -> bool:
    """Whether it is who does it, many of them: « associations du canton »."""
    if not words or any(map(is_known_participle, words[1:])) or is_in(words[0], "actions"):
        return False
    return _is_plural(words[0]) and is_in(words[0], "metiers", "statuts")


def _without_odd_end(words: Sequence[Token]) -> list[Token]:
    """Drop « et piscine » of « 9 000 logements et piscine », which are not counted alike."""
    at = next((i for i, token in enumerate(words) if i and folded(token) in _AND), len(words))
    return list(words) if any(map(_is_plural, words[at + 1 :])) else trimmed(words[:at])


def _is_plural(token: Token) -> bool:
    return folded(token)[-1:] in ("s", "x", "z")


def _agrees(words: Sequence[Token]) -> bool:
    """Whether a last participle is of the head: not « brasserie séchées », « épisodes écrite »."""
    if len(words) < 2 or not (is_participle(words[-1]) or _PARTICIPLE.search(words[-1].text)):
        return True
    is_several = any(folded(token) in (*_AND, ",") for token in words)
    return _is_plural(words[-1]) == (_is_plural(words[0]) or is_several)


def _without_public(words: Sequence[Token]) -> list[Token]:
    """Drop « pour les lycéens », which is said apart."""
    for i, token in enumerate(words):
        after = words[i + 1 : i + 3]
        if i and folded(token) in _FOR and any(is_in(one, "publics") for one in after):
            return list(words[:i])
    return list(words)


def _without_end(words: Sequence[Token]) -> list[Token]:
    """Drop « du territoire », « en moyenne », « fait »."""
    kept = list(words)
    while len(kept) > 1 and is_in(kept[-1], "complements_vagues", "fins_vagues"):
        kept = trimmed(kept[:-1])
    return kept


def _without_place(words: Sequence[Token]) -> list[Token]:
    """Drop « sur la cabane », « entre voisins »."""
    at = next((i for i, token in enumerate(words) if i and folded(token) in _PLACES), len(words))
    return list(words[:at])


def _before_name(words: Sequence[Token]) -> list[Token]:
    """« chaufferie » of « chaufferie de Longchaumois », « CUMA » of « CUMA de la haute … »."""
    proper = next((i for i, token in enumerate(words) if i and is_proper(token)), len(words))
    after = words[-1].i + 1
    is_cut = after < len(words[-1].doc) and words[-1].doc[after].text[:1].isupper()
    if proper == len(words) and not (is_cut and words[-1].whitespace_ and not _is_loud(words)):
        return list(words)
    links = [i for i, token in enumerate(words[:proper]) if i and folded(token) in _OF]
    return list(words[: links[-1]] if links else words[:proper])


def _is_loud(words: Sequence[Token]) -> bool:
    return words[0].doc.text.isupper()


def _is_name(words: Sequence[Token], *, is_counted: bool) -> bool:
    if not words:
        return False
    head, text = words[0], written(words)
    if _TIMES.fullmatch(folded(head)) or folded(head) in quantities_lexicon()["mesures"]:
        return False
    if is_proper(head) and folded(head.doc[head.i - 1]) in _DETERMINERS:
        return is_full_name(head)  # « L'Outil en main »
    if _is_no_phrase(words):
        return False
    n_words = sum(token.is_alpha for token in words)
    if n_words < 2 or len(text.split()) < 2:
        opens = head.i <= 1 and text[1:].islower() and not is_in(head, "vagues")
        is_compound = "-" in text and (opens or _has_full_name(text))
        return is_full_name(head) or is_compound or "'cafe" in fold(text, keep_signs=True)
    is_head = head.pos_ in _NAMES or is_full_name(head) or is_in(head, "statuts", "publics")
    if not is_head and not _starts_compound(words):
        return False
    says_more = any(token.pos_ in _QUALIFIES or is_participle(token) for token in words[1:])
    if is_in(head, "metiers"):
        return True
    if is_in(head, "statuts"):
        return says_more and not all(is_proper(token) for token in words[1:] if token.is_alpha)
    if is_in(head, "publics") or (is_in(head, "vagues") and is_counted):
        told = words[1:] if is_counted else words[1:-1]
        return any(is_participle(token) for token in told)
    return not is_in(head, "vagues") and says_more


def _is_no_phrase(words: Sequence[Token]) -> bool:
    """Whether the words are signs, a mention in brackets, or cut by the parser."""
    text = written(words)
    has_letters = any(letter.isalpha() for letter in text)
    return not has_letters or "[" in "".join(t.text for t in words) or bool(_CUT.search(text))


def _has_full_name(text: str) -> bool:
    known = words_of("metiers") | words_of("activites")
    return any(word in known or word.removesuffix("s") in known for word in fold(text).split())


def is_action(words: Sequence[Token]) -> bool:
    """Return whether a phrase names what is done: « curage de fossés », « vêtements triés »."""
    head = folded(words[0])
    if len(words) > 1 and is_known_participle(words[-1]) and _agrees(words):
        return True
    ends_so = bool(_ACTION.search(head)) and not is_in(words[0], "pas_des_actions")
    return ends_so or is_in(words[0], "actions", "activites", "metiers", "statuts")


def _starts_compound(words: Sequence[Token]) -> bool:
    return len(words) > 1 and is_glued(words[1])


def is_full_name(token: Token) -> bool:
    """Return whether the word alone says what is done."""
    whole = bool(_FULL_NAME.fullmatch(folded(token))) or is_in(token, "metiers", "activites")
    return whole and not is_in(token, "vagues")


def with_participle(objects: Sequence[Token], participle: str, particle: str = "") -> str:
    """« vélos » and « remis », « en état » are « vélos remis en état »."""
    objects, rest = _core(objects)
    nouns = [token for token in objects if token.pos_ == "NOUN" and not _after_of(token, objects)]
    heads = nouns or [objects[0]]
    is_feminine = all(_is_feminine(token) for token in heads)
    is_plural = len(heads) > 1 or folded(heads[0])[-1:] in ("s", "x", "z")
    form = participle + "e" * is_feminine
    form += "s" * (is_plural and not form.endswith("s"))
    return " ".join(filter(None, (written(objects), form, particle, written(rest))))


def _core(objects: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """Part « vélos-cargos » from « aux familles »; whom it is for in the writer's voice is left."""
    for i, token in enumerate(objects):
        word = folded(token)
        next_word = objects[i + 1] if i + 1 < len(objects) else token
        if word == "en" and is_in(next_word, "etats"):
            continue
        is_place = word == "a" and (next_word.pos_ == "DET" or next_word.text[:1].isupper())
        if i and (word in ("pour", "pr", "au", "aux", "sur", "entre", "en") or is_place):
            return trimmed(objects[:i]), list(objects[i:]) if word in ("aux", "en") else []
    return trimmed(_without_end(objects)), []


def _after_of(token: Token, words: Sequence[Token]) -> bool:
    i = words.index(token)
    before = [folded(word) for word in words[max(0, i - 2) : i]]
    return any(word in _LINKS for word in before)


def _is_feminine(token: Token) -> bool:
    if is_in(token, "masculins", "feminins"):
        return is_in(token, "feminins")
    gender = token.morph.get("Gender", [])
    return gender == ["Fem"] if gender else bool(_FEMININE.search(folded(token)))


def participle_of(verb: Token) -> str:
    """Return the masculine singular past participle; "" where it is not known."""
    infinitive = infinitive_of(verb) or fold(verb.lemma_)
    if is_participle(verb) and _follows(verb, _HAVE):
        return verb.text.lower()
    known = offer_lexicon()["verbes"].get(infinitive)
    if known:
        return str(known)
    lemma = verb.lemma_.lower()
    if lemma.endswith("er"):
        return lemma[:-2] + "é"
    return lemma[:-1] if lemma.endswith("ir") else ""


def acts(infinitive: str | None) -> bool:
    """Return whether the verb's object is what is done."""
    return infinitive is not None and infinitive not in words_of("verbes_d_etat")
