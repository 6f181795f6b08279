"""Studies small enough to be processed in a few seconds."""

from pathlib import Path

from flows.cache import StageCache, StageRecord
from flows.execution import WorkshopFolder, run_stage
from flows.stages import READ, SEGMENT
from flows.vault import Vault
from flows.workspace import Workspace
from pipeline.files import file_hash
from pipeline.ingest import identify_workshops
from pipeline.store import Store
from pipeline.study import Study

RETZ = "Pays de Retz 2026-10-01"


def group_any_size(study: Study) -> Study:
    """The same study, with themes and ranks however few its passages; not yet opened by a run."""
    with study.settings_path.open("a", encoding="utf-8") as file:
        file.write("\n[cluster]\nleast_units = 0\n")
    return study


def new_small_study(root: Path) -> Study:
    """A study in `root` with two tables of one workshop and themes, never run."""
    study = group_any_size(Study.create(root))
    folder = study.depot / RETZ
    folder.mkdir()
    (folder / "Table 1.txt").write_text(
        "Q1\n- plus de médecin à Machecoul\n- les loyers montent sur la côte\n", encoding="utf-8"
    )
    (folder / "Table 2.txt").write_text(
        "Q2\n- la recyclerie de Legé emploie douze personnes\n", encoding="utf-8"
    )
    return study


def workshop_folder(study: Study, name: str = RETZ) -> WorkshopFolder:
    """A workshop's folder as a run would read it now."""
    ids = identify_workshops(study.inventory())
    return WorkshopFolder(name, ids[name], {}, Vault(study).state())


def read_and_cut(workspace: Workspace) -> list[StageRecord]:
    """The records of reading and segmenting its one workshop."""
    folder = workshop_folder(workspace.study)
    read = run_stage(READ, workspace, (), folder, refresh=True).records
    return [*read, *run_stage(SEGMENT, workspace, read, folder).records]


def stages_of(study: Study) -> StageCache:
    """The stages' tables of a study that is not at work."""
    return StageCache(Store(study.cache))


def table_bytes(study: Study) -> dict[str, str]:
    """The hash of each stored table, by its path."""
    return {
        path.relative_to(study.tables).as_posix(): file_hash(path)
        for path in sorted(study.tables.rglob("*.parquet"))
    }
