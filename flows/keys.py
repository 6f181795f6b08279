"""Hash what a run depends on: the files of the depot and all else that changes a result."""

from typing import TYPE_CHECKING

from pipeline.depot import Inventory
from pipeline.files import file_hash, text_hash
from pipeline.ingest.readers.pictures import ocr_version
from pipeline.study import Study
from pipeline.versions import versions

if TYPE_CHECKING:
    import pandas as pd

    from flows.execution import WorkshopFolder
    from flows.workspace import Workspace

_WITHOUT_EFFECT = {
    "execution",
    "notify",
    "mail",
}  # no result depends on these sections


def read_dependencies(workspace: "Workspace", folder: "WorkshopFolder") -> tuple[str, ...]:
    """Return what reading the folder depends on, its files included.

    Numbers given to persons since change nothing. Another folder of the same name and date changes
    `workshop_id`.
    """
    study = workspace.study
    contents = workspace.inventory.at(folder.name).contents
    renamed = [
        f"{path}<{first}"
        for path, first in sorted(folder.first_paths.items())
        if path.startswith(f"{folder.name}/")
    ]
    ingest, masking = study.settings.ingest, study.settings.pseudonymise
    return (
        folder.workshop_id,
        ingest.model_dump_json(),
        ocr_version() or "",
        masking.model_dump_json(),
        folder.vault_state,
        *(f"{path}={sha256}" for path, sha256 in contents.items()),
        *renamed,
    )


def study_fingerprint(study: Study, vault_state: str, inventory: Inventory) -> str:
    """Return a hash of all that a run depends on: unchanged, it has nothing to do."""
    inputs = inventory.contents | {entry.name: entry.reason for entry in inventory.outside}
    tagger = study.registered_tagger
    decisions = study.decisions.mark().sha256
    templates = [path for path in (study.slides_template, study.report_template) if path]
    return text_hash(
        *(f"{name}={value}" for name, value in versions().items()),
        ocr_version() or "",
        study.settings.model_dump_json(exclude=_WITHOUT_EFFECT),
        study.grid_hash(),
        file_hash(tagger) if tagger else "",
        decisions,
        vault_state,
        *(f"{path}={value}" for path, value in inputs.items()),
        *(file_hash(path) for path in templates if path.is_file()),
    )


def content_hash(table: "pd.DataFrame") -> str:
    """Return a hash of a table's rows, whatever their order."""
    lines = table.to_json(orient="records", lines=True, force_ascii=False).splitlines()
    return text_hash(*table.columns, *sorted(lines))
