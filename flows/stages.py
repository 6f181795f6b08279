"""List the stages of a run, in order.

In:   a stage's tables by name; the workspace of the run; for a workshop, its folder
Out:  the tables it returns, by name

The first stage reads personal data and returns none: it writes the persons' numbers to vault/
before anything that uses them is cached.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from flows.cache import Tables, Unfinished
from flows.comparison import comparison
from flows.execution import Stage, WorkshopFolder
from flows.keys import content_hash, read_dependencies
from flows.language_model import (
    ask_second_coder,
    coders_dependencies,
    measure_coders,
    order_units,
    propose_themes,
)
from flows.typed_texts import decisions_to_show
from models.embedder import SHIPPED_SETTINGS, chosen_settings, shipped_names
from models.registry import load_tagger
from models.tagger.features import texts_of
from models.theme_model import ThemeModel
from pipeline.cluster import cluster_units
from pipeline.cluster.identity import list_changes
from pipeline.cluster.late import join_late_units
from pipeline.cluster.opinions import group_opinions
from pipeline.cluster.quotes import profile_themes, quote_themes
from pipeline.counting import count_families, room_units, with_circles
from pipeline.decisions import active_decisions, apply_decisions, read_decisions
from pipeline.decisions.gaps import decided_gaps
from pipeline.decisions.grounds import Passages, note_grounds, note_passages
from pipeline.decisions.kinds import Decision, weights_in_use
from pipeline.decisions.mending import mend_units, mending_marks
from pipeline.decisions.passages import made_passages
from pipeline.decisions.replay import left_proposals
from pipeline.errors import TableError
from pipeline.files import file_hash, text_hash
from pipeline.french import load_early
from pipeline.ingest import ingest_workshop
from pipeline.ledger import account_characters, complete_receipts
from pipeline.pseudonymise import VaultUpdate, pseudonymise
from pipeline.rank import rank_themes
from pipeline.segment import segment_documents
from pipeline.settings.sections import RankWeights, Settings
from pipeline.study import Study
from pipeline.tables.columns import is_among
from pipeline.tables.material import UNITS
from pipeline.tag import tag_each

if TYPE_CHECKING:
    from flows.workspace import Workspace

MACHINE = ("tags", "themes", "theme_families", "theme_members")  # what decisions apply to
_CLUSTERED = (
    "themes",
    "theme_members",
    "merge_proposals",
    "theme_flags",
    "theme_families",
    "theme_agreement",
    "unit_places",
)


class Masked(NamedTuple):
    """A workshop's tables without personal data, and what the vault is to keep of them."""

    tables: Tables
    vault: VaultUpdate
    n_passing: int  # files that another run may read


def mask_workshop(workspace: "Workspace", folder: WorkshopFolder) -> Masked:
    """Ingest and pseudonymise a folder's files; nothing is written."""
    study, vault = workspace.study, workspace.vault
    passing: list[int] = []
    load_early()
    raw = ingest_workshop(
        study.depot / folder.name,
        depot=study.depot,
        inventory=workspace.inventory,
        settings=study.settings.ingest,
        workshop_id=folder.workshop_id,
        first_paths=folder.first_paths,
        on_file=lambda done, total: workspace.tell(f"lecture de {folder.name}", done, total),
        on_passing=passing.append,
        readers=workspace.file_readers,
    )
    raw["people"] = vault.with_earlier(raw["people"], folder.name)
    clean, kept = pseudonymise(
        raw,
        registry=vault.take_registry(),
        choices=vault.choices(),
        settings=study.settings.pseudonymise,
    )
    return Masked(clean, kept, sum(passing))


def read_workshop(
    _tables: Tables, workspace: "Workspace", folder: WorkshopFolder
) -> Tables | Unfinished:
    """Ingest and pseudonymise a folder's files; unfinished where one changed meanwhile."""
    clean, kept, n_passing = mask_workshop(workspace, folder)
    workspace.vault.write_doubts(folder.name, kept.doubts)
    workspace.vault.write_registry(kept.registry)
    return Unfinished(clean, n_passing) if n_passing else clean


