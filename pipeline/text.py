"""French text for comparison, word lists, counted nouns, and the tokens of persons.

`fold` and `fold_same_length` are the project's only foldings.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from pipeline.files import data_path, load_yaml

if TYPE_CHECKING:
    import pandas as pd

_SPELLED_OUT = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "’": "'"})
_IN_WORDS = str.maketrans({"º": "°", "&": " et "})
_NUMERO = re.compile(r"\bn\s*°\s*|\bno\s(?=\d)", re.IGNORECASE)
_FOLDED_WORD = re.compile(r"[a-z0-9]+")


class _Marks(dict[int, int | None]):
    """Drops accents once detached from their letter, for `translate`; filled as texts ask."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.combining(chr(code)) else code
        self[code] = kept
        return kept


_MARKS = _Marks()
_SAME_LENGTH = {"’": "'", "‐": "-", "‑": "-"}
_NO_ACCENT = {"đ": "d", "Đ": "d", "ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "ı": "i", "ß": "s"}


_LINE = 500  # characters


def fold(text: str, *, keep_signs: bool = False) -> str:
    """Return folded text: "L'Œuvre n° 4" gives "l oeuvre no 4", or, with `keep_signs`, "l'oeuvre n°
    4".
    """
    return (_fold_line if len(text) <= _LINE else _fold)(text, keep_signs)


def _fold(text: str, keep_signs: bool) -> str:
    if keep_signs and text.isascii():
        return text.lower()
    spelled = text.translate(_SPELLED_OUT)
    if not keep_signs:
        spelled = _NUMERO.sub("no ", spelled.translate(_IN_WORDS))
    plain = spelled
    if not spelled.isascii():
        plain = unicodedata.normalize("NFKD", spelled).translate(_MARKS)
    plain = plain.lower()
    return plain if keep_signs else " ".join(_FOLDED_WORD.findall(plain))


_fold_line = lru_cache(maxsize=32_768)(_fold)  # many rules read each line, some stages all lines


def fold_same_length(text: str, *, accents: Literal["à", "all", "none"] = "à") -> str:
    """Return lower-case text of the same length, with plain apostrophes and hyphens.

    `accents` are those to keep: "all", "none", or that of "à", which is another word than "a".
    """
    return "".join([_fold_letter(letter, accents) for letter in text])


@cache
def _fold_letter(letter: str, accents: str) -> str:
    if sign := _SAME_LENGTH.get(letter):
        return sign
    if accents == "all" or (accents == "à" and letter in "àÀ"):
        lowered = letter.lower()
    else:
        lowered = _NO_ACCENT.get(letter) or unicodedata.normalize("NFKD", letter)[0].lower()
    return lowered if len(lowered) == 1 else letter


def slug(text: str) -> str:
    """Return `text` folded, with hyphens between words."""
    return fold(text).replace(" ", "-")


def cut_at_blanks(text: str, start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Return spans of `longest` characters or less, cut at the last line end or space in each."""
    pieces: list[tuple[int, int]] = []
    while end - start > longest:
        middle = max(text.rfind(blank, start + longest // 2, start + longest) for blank in "\n ")
        middle = middle if middle > start else start + longest
        pieces.append((start, middle))
        start = middle
    return [*pieces, (start, end)]


@cache
def lexicon(name: str) -> Any:
    """Return the content of data/lexicon/`name`.yaml."""
    return load_yaml(data_path("lexicon", f"{name}.yaml"))


@cache
def lexicon_words(name: str, group: str) -> frozenset[str]:
    """Return a list of a lexicon."""
    return frozenset(map(str, lexicon(name)[group]))


@cache
def lexicon_lines(name: str) -> tuple[str, ...]:
    """Return the entries of data/lexicon/`name`.txt, without its comments."""
    lines = data_path("lexicon", f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def longest_first(forms: Iterable[str]) -> str:
    """Return patterns as one, in which a longer form wins over its beginning."""
    return "|".join(sorted(set(forms), key=lambda form: (-len(form), form)))


def groups_in(text: str, name: str) -> tuple[str, ...]:
    """Return the groups of a lexicon in `text`, most frequent first."""
    folded = fold(text)
    counts = {group: len(pattern.findall(folded)) for group, pattern in word_groups(name).items()}
    return tuple(
        sorted((group for group, n in counts.items() if n), key=lambda group: -counts[group])
    )


@cache
def word_groups(name: str) -> dict[str, re.Pattern[str]]:
    """Return the pattern of each group of a lexicon.

    Short words and expressions match whole, longer words by their beginning.
    """
    return {
        str(group): re.compile(
            r"\b(?:" + "|".join(_as_pattern(fold(str(word))) for word in words) + ")"
        )
        for group, words in lexicon(name).items()
    }


def _as_pattern(word: str) -> str:
    return rf"{word}s?\b" if len(word) <= 5 or " " in word else word


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """Return `n` and its noun: 0 passage, 1 passage, 2 passages."""
    return f"{n} {singular if n < 2 else plural or singular + 's'}"


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def without_formula(cell: Any) -> Any:
    """Return a cell of a .csv that no spreadsheet runs as a formula; numbers stay numbers.

    >>> without_formula("=1+1"), without_formula(-2)
    ("'=1+1", -2)
    """
    is_run = isinstance(cell, str) and cell.startswith(FORMULA_STARTS)
    return f"'{cell}" if is_run else cell


def size_in_words(n_bytes: int) -> str:
    """Return « 4,2 Mo »; less than a thousandth of a megabyte is « 1 ko »."""
    for unit, size in (("Go", 1e9), ("Mo", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f}".replace(".0", "").replace(".", ",") + f" {unit}"
    return f"{max(1, round(n_bytes / 1000))} ko" if n_bytes else "0 ko"


class Count(int):
    """A number that its noun agrees with: "{n:fichier lu|fichiers lus}" gives 1 fichier lu.

    A mark hides the number: "{n:=arrive|arrivent}" gives arrive. In French 0 and 1 are singular.
    """

    space = " "

    def __format__(self, spec: str) -> str:
        """Return the number and its word; other specs format the number alone."""
        one, bar, several = spec.removeprefix("=").partition("|")
        if not bar:
            return format(int(self), spec) if spec else self.written()
        agreed = one if abs(self) < 2 else several
        return agreed if spec.startswith("=") else f"{self.written()}{self.space}{agreed}"

    def written(self) -> str:
        """Return the number by itself."""
        return str(int(self))


def study_counts(n_rows: Mapping[str, int]) -> str:
    """Return « 3 ateliers, 1 document, 0 passage, 2 thèmes »."""
    counts = (
        "{workshops:atelier|ateliers}, {documents:document|documents}, {units:passage"
        "|passages}, {themes:thème|thèmes}"
    )
    return counts.format(**{name: Count(n) for name, n in n_rows.items()})


PERSON = "[personne]"
_NUMBERED = re.compile(r"\[personne \d+\]")


def person_token(number: int | None) -> str:
    """Return a person's token; None is a person without a number."""
    return PERSON if number is None else f"[personne {number}]"


def has_signed_word(text: str) -> bool:
    """Whether the sign that opens `text` is a word, more or less, and no bullet.

    >>> [has_signed_word(text) for text in ("- de paperasse", "+ vite", "- de créer un bal")]
    [True, True, False]
    """
    return _signed_word().match(text.replace("’", "'")) is not None


def spelled_sign(text: str) -> str:
    """Return `text` with the sign that is a word in full: "- de bruit" gives "moins de bruit"."""
    if not has_signed_word(text):
        return text
    bare = text.lstrip()
    return f"{'plus' if bare.startswith('+') else 'moins'} {bare[1:].lstrip()}"


@cache
def _signed_word() -> re.Pattern[str]:
    words = lexicon("segmentation")
    others, nouns, verbs, compared = (
        "|".join(words[group])
        for group in ("de_sans_quantité", "noms_en_r", "infinitifs_en_re", "comparaisons")
    )
    pronouns = r"(?:s'|se |ne |n'|y |en |l'|les? |la |lui |leur )*"
    verb = rf"{pronouns}(?!(?:{nouns})\b)(?:\w+(?:er|ir)|{verbs})"
    amount = rf"(?:de\s+|d')(?!(?:{others})(?:\b|(?<='))|{verb}\b)"
    return re.compile(rf"\s*(?:[-–−+]\s*{amount}(?=\w)|\+\s*(?:{compared})\b)", re.IGNORECASE)


def without_numbers(text: str) -> str:
    """Return `text` with every `[personne 12]` made `[personne]`."""
    return _NUMBERED.sub(PERSON, text)


def plain_texts(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return `rows` with numbers removed from `text`."""
    return rows.assign(
        text=rows["text"].map(without_numbers, na_action="ignore").astype(rows["text"].dtype)
    )


class Rewritten:
    """A text with (start, end, replacement) `edits`, in order, and the map of both's offsets."""

    def __init__(self, text: str, edits: Iterable[tuple[int, int, str]]) -> None:
        self._edits = list(edits)
        self._shifts = [0]  # of what stands before each edit, then after all
        self._starts: list[int] = []  # of the replacements
        pieces, last = [], 0
        for start, end, replacement in self._edits:
            pieces += [text[last:start], replacement]
            self._starts.append(start + self._shifts[-1])
            self._shifts.append(self._shifts[-1] + len(replacement) - (end - start))
            last = end
        self.text = "".join([*pieces, text[last:]])

    def move(self, offset: int) -> int:
        """Return the new offset; inside an edit, where its replacement starts."""
        passed = bisect_right(self._edits, offset, key=itemgetter(1))
        if passed < len(self._edits):
            offset = min(offset, self._edits[passed][0])
        return offset + self._shifts[passed]

    def move_back(self, offset: int) -> int:
        """Return the former offset of what stands outside replacements."""
        return offset - self._shifts[bisect_left(self._starts, offset)]


class PlainText(Rewritten):
    """A text without its numbers."""

    def __init__(self, numbered: str) -> None:
        bounds = (match.span() for match in _NUMBERED.finditer(numbered))
        super().__init__(
            numbered, ((start + len(PERSON) - 1, end - 1, "") for start, end in bounds)
        )


@dataclass(frozen=True)
class CueLexicon:
    """A lexicon of cues, compiled for folded text."""

    words: re.Pattern[str]
    cancelling: re.Pattern[str]

    def are_in(self, text: str) -> bool:
        """Whether `text` holds a cue that no cancelling phrase overlaps."""
        plain = fold(text, keep_signs=True)
        matches = list(self.words.finditer(plain))
        cancelled = [match.span() for match in self.cancelling.finditer(plain)] if matches else []
        return any(
            not any(start < match.end() and match.start() < end for start, end in cancelled)
            for match in matches
        )


@cache
def load_cues(name: str) -> CueLexicon:
    """Return the cues of data/lexicon/`name`.yaml."""
    entries = lexicon(name)
    return CueLexicon(_alternatives(entries["mots"]), _alternatives(entries["annule"]))


def _alternatives(patterns: list[str]) -> re.Pattern[str]:
    folded = (fold(pattern, keep_signs=True) for pattern in patterns)
    return re.compile(rf"\b(?:{'|'.join(folded)})")
