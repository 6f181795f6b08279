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
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.catalogue import SubjectReader, load_catalogue
from models.embedder import Embedder, EmbedderSource, plain_encoders
from models.rows import LARGE, Labels, Matrix
from models.theme_model import ThemeModel
from pipeline.cluster.geometry import Geometry, place_units
from pipeline.cluster.identity import Run, identify_themes
from pipeline.cluster.membership import (
    LEAST_LIKELY,
    PairFacts,
    counts_in_theme,
    kinship,
    nearness,
    probabilities,
)
from pipeline.cluster.names import find_candidates, keywords_of, phrase_titles
from pipeline.cluster.quotes import choose_quotes, describe
from pipeline.cluster.subjects import ThemeName, family_id, name_themes, read_subjects
from pipeline.cluster.vectors import UnitVectors, agree_themes
from pipeline.counting import (
    count_families,
    count_themes,
    counted_members,
    n_distinct,
    postures_by_unit,
    with_circles,
)
from pipeline.parallel import ParallelMap
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from pipeline.tables import TABLES
from pipeline.tables.columns import is_among
from pipeline.tables.results import (
    MERGE_PROPOSALS,
    THEME_FAMILIES,
    THEME_FLAGS,
    THEME_MEMBERS,
    THEMES,
)
from pipeline.text import fold, load_cues, plain_texts

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
# Of the catalogue's view beside closeness, where quotes are chosen: of those first shown of six
# studies by unseen authors (data/training/etudes), 29 in 100 were of another theme, then 25.
KINSHIP = 0.4
_MOSTLY = 0.5  # least share of a theme's postures that sets its kind
_FEWEST_WITH_FAMILIES = 6  # themes; fewer need no second level


class Clustered(NamedTuple):
    """The tables of the stage."""

    themes: pd.DataFrame
    theme_members: pd.DataFrame
    merge_proposals: pd.DataFrame
    theme_flags: pd.DataFrame
    theme_families: pd.DataFrame
    theme_agreement: pd.DataFrame
    unit_places: pd.DataFrame


def cluster_units(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    *,
    model: ThemeModel,
    embedder: Embedder,
    encoders: EmbedderSource | None = None,
    cache: Store | None = None,
    previous: Run | None = None,
    settings: ClusterSettings,
    spread: ParallelMap = map,
    n_large: int = LARGE,
) -> Clustered:
    """Return the themes of `units`; fewer than `settings.least_units` different ones give none.

    `previous` changes identities only. From `n_large` units on, only those that form the groups are
    read closely.
    """
    if units.empty or n_distinct(units) < settings.least_units:
        return Clustered(*(TABLES[name].empty() for name in Clustered._fields))
    # The order of workshops must not matter.
    units = plain_texts(units).sort_values("unit_id", kind="stable").reset_index(drop=True)
    unit_vectors = UnitVectors(
        units, embedder, encoders=encoders, cache=cache, spread=spread, n_large=n_large
    )
    set_aside = off_topic(units, tags, unit_vectors.off_topic)
    circles = with_circles(units)
    model.fit(circles, unit_vectors.in_context, set_aside=set_aside, closer=unit_vectors)
    closest = unit_vectors.closest_vectors(~set_aside)
    agreement = agree_themes(closest, settings, spread=spread, cache=cache)
    encoder = embedder if embedder.is_shipped else (encoders or plain_encoders()).load()
    labels, n_themes = model.labels_, len(model.stability_)
    unit_places = place_units(units["unit_id"], unit_vectors.in_context, labels)
    read = units.assign(theme=labels).iloc[unit_vectors.rows]
    reader = SubjectReader(list(read["text"]), encoder)
    chances = _chances(unit_vectors, labels, reader, n_themes, embedder.name)
    members = _members(units, labels, *chances, settings)
    kinds, leanings = _kinds(members, tags, n_themes)
    told = read.merge(counted_members(members)[["unit_id", "probability"]], how="left")
    weights = told["probability"].fillna(0).to_numpy()
    candidates = find_candidates(
        unit_vectors.readings,
        np.where(weights > 0, read["theme"], -1),
        weights,
        _topic_words(model),
        unit_vectors.space,
        _table_keys(read),
    )
    subjects = read_subjects(reader, read["theme"].to_numpy(), weights, n_themes)
    members = _with_kinship(members, dict(zip(read["unit_id"], subjects.kinship, strict=True)))
    surest = members.groupby("theme", sort=True)["probability"].max()
    has_likely = (surest >= settings.least_probability).tolist()
    names = name_themes(subjects, leanings, phrase_titles(candidates), has_likely)
    keywords = keywords_of(candidates)
    themes = _themes(members, names, keywords, kinds, model.stability_, settings)
    unit_ids = [list(rows["unit_id"]) for _, rows in members.groupby("theme", sort=True)]
    identities = identify_themes(unit_ids, keywords, previous)
    _LOG.info(
        "%d units in %d themes, %d set aside, %d of them about no subject",
        len(members),
        len(themes),
        len(units) - len(members),
        set_aside.sum(),
    )
    theme_table, member_table = _tables(themes, members, identities, circles)
    geometry = Geometry.of(unit_vectors.vectors, labels)
    hints = _hints(geometry, identities, [name.label for name in names])
    counted = count_families(_families(names), theme_table, member_table, circles)
    return Clustered(theme_table, member_table, *hints, counted, agreement, unit_places)


