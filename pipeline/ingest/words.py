"""Read French as people type it: numbers, dates, names, list signs, line ends and word lists.

The lists are in data/lexicon/.
"""

import datetime as dt
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from pipeline.text import fold, fold_same_length, has_signed_word, lexicon, lexicon_lines

_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\u061c\ufeff\ufff9-\ufffc\ud800-\udfff"
    "\x00-\x08\x0e-\x1f\x7f-\x9f\U000e0000-\U000e007f]"
)
_SIGN = "•●○◦▪▫■□◆◇❖►▶▸‣⁃∙·➢➤➔➜❯✓✔✗✘☐☑☒\uf0a7\uf0a8\uf0b7\uf0d8\uf0fc\uf076\uf071\uf02d"
_BULLET = re.compile(
    rf"""^(?P<indent>\s*)
    (?:(?P<sign>[{_SIGN}])\s*
      |(?P<dash>[-–—−‐*])(?:\s+|(?=["«“(\[]|[^\W\d_]))
      |(?P<plus>\+)\s+
      |(?P<letter>o|§)(?:\t|[ ]{{1,}})(?=\S)
      |(?P<arrow>[→⇒]|[-=]+>)\s*(?=\S)
    )(?:\[[ xX]\]\s+)?""",
    re.VERBOSE,
)
_NUMBER = re.compile(
    r"^(?P<indent>\s*)"
    r"(?:\(?\d{1,2}(?:\.\d{1,2})*(?:[.)°]\)?|/)|\(?(?:[a-hA-H]|[ivxIVX]{1,4})\)|\d{1,2}\s?[-–])"
    r"\s+(?=[^\W\d_]|[\"«“'(\[])"
)
_DIGITS = r"10[67]\d|\d{1,2}"  # four for the provisional number of a colour
_ORDINAL_END = "(?:e|eme|er|ere|re|nd|nde)"
_RULE = re.compile(r"^\s*([-_=*~#.–—]\s?){3,}\s*$")
_TERMINAL = re.compile(r"[.!?…:;]['’\"»”)\]\s]*$")
_TAIL = 100  # characters that show how a line ends
NAME_WORD = r"(?:[A-ZÀ-ÖØ-ÞŒ][\w.'’-]*|d[eu]|des|la|le|von|van)"
_NAME = re.compile(rf"{NAME_WORD}(?:[ _]{NAME_WORD}){{0,4}}")
_LAST_WORD = re.compile(r"([^\W\d_]+['’]?)\s*$")


@cache
def word_pattern(
    name: str, group: str, template: str = "{}", *, key: str | None = None
) -> re.Pattern[str]:
    """Return `template` with a lexicon group's expressions as alternatives for `{}`.

    `key` chooses the expressions of a group that has several lists.
    """
    words = lexicon(name)[group] if key is None else lexicon(name)[group][key]
    return re.compile(template.replace("{}", f"(?:{'|'.join(words)})"))


def first_key(
    name: str, group: str, folded: str, template: str = "{}", *, whole: bool = False
) -> str | None:
    """Return the first key of a lexicon group whose expressions are in `folded`, None for none."""
    for key in lexicon(name)[group]:
        pattern = word_pattern(name, group, template, key=key)
        if (pattern.fullmatch if whole else pattern.search)(folded):
            return str(key)
    return None


def blank_to_none(text: str | None) -> str | None:
    """Return `text` with single blanks, or None where empty."""
    return " ".join((text or "").split()) or None


@cache
def _values() -> dict[str, int]:
    values: dict[str, int] = {}
    for group in ("couleurs", "romains", "ordinaux", "cardinaux"):
        values |= {str(word): int(value) for word, value in lexicon("numbers")[group].items()}
    return values


def to_number(word: str) -> int | None:
    """Return the value of a folded number ("3", "03", "trois", "troisieme", "3e", "iii")."""
    digits = re.fullmatch(rf"({_DIGITS}){_ORDINAL_END}?", word)
    return int(digits[1]) if digits else _values().get(word)


def numbered_letters(text: str) -> str:
    """Return `text`, as long, with a table's letter or colour as a number: "Table B", "Table 2".

    No word follows a letter "A", which is a word of titles in capitals.
    """
    text = _coloured().sub(lambda match: match[1] + number_of_colour(match[2]), text)
    return _lettered().sub(lambda match: f"{match[1]}{ord(match[2]) - ord('A') + 1}", text)


