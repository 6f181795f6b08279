"""Find telephones, mail, addresses, birth dates, accounts and identifying numbers by shape."""

import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address

import phonenumbers

from pipeline.pseudonymise.addresses import find_addresses
from pipeline.pseudonymise.masks import ACCOUNT, BIRTH, MAIL, NUMBER, PHONE, Mask
from pipeline.pseudonymise.words import LETTER, is_common_word
from pipeline.text import fold_same_length

_AT = (
    r"(?:@|＠|\(at\)|\[at\]|\(a\)|\[a\]|\(arobase\)|\[arobase\]|\(@\)|\[@\]|\s(?:at|arobase"
    r"|arobas)\s)"
)
_DOT = r"(?:\.|\s\.\s|\s?(?:\(point\)|\[point\]|\(dot\)|\[dot\])\s?|\s(?:point|dot)\s)"
_TIE = r"\s(?:tiret|underscore|moins|tiret\s(?:du\s)?(?:bas|six|huit|6|8))\s"
_LOCAL = (
    rf"[\w.+\-]{{1,64}}(?:(?:\s(?:point|dot)\s|\s?(?:\(point\)|\[point\]|\(dot\)"
    rf"|\[dot\])\s?|{_TIE})[\w.+\-]{{1,30}}){{0,5}}"
)
_MAIL = re.compile(
    rf"(?<![\w.+\-]){_LOCAL}\s?{_AT}\s?(?:{LETTER}|\d)[\w\-]*(?:{_TIE}[\w\-]+)*"
    rf"(?:{_DOT}[\w\-]+)+|(?<![\w.+\-/])[\w.+\-]+@{LETTER}[\w\-]+",
    re.IGNORECASE,
)
_SITES = (
    r"(?:(?:[a-z]{2}\.|[a-z]{2}-[a-z]{2}\.|m\.)?facebook|instagram|twitter|tiktok"
    r"|pinterest|snapchat|threads)\.(?:com|net)/(?:add/|profile\.php\?id=|people/)?"
    r"|(?:[a-z]{2,3}\.)?linkedin\.com/(?:in|pub)/|(?:x|fb)\.com/|(?:t|m|wa|fb)\.me/"
    r"|bsky\.app/profile/|youtube\.com/(?=@)"
)
_PROFILE = re.compile(
    rf"(?<![\w.])(?:https?://)?(?:www\.)?(?:{_SITES})@?[\w.\-%]+(?:/[\w.\-%/]*)?(?<![.,])",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@./])@[A-Za-z](?:[\w.\-]*\w)?(?:@[\w\-]+(?:\.[\w\-]+)+)?")
_NETWORK = (
    r"(?:insta(?:gram)?|snap(?:chat)?|facebook|fb|twitter|tik\s?tok|telegram|discord|skype"
    r"|linkedin|messenger|mastodon|bluesky|threads|"
    r"twitch|pseudo)"
)
_NAMED_ACCOUNT = re.compile(
    rf"(?<!\w){_NETWORK}\s?(?::|=|→|-\s|c'est|est)\s?(?!https?:)(@?[A-Za-z][\w.\-]*\w"
    rf"(?:#\d{{4}})?)",
    re.IGNORECASE,
)
_MONTH_NAME = (
    r"(?:janv(?:ier|\.)?|f[ée]v(?:rier|r\.|\.)?|mars|avr(?:il|\.)?|mai|juin|juil(?:let"
    r"|\.)?|ao[ûu]t|sept(?:embre|\.)?|oct(?:obre|\.)?|"
    r"nov(?:embre|\.)?|d[ée]c(?:embre|\.)?)"
)
_DAY = (
    rf"\d{{1,2}}(?:er)?\s?[/.\- ]\s?(?:\d{{1,2}}|{_MONTH_NAME})\s?[/.\- ]\s?(?:19"
    rf"|20)?\d\d(?!\d)"
)
_BORN = (
    r"(?:n[ée]+(?:\(e\)|·e|\.e|e)?\s+(?:le\s+)?|(?:date\s+de\s+)?naissance\s*(?::|le"
    r"|est\s+le|=)?\s*|ddn\s*:?\s*|"
    r"anniversaire\s*(?::|le|est\s+le)\s*)"
)
_BIRTH = re.compile(
    rf"(?<!\w){_BORN}(?:(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\s)?({_DAY})",
    re.IGNORECASE,
)


