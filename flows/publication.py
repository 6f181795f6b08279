"""A whole publication of the last run: report, what goes to participants, tables, files for analysts, what changed, and a manifest.

In:   a study that was run
Out:  publications/<run>/, in one step; a record of it in manifeste.json
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.exchange import export_study
from flows.progress import tell
from flows.publish_study import publish_study
from flows.reporting import day_of, report_of, whole_folder
from pipeline.publish import write_slides, write_workshop_pages
from pipeline.publish.changes import summarise, tell_changes
from pipeline.study import Study, file_hash

MANIFEST, CHANGES = "manifeste.json", "changements.txt"
_FOR_ANALYSTS = "analystes"
_EXCHANGED = {"qdpx": "etude.qdpx", "qdc": "grille.qdc", "iramuteq": "corpus-iramuteq.txt"}
_SETTINGS = ("etude", "segment", "embed", "tag", "cluster", "rank", "compare", "publish")  # others hold names, places or addresses


@dataclass(frozen=True)
class Publication:
    """Where a publication is, its files, and what changed since the one before, a line each."""

    folder: Path
    files: list[dict[str, Any]]
    changes: list[str]


def publish_whole(root: Path, run: Mapping[str, Any]) -> Publication:
    """Write the publication of `run`, the study's last one, and return it; the same run gives the same bytes.

    Raises `StudyError` for a study that cannot be written to.
    """
    study = Study.open(root)
    tables, target = study.read_tables(), study.root / run["publication"]
    report = report_of(study, tables, made_on=day_of(run["run_id"]))
    previous = _previous(study, run["run_id"])
    summary = summarise(report, tables, n_priorities=study.settings.publish.n_priorities)
    changes = tell_changes(previous["summary"] if previous else None, summary)
    if not target.is_dir():
        publish_study(root, run["run_id"])
    with whole_folder(target) as folder:
        shutil.copytree(target, folder, dirs_exist_ok=True)  # what the run wrote is the report of the same tables
        tell("deux pages par atelier", 0, 1)
        write_workshop_pages(report, folder / "ateliers")
        tell("diapositives", 0, 1)
        write_slides(report, folder / "restitution.pptx")
        tell("fichiers pour les analystes", 0, 1)
        for form, name in _EXCHANGED.items():
            export_study(study, form, folder / _FOR_ANALYSTS / name)
        (folder / CHANGES).write_text("\n".join(changes) + "\n", encoding="utf-8", newline="\n")
        files = _listed(folder)
        manifest = {
            "run_id": run["run_id"],
            "title": study.settings.etude.title,
            "made_on": report.made_at,
            "previous": previous["run_id"] if previous else None,
            "versions": run.get("versions"),
            "encoder": run.get("encoder"),
            "settings": {name: section for name, section in study.settings.model_dump(mode="json").items() if name in _SETTINGS},
            "files": files,
            "summary": summary,
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    return Publication(target, files, changes)


def _previous(study: Study, run_id: str) -> dict[str, Any] | None:
    """The manifest of the last publication before that of `run_id`."""
    before = [path for path in sorted(study.publications.glob(f"*/{MANIFEST}")) if path.parent.name < run_id]
    return dict(json.loads(before[-1].read_text(encoding="utf-8"))) if before else None


def _listed(folder: Path) -> list[dict[str, Any]]:
    """Every file but the manifest: path, sha256, size, and for whom it is."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return [
        {
            "path": path.relative_to(folder).as_posix(),
            "sha256": file_hash(path),
            "n_bytes": path.stat().st_size,
            "for": "analystes" if _FOR_ANALYSTS in path.relative_to(folder).parts else "diffusion",
        }
        for path in paths
    ]
