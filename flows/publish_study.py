"""The report and the exports of a study, from its reviewed tables, into publications/<run>/ in one step."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from flows.progress import tell
from flows.reporting import day_of, report_of, whole_folder
from flows.steps import task
from pipeline.publish import write_docx, write_html, write_map_page, write_pdf, write_public_tables
from pipeline.publish.drawings import drawings_kept
from pipeline.publish.public import FromReport
from pipeline.study import Study

_LARGE = 5_000  # passages from which tables are written by another process, while this one writes the report


@task(name="publish")
def publish_study(root: Path, run_id: str) -> str:
    """Write the report (.html, .docx, .pdf) and the tables (.xlsx, .csv); return the folder, relative to the study."""
    study = Study.open(root)
    tell("rédaction du rapport", 0, 1)
    tables = study.read_tables()
    with (
        drawings_kept(study.cache / "drawings"),
        whole_folder(study.publications / run_id) as folder,
        _beside(is_worth_it=len(tables["units"]) >= _LARGE) as begin,
    ):
        report = report_of(study, tables, made_on=day_of(run_id))
        begin(_write_tables, root, FromReport.of(report), folder / "tableaux")
        write_html(report, folder / "rapport.html")
        write_docx(report, folder / "rapport.docx")
        write_pdf(report, folder / "rapport.pdf")
        write_map_page(report, folder / "carte.html")
    return f"publications/{run_id}"


def _write_tables(root: Path, told: FromReport, folder: Path) -> None:
    study = Study.open(root)
    write_public_tables(study.read_tables(), told, folder, grid=study.grid)


@contextmanager
def _beside(*, is_worth_it: bool) -> Iterator[Callable[..., None]]:
    """Give what begins a function: in a process beside, started now and waited for at the end, where that is worth it; else at once."""
    if not is_worth_it:
        yield lambda function, *parts: function(*parts)
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        begun = [pool.submit(_get_ready)]
        yield lambda function, *parts: begun.append(pool.submit(function, *parts))
        for future in begun:
            future.result()


def _get_ready() -> None:
    """Nothing: what a process imports to find this function is what it needs."""
