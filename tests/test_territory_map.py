"""Maps: points, zones and radii as people draw and type them."""

import json

import pytest

from pipeline.ingest.territory_map import Pin, build_catchments, is_geojson, read_features, read_km, read_map_rows

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
        [("structure", "commune", "rayon_km"), ("La Criée", "Lannion", "12 km"), ("", "Plouha", "3"), ("Haies du Léguer", "Plouha", "")],
        [Pin("La Criée", commune="Lannion", radius_km=12.0), Pin("Haies du Léguer", commune="Plouha")],
    ),
    (
        [("Carte du Trégor", "", ""), ("Nom", "Latitude", "Longitude"), ("La Criée", "48,73", "-3,46")],
        [Pin("La Criée", lat=48.73, lon=-3.46)],
    ),
    ([("Nom", "Latitude", "Longitude"), ("La Criée", "48,73", "")], [Pin("La Criée")]),
    (
        [("Organisme", "Type", "Ville", "Zone de chalandise (km)"), ("La Criée", "SCIC", "Lannion", "25")],
        [Pin("La Criée", "SCIC", "Lannion", radius_km=25.0)],
    ),
    ([("a", "b"), ("1", "2")], []),
]


@pytest.mark.parametrize(("rows", "pins"), SHEETS)
def test_a_sheet_of_structures_is_read_by_the_meaning_of_its_columns(rows: list[tuple[str, ...]], pins: list[Pin]) -> None:
    assert read_map_rows(rows) == pins


ZONE = {"type": "Polygon", "coordinates": [[[-3.4, 48.7], [-3.3, 48.8], [-3.4, 48.8], [-3.4, 48.7]]]}


def _feature(properties: object, geometry: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def test_points_and_zones_of_one_structure_become_one_catchment() -> None:
    point = {"type": "Point", "coordinates": [-3.46, 48.73]}
    content = {
        "type": "FeatureCollection",
        "features": [_feature({"nom": "La Criée", "type": "SCIC"}, point), _feature({"structure": "La Criée"}, ZONE)],
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
def test_a_structure_stays_on_the_map_without_a_point_that_makes_sense(feature: dict[str, object]) -> None:
    assert read_features({"type": "FeatureCollection", "features": [feature]}) == [Pin("La Criée")]


@pytest.mark.parametrize("feature", [_feature({}, ZONE), _feature(None, ZONE), "texte", None])
def test_a_feature_without_a_name_is_left_out(feature: object) -> None:
    assert read_features({"type": "FeatureCollection", "features": [feature]}) == []


def test_what_is_no_map_is_not_taken_for_one() -> None:
    assert not is_geojson({"type": "Topology"})
    assert not is_geojson([1, 2])
    assert is_geojson({"type": "FeatureCollection", "features": []})


def test_a_structure_without_zone_or_radius_has_no_catchment_and_a_radius_of_zero_is_one() -> None:
    catchments = build_catchments([Pin("A"), Pin("B", radius_km=0.0), Pin("B", radius_km=9.0)], ["a", "b", "b"])
    assert catchments[["structure_id", "radius_km"]].values.tolist() == [["b", 0.0]]
