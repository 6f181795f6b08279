"""Places on the map: a theme's passages lie together, whatever their order, and what comes late finds a place among them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.cluster.geometry import place_late, place_units
from pipeline.tables.results import UNIT_PLACES

PER_THEME = 12


def said(n_themes: int, *, n_aside: int = 0) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Ids, vectors and themes of `PER_THEME` units around each of `n_themes` directions, then units that are near none."""
    draw = np.random.default_rng(4)
    centres = np.eye(40)[:n_themes]
    vectors = np.vstack([np.repeat(centres, PER_THEME, axis=0), np.zeros((n_aside, 40))])
    vectors += 0.12 * draw.normal(size=vectors.shape)
    labels = np.append(np.repeat(np.arange(n_themes), PER_THEME), np.full(n_aside, -1)).astype(
        np.int64
    )
    return pd.Series([f"u{row:03d}" for row in range(len(vectors))]), vectors, labels


def distances(places: pd.DataFrame) -> np.ndarray:
    at = places[["x", "y"]].to_numpy()
    return np.linalg.norm(at[:, None] - at[None, :], axis=2)


@pytest.mark.parametrize("n_themes", [2, 3, 7, 20])
def test_a_theme_s_units_lie_nearer_to_each_other_than_to_those_of_others(n_themes):
    ids, vectors, labels = said(n_themes)
    apart, is_same = (
        distances(place_units(ids, vectors, labels)),
        labels[:, None] == labels[None, :],
    )
    nearest = np.where(np.eye(len(labels), dtype=bool), np.inf, apart).argmin(axis=1)
    assert (labels[nearest] == labels).all()
    assert apart[is_same].mean() < 0.5 * apart[~is_same].mean()


def test_like_themes_lie_near_each_other():
    ids, vectors, labels = said(6)
    vectors[labels == 5] += 0.8 * np.eye(40)[0]
    places = place_units(ids, vectors, labels)
    middles = places[["x", "y"]].groupby(labels).mean().to_numpy()
    assert np.linalg.norm(middles - middles[5], axis=1).argsort()[1] == 0


@pytest.mark.parametrize(
    ("n_themes", "n_aside"), [(0, 0), (0, 1), (0, 9), (1, 0), (1, 3), (2, 5), (9, 20)]
)
def test_every_unit_has_a_place_of_its_own_on_the_map(n_themes, n_aside):
    ids, vectors, labels = said(n_themes, n_aside=n_aside)
    places = place_units(ids, vectors, labels)
    assert places["unit_id"].tolist() == ids.tolist()
    assert len(places.drop_duplicates(["x", "y"])) == len(ids)
    if len(ids) > 1:
        assert places[["x", "y"]].min().min() == 0 and places[["x", "y"]].max().max() == 1


def test_the_order_of_the_units_changes_no_place():
    ids, vectors, labels = said(5, n_aside=4)
    order = np.random.default_rng(1).permutation(len(ids))
    shuffled = place_units(ids.iloc[order].reset_index(drop=True), vectors[order], labels[order])
    pd.testing.assert_frame_equal(
        shuffled.sort_values("unit_id", ignore_index=True), place_units(ids, vectors, labels)
    )


def test_single_precision_moves_nothing_that_one_could_see():
    ids, vectors, labels = said(5, n_aside=4)
    single = place_units(ids, vectors.astype(np.float32), labels)
    pd.testing.assert_frame_equal(single, place_units(ids, vectors, labels), atol=1e-4)


def test_what_comes_late_lies_among_its_theme_s_units_and_moves_no_other():
    ids, vectors, labels = said(6, n_aside=2)
    is_late = np.arange(len(ids)) % PER_THEME == 0
    known = place_units(ids[~is_late], vectors[~is_late], labels[~is_late])
    places = place_late(ids, vectors, np.where(is_late, -1, labels), known)
    pd.testing.assert_frame_equal(places.head(len(known)), known)
    there = places.set_index("unit_id").loc[ids, ["x", "y"]].to_numpy()
    middles = np.stack([there[(labels == theme) & ~is_late].mean(axis=0) for theme in range(6)])
    nearest = np.linalg.norm(there[:, None] - middles[None, :], axis=2).argmin(axis=1)
    assert (nearest == labels)[is_late & (labels >= 0)].all()


def test_what_comes_late_has_a_place_though_nothing_said_before_made_a_theme():
    ids, vectors, labels = said(0, n_aside=5)
    places = place_late(ids, vectors, labels, place_units(ids[:3], vectors[:3], labels[:3]))
    assert places["unit_id"].tolist() == ids.tolist()
    pd.testing.assert_frame_equal(
        place_late(ids[:0], vectors[:0], labels[:0], UNIT_PLACES.empty()), UNIT_PLACES.empty()
    )