def number_of_colour(colour: str) -> str:
    """Return the provisional number of a table's colour, as long as its name: "1061 " for rouge."""
    return str(to_number(fold(colour))).ljust(len(colour))


def colours() -> str:
    """Return alternatives for the colours that name tables, with their accents."""
    names = sorted(lexicon("numbers")["couleurs"], key=len, reverse=True)
    return "|".join(name.replace("dore", "dor[ée]") for name in names)


@cache
def _coloured() -> re.Pattern[str]:
    """Match "îlot rouge", not "un îlot vert" in a street, nor "groupe vert 3"."""
    nouns = r"(?i:table(?: ronde)?|tabl[ée]e|[îi]lot|groupe|[ée]quipe|cercle)"
    before = r"(?<![^\W_])(?<!\bun )(?<!\bune )(?<!\bd['’])"
    return re.compile(rf"{before}({nouns}[ _-](?:de )?)((?i:{colours()}))(?![^\W_]|[ _-]\d)")


@cache
def _lettered() -> re.Pattern[str]:
    nouns = r"((?i:table|tabl[ée]e|[îi]lot)[ _-])"
    return re.compile(rf"(?<![^\W_]){nouns}([A-H])(?![^\W_]|['’]|(?<=A) \w)")


@cache
def number_pattern(*groups: str) -> str:
    """Return alternatives for digits or number words (cardinaux, ordinaux, romains), folded."""
    words = [re.escape(str(word)) for group in groups for word in lexicon("numbers")[group]]
    return "|".join([_DIGITS, *sorted(words, key=len, reverse=True)])


def ordinal_pattern(end: str = _ORDINAL_END) -> str:
    """Return alternatives for digits and their `end`, "3e" or "1er", or an ordinal in words."""
    return number_pattern("ordinaux").replace(_DIGITS, r"\d{1,2}" + end)


def longest_first(name: str, group: str) -> str:
    """Return a lexicon group's words as alternatives, longest first."""
    return "|".join(sorted(lexicon(name)[group], key=len, reverse=True))


_ISO = r"(?P<y1>(?:19|20)\d{2})[-_. /]?(?P<m1>[01]\d)[-_. /]?(?P<d1>[0-3]\d)"
_FRENCH = r"(?P<d2>[0-3]?\d)[-_. /](?P<m2>[01]?\d)[-_. /](?P<y2>(?:19|20)\d{2}|\d{2})"
_COMPACT = r"(?P<d4>[0-3]\d)(?P<m4>[01]\d)(?P<y4>20\d{2})"


def find_date(text: str) -> tuple[str, tuple[int, int]] | None:
    """Return the first whole date of `text` in ISO 8601 and its half-open span, or None."""
    for match in _whole_date().finditer(text):
        day = _as_date(match)
        if day:
            return day.isoformat(), match.span()
    return None


def strip_dates(text: str) -> str:
    """Return `text` without dates, even partial ("19 mai", "mai 2026", "2026")."""
    return " ".join(_partial_date().sub(" ", _whole_date().sub(" ", text)).split())


def _as_date(match: re.Match[str]) -> dt.date | None:
    parts = match.groupdict()
    form = next(form for form in "1234" if parts.get(f"y{form}"))
    year, month, day = (parts[f"{letter}{form}"] for letter in "ymd")
    month_number = _months()[fold(month)[:4].ljust(4)] if form == "3" else int(month)
    try:
        return dt.date(int(year) + (2000 if len(year) == 2 else 0), month_number, int(day))
    except ValueError:
        return None


@cache
def _whole_date() -> re.Pattern[str]:
    months = longest_first("dates", "mois")
    worded = rf"(?P<d3>[0-3]?\d)(?:er)?[ _.-](?P<m3>{months})\.?[ _.-](?P<y3>(?:19|20)\d{{2}})"
    return re.compile(rf"(?<!\d)(?:{_ISO}|{worded}|{_FRENCH}|{_COMPACT})(?!\d)", re.IGNORECASE)


