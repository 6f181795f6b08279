"""Publish the last run, export the study for other tools, import their files as decisions.

In:   a study that was run
Out:  publications/<run>/, in one step, with a record of its files in manifeste.json
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.integrity import seal_study
from flows.publication_files import (
    CHANGES,
    EXPORTS,
    FOR_ANALYSTS,
    MANIFEST,
    changes_of,
    in_use,
    let_go,
    publications,
    publications_gone,
    publications_to_let_go,
    published,
    runs_published,
)
from flows.publish_study import (
    day_of,
    publish_study,
    report_of,
    whole_folder,
    write_people_tables,
)
from flows.typed_texts import decisions_to_show, keep_decisions
from flows.workspace import Listener, open_workspace
from pipeline.decisions import active_decisions
from pipeline.decisions.following import follow_passages
from pipeline.decisions.memos import current_memos
from pipeline.errors import StudyError, UsageError
from pipeline.exchange.codebook import codebook_file, compare_codebook
from pipeline.exchange.documents import By, corpus_file, gather_codings
from pipeline.exchange.import_project import Taken, take_project
from pipeline.exchange.project import project_file, read_project
from pipeline.exchange.review_sheet import read_sheet_file, sheet_file, take_sheet
from pipeline.files import file_hash, write_bytes
from pipeline.grid import load_grid
from pipeline.publish.changes import summarise, tell_changes
from pipeline.publish.docx import write_workshop_pages
from pipeline.publish.slides import write_slides
from pipeline.publish.tables import FORMATS, Format, write_tables
from pipeline.study import Study

TABLES = ("xlsx", "techniques", "csv", "parquet", "geojson")
_FILES = {
    **{form: EXPORTS[form] for form in ("qdpx", "qdc", "iramuteq", "relecture", "geojson")},
    "xlsx": "tableaux.xlsx",
    "techniques": "tables-techniques.xlsx",
}


def export_study(
    study: Study, form: str, output: Path | None, *, by: By | None = None
) -> list[Path]:
    """Write the study in `form` and return the files, at `output` or in that folder.

    Raises `UsageError` for `by` with another form than iramuteq, `StudyError` where files cannot be
    written.
    """
    if by is not None and form != "iramuteq":
        raise UsageError(
            f"--by avec le format {form}", "--by avec le format iramuteq", "retirer --by"
        )
    target = output or study.root / "exports" / form
    name = _FILES.get(form)
    is_file_name = name and target.suffix.lower() == Path(name).suffix and not target.is_dir()
    path = target if is_file_name else target / (name or "")
    if form in TABLES:
        return _export_tables(study, form, path)
    write_bytes(path, _content(study, form, by or "document"))
    return [path]


def import_file(
    study: Study, path: Path, *, author: str | None = None, only: str | None = None
) -> Taken | None:
    """Append the decisions of a .qdpx or a review sheet; return None for another workbook.

    `author` gets what nobody signed. With `only`, others' decisions and colours are left out.
    Raises `StudyError` for an unreadable file, `UsageError` where nobody is named.
    """
    if not path.is_file():
        raise StudyError(
            f"« {path} » n'est pas un fichier",
            "un projet .qdpx ou une feuille de relecture",
            "vérifier son chemin",
        )
    tables, store = study.read_tables(), study.decisions
    if path.suffix.lower() == ".qdpx":
        project = read_project(path)
        taken = take_project(project, tables, study.grid, decisions=store.read(), author=author)
    else:
        sheet = read_sheet_file(path)
        if sheet is None:
            return None
        taken = take_sheet(sheet, tables, study.grid, decisions=store.read(), author=author)
    if only is not None:
        taken = taken.of(only)
    keep_decisions(study, [decision.row() for decision in taken.decisions])
    return taken


def compare_grid(study: Study, path: Path) -> list[str]:
    """Return how `path` differs from the study's grid; raise `GridError` if it has no codebook."""
    return compare_codebook(load_grid(path), study.grid)


def _content(study: Study, form: str, by: By) -> bytes:
    tables = study.read_tables()
    if form == "qdc":
        return codebook_file(study.grid, tables["themes"], tables["theme_families"])
    if form == "iramuteq":
        return corpus_file(tables, by=by, own_axes=study.grid.own_axes)
    if form == "relecture":
        return sheet_file(tables, study.grid)
    decisions, proposed = decisions_to_show(study), study.read_machine_table("tags")
    codings = gather_codings(tables, study.grid, decisions=decisions, machine_tags=proposed)
    active = follow_passages(active_decisions(decisions), tables["units"]).active
    memos = current_memos(active).values()
    title = study.settings.etude.title
    return project_file(tables, study.grid, codings, title=title, memos=tuple(memos))


