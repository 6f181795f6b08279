"""List a study's publications and their files, and make its other exports once a run.

In:   publications/<run>/, the tables of the last run
Out:  .cache/exports/<run>/: an export a file, made when somebody asks for it;
      .review/publications-parties.json: the publications that were let go
"""

import io
import json
import shutil
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import StudyError, VaultError
from pipeline.files import file_hash, read_only, write_bytes
from pipeline.study import Study

CHANGES, ARCHIVE = "changements", "archive"
# file names, by form of `ateliers export`
EXPORTS: Mapping[str, str] = {
    "qdpx": "etude.qdpx",
    "qdc": "grille.qdc",
    "iramuteq": "corpus-iramuteq.txt",
    "relecture": "relecture.xlsx",
    "geojson": "structures.geojson",
    "csv": "tables-csv.zip",
    "parquet": "tables-parquet.zip",
    ARCHIVE: "publication.zip",
    CHANGES: "changements.txt",
}
MANIFEST, FOR_ANALYSTS = "manifeste.json", "analystes"


@dataclass(frozen=True)
class PublishedFile:
    """A file of a publication, its `path` in its folder."""

    path: str
    n_bytes: int

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def extension(self) -> str:
        """The kind of file, without its dot."""
        return self.name.rpartition(".")[2]

    @property
    def is_for_analysts(self) -> bool:
        """Whether it holds every passage, for another tool."""
        return self.path.startswith((f"{FOR_ANALYSTS}/", "tableaux/tables-techniques."))


@dataclass(frozen=True)
class Published:
    """What a run left in publications/: whole once published, else its report and tables."""

    run_id: str
    files: list[PublishedFile]
    is_whole: bool
    previous: str | None = None
    published_by: str = ""
    published_at: str = ""

    @property
    def run_at(self) -> str:
        """The time of the run, in ISO form."""
        return run_time(self.run_id)

    @property
    def n_bytes(self) -> int:
        """The size of its files."""
        return sum(file.n_bytes for file in self.files)


def run_time(run_id: str) -> str:
    """Return the time of a run, in ISO form."""
    return datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).isoformat()


def published(study: Study, run_id: str) -> Published | None:
    """Return what `run_id` left, None where it left nothing."""
    # found by listing: an address may ask for « .. »
    folder = next((path for path in study.publications.glob("[!.]*") if path.name == run_id), None)
    if folder is None or not folder.is_dir():
        return None
    files = [
        PublishedFile(path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name != MANIFEST
    ]
    manifest = _noted(folder / MANIFEST)
    note = _noted(_publishers_path(study)).get(run_id, {})
    return Published(
        run_id,
        files,
        is_whole=bool(manifest),
        previous=manifest.get("previous"),
        published_by=note.get("by", ""),
        published_at=note.get("at", ""),
    )


def publications(study: Study) -> list[Published]:
    """Return the whole publications, the last one first."""
    found = [published(study, run_id) for run_id in reversed(runs_published(study))]
    return [publication for publication in found if publication is not None]


def runs_published(study: Study) -> list[str]:
    """Return the runs of the whole publications, the last one last; hidden folders are none."""
    return sorted(path.parent.name for path in study.publications.glob(f"[!.]*/{MANIFEST}"))


def is_published(study: Study, run_id: str) -> bool:
    """Whether the whole publication of a run is there."""
    return (study.publications / run_id / MANIFEST).is_file()


def publications_to_let_go(
    publications: Sequence[Published], keep: int | None, in_use: Collection[str] | None
) -> list[Published]:
    """Return those beyond the `keep` last ones that nobody uses; none where use is unknown."""
    if keep is None or in_use is None:
        return []
    return [each for each in publications[max(keep, 1) :] if each.run_id not in in_use]


def in_use(study: Study) -> set[str] | None:
    """Return the runs whose publication readers may open or participants were sent.

    None where it cannot be known, the vault being closed for instance.
    """
    from flows.vault import Vault

    path, now = study.root / ".review" / "liens.json", datetime.now(UTC)
    try:
        links = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        opened = {
            link["run_id"]
            for link in links
            if not link["revoked_at"] and datetime.fromisoformat(link["expires_at"]) > now
        }
        sending = Vault(study).sending()
    except (VaultError, ValueError, KeyError):
        return None
    return opened | set(sending["sent"]) | set(sending["begun"])


def let_go(study: Study, publication: Published, by: str) -> None:
    """Remove a publication, once it is recorded what it was and who let it go; the study is locked.

    Raises `StudyError` where it cannot be removed.
    """
    folder = study.publications / publication.run_id
    note = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": by,
        "n_files": len(publication.files),
        "n_bytes": publication.n_bytes,
        "sha256": file_hash(folder / MANIFEST),
    }
    kept = [
        row
        for row in _noted(gone_path(study)).get("let_go", [])
        if row["run_id"] != publication.run_id
    ]
    rows = [*kept, {"run_id": publication.run_id} | note]
    content = json.dumps({"let_go": rows}, ensure_ascii=False, indent=1)
    write_bytes(gone_path(study), content.encode(), mode=0o600)
    hidden = folder.with_name(f".building-{publication.run_id}")  # the next run clears it
    try:
        folder.rename(hidden)
    except OSError as error:
        raise read_only(folder.parent, error) from error
    shutil.rmtree(hidden, ignore_errors=True)


