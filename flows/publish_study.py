"""The report and the exports of a study, from its reviewed tables, into publications/<run>/ in one step."""

from pathlib import Path

from flows.progress import tell
from flows.reporting import day_of, report_of, whole_folder
from flows.steps import task
from pipeline.publish import write_docx, write_html, write_map_page, write_pdf, write_public_tables
from pipeline.publish.drawings import drawings_kept
from pipeline.study import Study


@task(name="publish")
def publish_study(root: Path, run_id: str) -> str:
    """Write the report (.html, .docx, .pdf) and the tables (.xlsx, .csv); return the folder, relative to the study."""
    study = Study.open(root)
    tell("rédaction du rapport", 0, 1)
    tables = study.read_tables()
    report = report_of(study, tables, made_on=day_of(run_id))
    with drawings_kept(study.cache / "drawings"), whole_folder(study.publications / run_id) as folder:
        write_html(report, folder / "rapport.html")
        write_docx(report, folder / "rapport.docx")
        write_pdf(report, folder / "rapport.pdf")
        write_map_page(report, folder / "carte.html")
        write_public_tables(tables, report, folder / "tableaux", grid=study.grid)
    return f"publications/{run_id}"
