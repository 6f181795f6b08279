"""Two halves of a theme: what lies apart comes apart, whatever the order, and nothing is cut where nothing differs."""

import random

import pytest

from pipeline.review.theme_forms import halves

Places = list[tuple[float, float]]
_LEFT: Places = [(0.1, 0.5), (0.12, 0.52), (0.09, 0.48), (0.11, 0.55)]
_RIGHT: Places = [(0.8, 0.5), (0.82, 0.47)]


@pytest.mark.parametrize(
    ("places", "smaller"),
    [
        (_LEFT + _RIGHT, {4, 5}),
        (_RIGHT + _LEFT, {0, 1}),
        ([(0.5, 0.1), (0.5, 0.12), (0.5, 0.9)], {2}),
        ([(0.5, 0.5)] * 4, set()),
        ([(0.5, 0.5)], set()),
        ([], set()),
    ],
)
def test_the_smaller_half_is_what_lies_apart(places: Places, smaller: set[int]) -> None:
    assert {place for place, is_smaller in enumerate(halves(places)) if is_smaller} == smaller


def test_order_changes_nothing() -> None:
    draw = random.Random(3)
    places = [(draw.random(), draw.random()) for _ in range(41)]
    known = dict(zip(places, halves(places), strict=True))
    shuffled = draw.sample(places, len(places))
    assert dict(zip(shuffled, halves(shuffled), strict=True)) == known
    assert sum(known.values()) <= len(places) / 2
