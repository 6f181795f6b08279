"""Find postal addresses by their shape and by words that say somebody lives there."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from pipeline.pseudonymise.masks import ADDRESS, Mask
from pipeline.pseudonymise.words import LETTER, UPPER
from pipeline.text import lexicon, longest_first

_BLANK = r"[ \u00a0\u202f]"
_LINK = r"(?i:de|du|des|d['’]|la|le|les|l['’]|et|en|sur|sous|aux?|à)"
# a point ends the sentence, unless it shortens: J. Moulin, Dr. Roux
_SHORT = r"(?:[A-ZÀ-Þ]|Dr|Pr|Ste?|Gal|Gén|Mal|Col|Cdt|Cap|Mgr)\."
_DAY = rf"\d{{1,2}}{_BLANK}{LETTER}+{_BLANK}(?=\d{{4}})"  # rue du 8 mai 1945
_NAME = rf"(?:{_LINK}{_BLANK}?)*(?:{_SHORT}|{UPPER}(?:[\w'’\-]|\.(?=\w))*|{_DAY})"
_NAMES = rf"{_NAME}(?:[ \u00a0\-]{_NAME})*"
_CITY = rf"\d{{5}}\s+{UPPER}[\w'’\-]*(?:[\s\-](?:{_LINK}[\s\-])*{UPPER}[\w'’\-]*)*"
_SMALL_CITY = rf"\d{{5}}\s{LETTER}[\w'’\-]*(?:-{LETTER}+)*"
_TO_CITY = rf"(?:\s?,?\s*(?:[-–]\s)?(?:{_CITY}|{_SMALL_CITY}))?"
# A name in small letters: a link and a word, or one to three words up to the end of the clause.
_NOT_NAME = rf"(?:et|à|dans|est|qui|pour|depuis|avec|sans|mais|où){_BLANK}"
_SMALL_NAME = (
    rf"(?:{_LINK}{_BLANK}?){{0,3}}(?!{_NOT_NAME}){LETTER}[\w'’\-]+(?:{_BLANK}"
    rf"(?!{_NOT_NAME}){LETTER}[\w'’\-]+){{0,2}}"
)
_COUNTED = (
    r"(?:(?!les\s|des\s|cours\s|clos\s|all[ée]es\s|terrasses\s|remparts\s)[a-zà-ÿœ\-]+[sx]"
    r"|h|km|m|kg|ha|k|min|million|milliard)(?!\w)"
)


def find_addresses(passage: str) -> Iterator[Mask]:
    """Yield the addresses; a hamlet without a number or a postal code is doubtful."""
    has_digit = any(sign.isdigit() for sign in passage)
    for pattern in _patterns() if has_digit else (_lived_in(),):
        yield from (Mask(*match.span("address"), ADDRESS) for match in pattern.finditer(passage))
    for match in _hamlet().finditer(passage):
        yield Mask(
            *match.span("address"),
            ADDRESS,
            doubt="lieu-dit : l'adresse de quelqu'un, ou un endroit connu de tous ?",
        )


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    home, after = _flat_before(), _flat_after()
    return (
        re.compile(rf"(?P<address>{home}{_numbered()}{after}{_TO_CITY})"),
        _lived_in(),
        re.compile(
            rf"(?<![\w\-])(?P<address>{home}(?i:{_any('voies_seules')}){_BLANK}(?:{_NAMES}"
            rf"|{_SMALL_NAME}){after}\s?[,–\-]?\s{_CITY})"
        ),
        re.compile(rf"(?<!\w)(?P<address>{_flats()}{_TO_CITY})"),
        re.compile(
            rf"(?<!\w)(?P<address>(?:BP|B\.P\.|CS|TSA)\s?\d{{2,6}}\s?,?\s*{_CITY}|(?:BP"
            rf"|B\.P\.)\s?(?:n°\s?)?\d{{1,6}}(?!\w))"
        ),
    )


@cache
def _lived_in() -> re.Pattern[str]:
    """Habite rue des Lilas."""
    steps = (
        "(?:(?:dans|au|à|sur|en|la|le|une|toujours|encore|seule?|ensemble|actuellement"
        "|maintenant|bout|fond|de|du|haut|bas|petite?)"
        rf"{_BLANK}|l['’])"
    )
    lived_in = (
        rf"(?i:(?<!\w)(?:{_any('domiciles')})(?:,?{_BLANK}|{_BLANK}?:{_BLANK}?){steps}{{0,4}})"
    )
    of_words = rf"(?i:(?:de{_BLANK}la|du|des|de){_BLANK}|(?:de{_BLANK}l|d)['’]){LETTER}[\w'’\-]+"
    street_alone = rf"(?i:{_any('voies_seules')}){_BLANK}(?:{_NAMES}|{of_words})"
    return re.compile(rf"{lived_in}(?P<address>(?<!\w){street_alone}{_flat_after()}{_TO_CITY})")


def _flat_after() -> str:
    """Then bât. B, appt 12."""
    return (
        rf"(?:{_BLANK}?,?{_BLANK}?(?i:{_any('logements')})\.?{_BLANK}"
        rf"(?:{UPPER}\d?|\d{{1,4}}[A-Za-z]?)(?!\w))*"
    )


def _numbered() -> str:
    not_numbered = "".join(
        rf"(?<!(?i:{re.escape(word[-6:])}){blank})"
        for word in lexicon("adresses")["numérotés"]
        for blank in ("", " ", "\u00a0")
    )
    number = (
        rf"(?<![\w,.€%°/])(?<!n°)(?<!n° )(?<!h ){not_numbered}"
        rf"(?:n°{_BLANK}?)?\d{{1,4}}(?:{_BLANK}?(?i:bis|ter|quater"
        rf"|[a-d](?!\w)))?(?:{_BLANK}?[-/]{_BLANK}?\d{{1,4}}(?!\w))?,?\s(?:"
        rf"(?i:de{_BLANK}la{_BLANK}|du{_BLANK}|de{_BLANK}l['’]))?"
    )
    clear = rf"(?i:{_any('voies_nettes')})"
    other = rf"(?i:{_any('voies')})"
    squares = (
        rf"(?i:place|pl\.){_BLANK}(?i:de{_BLANK}l['’]|de{_BLANK}la{_BLANK}|du{_BLANK}"
        rf"|de{_BLANK})(?i:{_any('places')})(?!\w)"
    )
    any_street = (
        rf"(?<!(?:19|20)\d\d\s)(?<!(?:19|20)\d\d,\s)(?!(?i:{_COUNTED}"
        rf"|(?:{_any('mois')})(?!\w))){LETTER}[^\n;:()\d]{{2,60}}?"
        rf"(?:\s?[,–\-]\s?|\s?\n|(?<!\ssur)(?<!\spour)(?<!\sde)\s){_CITY}"
    )
    return (
        rf"{number}(?:{clear}{_BLANK}(?:{_NAMES}|{_SMALL_NAME}|n°{_BLANK}?\d+)|{squares}"
        rf"|(?:(?<!(?<!\d)1\s)|(?<=bis\s)|(?<=ter\s)|(?<=1,\s)){other}{_BLANK}{_NAMES}"
        rf"|{any_street}|(?:{clear}|{other})\s[^\n,;:()\d]{{2,40}}?,?\s{_SMALL_CITY})"
    )


def _flat_before() -> str:
    """Appt 34, tour C, ; Résidence Les Tilleuls, ."""
    unit = rf"(?<!\w)(?i:{_any('logements')})\.?{_BLANK}(?:{UPPER}\d?|\d{{1,4}}[A-Za-z]?)(?!\w)"
    named = (
        rf"(?<!\w)(?i:résidence|residence|rés\.|immeuble|villa|lotissement|hameau){_BLANK}{_NAMES}"
    )
    return rf"(?:(?:{unit}|{named}){_BLANK}?,?{_BLANK})*"


def _flats() -> str:
    """Résidence Les Tilleuls, bât. B, appt 12."""
    unit = rf"(?i:{_any('logements')})\.?{_BLANK}(?:{UPPER}\d?|\d{{1,4}}[A-Za-z]?)(?!\w)"
    sure = (
        rf"(?i:{_any('logements_sûrs')})\.?{_BLANK}"
        rf"(?:n°{_BLANK}?)?(?:{UPPER}?\d{{1,4}}[A-Za-z]?|{UPPER})(?!\w)"
    )
    gap = rf"{_BLANK}?,?{_BLANK}?"
    named = rf"(?i:résidence|residence|rés\.|immeuble|cité|tour|villa){_BLANK}{_NAMES}"
    return (
        rf"(?:{named}{gap}(?:{unit}{gap})*{unit}|(?:{named}{gap})?(?:{unit}{gap})*{sure}"
        rf"(?:{gap}{unit})*)"
    )


@cache
def _hamlet() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)(?P<address>(?i:(?:au{_BLANK})?lieu[ \-]?dit){_BLANK}"
        rf"(?:[«\"“]{_BLANK}?)?{_NAMES}(?:{_BLANK}?[»\"”])?){_TO_CITY}"
    )


@cache
def _any(name: str) -> str:
    """Accents are optional; blanks and apostrophes are of any kind."""
    return longest_first("".join(map(_loose_sign, entry)) for entry in lexicon("adresses")[name])


def _loose_sign(sign: str) -> str:
    bare = unicodedata.normalize("NFD", sign)[0]
    special = {" ": _BLANK + "+", "'": "['’]", "-": "[-‐‑]"}
    return f"[{sign}{bare}]" if bare != sign else special.get(sign, re.escape(sign))
