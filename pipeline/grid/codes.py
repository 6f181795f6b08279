"""The parts of a grid, and its faults.

In:   the entries of a file
Out:  Grid, or a GridError with the first fault and the number of others
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import GridError
from pipeline.text import fold

RUBRIQUE, POSTURE, PILIER = "rubrique", "posture", "pilier"


@dataclass(frozen=True)
class Axis:
    """An axis; `is_exclusive` if every unit has exactly one of its codes."""

    axis: str
    label: str
    is_exclusive: bool = False
    definition: str = ""

    @property
    def is_standard(self) -> bool:
        """Whether the programme defines the axis: rubrique, posture or pilier."""
        return self.axis in STANDARD


STANDARD = {
    axis.axis: axis
    for axis in (
        Axis(RUBRIQUE, "Rubriques"),
        Axis(POSTURE, "Postures", is_exclusive=True),
        Axis(PILIER, "Piliers"),
    )
}

IDENTIFIER = re.compile(r"[a-z][a-z0-9_-]*")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
# Codes that the ranking, the gaps and the report look for by name; their labels may change.
READ_BY_NAME = {
    POSTURE: frozenset({"force", "difficulte", "demande", "proposition"}),
    RUBRIQUE: frozenset(
        {"offre", "accompagnement", "opportunites", "partenariats.developpement", "innovation"}
    ),
}
_CHOICES = {
    "": False,
    "plusieurs": False,
    "un": True,
    "une": True,
    "un seul": True,
    "une seule": True,
    "exactement un": True,
    "1": True,
}

# Other columns of the files that have axis columns: tables and gold passages, then lists,
# corpora and review sheets.
_TAKEN = (
    "unit_id document_id workshop_id theme_id unit_order start_char end_char text "
    "table_number question channel speaker axis code score",
    "is_assigned evidence source model_version document path workshop territory themes "
    "tags units rubriques postures piliers passages",
    "atelier table canal nature passage theme thèmes mis_a_part identifiant n° lieu où "
    "avant juste_avant apres juste_après raison",
    "numero codes pourquoi_le_relire relu remarque propose territoire date tous",
)
_TAKEN_KEYS = frozenset(fold(name).replace(" ", "") for line in _TAKEN for name in line.split())


def axis_key(name: str) -> str:
    """Return letters and digits alone, in the singular, for comparison."""
    return fold(name).replace(" ", "").removesuffix("s")


def is_taken(name: str) -> bool:
    """Whether `name` already heads another column."""
    return fold(name).replace(" ", "") in _TAKEN_KEYS


def standard_axis(name: str) -> str | None:
    """Return the standard axis called `name`, if any."""
    return next((axis for axis in STANDARD if axis_key(axis) == axis_key(name)), None)


def choice_of(written: str) -> bool | None:
    """Whether `written` asks for exactly one code; None if it is unclear."""
    return _CHOICES.get(fold(written))


@dataclass(frozen=True)
class Code:
    """A code; `parent_id` is its group, `lexicon` holds words that indicate it."""

    code: str
    axis: str
    label: str
    definition: str
    include: str = ""
    exclude: str = ""
    examples: tuple[str, ...] = ()
    parent_id: str | None = None
    lexicon: tuple[str, ...] = ()
    colour: str = ""  # #rrggbb; blank: its axis's
    former: tuple[str, ...] = ()  # names it had before, under which people decided

    @property
    def description(self) -> str:
        """Return label, definition and inclusions in one text."""
        return " ".join(
            part
            for part in (f"{self.label}.", self.definition, self.include, *self.examples)
            if part
        )


@dataclass(frozen=True)
class Question:
    """A question of the world café."""

    question: str  # q1, q2, …
    label: str


@dataclass(frozen=True)
class Grid:
    """The codes in order, and the questions; `own_axes` are not standard."""

    grid_id: str
    version: str
    codes: tuple[Code, ...]
    questions: tuple[Question, ...]
    families: tuple[tuple[str, str], ...]  # id and label of the rubriques that only group others
    own_axes: tuple[Axis, ...] = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return the axes that have codes, standard ones first."""
        used = {code.axis for code in self.codes}
        return tuple(axis for axis in (*STANDARD.values(), *self.own_axes) if axis.axis in used)

    @property
    def exclusive(self) -> frozenset[str]:
        """Return the axes with exactly one code per unit."""
        return frozenset(axis.axis for axis in self.axes if axis.is_exclusive)

    @property
    def telling(self) -> tuple[str, ...]:
        """Return the axes where a unit may have no code, or all axes."""
        return tuple(axis.axis for axis in self.axes if not axis.is_exclusive) or tuple(
            axis.axis for axis in self.axes
        )

    def axis(self, axis: str) -> tuple[Code, ...]:
        """Return the codes of one axis, in the grid's order."""
        return tuple(code for code in self.codes if code.axis == axis)

    @property
    def by_axis(self) -> tuple[Code, ...]:
        """Return the codes in the order of `axes`."""
        return tuple(code for axis in self.axes for code in self.axis(axis.axis))

    def label_of(self, code: str) -> str:
        """Return the label of a code or family; an unknown code is its own."""
        known = {name: entry.label for entry in self.codes for name in entry.former}
        known |= {entry.code: entry.label for entry in self.codes} | dict(self.families)
        return known.get(code, code)

    @property
    def present_codes(self) -> dict[tuple[str, str], str]:
        """Return the code of each axis and former name."""
        return {(code.axis, name): code.code for code in self.codes for name in code.former}


