"""Add what people wrote or said after a workshop to its themes.

In:   themes, theme_members and unit_places of the room, units, tags
Out:  the same with the late units; those that fit no theme are set aside, with a place on the map

A mail is one more voice on a subject, not a reason to change the subjects.
"""

import json
from typing import NamedTuple

import numpy as np
import pandas as pd

from models.embedder import Embedder, EmbedderSource
from models.rows import LARGE
from pipeline.cluster import off_topic
from pipeline.cluster.geometry import place_late
from pipeline.cluster.membership import PairFacts, nearness, probabilities
from pipeline.cluster.quotes import choose_quotes
from pipeline.cluster.vectors import encode_like_themes
from pipeline.counting import COUNTS, count_themes, counted_members, room_units, with_circles
from pipeline.parallel import ParallelMap
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from pipeline.tables.columns import is_among
from pipeline.tables.results import THEME_MEMBERS, THEMES
from pipeline.text import plain_texts

# Quantile of members' closeness below which a late unit fits nowhere.
FITS = 0.01


class ThemesWithLate(NamedTuple):
    """The room's tables with what came after."""

    themes: pd.DataFrame
    theme_members: pd.DataFrame
    unit_places: pd.DataFrame


def join_late_units(
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    unit_places: pd.DataFrame,
    units: pd.DataFrame,
    tags: pd.DataFrame,
    *,
    embedder: Embedder,
    encoders: EmbedderSource | None = None,
    cache: Store | None = None,
    settings: ClusterSettings,
    spread: ParallelMap = map,
    n_large: int = LARGE,
) -> ThemesWithLate:
    """Return the tables with each late unit in its nearest theme; none changes without themes.

    Counts and quotes change; names and order of themes do not.
    """
    is_late = ~is_among(units["unit_id"], room_units(units)["unit_id"])
    if not is_late.any() or themes.empty:
        return ThemesWithLate(themes, theme_members, unit_places)
    # The room's first: its centres and axes are those of the themes, whatever comes later.
    units = plain_texts(units).assign(is_late=is_late)
    units = units.sort_values(["is_late", "unit_id"], kind="stable").reset_index(drop=True)
    texts, candidates = list(units["text"].astype(str)), units["is_late"].to_numpy(bool, copy=True)
    views = encode_like_themes(
        texts,
        embedder,
        n_units=int((~candidates).sum()),
        encoders=encoders,
        cache=cache,
        spread=spread,
        n_large=n_large,
    )
    candidates[candidates] = ~off_topic(units[candidates], tags, views.off_topic[candidates])
    index_of = pd.Series(range(len(themes)), index=themes["theme_id"])
    theme_of = theme_members.set_index("unit_id")["theme_id"].map(index_of)
    labels = units["unit_id"].map(theme_of).fillna(-1).to_numpy().astype(np.int64)
    all_places = place_late(units["unit_id"], views.vectors, labels, unit_places)
    near, rows = nearness(views.vectors, labels, len(themes)), np.arange(len(units))
    nearest = np.where(labels >= 0, labels, near.argmax(axis=1))
    closeness = near[rows, nearest]
    joins = candidates & (closeness >= np.quantile(closeness[labels >= 0], FITS))
    joined = pd.DataFrame(
        {
            "unit_id": units.loc[joins, "unit_id"],
            "theme_id": themes["theme_id"].to_numpy()[nearest[joins]],
            "strength": np.clip(closeness[joins], 0, 1).round(6),
        }
    )
    facts = PairFacts(near, near, np.full(near.shape, np.nan), views.off_topic)
    chances = probabilities(facts, nearest, embedder.name)
    joined["probability"] = chances[rows, nearest][joins]
    joined["likely"] = None  # a mail is no table
    # Its theme has its surest unit already.
    joined["is_counted"] = joined["probability"] >= settings.least_probability
    members = pd.concat([theme_members, joined], ignore_index=True)
    in_order = members.assign(order=members["theme_id"].map(index_of)).sort_values(
        ["order", "strength", "unit_id"], ascending=[True, False, True]
    )
    members = THEME_MEMBERS.check(in_order.drop(columns="order"))
    counted = _count_again(themes, members, set(joined["theme_id"]), units, settings)
    return ThemesWithLate(counted, members, all_places)


def _count_again(
    themes: pd.DataFrame,
    members: pd.DataFrame,
    changed: set[str],
    units: pd.DataFrame,
    settings: ClusterSettings,
) -> pd.DataFrame:
    counts = count_themes(members, with_circles(units))
    passages = counted_members(members).merge(units, on="unit_id", validate="one_to_one")
    quotes = {
        theme_id: json.dumps(choose_quotes(rows, settings.n_quotes))
        for theme_id, rows in passages.groupby("theme_id")
        if theme_id in changed
    }
    counted = themes.assign(quotes=themes["theme_id"].map(quotes).fillna(themes["quotes"]))
    for column in COUNTS:
        counted[column] = themes["theme_id"].map(counts[column])
    return THEMES.check(counted)
