"""Keys of the stage cache: each covers the code, the settings and, through the key before it, all that a result depends on."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pydantic import BaseModel

from flows.cache import StageRecord
from models.embedder import encoder_used
from pipeline.depot import list_folder, name_files, text_of
from pipeline.errors import reason_of
from pipeline.files import file_hash, text_hash
from pipeline.study import Study
from pipeline.versions import versions

if TYPE_CHECKING:
    import pandas as pd

_WITHOUT_EFFECT = {
    "execution",
    "notify",
    "mail",
}  # when to run, whom to tell, what to fetch: no result depends on these sections


def input_hashes(study: Study, folder: str) -> dict[str, str]:
    """sha256 of each file of a workshop, by name below depot/; why not, for an entry that cannot be read.

    An entry that can be read later has another value then, so a run reads it.
    """
    listing = list_folder(study.depot / folder, depot=study.depot)
    names = name_files(listing.files, depot=study.depot)
    unread = {
        text_of(entry.path.relative_to(study.depot)): entry.reason for entry in listing.unread
    }
    return {names[path]: _hash_or_reason(path) for path in listing.files} | unread


def _hash_or_reason(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        return reason_of(error)


def read_key(
    study: Study,
    folder: str,
    workshop_id: str,
    vault_state: str,
    first_paths: Mapping[str, str] | None = None,
) -> str:
    """Key of reading and pseudonymising a folder; another folder of the same name and date changes its workshop_id, and so its key.

    `first_paths` are those of files that were renamed.
    `vault_state` tells what people decided on doubtful cases and who was forgotten; numbers given to persons since change nothing.
    """
    files = [f"{path}={value}" for path, value in input_hashes(study, folder).items()]
    files += [
        f"{path}<{first}"
        for path, first in sorted((first_paths or {}).items())
        if path.startswith(f"{folder}/")
    ]
    settings = study.settings
    chosen = (
        settings.ingest.model_dump_json(),
        settings.pseudonymise.model_dump_json(),
        vault_state,
    )
    return text_hash("read", _code(), workshop_id, *chosen, *files)


def segment_key(study: Study, read: StageRecord) -> str:
    """Key of cutting what `read` kept."""
    return text_hash("segment", read.entry, study.settings.segment.model_dump_json())


def tag_key(study: Study, segmented: StageRecord) -> str:
    """Key of tagging what `segmented` kept."""
    tagger = study.registered_tagger
    registered = file_hash(tagger) if tagger else ""
    return text_hash(
        "tag", segmented.entry, study.settings.tag.model_dump_json(), study.grid_hash(), registered
    )


def cluster_key(study: Study, units: "pd.DataFrame", tags: "pd.DataFrame") -> str:
    """Key of clustering tagged units; it covers their content, so that what comes after a workshop leaves its themes as they are.

    The themes of earlier runs only name, they don't change it.
    """
    settings = study.settings
    # The encoder too: one that stood for the tuned one must not lend its themes to it once it can be used.
    encoder = encoder_used(settings.embed)
    chosen = (
        settings.cluster.model_dump_json(),
        settings.embed.model_dump_json(),
        f"{encoder['name']} {encoder['version']}",
    )
    return text_hash("cluster", _code(), *chosen, _content(units), _content(tags))


def join_key(clustered: StageRecord, processed: list[StageRecord]) -> str:
    """Key of joining late contributions to the themes of `clustered`."""
    return text_hash("join", clustered.entry, *sorted(record.entry for record in processed))


def conclusion_key(stage: str, before: StageRecord, *inputs: BaseModel | int | str) -> str:
    """Key of a stage over the whole study that follows `before`."""
    return text_hash(
        stage,
        before.entry,
        *(part.model_dump_json() if isinstance(part, BaseModel) else str(part) for part in inputs),
    )


def coders_key(
    stage: str,
    study: Study,
    processed: list[StageRecord],
    second: StageRecord,
    unit_ids: Iterable[str],
) -> str:
    """Key of what depends on all coders: all that is tagged, what the second coder coded, what people decided."""
    model = study.settings.language_model.model
    entries = sorted(record.entry for record in processed)
    return text_hash(
        stage, second.entry, model, study.decisions.mark().sha256, *unit_ids, "", *entries
    )


def study_fingerprint(study: Study, vault_state: str) -> str:
    """Key of everything a run depends on: unchanged, a run has nothing to do."""
    inputs = [
        f"{path}={value}"
        for folder in study.workshop_folders()
        for path, value in input_hashes(study, folder.name).items()
    ]
    stray = [text_of(PurePath(path.name)) for path in study.stray_files()]
    unread = [f"{text_of(entry.path)}={entry.reason}" for entry in study.unread_entries()]
    tagger = study.registered_tagger
    decisions = study.decisions.mark().sha256
    return text_hash(
        _code(),
        study.settings.model_dump_json(exclude=_WITHOUT_EFFECT),
        study.grid_hash(),
        file_hash(tagger) if tagger else "",
        decisions,
        vault_state,
        *inputs,
        *stray,
        *unread,
    )


def _content(table: "pd.DataFrame") -> str:
    """Hash of a table's rows, whatever their order."""
    lines = sorted(table.to_json(orient="records", lines=True, force_ascii=False).splitlines())
    return text_hash(*table.columns, *lines)


def _code() -> str:
    return text_hash(*(f"{name}={value}" for name, value in versions().items()))
