"""Say what a person codes before seeing what the machine proposes, so that nothing anchors them."""

from collections.abc import Iterable

from pipeline.decisions.coding import CodingDecision, CodingTask, coding_task
from pipeline.decisions.tags import ConfirmUnit, TagDecision
from pipeline.review.journal import Journal


def task_of(author: str, journal: Journal) -> CodingTask:
    """Return what the decisions so far ask of a person."""
    return coding_task(author, journal.on_coding(CodingDecision))


def is_hidden(task: CodingTask, unit_id: str, own: Iterable[TagDecision]) -> bool:
    """Whether the machine's codes and theme are hidden from who took the `own` decisions.

    They show once the person validated the passage, and where the person had decided on it before.
    """
    since = task.since(unit_id)
    return since > 0 and not any(
        isinstance(row, ConfirmUnit) or row.decision_id < since for row in own
    )
