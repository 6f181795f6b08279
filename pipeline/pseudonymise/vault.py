"""The vault's key: which person hides behind each participant_id. It goes to vault/ and to nothing downstream.

In:   people   raw, with provisional participant_id; known, the key of earlier runs
Out:  VAULT    one row a person ever met, and the final id of each provisional one
"""

from typing import Any

import pandas as pd

from pipeline.pseudonymise.words import fold
from pipeline.schema import Column, Table

VAULT = Table(
    "vault",
    "Who hides behind a pseudonym; kept in vault/ (mode 700), read by nothing but the next pseudonymisation.",
    ("participant_id",),
    (
        Column("participant_id", "text", "Pseudonym: workshop_id, `-p` and a number never given twice"),
        Column("workshop_id", "text", "Workshop whose files name the person"),
        Column("full_name", "text", "First and last name, or what is known of them", nullable=True),
        Column("first_name", "text", "First name", nullable=True),
        Column("last_name", "text", "Last name", nullable=True),
        Column("email", "text", "Mail address", nullable=True),
        Column("phone", "text", "Telephone, as written", nullable=True),
    ),
)
_FACTS = ("full_name", "first_name", "last_name", "email", "phone")


def number_people(people: pd.DataFrame, known: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the key, earlier persons first, and the final participant_id of each provisional one.

    The same name at the same workshop is the same person; without a name, the same mail address is, or telephone. What an earlier row left
    blank is filled by a later one.
    """
    persons: dict[str, dict[Any, Any]] = {str(row["participant_id"]): row for row in known.to_dict("records")}
    id_of = {key: participant_id for participant_id, row in persons.items() for key in _keys(row)}
    final: dict[str, str] = {}
    for row in people.to_dict("records"):
        keys = _keys(row)
        found = next((id_of[key] for key in keys if key in id_of), None)
        participant_id = found or _next_id(str(row["workshop_id"]), list(persons))
        person = persons.setdefault(participant_id, {"participant_id": participant_id, "workshop_id": row["workshop_id"]})
        person.update({fact: row[fact] for fact in _FACTS if pd.notna(row[fact]) and pd.isna(person.get(fact))})
        id_of.update({key: participant_id for key in keys if key not in id_of})
        final[str(row["participant_id"])] = participant_id
    return VAULT.build([dict(person) for person in persons.values()]), final


def _keys(row: dict[Any, Any]) -> list[tuple[str, str]]:
    """What identifies a person within a workshop: the words of the name in any order, or else the mail address or telephone."""
    facts = {name: str(row[name]).strip() for name in _FACTS if pd.notna(row[name])}
    name = " ".join(facts[part] for part in ("first_name", "last_name") if facts.get(part)) or facts.get("full_name", "")
    words = " ".join(sorted(fold(name).replace("-", " ").split()))
    fallback = (facts.get("email", "") or facts.get("phone", "")).casefold() or str(row["participant_id"])
    return [(str(row["workshop_id"]), words or fallback)]


def _next_id(workshop_id: str, taken: list[str]) -> str:
    """The next free pseudonym of the workshop."""
    prefix = f"{workshop_id}-p"
    numbers = [int(name.removeprefix(prefix)) for name in taken if name.startswith(prefix) and name.removeprefix(prefix).isdigit()]
    return f"{prefix}{max(numbers, default=0) + 1}"