def find_contacts(passage: str) -> list[Mask]:
    """Return the masks in order; quantities, prices, years and SIRETs have none."""
    return sorted(
        [
            *(Mask(*match.span(), MAIL) for match in _MAIL.finditer(passage)),
            *(Mask(*match.span(1), BIRTH) for match in _BIRTH.finditer(passage)),
            *_accounts(passage),
            *find_addresses(passage),
            *_phones(passage),
            *_identifiers(passage),
            *_machines(passage),
        ]
    )


def _accounts(passage: str) -> Iterator[Mask]:
    """Profiles, handles after a `@`, and non-words after the name of a network."""
    for match in (*_PROFILE.finditer(passage), *_HANDLE.finditer(passage)):
        yield Mask(*match.span(), ACCOUNT)
    for match in _NAMED_ACCOUNT.finditer(passage):
        handle = match.group(1)
        if re.search(r"[@._\d#]", handle) or (
            not is_common_word(handle.lower()) and fold_same_length(handle) == handle
        ):
            yield Mask(*match.span(1), ACCOUNT)


_PHONE_GAP = r"[ \u00a0\u202f.\-‐‑–/·_]{0,2}"
# Digits after the first 0 (or +33), as people group them: 6 12 34 56 78, 639 98 36 36, 639 983 636,
# 6 399 836 36, …
_GROUPINGS = (
    (1, 2, 2, 2, 2),
    (3, 2, 2, 2),
    (3, 3, 3),
    (1, 3, 3, 2),
    (1, 4, 4),
    (3, 6),
    (1, 8),
    (2, 3, 2, 2),
)
_DIGITS = (
    "(?:"
    + "|".join(_PHONE_GAP.join(rf"\d{{{size}}}" for size in sizes) for sizes in _GROUPINGS)
    + ")"
)
_DATE = r"\d\d[./\- ]\d\d[./\- ](?:19|20)\d\d(?!\d)"
_OTHER_DIGITS = rf"[ \u00a0\u202f\-]{{0,2}}[1-9](?:{_PHONE_GAP}\d){{8}}"  # however they are grouped
# not the start of a SIRET, a sum or a longer number
_END = r"(?!\d|[.,]\d|[ \u00a0]\d{3}(?!\d)|\s?[€%])"
_START = rf"(?<![\w+])(?<!\d[.,])(?!{_DATE})"
_FRENCH = re.compile(
    rf"{_START}(?:(?:(?:\+|00){_PHONE_GAP}33{_PHONE_GAP}(?:\(0\){_PHONE_GAP})?|(?:\(0\)"
    rf"|0)){_DIGITS}|0{_OTHER_DIGITS}){_END}"
)
# Nine digits of the neighbours: 02 512 34 56, 071/22.33.44
_NEIGHBOUR = re.compile(rf"{_START}0\d{{1,2}}[ /.\-]\d{{2,3}}[ .]\d\d[ .]\d\d{_END}")
_HIDDEN_PAIR = r"(?:[xX*•?_#]{2}|…|\.{2,4}|\[…\])"
_HALF_HIDDEN = re.compile(
    rf"(?<![\w+])0[1-9](?:[ .\-]?\d\d){{0,3}}(?:[ .\-]?{_HIDDEN_PAIR})+(?:[ .\-]?(?:\d\d"
    rf"|{_HIDDEN_PAIR})(?!\d))*"
)
_CUT_SHORT = re.compile(
    rf"{_START}0[67]([ .\-])\d\d\1\d\d\1\d\d(?:\1\d)?(?!\d|[\s.,\-]?\d|\s?(?:[€%]|h\b|km\b|ans\b))"
)
_CALLED = re.compile(
    r"(?:t[ée]l(?:[ée]phone)?|port(?:able)?|mobile|fixe|fax|num[ée]ro|whats?app|☎|📞"
    r"|appel(?:er|ez|le)\s(?:le|au)|joignable\sau|joindre\sau)"
    r"(?!\w)\.?\s*(?:est\s(?:le\s)?|c'est\s(?:le\s)?|au\s"
    r"|:)?\s*(\+?\d[\d .\-/]{6,16}\d)(?!\d|\s?[€%])",
    re.IGNORECASE,
)
_ABROAD = re.compile(r"(?<![\w+])00[ .\-]?[1-9]\d{0,2}(?:[ .\-/()]{0,2}\d){6,12}(?!\d)")
_UNIT = r"z[ée]ro|une?|deux|trois|quatre|cinq|six|sept|huit|neuf"
_NUMBER_WORD = (
    rf"(?:{_UNIT}|dix|onze|douze|treize|quatorze|quinze|seize|"
    r"vingts?|trente|quarante|cinquante|soixante|septante|huitante|octante|nonante|cent"
    r"|double|et|\d{1,2})"
)
_SPOKEN = re.compile(
    rf"(?<!\w)(?:plus[ \-]trente[ \-]trois|z[ée]ro|0(?=[ \-,]*(?:{_UNIT})))(?:[ "
    rf",.\-…]{{1,3}}(?:euh\s)?{_NUMBER_WORD}(?!\w)){{4,22}}"
    rf"|(?<!\w)0[1-9](?:[ ,.\-]{{1,2}}{_NUMBER_WORD}(?!\w)){{4,14}}",
    re.IGNORECASE,
)


