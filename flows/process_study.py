"""Process each workshop, then the study, then its report."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from flows.ahead import Ahead, encoding_ahead
from flows.budget import processor_budget, seconds_for
from flows.cache import StageRecord, give_back
from flows.execution import (
    Stage,
    StageCall,
    StageOutcome,
    WorkshopFolder,
    all_tables,
    execute_here,
    run_stage,
)
from flows.integrity import open_seal
from flows.publish_study import LARGE, publish_study, writer_ready
from flows.setting_aside import (
    FAULTS,
    blame,
    fault_in_words,
    stage_without,
    unread_by_fault,
    unread_folder,
)
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
    for_size,
    mask_workshop,
    segment_workshop,
)
from flows.workspace import Workspace, tell_nobody
from pipeline.depot import DepotFile, Inventory, Unread
from pipeline.errors import AteliersError, StudyError
from pipeline.ingest import (
    identify_workshops,
    reject_silent_documents,
    reject_unread,
)
from pipeline.segment import paths_without_units

_LOG = logging.getLogger(__name__)
_READING, _WRITING = "la lecture", "l'écriture du rapport"


@dataclass(frozen=True)
class Processed:
    """The records of every stage, the folders of which something failed, and what the language
    model did.
    """

    records: list[StageRecord]
    failed: list[str]
    second_coder: dict[str, Any] | None
    theme_proposals: dict[str, Any] | None


class StageFaultError(Exception):
    """A stage met a content that it did not foresee."""

    def __init__(self, stage: Stage, error: Exception) -> None:
        self.stage, self.error = stage, error
        self.doing = f"l'étape « {stage.progress.removesuffix(' de {}') or stage.name} »"
        super().__init__(stage.name)


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
    skipped workshops, `first_paths` the first paths of renamed files. A file or document that a
    stage cannot treat is set aside, and the rest goes on.
    """
    with encoding_ahead(workspace) as ahead:
        read, failed, unread = _read_workshops(workspace, folders, first_paths or {}, ahead)
        base = [one for one in kept if one.stage != TAG.name] + read
        if not base and unread:
            raise _nothing_read(unread[0])
    n_units = sum(record.n_rows.get("units", 0) for record in base)
    with nullcontext(writer) if writer else writer_ready(n_units) as beside:
        records, summaries = _analyse(workspace, base, n_units)
        _execute(workspace, "write", lambda: write_study(workspace, records, unread))
        workspace.stages.forget()  # what is published is read from the study
        recorded = record(
            Processed(records, failed, summaries[SECOND.name], summaries[PROPOSE.name])
        )
        if n_units >= LARGE:
            give_back()
        try:
            publish(workspace, run_id, beside)
        except FAULTS as error:
            raise _stopped(_WRITING, error) from error
    return recorded


_Analysed = tuple[list[StageRecord], dict[str, dict[str, Any] | None]]  # records, and summaries


def _analyse(workspace: Workspace, base: Sequence[StageRecord], n_units: int) -> _Analysed:
    """Run the stages after reading, without the documents on which one of them fails."""
    reasons: dict[str, str] = {}  # by document_id
    while True:
        kept = _without(workspace, base, reasons)
        try:
            return _run_stages(workspace, kept, n_units=n_units)
        except StageFaultError as fault:
            _LOG.warning("a stage failed: %s, %s", fault.stage.name, type(fault.error).__name__)
            reasons |= _blamed(workspace, kept, fault, n_units)


def _run_stages(
    workspace: Workspace,
    base: Sequence[StageRecord],
    *,
    until: Stage | None = None,
    n_units: int = 0,
) -> _Analysed:
    records = list(base)
    summaries: dict[str, dict[str, Any] | None] = {}
    for stage in (TAG, *ON_CODES, *ON_THEMES):
        try:
            outcome = run_stage(for_size(stage, n_units), workspace, records)
        except FAULTS as error:
            raise StageFaultError(stage, error) from error
        records += outcome.records
        if stage is TAG:
            records.sort(key=lambda record: str(record.workshop))
        summaries[stage.name] = outcome.summary
        if stage is JOIN and n_units >= LARGE:
            give_back()  # grouping takes the most, and what follows asks for other sizes
        if stage is until:
            break
    return records, summaries


def _blamed(
    workspace: Workspace, base: Sequence[StageRecord], fault: StageFaultError, n_units: int
) -> dict[str, str]:
    """Return why each document on which a stage fails is set aside, by document_id."""
    quiet = replace(
        workspace, tell=tell_nobody, approve=lambda _estimate: False, execute=execute_here
    )
    ids = all_tables(workspace, base)["documents"]["document_id"].tolist()

    def fails(some: Sequence[str]) -> bool:
        others = dict.fromkeys(set(ids) - set(some), "")
        try:
            lighter = _without(quiet, base, others)
            _run_stages(quiet, lighter, until=fault.stage, n_units=n_units)
        except StageFaultError as other:
            return other.stage is fault.stage
        return False

    blamed = blame(ids, fails)
    if not 0 < len(blamed) < len(ids):
        raise _stopped(fault.doing, fault.error) from fault
    return dict.fromkeys(blamed, fault_in_words(fault.doing, fault.error))