@cache
def _partial_date() -> re.Pattern[str]:
    months, year = longest_first("dates", "mois"), r"(?:19|20)\d{2}"
    worded = rf"(?:[0-3]?\d(?:er)?[ _.-])?(?:{months})\b\.?(?:[ _.-]?{year})?"
    return re.compile(
        rf"(?<![\dA-Za-zÀ-ÿ]){worded}|(?<!\d){year}(?!\d)",
        re.IGNORECASE,
    )


@cache
def _months() -> dict[str, int]:
    """Four letters tell all twelve apart."""
    return {fold(word)[:4].ljust(4): number for word, number in lexicon("dates")["mois"].items()}


_SMALL = frozenset(
    ["de", "d", "du", "des", "la", "le", "les", "l", "en", "et", "sur", "a", "au", "aux"]
)


def spelled_in(name: str, texts: Iterable[str]) -> str:
    """Return `name` as most `texts` spell it in capitals, with its accents and small words.

    >>> spelled_in("coeur herault", ["Atelier du Cœur d'Hérault, le 3 mai"])
    "Cœur d'Hérault"
    """
    words = [word for word in fold(name).split() if word not in _SMALL]
    if not words:
        return name
    between = rf"(?:[\s'’-]+(?:{'|'.join(sorted(_SMALL))})\b)*[\s'’-]+"
    spelled: Counter[str] = Counter()
    for text in texts:
        plain = fold_same_length(text.replace("œ", "\0").replace("Œ", "\1"), accents="none")
        letters = [re.escape(word).replace("oe", "(?:oe|[\0\1])") for word in words]
        for match in re.finditer(
            rf"\b{between.join(letters)}\b".replace(r"\b(?:oe", "(?:oe"), plain
        ):
            found = " ".join(text[slice(*match.span())].split())
            starts = [word[:1] for word in re.split(r"[\s'’-]+", found) if fold(word) not in _SMALL]
            if all(letter.isupper() for letter in starts) and not found.isupper():
                spelled[found] += 1
    return max(spelled, key=lambda found: spelled[found], default=name)


_TAG = re.compile(r"</?(?P<name>[a-zA-Z][\w-]{0,15})\b[^<>]{0,400}>|<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"p|br|div|li|[uod]l|tr|d[td]|h\d|table|blockquote")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-fA-F]{2,6}|[a-zA-Z]{2,8}\d?);")


def strip_markup(cell: str) -> str:
    """Return the words of an HTML cell, its paragraphs and items on lines of their own.

    >>> strip_markup("<p>Un four</p><ul><li>le bal</li></ul>")
    'Un four\\n• le bal'
    """
    if not _TAG.search(cell) and not _ENTITY.search(cell):
        return cell

    def replaced(tag: re.Match[str]) -> str:
        name = (tag["name"] or "").lower()
        if name == "li" and not tag[0].startswith("</"):
            return "\n• "
        return "\n" if _BREAK.fullmatch(name) else ""

    text = html.unescape(_TAG.sub(replaced, cell)).replace("\xa0", " ")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip("• "))


_MAX_NAME_WORDS = 5


def split_name(full_name: str) -> tuple[str | None, str | None]:
    """Return (first name, last name) by capitals or a comma, else by known first names.

    A particle opens a last name: "de Sousa Kelly" is Kelly.
    """
    particles, civilities = lexicon("people")["particules"], lexicon("people")["civilites"]
    words = re.sub(r"\([^)]{0,200}\)", " ", full_name).split()
    bare = " ".join(word for word in words if fold(word) not in civilities)
    if "," in bare:
        last, first = (part.strip() or None for part in bare.split(",", 1))
        return first, last
    words = bare.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    if capitals and len(capitals) < len(words):
        firsts = [word for word in words if word not in capitals and fold(word) not in particles]
        lasts = [word for word in words if word not in firsts]
        return " ".join(firsts) or None, " ".join(lasts) or None
    if len(words) < 2:
        return (bare, None) if is_first_name(bare) else (None, bare or None)
    is_particle_first = fold(words[0]) in particles and not is_first_name(words[0])
    if is_particle_first and all(fold(word) in particles for word in words[:-1]):
        return None, bare
    if is_particle_first or (is_first_name(words[-1]) and not is_first_name(words[0])):
        return words[-1], " ".join(words[:-1])
    return words[0], " ".join(words[1:])


