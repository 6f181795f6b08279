"""Find telephone numbers: French, overseas and foreign, however they are grouped, cut short, half hidden or said in words.

In:   a passage
Out:  masks; a SIRET number, a sum, a date or a quantity is none
"""

import re
from collections.abc import Iterator

import phonenumbers

from pipeline.pseudonymise.masks import PHONE, Mask

_GAP = r"[ \u00a0\u202f.\-‐‑–/·_]{0,2}"
# Digits after the first 0 (or +33), as people group them: 6 12 34 56 78, 639 98 36 36, 639 983 636, 6 399 836 36, …
_GROUPINGS = ((1, 2, 2, 2, 2), (3, 2, 2, 2), (3, 3, 3), (1, 3, 3, 2), (1, 4, 4), (3, 6), (1, 8), (2, 3, 2, 2))
_DIGITS = "(?:" + "|".join(_GAP.join(rf"\d{{{size}}}" for size in sizes) for sizes in _GROUPINGS) + ")"
_DATE = r"\d\d[./\- ]\d\d[./\- ](?:19|20)\d\d(?!\d)"
_OTHER_DIGITS = rf"[ \u00a0\u202f\-]{{0,2}}[1-9](?:{_GAP}\d){{8}}"  # however they are grouped
_END = r"(?!\d|[.,]\d|[ \u00a0]\d{3}(?!\d)|\s?[€%])"  # not the start of a SIRET, a sum or a longer number
_START = rf"(?<![\w+])(?<!\d[.,])(?!{_DATE})"
_FRENCH = re.compile(rf"{_START}(?:(?:(?:\+|00){_GAP}33{_GAP}(?:\(0\){_GAP})?|(?:\(0\)|0)){_DIGITS}|0{_OTHER_DIGITS}){_END}")
# Nine digits of the neighbours: 02 512 34 56, 071/22.33.44
_NEIGHBOUR = re.compile(rf"{_START}0\d{{1,2}}[ /.\-]\d{{2,3}}[ .]\d\d[ .]\d\d{_END}")
_HIDDEN_PAIR = r"(?:[xX*•?_#]{2}|…|\.{2,4}|\[…\])"
_HALF_HIDDEN = re.compile(rf"(?<![\w+])0[1-9](?:[ .\-]?\d\d){{0,3}}(?:[ .\-]?{_HIDDEN_PAIR})+(?:[ .\-]?(?:\d\d|{_HIDDEN_PAIR})(?!\d))*")
_CUT_SHORT = re.compile(rf"{_START}0[67]([ .\-])\d\d\1\d\d\1\d\d(?:\1\d)?(?!\d|[\s.,\-]?\d|\s?(?:[€%]|h\b|km\b|ans\b))")
_CALLED = re.compile(
    r"(?:t[ée]l(?:[ée]phone)?|port(?:able)?|mobile|fixe|fax|num[ée]ro|whats?app|☎|📞|appel(?:er|ez|le)\s(?:le|au)|joignable\sau|joindre\sau)"
    r"(?!\w)\.?\s*(?:est\s(?:le\s)?|c'est\s(?:le\s)?|au\s|:)?\s*(\+?\d[\d .\-/]{6,16}\d)(?!\d|\s?[€%])",
    re.IGNORECASE,
)
_ABROAD = re.compile(r"(?<![\w+])00[ .\-]?[1-9]\d{0,2}(?:[ .\-/()]{0,2}\d){6,12}(?!\d)")
_UNIT = r"z[ée]ro|une?|deux|trois|quatre|cinq|six|sept|huit|neuf"
_NUMBER_WORD = (
    rf"(?:{_UNIT}|dix|onze|douze|treize|quatorze|quinze|seize|"
    r"vingts?|trente|quarante|cinquante|soixante|septante|huitante|octante|nonante|cent|double|et|\d{1,2})"
)
_SPOKEN = re.compile(
    rf"(?<!\w)(?:plus[ \-]trente[ \-]trois|z[ée]ro|0(?=[ \-,]*(?:{_UNIT})))(?:[ ,.\-…]{{1,3}}(?:euh\s)?{_NUMBER_WORD}(?!\w)){{4,22}}"
    rf"|(?<!\w)0[1-9](?:[ ,.\-]{{1,2}}{_NUMBER_WORD}(?!\w)){{4,14}}",
    re.IGNORECASE,
)


def find_phones(passage: str) -> Iterator[Mask]:
    """Yield numbers by their shape, numbers after "tél", foreign ones that start with `+` or 00, and those said in words."""
    for pattern in (_FRENCH, _NEIGHBOUR, _HALF_HIDDEN):
        yield from (Mask(*match.span(), PHONE) for match in pattern.finditer(passage))
    for match in _CUT_SHORT.finditer(passage):
        yield Mask(*match.span(), PHONE, doubt="numéro de téléphone incomplet ?")
    for match in _CALLED.finditer(passage):
        yield Mask(*match.span(1), PHONE)
    yield from _foreign(passage)
    yield from _spoken(passage)


def _foreign(passage: str) -> Iterator[Mask]:
    """Numbers of other countries, as phonenumbers knows their lengths."""
    if "+" in passage:
        for found in phonenumbers.PhoneNumberMatcher(passage, None, leniency=phonenumbers.Leniency.POSSIBLE):
            yield Mask(found.start, found.end, PHONE)
    for match in _ABROAD.finditer(passage):
        if _is_possible("+" + re.sub(r"\D", "", match.group())[2:]):
            yield Mask(*match.span(), PHONE)


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _spoken(passage: str) -> Iterator[Mask]:
    """Numbers of which at least two parts are said in words; "et" and blanks at the end are left out."""
    for match in _SPOKEN.finditer(passage):
        said = re.sub(r"(?:[ ,.\-…]+(?:et)?)+$", "", match.group(), flags=re.IGNORECASE)
        if len(re.findall(r"[^\W\d_]{3,}", said)) >= 2:
            yield Mask(match.start(), match.start() + len(said), PHONE)