def _export_tables(study: Study, form: str, path: Path) -> list[Path]:
    tables = study.read_tables()
    formats: list[Format] = [name for name in FORMATS if name == form]
    if form not in _FILES:
        return write_tables(tables, path, formats=formats)
    with tempfile.TemporaryDirectory(prefix="ateliers-") as scratch:
        if form == "xlsx":
            written = write_people_tables(study, tables, Path(scratch) / _FILES[form])
        else:
            (written,) = write_tables(tables, Path(scratch), formats=formats)
        write_bytes(path, written.read_bytes())
    return [path]


_EXCHANGED = ("qdpx", "qdc", "iramuteq")
# other sections hold names, places or addresses
_SETTINGS = ("etude", "segment", "embed", "tag", "cluster", "rank", "compare", "publish")


@dataclass(frozen=True)
class Publication:
    """A publication's folder, its files, and the changes since the one before, a line each."""

    folder: Path
    files: list[dict[str, Any]]
    changes: list[str]
    n_let_go: int = 0


def publish_whole(
    root: Path, run: Mapping[str, Any], *, on_progress: Listener | None = None
) -> Publication:
    """Publish `run`, the study's last one; the same run gives the same bytes.

    Raises `StudyError` for a study that cannot be written to.
    """
    study = Study.open(root)
    tables, target = study.read_tables(), study.root / run["publication"]
    report = report_of(study, tables, made_on=day_of(run["run_id"]))
    previous = _previous(study, run["run_id"])
    summary = summarise(report, tables, n_priorities=study.settings.publish.n_priorities)
    changes = tell_changes(previous["summary"] if previous else None, summary)
    before = previous["run_id"] if previous else None
    earlier = published(study, run["run_id"])
    if earlier and earlier.previous in {row["run_id"] for row in publications_gone(study)}:
        before, changes = earlier.previous, changes_of(study, run["run_id"])
    with (
        open_workspace(study, on_progress=on_progress) as workspace,
        whole_folder(target) as folder,
    ):
        if not target.is_dir():
            publish_study(workspace, run["run_id"], report=report)
        # what the run wrote is the report of the same tables
        shutil.copytree(target, folder, dirs_exist_ok=True)
        workspace.tell("deux pages par atelier", 0, 1)
        write_workshop_pages(report, folder / "ateliers", template=study.report_template)
        workspace.tell("diapositives", 0, 1)
        write_slides(report, folder / "restitution.pptx", template=study.slides_template)
        workspace.tell("fichiers pour les analystes", 0, 1)
        for form in _EXCHANGED:
            export_study(study, form, folder / FOR_ANALYSTS / _FILES[form])
        (folder / EXPORTS[CHANGES]).write_text(
            "\n".join(changes) + "\n", encoding="utf-8", newline="\n"
        )
        files = _list_files(folder)
        manifest = {
            "run_id": run["run_id"],
            "title": study.settings.etude.title,
            "made_on": report.made_at,
            "previous": before,
            "versions": run.get("versions"),
            "encoder": run.get("encoder"),
            "settings": {
                name: section
                for name, section in study.settings.model_dump(mode="json").items()
                if name in _SETTINGS
            },
            "files": files,
            "summary": summary,
        }
        (folder / MANIFEST).write_text(
            json.dumps(manifest, ensure_ascii=False, indent=1) + "\n",
            encoding="utf-8",
            newline="\n",
        )
    seal_study(study)
    return Publication(target, files, changes, let_old_go(study))


def let_old_go(study: Study) -> int:
    """Let go of the publications beyond those that the settings keep; return how many went."""
    keep = study.settings.publish.keep_publications
    if keep is None:
        return 0
    going = publications_to_let_go(publications(study), keep, in_use(study))
    for publication in going:
        let_go(study, publication, "[publish] keep_publications")
    return len(going)


def expected_changes(study: Study) -> list[str]:
    """Return what publishing the last run would change since the last publication, in lines."""
    run_id = (study.last_run() or {})["run_id"]
    tables = study.read_tables()
    report = report_of(study, tables, made_on=day_of(run_id))
    summary = summarise(report, tables, n_priorities=study.settings.publish.n_priorities)
    previous = _previous(study, run_id)
    return tell_changes(previous["summary"] if previous else None, summary)


def _previous(study: Study, run_id: str) -> dict[str, Any] | None:
    before = [other for other in runs_published(study) if other < run_id]
    path = study.publications.joinpath(*before[-1:], MANIFEST)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if before else None


def _list_files(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return [
        {
            "path": path.relative_to(folder).as_posix(),
            "sha256": file_hash(path),
            "n_bytes": path.stat().st_size,
            "for": "analystes" if FOR_ANALYSTS in path.relative_to(folder).parts else "diffusion",
        }
        for path in paths
    ]
