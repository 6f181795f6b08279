"""Cluster units into themes, named in the words of those who spoke.

In:   units, tags; the themes and members of an earlier run, whose identities are kept
Out:  themes           one row a theme, the most frequent first
      theme_families   one row a family of themes, the most frequent first
      theme_members    one row a unit that has a theme
      merge_proposals  pairs of themes that may be one
      theme_flags      themes that mix everything
      theme_agreement  how alike the themes are when they are made again
      unit_places      the position of each unit on a map

Late units join the themes in pipeline.cluster.late and do not reshape them.
"""

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import Embedder, EmbedderSource
from models.rows import LARGE, Matrix, Rows, sums_by_group, unit_blocks, unit_rows
from models.theme_model import Closer
from pipeline.cluster.families import Geometry, find_families, place_units
from pipeline.cluster.identity import Run, identify_families, identify_themes
from pipeline.cluster.names import Candidate, find_candidates, keywords_of, label_themes
from pipeline.cluster.quotes import choose_quotes, describe
from pipeline.cluster.vectors import UnitVectors, agree_themes
from pipeline.counting import count_families, count_themes
from pipeline.parallel import ParallelMap
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from pipeline.tables import TABLES
from pipeline.tables.results import (
    MERGE_PROPOSALS,
    THEME_FAMILIES,
    THEME_FLAGS,
    THEME_MEMBERS,
    THEMES,
)
from pipeline.text import fold, plain_texts

_LOG = logging.getLogger(__name__)

# Probabilities; the lower one applies without any rubrique.
SURELY_OFF_TOPIC, PERHAPS_OFF_TOPIC = 0.8, 0.5
_N_TOPIC_WORDS = 10
_KIND_OF_POSTURE = {
    "difficulte": "besoin",
    "demande": "besoin",
    "force": "réponse",
    "proposition": "proposition",
}
_MOSTLY = 0.5  # least share of a theme's postures that sets its kind


class Clustered(NamedTuple):
    """The tables of the stage."""

    themes: pd.DataFrame
    theme_members: pd.DataFrame
    merge_proposals: pd.DataFrame
    theme_flags: pd.DataFrame
    theme_families: pd.DataFrame
    theme_agreement: pd.DataFrame
    unit_places: pd.DataFrame


class Grouping(Protocol):
    """A theme model, such as `models.theme_model.ThemeModel`."""

    labels_: NDArray[np.int64]
    stability_: Matrix

    def fit(
        self,
        units: pd.DataFrame,
        embeddings: Rows,
        *,
        set_aside: NDArray[np.bool_] | None = None,
        closer: Closer | None = None,
    ) -> "Grouping":
        """Group the units; `closer` returns better vectors of some rows of `embeddings`."""
        ...

    def topic_words(self, k: int = 10) -> list[list[tuple[str, float]]]:
        """Return `k` words of each theme."""
        ...


def cluster_units(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    *,
    model: Grouping,
    embedder: Embedder,
    encoders: EmbedderSource | None = None,
    cache: Store | None = None,
    previous: Run | None = None,
    settings: ClusterSettings,
    spread: ParallelMap = map,
    n_large: int = LARGE,
) -> Clustered:
    """Return the themes of `units`; no unit gives no theme.

    `previous` changes identities only. From `n_large` units on, only those that form the groups are
    read closely.
    """
    if units.empty:
        return Clustered(*(TABLES[name].empty() for name in Clustered._fields))
    # The order of workshops must not matter.
    units = plain_texts(units).sort_values("unit_id", kind="stable").reset_index(drop=True)
    unit_vectors = UnitVectors(
        units, embedder, encoders=encoders, cache=cache, spread=spread, n_large=n_large
    )
    set_aside = off_topic(units, tags, unit_vectors.off_topic)
    model.fit(units, unit_vectors.in_context, set_aside=set_aside, closer=unit_vectors)
    agreement = agree_themes(unit_vectors.closest_vectors(~set_aside), settings, spread=spread)
    unit_places = place_units(units["unit_id"], unit_vectors.in_context, model.labels_)
    members = _members(units, model.labels_, _strengths(unit_vectors.vectors, model.labels_))
    themes = _themes(members, units, unit_vectors, model, tags, settings)
    keywords = [json.loads(theme["keywords"]) for theme in themes]
    unit_ids = [list(rows["unit_id"]) for _, rows in members.groupby("theme", sort=True)]
    identities = identify_themes(unit_ids, keywords, previous)
    _LOG.info(
        "%d units in %d themes, %d set aside, %d of them about no subject",
        len(members),
        len(themes),
        len(units) - len(members),
        set_aside.sum(),
    )
    labels = [theme["label"] for theme in themes]
    families = _families(themes, members, units, unit_vectors, model, previous, settings)
    theme_table, member_table = _tables(themes, members, identities)
    hints = _hints(Geometry.of(unit_vectors.vectors, model.labels_), identities, labels)
    counted = count_families(THEME_FAMILIES.build(families), theme_table, member_table, units)
    return Clustered(theme_table, member_table, *hints, counted, agreement, unit_places)


