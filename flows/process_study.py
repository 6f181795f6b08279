"""The whole job, in order: each workshop, then the study, then its report."""

from pathlib import Path

from prefect import flow

from flows.analyse_study import analyse_study
from flows.cache import StageRecord
from flows.process_workshop import process_workshop
from flows.publish_study import publish_study


@flow(name="process_study")
def process_study(root: Path, folders: list[str], kept: list[StageRecord], run_id: str) -> list[StageRecord]:
    """Return the records of every stage of the run; `kept` are those of workshops that this run does not look at."""
    processed = list(kept)
    for folder in folders:
        processed += process_workshop(root, folder)
    processed.sort(key=lambda record: str(record.workshop))
    analysed = analyse_study(root, processed)
    publish_study(root, run_id)
    return processed + analysed
