"""The report and the exports of a study, from its reviewed tables, into publications/<run>/ in one step.

Of a large study, another process writes the tables while this one writes the report.
"""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from flows.progress import tell
from flows.reporting import day_of, report_of, whole_folder
from flows.steps import task
from pipeline.publish import write_docx, write_html, write_map_page, write_pdf, write_public_tables
from pipeline.publish.drawings import drawings_kept
from pipeline.study import Study

_LARGE = 5_000  # passages
_READY: list[Executor] = []  # of `writer_ready`


@task(name="publish")
def publish_study(root: Path, run_id: str) -> str:
    """Write the report (.html, .docx, .pdf) and the tables (.xlsx, .csv); return the folder, relative to the study."""
    study = Study.open(root)
    tell("rédaction du rapport", 0, 1)
    with (
        drawings_kept(study.cache / "drawings"),
        whole_folder(study.publications / run_id) as folder,
        writer_ready(study.count_rows()["units"]) as writer,
        _tables_written(root, folder / "tableaux", writer),
    ):
        report = report_of(study, study.read_tables(), made_on=day_of(run_id))
        write_html(report, folder / "rapport.html")
        write_docx(report, folder / "rapport.docx")
        write_pdf(report, folder / "rapport.pdf")
        write_map_page(report, folder / "carte.html")
    return f"publications/{run_id}"


@contextmanager
def writer_ready(n_units: int) -> Iterator[Executor | None]:
    """Within the block, have a process ready to write the tables of a study of `n_units`, for `publish_study` and for what is given.

    It starts while this one works on. None where the study is small: to start a process would take longer.
    """
    if n_units < _LARGE or _READY:
        yield next(iter(_READY), None)
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_get_ready)
        _READY.append(pool)
        try:
            yield pool
        finally:
            _READY.remove(pool)


@contextmanager
def _tables_written(root: Path, folder: Path, writer: Executor | None) -> Iterator[None]:
    """Have the tables written beside what the block does, or before it where nobody else writes; they are there when it ends.

    A writer that was killed, for want of memory perhaps, is no reason to fail: they are then written here.
    """
    try:
        writing = writer.submit(_write_tables, root, folder) if writer is not None else None
    except BrokenExecutor:
        writing = None
    if writing is None:
        _write_tables(root, folder)
        yield
        return
    try:
        yield
    finally:
        wait([writing])  # an error takes the folder away
    try:
        writing.result()
    except BrokenExecutor:
        _write_tables(root, folder)


def _write_tables(root: Path, folder: Path) -> None:
    study = Study.open(root)
    write_public_tables(study.read_tables(), folder, grid=study.grid, least_count=study.settings.publish.least_count)


def _get_ready() -> None:
    """Nothing: what a process imports to find this function is what it needs."""
