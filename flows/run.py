"""Run a study if anything changed, and write the record of the run."""

import datetime
import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cache import StageCache, StageRecord
from flows.copies import keep_copy
from flows.execution import NOT_SENT, STOPPED, StageExecutor, execute_here
from flows.integrity import check_texts, is_sealed_as, mend_study, seal_study
from flows.keys import study_fingerprint
from flows.renamed import first_paths
from flows.vault import Vault
from flows.workspace import Approver, Listener, Workspace, open_workspace
from models.embedder import encoder_used
from pipeline.decision_store import Mark
from pipeline.errors import StudyError, VaultError
from pipeline.files import text_hash
from pipeline.ingest import identify_workshops
from pipeline.pseudonymise.vault import keyed_hash
from pipeline.store import Store
from pipeline.study import Study
from pipeline.text import counted
from pipeline.versions import SCHEMA, versions

if TYPE_CHECKING:
    from flows.process_study import Processed

Manifest = dict[str, Any]
_NOT_RECORDED = {
    "execution",
    "notify",
    "mail",
    "review",
    "vault",
}  # they hold addresses of people and servers, and change no result


@dataclass(frozen=True)
class Outcome:
    """A run's manifest, whether there was anything to do, and what is to be told."""

    manifest: Manifest
    is_new: bool
    lines: tuple[str, ...] = ()  # what was found damaged, and put back or made again


def run_study(
    root: Path,
    *,
    workshop: str | None = None,
    on_progress: Listener | None = None,
    on_cost: Approver | None = None,
    on_lost_decisions: Callable[[StudyError], bool] | None = None,
    execute: StageExecutor = execute_here,
    writer: Executor | None = None,
) -> Outcome:
    """Process what is new or changed in `root`, then themes, priorities, comparison and report.

    `workshop` limits it to one folder, unless another version left the others or .cache/ lacks
    them. `on_cost` approves sending passages to a second coder; without it, only a standing consent
    does. `on_lost_decisions` approves going on without decisions of the last run. `execute`
    executes each stage; `writer`, another process, writes a part of the report. Raises
    `StudyError` for an empty depot, lost decisions or a locked or read-only study,
    `VaultError` for a vault that the passphrase does not open, `GridError` and
    `SettingsError`.
    """
    study = Study.open(root.resolve())
    check_texts(study)
    _ = study.settings, study.grid
    _check_templates(study)
    only = study.find_workshop(workshop).name if workshop else None
    with study.locked():
        mark, mended = study.check_decisions(on_lost_decisions), mend_study(study)
        vault, last = Vault(study), study.last_run()
        _check_vault(study, vault, last)
        inventory = study.inventory()
        fingerprint = study_fingerprint(study, vault.state(), inventory)
        if only and not _has_kept(study, only, last):
            only = None
        if (
            last
            and only is None
            and not mended.asks_for_run
            and last["fingerprint"] == fingerprint
            and _is_whole(study, last, on_cost)
        ):
            is_published = _is_published(study, last)
            if not is_published:  # cut off while the report was written
                from flows.process_study import publish

                with open_workspace(study, on_progress=on_progress, execute=execute) as workspace:
                    publish(workspace, last["run_id"], writer)
            if not is_published or not is_sealed_as(study, last["run_id"]):
                keep_copy(study)
                seal_study(study)
            return Outcome(last, is_new=not is_published, lines=mended.lines)
        with open_workspace(
            study,
            inventory=inventory,
            on_progress=on_progress,
            on_cost=on_cost,
            execute=execute,
        ) as workspace:
            manifest = _run_flow(workspace, fingerprint, only, last, mark, writer)
        seal_study(study)
        return Outcome(manifest, is_new=True, lines=mended.lines)


def due_fingerprint(study: Study) -> str | None:
    """Return the fingerprint of `study`, None where a run would find nothing new.

    Raises as `run_study` does, except for a locked study.
    """
    fingerprint = study_fingerprint(study, Vault(study).state(), study.inventory())
    last = study.last_run()
    if last is None or last["fingerprint"] != fingerprint:
        return fingerprint
    # another hash where the same content is to be read again: it may be asked for once more
    is_done = _is_whole(study, last, None) and _is_published(study, last)
    return None if is_done else text_hash(fingerprint, last["run_id"])


def _check_templates(study: Study) -> None:
    """Refuse at once a template that the report could not use in the end."""
    if study.slides_template or study.report_template:
        from pipeline.publish.own_templates import check_own_templates

        check_own_templates(study.slides_template, study.report_template)


def _check_vault(study: Study, vault: Vault, last: Manifest | None) -> None:
    expected, known = (last or {}).get("n_persons", 0), vault.registry().last_number
    if known < expected and study.has_table("documents"):
        raise VaultError(
            f"le coffre ne connaît plus que {counted(known, 'personne')}",
            f"{counted(expected, 'personne')}, dont les tables et les publications portent les "
            "numéros",
            "remettre vault/ d'une sauvegarde ; sans sauvegarde, effacer tables/ puis relancer : "
            "chacun aura un autre numéro",
        )