class GridFault(NamedTuple):
    """A mistake of a grid; `field` is the part of the code or axis at fault, if one is."""

    where: str
    found: str
    expected: str
    do: str
    field: str = ""


_PLURALS = {axis: f"{axis}s" for axis in STANDARD}
_A_CODE = "un code au moins, avec sa définition"


@dataclass(frozen=True)
class AxisEntry:
    """An axis and its `choice` as its author wrote them; `where` is as in `Entry`."""

    axis: str
    label: str
    definition: str = ""
    choice: str = ""
    where: str = ""


def axis_faults(axes: Sequence[AxisEntry], n_codes: Mapping[str, int]) -> Iterator[GridFault]:
    """Yield every fault of `axes`; `n_codes` is by axis."""
    seen: set[str] = set()
    for axis in axes:
        yield from _identity_faults(axis)
        keys = {axis_key(name) for name in (axis.axis, axis.label) if axis_key(name)}
        if keys & seen:
            found = f"axe « {axis.axis or axis.label} » donné deux fois"
            do = "réunir les deux, ou renommer l'un"
            yield GridFault(axis.where, found, "un axe, un nom", do, "axis")
        seen |= keys
        is_exclusive = choice_of(axis.choice)
        if is_exclusive is None:
            found = f"choix « {axis.choice} » pour l'axe « {axis.axis} »"
            do = "écrire un (un seul code par passage) ou plusieurs"
            yield GridFault(axis.where, found, "« un » ou « plusieurs »", do, "choice")
        n_here = n_codes.get(axis.axis, 0)
        if axis.axis and not n_here:
            found = f"axe « {axis.axis} » sans code"
            do = "écrire ses codes, ou retirer l'axe"
            yield GridFault(axis.where, found, _A_CODE, do, "codes")
        if is_exclusive and n_here == 1:
            found = f"axe « {axis.axis} » à choix unique, avec un seul code"
            expected = "deux codes au moins quand chaque passage en porte exactement un"
            do = "ajouter un code, ou choix : plusieurs"
            yield GridFault(axis.where, found, expected, do, "codes")


def _identity_faults(axis: AxisEntry) -> Iterator[GridFault]:
    do = "le renommer"
    if not axis.axis:
        found, expected, do = "un axe sans « id »", "un « id » par axe", "lui donner un « id »"
    elif (standard := standard_axis(axis.axis)) is not None:
        found = f"« {axis.axis} » parmi les axes propres à la grille"
        expected = f"la liste « {_PLURALS[standard]} »"
        do = f"mettre ses codes dans « {_PLURALS[standard]} », ou renommer l'axe"
    elif not IDENTIFIER.fullmatch(axis.axis):
        found = f"« {axis.axis} » comme nom d'axe"
        expected = "une lettre, puis des lettres sans accent, des chiffres, - ou _, en minuscules"
    elif is_taken(axis.axis) or is_taken(axis.label):
        found = f"axe « {axis.axis if is_taken(axis.axis) else axis.label} »"
        expected = "un nom qu'aucune colonne ne porte déjà (unit_id, question, theme…)"
    else:
        return
    yield GridFault(axis.where, found, expected, do, "axis")


@dataclass(frozen=True)
class Entry(Code):
    """A code as its author wrote it; `where` is its place, such as "ligne 12"."""

    where: str = ""


