"""The report and the exports of a study, from its reviewed tables, into publications/<run>/ in one step."""

import datetime
import shutil
import tempfile
from pathlib import Path

from prefect import task

from flows.progress import tell
from pipeline.publish import build_report, write_docx, write_html, write_map_page, write_tables
from pipeline.study import Study, read_only


@task(name="publish")
def publish_study(root: Path, run_id: str) -> str:
    """Write the report (.html, .docx) and the tables (.xlsx, .csv); return the folder, relative to the study."""
    study = Study.open(root)
    tell("rédaction du rapport", 0, 1)
    tables = study.read_tables()
    made_on = datetime.datetime.now(datetime.UTC).date()
    settings = study.settings
    report = build_report(
        tables,
        grid=study.grid,
        settings=settings.publish,
        title=settings.etude.title,
        made_on=made_on,
        weights=settings.rank.weights.model_dump(),
    )
    try:
        study.publications.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=study.publications, prefix=".building-"))
    except OSError as error:
        raise read_only(study.publications, error) from error
    write_html(report, building / "rapport.html")
    write_docx(report, building / "rapport.docx")
    write_map_page(report, building / "carte.html")
    write_tables(tables, building / "tableaux", formats=("xlsx", "csv"), grid=study.grid)
    building.chmod(0o755)
    shutil.rmtree(study.publications / run_id, ignore_errors=True)
    building.rename(study.publications / run_id)
    return f"publications/{run_id}"
