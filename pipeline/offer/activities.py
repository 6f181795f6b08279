"""Name what a passage says is done: a verb's object, what is counted, a heading or a subject.

In:   a parsed passage, one of its quantities, the spans of structures' names
Out:  the name of the activity, "" where no phrase of the passage is one
"""

import re
from collections.abc import Collection, Iterator, Sequence

from spacy.tokens import Doc, Token

from pipeline.offer.phrases import (
    POSSESSIVES,
    acts,
    folded,
    infinitive_of,
    is_action,
    is_glued,
    is_in,
    is_known_participle,
    is_participle,
    name_from,
    offer_lexicon,
    participle_of,
    phrase_from,
    trimmed,
    with_participle,
    words_of,
    written,
)
from pipeline.offer.quantities import Quantity, lexicon
from pipeline.text import fold

Spans = Collection[tuple[int, int]]  # of characters

_CLAUSE_START = re.compile(r"[.;:!?…→=]\s|->|\bqu(?:e\s|['’])")
_TO = frozenset({"a", "aux", "pour", "pr", "dans", "ds", "chez", "entre", "avec", "par", "sur"})
_ABOUT = frozenset({"plus", "pres", "moins", "environ", "de", "d'", "quelque", "deja", "les"})
_N_BETWEEN = 6  # words from a verb to the number of its object
_N_OPENING = 5  # characters before a name that opens a passage
_N_PHRASES = 5  # noun phrases before a number that may be its subject
_N_PUBLIC = 5
_OF_OR_WITH = frozenset({"de", "du", "des", "d'", "avec", "a", "au", "aux", "par", "chez"})
_FOR = frozenset({"a", "pour", "pr", "chez"})
_YEAR = re.compile(r"(?<!depuis )(?<!des )\b(?:en|annee|de|,|\() ?(20[0-4]\d)\b(?! ?[€\d])")
_N_CLAUSE = 6  # words of « qui viennent à domicile »


def activity_of(passage: Doc, quantity: Quantity, names: Spans) -> str:
    """Return what is done of which `quantity` counts a part; `names` are structures' names.

    « vélos remis en état » or « laine lavée » come first; for staff, members and whoever gets
    something, the heading or subject before.
    """
    start, noun = _token_at(passage, quantity.number.start), _token_at(passage, quantity.noun_start)
    counted = _counted(passage, quantity, noun)
    around = _activity_around(passage, start, names)
    is_recipient = _is_recipient(passage, start)
    verb = _governing_verb(passage, start)
    if counted and verb is not None and not is_recipient:
        name = _acted_on(passage, verb, counted, start)
        if name:
            return name
    is_money = quantity.unit in lexicon()["monnaies"]
    if is_money or quantity.unit in words_of("moyens") or is_recipient:
        return around or _object_before(passage, start) or _relative_clause(passage, counted)
    name = _name_of_counted(passage, counted, quantity)
    if quantity.kind == "personne" and not any(map(is_known_participle, counted)):
        name = ""  # who is counted is not what is done
    says_more = len(name.split()) > 1 and name != quantity.unit
    return name if says_more else around or _without_plural(name)


def activity_without_number(passage: Doc, names: Spans, *, has_carrier: bool) -> str:
    """Return what a passage without quantity says is done; "" where it is no offer.

    What somebody does to something is an offer where a structure does it.
    """
    if not is_an_offer(passage):
        return ""
    done = _object_before(passage, len(passage)) if has_carrier else ""
    return done or _activity_around(passage, len(passage), names)


def _is_means(words: Sequence[Token]) -> bool:
    """Whether it counts people or single things, which are not the activity."""
    is_staff = words[0].text.lower() in words_of("moyens") or is_in(words[0], "publics")
    return is_staff or len(words) == 1


def _without_plural(name: str) -> str:
    """« AMAP » may be what is counted and what is done; « fermes » is only counted."""
    is_lone = len(name.split()) == 1
    return "" if is_lone and name.endswith("s") else name