@dataclass(frozen=True)
class Entries:
    """A file's content; `families` are (id, label, where), `axes` those that are not standard."""

    codes: list[Entry]
    families: list[tuple[str, str, str]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)
    grid_id: str = ""
    version: str = ""
    axes: list[AxisEntry] = field(default_factory=list)


def build_grid(entries: Entries, path: Path) -> Grid:
    """Return the grid.

    Raises `GridError` on the first fault, and counts the others.
    """
    faults = list(grid_faults(entries))
    if faults:
        where, found, expected, do, _field = faults[0]
        others = (
            f" (et {len(faults) - 1} autre{'s' if len(faults) > 2 else ''})"
            if len(faults) > 1
            else ""
        )
        raise GridError(
            f"{path.name}{', ' if where else ''}{where} : {found}{others}", expected, do
        )
    families = tuple(dict.fromkeys((family, label) for family, label, _ in entries.families))
    questions = tuple(Question(question, label) for question, label in entries.questions)
    axes = tuple(
        Axis(axis.axis, axis.label or axis.axis, bool(choice_of(axis.choice)), axis.definition)
        for axis in entries.axes
    )
    return Grid(
        entries.grid_id or path.stem,
        entries.version or "1",
        tuple(map(_code, entries.codes)),
        questions,
        families,
        axes,
    )


def _code(entry: Entry) -> Code:
    parts = {part.name: getattr(entry, part.name) for part in fields(Code)}
    return Code(**parts | {"label": entry.label or entry.code, "colour": entry.colour.lower()})


def grid_faults(entries: Entries) -> Iterator[GridFault]:
    """Yield every fault, those of axes first."""
    if not entries.codes:
        do = "partir de la grille de data/grid/"
        yield GridFault("", "aucun code", _A_CODE, do)
    yield from axis_faults(entries.axes, Counter(entry.axis for entry in entries.codes))
    counts = Counter(
        [entry.code for entry in entries.codes] + [family for family, _, _ in entries.families]
    )
    seen: set[str] = set()
    for family_id, _, where in entries.families:
        if not family_id:
            found = "une rubrique à sous-rubriques sans « id »"
            yield GridFault(where, found, "un « id » par rubrique", "lui donner un « id »")
    names = {entry.code: entry.code for entry in entries.codes}
    for entry in entries.codes:
        yield from _faults_of_names(entry, names)
        where, code, family = entry.where, entry.code, entry.parent_id
        if not code:
            found, do = f"un code sans « id » ({entry.axis})", "donner un « id » à chaque code"
            yield GridFault(where, found, "un « id » par code", do, "code")
            continue
        if counts[code] > 1 and code not in seen:
            found, do = _twice(entry, entries), "renommer ou retirer les doublons"
            yield GridFault(where, found, "un « id » par code", do, "code")
        seen.add(code)
        if code != "".join(code.split()):
            found = f"« {code} » avec une espace"
            yield GridFault(where, found, "un « id » sans espace", "y mettre un tiret", "code")
        if not entry.definition:
            found, do = f"« {code} » sans définition", f"écrire la définition de « {code} »"
            yield GridFault(where, found, "une définition par code", do, "definition")
        if family and "." in code and not code.startswith(f"{family}."):
            found, do = f"« {code} » est rangé sous « {family} »", "le déplacer ou le renommer"
            yield GridFault(where, found, "un code sous sa propre rubrique", do, "family")


def _faults_of_names(entry: Entry, names: dict[str, str]) -> Iterator[GridFault]:
    """Check colour and former names; `names` holds the code of each name so far."""
    if entry.colour and not COLOUR.fullmatch(entry.colour):
        found = f"couleur « {entry.colour} » pour « {entry.code} »"
        do = "l'écrire ainsi, ou la retirer"
        yield GridFault(entry.where, found, "une couleur comme #0072b2", do, "colour")
    for name in entry.former:
        if name in names:
            found = f"« {name} » comme ancien nom de « {entry.code} »"
            expected = f"un nom que « {names[name]} » ne porte pas"
            yield GridFault(entry.where, found, expected, "le retirer d'un des deux", "former")
        names[name] = entry.code


def _twice(entry: Entry, entries: Entries) -> str:
    axes = dict.fromkeys(other.axis for other in entries.codes if other.code == entry.code)
    if len(axes) > 1:
        return f"« {entry.code} » sur deux axes ({' et '.join(axes)})"
    return f"codes donnés deux fois : {entry.code}"
