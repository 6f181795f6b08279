"""Define what people decide of how they code: who sees the machine, and passages drawn for two.

In:   passages by workshop, and the decisions
Out:  the passages of a draw; what is hidden from each coder, and from which decision on
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pipeline.decisions.kinds import (
    Decision,
    Names,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_object,
)


@dataclass(frozen=True)
class CodingDecision(Decision):
    """A decision on how people code; it changes no table."""

    group = "codage"
    awaits_run = False


@dataclass(frozen=True)
class _SightDecision(CodingDecision):
    """Says whether a coder sees what the machine proposes before validating."""

    coder: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("sight", str(self.coder))}

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.coder else "La décision ne dit pas de quelle personne il s'agit."

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"coder": self.coder or ""}


@dataclass(frozen=True)
class HideMachine(_SightDecision):
    """Has a coder decide each passage before seeing what the machine proposes."""

    action = "hide_machine"
    template = "cache à {coder} ce que la machine propose, jusqu’à la validation de chaque passage"


@dataclass(frozen=True)
class ShowMachine(_SightDecision):
    """Shows a coder what the machine proposes again."""

    action = "show_machine"
    template = "montre de nouveau à {coder} ce que la machine propose"


@dataclass(frozen=True)
class DrawSample(CodingDecision):
    """Draws passages for two coders to code, each alone."""

    action = "draw_sample"
    template = "tire {n} passages à coder par {coders}"

    # {"coders": […], "unit_ids": […], "is_blind": true}
    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    @classmethod
    def of(cls, coders: Iterable[str], unit_ids: Iterable[str], *, is_blind: bool) -> Self:
        """Return the decision; the machine's codes are hidden from the coders if `is_blind`."""
        listed = {"coders": list(coders), "unit_ids": list(unit_ids), "is_blind": is_blind}
        return cls(listed)

    @property
    def coders(self) -> tuple[str, ...]:
        return self._texts("coders")

    @property
    def unit_ids(self) -> tuple[str, ...]:
        return self._texts("unit_ids")

    @property
    def is_blind(self) -> bool:
        return self.content.get("is_blind") is True

    def _texts(self, name: str) -> tuple[str, ...]:
        listed = self.content.get(name)
        return tuple(map(str, listed)) if isinstance(listed, list) else ()

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("sample", *sorted(self.coders), *sorted(self.unit_ids))}

    def fault(self, reviewed: Reviewed) -> str | None:
        if not self.coders:
            return "La décision ne dit pas qui doit coder."
        if reviewed.themes.unit_ids.isdisjoint(self.unit_ids):
            return "Aucun des passages tirés n'est plus dans l'étude."
        return None

    def sentence(self, names: Names) -> str:
        sentence = super().sentence(names)
        if not self.is_blind:
            return sentence
        return names.say("{said}, sans voir la machine", said=sentence)

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"n": str(len(self.unit_ids)), "coders": names.joined(self.coders)}


@dataclass(frozen=True)
class CodingTask:
    """What one person was asked: `drawn` passages, and what of the machine is hidden.

    `hidden_since` numbers, by passage, the decision that hides it; `all_hidden_since` that which
    hides all of them, 0 for none.
    """

    drawn: frozenset[str] = frozenset()
    hidden_since: Mapping[str, int] = field(default_factory=dict)
    all_hidden_since: int = 0

    def since(self, unit_id: str) -> int:
        """Return the first decision that hides the passage, 0 where it is shown."""
        numbers = (self.all_hidden_since, self.hidden_since.get(unit_id, 0))
        return min((number for number in numbers if number), default=0)


def coding_task(author: str, active: Iterable[Decision]) -> CodingTask:
    """Return what the active decisions ask of `author`."""
    drawn: set[str] = set()
    hidden_since: dict[str, int] = {}
    all_hidden_since = 0
    for row in active:
        if isinstance(row, _SightDecision) and row.coder == author:
            is_hidden = isinstance(row, HideMachine)
            all_hidden_since = (all_hidden_since or row.decision_id) if is_hidden else 0
        elif isinstance(row, DrawSample) and author in row.coders:
            drawn.update(row.unit_ids)
            if row.is_blind:
                for unit_id in row.unit_ids:
                    hidden_since.setdefault(unit_id, row.decision_id)
    return CodingTask(frozenset(drawn), hidden_since, all_hidden_since)


def draw_passages(by_workshop: Mapping[str, Sequence[str]], n: int) -> list[str]:
    """Draw `n` passages, or all, as many a workshop as its share of them; the same each time.

    A workshop whose share rounds to none comes first for what rounding leaves. Which passages come
    depends on their ids alone.

    >>> draw_passages({"a": ["u1", "u2", "u3"], "b": ["u4"]}, 2)
    ['u3', 'u4']
    """
    sizes = {name: len(unit_ids) for name, unit_ids in by_workshop.items() if unit_ids}
    n_all = sum(sizes.values())
    n = min(n, n_all)
    quotas = {name: n * size / n_all for name, size in sizes.items()}
    drawn = {name: int(quota) for name, quota in quotas.items()}
    # those with none yet, then by what rounding took from them
    order = sorted(sizes, key=lambda name: (drawn[name] > 0, drawn[name] - quotas[name], name))
    for name in order[: n - sum(drawn.values())]:
        drawn[name] += 1
    return [
        unit_id
        for name in sizes
        for unit_id in sorted(by_workshop[name], key=_chance)[: drawn[name]]
    ]


def _chance(unit_id: str) -> str:
    return hashlib.sha256(unit_id.encode()).hexdigest()
