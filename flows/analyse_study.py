"""The whole study: gather the workshops, cluster, replay decisions, rank, compare, list offers, write the tables."""

from collections.abc import Sequence

import pandas as pd

from flows.cache import StageRecord, Tables
from flows.keys import cluster_key, conclusion_key, join_key
from flows.language_model import Proposals, propose_themes
from flows.memory import give_back
from flows.publish_study import comparison
from flows.steps import flow, task
from flows.typed_texts import decisions_to_show
from flows.workspace import Workspace
from models.theme_model import ThemeModel
from pipeline.cluster import cluster_units
from pipeline.cluster.identity import list_changes
from pipeline.cluster.late import join_late_units, room_units
from pipeline.cluster.quotes import profile_themes, quote_themes
from pipeline.counting import count_families
from pipeline.decisions import active_decisions, apply_decisions, read_decisions
from pipeline.decisions.kinds import weights_in_use
from pipeline.decisions.replay import left_proposals, note_grounds
from pipeline.depot import Unread
from pipeline.files import text_hash
from pipeline.ingest import reject_silent_documents, reject_stray_files, reject_unread
from pipeline.rank import rank_themes
from pipeline.segment import paths_without_units
from pipeline.study import Study

MACHINE = (
    "tags",
    "themes",
    "theme_families",
    "theme_members",
)  # what decisions are replayed on; kept as the machine proposed it


@flow(name="analyse_study")
def analyse_study(
    workspace: Workspace,
    processed: list[StageRecord],
    coders: list[StageRecord],
    failed: Sequence[Unread] = (),
) -> tuple[list[StageRecord], Proposals]:
    """Return the records of the passes over the whole study and what is proposed for its themes.

    Its tables are left written, those of `coders` too; `failed` are the workshops that could not be processed.
    """
    clustered = cluster_study(workspace, processed)
    joined = join_study(workspace, processed, clustered)
    give_back()  # grouping takes the most, and what comes next asks for other sizes
    proposed = propose_themes(workspace, processed, joined)
    decided = decide_study(workspace, processed, joined)
    ranked = rank_study(workspace, processed, decided)
    compared = compare_study(workspace, processed, decided, ranked)
    records = [clustered, joined, proposed.record, decided, ranked, compared, *coders]
    write_study(workspace, processed, records, failed)
    return records, proposed


@task(name="cluster")
def cluster_study(workspace: Workspace, processed: list[StageRecord]) -> StageRecord:
    """Group what was said at the workshops into themes, with the identities of earlier runs where they still fit."""
    study, cache = workspace.study, workspace.stages
    tables = cache.gather(processed)
    units = room_units(tables["units"])
    tags = tables["tags"][tables["tags"]["unit_id"].isin(units["unit_id"])]

    def compute() -> Tables:
        workspace.tell("regroupement en thèmes", 0, 1)
        spread = workspace.executor.spread
        clustered = cluster_units(
            units,
            tags,
            model=ThemeModel(study.settings.cluster, spread=spread),
            embedder=workspace.encoders.load(study.settings.embed),
            encoders=workspace.encoders,
            cache=workspace.store,
            previous=_previous(study),
            settings=study.settings.cluster,
            spread=spread,
        )
        return clustered._asdict()

    return cache.run("cluster", cluster_key(study, units, tags), compute)


@task(name="join")
def join_study(
    workspace: Workspace, processed: list[StageRecord], clustered: StageRecord
) -> StageRecord:
    """Let what came after the workshops join the themes, and say what changed since the run before."""
    study, cache = workspace.study, workspace.stages

    def compute() -> Tables:
        workspace.tell("contributions à distance", 0, 1)
        tables, found = cache.gather(processed), cache.load(clustered)
        joined = join_late_units(
            found["themes"],
            found["theme_members"],
            found["unit_places"],
            tables["units"],
            tables["tags"],
            embedder=workspace.encoders.load(study.settings.embed),
            encoders=workspace.encoders,
            cache=workspace.store,
            settings=study.settings.cluster,
            spread=workspace.executor.spread,
        )
        changes = list_changes(_previous(study), (joined.themes, joined.theme_members))
        families = count_families(
            found["theme_families"], joined.themes, joined.theme_members, tables["units"]
        )
        return found | joined._asdict() | {"theme_families": families, "theme_changes": changes}

    return cache.run("join", join_key(clustered, processed), compute)


