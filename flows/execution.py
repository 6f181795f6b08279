"""Execute a stage: load its tables from the store by key, else compute and store them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from flows.cache import StageRecord, Tables, Unfinished
from pipeline.files import text_hash
from pipeline.versions import package_versions, stage_code_hash

if TYPE_CHECKING:
    from flows.workspace import Workspace


DONE, NOT_SENT, STOPPED = "done", "not_sent", "stopped"  # how asking a language model ended


@dataclass(frozen=True)
class WorkshopFolder:
    """A folder of the depot to read, with the first paths of its renamed files."""

    name: str
    workshop_id: str
    first_paths: Mapping[str, str]
    vault_state: str  # what people decided on doubtful cases, and who was forgotten


@dataclass(frozen=True)
class ServerAnswer:
    """A server's answer, which no key foresees: cached under its tables and `content`."""

    tables: Tables
    content: tuple[str, ...] = ()
    summary: dict[str, Any] | None = None  # for the manifest


def nothing_else(_workspace: "Workspace", *_folder: WorkshopFolder) -> tuple[str, ...]:
    """Return no dependency besides the tables and the code."""
    return ()


@dataclass(frozen=True)
class Stage:
    """One step of a run: a function of tables.

    A `workshop` stage gets one workshop's tables; a `workshops` stage those of several, and yields
    each one's; a `study` stage the tables of all, the latest of each name.
    """

    name: str
    scope: Literal["workshop", "workshops", "study"]
    reads: tuple[str, ...]  # tables in
    compute: Callable[..., Any]  # (tables, workspace[, folder]) → tables, or what stands for them
    depends_on: Callable[..., Iterable[str]] = nothing_else  # (workspace[, folder])
    content: Callable[[Tables], str] | None = None  # hash of tables in, not of their origin
    is_asked: bool = False  # whether `compute` returns a `ServerAnswer`
    progress: str = ""  # in French; {} is the workshop's folder


class StageOutcome(NamedTuple):
    """A stage's records, and what a server did, for the manifest."""

    records: tuple[StageRecord, ...] = ()
    summary: dict[str, Any] | None = None


@dataclass(frozen=True)
class StageCall:
    """A stage about to be executed by `work`, for `workshop_id` if any."""

    stage: str
    workshop_id: str | None
    work: Callable[[], StageOutcome]


StageExecutor = Callable[[StageCall], StageOutcome]


def execute_here(call: StageCall) -> StageOutcome:
    """Execute a stage in this process."""
    return call.work()


def run_stage(
    stage: Stage,
    workspace: "Workspace",
    records: Iterable[StageRecord] = (),
    folder: WorkshopFolder | None = None,
    *,
    refresh: bool = False,
) -> StageOutcome:
    """Execute `stage` after those of `records`; `refresh` ignores cached tables."""
    before = tuple(records)
    if stage.scope == "workshops":
        work = partial(_run_workshops, stage, workspace, before)
    elif stage.is_asked:
        work = partial(_ask, stage, workspace, before)
    else:
        work = partial(_run, stage, workspace, before, folder, refresh)
    return workspace.execute(StageCall(stage.name, folder.workshop_id if folder else None, work))


def stage_key(
    stage: Stage,
    workspace: "Workspace",
    records: Sequence[StageRecord] = (),
    folder: WorkshopFolder | None = None,
) -> str:
    """Return a hash of our code, packages, the stage's dependencies and its input tables."""
    if stage.content is None:
        inputs = sorted(record.entry for record in _providers(stage, records))
    else:
        inputs = [stage.content(_tables_in(stage, workspace, records))]
    return text_hash(
        stage.name,
        stage_code_hash(),
        *(f"{name}={version}" for name, version in package_versions().items()),
        *stage.depends_on(workspace, *_given(folder)),
        "",
        *inputs,
    )


def _run(
    stage: Stage,
    workspace: "Workspace",
    records: Sequence[StageRecord],
    folder: WorkshopFolder | None,
    refresh: bool,
) -> StageOutcome:
    name = folder.name if folder else None

    def compute() -> Tables | Unfinished:
        workspace.tell(stage.progress.format(name), 0, 1)
        tables = _tables_in(stage, workspace, records)
        made: Tables | Unfinished = stage.compute(tables, workspace, *_given(folder))
        return made

    key = stage_key(stage, workspace, records, folder)
    record = workspace.stages.run(stage.name, key, compute, workshop=name, refresh=refresh)
    return StageOutcome((record,))


def _ask(stage: Stage, workspace: "Workspace", records: Sequence[StageRecord]) -> StageOutcome:
    answer: ServerAnswer = stage.compute(_tables_in(stage, workspace, records), workspace)
    contents = [rows.to_json(orient="split") for rows in answer.tables.values()]
    key = text_hash(stage.name, *contents, *answer.content)
    record = workspace.stages.run(stage.name, key, lambda: answer.tables)
    return StageOutcome((record,), answer.summary)


def _run_workshops(
    stage: Stage, workspace: "Workspace", records: Sequence[StageRecord]
) -> StageOutcome:
    """Compute the workshops that are not cached, and cache each one when done."""
    by_workshop = {
        record.workshop: [record] for record in records if set(stage.reads) & set(record.n_rows)
    }
    keys = {name: stage_key(stage, workspace, own) for name, own in by_workshop.items()}
    new = [
        _tables_in(stage, workspace, own)
        for name, own in by_workshop.items()
        if not workspace.stages.has_key(stage.name, keys[name])
    ]
    computed: Iterator[Tables] = stage.compute(new, workspace)

    def compute(name: str | None) -> Tables:
        workspace.tell(stage.progress.format(name), 0, 1)
        return next(computed)

    kept = (
        workspace.stages.run(stage.name, key, partial(compute, name), workshop=name)
        for name, key in keys.items()
    )
    return StageOutcome(tuple(kept))


def all_tables(workspace: "Workspace", records: Sequence[StageRecord]) -> Tables:
    """Return the tables of all workshops and passes over the study, the latest of each name."""
    of_workshops = [record for record in records if record.workshop is not None]
    tables = workspace.stages.gather(of_workshops)
    for record in records:
        if record.workshop is None:
            tables |= workspace.stages.load(record)
    return tables


def _tables_in(stage: Stage, workspace: "Workspace", records: Sequence[StageRecord]) -> Tables:
    if stage.scope == "study":
        wanted = _providers(stage, records)
        passes = [record for record in records if record.workshop or record in wanted]
        tables = all_tables(workspace, passes)
    else:
        tables = {}
        for record in _providers(stage, records):
            tables |= workspace.stages.load(record)
    return {name: tables[name] for name in stage.reads}


def _providers(stage: Stage, records: Sequence[StageRecord]) -> list[StageRecord]:
    last_pass = {
        name: record for record in records if record.workshop is None for name in record.n_rows
    }

    def gives(record: StageRecord, name: str) -> bool:
        return name in record.n_rows and last_pass.get(name, record) is record

    return [record for record in records if any(gives(record, name) for name in stage.reads)]


def _given(folder: WorkshopFolder | None) -> tuple[WorkshopFolder, ...]:
    return (folder,) if folder else ()
