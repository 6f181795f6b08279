"""What publication and comparison share: a study's report, and a folder that takes the place of the old one only once it is whole."""

import datetime
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from flows.followed import followed_decisions
from pipeline.decisions import weights_in_use
from pipeline.files import force_to_disk
from pipeline.publish import Report, build_report
from pipeline.study import Study, read_only


def day_of(run_id: str) -> datetime.date:
    """The day of a run, in UTC: a report made again of the same run bears the same date."""
    return datetime.datetime.strptime(run_id[:8], "%Y%m%d").replace(tzinfo=datetime.UTC).date()


def report_of(study: Study, tables: Mapping[str, pd.DataFrame], *, made_on: datetime.date | None = None) -> Report:
    """Return the report of `tables` with the study's grid, title and the weights it was ranked by, dated `made_on` or today."""
    settings = study.settings
    chosen = weights_in_use(followed_decisions(study, tables), settings.rank)
    return build_report(
        dict(tables),
        grid=study.grid,
        settings=settings.publish,
        title=settings.etude.title,
        made_on=made_on or datetime.datetime.now(datetime.UTC).date(),
        weights=chosen.weights.model_dump(),
        weighting=chosen.name,
    )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a hidden folder beside `target` that becomes `target` when all is written; after an error the old one is still there.

    Raises `StudyError` where the place cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=target.parent, prefix=".building-"))
    except OSError as error:
        raise read_only(target.parent, error) from error
    try:
        yield building
        force_to_disk(building)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    building.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)