@task(name="decide")
def decide_study(
    workspace: Workspace, processed: list[StageRecord], joined: StageRecord
) -> StageRecord:
    """Replay people's decisions on the machine's tags and themes, and tell what the reviewed themes are made of."""
    study, cache = workspace.study, workspace.stages
    shown = decisions_to_show(study)
    decisions = read_decisions(shown)
    grounds = note_grounds(decisions, _previous(study)[1], study.read_table("decision_grounds"))

    def compute() -> Tables:
        gathered, found = cache.gather(processed), cache.load(joined)
        machine = {
            name: (gathered if name in gathered else found)[name] for name in ("units", *MACHINE)
        }
        reviewed = apply_decisions(machine, decisions, axes=study.grid.axes, grounds=grounds)
        units, tags, themes, members = (
            reviewed[name] for name in ("units", "tags", "themes", "theme_members")
        )
        return {name: rows for name, rows in reviewed.items() if name != "units"} | {
            "theme_profiles": profile_themes(units, tags, members),
            "theme_quotes": quote_themes(units, tags, themes, members),
            "merge_proposals": left_proposals(
                found["merge_proposals"], themes, active_decisions(decisions)
            ),
            "theme_flags": found["theme_flags"][
                found["theme_flags"]["theme_id"].isin(themes["theme_id"])
            ],
            "decision_grounds": grounds,
        }

    # Somebody may be known only since, and a theme may hold other passages than when it was decided on.
    texts = text_hash(*shown["value"].fillna(""), grounds.to_json())
    key = conclusion_key("decide", joined, study.decisions.mark().sha256, texts)
    return cache.run("decide", key, compute)


@task(name="rank")
def rank_study(
    workspace: Workspace, processed: list[StageRecord], decided: StageRecord
) -> StageRecord:
    """Rank the themes, for the study and for each workshop, by the weights that people chose."""
    study, cache = workspace.study, workspace.stages
    active = active_decisions(decisions_to_show(study))
    weights = weights_in_use(active, study.settings.rank).weights

    def compute() -> Tables:
        workspace.tell("classement des priorités", 0, 1)
        gathered, reviewed = cache.gather(processed), cache.load(decided)
        ranking = rank_themes(
            gathered["units"],
            reviewed["tags"],
            reviewed["themes"],
            reviewed["theme_members"],
            gathered["workshops"],
            gathered["attendance"],
            settings=study.settings.rank,
            weights=weights,
            grid=study.grid,
        )
        return ranking._asdict()

    return cache.run("rank", conclusion_key("rank", decided, study.settings.rank, weights), compute)


@task(name="compare")
def compare_study(
    workspace: Workspace, processed: list[StageRecord], decided: StageRecord, ranked: StageRecord
) -> StageRecord:
    """Compare the territories, tell whose voice is missing, and list what is on offer."""
    study, cache = workspace.study, workspace.stages

    def compute() -> Tables:
        workspace.tell("comparaison des territoires", 0, 1)
        tables = cache.gather(processed) | cache.load(ranked) | cache.load(decided)
        return comparison(tables, study.settings, study.grid.exclusive, cache=workspace.store)

    return cache.run(
        "compare",
        conclusion_key("compare", ranked, study.settings.compare, study.settings.etude),
        compute,
    )


@task(name="write")
def write_study(
    workspace: Workspace,
    processed: list[StageRecord],
    records: list[StageRecord],
    failed: Sequence[Unread] = (),
) -> None:
    """Write the machine's tables first, as later runs take the themes' names from them, then the reviewed ones."""
    study, cache = workspace.study, workspace.stages
    tables = cache.gather(processed)
    rejects = reject_stray_files(tables["rejects"], study.stray_files(), depot=study.depot)
    rejects = reject_unread(rejects, [*study.unread_entries(), *failed], depot=study.depot)
    silent = paths_without_units(tables["documents"], tables["blocks"], tables["units"])
    tables["rejects"] = reject_silent_documents(rejects, silent)
    machine = tables | cache.load(records[1])
    for name in MACHINE:
        study.write_machine_table(name, machine[name])
    for record in records:
        tables |= cache.load(record)
    for name, rows in tables.items():
        study.write_table(name, rows)


def _previous(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The machine's themes and members of the run before."""
    return study.read_machine_table("themes"), study.read_machine_table("theme_members")
