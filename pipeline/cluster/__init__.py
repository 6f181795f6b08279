"""Cluster units into themes: groups of units about the same thing, named in the words of those who spoke.

In:   units, tags; the themes and members of an earlier run, from which identities are kept
Out:  themes           one row a theme, the most spoken of first
      theme_families   one row a family of themes, the most spoken of first; parent_id in themes tells which
      theme_members    one row a unit that has a theme; a unit absent from here is set aside
      merge_proposals  pairs of themes that may be one
      theme_flags      themes that hold a bit of everything
      theme_agreement  how alike the themes come out when they are made again
      unit_places      where each unit lies on a map of what was said

What came after the workshops joins the themes afterwards (pipeline.cluster.late), and does not reshape them.
"""

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import Embedder, EmbedderSource
from models.rows import Matrix, Rows, sums_by_group, unit_blocks, unit_rows
from models.theme_model import Closer
from pipeline.cluster.families import Geometry, find_families, place_units
from pipeline.cluster.identity import Previous, identify_families, identify_themes
from pipeline.cluster.names import Candidate, find_candidates, keywords_of, label_themes
from pipeline.cluster.quotes import choose_quotes, describe
from pipeline.cluster.sight import Sight, agree_themes
from pipeline.counting import count_families, count_themes
from pipeline.parallel import ParallelMap
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from pipeline.tables.results import (
    MERGE_PROPOSALS,
    THEME_AGREEMENT,
    THEME_FAMILIES,
    THEME_FLAGS,
    THEME_MEMBERS,
    THEMES,
    UNIT_PLACES,
)
from pipeline.text import fold, plain_texts

_LOG = logging.getLogger(__name__)

SURELY_OFF_TOPIC, PERHAPS_OFF_TOPIC = (
    0.8,
    0.5,
)  # probability; the lower one where the tagger found no rubrique either
_N_TOPIC_WORDS = 10
_KIND_OF_POSTURE = {
    "difficulte": "besoin",
    "demande": "besoin",
    "force": "réponse",
    "proposition": "proposition",
}
_MOSTLY = 0.5  # share of the postures that tell a kind from which a theme is of it


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
    """What a theme model offers; `models.theme_model.ThemeModel` is one."""

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
        """Group the units, one a row of `embeddings`; `closer` sees those better that groups are made of."""
        ...

    def topic_words(self, k: int = 10) -> list[list[tuple[str, float]]]:
        """Words that tell each theme from the others."""
        ...


def cluster_units(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    *,
    model: Grouping,
    embedder: Embedder,
    encoders: EmbedderSource | None = None,
    cache: Store | None = None,
    previous: Previous | None = None,
    settings: ClusterSettings,
    spread: ParallelMap = map,
) -> Clustered:
    """Return the themes of `units`; no unit gives no theme. `previous` changes identities, never groups; `spread` no result."""
    if units.empty:
        tables = (
            THEMES,
            THEME_MEMBERS,
            MERGE_PROPOSALS,
            THEME_FLAGS,
            THEME_FAMILIES,
            THEME_AGREEMENT,
            UNIT_PLACES,
        )
        return Clustered(*(table.empty() for table in tables))
    units = (
        plain_texts(units).sort_values("unit_id", kind="stable").reset_index(drop=True)
    )  # whatever the order of workshops
    sight = Sight(units, embedder, encoders=encoders, cache=cache, spread=spread)
    set_aside = off_topic(units, tags, sight.off_topic)
    model.fit(units, sight.leaning, set_aside=set_aside, closer=sight)
    agreement = agree_themes(sight.settle(~set_aside), settings, spread=spread)
    places = place_units(units["unit_id"], sight.leaning, model.labels_)
    members = _members(units, model.labels_, _strengths(sight.vectors, model.labels_))
    themes = _themes(members, units, sight, model, tags, settings)
    keywords = [json.loads(theme["keywords"]) for theme in themes]
    identities = identify_themes(
        [list(rows["unit_id"]) for rows in _by_theme(members)], keywords, previous
    )
    _LOG.info(
        "%d units in %d themes, %d set aside, %d of them about no subject",
        len(members),
        len(themes),
        len(units) - len(members),
        set_aside.sum(),
    )
    labels = [theme["label"] for theme in themes]
    families = _families(themes, members, units, sight, model, previous, settings)
    named, placed = _tables(themes, members, identities)
    hints = _hints(Geometry.of(sight.vectors, model.labels_), identities, labels)
    counted = count_families(THEME_FAMILIES.build(families), named, placed, units)
    return Clustered(named, placed, *hints, counted, agreement, places)


