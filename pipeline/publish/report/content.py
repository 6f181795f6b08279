"""What a report holds: numbers and words, each computed once, whatever the format it is published in.

What a report holds of territories read side by side, and of their maps.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from pipeline.publish.report.passages import AxisRow, Places
from pipeline.publish.text import Tally

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


Row = TypeVar("Row")


@dataclass(frozen=True)
class Capped(Generic[Row]):
    """The first rows of a list that may be too long for a report; `n_all` counts them all."""

    rows: tuple[Row, ...]
    n_all: int


@dataclass(frozen=True)
class Quote:
    """A passage as it was written, and where it was said, in words."""

    text: str
    where: str


@dataclass(frozen=True)
class Share:
    """A part of a whole, in passages: a posture of a theme, in the grid's order; `index` is that order."""

    label: str
    n_units: int
    index: int


@dataclass(frozen=True)
class Criterion:
    """What a criterion brings to a score: value and contribution are 0..1, contributions sum to the score."""

    label: str
    value: float
    contribution: float


@dataclass(frozen=True)
class Priority:
    """A theme among the first of its scope: `of_tables` and `of_workshops` are what the scope held.

    Where there is no table, documents are counted in their place.
    """

    rank: int
    label: str
    description: str
    score: float
    why: str
    interval: str
    sureness: str
    stability: str
    n_units: int
    n_tables: int
    of_tables: int
    said: str  # at how many of them, in words
    n_workshops: int
    of_workshops: int
    postures: tuple[Share, ...]
    profile: tuple[str, ...]  # its passages over the axes that the grid brings, a line an axis
    family: str | None  # of themes, by its name; None for a theme of none
    criteria: tuple[Criterion, ...]
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Scope:
    """The study or one workshop, with its first priorities, each's rank and label in `named`; `n_ranked` themes were ranked there.

    `checks` say in a sentence each whether other ways of ranking would change the first ones. What is told of the priorities is worked out
    when it is asked for: of a hundred workshops, a report tells a dozen.
    """

    title: str
    n_units: int
    n_ranked: int
    named: tuple[tuple[int, str], ...]
    checks: tuple[str, ...]
    tell_priorities: Callable[[], tuple[Priority, ...]] = field(repr=False, compare=False)
    tell_actions: Callable[[], tuple[Quote, ...]] = field(repr=False, compare=False)

    @cached_property
    def priorities(self) -> tuple[Priority, ...]:
        """The first priorities, in order of rank."""
        return self.tell_priorities()

    @cached_property
    def actions(self) -> tuple[Quote, ...]:
        """What people proposed, on the first themes first."""
        return self.tell_actions()


@dataclass(frozen=True)
class WorkshopFacts:
    """One workshop in numbers; where nobody signed the list (`is_unsigned`), all registered count as present.

    Without a list, or a list without structures, nobody knows how many came: None.
    """

    name: str
    territory: str
    date: str
    place: str
    n_tables: int
    n_people: Tally | None
    is_unsigned: bool
    n_structures: Tally | None
    n_documents: int
    n_units: int


@dataclass(frozen=True)
class Coverage:
    """Every passage once: in a theme or set aside, with a code of a telling axis of the grid ("coded") or without."""

    n_themed_coded: int
    n_themed_uncoded: int
    n_aside_coded: int
    n_aside_uncoded: int
    n_reviewed_tags: int

    @property
    def n_themed(self) -> int:
        """Passages in a theme."""
        return self.n_themed_coded + self.n_themed_uncoded

    @property
    def n_aside(self) -> int:
        """Passages in no theme."""
        return self.n_aside_coded + self.n_aside_uncoded

    @property
    def n_coded(self) -> int:
        """Passages with at least one code of an axis of which a passage may bear none, such as a rubrique or a pilier."""
        return self.n_themed_coded + self.n_aside_coded

    @property
    def n_units(self) -> int:
        """All passages."""
        return self.n_themed + self.n_aside


@dataclass(frozen=True)
class SetAside:
    """A passage in no theme, with the rubriques, or the codes of the axes that the grid brings, it carries all the same."""

    text: str
    where: str
    codes: str


@dataclass(frozen=True)
class DocumentRow:
    """A document that was read."""

    workshop: str
    title: str
    channel: str
    n_units: int


@dataclass(frozen=True)
class RejectRow:
    """A file that could not be read."""

    path: str
    reason: str
    advice: str


