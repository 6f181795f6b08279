"""Write a study's report and tables, or the comparison of its territories."""

import datetime
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from flows.comparison import comparison
from flows.runners.work import begin_process
from flows.typed_texts import followed_decisions, paths_without_names
from flows.workspace import Workspace
from pipeline.decisions import active_decisions
from pipeline.decisions.kinds import weights_in_use
from pipeline.files import force_to_disk, read_only
from pipeline.publish.charts import Drawings
from pipeline.publish.docx import write_page
from pipeline.publish.html import write_map_page, write_web_page
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.pdf import print_page
from pipeline.publish.report import build_report
from pipeline.publish.report.content import Report
from pipeline.publish.tables import write_public_tables, write_tables
from pipeline.publish.territory_charts import draw_comparison
from pipeline.publish.workbook import NAME, write_workbook
from pipeline.study import Study


def day_of(run_id: str) -> datetime.date:
    """Return the day of a run, in UTC, so that its report always bears the same date."""
    return datetime.datetime.strptime(run_id[:8], "%Y%m%d").replace(tzinfo=datetime.UTC).date()


def report_of(
    study: Study, tables: Mapping[str, pd.DataFrame], *, made_on: datetime.date | None = None
) -> Report:
    """Return the report of `tables` with the weights in use, dated `made_on` or today."""
    settings = study.settings
    chosen = weights_in_use(active_decisions(followed_decisions(study, tables)), settings.rank)
    rejects = tables["rejects"]
    shown = rejects.assign(path=paths_without_names(study, rejects["path"]))
    return build_report(
        {**tables, "rejects": shown},
        grid=study.grid,
        settings=settings.publish,
        title=settings.etude.title,
        commissioner=settings.etude.commissioner,
        contact=settings.etude.contact,
        made_on=made_on or datetime.datetime.now(datetime.UTC).date(),
        weights=chosen.weights.model_dump(),
        weighting=chosen.name,
        least_units=settings.cluster.least_units,
    )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a hidden folder that replaces `target` at the end; an error leaves the old one.

    Raises `StudyError` where it cannot be written.
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


LARGE = 5_000  # passages
_PARTS: dict[Part, str] = {"rapport": "rapport", "annexe": "annexe-technique"}  # file names


def publish_study(
    workspace: Workspace,
    run_id: str,
    writer: Executor | None = None,
    *,
    report: Report | None = None,
) -> str:
    """Write the report and its annex (.html, .docx, .pdf), and the tables (.xlsx, .csv).

    A `writer` writes the tables meanwhile; `report` is the run's, where it was made already.
    Returns the folder, relative to the study.
    """
    study, drawings = workspace.study, Drawings(workspace.store)
    workspace.tell("rédaction du rapport", 0, 1)
    tables = study.read_tables()
    with (
        whole_folder(study.publications / run_id) as folder,
        _tables_beside(study, tables, folder / "tableaux", writer),
    ):
        report = report or report_of(study, tables, made_on=day_of(run_id))
        for part in _PARTS:
            _write_part(study, report, part, folder, drawings)
        write_map_page(report, folder / "carte.html")
    drawings.save()
    return f"publications/{run_id}"


def _write_part(study: Study, report: Report, part: Part, folder: Path, drawings: Drawings) -> None:
    page, name = lay_out(report, part), _PARTS[part]
    template = study.report_template
    write_web_page(page, folder / f"{name}.html", drawings=drawings)
    with ThreadPoolExecutor(1) as printer:  # typst lets other threads go on
        printing = printer.submit(print_page, page, drawings=drawings)
        write_page(page, folder / f"{name}.docx", template=template, drawings=drawings)
    (folder / f"{name}.pdf").write_bytes(printing.result())


@contextmanager
def writer_ready(n_units: int) -> Iterator[Executor | None]:
    """Start a process that writes the tables; None for a small study, where it is slower."""
    if n_units < LARGE:
        yield None
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_get_ready)
        yield pool


@contextmanager
def forked_writer() -> Iterator[Executor]:
    """Start a copy of this process that writes the tables, which costs a small study nothing.

    For a process that has loaded all it needs, and no thread yet.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("fork"), initializer=begin_process) as pool:
        pool.submit(_get_ready)  # copied now
        yield pool


@contextmanager
def _tables_beside(
    study: Study, tables: dict[str, pd.DataFrame], folder: Path, writer: Executor | None
) -> Iterator[None]:
    """Have `writer` write the tables while the block runs.

    Without one, or where it was killed, this process writes them afterwards.
    """
    writing = None
    with suppress(BrokenExecutor):
        writing = writer.submit(_read_and_write_tables, study.root, folder) if writer else None
    try:
        yield
    finally:
        wait([writing] if writing else [])  # an error takes the folder away
    with suppress(BrokenExecutor):
        if writing is not None:
            writing.result()
            return
    _write_tables(study, tables, folder)


def _read_and_write_tables(root: Path, folder: Path) -> None:
    study = Study.open(root)
    _write_tables(study, study.read_tables(), folder)


def _write_tables(study: Study, tables: dict[str, pd.DataFrame], folder: Path) -> None:
    settings = study.settings
    write_public_tables(tables, folder, least_count=settings.publish.least_count)
    write_people_tables(study, tables, folder / NAME)


def write_people_tables(study: Study, tables: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """Write the workbook that people read."""
    settings = study.settings
    return write_workbook(
        tables,
        path,
        grid=study.grid,
        title=settings.etude.title,
        least_count=settings.publish.least_count,
        least_units=settings.cluster.least_units,
    )


def _get_ready() -> None:
    """Do nothing: importing this function imports what the process needs."""


def write_comparison(root: Path) -> dict[str, pd.DataFrame]:
    """Compare from the last run's tables and write exports/comparaison/.

    Raises `StudyError` where the study cannot be written to.
    """
    study = Study.open(root)
    tables = study.read_tables()
    compared = comparison(
        tables,
        study.settings,
        study.grid.exclusive,
        active=active_decisions(followed_decisions(study, tables)),
    )
    report = report_of(study, tables | compared)
    with whole_folder(study.root / "exports" / "comparaison") as folder:
        page = lay_out(report, "territoires")
        write_web_page(page, folder / "comparaison.html")
        write_page(page, folder / "comparaison.docx", template=study.report_template)
        write_map_page(report, folder / "carte.html")
        for name, (spec, svg, png) in draw_comparison(report).items():
            (folder / f"{name}.vl.json").write_text(
                json.dumps(spec, ensure_ascii=False, indent=1), encoding="utf-8"
            )
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
            (folder / f"{name}.png").write_bytes(png)
        write_tables(compared, folder / "tableaux", formats=("csv",), only=compared)
    return compared
