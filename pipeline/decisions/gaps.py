"""Define what people decide of needs that no known structure answers.

In:   active decisions; gaps of the machine
Out:  gaps, each with its state: to be checked, confirmed or set aside
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import pandas as pd

from pipeline.decisions.kinds import (
    Decision,
    GapId,
    Names,
    Reviewed,
    as_json,
    in_value,
    read_object,
)
from pipeline.tables.results import GAPS
from pipeline.tables.schema import GAP_STATES

_TO_CHECK, _CONFIRMED, _REFUSED = GAP_STATES


@dataclass(frozen=True)
class GapDecision(Decision):
    """A decision on a need of a workshop, as it was listed."""

    group = "besoins"
    state: ClassVar[str]

    # {"workshop_id": …, "subject_id": …, "title": …, "unit_ids": […]}
    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    @classmethod
    def of(
        cls,
        workshop_id: str,
        subject_id: str,
        title: str,
        unit_ids: Iterable[str],
        *,
        why: str | None = None,
    ) -> Self:
        """Return the decision on a gap and the passages that say its need."""
        names = {"workshop_id": workshop_id, "subject_id": subject_id, "title": title}
        return cls(names | {"unit_ids": sorted(set(unit_ids))}, why=why)

    @property
    def gap(self) -> GapId:
        return str(self.content.get("workshop_id")), str(self.content.get("subject_id"))

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[tuple[str, ...]]:
        return {("gap", *self.gap)}

    def fault(self, reviewed: Reviewed) -> str | None:
        unit_ids = self.content.get("unit_ids")
        if not isinstance(unit_ids, list) or reviewed.themes.unit_ids.isdisjoint(unit_ids):
            return "Aucun des passages de ce besoin n'est plus dans l'étude."
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.gaps.get(self.gap) == self.decision_id

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"title": names.quoted(str(self.content.get("title", "")))}


@dataclass(frozen=True)
class ConfirmGap(GapDecision):
    """Confirms that no known structure answers a need."""

    action = "confirm_gap"
    template = "confirme qu’aucune structure connue ne répond au besoin {title}"
    state = _CONFIRMED


@dataclass(frozen=True)
class RefuseGap(GapDecision):
    """Says that a structure answers a need, or that it is none."""

    action = "refuse_gap"
    template = "écarte des besoins sans réponse connue {title}"
    state = _REFUSED


def decided_gaps(active: Iterable[Decision]) -> dict[GapId, GapDecision]:
    """Return the last decision on each gap."""
    return {row.gap: row for row in active if isinstance(row, GapDecision)}


def settle_gaps(gaps: pd.DataFrame, active: Iterable[Decision]) -> pd.DataFrame:
    """Return `gaps` in the state that people last decided."""
    decided = decided_gaps(active)
    keys = zip(gaps["workshop_id"], gaps["subject_id"], strict=True)
    states = [decided[key].state if key in decided else _TO_CHECK for key in keys]
    return GAPS.check(gaps.assign(state=pd.Series(states, index=gaps.index, dtype=object)))
