"""Describe territories by their words: factor planes, classes of passages, and similarity.

In:   units, theme_members, contrasts, workshops
Out:  factor_points     one row a territory, theme or lemma of a plane
      lexical_classes   one row a class and what marks it
      lexical_members   one row a passage with a class
      territory_links   how similar each pair is, and whether by chance
      territory_tree    the order in which territories join
"""

import json
import re
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist, squareform
from spacy.tokens import Token

from pipeline.compare.counts import Indices, Numbers, classify, correspondence
from pipeline.counting import circles_of
from pipeline.french import parse
from pipeline.settings.sections import CompareSettings
from pipeline.store import Store, by_text
from pipeline.tables.results import (
    FACTOR_POINTS,
    LEXICAL_CLASSES,
    LEXICAL_MEMBERS,
    TERRITORY_LINKS,
    TERRITORY_TREE,
)
from pipeline.tables.schema import LIKENESS

_TOKEN = re.compile(r"\[[^\]]*\]")  # [personne 12], [téléphone]
_FULL_WORDS = frozenset({"NOUN", "VERB", "ADJ"})
_MIN_CIRCLES = 3  # fewest circles of a lemma
_MOST_LEMMAS = 800
_SHOWN_LEMMAS = 60  # by contribution to a plane
_SIGNIFICANT = 3.84  # chi-square of one degree of freedom at 5 %
_INTERVAL = (0.05, 0.95)


class TerritoryReadings(NamedTuple):
    """The factor planes and the classes of passages."""

    factor_points: pd.DataFrame
    lexical_classes: pd.DataFrame
    lexical_members: pd.DataFrame


