"""Read the layout signs of plain text (bullets, numbers, line ends), and word lists."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from pipeline.files import data_path

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
_RULE = re.compile(r"^\s*([-_=*~#.–—]\s?){3,}\s*$")
_TERMINAL = re.compile(r"[.!?…:;]['’\"»”)\]\s]*$")
_TAIL = 100  # characters that show how a line ends
NAME_WORD = r"(?:[A-ZÀ-ÖØ-ÞŒ][\w.'’-]*|d[eu]|des|la|le|von|van)"
_NAME = re.compile(rf"{NAME_WORD}(?:[ _]{NAME_WORD}){{0,4}}")
_LAST_WORD = re.compile(r"([^\W\d_]+['’]?)\s*$")


class Bullet(NamedTuple):
    """A list sign, "1" for any number; `indent` is in columns, `text` follows the sign."""

    indent: int
    sign: str
    text: str


def bullet_of(line: str) -> Bullet | None:
    """Return the sign at the start of `line`; a rule of dashes has none."""
    if is_rule(line):
        return None
    match = _BULLET.match(line)
    if match:
        signs = (value for name, value in match.groupdict().items() if name != "indent")
        text = line[match.start("arrow") if match["arrow"] else match.end() :]
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
    """Whether the text may be a person's name or a speaker's number."""
    return bool(_NAME.fullmatch(name)) or is_speaker(name)


def is_speaker(name: str) -> bool:
    """Whether it is a role, numbered or not, a titled name, or one with a first name."""
    words = {word.strip(".,").title() for word in re.split(r"[ _]+", name)}
    is_person = bool(_NAME.fullmatch(name)) and bool(first_names() & words)
    return is_person or bool(_roles().fullmatch(name))


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
def lexicon_lines(name: str) -> tuple[str, ...]:
    """Return data/lexicon/`name`.txt without blank lines and comments."""
    text = data_path("lexicon", f"{name}.txt").read_text(encoding="utf-8")
    lines = map(str.strip, text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


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
