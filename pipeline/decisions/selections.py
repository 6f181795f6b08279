"""Define the selections of passages that people name, to find them again and share them.

In:   active decisions
Out:  the selections that a person sees: their own, and those that others share
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from pipeline.decisions.kinds import (
    Decision,
    Names,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_object,
    text,
)

_TYPED = frozenset({"q", "mots", "et-mots", "sans-mots"})  # parts of an address that people type
_OF_THEME = frozenset({"theme", "et-theme", "sans-theme"})
_NO_THEME = "aucun"


@dataclass(frozen=True)
class SelectionDecision(Decision):
    """A decision on a selection that its author named."""

    group = "selections"
    awaits_run = False
    has_typed_value = True
    idle_reason = "Une autre décision a changé cette sélection."

    # {"name": …, "address": « territoire=Lens&sans-question=q3 », "is_shared": …}
    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        content = read_object(value)
        address = [
            (name, mask(part) if name in _TYPED else part)
            for name, part in parse_qsl(str(content.get("address", "")))
        ]
        masked = {"name": mask(str(content.get("name", ""))), "address": urlencode(address)}
        return as_json(content | {key: masked[key] for key in masked if key in content})

    @property
    def name(self) -> str:
        return text(self.content.get("name")) or ""

    @property
    def subject(self) -> Subject:
        return ("selection", self.author, self.name)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {self.subject}

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.name else "La sélection n'a pas de nom."

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.notes.get(self.subject) == self.decision_id

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"name": names.quoted(self.name)}


@dataclass(frozen=True)
class SaveSelection(SelectionDecision):
    """Names a selection of passages, or gives another to the name."""

    action = "save_selection"
    template = "garde la sélection {name}"

    @classmethod
    def named(cls, name: str, address: str, *, is_shared: bool) -> Self:
        return cls({"name": name, "address": address, "is_shared": is_shared})

    @property
    def address(self) -> str:
        return str(self.content.get("address", ""))

    @property
    def is_shared(self) -> bool:
        return self.content.get("is_shared") is True

    def fault(self, reviewed: Reviewed) -> str | None:
        asked = [part for name, part in parse_qsl(self.address) if name in _OF_THEME]
        if all(part == _NO_THEME or reviewed.themes.knows(part) for part in asked):
            return super().fault(reviewed)
        return "Un thème de cette sélection n'existe plus."


@dataclass(frozen=True)
class RemoveSelection(SelectionDecision):
    """Removes a selection that its author named."""

    action = "remove_selection"
    template = "retire la sélection {name}"

    @classmethod
    def named(cls, name: str) -> Self:
        return cls({"name": name})


def saved_selections(active: Iterable[Decision]) -> dict[Subject, SaveSelection]:
    """Return the selections that nobody removed, as last saved."""
    last = {row.subject: row for row in active if isinstance(row, SelectionDecision)}
    return {subject: row for subject, row in last.items() if isinstance(row, SaveSelection)}


def selections_of(active: Iterable[Decision], author: str) -> list[SaveSelection]:
    """Return the author's selections, then those that others share, by name."""
    rows = saved_selections(active).values()
    seen = [row for row in rows if row.author == author or row.is_shared]
    return sorted(seen, key=lambda row: (row.author != author, row.name.casefold(), row.author))


def last_selections(active: Iterable[Decision]) -> dict[Subject, int]:
    """Return the number of the last decision on each selection."""
    return {row.subject: row.decision_id for row in active if isinstance(row, SelectionDecision)}