def is_whole_name(text: str) -> bool:
    """Whether a civility or known first name stands beside 1–3 capitalised words."""
    bare = re.sub(r"\([^)]{0,200}\)", "", text).replace(",", " ")
    words = bare.split()
    if not 2 <= len(words) <= _MAX_NAME_WORDS or any(letter.isdigit() for letter in bare):
        return False
    civilities, particles = lexicon("people")["civilites"], lexicon("people")["particules"]
    names = [word for word in words if fold(word) not in civilities and fold(word) not in particles]
    has_civility = len(names) < len(words) and fold(words[0]) in civilities
    is_capitalised = bool(names) and all(word[:1].isupper() for word in names)
    return is_capitalised and (has_civility or any(map(is_first_name, names)))


def is_person_name(name: str) -> bool:
    """Whether a name can be a person's, not a service's or structure's ("contact")."""
    words, services = fold(name).split(), lexicon("people")["services"]
    is_service = any(word in services or word.isdigit() for word in words)
    return 1 <= len(words) <= _MAX_NAME_WORDS and not is_service


def is_first_name(name: str) -> bool:
    """Whether every word of `name` is a first name borne in France."""
    words = fold(name).split()
    return bool(words) and all(word in _folded_first_names() for word in words)


@cache
def _folded_first_names() -> frozenset[str]:
    return frozenset(" ".join(map(fold, first_names())).split())


def is_anonymous(name: str) -> bool:
    """Whether a cell of names hides who it is: "Anonyme", "Participant 4".

    >>> is_anonymous("Participant 4"), is_anonymous("Karim")
    (True, False)
    """
    return word_pattern("columns", "anonymes").fullmatch(fold(name)) is not None


def is_name(cell: str) -> bool:
    """Whether a cell may be somebody's name: no login, no number, no « Anonyme ».

    >>> is_name("Camille R."), is_name("lou_m"), is_name("participant_3")
    (True, False, False)
    """
    words = cell.replace("-", " ").replace("'", " ").split()
    is_word = all(letter.isalpha() or letter in " .'’-–()&" for letter in cell)
    if not 0 < len(words) <= _MAX_NAME_WORDS or not is_word or is_anonymous(cell):
        return False
    particles = lexicon("people")["particules"]
    has_capitals = all(word[:1].isupper() or word in particles for word in words)
    return has_capitals or any(map(is_first_name, words))


def are_names(text: str) -> bool:
    """Whether the text lists persons' names only."""
    return all(is_whole_name(name.strip(" .")) for name in re.split(r"[,;/&]|\bet\b", text))


def fits_lexicon(group: str, folded: str, template: str = "{}") -> bool:
    """Whether `folded` is an expression of the group of data/lexicon/locate.yaml."""
    return bool(word_pattern("locate", group, template).fullmatch(folded))


class Bullet(NamedTuple):
    """A list sign, "1" for any number; `indent` is in columns, `text` follows the sign."""

    indent: int
    sign: str
    text: str


def bullet_of(line: str) -> Bullet | None:
    """Return the sign at the start of `line`; a rule of dashes has none.

    A sign that is a word too stays in the text: "- de paperasse", "+ vite".
    """
    if is_rule(line):
        return None
    match = _BULLET.match(line)
    if match:
        signs = (value for name, value in match.groupdict().items() if name != "indent")
        is_word = bool(match["dash"] or match["plus"]) and has_signed_word(line)
        text = line[match.start("arrow") if match["arrow"] else match.end() :]
        text = line if is_word else text
        return Bullet(width(match["indent"]), next(filter(None, signs)), text.strip())
    match = _NUMBER.match(line)
    return Bullet(width(match["indent"]), "1", line[match.end() :].strip()) if match else None


def width(indent: str) -> int:
    """Return the columns of leading white space, with tabs at every fourth."""
    return len(indent.expandtabs(4))


def is_rule(line: str) -> bool:
    """Whether a line is only dashes, underscores, stars or dots."""
    return bool(_RULE.match(line))


def is_finished(line: str) -> bool:
    """Whether `line` ends a sentence or announces more."""
    return bool(_TERMINAL.search(line.rstrip()[-_TAIL:]))