def _phones(passage: str) -> Iterator[Mask]:
    for pattern in (_FRENCH, _NEIGHBOUR, _HALF_HIDDEN):
        yield from (Mask(*match.span(), PHONE) for match in pattern.finditer(passage))
    for match in _CUT_SHORT.finditer(passage):
        yield Mask(*match.span(), PHONE, doubt="numéro de téléphone incomplet ?")
    for match in _CALLED.finditer(passage):
        yield Mask(*match.span(1), PHONE)
    yield from _foreign(passage)
    yield from _spoken(passage)


def _foreign(passage: str) -> Iterator[Mask]:
    if "+" in passage:
        possible = phonenumbers.Leniency.POSSIBLE
        for number in phonenumbers.PhoneNumberMatcher(passage, None, leniency=possible):
            yield Mask(number.start, number.end, PHONE)
    for match in _ABROAD.finditer(passage):
        if _is_possible("+" + re.sub(r"\D", "", match.group())[2:]):
            yield Mask(*match.span(), PHONE)


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _spoken(passage: str) -> Iterator[Mask]:
    """At least two parts of the number are said in words."""
    for match in _SPOKEN.finditer(passage):
        number = re.sub(r"(?:[ ,.\-…]+(?:et)?)+$", "", match.group(), flags=re.IGNORECASE)
        if len(re.findall(r"[^\W\d_]{3,}", number)) >= 2:
            yield Mask(match.start(), match.start() + len(number), PHONE)


_GAP = r"[ \u00a0\u202f.\-]?"
_MONTH = r"(?:0[1-9]|1[0-2]|[2-9]\d)"
_PLACE = rf"(?:\d\d|2{_GAP}[ABab]){_GAP}\d{{3}}"
_SOCIAL_SECURITY = re.compile(
    rf"(?<![\w.,])[12]{_GAP}\d\d{_GAP}{_MONTH}{_GAP}{_PLACE}{_GAP}\d{{3}}"
    rf"(?P<key>{_GAP}\d\d)?(?!\w|[.,]\d)"
)
_ACCOUNT = re.compile(r"(?<!\w)[A-Za-z]{2}\d\d(?:[ \u00a0\u202f\-.]?[\dA-Za-z]){11,30}(?!\w)")
# IBAN lengths of neighbours and of people's countries of origin.
_COUNTRIES = {
    16: "BE",
    18: "NL",
    20: "LU AT LT",
    21: "CH",
    22: "DE GB IE",
    24: "ES RO TN AD",
    25: "PT",
    26: "TR DZ",
    27: "FR MC IT SM",
    28: "PL MA SN CI ML",
    31: "MT",
}
_LENGTHS = {
    country: length for length, countries in _COUNTRIES.items() for country in countries.split()
}
# bank, branch, account, key
_FRENCH_ACCOUNT = re.compile(r"(?<!\w)\d{5}[ \-]\d{5}[ \-][\dA-Z]{11}[ \-]\d\d(?!\w)")
_CARD = re.compile(
    r"(?<![\w.,])[3-6]\d{3}(?:[ \u00a0\-]?\d{4}){3}(?![\w]|[.,]\d)"
    r"|(?<!\w)3[47]\d\d[ \-]?\d{6}[ \-]?\d{5}(?!\w)"
)
_PLATE_LETTERS = "[A-HJ-NP-TV-Z]"
_PLATE = re.compile(rf"(?<![\w\-]){_PLATE_LETTERS}{{2}}-\d{{3}}-{_PLATE_LETTERS}{{2}}(?![\w\-])")
_NAMED_PLATE = re.compile(
    rf"(?:plaques?|immatricul\w+|voiture|v[ée]hicule|camionnette|camion|scooter"
    rf"|moto)\b[^\d\n]{{0,25}}?"
    rf"((?<!\w)(?:{_PLATE_LETTERS}{{2}}[ \-]?\d{{3}}[ \-]?{_PLATE_LETTERS}{{2}}|"
    rf"\d{{1,4}}[ \-]?{_PLATE_LETTERS}{{2,3}}[ \-]?(?:\d\d|2[AB]|97\d)))(?!\w)",
    re.IGNORECASE,
)
_PAPER = re.compile(
    r"(?:carte\s(?:nationale\s)?d['’]identit[ée]|cni|passeport"
    r"|permis(?:\sde\sconduire)?|titre\sde\ss[ée]jour|r[ée]c[ée]piss[ée]|allocataire"
    r"|matricule|"
    r"(?:num[ée]ro|n°|identifiant)\s?(?:fiscal|ine|d['’][ée]tranger|agdref|caf"
    r"|de\ss[ée]cu(?:rit[ée]\ssociale)?|ss)|carte\svitale|s[ée]curit[ée]\ssociale|s[ée]cu)"
    r"\s*(?:est\s(?:le\s)?|c['’]est\s(?:le\s)?)?(?:n°|no|num[ée]ro|n\.)?\s*:?\s*"
    r"((?=[A-Z\d ]*\d{3})[A-Z\d](?:[A-Z\d]| (?=[A-Z\d]*\d)){4,20})(?!\w)",
    re.IGNORECASE,
)