def read_territories(
    units: pd.DataFrame,
    theme_members: pd.DataFrame,
    contrasts: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: CompareSettings,
    cache: Store | None = None,
) -> TerritoryReadings:
    """Return both readings; planes need two territories, classes need recurring words.

    Beyond `n_lexical_units`, only the first passages by unit_id (a hash) are read.
    """
    said = _themed_passages(units, theme_members, workshops).head(settings.n_lexical_units)
    lemmas = _lemmas_of(said, cache)
    presence, names = _presence(said, lemmas)
    themes = contrasts[contrasts["subject"] == "theme"]
    by_theme = themes.pivot_table(
        index="territory", columns="subject_id", values="n_tables", aggfunc="sum", fill_value=0
    )
    by_lemma = _circles_by_territory(said, presence, names)
    planes = [
        *_plane("themes", "thème", by_theme, by_theme.shape[1]),
        *_plane("lemmes", "lemme", by_lemma, _SHOWN_LEMMAS),
    ]
    classes = classify(
        presence, settings.n_lexical_classes, min_members=5, min_half=max(3, len(said) // 20)
    )
    return TerritoryReadings(
        FACTOR_POINTS.build(planes),
        LEXICAL_CLASSES.build(_profiles(classes, presence, names, said)),
        LEXICAL_MEMBERS.build(
            {"unit_id": unit_id, "class_number": int(number) + 1}
            for unit_id, number in zip(said["unit_id"], classes, strict=True)
            if number >= 0 and classes.max() > 0
        ),
    )


def _themed_passages(
    units: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame
) -> pd.DataFrame:
    circles = circles_of(units, workshops).of_unit[["unit_id", "circle_id", "territory"]]
    themed = units.merge(
        theme_members[["unit_id", "theme_id"]], on="unit_id", validate="one_to_one"
    )
    said = themed.merge(circles, on="unit_id", validate="one_to_one")
    return said.sort_values("unit_id", ignore_index=True)


def _lemmas_of(said: pd.DataFrame, cache: Store | None) -> list[set[str]]:
    """Lemmas of nouns, verbs and adjectives; names alone would separate territories."""
    texts = [_TOKEN.sub(" ", str(text)) for text in said["text"]]
    return by_text(texts, _full_lemmas, kind="lemmas", cache=cache, read_back=set)


def _full_lemmas(texts: list[str]) -> list[list[str]]:
    passages = parse(texts, without=("ner",))
    return [
        sorted({token.lemma_.lower() for token in passage if _is_full(token)})
        for passage in passages
    ]


def _is_full(token: Token) -> bool:
    """Whether it is a content word, in letters: « % » and « € » have lemmas too."""
    is_named = token.pos_ in _FULL_WORDS and not token.is_stop and len(token.lemma_) > 2
    return is_named and all(text.replace("-", "").isalpha() for text in (token.text, token.lemma_))


def _presence(said: pd.DataFrame, lemmas: list[set[str]]) -> tuple[csr_array, list[str]]:
    """Which passages hold each frequent lemma, (n_units, n_lemmas), commonest first."""
    circles: dict[str, set[str]] = {}
    for circle, here in zip(said["circle_id"], lemmas, strict=True):
        for lemma in here:
            circles.setdefault(lemma, set()).add(str(circle))
    widespread = [lemma for lemma, heard in circles.items() if len(heard) >= _MIN_CIRCLES]
    names = sorted(widespread, key=lambda lemma: (-len(circles[lemma]), lemma))[:_MOST_LEMMAS]
    column_of = {lemma: column for column, lemma in enumerate(names)}
    columns = [sorted(column_of[lemma] for lemma in here if lemma in column_of) for here in lemmas]
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.array([column for row in columns for column in row], dtype=np.intp)
    shape = (len(said), len(names))
    return csr_array((np.ones(len(indices)), indices, ends), shape=shape), names


def _circles_by_territory(
    said: pd.DataFrame, presence: csr_array, names: list[str]
) -> pd.DataFrame:
    if said.empty:
        return pd.DataFrame()
    rows, columns = presence.nonzero()
    heard = said[["territory", "circle_id"]].iloc[rows].assign(column=columns).drop_duplicates()
    territories = sorted(set(said["territory"]))
    n_circles = np.zeros((len(territories), len(names)))
    territory_index = pd.Index(territories).get_indexer(pd.Index(heard["territory"]))
    np.add.at(n_circles, (territory_index, heard["column"].to_numpy()), 1)
    return pd.DataFrame(n_circles, pd.Index(territories), names)


def _plane(analysis: str, kind: str, counts: pd.DataFrame, n_shown: int) -> list[dict[str, object]]:
    filled = (
        counts.loc[(counts.sum(axis=1) > 0).to_numpy(), (counts.sum(axis=0) > 0).to_numpy()]
        if counts.size
        else counts
    )
    if len(filled) < 2 or filled.shape[1] < 2:
        return []
    axes = correspondence(filled.to_numpy(dtype=np.float64))
    weight = axes.columns.contributions[:, :2] @ axes.inertia[:2]
    shown = np.sort(np.argsort(-weight, kind="stable")[:n_shown])
    sides = (
        ("territoire", filled.index, range(len(filled)), axes.rows),
        (kind, filled.columns, shown, axes.columns),
    )
    return [
        {
            "analysis": analysis,
            "kind": side,
            "point": str(names[i]),
            "weight": round(float(points.masses[i]), 8),
            **_by_axis(("x", "y"), points.coordinates[i]),
            **_by_axis(("contribution_x", "contribution_y"), points.contributions[i]),
            "quality": min(1.0, round(float(points.qualities[i, :2].sum()), 8)),
            **_by_axis(("share_x", "share_y"), axes.shares),
        }
        for side, names, shown_points, points in sides
        for i in shown_points
    ]


def _by_axis(columns: tuple[str, str], values: Numbers) -> dict[str, float]:
    first_two = [*values[:2], 0.0, 0.0][:2]
    return {
        column: round(float(value), 8) + 0.0
        for column, value in zip(columns, first_two, strict=True)
    }


def _profiles(
    classes: Indices, presence: csr_array, names: list[str], said: pd.DataFrame
) -> Iterable[dict[str, object]]:
    """Marks by chi-square at 5 %; themes and territories took no part in the classes."""
    placed = classes >= 0
    if not placed.any() or classes.max() < 1:
        return
    marks = [("lemme", names, presence[placed])]
    columns = {"thème": "theme_id", "territoire": "territory", "question": "question"}
    for kind, column in columns.items():
        dummies = pd.get_dummies(said.loc[placed, column])
        has_value = csr_array(dummies.to_numpy(), dtype=np.float64)
        marks.append((kind, list(map(str, dummies.columns)), has_value))
    for number in range(int(classes.max()) + 1):
        inside = classes[placed] == number
        for kind, values, has_mark in marks:
            n_in, n_all = has_mark[inside].sum(axis=0), has_mark.sum(axis=0)
            chi_square = signed_chi_square(n_in, n_all, int(inside.sum()), int(placed.sum()))
            for i in np.flatnonzero(chi_square >= _SIGNIFICANT):
                yield {
                    "class_number": number + 1,
                    "kind": kind,
                    "value": values[i],
                    "chi_square": round(float(chi_square[i]), 4),
                    "n_in_class": int(n_in[i]),
                    "n_all": int(n_all[i]),
                    "n_units": int(inside.sum()),
                }


def signed_chi_square(n_in: Numbers, n_all: Numbers, n_class: int, n_units: int) -> Numbers:
    """Return the two by two chi-square (class, mark), negative below expectation."""
    expected = n_all * n_class / n_units
    spread = expected * (n_units - n_class) / n_units * (n_units - n_all) / n_units
    chi_square = (n_in - expected) ** 2 / np.where(spread > 0, spread, np.inf)
    return np.where(n_in >= expected, chi_square, -chi_square)


class TerritoryLinks(NamedTuple):
    """The similarity of each pair, and the tree."""

    territory_links: pd.DataFrame
    territory_tree: pd.DataFrame


def link_territories(
    units: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: CompareSettings,
) -> TerritoryLinks:
    """Return both tables; empty with fewer than two territories that have a theme at a table.

    Similarity is 1 less Bray and Curtis on shares of tables, compared with tables dealt at random.
    """
    said, territory_index, territories = _by_table(units, theme_members, workshops)
    n_territories = len(territories)
    if n_territories < 2:
        return TerritoryLinks(TERRITORY_LINKS.empty(), TERRITORY_TREE.empty())
    rng = np.random.default_rng(settings.seed)
    observed = _likeness(said, territory_index, n_territories)
    dealt = np.stack(
        [
            _likeness(said, rng.permutation(territory_index), n_territories)
            for _ in range(settings.n_draws)
        ]
    )
    drawn = np.stack(
        [
            _likeness(said[rows], territory_index, n_territories)
            for rows in _redraws(territory_index, settings.n_draws, rng)
        ]
    )
    low, high = np.quantile(drawn, _INTERVAL, axis=0)
    n_tables = np.bincount(territory_index, minlength=n_territories)
    pairs = list(combinations(range(n_territories), 2))
    # Bonferroni: chance alone seldom puts any pair as far apart.
    lowest = np.quantile(dealt, 0.05 / len(pairs), axis=0)
    rows = [
        {
            "territory": territories[one],
            "other": territories[other],
            "likeness": round(float(observed[one, other]), 6),
            "likeness_low": round(float(min(low[one, other], observed[one, other])), 6),
            "likeness_high": round(float(max(high[one, other], observed[one, other])), 6),
            "likeness_by_chance": round(float(dealt[:, one, other].mean()), 6),
            "verdict": _verdict(
                observed[one, other],
                lowest[one, other],
                int(n_tables[[one, other]].min()),
                settings.min_tables,
            ),
        }
        for one, other in pairs
    ]
    tree = _tree(observed, drawn, territories)
    return TerritoryLinks(TERRITORY_LINKS.build(rows), TERRITORY_TREE.build(tree))


def _by_table(
    units: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame
) -> tuple[Numbers, np.ndarray, list[str]]:
    circles = circles_of(units, workshops).of_unit
    said = theme_members.merge(circles[circles["is_said"]], on="unit_id", validate="one_to_one")
    table = said.drop_duplicates(["circle_id", "theme_id"]).pivot_table(
        index=["territory", "circle_id"],
        columns="theme_id",
        values="strength",
        aggfunc="size",
        fill_value=0,
    )
    names = table.index.get_level_values("territory") if len(table) else pd.Index([])
    territories = sorted(set(names))
    return table.to_numpy(dtype=np.float64), pd.Index(territories).get_indexer(names), territories


def _likeness(said: Numbers, territory_index: np.ndarray, n_territories: int) -> Numbers:
    sums = np.zeros((n_territories, said.shape[1]))
    np.add.at(sums, territory_index, said)
    n_tables = np.maximum(1, np.bincount(territory_index, minlength=n_territories))
    shares = sums / n_tables[:, None]
    return np.asarray(1 - squareform(pdist(shares, "braycurtis")))


def _redraws(
    territory_index: np.ndarray, n_draws: int, rng: np.random.Generator
) -> list[np.ndarray]:
    groups = [np.flatnonzero(territory_index == territory) for territory in territory_index]
    draws = (zip(groups, rng.random(len(groups)), strict=True) for _ in range(n_draws))
    return [
        np.array([rows[int(fraction * len(rows))] for rows, fraction in draw]) for draw in draws
    ]


def _verdict(observed: float, lowest: float, n_tables: int, min_tables: int) -> str:
    if n_tables < min_tables:
        return LIKENESS[2]
    return LIKENESS[1] if observed < lowest else LIKENESS[0]


def _tree(observed: Numbers, drawn: Numbers, territories: list[str]) -> list[dict[str, object]]:
    """The joins by mean similarity; `support` is the share of redraws with the same group."""
    groups_drawn = [{members for members, _ in _groups(likeness)} for likeness in drawn]
    rows: list[dict[str, object]] = []
    for step, (members, height) in enumerate(_groups(observed), start=1):
        names = [territories[i] for i in sorted(members)]
        support = sum(members in groups for groups in groups_drawn) / max(1, len(groups_drawn))
        rows.append(
            {
                "step": step,
                "members": json.dumps(names, ensure_ascii=False),
                "likeness": round(height, 6),
                "support": round(support, 4),
            }
        )
    return rows


def _groups(likeness: Numbers) -> list[tuple[frozenset[int], float]]:
    joined = linkage(squareform(np.clip(1 - likeness, 0, None), checks=False), method="average")
    groups = [frozenset({i}) for i in range(len(likeness))]
    heights = []
    for one, other, height, _ in joined:
        groups.append(groups[int(one)] | groups[int(other)])
        heights.append(float(1 - height))
    return list(zip(groups[len(likeness) :], heights, strict=True))