def is_an_offer(passage: Doc) -> bool:
    """Return whether nothing says that it is a wish, a plan, a lack or a mere notice."""
    text = fold(passage.text, keep_signs=True)
    return not any(re.search(pattern, text) for pattern in offer_lexicon()["pas_une_offre"])


def public_of(passage: Doc) -> str | None:
    """Return whom the passage says it is for: « personnes âgées » after « à des » or « pour »."""
    for token in passage:
        if (
            token.i == 0
            or not is_in(token, "publics")
            or token.pos_ not in ("NOUN", "ADJ", "PROPN")
        ):
            continue
        before = [folded(one) for one in passage[max(0, token.i - 3) : token.i]]
        is_for = before[-1] in ("aux", "pour", "pr") or (
            before[-1] in ("les", "des", "de", "d'", "nos", "leurs") and set(before) & _FOR
        )
        is_told = token.i + 1 < len(passage) and is_in(passage[token.i + 1], "publics_qualifies")
        is_for = is_for or (
            is_told and _is_counted_word(passage, token.i)
        )  # « 310 personnes âgées »
        words = phrase_from(passage, token.i, max_words=_N_PUBLIC, joins=False)
        if is_for and words and "[" not in written(words):
            return written(words)
    return None


def year_near(text: str, end: int) -> int | None:
    """Return the year said with a quantity that ends at `end`; -1 for the year before, 0 for this.

    A year before the number counts where it opens the clause.
    """
    start = max((match.end() for match in _CLAUSE_START.finditer(text, 0, end)), default=0)
    stop = _CLAUSE_START.search(text, end)
    clause = fold(text[start : stop.start() if stop else len(text)], keep_signs=True)
    years = _YEAR.findall(clause)
    if years:
        return int(years[-1])
    if re.search(offer_lexicon()["annee_passee"], clause):
        return -1
    return 0 if re.search(offer_lexicon()["annee_en_cours"], clause) else None


def _token_at(passage: Doc, at: int) -> int:
    return next((token.i for token in passage if token.idx + len(token.text) > at), len(passage))


def _counted(passage: Doc, quantity: Quantity, noun: int) -> list[Token]:
    """The counted things: « vélos », or what a measure is of."""
    if quantity.kind != "mesure":
        words = phrase_from(passage, noun) if noun < len(passage) else []
        return words + _participle_after_pace(passage, words)
    after = _token_at(passage, quantity.noun_end)
    if after + 1 >= len(passage) or folded(passage[after]) not in ("de", "d'", "des", "du"):
        return []
    return _listed(passage, phrase_from(passage, after + 1))


def _participle_after_pace(passage: Doc, words: Sequence[Token]) -> list[Token]:
    """« livrés » of « 400 repas/j livrés aux centres »."""
    i = words[-1].i + 1 if words else len(passage)
    j = i + 2
    is_pace = j < len(passage) and folded(passage[i]) in ("/", "par", "chaque")
    return [passage[j]] if is_pace and is_participle(passage[j]) else []


def _listed(passage: Doc, words: list[Token]) -> list[Token]:
    """Add the rest of a list: « portes, parquets, sanitaires »."""
    while words and words[-1].i + 2 < len(passage):
        comma, noun = passage[words[-1].i + 1], passage[words[-1].i + 2]
        is_plural = noun.pos_ in ("NOUN", "ADJ") and folded(noun)[-1:] in "sx"
        is_listed = comma.text == "," and is_plural and not is_participle(words[-1])
        if not is_listed or is_participle(noun) or len(words) > _N_BETWEEN:
            break
        words = [*words, comma, *phrase_from(passage, noun.i)]
    return words


def _governing_verb(passage: Doc, start: int) -> Token | None:
    """The verb whose object begins at token `start`."""
    for i in range(start - 1, max(-1, start - 1 - _N_BETWEEN), -1):
        token = passage[i]
        if infinitive_of(token) is not None:
            return token
        if token.is_punct and not is_glued(token):
            return None
        if token.pos_ in ("NOUN", "PROPN") and not _is_particle(passage, i):
            return None
    return None


