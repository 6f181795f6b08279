"""Maps: points, zones and radii as people draw and type them."""

import json
from math import cos, pi, sin
from pathlib import Path

import pytest

from pipeline.compare.voices import list_map_problems
from pipeline.geometry import count_points
from pipeline.ingest import ingest_workshop
from pipeline.ingest.readers.exports import is_map
from pipeline.ingest.territory_map import (
    Pin,
    build_catchments,
    lighten_zones,
    name_zones,
    read_features,
    read_km,
    read_map_rows,
)
from pipeline.settings.sections import IngestSettings
from pipeline.tables.material import CATCHMENTS, STRUCTURES

KILOMETRES = [
    ("12", 12.0),
    ("12 km", 12.0),
    ("17,5", 17.5),
    ("17.5 kms", 17.5),
    ("environ 20", 20.0),
    ("10-15 km", 15.0),
    ("800 m", 0.8),
    ("1 200 m", 1.2),
    ("0", 0.0),
    ("", None),
    ("tout le canton", None),
    ("-5", None),
]


@pytest.mark.parametrize(("cell", "radius"), KILOMETRES)
def test_a_radius_is_read_as_people_type_it(cell: str, radius: float | None) -> None:
    assert read_km(cell) == radius


SHEETS = [
    (
        [
            ("structure", "commune", "rayon_km"),
            ("La Criée", "Lannion", "12 km"),
            ("", "Plouha", "3"),
            ("Haies du Léguer", "Plouha", ""),
        ],
        [
            Pin("La Criée", commune="Lannion", radius_km=12.0),
            Pin("Haies du Léguer", commune="Plouha"),
        ],
    ),
    (
        [
            ("Carte du Trégor", "", ""),
            ("Nom", "Latitude", "Longitude"),
            ("La Criée", "48,73", "-3,46"),
        ],
        [Pin("La Criée", lat=48.73, lon=-3.46)],
    ),
    ([("Nom", "Latitude", "Longitude"), ("La Criée", "48,73", "")], [Pin("La Criée")]),
    (
        [
            ("Organisme", "Type", "Ville", "Zone de chalandise (km)"),
            ("La Criée", "SCIC", "Lannion", "25"),
        ],
        [Pin("La Criée", "SCIC", "Lannion", radius_km=25.0)],
    ),
    ([("a", "b"), ("1", "2")], []),
]


@pytest.mark.parametrize(("rows", "pins"), SHEETS)
def test_a_sheet_of_structures_is_read_by_the_meaning_of_its_columns(
    rows: list[tuple[str, ...]], pins: list[Pin]
) -> None:
    assert read_map_rows(rows) == pins


ZONE = {
    "type": "Polygon",
    "coordinates": [[[-3.4, 48.7], [-3.3, 48.8], [-3.4, 48.8], [-3.4, 48.7]]],
}


