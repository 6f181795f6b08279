"""Find numbers that identify a person: social security, bank account and card, identity papers, number plates.

In:   a passage
Out:  masks; SIREN, SIRET and RNA numbers of organisations are none. Keys are checked where the number has one
"""

import re
from collections.abc import Iterator

from pipeline.pseudonymise.masks import NUMBER, Mask

_GAP = r"[ \u00a0\u202f.\-]?"
_MONTH = r"(?:0[1-9]|1[0-2]|[2-9]\d)"
_PLACE = rf"(?:\d\d|2{_GAP}[ABab]){_GAP}\d{{3}}"
_SOCIAL_SECURITY = re.compile(rf"(?<![\w.,])[12]{_GAP}\d\d{_GAP}{_MONTH}{_GAP}{_PLACE}{_GAP}\d{{3}}(?P<key>{_GAP}\d\d)?(?!\w|[.,]\d)")
_ACCOUNT = re.compile(r"(?<!\w)[A-Za-z]{2}\d\d(?:[ \u00a0\u202f\-.]?[\dA-Za-z]){11,30}(?!\w)")
# Length of an IBAN by country: those of our neighbours and of people's countries of origin.
_LENGTHS = {
    "FR": 27,
    "MC": 27,
    "BE": 16,
    "LU": 20,
    "CH": 21,
    "DE": 22,
    "ES": 24,
    "IT": 27,
    "PT": 25,
    "GB": 22,
    "NL": 18,
    "IE": 22,
    "AT": 20,
}
_LENGTHS |= {
    "PL": 28,
    "RO": 24,
    "TR": 26,
    "TN": 24,
    "MA": 28,
    "DZ": 26,
    "SN": 28,
    "CI": 28,
    "ML": 28,
    "LT": 20,
    "MT": 31,
    "SM": 27,
    "AD": 24,
}
_FRENCH_ACCOUNT = re.compile(r"(?<!\w)\d{5}[ \-]\d{5}[ \-][\dA-Z]{11}[ \-]\d\d(?!\w)")  # bank, branch, account, key
_CARD = re.compile(r"(?<![\w.,])[3-6]\d{3}(?:[ \u00a0\-]?\d{4}){3}(?![\w]|[.,]\d)|(?<!\w)3[47]\d\d[ \-]?\d{6}[ \-]?\d{5}(?!\w)")
_PLATE_LETTERS = "[A-HJ-NP-TV-Z]"
_PLATE = re.compile(rf"(?<![\w\-]){_PLATE_LETTERS}{{2}}-\d{{3}}-{_PLATE_LETTERS}{{2}}(?![\w\-])")
_NAMED_PLATE = re.compile(
    rf"(?:plaques?|immatricul\w+|voiture|v[ée]hicule|camionnette|camion|scooter|moto)\b[^\d\n]{{0,25}}?"
    rf"((?<!\w)(?:{_PLATE_LETTERS}{{2}}[ \-]?\d{{3}}[ \-]?{_PLATE_LETTERS}{{2}}|"
    rf"\d{{1,4}}[ \-]?{_PLATE_LETTERS}{{2,3}}[ \-]?(?:\d\d|2[AB]|97\d)))(?!\w)",
    re.IGNORECASE,
)
_PAPER = re.compile(
    r"(?:carte\s(?:nationale\s)?d['’]identit[ée]|cni|passeport|permis(?:\sde\sconduire)?|titre\sde\ss[ée]jour|r[ée]c[ée]piss[ée]|allocataire|matricule|"
    r"(?:num[ée]ro|n°|identifiant)\s?(?:fiscal|ine|d['’][ée]tranger|agdref|caf|de\ss[ée]cu(?:rit[ée]\ssociale)?|ss)|carte\svitale|s[ée]curit[ée]\ssociale|s[ée]cu)"
    r"\s*(?:est\s(?:le\s)?|c['’]est\s(?:le\s)?)?(?:n°|no|num[ée]ro|n\.)?\s*:?\s*"
    r"((?=[A-Z\d ]*\d{3})[A-Z\d](?:[A-Z\d]| (?=[A-Z\d]*\d)){4,20})(?!\w)",
    re.IGNORECASE,
)


def find_identifiers(passage: str) -> Iterator[Mask]:
    """Yield the numbers; one whose key is wrong counts when its shape leaves no other reading."""
    if not any(sign.isdigit() for sign in passage):
        return
    for pattern in (_PLATE, _FRENCH_ACCOUNT):
        yield from (Mask(*match.span(), NUMBER) for match in pattern.finditer(passage))
    for pattern in (_NAMED_PLATE, _PAPER):
        yield from (Mask(*match.span(1), NUMBER) for match in pattern.finditer(passage))
    for match in _SOCIAL_SECURITY.finditer(passage):
        if match["key"] is None or _has_social_security_key(match.group()) or " " in match.group():
            yield Mask(*match.span(), NUMBER)
    yield from (Mask(*match.span(), NUMBER) for match in _CARD.finditer(passage) if _has_card_key(match.group()))
    for match in _ACCOUNT.finditer(passage):
        end = _account_end(match.group())
        if end:
            yield Mask(match.start(), match.start() + end, NUMBER)


def _has_social_security_key(number: str) -> bool:
    """Whether the last two digits are 97 less the rest modulo 97; Corsica's 2A counts as 19 and 2B as 18."""
    plain = re.sub(r"[^\dABab]", "", number).upper().replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain[:-2]) % 97 == int(plain[-2:])


def _has_card_key(number: str) -> bool:
    """Luhn's sum over all digits."""
    digits = [int(sign) for sign in reversed(number) if sign.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _account_end(candidate: str) -> int:
    """How many signs of `candidate` are an IBAN of its country's length: 0 when none; a French one counts even with a wrong key."""
    length = _LENGTHS.get(candidate[:2].upper())
    places = [place for place, sign in enumerate(candidate) if sign.isalnum()]
    if length is None or len(places) < length:
        return 0
    end = places[length - 1] + 1
    is_whole = end == len(candidate) or not candidate[end].isalnum()
    plain = "".join(sign for sign in candidate[:end] if sign.isalnum()).upper()
    is_french = plain.startswith("FR") and plain[4:14].isdigit()
    return end if is_whole and (_has_account_key(plain) or is_french) else 0


def _has_account_key(plain: str) -> bool:
    """ISO 7064 modulo 97 over the signs, the first four moved to the end, letters as 10 to 35."""
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
