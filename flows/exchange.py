"""A study written for other tools, and their files brought back as decisions.

In:   a study, a format; or a file that came back
Out:  the files written; or what was taken from the file, already in the store of decisions
"""

import tempfile
from pathlib import Path

from flows.typed_texts import decisions_to_show, keep_decisions
from pipeline.errors import StudyError, UsageError
from pipeline.exchange import (
    By,
    Taken,
    codebook_file,
    compare_codebook,
    corpus_file,
    gather_codings,
    project_file,
    read_project,
    read_sheet_file,
    sheet_file,
    take_project,
    take_sheet,
)
from pipeline.grid import load_grid
from pipeline.publish import write_tables
from pipeline.publish.tables import Format
from pipeline.study import Study, write_bytes

TABLES: tuple[Format, ...] = ("xlsx", "csv", "parquet", "geojson")
_FILES = {
    "qdpx": "etude.qdpx",
    "qdc": "grille.qdc",
    "iramuteq": "corpus-iramuteq.txt",
    "relecture": "relecture.xlsx",
    "xlsx": "tableaux.xlsx",
    "geojson": "structures.geojson",
}


def export_study(study: Study, form: str, output: Path | None, *, by: By | None = None) -> list[Path]:
    """Write the study in `form` and return the files: at `output` where it is named like such a file, else in that folder.

    Raises `UsageError` for `by` with another form than iramuteq, `StudyError` where the place cannot be written.
    """
    if by is not None and form != "iramuteq":
        raise UsageError(f"--by avec le format {form}", "--by avec le format iramuteq", "retirer --by")
    target = output or study.root / "exports" / form
    name = _FILES.get(form)
    path = target if name and target.suffix.lower() == Path(name).suffix and not target.is_dir() else target / (name or "")
    if form in TABLES:
        return _export_tables(study, form, path)
    write_bytes(path, _content(study, form, by or "document"))
    return [path]


def import_file(study: Study, path: Path, *, author: str | None = None) -> Taken | None:
    """Append to the study's decisions what people decided in a .qdpx or in a review sheet; None for a workbook that is no such sheet.

    Raises `StudyError` for a file that cannot be read, `UsageError` where nobody is named.
    """
    if not path.is_file():
        raise StudyError(f"« {path} » n'est pas un fichier", "un projet .qdpx ou une feuille de relecture", "vérifier son chemin")
    tables, store = study.read_tables(), study.decisions
    if path.suffix.lower() == ".qdpx":
        project = read_project(path)
        taken = take_project(project, tables, study.grid, decisions=store.read(), author=author)
    else:
        sheet = read_sheet_file(path)
        if sheet is None:
            return None
        taken = take_sheet(sheet, tables, study.grid, decisions=store.read(), author=author)
    keep_decisions(study, taken.decisions)
    return taken


def compare_grid(study: Study, path: Path) -> list[str]:
    """How the codebook in `path` differs from the study's grid.

    Raises `GridError` where it is no codebook.
    """
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
    return project_file(tables, study.grid, codings, title=study.settings.etude.title)


def _export_tables(study: Study, form: str, path: Path) -> list[Path]:
    """Write tables into the folder `path`, or the one file of a format at `path`."""
    wanted: list[Format] = [known for known in TABLES if known == form]
    if form not in _FILES:
        return write_tables(study.read_tables(), path, formats=wanted, grid=study.grid)
    with tempfile.TemporaryDirectory(prefix="ateliers-") as scratch:
        (written,) = write_tables(study.read_tables(), Path(scratch), formats=wanted, grid=study.grid)
        write_bytes(path, written.read_bytes())
    return [path]