def off_topic(units: pd.DataFrame, tags: pd.DataFrame, probability: Matrix) -> NDArray[np.bool_]:
    """Return which units are off topic: surely, or perhaps and without a rubrique."""
    rubriques = tags[(tags["axis"] == "rubrique") & tags["is_assigned"].astype(bool)]
    is_sure = probability >= SURELY_OFF_TOPIC
    if rubriques.empty:
        return np.asarray(is_sure)
    has_rubrique = units["unit_id"].isin(rubriques["unit_id"]).to_numpy(dtype=bool)
    return np.asarray(is_sure | (~has_rubrique & (probability >= PERHAPS_OFF_TOPIC)))


def _strengths(vectors: Rows, labels: NDArray[np.int64]) -> Matrix:
    """Cosines with the theme's centre; 0 for a unit set aside."""
    centres = unit_rows(sums_by_group(vectors, labels, int(labels.max(initial=-1)) + 1))
    strengths = np.zeros(len(labels))
    for block, rows in unit_blocks(vectors):
        themed = labels[block] >= 0
        strengths[block][themed] = (rows[themed] * centres[labels[block][themed]]).sum(axis=1)
    return np.clip(strengths, 0, 1)


def _members(units: pd.DataFrame, labels: NDArray[np.int64], strengths: Matrix) -> pd.DataFrame:
    placed = units.assign(theme=labels, strength=strengths.round(6), row=np.arange(len(units)))
    return placed[placed["theme"] >= 0].sort_values(
        ["theme", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )


def _themes(
    members: pd.DataFrame,
    units: pd.DataFrame,
    unit_vectors: UnitVectors,
    model: Grouping,
    tags: pd.DataFrame,
    settings: ClusterSettings,
) -> list[dict[str, Any]]:
    words, labels = _topic_words(model), model.labels_[unit_vectors.rows]
    candidates = find_candidates(
        unit_vectors.readings,
        labels,
        _strengths_of_read(members, units, unit_vectors),
        words,
        unit_vectors.space,
        _table_keys(units, unit_vectors),
    )
    # One at a time: many are large.
    rows = (unit_rows(unit_vectors.space.rows[labels == theme]) for theme in range(len(words)))
    names = label_themes(candidates, rows)
    kinds = _kinds(members, tags)
    themes = []
    for theme, (_, here) in enumerate(members.groupby("theme", sort=True)):
        described = _describe_theme(candidates[theme], here, settings.n_quotes)
        stability = min(max(float(model.stability_[theme]), 0.0), 1.0)
        themes.append(
            {
                "label": names[theme],
                **described,
                "description": described["description"] or names[theme],
                "stability": round(stability, 6),
                "kind": kinds.get(theme, "mixte"),
                "parent_id": None,
            }
        )
    return themes


def _topic_words(model: Grouping) -> list[list[str]]:
    return [
        [fold(word, keep_signs=True) for word, _ in theme]
        for theme in model.topic_words(_N_TOPIC_WORDS)
    ]


def _strengths_of_read(
    members: pd.DataFrame, units: pd.DataFrame, unit_vectors: UnitVectors
) -> Matrix:
    """Strengths of all units; 0 for one not read or set aside."""
    strengths = np.zeros(len(units))
    strengths[members["row"]] = members["strength"]
    return np.asarray(strengths[unit_vectors.rows])


def _table_keys(units: pd.DataFrame, unit_vectors: UnitVectors) -> list[str]:
    read = units.iloc[unit_vectors.rows]
    return list(
        read["workshop_id"].astype(str)
        + "|"
        + read["table_number"].astype("string").fillna(read["document_id"])
    )


def _families(
    themes: list[dict[str, Any]],
    members: pd.DataFrame,
    units: pd.DataFrame,
    unit_vectors: UnitVectors,
    model: Grouping,
    previous: Run | None,
    settings: ClusterSettings,
) -> list[dict[str, Any]]:
    families = find_families(
        unit_vectors.vectors,
        model.labels_,
        [theme["label"] for theme in themes],
        read=unit_vectors.rows,
        readings=unit_vectors.readings,
        strengths=_strengths_of_read(members, units, unit_vectors),
        topic_words=_topic_words(model),
        space=unit_vectors.space,
        tables=_table_keys(units, unit_vectors),
        seed=settings.seed,
    )
    central = members.sort_values(["strength", "unit_id"], ascending=[False, True], kind="stable")
    unit_ids = [
        list(central.loc[central["theme"].isin(family.themes), "unit_id"]) for family in families
    ]
    words = [
        [word for theme in family.themes for word in json.loads(themes[theme]["keywords"])]
        for family in families
    ]
    identities = identify_families(unit_ids, words, previous)
    rows: list[dict[str, Any]] = []
    for family, identity in zip(families, identities, strict=True):
        for theme in family.themes:
            themes[theme]["parent_id"] = identity
        row = {"family_id": identity, "label": family.label, "stability": family.stability}
        rows.append(row | dict.fromkeys(("n_themes", "n_units", "n_tables", "n_workshops"), 0))
    return rows


def _describe_theme(
    candidates: Sequence[Candidate], members: pd.DataFrame, n_quotes: int
) -> dict[str, str]:
    keywords = keywords_of(candidates)
    quotes = choose_quotes(members, n_quotes)
    text_of = dict(zip(members["unit_id"], members["text"], strict=True))
    return {
        "keywords": json.dumps(keywords, ensure_ascii=False),
        "description": describe(keywords, [text_of[unit_id] for unit_id in quotes]),
        "quotes": json.dumps(quotes),
    }


def _kinds(members: pd.DataFrame, tags: pd.DataFrame) -> dict[int, str]:
    """The kind of most postures, by theme number; none for a theme of mixed postures."""
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"].astype(bool)].drop_duplicates(
        "unit_id"
    )
    joined = members[["unit_id", "theme"]].merge(
        postures[["unit_id", "code"]], on="unit_id", validate="one_to_one"
    )
    joined["kind"] = joined["code"].map(_KIND_OF_POSTURE)
    joined = joined.dropna(subset="kind")
    shares = pd.crosstab(joined["theme"], joined["kind"], normalize="index")
    most = shares[shares.max(axis=1) > _MOSTLY].idxmax(axis=1)
    return {int(theme): str(kind) for theme, kind in most.items()}  # type: ignore[call-overload]


