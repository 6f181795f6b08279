"""Areas on a map: what they hold, whether they cross themselves, circles on the sphere."""

import random
from itertools import combinations
from math import cos, pi, sin
from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import haversine_distances

from pipeline.geometry import (
    EARTH_KM,
    box_of,
    circle,
    count_points,
    crosses_itself,
    cut,
    holds,
    is_drawn,
    rings,
    thinned,
)

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[2.0, 50.0], [3.0, 50.0], [3.0, 51.0], [2.0, 51.0], [2.0, 50.0]]],
}
HOLED = {
    "type": "Polygon",
    "coordinates": [
        *SQUARE["coordinates"],
        [[2.4, 50.4], [2.6, 50.4], [2.6, 50.6], [2.4, 50.6], [2.4, 50.4]],
    ],
}
BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[2.0, 50.0], [3.0, 51.0], [3.0, 50.0], [2.0, 51.0], [2.0, 50.0]]],
}


@pytest.mark.parametrize(
    ("geometry", "point", "expected"),
    [
        (SQUARE, (50.5, 2.5), True),
        (SQUARE, (50.5, 3.5), False),
        (SQUARE, (49.9, 2.5), False),
        (HOLED, (50.5, 2.5), False),
        (HOLED, (50.2, 2.5), True),
        (
            {
                "type": "MultiPolygon",
                "coordinates": [SQUARE["coordinates"], [[[5.0, 50.0], [6.0, 50.0], [5.5, 51.0]]]],
            },
            (50.3, 5.5),
            True,
        ),
        (BOW_TIE, (50.5, 2.2), True),
        (BOW_TIE, (50.8, 2.5), False),
        ({"type": "LineString", "coordinates": [[2.0, 50.0], [3.0, 51.0]]}, (50.5, 2.5), False),
        ({"type": "Polygon", "coordinates": []}, (50.5, 2.5), False),
    ],
)
def test_an_area_holds_what_lies_in_its_outline_and_not_in_its_holes(
    geometry, point, expected
) -> None:
    assert holds(geometry, point) is expected


def test_only_a_ring_whose_sides_cross_crosses_itself() -> None:
    assert crosses_itself(BOW_TIE)
    assert not crosses_itself(SQUARE) and not crosses_itself(HOLED)


def test_a_circle_is_closed_and_each_of_its_points_at_its_radius() -> None:
    ring = circle((49.9, 4.08), 25.0)
    assert ring[0] == ring[-1] and len(ring) == 49
    centre, points = np.radians([(49.9, 4.08)]), np.radians([(lat, lon) for lon, lat in ring])
    assert haversine_distances(centre, points) * EARTH_KM == pytest.approx(25.0, abs=0.01)


def test_outer_rings_alone_are_listed() -> None:
    assert len(list(rings(HOLED))) == 1


def test_a_ring_is_cut_at_the_box_s_sides_and_closed_along_them() -> None:
    ring = [(-2.0, 0.5), (2.0, 0.5), (2.0, 3.0), (-2.0, 3.0), (-2.0, 0.5)]
    assert set(cut(ring, (-1, 0), (1, 2))) == {(-1, 0.5), (1, 0.5), (1, 2), (-1, 2)}
    assert cut(ring, (-1, 0), (1, 2))[0] == cut(ring, (-1, 0), (1, 2))[-1]
    assert cut(ring, (-3, 0), (3, 4)) == ring
    assert cut(ring, (5, 5), (6, 6)) == []


def wavy(n: int) -> list[list[float]]:
    """A closed outline of `n` points around (2° E, 50° N) that does not cross itself."""
    angles = [2 * pi * place / n for place in range(n)]
    ring = [
        [
            2 + cos(angle) * (1 + 0.05 * sin(40 * angle)),
            50 + sin(angle) * (1 + 0.05 * sin(40 * angle)),
        ]
        for angle in angles
    ]
    return [*ring, ring[0]]


def box(n: int) -> list[list[float]]:
    """A square with `n` points on each side, closed."""
    steps = [place / n for place in range(n)]
    sides = [
        [[step, 0.0] for step in steps],
        [[1.0, step] for step in steps],
        [[1 - step, 1.0] for step in steps],
    ]
    return [
        point for side in [*sides, [[0.0, 1 - step] for step in [*steps, 1.0]]] for point in side
    ]


def area(ring: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [ring]}


def crossed(ring: list[list[float]]) -> list[list[float]]:
    """The ring with two of its points, half a turn apart, exchanged."""
    half = len(ring) // 2
    return [*ring[:5], ring[half + 5], *ring[6 : half + 5], ring[5], *ring[half + 6 :]]


