"""Territories drawn by what they say: factor planes of themes and of lemmas, and classes of passages by their words.

In:   units, theme_members, contrasts, workshops
Out:  factor_points     one row a territory, theme or lemma of a plane
      lexical_classes   one row a class and what marks it
      lexical_members   one row a passage with a class

How alike territories are by what their tables say, whether chance would make them so, and a tree of them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform

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

_TOKEN = re.compile(r"\[[^\]]*\]")  # [personne 12], [téléphone]: nobody's words
_FULL_WORDS = frozenset({"NOUN", "VERB", "ADJ"})
_MIN_CIRCLES = 3  # circles that must say a lemma
_MOST_LEMMAS = 800
_SHOWN_LEMMAS = 60  # lemmas kept of a plane: those that contribute most
_SIGNIFICANT = 3.84  # chi-square of one degree of freedom at 5 %


class Readings(NamedTuple):
    """The tables of the two readings."""

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
) -> Readings:
    """Return both readings; planes need two territories, classes need passages whose words come back.

    Of more passages than `n_lexical_units`, that many are read, by order of unit_id, which a hash draws.
    """
    said = _said(units, theme_members, workshops).head(settings.n_lexical_units)
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
    return Readings(
        FACTOR_POINTS.build(planes),
        LEXICAL_CLASSES.build(_profiles(classes, presence, names, said)),
        LEXICAL_MEMBERS.build(
            {"unit_id": unit_id, "class_number": int(number) + 1}
            for unit_id, number in zip(said["unit_id"], classes, strict=True)
            if number >= 0 and classes.max() > 0
        ),
    )


def _said(
    units: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame
) -> pd.DataFrame:
    """The passages that belong to a theme, with circle and territory, by unit_id: the others are asides."""
    places = circles_of(units, workshops).of_unit[["unit_id", "circle_id"]]
    themed = units.merge(
        theme_members[["unit_id", "theme_id"]], on="unit_id", validate="one_to_one"
    )
    return (
        themed.merge(places, on="unit_id", validate="one_to_one")
        .merge(workshops[["workshop_id", "territory"]], on="workshop_id", validate="many_to_one")
        .sort_values("unit_id", ignore_index=True)
    )


def _lemmas_of(said: pd.DataFrame, cache: Store | None) -> list[set[str]]:
    """The lemmas of each passage's nouns, verbs and adjectives; not names, as those of places tell territories apart by themselves."""
    texts = [_TOKEN.sub(" ", str(text)) for text in said["text"]]
    return by_text(texts, _full_lemmas, kind="lemmas", cache=cache, read_back=set)


def _full_lemmas(texts: list[str]) -> list[list[str]]:
    return [
        sorted(
            {
                token.lemma_.lower()
                for token in passage
                if token.pos_ in _FULL_WORDS
                and not token.is_stop
                and len(token.lemma_) > 2
                and _is_word(token)
            }
        )
        for passage in parse(texts, without=("parser", "ner"))
    ]


def _is_word(token: Any) -> bool:
    """Whether it was written in letters: « % » and « € » have lemmas too."""
    return bool(token.text.replace("-", "").isalpha() and token.lemma_.replace("-", "").isalpha())


def _presence(said: pd.DataFrame, lemmas: list[set[str]]) -> tuple[Numbers, list[str]]:
    """Whether each passage holds each lemma that enough circles said, (n_units, n_lemmas), most widespread first."""
    circles: dict[str, set[str]] = {}
    for circle, here in zip(said["circle_id"], lemmas, strict=True):
        for lemma in here:
            circles.setdefault(lemma, set()).add(str(circle))
    spread = sorted(
        (lemma for lemma, heard in circles.items() if len(heard) >= _MIN_CIRCLES),
        key=lambda one: (-len(circles[one]), one),
    )
    names = spread[:_MOST_LEMMAS]
    places = {lemma: place for place, lemma in enumerate(names)}
    presence = np.zeros((len(said), len(names)))
    for row, here in enumerate(lemmas):
        presence[row, [places[lemma] for lemma in here if lemma in places]] = 1
    return presence, names


def _circles_by_territory(said: pd.DataFrame, presence: Numbers, names: list[str]) -> pd.DataFrame:
    """In how many circles of each territory each lemma was said."""
    heard = (
        pd.DataFrame(presence, columns=names).groupby([said["territory"], said["circle_id"]]).max()
    )
    return heard.groupby("territory").sum() if len(heard) else pd.DataFrame()


def _plane(analysis: str, kind: str, counts: pd.DataFrame, n_shown: int) -> list[dict[str, object]]:
    """The rows of a plane: all territories, and the `n_shown` columns that contribute most to its two axes."""
    filled = (
        counts.loc[(counts.sum(axis=1) > 0).to_numpy(), (counts.sum(axis=0) > 0).to_numpy()]
        if counts.size
        else counts
    )
    if len(filled) < 2 or filled.shape[1] < 2:
        return []
    found = correspondence(filled.to_numpy(dtype=np.float64))
    shares = [*found.shares[:2], 0.0, 0.0][:2]
    weight = found.column_contributions[:, :2] @ found.inertia[:2]
    shown = np.sort(np.argsort(-weight, kind="stable")[:n_shown])
    sides = (
        (
            "territoire",
            filled.index,
            found.rows,
            found.row_masses,
            found.row_contributions,
            found.row_qualities,
            range(len(filled)),
        ),
        (
            kind,
            filled.columns,
            found.columns,
            found.column_masses,
            found.column_contributions,
            found.column_qualities,
            shown,
        ),
    )
    return [
        {
            "analysis": analysis,
            "kind": side,
            "point": str(names[place]),
            "weight": round(float(masses[place]), 8),
        }
        | dict(zip(("x", "y"), _two(points[place]), strict=True))
        | dict(zip(("contribution_x", "contribution_y"), _two(contributions[place]), strict=True))
        | {"quality": min(1.0, round(float(qualities[place, :2].sum()), 8))}
        | dict(zip(("share_x", "share_y"), _two(np.asarray(shares)), strict=True))
        for side, names, points, masses, contributions, qualities, places in sides
        for place in places
    ]


