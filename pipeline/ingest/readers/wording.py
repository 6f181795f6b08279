"""Signs of layout in plain text that every reader meets: spaces, bullets, list numbers, open line ends.

In:   a line or paragraph as found in a file
Out:  the same without what only lays it out
"""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

import ftfy

from pipeline.files import data_path

_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\u061c\ufeff\ufff9-\ufffc\ud800-\udfff\x00-\x08\x0e-\x1f\x7f-\x9f\U000e0000-\U000e007f]"
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
    r"^(?P<indent>\s*)(?:\(?\d{1,2}(?:\.\d{1,2})*(?:[.)°]\)?|/)|\(?(?:[a-hA-H]|[ivxIVX]{1,4})\)|\d{1,2}\s?[-–])\s+(?=[^\W\d_]|[\"«“'(\[])"
)
_RULE = re.compile(r"^\s*([-_=*~#.–—]\s?){3,}\s*$")
_TERMINAL = re.compile(r"[.!?…:;]['’\"»”)\]\s]*$")
_TAIL = 100  # characters at the end of a line that tell how it ends
_LAST_WORD = re.compile(r"([^\W\d_]+['’]?)\s*$")


class Bullet(NamedTuple):
    """A line's list sign: `indent` in columns, `text` what follows it; `sign` is "1" for any number, the sign itself otherwise."""

    indent: int
    sign: str
    text: str


def clean(text: str) -> str:
    """Return `text` in NFC on one line: runs of white space become one space, invisible and control characters go."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())


def mend(text: str) -> str:
    """Return `text` with « Ã© » and the like put right, where a whole run shows that it was decoded twice."""
    return ftfy.fix_encoding(text)


def whole(text: str, default: int = 0) -> int:
    """The whole number that an attribute gives in up to six digits, `default` where it gives none or a monstrous one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else default


def bullet_of(line: str) -> Bullet | None:
    """The list sign that `line` begins with, or None; a rule of dashes has none."""
    if is_rule(line):
        return None
    found = _BULLET.match(line)
    if found:
        sign = next(
            value for name, value in found.groupdict().items() if name != "indent" and value
        )
        kept = line[found.start("arrow") :] if found["arrow"] else line[found.end() :]
        return Bullet(width(found["indent"]), sign, kept.strip())
    found = _NUMBER.match(line)
    return Bullet(width(found["indent"]), "1", line[found.end() :].strip()) if found else None


def width(indent: str) -> int:
    """Columns that leading white space takes, tabs at every fourth."""
    return len(indent.expandtabs(4))


def is_rule(line: str) -> bool:
    """True for a line that only draws: dashes, underscores, stars, dots."""
    return bool(_RULE.match(line))


def is_finished(line: str) -> bool:
    """True where `line` ends with a mark that ends a sentence or announces what follows."""
    return bool(_TERMINAL.search(line.rstrip()[-_TAIL:]))


def runs_on(above: str, below: str) -> bool:
    """True where `above` surely goes on: it ends with an article, preposition or conjunction, or with a comma before a small letter."""
    stripped = above.rstrip()
    if stripped.endswith((",", "(", "«", "“")):
        return starts_low(below)
    word = _LAST_WORD.search(stripped[-_TAIL:])
    return word is not None and word[1].lower().replace("’", "'") in _open_words()


def starts_low(line: str) -> bool:
    """True where the first letter of `line` is in lower case and nothing but quotes comes before it."""
    return bool(re.match(r"[\s\"«“'’(]*[a-zà-öø-ÿœ]", line))


def unreadable_signs(text: str) -> tuple[str, ...]:
    """A warning where signs were lost before the file came here."""
    n_lost = text.count("\ufffd")
    return (
        (
            f"{n_lost} signe{'s' if n_lost > 1 else ''} illisible{'s' if n_lost > 1 else ''} dans le texte",
        )
        if n_lost
        else ()
    )


@cache
def first_names() -> frozenset[str]:
    """First names borne in France, as written with a capital."""
    lines = data_path("lexicon", "prenoms.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


@cache
def _open_words() -> frozenset[str]:
    return frozenset(data_path("lexicon", "mots_ouverts.txt").read_text(encoding="utf-8").split())


@cache
def sections_of(name: str) -> dict[str, re.Pattern[str]]:
    """The expressions of data/lexicon/`name`.txt, one a [section], whatever their case."""
    expressions: dict[str, list[str]] = {}
    section = ""
    for line in data_path("lexicon", f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            expressions.setdefault(section, []).append(f"(?:{line})")
    return {key: re.compile("|".join(found), re.IGNORECASE) for key, found in expressions.items()}
