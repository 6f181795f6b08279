"""What tells whether a store of decisions still holds what it held when a run read it.

In:   rows of decisions, how often some were erased; what an earlier run recorded of them
Out:  Mark, and in French what is lost since
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.text import counted


@dataclass(frozen=True)
class Mark:
    """The number of the last decision, how many there are, a hash of what they say, how often some were erased."""

    last_id: int
    n_decisions: int
    sha256: str
    n_erasures: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], n_erasures: int) -> "Mark":
        """The mark of all decisions of a store, their number first, in order."""
        return cls(int(rows[-1][0]) if rows else 0, len(rows), _hash_of(rows), n_erasures)

    @classmethod
    def recorded(cls, manifest: Mapping[str, Any] | None) -> "Mark | None":
        """The mark that a run left in its record; None where it left none, as an earlier version did."""
        found = (manifest or {}).get("decisions")
        return cls(**{name: found[name] for name in cls.__dataclass_fields__}) if found else None


def what_is_lost(recorded: Mark, rows: Sequence[Sequence[Any]], n_erasures: int) -> str | None:
    """Say what is gone or changed of the decisions that `recorded` marks, None where all are there.

    Decisions that came since are no loss, nor what `ateliers forget` erased, which the store itself records.
    """
    if n_erasures > recorded.n_erasures:
        return None
    earlier = [row for row in rows if row[0] <= recorded.last_id]
    if not rows and recorded.n_decisions:
        return "ne tient plus aucune décision"
    if len(earlier) < recorded.n_decisions:
        return f"ne tient plus que {counted(len(earlier), 'décision')}"
    if n_erasures < recorded.n_erasures:
        return "tient des décisions d'avant un effacement (ateliers forget)"
    if _hash_of(earlier) != recorded.sha256:
        return "tient des décisions qui ont changé"
    return None


def _hash_of(rows: Iterable[Sequence[Any]]) -> str:
    found = hashlib.sha256()
    for row in rows:
        found.update(json.dumps(list(row)).encode() + b"\n")
    return found.hexdigest()
