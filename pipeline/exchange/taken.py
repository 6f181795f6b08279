"""Decisions that a file brings: those that are new to the study, and what had to be left out, by why.

In:   decisions as read from a file; the study's own
Out:  Taken
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from pipeline.standing import judgements, standing, undone_by

_UNSAID = object()
Decision = dict[str, Any]  # the columns of DECISIONS that a file tells; decided_at is blank where it tells no time


@dataclass(frozen=True)
class Taken:
    """`decisions` that the study has not yet, in order; `n_known` it has; `left_out` counts the rest by reason, `lines` names them."""

    decisions: tuple[Decision, ...]
    n_known: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    @property
    def by_author(self) -> dict[str, int]:
        """How many new decisions each person took."""
        return dict(sorted(Counter(decision["author"] for decision in self.decisions).items()))


def take_new(read: Iterable[Decision], known: pd.DataFrame, tags: pd.DataFrame) -> tuple[tuple[Decision, ...], int]:
    """Return the decisions of `read` that say something new, in the order in which they were taken, and how many do not.

    One says nothing new where its author already said the same last, or where another thing was said or undone on the same subject
    since. `tags` tell what a confirmation of a unit's codes rejects.
    """
    said = _said(known, tags)
    new, n_known = [], 0
    for decision in _in_order(read):
        subject, word, moment = _subject(decision), _word(decision), _seconds(decision["decided_at"])
        last = said.get(subject)
        if last is not None and (last[0] == word or moment <= last[1]):
            n_known += 1
            continue
        said[subject] = word, moment
        new.append(decision)
    return tuple(new), n_known


def _said(known: pd.DataFrame, tags: pd.DataFrame) -> dict[tuple[Any, ...], tuple[Any, float]]:
    """What stands on each subject, `_UNSAID` where all was undone, and when it was last said or undone."""
    by, moments = undone_by(known), dict(zip(known["decision_id"], known["decided_at"], strict=True))
    said = {
        _subject(row): (_UNSAID, _seconds(moments[by[row["decision_id"]]]))
        for row in _rows(known[known["decision_id"].isin(list(by))], tags)
    }
    for row in _rows(standing(known), tags):
        subject = _subject(row)
        before = said.get(subject, (_UNSAID, float("-inf")))
        said[subject] = _word(row), max(before[1], _seconds(row["decided_at"]))
    return said


def _rows(decisions: pd.DataFrame, tags: pd.DataFrame) -> list[dict[Any, Any]]:
    """Those on the themes and codes of units, one a subject and in order."""
    moves = decisions[decisions["action"] == "move_unit"].sort_values("decision_id")
    return [*moves.to_dict("records"), *judgements(decisions, tags).to_dict("records")]


def settled_time(written: str | None) -> str:
    """A time as a file tells it, in UTC to the second; now where it tells none, no time at all, or one to come."""
    now, found = datetime.now(UTC), _moment(written)
    return (found if found and found < now else now).replace(microsecond=0).isoformat()


def counted_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """Each reason and how often it was given, the most frequent first."""
    return dict(sorted(Counter(reasons).items(), key=lambda pair: (-pair[1], pair[0])))


def _in_order(read: Iterable[Decision]) -> Sequence[Decision]:
    return sorted(read, key=lambda decision: _seconds(decision["decided_at"]))


def _subject(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    """What a decision is about: for whom, a code of a unit, the posture of a unit, or its theme."""
    if row["action"] == "move_unit":
        return row["author"], row["unit_id"], "theme"
    return row["author"], row["unit_id"], row.get("axis"), row.get("code")


def _word(row: Mapping[Any, Any]) -> Any:
    """What a decision says of its subject: the theme, or whether the code is there."""
    value = row.get("value")
    return (value if isinstance(value, str) else "") if row["action"] == "move_unit" else row["action"] != "reject_tag"


def _seconds(moment: Any) -> float:
    found = _moment(moment)
    return found.timestamp() if found else float("-inf")


def _moment(written: Any) -> datetime | None:
    """The time that an ISO 8601 text tells; without a zone, in UTC; None for any other text."""
    try:
        found = datetime.fromisoformat(str(written or ""))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
