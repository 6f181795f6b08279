"""The communes of France: what a code is called, where it lies, and which commune a written name means. Offline, from data/reference/.

In:   names as people write them; INSEE codes
Out:  INSEE codes where certain, names, centres, intercommunal authorities, outlines
"""

from pipeline.communes.gazetteer import Found, Gazetteer, around, distance_km
from pipeline.communes.tables import (
    by_code,
    codes_of_department,
    department_names,
    epci_names,
    epci_of,
    epci_of_most,
    find_epci,
    has_contour,
    members_of,
    outline,
)

__all__ = [
    "Found",
    "Gazetteer",
    "around",
    "centre_of",
    "codes_of_department",
    "department_names",
    "distance_km",
    "epci_names",
    "epci_of",
    "epci_of_most",
    "find_epci",
    "has_contour",
    "members_of",
    "name_of",
    "outline",
    "population_of",
]


def name_of(commune_code: str) -> str:
    """The name of a commune by its INSEE code; a slug, which stands for a commune that could not be told, with its hyphens as written."""
    place = by_code().get(commune_code)
    return place.name if place else commune_code.title() if commune_code.islower() else commune_code


def population_of(commune_code: str) -> int:
    """Inhabitants of a commune; 0 for a code that is none."""
    place = by_code().get(commune_code)
    return place.population if place else 0


def centre_of(commune_code: str) -> tuple[float, float] | None:
    """Latitude and longitude of a commune's town hall (of its contour's middle where that is not known), or None."""
    place = by_code().get(commune_code)
    return place.point if place else None
