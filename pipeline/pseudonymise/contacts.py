"""Find what reaches or identifies a person besides a name: telephones, mail, postal addresses, birth dates, accounts, numbers.

In:   a passage
Out:  masks: half-open spans of the passage and the token that replaces each
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import phonenumbers

from pipeline.pseudonymise.words import LETTER, UPPER

PERSON, PHONE, MAIL, ADDRESS = "[personne]", "[téléphone]", "[courriel]", "[adresse]"
BIRTH, ACCOUNT, NUMBER = "[date de naissance]", "[compte]", "[numéro]"


class Mask(NamedTuple):
    """A span to replace by `token`; half-open, in code points."""

    start: int
    end: int
    token: str
    doubt: str = ""  # why a person should look, in French; "" where the evidence is plain
    is_kept: bool = False  # a suspect left readable, never replaced


_AT = r"(?:@|\(at\)|\[at\]|\(a\)|\[arobase\]|\s(?:at|arobase)\s)"
_MAIL = re.compile(rf"(?<![\w.+\-])[\w.+\-]{{1,64}}\s?{_AT}\s?(?:{LETTER}|\d)[\w\-]*(?:\.[\w\-]+)+", re.IGNORECASE)
_GAP = r"[ \u00a0\u202f.\-‐‑–/·]{0,2}"
# Digits after the first 0 (or +33), as people group them: 6 12 34 56 78, 639 98 36 36, 639 983 636, 6 399 836 36, …
_GROUPINGS = ((1, 2, 2, 2, 2), (3, 2, 2, 2), (3, 3, 3), (1, 3, 3, 2), (1, 4, 4), (3, 6), (1, 8), (2, 3, 2, 2))
_DIGITS = "(?:" + "|".join(_GAP.join(rf"\d{{{size}}}" for size in sizes) for sizes in _GROUPINGS) + ")"
_DATE = r"\d\d[./\- ]\d\d[./\- ](?:19|20)\d\d(?!\d)"
_OTHER_DIGITS = rf"[ \u00a0\u202f\-]{{0,2}}[1-9](?:{_GAP}\d){{8}}"  # however they are grouped
_FRENCH_PHONE = re.compile(
    rf"(?<![\w+])(?<!\d[.,])(?!{_DATE})(?:(?:(?:\+|00){_GAP}33{_GAP}(?:\(0\){_GAP})?|(?:\(0\)|0)){_DIGITS}|0{_OTHER_DIGITS})"
    r"(?!\d|[.,]\d|[ \u00a0]\d{3}(?!\d)|\s?[€%])"  # not the start of a SIRET, a sum or a longer number
)
_CALLED = re.compile(r"(?:t[ée]l(?:[ée]phone)?|port(?:able)?|mobile|fixe|fax)\b\.?\s*:?\s*(\+?\d[\d .\-/]{6,16}\d)", re.IGNORECASE)
_MONTH = r"(?:janvier|f[ée]vrier|mars|avril|mai|juin|juillet|ao[ûu]t|septembre|octobre|novembre|d[ée]cembre)"
_STREET = (
    r"(?i:rue|av(?:enue|\.)?|boulevard|b(?:oule)?v?d\.?|chemin|impasse|all[ée]es?|place|pl\.|quai|cour|route|rte|sentier|ruelle|passage|square|lotissement|"
    r"hameau|r[ée]sidence|lieu[- ]dit|faubourg|fbg|esplanade|mont[ée]e|clos|traverse|venelle|chauss[ée]e|dr[èe]ve|rampe|corniche)"
)
_NUMBER_IN_STREET = (
    r"(?<![\w,.€%°])(?<!n°)(?<!n° )(?<!able )(?<!roupe )(?<!estion )(?<!telier )"  # not the number of a table
    r"\d{1,4}(?:\s?(?:bis|ter|quater|[A-Da-d]))?(?:\s?[-/]\s?\d{1,4})?,?\s"
)
_LINK = r"(?:de|du|des|d['’]|la|le|les|l['’]|et|en|sur|sous|aux?|à)"
_NAMED = rf"(?:{_LINK}\s?)*(?:{UPPER}[\w'’.\-]*|\d{{1,2}}\s{LETTER}+\s(?=\d{{4}}))"
_CITY = rf"\d{{5}}\s+{UPPER}[\w'’\-]*(?:[\s\-](?:{_LINK}[\s\-])*{UPPER}[\w'’\-]*)*"
_NAMED_STREET = rf"{_STREET}\s{_NAMED}(?:[\s\-]{_NAMED})*(?:\s?,?\s*(?:[-–]\s)?{_CITY})?"
_OTHER_STREET = (
    r"(?i:cours|voie|villa|domaine|promenade|mail|cit[ée]|ch\.|imp\.|lot\.|r[ée]s\.)"  # too common to count without a postal code
)
_SMALL_CITY = rf"\d{{5}}\s{LETTER}[\w'’\-]*(?:-{LETTER}+)*"
# Any way that a number, a postal code and a town enclose; a plural, a unit or a month after the number counts or dates something.
_COUNTED = rf"(?:(?!les\s|des\s|cours\s|clos\s|all[ée]es\s)[a-zà-ÿœ\-]+[sx]|h|km|m|kg|ha|k|min|million|milliard|{_MONTH})(?!\w)"
_ANY_STREET = (
    rf"(?<!(?:19|20)\d\d\s)(?<!(?:19|20)\d\d,\s)(?!{_COUNTED}){LETTER}[^\n;:()\d]{{2,60}}?"
    rf"(?:\s?[,–\-]\s?|\s?\n|(?<!\ssur)(?<!\spour)(?<!\sde)\s){_CITY}"
)
_POSTAL = re.compile(
    rf"{_NUMBER_IN_STREET}(?:{_NAMED_STREET}|{_ANY_STREET}|(?:{_STREET}|{_OTHER_STREET})\s[^\n,;:()\d]{{2,40}}?,?\s{_SMALL_CITY})"
    rf"|(?<!\w)(?:BP|CS|TSA)\s?\d{{2,6}}\s?,?\s*{_CITY}"
)
_DAY = rf"\d{{1,2}}(?:er)?\s?[/.\- ]\s?(?:\d{{1,2}}|{_MONTH})\s?[/.\- ]\s?\d{{2,4}}"
_BIRTH = re.compile(rf"(?<!\w)n[ée]+(?:\(e\)|·e)?\s+(?:le\s+)?({_DAY})", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"(?:https?://)?(?:www\.)?(?:facebook|instagram|linkedin|twitter|x|tiktok)\.com/(?:in/)?[\w.\-]+|(?<![\w@.])@[A-Za-z]\w*[._]?\w{2,}"
)
_SOCIAL_SECURITY = r"[12]\s?\d\d\s?(?:0[1-9]|1[0-2])\s?(?:\d\d|2[AB])\s?\d{3}\s?\d{3}(?:\s?\d\d)?"
_BANK_ACCOUNT = r"FR\d\d(?:\s?[\dA-Z]{4}){5}\s?[\dA-Z]{3}"
_NUMBER = re.compile(rf"(?<!\w)(?:{_SOCIAL_SECURITY}|{_BANK_ACCOUNT})(?!\w)")


def find_contacts(passage: str) -> list[Mask]:
    """Return the masks of `passage`, in order; quantities, prices, years, SIRET numbers and postal codes alone are none."""
    masks = [Mask(*match.span(), MAIL) for match in _MAIL.finditer(passage)]
    masks += [Mask(*match.span(), ADDRESS) for match in _POSTAL.finditer(passage)]
    masks += [Mask(*match.span(1), BIRTH) for match in _BIRTH.finditer(passage)]
    masks += [Mask(*match.span(), ACCOUNT) for match in _ACCOUNT.finditer(passage)]
    masks += [Mask(*match.span(), NUMBER) for match in _NUMBER.finditer(passage)]
    return sorted([*masks, *_phones(passage)])


def _phones(passage: str) -> Iterator[Mask]:
    """French numbers however they are spaced, numbers after "tél", and foreign numbers that start with a `+`."""
    for match in _FRENCH_PHONE.finditer(passage):
        yield Mask(*match.span(), PHONE)
    for match in _CALLED.finditer(passage):
        yield Mask(*match.span(1), PHONE)
    if "+" in passage:
        for found in phonenumbers.PhoneNumberMatcher(passage, None, leniency=phonenumbers.Leniency.POSSIBLE):
            yield Mask(found.start, found.end, PHONE)