def _is_whole(study: Study, last: Manifest, on_cost: Approver | None) -> bool:
    states = {(last.get(asked) or {}).get("state") for asked in ("second_coder", "theme_proposals")}
    if STOPPED in states or (NOT_SENT in states and on_cost is not None) or last.get("n_passing"):
        return False
    return study.tables_match(last["tables"])


def _is_published(study: Study, last: Manifest) -> bool:
    return study.root.joinpath(last["publication"]).is_dir()


def _run_flow(
    workspace: Workspace,
    fingerprint: str,
    only: str | None,
    last: Manifest | None,
    mark: Mark,
    writer: Executor | None,
) -> Manifest:
    from flows.process_study import process_study

    study = workspace.study
    started_at = datetime.datetime.now(datetime.UTC)
    run_id = _later_id(started_at, last)
    inventory = workspace.inventory
    folders = [only] if only else [one.name for one in inventory.workshops]
    vault = Vault(study)
    is_renumbered = vault.has_earlier()
    named = first_paths(inventory.contents, last)
    kept = _kept_records(study, only, last)

    def write_record(processed: "Processed") -> Manifest:
        n_moved = 0 if only else count_moved(workspace, processed, vault.state(), named)
        manifest = {
            "schema": SCHEMA,
            "run_id": run_id,
            "is_done": True,
            "started_at": started_at.isoformat(timespec="seconds"),
            "ended_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "fingerprint": "" if only else fingerprint,
            "versions": versions(),
            "encoder": encoder_used(study.settings.embed, study.count_rows().get("units", 0)),
            "settings": recorded_settings(study, vault),
            "inputs": inventory.contents,
            "first_paths": named,
            "stages": [asdict(record) for record in processed.records],
            "decisions": asdict(mark),
            "second_coder": processed.second_coder,
            "theme_proposals": processed.theme_proposals,
            "n_passing": sum(record.n_passing for record in processed.records) + n_moved,
            "n_rows": study.count_rows(),
            "tables": study.table_hashes(),
            "publication": f"publications/{run_id}",
            "n_doubts": vault.count_waiting(),
            "n_persons": vault.registry().last_number,
            "is_renumbered": is_renumbered,
            "is_sealed": True,
        }
        study.write_manifest(manifest)
        if only is None:
            vault.drop_earlier()
        workspace.stages.keep_only(record.entry for record in processed.records)
        keep_copy(study)
        seal_study(study)  # while the report is written, too
        return manifest

    return process_study(
        workspace, folders, kept, run_id, named, record=write_record, writer=writer
    )


def count_moved(
    workspace: Workspace, processed: "Processed", vault_state: str, named: dict[str, str]
) -> int:
    """Return how many workshops changed or came during the run."""
    from flows.execution import WorkshopFolder, stage_key
    from flows.stages import READ

    later = replace(workspace, inventory=workspace.inventory.again())
    ids = identify_workshops(later.inventory)
    read = {record.workshop: record for record in processed.records if record.stage == READ.name}
    told = {*processed.failed, *(folder for folder, record in read.items() if record.n_passing)}
    keys = {
        name: stage_key(READ, later, (), WorkshopFolder(name, ids[name], named, vault_state))
        for name in ids.keys() - told
    }
    return sum(name not in read or not read[name].is_of(key) for name, key in keys.items())


def recorded_settings(study: Study, vault: Vault) -> dict[str, Any]:
    """Return the settings, with words to hide or keep as a count and a keyed hash."""
    recorded = study.settings.model_dump(mode="json", exclude=_NOT_RECORDED)
    secret = vault.registry().secret
    for name in ("keep", "hide"):
        words = recorded["pseudonymise"][name]
        mark = (
            keyed_hash(secret, name, json.dumps(sorted(words), ensure_ascii=False)) if words else ""
        )
        recorded["pseudonymise"][name] = {"n_words": len(words), "mark": mark}
    return recorded


def _later_id(started_at: datetime.datetime, last: Manifest | None) -> str:
    """Return the start in UTC, later than the last id even if the clock went back."""
    form = "%Y%m%dT%H%M%S%fZ"
    run_id = started_at.strftime(form)
    if last is None or run_id > last["run_id"]:
        return run_id
    return (
        datetime.datetime.strptime(last["run_id"], form) + datetime.timedelta(microseconds=1)
    ).strftime(form)


def _has_kept(study: Study, only: str, last: Manifest | None) -> bool:
    if last is None or last.get("versions", {}).get("code") != versions()["code"]:
        return False
    cache = StageCache(Store(study.cache))
    return all(cache.has(record) for record in _kept_records(study, only, last))


def _kept_records(study: Study, only: str | None, last: Manifest | None) -> "list[StageRecord]":
    if only is None or last is None:
        return []
    present = {path.name for path in study.workshop_folders()} - {only}
    return [StageRecord(**record) for record in last["stages"] if record["workshop"] in present]