def _identifiers(passage: str) -> Iterator[Mask]:
    """A number with a wrong key counts when its shape has no other reading."""
    if not any(sign.isdigit() for sign in passage):
        return
    for pattern in (_PLATE, _FRENCH_ACCOUNT):
        yield from (Mask(*match.span(), NUMBER) for match in pattern.finditer(passage))
    for pattern in (_NAMED_PLATE, _PAPER):
        yield from (Mask(*match.span(1), NUMBER) for match in pattern.finditer(passage))
    for match in _SOCIAL_SECURITY.finditer(passage):
        if match["key"] is None or _has_social_security_key(match.group()) or " " in match.group():
            yield Mask(*match.span(), NUMBER)
    yield from (
        Mask(*match.span(), NUMBER)
        for match in _CARD.finditer(passage)
        if _has_card_key(match.group())
    )
    for match in _ACCOUNT.finditer(passage):
        end = _account_end(match.group())
        if end:
            yield Mask(match.start(), match.start() + end, NUMBER)


_FOUR_NUMBERS = re.compile(
    r"(?<![\w.,])(?<!version )(?<!article )(?<!section )(?<!chapitre )(?=[\d.]*\d\d)"
    r"(?:\d{1,3}\.){3}\d{1,3}(?![\w,]|\.\d)",
    re.IGNORECASE,
)
_HEXADECIMALS = re.compile(
    r"(?<![\w:.])(?=[\da-f:]*\d)(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?:%[\w.-]+)?(?![\w:])",
    re.IGNORECASE,
)
_NETWORK_CARD = re.compile(
    r"(?<![\w:-])[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}(?![\w:-])", re.IGNORECASE
)


def _machines(passage: str) -> Iterator[Mask]:
    """Addresses of a machine; numbers of a version, a section or an hour are none."""
    for match in (*_FOUR_NUMBERS.finditer(passage), *_HEXADECIMALS.finditer(passage)):
        with suppress(ValueError):
            ip_address(match.group())
            yield Mask(*match.span(), NUMBER)
    yield from (Mask(*match.span(), NUMBER) for match in _NETWORK_CARD.finditer(passage))


def _has_social_security_key(number: str) -> bool:
    """97 less the rest modulo 97; Corsica's 2A counts as 19 and 2B as 18."""
    plain = re.sub(r"[^\dABab]", "", number).upper().replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain[:-2]) % 97 == int(plain[-2:])


def _has_card_key(number: str) -> bool:
    """Luhn's sum."""
    digits = [int(sign) for sign in reversed(number) if sign.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _account_end(candidate: str) -> int:
    """Length of the IBAN by its country; a French one may have a wrong key."""
    length = _LENGTHS.get(candidate[:2].upper())
    indices = [i for i, sign in enumerate(candidate) if sign.isalnum()]
    if length is None or len(indices) < length:
        return 0
    end = indices[length - 1] + 1
    is_whole = end == len(candidate) or not candidate[end].isalnum()
    plain = "".join(sign for sign in candidate[:end] if sign.isalnum()).upper()
    is_french = plain.startswith("FR") and plain[4:14].isdigit()
    return end if is_whole and (_has_account_key(plain) or is_french) else 0


def _has_account_key(plain: str) -> bool:
    """ISO 7064 modulo 97, first four signs moved to the end, letters as 10 to 35."""
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