def segment_workshop(tables: Tables, workspace: "Workspace", _folder: WorkshopFolder) -> Tables:
    """Cut the workshop's documents into units, and account for each character and file."""
    study, documents, blocks = workspace.study, tables["documents"], tables["blocks"]
    decided = _decided_on_passages(study)
    made = made_passages(decided)
    units = segment_documents(documents, blocks, settings=study.settings.segment, made=made)
    units = mend_units(units, documents, decided)
    ledger = account_characters(documents, blocks, units)
    receipts = complete_receipts(tables["receipts"], documents, ledger, units)
    return {"units": units, "ledger": ledger, "receipts": receipts}


def segment_dependencies(workspace: "Workspace", _folder: WorkshopFolder) -> tuple[str, ...]:
    """Return the settings of `segment`, and the passages that people made, cut and corrected."""
    decided = _decided_on_passages(workspace.study)
    settings = workspace.study.settings.segment.model_dump_json()
    return settings, *sorted(made_passages(decided)), *mending_marks(decided)


def _decided_on_passages(study: Study) -> list[Decision]:
    """Return the active decisions as stored: what people typed is not used, nor the vault read."""
    return active_decisions(study.decisions.read())


def tag_workshops(
    workshops: list[Tables], workspace: "Workspace", *, n_units: int = 0
) -> Iterator[Tables]:
    """Yield the tags of each workshop in turn, loading the tagger at the first one.

    `n_units` are those of the study, on which the encoder depends.
    """
    study, encoders = workspace.study, workspace.encoders
    settings = study.settings.tag
    tagger = load_tagger(
        study.grid,
        settings=settings,
        registered=study.registered_tagger,
        encoders=shipped_names(study.settings.embed, n_units),
    )
    units = [tables["units"] for tables in workshops]
    texts = list(chain.from_iterable(map(texts_of, units)))
    for name in tagger.encoders:
        encoders.prepare(texts, SHIPPED_SETTINGS[name])
    for tags in tag_each(
        units,
        tagger=tagger,
        grid=study.grid,
        settings=settings,
        encoders=encoders,
        spread=workspace.executor.spread,
        cache=workspace.store,
        depends_on=text_hash(*tag_dependencies(workspace, n_units=n_units)),
    ):
        yield {"tags": tags}


def tag_dependencies(workspace: "Workspace", *, n_units: int = 0) -> tuple[str, ...]:
    """Return the settings, the grid, the encoders and the study's refitted tagger, if any."""
    study = workspace.study
    registered = file_hash(study.registered_tagger) if study.registered_tagger else ""
    encoders = shipped_names(study.settings.embed, n_units)
    return study.settings.tag.model_dump_json(), study.grid_hash(), registered, *encoders


def cluster_study(tables: Tables, workspace: "Workspace") -> Tables:
    """Group the workshops' units into themes, with earlier identities where they fit."""
    study, spread = workspace.study, workspace.executor.spread
    units, tags = _of_room(tables)
    clustered = cluster_units(
        units,
        tags,
        model=ThemeModel(study.settings.cluster, spread=spread, cache=workspace.store),
        embedder=workspace.encoders.load(study.settings.embed, len(units)),
        encoders=workspace.encoders,
        cache=workspace.store,
        previous=_previous_themes(study),
        settings=study.settings.cluster,
        spread=spread,
    )
    return clustered._asdict()


def cluster_dependencies(workspace: "Workspace") -> tuple[str, ...]:
    """Return the settings and the encoder.

    Themes of earlier runs only give names, and are left out.
    """
    settings = workspace.study.settings
    return settings.cluster.model_dump_json(), _encoder_asked(settings)


def _encoder_asked(settings: Settings) -> str:
    """Return what changes with the encoder of a study; what it rests on is code."""
    return chosen_settings(settings.embed, 0).model_dump_json()


def room_content(tables: Tables) -> str:
    """Hash the workshops' units alone: later contributions leave their themes as they are."""
    return text_hash(*map(content_hash, _of_room(tables)))


