"""What a report holds: numbers, words and rows of printed cells, whatever the format."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.publish.report.passages import AxisRow, CountingWords
from pipeline.publish.text import Tally

Ring = tuple[tuple[float, float], ...]  # longitude, latitude
Rows = tuple[tuple[str, ...], ...]  # cells as they are printed


@dataclass(frozen=True)
class CappedRows:
    """The first rows of a list that may be too long for a report; `n_all` counts them all."""

    rows: Rows
    n_all: int


@dataclass(frozen=True)
class ReportQuote:
    """A passage as it was written, and where it was said, in words."""

    text: str
    where: str


@dataclass(frozen=True)
class Share:
    """A posture of a theme, in passages; `index` is its rank in the grid."""

    label: str
    n_units: int
    index: int


@dataclass(frozen=True)
class ReportCriterion:
    """What a criterion brings to a score, 0..1; contributions sum to the score."""

    label: str
    contribution: float


@dataclass(frozen=True)
class Priority:
    """A theme among the first of its scope."""

    rank: int
    label: str
    score: float
    why: str
    interval: str
    sureness: str
    stability: str
    n_units: int
    said: str  # at how many tables, or in how many documents, in words
    postures: tuple[Share, ...]
    profile: tuple[str, ...]  # its passages over the axes that the grid brings, a line an axis
    family: str | None
    criteria: tuple[ReportCriterion, ...]
    quotes: tuple[ReportQuote, ...]


@dataclass(frozen=True)
class Scope:
    """The study or one workshop, with rank and label of its first priorities in `named`.

    `checks` say in a sentence each whether other ways of ranking would change the first ones. What
    is told of the priorities is worked out when it is asked for: of a hundred workshops, a report
    tells a dozen.
    """

    title: str
    n_units: int
    n_ranked: int
    named: tuple[tuple[int, str], ...]
    checks: tuple[str, ...]
    tell_priorities: Callable[[], tuple[Priority, ...]] = field(repr=False, compare=False)
    tell_actions: Callable[[], tuple[ReportQuote, ...]] = field(repr=False, compare=False)

    @cached_property
    def priorities(self) -> tuple[Priority, ...]:
        """The first priorities, in order of rank."""
        return self.tell_priorities()

    @cached_property
    def actions(self) -> tuple[ReportQuote, ...]:
        """What people proposed, on the first themes first."""
        return self.tell_actions()


@dataclass(frozen=True)
class WorkshopFacts:
    """One workshop in numbers; where nobody signed the list (`is_unsigned`), all count as present.

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
    """Every passage once: in a theme or aside, with a code of a telling axis ("coded") or not."""

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
        """Passages with at least one code of a telling axis, such as a rubrique or a pilier."""
        return self.n_themed_coded + self.n_aside_coded

    @property
    def n_units(self) -> int:
        """All passages."""
        return self.n_themed + self.n_aside


@dataclass(frozen=True)
class ThemeRow:
    """A theme in the study's order of priority; `n_tables` of the tables of all workshops."""

    label: str
    description: str
    keywords: str
    stability: str
    n_units: int
    n_tables: int
    n_workshops: int
    profile: tuple[str, ...]
    family: str | None = None


@dataclass(frozen=True)
class Heat:
    """Share of each workshop's passages (0..1) that carry each code: shares[code][workshop].

    `axis` is None for the rubriques, else an axis of the grid's own.
    """

    rubriques: tuple[str, ...]
    workshops: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    axis: AxisRow | None = None


@dataclass(frozen=True)
class Prospect:
    """A theme of opportunities or a type of support, and one of the passages that tell it."""

    name: str
    n_tables: int
    n_units: int
    quote: ReportQuote


@dataclass(frozen=True)
class Reviewing:
    """Tags of the machine; tags that people confirmed, added and refused; decisions on themes.

    `agreements` are printed rows, one two coders and axis.
    """

    n_machine: int
    n_confirmed: int
    n_added: int
    n_refused: int
    n_on_themes: int
    agreements: Rows


@dataclass(frozen=True)
class AttendanceRow:
    """(structures, people) of one type by workshop, in the order of Report.workshops."""

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


@dataclass(frozen=True)
class MapPoint:
    """A structure, or a commune where needs have no answer, on a map; `detail` in words."""

    name: str
    detail: str
    lat: float
    lon: float


@dataclass(frozen=True)
class TerritoryMap:
    """A workshop's territory: communes, catchment areas with their structures' names, points."""

    name: str
    communes: tuple[tuple[str, Ring], ...]
    areas: tuple[tuple[str, Ring], ...]
    structures: tuple[MapPoint, ...]
    needs: tuple[MapPoint, ...]
    n_unplaced: int


@dataclass(frozen=True)
class TerritoryReading:
    """All that is read across territories."""

    shared: tuple[str, ...]
    own: str  # each territory's own themes, in a sentence; "" for none
    planes: tuple[Plane, ...]
    links: Rows
    tree: tuple[Joining, ...]
    classes: Rows
    evolutions: Rows
    needs: Rows
    single_types: Rows
    sectors: Rows
    maps: tuple[TerritoryMap, ...]
    problems: Rows


@dataclass(frozen=True)
class Report:
    """All of a report; the first scope is the whole study, the others its workshops by date."""

    title: str
    made_on: str
    made_at: str  # ISO day, for a file's properties
    channels: frozenset[str]  # of passages; "resume" where rapporteurs told what they keep
    counted: CountingWords  # what subjects are counted by: tables, or documents where there is none
    workshops: tuple[WorkshopFacts, ...]
    n_people: Tally | None  # of the workshops that have a list
    n_structures: Tally | None
    n_lists: int  # workshops with an attendance list
    least_count: int  # a count of people under it is not told
    n_told: int  # workshops told one by one in a report; of more, the others are a line each
    coverage: Coverage
    questions: tuple[tuple[str, str], ...]
    criteria: tuple[tuple[str, str, str], ...]
    weighting: str  # the name that people gave the weights; "" for those of etude.toml
    scopes: tuple[Scope, ...]
    axes: tuple[AxisRow, ...]
    heats: tuple[Heat, ...]
    territories: tuple[str, ...]
    contrasts: tuple[tuple[str, ...], ...]  # a theme, then a printed cell a territory
    reading: TerritoryReading
    offers: CappedRows
    tells_offers: bool  # whether the grid has a rubrique for them
    opportunities: tuple[Prospect, ...]
    supports: tuple[Prospect, ...]
    reviewing: Reviewing
    attendance: tuple[AttendanceRow, ...]
    absent: tuple[AbsentVoices, ...]
    themes: tuple[ThemeRow, ...]
    families: Rows
    trials: Rows
    set_aside: CappedRows
    codes: dict[str, Rows]  # by axis
    documents: CappedRows
    rejects: Rows
