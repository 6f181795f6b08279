"""GeoJSON by RFC 7946: positions on the globe, closed rings turned by the right-hand rule."""

import json
from typing import Any

import pytest

from pipeline.publish.tables import geojson, oriented
from pipeline.tables.material import CATCHMENTS
from support.published import tables

LEFT = [[0, 0], [1, 0], [1, 1], [0, 0]]  # counterclockwise
RIGHT = LEFT[::-1]
HOLE = [[0.4, 0.1], [0.6, 0.1], [0.6, 0.3], [0.4, 0.1]]

CASES: list[tuple[str, Any, Any]] = [
    ("a ring the right way", {"type": "Polygon", "coordinates": [LEFT]}, [LEFT]),
    ("a ring the wrong way", {"type": "Polygon", "coordinates": [RIGHT]}, [LEFT]),
    ("a ring left open", {"type": "Polygon", "coordinates": [LEFT[:-1]]}, [LEFT]),
    (
        "a hole turns the other way",
        {"type": "Polygon", "coordinates": [RIGHT, HOLE]},
        [LEFT, HOLE[::-1]],
    ),
    (
        "several polygons",
        {"type": "MultiPolygon", "coordinates": [[RIGHT], [LEFT]]},
        [[LEFT], [LEFT]],
    ),
    ("a line", {"type": "LineString", "coordinates": RIGHT}, RIGHT),
    ("latitude out of the globe", {"type": "Point", "coordinates": [2, 99]}, None),
    ("no number", {"type": "Point", "coordinates": ["2", 48]}, None),
    ("too shallow", {"type": "Polygon", "coordinates": LEFT}, None),
    ("nothing", {"type": "Polygon", "coordinates": []}, None),
    ("another kind", {"type": "Cercle", "coordinates": [2, 48]}, None),
    ("no geometry", [2, 48], None),
]


@pytest.mark.parametrize(
    ("geometry", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_geometry_is_turned_closed_or_left_out(geometry: Any, expected: Any) -> None:
    found = oriented(geometry)
    assert (found and found["coordinates"]) == expected


def test_a_collection_keeps_the_geometries_that_are_some() -> None:
    parts = [
        {"type": "Polygon", "coordinates": [RIGHT]},
        {"type": "Point", "coordinates": [999, 0]},
    ]
    assert oriented({"type": "GeometryCollection", "geometries": parts}) == {
        "type": "GeometryCollection",
        "geometries": [{"type": "Polygon", "coordinates": [LEFT]}],
    }
    assert oriented({"type": "GeometryCollection", "geometries": parts[1:]}) is None


def test_a_structure_says_how_far_it_goes_and_an_area_follows_it() -> None:
    area = {"type": "Polygon", "coordinates": [RIGHT]}
    catchments = CATCHMENTS.build(
        [{"structure_id": "coop-lait", "geometry": json.dumps(area), "radius_km": 12.5}]
    )
    found = json.loads(geojson(tables()["structures"], catchments))
    assert [
        (feature["properties"]["kind"], feature["geometry"]["type"])
        for feature in found["features"]
    ] == [
        ("structure", "Point"),
        ("zone de chalandise", "Polygon"),
    ]
    assert found["features"][0]["properties"]["radius_km"] == 12.5
    assert found["features"][0]["geometry"]["coordinates"] == [-0.77, 43.49]
