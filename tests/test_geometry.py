"""Areas on a map: what they hold, whether they cross themselves, distances over the sphere."""

import pytest

from pipeline.geometry import circle, crosses_itself, cut, great_circle_km, holds, rings

SQUARE = {"type": "Polygon", "coordinates": [[[2.0, 50.0], [3.0, 50.0], [3.0, 51.0], [2.0, 51.0], [2.0, 50.0]]]}
HOLED = {"type": "Polygon", "coordinates": [*SQUARE["coordinates"], [[2.4, 50.4], [2.6, 50.4], [2.6, 50.6], [2.4, 50.6], [2.4, 50.4]]]}
BOW_TIE = {"type": "Polygon", "coordinates": [[[2.0, 50.0], [3.0, 51.0], [3.0, 50.0], [2.0, 51.0], [2.0, 50.0]]]}


@pytest.mark.parametrize(
    ("geometry", "point", "expected"),
    [
        (SQUARE, (50.5, 2.5), True),
        (SQUARE, (50.5, 3.5), False),
        (SQUARE, (49.9, 2.5), False),
        (HOLED, (50.5, 2.5), False),
        (HOLED, (50.2, 2.5), True),
        ({"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"], [[[5.0, 50.0], [6.0, 50.0], [5.5, 51.0]]]]}, (50.3, 5.5), True),
        (BOW_TIE, (50.5, 2.2), True),
        (BOW_TIE, (50.8, 2.5), False),
        ({"type": "LineString", "coordinates": [[2.0, 50.0], [3.0, 51.0]]}, (50.5, 2.5), False),
        ({"type": "Polygon", "coordinates": []}, (50.5, 2.5), False),
    ],
)
def test_an_area_holds_what_lies_in_its_outline_and_not_in_its_holes(geometry, point, expected) -> None:
    assert holds(geometry, point) is expected


def test_only_a_ring_whose_sides_cross_crosses_itself() -> None:
    assert crosses_itself(BOW_TIE)
    assert not crosses_itself(SQUARE) and not crosses_itself(HOLED)


def test_distances_are_those_of_the_great_circle() -> None:
    """Paris to Marseille, 661 km; a degree of latitude, 111.2 km."""
    assert great_circle_km((48.8566, 2.3522), (43.2965, 5.3698)) == pytest.approx(660.5, abs=1.5)
    assert great_circle_km((50.0, 2.0), (51.0, 2.0)) == pytest.approx(111.195, abs=0.01)
    assert great_circle_km((50.0, 2.0), (50.0, 2.0)) == 0


def test_a_circle_is_closed_and_each_of_its_points_at_its_radius() -> None:
    ring = circle((49.9, 4.08), 25.0)
    assert ring[0] == ring[-1] and len(ring) == 49
    assert all(great_circle_km((49.9, 4.08), (lat, lon)) == pytest.approx(25.0, abs=0.01) for lon, lat in ring)


def test_outer_rings_alone_are_listed() -> None:
    assert len(list(rings(HOLED))) == 1


def test_a_ring_is_cut_at_the_box_s_sides_and_closed_along_them() -> None:
    ring = [(-2.0, 0.5), (2.0, 0.5), (2.0, 3.0), (-2.0, 3.0), (-2.0, 0.5)]
    assert set(cut(ring, (-1, 0), (1, 2))) == {(-1, 0.5), (1, 0.5), (1, 2), (-1, 2)}
    assert cut(ring, (-1, 0), (1, 2))[0] == cut(ring, (-1, 0), (1, 2))[-1]
    assert cut(ring, (-3, 0), (3, 4)) == ring
    assert cut(ring, (5, 5), (6, 6)) == []
