"""Find what reaches or identifies a person besides a name: telephones, mail, postal addresses, birth dates, accounts, numbers.

In:   a passage
Out:  masks: half-open spans of the passage and the token that replaces each
"""

import re
from collections.abc import Iterator

from pipeline.pseudonymise.addresses import find_addresses
from pipeline.pseudonymise.identifiers import find_identifiers
from pipeline.pseudonymise.masks import ACCOUNT, ADDRESS, BIRTH, MAIL, NUMBER, PERSON, PHONE, Mask
from pipeline.pseudonymise.phones import find_phones
from pipeline.pseudonymise.words import LETTER, fold, is_common_word

__all__ = ["ACCOUNT", "ADDRESS", "BIRTH", "MAIL", "NUMBER", "PERSON", "PHONE", "Mask", "find_contacts"]

_AT = r"(?:@|＠|\(at\)|\[at\]|\(a\)|\[a\]|\(arobase\)|\[arobase\]|\(@\)|\[@\]|\s(?:at|arobase|arobas)\s)"
_DOT = r"(?:\.|\s\.\s|\s?(?:\(point\)|\[point\]|\(dot\)|\[dot\])\s?|\s(?:point|dot)\s)"
_TIE = r"\s(?:tiret|underscore|moins|tiret\s(?:du\s)?(?:bas|six|huit|6|8))\s"
_LOCAL = rf"[\w.+\-]{{1,64}}(?:(?:\s(?:point|dot)\s|\s?(?:\(point\)|\[point\]|\(dot\)|\[dot\])\s?|{_TIE})[\w.+\-]{{1,30}}){{0,5}}"
_MAIL = re.compile(
    rf"(?<![\w.+\-]){_LOCAL}\s?{_AT}\s?(?:{LETTER}|\d)[\w\-]*(?:{_TIE}[\w\-]+)*(?:{_DOT}[\w\-]+)+|(?<![\w.+\-/])[\w.+\-]+@{LETTER}[\w\-]+",
    re.IGNORECASE,
)
_SITES = (
    r"(?:(?:[a-z]{2}\.|[a-z]{2}-[a-z]{2}\.|m\.)?facebook|instagram|twitter|tiktok|pinterest|snapchat|threads)\.(?:com|net)/(?:add/|profile\.php\?id=|people/)?"
    r"|(?:[a-z]{2,3}\.)?linkedin\.com/(?:in|pub)/|(?:x|fb)\.com/|(?:t|m|wa|fb)\.me/|bsky\.app/profile/|youtube\.com/(?=@)"
)
_PROFILE = re.compile(rf"(?<![\w.])(?:https?://)?(?:www\.)?(?:{_SITES})@?[\w.\-%]+(?:/[\w.\-%/]*)?(?<![.,])", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@./])@[A-Za-z](?:[\w.\-]*\w)?(?:@[\w\-]+(?:\.[\w\-]+)+)?")
_NETWORK = (
    r"(?:insta(?:gram)?|snap(?:chat)?|facebook|fb|twitter|tik\s?tok|telegram|discord|skype|linkedin|messenger|mastodon|bluesky|threads|"
    r"twitch|pseudo)"
)
_NAMED_ACCOUNT = re.compile(rf"(?<!\w){_NETWORK}\s?(?::|=|→|-\s|c'est|est)\s?(?!https?:)(@?[A-Za-z][\w.\-]*\w(?:#\d{{4}})?)", re.IGNORECASE)
_MONTH = (
    r"(?:janv(?:ier|\.)?|f[ée]v(?:rier|r\.|\.)?|mars|avr(?:il|\.)?|mai|juin|juil(?:let|\.)?|ao[ûu]t|sept(?:embre|\.)?|oct(?:obre|\.)?|"
    r"nov(?:embre|\.)?|d[ée]c(?:embre|\.)?)"
)
_DAY = rf"\d{{1,2}}(?:er)?\s?[/.\- ]\s?(?:\d{{1,2}}|{_MONTH})\s?[/.\- ]\s?(?:19|20)?\d\d(?!\d)"
_BORN = (
    r"(?:n[ée]+(?:\(e\)|·e|\.e|e)?\s+(?:le\s+)?|(?:date\s+de\s+)?naissance\s*(?::|le|est\s+le|=)?\s*|ddn\s*:?\s*|"
    r"anniversaire\s*(?::|le|est\s+le)\s*)"
)
_BIRTH = re.compile(rf"(?<!\w){_BORN}(?:(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\s)?({_DAY})", re.IGNORECASE)


def find_contacts(passage: str) -> list[Mask]:
    """Return the masks of `passage`, in order; quantities, prices, years, SIRET numbers and postal codes alone are none."""
    masks = [Mask(*match.span(), MAIL) for match in _MAIL.finditer(passage)]
    masks += [Mask(*match.span(1), BIRTH) for match in _BIRTH.finditer(passage)]
    return sorted([*masks, *_accounts(passage), *find_addresses(passage), *find_phones(passage), *find_identifiers(passage)])


def _accounts(passage: str) -> Iterator[Mask]:
    """Addresses of profiles, handles after a `@`, and what follows the name of a network when it is no word."""
    for match in (*_PROFILE.finditer(passage), *_HANDLE.finditer(passage)):
        yield Mask(*match.span(), ACCOUNT)
    for match in _NAMED_ACCOUNT.finditer(passage):
        handle = match.group(1)
        if re.search(r"[@._\d#]", handle) or (not is_common_word(handle.lower()) and fold(handle) == handle):
            yield Mask(*match.span(1), ACCOUNT)
