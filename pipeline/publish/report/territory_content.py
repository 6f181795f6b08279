"""What a report holds of territories read side by side, and of their maps."""

from dataclasses import dataclass

Ring = tuple[tuple[float, float], ...]  # longitude, latitude


@dataclass(frozen=True)
class PlanePoint:
    """A point of a factor plane; `kind` is territoire, thème or lemme."""

    kind: str
    label: str
    x: float
    y: float


@dataclass(frozen=True)
class Plane:
    """A correspondence analysis; `shares`, 0..1, of the inertia on its two axes."""

    analysis: str
    points: tuple[PlanePoint, ...]
    shares: tuple[float, float]


@dataclass(frozen=True)
class Joining:
    """Territories that join in the tree, at a likeness of 0..1."""

    members: tuple[str, ...]
    likeness: float
    support: float


@dataclass(frozen=True)
class LexicalClass:
    """A class of passages by their words."""

    number: int
    n_units: int
    lemmas: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A structure, or a commune where needs have no answer, on a map; `detail` in words."""

    name: str
    detail: str
    lat: float
    lon: float


@dataclass(frozen=True)
class TerritoryMap:
    """A workshop's territory: outlines of its communes, catchment areas with their structures' names, structures, unanswered needs."""

    name: str
    communes: tuple[tuple[str, Ring], ...]
    areas: tuple[tuple[str, Ring], ...]
    structures: tuple[Place, ...]
    needs: tuple[Place, ...]
    n_unplaced: int


@dataclass(frozen=True)
class TerritoryReading:
    """All that is read across territories; rows of text are ready to print."""

    shared: tuple[str, ...]
    own: tuple[tuple[str, tuple[str, ...]], ...]
    planes: tuple[Plane, ...]
    links: tuple[tuple[str, str, str], ...]
    tree: tuple[Joining, ...]
    classes: tuple[LexicalClass, ...]
    evolutions: tuple[tuple[str, str, str, str, str], ...]
    needs: tuple[tuple[str, str, str, str, str], ...]
    single_types: tuple[tuple[str, str, str], ...]
    sectors: tuple[tuple[str, str, str, str], ...]
    maps: tuple[TerritoryMap, ...]
    problems: tuple[tuple[str, str, str], ...]
