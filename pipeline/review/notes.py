"""Find the memos and flags of passages, wherever people's cuts and joins have put them."""

from collections.abc import Mapping, Sequence

from pipeline.decisions import Decision
from pipeline.decisions.following import follow_passages
from pipeline.decisions.memos import (
    FlagDecision,
    FlagPassage,
    Memo,
    MemoDecision,
    current_memos,
    flagged,
)
from pipeline.decisions.mending import Mending
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot


def memos_now(journal: Journal, snapshot: Snapshot | None) -> dict[int, Memo]:
    """Return the memos by number, on the passages of `snapshot`, None before any run."""
    return current_memos(_followed(journal.active(MemoDecision), journal, snapshot))


def flags_now(journal: Journal, snapshot: Snapshot) -> Mapping[str, FlagPassage]:
    """Return the flag of each flagged passage of `snapshot`."""
    return flagged(_followed(journal.active(FlagDecision), journal, snapshot))


def _followed(
    rows: Sequence[Decision], journal: Journal, snapshot: Snapshot | None
) -> Sequence[Decision]:
    mended = journal.active(Mending)
    if not rows or not mended or snapshot is None:
        return rows
    every = sorted([*rows, *mended], key=lambda row: row.decision_id)
    return follow_passages(every, snapshot.tables["units"]).active
