"""Where sentences start: not after an abbreviation, inside a short quote or before what belongs to the sentence.

In:   a line of a block
Out:  positions in it
"""

import re

from pipeline.segment.words import UPPER, alternatives, listed_words, n_words, opens_with, plain_text

_SENTENCE_END = re.compile(rf"(?P<mark>[.!?…]+)(?P<close>\s?[»”\")\]]+)?\s+(?=[«“\"(\[]?\s?(?:{UPPER}|\d)|[«“\"(]?\s?\[personne\])")
_LOWER_CASE_END = re.compile(r"(?<!\w)([^\W\d_]{4,})\.\s+(?=[a-zà-ÿœ]{2,}[\s'’])")
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|\"[^\"]*\"|\([^()]*\)|\[[^\[\]]*\]")
_REPLY = re.compile(r"\s(?=\([^():]{1,30}\s?: [^()]{30,}\))")
_NUMBERED = re.compile(r"(?:n°|\bno?|#)\s?\d+\.\s*$", re.IGNORECASE)
# In words: a longer quote is cut; a longer sequel, a question with a longer answer, a longer numbered label stand alone.
_LONG_QUOTE, _SHORT_SEQUEL, _LONG_ANSWER, _LABEL = 40, 12, 40, 5


def sentence_cuts(passage: str) -> list[int]:
    """Starts of sentences: not after an abbreviation or an initial, inside a short quote or before its own sequel."""
    guarded = [match.span() for match in _QUOTED.finditer(passage) if n_words(match.group()) <= _LONG_QUOTE]
    cuts: list[int] = []
    for match in _SENTENCE_END.finditer(passage):
        start = cuts[-1] if cuts else 0
        inside = any(left < match.start() and match.end() < right for left, right in guarded)
        if not inside and not _is_abbreviated(passage, match) and not _is_sequel(passage[start : match.end()], passage[match.end() :]):
            cuts.append(match.end())
    return cuts + [match.end() for match in _REPLY.finditer(passage)] + _lower_case_cuts(passage)


def _lower_case_cuts(passage: str) -> list[int]:
    """Starts of sentences typed without a capital: after a word too long for an abbreviation, with four words on each side."""
    cuts: list[int] = []
    for match in _LOWER_CASE_END.finditer(passage):
        left, right = passage[cuts[-1] if cuts else 0 : match.end()], passage[match.end() :].split(".")[0]
        if match[1].lower() not in listed_words("abreviations") and min(n_words(left), n_words(right)) >= 4:
            cuts.append(match.end())
    return cuts


def _is_abbreviated(passage: str, match: re.Match[str]) -> bool:
    """Whether the point ends an abbreviation ("Mme."), an initial ("J.-M. ") or a number that opens the passage ("2. ")."""
    if match["mark"] != "." or match["close"]:
        return False
    word = re.split(r"[\s(«'’]", passage[: match.start()])[-1]
    before = passage[: match.start() - len(word)].rstrip()
    is_numbering = word.isdigit() and len(word) <= 2 and (not before or before[-1] in ".;:")
    return is_numbering or bool(re.fullmatch(rf"(?:{UPPER}[.-]+)*{UPPER}", word)) or word.lower() in listed_words("abreviations")


def _is_sequel(sentence: str, rest: str) -> bool:
    """Whether `rest` opens with what belongs to `sentence`: text under its number, answer, remark in brackets, short sentence on it."""
    following = next((rest[: match.start()] for match in _SENTENCE_END.finditer(rest)), rest)
    if _NUMBERED.search(sentence):
        return n_words(sentence) <= _LABEL
    if sentence.rstrip().endswith("?"):
        return n_words(sentence) + n_words(following) <= _LONG_ANSWER
    if rest.startswith("("):
        return _REPLY.match(f" {rest}") is None
    opening = plain_text(following)
    is_short = n_words(following) <= _SHORT_SEQUEL and opens_with(opening, "reprises") and not opens_with(opening, "impersonnels")
    return is_short and not _is_report(plain_text(sentence), opening)


def _is_report(sentence: str, following: str) -> bool:
    """Whether `following` is the next point that the table, the subject of `sentence`, reports: « La table 2 craint… Elle demande… »."""
    report = rf"(ils?|elles?) (?:{alternatives('devant_le_verbe')}|\s|')*(?:{alternatives('verbes_de_compte_rendu')})(?!\w)"
    match = re.match(report, following)
    if match is None:
        return False
    article = r"(?:[^,.:;]{1,40}, )?(?:(?:à|pour|selon) )?(?:(?:la|le|les|l'|cette|ce|cet|ces|une|un|des|plusieurs|notre|nos) ?)?(?:\w+ )?"
    subject = rf"{article}(?:{alternatives('rapporteurs_' + match[1])})(?!\w)"
    return re.match(rf"{subject}|{report}", sentence) is not None
