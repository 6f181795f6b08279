"""The whole job, in order: each workshop, then the study, then its report."""

import logging
import re
from dataclasses import dataclass
from typing import Any

from flows.ahead import encoding_ahead
from flows.analyse_study import analyse_study
from flows.cache import StageRecord
from flows.language_model import agree_study, code_again, order_study
from flows.process_workshop import process_workshop, tag_workshops
from flows.publish_study import publish_study, writer_ready
from flows.steps import flow
from flows.workspace import Workspace
from pipeline.depot import Unread
from pipeline.errors import TableError
from pipeline.ingest import identify_workshops
from pipeline.study import Study

_LOG = logging.getLogger(__name__)
_FAULTS = (  # of our code at a content that it did not foresee; the other workshops are none the worse for it
    TableError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    re.error,
)


@dataclass(frozen=True)
class Processed:
    """The records of every stage of a run, the folders that failed, and what the language model did, if there is one: as a
    second coder, and for themes.
    """

    records: list[StageRecord]
    failed: list[str]
    second_coder: dict[str, Any] | None
    theme_proposals: dict[str, Any] | None


@flow(name="process_study")
def process_study(
    workspace: Workspace,
    folders: list[str],
    kept: list[StageRecord],
    run_id: str,
    first_paths: dict[str, str] | None = None,
) -> Processed:
    """Return what the run did; `kept` are the records of workshops that this run does not look at, `first_paths` those of renamed files."""
    study = workspace.study
    ids = identify_workshops(
        [*study.workshop_folders(), *(study.depot / folder for folder in folders)],
        depot=study.depot,
    )
    read: list[list[StageRecord]] = []
    failed: list[tuple[str, Exception]] = []
    with encoding_ahead(workspace) as ahead:
        for folder in folders:
            try:
                records = process_workshop(workspace, folder, ids[folder], first_paths)
            except _FAULTS as error:
                _LOG.warning("a workshop failed: %s", type(error).__name__)
                failed.append((folder, error))
                continue
            read.append(records)
            if ahead is not None:
                ahead.take(records[-1])
        workspace.file_readers.close()
        if failed and not read and not kept:
            raise failed[0][1]
        tagged = tag_workshops(workspace, [segmented for _, segmented in read])
    processed = [*kept, *(record for records in read for record in records), *tagged]
    processed.sort(key=lambda record: str(record.workshop))
    second = code_again(workspace, processed)
    coders = [
        second.record,
        agree_study(workspace, processed, second),
        order_study(workspace, processed, second),
    ]
    with writer_ready(sum(record.n_rows.get("units", 0) for record in processed)) as writer:
        analysed, proposed = analyse_study(
            workspace, processed, coders, [_unread(study, *failure) for failure in failed]
        )
        workspace.stages.forget()  # what is published is read from the study
        publish_study(workspace, run_id, writer)
    return Processed(
        processed + analysed, [folder for folder, _ in failed], second.summary, proposed.summary
    )


def _unread(study: Study, folder: str, error: Exception) -> Unread:
    """The line that says that a workshop failed; never its message, which may quote what people said."""
    what = error.found if isinstance(error, TableError) else type(error).__name__
    advice = "signaler ce défaut ; les autres ateliers sont traités, celui-ci le sera une fois ses fichiers changés"
    return Unread(study.depot / folder, f"l'atelier n'a pas pu être traité ({what})", advice)
