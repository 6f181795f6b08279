"""Name what is done, in the passage's own words, in a phrase short enough for a table.

In:   one passage, parsed, and one of its quantities
Out:  a noun phrase
"""

import re

from spacy.tokens import Doc, Token

from pipeline.french import fold
from pipeline.offer.numbers import lexicon
from pipeline.offer.quantities import Quantity

_HEAD = re.compile(r"^([^:=→–\d]{3,70}?)\s*(?::|=|→|->|–)")
_LEAD = re.compile(r"^(?:[-–•+*\s]+|(?:l|d)['’]|(?:le|la|les|un|une|des|du|de la|notre|nos|il y a|on a)\s+)+", re.IGNORECASE)
_CLAUSE_START = re.compile(r"[.;:!?…→=]\s|->|\bqu(?:e\s|['’])")
_OF = re.compile(r"[\s.]*d(?:e|es|u)\s|\s*d['’]")
_HYPHENED = re.compile(r"(?:\w+-)*$")  # « car- » of « car-épicerie », which the parser cuts
_MAX_WORDS = 6
_STOPS = {"VERB", "AUX", "PUNCT", "NUM", "CCONJ", "SCONJ", "PRON", "SPACE", "SYM", "X"}
_LOOSE_ENDS = {"ADP", "DET", "ADV", "CCONJ", "SCONJ", "PRON", "PUNCT"}
_TIME = {"an", "annee", "semaine", "mois", "jour", "sem", "depuis", "chaque", "l'an", "dont", "hier", "cette"}


def activity_of(passage: Doc, quantity: Quantity, carrier: str | None) -> str:
    """Return the activity of `quantity`; `carrier` is the name of the structure said in the passage, which is no activity.

    What is measured (« laine lavée ») or counted (« vélos remis en état ») first; for people and jobs, the heading or subject before.
    """
    counted = _phrase_from(passage, quantity.noun_start)
    complement = _phrase_from(passage, quantity.noun_end)
    before = activity_before(passage, quantity.number.start, carrier)
    if quantity.unit in lexicon()["monnaies"]:
        choices = [before, complement]
    elif quantity.kind == "mesure":
        choices = [complement if _OF.match(passage.text, quantity.noun_end) else "", before]
    elif quantity.kind == "personne":
        choices = [before, counted]
    else:
        says_more = len(counted.split()) > len(quantity.unit.split())
        choices = [counted if says_more else "", before, counted]
    return next((choice for choice in choices if choice), quantity.unit)


def activity_before(passage: Doc, end: int, carrier: str | None) -> str:
    """What the heading of the passage, or else the subject of the clause, names before character `end`; "" where it is only `carrier`."""
    return _unless_carrier(_heading(passage, end), carrier) or _unless_carrier(_subject(passage, end), carrier)


def _phrase_from(passage: Doc, start: int) -> str:
    """The words from `start` to the end of their noun phrase, at most six, without loose ends."""
    words: list[Token] = []
    for token in passage:
        if token.idx < start:
            continue
        if len(words) == _MAX_WORDS or (_ends_phrase(token) and not _is_glued(token)):
            break
        words.append(token)
    return _tidied(words)


def _ends_phrase(token: Token) -> bool:
    """Whether `token` is a verb, a sign or a word of time; a past participle goes on with the phrase."""
    if token.pos_ == "VERB" and token.morph.get("VerbForm", []) == ["Part"] and token.morph.get("Tense", []) == ["Past"]:
        return False
    return token.pos_ in _STOPS or token.text in ("/", "&") or fold(token.text) in _TIME


def _heading(passage: Doc, end: int) -> str:
    """What stands before a colon, an equals sign or an arrow that precedes `end`; the noun phrase after its verb where it has one."""
    match = _HEAD.match(passage.text)
    if not match or match.end() > end:
        return ""
    words = [token for token in passage if token.idx + len(token.text) <= match.end(1)]
    verbs = [token.idx for token in words if token.pos_ in ("VERB", "AUX") and token.morph.get("VerbForm", []) == ["Fin"]]
    if verbs:
        return _first_phrase(passage, verbs[-1], match.end(1))
    is_phrase = any(token.pos_ == "NOUN" for token in words) and words[0].pos_ != "ADP"
    return _LEAD.sub("", match[1]).strip() if is_phrase else ""


def _subject(passage: Doc, end: int) -> str:
    """The first noun phrase of the clause that leads to `end`, or else of the passage."""
    start = max((match.end() for match in _CLAUSE_START.finditer(passage.text, 0, end)), default=0)
    return _first_phrase(passage, start, end) or _first_phrase(passage, 0, end)


def _first_phrase(passage: Doc, start: int, end: int) -> str:
    """The noun phrase of the first noun in [start, end) that names something done; "" where there is none."""
    for token in passage:
        if start <= token.idx < end and token.pos_ == "NOUN" and len(token.text) > 2 and fold(token.text) not in lexicon()["sans_objet"]:
            before = passage.text[start : token.idx]
            return _phrase_from(passage, start + len(_HYPHENED.sub("", before)))
    return ""


def _unless_carrier(phrase: str, carrier: str | None) -> str:
    """`phrase`, or "" where it is no more than the structure's own name."""
    plain, name = fold(phrase), fold(carrier or "")
    return "" if name and (plain in name or (name in plain and len(plain) < len(name) + 4)) else phrase


def _is_glued(token: Token) -> bool:
    """Whether a hyphen binds `token` to the next word, or capitals make it a name whatever the parser says."""
    text, end = token.doc.text, token.idx + len(token.text)
    return text[end - 1 : end] == "-" or text[end : end + 1] == "-" or (token.is_upper and len(token.text) > 2)


def _tidied(words: list[Token]) -> str:
    """The text of `words` without articles before and prepositions left hanging behind."""
    while words and words[-1].pos_ in _LOOSE_ENDS:
        words = words[:-1]
    while words and words[0].pos_ in _LOOSE_ENDS and not _is_glued(words[0]):
        words = words[1:]
    return "".join(token.text_with_ws for token in words).strip(" ,;:.-–()\"«»'’")
