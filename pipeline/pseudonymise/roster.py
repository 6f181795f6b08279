"""The names to look for in a workshop, and the structures' names to keep."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.pseudonymise.words import (
    alternatives,
    brands,
    famous_people,
    is_first_name,
    is_place,
    is_sure_surname,
    terms,
)
from pipeline.text import fold_same_length, longest_first

_GAP = r"[\s\u00a0.\-]{1,3}"


@dataclass(frozen=True)
class Roster:
    """Folded names; `full` matches whole ones in any order and with initials."""

    full: re.Pattern[str]
    first: frozenset[str]
    last: frozenset[str]
    protected: re.Pattern[str]  # names to leave readable
    initials: frozenset[str] = frozenset()  # two or three letters: "ko", "jb", "jba"
    # surnames that are no common word, town or first name: a person anywhere
    sure: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()  # first names that are places in this workshop


NOBODY = Roster(re.compile(r"(?!)"), frozenset(), frozenset(), re.compile(r"(?!)"))


def build_roster(
    people: Iterable[pd.DataFrame], structures: Iterable[str], keep: Iterable[str]
) -> Roster:
    """Return the roster; a first or a last name alone is enough."""
    names = sorted({_first_and_last(row) for frame in people for row in frame.to_dict("records")})
    full: set[str] = set()
    first_names: set[str] = set()
    last_names: set[str] = set()
    initials: set[str] = set()
    for first, last in names:
        full |= _whole_forms(first, last) | _compounds(first, last)
        first_names |= {part for part in (first, *first.split()) if _may_stand_alone(part)}
        last_names |= {last} if _may_stand_alone(last) else set()
        initials |= _initials(first, last)
    protected = {form for name in structures for form in _structure_forms(name)} | brands()
    protected -= last_names | first_names
    protected |= terms("institutions") | famous_people()
    protected -= {form for first, last in names for form in (f"{first} {last}", f"{last} {first}")}
    protected |= {fold_same_length(" ".join(word.split())) for word in keep}
    parts = {part for _, last in names for part in (last, *re.split(r"[\s\-]+", last))}
    sure = {
        part
        for part in parts
        if is_sure_surname(part)
        and not is_place(part)
        and (part in last_names or part not in protected)
    }
    return Roster(
        full=_any_of(full),
        first=frozenset(first_names),
        last=frozenset(last_names | sure),
        protected=_any_of({_spaced(form) for form in protected if len(form) > 2}),
        initials=frozenset(initials),
        sure=frozenset(sure),
    )


def _first_and_last(row: dict[Any, Any]) -> tuple[str, str]:
    """A full name is split after a known first name, else after its first word."""
    facts = (row[name] for name in ("first_name", "last_name", "full_name"))
    first, last, full = (
        fold_same_length(" ".join(str(fact).split())) if pd.notna(fact) else "" for fact in facts
    )
    if first or last or not full:
        return first, last
    words = re.sub(rf"^(?:{alternatives('civilites')})\.?\s", "", full).split()
    if " ".join(words) != full:
        return "", " ".join(words)
    if not is_first_name(words[0]) and is_first_name(words[-1]):
        words = [words[-1], *words[:-1]]
    return words[0], " ".join(words[1:])


def _whole_forms(first: str, last: str) -> set[str]:
    """First last, last first, initials last ("jm thoor", "f. delattre"), last initial."""
    if not first or not last:
        return set()
    parts = [part for part in re.split(r"[\s\-]+", first) if part]
    letters = [re.escape(part[0]) for part in parts]  # a typed name may open with a bracket
    initials = r"[.\-\s]{0,2}".join(letters) + r"\.?"
    first_form, last_form = _spaced(first), _spaced(last)
    whole = {rf"{first_form}{_GAP}{last_form}", rf"{last_form}{_GAP}{first_form}"}
    return whole | {
        rf"{initials}{_GAP}{last_form}",
        rf"{letters[0]}\.{_GAP}{last_form}",
        rf"{last_form}{_GAP}{initials}(?!\w)",
    }


def _compounds(first: str, last: str) -> set[str]:
    """A name of several words alone: "marie claude", "Le Goff"."""
    return {
        _spaced(name)
        for name in (first, last)
        if re.search(r"[^\W\d_]{2,}[\s\-][^\W\d_]{3,}", name)
    }


def _may_stand_alone(name: str) -> bool:
    """No particle or function word does, except a first name (Ben)."""
    return len(name) > 1 and (
        name not in terms("particules") | terms("jamais") or is_first_name(name)
    )


def _initials(first: str, last: str) -> set[str]:
    """ko; jba, jb."""
    parts = [part for part in re.split(r"[\s\-]+", first) if part]
    if not parts or not last:
        return set()
    own = "".join(part[0] for part in parts)
    return {own + last[0], parts[0][0] + last[0]} | ({own} if len(parts) > 1 else set())


def _structure_forms(name: str) -> set[str]:
    """The whole name, that without generic words, and how Le Grenier d'Arques is called for short.

    None for a titled person.
    """
    plain = " ".join(re.sub(r"\([^)]*\)", " ", str(name)).split())
    words = plain.split()
    if not words or fold_same_length(words[0]).rstrip(".") in terms("civilites"):
        return set()
    while len(words) > 1 and (
        fold_same_length(words[0]) in terms("lieux_et_organisations") or words[0][0].islower()
    ):
        words = words[1:]
    rest = " ".join(words)
    forms = {fold_same_length(plain)}
    if len(words) > 1 and rest[0].isupper():
        forms.add(fold_same_length(rest))
    if len(words) > 2 and _SHORTENED.match(fold_same_length(rest)):
        forms |= {fold_same_length(" ".join(words[:2])), fold_same_length(" ".join(words[1:]))}
    return forms


_SHORTENED = re.compile(r"l(?:e|a|es) \S+ (?:d['’]|d(?:e|u|es) )")


def _spaced(name: str) -> str:
    """Blanks and hyphens match each other."""
    return r"[\s\u00a0\-]+".join(re.escape(part) for part in re.split(r"[\s\-]+", name) if part)


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{longest_first(forms) or '(?!)'})(?!\w)")
