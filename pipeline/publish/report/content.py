"""Define what a report holds: numbers, words and printed cells."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.publish.dendrogram import Joining
from pipeline.publish.report.passages import AxisRow, CountingWords, Material
from pipeline.publish.text import Tally

Ring = tuple[tuple[float, float], ...]  # longitude, latitude
Rows = tuple[tuple[str, ...], ...]  # cells as they are printed


@dataclass(frozen=True)
class CappedRows:
    """The first rows of a list of `n_all` rows."""

    rows: Rows
    n_all: int


@dataclass(frozen=True)
class ReportQuote:
    """A passage verbatim, and its origin."""

    text: str
    where: str


@dataclass(frozen=True)
class ReportOpinion:
    """What is said in one `posture`, or in disagreement (« debat »), verbatim."""

    posture: str
    quote: ReportQuote


@dataclass(frozen=True)
class ReportCriterion:
    """What a criterion adds to a score, 0..1; contributions sum to the score."""

    label: str
    contribution: float


@dataclass(frozen=True)
class Priority:
    """A theme among the first of its scope."""

    rank: int
    label: str
    statement: str  # blank where a person is still to choose a name
    score: float
    why: str
    interval: str
    sureness: str
    stability: str
    n_units: int
    kind: str  # of the theme: besoin, réponse, proposition or mixte
    said: str  # « 3 tables sur 8 en parlent »
    workshops: str  # « dans les 3 ateliers », of the study
    criteria: tuple[ReportCriterion, ...]
    quotes: tuple[ReportQuote, ...]
    place: str  # its rank in words
    opinions: tuple[ReportOpinion, ...]  # one a posture, then a disagreement; none that is quoted


@dataclass(frozen=True)
class Scope:
    """The study or one workshop; `named` holds rank and label of its first priorities.

    Each of `checks` says whether another ranking would change the first ones. Priorities are
    computed on demand: of a hundred workshops, a report tells a dozen.
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
        """The first priorities, by rank."""
        return self.tell_priorities()

    @cached_property
    def actions(self) -> tuple[ReportQuote, ...]:
        """What people proposed, first themes first."""
        return self.tell_actions()


@dataclass(frozen=True)
class WorkshopFacts:
    """A workshop in numbers; without signatures (`is_unsigned`), all those listed count.

    A count is None where the workshop has no list, or none with structures.
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
    """How many passages are in a theme, and how many are coded on a telling axis."""

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
        """Passages with a code of a telling axis, such as a rubrique or a pilier."""
        return self.n_themed_coded + self.n_aside_coded

    @property
    def n_units(self) -> int:
        """All passages."""
        return self.n_themed + self.n_aside


@dataclass(frozen=True)
class ThemeRow:
    """A theme; `n_tables` are those of all workshops, « 4 à 6 » where some are to be checked."""

    label: str
    description: str
    keywords: str
    stability: str
    n_units: int
    n_tables: str
    n_workshops: int
    profile: tuple[str, ...]
    family: str | None = None


@dataclass(frozen=True)
class Heat:
    """Share of each workshop's passages (0..1) that carry each code: shares[code][workshop].

    `axis` is None for the rubriques.
    """

    rubriques: tuple[str, ...]
    workshops: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    axis: AxisRow | None = None


@dataclass(frozen=True)
class Reviewing:
    """What the machine and people decided, in numbers; `agreements` are printed rows."""

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
    """Whom a workshop expected and did not see, or saw too little."""

    workshop: str
    structure_types: tuple[str, ...]
    communes: tuple[str, ...]
    others: str  # communes that neither the map nor the room knows, in words


@dataclass(frozen=True)
class PlanePoint:
    """A point of a factor plane; `kind` is territoire, thème or lemme."""

    kind: str
    label: str
    x: float
    y: float


@dataclass(frozen=True)
class Plane:
    """A correspondence analysis; `shares` (0..1) of inertia of its two axes."""

    analysis: str
    points: tuple[PlanePoint, ...]
    shares: tuple[float, float]


@dataclass(frozen=True)
class MapPoint:
    """A structure."""

    name: str
    detail: str
    lat: float
    lon: float


@dataclass(frozen=True)
class MapCommune:
    """A commune's centre, the structures placed in it and those whose catchment area holds it."""

    name: str
    lat: float
    lon: float
    is_member: bool = True  # of the workshop's intercommunal authority
    n_structures: int = 0
    covered_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class TerritoryMap:
    """A workshop's map; `towns` are its communes by population, the largest first.

    `authority` is the intercommunal authority's name, "" where it is not one or not known.
    """

    name: str
    communes: tuple[tuple[str, Ring], ...]
    areas: tuple[tuple[str, Ring], ...]
    structures: tuple[MapPoint, ...]
    n_unplaced: int
    authority: str = ""
    towns: tuple[MapCommune, ...] = ()


