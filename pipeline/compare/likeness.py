"""How alike territories are by what their tables say, whether chance would make them so, and a tree of them.

In:   contrasts' material: subjects said at tables, by circle
Out:  territory_links   one row a pair of territories
      territory_tree    one row a joining, closest first
"""

import json
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform

from pipeline.compare.counts import Numbers
from pipeline.counting import circles_of
from pipeline.settings import CompareSettings
from pipeline.tables import LIKENESS, TERRITORY_LINKS, TERRITORY_TREE

_INTERVAL = (0.05, 0.95)


class Likeness(NamedTuple):
    """The tables of likeness."""

    territory_links: pd.DataFrame
    territory_tree: pd.DataFrame


def link_territories(units: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame, *, settings: CompareSettings) -> Likeness:
    """Return both tables; empty with fewer than two territories that have a theme said at a table.

    Likeness is what both have in common of the shares of tables that say each theme (1 - Bray and Curtis): 1 for the same shares, 0 for
    nothing in common. Few tables make territories look unlike, so that it is set against tables dealt out at random.
    """
    said, places, territories = _by_table(units, theme_members, workshops)
    if len(territories) < 2:
        return Likeness(TERRITORY_LINKS.empty(), TERRITORY_TREE.empty())
    rng = np.random.default_rng(settings.seed)
    observed = _likeness(said, places, len(territories))
    dealt = np.stack([_likeness(said, rng.permutation(places), len(territories)) for _ in range(settings.n_draws)])
    drawn = np.stack([_likeness(said[chosen], places, len(territories)) for chosen in _redraws(places, settings.n_draws, rng)])
    low, high = np.quantile(drawn, _INTERVAL, axis=0)
    n_tables = np.bincount(places, minlength=len(territories))
    pairs = [(one, other) for one in range(len(territories)) for other in range(one + 1, len(territories))]
    lowest = np.quantile(dealt, 0.05 / len(pairs), axis=0)  # a pair is far only where chance would seldom put any as far
    rows = [
        {
            "territory": territories[one],
            "other": territories[other],
            "likeness": round(float(observed[one, other]), 6),
            "likeness_low": round(float(min(low[one, other], observed[one, other])), 6),
            "likeness_high": round(float(max(high[one, other], observed[one, other])), 6),
            "likeness_by_chance": round(float(dealt[:, one, other].mean()), 6),
            "verdict": _verdict(observed[one, other], lowest[one, other], int(n_tables[[one, other]].min()), settings.min_tables),
        }
        for one, other in pairs
    ]
    return Likeness(TERRITORY_LINKS.build(rows), TERRITORY_TREE.build(_tree(observed, drawn, territories)))


def _by_table(units: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame) -> tuple[Numbers, np.ndarray, list[str]]:
    """Whether each table said each theme, (n_tables, n_themes), and the place of its territory among those with such tables."""
    circles = circles_of(units, workshops).of_unit
    said = theme_members.merge(circles[circles["is_said"]], on="unit_id", validate="one_to_one")
    said = said.merge(workshops[["workshop_id", "territory"]], on="workshop_id", validate="many_to_one")
    table = said.drop_duplicates(["circle_id", "theme_id"]).pivot_table(
        index=["territory", "circle_id"], columns="theme_id", values="strength", aggfunc="size", fill_value=0
    )
    names = table.index.get_level_values("territory") if len(table) else pd.Index([])
    territories = sorted(set(names))
    return table.to_numpy(dtype=np.float64), pd.Index(territories).get_indexer(names), territories


def _likeness(said: Numbers, places: np.ndarray, n_territories: int) -> Numbers:
    sums = np.zeros((n_territories, said.shape[1]))
    np.add.at(sums, places, said)
    shares = sums / np.maximum(1, np.bincount(places, minlength=n_territories))[:, None]
    return np.asarray(1 - squareform(pdist(shares, "braycurtis")))


def _redraws(places: np.ndarray, n_draws: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Tables drawn again within their territory, as row numbers in the order of `places`."""
    groups = [np.flatnonzero(places == place) for place in places]
    return [
        np.array([group[int(at * len(group))] for group, at in zip(groups, rng.random(len(groups)), strict=True)]) for _ in range(n_draws)
    ]


def _verdict(observed: float, lowest: float, n_tables: int, min_tables: int) -> str:
    if n_tables < min_tables:
        return LIKENESS[2]
    return LIKENESS[1] if observed < lowest else LIKENESS[0]


def _tree(observed: Numbers, drawn: Numbers, territories: list[str]) -> list[dict[str, object]]:
    """The joinings by mean likeness, and the share of redrawn tables in which each group comes out again."""
    found = _groups(observed)
    again = [{members for members, _ in _groups(likeness)} for likeness in drawn]
    return [
        {
            "step": step + 1,
            "members": json.dumps([territories[place] for place in sorted(members)], ensure_ascii=False),
            "likeness": round(height, 6),
            "support": round(sum(members in groups for groups in again) / max(1, len(again)), 4),
        }
        for step, (members, height) in enumerate(found)
    ]


def _groups(likeness: Numbers) -> list[tuple[frozenset[int], float]]:
    joined = linkage(squareform(np.clip(1 - likeness, 0, None), checks=False), method="average")
    groups = [frozenset({place}) for place in range(len(likeness))]
    found = []
    for one, other, height, _ in joined:
        groups.append(groups[int(one)] | groups[int(other)])
        found.append((groups[-1], float(1 - height)))
    return found