def off_topic(units: pd.DataFrame, tags: pd.DataFrame, probability: Matrix) -> NDArray[np.bool_]:
    """Return which units are off topic: surely, or perhaps and without a rubrique.

    Surely are those that run a meeting: who came, votes, documents handed over, next dates.
    """
    rubriques = tags[(tags["axis"] == "rubrique") & tags["is_assigned"].astype(bool)]
    is_procedure = units["text"].map(load_cues("procedure").are_in).to_numpy(dtype=bool)
    is_sure = (probability >= SURELY_OFF_TOPIC) | is_procedure
    if rubriques.empty:
        return np.asarray(is_sure)
    has_rubrique = is_among(units["unit_id"], rubriques["unit_id"])
    return np.asarray(is_sure | (~has_rubrique & (probability >= PERHAPS_OFF_TOPIC)))


def _chances(
    unit_vectors: UnitVectors, labels: Labels, reader: SubjectReader, n_themes: int, encoder: str
) -> tuple[Matrix, Matrix]:
    """Return how near each unit is to each theme, and how probably about its subject."""
    near = nearness(unit_vectors.vectors, labels, n_themes)
    akin = np.full(near.shape, np.nan)
    rows = unit_vectors.rows
    akin[rows] = kinship(reader.of_texts, labels[rows], n_themes)
    in_context = nearness(unit_vectors.in_context, labels, n_themes)
    facts = PairFacts(near, in_context, akin, unit_vectors.off_topic)
    return near, probabilities(facts, labels, encoder)