def _hints(
    geometry: Geometry, identities: Sequence[str], labels: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs that may be one theme and the themes that hold a bit of everything, in words."""
    close = "« {first} » et « {second} » sont proches : {percent} % de leurs passages iraient aussi bien dans l'autre."
    pairs = [
        {
            "theme_id": identities[first],
            "other_theme_id": identities[second],
            "cosine": cosine,
            "overlap": overlap,
            "sentence": close.format(
                first=labels[first], second=labels[second], percent=round(100 * overlap)
            ),
        }
        for first, second, cosine, overlap in geometry.near_duplicates()
    ]
    loose = "« {label} » est grand et peu resserré : à relire, peut-être à partager."
    cohesion = geometry.cohesion
    flags = [
        {
            "theme_id": identities[theme],
            "flag": "fourre-tout",
            "cohesion": round(float(cohesion[theme]), 6),
            "sentence": loose.format(label=labels[theme]),
        }
        for theme in geometry.catch_alls()
    ]
    return MERGE_PROPOSALS.build(pairs), THEME_FLAGS.build(flags)


def off_topic(units: pd.DataFrame, tags: pd.DataFrame, probability: Matrix) -> NDArray[np.bool_]:
    """Which units are about no subject: surely by the subject map, or perhaps by it where the tagger found no rubrique."""
    rubriques = tags[(tags["axis"] == "rubrique") & tags["is_assigned"].astype(bool)]
    without = (
        ~units["unit_id"].isin(rubriques["unit_id"]).to_numpy(dtype=bool)
        if len(rubriques)
        else np.zeros(len(units), dtype=bool)
    )
    return np.asarray(
        (probability >= SURELY_OFF_TOPIC) | (without & (probability >= PERHAPS_OFF_TOPIC))
    )


def _strengths(vectors: Rows, labels: NDArray[np.int64]) -> Matrix:
    """Cosine of each unit with its theme's centre, 0..1; 0 for a unit set aside."""
    centres = unit_rows(sums_by_group(vectors, labels, int(labels.max(initial=-1)) + 1))
    strengths = np.zeros(len(labels))
    for block, rows in unit_blocks(vectors):
        themed = labels[block] >= 0
        strengths[block][themed] = (rows[themed] * centres[labels[block][themed]]).sum(axis=1)
    return np.clip(strengths, 0, 1)


def _members(units: pd.DataFrame, labels: NDArray[np.int64], strengths: Matrix) -> pd.DataFrame:
    """The units that have a theme, by theme number, most central first; `row` is their place among the units."""
    placed = units.assign(theme=labels, strength=strengths.round(6), row=np.arange(len(units)))
    return placed[placed["theme"] >= 0].sort_values(
        ["theme", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )


def _by_theme(members: pd.DataFrame) -> list[pd.DataFrame]:
    return [rows for _, rows in members.groupby("theme", sort=True)]


def _themes(
    members: pd.DataFrame,
    units: pd.DataFrame,
    sight: Sight,
    model: Grouping,
    tags: pd.DataFrame,
    settings: ClusterSettings,
) -> list[dict[str, Any]]:
    """What each theme is called, about and quoted for, by theme number."""
    words, labels = _topic_words(model), model.labels_[sight.rows]
    candidates = find_candidates(
        sight.readings,
        labels,
        _strengths_read(members, units, sight),
        words,
        sight.space,
        _places(units, sight),
    )
    rows = (
        unit_rows(sight.space.rows[labels == theme]) for theme in range(len(words))
    )  # one after the other: many are large
    names = label_themes(candidates, rows)
    kinds = _kinds(members, tags)
    return [
        _theme(
            label,
            found,
            theme_members,
            float(model.stability_[theme]),
            kinds.get(theme, "mixte"),
            settings.n_quotes,
        )
        for theme, (label, found, theme_members) in enumerate(
            zip(names, candidates, _by_theme(members), strict=True)
        )
    ]


def _topic_words(model: Grouping) -> list[list[str]]:
    return [
        [fold(word, keep_signs=True) for word, _ in theme]
        for theme in model.topic_words(_N_TOPIC_WORDS)
    ]


def _strengths_read(members: pd.DataFrame, units: pd.DataFrame, sight: Sight) -> Matrix:
    """That of each unit that was read; 0 for one set aside."""
    strengths = np.zeros(len(units))
    strengths[members["row"]] = members["strength"]
    found: Matrix = strengths[sight.rows]
    return found


def _places(units: pd.DataFrame, sight: Sight) -> list[str]:
    """The table of each unit that was read; its document stands for a table that has no number."""
    read = units.iloc[sight.rows]
    return list(
        read["workshop_id"].astype(str)
        + "|"
        + read["table_number"].astype("string").fillna(read["document_id"])
    )


def _families(
    themes: list[dict[str, Any]],
    members: pd.DataFrame,
    units: pd.DataFrame,
    sight: Sight,
    model: Grouping,
    previous: Previous | None,
    settings: ClusterSettings,
) -> list[dict[str, Any]]:
    """The rows of theme_families, to be counted; each of `themes` gets its family's id."""
    found = find_families(
        sight.vectors,
        model.labels_,
        [theme["label"] for theme in themes],
        read=sight.rows,
        readings=sight.readings,
        strengths=_strengths_read(members, units, sight),
        topic_words=_topic_words(model),
        space=sight.space,
        tables=_places(units, sight),
        seed=settings.seed,
    )
    central = members.sort_values(["strength", "unit_id"], ascending=[False, True], kind="stable")
    held = [list(central.loc[central["theme"].isin(family.themes), "unit_id"]) for family in found]
    words = [
        [word for theme in family.themes for word in json.loads(themes[theme]["keywords"])]
        for family in found
    ]
    identities = identify_families(held, words, previous)
    for family, identity in zip(found, identities, strict=True):
        for theme in family.themes:
            themes[theme]["parent_id"] = identity
    return [
        {
            "family_id": identity,
            "label": family.label,
            "n_themes": 0,
            "n_units": 0,
            "n_tables": 0,
            "n_workshops": 0,
        }
        | {"stability": family.stability}
        for family, identity in zip(found, identities, strict=True)
    ]


def _theme(
    label: str,
    found: Sequence[Candidate],
    members: pd.DataFrame,
    stability: float,
    kind: str,
    n_quotes: int,
) -> dict[str, Any]:
    keywords = keywords_of(found)
    quotes = choose_quotes(members, n_quotes)
    text_of = dict(zip(members["unit_id"], members["text"], strict=True))
    return {
        "label": label,
        "keywords": json.dumps(keywords, ensure_ascii=False),
        "description": describe(keywords, [text_of[unit] for unit in quotes]) or label,
        "stability": round(min(max(stability, 0.0), 1.0), 6),
        "kind": kind,
        "parent_id": None,
        "quotes": json.dumps(quotes),
    }


def _kinds(members: pd.DataFrame, tags: pd.DataFrame) -> dict[int, str]:
    """What most postures of a theme's units tell, by theme number; a theme whose postures tell nothing has none."""
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"].astype(bool)].drop_duplicates(
        "unit_id"
    )
    joined = members[["unit_id", "theme"]].merge(
        postures[["unit_id", "code"]], on="unit_id", validate="one_to_one"
    )
    joined["kind"] = joined["code"].map(_KIND_OF_POSTURE)
    told = joined.dropna(subset="kind")
    shares = pd.crosstab(told["theme"], told["kind"], normalize="index")
    most = shares[shares.max(axis=1) > _MOSTLY].idxmax(axis=1)
    return {int(theme): str(kind) for theme, kind in most.items()}  # type: ignore[call-overload]


def _tables(
    themes: list[dict[str, Any]], members: pd.DataFrame, identities: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two tables, the themes of most units first."""
    named = members.assign(theme_id=[identities[theme] for theme in members["theme"]])
    counts = count_themes(named[["unit_id", "theme_id"]], named)
    rows = [
        {"theme_id": identity, **counts.loc[identity].to_dict(), **theme}
        for identity, theme in zip(identities, themes, strict=True)
    ]
    rows.sort(key=lambda row: (-row["n_units"], row["theme_id"]))
    rank = {row["theme_id"]: at for at, row in enumerate(rows)}
    named = named.assign(rank=named["theme_id"].map(rank)).sort_values(
        ["rank", "strength", "unit_id"], ascending=[True, False, True], kind="stable"
    )
    return THEMES.build(rows), THEME_MEMBERS.check(named[["unit_id", "theme_id", "strength"]])