def _two(values: Numbers) -> list[float]:
    """The first two values; 0 for an axis that there is not."""
    return [round(float(value), 8) + 0.0 for value in [*values[:2], 0.0, 0.0][:2]]


def _profiles(
    classes: Indices, presence: Numbers, names: list[str], said: pd.DataFrame
) -> Iterable[dict[str, object]]:
    """What marks each class by chi-square, over 5 %: lemmas, then themes and territories, which took no part in the classification."""
    placed = classes >= 0
    if not placed.any() or classes.max() < 1:
        return
    marks: list[tuple[str, list[str], Numbers]] = [("lemme", names, presence[placed])]
    for kind, column in (
        ("thème", "theme_id"),
        ("territoire", "territory"),
        ("question", "question"),
    ):
        dummies = pd.get_dummies(said.loc[placed, column])
        marks.append(
            (kind, [str(name) for name in dummies.columns], dummies.to_numpy(dtype=np.float64))
        )
    for number in range(int(classes.max()) + 1):
        inside = classes[placed] == number
        for kind, values, held in marks:
            n_in, n_all = held[inside].sum(axis=0), held.sum(axis=0)
            chi_square = signed_chi_square(n_in, n_all, int(inside.sum()), int(placed.sum()))
            for place in np.flatnonzero(chi_square >= _SIGNIFICANT):
                yield {
                    "class_number": number + 1,
                    "kind": kind,
                    "value": values[place],
                    "chi_square": round(float(chi_square[place]), 4),
                    "n_in_class": int(n_in[place]),
                    "n_all": int(n_all[place]),
                    "n_units": int(inside.sum()),
                }


def signed_chi_square(n_in: Numbers, n_all: Numbers, n_class: int, n_units: int) -> Numbers:
    """Chi-square of two by two (in the class or not, with the mark or not), negative where the class has less than its part."""
    expected = n_all * n_class / n_units
    spread = expected * (n_units - n_class) / n_units * (n_units - n_all) / n_units
    chi_square = (n_in - expected) ** 2 / np.where(spread > 0, spread, np.inf)
    return np.where(n_in >= expected, chi_square, -chi_square)


_INTERVAL = (0.05, 0.95)


class Likeness(NamedTuple):
    """The tables of likeness."""

    territory_links: pd.DataFrame
    territory_tree: pd.DataFrame


def link_territories(
    units: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: CompareSettings,
) -> Likeness:
    """Return both tables; empty with fewer than two territories that have a theme said at a table.

    Likeness is what both have in common of the shares of tables that say each theme (1 - Bray and Curtis): 1 for the same shares, 0 for
    nothing in common. Few tables make territories look unlike, so that it is set against tables dealt out at random.
    """
    said, places, territories = _by_table(units, theme_members, workshops)
    if len(territories) < 2:
        return Likeness(TERRITORY_LINKS.empty(), TERRITORY_TREE.empty())
    rng = np.random.default_rng(settings.seed)
    observed = _likeness(said, places, len(territories))
    dealt = np.stack(
        [
            _likeness(said, rng.permutation(places), len(territories))
            for _ in range(settings.n_draws)
        ]
    )
    drawn = np.stack(
        [
            _likeness(said[chosen], places, len(territories))
            for chosen in _redraws(places, settings.n_draws, rng)
        ]
    )
    low, high = np.quantile(drawn, _INTERVAL, axis=0)
    n_tables = np.bincount(places, minlength=len(territories))
    pairs = [
        (one, other)
        for one in range(len(territories))
        for other in range(one + 1, len(territories))
    ]
    lowest = np.quantile(
        dealt, 0.05 / len(pairs), axis=0
    )  # a pair is far only where chance would seldom put any as far
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
    return Likeness(
        TERRITORY_LINKS.build(rows), TERRITORY_TREE.build(_tree(observed, drawn, territories))
    )


def _by_table(
    units: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame
) -> tuple[Numbers, np.ndarray, list[str]]:
    """Whether each table said each theme, (n_tables, n_themes), and the place of its territory among those with such tables."""
    circles = circles_of(units, workshops).of_unit
    said = theme_members.merge(circles[circles["is_said"]], on="unit_id", validate="one_to_one")
    said = said.merge(
        workshops[["workshop_id", "territory"]], on="workshop_id", validate="many_to_one"
    )
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


def _likeness(said: Numbers, places: np.ndarray, n_territories: int) -> Numbers:
    sums = np.zeros((n_territories, said.shape[1]))
    np.add.at(sums, places, said)
    shares = sums / np.maximum(1, np.bincount(places, minlength=n_territories))[:, None]
    return np.asarray(1 - squareform(pdist(shares, "braycurtis")))


def _redraws(places: np.ndarray, n_draws: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Tables drawn again within their territory, as row numbers in the order of `places`."""
    groups = [np.flatnonzero(places == place) for place in places]
    return [
        np.array(
            [
                group[int(at * len(group))]
                for group, at in zip(groups, rng.random(len(groups)), strict=True)
            ]
        )
        for _ in range(n_draws)
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
            "members": json.dumps(
                [territories[place] for place in sorted(members)], ensure_ascii=False
            ),
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