def _without(
    workspace: Workspace, records: Sequence[StageRecord], reasons: Mapping[str, str]
) -> list[StageRecord]:
    """Return the workshops' records without the documents of `reasons`."""
    lighter: list[StageRecord] = []
    for name in dict.fromkeys(record.workshop for record in records if reasons):
        own = [record for record in records if record.workshop == name]
        documents = all_tables(workspace, own)["documents"]["document_id"]
        mine = {one: reasons[one] for one in documents if one in reasons}
        if mine:
            folder = WorkshopFolder(str(name), str(name), {}, "")
            lighter += run_stage(stage_without(mine), workspace, own, folder).records
    return [*records, *lighter]


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
) -> tuple[list[StageRecord], list[str], list[Unread]]:
    """Read workshops in the folders' order: persons' numbers must not depend on parallelism.

    Returns their records, the folders of which something failed, and those that failed whole.
    """
    ids = identify_workshops(workspace.inventory)
    records: list[StageRecord] = []
    failed: list[str] = []
    unread: list[Unread] = []
    for name in folders:
        folder = WorkshopFolder(name, ids[name], first_paths, workspace.vault.state())
        try:
            read, is_whole = _read_folder(workspace, folder)
        except FAULTS as error:
            _LOG.warning("a workshop failed: %s", type(error).__name__)
            failed.append(name)
            unread.append(unread_folder(workspace.study.depot / name, error))
            continue
        failed += [] if is_whole else [name]
        records += read
        if ahead is not None:
            ahead.take(read[-1])
    workspace.file_readers.close()
    return records, failed, unread


def _read_folder(
    workspace: Workspace, folder: WorkshopFolder
) -> tuple[tuple[StageRecord, ...], bool]:
    """Read and cut up a workshop without the files on which that fails; say whether all went."""
    try:
        return _read_and_segment(workspace, folder), True
    except FAULTS as error:
        files = workspace.inventory.at(folder.name).files
        blamed = blame(files, lambda some: _fails_on(some, workspace, folder))
        if not 0 < len(blamed) < len(files):
            raise
        _LOG.warning("%d files set aside: %s", len(blamed), type(error).__name__)
        fault = fault_in_words(_READING, error)
        aside = [unread_by_fault(file.path, file.name, fault) for file in blamed]
    lighter = replace(workspace, inventory=workspace.inventory.without(aside))
    return _read_and_segment(lighter, folder), False


def _read_and_segment(workspace: Workspace, folder: WorkshopFolder) -> tuple[StageRecord, ...]:
    with _budget(workspace.inventory, folder):
        is_new = not workspace.vault.has_read(folder.name)
        read = run_stage(READ, workspace, (), folder, refresh=is_new).records
        return (*read, *run_stage(SEGMENT, workspace, read, folder).records)


def _fails_on(files: Sequence[DepotFile], workspace: Workspace, folder: WorkshopFolder) -> bool:
    """Whether reading and cutting up these files alone fails; nothing is written."""
    others = (file for file in workspace.inventory.at(folder.name).files if file not in files)
    aside = [Unread(file.path, file.name, "", "") for file in others]
    alone = replace(workspace, inventory=workspace.inventory.without(aside))
    try:
        with _budget(alone.inventory, folder):
            segment_workshop(mask_workshop(alone, folder).tables, alone, folder)
    except FAULTS:
        return True
    return False


def _budget(inventory: Inventory, folder: WorkshopFolder) -> AbstractContextManager[None]:
    n_bytes = sum(file.n_bytes for file in inventory.at(folder.name).files)
    return processor_budget(seconds_for(n_bytes))


def _nothing_read(entry: Unread) -> AteliersError:
    """Return the error of a run whose every workshop failed, in a line that quotes nobody."""
    found = f"« {entry.name} » : {entry.reason}"
    do = "signaler ce défaut ; rien n'a été touché, et retirer ou changer ce qu'on vient de déposer"
    return StudyError(found, "au moins un atelier qui se traite", do)


def _stopped(doing: str, error: Exception) -> AteliersError:
    """Return the error of a stage that fails whatever is set aside; it quotes nobody."""
    do = "signaler ce défaut ; les tables et publications d'avant restent, ainsi que les décisions"
    return StudyError(fault_in_words(doing, error), "une étape qui se fait", do)


def _execute(workspace: Workspace, name: str, work: Callable[[], object]) -> None:

    def outcome() -> StageOutcome:
        work()
        return StageOutcome()

    workspace.execute(StageCall(name, None, outcome))