def runs_on(above: str, below: str) -> bool:
    """Whether `above` surely goes on.

    It ends with an article, a preposition, a conjunction, or a comma before a small letter.
    """
    stripped = above.rstrip()
    if stripped.endswith((",", "(", "«", "“")):
        return starts_low(below)
    word = _LAST_WORD.search(stripped[-_TAIL:])
    return word is not None and straight(word[1].lower()) in lexicon_words("mots_ouverts")


def starts_low(line: str) -> bool:
    """Whether the first letter is lower case, after quotes at most."""
    return bool(re.match(r"[\s\"«“'’(]*[a-zà-öø-ÿœ]", line))


def clean(text: str) -> str:
    """Return `text` in NFC on one line, without invisible characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())


def has_letters(text: str) -> bool:
    """Whether `text` holds a letter."""
    return any(character.isalpha() for character in text)


def plural_warning(count: int, singular: str) -> tuple[str, ...]:
    """Return « 2 signes illisibles » for "signe{} illisible{}", () for no count."""
    return (f"{count} {singular.replace('{}', 's' if count > 1 else '')}",) if count else ()


def unreadable_signs(text: str) -> tuple[str, ...]:
    """Return a warning if signs were lost before the file came here."""
    return plural_warning(text.count("\ufffd"), "signe{} illisible{} dans le texte")


def small_number(text: str, default: int = 0) -> int:
    """Return a number of at most six digits, else `default`."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else default


@cache
def first_names() -> frozenset[str]:
    """Return the capitalised first names of France."""
    return frozenset(lexicon_lines("prenoms"))


def may_be_speaker(name: str) -> bool:
    """Whether the text may be the name of a person or two, or a speaker's number."""
    are_names = all(map(_NAME.fullmatch, re.split(r" (?:et|&) ", name)))
    return are_names or is_speaker(name)


def is_speaker(name: str) -> bool:
    """Whether it is a role, numbered or not, a titled name, or one with a first name."""
    words = {word.strip(".,").title() for word in re.split(r"[ _]+", name)}
    is_person = bool(_NAME.fullmatch(name)) and bool(first_names() & words)
    return is_person or names_role(name)


def names_role(name: str) -> bool:
    """Whether it is a role, numbered or not, or a titled name."""
    return _roles().fullmatch(name) is not None


@cache
def _roles() -> re.Pattern[str]:
    roles = "|".join(lines_of_section("transcriptions", "roles"))
    return re.compile(
        rf"(?:(?:l['’]|la |le |un |une )?(?:{roles})"
        r"(?:[ _.-]?(?:n°\s?)?\d{1,3}|[ _][A-Z]|[ ][A-ZÀ-Ý][\w'’-]+)?"
        r"|(?:mme|m\.|mr|monsieur|madame)\s[\w'’. -]{1,40})",
        re.IGNORECASE,
    )


@cache
def lexicon_words(name: str) -> frozenset[str]:
    """Return the words of data/lexicon/`name`.txt, several a line."""
    return frozenset(word for line in lexicon_lines(name) for word in line.split())


@cache
def lines_of_section(name: str, section: str) -> tuple[str, ...]:
    """Return the lines of a [section] of data/lexicon/`name`.txt."""
    return tuple(line for own, line in _sectioned(name) if own == section)


@cache
def lexicon_sections(name: str) -> dict[str, re.Pattern[str]]:
    """Return the expressions of data/lexicon/`name`.txt by [section], in any case.

    Their apostrophes are straight: `matches` straightens those of a text.
    """
    expressions: dict[str, list[str]] = {}
    for section, line in _sectioned(name):
        expressions.setdefault(section, []).append(f"(?:{line})")
    return {key: re.compile("|".join(lines), re.IGNORECASE) for key, lines in expressions.items()}


def _sectioned(name: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in lexicon_lines(name):
        if re.fullmatch(r"\[\w+\]", line):
            section = line[1:-1]
        else:
            yield section, line


def straight(text: str) -> str:
    """Return `text` with straight apostrophes."""
    return text.replace("’", "'")


def matches(name: str, section: str, text: str, *, whole: bool = False) -> re.Match[str] | None:
    """Match `text` from its start, or in `whole`, with a section of a lexicon."""
    pattern = lexicon_sections(name)[section]
    return (pattern.fullmatch if whole else pattern.match)(straight(text))
