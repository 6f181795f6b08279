"""Process each workshop, then the study, then its report."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from flows.ahead import Ahead, encoding_ahead
from flows.budget import OverBudgetError, processor_budget, seconds_for
from flows.cache import StageRecord, give_back
from flows.execution import StageCall, StageOutcome, WorkshopFolder, all_tables, run_stage
from flows.integrity import open_seal
from flows.publish_study import LARGE, publish_study, writer_ready
from flows.stages import (
    JOIN,
    MACHINE,
    ON_CODES,
    ON_THEMES,
    PROPOSE,
    READ,
    SECOND,
    SEGMENT,
    TAG,
)
from flows.workspace import Workspace
from pipeline.depot import Unread
from pipeline.errors import AteliersError, StudyError, TableError
from pipeline.ingest import (
    identify_workshops,
    reject_silent_documents,
    reject_unread,
)
from pipeline.segment import paths_without_units
from pipeline.study import Study

_LOG = logging.getLogger(__name__)
_FAULTS = (  # of our code at a content that it did not foresee; the other workshops are processed
    OverBudgetError,
    TableError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    re.error,
)


@dataclass(frozen=True)
class Processed:
    """The records of every stage, the folders that failed, and what the language model did."""

    records: list[StageRecord]
    failed: list[str]
    second_coder: dict[str, Any] | None
    theme_proposals: dict[str, Any] | None


def process_study(
    workspace: Workspace,
    folders: Sequence[str],
    kept: Sequence[StageRecord],
    run_id: str,
    first_paths: Mapping[str, str] | None = None,
    *,
    record: Callable[[Processed], dict[str, Any]],
    writer: Executor | None = None,
) -> dict[str, Any]:
    """Run every stage and write the study's tables, `record` the run, then write its report.

    Returns what `record` does: the run can be read and reviewed while the report is written, in
    part by `writer`, by default a process started for a large study. `kept` are the records of
    skipped workshops, `first_paths` the first paths of renamed files.
    """
    study = workspace.study
    with encoding_ahead(workspace) as ahead:
        read, failed = _read_workshops(workspace, folders, first_paths or {}, ahead)
        if failed and not read and not kept:
            raise _nothing_read(study, *next(iter(failed.items())))
        tagged = run_stage(TAG, workspace, read).records
    records = [*kept, *read, *tagged]
    records.sort(key=lambda record: str(record.workshop))
    summaries: dict[str, dict[str, Any] | None] = {}
    n_units = sum(record.n_rows.get("units", 0) for record in records)
    with nullcontext(writer) if writer else writer_ready(n_units) as beside:
        for stage in (*ON_CODES, *ON_THEMES):
            outcome = run_stage(stage, workspace, records)
            records += outcome.records
            summaries[stage.name] = outcome.summary
            if stage is JOIN and n_units >= LARGE:
                give_back()  # grouping takes the most, and what follows asks for other sizes
        unread = [_unread(study, folder, error) for folder, error in failed.items()]
        _execute(workspace, "write", lambda: write_study(workspace, records, unread))
        workspace.stages.forget()  # what is published is read from the study
        recorded = record(
            Processed(records, [*failed], summaries[SECOND.name], summaries[PROPOSE.name])
        )
        if n_units >= LARGE:
            give_back()
        publish(workspace, run_id, beside)
    return recorded


def publish(workspace: Workspace, run_id: str, writer: Executor | None) -> None:
    """Write the report of the recorded run `run_id`, in part by `writer`."""
    _execute(workspace, "publish", lambda: publish_study(workspace, run_id, writer))


def write_study(
    workspace: Workspace, records: Sequence[StageRecord], unread: Sequence[Unread]
) -> None:
    """Write the machine's tables, then the reviewed ones; later runs take themes' names from the
    former.
    """
    study = workspace.study
    tables = all_tables(workspace, [record for record in records if record.workshop is not None])
    rejects = reject_unread(tables["rejects"], [*workspace.inventory.outside, *unread])
    silent = paths_without_units(tables["documents"], tables["blocks"], tables["units"])
    tables["rejects"] = reject_silent_documents(rejects, silent)
    passes = [record for record in records if record.workshop is None]
    joined = next(record for record in passes if record.stage == JOIN.name)
    machine = tables | workspace.stages.load(joined)
    open_seal(study)
    for name in MACHINE:
        study.write_machine_table(name, machine[name])
    for record in passes:
        tables |= workspace.stages.load(record)
    for name, rows in tables.items():
        study.write_table(name, rows)


def _read_workshops(
    workspace: Workspace,
    folders: Sequence[str],
    first_paths: Mapping[str, str],
    ahead: Ahead | None,
) -> tuple[list[StageRecord], dict[str, Exception]]:
    """Read workshops in the folders' order: persons' numbers must not depend on parallelism."""
    vault, ids = workspace.vault, identify_workshops(workspace.inventory)
    records: list[StageRecord] = []
    failed: dict[str, Exception] = {}
    for name in folders:
        folder = WorkshopFolder(name, ids[name], first_paths, vault.state())
        n_bytes = sum(file.n_bytes for file in workspace.inventory.at(name).files)
        try:
            with processor_budget(seconds_for(n_bytes)):
                is_new = not vault.has_read(name)
                read = run_stage(READ, workspace, (), folder, refresh=is_new).records
                segmented = run_stage(SEGMENT, workspace, read, folder).records
        except _FAULTS as error:
            _LOG.warning("a workshop failed: %s", type(error).__name__)
            failed[name] = error
            continue
        records += (*read, *segmented)
        if ahead is not None:
            ahead.take(*segmented)
    workspace.file_readers.close()
    return records, failed


def _unread(study: Study, folder: str, error: Exception) -> Unread:
    """Leave out the error's message, which may quote people."""
    what = error.found if isinstance(error, AteliersError) else type(error).__name__
    return Unread(
        study.depot / folder,
        folder,
        f"l'atelier n'a pas pu être traité ({what})",
        "signaler ce défaut ; les autres ateliers sont traités, celui-ci le sera une fois ses"
        " fichiers changés",
    )


def _nothing_read(study: Study, folder: str, error: Exception) -> AteliersError:
    """Return the error of a run whose every workshop failed, in a line that quotes nobody."""
    entry = _unread(study, folder, error)
    found = f"« {folder} » : {entry.reason}"
    do = "signaler ce défaut ; rien n'a été touché, et retirer ou changer ce qu'on vient de déposer"
    return StudyError(found, "au moins un atelier qui se traite", do)


def _execute(workspace: Workspace, name: str, work: Callable[[], object]) -> None:

    def outcome() -> StageOutcome:
        work()
        return StageOutcome()

    workspace.execute(StageCall(name, None, outcome))