@pytest.mark.parametrize("ring", [wavy(40_000), box(10_000)], ids=["wavy", "straight"])
def test_a_large_outline_is_looked_at_side_by_side_and_not_all_pairs(
    ring: list[list[float]],
) -> None:
    """40,000 points are 800 million pairs, an hour; those whose sides overlap along one direction are a few a side."""
    assert crosses_itself(area(ring)) is False
    assert crosses_itself(area(crossed(ring))) is True


def test_a_scribble_that_would_take_too_long_is_not_said_to_cross_nor_not_to() -> None:
    assert crosses_itself(area([[place % 2, place * 1e-6] for place in range(10_000)])) is None


@pytest.mark.parametrize("seed", range(40))
def test_sides_cross_where_each_pair_looked_at_alone_says_so(seed: int) -> None:
    draw = random.Random(seed)
    ring = [(draw.randint(0, 6), draw.randint(0, 6)) for _ in range(draw.randint(0, 8))]
    sides = list(zip(ring, [*ring[1:], *ring[:1]], strict=True))

    def turn(one: tuple[int, int], two: tuple[int, int], three: tuple[int, int]) -> int:
        return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])

    def cross(first: Any, second: Any) -> bool:
        parted = turn(*first, second[0]) * turn(*first, second[1]) < 0
        return parted and turn(*second, first[0]) * turn(*second, first[1]) < 0

    assert crosses_itself(area([list(point) for point in ring])) is any(
        cross(*pair) for pair in combinations(sides, 2)
    )


def test_a_thinned_outline_keeps_points_of_its_own_and_its_shape() -> None:
    outline = wavy(40_000)
    light = thinned(area([*outline]), 2_000)
    assert light is not None and 500 < count_points(light) <= 2_000
    ring = light["coordinates"][0]
    assert ring[0] == ring[-1] == outline[0] and all(point in outline for point in ring[:20])
    assert holds(light, (50.5, 2.5)) and not holds(light, (50.9, 2.9)) and not crosses_itself(light)


def test_a_corner_between_long_sides_is_kept_when_the_rest_is_thinned() -> None:
    coast = [[place / 10_000, 1 + 0.01 * (place % 7)] for place in range(10_001)]
    light = thinned(area([[0.0, 0.0], *coast, [1.0, 0.0], [0.0, 0.0]]), 1_000)
    assert light is not None and [1.0, 0.0] in light["coordinates"][0]


@pytest.mark.parametrize(
    ("geometry", "n_points"),
    [
        ({"type": "LineString", "coordinates": wavy(3_000)}, 300),
        ({"type": "MultiLineString", "coordinates": [wavy(3_000), [[1, 1], [2, 2]]]}, 300),
        ({"type": "MultiPolygon", "coordinates": [[wavy(3_000), box(200)], [box(500)]]}, 300),
        (
            {
                "type": "GeometryCollection",
                "geometries": [area(wavy(3_000)), {"type": "LineString", "coordinates": wavy(900)}],
            },
            300,
        ),
        (
            {
                "type": "Polygon",
                "coordinates": [[[place % 2, place * 1e-9] for place in range(9_000)]],
            },
            None,
        ),
    ],
)
def test_whatever_is_drawn_comes_out_with_so_many_points_at_most_or_not_at_all(
    geometry: dict[str, Any], n_points: int | None
) -> None:
    light = thinned(geometry, 300)
    if n_points is None:
        assert light is None
    else:
        assert (
            light is not None
            and light["type"] == geometry["type"]
            and is_drawn(light)
            and 4 < count_points(light) <= n_points
        )


@pytest.mark.parametrize(
    "coordinates",
    [
        "abc",
        [],
        [[]],
        [[["a", "b"]]],
        [[[1]]],
        [[1, 2]],
        [[[float("nan"), 1]]],
        [[[10**400, 1]]],
        [[[True, False]]],
        None,
    ],
)
def test_what_no_numbers_draw_is_not_drawn(coordinates: object) -> None:
    assert not is_drawn({"type": "Polygon", "coordinates": coordinates})


def test_a_point_outside_the_box_of_an_area_is_not_in_it() -> None:
    assert box_of(HOLED) == ((50.0, 2.0), (51.0, 3.0))
    (south, west), (north, east) = box_of({"type": "LineString", "coordinates": [[2.0, 50.0]]})
    assert south > north and west > east