@dataclass(frozen=True)
class ThemeRow:
    """A theme in the study's order of priority; `n_tables` of the tables of all workshops."""

    label: str
    description: str
    keywords: str
    kind: str
    stability: str
    n_units: int
    n_tables: int
    n_workshops: int
    profile: tuple[str, ...]
    family: str | None = None


@dataclass(frozen=True)
class FamilyRow:
    """A family of themes, their labels in the study's order of priority; `n_tables` of the tables of all workshops."""

    label: str
    themes: tuple[str, ...]
    n_units: int
    n_tables: int


@dataclass(frozen=True)
class Trial:
    """Themes made again: what was done, how alike they came out (0 as by chance, 1 the same) and what it means, in words."""

    name: str
    index: float
    sentence: str


@dataclass(frozen=True)
class CodeRow:
    """A code of the grid and how much it was used."""

    axis: str
    label: str
    definition: str
    n_units: int
    n_tables: int
    n_workshops: int


@dataclass(frozen=True)
class Heat:
    """Share of each workshop's passages (0..1) that carry each rubrique: shares[rubrique][workshop].

    Where `axis` is given, rubriques stand for the codes of that axis of the grid's own.
    """

    rubriques: tuple[str, ...]
    workshops: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    axis: AxisRow | None = None


@dataclass(frozen=True)
class ContrastRow:
    """A theme over the territories: (tables where it was said, verdict) for each, in the order of Report.territories."""

    label: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class OfferRow:
    """An existing good or service; `quantity` in words, blank where the passage gives none."""

    territory: str
    activity: str
    quantity: str
    structure: str
    passage: str


@dataclass(frozen=True)
class Prospect:
    """A theme of opportunities or a type of support: how many tables and passages tell it, and one of these."""

    name: str
    n_tables: int
    n_units: int
    quote: Quote


@dataclass(frozen=True)
class Agreement:
    """How alike two coders put the codes of an axis on the same passages: F1 of 0..1 and its 95 % interval."""

    first: str
    second: str
    axis: str
    n_units: int
    f1: float
    low: float
    high: float


@dataclass(frozen=True)
class Reviewing:
    """Tags that the machine put; tags that people confirmed, added and refused; their decisions on themes that hold."""

    n_machine: int
    n_confirmed: int
    n_added: int
    n_refused: int
    n_on_themes: int
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True)
class AttendanceRow:
    """Structures and people of one type: (n_structures, n_people) a workshop, in the order of Report.workshops."""

    structure_type: str
    cells: tuple[tuple[Tally, Tally], ...]


@dataclass(frozen=True)
class AbsentVoices:
    """Whom a workshop expected and did not see, or saw too little of to be in the list."""

    workshop: str
    structure_types: tuple[str, ...]
    communes: tuple[str, ...]
    others: str  # communes of the territory that neither the map nor the room knows, in words


@dataclass(frozen=True)
class Report:
    """All of a report; the first scope is the whole study, the others its workshops in order of date."""

    title: str
    made_on: str
    made_at: str  # ISO day, for a file's properties
    channels: frozenset[
        str
    ]  # by which passages came; "resume" where rapporteurs told what they keep
    places: Places  # what subjects are counted by: tables, or documents where there is none
    workshops: tuple[WorkshopFacts, ...]
    n_people: Tally | None  # of the workshops that have a list
    n_structures: Tally | None
    n_lists: int  # workshops with an attendance list
    least_count: int  # a count of people under it is not told
    n_told: int  # workshops told one by one in a report; of more, the others are a line each
    coverage: Coverage
    questions: tuple[tuple[str, str], ...]
    criteria: tuple[tuple[str, str, str], ...]
    weighting: (
        str  # the name that people gave the criteria's weights; blank for those of etude.toml
    )
    scopes: tuple[Scope, ...]
    axes: tuple[AxisRow, ...]
    heats: tuple[Heat, ...]
    territories: tuple[str, ...]
    contrasts: tuple[ContrastRow, ...]
    reading: TerritoryReading
    offers: Capped[OfferRow]
    tells_offers: bool  # whether the grid has a rubrique for them
    opportunities: tuple[Prospect, ...]
    supports: tuple[Prospect, ...]
    reviewing: Reviewing
    attendance: tuple[AttendanceRow, ...]
    absent: tuple[AbsentVoices, ...]
    themes: tuple[ThemeRow, ...]
    families: tuple[FamilyRow, ...]
    trials: tuple[Trial, ...]
    set_aside: Capped[SetAside]
    codes: tuple[CodeRow, ...]
    documents: Capped[DocumentRow]
    rejects: tuple[RejectRow, ...]
