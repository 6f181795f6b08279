"""The communes of France: their codes and positions, and which one a written name means.

In:   names as people write them; INSEE codes
Out:  INSEE codes where certain, names, centres, intercommunal authorities, outlines
"""

from pipeline.communes.gazetteer import around
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
    "around",
    "centre_of",
    "codes_of_department",
    "department_names",
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
    """Return the name of an INSEE code; a slug (an unknown commune) with hyphens."""
    commune = by_code().get(commune_code)
    if commune:
        return commune.name
    return commune_code.title() if commune_code.islower() else commune_code


def population_of(commune_code: str) -> int:
    """Return the population of a commune; 0 for an unknown code."""
    commune = by_code().get(commune_code)
    return commune.population if commune else 0


def centre_of(commune_code: str) -> tuple[float, float] | None:
    """Return the latitude and longitude of the town hall, else of the contour, or None."""
    commune = by_code().get(commune_code)
    return commune.point if commune else None