def _is_particle(passage: Doc, i: int) -> bool:
    return i > 0 and folded(passage[i - 1]) in ("en", "a", "chaque")


def _is_recipient(passage: Doc, start: int) -> bool:
    """Whether the number counts who gets it: « 27 machines à 350 membres »."""
    i = start - 1
    while i >= 0 and folded(passage[i]) in _ABOUT:
        i -= 1
    return i >= 0 and folded(passage[i]) in _TO


def _acted_on(passage: Doc, verb: Token, objects: Sequence[Token], start: int) -> str:
    """« a remis en état 430 vélos » is « vélos remis en état »."""
    infinitive = infinitive_of(verb)
    if not acts(infinitive):
        return ""
    if any(is_participle(token) for token in objects):
        return written(objects)
    between = passage[verb.i + 1 : start].text
    match = re.search(offer_lexicon()["particules"], fold(between, keep_signs=True))
    particle = between[: match.end()] if match else ""
    participle = participle_of(verb)
    if not participle:
        return ""
    return with_participle(objects, participle, particle)


def _name_of_counted(passage: Doc, counted: list[Token], quantity: Quantity) -> str:
    if not counted:
        return ""
    name = name_from(counted, is_counted=True)
    if name and quantity.kind == "mesure" and is_participle(counted[-1]) and len(counted) > 1:
        # « 900 t de vêtements triées » agrees with tonnes
        base = counted[-1].text.lower().removesuffix("s").removesuffix("e")
        return with_participle(trimmed(counted[:-1]), base)
    is_lone = len(name.split()) == 1
    return ("" if name and not is_lone else _relative_clause(passage, counted)) or name


def _relative_clause(passage: Doc, words: Sequence[Token]) -> str:
    """« nounous qui viennent à domicile »."""
    i = words[-1].i + 1 if words else len(passage)
    if i >= len(passage) or folded(passage[i]) != "qui":
        return ""
    clause: list[Token] = []
    for token in passage[i:]:
        if token.is_punct or token.like_num or len(clause) > _N_CLAUSE:
            break
        if len(clause) > 2 and folded(token) in ("des", "et", "mais", "depuis"):
            break
        clause.append(token)
    clause = trimmed([words[-1], *clause])[1:]
    has_verb = any(infinitive_of(token) is not None for token in clause)
    return f"{written(words)} {written(clause)}" if has_verb and len(clause) > 2 else ""


def _activity_around(passage: Doc, end: int, names: Spans) -> str:
    """The activity of the heading or subject before token `end`, else one told after it.

    Where a structure's name opens the passage, what follows says what it does.
    """
    opens_with_name = any(start < _N_OPENING for start, _ in names)
    after = _activity_after(passage, names)
    before = _activity_before(passage, end, names)
    if opens_with_name and end == len(passage):
        return after or before
    return before or after


def _activity_after(passage: Doc, names: Spans) -> str:
    """What a passage that opens with a structure's name goes on to say: « : curage de fossés »."""
    opening = next((high for low, high in sorted(names) if low < _N_OPENING), None)
    if opening is None:
        return ""
    for words in _phrases(passage, _token_at(passage, opening), len(passage)):
        name = name_from(words) if is_action(words) else ""
        is_said = len(name.split()) > 1 and not _overlaps(words, names)
        at = words[0].i
        before = {folded(token) for token in passage[max(0, at - 2) : at]}
        is_without = bool(before & {"sans", "ni", "par"})
        if is_said and not (is_without or _is_counted_word(passage, at) or _is_denied(passage, at)):
            return name
    return ""


def _is_counted_word(passage: Doc, i: int) -> bool:
    before = passage[i - 1] if i else passage[i]
    if before.text == "1":
        return False
    return before.text[-1].isdigit() or folded(before) in lexicon()["nombres"]


