"""The workshops: each is read, pseudonymised and segmented, then all are tagged together. What did not change comes from the cache.

Pass 1 reads personal data and hands on none: the numbers it gives go to vault/ before anything that uses them is kept. It is done for one
workshop after another, in the order of their folders, so that numbers never depend on how many files are read at a time.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain

import pandas as pd

from flows.cache import StageRecord, Tables, Unfinished
from flows.keys import read_key, segment_key, tag_key
from flows.steps import flow, task
from flows.vault import Vault
from flows.workspace import Workspace
from models.embedder import bundled
from models.registry import load_tagger
from models.tagger.features import texts_of
from pipeline.french import load_early
from pipeline.ingest import ingest_workshop
from pipeline.pseudonymise import pseudonymise
from pipeline.segment import segment_documents
from pipeline.tag import tag_each


@flow(name="process_workshop")
def process_workshop(
    workspace: Workspace, folder: str, workshop_id: str, first_paths: dict[str, str] | None = None
) -> list[StageRecord]:
    """Return the records of reading and segmenting one folder of the depot; `first_paths` are those of files that were renamed."""
    read = read_workshop(workspace, folder, workshop_id, first_paths)
    return [read, segment_workshop(workspace, folder, read)]


@task(name="read")
def read_workshop(
    workspace: Workspace, folder: str, workshop_id: str, first_paths: dict[str, str] | None = None
) -> StageRecord:
    """Ingest and pseudonymise every file of the folder."""
    study = workspace.study
    vault = Vault(study)
    is_unknown = not vault.has_read(folder)
    vault_state = vault.state()
    key = read_key(study, folder, workshop_id, vault_state, first_paths)

    def compute() -> Tables | Unfinished:
        workspace.tell(f"lecture de {folder}", 0, 1)
        passing: list[int] = []
        load_early()
        raw = ingest_workshop(
            study.depot / folder,
            depot=study.depot,
            settings=study.settings.ingest,
            workshop_id=workshop_id,
            first_paths=first_paths,
            on_file=lambda done, total: workspace.tell(f"lecture de {folder}", done, total),
            on_passing=passing.append,
            readers=workspace.file_readers,
        )
        now = read_key(study, folder, workshop_id, vault_state, first_paths)
        is_changed = now != key  # by somebody at work in the depot
        raw["people"] = vault.with_earlier(raw["people"], folder)
        clean, kept = pseudonymise(
            raw,
            known=vault.registry(),
            choices=vault.choices(),
            settings=study.settings.pseudonymise,
        )
        vault.write_doubts(folder, kept.doubts)
        vault.write_registry(kept.registry)
        n_passing = sum(passing) + is_changed
        return Unfinished(clean, n_passing) if n_passing else clean

    return workspace.stages.run("read", key, compute, workshop=folder, refresh=is_unknown)


@task(name="segment")
def segment_workshop(workspace: Workspace, folder: str, read: StageRecord) -> StageRecord:
    """Cut the workshop's documents into units."""
    study = workspace.study
    cache = workspace.stages

    def compute() -> Tables:
        workspace.tell(f"découpage de {folder}", 0, 1)
        tables = cache.load(read)
        return {
            "units": segment_documents(
                tables["documents"], tables["blocks"], settings=study.settings.segment
            )
        }

    return cache.run("segment", segment_key(study, read), compute, workshop=folder)


@task(name="tag")
def tag_workshops(workspace: Workspace, segmented: list[StageRecord]) -> list[StageRecord]:
    """Tag the units of several workshops with the study's grid; each is kept as soon as it is done."""
    study = workspace.study
    cache = workspace.stages
    keys = [tag_key(study, record) for record in segmented]
    tagged = _tagged(
        workspace,
        [
            record
            for record, key in zip(segmented, keys, strict=True)
            if not cache.has_key("tag", key)
        ],
    )

    def compute(workshop: str | None) -> Tables:
        workspace.tell(f"étiquetage de {workshop}", 0, 1)
        return {"tags": next(tagged)}

    return [
        cache.run("tag", key, partial(compute, record.workshop), workshop=record.workshop)
        for record, key in zip(segmented, keys, strict=True)
    ]


def _tagged(workspace: Workspace, records: list[StageRecord]) -> Iterator[pd.DataFrame]:
    """The tags of each workshop in turn; the tagger is loaded when there is something to tag."""
    study, encoders = workspace.study, workspace.encoders
    tagger = load_tagger(
        study.grid, settings=study.settings.tag, registered=study.registered_tagger
    )
    units = [workspace.stages.load(record)["units"] for record in records]
    texts = list(chain.from_iterable(map(texts_of, units)))
    encoders.prepare(texts, [*map(bundled, tagger.reads_with)], study.settings.embed)
    yield from tag_each(
        units,
        tagger=tagger,
        grid=study.grid,
        settings=study.settings.tag,
        encoders=encoders,
        spread=workspace.executor.spread,
    )