def _of_room(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the units that make the themes, and their tags."""
    units, tags = room_units(tables["units"]), tables["tags"]
    return units, tags[is_among(tags["unit_id"], units["unit_id"])]


def join_study(tables: Tables, workspace: "Workspace") -> Tables:
    """Add later contributions to the themes; list changes since the run before."""
    study = workspace.study
    joined = join_late_units(
        tables["themes"],
        tables["theme_members"],
        tables["unit_places"],
        tables["units"],
        tables["tags"],
        embedder=workspace.encoders.load(study.settings.embed, len(room_units(tables["units"]))),
        encoders=workspace.encoders,
        cache=workspace.store,
        settings=study.settings.cluster,
        spread=workspace.executor.spread,
    )
    changes = list_changes(_previous_themes(study), (joined.themes, joined.theme_members))
    families = count_families(
        tables["theme_families"],
        joined.themes,
        joined.theme_members,
        with_circles(tables["units"]),
    )
    clustered = {name: tables[name] for name in _CLUSTERED}
    now = {"theme_families": families, "theme_changes": changes}
    return clustered | joined._asdict() | now


def _previous_themes(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    return study.read_machine_table("themes"), study.read_machine_table("theme_members")


class _Decided(NamedTuple):
    """Decisions as they may be shown, row and object, and the themes' members when decided on."""

    rows: pd.DataFrame
    decisions: list[Decision]
    grounds: pd.DataFrame
    passages: Passages


def decide_study(tables: Tables, workspace: "Workspace") -> Tables:
    """Apply people's decisions to tags and themes; profile the reviewed themes."""
    _, decisions, grounds, passages = _decided(workspace.study)
    machine = {name: tables[name] for name in ("units", *MACHINE)}
    grid = workspace.study.grid
    codes = {(code.axis, code.code) for code in grid.codes}
    reviewed = apply_decisions(
        machine,
        decisions,
        axes=grid.axes,
        grounds=grounds,
        grid_codes=codes,
        passages=passages,
    )
    units, tags, themes, members = (
        reviewed.pop("units"),
        reviewed["tags"],
        reviewed["themes"],
        reviewed["theme_members"],
    )
    flags = tables["theme_flags"]
    return reviewed | {
        "theme_profiles": profile_themes(units, tags, members),
        "theme_quotes": quote_themes(units, tags, themes, members),
        "theme_opinions": group_opinions(units, tags, members, workspace.encoders.load()),
        "merge_proposals": left_proposals(
            tables["merge_proposals"], themes, active_decisions(decisions)
        ),
        "theme_flags": flags[flags["theme_id"].isin(themes["theme_id"])],
        "decision_grounds": grounds,
    }


def decide_dependencies(workspace: "Workspace") -> tuple[str, ...]:
    """Return the decisions as masked now, since a name may be known only later, and the grid."""
    study = workspace.study
    rows, _, grounds, passages = _decided(study)
    typed = rows["value"].fillna("")
    return (
        study.decisions.mark().sha256,
        study.grid_hash(),
        *typed,
        grounds.to_json(),
        str(passages),
    )


def _decided(study: Study) -> _Decided:
    rows, (themes, members) = decisions_to_show(study), _previous_themes(study)
    decisions = read_decisions(rows)
    grounds = note_grounds(decisions, themes, members, study.read_table("decision_grounds"))
    effects = study.read_table("decision_effects")
    passages = note_passages(decisions, _earlier_units(study), effects)
    return _Decided(rows, decisions, grounds, passages)


def _earlier_units(study: Study) -> pd.DataFrame:
    """Return the passages of the last run; none where they were torn, which this run mends."""
    try:
        return study.read_table("units")
    except TableError:
        return UNITS.empty()


def rank_study(tables: Tables, workspace: "Workspace") -> Tables:
    """Rank the themes by people's weights, for the study and each workshop."""
    study = workspace.study
    ranking = rank_themes(
        tables["units"],
        tables["tags"],
        tables["themes"],
        tables["theme_members"],
        tables["workshops"],
        tables["attendance"],
        settings=study.settings.rank,
        weights=_weights(study),
        grid=study.grid,
    )
    return ranking._asdict()


def rank_dependencies(workspace: "Workspace") -> tuple[str, ...]:
    """Return the settings and the weights in use."""
    study = workspace.study
    return study.settings.rank.model_dump_json(), _weights(study).model_dump_json()


def _weights(study: Study) -> RankWeights:
    return weights_in_use(_active(study), study.settings.rank).weights


def _active(study: Study) -> list[Decision]:
    return active_decisions(decisions_to_show(study))


def compare_study(tables: Tables, workspace: "Workspace") -> Tables:
    """Compare the territories, find missing voices, and list offers."""
    study = workspace.study
    return comparison(
        tables,
        study.settings,
        study.grid.exclusive,
        encoder=workspace.encoders.for_subjects(
            study.settings.embed, len(room_units(tables["units"]))
        ),
        active=_active(study),
        cache=workspace.store,
    )


def compare_dependencies(workspace: "Workspace") -> tuple[str, ...]:
    """Return the settings of comparison and encoder, the types of structure expected, and what
    people said of needs.
    """
    settings = workspace.study.settings
    expected = settings.etude.model_dump_json(include={"expected_structure_types"})
    decided = decided_gaps(_active(workspace.study))
    states = [f"{gap}: {row.state}" for gap, row in sorted(decided.items())]
    encoder = _encoder_asked(settings)
    return settings.compare.model_dump_json(), expected, encoder, *states


READ = Stage(
    "read",
    "workshop",
    reads=(),
    compute=read_workshop,
    depends_on=read_dependencies,
    progress="lecture de {}",
)
SEGMENT = Stage(
    "segment",
    "workshop",
    reads=("documents", "blocks", "receipts"),
    compute=segment_workshop,
    depends_on=segment_dependencies,
    progress="découpage de {}",
)
TAG = Stage(
    "tag",
    "workshops",
    reads=("units",),
    compute=tag_workshops,
    depends_on=tag_dependencies,
    progress="étiquetage de {}",
)


def for_size(stage: Stage, n_units: int) -> Stage:
    """Return `stage` for a study of `n_units`: the tagger's encoder depends on them."""
    if stage is not TAG:
        return stage
    compute = partial(tag_workshops, n_units=n_units)
    return replace(TAG, compute=compute, depends_on=partial(tag_dependencies, n_units=n_units))


SECOND = Stage(
    "second",
    "study",
    reads=("units", "documents", "blocks"),
    compute=ask_second_coder,
    is_asked=True,
)
AGREE = Stage(
    "agree",
    "study",
    reads=("units", "documents", "blocks", "tags", "second_tags"),
    compute=measure_coders,
    depends_on=coders_dependencies,
)
ORDER = Stage(
    "order",
    "study",
    reads=("units", "tags", "second_tags"),
    compute=order_units,
    depends_on=coders_dependencies,
)
CLUSTER = Stage(
    "cluster",
    "study",
    reads=("units", "tags"),
    content=room_content,
    compute=cluster_study,
    depends_on=cluster_dependencies,
    progress="regroupement en thèmes",
)
JOIN = Stage(
    "join",
    "study",
    reads=("units", "tags", *_CLUSTERED),
    compute=join_study,
    progress="contributions à distance",
)
PROPOSE = Stage(
    "propose",
    "study",
    reads=("units", "themes", "theme_members"),
    compute=propose_themes,
    is_asked=True,
)
DECIDE = Stage(
    "decide",
    "study",
    reads=("units", *MACHINE, "merge_proposals", "theme_flags"),
    compute=decide_study,
    depends_on=decide_dependencies,
)
RANK = Stage(
    "rank",
    "study",
    reads=("units", "tags", "themes", "theme_members", "workshops", "attendance"),
    compute=rank_study,
    depends_on=rank_dependencies,
    progress="classement des priorités",
)
COMPARE = Stage(
    "compare",
    "study",
    reads=(
        "units",
        "tags",
        "themes",
        "theme_members",
        "workshops",
        "attendance",
        "structures",
        "catchments",
        "priorities",
    ),
    compute=compare_study,
    depends_on=compare_dependencies,
    progress="comparaison des territoires",
)

ON_CODES = (SECOND, AGREE, ORDER)
ON_THEMES = (CLUSTER, JOIN, PROPOSE, DECIDE, RANK, COMPARE)
STAGES = (READ, SEGMENT, TAG, *ON_CODES, *ON_THEMES)  # as they run