def _feature(properties: object, geometry: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def test_points_and_zones_of_one_structure_become_one_catchment() -> None:
    point = {"type": "Point", "coordinates": [-3.46, 48.73]}
    content = {
        "type": "FeatureCollection",
        "features": [
            _feature({"nom": "La Criée", "type": "SCIC"}, point),
            _feature({"structure": "La Criée"}, ZONE),
        ],
    }
    pins = read_features(content)
    assert [(pin.name, pin.type_text, pin.lat, pin.lon) for pin in pins] == [
        ("La Criée", "SCIC", 48.73, -3.46),
        ("La Criée", "", None, None),
    ]
    catchments = build_catchments(pins, ["criee", "criee"])
    assert catchments["structure_id"].tolist() == ["criee"]
    assert json.loads(catchments["geometry"][0]) == ZONE


ODD_FEATURES = [
    _feature({"nom": "La Criée"}, {"type": "Point", "coordinates": [300, 48]}),
    _feature({"nom": "La Criée"}, {"type": "Point", "coordinates": []}),
    _feature({"nom": "La Criée"}, {"type": "Point", "coordinates": ["a", "b"]}),
    _feature({"nom": "La Criée"}, None),
]


@pytest.mark.parametrize("feature", ODD_FEATURES)
def test_a_structure_stays_on_the_map_without_a_point_that_makes_sense(
    feature: dict[str, object],
) -> None:
    assert read_features({"type": "FeatureCollection", "features": [feature]}) == [Pin("La Criée")]


@pytest.mark.parametrize("feature", [_feature({}, ZONE), _feature(None, ZONE), "texte", None])
def test_a_feature_without_a_name_is_left_out(feature: object) -> None:
    assert read_features({"type": "FeatureCollection", "features": [feature]}) == []


def test_what_is_no_map_is_not_taken_for_one() -> None:
    assert not is_map({"type": "Topology"})
    assert not is_map([1, 2])
    assert is_map({"type": "FeatureCollection", "features": []})


def test_a_structure_without_zone_or_radius_has_no_catchment_and_a_radius_of_zero_is_one() -> None:
    catchments = build_catchments(
        [Pin("A"), Pin("B", radius_km=0.0), Pin("B", radius_km=9.0)], ["a", "b", "b"]
    )
    assert catchments[["structure_id", "radius_km"]].values.tolist() == [["b", 0.0]]


def _outline(n: int) -> dict[str, object]:
    angles = [2 * pi * place / n for place in range(n)]
    return {"type": "Polygon", "coordinates": [[[cos(angle), 48 + sin(angle)] for angle in angles]]}


def test_large_outlines_are_made_lighter_small_ones_left_and_a_line_says_how_many() -> None:
    pins = [Pin(f"S{n}", geometry=json.dumps(_outline(n))) for n in (3_000, 20, 900)]
    lighter, told = lighten_zones([*pins, Pin("La Criée", radius_km=3)], 500)
    assert lighter[1] == pins[1] and lighter[3] == Pin("La Criée", radius_km=3)
    assert all(
        100 < count_points(json.loads(pin.geometry or "")) <= 500
        for pin in (lighter[0], lighter[2])
    )
    assert [reason for reason, _ in told] == [
        "2 contours allégés : plus de 500 points (jusqu'à 3000)"
    ]


@pytest.mark.slow
def test_a_map_with_a_large_outline_is_read_and_a_line_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "Trégor 2026-10-01"
    folder.mkdir()
    content = {
        "type": "FeatureCollection",
        "features": [_feature({"name": "La Criée"}, _outline(3_000))],
    }
    (folder / "carte.geojson").write_text(json.dumps(content), encoding="utf-8")
    tables = ingest_workshop(
        folder, depot=tmp_path, settings=IngestSettings(max_outline_points=500)
    )
    assert 100 < count_points(json.loads(tables["catchments"]["geometry"].iloc[0])) <= 500
    assert tables["rejects"]["reason"].tolist() == [
        "1 contour allégé : plus de 500 points (jusqu'à 3000)"
    ]
    assert "max_outline_points" in tables["rejects"]["advice"].iloc[0]


@pytest.mark.parametrize(
    "coordinates", ["abc", [[["a", "b"], ["c", "d"]]], [[[10**400, 1], [2, 3]]], [[1, 2]], [[]]]
)
def test_a_zone_that_no_numbers_draw_leaves_the_structure_and_a_line(coordinates: object) -> None:
    feature = _feature({"name": "La Criée"}, {"type": "Polygon", "coordinates": coordinates})
    pins, told = lighten_zones(
        read_features({"type": "FeatureCollection", "features": [feature]}), 500
    )
    assert [(pin.name, pin.geometry) for pin in pins] == [("La Criée", None)]
    assert [reason for reason, _ in told] == ["1 zone sans tracé lisible, laissée de côté"]


def test_a_zone_crosses_itself_does_not_or_cannot_be_told_without_an_hour(tmp_path: Path) -> None:
    scribble = [[place % 2, 48 + place * 1e-6] for place in range(10_000)]
    structures = STRUCTURES.build(
        {"structure_id": name, "name": name, "commune_code": "22113", **_NOWHERE} for name in "abc"
    )
    zones = {
        "a": [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]],
        "b": [[0, 0], [1, 0], [1, 1], [0, 0]],
        "c": scribble,
    }
    catchments = CATCHMENTS.build(
        {
            "structure_id": name,
            "geometry": json.dumps({"type": "Polygon", "coordinates": [ring]}),
            "radius_km": None,
        }
        for name, ring in zones.items()
    )
    problems = list_map_problems(structures, catchments)
    assert problems[["structure_id", "problem"]].values.tolist() == [
        ["a", "contour qui se croise"],
        ["c", "contour trop embrouillé pour être vérifié"],
    ]


_NOWHERE = {
    "structure_type": None,
    "lat": None,
    "lon": None,
    "is_on_map": False,
    "map_workshop_ids": None,
    "is_in_attendance": False,
}


def test_layers_of_a_umap_tell_types_zones_and_background() -> None:
    ring = [[[-3, 48], [-3, 49], [-2, 49], [-3, 48]]]

    def layer(name: str, *features: tuple[str, str, object]) -> dict[str, object]:
        return {
            "type": "FeatureCollection",
            "_umap_options": {"name": name},
            "features": [
                {"properties": {"name": title}, "geometry": {"type": kind, "coordinates": where}}
                for title, kind, where in features
            ],
        }

    umap = {
        "type": "umap",
        "layers": [
            layer("Associations", ("La Criée", "Point", [-3.4, 48.7])),
            layer("Calque 2", ("Le Fournil", "Point", [-3.5, 48.7])),
            layer("Zones", ("La Criée (zone)", "Polygon", ring), ("Zone - Le Fournil", "Polygon", ring)),
            layer("Limites communales", ("Paimpol", "Polygon", ring)),
            layer("Divers", ("Balade du port", "LineString", ring[0])),
        ],
    }  # fmt: skip
    pins = name_zones(read_features(umap))
    assert [(pin.name, pin.type_text, bool(pin.geometry)) for pin in pins] == [
        ("La Criée", "Associations", False),
        ("Le Fournil", "", False),
        ("La Criée", "", True),
        ("Le Fournil", "", True),
    ]