def _members(
    units: pd.DataFrame, labels: Labels, near: Matrix, chances: Matrix, settings: ClusterSettings
) -> pd.DataFrame:
    """Return the units that have a theme; `likely` are numbers and probabilities of others."""
    rows = np.flatnonzero(labels >= 0)
    own = labels[rows]
    others = np.where(np.arange(chances.shape[1]) == own[:, None], 0, chances[rows])
    members = units.iloc[rows].assign(
        theme=own,
        strength=np.clip(near[rows, own], 0, 1).round(6),
        probability=chances[rows, own],
        likely=pd.Series(
            [
                [(theme, chance) for theme, chance in enumerate(row) if chance >= LEAST_LIKELY]
                for row in others.tolist()
            ],
            index=units.index[rows],
            dtype=object,
        ),
    )
    members = members.sort_values(
        ["theme", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )
    is_counted = counts_in_theme(
        members["probability"], members["theme"], settings.least_probability
    )
    return members.assign(is_counted=is_counted)


def _themes(
    members: pd.DataFrame,
    names: Sequence[ThemeName],
    keywords: Sequence[Sequence[str]],
    kinds: Sequence[str],
    stability: Matrix,
    settings: ClusterSettings,
) -> list[dict[str, Any]]:
    has_families = len(names) >= _FEWEST_WITH_FAMILIES
    text_of = dict(zip(members["unit_id"], members["text"], strict=True))
    themes = []
    for theme, (_, here) in enumerate(members.groupby("theme", sort=True)):
        name = names[theme]
        quotes = choose_quotes(counted_members(here), settings.n_quotes)
        description = describe([text_of[unit_id] for unit_id in quotes])
        themes.append(
            {
                "label": name.label,
                "statement": name.statement,
                "subject_id": name.subject_id,
                "name_source": name.source,
                "proposals": name.proposals,
                "keywords": json.dumps(keywords[theme], ensure_ascii=False),
                "description": description or name.statement or name.label,
                "stability": round(min(max(float(stability[theme]), 0.0), 1.0), 6),
                "kind": kinds[theme],
                "parent_id": name.family if has_families else None,
                "is_signed_off": False,
                "quotes": json.dumps(quotes),
            }
        )
    return themes


def _topic_words(model: ThemeModel) -> list[list[str]]:
    return [
        [fold(word, keep_signs=True) for word, _ in theme]
        for theme in model.topic_words(_N_TOPIC_WORDS)
    ]


def _with_kinship(members: pd.DataFrame, kinship: Mapping[str, float]) -> pd.DataFrame:
    """Return `members` with more strength where the catalogue sees the theme's subject in a unit.

    And with less where it sees another: the mean of a theme stays, and is that of a unit not read.
    """
    own = members["unit_id"].map(kinship).astype(float)
    beside = (own - own.groupby(members["theme"]).transform("mean")).fillna(0.0)
    strength = (members["strength"] + KINSHIP * beside).clip(0, 1).round(6)
    return members.assign(strength=strength).sort_values(
        ["theme", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )


def _table_keys(read: pd.DataFrame) -> list[str]:
    return list(
        read["workshop_id"].astype(str)
        + "|"
        + read["table_number"].astype("string").fillna(read["document_id"])
    )


def _families(names: Sequence[ThemeName]) -> pd.DataFrame:
    counts = dict.fromkeys(("n_themes", "n_units", "n_tables", "n_workshops"), 0)
    names_of = {family_id(family): family for family in load_catalogue().families}
    return THEME_FAMILIES.build(
        {"family_id": family, "label": names_of[family].subject_id, **counts}
        for family in sorted({name.family for name in names if name.family})
    )


def _kinds(members: pd.DataFrame, tags: pd.DataFrame, n_themes: int) -> tuple[list[str], list[str]]:
    """The kind of most postures of what counts in each theme, "mixte" where none is most.

    And the most frequent kind, "besoin" where none is.
    """
    counted = counted_members(members)
    kinds = counted["unit_id"].map(postures_by_unit(tags)).astype(object).map(_KIND_OF_POSTURE)
    told = counted.assign(kind=kinds).dropna(subset="kind")
    shares = pd.crosstab(told["theme"], told["kind"], normalize="index")
    first = shares.idxmax(axis=1) if len(shares) else pd.Series(dtype=object)
    most = first[shares.max(axis=1) > _MOSTLY]
    themes = range(n_themes)
    return (
        [str(most.get(theme, "mixte")) for theme in themes],
        [str(first.get(theme, "besoin")) for theme in themes],
    )


def _tables(
    themes: list[dict[str, Any]],
    members: pd.DataFrame,
    identities: Sequence[str],
    circles: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    likely = members["likely"].map(
        lambda others: (
            json.dumps([[identities[theme], chance] for theme, chance in others])
            if others
            else None
        )
    )
    theme_ids = [identities[theme] for theme in members["theme"]]
    named = members.assign(theme_id=theme_ids, likely=likely)
    of_members = [column.name for column in THEME_MEMBERS.columns]
    counts = count_themes(named[of_members], circles)
    rows = [
        {"theme_id": identity, **counts.loc[identity].to_dict(), **theme}
        for identity, theme in zip(identities, themes, strict=True)
    ]
    rows.sort(key=lambda row: (-row["n_units"], row["theme_id"]))
    rank = {row["theme_id"]: i for i, row in enumerate(rows)}
    named = named.assign(rank=named["theme_id"].map(rank)).sort_values(
        ["rank", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )
    return THEMES.build(rows), THEME_MEMBERS.check(named[of_members])


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