@dataclass(frozen=True)
class TerritoryReading:
    """What compares the territories."""

    shared: tuple[str, ...]
    own: tuple[str, ...]  # themes of one territory, and what that rests on
    only_there: tuple[str, ...]  # said in one territory, at too few tables to be its own
    planes: tuple[Plane, ...]
    links: Rows
    tree: tuple[Joining, ...]
    classes: Rows
    evolutions: Rows
    single_types: Rows
    maps: tuple[TerritoryMap, ...]
    problems: Rows


@dataclass(frozen=True)
class SaidPassage:
    """A passage verbatim; `codes` are the labels of its rubriques, "" for none."""

    unit_id: str
    text: str
    workshop: str
    where: str
    codes: str


@dataclass(frozen=True)
class QuestionPassages:
    """The first of the `n_all` different passages that answer a question, by rubrique."""

    title: str
    passages: tuple[SaidPassage, ...]
    n_all: int


@dataclass(frozen=True)
class Repeat:
    """Passages in nearly the same words; `texts` are their first wordings, `said` « 2 tables »."""

    texts: tuple[str, ...]
    n_tables: int
    said: str
    n_units: int


@dataclass(frozen=True)
class ReturningWord:
    """A word said at several tables, or in several documents (`said`)."""

    word: str
    said: str


@dataclass(frozen=True)
class WithoutThemes:
    """What is shown instead of themes and priorities, and `why` in a sentence."""

    why: str
    questions: tuple[QuestionPassages, ...]
    repeats: tuple[Repeat, ...]
    words: tuple[ReturningWord, ...]


@dataclass(frozen=True)
class Report:
    """A whole report; the first scope is the study, then its workshops by date."""

    title: str
    commissioner: str  # who asked for the study; "" where etude.toml does not say
    contact: str  # a mail or phone line for participants; "" likewise
    made_on: str
    made_at: str  # ISO day, for a file's properties
    channels: frozenset[str]  # of passages; "resume" is a rapporteur's summary
    counted: CountingWords  # tables, or documents where there is none
    workshops: tuple[WorkshopFacts, ...]
    n_people: Tally | None  # over the workshops with a list
    n_structures: Tally | None
    n_lists: int  # workshops with an attendance list
    least_count: int  # smaller counts of people are masked
    n_told: int  # workshops in full; the others are a line each
    coverage: Coverage
    questions: tuple[tuple[str, str], ...]
    tells_questions: bool  # whether most passages answer a known one
    criteria: tuple[tuple[str, str, str], ...]
    weighting: str  # name of the weights; "" for etude.toml's
    scopes: tuple[Scope, ...]
    axes: tuple[AxisRow, ...]
    heats: tuple[Heat, ...]
    territories: tuple[str, ...]
    contrasts: tuple[tuple[str, ...], ...]  # a theme, then a printed cell a territory
    reading: TerritoryReading
    tells_offers: bool  # whether the grid has a rubrique for them
    reviewing: Reviewing
    attendance: tuple[AttendanceRow, ...]
    absent: tuple[AbsentVoices, ...]
    themes: tuple[ThemeRow, ...]
    families: Rows
    trials: Rows
    set_aside: CappedRows
    codes: dict[str, Rows]  # by axis
    documents: CappedRows
    characters: str  # the share of characters of each kind, "" where nothing was read
    rejects: Rows
    without_themes: WithoutThemes | None  # None where the study has themes
    material: Material = field(repr=False, compare=False)
