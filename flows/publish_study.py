"""The report and the exports of a study, from its reviewed tables, into publications/<run>/ in one step."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from flows.progress import tell
from flows.reporting import day_of, report_of, whole_folder
from flows.steps import task
from pipeline.publish import write_docx, write_html, write_map_page, write_pdf, write_public_tables
from pipeline.publish.drawings import drawings_kept
from pipeline.study import Study

_LARGE = 5_000  # passages from which tables are written by another process, while this one writes the report


@task(name="publish")
def publish_study(root: Path, run_id: str) -> str:
    """Write the report (.html, .docx, .pdf) and the tables (.xlsx, .csv); return the folder, relative to the study."""
    study = Study.open(root)
    tell("rédaction du rapport", 0, 1)
    tables = study.read_tables()
    is_large = len(tables["units"]) >= _LARGE
    with (
        drawings_kept(study.cache / "drawings"),
        whole_folder(study.publications / run_id) as folder,
        _beside(is_large, _write_tables, root, run_id, folder / "tableaux"),
    ):
        report = report_of(study, tables, made_on=day_of(run_id))
        write_html(report, folder / "rapport.html")
        write_docx(report, folder / "rapport.docx")
        write_pdf(report, folder / "rapport.pdf")
        write_map_page(report, folder / "carte.html")
    return f"publications/{run_id}"


def _write_tables(root: Path, run_id: str, folder: Path) -> None:
    study = Study.open(root)
    tables = study.read_tables()
    write_public_tables(tables, report_of(study, tables, made_on=day_of(run_id)), folder, grid=study.grid)


@contextmanager
def _beside(is_worth_it: bool, function: Callable[[Path, str, Path], None], *parts: Any) -> Iterator[None]:
    """Have `function` done while the block is, by a process of its own where that is worth its start; else after it."""
    if not is_worth_it:
        yield
        function(*parts)
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        done = pool.submit(function, *parts)
        yield
        done.result()