def _activity_before(passage: Doc, end: int, names: Spans) -> str:
    """The activity of the heading or subject before token `end`."""
    limit = passage[end].idx if end < len(passage) else len(passage.text)
    starts = [match.end() for match in _CLAUSE_START.finditer(passage.text, 0, limit)]
    clause = _token_at(passage, starts[-1]) if starts else 0
    for start in dict.fromkeys((0, clause)):
        for words in _phrases(passage, start, end):
            is_structure = _overlaps(words, names)
            is_told = is_action(words) and not _is_complement(passage, words[0].i)
            name = name_from(words, is_structure=is_structure) if is_told else ""
            if name and not (_is_counted_word(passage, words[0].i) and _is_means(words)):
                return name
    return ""


def _is_complement(passage: Doc, i: int) -> bool:
    """Whether the phrase from token `i` is of something else: « du réseau », « avec la ferme »."""
    before = [folded(token) for token in passage[max(0, i - 2) : i]]
    while before and before[-1] in ("le", "la", "les", "l'", "un", "une"):
        before = before[:-1]
    return bool(before) and before[-1] in _OF_OR_WITH


def _phrases(passage: Doc, start: int, end: int) -> Iterator[list[Token]]:
    """Yield the first noun phrases of the clause, up to its verb."""
    n, i = 0, start
    while i < end and n < _N_PHRASES:
        token = passage[i]
        if n and (infinitive_of(token) is not None or token.text in (".", ";", "!", "?")):
            return
        is_head = token.pos_ in ("NOUN", "PROPN") or is_in(token, "metiers", "statuts", "publics")
        starts_compound = i + 1 < len(passage) and is_glued(passage[i + 1])
        is_compound = starts_compound or "-" in token.text[1:]
        is_word = token.text[0].isalpha() and not is_glued(token)
        if not is_word or not (is_head or is_compound) or _is_opening(token):
            i += 1
            continue
        words = phrase_from(passage, i)
        n += 1
        if words:
            yield words
        i = max(i, words[-1].i if words else i) + 1


def _is_opening(token: Token) -> bool:
    return folded(token) in lexicon()["sans_objet"] or infinitive_of(token) is not None


def _overlaps(words: Sequence[Token], names: Spans) -> bool:
    """Whether the phrase has a structure's name in it."""
    start, end = words[0].idx, words[-1].idx + len(words[-1].text)
    return any(low < end and start < high for low, high in names)


def _object_before(passage: Doc, end: int) -> str:
    """« prête raquettes et remorques » is « raquettes et remorques prêtées »."""
    for verb in passage[:end]:
        infinitive = infinitive_of(verb)
        if infinitive not in offer_lexicon()["verbes"] or not acts(infinitive):
            continue
        if _is_denied(passage, verb.i) or _is_of_one_person(passage, verb.i):
            continue
        i = verb.i + 1
        while i < len(passage) and (
            passage[i].pos_ in ("DET", "ADV") or folded(passage[i]) in ("le", "la", "les", "des")
        ):
            i += 1
        if i >= min(end, len(passage)) or passage[i].pos_ != "NOUN" or is_in(passage[i], "vagues"):
            continue
        if folded(passage[i - 1]) in POSSESSIVES:
            continue
        objects = _listed(passage, phrase_from(passage, i))
        if len(objects) == 1 and is_in(objects[0], "statuts", "metiers"):
            continue
        name = _acted_on(passage, verb, objects, verb.i + 1) if objects else ""
        if name:
            return name
    return ""


def _is_of_one_person(passage: Doc, i: int) -> bool:
    near = {folded(token) for token in passage[max(0, i - 3) : i]}
    return bool(near & {"je", "j'", "tu", "il", "elle", "me", "m'"})


def _is_denied(passage: Doc, i: int) -> bool:
    near = [folded(token) for token in passage[max(0, i - 3) : i + 3]]
    return any(word in ("ne", "n'", "pas", "jamais", "se", "s'", "plus") for word in near)
