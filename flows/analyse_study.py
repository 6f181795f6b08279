"""The whole study: gather the workshops, cluster, replay decisions, rank, compare, list offers, write the tables."""

from pathlib import Path

from prefect import flow, task

from flows.cache import StageCache, StageRecord, Tables, gather_tables
from flows.keys import cluster_key, conclusion_key
from flows.progress import tell
from models.embedder import load_embedder
from models.theme_model import ThemeModel
from pipeline.cluster import cluster_units
from pipeline.compare import compare_territories, list_voices
from pipeline.decision_store import DecisionStore
from pipeline.decisions import apply_decisions
from pipeline.ingest import reject_stray_files
from pipeline.offer import list_offers
from pipeline.rank import rank_themes
from pipeline.study import Study

MACHINE = ("tags", "themes", "theme_members")  # what decisions are replayed on; kept as the machine proposed it


@flow(name="analyse_study")
def analyse_study(root: Path, processed: list[StageRecord], coders: list[StageRecord]) -> list[StageRecord]:
    """Return the records of the passes over the whole study, and leave its tables written, those of `coders` too."""
    clustered = cluster_study(root, processed)
    decided = decide_study(root, processed, clustered)
    ranked = rank_study(root, processed, decided)
    compared = compare_study(root, processed, decided)
    records = [clustered, decided, ranked, compared, *coders]
    write_study(root, processed, records)
    return records


@task(name="cluster")
def cluster_study(root: Path, processed: list[StageRecord]) -> StageRecord:
    """Group the units of every workshop into themes, with the names of earlier runs where they still fit."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)

    def compute() -> Tables:
        tell("regroupement en thèmes", 0, 1)
        tables = gather_tables(cache, processed)
        themes, members = cluster_units(
            tables["units"],
            tables["tags"],
            model=ThemeModel(study.settings.cluster),
            embedder=load_embedder(study.settings.embed),
            previous=(study.read_machine_table("themes"), study.read_machine_table("theme_members")),
            settings=study.settings.cluster,
        )
        return {"themes": themes, "theme_members": members}

    return cache.run("cluster", cluster_key(study, processed), compute)


@task(name="decide")
def decide_study(root: Path, processed: list[StageRecord], clustered: StageRecord) -> StageRecord:
    """Replay people's decisions on the machine's tags and themes."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)

    def compute() -> Tables:
        gathered = gather_tables(cache, processed)
        machine = {name: gathered[name] for name in ("units", "tags")} | cache.load(clustered)
        reviewed = apply_decisions(machine, DecisionStore(study.decisions_path).read())
        return {name: reviewed[name] for name in MACHINE}

    return cache.run("decide", conclusion_key("decide", clustered, study.decisions_state()), compute)


@task(name="rank")
def rank_study(root: Path, processed: list[StageRecord], decided: StageRecord) -> StageRecord:
    """Rank the themes, for the study and for each workshop."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)

    def compute() -> Tables:
        tell("classement des priorités", 0, 1)
        gathered, reviewed = gather_tables(cache, processed), cache.load(decided)
        ranking = rank_themes(
            gathered["units"],
            reviewed["tags"],
            reviewed["themes"],
            reviewed["theme_members"],
            gathered["workshops"],
            gathered["attendance"],
            settings=study.settings.rank,
        )
        return ranking._asdict()

    return cache.run("rank", conclusion_key("rank", decided, study.settings.rank), compute)


@task(name="compare")
def compare_study(root: Path, processed: list[StageRecord], decided: StageRecord) -> StageRecord:
    """Compare the territories, tell whose voice is missing, and list what is on offer."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)

    def compute() -> Tables:
        tell("comparaison des territoires", 0, 1)
        gathered, reviewed = gather_tables(cache, processed), cache.load(decided)
        contrasts = compare_territories(
            gathered["units"], reviewed["tags"], reviewed["theme_members"], gathered["workshops"], settings=study.settings.compare
        )
        expected = study.settings.etude.expected_structure_types
        voices = list_voices(gathered["attendance"], gathered["structures"], gathered["workshops"], expected_structure_types=expected)
        return {
            "contrasts": contrasts,
            "voices": voices,
            "offers": list_offers(gathered["units"], reviewed["tags"], gathered["structures"]),
        }

    return cache.run("compare", conclusion_key("compare", decided, study.settings.compare, study.settings.etude), compute)


@task(name="write")
def write_study(root: Path, processed: list[StageRecord], records: list[StageRecord]) -> None:
    """Write the machine's tables first, as later runs take the themes' names from them, then the reviewed ones."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)
    tables = gather_tables(cache, processed)
    tables["rejects"] = reject_stray_files(tables["rejects"], study.stray_files(), depot=study.depot)
    machine = tables | cache.load(records[0])
    for name in MACHINE:
        study.write_machine_table(name, machine[name])
    for record in records:
        tables |= cache.load(record)
    for name, rows in tables.items():
        study.write_table(name, rows)
