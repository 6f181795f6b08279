"""The study under review, once a process: its last run and its decisions, both kept up to date."""

from functools import cache, partial

from django.conf import settings

from flows.typed_texts import keep_decisions
from pipeline.review.journal import Journal, Journals
from pipeline.review.snapshot import Snapshot, Snapshots
from pipeline.study import Study


def study() -> Study:
    """The study under review; its settings and grid are those of the process's start."""
    found: Study = settings.STUDY
    return found


def snapshot() -> Snapshot:
    """Return the tables of the last run."""
    return _snapshots().current()


def journal() -> Journal:
    """Return the decisions, all that were acknowledged so far, and nothing of what somebody had forgotten."""
    return _journals().current()


def journal_of_page() -> Journal:
    """Return the decisions as `journal` last read them: what a page that has asked for them once asks for again, without reading."""
    return _journals().held()


@cache
def _snapshots() -> Snapshots:
    return Snapshots(study())


@cache
def _journals() -> Journals:
    return Journals(study().decisions, keep=partial(keep_decisions, study()))