def publications_gone(study: Study) -> list[dict[str, Any]]:
    """Return what is recorded of the publications that were let go, the last one first."""
    gone = [
        row
        for row in _noted(gone_path(study)).get("let_go", [])
        if not is_published(study, row["run_id"])
    ]
    return sorted(gone, key=lambda row: str(row["run_id"]), reverse=True)


def gone_path(study: Study) -> Path:
    """Return where it is recorded which publications were let go."""
    return study.root / ".review" / "publications-parties.json"


def publication_path(study: Study, run_id: str, path: str) -> Path | None:
    """Return where a file listed in a publication lies, None for any other path."""
    publication = published(study, run_id)
    is_listed = publication and any(file.path == path for file in publication.files)
    return study.publications / run_id / path if is_listed else None


def changes_of(study: Study, run_id: str) -> list[str]:
    """Return the lines that tell what a publication changed since the one before."""
    path = study.publications / run_id / EXPORTS[CHANGES]
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def note_publisher(study: Study, run_id: str, author: str) -> None:
    """Record who published, beside the accounts: a publication's bytes depend on the run alone."""
    kept = {name: note for name, note in _noted(_publishers_path(study)).items() if name != run_id}
    note = {"by": author, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    content = json.dumps(kept | {run_id: note}, ensure_ascii=False, indent=1)
    write_bytes(_publishers_path(study), content.encode(), mode=0o600)


def export_path(study: Study, form: str) -> Path | None:
    """Return where the export of the last run is kept, None where there is nothing to export.

    A project holds the decisions so far, an archive the last publication.
    """
    last = study.last_run()
    if last is None:
        return None
    state = ""
    if form == "qdpx":
        state = f"{study.decisions_state()}-"
    elif form == ARCHIVE:
        whole = runs_published(study)
        if not whole:
            return None
        state = f"{whole[-1]}-"
    return study.cache / "exports" / str(last["run_id"]) / f"{state}{EXPORTS[form]}"


def make_export(study: Study, form: str) -> Path:
    """Make the export unless it is made, drop those of earlier runs, and return its path.

    Raises `StudyError` for a study without a run, or without a publication to archive.
    """
    path = export_path(study, form)
    if path is None:
        raise StudyError("rien à exporter", "une étude traitée, ou publiée", "la publier d'abord")
    if not path.is_file():
        for earlier in path.parent.parent.glob("*"):
            if earlier != path.parent:
                shutil.rmtree(earlier, ignore_errors=True)
        write_bytes(path, _content(study, form, path.parent), mode=0o600)
    return path


def _content(study: Study, form: str, folder: Path) -> bytes:
    from flows.publication import expected_changes, export_study

    if form == CHANGES:
        return ("\n".join(expected_changes(study)) + "\n").encode()
    scratch = folder / f".{form}"
    try:
        if form == ARCHIVE:
            source = study.publications / runs_published(study)[-1]
        elif EXPORTS[form].endswith(".zip"):
            export_study(study, form, scratch)
            source = scratch
        else:
            (written,) = export_study(study, form, scratch / EXPORTS[form])
            return written.read_bytes()
        return _zipped(source)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _zipped(source: Path) -> bytes:
    buffer = io.BytesIO()
    # a clock beyond 2107 ends no download
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in sorted(source.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.write(path, path.relative_to(source).as_posix())
    return buffer.getvalue()


def _publishers_path(study: Study) -> Path:
    return study.root / ".review" / "publications.json"


def _noted(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
