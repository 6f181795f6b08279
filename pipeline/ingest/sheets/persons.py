"""Tell who sent each row of a sheet: one address, account or whole name is one person.

A name shows as written. Whoever only a key tells apart is « répondant 3 », after her first row, so
that no address and no login is read further on.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pipeline.ingest.columns import Rows
from pipeline.ingest.sheets.kinds import SortedSheet
from pipeline.ingest.words import is_first_name, is_name, word_pattern
from pipeline.tables.schema import RESPONDENT
from pipeline.text import fold

_TITLES = {
    "last_name": "Nom",
    "first_name": "Prénom",
    "full_name": "Nom et prénom",
    "email": "Mail",
    "phone": "Téléphone",
}
NAMED_BY = ("full_name", "first_name", "last_name", "speaker")
_VISITOR = ("account", "0")  # in most rows: whoever answers without an account
_SAME_ROW = 6  # words of all answers, from which two equal rows are one person's


def respondents(sheet: SortedSheet) -> Rows:
    """Return the persons of a form or platform, under plain titles."""
    rows: list[tuple[str, ...]] = [tuple(_TITLES.values())]
    for row in sheet.body:
        cells = {role: cell_of(sheet, row, role) for role in _TITLES}
        if not (cells["first_name"] or cells["last_name"]):
            cells["full_name"] = name_of(sheet, row)
        for role in NAMED_BY:
            if role in cells and not is_name(_alone(cells[role])):
                cells[role] = ""
        rows.append(tuple(cells.values()))
    return rows


def cell_of(sheet: SortedSheet, row: Sequence[str], role: str) -> str:
    """Return the row's first filled cell of a role, on one line."""
    others = sheet.answered_by(row)
    columns = (i for i, own in enumerate(sheet.roles) if own == role and i not in others)
    cells = (" ".join(row[column].split()) for column in columns if column < len(row))
    return next(filter(None, cells), "")


def _alone(cell: str) -> str:
    """Return the name alone of « Anne Riou, élue »."""
    return re.split(r"\s*[,(]", cell)[0]


def name_of(sheet: SortedSheet, row: Sequence[str]) -> str:
    """Return the name of the person who sent a row, "" where none or only a login is told."""
    first_and_last = f"{cell_of(sheet, row, 'first_name')} {cell_of(sheet, row, 'last_name')}"
    names = [_alone(cell_of(sheet, row, "full_name")), first_and_last.strip()]
    names.append(cell_of(sheet, row, "speaker"))
    account = cell_of(sheet, row, "account")
    names += [account] if any(map(is_first_name, account.split())) and account[0].isupper() else []
    return next(filter(is_name, names), "")


def _keys_of(sheet: SortedSheet, row: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what tells a row's person from others, addresses first.

    A number beside « Anonyme » is that of all who are not known.
    """
    cells = {role: cell_of(sheet, row, role) for role in ("email", "phone", "account", *NAMED_BY)}
    hides = word_pattern("columns", "anonymes_sans_numero").fullmatch
    accounts = {
        fold(cell) for cell, role in zip(row, sheet.roles, strict=False) if role == "account"
    }
    is_hidden = any(map(hides, {*accounts, *map(fold, cells.values())} - {""}))
    for role, cell in cells.items():
        is_told = word_pattern("columns", "sans_nom").fullmatch(fold(cell)) is None
        is_own = not is_hidden if role == "account" else role not in NAMED_BY or not is_name(cell)
        if is_told and is_own:
            yield ("email" if "@" in cell else role), cell.lower()
    if sheet.threads and not is_hidden:  # one names its author by a number, another by a name
        others = sheet.answered_by(row)
        own = (i for i, role in enumerate(sheet.roles) if role == "account" and i not in others)
        yield from (("account", row[column].lower()) for column in own if row[column])
    if " " in (name := fold(name_of(sheet, row))):
        yield "name", name


def senders_of(
    sheet: SortedSheet, columns: Sequence[int], *, is_answered: bool
) -> list[str | None]:
    """Return who sent each row: a name, « répondant 3 », or None for a row that nothing tells.

    Where `is_answered`, each row has an author: two without key are one person's where all their
    answers in `columns` are the same.
    """
    keys = [list(_keys_of(sheet, row)) for row in sheet.body]
    if 2 * sum(_VISITOR in own for own in keys) > len(keys):
        keys = [[key for key in own if key != _VISITOR] for own in keys]
    names = [name_of(sheet, row) for row in sheet.body]
    persons = _persons(keys, [fold(name) for name in names])
    first: dict[tuple[str, ...], int] = {}
    shown: dict[int, str] = {}
    bearers: dict[str, set[int]] = defaultdict(set)
    for i, (row, name) in enumerate(zip(sheet.body, names, strict=True)):
        answers = tuple(row[column].strip() for column in columns)
        is_telling = sum(map(bool, answers)) > 1 and len(" ".join(answers).split()) >= _SAME_ROW
        if not name and not keys[i] and is_telling:
            persons[i] = first.setdefault(answers, i)
        if name:
            shown.setdefault(persons[i], name)
            bearers[fold(name)].add(persons[i])
    senders: list[str | None] = []
    for person, own, name in zip(persons, keys, names, strict=True):
        is_told = is_answered or bool(own) or bool(name)
        is_alone = person in shown and len(bearers[fold(shown[person])]) == 1
        numbered = f"{RESPONDENT} {person + 1}" if is_told else None
        senders.append(shown[person] if is_alone else numbered)
    return senders


def _persons(keys: Sequence[Sequence[tuple[str, str]]], names: Sequence[str]) -> list[int]:
    """Return the first row of each row's person: by its keys, else by a name that one bears."""
    of_key: dict[tuple[str, str], int] = {}
    addresses = [{cell for role, cell in own if role == "email"} for own in keys]
    persons: list[int] = []
    bearers: dict[str, set[int]] = defaultdict(set)
    for i, (own, name) in enumerate(zip(keys, names, strict=True)):
        known = (of_key[key] for key in own if key in of_key)
        person = next((p for p in known if not _are_two(addresses, names, p, i)), i)
        of_key |= {key: person for key in own if key not in of_key}
        persons.append(person)
        if own and name:
            bearers[name].add(person)
    for i, name in enumerate(names):
        if name and not keys[i]:
            bearers[name] = bearers[name] or {i}
            persons[i] = min(bearers[name])
    return persons


def _are_two(addresses: Sequence[set[str]], names: Sequence[str], one: int, other: int) -> bool:
    """Whether two rows of one number are signed by others: no name and no address alike."""
    words = set(names[one].split()), set(names[other].split())
    is_named = all(words) and not words[0] & words[1]
    is_written = not addresses[one] or not addresses[other] or addresses[one] != addresses[other]
    return is_named and is_written