def _tables(
    themes: list[dict[str, Any]], members: pd.DataFrame, identities: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    named = members.assign(theme_id=[identities[theme] for theme in members["theme"]])
    counts = count_themes(named[["unit_id", "theme_id"]], named)
    rows = [
        {"theme_id": identity, **counts.loc[identity].to_dict(), **theme}
        for identity, theme in zip(identities, themes, strict=True)
    ]
    rows.sort(key=lambda row: (-row["n_units"], row["theme_id"]))
    rank = {row["theme_id"]: i for i, row in enumerate(rows)}
    named = named.assign(rank=named["theme_id"].map(rank)).sort_values(
        ["rank", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )
    return THEMES.build(rows), THEME_MEMBERS.check(named[["unit_id", "theme_id", "strength"]])


def _hints(
    geometry: Geometry, identities: Sequence[str], labels: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    pairs = [
        {
            "theme_id": identities[first],
            "other_theme_id": identities[second],
            "cosine": cosine,
            "overlap": overlap,
            "sentence": f"« {labels[first]} » et « {labels[second]} » sont proches : "
            f"{round(100 * overlap)} % de leurs passages iraient aussi bien dans l'autre.",
        }
        for first, second, cosine, overlap in geometry.near_duplicates()
    ]
    cohesion = geometry.cohesion
    flags = [
        {
            "theme_id": identities[theme],
            "flag": "fourre-tout",
            "cohesion": round(float(cohesion[theme]), 6),
            "sentence": f"« {labels[theme]} » est grand et peu resserré : à relire, "
            "peut-être à partager.",
        }
        for theme in geometry.catch_alls()
    ]
    return MERGE_PROPOSALS.build(pairs), THEME_FLAGS.build(flags)
