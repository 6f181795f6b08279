"""A commune as people write it: its codes and department apart, abbreviations written out, articles moved to the front.

In:   the text of a cell
Out:  Written: slugs that the name may have, and what narrows it down
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, product

from pipeline.communes.tables import by_slug, department_names, places, region_names
from pipeline.words import fold, lexicon, slug

_CODE = re.compile(r"(?<![\d])(\d{2}\s?\d{3}|2[ABab]\s?\d{3})(?![\d])")
_DEPARTMENT = re.compile(
    r"\((?:d[eé]p(?:t|artement)?\.?\s*)?(\d{1,2}|2[ABab]|9[78]\d)\)|^(\d{2}|2[ABab]|97\d)\s*[-–:]\s*|[\s,–-]+(\d{2}|2[ABab]|97\d)$"
)
_ARTICLE = re.compile(r"^(.*?)\s*\((l[ea]s?|l['’])\)\s*$", re.IGNORECASE)
_ARRONDISSEMENT = re.compile(r"(paris|lyon|marseille) (?:0?(\d{1,2})|([ivx]{1,5}))(?:e|er|eme|ieme)?(?: arr\w*)?")
_SLASH = re.compile(r"(?<=\w{3})/(?=\w{2})")  # "Nogent/Marne", which may also be a list
_ROMAN = {"i": 1, "v": 5, "x": 10}
_MAX_VARIANTS = 16


@dataclass(frozen=True)
class Written:
    """A name as written: `slugs` that it may stand for, most literal first; `codes` and `departments` beside it."""

    slugs: tuple[str, ...]
    codes: tuple[str, ...] = ()
    departments: frozenset[str] = frozenset()

    @property
    def is_area(self) -> bool:
        """True for a department, a region or words such as "tout le canton"."""
        return any((name in _areas() and name not in by_slug()) or name.split("-")[0] in _words("etendues") for name in self.slugs)

    @property
    def may_be_area(self) -> bool:
        """True for a department or a region whose name communes bear too, where nothing beside it says that one is meant."""
        return not self.codes and not self.departments and any(name in _areas() for name in self.slugs)


@cache
def read_written(text: str) -> tuple[Written, ...]:
    """Return what `text` may name, the whole first, then its parts where it lists or addresses several places; blank gives none."""
    codes = tuple(re.sub(r"\s", "", code).upper() for code in _CODE.findall(text))
    after = _CODE.split(text)[-1] if codes else text
    rest = after if any(letter.isalpha() for letter in after) else _CODE.sub(" ", text)
    departments, rest = _departments(rest)
    whole = re.sub(r"\bcedex\b.*", " ", rest, flags=re.IGNORECASE)
    parts = [part for part in re.split(r"\s*(?:[;,+|]|\s/\s|(?<!\bs)(?<!\bss)/(?=\s*[A-ZÉ]{1}\w{3})|\bet\b|\n)\s*", whole) if fold(part)]
    listed = [whole, *([_SLASH.sub(" sur ", whole)] if _SLASH.search(whole) else []), *(parts if len(parts) > 1 else [])]
    named = [Written(slugs, codes, departments) for part in listed if (slugs := _slugs(part))]
    return tuple(named) or ((Written((), codes, departments),) if codes else ())


def _departments(text: str) -> tuple[frozenset[str], str]:
    """The departments that stand beside the name, by number or name, and the text without them."""
    found = _DEPARTMENT.search(text)
    if found and not _is_quarter(text):
        number = next(filter(None, found.groups()))
        return frozenset({number.zfill(2).upper()}), _DEPARTMENT.sub(" ", text, count=1)
    beside = re.fullmatch(r"(.+?)(?:\s*[,–-]\s+|\s*\()([^(),]+)\)?\s*", text)
    code = _department_codes().get(fold(beside[2])) if beside else None
    return (frozenset({code}), beside[1]) if beside and code else (frozenset(), text)


@cache
def _department_codes() -> dict[str, str]:
    named = {fold(name): code for code, name in department_names().items()}
    return {name.removeprefix("la "): code for name, code in named.items()} | named


def _slugs(text: str) -> tuple[str, ...]:
    """The slugs that a name may stand for: "Fontenay s/Bois" is sur or sous; "Seyne (La)" is La Seyne."""
    moved = _ARTICLE.sub(r"\2 \1", text)
    words = [word for word in fold(re.sub(r"\([^)]*\)", " ", moved)).split() if not (word.isdigit() and len(word) > 2)]
    quarter = _quarter(" ".join(words))
    if quarter:
        return (quarter,)
    bare = list(words)
    while len(bare) > 1 and bare[0] in _words("avant"):
        bare.pop(0)
    return tuple(dict.fromkeys([*_written_out(words), *_written_out(bare)]))


def _quarter(folded: str) -> str | None:
    """The slug of a district of Paris, Lyon or Marseille: "paris 14", "lyon 3eme", "marseille ix"."""
    found = _ARRONDISSEMENT.fullmatch(folded)
    if not found:
        return None
    number = int(found[2] or _roman(found[3]))
    return f"{found[1]}-{number}{'er' if number == 1 else 'e'}-arrondissement"


def _is_quarter(text: str) -> bool:
    """True for "Paris 14", which is no Paris of department 14; not for "Marseille 13", of department 13."""
    return any(place.department not in text for place in by_slug().get(_quarter(fold(text)) or "", ()))


def _roman(numeral: str) -> int:
    """The value of a numeral up to XX."""
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True))


def _written_out(words: Sequence[str]) -> list[str]:
    """The slugs of the words with each abbreviation written out in each of its ways."""
    short = lexicon("territories")["abreviations"]
    choices = [[str(full) for full in short.get(word, [word])] for word in words]
    return ["-".join(chosen) for chosen in islice(product(*choices), _MAX_VARIANTS)] if choices else []


@cache
def _areas() -> frozenset[str]:
    """The slugs of departments and regions, but for those of one commune, such as Paris."""
    sizes = Counter(place.department for place in places() if place.kind == "commune")
    alone = {name for code, name in department_names().items() if sizes[code] <= 1}
    return frozenset(slug(name) for name in (*department_names().values(), *region_names()) if name not in alone)


@cache
def _words(group: str) -> frozenset[str]:
    return frozenset(str(word) for word in lexicon("territories")[group])
